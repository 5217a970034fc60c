with

markets as (

    select * from {{ ref('stg_run_markets') }}

),

places as (

    select distinct market from {{ ref('stg_run_mart_places') }}

)

select
    markets.market,
    markets.market_name,
    markets.currency_code,
    markets.time_zone,
    markets.world_region,
    markets.holiday_calendar
from markets
inner join places on markets.market = places.market
