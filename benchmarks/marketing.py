"""How well marketing finds what media add, and what to show to whom.

    python -m benchmarks.marketing [--only NAME] [--json]

Belongs here: names, goals and which function measures what. Does not: the work (see `marketing_media.py` and others).
"""

import sys

from benchmarks.harness import Measured, Metric, Suite

SUITE = Suite("marketing")


@SUITE.measures(
    Metric("media_interval_cover", unit="share", goal=0.85, better="higher"),
    Metric("media_last_click_cover", unit="share"),
    Metric("media_largest_width", unit="of effect", goal=1.0),
)
def media_effects() -> Measured:
    """Effects of six media in fifty worlds within their 90 % intervals; the cover shall lie in .85 to .95."""
    from benchmarks.marketing_media import measure_media

    return measure_media()


@SUITE.measures(
    Metric("online_retail_recall20", unit="recall", better="higher"),
    Metric("online_retail_ndcg20", unit="NDCG", better="higher"),
    Metric("als_recall20", unit="recall", better="higher"),
    Metric("popularity_recall20", unit="recall", better="higher"),
    Metric("best_single_recall20", unit="recall", better="higher"),
    Metric("online_retail_coverage20", unit="share", better="higher"),
    Metric("online_retail_novelty20", unit="bits", better="higher"),
)
def recommendations() -> Measured:
    """Online Retail from 2011-11-01 on; each family with its best setting of October, `new` without repeats."""
    from benchmarks.marketing_recommending import measure_online_retail

    return measure_online_retail()


@SUITE.measures(Metric("recommend_wall_s", unit="s", goal=30.0))
def recommending_all() -> Measured:
    """Fit and top 20 for all customers of Online Retail."""
    from benchmarks.marketing_recommending import measure_wall

    return measure_wall()


@SUITE.measures(Metric("catalogue_100k_peak_gb", unit="GB", goal=2.0))
def large_catalogue() -> Measured:
    """Choice, fit and lists with 100,000 items: the autoencoder is factorised there."""
    from benchmarks.marketing_recommending import measure_catalogue

    return measure_catalogue()


@SUITE.measures(Metric("world_ndcg_vs_oracle_ratio", unit="share", goal=0.9, better="higher"))
def world_recommendations() -> Measured:
    """The last month of worlds nobody has seen, against an oracle that knows each customer's hidden segment."""
    from benchmarks.marketing_recommending import measure_world

    return measure_world()


if __name__ == "__main__":
    sys.exit(SUITE.main(sys.argv[1:]))
