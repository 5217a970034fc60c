"""The demand model of a market on small markets whose truth is known."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from orchestration.forecasting.demand.calendar import CalendarEvent
from orchestration.forecasting.demand.market_demand import MarketDemand, market_demand_of
from orchestration.forecasting.demand.model import DemandForecast, DemandModel, NoHistoryError
from orchestration.forecasting.demand.spread import quantiles_of

FIRST, DAYS, PRODUCTS = date(2023, 1, 2), 1100, 24
NAMES = [f"P{row:02d}" for row in range(PRODUCTS)]
MADE_ON = FIRST + timedelta(days=DAYS)
QUICK = DemandModel(origins=0)


def fair(year: int, day: int = 11) -> CalendarEvent:
    return CalendarEvent("ZZ", "fair", date(year, 1, day), date(year, 1, day + 1), 0, 0, "sale")


FAIRS = tuple(fair(year) for year in (2024, 2025, 2026))


def rates() -> np.ndarray:
    """Mean lines of each product on each day: popularity x week x three times as much at the fair."""
    popularity = np.geomspace(2.0, 0.02, PRODUCTS)
    week = np.tile([1.2, 1.0, 1.0, 1.0, 0.9, 0.9, 1.0], DAYS // 7 + 1)[:DAYS]
    rate: np.ndarray = popularity[:, None] * week
    for event in FAIRS:
        place = (event.starts_on - FIRST).days
        rate[:, place : place + 2] *= 3.0
    return rate


def sold(rate: np.ndarray, seed: int = 1) -> pd.DataFrame:
    lines = np.random.default_rng(seed).poisson(rate)
    product, day = np.nonzero(lines)
    return pd.DataFrame(
        {
            "product_id": np.array(NAMES)[product],
            "sold_on": np.datetime64(FIRST) + day,
            "lines": lines[product, day],
            "units": lines[product, day] * 2.0,
        }
    )


CATALOGUE = pd.DataFrame(
    {"product_id": NAMES, "category_code": ["home", "toys"] * (PRODUCTS // 2), "listed_on": np.datetime64(FIRST)}
)


def demand(sales: pd.DataFrame, market: str = "ZZ", **more: object) -> MarketDemand:
    events = more.pop("events", FAIRS)
    return market_demand_of(market, sales, products=CATALOGUE, events=events, **more)  # type: ignore[arg-type]


def forecast(known: MarketDemand, made_on: date = MADE_ON, days: int = 28) -> DemandForecast:
    return QUICK.fit(known, made_on).forecast(days)


def by_product(found: DemandForecast) -> dict[str, float]:
    names, means = found.means("product")
    return dict(zip(names, means.sum(axis=1), strict=True))


SALES = sold(rates())


def test_levels_add_up_and_follow_the_truth() -> None:
    regions = SALES.groupby("sold_on")["lines"].sum().rename("orders").reset_index()
    regions = pd.concat([regions.assign(subdivision_code="ZZ-A"), regions.assign(subdivision_code="ZZ-B")])
    found = DemandModel(origins=2).fit(demand(SALES, regions=regions)).forecast(28)
    market = found.market_mean
    assert found.category_mean.sum(axis=0) == pytest.approx(market)
    assert found.region_mean.sum(axis=0) == pytest.approx(market)
    assert found.product_mean.sum(axis=0) == pytest.approx(market * (1 - found.unseen_share))
    # 28 days hold four whole weeks and no fair; the fair of 2026 lies five days ahead.
    usual = 2 * rates()[:, :28].sum()
    fair_days = 2 * 2.0 * rates()[:, [8, 9]].sum()
    assert market.sum() == pytest.approx(usual + fair_days, rel=0.06)
    place = (FAIRS[-1].starts_on - MADE_ON).days
    assert 2.4 < market[place] / market[place + 7] < 3.6
    for level in ("market", "category", "subdivision", "product"):
        window = found.window(level, 0, 7)
        assert (np.diff(window.quantiles, axis=1) >= 0).all()
        assert (window.quantiles >= 0).all()
    low, high = found.window("market", 0, 28).quantiles[0][[0, 6]]
    assert low < usual + fair_days < high


def test_an_event_that_was_felt_once_counts() -> None:
    once = demand(SALES[SALES["sold_on"] >= pd.Timestamp("2024-06-01")])
    place = (FAIRS[-1].starts_on - MADE_ON).days
    market = forecast(once).market_mean
    assert market[place] / market[place + 7] > 2.0


def test_a_moved_holiday_changes_the_forecast_of_its_market_alone() -> None:
    other = [replace(event, market="YY") for event in FAIRS]
    moved = [*other, *FAIRS[:2], fair(2026, 20)]
    before = {code: forecast(demand(SALES, code, events=[*other, *FAIRS])) for code in ("ZZ", "YY")}
    after = {code: forecast(demand(SALES, code, events=moved)) for code in ("ZZ", "YY")}
    assert np.array_equal(before["YY"].product_mean, after["YY"].product_mean)
    days = [(date(2026, 1, day) - MADE_ON).days for day in (11, 20)]
    assert before["ZZ"].market_mean[days[0]] > 2 * after["ZZ"].market_mean[days[0]]
    assert after["ZZ"].market_mean[days[1]] > 2 * before["ZZ"].market_mean[days[1]]


def test_what_came_later_changes_nothing() -> None:
    cut = date(2025, 6, 1)
    early = SALES[SALES["sold_on"] < pd.Timestamp(cut)]
    later = SALES.assign(units=np.where(SALES["sold_on"] < pd.Timestamp(cut), SALES["units"], 900.0))
    promotion = pd.DataFrame(
        {"product_id": ["P00"], "starts_on": [date(2025, 6, 2)], "ends_on": [date(2025, 6, 9)], "discount_pct": [50.0],
         "known_on": [cut]}
    )  # fmt: skip
    one, two = forecast(demand(early), cut), forecast(demand(later, promotions=promotion), cut)
    assert one.products == two.products
    assert np.array_equal(one.product_mean, two.product_mean)
    assert np.array_equal(one.window("market", 0, 7).quantiles, two.window("market", 0, 7).quantiles)


def test_days_without_stock_hide_demand_and_do_not_lower_it() -> None:
    rate = rates()
    spans = [(place, place + 20) for place in range(40, DAYS - 30, 42)]
    for first, last in spans:
        rate[4, first : last + 1] = 0.0
    outs = pd.DataFrame(
        {"product_id": "P04", "from_on": [FIRST + timedelta(days=first) for first, _ in spans],
         "to_on": [FIRST + timedelta(days=last) for _, last in spans],
         "known_on": [FIRST + timedelta(days=last + 1) for _, last in spans]}
    )  # fmt: skip
    sales = sold(rate)
    blind, seeing = by_product(forecast(demand(sales))), by_product(forecast(demand(sales, stock_outs=outs)))
    whole = by_product(forecast(demand(SALES)))
    assert blind["P04"] < 0.65 * whole["P04"]
    assert seeing["P04"] == pytest.approx(whole["P04"], rel=0.15)


def test_promotions_are_learnt_over_all_products_and_planned_ones_count() -> None:
    rate, rows = rates(), []
    for number, place in enumerate(range(30, DAYS - 60, 15)):
        product = number % 8
        rate[product, place : place + 7] *= np.exp(3.0 * 0.3)
        rows.append((NAMES[product], place, place + 6))
    rows.append(("P12", DAYS, DAYS + 6))
    plan = pd.DataFrame(
        {"product_id": [row[0] for row in rows], "starts_on": [FIRST + timedelta(days=row[1]) for row in rows],
         "ends_on": [FIRST + timedelta(days=row[2]) for row in rows], "discount_pct": 30.0,
         "known_on": [FIRST + timedelta(days=row[1] - 7) for row in rows]}
    )  # fmt: skip
    fitted = QUICK.fit(demand(sold(rate), promotions=plan))
    assert fitted.weights.promotion_effect == pytest.approx(3.0, abs=0.4)
    names, means = fitted.forecast(14).means("product")
    with_plan, after = means[names.index("P12"), :7].sum(), means[names.index("P12"), 7:].sum()
    # The fair lies in the first week, for all products alike.
    usual = means[names.index("P13"), :7].sum() / means[names.index("P13"), 7:].sum()
    assert with_plan / after / usual == pytest.approx(np.exp(0.9), rel=0.15)


def test_a_thousandfold_quantity_is_told_and_does_not_move_the_forecast() -> None:
    sales = SALES.copy()
    row = sales.index[sales["product_id"] == "P05"][-3]
    sales.loc[row, "units"] *= 1000
    fitted = QUICK.fit(demand(sales))
    assert [(one.product_id, one.units) for one in fitted.outliers] == [("P05", sales.loc[row, "units"])]
    usual, found = by_product(forecast(demand(SALES))), by_product(fitted.forecast(28))
    assert found["P05"] == pytest.approx(usual["P05"], rel=0.1)
    assert sum(found.values()) == pytest.approx(sum(usual.values()), rel=0.1)


def test_a_new_level_is_followed_and_told() -> None:
    rate = rates()
    rate[:, DAYS - 90 :] *= 0.4
    rate[3, DAYS - 56 :] *= 6.0
    fitted = QUICK.fit(demand(sold(rate)))
    found, usual = fitted.forecast(28), forecast(demand(SALES))
    ratio = found.market_mean[14:].sum() / usual.market_mean[14:].sum()
    assert ratio == pytest.approx(rate[:, -28:].sum() / rates()[:, -28:].sum(), rel=0.2)
    assert fitted.level_shifts
    assert "P03" in {shift.product_id for shift in fitted.product_shifts}
    assert by_product(found)["P03"] > 1.5 * by_product(usual)["P03"]


def test_a_year_of_missing_data_is_no_year_without_demand() -> None:
    days = SALES["sold_on"]
    kept = SALES[(days < pd.Timestamp("2024-02-01")) | (days >= pd.Timestamp("2025-02-01"))]
    fitted = QUICK.fit(demand(kept))
    assert fitted.gaps == (("2024-02-01", "2025-01-31"),)
    assert fitted.forecast(28).market_mean.sum() == pytest.approx(forecast(demand(SALES)).market_mean.sum(), rel=0.12)


def test_a_market_without_history_says_so() -> None:
    with pytest.raises(NoHistoryError, match="ZZ: 5 days with sales before 2023-01-07, 14 needed"):
        QUICK.fit(demand(SALES), date(2023, 1, 7))
    with pytest.raises(NoHistoryError, match="YY: 0 days"):
        QUICK.fit(demand(SALES[:0], "YY"))


def test_odd_rows_and_a_product_with_one_sale_stop_nothing() -> None:
    odd = pd.DataFrame(
        {"product_id": ["NEW", "P00", None, "P00", "P00"], "sold_on": [pd.Timestamp("2025-12-30")] * 4 + [pd.NaT],
         "lines": 1, "units": [2.0, -5.0, 1.0, np.nan, 1.0]}
    )  # fmt: skip
    known = demand(pd.concat([SALES, odd]))
    assert dict(known.left_out) == {"no product, day or units": 3, "no units sold": 1}
    found = by_product(forecast(known))
    assert 0 < found["NEW"] < found["P12"]
    assert all(np.isfinite(value) and value >= 0 for value in found.values())


def test_a_short_history_of_one_product_has_a_forecast() -> None:
    days = np.datetime64(FIRST) + np.arange(20)
    few = pd.DataFrame({"product_id": "A", "sold_on": days, "lines": 1, "units": 3.0})
    found = DemandModel().fit(market_demand_of("ZZ", few)).forecast(14)
    assert found.market_mean.sum() == pytest.approx(42, rel=0.25)


def test_quantiles_are_those_of_the_moments() -> None:
    found = quantiles_of(np.array([0.0, 4.0]), np.array([1.0, 4.0]), (0.1, 0.5, 0.9))
    assert found[0].tolist() == [0, 0, 0]
    assert found[1].tolist() == [2, 4, 7]
