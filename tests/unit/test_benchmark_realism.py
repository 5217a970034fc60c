"""The comparison with real sets: what one order, gap and tail is, and that absent data are said and not needed."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from benchmarks import realism
from benchmarks.realism_plots import draw
from benchmarks.realism_samples import buying, online_retail, rhythm, scms, simulated, year_of
from benchmarks.realism_statistics import distance, survival, tail_index
from orchestration.simulation.world.config import WorldConfig


def test_the_distance_is_the_largest_gap_of_the_distribution_functions():
    assert distance(np.array([1.0, 2.0, 3.0, 4.0]), np.array([3.0, 4.0, 5.0, 6.0])) == 0.5
    assert distance(np.array([1.0, 2.0]), np.array([2.0, 1.0])) == 0


@pytest.mark.parametrize("index", [1.2, 2.5])
def test_the_tail_index_is_that_of_the_power_law(index):
    shares = (np.arange(200_000) + 0.5) / 200_000
    assert tail_index((1 - shares) ** (-1 / index)) == pytest.approx(index, rel=0.01)
    assert np.isnan(tail_index(np.arange(1.0, 40.0)))


def test_survival_counts_equal_values_together():
    values, share = survival(np.array([1.0, 1.0, 5.0, 2.0]))
    assert values.tolist() == [1, 2, 5]
    assert share.tolist() == [1, 0.5, 0.25]


def test_purchases_of_one_day_count_once():
    at = pd.Series(pd.to_datetime(["2024-01-05 09:00", "2024-01-05 18:00", "2024-01-15 07:00", "2024-01-02 08:00"]))
    found = buying(np.array([7, 7, 7, 8]), at)
    assert found["purchases per customer"].tolist() == [2, 1]
    assert found["days between purchases"].tolist() == [10]
    assert rhythm(at)["weekday"].tolist() == [0.25, 0.25, 0, 0, 0.5, 0, 0]


def test_a_shop_is_read_without_postage_repeats_and_cancellations(tmp_path):
    columns = ["InvoiceNo", "StockCode", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"]
    march = pd.Timestamp("2011-03-01 10:00")
    rows = [
        ("1", "22423", 3, march, 10.0, 5, "UK"),
        ("1", "22423", 3, march, 10.0, 5, "UK"),  # the same row twice
        ("1", "85123A", 1, march, 2.0, 5, "UK"),
        ("1", "POST", 1, march, 18.0, 5, "UK"),
        ("2", "22423", 2, march + pd.Timedelta(days=4), 10.0, 5, "UK"),
        ("C3", "22423", -2, march + pd.Timedelta(days=6), 10.0, 5, "UK"),
    ]
    pd.DataFrame(rows, columns=columns).to_parquet(tmp_path / "shop.parquet")
    sample = online_retail(tmp_path / "shop.parquet")
    assert sorted(sample.measures["lines per order"].tolist()) == [1, 2]
    assert sorted(sample.measures["order value"].tolist()) == pytest.approx([20 / 26, 32 / 26])
    assert sample.measures["days between purchases"].tolist() == [4]
    assert sample.shares == {"orders with goods back, %": 50.0}


def test_deliveries_are_late_by_days_in_every_way_of_writing_a_date(tmp_path):
    rows = [
        ("A", "2-Jun-06", "5-Jun-06", "10"),
        ("A", "2-Jun-06", "5-Jun-06", "20"),
        ("B", "6/9/2006", "6/7/2006", "5"),
    ]
    columns = ["ASN/DN #", "Scheduled Delivery Date", "Delivered to Client Date", "Line Item Value"]
    pd.DataFrame(rows, columns=columns).to_parquet(tmp_path / "scms.parquet")
    sample = scms(tmp_path / "scms.parquet")
    assert sorted(sample.measures["days after the promised day"].tolist()) == [-2, 3]
    assert sorted(sample.measures["order value"].tolist()) == pytest.approx([5 / 17.5, 30 / 17.5])
    assert sample.shares == {"delivered late, %": 50.0}


def test_the_world_is_summed_up_beside_itself_and_drawn(tmp_path):
    config = WorldConfig(orders=6_000, months=12, markets=("GB", "US"), sellers=100)
    world = simulated(config, ("GB",), year_of(config, "2023-03"))
    lines = realism.summary(world, [replace(world, name="a copy")])
    assert len(lines[1].split("the world")[1].split()) == 7  # count, four quantiles, mean, tail
    assert lines[2].split()[-1] == "0.00"
    assert 2 < world.shares["orders with goods back, %"] < 20
    assert world.profiles["hour"].sum() == pytest.approx(1)
    draw([world], tmp_path / "page.png")
    assert (tmp_path / "page.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="no twelve months from 2023-04"):
        year_of(config, "2023-04")


def test_absent_sets_are_named_and_nothing_is_compared(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(realism, "SHARED", tmp_path)
    assert realism.main(["--out", str(tmp_path)]) == 0
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "left out: scms/scms_delivery_history.parquet" in printed.err
    assert printed.err.splitlines()[-1] == "nothing to compare with: no real set is there"
