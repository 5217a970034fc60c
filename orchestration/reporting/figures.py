"""What the pictures of operations show, read from published tables: by market and month.

Belongs here: queries. Does not: definitions of figures (seed `metric_definition`), drawing (see `plots.py`).
No clock is read: a market's last day with an order is its today, and what is due later counts as not yet known.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from orchestration.lake import Lake
from orchestration.modeling.manifest import published_models

if TYPE_CHECKING:
    import duckdb

TABLES = ("fct_trade_ledger", "market_kpi", "exception_worklist")


@dataclass(frozen=True)
class Series:
    """One line of a picture: its name, its months (each by its first day) and a value for each, None where unknown."""

    name: str
    months: tuple[date, ...]
    values: tuple[float | None, ...]


@dataclass(frozen=True)
class Panel:
    """The lines of one market."""

    market: str
    series: tuple[Series, ...]


@dataclass(frozen=True)
class Reason:
    """A reason of the worklist, with what is to be done now."""

    exception_id: str
    owner_role: str
    item_count: int
    value_at_risk_usd: float


@dataclass(frozen=True)
class Operations:
    """All that is drawn of some markets. `as_of`: the last day on which one of them had an order."""

    as_of: date | None
    clearance: tuple[Panel, ...]
    delivery: tuple[Panel, ...]
    matching: tuple[Panel, ...]
    unexplained: tuple[Panel, ...]
    reasons: tuple[Reason, ...]


_CLEARANCE = """
    with per_order as (
        select market, month, order_key,
            date_diff('second', min(declared_at), max(released_at)) / 3600.0 as hours
        from fct_trade_ledger where declared_at is not null and released_at is not null group by all
    )
    select market, (month || '-01')::date, 'median', quantile_cont(hours, 0.5)
    from per_order where hours >= 0 group by all
    union all
    select market, (month || '-01')::date, 'nine of ten', quantile_cont(hours, 0.9)
    from per_order where hours >= 0 group by all
"""
_KPI = """
    with last_days as (select market, max(kpi_on) as as_of from market_kpi where kpi_id = 'orders' group by all)
    select market, date_trunc('month', kpi_on)::date, kpi_id,
        case when count(denominator) = 0 then sum(numerator) else 100 * sum(numerator) / nullif(sum(denominator), 0) end
    from market_kpi inner join last_days using (market)
    where kpi_id in ({ids}) and kpi_on <= as_of
    group by all
"""


def connect(lake: Lake, markets: Sequence[str]) -> "duckdb.DuckDBPyConnection":
    """An in-memory DuckDB with what these markets have published of the tables that are drawn."""
    import duckdb

    con = duckdb.connect()
    con.execute("set TimeZone = 'UTC'")
    pins = lake.pins()
    for name in TABLES:
        model = published_models()[name]
        pin = pins.get(model.spec.name)
        files = lake.data_files(pin.table, pin.snapshot_id, markets=markets) if pin else []
        con.execute(f"create view {name} as select * from {lake.relation_sql(model.spec, files)}")
    return con


def read_operations(con: "duckdb.DuckDBPyConnection", *, most_markets: int) -> Operations:
    """What is drawn: of the markets with most orders, the most important first."""
    ranked = con.execute(
        "select market, max(kpi_on) from market_kpi where kpi_id = 'orders'"
        " group by market order by sum(numerator) desc, market"
    ).fetchall()
    markets = [str(row[0]) for row in ranked[:most_markets]]
    as_of = max((row[1] for row in ranked), default=None)
    return Operations(
        as_of=as_of,
        clearance=_panels(con, _CLEARANCE, markets, {"median": "median", "nine of ten": "nine of ten"}),
        delivery=_panels(con, _kpi("on_time_pct", "perfect_order_pct"), markets, {
            "on_time_pct": "on time", "perfect_order_pct": "perfect",
        }),
        matching=_panels(con, _kpi("matching_success_pct"), markets, {"matching_success_pct": "matched"}),
        unexplained=_panels(con, _kpi("unexplained_remainder_usd"), markets, {"unexplained_remainder_usd": "USD"}),
        reasons=_reasons(con, as_of),
    )  # fmt: skip


def _kpi(*ids: str) -> str:
    return _KPI.format(ids=", ".join(f"'{kpi_id}'" for kpi_id in ids))


def _panels(
    con: "duckdb.DuckDBPyConnection", query: str, markets: Sequence[str], names: dict[str, str]
) -> tuple[Panel, ...]:
    found: dict[tuple[str, str], list[tuple[date, float | None]]] = {}
    for market, month, name, value in con.execute(f"select * from ({query}) order by all").fetchall():
        found.setdefault((market, name), []).append((month, value))
    panels = []
    for market in markets:
        series = tuple(
            Series(words, *(tuple(column) for column in zip(*found[market, name], strict=True)))
            for name, words in names.items()
            if (market, name) in found
        )
        if series:
            panels.append(Panel(market, series))
    return tuple(panels)


def _reasons(con: "duckdb.DuckDBPyConnection", as_of: date | None) -> tuple[Reason, ...]:
    rows = con.execute(
        """
        select exception_id, owner_role, count(*), coalesce(sum(value_at_risk_usd), 0)::double
        from exception_worklist where act_from_on <= $as_of group by all order by 4 desc, 1
        """,
        {"as_of": as_of},
    ).fetchall()
    return tuple(Reason(*row) for row in rows)
