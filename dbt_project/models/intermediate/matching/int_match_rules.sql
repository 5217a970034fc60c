{{ config(materialized='table') }}
{# A document that no mapping brings for a source never comes: nothing is compared with it, and nothing waits for it. #}
with

match_groups as (

    select * from {{ ref('int_match_groups') }}

),

rules as (

    select * from {{ ref('match_rule') }}

),

delivered as (

    select * from {{ ref('stg_run_delivered_feeds') }}

),

distinct_groups as (

    select distinct
        group_no,
        source_id,
        flow,
        supervision_mode,
        period_from
    from match_groups

)

select
    distinct_groups.group_no,
    rules.rule_id,
    rules.left_document,
    rules.right_document,
    rules.comparison,
    rules.expected,
    coalesce(rules.rounding_amount, 0) as rounding_amount,
    coalesce(rules.tolerance_amount, 0) as tolerance_amount,
    coalesce(rules.tolerance_pct, 0) / 100 as tolerance_share,
    coalesce(rules.tolerance_minutes, 0) as tolerance_minutes,
    rules.is_over_tolerance_mismatch
from distinct_groups
inner join rules
    on
        distinct_groups.period_from >= rules.valid_from
        and (rules.valid_to is null or distinct_groups.period_from <= rules.valid_to)
        and (rules.flow = 'any' or distinct_groups.flow = rules.flow)
        and (
            rules.supervision_modes is null
            or (
                distinct_groups.supervision_mode <> ''
                and contains(rules.supervision_modes, distinct_groups.supervision_mode)
            )
        )
left join delivered as delivered_left
    on distinct_groups.source_id = delivered_left.source_id and rules.left_document = delivered_left.feed
left join delivered as delivered_right
    on distinct_groups.source_id = delivered_right.source_id and rules.right_document = delivered_right.feed
where
    (rules.left_document = 'orders' or delivered_left.feed is not null)
    and (rules.right_document = 'orders' or delivered_right.feed is not null)
