with

raw_customers as (

    select * from {{ source('raw', 'customers') }}

),

-- The year itself is personal: a band is all that is kept of it.
aged as (

    select
        *,
        try_cast(substr(valid_from, 1, 4) as integer) - try_cast(birth_year as integer) as age_years
    from raw_customers

),

arrived as (

    select
        * exclude (age_years),
        case
            when age_years < 0 then null
            when age_years < 18 then 'under 18'
            when age_years < 30 then '18-29'
            when age_years < 45 then '30-44'
            when age_years < 60 then '45-59'
            when age_years < 130 then '60 and over'
        end as age_band
    from aged

),

subdivisions as (

    select * from {{ ref('subdivision') }}

),

{{ judged_feed('customers') }}
