{{ config(materialized='table') }}
with

homes as (

    select * from {{ ref('stg_run_document_homes') }}

),

places as (

    select * from {{ ref('stg_run_mart_places') }}

)

select
    homes.feed,
    homes.document_key,
    homes.order_key,
    homes.market,
    homes.month
from homes
inner join places on homes.market = places.market and homes.month = places.month
