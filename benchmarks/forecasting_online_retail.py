"""Online Retail, by week: the 500 best products of each country, four weeks ahead, from six origins.

Belongs here: series, protocol, scores, competitors. Does not: promises (see `forecasting.py`).

Protocol. Weeks begin on Monday and end with the data's last complete week; a week without a sale is zero. Six origins,
four weeks apart, the last four weeks before the end, so that each of 24 weeks is forecast once. At each origin a
country's series are the 500 products with most units until then, each from its first sale on; a country with fewer than
eight weeks is left out. Each country is forecast by a call of the engine of its own. WAPE, bias and pinball are taken
over all countries, origins and weeks; the ten largest countries are those with most order lines, and `lost` in the
output of this module lists where a naive forecast is better, also among the ten with most units.

    python -m benchmarks.forecasting_online_retail
"""

from collections.abc import Iterator
from dataclasses import dataclass

import duckdb
import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.forecasting_m3 import shared
from benchmarks.forecasting_weeks import MarketWeeks, weekly_demand
from benchmarks.harness import Measured, Value
from orchestration.forecasting.engine import QUANTILES, forecast, quantile_column

FILE = "online_retail/online_retail_2010_2011.parquet"
BEST_SELLERS, HORIZON, ORIGINS, STEP_WEEKS, MIN_WEEKS = 500, 4, 6, 4, 8
LARGEST = 10
SUMS = ("absolute_error", "error")
OURS, AUTO_ETS, NAIVE = "ours", "AutoETS", ("last value", "four-week mean")
SALES = r"""
    select "Country" as market, "StockCode" as product_key, "InvoiceDate"::date as sold_on,
        sum("Quantity")::bigint as units, count(*) as lines
    from (select distinct * from read_parquet(?))
    where "Quantity" > 0 and "UnitPrice" > 0 and regexp_matches("StockCode", '^[0-9]{5}')
    group by all
"""

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Origin:
    """One country at one origin: its history, and what came (series × weeks ahead)."""

    market: str
    history: pd.DataFrame
    actual: Matrix


def origins() -> Iterator[Origin]:
    """Every country at every origin at which it has enough weeks."""
    sales = _sales()
    closed_on = pd.Timestamp(sales["sold_on"].max()).date()
    for market in weekly_demand(sales, closed_on=closed_on).markets:
        for back in reversed(range(ORIGINS)):
            known = len(market.weeks) - HORIZON - back * STEP_WEEKS
            if known >= MIN_WEEKS:
                yield _origin(market, known)


def measure_online_retail() -> Measured:
    """WAPE and bias of ours beside each competitor's, and in how many large countries naive forecasts are beaten."""
    table, pinball = scores()
    wape, bias = (table.groupby("method")[column].sum() / table.groupby("method")["actual"].sum() for column in SUMS)
    others = [AUTO_ETS, *NAIVE]
    largest = largest_markets("lines")
    beaten = [market for market in largest if market not in lost(table)]
    return {
        "online_retail_wape_vs_autoets_ratio": Value(
            float(wape[OURS] / wape[AUTO_ETS]),
            {"WAPE": float(wape[OURS]), **{f"WAPE {name}": float(wape[name]) for name in others}},
        ),
        "online_retail_pinball_vs_autoets_ratio": Value(pinball[OURS] / pinball[AUTO_ETS]),
        "online_retail_bias": Value(float(abs(bias[OURS])), {name: float(abs(bias[name])) for name in others}),
        "online_retail_countries_better_than_naive": Value(
            float(len(beaten)),
            {"ten with most units": float(sum(one not in lost(table) for one in largest_markets("units")))},
        ),
    }


def scores() -> tuple[pd.DataFrame, dict[str, float]]:
    """Errors per country and method (market, method, absolute_error, error, actual), and each method's pinball."""
    rows: list[tuple[str, str, float, float, float]] = []
    losses = {OURS: 0.0, AUTO_ETS: 0.0}
    for origin in origins():
        points, quantiles = _forecasts(origin)
        for method, point in points.items():
            error = point - origin.actual
            rows.append((origin.market, method, np.abs(error).sum(), error.sum(), origin.actual.sum()))
        for method, found in quantiles.items():
            miss = origin.actual[:, :, None] - found
            losses[method] += float(np.maximum(QUANTILES * miss, (np.asarray(QUANTILES) - 1) * miss).sum())
    return pd.DataFrame(rows, columns=["market", "method", *SUMS, "actual"]), losses


def lost(table: pd.DataFrame) -> dict[str, str]:
    """Each country where a naive forecast has no larger error than ours, and the sentence that says so."""
    errors = table.groupby(["market", "method"])["absolute_error"].sum().unstack()
    actual = table[table["method"] == OURS].groupby("market")["actual"].sum()
    found = {}
    for market, row in errors.iterrows():
        best = min(NAIVE, key=lambda name: float(row[name]))
        if row[OURS] >= row[best]:
            wapes = [float(row[name] / max(float(actual[str(market)]), 1.0)) for name in (OURS, best)]
            found[str(market)] = f"{market}: WAPE {wapes[0]:.3f}, {best} {wapes[1]:.3f}"
    return found


def largest_markets(by: str) -> list[str]:
    """The ten countries with most `lines` or `units`."""
    return [str(one) for one in _sales().groupby("market")[by].sum().nlargest(LARGEST).index]


def _sales() -> pd.DataFrame:
    with duckdb.connect() as con:
        return con.execute(SALES, [str(shared(FILE))]).df()


def _origin(market: MarketWeeks, known: int) -> Origin:
    history = market.known_at(known).best_sellers(BEST_SELLERS)
    rows = pd.Index(market.product_keys).get_indexer(pd.Index(history["unique_id"].unique()))
    return Origin(market.market, history, market.units[rows, known : known + HORIZON])


def _forecasts(origin: Origin) -> tuple[dict[str, Matrix], dict[str, Matrix]]:
    shape = origin.actual.shape
    rows = forecast(origin.history, horizon=HORIZON, season=1).rows
    quantiles = rows[[quantile_column(one) for one in QUANTILES]].to_numpy(np.float64)
    known = [series.to_numpy(np.float64) for _, series in origin.history.groupby("unique_id", sort=False)["y"]]
    ets_mean, ets_quantiles = _auto_ets(known)
    points = {
        OURS: rows["y_hat"].to_numpy(np.float64).reshape(shape),
        AUTO_ETS: ets_mean,
        NAIVE[0]: np.repeat([[one[-1]] for one in known], HORIZON, axis=1),
        # Weeks before the first sale count as zero, or a single bulk order would be forecast as if it came weekly.
        NAIVE[1]: np.repeat([[one[-4:].sum() / 4] for one in known], HORIZON, axis=1),
    }
    return points, {OURS: quantiles.reshape(*shape, -1), AUTO_ETS: ets_quantiles}


def _auto_ets(known: list[Matrix]) -> tuple[Matrix, Matrix]:
    """AutoETS cut at zero, with the quantiles of its normal distribution; the mean where it cannot be fitted."""
    from scipy.special import ndtri
    from statsforecast.models import AutoETS

    widths = ndtri(np.asarray(QUANTILES))
    means, quantiles = np.empty((len(known), HORIZON)), np.empty((len(known), HORIZON, len(widths)))
    for row, y in enumerate(known):
        try:
            fitted = AutoETS(season_length=1).forecast(y, HORIZON, level=[95])
            mean, deviation = fitted["mean"], (fitted["hi-95"] - fitted["mean"]) / 1.96
        except (ValueError, ArithmeticError, IndexError, RuntimeError):
            mean, deviation = np.full(HORIZON, y.mean()), np.full(HORIZON, y.std())
        means[row] = np.nan_to_num(mean, nan=y.mean())
        quantiles[row] = means[row][:, None] + np.nan_to_num(deviation)[:, None] * widths
    return np.maximum(means, 0.0), np.maximum(quantiles, 0.0)


if __name__ == "__main__":
    found, _ = scores()
    names = [one for by in ("lines", "units") for one in largest_markets(by)]
    print("\n".join(sentence for market, sentence in lost(found).items() if market in names) or "none is lost")
