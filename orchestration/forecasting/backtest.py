"""Rolling-origin back-test: what each model would have said, and how wrong it was.

Belongs here: origins, errors, scores against the naive baselines. Does not: models, and what a score means for a gate
(see `verdicts.py`).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from orchestration.forecasting.bands import spread
from orchestration.forecasting.series import DAYS_PER_WEEK, MARKET_NODE, MarketWeeks, Units, to_date
from orchestration.forecasting.weekly import BASELINE_CODES, BASELINES, Model, guarded_forecast

BACKTEST_COLUMNS = (
    "market",
    "node",
    "product_key",
    "model_code",
    "origin_on",
    "target_on",
    "horizon_weeks",
    "forecast_qty",
    "actual_qty",
)
SCORE_COLUMNS = ("market", "node", "model_code", "n", "actual_qty", "error_qty", "absolute_error_qty", "wape", "bias")
LOSS_COLUMNS = ("market", "node", "model_code", "baseline_code", "wape", "baseline_wape", "worse_by_pct", "actual_qty")
QTY_DECIMALS = 4


@dataclass(frozen=True)
class Origins:
    """Where the forecasts of a back-test begin: `count` origins, `step_weeks` apart, the last one a horizon ago."""

    count: int = 4
    step_weeks: int = 2
    min_weeks_known: int = 8

    def of(self, week_count: int, *, horizon: int) -> list[int]:
        """Numbers of weeks known at each origin, ascending; those with fewer than `min_weeks_known` are left out."""
        latest = week_count - horizon
        return [
            known
            for back in reversed(range(self.count))
            if (known := latest - back * self.step_weeks) >= self.min_weeks_known
        ]


def node_history(weeks: MarketWeeks, node: str, limit: int) -> pd.DataFrame:
    """Long frame of the market's total or of its best sellers, as known in `weeks`."""
    return weeks.total() if node == MARKET_NODE else weeks.best_sellers(limit)


def backtest_node(
    weeks: MarketWeeks, node: str, model: Model, *, origins: list[int], horizon: int, min_weeks: int, best_sellers: int
) -> pd.DataFrame:
    """Long table of `model` and the baselines at each origin: `BACKTEST_COLUMNS` and `spread` (see `bands.py`).

    At each origin everything is as it was known then: weeks, best sellers, minimum length. A product that only later
    became a best seller is not in the test, and one that was and fell is.
    """
    parts = []
    for known in origins:
        history = node_history(weeks.known_at(known), node, best_sellers)
        spreads = spread(history)
        # All forecasts hold the series in the order of the history, and each series' weeks in theirs.
        forecasts = {one.name: one.fit_forecast(history, horizon)["y_hat"].to_numpy() for one in BASELINES}
        guarded = guarded_forecast(model, history, horizon=horizon, min_weeks=min_weeks)
        forecasts[model.name] = guarded["y_hat"].to_numpy()
        origin, count = weeks.weeks[known], len(forecasts)
        ahead = np.tile(np.arange(horizon), len(spreads) * count)
        parts.append(
            pd.DataFrame(
                {
                    "market": weeks.market,
                    "node": node,
                    "product_key": np.tile(np.repeat(spreads.index.to_numpy(), horizon), count),
                    "model_code": np.repeat(list(forecasts), len(spreads) * horizon),
                    "origin_on": to_date(origin),
                    "target_on": days_ahead(origin, ahead),
                    "horizon_weeks": ahead + 1,
                    "forecast_qty": np.concatenate(list(forecasts.values())).round(QTY_DECIMALS),
                    "actual_qty": np.tile(_actual(weeks, known, horizon, node, spreads.index), count),
                    "spread": np.tile(np.repeat(spreads.to_numpy(), horizon), count),
                }
            )
        )
    if not parts:
        return pd.DataFrame(columns=[*BACKTEST_COLUMNS, "spread"])
    return pd.concat(parts, ignore_index=True)


def scores(backtest: pd.DataFrame) -> pd.DataFrame:
    """One row per market, node and model: WAPE and bias over all its series, origins and weeks (`SCORE_COLUMNS`).

    WAPE = sum of absolute errors / sum of actual units; bias = sum of (forecast - actual) / the same. Both are
    fractions, and null where nothing was sold; `n` counts forecast weeks.
    """
    errors = backtest[["market", "node", "model_code"]].assign(
        n=1,
        actual_qty=backtest["actual_qty"].astype(float),
        error_qty=(backtest["forecast_qty"] - backtest["actual_qty"]).astype(float),
    )
    return _summed(errors.assign(absolute_error_qty=errors["error_qty"].abs()))


def pooled_scores(scored: pd.DataFrame) -> pd.DataFrame:
    """The scores of all markets together, per node and model; their market is `all`."""
    return _summed(scored.assign(market="all"))


def losses(scored: pd.DataFrame) -> pd.DataFrame:
    """Where a model's absolute error is above a baseline's: one row per market, node, model and baseline.

    `worse_by_pct` is the excess of the error in percent of the baseline's (infinite when that is zero). Markets with
    most units come first, since a loss there costs most.
    """
    is_baseline = scored["model_code"].isin(BASELINE_CODES)
    keys = ["market", "node"]
    baselines = scored[is_baseline].rename(
        columns={"model_code": "baseline_code", "wape": "baseline_wape", "absolute_error_qty": "baseline_error_qty"}
    )
    pairs = scored[~is_baseline].merge(
        baselines[[*keys, "baseline_code", "baseline_wape", "baseline_error_qty"]], on=keys
    )
    lost = pairs[pairs["absolute_error_qty"] > pairs["baseline_error_qty"]]
    reference = lost["baseline_error_qty"].where(lost["baseline_error_qty"] > 0)
    worse_by = (100 * (lost["absolute_error_qty"] / reference - 1)).fillna(np.inf)
    lost = lost.assign(worse_by_pct=worse_by).sort_values(
        ["actual_qty", *keys, "model_code", "baseline_code"], ascending=[False, True, True, True, True]
    )
    return lost[list(LOSS_COLUMNS)].reset_index(drop=True)


def _summed(errors: pd.DataFrame) -> pd.DataFrame:
    keys, sums = ["market", "node", "model_code"], ["n", "actual_qty", "error_qty", "absolute_error_qty"]
    table = errors.groupby(keys, sort=True)[sums].sum().reset_index()
    sold = table["actual_qty"].where(table["actual_qty"] > 0)
    table = table.assign(wape=table["absolute_error_qty"] / sold, bias=table["error_qty"] / sold)
    return table[list(SCORE_COLUMNS)]


def days_ahead(
    origin: np.datetime64, weeks_ahead: np.ndarray[tuple[int], np.dtype[np.int_]]
) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    """Plain dates of the Mondays `weeks_ahead` weeks after `origin`."""
    days = (origin + weeks_ahead * np.timedelta64(DAYS_PER_WEEK, "D")).astype("datetime64[D]")
    return days.astype(object)


def _actual(weeks: MarketWeeks, known: int, horizon: int, node: str, ids: pd.Index) -> Units:
    """Units sold in the weeks after the origin, series by series."""
    future = weeks.units[:, known : known + horizon]
    if node == MARKET_NODE:
        return np.asarray(future.sum(axis=0))
    return np.asarray(future[pd.Index(weeks.product_keys).get_indexer(ids)].ravel())
