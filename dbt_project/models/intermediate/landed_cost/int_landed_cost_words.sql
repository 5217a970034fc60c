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

)

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
    {% set text = namespace(sql='words') -%}
    {%- for rule in landed_cost_rules() -%}
        {%- set text.sql = "replace(" ~ text.sql ~ ", '{" ~ rule ~ "}', " ~ number_in_words(rule) ~ ")" -%}
    {%- endfor -%}
    {%- for column, mark in [
        ('limit_currency', 'limit_currency'), ('limit_basis', 'basis'), ('per_item_duty_currency', 'item_currency'),
        ('handling_fee_currency', 'handling_fee_currency')
    ] -%}
        {%- set text.sql = "replace(" ~ text.sql ~ ", '{" ~ mark ~ "}', coalesce(" ~ column ~ ", '?'))" -%}
    {%- endfor -%}
    {{ text.sql }} as explanation
from paired
union all by name
select
    reason_id as word_key,
    reason,
    basis,
    cast(null as varchar) as rule_key,
    'no rules are held for this day; ' || words as explanation
from reasons
