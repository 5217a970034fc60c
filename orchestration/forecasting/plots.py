"""Pictures of a market's forecast, for the metadata of an asset.

Belongs here: drawing and its embedding in Markdown. Does not: numbers, which come as frames.

matplotlib is imported inside the functions (over a second) and used by its objects: pyplot keeps global state, which
two runs in one process would share.
"""

import base64
import textwrap
import warnings
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from orchestration.forecasting.market import MarketForecast
from orchestration.forecasting.nodes import CATEGORY, DAYS_PER_WEEK, MARKET, PRODUCT, blocks, by_category
from orchestration.forecasting.tables import DAY, WEEK

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DOTS_PER_INCH = 100
WIDTH_INCHES = 9.0
# Ink for what was, one hue for what will be, the bands as its tints: it must also be read in grey and on a dark page.
INK, MUTED, GRID, FORECAST, BAND_80, BAND_95 = "#1f2933", "#6b7780", "#e3e7ea", "#c2410c", "#f3b08b", "#fadfce"
EVENT, NAIVE = "#e8eef5", "#7aa0c4"
# Sixteen shades of six colours are all that smoothed edges need, and a picture takes a third of the bytes.
PALETTE_SIZE = 96
BANDS = (("p025_qty", "p975_qty", BAND_95, "95 % band"), ("p100_qty", "p900_qty", BAND_80, "80 % band"))
DAYS_SHOWN, WEEKS_SHOWN = 182, 78
MOST_PANELS = 6
KIND_WORDS = {
    "market": "market",
    "category": "categories",
    "subdivision": "subdivisions",
    "product": "products",
    "rest": "other products",
}


def market_pictures(made: MarketForecast, scores: pd.DataFrame) -> dict[str, bytes]:
    """The pictures of one market by name, as PNG; those that have nothing to show are left out."""
    found = {"days": days_plot(made), "categories": categories_plot(made)}
    if (made.backtest["node_type"] == PRODUCT).any():
        found["worst_series"] = worst_series_plot(made)
    if scores["made_on"].nunique() > 1:
        found["scores"] = scores_plot(scores, made.series.market)
    return found


def days_plot(made: MarketForecast) -> bytes:
    """PNG, 900 pixels wide: a market's units by day, the 91 days ahead with both bands, and the events around them."""
    series = made.series
    rows = _node(made, MARKET, series.market, DAY)
    figure, axes = _figure(height_inches=4.2)
    known = series.units.sum(axis=0)[-DAYS_SHOWN:]
    days = series.made_on - np.arange(len(known), 0, -1)
    target = _dates(rows["target_on"])
    shown = (days[0], target[-1])
    axes.plot(days, known, color=INK, linewidth=1.1, marker="o" if len(known) < 3 else None, label="units sold")
    _bands(axes, target, rows)
    axes.plot(target, rows["forecast_qty"].to_numpy(float), color=FORECAST, linewidth=1.8, label="forecast")
    axes.axvline(float(series.made_on.astype(float)), color=MUTED, linewidth=0.8, linestyle=(0, (2, 2)))
    _cut_above(axes, known, rows["p975_qty"].to_numpy(float))
    axes.set_xlim(float(shown[0].astype(float)), float(shown[1].astype(float)))
    axes.set_ylabel("units per day", color=MUTED)
    day = series.made_on.astype(object)
    _title(axes, f"{series.market}: units per day, forecast from {day.day} {day:%B %Y}", level_words(made), pad=24)
    axes.legend(loc="upper left", frameon=False, fontsize=10, ncols=4, labelcolor=INK, handlelength=1.6)
    _leave_room(axes, 1.4)
    _mark_events(axes, made, shown)
    return png_of(figure)


def categories_plot(made: MarketForecast) -> bytes:
    """PNG, 900 pixels wide: the weeks of the largest categories with the next 13, one panel each."""
    series = made.series
    weeks = blocks(by_category(series, series.units))[:, -WEEKS_SHOWN:]
    begins = series.made_on - DAYS_PER_WEEK * np.arange(weeks.shape[1], 0, -1)
    largest = np.argsort(-weeks.sum(axis=1), kind="stable")[:MOST_PANELS]
    figure, panels = _figures(line_count=(len(largest) + 1) // 2)
    for axes, row in zip(panels, largest, strict=False):
        axes.set_visible(True)
        rows = _node(made, CATEGORY, series.categories[row], WEEK)
        axes.plot(begins, weeks[row], color=INK, linewidth=1.1, marker="o" if len(begins) < 3 else None)
        target = _dates(rows["target_on"])
        _bands(axes, target, rows)
        axes.plot(target, rows["forecast_qty"].to_numpy(float), color=FORECAST, linewidth=1.8)
        _cut_above(axes, weeks[row], rows["p975_qty"].to_numpy(float))
        axes.margins(x=0.01)
        words = f"next 13 weeks: {rows['forecast_qty'].sum():,.0f}, last 13: {weeks[row, -13:].sum():,.0f}"
        _title(axes, textwrap.shorten(series.categories[row], width=44, placeholder=" …"), words, size=10)
    figure.suptitle(
        f"{series.market}: units per week by category (black: sold, orange: forecast, 80 and 95 % bands)",
        x=0.01, ha="left", fontsize=12, fontweight="bold", color=INK,
    )  # fmt: skip
    return png_of(figure)


def worst_series_plot(made: MarketForecast, *, count: int = 4) -> bytes:
    """PNG, 900 pixels wide: the products whose back-test errors are largest in units, each with its past forecasts."""
    series = made.series
    rows = made.backtest[(made.backtest["node_type"] == PRODUCT) & made.backtest["is_chosen"]]
    totals = rows.assign(error=(rows["forecast_qty"] - rows["actual_qty"]).abs()).groupby("node_id")
    worst = totals[["error", "actual_qty"]].sum().sort_values("error", ascending=False, kind="stable").head(count)
    figure, panels = _figures(line_count=max(1, (len(worst) + 1) // 2))
    place = {key: row for row, key in enumerate(series.product_keys)}
    for axes, (key, sums) in zip(panels, worst.iterrows(), strict=False):
        axes.set_visible(True)
        own = series.units[[place[str(key)]]]
        weeks = blocks(own)[0, -WEEKS_SHOWN:]
        begins = series.made_on - DAYS_PER_WEEK * np.arange(len(weeks), 0, -1)
        axes.plot(begins, weeks, color=INK, linewidth=1.1)
        for _, path in rows[rows["node_id"] == key].groupby("origin_on", sort=True):
            axes.plot(_dates(path["target_on"]), path["forecast_qty"].to_numpy(float), color=FORECAST, linewidth=1.8)
        axes.set_ylim(bottom=0)
        axes.margins(x=0.01)
        words = f"units off in the back-test: {sums['error']:,.0f}; sold: {sums['actual_qty']:,.0f}"
        name = textwrap.shorten(series.product_ids[place[str(key)]], width=44, placeholder=" …")
        _title(axes, name, words, size=10)
    figure.suptitle(
        f"{series.market}: where the forecast erred most (black: sold per week, orange: forecast at the time)",
        x=0.01, ha="left", fontsize=12, fontweight="bold", color=INK,
    )  # fmt: skip
    if worst.empty:
        figure.text(0.01, 0.5, "no back-test: too few weeks", color=MUTED, fontsize=11)
    return png_of(figure)


def scores_plot(scores: pd.DataFrame, market: str) -> bytes:
    """PNG, 900 pixels wide: error one to four weeks ahead by the day of the forecast, beside naive; bias, coverage."""
    weekly = scores[(scores["step"] == WEEK) & (scores["horizon"] <= 4)]
    figure, panels = _figures(line_count=2)
    for axes, kind in zip(panels, (MARKET, CATEGORY, PRODUCT), strict=False):
        rows = weekly[weekly["node_type"] == kind]
        errors = ["actual_qty", "absolute_error_qty", "naive_absolute_error_qty"]
        by_night = rows.groupby("made_on")[errors].sum()
        sold = by_night["actual_qty"].where(by_night["actual_qty"] > 0)
        axes.set_visible(True)
        nights = _dates(by_night.index)
        for column, color, label in (
            ("naive_absolute_error_qty", NAIVE, "seasonal naive"),
            ("absolute_error_qty", FORECAST, "forecast"),
        ):
            axes.plot(
                nights, 100 * by_night[column] / sold, color=color, linewidth=1.6, marker="o", markersize=3, label=label
            )
        axes.set_ylim(bottom=0)
        _title(axes, f"WAPE of {KIND_WORDS[kind]}, %", "1 to 4 weeks ahead, by the day of the forecast", size=10)
        axes.legend(loc="lower left", frameon=False, fontsize=8, ncols=2, labelcolor=INK)
    axes, rows = panels[3], weekly[weekly["node_type"] == MARKET]
    axes.set_visible(True)
    held = (rows["coverage_80_pct"] * rows["n"]).groupby(rows["made_on"]).sum() / rows.groupby("made_on")["n"].sum()
    sums = rows.groupby("made_on")[["forecast_qty", "actual_qty"]].sum()
    bias = 100 * (sums["forecast_qty"] - sums["actual_qty"]) / sums["actual_qty"].where(sums["actual_qty"] > 0)
    axes.plot(_dates(held.index), held, color=INK, linewidth=1.6, marker="o", markersize=3, label="80 % band holds, %")
    axes.plot(_dates(bias.index), bias, color=FORECAST, linewidth=1.6, marker="o", markersize=3, label="bias, %")
    axes.axhline(0, color=MUTED, linewidth=0.8)
    _title(axes, "Bias and coverage of the market", "1 to 4 weeks ahead, by the day of the forecast", size=10)
    axes.legend(loc="center left", frameon=False, fontsize=8, ncols=2, labelcolor=INK)
    figure.suptitle(
        f"{market}: what older forecasts were worth", x=0.01, ha="left", fontsize=12, fontweight="bold", color=INK
    )
    return png_of(figure)


def level_words(made: MarketForecast) -> str:
    """The line below a market's title: the WAPE of its weeks beside those of the bars, or why there is none."""
    rows = made.levels[(made.levels["node_type"] == MARKET) & (made.levels["step"] == WEEK)]
    if rows.empty:
        return "no back-test: too few weeks"
    row = rows.iloc[0]
    if not np.isfinite(row["wape"]):
        return "WAPE in the back-test: none, since nothing was sold in its weeks"
    parts = [("model", row["wape"]), ("seasonal naive", row["naive_wape"]), ("four-week mean", row["mean_wape"])]
    return "WAPE by week in the back-test:  " + "  ·  ".join(f"{name} {100 * value:.0f} %" for name, value in parts)


def as_markdown_image(png: bytes, *, words: str = "plot") -> str:
    """The picture as Markdown with the bytes inside, so that it shows wherever the text goes."""
    return f"![{words}](data:image/png;base64,{base64.b64encode(png).decode('ascii')})"


def _dates(days: object) -> npt.NDArray[np.datetime64]:
    return np.asarray(days, dtype="datetime64[D]")


def _figure(height_inches: float) -> "tuple[Figure, Axes]":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH_INCHES, height_inches), dpi=DOTS_PER_INCH, layout="constrained", facecolor="white")
    axes = figure.add_subplot()
    _plain(axes)
    return figure, axes


def _figures(line_count: int) -> "tuple[Figure, list[Axes]]":
    from matplotlib.figure import Figure

    figure = Figure(
        figsize=(WIDTH_INCHES, 0.6 + 2.0 * line_count), dpi=DOTS_PER_INCH, layout="constrained", facecolor="white"
    )
    panels = [figure.add_subplot(line_count, 2, place + 1) for place in range(2 * line_count)]
    for axes in panels:
        _plain(axes)
        axes.set_visible(False)
    return figure, panels


def _plain(axes: "Axes") -> None:
    """Only what is read: light lines across, no box, months below."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
    from matplotlib.ticker import MaxNLocator, StrMethodFormatter

    locator = AutoDateLocator(minticks=3, maxticks=9)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=MUTED, labelsize=10, length=0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(GRID)


def _node(made: MarketForecast, kind: str, node: str, step: str) -> pd.DataFrame:
    rows = made.forecast
    return rows[(rows["node_type"] == kind) & (rows["node_id"] == node) & (rows["step"] == step)]


def _bands(axes: "Axes", target: npt.NDArray[np.datetime64], rows: pd.DataFrame) -> None:
    for lower, upper, tint, label in BANDS:
        axes.fill_between(
            target, rows[lower].to_numpy(float), rows[upper].to_numpy(float), color=tint, linewidth=0, label=label
        )


def _title(axes: "Axes", name: str, words: str, *, size: int = 13, pad: int = 16) -> None:
    axes.set_title(name, loc="left", fontsize=size, fontweight="bold", color=INK, pad=pad, parse_math=False)
    axes.text(0, 1.03, words, transform=axes.transAxes, fontsize=size - 2, color=MUTED, parse_math=False)


def _mark_events(axes: "Axes", made: MarketForecast, shown: tuple[np.datetime64, np.datetime64]) -> None:
    """Events as pale columns with their names, at four heights so that neighbours can be read."""
    top = axes.get_ylim()[1]
    inside = [
        event
        for event in made.events
        if shown[0] <= np.datetime64(event.ends_on) and np.datetime64(event.starts_on) <= shown[1]
    ]
    for place, event in enumerate(sorted(inside, key=lambda one: (one.starts_on, one.name))):
        first = max(np.datetime64(event.starts_on, "D"), shown[0]).astype(float)
        last = min(np.datetime64(event.ends_on, "D"), shown[1]).astype(float)
        axes.axvspan(first - 0.5, last + 0.5, color=EVENT, zorder=0, linewidth=0)
        height, name = top * (0.91 - 0.05 * (place % 4)), event.name.replace("_", " ")
        axes.text((first + last) / 2, height, name, fontsize=8, color=MUTED, ha="center", clip_on=True)


def _cut_above(axes: "Axes", sold: npt.NDArray[np.float64], upper: npt.NDArray[np.float64]) -> None:
    """The height of an axis that a single bulk order does not flatten everything else on: it is cut, and said so."""
    usual = max(float(np.quantile(sold, 0.97)) if len(sold) else 0.0, float(upper.max(initial=0.0)), 1.0)
    largest = float(sold.max(initial=0.0))
    if largest > 4 * usual:
        axes.set_ylim(0, 1.6 * usual)
        words = f"cut: up to {largest:,.0f}"
        axes.text(0.99, 0.9, words, transform=axes.transAxes, fontsize=8, color=MUTED, ha="right")
    else:
        axes.set_ylim(bottom=0)


def _leave_room(axes: "Axes", times: float) -> None:
    top = axes.get_ylim()[1]
    axes.set_ylim(top=max(1.0, top * times))


def png_of(figure: "Figure") -> bytes:
    """The figure as PNG in few colours."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    canvas = FigureCanvasAgg(figure)
    with warnings.catch_warnings():
        # A product name in a script that the font lacks is drawn as boxes, which is no reason to stop a run.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        canvas.draw()  # type: ignore[no-untyped-call]
    drawn = np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call]
    picture = Image.fromarray(drawn).convert("RGB").quantize(PALETTE_SIZE, dither=Image.Dither.NONE)
    buffer = BytesIO()
    picture.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()
