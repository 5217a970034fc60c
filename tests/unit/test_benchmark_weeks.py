"""Weekly series: which weeks are complete, zeros, best sellers, and rows that cannot be used."""

from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from benchmarks.forecasting_weeks import MarketWeeks, product_names, weekly_demand

MONDAY = date(2024, 1, 1)
SUNDAY = date(2024, 1, 7)


def daily(*rows: tuple[object, object, object, object]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["market", "product_key", "sold_on", "units"])


def only_market(frame: pd.DataFrame, **options: date) -> MarketWeeks:
    (weeks,) = weekly_demand(frame, **options).markets
    return weeks


def test_a_week_runs_from_monday_to_sunday():
    weeks = only_market(daily(("GB", "a", MONDAY, 2), ("GB", "a", SUNDAY, 3), ("GB", "a", date(2024, 1, 14), 5)))
    assert weeks.weeks.tolist() == [date(2024, 1, 1), date(2024, 1, 8)]
    assert weeks.units.tolist() == [[5.0, 5.0]]
    assert weeks.made_on == date(2024, 1, 15)


def test_the_week_of_the_last_day_is_dropped_unless_that_day_is_a_sunday():
    weeks = only_market(daily(("GB", "a", SUNDAY, 3), ("GB", "a", date(2024, 1, 13), 5)))
    assert weeks.weeks.tolist() == [MONDAY]
    assert weeks.made_on == date(2024, 1, 8)


def test_weeks_without_sales_are_zeros_from_the_first_sale_on():
    weeks = only_market(
        daily(("GB", "a", MONDAY, 2), ("GB", "b", date(2024, 1, 17), 9), ("GB", "a", date(2024, 1, 28), 4))
    )
    assert weeks.product_keys == ("a", "b")
    assert weeks.units.tolist() == [[2, 0, 0, 4], [0, 0, 9, 0]]
    series = weeks.best_sellers(10)
    assert series["unique_id"].tolist() == ["a"] * 4 + ["b"] * 2  # b begins with its own first sale
    assert series["y"].tolist() == [2, 0, 0, 4, 9, 0]


def test_another_markets_later_sales_do_not_complete_a_week():
    frame = daily(("GB", "a", MONDAY, 2), ("GB", "a", date(2024, 1, 10), 2), ("FR", "a", date(2024, 3, 31), 1))
    markets = {weeks.market: weeks for weeks in weekly_demand(frame).markets}
    assert markets["GB"].made_on == date(2024, 1, 8)
    assert list(markets) == ["FR", "GB"]


def test_a_closing_day_ends_a_silent_market_in_zeros():
    weeks = only_market(daily(("GB", "a", MONDAY, 2)), closed_on=date(2024, 1, 21))
    assert weeks.units.tolist() == [[2, 0, 0]]
    assert weeks.made_on == date(2024, 1, 22)


def test_a_negative_week_is_no_negative_demand():
    weeks = only_market(
        daily(("GB", "a", MONDAY, 5), ("GB", "a", date(2024, 1, 8), -7), ("GB", "a", date(2024, 1, 21), 1))
    )
    assert weeks.units.tolist() == [[5, 0, 1]]


@pytest.mark.parametrize("units", [0, -3])
def test_a_market_that_sold_nothing_has_no_weeks(units: int):
    weeks = only_market(daily(("GB", "a", MONDAY, units), ("GB", "a", date(2024, 1, 28), units)))
    assert len(weeks.weeks) == 0
    with pytest.raises(ValueError, match="market GB: no complete week"):
        _ = weeks.made_on


def test_a_market_of_five_days_has_no_complete_week():
    weeks = only_market(daily(("GB", "a", MONDAY, 5), ("GB", "a", date(2024, 1, 5), 5)))
    assert len(weeks.weeks) == 0


def test_rows_without_market_day_or_finite_units_are_left_out_and_counted():
    demand = weekly_demand(
        daily(
            ("GB", "a", SUNDAY, 3),
            ("GB", "a", SUNDAY, None),
            ("GB", "a", SUNDAY, float("inf")),
            ("GB", "a", None, 3),
            (None, "a", SUNDAY, 3),
            ("GB", None, SUNDAY, 3),
        )
    )
    assert demand.rows_left_out == 5
    assert demand.markets[0].units.tolist() == [[3.0]]


def test_a_missing_column_is_named():
    with pytest.raises(ValueError, match=r"missing column\(s\) units; it has market, product_key, sold_on"):
        weekly_demand(daily(("GB", "a", SUNDAY, 3)).drop(columns="units"))


@pytest.mark.parametrize("day", [SUNDAY, pd.Timestamp(SUNDAY), np.datetime64("2024-01-07", "us"), "2024-01-07"])
@pytest.mark.parametrize("units", [3, 3.0, Decimal("3.0000")])
def test_days_and_units_are_taken_in_every_type_that_a_table_may_give(day: object, units: object):
    assert only_market(daily(("GB", "a", day, units))).units.tolist() == [[3.0]]


def test_best_sellers_rank_by_units_and_equals_by_key():
    weeks = only_market(daily(*(("GB", key, SUNDAY, units) for key, units in [("d", 5), ("c", 5), ("b", 9), ("a", 1)])))
    assert weeks.best_sellers(2)["unique_id"].tolist() == ["b", "c"]


def test_the_past_of_a_market_holds_nothing_of_its_future():
    weeks = only_market(daily(("GB", "a", MONDAY, 2), ("GB", "b", date(2024, 1, 14), 900)))
    past = weeks.known_at(1)
    assert past.best_sellers(10)["unique_id"].tolist() == ["a"]
    assert past.total()["y"].tolist() == [2.0]
    assert past.made_on == date(2024, 1, 8)


def test_a_product_is_called_by_its_latest_name():
    frame = daily(("GB", "a", MONDAY, 2), ("GB", "a", SUNDAY, 2), ("GB", "b", SUNDAY, 2)).assign(
        product_name=["lamp", "LAMP, red", None]
    )
    assert product_names(frame) == {"a": "LAMP, red"}
