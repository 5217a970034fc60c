"""Pictures of a scorecard, for model cards and the metadata of assets.

Belongs here: drawing. Does not: figures (see `validation.py`).
"""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from orchestration.credit.scorecard.card import Part
from orchestration.credit.scorecard.validation import auc, calibration_table, hosmer_lemeshow, ks
from orchestration.forecasting.plots import BAND_80, FORECAST, GRID, INK, MUTED, png_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
_POINTS = 400


def order_plot(probability: Floats, is_bad: Bools) -> bytes:
    """PNG, 900 pixels wide: the ROC curve with its AUC, and the distributions whose largest distance is KS."""
    figure = _figure(4.2)
    left, right = figure.subplots(1, 2)
    order = np.argsort(-probability, kind="stable")
    bads = np.concatenate([[0.0], np.cumsum(is_bad[order]) / max(int(is_bad.sum()), 1)])
    goods = np.concatenate([[0.0], np.cumsum(~is_bad[order]) / max(int((~is_bad).sum()), 1)])
    shown = np.unique(np.linspace(0, len(order), min(_POINTS, len(order) + 1)).astype(np.int64))
    left.plot(goods[shown], bads[shown], color=FORECAST, linewidth=2)
    left.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
    found = auc(probability, is_bad)
    _titled(left, f"ROC: AUC {found:.3f}, Gini {2 * found - 1:.3f}", "share of goods refused", "share of bads refused")
    share = np.linspace(0.0, 1.0, len(order) + 1)
    right.plot(share[shown], bads[shown], color=FORECAST, linewidth=2, label="bads")
    right.plot(share[shown], goods[shown], color=BAND_80, linewidth=2, label="goods")
    widest = int(np.argmax(np.abs(bads - goods)))
    right.vlines(share[widest], goods[widest], bads[widest], color=INK, linewidth=1)
    right.legend(loc="lower right", frameon=False, fontsize=9, labelcolor=INK)
    _titled(right, f"KS {ks(probability, is_bad):.3f}", "share of all, riskiest first", "share refused")
    return png_of(figure)


def calibration_plot(probability: Floats, is_bad: Bools) -> bytes:
    """PNG, 900 pixels wide: rate of bads by decile of probability with its 95 % interval, beside the diagonal."""
    table = calibration_table(probability, is_bad)
    figure = _figure(4.2)
    axes = figure.add_subplot()
    mean, rate = 100 * table["mean_probability"], 100 * table["bad_rate"]
    low, high = 100 * table["bad_rate_low"], 100 * table["bad_rate_high"]
    # Most of a portfolio lies at low probabilities: on plain axes nine deciles would share a corner.
    floor = max(0.05, float(mean.min()) / 2)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.vlines(mean, np.maximum(low, floor), high, color=BAND_80, linewidth=4)
    axes.plot(mean, np.maximum(rate, floor), "o", color=FORECAST, markersize=7)
    ends = [floor, min(100.0, float(max(mean.max(), high.max())) * 1.2)]
    axes.plot(ends, ends, color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda value, _: f"{value:g}")
    test = hosmer_lemeshow(probability, is_bad)
    _titled(axes, f"calibration by decile (Hosmer-Lemeshow p {test.p_value:.2f})", "mean probability, %", "bad, %")
    return png_of(figure)


def bins_plot(part: Part) -> bytes:
    """PNG, 900 pixels wide: rows, rate of bads and points of a characteristic's bins."""
    shown = [
        (item, points) for item, points in zip(part.bins.bins, part.points, strict=True) if item.row_count
    ][::-1]  # fmt: skip
    figure = _figure(1.5 + 0.34 * len(shown))
    axes = figure.subplots(1, 3, sharey=True)
    place = np.arange(len(shown))
    weights = np.array([item.weight for item, _ in shown])
    columns = [
        ("rows, %", 100 * weights / weights.sum(), BAND_80, "{:.1f}"),
        ("bad, %", 100 * np.array([item.bad_weight for item, _ in shown]) / weights, FORECAST, "{:.1f}"),
        ("points", np.array([points for _, points in shown], dtype=np.float64), FORECAST, "{:.0f}"),
    ]
    for one, (title, values, colour, form) in zip(axes, columns, strict=True):
        one.barh(place, values, color=colour, height=0.65)
        for at, value in zip(place, values, strict=True):
            one.text(value, at, " " + form.format(value), va="center", fontsize=9, color=INK)
        one.set_xlim(0, max(float(values.max()) * 1.2, 1e-9))
        one.set_title(title, loc="left", fontsize=11, fontweight="bold", color=INK)
        _plain(one, "x")
    labels = [item.label if len(item.label) <= 34 else item.label[:33] + "…" for item, _ in shown]
    axes[0].set_yticks(place, labels)
    figure.suptitle(
        f"{part.characteristic.english}: information value {part.bins.iv:.3f}",
        x=0.01,
        ha="left",
        fontsize=12,
        color=INK,
    )
    return png_of(figure)


def score_plot(scored: pd.DataFrame, is_bad: Bools | None = None) -> bytes:
    """PNG, 900 pixels wide: how scores are spread, of goods and of bads where the outcome is known."""
    figure = _figure(3.6)
    axes = figure.add_subplot()
    score = scored["score"].to_numpy(dtype=np.float64)
    limits = np.linspace(score.min(), max(score.max(), score.min() + 1), 41)
    parts = [("all", np.ones(len(score), dtype=np.bool_), FORECAST)]
    if is_bad is not None:
        parts = [("goods", ~is_bad, BAND_80), ("bads", is_bad, FORECAST)]
    for name, chosen, colour in parts:
        count, _ = np.histogram(score[chosen], limits)
        axes.stairs(100 * count / max(int(chosen.sum()), 1), limits, color=colour, linewidth=2, label=name)
    if is_bad is not None:
        axes.legend(loc="upper right", frameon=False, fontsize=9, labelcolor=INK)
    _titled(axes, "scores", "score", "share, %")
    return png_of(figure)


def _figure(height: float) -> "Figure":
    from matplotlib.figure import Figure

    return Figure(figsize=(9.0, height), dpi=100, layout="constrained", facecolor="white")


def _titled(axes: "Axes", title: str, across: str, up: str) -> None:
    axes.set_title(title, loc="left", fontsize=12, fontweight="bold", color=INK)
    axes.set_xlabel(across, color=INK)
    axes.set_ylabel(up, color=INK)
    _plain(axes, "both")


def _plain(axes: "Axes", grid: str) -> None:
    axes.grid(axis="both" if grid == "both" else "x", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.tick_params(colors=MUTED, labelcolor=INK)
