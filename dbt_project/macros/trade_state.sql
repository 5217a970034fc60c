{#
    The words of the trade ledger, and the state that follows from them. `orchestration/ledger/as_of.py` tells the same
    state as of any moment from the published events; a test holds the two together.
#}

{# The milestones of an order line. Which of them comes after which is told by the seed `milestone_order`. #}
{% macro milestones() -%}
    {{ return(['ordered', 'paid', 'declared', 'released', 'shipped', 'delivered', 'received', 'rebated']) }}
{%- endmacro %}

{# How pieces leave the way to the buyer; of two at one moment the later one in this list names the state. #}
{% macro side_tracks() -%}
    {{ return(['cancelled', 'stopped', 'lost', 'returned_to_sender', 'returned']) }}
{%- endmacro %}

{# All events, in the order in which they are told when they happen at one moment. #}
{% macro trade_events() -%}
    {{ return(milestones() + side_tracks() + ['refunded', 'clawed_back', 'amended']) }}
{%- endmacro %}

{# Where an event stands in that order, as a number. #}
{% macro event_position(event_name) -%}
    case {{ event_name }}
        {%- for event in trade_events() %} when '{{ event }}' then {{ loop.index }}{% endfor %}
    end
{%- endmacro %}

{# The place of an event, from 1, among events that stand in columns of one row; one that did not happen has none. #}
{% macro place_among(event, events) -%}
    1
    {%- for other in events if other != event %}
    + cast(coalesce({{ other }}_at {{ '<=' if events.index(other) < events.index(event) else '<' }} {{ event }}_at, false) as integer)
    {%- endfor %}
{%- endmacro %}

{# Whether a milestone counts for the state: some do only once the goods are delivered. #}
{% macro milestone_counts(milestone) -%}
    ({{ milestone }}_at is not null and (delivered_at is not null or not {{ milestone }}_counts_after_delivery))
{%- endmacro %}

{# The highest rank that a line has reached; 0 before the order. #}
{% macro reached_rank() -%}
    greatest(
        {%- for milestone in milestones() %}
        case when {{ milestone_counts(milestone) }} then {{ milestone }}_rank else 0 end
        {{- ',' if not loop.last }}
        {%- endfor %}
    )
{%- endmacro %}

{# The milestone that has a rank. #}
{% macro milestone_of_rank(rank) -%}
    case {{ rank }}
        {%- for milestone in milestones() %} when {{ milestone }}_rank then '{{ milestone }}'{% endfor %}
    end
{%- endmacro %}

{# Since when a line is in the milestone of a rank: no state begins before the order, nor before what it waits for. #}
{% macro milestone_since(rank) -%}
    case {{ rank }}
        {%- for milestone in milestones() %}
        when {{ milestone }}_rank then greatest(
            {{ milestone }}_at, ordered_at, case when {{ milestone }}_counts_after_delivery then delivered_at end
        )
        {%- endfor %}
    end
{%- endmacro %}

{# When the first of the milestones came that stand behind one; null while there is none. #}
{% macro next_after(milestone) -%}
    least(
        {%- for later in milestones() if later != milestone %}
        case
            when {{ later }}_rank > {{ milestone }}_rank and {{ milestone_counts(later) }}
                then greatest({{ later }}_at, case when {{ later }}_counts_after_delivery then delivered_at end)
        end{{ ',' if not loop.last }}
        {%- endfor %}
    )
{%- endmacro %}

{# Days from one moment to another, none where the later one came first. #}
{% macro days_from(earlier, later) -%}{{ adapter.dispatch('days_from')(earlier, later) }}{%- endmacro %}
{% macro duckdb__days_from(earlier, later) -%}
    case when {{ later }} < {{ earlier }} then 0 else epoch({{ later }} - {{ earlier }}) / 86400 end
{%- endmacro %}

{# A hash of the values of these columns, so that a later change is seen; without a value an empty text. #}
{% macro row_hash(columns) -%}{{ adapter.dispatch('row_hash')(columns) }}{%- endmacro %}
{% macro duckdb__row_hash(columns) -%}
    substr(sha256(concat_ws(
        '|',
        {%- for column in columns %}
        coalesce(cast({{ column }} as varchar), ''){{ ',' if not loop.last }}
        {%- endfor %}
    )), 1, 32)
{%- endmacro %}
