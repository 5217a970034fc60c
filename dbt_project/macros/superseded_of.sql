{# The rows of these feeds that another row stands for: duplicates, older versions, deleted records, replayed rows. #}
{% macro superseded_of(feeds) -%}
with

{{ judged_rows_of(feeds) }}
every_feed as (

    {% for feed in feeds -%}
    select
        '{{ feed }}' as feed,
        _source_id as source_id,
        _market as market,
        _month as month,
        _record_key as record_key,
        _version as version,
        _event_at as event_at,
        superseded_rule as rule_id,
        superseded_by,
        _file,
        _row,
        _batch_id,
        _loaded_at,
        _content_hash
    from {{ feed }}
    where state = 'superseded'
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

)

select
    {{ surrogate_key(['feed', '_file', 'cast(_row as varchar)', '_content_hash', 'cast(_batch_id as varchar)']) }}
        as superseded_key,
    feed,
    source_id,
    market,
    month,
    record_key,
    version,
    event_at,
    rule_id,
    superseded_by,
    _file,
    _row,
    _batch_id,
    _loaded_at,
    _content_hash
from every_feed
{%- endmacro %}
