{#
    Money stands with its order; a document of several orders with the first of them, and a charge of a whole report at
    the report's own place.
#}
with

payments as (

    select * from {{ with_published('stg_payments') }}

),

settlements as (

    select * from {{ with_published('stg_settlements') }}

),

documents as (

    select * from {{ ref('int_order_documents') }}
    where feed in ('payments', 'settlements')

),

homes as (

    select * from {{ ref('stg_run_document_homes') }}
    where feed in ('payments', 'settlements')

),

places as (

    select * from {{ ref('stg_run_mart_places') }}

),

collected as (

    select * from {{ ref('int_collected_payments') }}

),

rates as (

    select * from {{ ref('int_fx_rates_daily') }}

),

{{ first_of_several() }},

of_orders as (

    select
        documents.document_key,
        documents.order_key,
        documents.market,
        documents.month
    from documents
    left join first_of_several on documents.document_key = first_of_several.document_key
    where first_of_several.order_key is null or first_of_several.order_key = documents.order_key

),

legs as (

    select
        payments.payment_key as leg_key,
        of_orders.order_key,
        payments.source_id,
        of_orders.market,
        of_orders.month,
        payments.payment_type as leg_type,
        payments.amount,
        payments.currency_code,
        payments.paid_at as booked_at,
        payments.paid_on as booked_on,
        'payments' as document_feed,
        collected.payout_key
    from of_orders
    inner join payments on of_orders.document_key = payments.payment_key
    left join collected on payments.payment_key = collected.payment_key
    union all
    select
        settlements.settlement_line_key as leg_key,
        of_orders.order_key,
        settlements.source_id,
        of_orders.market,
        of_orders.month,
        case
            when settlements.leg_type in ('refund', 'chargeback') then 'platform_' || settlements.leg_type
            else settlements.leg_type
        end as leg_type,
        settlements.amount,
        settlements.currency_code,
        settlements.settled_at as booked_at,
        settlements.settled_on as booked_on,
        'settlements' as document_feed,
        {{ settlement_payout_key('settlements') }} as payout_key
    from of_orders
    inner join settlements on of_orders.document_key = settlements.settlement_line_key
    union all
    select
        settlements.settlement_line_key as leg_key,
        settlements.order_key,
        settlements.source_id,
        settlements.market,
        settlements.month,
        settlements.leg_type,
        settlements.amount,
        settlements.currency_code,
        settlements.settled_at as booked_at,
        settlements.settled_on as booked_on,
        'settlements' as document_feed,
        {{ settlement_payout_key('settlements') }} as payout_key
    from settlements
    inner join places on settlements.market = places.market and settlements.month = places.month
    where settlements.order_key is null

)

select
    legs.leg_key,
    legs.order_key,
    legs.source_id,
    legs.market,
    legs.month,
    legs.leg_type,
    legs.amount,
    legs.currency_code,
    cast({{ in_usd('legs.amount', 'legs.currency_code', 'rates.usd_per_unit') }} as decimal(19, 4)) as amount_usd,
    legs.booked_at,
    legs.booked_on,
    legs.document_feed,
    legs.leg_key as document_key,
    legs.payout_key
from legs
left join rates on legs.currency_code = rates.currency_code and legs.booked_on = rates.valid_on
