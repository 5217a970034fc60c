{{ config(materialized='table') }}
{# When the money of an order first reached the seller, and by which payout. #}
with

payouts as (

    select * from {{ ref('int_order_payouts') }}

)

select
    order_key,
    min(received_on) as received_on,
    arg_min(payout_key, (received_on, payout_key)) as payout_key
from payouts
where received_on is not null and has_gross
group by order_key
