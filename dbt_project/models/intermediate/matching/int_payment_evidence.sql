{#
    Refunds and chargebacks take money back later and change nothing in what was paid; they only tell whether all of it
    went back. A payment for several orders does
    not say how much is whose: it counts whole for each of them, and `has_shared_payment` tells.
#}
with

orders as (

    select * from {{ ref('int_ledger_orders') }}

),

headers as (

    select * from {{ with_published('stg_orders') }}

),

documents as (

    select * from {{ ref('int_order_documents') }}
    where feed = 'payments'

),

payments as (

    select * from {{ with_published('stg_payments') }}

),

paid as (

    select
        documents.order_key,
        payments.payment_key,
        payments.payment_no,
        payments.order_no,
        payments.paid_at,
        payments.amount,
        payments.currency_code,
        payments.payer_id_no_key,
        payments.payer_name_key
    from documents
    inner join payments on documents.document_key = payments.payment_key
    where payments.payment_type = 'payment'

),

taken_back as (

    select
        documents.order_key,
        payments.currency_code,
        -sum(payments.amount) as taken_back_amount
    from documents
    inner join payments on documents.document_key = payments.payment_key
    where payments.payment_type <> 'payment'
    group by documents.order_key, payments.currency_code

),

-- Only imports into China know their payers; the others need no look at the order's header.
payers as (

    select
        paid.order_key,
        headers.buyer_id_no_key is not null and count(*) = count(paid.payer_id_no_key) as is_payer_id_stated,
        bool_and(headers.buyer_id_no_key = paid.payer_id_no_key) as is_payer_id_equal,
        headers.buyer_name_key is not null and count(*) = count(paid.payer_name_key) as is_payer_name_stated,
        bool_and(headers.buyer_name_key = paid.payer_name_key) as is_payer_name_equal,
        headers.consignee_name_key is not null and count(*) = count(paid.payer_name_key) as is_consignee_stated,
        bool_and(headers.consignee_name_key = paid.payer_name_key) as is_consignee_payer
    from paid
    inner join headers on paid.order_key = headers.order_key
    where paid.payer_id_no_key is not null or paid.payer_name_key is not null
    group by paid.order_key, headers.buyer_id_no_key, headers.buyer_name_key, headers.consignee_name_key

),

per_order as (

    select
        paid.order_key,
        count(*) as payment_count,
        bool_or(contains(paid.order_no, ';')) as has_shared_payment,
        min(paid.paid_at) as first_paid_at,
        max(paid.paid_at) as paid_at,
        min_by(paid.payment_key, paid.payment_no) as payment_key,
        min(paid.payment_no) as payment_no,
        sum(case when paid.currency_code = orders.currency_code then paid.amount end) as paid_amount,
        min(paid.currency_code) as paid_currency_code,
        max(paid.currency_code) as last_paid_currency_code
    from paid
    inner join orders on paid.order_key = orders.order_key
    group by paid.order_key

)

select
    per_order.*,
    coalesce(
        taken_back.taken_back_amount >= per_order.paid_amount
        and per_order.paid_currency_code = per_order.last_paid_currency_code,
        false
    ) as is_refunded_whole,
    payers.is_payer_id_stated,
    payers.is_payer_id_equal,
    payers.is_payer_name_stated,
    payers.is_payer_name_equal,
    payers.is_consignee_stated,
    payers.is_consignee_payer
from per_order
left join payers on per_order.order_key = payers.order_key
left join taken_back
    on per_order.order_key = taken_back.order_key and per_order.paid_currency_code = taken_back.currency_code
