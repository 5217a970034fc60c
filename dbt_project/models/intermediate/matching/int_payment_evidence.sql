{#
    Refunds and chargebacks take money back later and change nothing in what was paid; they only tell whether all of it
    went back. A payment for several orders does not say how much is whose: it counts whole for each of them, and
    `has_shared_payment` tells. Amounts of several currencies cannot be added up: then there is no sum.
#}
{% set is_payment = "payments.payment_type = 'payment'" %}
with

documents as (

    select * from {{ ref('int_order_documents') }}
    where feed = 'payments'

),

payments as (

    select * from {{ with_published('stg_payments') }}

),

per_order as (

    select
        documents.order_key,
        count(*) filter (where {{ is_payment }}) as payment_count,
        bool_or(contains(payments.order_no, ';')) filter (where {{ is_payment }}) as has_shared_payment,
        min(payments.paid_at) filter (where {{ is_payment }}) as first_paid_at,
        max(payments.paid_at) filter (where {{ is_payment }}) as paid_at,
        min(payments.payment_key) filter (where {{ is_payment }}) as payment_key,
        min_by(payments.payment_no, payments.payment_key) filter (where {{ is_payment }}) as payment_no,
        sum(payments.amount) filter (where {{ is_payment }}) as paid_amount,
        min(payments.currency_code) filter (where {{ is_payment }}) as paid_currency_code,
        max(payments.currency_code) filter (where {{ is_payment }}) as last_paid_currency_code,
        max(payments.currency_code) as last_currency_code,
        -sum(payments.amount) filter (where not {{ is_payment }}) as taken_back_amount,
        count(payments.payer_id_no_key) filter (where {{ is_payment }}) as payer_id_count,
        min(payments.payer_id_no_key) filter (where {{ is_payment }}) as payer_id_no_key,
        max(payments.payer_id_no_key) filter (where {{ is_payment }}) as last_payer_id_no_key,
        count(payments.payer_name_key) filter (where {{ is_payment }}) as payer_name_count,
        min(payments.payer_name_key) filter (where {{ is_payment }}) as payer_name_key,
        max(payments.payer_name_key) filter (where {{ is_payment }}) as last_payer_name_key
    from documents
    inner join payments on documents.document_key = payments.payment_key
    group by documents.order_key

)

select
    order_key,
    payment_count,
    has_shared_payment,
    first_paid_at,
    paid_at,
    payment_key,
    payment_no,
    case when paid_currency_code = last_paid_currency_code then paid_amount end as paid_amount,
    paid_currency_code,
    last_paid_currency_code,
    coalesce(
        taken_back_amount >= paid_amount
        and paid_currency_code = last_paid_currency_code
        and paid_currency_code = last_currency_code,
        false
    ) as is_refunded_whole,
    -- One payer for all of it, or none that could be compared.
    case when payer_id_count = payment_count and payer_id_no_key = last_payer_id_no_key then payer_id_no_key end
        as payer_id_no_key,
    payer_id_count = payment_count as is_payer_id_stated,
    case when payer_name_count = payment_count and payer_name_key = last_payer_name_key then payer_name_key end
        as payer_name_key,
    payer_name_count = payment_count as is_payer_name_stated
from per_order
where payment_count > 0
