"""What the report of a market reads about customs, trust and the data themselves.

Belongs here: SQL. Does not: customers, marketing and stock (see `queries.py`).
"""

from collections.abc import Mapping

from orchestration.reporting.market_report.querying import TODAY, TOP, Query, of

CONTROL_QUERIES: Mapping[str, Query] = {
    # What waits at customs and elsewhere
    "worklist": of(
        "exception_worklist market_kpi",
        f"""
        select exception_id, owner_role, any_value(regexp_replace(reason, ' \\(.*$', '')) as reason, count(*) as items,
            coalesce(sum(value_at_risk_usd), 0)::double as usd, min(act_from_on) as oldest_on
        from exception_worklist where act_from_on <= {TODAY} group by all order by usd desc, exception_id
        """,
    ),
    "items": of(
        "exception_worklist market_kpi",
        f"""
        select exception_id, owner_role, coalesce(order_no, document_no) as number, left_value, right_value,
            value_at_risk_usd::double as usd, act_from_on
        from exception_worklist where act_from_on <= {TODAY} and owner_role = 'customs'
        order by usd desc nulls last, number limit {TOP}
        """,
    ),
    "waiting": of(
        "fct_trade_ledger",
        """
        select waits_for, count(distinct order_key) as orders, sum(line_amount_usd)::double as usd,
            if(count(is_late) > 0, count(distinct order_key) filter (where is_late), null) as late,
            count(distinct order_key) filter (where newest - waits_since_at > interval 90 day) as old
        from fct_trade_ledger, (select max(waits_since_at) as newest from fct_trade_ledger)
        where waits_for is not null group by all order by usd desc nulls last, waits_for
        """,
    ),
    "clearance": of(
        "fct_trade_ledger",
        """
        with per_order as (
            select month, order_key, date_diff('second', min(declared_at), max(released_at)) / 3600.0 as hours
            from fct_trade_ledger where declared_at is not null and released_at is not null group by all
        )
        select (month || '-01')::date as month, median(hours) as median_hours, quantile_cont(hours, 0.9) as p90_hours,
            count(*) as orders
        from per_order where hours >= 0 group by all order by all
        """,
    ),
    "declarations": of(
        "declaration_risk",
        f"""
        select declaration_no, line_no, hs6_code, declared_on, false_probability, signals_en from declaration_risk
        order by false_probability desc, declaration_no, line_no limit {TOP}
        """,
    ),
    "under_way": of(
        "shipment_outlook",
        """
        select count(*) as shipments, count(*) filter (where late_probability >= 0.5) as likely_late,
            max(made_on) as made_on
        from shipment_outlook having count(*) > 0
        """,
    ),
    # Whom to trust
    "sellers": of(
        "fct_orders seller_score seller_limit",
        """
        with sold as (
            select seller_id, count(*) as orders, sum(total_amount_usd)::double as sales_usd
            from fct_orders where ordered_on > (select max(ordered_on) - 365 from fct_orders) group by all
        ),
        scores as (select * from seller_score qualify row_number() over (partition by seller_id
            order by as_of_on desc) = 1),
        limits as (select * from seller_limit qualify row_number() over (partition by seller_id
            order by as_of_on desc) = 1)
        select seller_id, orders, sales_usd, scores.grade, score, is_thin, scores.is_stale, stale_reason, note,
            outstanding_usd, overdue_usd, limit_usd, scores.as_of_on
        from sold inner join scores using (seller_id) left join limits using (seller_id)
        order by outstanding_usd desc nulls last, sales_usd desc nulls last, seller_id
        """,
    ),
    "grades": of(
        "credit_exposure",
        "from credit_exposure where as_of_on = (select max(as_of_on) from credit_exposure) order by grade",
    ),
    "credit_stale": of("credit_stale_market", "select * from credit_stale_market"),
    # Data quality
    "balance": of(
        "row_balance", "select state, sum(row_count)::double as rows from row_balance group by all order by all"
    ),
    "feeds": of(
        "row_balance",
        f"""
        select feed, sum(row_count)::double as rows,
            coalesce(sum(row_count) filter (where state = 'repaired'), 0)::double as repaired,
            coalesce(sum(row_count) filter (where state = 'superseded'), 0)::double as superseded,
            coalesce(sum(row_count) filter (where state = 'quarantined'), 0)::double as quarantined
        from row_balance where state <> 'pending' group by all
        order by quarantined / nullif(rows, 0) desc nulls last, feed limit {TOP}
        """,
    ),
    "quarantined": of(
        "quarantine",
        f"""
        select rule_id, any_value(feed) as feed, any_value(reason) as reason, count(*) as rows from quarantine
        group by rule_id order by rows desc, rule_id limit {TOP}
        """,
    ),
    "invariants": of(
        "fct_market_invariant fct_daily_invariant",
        """
        select invariant_id, severity, unit, sum(checked_count)::double as checked, sum(broken_count)::double as broken,
            sum(broken_amount)::double as amount
        from (select * from fct_market_invariant union all by name select * from fct_daily_invariant)
        group by all order by broken desc, invariant_id
        """,
    ),
    "stale": of("stale_market", "select * from stale_market"),
}
