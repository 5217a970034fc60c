select
    feed,
    document_key,
    market,
    month,
    waiting_since_at,
    is_overdue
from {{ source('plan', 'waiting_documents') }}
