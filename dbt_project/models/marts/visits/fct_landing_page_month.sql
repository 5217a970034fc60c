with

sessions as (

    select * from {{ ref('fct_sessions') }}

)

select
    market,
    month,
    landing_page,
    medium,
    count(*) as session_count,
    count(case when is_bounce then 1 end) as bounce_count,
    count(case when stage_no >= 2 then 1 end) as product_count,
    count(case when stage_no >= 3 then 1 end) as cart_count,
    count(case when stage_no >= 4 then 1 end) as checkout_count,
    count(case when stage_no >= 5 then 1 end) as paid_count,
    cast(coalesce(sum(value_usd), 0) as decimal(19, 4)) as value_usd
from sessions
where not is_bot_suspect
group by market, month, landing_page, medium
