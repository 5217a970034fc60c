"""Measures: the frames that the suites judge, taken from the run's database.

Belongs here: SQL that turns a batch into the columns that a suite names. Does not: thresholds (see expectations/).
Each frame holds only the columns that are needed, one frame at a time: a gate must not cost the memory of the batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass

# The feeds that carry the goods of a market, so that each is held against its own value. What is unresolved of another
# feed (fees, claims, disputes) is held against the market's trade: one of three disputes is no third of a market.
GOODS_FEEDS = ("order_lines", "shipment_lines", "declaration_lines")
# What people decide by hand: a file of many mistakes is theirs to mend, and keeps no trade from being published.
HAND_FEEDS = ("forecast_overrides", "order_decisions", "credit_decisions")
# The pseudo-market is quarantined as a whole: it has no ledger to be kept from.
REAL_MARKETS = "market <> 'ZZ'"
WITHOUT_MARKET = "(no market)"
INVARIANT_TABLES = ("marts.fct_daily_invariant", "marts.fct_market_invariant", "marts.fct_row_invariant")
INVARIANTS = (
    "payments_match_orders",
    "list_has_one_order_and_waybill",
    "departure_after_release",
    "delivered_within_ordered",
    "declared_value_is_explained",
    "allowance_of_a_person",
    "stock_is_conserved",
    "rebate_within_base",
    "rows_are_in_one_state",
)
# Fewer quarantined rows than these hold a market back only by more than this share of its value.
FEW_ROWS, MUCH = 5, 0.05


@dataclass(frozen=True)
class Measure:
    """One suite over one query: `table` is the asset that the verdict is reported on.

    tables: several assets at once, where a suite for each would cost more than what it judges; the query then says in
        its column `table` which asset a row speaks of.
    examples: a query with `?` for the market that gives (subject, _file, _row, value) of the rows behind a failed
    summary, where the frame itself has no rows of origin; `{table}` in it is the asset.
    """

    suite: str
    table: str
    query: str
    examples: str = ""
    tables: tuple[str, ...] = ()

    @property
    def speaks_of(self) -> tuple[str, ...]:
        """The assets that the verdict is reported on."""
        return self.tables or (self.table,)


def staged_batch(feeds: Sequence[str]) -> list[Measure]:
    """Per feed: rows without a state, and the share of value and of rows in quarantine, by market.

    Few rows count only when they hold much of the value: half a percent of a month with 150 orders is less than one.
    """
    query = f"""
        with arrived as (
            {_of_each(feeds, _ARRIVED)}
        ),
        stated as (
            {_of_each(feeds, _STATED)}
        ),
        traded as (
            select market, total_value as trade_value from stated where feed = 'order_lines'
        ),
        weighed as (
            select stated.*,
                case when stated.feed in {GOODS_FEEDS} then stated.total_value
                    else greatest(stated.total_value, traded.trade_value) end as market_value
            from stated
            left join traded using (market)
        )
        select arrived.market, 'staging.stg_' || arrived.feed as "table", arrived.feed as subject,
            (arrived.rows_read - coalesce(weighed.rows_stated, 0))::bigint as unaccounted_rows,
            case when weighed.quarantined_rows < {FEW_ROWS}
                    and weighed.quarantined_value <= {MUCH} * weighed.market_value then 0.0
                when weighed.market_value > 0
                then (100.0 * coalesce(weighed.quarantined_value, 0) / weighed.market_value)::double
                end as unresolved_value_pct,
            case when weighed.quarantined_rows < 10 or arrived.feed in {HAND_FEEDS} then 0.0
                else 100.0 * weighed.quarantined_rows / weighed.rows_stated end::double as unresolved_rows_pct
        from arrived
        left join weighed using (feed, market)
        where arrived.{REAL_MARKETS}
    """
    return [Measure("staging.staged_batch", "", query, _quarantined_rows("_market = ?"), _staged_tables(feeds))]


def reference(feeds: Sequence[str]) -> list[Measure]:
    """What is measured of what has no market; each feed is judged as one and blocks its own table."""
    query = f"""
        with arrived as (
            {_of_each(feeds, "select '{feed}' as feed, count(*) as rows_read from raw.{feed}")}
        ),
        stated as (
            {_of_each(feeds, _STATED.replace("_market", "''"))}
        )
        select '{WITHOUT_MARKET}' as market, 'staging.stg_' || arrived.feed as "table", arrived.feed as subject,
            (arrived.rows_read - coalesce(stated.rows_stated, 0))::bigint as unaccounted_rows,
            null::double as unresolved_value_pct,
            case when coalesce(stated.quarantined_rows, 0) < 10 or arrived.feed in {HAND_FEEDS} then 0.0
                else 100.0 * stated.quarantined_rows / stated.rows_stated end::double as unresolved_rows_pct
        from arrived
        left join stated using (feed)
    """
    return [Measure("staging.staged_batch", "", query, _quarantined_rows("? is not null"), _staged_tables(feeds))]


_ARRIVED = "select '{feed}' as feed, _market as market, count(*) as rows_read from raw.{feed} group by all"
# What a newer version of the same record has mended is resolved: it stays in quarantine as what it was, and holds
# nobody back. An older version that stands does not mend: what the broken one would have said is not known.
_STATED = """
            select '{feed}' as feed, _market as market, count(*) as rows_stated,
                count(*) filter (where state = 'quarantined' and not is_mended) as quarantined_rows,
                sum(value_amount) filter (where state <> 'superseded' and not is_mended) as total_value,
                sum(value_amount) filter (where state = 'quarantined' and not is_mended) as quarantined_value
            from (
                select state, value_amount, _market,
                    coalesce(
                        coalesce(newer_version, -1) > coalesce(_version, -1)
                        or (newer_version is not distinct from _version and newer_at > _event_at),
                        false
                    ) as is_mended
                from staging.stg_{feed}_judged
                left join (
                    select _record_key as newer_key, _version as newer_version, _event_at as newer_at
                    from staging.stg_{feed}_judged
                    where state in ('accepted', 'repaired') and _record_key in (
                        select _record_key from staging.stg_{feed}_judged where state = 'quarantined'
                    )
                ) on state = 'quarantined' and _record_key = newer_key
            )
            group by all
"""


def _staged_tables(feeds: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"staging.stg_{feed}" for feed in feeds)


def _of_each(feeds: Sequence[str], query: str) -> str:
    return " union all ".join(query.format(feed=feed) for feed in feeds)


def _quarantined_rows(of_market: str) -> str:
    return f"""
        select rules as subject, _file, _row, split_part('{{table}}', 'stg_', 2) as value
        from {{table}}_judged
        where state = 'quarantined' and {of_market}
        order by _file, _row
        limit 20
    """


def ledger() -> list[Measure]:
    """What is measured of ledger and marts before they are published."""
    return [
        Measure("ledger.reconciliation", "marts.fct_order_lines", _LINES_RECONCILED),
        Measure("ledger.reconciliation", "marts.fct_orders", _ORDERS_RECONCILED),
        Measure("ledger.reconciliation", "marts.fct_daily_demand", _DEMAND_RECONCILED),
        Measure("ledger.reconciliation", "marts.fct_shipments", _SHIPMENTS_RECONCILED),
        Measure("ledger.reconciliation", "marts.fct_declarations", _DECLARATIONS_RECONCILED),
        Measure("ledger.order_lines", "marts.fct_order_lines", _ORDER_LINES),
        Measure("ledger.daily_demand", "marts.fct_daily_demand", _DAILY_DEMAND),
        Measure("ledger.shipments", "marts.fct_shipments", _SHIPMENTS),
        Measure("ledger.declarations", "marts.fct_declarations", _DECLARATIONS),
        Measure("ledger.invariants", "", _INVARIANTS, tables=INVARIANT_TABLES),
    ]


_LINES_RECONCILED = """
    with entered as (
        select lines.market, count(*) as line_count, sum(lines.line_amount) as amount
        from intermediate.int_order_lines as lines
        semi join plan.mart_places as place on lines.market = place.market and lines.month = place.month
        group by all
    ),
    left_over as (
        select market, count(*) as line_count, sum(line_amount) as amount, sum(abs(line_amount)) as turnover,
            sum(abs(line_amount)) filter (where is_fx_missing) as turnover_without_rate
        from marts.fct_order_lines group by all
    )
    select entered.market, 'order lines' as subject,
        entered.line_count - coalesce(left_over.line_count, 0) as lost_rows,
        (entered.amount - coalesce(left_over.amount, 0))::double as lost_amount,
        case when left_over.turnover > 0
            then 100.0 * coalesce(left_over.turnover_without_rate, 0) / left_over.turnover end as value_without_rate_pct
    from entered left join left_over using (market)
"""
_ORDERS_RECONCILED = """
    with entered as (
        select market, count(distinct order_key) as order_count, sum(line_amount) as amount
        from marts.fct_order_lines group by all
    ),
    left_over as (
        select market, count(*) filter (where line_count > 0) as order_count,
            sum(sales_amount + reversal_amount + adjustment_amount) as amount,
            count(*) filter (where has_mixed_currencies) as mixed
        from marts.fct_orders group by all
    )
    select entered.market, 'orders' as subject,
        entered.order_count - coalesce(left_over.order_count, 0) as lost_rows,
        case when left_over.mixed = 0 then (entered.amount - coalesce(left_over.amount, 0))::double end as lost_amount,
        null::double as value_without_rate_pct
    from entered left join left_over using (market)
"""
_DEMAND_RECONCILED = """
    with entered as (
        select market,
            sum(case when leg_type = 'sale' then quantity else -quantity end) as units
        from marts.fct_order_lines
        where product_kind = 'product' and leg_type in ('sale', 'cancellation', 'return')
        group by all
    ),
    left_over as (
        select market, sum(sold_qty + reversed_qty) as units from marts.fct_daily_demand group by all
    )
    select entered.market, 'units' as subject, 0::bigint as lost_rows,
        (entered.units - coalesce(left_over.units, 0))::double as lost_amount,
        null::double as value_without_rate_pct
    from entered left join left_over using (market)
"""
_SHIPMENTS_RECONCILED = """
    with entered as (
        select shipments.market, count(*) as shipment_count
        from intermediate.int_shipments as shipments
        semi join plan.mart_places as place on shipments.market = place.market and shipments.month = place.month
        group by all
    ),
    left_over as (select market, count(*) as shipment_count from marts.fct_shipments group by all)
    select entered.market, 'shipments' as subject,
        entered.shipment_count - coalesce(left_over.shipment_count, 0) as lost_rows,
        null::double as lost_amount, null::double as value_without_rate_pct
    from entered left join left_over using (market)
"""
_DECLARATIONS_RECONCILED = """
    with entered as (
        select lines.market, count(*) as line_count, sum(lines.line_value_amount) as amount
        from intermediate.int_declaration_lines as lines
        semi join plan.mart_places as place on lines.market = place.market and lines.month = place.month
        group by all
    ),
    left_over as (
        select market, count(*) as line_count, sum(line_value_amount) as amount,
            sum(line_value_amount) filter (where is_fx_missing) as amount_without_rate
        from marts.fct_declarations group by all
    )
    select entered.market, 'declaration lines' as subject,
        entered.line_count - coalesce(left_over.line_count, 0) as lost_rows,
        (entered.amount - coalesce(left_over.amount, 0))::double as lost_amount,
        case when left_over.amount > 0
            then 100.0 * coalesce(left_over.amount_without_rate, 0) / left_over.amount end as value_without_rate_pct
    from entered left join left_over using (market)
"""
_ORDER_LINES = """
    with taken_back as (
        select reverses_line_key as line_key, sum(-quantity) as reversed_qty
        from marts.fct_order_lines
        where reverses_line_key is not null and reversal_basis = 'inferred'
        group by all
    )
    select lines.market, lines._file, lines._row, lines.leg_type as subject,
        (lines.line_amount - lines.quantity * lines.unit_price_amount)::double as amount_difference,
        case
            when lines.product_kind <> 'product' or lines.leg_type = 'adjustment' then 'as_its_leg'
            when (lines.leg_type = 'sale') = (lines.quantity > 0) then 'as_its_leg'
            else 'against_its_leg'
        end as leg_sign,
        strftime(lines.ordered_on, '%Y-%m') = lines.month as month_matches,
        (taken_back.reversed_qty - lines.quantity)::double as units_over_sale
    from marts.fct_order_lines as lines
    left join taken_back using (line_key)
"""
_DAILY_DEMAND = """
    select market, product_id as subject, sold_qty::double as sold_qty from marts.fct_daily_demand
"""
_SHIPMENTS = """
    with allocated as (
        select shipment_key, sum(allocated_weight_kg) as weight_kg, sum(allocated_freight_amount) as freight_amount
        from marts.fct_shipment_lines group by all
    )
    select shipments.market, shipments._file, shipments._row, shipments.waybill_no as subject,
        (abs(coalesce(shipments.weight_kg - allocated.weight_kg, 0))
            + abs(coalesce(shipments.freight_amount - allocated.freight_amount, 0)))::double as allocation_difference
    from marts.fct_shipments as shipments
    left join allocated using (shipment_key)
"""
_DECLARATIONS = """
    select market, _file, _row, declaration_no as subject, hs_code, duty_rate_pct::double as duty_rate_pct
    from marts.fct_declarations
"""
# By month: a broken file shows in its months and would drown in years. What the seed tolerates is off by nothing.
_EVERY_INVARIANT = " union all by name ".join(
    f"select '{table}' as \"table\", * from {table}" for table in INVARIANT_TABLES
)
_INVARIANTS = f"""
    with months as (
        select "table", market, month, invariant_id, unit,
            sum(broken_amount) as broken_amount, sum(broken_count) as broken_count, sum(checked_count) as checked_count,
            greatest(sum(abs(left_amount)), sum(abs(right_amount))) as whole_amount,
            min(split_part(examples, ';', 1)) filter (where is_broken) as example
        from ({_EVERY_INVARIANT}) group by all
    ),
    judged as (
        select months.*,
            case
                when broken_count < invariants.judged_from_count then 0
                when 100 * broken_amount > invariants.tolerated_pct * whole_amount then broken_amount
                else 0
            end::double as off_by
        from months inner join seeds.invariant as invariants using (invariant_id)
    )
    select "table", market,
        format('{{}} in {{}}: {{:.2f}} {{}} off, in {{}} of {{}}{{}}', invariant_id, month, broken_amount::double, unit,
            broken_count, checked_count,
            coalesce('; python -m orchestration.trace "' || example || '"', '')) as subject,
        format('{{:.2f}} {{}}', off_by, unit) as amount_in_words,
        {", ".join(f"case when invariant_id = '{name}' then off_by end as {name}" for name in INVARIANTS)}
    from judged
    order by off_by desc, market, month, unit
"""
