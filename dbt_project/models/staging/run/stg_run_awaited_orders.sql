select
    feed,
    document_key,
    order_key,
    market,
    month,
    waiting_since_at
from {{ source('plan', 'awaited_orders') }}
