select
    feed,
    document_key,
    order_key,
    market,
    month
from {{ source('plan', 'document_homes') }}
