{# How many rows of these feeds are in each state, by file. #}
{% macro row_balance_of(feeds) -%}
with

{{ judged_rows_of(feeds) }}
every_feed as (

    {% for feed in feeds -%}
    select
        '{{ feed }}' as feed,
        _source_id as source_id,
        _file,
        _batch_id,
        _market as market,
        _month as month,
        state
    from {{ feed }}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

)

select
    feed,
    source_id,
    _file,
    _batch_id,
    market,
    month,
    state,
    count(*) as row_count
from every_feed
group by feed, source_id, _file, _batch_id, market, month, state
{%- endmacro %}
