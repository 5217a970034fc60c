"""Arrival times: what was known when, calibrated quantiles, and shipments with nothing to go by."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from orchestration.planning.arrival.durations import fit_durations
from orchestration.planning.arrival.folds import time_folds
from orchestration.planning.arrival.history import past_of
from orchestration.planning.arrival.lateness import fit_lateness
from orchestration.planning.arrival.outlook import shipment_outlook
from orchestration.planning.arrival.snapshots import snapshot, traffic_of
from orchestration.planning.lead_times import lane_rows

FIRST = pd.Timestamp("2025-01-01")
MADE_ON = (pd.Timestamp("2026-07-01") - pd.Timestamp("1970-01-01")).days


def test_only_what_was_reported_before_the_question_counts() -> None:
    group, reported, late = np.array([0, 0, 0, 1]), np.array([10, 20, 30, 5]), np.array([1.0, 0.0, 1.0, 0.0])
    past = past_of(
        group, reported, late, asked_group=np.array([0, 0, 0, 2, -1]), asked_on=np.array([10, 21, 31, 40, 40]),
        prior=0.5, strength=1.0,
    )  # fmt: skip
    assert past.n.tolist() == [0, 2, 3, 0, 0]  # on the day of the report it is not known yet
    assert past.mean.tolist() == [0.5, 1.5 / 3, 2.5 / 4, 0.5, 0.5]
    lately = past_of(
        group, reported, late, asked_group=np.array([0]), asked_on=np.array([31]), prior=0.0, strength=0.0,
        window_days=11,
    )  # fmt: skip
    assert (lately.n[0], lately.mean[0]) == (2, 0.5)


def test_a_fold_never_trains_on_an_outcome_that_was_still_open() -> None:
    asked = np.arange(300)
    known = asked + np.where(asked % 7 == 0, 90, 3)
    folds = list(time_folds(asked, known))
    assert len(folds) == 3
    for train, test in folds:
        assert known[train].max() < asked[test].min()


def test_probabilities_are_calibrated_and_know_their_lanes() -> None:
    rng = np.random.default_rng(5)
    n = 3000
    lane, slack = rng.integers(0, 4, n), rng.normal(size=n)
    share = 1 / (1 + np.exp(-(-1.5 + 0.8 * (lane == 1) - 1.2 * slack)))
    late = rng.random(n) < share
    features = np.column_stack([lane == 1, slack, np.full(n, np.nan)]).astype(float)
    asked = np.sort(rng.integers(0, 700, n))
    model = fit_lateness(
        features, late, asked_on=asked, known_on=asked + 10, group=lane, names=("group_rate", "logistic")
    )
    told = model.predict(features, lane)
    assert model.model_code == "logistic"
    assert model.log_loss["logistic"] < model.log_loss["group_rate"] - 0.05
    assert np.abs(told - share).mean() < 0.03
    never_seen = model.predict(np.full((2, 3), np.nan), np.array([99, -1]))
    assert np.isfinite(never_seen).all()
    assert (never_seen > 0).all()
    assert (never_seen < 1).all()


@pytest.mark.parametrize("late", [np.zeros(80, dtype=bool), np.ones(80, dtype=bool), np.arange(80) == 3])
def test_lateness_without_variety_is_a_shrunk_rate(late: np.ndarray) -> None:
    model = fit_lateness(
        np.zeros((80, 2)), late, asked_on=np.arange(80), known_on=np.arange(80) + 1, group=np.zeros(80, dtype=np.int64)
    )
    told = model.predict(np.zeros((1, 2)), np.array([0]))
    assert model.model_code == "group_rate"
    assert abs(told[0] - late.mean()) < 0.01


def test_quantiles_hold_on_later_cases_though_the_level_drifts() -> None:
    rng = np.random.default_rng(6)
    n = 2500
    asked = np.sort(rng.integers(0, 700, n))
    lane = rng.integers(0, 3, n)
    days = np.exp(rng.normal(size=n) * 0.4 + np.array([0.5, 1.5, 2.5])[lane])
    features = np.column_stack([lane, rng.normal(size=n)]).astype(float)
    train = asked < 500
    model = fit_durations(
        features[train], days[train], asked_on=asked[train], known_on=asked[train] + 15, group=lane[train],
        names=("group_quantiles", "boosting"),
    )  # fmt: skip
    told = model.predict(features[~train], lane[~train])
    assert (np.diff(told, axis=1) >= 0).all()
    assert (told >= 0).all()
    held = (days[~train][:, None] <= told).mean(axis=0)
    assert np.abs(held - np.array([0.1, 0.5, 0.9])).max() < 0.04


def _shipments(rows: int = 800) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two lanes over eighteen months; one in five parcels is slow, and tracking told so on the third day."""
    rng = np.random.default_rng(8)
    at = np.sort(rng.random(rows)) * 545
    is_far = rng.random(rows) < 0.5
    is_slow = rng.random(rows) < 0.2
    took = np.where(is_far, 10.0, 4.0) * np.where(is_slow, 2.0, 1.0) * np.exp(0.15 * rng.normal(size=rows))
    shipped = FIRST + pd.to_timedelta(at, unit="D")
    delivered = shipped + pd.to_timedelta(took, unit="D")
    end = FIRST + pd.Timedelta(days=546)
    frame = pd.DataFrame(
        {
            "shipment_key": [f"{row:05d}" for row in range(rows)], "market": np.where(is_far, "BR", "JP"),
            "origin_country": "CN", "site_code": "CNSZX1", "carrier_code": "SKYEX", "transport_mode": "air",
            "supervision_mode": "9610", "weight_kg": 1.0, "ordered_at": shipped - pd.Timedelta(days=1),
            "declared_at": pd.NaT, "released_at": pd.NaT, "arrived_at": pd.NaT,
            "shipped_at": shipped,
            "promised_on": (shipped + pd.to_timedelta(np.where(is_far, 14, 6), unit="D")).normalize(),
            "delivered_at": delivered.where(delivered < end), "cleared_at": pd.NaT, "ended_at": pd.NaT,
        }
    )  # fmt: skip
    steps = pd.DataFrame(
        {
            "shipment_key": frame["shipment_key"], "step_code": np.where(is_slow, "customs_held", "departed"),
            "step_at": shipped + pd.Timedelta(days=2),
        }
    )  # fmt: skip
    return frame, steps[steps["step_at"] < end]


def test_a_held_parcel_is_expected_later_and_the_reason_says_so() -> None:
    shipments, steps = _shipments()
    shipments.loc[shipments.index[-1], ["promised_on", "market"]] = [pd.NaT, "ZA"]  # no promise, and a lane never seen
    made_on = (FIRST - pd.Timestamp("1970-01-01")).days + 546
    outlook = shipment_outlook(traffic_of(shipments, steps, {"JP": (date(2026, 6, 1),)}), made_on)
    rows = outlook.rows.set_index("shipment_key")
    assert not rows.index.duplicated().any()
    assert len(rows) > 5
    waits = (rows["arrives_p50_at"] - rows["made_on"]).dt.days
    judged = rows[(rows["promised_on"] >= rows["made_on"]) & (rows["market"] == "BR")]
    held = judged["last_step"] == "customs_held"
    assert judged.loc[held, "late_probability"].min() > judged.loc[~held, "late_probability"].max()
    assert "the last step told raises it" in judged.loc[held, "reason"].iloc[0]
    assert waits[judged.index[held]].mean() > waits[judged.index[~held]].mean() + 2
    passed = rows[rows["promised_on"] < rows["made_on"]]
    assert (passed["late_probability"] == 1).all()
    assert passed["reason"].str.startswith("the promised day passed").all()
    stranger = rows.loc[shipments["shipment_key"].iloc[-1]]
    assert np.isnan(stranger["late_probability"])
    assert "neither late nor punctual" in stranger["reason"]
    assert stranger["arrives_p10_at"] <= stranger["arrives_p50_at"] <= stranger["arrives_p90_at"]


def test_a_snapshot_sees_nothing_of_its_future() -> None:
    shipments, steps = _shipments(300)
    day = (FIRST - pd.Timestamp("1970-01-01")).days + 300
    known = snapshot(traffic_of(shipments, steps, {}), [day])
    cut = FIRST + pd.Timedelta(days=300)
    early = shipments[shipments["shipped_at"] < cut].copy()
    early.loc[early["delivered_at"] >= cut, "delivered_at"] = pd.NaT
    seen_then = snapshot(traffic_of(early, steps[steps["step_at"] < cut], {}), [day])
    # The lane's number may differ; everything that stood open then, and all that was known of it, may not.
    assert known.row.tolist() == seen_then.row.tolist()
    np.testing.assert_allclose(known.features[:, :12], seen_then.features[:, :12], atol=0.2)


def test_few_shipments_give_no_figures_and_say_so() -> None:
    shipments, steps = _shipments(30)
    outlook = shipment_outlook(traffic_of(shipments, steps, {}), MADE_ON)
    assert outlook.arrival is None
    assert outlook.words() == "too few past shipments to learn from"
    with pytest.raises(ValueError, match="shipments: missing column\\(s\\) promised_on"):
        traffic_of(shipments.drop(columns="promised_on"), steps, {})


def test_a_thin_lane_borrows_the_next_wider_group() -> None:
    shipments, _ = _shipments(600)
    shipments.loc[shipments.index[200:205], "origin_country"] = "KR"
    made_on = (FIRST - pd.Timestamp("1970-01-01")).days + 546
    table = lane_rows(shipments, made_on).set_index(["origin_country", "market", "transport_mode", "part"])
    own, thin = table.loc[("CN", "BR", "air", "transit")], table.loc[("KR", "BR", "air", "transit")]
    assert own["pooled_level"] == "lane_mode"
    assert own["n"] == own["pooled_n"]
    assert thin["pooled_level"] == "market_mode"
    assert thin["n"] < 30 <= thin["pooled_n"]
    assert 9 < own["p500_days"] < 12 < own["p900_days"]
    # No customs was ever seen, so no row claims to know how long it takes.
    assert "import_clearance" not in table.index.get_level_values("part")
