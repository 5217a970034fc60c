{# What only DuckDB knows stands here, each behind a dispatch, so that another engine is one more implementation. #}

{% macro surrogate_key(parts) -%}{{ adapter.dispatch('surrogate_key')(parts) }}{%- endmacro %}
{% macro duckdb__surrogate_key(parts) -%}
    substr(sha256({{ parts | join(" || '|' || ") }}), 1, 32)
{%- endmacro %}

{# The keyed hash of a personal value; the key lives in the connection, never in SQL text. #}
{% macro pseudonym(column) -%}{{ adapter.dispatch('pseudonym')(column) }}{%- endmacro %}
{% macro duckdb__pseudonym(column) -%}pseudonym({{ column }}){%- endmacro %}

{#
    Only the canonical texts that arrivals write are read. What arrivals could not read stands there in the source's
    words, and the engine's own idea of them ("epoch", a local time without its zone) would be a guess.
#}
{% macro to_timestamp(column) -%}{{ adapter.dispatch('to_timestamp')(column) }}{%- endmacro %}
{% macro duckdb__to_timestamp(column) -%}
    case when {{ column }} like '____-__-__T%Z' then try_cast({{ column }} as timestamp) end
{%- endmacro %}

{% macro to_date(column) -%}{{ adapter.dispatch('to_date')(column) }}{%- endmacro %}
{% macro duckdb__to_date(column) -%}
    case when {{ column }} like '____-__-__' then try_cast({{ column }} as date) end
{%- endmacro %}

{# At most twelve digits before the point: what is larger is no figure of trade, and its sums would leave the type. #}
{% macro to_decimal(column) -%}{{ adapter.dispatch('to_decimal')(column) }}{%- endmacro %}
{% macro duckdb__to_decimal(column) -%}
    cast(try_cast({{ column }} as decimal(16, 4)) as decimal(19, 4))
{%- endmacro %}

{# A floating-point number that can be calculated with: "NaN" and "inf" are words here. #}
{% macro to_double(column) -%}{{ adapter.dispatch('to_double')(column) }}{%- endmacro %}
{% macro duckdb__to_double(column) -%}
    case when isfinite(try_cast({{ column }} as double)) then try_cast({{ column }} as double) end
{%- endmacro %}

{# An amount in dollars at the rate beside it; a dollar needs no rate, and without one the amount is null. #}
{% macro in_usd(amount, currency_code, usd_per_unit) -%}
    {{ adapter.dispatch('in_usd')(amount, currency_code, usd_per_unit) }}
{%- endmacro %}
{% macro duckdb__in_usd(amount, currency_code, usd_per_unit) -%}
    case
        when {{ currency_code }} = 'USD' then {{ amount }}
        else try_cast(round(cast({{ amount }} as double) * {{ usd_per_unit }}, 4) as decimal(19, 4))
    end
{%- endmacro %}

{# The calendar date that a UTC moment has in a time zone. #}
{% macro local_date(moment, time_zone) -%}{{ adapter.dispatch('local_date')(moment, time_zone) }}{%- endmacro %}
{% macro duckdb__local_date(moment, time_zone) -%}
    cast(timezone({{ time_zone }}, timezone('UTC', {{ moment }})) as date)
{%- endmacro %}

{% macro matches(column, pattern) -%}{{ adapter.dispatch('matches')(column, pattern) }}{%- endmacro %}
{% macro duckdb__matches(column, pattern) -%}regexp_matches({{ column }}, '{{ pattern }}'){%- endmacro %}

{% macro replace_all(column, pattern, by) -%}{{ adapter.dispatch('replace_all')(column, pattern, by) }}{%- endmacro %}
{% macro duckdb__replace_all(column, pattern, by) -%}
    regexp_replace({{ column }}, '{{ pattern }}', '{{ by }}', 'g')
{%- endmacro %}

{% macro add_days(day, days) -%}{{ adapter.dispatch('add_days')(day, days) }}{%- endmacro %}
{% macro duckdb__add_days(day, days) -%}cast({{ day }} + {{ days }} as date){%- endmacro %}

{% macro days_between(earlier, later) -%}{{ adapter.dispatch('days_between')(earlier, later) }}{%- endmacro %}
{% macro duckdb__days_between(earlier, later) -%}cast(date_diff('day', {{ earlier }}, {{ later }}) as integer){%- endmacro %}

{% macro seconds_between(earlier, later) -%}{{ adapter.dispatch('seconds_between')(earlier, later) }}{%- endmacro %}
{% macro duckdb__seconds_between(earlier, later) -%}
    date_diff('second', {{ earlier }}, {{ later }})
{%- endmacro %}

{# The smallest few of a text, joined by ";": examples that do not depend on the order of rows. #}
{% macro smallest_joined(column, count) -%}{{ adapter.dispatch('smallest_joined')(column, count) }}{%- endmacro %}
{% macro duckdb__smallest_joined(column, count) -%}
    coalesce(
        array_to_string(list_sort(list(distinct {{ column }}) filter (where {{ column }} is not null))[1:{{ count }}], ';'),
        ''
    )
{%- endmacro %}

{# Texts of a group in one, in the order of a column. #}
{% macro joined_in_order(column, separator, order_by) -%}
    {{ adapter.dispatch('joined_in_order')(column, separator, order_by) }}
{%- endmacro %}
{% macro duckdb__joined_in_order(column, separator, order_by) -%}
    string_agg({{ column }}, '{{ separator }}' order by {{ order_by }})
{%- endmacro %}

{# The value that a share (0 to 1) of the values does not exceed, between its neighbours. #}
{% macro quantile_of(column, share) -%}{{ adapter.dispatch('quantile_of')(column, share) }}{%- endmacro %}
{% macro duckdb__quantile_of(column, share) -%}
    quantile_cont(cast({{ column }} as double), {{ share }})
{%- endmacro %}

{# The local time that a UTC moment has in a time zone. #}
{% macro local_time(moment, time_zone) -%}{{ adapter.dispatch('local_time')(moment, time_zone) }}{%- endmacro %}
{% macro duckdb__local_time(moment, time_zone) -%}
    timezone({{ time_zone }}, timezone('UTC', {{ moment }}))
{%- endmacro %}

{# Office hours from a Monday in 1970 to a local time: Monday to Friday, nine to five, holidays not taken out. #}
{% macro office_hours_until(moment) -%}{{ adapter.dispatch('office_hours_until')(moment) }}{%- endmacro %}
{% macro duckdb__office_hours_until(moment) -%}
    (
        8.0 * (
            5 * (date_diff('day', date '1970-01-05', cast({{ moment }} as date)) // 7)
            + least(isodow({{ moment }}) - 1, 5)
        )
        + case
            when isodow({{ moment }}) > 5 then 0
            else least(greatest(date_diff('second', cast(cast({{ moment }} as date) as timestamp), {{ moment }}) / 3600.0 - 9, 0), 8)
        end
    )
{%- endmacro %}

{% macro integers_to(limit) -%}{{ adapter.dispatch('integers_to')(limit) }}{%- endmacro %}
{% macro duckdb__integers_to(limit) -%}
    select cast(step as integer) as step from range(0, {{ limit }} + 1) as steps (step)
{%- endmacro %}

{# A JSON object of text columns; nulls stay nulls. #}
{% macro json_of(pairs) -%}{{ adapter.dispatch('json_of')(pairs) }}{%- endmacro %}
{% macro duckdb__json_of(pairs) -%}
    cast(json_object({% for name, value in pairs %}'{{ name }}', {{ value }}{{ ', ' if not loop.last }}{% endfor %}) as varchar)
{%- endmacro %}

{# Whole numbers only: an engine's own cast would round what is none. #}
{% macro to_integer(column) -%}{{ adapter.dispatch('to_integer')(column) }}{%- endmacro %}
{% macro duckdb__to_integer(column) -%}
    case when {{ column }} not like '%.%' then try_cast({{ column }} as bigint) end
{%- endmacro %}

{% macro to_boolean(column) -%}{{ adapter.dispatch('to_boolean')(column) }}{%- endmacro %}
{% macro duckdb__to_boolean(column) -%}
    case {{ column }} when 'true' then true when 'false' then false end
{%- endmacro %}

{# Whether a text holds U+FFFD, the sign that stands for letters that were lost. #}
{% macro contains_replacement(column) -%}{{ adapter.dispatch('contains_replacement')(column) }}{%- endmacro %}
{% macro duckdb__contains_replacement(column) -%}contains({{ column }}, chr(65533)){%- endmacro %}

{# A name or address without the differences that writers make: case, accents, white space, punctuation. #}
{% macro folded(column) -%}{{ adapter.dispatch('folded')(column) }}{%- endmacro %}
{% macro duckdb__folded(column) -%}
    regexp_replace(strip_accents(lower({{ column }})), '[\s\p{P}]+', '', 'g')
{%- endmacro %}

{#
    The first fifteen digits of a hexadecimal text (of any other: of its MD5) as a number: eight bytes instead of
    sixty-four to compare or to add.
#}
{% macro hex_number(column) -%}{{ adapter.dispatch('hex_number')(column) }}{%- endmacro %}
{% macro duckdb__hex_number(column) -%}
    coalesce(
        try_cast('0x' || substr({{ column }}, 1, 15) as bigint),
        cast('0x' || substr(md5({{ column }}), 1, 15) as bigint)
    )
{%- endmacro %}

{# The same of a number that people type, in whatever case and with blanks. #}
{% macro number_hash(column) -%}{{ adapter.dispatch('number_hash')(column) }}{%- endmacro %}
{% macro duckdb__number_hash(column) -%}
    cast('0x' || substr(md5(upper(replace({{ column }}, ' ', ''))), 1, 15) as bigint)
{%- endmacro %}

{# The month of a date as YYYY-MM, and the month that lies so many months after one; earlier when negative. #}
{% macro month_of(day) -%}{{ adapter.dispatch('month_of')(day) }}{%- endmacro %}
{% macro duckdb__month_of(day) -%}strftime({{ day }}, '%Y-%m'){%- endmacro %}

{% macro month_after(month, months) -%}{{ adapter.dispatch('month_after')(month, months) }}{%- endmacro %}
{% macro duckdb__month_after(month, months) -%}
    strftime(cast({{ month }} || '-01' as date) + to_months({{ months }}), '%Y-%m')
{%- endmacro %}

{% macro first_day_of(month) -%}{{ adapter.dispatch('first_day_of')(month) }}{%- endmacro %}
{% macro duckdb__first_day_of(month) -%}cast({{ month }} || '-01' as date){%- endmacro %}

{# The UTC moment at which a day begins in a time zone. #}
{% macro day_begins_at(day, time_zone) -%}{{ adapter.dispatch('day_begins_at')(day, time_zone) }}{%- endmacro %}
{% macro duckdb__day_begins_at(day, time_zone) -%}
    timezone('UTC', timezone({{ time_zone }}, cast({{ day }} as timestamp)))
{%- endmacro %}

{# The banking day that lies so many banking days after a day: Saturdays and Sundays are none. #}
{% macro banking_days_after(day, days) -%}{{ adapter.dispatch('banking_days_after')(day, days) }}{%- endmacro %}
{% macro duckdb__banking_days_after(day, days) -%}
    cast(
        {{ day }} - cast(greatest(isodow({{ day }}) - 5, 0) as integer)
        + cast({{ days }} + 2 * ((least(isodow({{ day }}), 5) - 1 + {{ days }}) // 5) as integer)
        as date
    )
{%- endmacro %}

{# A row for each of the texts that stand in one, separated by ";". #}
{% macro separated(column) -%}{{ adapter.dispatch('separated')(column) }}{%- endmacro %}
{% macro duckdb__separated(column) -%}trim(unnest(string_split({{ column }}, ';'))){%- endmacro %}

{# The 30th of April of the year after a day. #}
{% macro april_after(day) -%}{{ adapter.dispatch('april_after')(day) }}{%- endmacro %}
{% macro duckdb__april_after(day) -%}make_date(year({{ day }}) + 1, 4, 30){%- endmacro %}

{# Whether each of some names, joined by ";", stands among others; one name that is the same is no list to be taken apart. #}
{% macro all_listed_in(names, others) -%}{{ adapter.dispatch('all_listed_in')(names, others) }}{%- endmacro %}
{% macro duckdb__all_listed_in(names, others) -%}
    case
        when {{ names }} = {{ others }} then true
        else list_has_all(string_split({{ others }}, ';'), string_split({{ names }}, ';'))
    end
{%- endmacro %}

{# Names joined by ";" in the order of the alphabet, whatever the order in which they were joined. #}
{% macro sorted_names(names) -%}{{ adapter.dispatch('sorted_names')(names) }}{%- endmacro %}
{% macro duckdb__sorted_names(names) -%}
    case
        when contains({{ names }}, ';') then array_to_string(list_sort(string_split({{ names }}, ';')), ';')
        else {{ names }}
    end
{%- endmacro %}
