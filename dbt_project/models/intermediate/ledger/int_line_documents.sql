{{ config(materialized='table') }}
{#
    What each document says about each order line that it concerns: which milestone or side track, when, how many pieces.
    Documents of a whole order (payments, payouts, refunds) speak of all pieces of each of its lines; a document that
    names a line and no quantity speaks of all of its pieces. Joins run over narrow rows, once per feed: this is the
    largest table of the ledger. `is_one_of_many` tells the few lines that several documents of one feed share, so that
    running quantities are computed for these alone.
#}
with

orders as (

    select
        order_key,
        ordered_at,
        changed_at,
        lower(order_status) in ('cancelled', 'canceled') as is_cancelled
    from {{ ref('int_ledger_orders') }}

),

lines as (

    select
        line_key,
        order_key,
        market,
        month,
        quantity,
        cancelled_qty,
        case when cancelled_qty < quantity then quantity - cancelled_qty else quantity end as complete_qty
    from {{ ref('int_ledger_lines') }}

),

payments as (

    select * from {{ ref('int_ledger_payments') }}

),

payouts as (

    select * from {{ ref('int_order_payouts') }}

),

line_claims as (

    select * from {{ ref('int_line_claims') }}

),

order_lines as (

    select * from {{ with_published('stg_order_lines') }}

),

reversals as (

    select * from {{ ref('int_line_reversals') }}

),

declarations as (

    select * from {{ with_published('stg_declarations') }}

),

receipts as (

    select * from {{ with_published('stg_declaration_receipts') }}

),

declaration_lines as (

    select * from {{ with_published('stg_declaration_lines') }}

),

documents as (

    select * from {{ ref('int_order_documents') }}

),

shipments as (

    select * from {{ with_published('stg_shipments') }}

),

shipment_lines as (

    select * from {{ with_published('stg_shipment_lines') }}

),

tracking_events as (

    select * from {{ with_published('stg_tracking_events') }}

),

returns as (

    select * from {{ with_published('stg_returns') }}

),

received_orders as (

    select
        order_key,
        min(received_on) as received_on,
        arg_min(payout_key, (received_on, payout_key)) as payout_key
    from payouts
    where received_on is not null and has_gross
    group by order_key

),

order_events as (

    select
        order_key,
        'ordered' as event_name,
        ordered_at as event_at,
        'orders' as document_feed,
        order_key as document_key
    from orders
    union all
    select
        order_key,
        'paid' as event_name,
        paid_at as event_at,
        'payments' as document_feed,
        paid_key as document_key
    from payments
    where paid_at is not null
    union all
    select
        order_key,
        'refunded' as event_name,
        refunded_at as event_at,
        'payments' as document_feed,
        refund_key as document_key
    from payments
    where refunded_at is not null
    union all
    select
        order_key,
        'received' as event_name,
        cast(received_on as timestamp) as event_at,
        'payouts' as document_feed,
        payout_key as document_key
    from received_orders

),

declaration_moments as (

    select
        declaration_key,
        min(case when status_code = '800' then received_at end) as released_at,
        min(case when status_code <> '800' then received_at end) as stopped_at
    from receipts
    where status_code in ('700', '800', '900')
    group by declaration_key

),

-- A summary repeats the lists of a seller's month: what it declares has been declared.
declared as (

    select
        declarations.declaration_key,
        declarations.declared_at,
        declaration_moments.released_at,
        declaration_moments.stopped_at,
        case
            when declarations.change_type = 'change' and declarations.changed_at > declaration_moments.released_at
                then declarations.changed_at
        end as amended_at
    from declarations
    left join declaration_moments on declarations.declaration_key = declaration_moments.declaration_key
    where declarations.document_kind is null or declarations.document_kind <> 'summary'

),

declared_items as (

    select
        declaration_lines.order_line_key as line_key,
        declaration_lines.quantity,
        declared.declaration_key as document_key,
        declaration_lines.declaration_line_key as document_line_key,
        declared.declared_at,
        declared.released_at,
        declared.stopped_at,
        declared.amended_at
    from declaration_lines
    inner join declared on declaration_lines.declaration_key = declared.declaration_key
    where declaration_lines.order_line_key is not null

),

lines_declared_often as (

    select line_key
    from declared_items
    group by line_key
    having count(*) > 1

),

shipment_moments as (

    select
        shipment_key,
        min(case when event_code = 'delivered' then event_at end) as delivered_at,
        min(case when event_code = 'lost' then event_at end) as lost_at,
        min(case when event_code = 'returned' then event_at end) as returned_to_sender_at
    from tracking_events
    where event_code in ('delivered', 'lost', 'returned')
    group by shipment_key

),

shipped as (

    select
        shipments.shipment_key,
        shipments.shipped_at,
        coalesce(shipments.delivered_at, shipment_moments.delivered_at) as delivered_at,
        shipment_moments.lost_at,
        shipment_moments.returned_to_sender_at
    from shipments
    left join shipment_moments on shipments.shipment_key = shipment_moments.shipment_key

),

named_items as (

    select
        shipment_key,
        order_line_key as line_key,
        quantity,
        shipment_line_key
    from shipment_lines
    where order_line_key is not null

),

-- A waybill that names no line carries its orders whole.
unnamed_items as (

    select
        documents.document_key as shipment_key,
        lines.line_key
    from documents
    inner join lines on documents.order_key = lines.order_key
    where
        documents.feed = 'shipments'
        and documents.document_key not in (select named_items.shipment_key from named_items)

),

carried_items as (

    select
        shipment_key,
        line_key,
        quantity,
        shipment_line_key
    from named_items
    union all
    select
        shipment_key,
        line_key,
        null as quantity,
        null as shipment_line_key
    from unnamed_items

),

shipped_items as (

    select
        carried_items.line_key,
        carried_items.quantity,
        carried_items.shipment_key as document_key,
        carried_items.shipment_line_key as document_line_key,
        shipped.shipped_at,
        shipped.delivered_at,
        shipped.lost_at,
        shipped.returned_to_sender_at
    from carried_items
    inner join shipped on carried_items.shipment_key = shipped.shipment_key

),

lines_shipped_often as (

    select line_key
    from shipped_items
    group by line_key
    having count(*) > 1

),

cancellation_legs as (

    select
        reversals.reverses_line_key as line_key,
        coalesce(order_lines.changed_at, own_orders.ordered_at, orders.ordered_at) as cancelled_at,
        -order_lines.quantity as quantity,
        order_lines.line_key as document_key
    from reversals
    inner join lines on reversals.reverses_line_key = lines.line_key
    inner join orders on lines.order_key = orders.order_key
    inner join order_lines on reversals.line_key = order_lines.line_key
    left join orders as own_orders on order_lines.order_key = own_orders.order_key
    where reversals.reversal_basis = 'documented' and order_lines.leg_type = 'cancellation'

),

-- Feeds of which few lines have a document; those with several are not worth telling apart.
rare_items as (

    select
        line_key,
        'cancelled' as event_name,
        cancelled_at as event_at,
        quantity,
        'order_lines' as document_feed,
        document_key,
        null as document_line_key
    from cancellation_legs
    union all
    select
        lines.line_key,
        'cancelled' as event_name,
        coalesce(orders.changed_at, orders.ordered_at) as event_at,
        lines.quantity,
        'orders' as document_feed,
        lines.order_key as document_key,
        null as document_line_key
    from lines
    inner join orders on lines.order_key = orders.order_key
    where orders.is_cancelled and lines.line_key not in (select cancellation_legs.line_key from cancellation_legs)
    union all
    select
        order_line_key as line_key,
        'returned' as event_name,
        returned_at as event_at,
        quantity,
        'returns' as document_feed,
        return_line_key as document_key,
        null as document_line_key
    from returns
    where order_line_key is not null
    union all
    select
        line_key,
        'clawed_back' as event_name,
        changed_at as event_at,
        quantity,
        'rebate_claims' as document_feed,
        claim_row_key as document_key,
        declaration_line_key as document_line_key
    from line_claims
    where claim_status = 'clawed_back' and changed_at is not null

),

lines_rebated_often as (

    select line_key
    from line_claims
    where paid_on is not null
    group by line_key
    having count(*) > 1

)

select
    lines.line_key,
    lines.order_key,
    lines.market,
    lines.month,
    order_events.event_name,
    order_events.event_at,
    lines.quantity,
    lines.complete_qty,
    order_events.document_feed,
    order_events.document_key,
    cast(null as varchar) as document_line_key,
    false as is_one_of_many
from lines
inner join order_events on lines.order_key = order_events.order_key
{%- for items, feed, often, event_names in [
    ('declared_items', 'declarations', 'lines_declared_often', ['declared', 'released', 'stopped', 'amended']),
    ('shipped_items', 'shipments', 'lines_shipped_often', ['shipped', 'delivered', 'lost', 'returned_to_sender']),
] %}
{%- for event_name in event_names %}
union all
select
    lines.line_key,
    lines.order_key,
    lines.market,
    lines.month,
    '{{ event_name }}' as event_name,
    {{ items }}.{{ event_name }}_at as event_at,
    coalesce({{ items }}.quantity, lines.quantity) as quantity,
    lines.complete_qty,
    '{{ feed }}' as document_feed,
    {{ items }}.document_key,
    {{ items }}.document_line_key,
    {{ often }}.line_key is not null as is_one_of_many
from {{ items }}
inner join lines on {{ items }}.line_key = lines.line_key
left join {{ often }} on lines.line_key = {{ often }}.line_key
where {{ items }}.{{ event_name }}_at is not null
{%- endfor %}
{%- endfor %}
union all
select
    lines.line_key,
    lines.order_key,
    lines.market,
    lines.month,
    'rebated' as event_name,
    cast(line_claims.paid_on as timestamp) as event_at,
    line_claims.quantity,
    lines.complete_qty,
    'rebate_claims' as document_feed,
    line_claims.claim_row_key as document_key,
    line_claims.declaration_line_key as document_line_key,
    lines_rebated_often.line_key is not null as is_one_of_many
from line_claims
inner join lines on line_claims.line_key = lines.line_key
left join lines_rebated_often on lines.line_key = lines_rebated_often.line_key
where line_claims.paid_on is not null
union all
select
    lines.line_key,
    lines.order_key,
    lines.market,
    lines.month,
    rare_items.event_name,
    rare_items.event_at,
    coalesce(rare_items.quantity, lines.quantity) as quantity,
    lines.complete_qty,
    rare_items.document_feed,
    rare_items.document_key,
    rare_items.document_line_key,
    true as is_one_of_many
from rare_items
inner join lines on rare_items.line_key = lines.line_key
