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

{#
    `union all` with the published rows of a table for the market-months that the run does not rebuild, columns renamed
    (`columns`: name here to name there). For what is judged beside rows of its own feed: a reference to its own staging
    would be a circle. Without a run's database, as in a unit test, there is nothing published.
#}
{% macro union_published(model, columns) -%}
    {%- set judged = source('raw', model | replace('stg_', '')) -%}
    {%- if judged.database and not judged.identifier.startswith('__dbt__cte__') -%}
    union all
    select
        {% for here, there in columns.items() -%}
        {{ there }} as {{ here }}{{ ',' if not loop.last }}
        {% endfor -%}
    from {{ adapter.quote(judged.database) }}.published.{{ model }}
    {%- endif -%}
{%- endmacro %}

{#
    The rows of an intermediate and, for the market-months that the run does not rebuild, those of the mart that hands
    it on (`mart`, whose columns the intermediate has). For intermediates that read what other runs have published: a
    reference to the mart would point upwards.
#}
{% macro with_published_mart(model, mart) -%}
    {%- set own = ref(model) -%}
    {%- if own.identifier.startswith('__dbt__cte__') or not own.database -%}
        {{ own }}
    {%- else -%}
        (
            select * from {{ own }}
            union all by name
            select * from {{ adapter.quote(own.database) }}.published.{{ mart }}
        )
    {%- endif -%}
{%- endmacro %}
