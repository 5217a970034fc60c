"""Where the forecast loses: the sentences that a check shows.

Belongs here: the judgement of scores, in words. Does not: the scores (see `backtest.py`) or the check itself.
"""

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
    return [
        Loss(
            market=row.market,
            node=row.node,
            model_code=row.model_code,
            baseline_code=row.baseline_code,
            worse_by_pct=row.worse_by_pct,
            sentence=_sentence(row.market, row.node, row.baseline_code, row.wape, row.baseline_wape, row.worse_by_pct),
        )
        for row in losses(scored).itertuples(index=False)
    ]


def _sentence(market: str, node: str, baseline: str, wape: float, baseline_wape: float, worse_by_pct: float) -> str:
    where = f"{market}, {_NODE_WORDS[node]}"
    if pd.isna(wape):
        return f"{where}: nothing was sold, and {_BASELINE_WORDS[baseline]} forecast less of it"
    by = "" if worse_by_pct == float("inf") else f", {worse_by_pct:.0f} % worse"
    return f"{where}: WAPE {wape:.2f} against {baseline_wape:.2f} of {_BASELINE_WORDS[baseline]}{by}"
