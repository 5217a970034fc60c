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


if __name__ == "__main__":
    sys.exit(SUITE.main(sys.argv[1:]))
