"""How well plans keep what they promise: fill rate, peak days, lateness.

    python -m benchmarks.planning [--only NAME] [--json]

Belongs here: names, goals and which function measures what. Does not: the work (see `planning_stock.py` and others).
"""

import sys

from benchmarks.harness import Measured, Metric, Suite

SUITE = Suite("planning")


@SUITE.measures(Metric("fill_rate_error_points", unit="points", goal=1.0))
def fill_rate() -> Measured:
    """Stock of 500 products of the trade world simulated over a year; target 95 %, beside it two rules of thumb."""
    from benchmarks.planning_stock import measure_fill_rate

    return measure_fill_rate()


@SUITE.measures(
    Metric("peak_day_error_days", unit="days", goal=1.0),
    Metric("peak_p90_cover", unit="share", goal=0.85, better="higher", at_most=0.95),
)
def peaks() -> Measured:
    """Peaks of twelve markets in four worlds, foretold 14 to 60 days ahead; the cover shall lie in .85 to .95."""
    from benchmarks.planning_capacity import measure_peaks

    return measure_peaks()


@SUITE.measures(
    Metric("scms_late_auc", unit="AUC", better="higher"),
    Metric("scms_late_auc_baseline", unit="AUC", better="higher"),
)
def scms_lateness() -> Measured:
    """SCMS shipments scheduled from 2013-07-01 on, by what was recorded before; the baseline is country and mode."""
    from benchmarks.planning_arrival import measure_lateness

    return measure_lateness()


@SUITE.measures(Metric("scms_lead_time_pinball", unit="days"))
def scms_lead_time() -> Measured:
    """Quantiles of the time from order to delivery of the same shipments, where the order's date is told."""
    from benchmarks.planning_arrival import measure_lead_time

    return measure_lead_time()


if __name__ == "__main__":
    sys.exit(SUITE.main(sys.argv[1:]))
