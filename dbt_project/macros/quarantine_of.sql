{# The rows of these feeds that broke a rule. #}
{% macro quarantine_of(feeds) -%}
with

{{ judged_rows_of(feeds) }}
rule_book as (

    select * from {{ ref('stg_run_rules') }}

),

every_feed as (

    {% for feed in feeds -%}
    select
        '{{ feed }}' as feed,
        _source_id as source_id,
        _market as market,
        _month as month,
        rules as rule_ids,
        _record_key as record_key,
        value_amount,
        payload,
        _file,
        _row,
        _batch_id,
        _loaded_at,
        _content_hash,
        coalesce(_replay_count, 0) as replay_count
    from {{ feed }}
    where state = 'quarantined'
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

with_first_rule as (

    select
        *,
        split_part(rule_ids, ';', 1) as rule_id,
        -- A file of the same name may come again with the same bad row at the same place.
        row_number() over (partition by feed, _file, _row, _content_hash order by _batch_id) as occurrence
    from every_feed

)

select
    {{ surrogate_key(['with_first_rule.feed', 'with_first_rule._file', 'cast(with_first_rule._row as varchar)',
        'with_first_rule._content_hash', 'cast(with_first_rule.occurrence as varchar)']) }} as quarantine_key,
    with_first_rule.feed,
    with_first_rule.source_id,
    with_first_rule.market,
    with_first_rule.month,
    with_first_rule.record_key,
    with_first_rule.rule_id,
    with_first_rule.rule_ids,
    rule_book.severity,
    rule_book.words as reason,
    with_first_rule.value_amount,
    with_first_rule.payload,
    with_first_rule._file,
    with_first_rule._row,
    with_first_rule._batch_id,
    with_first_rule._loaded_at,
    with_first_rule._content_hash,
    with_first_rule.replay_count
from with_first_rule
left join rule_book on with_first_rule.rule_id = rule_book.rule_id
{%- endmacro %}
