select
    code as market,
    name as market_name,
    currency_code,
    time_zone,
    world_region,
    holiday_calendar
from {{ source('plan', 'markets') }}
