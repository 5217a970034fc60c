"""How near what an installation says of its trade comes to what the world's own records imply.

Belongs here: published tables beside the truth, and beside what naive rules would make of the same records. Does not:
the truth (see `orchestration/simulation/ledger_truth/`) and sizes and goals (see `ledger.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from orchestration.lake import Lake
from orchestration.ledger.as_of import ledger_as_of
from orchestration.settings import Settings
from orchestration.simulation.ledger_truth.delivered import Delivered, delivered_world, read_defects
from orchestration.simulation.ledger_truth.lines import (
    NO_STATE,
    STATES,
    Lines,
    ledger_lines,
    real_lines,
)
from orchestration.simulation.ledger_truth.matches import LEFT_OUT, expected_verdicts
from orchestration.simulation.ledger_truth.payouts import payouts, untold_orders
from orchestration.simulation.ledger_truth.ties import expected_ties
from orchestration.simulation.world.config import WorldConfig
from orchestration.sql import connect


@dataclass(frozen=True)
class Share:
    """Rows that a platform gives, rows that it should give, and those that are the same in both."""

    given: int
    wanted: int
    right: int

    @property
    def precision(self) -> float:
        """Right ones among those given; 1 where none is given and none wanted."""
        return self.right / self.given if self.given else float(not self.wanted)

    @property
    def recall(self) -> float:
        """Right ones among those wanted."""
        return self.right / self.wanted if self.wanted else float(not self.given)


@dataclass(frozen=True)
class Accuracy:
    """What was measured on one installation.

    shares: by rule, by feed of ties and by kind of payout. states: share of right states as of each day, and beside it
    the naive rule's, and the share of lines whose state is the real one. unexplained_cents: the largest error of a
    payout that is tied to its receipt. unexplained_total_pct: of the sum of all remainders, by currency the worst.
    """

    shares: Mapping[str, Share]
    naive: Mapping[str, Share]
    states: Mapping[date, tuple[float, float, float]]
    end_state: float
    unexplained_error: float
    unexplained_total_pct: float
    naive_unexplained_error: float
    differences: Sequence[str] = field(default_factory=tuple)


def accuracy(home: Path, config: WorldConfig) -> Accuracy:
    """Hold everything published in an installation against the truth of the world that it took in."""
    truth = Settings(home=home, catalog_uri="").world_truth
    delivered = delivered_world(config, read_defects(truth))
    lines = ledger_lines(delivered)
    real = real_lines(delivered_world(config))
    with connect(Lake(Settings(home=home, catalog_uri=""))) as con:
        held = [row[0] for row in con.execute("select distinct market from held_back").fetchall()]
        if held:
            raise RuntimeError(f"{home}: these markets are held back, so that nothing can be said: {held}")
        notes: list[str] = []
        shares = {**_verdicts(con, delivered, lines, notes), **_ties(con, delivered, notes)}
        money = _payouts(con, delivered, notes)
        shares |= money.shares
        states, end_state = _states(con, config, delivered, lines, real, notes)
        return Accuracy(
            shares=shares,
            naive=_naive_ties(con, delivered),
            states=states,
            end_state=end_state,
            unexplained_error=money.error,
            unexplained_total_pct=money.total_pct,
            naive_unexplained_error=money.naive_error,
            differences=notes,
        )


def days_to_ask(config: WorldConfig, count: int = 8) -> list[date]:
    """Days spread over the world's months, the last of them at its end."""
    year, month = (int(text) for text in config.month_list[0].split("-"))
    first = date(year, month, 1)
    year, month = (int(text) for text in config.month_list[-1].split("-"))
    last = date(year + month // 12, month % 12 + 1, 1)
    whole = (last - first).days
    return [first + timedelta(days=round(whole * (number + 1) / count)) for number in range(count)]


def _verdicts(con: duckdb.DuckDBPyConnection, delivered: Delivered, lines: Lines, notes: list[str]) -> dict[str, Share]:
    wanted = expected_verdicts(delivered, lines)
    given = con.execute(
        """
        select source_id, order_no, rule_id, replace(match_status, '_within_tolerance', '') as match_status
        from fct_match_result inner join stg_orders using (order_key)
        """
    ).df()
    given = given[~given["order_no"].isin(delivered.uncertain_orders) & ~given["rule_id"].isin(LEFT_OUT)]
    both = wanted.merge(given, on=["source_id", "order_no", "rule_id"], how="outer", suffixes=("_wanted", "_given"))
    found = {}
    for rule_id, its in both.groupby("rule_id"):
        is_right = its["match_status_wanted"].eq(its["match_status_given"])
        found[str(rule_id)] = Share(
            int(its["match_status_given"].notna().sum()),
            int(its["match_status_wanted"].notna().sum()),
            int(is_right.sum()),
        )
        notes += [
            f"{rule_id} {row.order_no}: {row.match_status_given}, expected {row.match_status_wanted}"
            for row in its[~is_right].head(3).itertuples()
        ]
    return found


def _ties(con: duckdb.DuckDBPyConnection, delivered: Delivered, notes: list[str]) -> dict[str, Share]:
    wanted = expected_ties(delivered)
    feeds = sorted(wanted["feed"].unique())
    given = con.execute(
        "select distinct feed, order_key, document_key from fct_trade_tie where feed in (select unnest(?))", [feeds]
    ).df()
    both = wanted.merge(given, on=["feed", "order_key", "document_key"], how="outer", indicator="side")
    found = {}
    for feed, its in both.groupby("feed"):
        right = int((its["side"] == "both").sum())
        missed, added = int((its["side"] == "left_only").sum()), int((its["side"] == "right_only").sum())
        found[f"tie of {feed}"] = Share(right + added, right + missed, right)
        notes += [
            f"tie of {feed}: {row.document_key} to order {row.order_key} is {row.side}"
            for row in its[its["side"] != "both"].head(3).itertuples()
        ]
    return found


def _naive_ties(con: duckdb.DuckDBPyConnection, delivered: Delivered) -> dict[str, Share]:
    """Ties by equal order numbers alone, the first document of each order; no lists of numbers, no payouts."""
    wanted = expected_ties(delivered)
    tables = {
        "payments": ("stg_payments", "payment_key", "paid_at"),
        "shipments": ("stg_shipments", "shipment_key", "shipped_at"),
        "declarations": ("stg_declarations", "declaration_key", "declared_at"),
    }
    found = {}
    for feed, (table, key, moment) in tables.items():
        given = con.execute(
            f"""
            select orders.order_key, min_by(documents.{key}, documents.{moment}) as document_key
            from stg_orders as orders
            inner join {table} as documents on orders.order_no = documents.order_no
            group by orders.order_key
            """
        ).df()
        its = wanted[wanted["feed"] == feed]
        right = len(its.merge(given, on=["order_key", "document_key"]))
        found[f"tie of {feed}"] = Share(len(given), len(its), right)
    return found


@dataclass(frozen=True)
class _Money:
    shares: Mapping[str, Share]
    error: float
    total_pct: float
    naive_error: float


def _payouts(con: duckdb.DuckDBPyConnection, delivered: Delivered, notes: list[str]) -> _Money:
    wanted = payouts(delivered)
    wanted["month"] = [
        str(pd.Period(month, "M") + 1) if kind == "collection" else month
        for month, kind in zip(wanted["month"], wanted["payout_kind"], strict=True)
    ]
    given = con.execute(
        """
        select payout_kind, payout_no, seller_id, market, month, net_amount::double as net_amount, receipt_no,
            receipt_currency_code, unexplained_amount::double as unexplained_amount,
            (received_amount + bank_charge_amount - net_amount)::double as plain_difference
        from fct_payouts
        """
    ).df()
    parts = [
        wanted[wanted["payout_kind"] == kind].merge(
            given[given["payout_kind"] == kind], on=on, how="left", suffixes=("_wanted", "_given")
        )
        for kind, on in (("settlement", ["payout_no"]), ("collection", ["seller_id", "market", "month"]))
    ]
    shares: dict[str, Share] = {}
    sure = []
    for kind, both in zip(("settlement", "collection"), parts, strict=True):
        its = both[both["is_certain"].astype(bool)]
        has_given, has_wanted = its["receipt_no_given"].notna(), its["receipt_no_wanted"].notna()
        is_right = has_given & its["receipt_no_given"].eq(its["receipt_no_wanted"])
        shares[f"receipt of a {kind}"] = Share(int(has_given.sum()), int(has_wanted.sum()), int(is_right.sum()))
        is_sum = (its["net_amount_wanted"] - its["net_amount_given"]).abs() < 0.005
        shares[f"sum of a {kind}"] = Share(int(its["net_amount_given"].notna().sum()), len(its), int(is_sum.sum()))
        sure.append(its[is_right])
    tied = pd.concat(sure, ignore_index=True)
    error = (tied["unexplained_amount_wanted"] - tied["unexplained_amount_given"].astype(float)).abs()
    notes += [
        f"remainder of {row.receipt_no_wanted}: {row.unexplained_amount_given},"
        f" expected {row.unexplained_amount_wanted}"
        for row in tied[error > 0.005].head(5).itertuples()
    ]
    totals = tied.groupby("receipt_currency_code_wanted")[
        ["unexplained_amount_wanted", "unexplained_amount_given"]
    ].sum()
    size = tied["unexplained_amount_wanted"].abs().groupby(tied["receipt_currency_code_wanted"]).sum()
    off = (totals["unexplained_amount_wanted"] - totals["unexplained_amount_given"].astype(float)).abs()
    share = (off / size.where(size > 0)).fillna(off.gt(0.005).astype(float)) * 100
    naive = (tied["unexplained_amount_wanted"] - tied["plain_difference"]).abs()
    return _Money(shares, float(error.max()), float(share.max()) if len(share) else 0.0, float(naive.max()))


# What one would write first: the name of the last thing that happened.
_NAIVE_AS_OF = """
select line_key, arg_max(event_name, event_at) as state from fct_trade_event where event_at <= $moment group by line_key
"""


def _states(
    con: duckdb.DuckDBPyConnection,
    config: WorldConfig,
    delivered: Delivered,
    lines: Lines,
    real: Lines,
    notes: list[str],
) -> tuple[dict[date, tuple[float, float, float]], float]:
    unsure = delivered.uncertain_orders | untold_orders(delivered)
    is_sure = ~lines.frame["order_no"].isin(unsure).to_numpy(bool)
    found = {}
    for day in days_to_ask(config):
        moment = datetime(day.year, day.month, day.day) - timedelta(seconds=1)  # noqa: DTZ001  # tables are naive UTC
        seconds = int(moment.replace(tzinfo=UTC).timestamp())
        given = ledger_as_of(con, moment).df().set_index("line_key")["state"]
        naive = con.execute(_NAIVE_AS_OF, {"moment": moment}).df().set_index("line_key")["state"]
        wanted = _named(lines, seconds)
        asked = is_sure & (lines.states(seconds) != NO_STATE)
        right = _equal(given, wanted[asked])
        notes += [
            f"state of {key} on {day}: {given.get(key)}, expected {wanted[key]}"
            for key in wanted[asked].index[~right][:3]
        ]
        really = _named(real, seconds)[real.states(seconds) != NO_STATE]
        found[day] = (
            float(right.mean()) if len(right) else 1.0,
            float(_equal(naive, wanted[asked]).mean()) if asked.any() else 1.0,
            float(_equal(given, really).mean()) if len(really) else 1.0,
        )
    ended = con.execute("select line_key, state from fct_trade_ledger").df().set_index("line_key")["state"]
    last = int(datetime(9999, 1, 1, tzinfo=UTC).timestamp())
    wanted = _named(lines, last)[is_sure]
    right = _equal(ended, wanted)
    notes += [f"state of {key} now: {ended.get(key)}, expected {wanted[key]}" for key in wanted.index[~right][:5]]
    return found, float(right.mean())


def _named(lines: Lines, at: int) -> "pd.Series[str]":
    names = np.array([*STATES, ""], dtype=object)
    return pd.Series(names[lines.states(at)], index=lines.frame["line_key"])


def _equal(given: "pd.Series[str]", wanted: "pd.Series[str]") -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    return np.asarray(given.reindex(wanted.index).to_numpy(object) == wanted.to_numpy(object), dtype=bool)
