{#
    One way of judging raw rows for every feed: a row is quarantined by its rules, superseded by a better version of
    the same record, repaired or accepted, and never two of them.
#}

{# The violated rules of a row, joined by ";". `rules`: list of (rule id, condition that is true when it is broken). #}
{% macro violated(rules) -%}
    concat_ws(';'{% for rule_id, broken in rules %},
        case when {{ broken }} then '{{ rule_id }}' end{% endfor %}
    )
{%- endmacro %}

{# Repairs of arrivals, then those of staging. `repairs`: list of (field:rule id, condition). #}
{% macro repaired(repairs) -%}
    concat_ws(
        ';', nullif(_repairs, ''){% for mark, done in repairs %},
        case when {{ done }} then '{{ mark }}' end{% endfor %}
    )
{%- endmacro %}

{#
    The opening CTE of a judged model gives the source's rows; `ruled` (columns `rules`, `repairs` and the raw load
    columns) is turned into states. Quarantined rows never take part in the choice of the survivor. Among equal content
    file and row decide, which no business column shows.
#}
{% macro judged(ruled) -%}
    ranked as (

        select
            *,
            row_number() over same_record as version_rank,
            first_value(_file || '#' || cast(_row as varchar)) over same_record as survivor
        from {{ ruled }}
        window
            same_record as (
                partition by coalesce(_record_key, _file || '#' || cast(_row as varchar)), rules <> ''
                order by _version desc, _event_at desc, _content_hash desc, _file asc, _row asc, _batch_id asc
            )

    ),

    stated as (

        select
            * exclude (version_rank, survivor),
            case
                when rules <> '' then 'quarantined'
                when version_rank > 1 then 'superseded'
                when repairs <> '' then 'repaired'
                else 'accepted'
            end as state,
            case when rules = '' and version_rank > 1 then survivor end as superseded_by
        from ranked

    )
{%- endmacro %}

{#
    A quarantined row as it arrived, personal fields masked. `typed`: the fields that the model has converted; it keeps
    their text as `<field>_text`. A unit test sees no sources, so that a test of the whole chain asserts the masks.
#}
{% macro masked_payload(feed, typed) -%}
    {%- set pairs = [] -%}
    {%- for node in (graph.get('sources') or {}).values() if node.source_name == 'raw' and node.name == feed -%}
        {%- for name, column in node.columns.items() if not name.startswith('_') -%}
            {%- set text = name ~ '_text' if name in typed else name -%}
            {%- set masked = "case when " ~ text ~ " is not null then '***' end" -%}
            {%- do pairs.append((name, masked if column.meta.get('personal') else text)) -%}
        {%- endfor -%}
    {%- endfor -%}
    case when state = 'quarantined' then {{ json_of(pairs) }} end
{%- endmacro %}

{# Where a row comes from and when it came: kept apart from the business columns. #}
{% macro load_columns() -%}
    _file,
    _row,
    _batch_id,
    _loaded_at,
    _content_hash
{%- endmacro %}
