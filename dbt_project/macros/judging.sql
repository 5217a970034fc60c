{#
    One way of judging raw rows for every feed, from its contract (macros `contract_of_…`, written when the project is
    prepared): values are typed, repaired where the contract says how, and held against the rules. A row is
    quarantined by its rules, superseded by a better version of the same record, repaired or accepted, and never two
    of them.
#}

{# What the contract of a feed says, as data. #}
{% macro contract_of(feed) -%}{{ return(context['contract_of_' ~ feed]()) }}{%- endmacro %}

{# The violated rules of a row, joined by ";". `rules`: list of (rule id, condition that is true when it is broken). #}
{% macro violated(rules) -%}
    concat_ws(';'{% for rule_id, broken in rules %},
        case when {{ broken }} then '{{ rule_id }}' end{% endfor %}
    )
{%- endmacro %}

{# The text of a field in the type that its contract declares. #}
{% macro to_type(type, column) -%}
    {%- if type == 'decimal' -%}{{ to_decimal(column) }}
    {%- elif type == 'double' -%}{{ to_double(column) }}
    {%- elif type == 'integer' -%}{{ to_integer(column) }}
    {%- elif type == 'timestamp' -%}{{ to_timestamp(column) }}
    {%- elif type == 'date' -%}{{ to_date(column) }}
    {%- else -%}{{ to_boolean(column) }}
    {%- endif -%}
{%- endmacro %}

{% macro is_typed(type) -%}
    {{ return(type in ('decimal', 'double', 'integer', 'timestamp', 'date', 'boolean')) }}
{%- endmacro %}

{# The condition of one rule that follows from a field's declaration: [rule id, field, test, bound]. #}
{% macro field_condition(contract, rule) -%}
    {%- set field, test, bound = rule[1], rule[2], rule[3] -%}
    {%- set type = contract.types[field] -%}
    {%- if test == 'missing' -%}{{ field }}{{ '_text' if is_typed(type) }} is null
    {%- elif test == 'unreadable' -%}{{ field }}_text is not null and {{ field }} is null
    {%- elif test == 'implausible' and type == 'date' -%}
        {{ field }} < date '1990-01-01' or {{ field }} > {{ add_days('cast(_loaded_at as date)', 1) }}
    {%- elif test == 'implausible' -%}
        {{ field }} < timestamp '1990-01-01 00:00:00' or {{ field }} > _loaded_at + interval 1 day
    {%- elif test == 'currency' -%}{{ field }} is not null and {{ field }} not in (select code from currencies)
    {%- elif test == 'country' -%}{{ field }} is not null and {{ field }} not in (select code from countries)
    {%- elif test == 'code' -%}
        {{ field }} is not null and {{ field }} not in ('{{ contract.codes[field] | join("', '") }}')
    {%- elif test == 'not_above' -%}{{ field }} <= {{ bound }}
    {%- elif test == 'below' -%}{{ field }} < {{ bound }}
    {%- elif test == 'outside' -%}
        {%- set bounds = bound.split('..') -%}
        {{ field ~ ' < ' ~ bounds[0] ~ ' or ' if bounds[0] }}{{ field }} > {{ bounds[1] }}
    {%- elif test == 'pattern' -%}not {{ matches(field, bound) }}
    {%- elif test == 'identifier' -%}{{ field }} is not null and not is_identifier('{{ bound }}', {{ field }})
    {%- elif test == 'too_long' -%}length({{ field }}) > {{ bound }}
    {%- endif -%}
{%- endmacro %}

{#
    A relation of raw rows with typed values (their text beside them), repairs carried out, and the columns `rules`,
    `repairs` and `tags`. Rules that follow from fields come first, then those of the record, then those of its place.
#}
{% macro ruled_rows(feed, relation) -%}
    {%- set contract = contract_of(feed) -%}
    {%- set typed = [] -%}
    {%- for field, type in contract.types.items() if is_typed(type) -%}{%- do typed.append(field) -%}{%- endfor -%}
    {%- set mends, refusals, marks = [], [], [] -%}
    {%- for rule in contract.rules -%}
        {%- if rule[2] == 'repair' -%}{%- do mends.append(rule) -%}
        {%- else -%}{%- do (marks if rule[2] == 'tag' else refusals).append((rule[0], rule[1])) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- set conditions = [] -%}
    {%- for rule in contract.field_rules -%}
        {%- do conditions.append((rule[0], field_condition(contract, rule) | trim)) -%}
    {%- endfor -%}
    {%- do conditions.extend(refusals) -%}
    {%- if contract.has_market -%}{%- do conditions.append((feed ~ '.market_unknown', "_market = 'ZZ'")) -%}{%- endif -%}
    {%- if contract.follows -%}
        {%- set refused = '_document_key in (select _document_key from refused_headers)' -%}
        {%- do conditions.append((feed ~ '.header_quarantined', refused)) -%}
    {%- endif -%}
    {%- if contract.waits -%}{%- do conditions.append((feed ~ '.order_never_came', '_is_overdue')) -%}{%- endif -%}
    {%- if contract.texts -%}
        {%- set lost = [] -%}
        {%- for field in contract.texts -%}{%- do lost.append(contains_replacement(field)) -%}{%- endfor -%}
        {%- do conditions.append(('row.replacement_character', lost | join(' or '))) -%}
    {%- endif -%}
    select
        *,
        {{ violated(conditions) }} as rules,
        concat_ws(
            ';', nullif(_repairs, ''){% for rule in mends %},
            case when _mended_{{ loop.index }} then '{{ rule[3] }}:{{ rule[0] }}' end{% endfor %}
        ) as repairs,
        {{ violated(marks) if marks else "''" }} as tags
    from (
        {%- for rule in mends | reverse %}
        select
            * replace (case when {{ rule[1] }} then {{ rule[4] }} else {{ rule[3] }} end as {{ rule[3] }}),
            coalesce({{ rule[1] }}, false) as _mended_{{ loop.revindex }}
        from (
        {%- endfor %}
        select
            * exclude (_raw{% for field in typed %}, {{ field }}{% endfor %})
            {%- for field in typed %},
            {{ field }} as {{ field }}_text,
            {{ to_type(contract.types[field], field) }} as {{ field }}
            {%- endfor %}
        from {{ relation }}
        {%- for rule in mends %}
        ) as mended_{{ loop.index }}
        {%- endfor %}
    ) as typed_rows
{%- endmacro %}

{#
    The CTEs and the query that judge the rows of the CTE `arrived` (the raw rows, with whatever the rules of the feed
    look up beside them). Most records come once, and only those that come more often are ranked: a window over all
    rows would sort them all, with all their columns. Quarantined rows never take part in the choice of the survivor.
    Among equal content file and row decide, which no business column shows.
#}
{% macro judged_feed(feed) -%}
    {%- set contract = contract_of(feed) -%}
    {%- set tests = contract.field_rules | map(attribute=2) | list -%}
    {% if 'currency' in tests -%}
    currencies as (

        select * from {{ ref('currency') }}

    ),

    {% endif -%}
    {% if 'country' in tests -%}
    countries as (

        select * from {{ ref('iso_country') }}

    ),

    {% endif -%}
    {% if contract.follows -%}
    headers as (

        select
            _document_key,
            count(case when state in ('accepted', 'repaired') then 1 end) as standing,
            {%- if contract_of(contract.follows).change_field %}
            max(case
                when state in ('accepted', 'repaired') and change_type = 'delete'
                    then _file || '#' || cast(_row as varchar)
            end) as deleted_by
            {%- else %}
            cast(null as varchar) as deleted_by
            {%- endif %}
        from {{ ref('stg_' ~ contract.follows ~ '_judged') }}
        group by _document_key

    ),

    -- A row without its header cannot be placed or dated: it follows the header into quarantine, and out of it again.
    refused_headers as (

        select _document_key
        from headers
        where standing = 0

    ),

    {% endif -%}
    ruled as (

        {{ ruled_rows(feed, 'arrived') }}

    ),

    repeated as (

        select _record_key
        from arrived
        where _record_key is not null
        group by _record_key
        having count(*) > 1

    ),

    contenders as (

        {{ ruled_rows(feed, '(select * from arrived semi join repeated using (_record_key))') }}

    ),

    ranked as (

        select
            _record_key,
            _file,
            _row,
            _batch_id,
            _content_hash,
            row_number() over same_record as version_rank,
            first_value(_file || '#' || cast(_row as varchar)) over same_record as survivor
            {%- if contract.change_field %},
            first_value(change_type) over same_record = 'delete' as is_deleted
            {%- endif %}
        from contenders
        where rules = '' and _replayed_by is null
        window
            same_record as (
                partition by _record_key
                order by _version desc, _event_at desc, _content_hash desc, _file asc, _row asc, _batch_id asc
            )

    ),

    stated as (

        select
            ruled.*,
            case
                when ruled._replayed_by is not null then 'superseded'
                when ruled.rules <> '' then 'quarantined'
                when ranked.version_rank > 1 then 'superseded'
                {%- if contract.follows %}
                when headers.deleted_by is not null then 'superseded'
                {%- endif %}
                when ruled.repairs <> '' then 'repaired'
                else 'accepted'
            end as state,
            case
                when ruled._replayed_by is not null then ruled._replayed_by
                when ruled.rules = '' and ranked.version_rank > 1 then ranked.survivor
                {%- if contract.follows %}
                when ruled.rules = '' then headers.deleted_by
                {%- endif %}
            end as superseded_by,
            case
                when ruled._replayed_by is not null then 'row.replayed'
                {%- if contract.change_field %}
                when ruled.rules = '' and ranked.version_rank > 1 and ranked.is_deleted then 'row.deleted'
                {%- endif %}
                when ruled.rules = '' and ranked.version_rank > 1 then 'row.duplicate'
                {%- if contract.follows %}
                when ruled.rules = '' and headers.deleted_by is not null then 'row.deleted'
                {%- endif %}
            end as superseded_rule
        from ruled
        left join ranked
            on
                ruled._record_key = ranked._record_key
                and ruled._file = ranked._file
                and ruled._row = ranked._row
                and ruled._batch_id = ranked._batch_id
                and ruled._content_hash = ranked._content_hash
        {%- if contract.follows %}
        left join headers on ruled._document_key = headers._document_key
        {%- endif %}

    )

    select
        *,
        {{ 'try_cast(abs(' ~ contract.value ~ ') as decimal(19, 4))' if contract.value else 'cast(null as decimal(19, 4))' }}
            as value_amount,
        {{ masked_payload(feed) }} as payload
    from stated
{%- endmacro %}

{# A quarantined row as it arrived, personal fields masked. #}
{% macro masked_payload(feed) -%}
    {%- set contract = contract_of(feed) -%}
    {%- set pairs = [] -%}
    {%- for name, type in contract.types.items() -%}
        {%- set text = name ~ '_text' if is_typed(type) else name -%}
        {%- set masked = "case when " ~ text ~ " is not null then '***' end" -%}
        {%- do pairs.append((name, masked if name in contract.personal else text)) -%}
    {%- endfor -%}
    case when state = 'quarantined' then {{ json_of(pairs) }} end
{%- endmacro %}

{#
    The staging table of a feed: the rows that stand, with keys, pseudonyms and market-local days, in the columns that
    its contract implies. Tombstones stand in the balance and nowhere else.
#}
{% macro staged_feed(feed) -%}
    {%- set contract = contract_of(feed) -%}
    {%- set local = contract.staged | selectattr(0, 'equalto', 'local_date') | list -%}
with

judged as (

    select * from {{ ref('stg_' ~ feed ~ '_judged') }}

)
{%- if local %},

markets as (

    select * from {{ ref('stg_run_markets') }}

)
{%- endif %}

select
    {%- for kind, origin, name in contract.staged %}
    {% if kind == 'shared_key' -%}
        {{ surrogate_key(['coalesce(judged._ids_of, judged._source_id)', 'judged.' ~ origin]) }} as {{ name }}
    {%- elif kind == 'order_line_key' -%}
        {%- set parts = ['coalesce(judged._orders_of, judged._source_id)', 'judged.order_no', 'judged.order_line_no'] -%}
        {{ surrogate_key(parts) }} as {{ name }}
    {%- elif kind == 'pseudonym_source' -%}
        {{ pseudonym("coalesce(judged._ids_of, judged._source_id) || '|' || judged." ~ origin) }} as {{ name }}
    {%- elif kind == 'pseudonym_person' -%}
        {{ pseudonym("upper(judged." ~ origin ~ ")") }} as {{ name }}
    {%- elif kind == 'pseudonym_folded' -%}
        {{ pseudonym(folded('judged.' ~ origin)) }} as {{ name }}
    {%- elif kind == 'local_date' -%}
        {{ local_date('judged.' ~ origin, 'markets.time_zone') }} as {{ name }}
    {%- elif origin == name -%}
        judged.{{ name }}
    {%- else -%}
        judged.{{ origin }} as {{ name }}
    {%- endif -%}
    {{ ',' if not loop.last }}
    {%- endfor %}
from judged
{%- if local %}
left join markets on judged._market = markets.market
{%- endif %}
where judged.state in ('accepted', 'repaired')
{%- if contract.change_field %} and coalesce(judged.{{ contract.change_field }}, 'new') <> 'delete'{% endif %}
{%- endmacro %}

{# Where a row comes from and when it came: kept apart from the business columns. #}
{% macro load_columns() -%}
    _file,
    _row,
    _batch_id,
    _loaded_at,
    _content_hash
{%- endmacro %}

{# The feeds whose records belong to a market, and those without one: reference data, rebuilt whole. #}
{% macro feeds_with_market() -%}
    {%- set found = [] -%}
    {%- for feed, has_market in feeds_of_contracts().items() if has_market -%}{%- do found.append(feed) -%}{%- endfor -%}
    {{ return(found) }}
{%- endmacro %}

{% macro feeds_without_market() -%}
    {%- set found = [] -%}
    {%- for feed, has_market in feeds_of_contracts().items() if not has_market -%}{%- do found.append(feed) -%}{%- endfor -%}
    {{ return(found) }}
{%- endmacro %}

{# A CTE for each of these feeds, named as the feed, with all its judged rows. #}
{% macro judged_rows_of(feeds) -%}
{% for feed in feeds -%}
{{ feed }} as (

    select * from {{ ref('stg_' ~ feed ~ '_judged') }}

),

{% endfor -%}
{%- endmacro %}
