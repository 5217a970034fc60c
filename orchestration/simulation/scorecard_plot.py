"""The picture of the scorecard: per defect what was caught and treated right, or found by its score.

Belongs here: drawing. Does not: numbers (see `scorecard.py`) and their embedding in Markdown (`forecasting/plots.py`).
"""

import duckdb
import numpy as np
import pyarrow as pa

from orchestration.forecasting.plots import DOTS_PER_INCH, FORECAST, GRID, INK, MUTED, WIDTH_INCHES, png_of

CAUGHT, RIGHT = "#b9c4cc", "#1f6f8b"
TREATMENTS = {
    "repaired": "to be repaired",
    "quarantined": "to be quarantined",
    "superseded": "to be superseded",
    "tagged": "to be accepted and tagged",
    "accepted": "to be accepted",
    "waiting": "to wait",
    "file_refused": "file to be refused",
    "statistical": "only a score can see it (at one false alarm in a thousand; orange: the rule of thumb)",
}
_ROWS = """
select
    case when visibility = 'statistical' then 'statistical' else treatment end as kind,
    defect_id, injected, coalesce(recall, 0) as recall,
    case when visibility = 'statistical' then recall else treated_right / injected end as right_share, naive_recall,
    coalesce(false_alarms, 0) as false_alarms
from scorecard
where injected > 0 and visibility <> 'invisible'
order by kind, number, defect_id
"""


def scorecard_plot(scorecard: pa.Table) -> bytes | None:
    """PNG, 900 pixels wide: a pair of bars per defect that was put in, by treatment; None when none was."""
    from matplotlib.figure import Figure

    with duckdb.connect() as con:
        con.register("scorecard", scorecard)
        rows = con.execute(_ROWS).fetchall()
    groups = [(kind, [row for row in rows if row[0] == kind]) for kind in TREATMENTS]
    groups = [(kind, found) for kind, found in groups if found]
    if not groups:
        return None
    heights = [len(found) + 1.6 for _, found in groups]
    figure = Figure(
        figsize=(WIDTH_INCHES, 0.8 + 0.24 * sum(heights)), dpi=DOTS_PER_INCH, layout="constrained", facecolor="white"
    )
    grid = figure.add_gridspec(len(groups), 1, height_ratios=heights)
    for place, (kind, found) in enumerate(groups):
        axes = figure.add_subplot(grid[place])
        where = np.arange(len(found))[::-1].astype(float)
        axes.barh(where, [100 * row[3] for row in found], height=0.72, color=CAUGHT, label="caught")
        axes.barh(where, [100 * (row[4] or 0) for row in found], height=0.38, color=RIGHT, label="treated right")
        naive = [(y, row[5]) for y, row in zip(where, found, strict=True) if row[5] is not None]
        axes.plot(
            [100 * share for _, share in naive], [y for y, _ in naive], "|", color=FORECAST, markersize=11, mew=2.5
        )
        axes.set_yticks(where, [f"{row[1].replace('_', ' ')}  ({row[2]:,})" for row in found], fontsize=9, color=INK)
        axes.set_xlim(0, 109)
        axes.set_ylim(-0.7, len(found) - 0.3)
        for y, row in zip(where, found, strict=True):
            alarms = f", {row[6]:,} false alarms" if row[6] and kind != "statistical" else ""
            axes.text(
                100 * max(row[3], 0.0) + 0.8, y, f"{100 * row[3]:.4g} %{alarms}", va="center", fontsize=8, color=MUTED
            )
        axes.set_title(TREATMENTS[kind], loc="left", fontsize=10, fontweight="bold", color=INK, pad=4)
        axes.grid(axis="x", color=GRID, linewidth=0.8)
        axes.set_axisbelow(True)
        axes.tick_params(length=0, labelbottom=False)
        for side in axes.spines.values():
            side.set_visible(False)
    figure.suptitle(
        "Cleaning: share of the injected defects that was caught (grey) and treated right (blue)",
        x=0.01, ha="left", fontsize=12, fontweight="bold", color=INK,
    )  # fmt: skip
    return png_of(figure)
