with

sessions as (

    select * from {{ ref('fct_sessions') }}

),

stages as (

    select
        listed.stage_no,
        listed.stage
    from
        (values (1, 'view'), (2, 'product'), (3, 'cart'), (4, 'checkout'), (5, 'paid'))
            as listed (stage_no, stage)

),

-- Who reached a stage passed the ones before it, whether or not each was counted. Robots are nobody's visit.
reached as (

    select
        sessions.market,
        sessions.month,
        sessions.started_on,
        sessions.medium,
        sessions.screen,
        stages.stage_no,
        stages.stage,
        sessions.stage_no = stages.stage_no as is_last,
        sessions.is_bounce,
        sessions.value_usd
    from sessions
    inner join stages on sessions.stage_no >= stages.stage_no
    where not sessions.is_bot_suspect

)

select
    market,
    month,
    started_on,
    stage,
    stage_no,
    medium,
    screen,
    count(*) as session_count,
    count(case when is_last then 1 end) as last_stage_count,
    count(case when stage_no = 1 and is_bounce then 1 end) as bounce_count,
    cast(coalesce(sum(case when stage_no = 5 then value_usd end), 0) as decimal(19, 4)) as value_usd
from reached
group by market, month, started_on, stage, stage_no, medium, screen
