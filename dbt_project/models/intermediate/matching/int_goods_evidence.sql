{#
    The lines of an order as one row. What was cancelled may have been declared or shipped before: with it or without it
    are both right. Of prices and times the line that differs most is kept with both of its values.
#}
{% set is_declared = 'declared_qty is not null' %}
{% set is_priced = 'declared_price_amount is not null and declared_currency_code = currency_code' %}
{% set is_valued = 'declared_amount is not null and declared_currency_code = currency_code' %}
{% set is_weighed = 'declared_mass_kg > 0 and shipped_weight_kg > 0 and declared_qty = shipped_qty' %}
{% set price_gap = 'abs(declared_price_amount - unit_price_amount) / greatest(unit_price_amount, 0.01)' %}
with

lines as (

    select * from {{ ref('int_line_evidence') }}

),

states as (

    select * from {{ ref('int_customs_states') }}

),

documents as (

    select * from {{ ref('int_order_documents') }}
    where feed = 'declarations'

),

orders as (

    select * from {{ ref('int_ledger_orders') }}

),

declaration_lines as (

    select * from {{ with_published('stg_declaration_lines') }}

),

judged as (

    select
        *,
        case
            when declared_qty in (quantity, quantity - cancelled_qty) then declared_qty
            else quantity - cancelled_qty
        end as to_declare_qty,
        case
            when shipped_qty in (quantity, quantity - cancelled_qty) then shipped_qty
            else quantity - cancelled_qty
        end as to_ship_qty,
        date_diff('second', released_at, departed_at) as release_to_departure_seconds
    from lines

),

per_order as (

    select
        order_key,
        count(*) as line_count,
        sum(quantity) as ordered_qty,
        bool_and(cancelled_qty >= quantity) as is_cancelled,
        -- Goods
        count(*) filter (where to_declare_qty > 0 or {{ is_declared }}) as due_line_count,
        count(*) filter (where {{ is_declared }}) as declared_line_count,
        count(*) filter (where not is_product_equal) as other_product_count,
        sum(to_declare_qty) as to_declare_qty,
        sum(declared_qty) as declared_qty,
        count(*) filter (where declared_qty > to_declare_qty) as over_declared_count,
        count(*) filter (where declared_qty < to_declare_qty) as under_declared_count,
        count(*) filter (where {{ is_valued }}) as valued_line_count,
        sum(case when {{ is_valued }} then declared_qty * unit_price_amount end) as value_amount,
        sum(case when {{ is_valued }} then declared_amount end) as declared_amount,
        -- Of lines that differ alike the dearest: chance may not choose.
        max({
            'gap': {{ price_gap }},
            'price_amount': unit_price_amount,
            'declared_price_amount': declared_price_amount
        }) filter (where {{ is_priced }}) as farthest_price,
        -- Parcels
        sum(to_ship_qty) as to_ship_qty,
        sum(shipped_qty) as shipped_qty,
        count(*) filter (where shipped_qty > to_ship_qty) as over_shipped_count,
        count(*) filter (where to_ship_qty > coalesce(shipped_qty, 0)) as under_shipped_count,
        count(*) filter (where {{ is_declared }} and coalesce(shipped_qty, 0) <> declared_qty) as apart_line_count,
        sum(case when {{ is_weighed }} then shipped_weight_kg end) as lines_weight_kg,
        sum(case when {{ is_weighed }} then declared_mass_kg end) as lines_mass_kg,
        min({
            'seconds': release_to_departure_seconds,
            'released_at': released_at,
            'departed_at': departed_at
        }) filter (where release_to_departure_seconds is not null) as shortest_time,
        min(departed_at) as departed_at
    from judged
    group by order_key

),

-- Declared goods that the order does not have. Almost all are tied, so those that are not are told first.
untied as (

    select
        declaration_key,
        order_no
    from declaration_lines
    where order_line_key is not null and order_line_key not in (select lines.line_key from lines)

),

strangers as (

    select
        documents.order_key,
        count(*) as stranger_count
    from untied
    inner join states on untied.declaration_key = states.declaration_key
    inner join documents on untied.declaration_key = documents.document_key
    inner join orders on documents.order_key = orders.order_key
    where not states.is_shared or untied.order_no = orders.order_no
    group by documents.order_key

)

select
    per_order.*,
    struct_extract(per_order.farthest_price, 'price_amount') as price_amount,
    struct_extract(per_order.farthest_price, 'declared_price_amount') as declared_price_amount,
    struct_extract(per_order.shortest_time, 'released_at') as line_released_at,
    struct_extract(per_order.shortest_time, 'departed_at') as line_departed_at,
    coalesce(strangers.stranger_count, 0) as stranger_count
from per_order
left join strangers on per_order.order_key = strangers.order_key
