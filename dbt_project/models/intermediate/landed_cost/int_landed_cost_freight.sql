{{ config(materialized='table') }}
{#
    What the carrier asked for a parcel is shared among its lines by value, and by pieces where a value is missing. Each
    share is the difference of two rounded running sums, so that the shares of a parcel add up to its freight.
#}
{% set share_from, share_to = '(weight_so_far - weight) / total_weight', 'weight_so_far / total_weight' %}
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

parcels as (

    select distinct document_key as shipment_key
    from documents
    where feed = 'shipments'

),

-- A parcel of several orders stands here once, with all its lines: its freight is that of all of them.
charged as (

    select
        shipments.shipment_key,
        shipments.currency_code,
        shipments.freight_amount,
        shipments.insurance_amount
    from shipments
    inner join parcels on shipments.shipment_key = parcels.shipment_key
    where shipments.freight_amount is not null or shipments.insurance_amount is not null

),

valued as (

    select
        shipment_key,
        count(*) as line_count,
        sum(line_value_amount) as value_amount,
        sum(quantity) as quantity,
        count(line_value_amount) = count(*) and sum(line_value_amount) > 0 as is_valued
    from lines
    where order_line_key is not null
    group by shipment_key

),

weighed as (

    select
        lines.shipment_key,
        lines.shipment_line_key,
        lines.order_line_key,
        charged.currency_code,
        charged.freight_amount,
        charged.insurance_amount,
        valued.line_count,
        case when valued.is_valued then lines.line_value_amount else lines.quantity end as weight,
        case when valued.is_valued then valued.value_amount else valued.quantity end as total_weight
    from lines
    inner join charged on lines.shipment_key = charged.shipment_key
    inner join valued on lines.shipment_key = valued.shipment_key
    where lines.order_line_key is not null

),

-- Most parcels hold one line, which takes the whole: only the others are sorted.
running as (

    select
        *,
        sum(weight) over (partition by shipment_key order by shipment_line_key rows unbounded preceding)
            as weight_so_far
    from weighed
    where line_count > 1

),

shared as (

    select
        order_line_key,
        currency_code,
        {{ running_share('freight_amount', share_from, share_to) }} as freight_amount,
        {{ running_share('insurance_amount', share_from, share_to) }} as insurance_amount
    from running
    where total_weight > 0
    union all
    select
        order_line_key,
        currency_code,
        freight_amount,
        insurance_amount
    from weighed
    where line_count = 1

)

-- Parcels of one line in two currencies have no sum.
select
    order_line_key as line_key,
    min(currency_code) as currency_code,
    cast(sum(freight_amount) as decimal(19, 4)) as freight_amount,
    cast(sum(insurance_amount) as decimal(19, 4)) as insurance_amount
from shared
group by order_line_key
having min(currency_code) = max(currency_code)
