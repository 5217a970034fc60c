{#
    The CTEs behind `order_facts`: what each order says for all its lines, what has been paid and credited for it, and the
    ranks of its flow and supervision mode. They read the CTEs orders, payments, payouts, markets, delivered_feeds, practice
    and milestone_rows.
#}
{% macro order_facts() -%}
    flows as (

        select distinct
            flow,
            supervision_mode
        from orders

    ),

    -- The rows of the flow and mode, else those of the flow, else those of all.
    order_of_flow as (

        select
            flows.flow,
            flows.supervision_mode,
            milestone_rows.milestone,
            milestone_rows.rank,
            milestone_rows.counts_after_delivery,
            milestone_rows.is_awaited,
            milestone_rows.may_follow
        from flows
        inner join milestone_rows
            on
                (milestone_rows.flow = '*' or flows.flow = milestone_rows.flow)
                and (milestone_rows.supervision_mode = '*' or flows.supervision_mode = milestone_rows.supervision_mode)
        qualify
            row_number() over (
                partition by flows.flow, flows.supervision_mode, milestone_rows.milestone
                order by milestone_rows.supervision_mode = '*', milestone_rows.flow = '*'
            ) = 1

    ),

    ranks as (

        select
            {%- for milestone in milestones() %}
            max(case when milestone = '{{ milestone }}' then rank end) as {{ milestone }}_rank,
            bool_or(milestone = '{{ milestone }}' and counts_after_delivery) as {{ milestone }}_counts_after_delivery,
            bool_or(milestone = '{{ milestone }}' and is_awaited) as {{ milestone }}_is_awaited,
            bool_or(milestone = '{{ milestone }}' and may_follow) as {{ milestone }}_may_follow,
            {%- endfor %}
            flow,
            supervision_mode
        from order_of_flow
        group by flow, supervision_mode

    ),

    -- What no mapping brings is not awaited; money comes by reports or, of some sources, by collections of payments.
    sources as (

        select
            delivered_feeds.source_id,
            bool_or(delivered_feeds.feed = 'payments') as has_payments,
            bool_or(delivered_feeds.feed = 'declarations') as has_declarations,
            bool_or(delivered_feeds.feed = 'shipments') as has_shipments,
            bool_or(
                delivered_feeds.feed = 'settlements'
                or (delivered_feeds.feed = 'payments' and practice.payout_kind = 'collection')
            ) as has_payouts
        from delivered_feeds
        left join practice on delivered_feeds.source_id = practice.source_id
        group by delivered_feeds.source_id

    ),

    order_payouts as (

        select
            order_key,
            arg_min(payout_key, (received_on, payout_key)) as payout_key,
            min(receipt_due_on) as receipt_due_on
        from payouts
        where has_gross
        group by order_key

    ),

    order_facts as (

        select
            orders.order_key as facts_of_order_key,
            orders.source_id,
            orders.order_no,
            orders.seller_key,
            orders.seller_id,
            orders.channel,
            orders.ordered_on,
            orders.promised_on,
            payments.first_payment_key as payment_key,
            payments.payment_count,
            order_payouts.payout_key,
            order_payouts.receipt_due_on,
            markets.time_zone,
            coalesce(sources.has_payments, false) as has_payments,
            coalesce(sources.has_declarations, false) as has_declarations,
            coalesce(sources.has_shipments, false) as has_shipments,
            coalesce(sources.has_payouts, false) as has_payouts,
            ranks.*
        from orders
        inner join ranks
            on
                orders.flow is not distinct from ranks.flow
                and orders.supervision_mode is not distinct from ranks.supervision_mode
        left join payments on orders.order_key = payments.order_key
        left join order_payouts on orders.order_key = order_payouts.order_key
        left join sources on orders.source_id = sources.source_id
        left join markets on orders.market = markets.market

    )
{%- endmacro %}
