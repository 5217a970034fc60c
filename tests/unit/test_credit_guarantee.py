"""Guarantee: credibility, prices, the reserve and whether it holds, claims against the terms of the day."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from orchestration.credit.guarantee.claims import judged_claims
from orchestration.credit.guarantee.offers import make_offers
from orchestration.credit.guarantee.rates import shrunken_rates
from orchestration.credit.guarantee.reserve import Book, reserve_for, share_interval, shock_deviations, simulate
from orchestration.credit.policy import read_policy

AS_OF = date(2026, 9, 1)
POLICY = read_policy(AS_OF)
RATES = {"USD": 1.0, "EUR": 1.1}


def test_who_has_sold_little_is_priced_as_his_market_and_who_has_sold_much_as_himself() -> None:
    rng = np.random.default_rng(1)
    orders = np.concatenate([np.full(300, 4000), [1, 4000]])
    true = 0.02 * rng.gamma(2.0, 0.5, 302)
    true[-1] = 0.06
    cells = pd.DataFrame({"market": "GB", "order_count": orders, "event_count": rng.poisson(orders * true)})
    cells.loc[300, "event_count"] = 1
    rates = shrunken_rates(cells)
    market = float(rates["market_rate"].iloc[0])
    assert abs(market - 0.02) < 0.003
    # One order with one event tells nothing; four thousand orders tell nearly all.
    assert rates["rate"].iloc[300] < 2 * market
    assert rates["rate"].iloc[301] == pytest.approx(cells["event_count"].iloc[301] / 4000, rel=0.05)
    assert rates["credibility"].iloc[301] > 0.95
    # Where sellers do not differ, nobody is told from his market.
    alike = pd.DataFrame({"market": "GB", "order_count": 1000, "event_count": rng.poisson(10.0, 400)})
    assert float(shrunken_rates(alike)["credibility"].max()) < 0.25


def book(claims: float = 20.0, deviation: float = 0.3) -> Book:
    losses = (np.array([50.0, 100.0, 400.0]), np.array([80.0]))
    mean = claims * 183.333 + claims / 2 * 80.0
    return Book(
        ("GB", "FR"),
        np.array([claims, claims / 2]),
        losses,
        np.array([mean * 0.8, mean * 0.5]),
        np.full(200, 0.05 / 12),
        np.full((200, 2), 150.0),
        deviation,
        0.15,
        0.1,
    )


def test_the_reserve_holds_on_other_paths_and_common_shocks_cost() -> None:
    drawn = simulate(book(), 4000, 1)
    assert np.array_equal(drawn.need, simulate(book(), 4000, 1).need)
    # Claims of two years, without and with those of failed sellers.
    expected = 24 * (20 * 183.333 + 10 * 80.0) + 24 * 200 * 0.05 / 12 * 300.0
    assert drawn.by_market.sum(axis=1).mean() == pytest.approx(expected, rel=0.02)
    reserve = reserve_for(drawn.deepest, 0.99)
    held = int((simulate(book(), 4000, 2).deepest <= reserve).sum())
    low, high = share_interval(held, 4000)
    assert held / 4000 >= 0.99
    assert low < held / 4000 < high
    calm = reserve_for(simulate(book(deviation=0.0), 4000, 1).deepest, 0.99)
    assert reserve > 1.1 * calm
    # Many claims are drawn as sums, and give the same.
    large = simulate(book(claims=400_000.0), 100, 1).by_market[:, 0]
    assert large.mean() == pytest.approx(24 * 400_000 * 183.333, rel=0.05)


def test_shocks_are_read_from_months_and_never_taken_for_none() -> None:
    rng = np.random.default_rng(3)
    expected = np.full((60, 12), 200.0)
    common, own = rng.gamma(1 / 0.09, 0.09, (60, 1)), rng.gamma(1 / 0.04, 0.04, (60, 12))
    found = shock_deviations(rng.poisson(expected * common * own).astype(float), expected)
    assert found == pytest.approx((0.3, 0.2), abs=0.08)
    assert shock_deviations(rng.poisson(expected).astype(float), expected) == (0.10, 0.15)


def test_a_price_is_above_its_expected_loss_and_nobody_stale_or_unscored_gets_one() -> None:
    months = pd.DataFrame(
        [
            {
                "seller_id": seller,
                "market": "GB",
                "month": pd.Timestamp(2024, 9, 1) + pd.DateOffset(months=number),
                "order_count": 100,
                "order_usd": 10_000.0,
                "covered_usd": 9_000.0,
            }
            for seller in ("S1", "S2", "S3", "S4")
            for number in range(24)
        ]
    )
    days = pd.date_range("2025-01-01", periods=30, freq="7D")
    events = pd.DataFrame(
        {
            "seller_id": "S1",
            "market": "GB",
            "ordered_on": days,
            "order_usd": 100.0,
            "covered_usd": 90.0,
            "kind": "dispute",
            "loss_share": 0.8,
            "is_called": [True, False] * 15,
        }
    )
    sellers = pd.DataFrame(
        {
            "seller_id": ["S1", "S2", "S3"],
            "grade": ["A", "A", "F"],
            "probability": [0.01, 0.01, 0.5],
            "is_stale": [False, True, False],
        }
    )
    claims = pd.DataFrame({"paid_usd": [90.0, 90.0], "recovered_usd": [90.0, 0.0]})
    rows = make_offers(months, events, claims, sellers, POLICY, AS_OF).set_index("seller_id")
    assert rows["is_offered"].to_dict() == {"S1": True, "S2": False, "S3": False, "S4": False}
    assert rows["reason"].loc[["S2", "S3", "S4"]].tolist() == [
        "The score is stale: nothing new is guaranteed until it can be made again.",
        "Grade F is not covered.",
        "No score, so no guarantee.",
    ]
    first = rows.loc["S1"]
    assert first["severity_pct"] == pytest.approx(80.0)
    assert first["call_pct"] == pytest.approx(50.0)
    assert first["recovery_pct"] == pytest.approx(100 / 12, abs=1e-3)
    by_events = first["dispute_rate_pct"] * 0.8 * 0.5 * (1 - 1 / 12)
    assert first["expected_loss_pct"] == pytest.approx(by_events + 100 * 0.01 * 1.5 / 12 * 0.5, abs=1e-3)
    assert first["price_pct"] == pytest.approx(first["expected_loss_pct"] + first["margin_pct"], abs=1e-3)
    assert first["dispute_rate_pct"] > rows.loc["S2", "dispute_rate_pct"]


def claim(number: str, **changes: object) -> dict[str, object]:
    return {
        "claim_no": number,
        "market": "GB",
        "seller_id": "S1",
        "order_no": f"O{number}",
        "case_no": None,
        "claimed_at": pd.Timestamp("2026-08-20"),
        "claim_status": "submitted",
        "claimed_amount": 80.0,
        "paid_amount": None,
        "recovered_amount": None,
        "currency_code": "USD",
        "paid_on": None,
        "order_key": f"K{number}",
        "order_currency_code": "USD",
        "payable_amount": 100.0,
        "order_usd": 100.0,
        "ordered_at": pd.Timestamp("2026-07-01"),
        "promised_on": pd.Timestamp("2026-07-20"),
        **changes,
    }


def test_claims_get_what_the_terms_of_their_day_pay_and_the_rest_is_refused_with_its_reason() -> None:
    rows = [
        claim("1"),
        claim("2", claimed_amount=100.0),
        claim("3", order_usd=20_000.0, payable_amount=20_000.0, claimed_amount=9_000.0),
        claim("4", claimed_at=pd.Timestamp("2026-07-22")),
        claim("5", order_key="K1", claimed_at=pd.Timestamp("2026-08-21")),
        claim("6", currency_code="EUR", claimed_amount=50.0),
        claim("7", currency_code="XXX"),
        claim("8", order_usd=None),
        claim(
            "9",
            seller_id="S9",
            claimed_amount=100.0,
            claim_status="recovered",
            paid_amount=100.0,
            recovered_amount=100.0,
        ),
        claim("10", claim_status="paid", claimed_amount=100.0, paid_amount=100.0),
        claim("11", claimed_at=pd.Timestamp("2026-09-02")),
    ]
    grades = pd.DataFrame(
        {"seller_id": ["S1", "S1"], "as_of_on": [date(2026, 6, 1), date(2026, 8, 25)], "grade": ["A", "F"]}
    )
    found = judged_claims(pd.DataFrame(rows), grades, POLICY, RATES, pd.Timestamp(AS_OF)).set_index("claim_no")
    assert found["verdict"].to_dict() == {
        "1": "within_cover",
        "2": "beyond_cover",
        "3": "beyond_cover",
        "4": "refused",
        "5": "refused",
        "6": "within_cover",
        "7": "refused",
        "8": "refused",
        "9": "within_cover",
        "10": "beyond_cover",
    }
    assert found["covered_usd"].loc[["1", "2", "3", "6", "9"]].tolist() == [80.0, 90.0, 5000.0, 55.0, 100.0]
    assert found.loc["2", "reason"] == "beyond cover: cover is 90 % of the order's USD 100.00"
    assert found.loc["3", "reason"] == "beyond cover: the cap of an order is USD 5,000"
    assert found.loc["4", "reason"] == "claimed on 2026-07-22, cover begins on 2026-07-27"
    assert found.loc["5", "reason"] == "the order was claimed for before"
    assert found.loc["6", "reason"].startswith("claimed in EUR, ordered in USD")
    assert "there is no rate for XXX" in found.loc["7", "reason"]
    assert found.loc["8", "reason"] == "the order is in no published ledger"
    assert found.loc["9", ["claim_state", "terms_grade", "net_loss_usd"]].tolist() == ["recovered", "none", 0.0]
    assert "USD 100.00 were paid, USD 90.00 were covered" in found.loc["10", "reason"]
    assert found.loc["1", ["claim_state", "days_open"]].tolist() == ["opened", 12]


def test_a_year_is_capped() -> None:
    rows = [
        claim(
            f"{number:02}",
            order_usd=6_000.0,
            payable_amount=6_000.0,
            claimed_amount=900.0,
            claimed_at=pd.Timestamp("2026-01-01") + pd.Timedelta(days=number),
        )
        for number in range(10)
    ]
    for row in rows:
        row |= {"promised_on": pd.Timestamp("2025-06-01")}
    grades = pd.DataFrame({"seller_id": ["S1"], "as_of_on": [date(2025, 1, 1)], "grade": ["E"]})
    found = judged_claims(pd.DataFrame(rows), grades, POLICY, RATES, pd.Timestamp(AS_OF))
    assert found["covered_usd"].tolist() == [900.0] * 8 + [800.0, 0.0]
    assert found["reason"].iloc[-1] == "beyond cover: USD 8,000 of USD 8,000 a year are used"
