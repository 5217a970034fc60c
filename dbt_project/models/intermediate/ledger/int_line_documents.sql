{{ config(materialized='table') }}
{#
    What each document says about each order line whose story is not straight: several documents of one kind share it,
    or pieces of it left the way to the buyer. Their events have to be put in order and added up, those of the others
    (`int_line_milestones`) do not. Documents of a whole order (payments, payouts, refunds) speak of all pieces of each
    of its lines; a document that names a line and no quantity speaks of all of its pieces.
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

credits as (

    select * from {{ ref('int_order_credits') }}

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

    select * from {{ ref('int_line_declarations') }}

),

shipments as (

    select * from {{ ref('int_line_shipments') }}

),

returns as (

    select * from {{ with_published('stg_returns') }}

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

side_tracks as (

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

rebated as (

    select
        line_key,
        claim_row_key as document_key,
        declaration_line_key as document_line_key,
        quantity,
        cast(paid_on as timestamp) as rebated_at
    from line_claims
    where paid_on is not null

),

winding as (

    select line_key from side_tracks
    union
    select line_key
    from declarations
    group by line_key
    having count(*) > 1 or count(stopped_at) > 0 or count(amended_at) > 0
    union
    select line_key
    from shipments
    group by line_key
    having count(*) > 1 or count(lost_at) > 0 or count(returned_to_sender_at) > 0
    union
    select line_key
    from rebated
    group by line_key
    having count(*) > 1

),

winding_lines as (

    select
        lines.*,
        orders.ordered_at
    from lines
    inner join winding on lines.line_key = winding.line_key
    inner join orders on lines.order_key = orders.order_key

),

items as (

    {% for event_name, table, document_key, moment, feed in [
        ('ordered', 'orders', 'order_key', 'ordered_at', 'orders'),
        ('paid', 'payments', 'paid_key', 'paid_at', 'payments'),
        ('refunded', 'payments', 'refund_key', 'refunded_at', 'payments'),
        ('received', 'credits', 'payout_key', 'cast(credits.received_on as timestamp)', 'payouts'),
    ] -%}
    select
        winding_lines.line_key,
        '{{ event_name }}' as event_name,
        {{ moment if '(' in moment else table ~ '.' ~ moment }} as event_at,
        winding_lines.quantity,
        '{{ feed }}' as document_feed,
        {{ table }}.{{ document_key }} as document_key,
        cast(null as varchar) as document_line_key
    from winding_lines
    inner join {{ table }} on winding_lines.order_key = {{ table }}.order_key
    union all
    {% endfor -%}
    {% for table, feed, event_names in [
        ('declarations', 'declarations', ['declared', 'released', 'stopped', 'amended']),
        ('shipments', 'shipments', ['shipped', 'delivered', 'lost', 'returned_to_sender']),
        ('rebated', 'rebate_claims', ['rebated']),
    ] -%}
    {%- for event_name in event_names -%}
    select
        line_key,
        '{{ event_name }}' as event_name,
        {{ event_name }}_at as event_at,
        quantity,
        '{{ feed }}' as document_feed,
        document_key,
        document_line_key
    from {{ table }}
    union all
    {% endfor -%}
    {%- endfor -%}
    select * from side_tracks

),

told as (

    select
        winding_lines.line_key,
        winding_lines.order_key,
        winding_lines.market,
        winding_lines.month,
        winding_lines.complete_qty,
        items.event_name,
        items.event_at,
        coalesce(items.quantity, winding_lines.quantity) as quantity,
        items.document_feed,
        items.document_key,
        items.document_line_key
    from items
    inner join winding_lines on items.line_key = winding_lines.line_key
    where items.event_at is not null

),

added_up as (

    select
        *,
        sum(quantity) over (
            partition by line_key, event_name order by event_at, document_key, document_line_key
            rows between unbounded preceding and current row
        ) as cumulative_qty
    from told

)

select
    line_key,
    order_key,
    market,
    month,
    cast(row_number() over (
        partition by line_key
        order by event_at, {{ event_position('event_name') }}, document_key, document_line_key
    ) as integer) as sequence_no,
    event_name,
    event_at,
    quantity,
    cast(cumulative_qty as decimal(19, 4)) as cumulative_qty,
    cumulative_qty >= complete_qty as is_complete,
    document_feed,
    document_key,
    document_line_key
from added_up
