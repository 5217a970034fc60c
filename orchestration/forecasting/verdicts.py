"""Where the forecast loses: the sentences that a check shows.

Belongs here: the judgement of scores, in words. Does not: the scores (see `backtest.py`) or the check itself.
"""

import math
from dataclasses import dataclass

import pandas as pd

from orchestration.forecasting.backtest import losses

_BASELINE_WORDS = {"last_value": "the last value", "four_week_mean": "the four-week mean"}
_NODE_WORDS = {"market": "total", "product": "best sellers"}


@dataclass(frozen=True)
class Loss:
    """One place where a naive forecast would have been better, and the sentence that says so."""

    market: str
    node: str
    model_code: str
    baseline_code: str
    worse_by_pct: float
    sentence: str


def loses(scored: pd.DataFrame) -> list[Loss]:
    """Every market and node where the model is worse than a baseline, those with most units first; empty: nowhere."""
    return [_loss(row) for _, row in losses(scored).iterrows()]


def _loss(row: pd.Series) -> Loss:
    market, node, baseline = str(row["market"]), str(row["node"]), str(row["baseline_code"])
    wape, baseline_wape, worse_by_pct = (float(row[name]) for name in ("wape", "baseline_wape", "worse_by_pct"))
    return Loss(
        market=market,
        node=node,
        model_code=str(row["model_code"]),
        baseline_code=baseline,
        worse_by_pct=worse_by_pct,
        sentence=_sentence(market, node, baseline, wape, baseline_wape, worse_by_pct),
    )


def _sentence(market: str, node: str, baseline: str, wape: float, baseline_wape: float, worse_by_pct: float) -> str:
    where = f"{market}, {_NODE_WORDS[node]}"
    if math.isnan(wape):
        return f"{where}: nothing was sold, and {_BASELINE_WORDS[baseline]} forecast less of it"
    by = "" if math.isinf(worse_by_pct) else f", {worse_by_pct:.1f} % worse"
    return f"{where}: WAPE {wape:.3f} against {baseline_wape:.3f} of {_BASELINE_WORDS[baseline]}{by}"
