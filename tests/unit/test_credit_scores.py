"""Scores over time: parts and changes sum up, stale scores are kept, and what cannot be trained says why."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from orchestration.credit.history import kept_days, mark_stale, month_firsts, with_change
from orchestration.credit.scorecard.characteristic import Characteristic
from orchestration.credit.scorecard.fitting import fit_scorecard
from orchestration.credit.scorecard.validation import gini
from orchestration.credit.scoring import score_changes, score_sellers, unscored
from orchestration.credit.training import TrainingError, figure, fit_card, train

JULY, AUGUST = date(2026, 8, 1), date(2026, 9, 1)
ASKED = [
    Characteristic("orders", 1, label_zh="订单数"),
    Characteristic("late", -1),
    Characteristic("grade", is_categorical=True),
]


def sample(rows: int = 1500, bads: bool = True) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    frame = pd.DataFrame(
        {
            "seller_id": [f"S{number}" for number in range(rows)],
            "as_of_on": rng.choice([date(2024, 3, 1), date(2024, 6, 1), date(2024, 9, 1)], rows),
            "orders": rng.poisson(30, rows).astype(float),
            "late": rng.uniform(0, 1, rows),
            "grade": rng.choice(["A", "B"], rows),
            "nothing": np.nan,
            "markets": rng.choice(["GB", "FR GB"], rows),
            "weight": 1.0,
        }
    )
    chance = 1 / (1 + np.exp(0.5 + 0.05 * frame["orders"] - 2 * frame["late"] + (frame["grade"] == "A")))
    return frame.assign(is_bad=(rng.random(rows) < chance) if bads else False)


def test_a_version_is_measured_on_newer_days_and_says_whether_it_qualifies() -> None:
    made = train(sample(), [*ASKED, Characteristic("nothing")], AUGUST)
    assert made.version.startswith("20260901-")
    assert {"training", "out_of_time", "challenger_out_of_time", "market_FR", "market_GB"} == set(
        made.measures["slice"]
    )
    # Every unseen row is kept with what was said of it, so that the figures can be made again.
    rows = made.validation
    assert (rows["as_of_on"] == date(2024, 9, 1)).all()
    assert gini(rows["probability"].to_numpy(), rows["is_bad"].to_numpy()) == pytest.approx(
        figure(made.measures, "out_of_time", "gini")
    )
    assert rows["challenger_probability"].between(0, 1).all()
    assert made.does_qualify, made.qualification
    assert any("no value in any row" in note.text for note in made.card.notes)


def test_what_cannot_be_learnt_says_why() -> None:
    with pytest.raises(TrainingError, match="0 bads among 1500 rows with an outcome: a scorecard needs 30"):
        train(sample(bads=False), ASKED, AUGUST)
    leak = sample().assign(told=lambda rows: rows["is_bad"].astype(float))
    made = train(leak, [*ASKED, Characteristic("told", -1)], AUGUST)
    assert not made.does_qualify
    assert "told: tells goods from bads without error: leak suspicion" in made.qualification


def test_the_level_follows_the_newest_outcomes_and_few_bads_move_it_less() -> None:
    rows = sample(3000)
    is_new = rows["as_of_on"] == date(2024, 9, 1)
    rows.loc[~is_new, "as_of_on"] = date(2019, 9, 1)
    # Of the newest bads three in four are good now.
    rows["is_bad"] &= ~is_new | (np.arange(len(rows)) % 4 == 0)
    rate = rows.loc[is_new, "is_bad"].mean()
    for part, least, most in ((rows, 0.0, 0.35), (rows.iloc[:400], 0.15, 0.8)):
        before = fit_scorecard(part, part["is_bad"], ASKED, weight=part["weight"].to_numpy(), groups=part["seller_id"])
        after = fit_card(part, ASKED)
        old, new = (float(card.score(rows[is_new])["probability"].mean()) for card in (before, after))
        assert least < (new - rate) / (old - rate) < most
        assert before.parts == after.parts


def test_parts_sum_to_the_score_and_changes_to_its_difference() -> None:
    card = train(sample(), ASKED, AUGUST).card
    now = pd.DataFrame({"seller_id": ["S1", "S2"], "orders": [45.0, np.nan], "late": [0.1, 0.9], "grade": ["A", None]})
    then = now.assign(orders=[15.0, 10.0], late=[0.8, 0.9])
    new = score_sellers(card, now, AUGUST, version="v1", status="candidate")
    old = score_sellers(card, then, JULY, version="v1", status="candidate", basis="recomputed")
    points = new.parts.groupby("seller_id")["points"].sum()
    assert points.to_dict() == new.scores.set_index("seller_id")["score"].to_dict()
    changes = score_changes(new.parts, old.parts)
    scores, before = (frame.set_index("seller_id")["score"].astype(int) for frame in (new.scores, old.scores))
    moved = changes.groupby("seller_id")["change_points"].sum().reindex(["S1", "S2"]).fillna(0)
    assert moved.tolist() == (scores - before).tolist()
    assert (changes["previous_on"] == JULY).all()
    assert "nobody has approved" in new.scores["note"].iloc[0]
    assert "knows later outcomes" in old.scores["note"].iloc[0]
    told = with_change(new.scores, old.scores).set_index("seller_id")["change_points"]
    assert told.tolist() == (scores - before).tolist()


def test_a_stale_seller_keeps_his_last_score_and_says_since_when() -> None:
    card = train(sample(), ASKED, AUGUST).card
    rows = pd.DataFrame({"seller_id": ["S1", "S2", "S3"], "orders": 20.0, "late": 0.5, "grade": "A"})
    kept = score_sellers(card, rows.head(2).assign(orders=60.0), JULY, version="v0", status="approved").scores
    today = score_sellers(card, rows, AUGUST, version="v1", status="approved").scores
    stale = pd.DataFrame(
        {"seller_id": ["S1", "S3"], "stale_reason": "GB held back", "stale_since_on": JULY, "stale_markets": "GB"}
    )
    found = mark_stale(today, stale, kept).set_index("seller_id")
    assert found["is_stale"].tolist() == [True, False, True]
    assert found["score"].tolist() == [kept["score"].iloc[0], *today["score"].iloc[1:]]
    assert found["version"].tolist() == ["v0", "v1", "v1"]
    assert found["scored_on"].tolist() == [JULY, AUGUST, AUGUST]
    assert found.loc["S1", "note"] == "the score of 2026-08-01 is kept: GB held back"


def test_without_a_scorecard_every_seller_says_so() -> None:
    found = unscored(pd.DataFrame({"seller_id": ["S1"]}), AUGUST, "9 bads: a scorecard needs 30")
    assert found.scores[["score", "grade", "note"]].to_numpy().tolist() == [
        [None, None, "9 bads: a scorecard needs 30"]
    ]
    assert found.parts.empty


def test_days_that_are_kept() -> None:
    assert month_firsts(date(2026, 3, 1), 3) == [date(2025, 12, 1), date(2026, 1, 1), date(2026, 2, 1)]
    assert month_firsts(date(2026, 3, 9), 2) == [date(2026, 2, 1), date(2026, 3, 1)]
    days = [date(2026, month, day) for month in (1, 2, 3) for day in (2, 3, 9)]
    assert kept_days(days, days[-1]) == days
    many = [date(2026, 1, day) for day in range(1, 32)]
    assert kept_days(many, many[-1]) == [many[0], *many[-10:]]
