with

arrived as (

    select * from {{ source('raw', 'forecast_overrides') }}

),

{{ judged_feed('forecast_overrides') }}
