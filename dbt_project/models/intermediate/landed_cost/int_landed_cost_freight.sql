{{ config(materialized='table') }}
{#
    What the carrier asked for a parcel is shared among its lines by value, and by pieces where a value is missing. Each
    share is the difference of two rounded running sums, so that the shares of a parcel add up to its freight.
#}
with

documents as (

    select * from {{ ref('int_order_documents') }}

),

shipments as (

    select * from {{ with_published('stg_shipments') }}

),

lines as (

    select * from {{ with_published('stg_shipment_lines') }}

),

-- A parcel of several orders stands here once, with all its lines: its freight is that of all of them.
charged as (

    select
        shipment_key,
        currency_code,
        freight_amount,
        insurance_amount
    from shipments
    where
        (freight_amount is not null or insurance_amount is not null)
        and shipment_key in (select document_key from documents where feed = 'shipments')

),

valued as (

    select
        shipment_key,
        sum(line_value_amount) as value_amount,
        sum(quantity) as quantity,
        count(line_value_amount) = count(*) and sum(line_value_amount) > 0 as is_valued
    from lines
    where order_line_key is not null
    group by shipment_key

),

running as (

    select
        lines.order_line_key,
        charged.currency_code,
        charged.freight_amount,
        charged.insurance_amount,
        case when valued.is_valued then lines.line_value_amount else lines.quantity end as weight,
        case when valued.is_valued then valued.value_amount else valued.quantity end as total_weight,
        sum(case when valued.is_valued then lines.line_value_amount else lines.quantity end) over (
            partition by lines.shipment_key
            order by lines.shipment_line_key
            rows unbounded preceding
        ) as weight_so_far
    from lines
    inner join charged on lines.shipment_key = charged.shipment_key
    inner join valued on lines.shipment_key = valued.shipment_key
    where lines.order_line_key is not null

),

shared as (

    select
        order_line_key,
        currency_code,
        {{ running_share('freight_amount', '(weight_so_far - weight) / total_weight', 'weight_so_far / total_weight') }}
            as freight_amount,
        {{ running_share('insurance_amount', '(weight_so_far - weight) / total_weight', 'weight_so_far / total_weight') }}
            as insurance_amount
    from running
    where total_weight > 0

)

select
    order_line_key as line_key,
    currency_code,
    cast(sum(freight_amount) as decimal(19, 4)) as freight_amount,
    cast(sum(insurance_amount) as decimal(19, 4)) as insurance_amount
from shared
group by order_line_key, currency_code
-- Parcels of one line in two currencies have no sum; the first by name stands, and nearly no line has two.
qualify row_number() over (partition by order_line_key order by currency_code) = 1
