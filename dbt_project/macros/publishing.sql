{#
    A parent as the whole platform sees it: this run's rows for the market-months that it rebuilds, and the published
    rows for the others (a view that the run prepares beside each published table). In a unit test there is nothing
    published: the fixture is the parent.
#}
{% macro with_published(model) -%}
    {%- set own = ref(model) -%}
    {%- if own.identifier.startswith('__dbt__cte__') or not own.database -%}
        {{ own }}
    {%- else -%}
        (
            select * from {{ own }}
            union all by name
            select * from {{ adapter.quote(own.database) }}.published.{{ own.identifier }}
        )
    {%- endif -%}
{%- endmacro %}
