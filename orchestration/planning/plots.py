"""Pictures of plans, for the metadata of their assets.

Belongs here: drawing. Does not: numbers, which come as frames.
"""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from orchestration.forecasting.plots import BAND_80, BAND_95, FORECAST, GRID, INK, MUTED, png_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SITES = 12


def reorder_plot(rows: pd.DataFrame) -> bytes:
    """PNG, 900 pixels wide: by warehouse, the value to order now, and where its stock lies against levels."""
    from matplotlib.figure import Figure

    by_site = rows.assign(
        out=(rows["on_hand_qty"] <= 0) & (rows["weekly_demand_qty"] > 0),
        below=rows["is_below_reorder_point"].astype(bool) & (rows["on_hand_qty"] > 0),
    ).groupby("site_code")
    sums = pd.DataFrame(
        {
            "value": by_site["order_value_usd"].sum(),
            "out": 100 * by_site["out"].mean(),
            "below": 100 * by_site["below"].mean(),
        }
    )
    sums = sums.sort_values("value", ascending=False, kind="stable").head(SITES).iloc[::-1]
    figure = Figure(figsize=(9.0, 1.4 + 0.36 * max(len(sums), 1)), dpi=100, layout="constrained", facecolor="white")
    left, right = figure.subplots(1, 2, sharey=True)
    place = np.arange(len(sums))
    left.barh(place, sums["value"], color=FORECAST, height=0.65)
    for number, value in zip(place, sums["value"], strict=True):
        left.text(value, number, f" {value:,.0f}", va="center", fontsize=9, color=INK)
    left.set_title("to order now, USD at cost", loc="left", fontsize=11, fontweight="bold", color=INK)
    left.set_xlim(0, max(1.0, float(sums["value"].max() or 0) * 1.2) if len(sums) else 1.0)
    right.barh(place, sums["out"], color=FORECAST, height=0.65, label="nothing on hand")
    right.barh(place, sums["below"], left=sums["out"], color=BAND_80, height=0.65, label="below reorder point")
    right.set_title("share of products, %", loc="left", fontsize=11, fontweight="bold", color=INK)
    right.set_xlim(0, max(10.0, float((sums["out"] + sums["below"]).max() or 0) * 1.1) if len(sums) else 10.0)
    right.legend(loc="lower right", frameon=False, fontsize=9, labelcolor=INK)
    left.set_yticks(place, list(sums.index))
    for axes in (left, right):
        _plain(axes)
    return png_of(figure)


def policy_plot(table: pd.DataFrame) -> bytes:
    """PNG, 900 pixels wide: realised fill rate of each policy by class, beside the target."""
    from matplotlib.figure import Figure

    policies, classes = list(dict.fromkeys(table["policy"])), list(dict.fromkeys(table["abc_class"]))
    figure = Figure(figsize=(9.0, 3.6), dpi=100, layout="constrained", facecolor="white")
    axes = figure.add_subplot()
    width = 0.8 / max(len(policies), 1)
    for number, (policy, colour) in enumerate(zip(policies, (FORECAST, BAND_80, BAND_95), strict=False)):
        part = table[table["policy"] == policy].set_index("abc_class").reindex(classes)
        place = np.arange(len(classes)) + (number - (len(policies) - 1) / 2) * width
        axes.bar(place, part["realised_fill_pct"], width=width * 0.92, color=colour, label=policy)
        for at, value in zip(place, part["realised_fill_pct"], strict=True):
            axes.text(at, value - 6, f"{value:.1f}", ha="center", fontsize=9, color=INK)
    target = float(table["target_fill_pct"].iloc[0])
    axes.axhline(target, color=INK, linewidth=1, linestyle=(0, (4, 3)))
    axes.text(len(classes) - 0.5, target, f" target {target:g}", va="bottom", ha="right", fontsize=9, color=INK)
    axes.set_xticks(np.arange(len(classes)), [name if name == "all" else f"class {name}" for name in classes])
    axes.set_ylim(0, 120)
    axes.set_title("units from stock, % of units ordered", loc="left", fontsize=12, fontweight="bold", color=INK)
    axes.legend(loc="upper left", ncols=3, frameon=False, fontsize=9, labelcolor=INK)
    _plain(axes, grid="y")
    return png_of(figure)


def _plain(axes: "Axes", grid: str = "x") -> None:
    axes.grid(axis="x" if grid == "x" else "y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=MUTED, labelsize=9, length=0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(GRID)
