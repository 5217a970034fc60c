"""How well scores order and predict: AUC, Gini, KS, Brier, calibration, lift, approvals.

Belongs here: figures of scores or probabilities beside outcomes. Does not: shifts over time (see `stability.py`).

Every function takes *risk*: larger means more likely bad (a probability, or the negative score).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from orchestration.credit.scorecard.characteristic import ScorecardError

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Interval:
    """An estimate between its limits."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Test:
    """A statistic and the chance of one as large if nothing were wrong."""

    statistic: float
    p_value: float
    freedom: float = 0.0


@dataclass(frozen=True)
class Measures:
    """The figures of one slice."""

    row_count: int
    bad_count: int
    auc: float
    gini: float
    ks: float
    brier: float
    mean_probability: float
    bad_rate: float


def auc(risk: Floats, is_bad: Bools, weight: Floats | None = None) -> float:
    """Chance that a bad has more risk than a good; ties count half. NaN where a class is absent."""
    weights = np.ones(len(risk)) if weight is None else np.asarray(weight, dtype=np.float64)
    order, starts = _sorted_groups(risk)
    bad = np.add.reduceat(np.where(is_bad, weights, 0.0)[order], starts)
    good = np.add.reduceat(np.where(is_bad, 0.0, weights)[order], starts)
    return _auc_of_groups(good, bad)


def gini(risk: Floats, is_bad: Bools, weight: Floats | None = None) -> float:
    """2 · AUC − 1."""
    return 2.0 * auc(risk, is_bad, weight) - 1.0


def ks(risk: Floats, is_bad: Bools) -> float:
    """Largest distance between the distributions of goods and bads (Kolmogorov and Smirnov)."""
    flags = np.asarray(is_bad, dtype=np.bool_)
    if flags.all() or not flags.any():
        return float("nan")
    order, starts = _sorted_groups(risk)
    bad = np.cumsum(np.add.reduceat(flags[order].astype(np.float64), starts)) / flags.sum()
    good = np.cumsum(np.add.reduceat((~flags)[order].astype(np.float64), starts)) / (~flags).sum()
    return float(np.abs(good - bad).max())


def brier(probability: Floats, is_bad: Bools) -> float:
    """Mean squared distance of probability and outcome."""
    return float(np.mean((np.asarray(probability) - np.asarray(is_bad, dtype=np.float64)) ** 2))


def measures(probability: Floats, is_bad: Bools) -> Measures:
    """All figures of one slice; AUC and KS are NaN where a class is absent."""
    flags = _aligned(probability, is_bad)
    found = auc(probability, flags)
    return Measures(
        row_count=len(flags),
        bad_count=int(flags.sum()),
        auc=found,
        gini=2.0 * found - 1.0,
        ks=ks(probability, flags),
        brier=brier(probability, flags),
        mean_probability=float(np.mean(probability)),
        bad_rate=float(flags.mean()),
    )


def auc_interval(risk: Floats, is_bad: Bools, *, draws: int = 400, confidence: float = 0.95, seed: int = 0) -> Interval:
    """AUC with a bootstrap interval: goods and bads are drawn again, each class at its own size."""
    flags = _aligned(risk, is_bad)
    order, starts = _sorted_groups(risk)
    bad = np.add.reduceat(flags[order].astype(np.float64), starts)
    good = np.add.reduceat((~flags)[order].astype(np.float64), starts)
    value = _auc_of_groups(good, bad)
    if np.isnan(value):
        return Interval(value, value, value)
    generator = np.random.default_rng(seed)
    goods, bads = int(good.sum()), int(bad.sum())
    found = [
        _auc_of_groups(
            generator.multinomial(goods, good / goods).astype(np.float64),
            generator.multinomial(bads, bad / bads).astype(np.float64),
        )
        for _ in range(draws)
    ]
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(found, [tail, 1.0 - tail])
    return Interval(value, float(low), float(high))


def grouped_auc_interval(
    risk: Floats,
    is_bad: Bools,
    groups: npt.NDArray[np.generic] | pd.Series,
    *,
    weight: Floats | None = None,
    draws: int = 200,
    confidence: float = 0.95,
    seed: int = 0,
) -> Interval:
    """AUC with a bootstrap interval that draws whole groups again: rows of one person do not count as several people.

    NaN limits where hardly any draw holds both classes.
    """
    flags, weights = _aligned(risk, is_bad), np.ones(len(risk)) if weight is None else np.asarray(weight, np.float64)
    places, names = pd.factorize(np.asarray(groups))
    generator = np.random.default_rng(seed)
    found = np.array(
        [
            auc(risk, flags, weights * generator.multinomial(len(names), np.full(len(names), 1 / len(names)))[places])
            for _ in range(draws)
        ]
    )
    tail = (1.0 - confidence) / 2.0
    is_known = np.isfinite(found)
    low, high = np.quantile(found[is_known], [tail, 1.0 - tail]) if is_known.mean() > 0.9 else (np.nan, np.nan)
    return Interval(auc(risk, flags, weights), float(low), float(high))


def design_effect(
    probability: Floats,
    is_bad: Bools,
    groups: npt.NDArray[np.generic] | pd.Series,
    *,
    weight: Floats | None = None,
    part: npt.NDArray[np.int64] | None = None,
) -> float:
    """How much more counts of bads scatter than those of as many independent rows would; at least 1.

    Someone who turns bad does so in each of his rows whose window holds the day. First order of Rao and Scott (1984):
    the mean over parts of the variance by group over the binomial one.
    """
    chance, flags = np.asarray(probability, dtype=np.float64), _aligned(probability, is_bad)
    weights = np.ones(len(chance)) if weight is None else np.asarray(weight, dtype=np.float64)
    cells = np.zeros(len(chance), dtype=np.int64) if part is None else part
    places = pd.factorize(np.asarray(groups))[0] * (int(cells.max()) + 1) + cells
    seen = np.bincount(places, weights=weights * (flags - chance))
    spread = float((weights * chance * (1.0 - chance)).sum())
    return max(1.0, float((seen**2).sum()) / spread) if spread > 0 else 1.0


def rate_interval(bads: Floats, rows: Floats) -> tuple[Floats, Floats]:
    """Wilson's interval of a rate at 95 %."""
    z = 1.959963984540054
    rate = bads / rows
    centre = (rate + z * z / (2 * rows)) / (1 + z * z / rows)
    half = z / (1 + z * z / rows) * np.sqrt(np.maximum(rate * (1 - rate), 0.0) / rows + (z / (2 * rows)) ** 2)
    return np.maximum(centre - half, 0.0), np.minimum(centre + half, 1.0)


def calibration_table(
    probability: Floats, is_bad: Bools, parts: int = 10, weight: Floats | None = None
) -> pd.DataFrame:
    """By rising probability, in `parts` of about equal size: rows, bads, mean probability, rate of bads, its interval.

    The interval of the rate is Wilson's at 95 %. Equal probabilities are never split, so there may be fewer parts.
    weight: what each row counts in means and rates; rows and bads are counted as they are.
    """
    flags = _aligned(probability, is_bad)
    chance = np.asarray(probability, dtype=np.float64)
    part = np.searchsorted(np.unique(np.quantile(chance, np.linspace(0, 1, parts + 1)[1:-1])), chance, side="left")
    weights = np.ones(len(chance)) if weight is None else np.asarray(weight, dtype=np.float64)
    rows = pd.DataFrame({"part": part, "probability": chance, "is_bad": flags, "weight": weights})
    rows = rows.assign(weighted=weights * chance, bad_weight=weights * flags)
    grouped = rows.groupby("part")
    found = grouped.agg(
        row_count=("is_bad", "size"),
        bad_count=("is_bad", "sum"),
        least_probability=("probability", "min"),
        most_probability=("probability", "max"),
        mean_probability=("probability", "mean") if weight is None else ("weighted", "sum"),
        weight=("weight", "sum"),
        bad_weight=("bad_weight", "sum"),
    ).reset_index(drop=True)
    found.insert(0, "part", np.arange(1, len(found) + 1))
    bads, size = found.pop("bad_weight").to_numpy(dtype=np.float64), found.pop("weight").to_numpy(dtype=np.float64)
    if weight is not None:
        found["mean_probability"] = found["mean_probability"] / size
    found["bad_rate"] = bads / size
    found["bad_rate_low"], found["bad_rate_high"] = rate_interval(bads, size)
    return found


def hosmer_lemeshow(probability: Floats, is_bad: Bools, parts: int = 10, *, was_fitted: bool = False) -> Test:
    """Whether rates by decile can come from the probabilities (Hosmer and Lemeshow 1980).

    On rows that the model has not seen there are as many degrees of freedom as parts, on its own rows two fewer.
    """
    from scipy.stats import chi2

    table = calibration_table(probability, is_bad, parts)
    rows, mean = table["row_count"].to_numpy(dtype=np.float64), table["mean_probability"].to_numpy()
    spread = np.maximum(rows * mean * (1.0 - mean), 1e-12)
    statistic = float((((table["bad_count"].to_numpy() - rows * mean) ** 2) / spread).sum())
    freedom = max(1, len(table) - (2 if was_fitted else 0))
    return Test(statistic, float(chi2.sf(statistic, freedom)), freedom)


def spiegelhalter(probability: Floats, is_bad: Bools) -> Test:
    """Whether the Brier score is what the probabilities promise (Spiegelhalter 1986): a z statistic, two-sided."""
    from scipy.stats import norm

    chance = np.asarray(probability, dtype=np.float64)
    flags = _aligned(chance, is_bad).astype(np.float64)
    spread = float(np.sqrt(((1 - 2 * chance) ** 2 * chance * (1 - chance)).sum()))
    if spread <= 0:
        return Test(0.0, 1.0)
    z = float(((flags - chance) * (1 - 2 * chance)).sum() / spread)
    return Test(z, float(2 * norm.sf(abs(z))))


def lift_table(risk: Floats, is_bad: Bools, parts: int = 10) -> pd.DataFrame:
    """From the riskiest part down: rows, bads, rate, lift over the mean rate, and the share of bads caught so far."""
    flags = _aligned(risk, is_bad)
    order = np.argsort(-np.asarray(risk, dtype=np.float64), kind="stable")
    part = np.arange(len(flags)) * parts // max(len(flags), 1)
    grouped = pd.DataFrame({"part": part + 1, "is_bad": flags[order]}).groupby("part")["is_bad"]
    found = grouped.agg(row_count="size", bad_count="sum").reset_index()
    found["bad_rate"] = found["bad_count"] / found["row_count"]
    found["lift"] = found["bad_rate"] / max(float(flags.mean()), 1e-12)
    found["caught_share"] = found["bad_count"].cumsum() / max(int(flags.sum()), 1)
    return found


def approval_table(
    score: npt.NDArray[np.int64] | Floats, is_bad: Bools, cut_offs: Sequence[float], weight: Floats | None = None
) -> pd.DataFrame:
    """What a cut-off does (approved: score at or above it): shares approved, rate of bads in it, goods turned away.

    weight: what a row counts in the rate of bads; shares count rows.
    """
    flags = _aligned(score, is_bad)
    weights = np.ones(len(flags)) if weight is None else np.asarray(weight, dtype=np.float64)
    scores = np.asarray(score, dtype=np.float64)
    rows = []
    for cut_off in cut_offs:
        is_approved = scores >= cut_off
        bads = int((is_approved & flags).sum())
        approved = int(is_approved.sum())
        rows.append(
            {
                "cut_off": float(cut_off),
                "approved_count": approved,
                "approved_share": approved / max(len(flags), 1),
                "approved_bad_rate": float(np.average(flags[is_approved], weights=weights[is_approved]))
                if approved
                else float("nan"),
                "bads_refused_share": 1.0 - bads / max(int(flags.sum()), 1),
                "goods_refused_share": 1.0 - (approved - bads) / max(int((~flags).sum()), 1),
            }
        )
    return pd.DataFrame(rows)


def _aligned(risk: npt.NDArray[np.int64] | Floats, is_bad: Bools) -> Bools:
    flags = np.asarray(is_bad, dtype=np.bool_)
    if len(flags) != len(risk):
        raise ScorecardError(f"there are {len(risk)} scores and {len(flags)} outcomes")
    return flags


def _sorted_groups(risk: Floats) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Order by risk, and where each group of equal risks starts in it."""
    values = np.asarray(risk, dtype=np.float64)
    if not len(values):
        raise ScorecardError("there are no rows to measure")
    if np.isnan(values).any():
        raise ScorecardError(f"{int(np.isnan(values).sum())} scores are missing")
    order = np.argsort(values, kind="stable")
    ranked = values[order]
    return order, np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]]))


def _auc_of_groups(good: Floats, bad: Floats) -> float:
    goods, bads = float(good.sum()), float(bad.sum())
    if goods <= 0 or bads <= 0:
        return float("nan")
    below = np.cumsum(good) - good
    return float((bad * (below + good / 2)).sum() / (goods * bads))
