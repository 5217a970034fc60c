{{ config(materialized='table') }}
{# Orders of one source, flow, mode and period have the same rules, so rules are looked up once for each such group. #}
with

orders as (

    select * from {{ ref('int_ledger_orders') }}

),

rules as (

    select * from {{ ref('match_rule') }}

),

boundaries as (

    select valid_from as period_from
    from rules
    union
    select cast(valid_to + 1 as date) as period_from
    from rules
    where valid_to is not null

),

days as (

    select distinct
        source_id,
        coalesce(flow, '') as flow,
        coalesce(supervision_mode, '') as supervision_mode,
        ordered_on
    from orders

),

periods as (

    select
        days.source_id,
        days.flow,
        days.supervision_mode,
        days.ordered_on,
        max(boundaries.period_from) as period_from
    from days
    inner join boundaries on days.ordered_on >= boundaries.period_from
    group by days.source_id, days.flow, days.supervision_mode, days.ordered_on

)

select
    *,
    cast(
        dense_rank() over (order by source_id, flow, supervision_mode, period_from) as integer
    ) as group_no
from periods
