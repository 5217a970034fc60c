select
    source_id,
    feed
from {{ source('plan', 'delivered_feeds') }}
