{{ config(materialized='table') }}
{#
    What was declared and shipped of each sale line. Lines of documents are tied by the order line that they name, or by
    the goods where they name none and the order has these goods on one line only. Goods that customs sent back and that
    were declared again count once: a dead declaration speaks only for lines that no living one has.
#}
with

lines as (

    select * from {{ ref('int_ledger_lines') }}

),

documents as (

    select * from {{ ref('int_order_documents') }}

),

states as (

    select * from {{ ref('int_customs_states') }}

),

declaration_lines as (

    select * from {{ with_published('stg_declaration_lines') }}

),

shipments as (

    select * from {{ with_published('stg_shipments') }}

),

shipment_lines as (

    select * from {{ with_published('stg_shipment_lines') }}

),

tracking_events as (

    select * from {{ with_published('stg_tracking_events') }}
    where event_code = 'departed'

),

lines_by_goods as (

    select
        order_key,
        product_key,
        min(line_key) as line_key
    from lines
    group by order_key, product_key
    having count(*) = 1

),

declared_lines as (

    select
        declaration_lines.declaration_key,
        declaration_lines.order_line_key,
        declaration_lines.product_key,
        declaration_lines.quantity,
        declaration_lines.unit_price_amount,
        declaration_lines.line_value_amount,
        declaration_lines.currency_code,
        declaration_lines.gross_mass_kg,
        states.released_at,
        states.is_shared,
        states.is_alive
    from declaration_lines
    inner join states on declaration_lines.declaration_key = states.declaration_key

),

tied_by_goods as (

    select
        lines_by_goods.line_key,
        declared_lines.product_key,
        declared_lines.quantity,
        declared_lines.unit_price_amount,
        declared_lines.line_value_amount,
        declared_lines.currency_code,
        declared_lines.gross_mass_kg,
        declared_lines.released_at,
        declared_lines.is_alive
    from declared_lines
    inner join documents
        on declared_lines.declaration_key = documents.document_key and documents.feed = 'declarations'
    inner join lines_by_goods
        on documents.order_key = lines_by_goods.order_key and declared_lines.product_key = lines_by_goods.product_key
    where declared_lines.order_line_key is null and not declared_lines.is_shared

),

tied as (

    select
        order_line_key as line_key,
        product_key,
        quantity,
        unit_price_amount,
        line_value_amount,
        currency_code,
        gross_mass_kg,
        released_at,
        is_alive
    from declared_lines
    where order_line_key is not null
    union all
    select * from tied_by_goods

),

living as (

    select
        line_key,
        bool_or(is_alive) as is_alive
    from tied
    group by line_key

),

declared as (

    select
        tied.line_key,
        sum(tied.quantity) as declared_qty,
        sum(tied.line_value_amount) as declared_amount,
        cast(
            min(coalesce(tied.unit_price_amount, round(tied.line_value_amount / nullif(tied.quantity, 0), 4)))
            as decimal(19, 4)
        ) as declared_price_amount,
        min(tied.currency_code) as declared_currency_code,
        min(tied.product_key) as first_product_key,
        max(tied.product_key) as last_product_key,
        case when count(*) = count(tied.gross_mass_kg) then sum(tied.gross_mass_kg) end as declared_mass_kg,
        min(tied.released_at) as released_at
    from tied
    inner join living on tied.line_key = living.line_key
    where tied.is_alive or not living.is_alive
    group by tied.line_key

),

departures as (

    select
        tracking_events.shipment_key,
        min(tracking_events.event_at) as departed_at
    from tracking_events
    group by tracking_events.shipment_key

),

carried as (

    select
        shipments.shipment_key,
        shipments.shipped_at,
        coalesce(departures.departed_at, shipments.shipped_at) as departed_at
    from shipments
    left join departures on shipments.shipment_key = departures.shipment_key
    where shipments.shipment_key in (select documents.document_key from documents)

),

shipped_by_line as (

    select
        shipment_lines.order_line_key as line_key,
        carried.shipment_key,
        shipment_lines.quantity,
        shipment_lines.weight_kg,
        carried.departed_at
    from shipment_lines
    inner join carried on shipment_lines.shipment_key = carried.shipment_key
    where shipment_lines.order_line_key is not null

),

-- A waybill that names no order line carries its orders whole.
whole as (

    select
        documents.order_key,
        min(carried.departed_at) as departed_at
    from carried
    inner join documents on carried.shipment_key = documents.document_key and documents.feed = 'shipments'
    where carried.shipment_key not in (select shipped_by_line.shipment_key from shipped_by_line)
    group by documents.order_key

),

shipped as (

    select
        line_key,
        sum(quantity) as shipped_qty,
        case when count(*) = count(weight_kg) then sum(weight_kg) end as shipped_weight_kg,
        min(departed_at) as departed_at
    from shipped_by_line
    group by line_key

)

select
    lines.line_key,
    lines.order_key,
    lines.quantity,
    lines.cancelled_qty,
    lines.unit_price_amount,
    lines.currency_code,
    declared.declared_qty,
    declared.declared_amount,
    declared.declared_price_amount,
    declared.declared_currency_code,
    declared.first_product_key = lines.product_key and declared.last_product_key = lines.product_key
        as is_product_equal,
    declared.declared_mass_kg,
    declared.released_at,
    case
        when shipped.shipped_qty is null and whole.order_key is not null then lines.quantity - lines.cancelled_qty
        else shipped.shipped_qty
    end as shipped_qty,
    shipped.shipped_weight_kg,
    least(shipped.departed_at, whole.departed_at) as departed_at
from lines
left join declared on lines.line_key = declared.line_key
left join shipped on lines.line_key = shipped.line_key
left join whole on lines.order_key = whole.order_key
