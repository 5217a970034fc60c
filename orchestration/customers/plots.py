"""Pictures of a market's customers, for the metadata of an asset.

Belongs here: drawing. Does not: numbers, which come as arrays; embedding in Markdown (see `forecasting/plots.py`).
"""

from typing import TYPE_CHECKING, Literal

import numpy as np

from orchestration.customers.market import MarketCustomers
from orchestration.customers.segments.rules import NAMES, TITLES
from orchestration.customers.surprises.plots import region_heat_map
from orchestration.forecasting.plots import DOTS_PER_INCH, FORECAST, GRID, INK, MUTED, NAIVE, WIDTH_INCHES, png_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_COHORTS = 18
# Below this a picture shows chance; each costs as much time as the figures behind it.
FEWEST_BUYERS = 30
FLOWS_SHOWN = 10
GOOD, LATE_TINT, GONE_TINT = "#2f6f8f", "#e0a458", "#b9c2c8"
COLOURS = {
    "sent_back": GONE_TINT,
    "new": "#8fbf9f",
    "may_return": "#b7d7c2",
    "one_time": GONE_TINT,
    "champion": "#1d4e68",
    "loyal": GOOD,
    "big_spender": "#5a93b0",
    "returning": NAIVE,
    "valuable_late": FORECAST,
    "slipping": LATE_TINT,
    "lost": "#98a3aa",
}


def market_pictures(found: MarketCustomers) -> dict[str, bytes]:
    """The pictures of one market by name, as PNG; those that have nothing to show are left out."""
    if int(found.purchases.state().has_bought.sum()) < FEWEST_BUYERS:
        return {}
    drawn = {
        "retention": retention_plot(found),
        "segments": segments_plot(found),
    }
    if (found.purchases.net_usd > 0).any():
        drawn["value_concentration"] = concentration_plot(found)
    if len(np.unique(found.movements.month[found.movements.is_complete])) > 1:
        drawn["movements"] = movements_plot(found)
    heat_map = None if found.insight is None else region_heat_map(found.purchases.market, found.insight.counts)
    if heat_map is not None:
        drawn["subdivisions_by_category"] = heat_map
    return drawn


def retention_plot(found: MarketCustomers) -> bytes:
    """PNG, 900 pixels wide: share of each month's new customers that bought again in each month since."""
    table = found.cohorts
    first = max(int(table.cohort.min()), int(table.cohort.max()) - MOST_COHORTS + 1)
    shown = (table.cohort >= first) & (table.since > 0) & (table.since < MOST_COHORTS) & table.is_complete
    # Hundreds of numbers stand in the cells: a layout that measures each text takes longer than the drawing.
    figure, axes = _figure(4.6, layout=None)
    figure.subplots_adjust(left=0.13, right=0.98, top=0.87, bottom=0.11)
    cohorts = np.arange(first, int(table.cohort.max()) + 1)
    width = int(min(MOST_COHORTS - 1, table.since.max(initial=1)))
    share = np.full((len(cohorts), max(width, 1)), np.nan)
    share[table.cohort[shown] - first, table.since[shown] - 1] = 100 * table.active[shown] / table.size[shown]
    top = float(np.nanquantile(share, 0.98)) if np.isfinite(share).any() else 1.0
    axes.imshow(share, aspect="auto", cmap="Blues", vmin=0, vmax=max(top, 1.0))
    if share.size <= 600:
        for row, column in zip(*np.nonzero(np.isfinite(share)), strict=True):
            value = share[row, column]
            axes.text(
                column, row, f"{value:.0f}", ha="center", va="center", fontsize=7,
                color="white" if value > 0.6 * top else INK,
            )  # fmt: skip
    sizes = np.zeros(len(cohorts), dtype=np.int64)
    sizes[table.cohort[table.cohort >= first] - first] = table.size[table.cohort >= first]
    months = np.datetime_as_string(cohorts.astype("datetime64[M]"))
    axes.set_yticks(range(len(cohorts)), [f"{month}  ({size:,})" for month, size in zip(months, sizes, strict=True)])
    axes.set_xticks(range(0, width, 2), [str(one + 1) for one in range(0, width, 2)])
    axes.tick_params(colors=MUTED, labelsize=8, length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    words = "% of the month's new customers who bought again, by months after the month of the first purchase"
    axes.set_xlabel(words, color=MUTED, fontsize=9)
    once = found.returning[1]
    words = (
        f"of {once.purchases:,} first purchases {100 * once.returned / max(once.purchases, 1):.0f} % were followed by"
    )
    middle = "" if once.median_days is None else f"; half of all buyers came back within {once.median_days} days"
    _title(axes, f"{found.purchases.market}: who came back", f"{words} another{middle}")
    return png_of(figure)


def segments_plot(found: MarketCustomers) -> bytes:
    """PNG, 900 pixels wide: each segment's share of the customers beside its shares of past and expected amounts."""
    rows = found.rows["segment_summary"].to_pylist()
    rows = [row for row in rows if row["kind"] == "segment" and row["customer_count"]][::-1]
    total = sum(row["expected_value_12m_usd"] for row in rows)
    figure, axes = _figure(0.9 + 0.48 * max(len(rows), 3))
    place = np.arange(len(rows))
    bars = (
        (0.27, "customers", GONE_TINT, [row["customer_pct"] for row in rows]),
        (0.0, "net amount so far", NAIVE, [row["net_amount_pct"] for row in rows]),
        (-0.27, "expected in 12 months", "#1d4e68",
         [100 * row["expected_value_12m_usd"] / total if total else 0.0 for row in rows]),
    )  # fmt: skip
    for offset, label, colour, values in bars:
        axes.barh(place + offset, values, height=0.25, color=colour, label=label)
    axes.set_yticks(place, [f"{row['title_en']}  ({row['customer_count']:,})" for row in rows])
    _plain(axes)
    axes.grid(axis="x", color=GRID, linewidth=0.8)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0f} %")
    axes.legend(loc="upper right", frameon=False, fontsize=9, labelcolor=INK, bbox_to_anchor=(1.0, 1.0))
    steady = rows[0]["agreement_pct"] if rows else 0.0
    words = f"stable: {steady:.0f} % keep their segment when its figures come from customers drawn anew"
    _title(axes, f"{found.purchases.market}: segments", words)
    return png_of(figure)


def concentration_plot(found: MarketCustomers) -> bytes:
    """PNG, 900 pixels wide: how much of the amount the best customers bring, so far and as expected."""
    figure, axes = _figure(4.0)
    net = found.purchases.net_usd
    expected = None if found.prediction is None else found.prediction.horizons["12m"].value.expected
    words = []
    for values, label, colour in ((net, "so far", NAIVE), (expected, "expected in 12 months", FORECAST)):
        if values is None or not (values > 0).any():
            continue
        ranked = np.sort(values[values > 0])[::-1].cumsum()
        share = np.arange(1, len(ranked) + 1) / len(ranked)
        axes.plot(100 * share, 100 * ranked / ranked[-1], color=colour, linewidth=2, label=label)
        tenth = float(np.interp(0.1, share, ranked / ranked[-1]))
        words.append(f"{label}: the best tenth bring {100 * tenth:.0f} %")
    axes.plot([0, 100], [0, 100], color=GRID, linewidth=1)
    axes.set_xlim(0, 100)
    axes.set_ylim(0, 101)
    _plain(axes)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda value, _: f"{value:.0f} %")
    axes.set_xlabel("customers, the best first", color=MUTED, fontsize=9)
    axes.legend(loc="lower right", frameon=False, fontsize=9, labelcolor=INK)
    _title(axes, f"{found.purchases.market}: share of the amount by customers", "  ·  ".join(words))
    return png_of(figure)


def movements_plot(found: MarketCustomers) -> bytes:
    """PNG, 900 pixels wide: the segments at the end of each month, and the largest flows of the last complete one."""
    moved = found.movements
    complete = moved.is_complete
    months = np.unique(moved.month[complete])
    stacks = np.zeros((len(NAMES), len(months)))
    np.add.at(stacks, (moved.after[complete], moved.month[complete] - months[0]), moved.customers[complete])
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH_INCHES, 4.6), dpi=DOTS_PER_INCH, layout="constrained", facecolor="white")
    axes, flows = figure.subplots(1, 2, width_ratios=(3, 2))
    order = [NAMES.index(name) for name in COLOURS]
    axes.stackplot(
        months.astype("datetime64[M]").astype("datetime64[D]"),
        stacks[order],
        colors=[COLOURS[NAMES[place]] for place in order],
        labels=[TITLES[NAMES[place]][0] for place in order],
    )
    _months_below(axes)
    axes.margins(x=0, y=0)
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(handles[::-1], labels[::-1], loc="upper left", frameon=False, fontsize=7, labelcolor=INK)
    axes.set_ylim(top=1.45 * stacks.sum(axis=0).max())
    _title(axes, f"{found.purchases.market}: customers by segment", "at the end of each month", size=11)
    last = complete & (moved.month == months[-1]) & (moved.before != moved.after)
    ranked = np.flatnonzero(last)[np.argsort(-moved.customers[last], kind="stable")][:FLOWS_SHOWN][::-1]
    titles = [TITLES[name][0] for name in NAMES] + ["Not yet a customer"]
    flows.barh(
        np.arange(len(ranked)), moved.customers[ranked], height=0.6,
        color=[COLOURS[NAMES[place]] for place in moved.after[ranked]],
    )  # fmt: skip
    for row, flow in enumerate(ranked):
        words = f"{titles[moved.before[flow]]} → {titles[moved.after[flow]]}: {moved.customers[flow]:,}"
        flows.text(0, row + 0.34, words, fontsize=7.5, color=INK, va="bottom")
    _plain(flows)
    flows.set_yticks([])
    flows.set_xticks([])
    flows.spines["bottom"].set_visible(False)
    month = str(np.datetime_as_string(months[-1:].astype("datetime64[M]"))[0])
    _title(flows, "Largest movements", f"in {month}", size=11)
    return png_of(figure)


def _figure(height_inches: float, *, layout: Literal["constrained"] | None = "constrained") -> "tuple[Figure, Axes]":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH_INCHES, height_inches), dpi=DOTS_PER_INCH, layout=layout, facecolor="white")
    return figure, figure.add_subplot()


def _plain(axes: "Axes") -> None:
    axes.set_axisbelow(True)
    axes.tick_params(colors=MUTED, labelsize=9, length=0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(GRID)


def _months_below(axes: "Axes") -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
    from matplotlib.ticker import StrMethodFormatter

    locator = AutoDateLocator(minticks=3, maxticks=7)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    _plain(axes)


def _title(axes: "Axes", name: str, words: str, *, size: int = 13) -> None:
    axes.set_title(name, loc="left", fontsize=size, fontweight="bold", color=INK, pad=18, parse_math=False)
    axes.text(0, 1.02, words, transform=axes.transAxes, fontsize=size - 3, color=MUTED, parse_math=False)
