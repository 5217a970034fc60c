"""How good the forecasts are, beside every competitor in the same run.

    python -m benchmarks.forecasting [--only NAME] [--json]

Belongs here: promises. Does not: the work (see `forecasting_<part>.py`). The data stand beside the project
(TRADEWIND_SHARED_DATA, by default ../shared/data); a figure whose file is absent cannot be measured, and says so.
Speeds are counted in processor seconds of one core.
"""

import sys

from benchmarks.forecasting_m3 import measure_m3
from benchmarks.harness import Measured, Metric, Suite

SUITE = Suite("forecasting")


@SUITE.measures(
    Metric("m3_smape", unit="%", goal=12.75),
    Metric("m3_mase", unit="", goal=1.352),
    Metric("m3_series_per_core_second", unit="1/s", goal=25, better="higher"),
    Metric("m3_coverage95", unit="share", goal=0.93, better="higher"),
    Metric("m3_msis_vs_autoets_ratio", unit="", goal=0.90),
    Metric("m3_pinball_vs_autoets_ratio", unit="", goal=0.98),
)
def m3() -> Measured:
    """The 3,003 series of the M3 competition; beside each figure the published methods and statsforecast's."""
    return measure_m3()


if __name__ == "__main__":
    sys.exit(SUITE.main(sys.argv[1:]))
