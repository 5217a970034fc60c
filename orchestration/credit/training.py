"""Training a version of the scorecard, and whether it qualifies.

Belongs here: the split in time, the fit, its measures. Does not: the sample (see `samples.py`), which version is used
(see `versions.py`), the scorecard's maths.

The newest days of the sample are not learnt from at first: a scorecard of the earlier ones is measured on them. What is
kept is then fitted on all days, so that today's scores know the newest outcomes. Where the bads are too few for that,
sellers are left out by turns instead (five folds, a seller in one of them). A challenger without points, fitted to the
same rows, is judged on the same unseen ones.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from orchestration.credit.scorecard.settings import ScorecardSettings

if TYPE_CHECKING:
    from orchestration.credit.scorecard.card import Scorecard
    from orchestration.credit.scorecard.characteristic import Characteristic

OUT_OF_TIME, OUT_OF_FOLD, TRAINING, IN_USE = "out_of_time", "out_of_fold", "training", "in_use_out_of_time"
CHALLENGER, MARKET = "challenger_", "market_"  # of the slice that follows; of the market that follows
FOLDS = 5
LEAST_BADS = 30
# Of sellers. Bads are few and characteristics alike: many bins on a line, and only what tells much by itself.
SELLER_SETTINGS = ScorecardSettings(evidence_column="evidence_orders", line_bins=24, least_iv=0.2)
# A year counts half of the one after it for the level of probabilities, and so many bads as expected are added.
HALVED_AFTER_DAYS, LEVEL_PRIOR_BADS = 365.0, 20.0
# What a version must reach before a person may approve it.
LEAST_GINI, MOST_GINI_LOST, LEAST_P_VALUE = 0.20, 0.02, 0.01
VALIDATION_COLUMNS = (
    "slice", "as_of_on", "seller_id", "markets", "is_bad", "weight", "score", "probability", "challenger_probability",
    "in_use_probability",
)  # fmt: skip


class TrainingError(ValueError):
    """No scorecard can be trained; the message says what is missing."""


@dataclass(frozen=True, eq=False)
class Trained:
    """A version: its card, what it was trained on, its measures (slice, metric, value), and whether it qualifies.

    validation: rows that the measured card had not learnt from, with what was said of them: VALIDATION_COLUMNS.
    """

    version: str
    card: "Scorecard"
    trained_on: date
    from_on: date
    to_on: date
    row_count: int
    bad_count: int
    measures: pd.DataFrame
    validation: pd.DataFrame
    does_qualify: bool
    qualification: str


def train(
    sample: pd.DataFrame,
    characteristics: "Sequence[Characteristic]",
    trained_on: date,
    *,
    settings: ScorecardSettings | None = None,
    in_use: "Scorecard | None" = None,
) -> Trained:
    """A scorecard of `sample`: as_of_on, seller_id, is_bad, weight and the characteristics, a row per seller and day.

    weight: how much of the horizon a row has shown (1 for a bad one), so that weighted rates are those of the horizon.
    A column `markets` (names with spaces between), where the sample has it, lets each market be measured.
    in_use: the version that is used now; the new one may not fall behind it on the newest days.
    Raises TrainingError where there are too few bads, or none, or no characteristic tells anything.
    """
    from orchestration.credit.scorecard.characteristic import ScorecardError

    rows = sample.sort_values(["as_of_on", "seller_id"], kind="stable", ignore_index=True)
    bads = int(rows["is_bad"].sum())
    if bads < LEAST_BADS:
        raise TrainingError(f"{bads} bads among {len(rows)} rows with an outcome: a scorecard needs {LEAST_BADS}")
    if bads == len(rows):
        raise TrainingError(f"all {len(rows)} rows with an outcome are bad: there is nothing to tell apart")
    days = sorted(set(rows["as_of_on"]))
    try:
        card = fit_card(rows, characteristics, settings)
        training = _figures(card.score(rows)["probability"].to_numpy(float), rows, TRAINING, was_fitted=True)
        late = _newest_days(rows, days)
        unseen = (
            _out_of_fold(rows, characteristics, settings)
            if late is None
            else _out_of_time(rows, late, characteristics, settings, in_use)
        )
    except ScorecardError as error:
        raise TrainingError(str(error)) from error
    told = pd.concat([training, *_measured(unseen)], ignore_index=True)
    against = _objections(told, card)
    digest = hashlib.sha256(card.to_json().encode()).hexdigest()
    return Trained(
        version=f"{trained_on:%Y%m%d}-{digest[:8]}",
        card=card,
        trained_on=trained_on,
        from_on=days[0],
        to_on=days[-1],
        row_count=len(rows),
        bad_count=bads,
        measures=told,
        validation=unseen,
        does_qualify=not against,
        qualification="; ".join(against) or "every measure holds",
    )


def figure(measures: pd.DataFrame, part: str, metric: str) -> float | None:
    """One figure of the measures; None where it was not measured."""
    found = measures.loc[(measures["slice"] == part) & (measures["metric"] == metric), "value"]
    return None if found.empty or pd.isna(found.iloc[0]) else float(found.iloc[0])


def _newest_days(rows: pd.DataFrame, days: Sequence[date]) -> "pd.Series[bool] | None":
    """The rows of the newest days that hold at least a fifth of the bads; None where no split leaves bads on both."""
    whole = int(rows["is_bad"].sum())
    for count in range(1, len(days)):
        late = rows["as_of_on"] >= days[-count]
        bads = int(rows.loc[late, "is_bad"].sum())
        if bads >= max(0.2 * whole, 5):
            return late if whole - bads >= LEAST_BADS else None
    return None


def fit_card(
    rows: pd.DataFrame, characteristics: "Sequence[Characteristic]", settings: ScorecardSettings | None = None
) -> "Scorecard":
    """A scorecard of rows as in `train`, its probabilities on the level of the newest outcomes.

    The order is learnt from all days alike. The level moves with the times, and with what no characteristic tells:
    those who could not pay have left. Bads are held against those expected, a year counting half of the one after it,
    and the card is moved by as much of it as that many bads deserve (credibility).
    """
    from orchestration.credit.scorecard.fitting import fit_scorecard

    rows = rows.reset_index(drop=True)
    is_bad, weight = rows["is_bad"].to_numpy(bool), rows["weight"].to_numpy(float)
    card = fit_scorecard(rows, is_bad, characteristics, weight=weight, groups=rows["seller_id"], settings=settings)
    days = pd.to_datetime(rows["as_of_on"])
    recent = weight * 0.5 ** ((days.max() - days).dt.days.to_numpy() / HALVED_AFTER_DAYS)
    seen = float(recent[is_bad].sum())
    if not seen > 0:
        return card
    effective = seen**2 / float(np.square(recent[is_bad]).sum())
    expected = float(recent @ card.score(rows)["probability"].to_numpy(float))
    factor = (effective * seen / expected + LEVEL_PRIOR_BADS) / (effective + LEVEL_PRIOR_BADS)
    before, most = expected / float(recent.sum()), 1.0 - 1e-6
    return replace(card, calibration=card.calibration.shifted(before, min(before * factor, most)))


def _out_of_time(
    rows: pd.DataFrame,
    late: "pd.Series[bool]",
    characteristics: "Sequence[Characteristic]",
    settings: ScorecardSettings | None,
    in_use: "Scorecard | None",
) -> pd.DataFrame:
    """What a card of the earlier days says of the newest, beside the challenger and the version in use."""
    found = _said(rows[~late], rows[late], characteristics, settings).assign(slice=OUT_OF_TIME)
    if in_use is not None:
        found["in_use_probability"] = in_use.score(rows[late])["probability"].to_numpy(float)
    return found.reindex(columns=list(VALIDATION_COLUMNS))


def _out_of_fold(
    rows: pd.DataFrame, characteristics: "Sequence[Characteristic]", settings: ScorecardSettings | None
) -> pd.DataFrame:
    """What is said of each seller by a card of the others; bad sellers are dealt out evenly."""
    is_bad_seller = rows.groupby("seller_id")["is_bad"].max()
    sellers = is_bad_seller.sort_values(kind="stable").index
    fold = rows["seller_id"].map(dict(zip(sellers, np.arange(len(sellers)) % FOLDS, strict=True)))
    parts = [
        _said(rows[fold != number], rows[fold == number], characteristics, settings) for number in range(FOLDS)
    ]  # fmt: skip
    found = pd.concat(parts).sort_index(kind="stable").assign(slice=OUT_OF_FOLD)
    return found.reindex(columns=list(VALIDATION_COLUMNS)).reset_index(drop=True)


def _said(
    inside: pd.DataFrame,
    outside: pd.DataFrame,
    characteristics: "Sequence[Characteristic]",
    settings: ScorecardSettings | None,
) -> pd.DataFrame:
    """Scores and probabilities of `outside` by a card and a challenger of `inside`."""
    from orchestration.credit.scorecard.challenger import fit_challenger

    scored = fit_card(inside, characteristics, settings).score(outside)
    trees = fit_challenger(
        inside, inside["is_bad"].to_numpy(bool), characteristics, weight=inside["weight"].to_numpy(float)
    )
    kept = [name for name in ("as_of_on", "seller_id", "markets", "is_bad", "weight") if name in outside.columns]
    return outside[kept].assign(
        score=scored["score"].astype(int),
        probability=scored["probability"].astype(float),
        challenger_probability=trees.probability(outside),
    )


def _measured(unseen: pd.DataFrame) -> list[pd.DataFrame]:
    """Figures of the unseen rows: the card's, the challenger's, those of the version in use, the card's by market."""
    part = str(unseen["slice"].iloc[0])
    found = [
        _figures(unseen["probability"].to_numpy(float), unseen, part),
        _figures(unseen["challenger_probability"].to_numpy(float), unseen, CHALLENGER + part),
    ]
    if unseen["in_use_probability"].notna().all():
        found.append(_figures(unseen["in_use_probability"].to_numpy(float), unseen, IN_USE))
    for market, rows in by_market(unseen):
        found.append(_figures(rows["probability"].to_numpy(float), rows, MARKET + market))
    return found


def by_market(unseen: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """The rows of each market; a seller stands in every market where he sells."""
    markets = unseen["markets"].astype(object).where(unseen["markets"].notna(), "").str.split()
    spread = unseen.assign(market=markets).explode("market").dropna(subset="market")
    return [(str(market), rows) for market, rows in spread.groupby("market")]


def _figures(probability: np.ndarray, rows: pd.DataFrame, part: str, *, was_fitted: bool = False) -> pd.DataFrame:
    """Figures of one slice. Order is measured by row, rates by weight."""
    from orchestration.credit.scorecard.validation import brier, gini, ks

    is_bad, weight = rows["is_bad"].to_numpy(bool), rows["weight"].to_numpy(float)
    order = gini(probability, is_bad, weight)
    is_mixed = bool(is_bad.any()) and not is_bad.all()
    found = {
        "row_count": float(len(rows)),
        "bad_count": float(is_bad.sum()),
        "auc": (order + 1.0) / 2.0,
        "gini": order,
        "ks": ks(probability, is_bad),
        "brier": brier(probability, is_bad),
        "mean_probability": float(np.average(probability, weights=weight)),
        "bad_rate": float(np.average(is_bad, weights=weight)),
        "bad_seller_count": float(rows.loc[is_bad, "seller_id"].nunique()),
        "calibration_p_value": calibration_p_value(
            probability, is_bad, weight, rows["seller_id"], was_fitted=was_fitted
        )
        if is_mixed
        else float("nan"),
    }
    values = [value if np.isfinite(value) else None for value in found.values()]
    return pd.DataFrame({"slice": part, "metric": list(found), "value": values})


def calibration_p_value(
    probability: np.ndarray,
    is_bad: np.ndarray,
    weight: np.ndarray,
    groups: "pd.Series[str] | None" = None,
    *,
    parts: int = 10,
    was_fitted: bool = False,
) -> float:
    """Chance of rates by decile as far from the probabilities as these, if those were right (Hosmer and Lemeshow 1980).

    With weights: a row counts as much as it has shown. With groups: a seller who turns bad does so in each of his rows
    whose window holds the day, so rates scatter more than those of as many sellers would; the statistic is divided by
    how much more (the design effect, first order of Rao and Scott 1984).
    """
    from scipy.stats import chi2

    from orchestration.credit.scorecard.validation import design_effect

    # The approximation needs about five bads in a part (Cochran 1954).
    bads = min(float((weight * is_bad).sum()), np.inf if groups is None else float(groups[is_bad].nunique()))
    parts = max(2, min(parts, int(bads // 5)))
    limits = np.unique(np.quantile(probability, np.linspace(0, 1, parts + 1)[1:-1]))
    part = np.searchsorted(limits, probability, side="left")
    expected = np.bincount(part, weights=weight * probability)
    seen = np.bincount(part, weights=weight * is_bad)
    spread = np.bincount(part, weights=weight * probability * (1.0 - probability))
    used = spread > 0
    statistic = float(((seen - expected)[used] ** 2 / spread[used]).sum())
    if groups is not None:
        statistic /= design_effect(probability, is_bad, groups, weight=weight, part=part)
    return float(chi2.sf(statistic, max(1, int(used.sum()) - (2 if was_fitted else 0))))


def _objections(measures: pd.DataFrame, card: "Scorecard") -> list[str]:
    """What speaks against a version."""
    found = []
    part = OUT_OF_TIME if figure(measures, OUT_OF_TIME, "gini") is not None else OUT_OF_FOLD
    gini, calibration = (figure(measures, part, name) for name in ("gini", "calibration_p_value"))
    if gini is None:
        found.append("it could be measured on no row that it has not learnt from")
    elif gini < LEAST_GINI:
        found.append(f"Gini {part.replace('_', ' ')} is {gini:.3f}, below {LEAST_GINI:g}")
    before = figure(measures, IN_USE, "gini")
    if gini is not None and before is not None and gini < before - MOST_GINI_LOST:
        found.append(f"Gini out of time is {gini:.3f}, that of the version in use {before:.3f}")
    if calibration is not None and calibration < LEAST_P_VALUE:
        found.append(f"its probabilities do not fit outcomes that it has not learnt from (p = {calibration:.4f})")
    found += [f"{note.name}: {note.text}" for note in card.notes if note.code == "separates"]
    return found
