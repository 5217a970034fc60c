"""Figures of scores beside outcomes, and of one portfolio beside another."""

import numpy as np
import pandas as pd
import pytest

from orchestration.credit.scorecard import stability, validation
from orchestration.credit.scorecard.characteristic import Characteristic, ScorecardError
from orchestration.credit.scorecard.fitting import fit_scorecard
from orchestration.credit.training import calibration_p_value

RISK = np.array([0.1, 0.4, 0.35, 0.8, 0.4, 0.1])
BAD = np.array([False, False, True, True, True, False])


def test_auc_is_the_chance_that_a_bad_has_more_risk() -> None:
    pairs = [(b > g) + 0.5 * (b == g) for b in RISK[BAD] for g in RISK[~BAD]]
    assert validation.auc(RISK, BAD) == pytest.approx(np.mean(pairs))
    assert validation.gini(RISK, BAD) == pytest.approx(2 * np.mean(pairs) - 1)
    weight = np.array([1.0, 3.0, 1.0, 1.0, 2.0, 1.0])
    often = np.repeat(np.arange(6), weight.astype(int))
    assert validation.auc(RISK, BAD, weight) == pytest.approx(validation.auc(RISK[often], BAD[often]))
    assert np.isnan(validation.auc(RISK, np.zeros(6, dtype=bool)))
    with pytest.raises(ScorecardError, match="1 scores are missing"):
        validation.auc(np.array([0.1, np.nan]), np.array([True, False]))


def test_ks_brier_and_lift_of_six_rows() -> None:
    # At 0.1 two of three goods and no bad are behind.
    assert validation.ks(RISK, BAD) == pytest.approx(2 / 3)
    assert validation.brier(RISK, BAD) == pytest.approx((0.01 + 0.16 + 0.4225 + 0.04 + 0.36 + 0.01) / 6)
    lift = validation.lift_table(RISK, BAD, parts=3)
    # The riskiest two: 0.8 (bad) and the first of two 0.4 (good).
    assert lift["bad_count"].tolist() == [1, 2, 0]
    assert lift["lift"].tolist() == [1.0, 2.0, 0.0]
    assert lift["caught_share"].tolist() == pytest.approx([1 / 3, 1.0, 1.0])
    approved = validation.approval_table(1 - RISK, BAD, [0.5, 0.95]).set_index("cut_off")
    assert approved.loc[0.5, "approved_share"] == pytest.approx(5 / 6)
    assert approved.loc[0.5, "approved_bad_rate"] == pytest.approx(2 / 5)
    assert np.isnan(approved.loc[0.95, "approved_bad_rate"])


def test_calibration_tests_accept_the_truth_and_reject_a_shift() -> None:
    generator = np.random.default_rng(1)
    chance = generator.beta(1, 9, 4000)
    accepted, rejected = 0, 0
    for _ in range(30):
        is_bad = generator.random(4000) < chance
        accepted += validation.hosmer_lemeshow(chance, is_bad).p_value > 0.05
        accepted += validation.spiegelhalter(chance, is_bad).p_value > 0.05
        rejected += validation.hosmer_lemeshow(chance * 0.75, is_bad).p_value < 0.01
    assert 52 <= accepted <= 60
    assert rejected >= 28
    table = validation.calibration_table(chance, is_bad)
    assert table["row_count"].tolist() == [400] * 10
    assert ((table["bad_rate_low"] <= table["bad_rate"]) & (table["bad_rate"] <= table["bad_rate_high"])).all()


def test_rows_of_one_person_do_not_count_as_several_people() -> None:
    generator = np.random.default_rng(6)
    rejected, held, plain, effects = 0, 0, 0, []
    for seed in range(30):
        chance, person = generator.beta(1, 9, 500), np.repeat(np.arange(500), 4)
        is_bad, risk = (generator.random(500) < chance)[person], chance[person]
        groups, weight = pd.Series(person.astype(str)), np.ones(2000)
        plain += calibration_p_value(risk, is_bad, weight) < 0.05
        rejected += calibration_p_value(risk, is_bad, weight, groups) < 0.05
        effects.append(validation.design_effect(risk, is_bad, groups))
        own = validation.auc(chance, is_bad[::4])
        found = validation.grouped_auc_interval(risk, is_bad, groups, draws=100, seed=seed)
        assert found.value == pytest.approx(own)
        held += found.low <= 0.761 <= found.high
    # Four rows each, all alike: the scatter is four times as wide, and the plain test believes in a misfit.
    assert np.mean(effects) == pytest.approx(4.0, rel=0.1)
    assert plain > 20
    assert rejected <= 5
    assert held >= 25


def test_the_interval_of_auc_holds_the_truth() -> None:
    from scipy.stats import norm

    generator = np.random.default_rng(2)
    truth = float(norm.cdf(1 / np.sqrt(2)))
    hits = 0
    for seed in range(40):
        is_bad = generator.random(400) < 0.3
        found = validation.auc_interval(generator.normal(size=400) + is_bad, is_bad, draws=150, seed=seed)
        hits += found.low <= truth <= found.high
    assert hits >= 34


def test_psi_knows_its_own_noise() -> None:
    generator = np.random.default_rng(3)
    share = np.full(10, 0.1)
    shifts = [
        stability.psi(generator.multinomial(5000, share).astype(float), generator.multinomial(200, share).astype(float))
        for _ in range(300)
    ]
    # Without any change 5 % are beyond the chance value, though one in several looks moderate by the habit.
    assert 0.02 <= np.mean([shift.p_value < 0.05 for shift in shifts]) <= 0.09
    moved = np.array([0.14, 0.06, *[0.1] * 8])
    small_but_sure = stability.psi(share * 100_000, moved * 100_000)
    assert small_but_sure.psi < 0.1
    assert small_but_sure.p_value < 1e-6
    assert not small_but_sure.has_moved
    assert stability.psi([50.0, 50.0, 0.0], [0.0, 50.0, 0.0]).size == "large"
    with pytest.raises(ScorecardError, match="same bins"):
        stability.psi([1.0], [1.0, 2.0])


def test_drift_names_the_column_that_moved_and_sensitivity_what_it_costs() -> None:
    generator = np.random.default_rng(4)
    frame = pd.DataFrame({"steady": generator.normal(size=1500), "moving": generator.normal(size=1500)})
    is_bad = generator.random(1500) < 1 / (1 + np.exp(1.5 - frame["steady"] - frame["moving"]))
    card = fit_scorecard(frame, is_bad, [Characteristic("steady", -1), Characteristic("moving", -1)])
    now = pd.DataFrame({"steady": generator.normal(size=800), "moving": generator.normal(0.7, 1, 800)})
    now.loc[:79, "moving"] = np.nan
    drift = stability.feature_drift(card, now).set_index("name")
    assert drift["has_moved"].to_dict() == {"steady": False, "moving": True}
    assert drift.loc["moving", "missing_share_now"] == pytest.approx(0.1)
    assert drift.loc["moving", "points_change"] < -5
    assert stability.score_shift(card, now).has_moved
    assert not stability.score_shift(card, frame).has_moved
    table = stability.sensitivity(card, frame.abs(), factors=(2.0,), cut_off=500)
    doubled = table[table["change"] == "× 2"].set_index("name")
    assert (doubled["mean_change_points"] < 0).all()
    assert (doubled["approved_share_change"] < 0).all()
    assert set(table["change"]) == {"× 2", "missing"}
