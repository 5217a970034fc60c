{# Parts of an amount, of rules that hold for some origins, and of limits in another currency. #}

{#
    The part of an amount between two shares of the whole (0 to 1), as the difference of two rounded running sums: the
    parts of neighbours add up to the whole, to the last digit.
#}
{% macro running_share(amount, share_from, share_to) -%}
    cast(
        round(cast({{ amount }} as double) * cast({{ share_to }} as double), 4)
        - round(cast({{ amount }} as double) * cast({{ share_from }} as double), 4) as decimal(19, 4)
    )
{%- endmacro %}

{#
    Whether a row of the seed `market_rule` holds for a country: "*" holds for all, "CN HK" for these, "!CN HK" for all
    others, among them a country that nobody knows.
#}
{% macro holds_for(origin, country) -%}
    (
        {{ origin }} = '*'
        or (substr({{ origin }}, 1, 1) <> '!' and {{ origin }} like '%' || {{ country }} || '%')
        or (substr({{ origin }}, 1, 1) = '!' and {{ origin }} not like '%' || coalesce({{ country }}, '??') || '%')
    )
{%- endmacro %}

{# The rules that a landed cost is computed with; each becomes columns of `int_market_rule_periods`. #}
{% macro landed_cost_rules() -%}
    {{ return([
        'vat_standard_rate_pct', 'import_vat_relief_amount', 'vat_at_sale_limit_amount', 'tax_waived_amount',
        'duty_relief_amount', 'per_item_duty_amount', 'per_item_duty_limit_amount', 'postal_flat_duty_amount',
        'flat_duty_pct', 'flat_duty_limit_amount', 'flat_duty_above_pct', 'flat_duty_above_limit_amount',
        'flat_duty_above_deduction_amount', 'flat_duty_min_per_kg_amount', 'flat_duty_covers_tax', 'surcharge_pct',
        'composite_tax_pct', 'composite_single_limit_amount', 'handling_fee_amount', 'union_handling_fee_amount',
        'return_reserve_pct'
    ]) }}
{%- endmacro %}

{# A number as people write it: no zeros behind the point, and none for what is not known. #}
{% macro number_in_words(column) -%}{{ adapter.dispatch('number_in_words')(column) }}{%- endmacro %}
{% macro duckdb__number_in_words(column) -%}
    coalesce(rtrim(rtrim(format('{:,.4f}', cast({{ column }} as double)), '0'), '.'), 'an unknown amount')
{%- endmacro %}

{# Words with the figures of these rules in the places that name them. #}
{% macro with_figures(words, rules) -%}
    {%- set filled = namespace(sql=words) -%}
    {%- for rule in rules -%}
        {%- set filled.sql = "replace(" ~ filled.sql ~ ", '{" ~ rule ~ "}', " ~ number_in_words(rule) ~ ")" -%}
    {%- endfor -%}
    {{ filled.sql }}
{%- endmacro %}

{# Words with currencies and the name of the value that limits are compared with. #}
{% macro with_names_of_units(words) -%}
    {%- set marks = {
        'limit_currency': 'limit_currency', 'limit_basis': 'basis', 'per_item_duty_currency': 'item_currency',
        'handling_fee_currency': 'handling_fee_currency'
    } -%}
    {%- set filled = namespace(sql=words) -%}
    {%- for column, mark in marks.items() -%}
        {%- set filled.sql = "replace(" ~ filled.sql ~ ", '{" ~ mark ~ "}', coalesce(" ~ column ~ ", '?'))" -%}
    {%- endfor -%}
    {{ filled.sql }}
{%- endmacro %}
