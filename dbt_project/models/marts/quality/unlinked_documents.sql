with

awaited as (

    select * from {{ ref('stg_run_awaited_orders') }}

),

-- Whoever has waited too long is in quarantine, and waits no more.
given_up as (

    select
        feed,
        document_key
    from {{ ref('stg_run_waiting_documents') }}
    where is_overdue

),

waiting as (

    select awaited.*
    from awaited
    left join given_up on awaited.feed = given_up.feed and awaited.document_key = given_up.document_key
    where given_up.document_key is null

),

places as (

    select * from {{ ref('stg_run_mart_places') }}

)

select
    waiting.feed,
    waiting.document_key,
    waiting.order_key as awaited_order_key,
    waiting.market,
    waiting.month,
    waiting.waiting_since_at
from waiting
inner join places on waiting.market = places.market and waiting.month = places.month
