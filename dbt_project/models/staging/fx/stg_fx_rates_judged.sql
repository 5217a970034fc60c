with

raw_rates as (

    select * from {{ source('raw', 'fx_rates') }}

),

days as (

    select distinct
        provider,
        currency_code,
        {{ to_date('rate_on') }} as day_on
    from raw_rates
    where {{ to_date('rate_on') }} is not null and _replayed_by is null

),

gaps as (

    select
        provider,
        currency_code,
        day_on,
        {{ days_between('lag(day_on) over (partition by provider, currency_code order by day_on)', 'day_on') }}
            as gap_days
    from days

),

arrived as (

    select
        raw_rates.*,
        gaps.gap_days
    from raw_rates
    left join gaps
        on
            raw_rates.provider = gaps.provider
            and raw_rates.currency_code = gaps.currency_code
            and {{ to_date('raw_rates.rate_on') }} = gaps.day_on

),

{{ judged_feed('fx_rates') }}
