"""How well and how fast customers are understood: value, segments, a million of them.

    python -m benchmarks.customers [--only NAME] [--json]

Belongs here: names, goals and which function measures what. Does not: the work (see `customers_value.py` and others).
"""

import sys

from benchmarks.harness import Measured, Metric, Suite

SUITE = Suite("customers")


@SUITE.measures(Metric("cdnow_loglik", unit="", goal=-9582.44, better="higher"))
def cdnow() -> Measured:
    """BG/NBD on weeks 1 to 39 of CDNOW; published: -9582.43 at r .243, alpha 4.414, a .793, b 2.426."""
    from benchmarks.customers_value import measure_cdnow

    return measure_cdnow()


@SUITE.measures(Metric("clv_customers_per_cpu_second", unit="1/s", goal=150_000, better="higher"))
def clv_speed() -> Measured:
    """Both models fitted to 150,000 drawn customers, and what each will bring in 3, 6 and 12 months, with intervals."""
    from benchmarks.customers_value import measure_speed

    return measure_speed()


@SUITE.measures(
    Metric("insight_1m_wall_s", unit="s", goal=180.0),
    Metric("insight_1m_peak_gb", unit="GB", goal=4.0),
)
def insight() -> Measured:
    """A market of a million customers and ten million order lines, from its tables to the rows that are published."""
    from benchmarks.customers_insight import measure_insight

    return measure_insight()


@SUITE.measures(Metric("segments_adjusted_rand", unit="", better="higher"))
def segments() -> Measured:
    """Clusters of taste against the hidden segments of four markets of three worlds; the oracle stands beside."""
    from benchmarks.customers_world import measure_segments

    return measure_segments()


@SUITE.measures(
    Metric("surprises_recall", unit="%", goal=95.0, better="higher"),
    Metric("surprises_fdr", unit="%", goal=5.0),
)
def surprises() -> Measured:
    """Planted habits named, and reported cells that the generator does not confirm, over three worlds."""
    from benchmarks.customers_surprises import measure_surprises

    return measure_surprises()


if __name__ == "__main__":
    sys.exit(SUITE.main(sys.argv[1:]))
