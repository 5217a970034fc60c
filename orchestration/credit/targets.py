"""Outcomes: who turned out bad after a day, by definitions that stand in a table.

Belongs here: the definitions, and outcomes of one day. Does not: what was known on the day (see `features/`), and many
days for training (see `samples.py`).

    hard       an instalment that falls due within the window stays unpaid for more than 90 days (`domain.md` d)
    platform   the marketplace's own view: disputes lost, receipts that do not come, a guarantee claim not paid back

A seller who has nothing due within the window has shown nothing, good or bad, and is immature or indeterminate; one who
is in arrears on the day, or younger than the observation, is left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from typing import TYPE_CHECKING, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

if TYPE_CHECKING:
    import duckdb

OUTCOMES = ("good", "bad", "indeterminate", "immature", "excluded")


@dataclass(frozen=True)
class TargetDefinition:
    """One definition of bad. Days are calendar days.

    An outcome is final `maturity_days` after the window: that is how long a bad fact needs to show. `horizon_days` is
    what a probability speaks of: a good seller who owed something for a part of it weighs only that part, so that a
    rate of bads is one per horizon whatever the length of the window.
    """

    code: str
    words: str
    observation_days: int = 365
    performance_days: int = 365
    horizon_days: int = 365
    maturity_days: int = 91
    arrears_days: int = 3  # an instalment unpaid for longer on the day: left out, or it would be bad in two windows
    past_due_days: int = 0  # an instalment unpaid for longer: bad; 0: instalments do not count
    late_days: int = 0  # an instalment paid later than that, but in time not to be bad: indeterminate
    disputes_lost: int = 0  # so many: bad, fewer: indeterminate; 0: disputes do not count
    disputes_lost_pct: float = 0.0  # above this share of the window's orders: bad
    receipt_days: int = 0  # a receipt later than that, or absent: bad; 0: receipts do not count
    claim_days: int = 0  # a guarantee claim paid and not recovered after so many days: bad; 0: claims do not count
    discredited_is_bad: bool = False  # customs lowers the firm to its lowest grade: bad

    def __post_init__(self) -> None:
        if min(self.performance_days, self.horizon_days) < 1 or min(self.observation_days, self.maturity_days) < 0:
            raise ValueError(f"target {self.code}: windows must not be negative, and last a day at least")
        waits = max(self.past_due_days + 1 if self.past_due_days else 0, self.receipt_days, self.claim_days)
        if self.maturity_days < waits:
            raise ValueError(f"target {self.code}: maturity of {self.maturity_days} days is below the {waits} of a bad")
        if not (self.past_due_days or self.disputes_lost or self.receipt_days or self.claim_days):
            raise ValueError(f"target {self.code}: nothing counts as bad")


HARD = TargetDefinition(
    "hard",
    "An instalment of an advance that falls due within twelve months stays unpaid for more than 90 days.",
    past_due_days=90,
    late_days=30,
)
HARD_BY_QUARTER = replace(
    HARD,
    code="hard_by_quarter",
    words="The same within three months, counted per year of debt: short histories give more, and fresher, rows.",
    performance_days=91,
)
PLATFORM = TargetDefinition(
    "platform",
    "Within twelve months: two disputes lost or more than one order in a hundred, a receipt more than 90 days late, a"
    " guarantee claim that was paid and not paid back within 90 days, or the lowest grade of customs.",
    disputes_lost=2,
    disputes_lost_pct=1.0,
    receipt_days=90,
    claim_days=90,
    discredited_is_bad=True,
)
DEFINITIONS = (HARD, HARD_BY_QUARTER, PLATFORM)

# Instalments due in the window, with the days for which each was owed: from the one before, or from the paying out.
_INSTALMENTS = """
    with
    schedule as (
        select repayments.seller_key, due_on, paid_at,
            due_on - coalesce(
                lag(due_on) over (partition by repayments.seller_key, repayments.advance_no order by due_on, seq),
                advances.paid_out_at::date, due_on - 30
            ) as owed_days
        from stg_repayments as repayments
        left join (
            select seller_key, advance_no, min(paid_out_at) as paid_out_at from stg_advances group by all
        ) as advances
            on repayments.advance_no = advances.advance_no and repayments.seller_key = advances.seller_key
        where repayments.seller_key is not null
    ),
    due as (
        select asked.as_of_on, schedule.*,
            coalesce(case when paid_at < $known_on then paid_at::date end, $known_on) - due_on as days_over,
            due_on >= asked.as_of_on as is_in_window,
            case when paid_at < asked.as_of_on then 0 else asked.as_of_on - due_on end as arrears
        from schedule
        inner join target_asked as asked on due_on < asked.as_of_on + $performance and due_on < $known_on
    ),
    judged as (
        select *,
            min(due_on) filter (where is_in_window and days_over > $past_due)
                over (partition by as_of_on, seller_key) as first_bad_due_on
        from due
    )
    select as_of_on, seller_key, any_value(first_bad_due_on) + $past_due + 1 as past_due_on,
        bool_or(is_in_window and days_over > $late) as is_late,
        coalesce(bool_or(not is_in_window and arrears > $arrears), false) as is_in_arrears,
        coalesce(sum(owed_days) filter (
            where is_in_window and due_on <= coalesce(first_bad_due_on, due_on)), 0)::double as owed_days
    from judged
    group by all
"""
_PLATFORM = """
    with
    lost as (
        select asked.as_of_on, seller_key, closed_at::date as lost_on,
            row_number() over (partition by asked.as_of_on, seller_key order by closed_at, case_no) as place
        from stg_disputes
        inner join target_asked as asked
            on opened_at >= asked.as_of_on and opened_at < asked.as_of_on + $performance
        where outcome_code = 'buyer_won' and closed_at < least($known_on, asked.as_of_on + $performance + $maturity)
            and seller_key is not null
    ),
    orders as (
        select asked.as_of_on, seller_key, count(distinct order_key)::double as orders
        from fct_trade_ledger
        inner join target_asked as asked
            on ordered_at >= asked.as_of_on and ordered_at < asked.as_of_on + $performance and ordered_at < $known_on
        where seller_key is not null
        group by all
    ),
    disputes as (
        select orders.as_of_on, orders.seller_key, orders, count(lost_on) as lost,
            min(lost_on) filter (
                where place >= $disputes_lost or 100 * place > $disputes_pct * orders) as disputes_lost_on
        from orders
        left join lost on orders.as_of_on = lost.as_of_on and orders.seller_key = lost.seller_key
        group by all
    ),
    receipts as (
        select asked.as_of_on, seller_key, min(receipt_due_on) + $receipt + 1 as receipt_absent_on
        from fct_payouts
        inner join target_asked as asked
            on receipt_due_on >= asked.as_of_on and receipt_due_on < asked.as_of_on + $performance
        where net_amount > 0 and $receipt > 0 and seller_key is not null
            and coalesce(case when received_on < $known_on then received_on end, $known_on) > receipt_due_on + $receipt
        group by all
    ),
    claims as (
        select asked.as_of_on, seller_key, min(paid_on) + $claim + 1 as claim_unpaid_on
        from stg_guarantee_claims
        inner join target_asked as asked
            on paid_on >= asked.as_of_on and paid_on < asked.as_of_on + $performance and paid_on + $claim < $known_on
        where $claim > 0 and seller_key is not null
            and not coalesce(claim_status = 'recovered' and changed_at::date <= paid_on + $claim, false)
        group by all
    ),
    grades as (
        select asked.as_of_on, seller_key, min(valid_from) as discredited_on
        from stg_sellers
        inner join target_asked as asked
            on valid_from >= asked.as_of_on and valid_from < asked.as_of_on + $performance and valid_from < $known_on
        where $discredited and customs_grade = 'discredited' and seller_key is not null
        group by all
    )
    select coalesce(disputes.as_of_on, receipts.as_of_on, claims.as_of_on, grades.as_of_on) as as_of_on,
        coalesce(disputes.seller_key, receipts.seller_key, claims.seller_key, grades.seller_key) as seller_key,
        coalesce(orders, 0) as orders, coalesce(lost, 0) as lost,
        case when $disputes_lost > 0 then disputes_lost_on end as disputes_lost_on,
        receipt_absent_on, claim_unpaid_on, discredited_on
    from disputes
    full join receipts on disputes.as_of_on = receipts.as_of_on and disputes.seller_key = receipts.seller_key
    full join claims
        on claims.as_of_on = coalesce(disputes.as_of_on, receipts.as_of_on)
        and claims.seller_key = coalesce(disputes.seller_key, receipts.seller_key)
    full join grades
        on grades.as_of_on = coalesce(disputes.as_of_on, receipts.as_of_on, claims.as_of_on)
        and grades.seller_key = coalesce(disputes.seller_key, receipts.seller_key, claims.seller_key)
"""
# Sellers who are known on the day, and since when.
_SELLERS = """
    with
    known as (
        select seller_key, min(joined_on) as since_on from stg_sellers where seller_key is not null group by all
        union all
        select seller_key, min(ordered_at)::date from fct_trade_ledger where seller_key is not null group by all
        union all
        select seller_key, min(paid_out_at)::date from stg_advances where seller_key is not null group by all
    )
    select asked.as_of_on, seller_key, min(since_on) as since_on
    from known
    inner join target_asked as asked on since_on < asked.as_of_on
    group by all
"""


def definition_table() -> pd.DataFrame:
    """One row per definition: code, words and every parameter."""
    return pd.DataFrame([{field.name: getattr(item, field.name) for field in fields(item)} for item in DEFINITIONS])


def newest_day(con: "duckdb.DuckDBPyConnection") -> date | None:
    """The day after the newest published order or receipt: what is known was known by then; None without either."""
    (row,) = con.execute("""
        select greatest(
            (select max(ordered_at)::date from fct_trade_ledger), (select max(received_on) from fct_payouts)
        ) + 1
    """).fetchall()
    return cast("date | None", row[0])


def target(
    con: "duckdb.DuckDBPyConnection", as_of_on: date, definition: TargetDefinition, *, known_on: date | None = None
) -> pd.DataFrame:
    """What became of each seller who was known on a day; see `outcomes`."""
    return outcomes(con, [as_of_on], definition, known_on=known_on)


def outcomes(
    con: "duckdb.DuckDBPyConnection",
    dates: Sequence[date],
    definition: TargetDefinition,
    *,
    known_on: date | None = None,
) -> pd.DataFrame:
    """as_of_on, seller_key, outcome, first_bad_on, reasons, exposure: one row per seller and day.

    outcome: one of OUTCOMES. exposure: for how much of the horizon the seller could have shown itself as bad (1: all of
    it). reasons: what was bad, or why there is no outcome, joined by ";". known_on: the day from whose view it is told
    (default `newest_day`): later facts are not seen. Raises ValueError without a day or without anything known.
    """
    known_on = known_on or newest_day(con)
    if not dates or known_on is None:
        raise ValueError(f"target {definition.code}: there is no day to ask about, or nothing is published")
    values = {
        "known_on": known_on,
        "performance": definition.performance_days,
        "maturity": definition.maturity_days,
    }
    try:
        con.execute("create or replace temp table target_asked (as_of_on date)")
        con.executemany("insert into target_asked values (?)", [(day,) for day in sorted(set(dates))])
        found = con.execute(_SELLERS).df()
        if definition.past_due_days:
            own = {"past_due": definition.past_due_days, "late": definition.late_days or definition.past_due_days}
            rows = con.execute(
                _INSTALMENTS,
                {"known_on": known_on, "performance": definition.performance_days, "arrears": definition.arrears_days}
                | own,
            ).df()
            found = found.merge(rows, on=["as_of_on", "seller_key"], how="left")
        if definition.disputes_lost or definition.receipt_days or definition.claim_days:
            rules: dict[str, float] = {
                "disputes_lost": definition.disputes_lost,
                "disputes_pct": definition.disputes_lost_pct if definition.disputes_lost_pct else 1e9,
                "receipt": definition.receipt_days,
                "claim": definition.claim_days,
                "discredited": definition.discredited_is_bad,
            }
            rows = con.execute(_PLATFORM, {**values, **rules}).df()
            found = found.merge(rows, on=["as_of_on", "seller_key"], how="left")
    finally:
        con.execute("drop table if exists temp.target_asked")
    return _judged(found, definition, known_on)


_BAD = {
    "past_due_on": "instalment past due",
    "disputes_lost_on": "disputes lost",
    "receipt_absent_on": "receipt absent",
    "claim_unpaid_on": "guarantee claim not paid back",
    "discredited_on": "discredited by customs",
}


def _judged(found: pd.DataFrame, definition: TargetDefinition, known_on: date) -> pd.DataFrame:
    count = len(found)
    as_of = pd.to_datetime(found["as_of_on"])
    days = {name: pd.to_datetime(found[name]) for name in _BAD if name in found}
    first_bad = pd.DataFrame(days).min(axis=1) if days else pd.Series(pd.NaT, index=found.index)
    said = np.full(count, "", dtype=object)
    for name, moments in days.items():
        mark = moments.notna().to_numpy()
        said[mark] = [f"{text};{_BAD[name]}" if text else _BAD[name] for text in said[mark]]

    def column(name: str) -> npt.NDArray[np.float64]:
        values = found[name] if name in found else pd.Series(0.0, index=found.index)
        return np.asarray(values.astype(float).fillna(0.0), dtype=np.float64)

    owed, orders = column("owed_days"), column("orders")
    by_debt, by_trade = definition.past_due_days > 0, "orders" in found
    exposure = np.minimum(owed / definition.horizon_days, 1.0) if by_debt else np.zeros(count)
    if by_trade:
        exposure = np.where(orders > 0, min(definition.performance_days / definition.horizon_days, 1.0), exposure)
    is_young = (as_of - pd.to_datetime(found["since_on"])).dt.days.to_numpy() < definition.observation_days
    final = as_of + pd.Timedelta(days=definition.performance_days + definition.maturity_days)
    is_bad = first_bad.notna().to_numpy()
    rules = [
        (column("is_in_arrears") > 0, "excluded", "in arrears on the day"),
        (is_young, "excluded", "observed for too short a time"),
        (is_bad, "bad", ""),
        ((final > pd.Timestamp(known_on)).to_numpy(), "immature", "the outcome is not final yet"),
        (exposure <= 0, "indeterminate", "nothing was due" if by_debt else "no orders"),
        (column("is_late") > 0, "indeterminate", "paid late"),
        (column("lost") > 0, "indeterminate", "disputes lost, but few"),
    ]
    outcome = np.select([rule for rule, _, _ in rules], [name for _, name, _ in rules], "good")
    words = np.select([rule for rule, _, _ in rules], [text for _, _, text in rules], "")
    reasons = np.where(outcome == "bad", said, words)
    return pd.DataFrame(
        {
            "as_of_on": as_of.dt.date,
            "seller_key": found["seller_key"],
            "outcome": outcome,
            "first_bad_on": first_bad.where(outcome == "bad").dt.date,
            "reasons": reasons,
            "exposure": np.where(outcome == "bad", 1.0, exposure),
        }
    ).sort_values(["as_of_on", "seller_key"], kind="stable", ignore_index=True)
