{{ config(materialized='table') }}
{#
    An order is paid at the payment with which the sum in its own currency reaches the amount to pay; one cent is left to
    rounding. An order that names no amount is paid by its first payment, in whatever currency. A payment for several
    orders does not say how much is whose and counts whole for each of them.
#}
with

orders as (

    select
        order_key,
        currency_code,
        payable_amount - 0.01 as enough_amount
    from {{ ref('int_ledger_orders') }}

),

documents as (

    select * from {{ ref('int_order_documents') }}
    where feed = 'payments'

),

payments as (

    select * from {{ with_published('stg_payments') }}

),

order_payments as (

    select
        orders.order_key,
        payments.payment_key,
        payments.paid_at,
        payments.payment_type = 'payment' as is_payment,
        case
            when orders.enough_amount is null or payments.currency_code = orders.currency_code then payments.amount
        end as counted_amount,
        orders.enough_amount
    from payments
    inner join documents on payments.payment_key = documents.document_key
    inner join orders on documents.order_key = orders.order_key
    where payments.payment_type in ('payment', 'refund', 'chargeback')

),

running as (

    select
        order_key,
        payment_key,
        paid_at,
        is_payment,
        enough_amount,
        counted_amount,
        sum(counted_amount) over (
            partition by order_key, is_payment order by paid_at, payment_key
            rows between unbounded preceding and current row
        ) as paid_amount,
        row_number() over (partition by order_key, is_payment order by paid_at, payment_key) as position
    from order_payments

),

-- Refunds and chargebacks run apart from what they take back.
marked as (

    select
        *,
        is_payment
        and counted_amount is not null
        and (enough_amount is null or paid_amount >= enough_amount) as is_enough
    from running

)

select
    order_key,
    count(*) filter (where is_payment) as payment_count,
    arg_min(payment_key, position) filter (where is_payment) as first_payment_key,
    min(paid_at) filter (where is_enough) as paid_at,
    arg_min(payment_key, position) filter (where is_enough) as paid_key,
    min(paid_at) filter (where not is_payment) as refunded_at,
    arg_min(payment_key, position) filter (where not is_payment) as refund_key
from marked
group by order_key
