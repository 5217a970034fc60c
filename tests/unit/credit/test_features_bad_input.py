"""Sellers of whom little, nothing or nonsense is known, and outcomes by hand."""

from datetime import date, datetime, timedelta

import duckdb
import numpy as np
import pytest

from orchestration.credit.characteristics import CHARACTERISTICS
from orchestration.credit.features import features_at, seller_features
from orchestration.credit.features.likeness import mean_among_alike, share_among_alike
from orchestration.credit.features.shrinking import ratio_to_expected, share
from orchestration.credit.samples import samples, snapshot_dates
from orchestration.credit.targets import HARD, PLATFORM, TargetDefinition, definition_table, target
from tests.credit_facts import add, facts_lake

AS_OF = date(2025, 9, 1)


def moment(text: str) -> datetime:
    """The beginning of a day in UTC, without a zone, as the published tables hold it."""
    return datetime.fromisoformat(text)


def ordered(con: duckdb.DuckDBPyConnection, key: str, seller: str | None, at: datetime, **more: object) -> None:
    """A line that went well: paid in an hour, declared in a day, delivered in nine, received in 25."""
    row = {
        "market": "GB", "currency_code": "GBP", "line_amount": 40, "line_amount_usd": 50, "quantity": 1,
        "paid_at": at + timedelta(hours=1), "declared_at": at + timedelta(days=1),
        "released_at": at + timedelta(days=2), "shipped_at": at + timedelta(days=2),
        "delivered_at": at + timedelta(days=9), "received_at": at + timedelta(days=25),
        "promised_on": (at + timedelta(days=12)).date(), "declaration_key": f"d-{key}",
    } | more  # fmt: skip
    add(con, "fct_trade_ledger", order_key=key, seller_key=seller, ordered_at=at, **row)  # type: ignore[arg-type]
    if not con.execute("select 1 from fct_orders where order_key = ?", [key]).fetchall():
        add(con, "fct_orders", order_key=key, customer_key=f"c-{key}")


@pytest.fixture
def con() -> duckdb.DuckDBPyConnection:
    con = facts_lake()
    for seller in ("silent", "single", "torn", "usual"):
        add(con, "stg_sellers", seller_key=seller, seller_id=seller.upper(), valid_from=date(2023, 1, 1),
            joined_on=date(2023, 1, 1), changed_at=moment("2023-01-02"), tax_grade="B")  # fmt: skip
    ordered(con, "o1", "single", moment("2025-07-01"))
    for number in range(30):
        ordered(con, f"u{number}", "usual", moment("2024-11-03") + timedelta(days=9 * number))
    # The same order in two currencies, one of them without a rate; a payout in a third.
    ordered(con, "t1", "torn", moment("2025-06-01"))
    ordered(con, "t1", "torn", moment("2025-06-01"), currency_code="XXX", line_amount_usd=None)
    add(con, "fct_payouts", seller_key="torn", market="GB", currency_code="JPY", net_amount=9000,
        receipt_due_on=date(2025, 7, 1), received_on=date(2025, 7, 1))  # fmt: skip
    add(con, "fct_payouts", seller_key="torn", market="GB", currency_code="GBP", net_amount=1,
        receipt_due_on=date(2025, 7, 1))  # fmt: skip
    ordered(con, "nobody", None, moment("2025-06-01"))
    return con


def test_a_seller_without_history_has_a_row_and_no_figures(con: duckdb.DuckDBPyConnection) -> None:
    found = seller_features(con, AS_OF).set_index("seller_key")
    assert set(found.index) == {"silent", "single", "torn", "usual"}
    silent = found.loc["silent"]
    assert (silent["evidence_orders"], silent["seller_id"], silent["tax_grade_mean"]) == (0, "SILENT", 3)
    assert silent[["orders_12m", "late_ratio", "dispatch_pace", "receipt_coverage", "dispute_ratio"]].isna().all()
    # A feature that is missing for all stays so: nobody has ever had an advance or claimed a rebate.
    assert found[["expected_price", "expected_late_share", "rebate_days", "fx_grade"]].isna().all(axis=None)
    assert {item.name for item in CHARACTERISTICS} <= set(found.columns)


def test_one_order_is_pulled_to_the_others_and_two_currencies_make_no_sum(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("update fct_trade_ledger set delivered_at = ordered_at + interval 30 day where order_key = 'o1'")
    found = seller_features(con, AS_OF).set_index("seller_key")
    single, torn, usual = found.loc["single"], found.loc["torn"], found.loc["usual"]
    assert (single["orders_12m"], single["evidence_orders"]) == (1, 1)
    # Late in one of one, where a thirtieth would be usual.
    assert usual["late_ratio"] < 1 < single["late_ratio"] < 30
    assert np.isnan(single["market_concentration"])
    assert (torn["orders_12m"], usual["orders_12m"]) == (1, 30)
    assert np.isnan(torn["sales_12m_usd"])
    assert usual["sales_12m_usd"] == 1500
    assert torn["receipt_coverage"] == 0.5


def test_nothing_published_gives_no_rows_and_no_day_is_refused() -> None:
    assert seller_features(facts_lake(), AS_OF).empty
    with pytest.raises(ValueError, match="at least one day"):
        features_at(facts_lake(), [])


def test_rates_of_few_cases_are_pulled_and_nothing_stays_nothing() -> None:
    cases = np.array([0.0, 3.0, 40.0, 100.0, np.nan, 0.0])
    trials = np.array([2.0, 3.0, 400.0, 500.0, np.nan, 0.0])
    found = share(cases, trials)
    assert found[0] > 0
    assert found[1] < 1
    assert abs(found[3] - 0.2) < 0.02
    assert np.isnan(found[4:]).all()
    assert np.isnan(ratio_to_expected(np.array([1.0]), np.array([0.0]))).all()
    assert np.isnan(share_among_alike(np.zeros(3), np.zeros(3), np.zeros((3, 1)))).all()


def test_sellers_alike_fill_what_a_seller_has_not_shown() -> None:
    generator = np.random.default_rng(5)
    trait = generator.normal(size=4000)
    chance = 1 / (1 + np.exp(2 - trait))
    trials = np.where(np.arange(4000) % 2, generator.integers(1, 12, 4000), 0)
    traits = np.column_stack([np.where(np.arange(4000) % 5, trait, np.nan), trait + generator.normal(size=4000)])
    found = share_among_alike(generator.binomial(trials, chance).astype(float), trials.astype(float), traits)
    unseen = trials == 0
    assert np.corrcoef(found[unseen], chance[unseen])[0, 1] > 0.9
    values = trait + generator.normal(size=4000)
    means = mean_among_alike(values, np.square(values), (trials > 0).astype(float), traits)
    assert np.corrcoef(means[unseen], trait[unseen])[0, 1] > 0.9


def owed(con: duckdb.DuckDBPyConnection, seller: str, *days_late: int | None) -> None:
    """An advance of 1 September 2024 whose instalments were paid so many days late, or not at all."""
    add(con, "stg_advances", seller_key=seller, advance_no=f"A-{seller}", paid_out_at=moment("2024-09-01"))
    for seq, late in enumerate(days_late, start=1):
        due = date(2024, 9, 1) + timedelta(days=30 * seq)
        paid = None if late is None else moment(due.isoformat()) + timedelta(days=late)
        add(con, "stg_repayments", seller_key=seller, advance_no=f"A-{seller}", seq=seq, due_on=due, paid_at=paid)


def test_hard_outcomes_of_a_year_with_debts() -> None:
    con = facts_lake()
    stories = {
        "prompt": (0, 0, 0), "stops": (0, None, None), "ninety": (0, 90), "more": (0, 91), "slow": (0, 60),
        "free": (), "young": (0, 0),
    }  # fmt: skip
    for seller, days in stories.items():
        joined = date(2024, 8, 1) if seller == "young" else date(2020, 1, 1)
        add(con, "stg_sellers", seller_key=seller, valid_from=joined, joined_on=joined)
        owed(con, seller, *days)
    found = target(con, date(2024, 9, 2), HARD, known_on=date(2026, 1, 1)).set_index("seller_key")
    assert found["outcome"].to_dict() == {
        "prompt": "good", "stops": "bad", "ninety": "indeterminate", "more": "bad", "slow": "indeterminate",
        "free": "indeterminate", "young": "excluded",
    }  # fmt: skip
    assert found.loc["stops", "first_bad_on"] == date(2024, 10, 31) + timedelta(days=91)
    assert found.loc["prompt", "exposure"] == pytest.approx(90 / 365)
    assert found.loc["free", "reasons"] == "nothing was due"
    # Seen too early nothing is final, and what is bad already is bad.
    early = target(con, date(2024, 9, 2), HARD, known_on=date(2025, 3, 1)).set_index("seller_key")
    assert (early.loc["prompt", "outcome"], early.loc["stops", "outcome"]) == ("immature", "bad")
    # On a later day the one who stopped is in arrears: no new outcome begins there.
    later = target(con, date(2024, 12, 1), HARD, known_on=date(2026, 1, 1)).set_index("seller_key")
    assert later.loc["stops", "reasons"] == "in arrears on the day"
    made = samples(con, HARD, [date(2024, 9, 2)], known_on=date(2026, 1, 1))
    assert made.frame.set_index("seller_key")["weight"].to_dict() == {"more": 1, "stops": 1, "prompt": 90 / 365}
    assert made.counts[["good", "bad", "indeterminate", "excluded"]].to_numpy().tolist() == [[1, 2, 3, 1]]
    assert len(made.before(date(2025, 12, 2))) == 3
    assert made.before(date(2025, 12, 1)).empty


def test_platform_outcomes_and_definitions() -> None:
    con = facts_lake()
    for seller in ("fine", "unpaid", "lost", "once"):
        add(con, "stg_sellers", seller_key=seller, valid_from=date(2020, 1, 1), joined_on=date(2020, 1, 1))
        for number in range(120):
            ordered(con, f"{seller}{number}", seller, moment("2024-01-02") + timedelta(days=number))
    add(con, "fct_payouts", seller_key="unpaid", market="GB", net_amount=5, receipt_due_on=date(2024, 3, 1))
    for seller, count in (("lost", 2), ("once", 1)):
        for number in range(count):
            add(con, "stg_disputes", case_no=f"{seller}{number}", seller_key=seller, opened_at=moment("2024-04-01"),
                closed_at=moment("2024-04-20"), outcome_code="buyer_won")  # fmt: skip
    found = target(con, date(2024, 1, 1), PLATFORM, known_on=date(2025, 9, 1)).set_index("seller_key")
    assert found["outcome"].to_dict() == {"fine": "good", "unpaid": "bad", "lost": "bad", "once": "indeterminate"}
    assert found.loc["unpaid", "reasons"] == "receipt absent"
    assert {"hard", "platform"} <= set(definition_table()["code"])
    with pytest.raises(ValueError, match="maturity of 30 days"):
        TargetDefinition("quick", "", past_due_days=90, maturity_days=30)


def test_snapshots_are_first_days_of_months() -> None:
    assert snapshot_dates(date(2024, 11, 2), date(2025, 3, 1)) == [date(2024, 12, 1), date(2025, 3, 1)]
