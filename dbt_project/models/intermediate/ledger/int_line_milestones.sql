{{ config(materialized='table') }}
{#
    The milestones of the lines whose story is straight: each document is the only one of its kind, and no piece left
    the way to the buyer. These are nearly all lines; they need no window, and none of their pieces is cancelled, so that
    a milestone is complete with all of them. `int_line_documents` tells the others.
#}
with

lines as (

    select
        line_key,
        order_key,
        market,
        month,
        quantity
    from {{ ref('int_ledger_lines') }}

),

orders as (

    select
        order_key,
        ordered_at
    from {{ ref('int_ledger_orders') }}

),

payments as (

    select * from {{ ref('int_ledger_payments') }}

),

credits as (

    select * from {{ ref('int_order_credits') }}

),

declarations as (

    select * from {{ ref('int_line_declarations') }}

),

shipments as (

    select * from {{ ref('int_line_shipments') }}

),

line_claims as (

    select * from {{ ref('int_line_claims') }}
    where paid_on is not null

),

order_moments as (

    select
        orders.order_key,
        orders.ordered_at,
        payments.paid_at,
        payments.paid_key,
        payments.refunded_at,
        payments.refund_key,
        cast(credits.received_on as timestamp) as received_at,
        credits.payout_key
    from orders
    left join payments on orders.order_key = payments.order_key
    left join credits on orders.order_key = credits.order_key

)

select
    lines.line_key,
    lines.order_key,
    lines.market,
    lines.month,
    lines.quantity,
    order_moments.ordered_at,
    order_moments.paid_at,
    declarations.declared_at,
    declarations.released_at,
    shipments.shipped_at,
    shipments.delivered_at,
    order_moments.received_at,
    cast(line_claims.paid_on as timestamp) as rebated_at,
    order_moments.refunded_at,
    coalesce(declarations.quantity, lines.quantity) as declared_qty,
    coalesce(shipments.quantity, lines.quantity) as shipped_qty,
    line_claims.quantity as rebated_qty,
    order_moments.paid_key,
    declarations.document_key as declaration_key,
    shipments.document_key as shipment_key,
    order_moments.payout_key,
    line_claims.claim_row_key,
    order_moments.refund_key
from lines
inner join order_moments on lines.order_key = order_moments.order_key
left join declarations on lines.line_key = declarations.line_key
left join shipments on lines.line_key = shipments.line_key
left join line_claims on lines.line_key = line_claims.line_key
where lines.line_key not in (select documents.line_key from {{ ref('int_line_documents') }} as documents)
