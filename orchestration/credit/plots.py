"""Pictures and lists of credit, for the metadata of its assets.

Belongs here: drawing. Does not: numbers, which come as frames; the seller's page (see `page/`).
"""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from orchestration.forecasting.plots import BAND_80, BAND_95, FORECAST, GRID, INK, MUTED, png_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHOWN = 20
LONGEST_CELL = 300


def score_plot(today: pd.DataFrame, models: pd.DataFrame) -> bytes:
    """PNG, 900 pixels wide: how many sellers have which score, and how many stand in each grade, stale ones apart."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.0, 3.6), dpi=100, layout="constrained", facecolor="white")
    left, right = figure.subplots(1, 2, width_ratios=[3, 2])
    known = today[today["score"].notna()]
    scores = known["score"].astype(float)
    width = 10
    edges = np.arange(np.floor(scores.min() / width) * width, scores.max() + 2 * width, width)
    left.hist(scores, bins=edges, color=FORECAST, edgecolor="white", linewidth=0.6)
    middle = float(scores.median())
    left.axvline(middle, color=INK, linewidth=1, linestyle=(0, (4, 3)))
    left.text(middle, left.get_ylim()[1], f" half below {middle:.0f}", va="top", fontsize=9, color=INK)
    used = models.loc[models["is_in_use"].astype(bool), ["version", "status"]]
    named = f", {used['version'].iloc[0]} ({used['status'].iloc[0]})" if len(used) else ""
    _title(left, f"sellers by score{named}")
    grades = sorted(known["grade"].dropna().unique())
    is_stale = known["is_stale"].astype(bool)
    fresh, stale = (
        known.loc[mask, "grade"].value_counts().reindex(grades).fillna(0).to_numpy(float)
        for mask in (~is_stale, is_stale)
    )
    place = np.arange(len(grades))
    right.bar(place, fresh, color=FORECAST, width=0.7, label="fresh")
    if stale.any():
        right.bar(place, stale, bottom=fresh, color=BAND_80, width=0.7, label="stale")
        right.legend(loc="upper right", frameon=False, fontsize=9, labelcolor=INK)
    for at, value in zip(place, fresh + stale, strict=True):
        right.text(at, value, f"{value:,.0f}", ha="center", va="bottom", fontsize=9, color=INK)
    right.set_xticks(place, grades)
    _title(right, "sellers by grade")
    for axes in (left, right):
        _plain(axes)
    return png_of(figure)


def fund_plot(simulation: pd.DataFrame) -> bytes:
    """PNG, 900 pixels wide: what is left of reserve and prices, month by month: simulated, and as the past was."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.0, 3.8), dpi=100, layout="constrained", facecolor="white")
    axes = figure.add_subplot()
    drawn = simulation[simulation["basis"] == "simulated"].sort_values("month_no")
    months = np.concatenate([[0], drawn["month_no"].to_numpy(float)])
    reserve = float(drawn["reserve_usd"].iloc[0])

    def from_reserve(column: str, rows: pd.DataFrame = drawn) -> np.ndarray:
        return np.concatenate([[reserve], rows[column].to_numpy(float)])

    axes.fill_between(
        months, from_reserve("fund_p01_usd"), from_reserve("fund_p99_usd"), color=BAND_95, linewidth=0,
        label="98 of 100 paths",
    )  # fmt: skip
    axes.plot(months, from_reserve("fund_p50_usd"), color=FORECAST, linewidth=2, label="middle path")
    past = simulation[simulation["basis"] == "history"].sort_values("month_no")
    if len(past):
        axes.plot(
            months[: len(past) + 1], from_reserve("fund_p50_usd", past), color=INK, linewidth=1.4,
            linestyle=(0, (2, 2)), label="the last two years as they were",
        )  # fmt: skip
    axes.axhline(0, color=INK, linewidth=1)
    last = drawn.iloc[-1]
    _title(
        axes,
        f"guarantee fund, USD: a reserve of {reserve:,.0f} held in {last['held_pct']:.2f} % of paths"
        f" (stated {last['confidence_pct']:g} %)",
    )
    axes.set_xlabel("months", fontsize=9, color=MUTED)
    axes.set_xlim(0, months[-1])
    axes.legend(loc="upper left", frameon=False, fontsize=9, labelcolor=INK)
    _plain(axes)
    return png_of(figure)


def exposure_plot(rows: pd.DataFrame) -> bytes:
    """PNG, 900 pixels wide: by market what is owed by grade, and what may still be lent."""
    from matplotlib.figure import Figure

    markets = rows.groupby("market")["outstanding_usd"].sum().sort_values(ascending=False).head(SHOWN).index.tolist()
    grades = sorted(rows["grade"].unique())
    figure = Figure(figsize=(9.0, 1.6 + 0.3 * len(markets)), dpi=100, layout="constrained", facecolor="white")
    left, right = figure.subplots(1, 2, sharey=True)
    place = np.arange(len(markets))[::-1]
    colours = ["#2f5d8a", "#6b94bd", "#a9c3dc", BAND_95, BAND_80, FORECAST, MUTED]
    for axes, column, title in (
        (left, "outstanding_usd", "outstanding, USD"),
        (right, "limit_usd", "may still be lent, USD"),
    ):
        start = np.zeros(len(markets))
        for number, grade in enumerate(grades):
            part = rows[rows["grade"] == grade].set_index("market")[column].reindex(markets).fillna(0.0)
            axes.barh(place, part, left=start, color=colours[min(number, 6)], height=0.7, label=grade)
            start = start + part.to_numpy(float)
        for at, value in zip(place, start, strict=True):
            axes.text(value, at, f" {value:,.0f}", va="center", fontsize=9, color=INK)
        axes.set_xlim(0, max(float(start.max()) * 1.2, 1.0))
        _title(axes, title)
        _plain(axes, grid="x")
    left.set_yticks(place, [market or "none" for market in markets])
    right.legend(loc="lower right", frameon=False, fontsize=9, labelcolor=INK, title="grade", title_fontsize=9)
    return png_of(figure)


def largest_changes(changes: pd.DataFrame) -> pd.DataFrame:
    """The largest changes of the newest day, for a list."""
    if changes.empty:
        return changes.head(0)
    newest = changes[changes["as_of_on"] == changes["as_of_on"].max()]
    order = newest.assign(size=newest["change_points"].abs()).sort_values(
        ["size", "seller_id"], ascending=[False, True]
    )
    columns = ["seller_id", "previous_on", "label_en", "previous_bin", "bin", "change_points"]
    shown: pd.DataFrame = order[columns].head(SHOWN)
    return shown


def markdown_table(frame: pd.DataFrame) -> str:
    """The frame as a table in Markdown; long texts are cut."""
    if frame.empty:
        return "none"
    header = "| " + " | ".join(str(column) for column in frame.columns) + " |"
    rule = "|" + "---|" * len(frame.columns)
    return "\n".join(
        [header, rule, *("| " + " | ".join(map(_cell, row)) + " |" for row in frame.itertuples(index=False))]
    )


def _cell(value: object) -> str:
    if value is None or value is pd.NA or value is pd.NaT or value != value:
        return ""
    text = f"{value:,.2f}".removesuffix(".00") if isinstance(value, float) else str(value).removesuffix(" 00:00:00")
    text = text.replace("|", "/").replace("\n", " ")
    return text if len(text) <= LONGEST_CELL else text[: LONGEST_CELL - 1] + "…"


def _title(axes: "Axes", words: str) -> None:
    axes.set_title(words, loc="left", fontsize=11, fontweight="bold", color=INK)


def _plain(axes: "Axes", grid: str = "y") -> None:
    axes.grid(axis="x" if grid == "x" else "y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=MUTED, labelsize=9, length=0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(GRID)
