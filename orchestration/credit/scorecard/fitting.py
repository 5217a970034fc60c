"""Fitting a scorecard: bins, what is left out and why, regression, points.

Belongs here: the order of the steps. Does not: their mathematics (binning.py, regression.py).

The regression sees weights of evidence that come from the other folds' bins. Bins are chosen to separate the rows they
are learnt on, the more so the more bins or categories a column offers; seen from outside, such a column says less, and
its coefficient falls below one or turns negative. Intervals and signs are therefore those of unseen rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from orchestration.credit.scorecard.binning import Outcome, fit_bins
from orchestration.credit.scorecard.bins import Bins
from orchestration.credit.scorecard.calibration import Calibration, fit_curve
from orchestration.credit.scorecard.card import Development, Note, Part, Scorecard
from orchestration.credit.scorecard.characteristic import Characteristic, ScorecardError, require_distinct
from orchestration.credit.scorecard.regression import Regression, aligned_intercept, fit_positive
from orchestration.credit.scorecard.screening import screened
from orchestration.credit.scorecard.settings import ScorecardSettings
from orchestration.credit.scorecard.validation import design_effect

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
_FEW_BADS = 50
_FEW_ROWS = 5000
_LEAST_POINTS = 1.5
_TIMES = 3
_THIN_GRID = (0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 12.0, 20.0, 30.0, 50.0, 80.0, 120.0, 200.0)


@dataclass(frozen=True)
class _Points:
    """Points of every bin and the base points, whole numbers."""

    parts: tuple[tuple[int, ...], ...]
    base: int


def fit_scorecard(
    frame: pd.DataFrame,
    is_bad: pd.Series | npt.NDArray[np.bool_],
    characteristics: Sequence[Characteristic],
    *,
    weight: npt.NDArray[np.float64] | None = None,
    groups: pd.Series | npt.NDArray[np.generic] | None = None,
    settings: ScorecardSettings | None = None,
) -> Scorecard:
    """A scorecard of `is_bad` on columns of `frame`.

    groups: whom each row is of, where one person stands in several rows. Folds then keep him together: bins that have
    learnt from one of his rows are not asked about another. Without it each row is somebody else.
    What is left out, suspected or thin stands in the card's notes. Raises ScorecardError where nothing can be learnt:
    a class is absent, no column tells anything, a column is not there, lengths differ, weights are negative.
    """
    settings = settings or ScorecardSettings()
    require_distinct(characteristics)
    outcome = checked_outcome(frame, is_bad, weight)
    needed = [item.name for item in characteristics] + ([settings.evidence_column] if settings.evidence_column else [])
    absent = [name for name in needed if name not in frame.columns]
    if absent:
        raise ScorecardError(f"the frame lacks column(s) {', '.join(absent)}")

    notes: list[Note] = []
    bads = int(outcome.is_bad.sum())
    if min(bads, len(frame) - bads) < _FEW_BADS:
        text = f"only {bads} bads and {len(frame) - bads} goods: bins are coarse and intervals wide"
        notes.append(Note("", "few_outcomes", text))
    kept = screened(frame, outcome, characteristics, settings, notes)
    found = [fit_bins(frame[item.name], outcome, item, settings) for item in kept]
    found = _informative(found, settings, notes)
    columns = [frame[item.characteristic.name] for item in found]
    inside = np.column_stack([bins.woe[bins.codes(column)] for bins, column in zip(found, columns, strict=True)])
    found, inside = _without_twins(found, inside, notes)

    dealt = checked_groups(frame, groups)
    design = _unseen_woe(frame, outcome, [item.characteristic for item in found], settings, inside, dealt)
    times = len(design) // len(frame)
    regression, places = _regressed(design, outcome, found, settings, notes)
    found, inside = [found[place] for place in places], inside[:, places]
    shift = aligned_intercept(regression.line(inside), ~outcome.is_bad, outcome.weight)
    regression = replace(regression, intercept=regression.intercept + shift)
    if dealt is not None:
        # Several rows of one person tell less than as many people would: intervals become wider, points do not move.
        chance = 1.0 / (1.0 + np.exp(regression.line(inside)))
        effect = design_effect(chance, outcome.is_bad, dealt, weight=outcome.weight)
        regression = replace(regression, covariance=regression.covariance * effect)
    card = _card(found, inside, regression, outcome, settings, notes)
    # What the regression saw are rows unseen by their bins: on them probabilities are fitted.
    unseen = np.reshape(regression.line(design[:, places]), (times, len(frame)))
    if settings.evidence_column:
        card, unseen = _with_thin_files(card, unseen, frame[settings.evidence_column], outcome, settings)
    if settings.is_calibrated and design is not inside:
        score = settings.scaling.offset + settings.scaling.factor * unseen
        curve = fit_curve(
            score.ravel(), np.tile(outcome.is_bad, times), settings.scaling, np.tile(outcome.weight / times, times)
        )
        card = replace(card, calibration=curve)
    return card


def checked_outcome(
    frame: pd.DataFrame, is_bad: pd.Series | npt.NDArray[np.bool_], weight: npt.NDArray[np.float64] | None
) -> Outcome:
    """The outcome as flags and effective weights. Raises ScorecardError with the rule that is broken."""
    if len(frame) != len(is_bad):
        raise ScorecardError(f"the frame has {len(frame)} rows and the outcome {len(is_bad)}")
    if not len(frame):
        raise ScorecardError("there are no rows: nothing to learn from")
    given = pd.Series(is_bad)
    if given.isna().any():
        raise ScorecardError(f"{int(given.isna().sum())} outcomes are missing: leave indeterminate rows out")
    values = set(pd.unique(given))
    if not values <= {0, 1}:
        raise ScorecardError(f"outcomes must be true (bad) or false (good), not {sorted(map(str, values))[:5]}")
    flags = given.to_numpy().astype(np.bool_)
    if flags.all() or not flags.any():
        which = "goods" if flags.all() else "bads"
        raise ScorecardError(f"there are no {which} among {len(flags)} rows: nothing to tell apart")
    if weight is None:
        return Outcome.of(flags, None)
    weights = np.asarray(weight, dtype=np.float64)
    if len(weights) != len(flags):
        raise ScorecardError(f"the frame has {len(flags)} rows and the weights {len(weights)}")
    if not np.isfinite(weights).all() or (weights < 0).any():
        raise ScorecardError("weights must be numbers of at least zero")
    if not weights[flags].sum() > 0 or not weights[~flags].sum() > 0:
        raise ScorecardError("all goods or all bads have weight zero: nothing to tell apart")
    return Outcome.of(flags, weights)


def checked_groups(
    frame: pd.DataFrame, groups: pd.Series | npt.NDArray[np.generic] | None
) -> npt.NDArray[np.int64] | None:
    """The group of each row as a number, in the order of the groups' names; None without groups."""
    if groups is None:
        return None
    if len(groups) != len(frame):
        raise ScorecardError(f"the frame has {len(frame)} rows and the groups {len(groups)}")
    given = pd.Series(np.asarray(groups))
    if given.isna().any():
        raise ScorecardError(f"{int(given.isna().sum())} rows have no group: name one for each row, or none at all")
    places, _ = pd.factorize(given, sort=True)
    return np.asarray(places, dtype=np.int64)


def fold_numbers(
    is_bad: Bools, folds: int, seed: int, groups: npt.NDArray[np.int64] | None = None
) -> npt.NDArray[np.int64]:
    """Fold of each row: goods and bads are dealt out evenly, in an order drawn by the seed.

    With groups (numbers from 0 on) whole groups are dealt out, those with a bad row apart from the others; whatever the
    order of the rows, a group's fold is the same.
    """
    if groups is not None:
        is_bad_group = np.bincount(groups, weights=is_bad) > 0
        return fold_numbers(is_bad_group, folds, seed)[groups]
    generator = np.random.default_rng(seed)
    found = np.empty(len(is_bad), dtype=np.int64)
    for flag in (False, True):
        rows = generator.permutation(np.flatnonzero(is_bad == flag))
        found[rows] = np.arange(len(rows)) % folds
    return found


def out_of_fold_woe(
    frame: pd.DataFrame,
    outcome: Outcome,
    characteristics: Sequence[Characteristic],
    settings: ScorecardSettings,
    fold: npt.NDArray[np.int64],
) -> Floats:
    """Weights of evidence of each row by bins of the other folds."""
    design = np.zeros((len(frame), len(characteristics)))
    for number in np.unique(fold):
        is_out = fold == number
        part = outcome.part(~is_out)
        for place, characteristic in enumerate(characteristics):
            column = frame[characteristic.name]
            bins = fit_bins(column[~is_out], part, characteristic, settings)
            design[is_out, place] = bins.woe[bins.codes(column[is_out])]
    return design


def _unseen_woe(
    frame: pd.DataFrame,
    outcome: Outcome,
    characteristics: Sequence[Characteristic],
    settings: ScorecardSettings,
    inside: Floats,
    groups: npt.NDArray[np.int64] | None,
) -> Floats:
    """What the regression sees: out-of-fold weights of evidence, of few rows several times by other folds.

    Where a class is too small for folds, or folds are not wanted, the rows' own.
    """
    flags = outcome.is_bad
    dealt = flags if groups is None else np.bincount(groups, weights=flags) > 0
    folds = min(settings.folds, int(dealt.sum()), int((~dealt).sum()))
    if folds < 2:
        return inside
    times = _TIMES if len(frame) < _FEW_ROWS else 1
    return np.vstack(
        [
            out_of_fold_woe(
                frame, outcome, characteristics, settings, fold_numbers(flags, folds, settings.seed + time, groups)
            )
            for time in range(times)
        ]
    )


def _informative(found: list[Bins], settings: ScorecardSettings, notes: list[Note]) -> list[Bins]:
    kept = []
    for bins in found:
        name = bins.characteristic.name
        if bins.iv < settings.least_iv:
            notes.append(
                Note(name, "weak", f"information value {bins.iv:.4f} is below {settings.least_iv:g}: left out")
            )
            continue
        if bins.iv > settings.leak_iv:
            text = f"information value {bins.iv:.2f} is above {settings.leak_iv:g}: was it known beforehand?"
            notes.append(Note(name, "leak_suspicion", text))
        kept.append(bins)
    if not kept:
        raise ScorecardError(
            f"no characteristic has an information value of {settings.least_iv:g}: nothing to tell apart"
        )
    return kept


def _without_twins(found: list[Bins], inside: Floats, notes: list[Note]) -> tuple[list[Bins], Floats]:
    """Without columns whose weights of evidence are those of another column with more information."""
    order = sorted(range(len(found)), key=lambda place: (-found[place].iv, place))
    standard = (inside - inside.mean(axis=0)) / np.maximum(inside.std(axis=0), 1e-12)
    likeness = standard.T @ standard / len(inside)
    kept: list[int] = []
    for place in order:
        twin = next((other for other in kept if likeness[place, other] > 0.995), None)
        if twin is None:
            kept.append(place)
            continue
        text = f"says the same as {found[twin].characteristic.name}: left out"
        notes.append(Note(found[place].characteristic.name, "duplicate", text))
    kept.sort()
    return [found[place] for place in kept], inside[:, kept]


def _regressed(
    design: Floats, outcome: Outcome, found: list[Bins], settings: ScorecardSettings, notes: list[Note]
) -> tuple[Regression, list[int]]:
    """The regression and the places of what is in it: positive, and worth at least a point somewhere."""
    times = len(design) // len(outcome.is_bad)
    is_good, weight = np.tile(~outcome.is_bad, times), np.tile(outcome.weight / times, times)
    places = list(range(len(found)))
    while True:
        regression, kept, dropped = fit_positive(
            design[:, places], is_good, weight, ridge=settings.ridge, is_pulled=settings.is_pulled
        )
        for place in dropped:
            text = "its sign in the regression says that safer looks worse: left out"
            notes.append(Note(found[places[place]].characteristic.name, "wrong_sign", text))
        places = [places[place] for place in kept]
        widths = np.array([_points_between(found[place], settings) for place in places]) * regression.coefficients
        if (widths >= _LEAST_POINTS).all() or (widths < _LEAST_POINTS).all():
            return regression, places
        for place, width in zip(places, widths, strict=True):
            if width >= _LEAST_POINTS:
                continue
            name = found[place].characteristic.name
            notes.append(Note(name, "no_points", "is worth less than two points beside the others: left out"))
        places = [place for place, width in zip(places, widths, strict=True) if width >= _LEAST_POINTS]


def _points_between(bins: Bins, settings: ScorecardSettings) -> float:
    """Points between the best and the worst bin at a coefficient of one."""
    seen = [item.woe for item in bins.bins if item.row_count]
    return settings.scaling.factor * (max(seen) - min(seen))


def _card(
    found: list[Bins],
    inside: Floats,
    regression: Regression,
    outcome: Outcome,
    settings: ScorecardSettings,
    notes: list[Note],
) -> Scorecard:
    from scipy.stats import norm

    factor = settings.scaling.factor
    z = float(norm.ppf(0.5 + settings.confidence / 2))
    points = _whole_points(found, inside, regression, outcome, settings)
    parts = tuple(
        Part(
            bins=bins,
            coefficient=float(coefficient),
            error=float(error),
            low=float(coefficient - z * error),
            high=float(coefficient + z * error),
            p_value=float(p_value),
            points=own,
        )
        for bins, coefficient, error, p_value, own in zip(
            found, regression.coefficients, regression.errors, regression.p_values, points.parts, strict=True
        )
    )
    line = regression.line(inside)
    score = np.rint(settings.scaling.offset + factor * line)
    limits = tuple(sorted({int(limit) for limit in np.quantile(score, np.linspace(0.1, 0.9, 9))}))
    shares = np.bincount(
        np.searchsorted(limits, score, side="right"), weights=outcome.weight, minlength=len(limits) + 1
    )
    development = Development(
        row_count=len(inside),
        bad_count=int(outcome.is_bad.sum()),
        rate=outcome.rate,
        mean_score=float(np.average(score, weights=outcome.weight)),
        score_limits=limits,
        score_shares=tuple(float(share) for share in shares / shares.sum()),
    )
    return Scorecard(parts, points.base, settings.scaling, settings.grades, Calibration(), development, tuple(notes))


def _whole_points(
    found: list[Bins], inside: Floats, regression: Regression, outcome: Outcome, settings: ScorecardSettings
) -> _Points:
    """Whole points, the least of each characteristic 0; the base points take what rounding moved on average."""
    factor = settings.scaling.factor
    parts = []
    mean = settings.scaling.offset + factor * float(np.average(regression.line(inside), weights=outcome.weight))
    for bins, coefficient in zip(found, regression.coefficients, strict=True):
        raw = factor * coefficient * bins.woe
        own = np.rint(raw - raw.min()).astype(np.int64)
        weights = np.array([item.weight for item in bins.bins])
        mean -= float(np.average(own, weights=weights))
        parts.append(tuple(int(value) for value in own))
    return _Points(tuple(parts), round(mean))


def _with_thin_files(
    card: Scorecard, line: Floats, evidence: pd.Series, outcome: Outcome, settings: ScorecardSettings
) -> tuple[Scorecard, Floats]:
    """The card that pulls thin files to the portfolio, and the ln(odds) pulled.

    Each row's ln(odds) is pulled to the portfolio's mean by n / (n + k). Where k is not set it is the one from a grid
    under which the outcomes are likeliest; 0 where no pull helps.
    """
    amount = np.maximum(np.nan_to_num(evidence.to_numpy(dtype=np.float64, na_value=0.0)), 0.0)
    centre = (card.development.mean_score - settings.scaling.offset) / settings.scaling.factor

    def pulled(k: float) -> Floats:
        return centre + (line - centre) * (amount / (amount + k) if k else 1.0)

    def loss(k: float) -> float:
        mean = pulled(k).mean(axis=0)
        mean = mean + aligned_intercept(mean, ~outcome.is_bad, outcome.weight)
        return float((outcome.weight * np.logaddexp(0.0, np.where(outcome.is_bad, mean, -mean))).sum())

    k = settings.thin_evidence if settings.thin_evidence is not None else min((0.0, *_THIN_GRID), key=loss)
    return replace(card, evidence_column=settings.evidence_column, thin_evidence=float(k)), pulled(k)
