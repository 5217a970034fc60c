"""Pictures of operations, for the metadata of an asset: a small panel for each market, and the worklist by reason.

Belongs here: drawing. Does not: numbers (see `figures.py`) and their embedding in Markdown (`forecasting/plots.py`).
"""

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from orchestration.forecasting.plots import DOTS_PER_INCH, FORECAST, GRID, INK, MUTED, WIDTH_INCHES, png_of
from orchestration.reporting.figures import Operations, Panel, Reason

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = (INK, FORECAST)
PANELS_IN_A_LINE = 3
MOST_REASONS = 14


def pictures(found: Operations) -> dict[str, bytes]:
    """PNG, 900 pixels wide, by name; a picture without anything to show is left out."""
    drawn = {
        "clearance_time": panels_plot(found.clearance, "Hours from declaration to release, by month of the order"),
        "on_time_and_perfect": panels_plot(
            found.delivery, "Orders delivered on time, and perfect orders, in percent of those due", is_share=True
        ),
        "matching_success": panels_plot(
            found.matching,
            "Orders whose documents match, in percent (dashed: alarm at 98, target 99.5)",
            is_share=True,
            marks=(98.0, 99.5),
        ),
        "unexplained_remainder": panels_plot(
            found.unexplained, "Money that nothing explains, in US dollars by month of the settlement", as_bars=True
        ),
        "worklist": worklist_plot(found.reasons, found.as_of),
    }
    return {name: png for name, png in drawn.items() if png is not None}


def panels_plot(
    panels: Sequence[Panel],
    title: str,
    *,
    is_share: bool = False,
    as_bars: bool = False,
    marks: Sequence[float] = (),
) -> bytes | None:
    """A panel per market with its lines (or bars) by month; None when there is no panel.

    is_share: percent, with a common axis that begins below the lowest value. marks: values with a dashed line.
    """
    if not panels:
        return None
    across = min(PANELS_IN_A_LINE, len(panels))
    lines = (len(panels) + across - 1) // across
    figure = _figure(0.75 + (1.75 if across > 1 else 2.6) * lines)
    floor = _floor(panels, marks) if is_share else 0.0
    for place, panel in enumerate(panels):
        axes = figure.add_subplot(lines, across, place + 1)
        _plain(axes)
        for series, colour in zip(panel.series, COLOURS, strict=False):
            months = np.asarray(series.months, dtype="datetime64[D]")
            values = np.asarray([np.nan if value is None else value for value in series.values])
            if as_bars:
                axes.bar(months, values, width=22, color=colour)
            else:
                marker = "o" if len(months) < 3 else None
                axes.plot(months, values, color=colour, linewidth=1.6, marker=marker, label=series.name)
        for mark in marks:
            axes.axhline(mark, color=MUTED, linewidth=0.8, linestyle=(0, (3, 2)))
        axes.set_ylim(bottom=floor, top=100 + (100 - floor) * 0.04 if is_share else None)
        axes.set_title(panel.market, loc="left", fontsize=10, fontweight="bold", color=INK, pad=4)
    if len(panels[0].series) > 1:
        words = "   ".join(
            f"{series.name}: {colour}" for series, colour in zip(panels[0].series, ("dark", "orange"), strict=False)
        )
        title = f"{title}\n{words}"
    figure.suptitle(title, x=0.01, ha="left", fontsize=12, fontweight="bold", color=INK)
    return png_of(figure)


def worklist_plot(reasons: Sequence[Reason], as_of: date | None) -> bytes | None:
    """A bar per reason: the money at risk in what has to be acted on, with the number of items; None without items."""
    if not reasons:
        return None
    shown = list(reasons)[:MOST_REASONS]
    figure = _figure(0.9 + 0.3 * len(shown))
    axes = figure.add_subplot()
    where = np.arange(len(shown))[::-1].astype(float)
    values = [reason.value_at_risk_usd for reason in shown]
    axes.barh(where, values, height=0.62, color=FORECAST)
    names = [f"{reason.exception_id.replace('_', ' ')} ({reason.owner_role})" for reason in shown]
    axes.set_yticks(where, names, fontsize=9.5, color=INK)
    largest = max(values) or 1.0
    for y, reason in zip(where, shown, strict=True):
        words = f"USD {reason.value_at_risk_usd:,.0f} in {reason.item_count:,} items"
        axes.text(reason.value_at_risk_usd + largest * 0.01, y, words, va="center", fontsize=9, color=MUTED)
    axes.set_xlim(0, largest * 1.35)
    axes.tick_params(length=0, labelbottom=False)
    for side in axes.spines.values():
        side.set_visible(False)
    title = f"Worklist on {as_of}: money at risk by reason"
    figure.suptitle(title, x=0.01, ha="left", fontsize=12, fontweight="bold", color=INK)
    return png_of(figure)


def _figure(height_inches: float) -> "Figure":
    from matplotlib.figure import Figure

    return Figure(figsize=(WIDTH_INCHES, height_inches), dpi=DOTS_PER_INCH, layout="constrained", facecolor="white")


def _floor(panels: Sequence[Panel], marks: Sequence[float]) -> float:
    """The percentage at which all panels begin, a little below the lowest, so that their lines can be compared."""
    values = [value for panel in panels for series in panel.series for value in series.values if value is not None]
    lowest = min([*values, *marks], default=0.0)
    step = 10.0 if lowest < 90 else 1.0
    return max(0.0, step * ((lowest - step / 10) // step))


def _plain(axes: "Axes") -> None:
    """Only what is read: light lines across, no box, months below."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
    from matplotlib.ticker import MaxNLocator, StrMethodFormatter

    locator = AutoDateLocator(minticks=2, maxticks=5)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=MUTED, labelsize=8.5, length=0)
    axes.tick_params(axis="x", pad=6)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(GRID)
