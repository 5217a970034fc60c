"""Capacity: peaks found, alarms with their day and remedy, and sites with nothing to learn from."""

import numpy as np
import pandas as pd

from orchestration.planning.capacity.calendar import event_columns, events_of
from orchestration.planning.capacity.outlook import alarms_in_words, capacity_outlook, sites_by_alarm
from orchestration.planning.capacity.plots import site_plot

END = pd.Timestamp("2026-08-31")


def calendar() -> pd.DataFrame:
    """Singles' Day of two markets, and a festival of one whose last day is its best."""
    rows = [
        ("singles_day", market, f"{year}-11-11", f"{year}-11-11", 0, 5)
        for year in range(2022, 2027)
        for market in ("CN", "ES")
    ] + [("festival", "CN", f"{year}-10-05", f"{year}-10-09", 2, 0) for year in range(2022, 2027)]
    frame = pd.DataFrame(rows, columns=["event_code", "market", "starts_on", "ends_on", "lead_days", "lag_days"])
    return frame.assign(**{day: pd.to_datetime(frame[day]) for day in ("starts_on", "ends_on")})


def measured(
    site: str, *, level: float = 100.0, days: int = 1100, capacity: float = 180.0, seed: int = 1
) -> pd.DataFrame:
    """A site whose load doubles on Singles' Day and rises half on the festival's last day; Mondays are strong."""
    rng = np.random.default_rng(seed)
    dates = pd.date_range(END - pd.Timedelta(days=days - 1), END)
    mean = level * np.where(dates.day_of_week == 0, 1.2, 1.0)
    mean *= np.where((dates.month == 11) & (dates.day == 11), 2.2, 1.0)
    mean *= np.where((dates.month == 10) & (dates.day == 9), 1.6, 1.0)
    load = rng.poisson(mean * rng.gamma(50, 1 / 50, len(dates)))
    return pd.DataFrame(
        {
            "site_code": site, "site_country": site[:2], "capacity_kind": "parcels_per_day", "measured_on": dates,
            "capacity_value": capacity, "peak_load_value": load.astype(float),
        }
    )  # fmt: skip


def test_the_alarm_names_the_day_the_cause_and_what_would_avoid_it() -> None:
    sites = pd.concat(
        [measured("CNAAA1", seed=1), measured("CNBBB1", seed=2, capacity=900.0), measured("ESCCC1", seed=3)]
    )
    outlook = capacity_outlook(sites, calendar(), {})
    assert len(outlook.rows) == 3 * 91
    rows = outlook.rows[outlook.rows["site_code"] == "CNAAA1"].set_index("target_on")
    peak = rows.loc[pd.Timestamp("2026-11-11")]
    assert peak["is_alarm"]
    assert peak["is_peak"]
    assert peak["event_code"] == "singles_day"
    assert 200 < peak["p50_qty"] < 245
    assert 240 < peak["p90_qty"] < 340
    assert peak["p90_qty"] < peak["p99_qty"]
    assert "around singles_day" in peak["words"]
    assert "shift" in peak["words"]
    assert "to CNBBB1" in peak["words"]
    festival = rows[rows["event_code"] == "festival"]
    assert festival.index[festival["is_peak"]].tolist() == [pd.Timestamp("2026-10-09")]  # not the Monday before it
    quiet = rows.loc[pd.Timestamp("2026-09-16")]
    assert not quiet["is_alarm"]
    assert quiet["event_code"] == ""
    assert quiet["utilisation_pct"] < 85
    assert not outlook.rows.loc[outlook.rows["site_code"] == "CNBBB1", "is_alarm"].any()
    spain = outlook.rows[(outlook.rows["site_code"] == "ESCCC1") & (outlook.rows["event_code"] == "festival")]
    assert spain.empty  # a site feels only the events of the markets that it serves
    assert sites_by_alarm(outlook)[-1] == "CNBBB1"
    assert alarms_in_words(outlook).startswith(("- CNAAA1, 2026-11-11", "- ESCCC1, 2026-11-11"))
    assert site_plot(outlook, "CNAAA1").startswith(b"\x89PNG")


def test_nine_of_ten_days_stay_below_p90() -> None:
    history = pd.concat([measured(f"CNAAA{site}", seed=10 + site) for site in range(4)])
    cut = END - pd.Timedelta(days=91)
    outlook = capacity_outlook(history[history["measured_on"] <= cut], calendar(), {})
    seen = outlook.rows.merge(history, left_on=["site_code", "target_on"], right_on=["site_code", "measured_on"])
    assert len(seen) == 4 * 91
    assert 0.86 <= (seen["peak_load_value"] <= seen["p90_qty"]).mean() <= 0.96


def test_sites_with_nothing_to_go_by_say_so_and_stop_no_other() -> None:
    few, unknown = "too few days measured", "capacity is not known"
    bad = [
        (measured("CNNEW1", days=5), few),
        (measured("CNNIL1").assign(peak_load_value=0.0), few),
        (measured("CNCAP1").assign(capacity_value=0.0), unknown),
        (measured("CNCAP2").assign(capacity_value=np.nan), unknown),
        (measured("CNGAP1").assign(peak_load_value=np.nan), few),
    ]
    outlook = capacity_outlook(pd.concat([*(site for site, _ in bad), measured("CNAAA1", days=500)]), calendar(), {})
    for site, word in bad:
        name = str(site["site_code"].iloc[0])
        rows = outlook.rows[outlook.rows["site_code"] == name]
        assert len(rows) == 91, name
        assert not rows["is_alarm"].any(), name
        assert rows["words"].str.contains(word).all(), name
        assert np.isfinite(rows[["p50_qty", "p90_qty", "p99_qty"]].to_numpy()).all(), name
    other = outlook.rows[outlook.rows["site_code"] == "CNAAA1"]
    assert pd.Timestamp("2026-11-11") in other.loc[other["is_alarm"], "target_on"].tolist()
    for name in ("CNNEW1", "CNCAP2", "CNGAP1"):
        assert site_plot(outlook, name).startswith(b"\x89PNG")


def test_a_week_of_history_and_a_thousandfold_outlier_give_figures_of_the_right_size() -> None:
    spoilt = measured("CNOUT1")
    spoilt.loc[spoilt.index[-40], "peak_load_value"] = 100_000.0
    outlook = capacity_outlook(pd.concat([spoilt, measured("CNWEE1", days=8, level=40.0)]), calendar(), {})
    quiet = outlook.rows[outlook.rows["target_on"] == pd.Timestamp("2026-09-16")].set_index("site_code")
    assert 85 < quiet.loc["CNOUT1", "p50_qty"] < 125
    assert quiet.loc["CNOUT1", "p90_qty"] < 200
    assert 25 < quiet.loc["CNWEE1", "p50_qty"] < 60
    assert quiet.loc["CNWEE1", "has_history"]
    nothing = capacity_outlook(spoilt.iloc[:0], calendar(), {})
    assert nothing.rows.empty
    assert (sites_by_alarm(nothing), alarms_in_words(nothing)) == ([], "none")


def test_equal_dates_of_two_markets_are_one_event_and_a_small_market_is_none() -> None:
    both = events_of(calendar(), {"CN": 0.6, "ES": 0.3, "GB": 0.1})
    assert [(event.code, round(event.share, 2)) for event in both] == [("festival", 0.6), ("singles_day", 0.9)]
    moved = calendar()
    moved.loc[moved["market"] == "ES", ["starts_on", "ends_on"]] += pd.Timedelta(days=1)
    assert [event.code for event in events_of(moved, {"CN": 0.6, "ES": 0.4})] == [
        "festival",
        "singles_day:CN",
        "singles_day:ES",
    ]
    assert events_of(calendar(), {"CN": 0.99, "ES": 0.01})[1].share == 0.99
    first = (pd.Timestamp("2026-10-01") - pd.Timestamp("1970-01-01")).days
    columns = event_columns(np.arange(first, first + 14), events_of(calendar(), {"CN": 1.0})[:1])
    core = columns.values[:, columns.names.index("festival")]
    assert core.tolist() == [0.0] * 4 + [1.0] * 5 + [0.0] * 5
    assert columns.values[:, columns.names.index("festival last-0")].argmax() == 8
    assert columns.values[:, columns.names.index("festival lead")].tolist()[:5] == [0, 0, 0.5, 1.0, 0]
