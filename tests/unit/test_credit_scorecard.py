"""Scorecards: bins, points, reasons, refusals, and the command."""

from dataclasses import replace
from itertools import combinations, pairwise

import numpy as np
import pandas as pd
import pytest

from orchestration.credit.scorecard.binning import Outcome, fit_bins
from orchestration.credit.scorecard.bins import limit_between
from orchestration.credit.scorecard.card import Scorecard
from orchestration.credit.scorecard.characteristic import Characteristic, ScorecardError
from orchestration.credit.scorecard.command import main
from orchestration.credit.scorecard.fitting import fit_scorecard
from orchestration.credit.scorecard.inference import characteristics_of
from orchestration.credit.scorecard.merging import Course, Demands, divide
from orchestration.credit.scorecard.regression import Regression, pulled_together
from orchestration.credit.scorecard.settings import Scaling, ScorecardSettings

ROWS = 1500
TURNOVER = Characteristic("turnover", 1, label_en="Turnover", label_zh="营业额", shortfall_en="turnover is low",
                          shortfall_zh="营业额偏低")  # fmt: skip
DELAY = Characteristic("delay", -1, specials={-9.0: "withheld"})
KIND = Characteristic("kind", is_categorical=True)
ALL = [TURNOVER, DELAY, KIND]


def sellers(rows: int = ROWS, seed: int = 5) -> tuple[pd.DataFrame, np.ndarray]:
    """Turnover helps (missing without a single bad), delay harms and is sometimes withheld, kinds differ."""
    generator = np.random.default_rng(seed)
    turnover = generator.gamma(2.0, 50.0, rows).round(1)
    delay = generator.poisson(4, rows).astype(float)
    kind = generator.choice(["shoes", "toys", "tools", "rare bird"], rows, p=[0.5, 0.3, 0.195, 0.005])
    line = -1.2 - 0.015 * (turnover - 100) + 0.25 * (delay - 4) + 0.8 * (kind == "toys")
    is_bad = generator.random(rows) < 1 / (1 + np.exp(-line))
    delay[generator.random(rows) < 0.1] = -9.0
    turnover[(generator.random(rows) < 0.15) & ~is_bad] = np.nan
    return pd.DataFrame({"turnover": turnover, "delay": delay, "kind": kind}), is_bad


@pytest.fixture(scope="module")
def data() -> tuple[pd.DataFrame, np.ndarray]:
    return sellers()


@pytest.fixture(scope="module")
def card(data: tuple[pd.DataFrame, np.ndarray]) -> Scorecard:
    return fit_scorecard(*data, ALL)


@pytest.mark.parametrize("course", ["rising", "falling", "peak", "valley", "free"])
def test_the_division_is_the_best_of_all_divisions(course: Course) -> None:
    generator = np.random.default_rng(11)
    demands = Demands(20, 2, 1e9, 0.7, 0.0, 12, 5.0, 0.3)
    for _ in range(6):
        rows = generator.integers(8, 40, 9).astype(float)
        bads = generator.binomial(rows.astype(int), generator.uniform(0.05, 0.6, 9)).astype(float)
        found = divide(rows, bads, (course,), demands)
        assert found.gain == pytest.approx(max(0.0, best_gain(rows, bads, course, demands)))


def best_gain(rows: np.ndarray, bads: np.ndarray, course: Course, demands: Demands) -> float:
    def worth(start: int, end: int) -> tuple[float, float]:
        n, b = rows[start:end].sum(), bads[start:end].sum()
        rate = (b + demands.prior_rows * demands.base_rate) / (n + demands.prior_rows)
        is_allowed = n >= demands.least_rows and min(b, n - b) >= demands.least_of_a_class
        return (b * np.log(rate) + (n - b) * np.log1p(-rate) if is_allowed else -np.inf), rate

    best = -np.inf
    for count in range(1, 9):
        for limits in combinations(range(1, 9), count):
            parts = [worth(start, end) for start, end in pairwise([0, *limits, 9])]
            steps = np.sign(np.diff([rate for _, rate in parts]))
            turns = [step for place, step in enumerate(steps) if place == 0 or step != steps[place - 1]]
            wanted = {"rising": [1], "falling": [-1], "peak": [1, -1], "valley": [-1, 1]}
            if course != "free" and turns not in ([wanted[course]] if len(wanted[course]) == 1 else [wanted[course],
                                                  wanted[course][1:]]):  # fmt: skip
                continue
            best = max(best, sum(value for value, _ in parts) - demands.bin_penalty * len(limits))
    return float(best - worth(0, 9)[0])


def test_limits_have_few_digits_and_stay_between_the_values() -> None:
    assert [limit_between(*pair) for pair in [(3, 4), (0.1234, 0.1291), (-7.5, -2.0), (1199.9, 1200.1), (0, 5)]] == [
        4, 0.129, -2, 1200, 5]  # fmt: skip
    assert limit_between(0.1, np.nextafter(0.1, 1)) == np.nextafter(0.1, 1)


def test_points_follow_the_stated_directions(card: Scorecard) -> None:
    for part, sign in zip(card.parts[:2], (1, -1), strict=True):
        ranges = [points for points, item in zip(part.points, part.bins.bins, strict=True) if item.kind == "range"]
        assert len(ranges) >= 3
        assert (np.diff(ranges) * sign > 0).all(), part.bins
        assert min(part.points) == 0
    assert all(part.low < part.coefficient < part.high for part in card.parts)


def test_scores_are_sums_without_a_rest_and_survive_json(
    card: Scorecard, data: tuple[pd.DataFrame, np.ndarray]
) -> None:
    frame, is_bad = data
    scored = card.score(frame)
    assert (card.points(frame).sum(axis=1) == scored["score"]).all()
    again = Scorecard.from_json(card.to_json())
    assert again == card
    pd.testing.assert_frame_equal(again.score_with_reasons(frame), card.score_with_reasons(frame))
    # The order in which rows come changes no bin and no point.
    mixed, plain = np.random.default_rng(1).permutation(len(frame)), ScorecardSettings(folds=0)
    first, second = (
        fit_scorecard(frame.iloc[rows], is_bad[rows], ALL, settings=plain) for rows in (np.arange(len(frame)), mixed)
    )
    assert [part.points for part in first.parts] == [part.points for part in second.parts]
    assert [item.label for part in first.parts for item in part.bins.bins] == [
        item.label for part in second.parts for item in part.bins.bins
    ]
    with pytest.raises(ScorecardError, match="this is no scorecard: parts: Field required"):
        Scorecard.from_json("{}")


def test_missing_special_rare_and_unseen_values_have_their_places(card: Scorecard) -> None:
    turnover, delay, kind = card.parts
    missing = turnover.bins.bins[turnover.bins.code_of("missing")]
    assert missing.bad_count == 0
    # All of its 15 % were good; three bads of the portfolio's rate keep the evidence finite.
    assert 2.0 < missing.woe < 6.0
    special = next(item for item in delay.bins.bins if item.kind == "special")
    assert special.label == "withheld"
    assert abs(special.woe) < 0.6
    assert any("rare bird" in item.values for item in kind.bins.bins)
    frame = pd.DataFrame({"turnover": [50.0, "soon", "n/a"], "delay": [-9, 3, 900], "kind": ["cars", None, " toys "]})
    codes = card.codes(frame)
    assert [kind.bins.bins[code].kind for code in codes[:, 2]] == ["unseen", "missing", "group"]
    assert [turnover.bins.bins[code].kind for code in codes[:, 0]] == ["range", "unseen", "missing"]
    neutral = kind.bins.bins[kind.bins.code_of("unseen")]
    assert neutral.woe == 0.0
    counted = card.coverage(frame).set_index("name")
    assert counted["unseen_count"].to_dict() == {"turnover": 1, "delay": 0, "kind": 1}
    assert counted["special_count"].to_dict() == {"turnover": 0, "delay": 1, "kind": 0}


def test_reasons_are_the_largest_shortfalls_in_the_cards_order(card: Scorecard) -> None:
    kinds = card.parts[2]
    safest = kinds.bins.bins[int(np.argmax(kinds.points))].values[0]
    best = pd.DataFrame({"turnover": [1000.0, 1.0, np.nan], "delay": [0.0, 40.0, -9.0], "kind": [safest, "toys", None]})
    found = card.reasons(best)
    points = card.points(best)
    most = {part.characteristic.name: part.most_points for part in card.parts}
    worst = found.iloc[1]
    named = [worst[f"reason_{number}"] for number in (1, 2, 3)]
    lost = [most[name] - points.loc[1, name] for name in named]
    assert lost == sorted(lost, reverse=True)
    assert [worst[f"reason_{number}_points"] for number in (1, 2, 3)] == lost
    place = named.index("turnover") + 1
    assert (worst[f"reason_{place}_en"], worst[f"reason_{place}_zh"]) == ("turnover is low", "营业额偏低")
    # Nothing falls short: no reason is made up.
    assert found.iloc[0]["reason_1_points"] == 0
    assert pd.isna(found.iloc[0]["reason_1"])
    texts = {found.iloc[2][f"reason_{number}_zh"] for number in (1, 2, 3)}
    assert "“delay”为特殊值（withheld）" in texts
    same = replace(card, parts=(card.parts[1], replace(card.parts[1])))
    assert same.reasons(best, count=2).iloc[1]["reason_1_points"] == same.reasons(best).iloc[1]["reason_2_points"]
    placed = card.placed(best)
    assert placed.groupby("row")["shortfall_rank"].apply(sorted).tolist() == [[1, 2, 3]] * 3


def test_the_scale_is_600_at_50_to_1_and_20_points_double_the_odds(card: Scorecard) -> None:
    assert (Scaling().factor, Scaling().offset) == pytest.approx((28.8539, 487.1229), abs=1e-4)
    plain = replace(card.calibration, intercept=0.0, slope=1.0, knots=(), curve=())
    assert plain.probability(np.array([600.0, 620.0]), Scaling()) == pytest.approx([1 / 51, 1 / 101])
    rising = card.calibration.probability(np.arange(300.0, 800.0), card.scaling)
    assert (np.diff(rising) < 0).all()


def test_probabilities_fit_the_portfolio_and_move_without_the_points(
    card: Scorecard, data: tuple[pd.DataFrame, np.ndarray]
) -> None:
    frame, is_bad = data
    before = card.score(frame)
    assert before["probability"].mean() == pytest.approx(is_bad.mean(), abs=0.01)
    half = card.calibrated_to(0.5).score(frame)
    assert (half["score"] == before["score"]).all()
    assert 0.4 < half["probability"].mean() < 0.6
    later = card.recalibrated(frame, np.random.default_rng(2).random(len(frame)) < 0.4 * before["probability"])
    assert later.score(frame)["probability"].mean() == pytest.approx(0.4 * is_bad.mean(), abs=0.03)
    bounds = {grade.name: grade.most_probability for grade in card.grades}
    assert all(p <= bounds[g] for p, g in zip(before["probability"], before["grade"], strict=True))
    with pytest.raises(ScorecardError, match="0 bads"):
        card.recalibrated(frame, np.zeros(len(frame), dtype=bool))


def test_a_thin_file_is_pulled_to_the_portfolio(data: tuple[pd.DataFrame, np.ndarray]) -> None:
    frame, is_bad = data
    orders = np.random.default_rng(3).integers(0, 60, len(frame)).astype(float)
    with_orders = frame.assign(orders=orders)
    settings = ScorecardSettings(evidence_column="orders", thin_evidence=10.0)
    thin = fit_scorecard(with_orders, is_bad, ALL, settings=settings)
    scored, points = thin.score(with_orders), thin.points(with_orders)
    assert (points.sum(axis=1) == scored["score"]).all()
    assert (scored["is_thin"] == (orders < 10)).all()
    nothing = scored["score"][orders == 0]
    assert (nothing - thin.development.mean_score).abs().max() <= 1
    full = points.drop(columns="thin_file_points").sum(axis=1)
    distance = (scored["score"] - thin.development.mean_score) / (full - thin.development.mean_score)
    is_far = (full - thin.development.mean_score).abs() > 30
    assert distance[is_far & (orders == 10)].to_numpy() == pytest.approx(0.5, abs=0.03)
    # Where evidence has nothing to do with the outcome, the estimate pulls little.
    own = fit_scorecard(with_orders, is_bad, ALL, settings=replace(settings, thin_evidence=None))
    assert own.thin_evidence <= 3.0


@pytest.mark.parametrize(
    ("column", "code"),
    [
        ([np.nan] * ROWS, "all_missing"),
        ([7] * ROWS, "constant"),
        ("outcome", "separates"),
        ("outcome as text", "separates"),
        ("outcome where known", "separates"),
        ("twice the turnover", "duplicate"),
        ("noise", "weak"),
    ],
)
def test_a_useless_or_suspect_column_is_left_out_with_a_note(
    data: tuple[pd.DataFrame, np.ndarray], column: str | list[float], code: str
) -> None:
    frame, is_bad = data
    generator = np.random.default_rng(8)
    made = {
        "outcome": is_bad + 0.1 * generator.random(ROWS),
        "outcome as text": np.where(is_bad, "late", "fine"),
        "outcome where known": np.where(is_bad, 1.0, np.nan),
        "twice the turnover": 2 * frame["turnover"],
        "noise": generator.integers(0, 2, ROWS),
    }
    given = made[column] if isinstance(column, str) else column
    extra = Characteristic("extra", is_categorical=column == "outcome as text")
    found = fit_scorecard(frame.assign(extra=given), is_bad, [*ALL, extra])
    assert "extra" not in found.names
    assert [note.code for note in found.notes if note.name == "extra"][-1] == code


def test_many_noisy_categories_do_not_enter(data: tuple[pd.DataFrame, np.ndarray]) -> None:
    frame, is_bad = data
    noise = np.random.default_rng(4).integers(0, 60, ROWS).astype(str)
    asked = [*ALL, Characteristic("postcode", is_categorical=True)]
    found = fit_scorecard(frame.assign(postcode=noise), is_bad, asked)
    naive = fit_scorecard(frame.assign(postcode=noise), is_bad, asked, settings=ScorecardSettings(folds=0))
    # Bins that were chosen on the rows that judge them believe in it; the other folds do not.
    assert "postcode" in naive.names
    assert "postcode" not in found.names


def test_what_cannot_be_learnt_is_refused_by_name(data: tuple[pd.DataFrame, np.ndarray]) -> None:
    frame, is_bad = data
    cases = [
        (frame, np.zeros(ROWS, dtype=bool), ALL, None, "there are no bads among 1500 rows"),
        (frame, np.ones(ROWS, dtype=bool), ALL, None, "there are no goods"),
        (frame, is_bad[:-1], ALL, None, "1500 rows and the outcome 1499"),
        (frame, pd.Series(is_bad).astype(object).where(frame["delay"] > 3), ALL, None, "outcomes are missing"),
        (frame, is_bad.astype(int) + 1, ALL, None, r"must be true \(bad\) or false"),
        (frame, is_bad, [*ALL, TURNOVER], None, "turnover is listed twice"),
        (frame, is_bad, [], None, "no characteristics"),
        (frame, is_bad, [Characteristic("age")], None, r"lacks column\(s\) age"),
        (frame, is_bad, ALL, np.full(ROWS, -1.0), "at least zero"),
        (frame, is_bad, ALL, (~is_bad).astype(float), "weight zero"),
        (frame, is_bad, [Characteristic("kind")], None, "declare it as a category"),
        (frame.assign(day=pd.Timestamp("2026-01-01")), is_bad, [Characteristic("day")], None, "is a date"),
        (frame.assign(one=1), is_bad, [Characteristic("one")], None, "no characteristic can be used: one has the same"),
        (frame.head(0), is_bad[:0], ALL, None, "there are no rows"),
    ]
    for given, outcome, asked, weight, words in cases:
        with pytest.raises(ScorecardError, match=words):
            fit_scorecard(given, outcome, asked, weight=weight)
    with pytest.raises(ScorecardError, match="a category has no direction"):
        Characteristic("kind", 1, is_categorical=True)


def test_rare_bads_in_a_small_tail_are_found() -> None:
    generator = np.random.default_rng(9)
    amount = generator.lognormal(size=60_000)
    is_bad = generator.random(60_000) < np.where(amount > np.quantile(amount, 0.997), 0.6, 0.001)
    amount[amount > np.quantile(amount, 0.999)] = np.inf
    found = fit_scorecard(pd.DataFrame({"amount": amount}), is_bad, [Characteristic("amount", -1)])
    last = [item for item in found.parts[0].bins.bins if item.kind == "range"][-1]
    # Less than the 1 % that are asked of a bin, but with enough goods and bads.
    assert 150 < last.row_count < 300
    assert last.bad_count > 0.5 * last.row_count
    assert Scorecard.from_json(found.to_json()) == found


def test_many_bins_on_a_line_come_nearer_to_the_truth_than_few() -> None:
    """Few bads: the course is kept, and the evidence is that of the line more than that of the bins."""
    generator = np.random.default_rng(8)
    values = generator.standard_normal(4000)
    is_bad = generator.random(4000) < 1 / (1 + np.exp(3.5 + values))
    item, errors = Characteristic("x", 1), []
    for settings in (ScorecardSettings(), ScorecardSettings(line_bins=24)):
        bins = fit_bins(pd.Series(values), Outcome.of(is_bad, None), item, settings)
        woe = bins.woe[bins.codes(pd.Series(values))]
        errors.append(float(np.std(woe - values)))
    ranges = [item.woe for item in bins.bins if item.kind == "range"]
    assert len(ranges) > 15
    assert ranges == sorted(ranges)
    assert errors[1] < min(0.6 * errors[0], 0.25)


def test_few_rows_and_weights(data: tuple[pd.DataFrame, np.ndarray], card: Scorecard) -> None:
    frame, is_bad = data
    assert fit_scorecard(frame, is_bad, ALL, weight=np.full(ROWS, 7.0)).parts == card.parts
    # Half of the goods, counted twice: about the same probabilities.
    is_kept = is_bad | (np.arange(ROWS) % 2 == 0)
    weight = np.where(is_bad, 1.0, 2.0)[is_kept]
    half = fit_scorecard(frame[is_kept], is_bad[is_kept], ALL, weight=weight)
    assert half.development.rate == pytest.approx(is_bad.mean(), abs=0.02)
    assert half.score(frame)["probability"].mean() == pytest.approx(is_bad.mean(), abs=0.03)
    few = fit_scorecard(frame.head(80), is_bad[:80], ALL)
    assert "few_outcomes" in {note.code for note in few.notes}
    assert few.calibration.knots == ()


def test_coefficients_of_small_samples_move_to_their_mean_and_sure_ones_stay() -> None:
    estimates = np.array([0.2, 0.9, 1.6])
    vague = pulled_together(Regression(0.0, estimates, np.eye(3) * 0.5))
    sure = pulled_together(Regression(0.0, estimates, np.eye(3) * 1e-4))
    assert np.ptp(vague.coefficients) < 0.4 * np.ptp(estimates)
    assert vague.coefficients.mean() == pytest.approx(0.9)
    assert sure.coefficients == pytest.approx(estimates, abs=0.01)
    assert (vague.errors < np.sqrt(0.5)).all()


def test_kinds_and_codes_are_found() -> None:
    generator = np.random.default_rng(6)
    rows = 400
    frame = pd.DataFrame(
        {
            "case": np.arange(rows),
            "key": [f"k{place}" for place in range(rows)],
            "day": pd.date_range("2025-01-01", periods=rows),
            "empty": [None] * rows,
            "trades": generator.choice([-9, -8, -7, 0, 1, 2, 5, 9, 12, 20], rows),
            "late": generator.choice([0, 1, 2, 3, 96, 98], rows),
            "ratio": generator.normal(size=rows),
            "text_number": [f"{value:.2f} %" for value in generator.random(rows)],
            "amount": [f"${value:,}" for value in generator.integers(500, 90_000, rows)],
            "opened": generator.choice(["Jan-2015", "Dec-1999", "Mar-2011"], rows),
            "is_owner": generator.random(rows) < 0.5,
            "region": generator.choice(["north", "south"], rows),
        }
    )
    found, notes = characteristics_of(frame)
    by_name = {item.name: item for item in found}
    assert {note.name: note.code for note in notes} == {
        "case": "identifier", "key": "identifier", "day": "date", "empty": "all_missing", "trades": "codes",
        "late": "codes", "opened": "date"}  # fmt: skip
    assert sorted(by_name["trades"].specials) == [-9, -8, -7]
    assert sorted(by_name["late"].specials) == [96, 98]
    assert not by_name["ratio"].specials
    assert not by_name["amount"].is_categorical
    assert [name for name, item in by_name.items() if item.is_categorical] == ["is_owner", "region"]


def test_the_command_fits_a_file_and_refuses_what_it_cannot_read(
    tmp_path, data: tuple[pd.DataFrame, np.ndarray], capsys: pytest.CaptureFixture[str]
) -> None:
    frame, is_bad = data
    path = tmp_path / "cases.csv"
    frame.assign(state=np.where(is_bad, "charged off", "paid")).to_csv(path, index=False, sep=";")
    assert main([str(path), "--target", "state", "--out", str(tmp_path / "card.json"), "--folds", "3"]) == 0
    printed = capsys.readouterr().out
    assert "cross-validated (3 folds): AUC 0.7" in printed
    assert Scorecard.from_json((tmp_path / "card.json").read_text()).names == ["turnover", "delay", "kind"]
    for arguments, words in [
        (["--target", "status"], "there is no column status; it has turnover"),
        (["--target", "kind"], "say with --bad which value is bad"),
        (["--target", "state", "--bad", "lost"], "has no value lost; it has charged off, paid"),
        (["--target", "state", "--drop", "turnover", "--drop", "delay", "--drop", "kind"], "no column can be used"),
    ]:
        assert main([str(path), *arguments]) == 2
        assert words in capsys.readouterr().err
    assert main([str(tmp_path / "none.csv"), "--target", "x"]) == 2
