{#
    Lines with a straight story hold each event in columns of their own: the place of an event is the number of those
    that came before it, and no row is sorted.
#}
{%- set events = milestones() + ['refunded'] %}
{%- set documents = {
    'ordered': ['quantity', 'orders', 'order_key'],
    'paid': ['quantity', 'payments', 'paid_key'],
    'declared': ['declared_qty', 'declarations', 'declaration_key'],
    'released': ['declared_qty', 'declarations', 'declaration_key'],
    'shipped': ['shipped_qty', 'shipments', 'shipment_key'],
    'delivered': ['shipped_qty', 'shipments', 'shipment_key'],
    'received': ['quantity', 'payouts', 'payout_key'],
    'rebated': ['rebated_qty', 'rebate_claims', 'claim_row_key'],
    'refunded': ['quantity', 'payments', 'refund_key'],
} %}
with

line_documents as (

    select * from {{ ref('int_line_documents') }}

),

line_milestones as (

    select * from {{ ref('int_line_milestones') }}

),

event_names as (

    {%- for event in events %}
    select
        '{{ event }}' as event_name,
        '{{ documents[event][1] }}' as document_feed
    {{- '\n    union all' if not loop.last }}
    {%- endfor %}

),

straight as (

    select
        line_milestones.line_key,
        line_milestones.order_key,
        line_milestones.market,
        line_milestones.month,
        case event_names.event_name
            {%- for event in events %}
            when '{{ event }}' then {{ place_among(event, events) }}
            {%- endfor %}
        end as sequence_no,
        event_names.event_name,
        case event_names.event_name
            {%- for event in events %}
            when '{{ event }}' then line_milestones.{{ event }}_at
            {%- endfor %}
        end as event_at,
        case event_names.event_name
            {%- for event in events %}
            when '{{ event }}' then line_milestones.{{ documents[event][0] }}
            {%- endfor %}
        end as quantity,
        line_milestones.quantity as complete_qty,
        event_names.document_feed,
        case event_names.event_name
            {%- for event in events %}
            when '{{ event }}' then line_milestones.{{ documents[event][2] }}
            {%- endfor %}
        end as document_key
    from line_milestones
    cross join event_names

),

numbered as (

    select
        line_key,
        order_key,
        market,
        month,
        sequence_no,
        event_name,
        event_at,
        quantity,
        quantity as cumulative_qty,
        quantity >= complete_qty as is_complete,
        document_feed,
        document_key
    from straight
    where event_at is not null
    union all
    select
        line_key,
        order_key,
        market,
        month,
        sequence_no,
        event_name,
        event_at,
        quantity,
        cumulative_qty,
        is_complete,
        document_feed,
        document_key
    from line_documents

)

select
    line_key || '-' || sequence_no as event_key,
    line_key,
    order_key,
    market,
    month,
    cast(sequence_no as integer) as sequence_no,
    event_name,
    event_at,
    quantity,
    cumulative_qty,
    is_complete,
    document_feed,
    document_key
from numbered
