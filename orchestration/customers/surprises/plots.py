"""The heat map of a market: what each subdivision buys above and below the market.

Belongs here: drawing. Does not: the numbers (see `search.py`).
"""

import numpy as np

from orchestration.customers.surprises.cells import Counts
from orchestration.customers.surprises.search import index_by_region
from orchestration.forecasting.plots import DOTS_PER_INCH, INK, MUTED, WIDTH_INCHES, png_of

MOST_REGIONS, MOST_CATEGORIES = 20, 14
_STRONGEST = 2.0


def region_heat_map(market: str, counts: Counts) -> bytes | None:
    """PNG, 900 pixels wide: share of purchases by subdivision and category by that of the market; None without two."""
    from matplotlib.figure import Figure

    names, ratio, is_shown = index_by_region(counts)
    if len(names) < 2 or not counts.categories:
        return None
    rows = [place for place, cell in enumerate(counts.cells) if cell.depth == 1 and cell.subdivision_code]
    largest = np.argsort(-counts.cell_buyers[rows], kind="stable")[:MOST_REGIONS]
    columns = np.argsort(-counts.bought.sum(axis=0), kind="stable")[:MOST_CATEGORIES]
    shown = np.where(is_shown, ratio, np.nan)[np.ix_(largest, columns)]
    figure = Figure(figsize=(WIDTH_INCHES, 1.9 + 0.3 * len(largest)), dpi=DOTS_PER_INCH, facecolor="white")
    axes = figure.add_subplot()
    high = 1.9 + 0.3 * len(largest)
    figure.subplots_adjust(left=0.16, right=0.985, top=1 - 0.7 / high, bottom=0.95 / high)
    axes.imshow(np.log(shown), aspect="auto", cmap="PuOr_r", vmin=-np.log(_STRONGEST), vmax=np.log(_STRONGEST))
    for row, column in zip(*np.nonzero(np.isfinite(shown)), strict=True):
        value = shown[row, column]
        colour = "white" if abs(np.log(value)) > 0.75 * np.log(_STRONGEST) else INK
        axes.text(column, row, f"{value:.1f}", ha="center", va="center", fontsize=8, color=colour)
    buyers = counts.cell_buyers[rows]
    axes.set_yticks(range(len(largest)), [f"{names[one]}  ({buyers[one]:,.0f})" for one in largest])
    titles = [counts.categories[one].replace("_", " ")[:18] for one in columns]
    axes.set_xticks(range(len(columns)), titles, rotation=30, ha="right")
    axes.tick_params(colors=MUTED, labelsize=8, length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    axes.set_title(
        f"{market}: what each subdivision buys", loc="left", fontsize=13, fontweight="bold", color=INK, pad=18,
        parse_math=False,
    )  # fmt: skip
    axes.text(
        0, 1 + 0.06 / high * 2, "share of purchases by that of the whole market (1 = the same); buyers in brackets",
        transform=axes.transAxes, fontsize=10, color=MUTED,
    )  # fmt: skip
    return png_of(figure)
