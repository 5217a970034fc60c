"""How well credit scores order, predict and explain, and what they cost.

    python -m benchmarks.credit [--only NAME] [--json]

Belongs here: names, goals and which function measures what. Does not: the work (see `credit_scorecard.py` and others).
The data lie beside the project (TRADEWIND_SHARED_DATA, by default ../shared/data); a figure whose file is absent cannot
be measured, and says so.
"""

import sys

from benchmarks.harness import Measured, Metric, Suite

SUITE = Suite("credit")


@SUITE.measures(Metric("german_auc", unit="AUC", goal=0.785, better="higher"))
def german() -> Measured:
    """German credit, 5 folds, 3 repeats; beside it logistic regression, optbinning, the challenger and LightGBM."""
    from benchmarks.credit_scorecard import measure_german

    return measure_german()


@SUITE.measures(
    Metric("gmsc_auc", unit="AUC", goal=0.853, better="higher"),
    Metric("gmsc_challenger_auc", unit="AUC", goal=0.864, better="higher"),
)
def give_me_some_credit() -> Measured:
    """Give Me Some Credit, 5 folds: the scorecard and the challenger on the same folds, with the same competitors."""
    from benchmarks.credit_scorecard import measure_gmsc

    return measure_gmsc()


@SUITE.measures(
    Metric("world_gini_vs_oracle_ratio", unit="share", goal=0.9, better="higher"),
    Metric("world_naive_gini_vs_oracle_ratio", unit="share", goal=0.6),
    Metric("world_probability_error_points", unit="points", goal=2.0),
    Metric("world_markets_calibrated_share", unit="share", goal=0.9, better="higher"),
)
def world() -> Measured:
    """A trade world of 20,000 sellers, out of time; beside it other models and what the documents do not tell."""
    from benchmarks.credit_world import measure_world

    return measure_world()


@SUITE.measures(
    Metric("train_100k_wall_s", unit="s", goal=60.0),
    Metric("score_1m_wall_s", unit="s", goal=30.0),
    Metric("peak_gb", unit="GB", goal=4.0),
)
def scale() -> Measured:
    """A scorecard of 24 characteristics on 100,000 rows, and a million rows scored with reasons, file to file."""
    from benchmarks.credit_scale import measure_scale

    return measure_scale()


@SUITE.measures(
    Metric("customs_unseen_p5", unit="share", goal=0.207, better="higher"),
    Metric("customs_unseen_p10", unit="share", goal=0.207, better="higher"),
    Metric("customs_all_p5", unit="share", goal=0.762, better="higher"),
)
def customs() -> Measured:
    """False Korean declarations among those ranked first; the goal of unseen goods is their base rate."""
    from benchmarks.credit_customs import customs_precision

    return customs_precision()


if __name__ == "__main__":
    sys.exit(SUITE.main(sys.argv[1:]))
