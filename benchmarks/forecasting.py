"""How good the forecasts are, beside every competitor in the same run.

    python -m benchmarks.forecasting [--only NAME] [--json]

Belongs here: promises. Does not: the work (see `forecasting_<part>.py`). The data stand beside the project
(TRADEWIND_SHARED_DATA, by default ../shared/data); a figure whose file is absent cannot be measured, and says so.
Speeds are counted in processor seconds of one core.
"""

import sys

from benchmarks.forecasting_carparts import measure_carparts
from benchmarks.forecasting_daily import measure_daily
from benchmarks.forecasting_m3 import measure_m3
from benchmarks.forecasting_online_retail import measure_online_retail
from benchmarks.forecasting_world import world_scores
from benchmarks.harness import Measured, Metric, Suite

SUITE = Suite("forecasting")


@SUITE.measures(
    Metric("m3_smape", unit="%", goal=12.75),
    Metric("m3_mase", unit="", goal=1.352),
    Metric("m3_series_per_core_second", unit="1/s", goal=25, better="higher"),
    Metric("m3_coverage95", unit="share", goal=0.93, better="higher", at_most=0.97),
    Metric("m3_msis_vs_autoets_ratio", unit="", goal=0.90),
    Metric("m3_pinball_vs_autoets_ratio", unit="", goal=0.98),
)
def m3() -> Measured:
    """The 3,003 series of the M3 competition; beside each figure the published methods and statsforecast's."""
    return measure_m3()


@SUITE.measures(
    Metric("carparts_rmsse", unit="", goal=0.564),
    Metric("carparts_pinball_lt1", unit="", goal=0.200),
    Metric("carparts_pinball_lt3", unit="", goal=0.405),
)
def carparts() -> Measured:
    """1,046 monthly series of rare sales, a year held out; beside each figure the methods of the textbooks."""
    return measure_carparts()


@SUITE.measures(
    Metric("online_retail_wape_vs_autoets_ratio", unit="", goal=1.0),
    Metric("online_retail_pinball_vs_autoets_ratio", unit="", goal=1.0),
    Metric("online_retail_bias", unit="share", goal=0.05),
    Metric("online_retail_countries_better_than_naive", unit="of 10", goal=10, better="higher"),
)
def online_retail() -> Measured:
    """Weeks of the 500 best products of each country, six origins, four weeks ahead."""
    return measure_online_retail()


@SUITE.measures(
    Metric("daily_10k_wall_s", unit="s", goal=600.0),
    Metric("daily_10k_peak_gb", unit="GB", goal=4.0),
)
def daily() -> Measured:
    """Ten thousand daily series of two years, 28 days ahead with intervals; the smaller runs show the growth."""
    return measure_daily()


@SUITE.measures(
    Metric("world_wape_vs_oracle_ratio", unit="", goal=1.05),
    Metric("world_naive_wape_vs_oracle_ratio", unit=""),
)
def world() -> Measured:
    """The trade world's demand beside an oracle that knows its mean, and beside the seasonal naive."""
    return world_scores()


if __name__ == "__main__":
    sys.exit(SUITE.main(sys.argv[1:]))
