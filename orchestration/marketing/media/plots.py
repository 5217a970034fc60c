"""Pictures of funnel and media: PNG, 900 pixels wide.

Belongs here: drawing. Does not: figures.
"""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from orchestration.forecasting.plots import BAND_80, FORECAST, GRID, INK, MUTED, NAIVE, png_of
from orchestration.marketing.funnel.loss import BOUNCE, COUNTS, STAGES, STEPS
from orchestration.marketing.media.night import MarketMedia
from orchestration.marketing.media.tables import FUNNEL_LOSS, MEDIA_CONTRIBUTION, MEDIA_EFFECT, MEDIA_RESPONSE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH_INCHES, DOTS_PER_INCH = 9.0, 100
_WEEKS_SHOWN, _RECENT_WEEKS = 78, 13
# Eight hues that those who see no red or green can tell apart (after Okabe and Ito), the base in grey.
HUES = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8a8a00", "#7a5195")
_BASE = "#d5dade"
_MOST_MEDIA = 8


def market_pictures(one: MarketMedia) -> dict[str, bytes]:
    """The pictures of a market by name; those that have nothing to show are left out."""
    found: dict[str, bytes] = {}
    if not one.weeks.empty:
        found["funnel"] = funnel_plot(one)
        found["losses"] = losses_plot(one)
    if len(one.frames[MEDIA_CONTRIBUTION.name]):
        found["contributions"] = contributions_plot(one)
        found["responses"] = responses_plot(one)
    return found


def funnel_plot(one: MarketMedia) -> bytes:
    """How many visits of the last thirteen weeks reached each stage, beside the thirteen weeks before, by screen."""
    figure, (axes, beside) = _figure(1, 2, 3.6)
    weeks = one.weeks[one.weeks["dimension"] == "all"].sort_values("week_on")
    now = weeks[list(COUNTS)].tail(_RECENT_WEEKS).sum().to_numpy(float)
    before = weeks[list(COUNTS)].iloc[-2 * _RECENT_WEEKS : -_RECENT_WEEKS].sum().to_numpy(float)
    place = np.arange(len(STAGES))
    axes.barh(place, now, color=HUES[0], height=0.62)
    if before.sum():
        axes.plot(before, place, linestyle="none", marker="|", markersize=20, markeredgewidth=2, color=INK)
    for row, count in enumerate(now):
        share = f"{100 * count / now[0]:.1f} %" if now[0] else ""
        axes.text(count + now.max() * 0.015, row, f"{count:,.0f}  ({share})", va="center", fontsize=9, color=INK)
    axes.set_yticks(place, STAGES)
    axes.invert_yaxis()
    axes.set_xlim(0, max(now.max(), before.max(), 1.0) * 1.38)
    axes.grid(axis="x", visible=False)
    _title(axes, "Visits by stage", f"last {_RECENT_WEEKS} weeks; line: the {_RECENT_WEEKS} weeks before")
    _passes(beside, one.weeks)
    _head(figure, f"{one.market}: where visits end")
    return png_of(figure)


def _passes(axes: "Axes", weeks: pd.DataFrame) -> None:
    """Share of visits that paid, by medium and screen, with an interval of 90 %."""
    newest = weeks["week_on"].max()
    recent = weeks[weeks["week_on"] > newest - pd.Timedelta(days=7 * _RECENT_WEEKS)]
    parts = recent[recent["dimension"].isin(["medium", "screen"])]
    sums = parts.groupby(["dimension", "member"])[["view_count", "paid_count"]].sum().reset_index()
    sums = sums[sums["view_count"] >= 30].sort_values(["dimension", "view_count"], ascending=[True, False]).head(12)
    from scipy.stats import beta

    paid, seen = sums["paid_count"].to_numpy(float), sums["view_count"].to_numpy(float)
    place = np.arange(len(sums))
    rate = 100 * paid / np.maximum(seen, 1)
    lower = 100 * beta.ppf(0.05, paid + 0.5, seen - paid + 0.5)
    upper = 100 * beta.ppf(0.95, paid + 0.5, seen - paid + 0.5)
    axes.hlines(place, lower, upper, color=NAIVE, linewidth=3)
    axes.plot(rate, place, linestyle="none", marker="o", markersize=5, color=INK)
    names = [member.replace("_", " ") for member in sums["member"]]
    axes.set_yticks(place, [f"{name} ({count:,.0f})" for name, count in zip(names, seen, strict=True)])
    axes.invert_yaxis()
    axes.set_xlim(left=0)
    axes.grid(axis="y", visible=False)
    axes.grid(axis="x", color=GRID)
    _title(axes, "Visits that end in an order, %", "by medium and screen, 90 % intervals; visits in brackets")


def losses_plot(one: MarketMedia) -> bytes:
    """The market's loss at each step by week, with what its own history let expect, and the weeks that stand out."""
    figure, panels = _figure(2, 2, 5.6)
    weeks = one.weeks[one.weeks["dimension"] == "all"].sort_values("week_on").tail(_WEEKS_SHOWN)
    losses = one.frames[FUNNEL_LOSS.name]
    counts = weeks[list(COUNTS)].to_numpy(float)
    day = weeks["week_on"].to_numpy("datetime64[D]")
    for place, (axes, step) in enumerate(zip(panels, STEPS, strict=True)):
        with np.errstate(invalid="ignore", divide="ignore"):
            loss = 100 * (1 - counts[:, place + 1] / counts[:, place])
        axes.plot(day, loss, color=INK, linewidth=1.1)
        rows = losses[(losses["step"] == step) & (losses["dimension"] == "all")] if len(losses) else losses
        if len(rows):
            rows = rows.sort_values("week_on")
            judged = rows["week_on"].to_numpy("datetime64[D]")
            axes.fill_between(judged, rows["lower_loss_pct"], rows["upper_loss_pct"], color=BAND_80, linewidth=0)
            odd = rows["is_unusual"].to_numpy(bool)
            axes.plot(judged[odd], rows["loss_pct"].to_numpy(float)[odd], "o", color=FORECAST, markersize=7)
        _dates(axes)
        last = (
            f"last week {loss[-1]:.0f} %" if len(loss) and np.isfinite(loss[-1]) else "no visit came so far last week"
        )
        _title(axes, f"{step}: visits lost, %", last)
    parts = losses[losses["is_unusual"].astype(bool) & (losses["step"] != BOUNCE)] if len(losses) else losses
    # The same visit is in a medium, a screen and a page: the largest of these views, not their sum.
    value = float(parts.groupby("dimension")["lost_value_usd"].sum().max()) if len(parts) else 0.0
    words = (
        f"{len(parts)} unusual losses in 8 weeks, about ${value:,.0f}" if len(parts) else "no unusual loss in 8 weeks"
    )
    _head(figure, f"{one.market}: {words} (shaded: 90 % of what its history lets expect)")
    return png_of(figure)


def contributions_plot(one: MarketMedia) -> bytes:
    """Orders by month, what media added stacked on the base; below, orders added with their intervals."""
    figure, (axes, beside) = _figure(1, 2, 4.0, ratios=(1.5, 1.0))
    wide = one.frames[MEDIA_CONTRIBUTION.name].pivot(index="month", columns="medium", values="orders")
    effects = one.frames[MEDIA_EFFECT.name].dropna(subset=["extra_orders"])
    hue = _hues(one)
    media = list(hue)
    told = [medium for medium in media if effects.set_index("medium").loc[medium, "is_identified"]]
    months = np.array(wide.index, dtype="datetime64[M]").astype("datetime64[D]")
    level = np.zeros(len(wide))
    for name in ("base", *told):
        # What cannot be told apart from nothing is not drawn as if it were known.
        rest = [other for other in wide.columns if other not in told] if name == "base" else [name]
        height = wide[rest].sum(axis=1).to_numpy(float)
        axes.bar(months, height, bottom=level, width=27, color=hue.get(name, _BASE), label=name.replace("_", " "))
        level += height
    _dates(axes)
    axes.set_ylim(0, level.max() * 1.3)
    axes.legend(loc="upper left", frameon=False, fontsize=8, ncols=4, labelcolor=INK, handlelength=1.0)
    _title(axes, "Orders through the own channels by month", "coloured: media whose effect can be told; grey: all else")
    place = np.arange(len(media))
    rows = effects.set_index("medium").loc[media]
    beside.hlines(
        place, rows["lower_extra_orders"], rows["upper_extra_orders"], color=[hue[one] for one in media], linewidth=5
    )
    beside.plot(rows["extra_orders"], place, linestyle="none", marker="o", markersize=6, color=INK)
    beside.axvline(0, color=MUTED, linewidth=1)
    beside.set_yticks(place, [name.replace("_", " ") for name in media])
    beside.invert_yaxis()
    beside.grid(axis="y", visible=False)
    beside.grid(axis="x", color=GRID)
    _title(beside, "Orders added in all", "dot: mean, bar: 90 % interval")
    _head(figure, f"{one.market}: what media added; {len(told)} of {len(media)} can be told apart from nothing")
    return png_of(figure)


def responses_plot(one: MarketMedia) -> bytes:
    """Orders a week that each medium would add at other budgets, with bands; today's spend marked."""
    frame = one.frames[MEDIA_RESPONSE.name]
    hue = _hues(one)
    media = list(hue)
    figure, panels = _figure((len(media) + 2) // 3, 3, 0.9 + 2.1 * ((len(media) + 2) // 3))
    top = float(frame["upper_extra_orders_per_week"].max())
    low = min(0.0, float(frame["lower_extra_orders_per_week"].min()))
    for place, axes in enumerate(panels):
        if place >= len(media):
            axes.set_visible(False)
            continue
        rows = frame[frame["medium"] == media[place]]
        spend = 7 * rows["spend_per_day_usd"].to_numpy(float)
        axes.fill_between(
            spend,
            rows["lower_extra_orders_per_week"],
            rows["upper_extra_orders_per_week"],
            color=hue[media[place]],
            alpha=0.25,
            linewidth=0,
        )
        axes.plot(spend, rows["extra_orders_per_week"], color=hue[media[place]], linewidth=1.8)
        now = float(spend[-1]) / 2
        axes.axvline(now, color=MUTED, linewidth=0.9, linestyle=(0, (2, 2)))
        axes.axhline(0, color=MUTED, linewidth=0.8)
        axes.set_ylim(low * 1.05, top * 1.05)
        axes.set_xlim(left=0)
        move = _move_of(one, media[place])
        _title(axes, media[place].replace("_", " "), f"now ${now:,.0f} a week{move}", size=10)
    words = "orders a week added, by dollars a week; 90 % bands; dashed: today"
    _head(figure, f"{one.market}: {words}")
    return png_of(figure)


def _hues(one: MarketMedia) -> dict[str, str]:
    """A colour for each medium that was studied, the one that costs most first."""
    effects = one.frames[MEDIA_EFFECT.name].dropna(subset=["extra_orders"])
    media = effects.sort_values("spend_usd", ascending=False)["medium"].head(_MOST_MEDIA)
    return {str(medium): HUES[place] for place, medium in enumerate(media)}


def _move_of(one: MarketMedia, medium: str) -> str:
    if one.budget is None or not one.budget.is_supported:
        return ""
    place = one.budget.media.index(medium)
    now = one.budget.now[place]
    return f"; suggested {100 * (one.budget.suggested[place] / now - 1):+.0f} %" if now > 0 else ""


def _figure(
    rows: int, columns: int, height: float, *, ratios: tuple[float, ...] | None = None
) -> "tuple[Figure, list[Axes]]":
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator, StrMethodFormatter

    figure = Figure(figsize=(WIDTH_INCHES, height), dpi=DOTS_PER_INCH, layout="constrained", facecolor="white")
    grid = figure.add_gridspec(rows, columns, width_ratios=ratios)
    panels = [figure.add_subplot(grid[place // columns, place % columns]) for place in range(rows * columns)]
    for axes in panels:
        axes.xaxis.set_major_locator(MaxNLocator(nbins=5))
        axes.yaxis.set_major_locator(MaxNLocator(nbins=5))
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        axes.grid(axis="y", color=GRID, linewidth=0.8)
        axes.set_axisbelow(True)
        axes.tick_params(colors=MUTED, labelsize=9, length=0)
        for side in ("top", "right", "left"):
            axes.spines[side].set_visible(False)
        axes.spines["bottom"].set_color(GRID)
    return figure, panels


def _dates(axes: "Axes") -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(minticks=3, maxticks=7)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]


def _title(axes: "Axes", name: str, words: str, *, size: int = 11) -> None:
    axes.set_title(name, loc="left", fontsize=size, fontweight="bold", color=INK, pad=16, parse_math=False)
    axes.text(0, 1.03, words, transform=axes.transAxes, fontsize=size - 2, color=MUTED, parse_math=False)


def _head(figure: "Figure", words: str) -> None:
    figure.suptitle(words, x=0.01, ha="left", fontsize=12, fontweight="bold", color=INK)
