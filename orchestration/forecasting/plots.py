"""Pictures of a market's forecast, for the metadata of an asset.

Belongs here: drawing and its embedding in Markdown. Does not: numbers, which come as frames.

matplotlib is imported inside the functions (over a second) and used by its objects: pyplot keeps global state, which
two runs in one process would share.
"""

import base64
import textwrap
import warnings
from collections.abc import Mapping
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from orchestration.forecasting.series import MARKET_NODE, PRODUCT_NODE, MarketWeeks
from orchestration.forecasting.weekly import BASELINE_CODES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DOTS_PER_INCH = 100
WIDTH_INCHES = 9.0
# Ink for what was, one hue for what will be, the bands as its tints: it must also be read in grey and on a dark page.
INK, MUTED, GRID, FORECAST, BAND_80, BAND_95 = "#1f2933", "#6b7780", "#e3e7ea", "#c2410c", "#f3b08b", "#fadfce"
HALF_A_WEEK = 3.5
# Sixteen shades of six colours are all that smoothed edges need, and a picture takes a third of the bytes.
PALETTE_SIZE = 96
WORDS = {"last_value": "last value", "four_week_mean": "four-week mean"}


def market_plot(history: MarketWeeks, forecast: pd.DataFrame, scored: pd.DataFrame) -> bytes:
    """PNG, 900 pixels wide: a market's weekly units, the forecast with both bands, and its WAPE beside the naive ones.

    `forecast` and `scored` may hold other markets and products; only the total of the history's market is drawn.
    """
    rows = forecast[(forecast["market"] == history.market) & (forecast["node"] == MARKET_NODE)]
    rows = rows.sort_values("horizon_weeks")
    figure, axes = _figure(height_inches=4.0)
    units = history.units.sum(axis=0)
    axes.plot(
        _dates(history.weeks),
        units,
        color=INK,
        linewidth=1.6,
        marker="o" if len(units) < 3 else None,
        label="units sold",
    )
    target = _dates(rows["target_on"])
    axes.axvline(float(target[0].astype(float)) - HALF_A_WEEK, color=MUTED, linewidth=0.8, linestyle=(0, (2, 2)))
    around, edge = _steps(target)
    for level, tint in ((95, BAND_95), (80, BAND_80)):
        lower, upper = (rows[f"{side}_{level}_qty"].to_numpy(float)[edge] for side in ("lower", "upper"))
        axes.fill_between(around, lower, upper, color=tint, linewidth=0, label=f"{level} % band")
    axes.plot(
        target,
        rows["forecast_qty"].to_numpy(float),
        color=FORECAST,
        linewidth=2.2,
        marker="o",
        markersize=4,
        label="forecast",
    )
    axes.set_ylim(bottom=0)
    axes.margins(x=0.01)
    axes.set_ylabel("units per week", color=MUTED)
    title = f"{history.market}: units per week, forecast from {history.made_on.day} {history.made_on:%B %Y}"
    axes.set_title(title, loc="left", fontsize=13, fontweight="bold", color=INK, pad=24)
    note = wape_words(scored, history.market)
    if rows["is_fallback"].any():
        note += f"   (fallback: {rows['fallback_reason'].iloc[0]})"
    axes.text(0, 1.03, note, transform=axes.transAxes, fontsize=10.5, color=MUTED, parse_math=False)
    axes.legend(loc="upper left", frameon=False, fontsize=10, ncols=4, labelcolor=INK, handlelength=1.6)
    _leave_room_for_legend(axes)
    return png_of(figure)


def worst_series_plot(
    history: MarketWeeks, backtest: pd.DataFrame, *, names: Mapping[str, str] | None = None, count: int = 4
) -> bytes:
    """PNG, 900 pixels wide: the products whose back-test errors are largest in units, each with its past forecasts.

    `names` maps product keys to the words above each picture; a key without a name stands for itself.
    """
    rows = backtest[(backtest["market"] == history.market) & (backtest["node"] == PRODUCT_NODE)]
    rows = rows[~rows["model_code"].isin(BASELINE_CODES)]
    totals = rows.assign(error=(rows["forecast_qty"] - rows["actual_qty"]).abs()).groupby("product_key")
    worst = totals[["error", "actual_qty"]].sum().sort_values("error", ascending=False, kind="stable").head(count)
    figure, panels = _figures(line_count=(len(worst) + 1) // 2)
    for axes, (key, sums) in zip(panels, worst.iterrows(), strict=False):
        axes.set_visible(True)
        axes.plot(_dates(history.weeks), history.units[history.product_keys.index(str(key))], color=INK, linewidth=1.2)
        for _, path in rows[rows["product_key"] == key].groupby("origin_on", sort=True):
            axes.plot(_dates(path["target_on"]), path["forecast_qty"].to_numpy(float), color=FORECAST, linewidth=2)
        axes.set_ylim(bottom=0)
        axes.margins(x=0.01)
        name = textwrap.shorten((names or {}).get(str(key), str(key)), width=44, placeholder=" …")
        axes.set_title(name, loc="left", fontsize=10, color=INK, fontweight="bold", pad=16, parse_math=False)
        words = f"units off in the back-test: {sums['error']:,.0f}; sold: {sums['actual_qty']:,.0f}"
        axes.text(0, 1.03, words, transform=axes.transAxes, fontsize=9, color=MUTED)
    figure.suptitle(
        f"{history.market}: where the forecast erred most (black: sold, orange: forecast at the time)",
        x=0.01,
        ha="left",
        fontsize=12,
        fontweight="bold",
        color=INK,
    )
    if worst.empty:
        figure.text(0.01, 0.5, "no back-test: too few weeks", color=MUTED, fontsize=11)
    return png_of(figure)


def as_markdown_image(png: bytes, *, words: str = "plot") -> str:
    """The picture as Markdown with the bytes inside, so that it shows wherever the text goes."""
    return f"![{words}](data:image/png;base64,{base64.b64encode(png).decode('ascii')})"


def wape_words(scored: pd.DataFrame, market: str) -> str:
    """The line below a market's title: the WAPE of its total beside those of the baselines, or why there is none."""
    rows = scored[(scored["market"] == market) & (scored["node"] == MARKET_NODE)].set_index("model_code")["wape"]
    if rows.empty:
        return "no back-test: too few weeks"
    if rows.isna().all():
        return "WAPE in the back-test: none, since nothing was sold in its weeks"
    model = [code for code in rows.index if code not in BASELINE_CODES]
    parts = []
    for code in (*model, *BASELINE_CODES):
        value = rows.get(code, float("nan"))
        parts.append(f"{WORDS.get(code, code.replace('_', ' '))} {100 * value:.0f} %")
    return "WAPE in the back-test:  " + "  ·  ".join(parts)


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


def _leave_room_for_legend(axes: "Axes") -> None:
    top = axes.get_ylim()[1]
    axes.set_ylim(top=max(1.0, top * 1.12))


def _steps(weeks: npt.NDArray[np.datetime64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.intp]]:
    """Both ends of each week as matplotlib's day numbers, and the week of each end: a band holds for a whole week."""
    middles = np.repeat(weeks.astype("datetime64[D]").astype(float), 2)
    return middles + np.tile([-HALF_A_WEEK, HALF_A_WEEK], len(weeks)), np.repeat(np.arange(len(weeks)), 2)


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
