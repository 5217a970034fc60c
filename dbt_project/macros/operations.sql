{#
    What the findings of an invariant add up to. `findings` has left_amount, right_amount and difference for each
    document, and waiting_amount where something may still come; `invariants` has the tolerance of one document.
#}
{% macro invariant_sums(example, waiting='0') -%}
    {%- set is_off = 'abs(findings.difference) > invariants.tolerance' -%}
    invariants.severity,
    cast(sum(findings.left_amount) as decimal(19, 4)) as left_amount,
    cast(sum({{ waiting }}) as decimal(19, 4)) as waiting_amount,
    cast(sum(findings.right_amount) as decimal(19, 4)) as right_amount,
    cast(sum(findings.difference) as decimal(19, 4)) as difference,
    cast(sum(case when {{ is_off }} then abs(findings.difference) else 0 end) as decimal(19, 4)) as broken_amount,
    cast(invariants.tolerance as decimal(19, 4)) as tolerance,
    count(*) as checked_count,
    count(case when {{ is_off }} then 1 end) as broken_count,
    count(case when {{ is_off }} then 1 end) > 0 as is_broken,
    {{ smallest_joined('case when ' ~ is_off ~ ' then ' ~ example ~ ' end', 3) }} as examples
{%- endmacro %}

{# Rounded once for each row, so that sums are exact and do not depend on the order of rows. #}
{% macro as_amount(expression) -%}cast(round(cast({{ expression }} as double), 4) as decimal(19, 4)){%- endmacro %}

{# A column for the numerator and one for the denominator of each figure, given as (name, numerator, denominator). #}
{% macro sums_of(figures) -%}
    {%- for name, numerator, denominator in figures -%}
    {{ numerator }} as {{ name }}_numerator,
        {{ denominator or 'null' }} as {{ name }}_denominator{{ ',\n        ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{# The part of a line's amount that so many of its pieces make, to the cent. #}
{% macro as_share(amount, pieces) -%}
    cast(round(cast({{ amount }} as double) * cast({{ pieces }} as double) / cast(quantity as double), 2) as decimal(19, 4))
{%- endmacro %}
