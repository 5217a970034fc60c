{#
    The state of an order line as all its documents tell it. Wide rows are made once: events are added up per line,
    then the order's facts and the ranks of its flow and supervision mode come beside them.
#}
{# What follows from these (days, lateness) or from the keys (order, market, month) would only make the hash slower. #}
{% set hashed_columns = [
    'line_key', 'channel', 'seller_id', 'flow', 'supervision_mode', 'product_id', 'quantity', 'cancelled_qty',
    'returned_qty', 'currency_code', 'line_amount', 'line_amount_usd', 'state', 'state_since_at', 'released_qty',
    'shipped_qty', 'delivered_qty', 'promised_on', 'waits_for', 'waits_due_on', 'violations', 'payment_key',
    'shipment_key', 'declaration_key', 'payout_key', 'claim_row_key', 'payment_count', 'shipment_count',
    'declaration_count',
] %}
{% set moments = [] %}
{% for event in trade_events() %}{% do moments.append(event ~ '_at') %}{% endfor %}
{% set side_track_list = "('" ~ side_tracks() | join("', '") ~ "')" %}
with

orders as (

    select * from {{ ref('int_ledger_orders') }}

),

lines as (

    select * from {{ ref('int_ledger_lines') }}

),

line_milestones as (

    select * from {{ ref('int_line_milestones') }}

),

events as (

    select * from {{ ref('int_line_documents') }}

),

payments as (

    select * from {{ ref('int_ledger_payments') }}

),

payouts as (

    select * from {{ ref('int_order_payouts') }}

),

line_claims as (

    select * from {{ ref('int_line_claims') }}

),

rates as (

    select * from {{ ref('int_fx_rates_daily') }}

),

markets as (

    select * from {{ ref('stg_run_markets') }}

),

delivered_feeds as (

    select * from {{ ref('stg_run_delivered_feeds') }}

),

practice as (

    select * from {{ ref('payout_practice') }}

),

milestone_rows as (

    select * from {{ ref('milestone_order') }}

),

deadlines as (

    select * from {{ ref('milestone_deadline') }}

),

{{ order_facts() }},

first_claims as (

    select
        line_key,
        arg_min(claim_row_key, (claimed_at, claim_row_key)) as claim_row_key,
        min(claimed_at) filter (where paid_on is null and claim_status not in ('refused', 'clawed_back'))
            as open_claim_at
    from line_claims
    group by line_key

),

straight_lines as (

    select
        {%- for event, quantity in [
            ('ordered', 'quantity'), ('paid', 'quantity'), ('declared', 'declared_qty'), ('released', 'declared_qty'),
            ('shipped', 'shipped_qty'), ('delivered', 'shipped_qty'), ('received', 'quantity'),
            ('rebated', 'rebated_qty'),
        ] %}
        case when {{ quantity }} >= quantity then {{ event }}_at end as {{ event }}_at,
        {%- endfor %}
        {%- for event in trade_events() if event not in milestones() + ['refunded'] %}
        cast(null as timestamp) as {{ event }}_at,
        {%- endfor %}
        refunded_at,
        {%- for event, quantity in [
            ('released', 'declared_qty'), ('shipped', 'shipped_qty'), ('delivered', 'shipped_qty'),
        ] %}
        case when {{ event }}_at is not null then {{ quantity }} end as {{ event }}_qty,
        {%- endfor %}
        cast(null as decimal(19, 4)) as returned_qty,
        {%- for event, document in [('shipped', 'shipment'), ('declared', 'declaration')] %}
        case when {{ event }}_at is not null then {{ document }}_key end as {{ document }}_key,
        case when {{ event }}_at is not null then 1 else 0 end as {{ document }}_line_count,
        {%- endfor %}
        line_key as events_of_line_key
    from line_milestones

),

winding_lines as (

    select
        {%- for event in trade_events() %}
        min(event_at) filter (
            where event_name = '{{ event }}'{{ ' and is_complete' if event in milestones() }}
        ) as {{ event }}_at,
        {%- endfor %}
        {%- for event in ('released', 'shipped', 'delivered', 'returned') %}
        sum(quantity) filter (where event_name = '{{ event }}') as {{ event }}_qty,
        {%- endfor %}
        {%- for event, document in [('shipped', 'shipment'), ('declared', 'declaration')] %}
        arg_min(document_key, sequence_no) filter (where event_name = '{{ event }}') as {{ document }}_key,
        count(*) filter (where event_name = '{{ event }}') as {{ document }}_line_count,
        {%- endfor %}
        line_key as events_of_line_key
    from events
    group by line_key

),

line_events as (

    select * from straight_lines
    union all by name
    select * from winding_lines

),

side_tracked as (

    select
        events.line_key,
        events.event_name,
        events.event_at,
        {{ event_position('events.event_name') }} as position,
        lines.quantity as line_qty,
        sum(events.quantity) over (
            partition by events.line_key order by events.sequence_no rows between unbounded preceding and current row
        ) as gone_qty
    from events
    inner join lines on events.line_key = lines.line_key
    where events.event_name in {{ side_track_list }}

),

gone_lines as (

    select
        line_key,
        arg_max(event_name, (event_at, position)) as last_side_track,
        max(event_at) as last_side_track_at,
        min(event_at) filter (where gone_qty >= line_qty) as gone_at
    from side_tracked
    group by line_key
    having max(gone_qty) >= max(line_qty)

),

placed as (

    select
        lines.*,
        order_facts.*,
        line_events.*,
        gone_lines.last_side_track,
        gone_lines.last_side_track_at,
        gone_lines.gone_at,
        first_claims.claim_row_key,
        first_claims.open_claim_at
    from lines
    inner join order_facts on lines.order_key = order_facts.facts_of_order_key
    inner join line_events on lines.line_key = line_events.events_of_line_key
    left join gone_lines on lines.line_key = gone_lines.line_key
    left join first_claims on lines.line_key = first_claims.line_key

),

ranked as (

    select
        *,
        {{ reached_rank() }} as reached_rank
    from placed

),

waiting as (

    select
        *,
        -- A milestone that may follow later ones is awaited even behind them.
        least(
            {%- for milestone, feed in [
                ('paid', 'has_payments'), ('declared', 'has_declarations'), ('released', 'has_declarations'),
                ('shipped', 'has_shipments'), ('delivered', 'has_shipments'), ('received', 'has_payouts'),
                ('rebated', 'open_claim_at is not null'),
            ] %}
            case
                when
                    {{ milestone }}_at is null and {{ milestone }}_is_awaited and {{ feed }}
                    and ({{ milestone }}_rank > reached_rank or {{ milestone }}_may_follow)
                    then {{ milestone }}_rank
            end{{ ',' if not loop.last }}
            {%- endfor %}
        ) as awaited_rank
    from ranked

),

stated as (

    select
        *,
        {%- for milestone in ('ordered', 'paid', 'declared', 'released', 'shipped', 'delivered') %}
        {{ next_after(milestone) }} as after_{{ milestone }}_at,
        {%- endfor %}
        case
            when gone_at is null then {{ milestone_of_rank('reached_rank') }}
            when refunded_at is not null then 'refunded'
            else last_side_track
        end as state,
        case
            when gone_at is null then {{ milestone_since('reached_rank') }}
            when refunded_at is not null then greatest(refunded_at, gone_at)
            else last_side_track_at
        end as state_since_at,
        case
            when gone_at is null then {{ milestone_of_rank('awaited_rank') }}
            when paid_at is not null and refunded_at is null then 'refund'
            when
                rebated_at is not null and clawed_back_at is null
                and (returned_at is not null or stopped_at is not null)
                then 'clawback'
        end as waits_for
    from waiting

),

judged as (

    select
        stated.*,
        {{ in_usd('stated.line_amount', 'stated.currency_code', 'rates.usd_per_unit') }} as line_amount_usd,
        case
            when stated.delivered_at is not null and stated.promised_on is not null
                then {{ local_date('stated.delivered_at', 'stated.time_zone') }} > stated.promised_on
        end as is_late,
        case deadlines.counted_from
            when 'promise' then stated.promised_on
            when 'payout' then stated.receipt_due_on
            when 'claim' then {{ add_days('cast(stated.open_claim_at as date)', 'deadlines.days') }}
        end as named_due_on,
        {{ add_days('cast(stated.state_since_at as date)', 'deadlines.days') }} as usual_due_on,
        concat_ws(
            ';',
            case
                when stated.paid_at < stated.ordered_at - interval 5 minute then 'ledger.paid_before_ordered'
            end,
            case
                when stated.shipped_at < stated.paid_at and not stated.paid_may_follow then 'ledger.shipped_before_paid'
            end,
            case when stated.shipped_at < stated.released_at then 'ledger.shipped_before_released' end,
            case when stated.amended_at is not null then 'ledger.changed_after_release' end,
            case when stated.delivered_at < stated.shipped_at then 'ledger.delivered_before_shipped' end,
            case when stated.released_at < stated.declared_at then 'ledger.released_before_declared' end,
            case
                when stated.released_rank < stated.ordered_rank and stated.ordered_at < stated.released_at
                    then 'ledger.ordered_before_released'
            end,
            {%- for milestone, feed in [
                ('paid', 'has_payments'), ('declared', 'has_declarations'), ('released', 'has_declarations'),
                ('shipped', 'has_shipments'), ('delivered', 'has_shipments'),
            ] %}
            case
                when
                    stated.{{ milestone }}_at is null and stated.{{ milestone }}_rank < stated.reached_rank
                    and stated.{{ milestone }}_is_awaited and stated.{{ feed }}
                    and not stated.{{ milestone }}_may_follow
                    then 'ledger.{{ milestone }}_missing'
            end,
            {%- endfor %}
            case when stated.shipped_qty > stated.quantity then 'ledger.shipped_qty_above_ordered' end,
            case when stated.delivered_qty > stated.shipped_qty then 'ledger.delivered_qty_above_shipped' end,
            case
                when stated.has_shipments and stated.returned_qty > coalesce(stated.delivered_qty, 0)
                    then 'ledger.returned_qty_above_delivered'
            end
        ) as violations
    from stated
    left join rates on stated.currency_code = rates.currency_code and stated.ordered_on = rates.valid_on
    left join deadlines on stated.waits_for = deadlines.waits_for

),

final as (

    select
        line_key,
        order_key,
        source_id,
        market,
        month,
        order_no,
        line_no,
        seller_key,
        seller_id,
        channel,
        flow,
        supervision_mode,
        product_key,
        product_id,
        quantity,
        cancelled_qty,
        cast(coalesce(returned_qty, 0) as decimal(19, 4)) as returned_qty,
        currency_code,
        line_amount,
        line_amount_usd,
        state,
        state_since_at,
        {%- for event in trade_events() %}
        {{ event }}_at,
        {%- endfor %}
        {%- for event in ('released', 'shipped', 'delivered') %}
        cast(coalesce({{ event }}_qty, 0) as decimal(19, 4)) as {{ event }}_qty,
        {%- endfor %}
        {%- for milestone in ('ordered', 'paid', 'declared', 'released', 'shipped', 'delivered') %}
        {{ days_from(milestone ~ '_at', 'after_' ~ milestone ~ '_at') }} as days_{{ milestone }},
        {%- endfor %}
        promised_on,
        is_late,
        waits_for,
        case when waits_for is not null then state_since_at end as waits_since_at,
        coalesce(named_due_on, usual_due_on) as waits_due_on,
        violations,
        payment_key,
        shipment_key,
        declaration_key,
        payout_key,
        claim_row_key,
        cast(coalesce(payment_count, 0) as integer) as payment_count,
        cast(shipment_line_count as integer) as shipment_count,
        cast(declaration_line_count as integer) as declaration_count
    from judged

)

select
    *,
    {{ row_hash(hashed_columns + moments) }} as line_hash
from final
