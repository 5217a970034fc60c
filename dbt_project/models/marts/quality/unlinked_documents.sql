with

waiting as (

    select * from {{ ref('stg_run_waiting_documents') }}

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
