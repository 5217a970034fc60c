{{ config(materialized='table') }}
{#
    Words repeat for millions of lines, so they are put together once for each period and reason, with the figures of
    the rules in them. Period 0 stands for days on which the table holds no rules.
#}
with

reasons as (

    select * from {{ ref('landed_cost_reason') }}

),

periods as (

    select * from {{ ref('int_market_rule_periods') }}

),

paired as (

    select
        periods.*,
        reasons.*
    from periods
    cross join reasons

),

-- A few figures at a time: one expression of all would be nested too deeply to read.
worded as (

    select
        * exclude (words),
        {{ with_names_of_units('words') }} as words_0
    from paired

),

{% set groups = landed_cost_rules() | batch(7) | list -%}
{% for group in groups -%}
figured_{{ loop.index }} as (

    select
        *,
        {{ with_figures('words_' ~ loop.index0, group) }} as words_{{ loop.index }}
    from {{ 'worded' if loop.first else 'figured_' ~ loop.index0 }}

){{ ',' if not loop.last }}

{% endfor -%}
select
    cast(period_key * 64 + reason_id as integer) as word_key,
    reason,
    basis,
    case rule
        {% for rule in landed_cost_rules() -%}
        when '{{ rule }}' then {{ rule }}_key
        {% endfor -%}
        when 'customs_border' then customs_border_key
    end as rule_key,
    words_{{ groups | length }} as explanation
from figured_{{ groups | length }}
union all by name
select
    reason_id as word_key,
    reason,
    basis,
    cast(null as varchar) as rule_key,
    'no rules are held for this day; ' || words as explanation
from reasons
