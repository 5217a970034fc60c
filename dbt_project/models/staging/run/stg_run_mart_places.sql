select
    market,
    month
from {{ source('plan', 'mart_places') }}
