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


if __name__ == "__main__":
    sys.exit(SUITE.main(sys.argv[1:]))
