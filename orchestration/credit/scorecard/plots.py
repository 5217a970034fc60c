"""Pictures of a scorecard, for model cards and the metadata of assets.

Belongs here: drawing. Does not: figures (see `validation.py`).
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from orchestration.credit.scorecard.card import Part
from orchestration.credit.scorecard.validation import auc, calibration_table, hosmer_lemeshow, ks, lift_table
from orchestration.forecasting.plots import BAND_80, FORECAST, GRID, INK, MUTED, png_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
_POINTS = 400
_PERCENTS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)


def order_plot(
    probability: Floats, is_bad: Bools, *, weight: Floats | None = None, beside: Mapping[str, Floats] | None = None
) -> bytes:
    """PNG, 900 pixels wide: the ROC curve with its AUC, and the distributions whose largest distance is KS.

    weight: what each row counts in the AUC that is written. beside: probabilities of other models, by name.
    """
    figure = _figure(4.2)
    left, right = figure.subplots(1, 2)
    goods, bads = _caught(probability, is_bad)
    order = np.argsort(-probability, kind="stable")
    shown = np.unique(np.linspace(0, len(order), min(_POINTS, len(order) + 1)).astype(np.int64))
    for (name, other), colour in zip((beside or {}).items(), (BAND_80, MUTED), strict=False):
        others, other_bads = _caught(other, is_bad)
        left.plot(others[shown], other_bads[shown], color=colour, linewidth=1.6,
                  label=f"{name}, AUC {auc(other, is_bad, weight):.3f}")  # fmt: skip
    left.plot(goods[shown], bads[shown], color=FORECAST, linewidth=2, label="scorecard")
    left.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
    if beside:
        left.legend(loc="lower right", frameon=False, fontsize=9, labelcolor=INK)
    found = auc(probability, is_bad, weight)
    _titled(left, f"ROC: AUC {found:.3f}, Gini {2 * found - 1:.3f}", "share of goods refused", "share of bads refused")
    share = np.linspace(0.0, 1.0, len(order) + 1)
    right.plot(share[shown], bads[shown], color=FORECAST, linewidth=2, label="bads")
    right.plot(share[shown], goods[shown], color=BAND_80, linewidth=2, label="goods")
    widest = int(np.argmax(np.abs(bads - goods)))
    right.vlines(share[widest], goods[widest], bads[widest], color=INK, linewidth=1)
    right.legend(loc="lower right", frameon=False, fontsize=9, labelcolor=INK)
    _titled(right, f"KS {ks(probability, is_bad):.3f}", "share of all, riskiest first", "share refused")
    return png_of(figure)


def calibration_plot(
    probability: Floats,
    is_bad: Bools,
    *,
    weight: Floats | None = None,
    parts: int | None = None,
    p_value: float | None = None,
) -> bytes:
    """PNG, 900 pixels wide: rate of bads by part of probability with its 95 % interval, beside the diagonal.

    Ten parts, fewer where there are not five bads for each, or as many as are asked for. weight: what a row counts;
    where rows hang together, less. p_value: of the test that is written, where rows are weighted.
    """
    from matplotlib.ticker import FixedLocator, NullLocator

    parts = max(2, min(10, int(is_bad.sum()) // 5)) if parts is None else parts
    table = calibration_table(probability, is_bad, parts, weight)
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
        axis.set_minor_locator(NullLocator())
        axis.set_major_locator(FixedLocator(_PERCENTS))
        axis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.set_xlim(ends[0], ends[1])
    axes.set_ylim(ends[0] * 0.85, ends[1])
    found = hosmer_lemeshow(probability, is_bad, parts).p_value if p_value is None else p_value
    by = "decile" if len(table) == 10 else f"{len(table)} parts"
    title = f"calibration by {by} (Hosmer-Lemeshow p {found:.2f}); bars: 95 % intervals"
    _titled(axes, title, "mean probability, %", "bad, %")
    return png_of(figure)


def lift_plot(probability: Floats, is_bad: Bools, *, beside: Mapping[str, Floats] | None = None) -> bytes:
    """PNG, 900 pixels wide: the rate of bads of each tenth over the mean rate, riskiest first, and the bads caught."""
    figure = _figure(3.8)
    left, right = figure.subplots(1, 2)
    table = lift_table(probability, is_bad)
    left.bar(table["part"], table["lift"], color=FORECAST, width=0.7)
    for part, lift in zip(table["part"], table["lift"], strict=True):
        left.text(part, lift, f"{lift:.1f}", ha="center", va="bottom", fontsize=9, color=INK)
    left.axhline(1.0, color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
    left.set_xticks(table["part"])
    _titled(left, "lift by tenth", "tenth, riskiest first", "times the mean rate")
    share = np.concatenate([[0.0], table["part"].to_numpy(dtype=np.float64) / len(table)])
    for (name, other), colour in zip((beside or {}).items(), (BAND_80, MUTED), strict=False):
        caught = np.concatenate([[0.0], lift_table(other, is_bad)["caught_share"].to_numpy(dtype=np.float64)])
        right.plot(100 * share, 100 * caught, "o-", color=colour, linewidth=1.6, markersize=4, label=name)
    caught = np.concatenate([[0.0], table["caught_share"].to_numpy(dtype=np.float64)])
    right.plot(100 * share, 100 * caught, "o-", color=FORECAST, linewidth=2, markersize=4, label="scorecard")
    right.plot([0, 100], [0, 100], color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
    right.legend(loc="lower right", frameon=False, fontsize=9, labelcolor=INK)
    _titled(right, "bads caught", "riskiest share, %", "of all bads, %")
    return png_of(figure)


def slices_plot(table: pd.DataFrame, what: str) -> bytes:
    """PNG, 900 pixels wide: by slice the Gini with its interval, and the rate of bads beside the mean probability.

    table: name, row_count, bad_count, gini, gini_low, gini_high, mean_probability, bad_rate, bad_rate_low,
    bad_rate_high; an unknown Gini is left out.
    """
    figure = _figure(1.7 + 0.34 * len(table))
    left, right = figure.subplots(1, 2, sharey=True)
    place = np.arange(len(table))[::-1]
    left.set_ylim(-0.7, len(table) - 0.3)
    left.hlines(place, table["gini_low"], table["gini_high"], color=BAND_80, linewidth=4)
    left.plot(table["gini"], place, "o", color=FORECAST, markersize=7)
    left.axvline(0.0, color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
    left.set_yticks(
        place, [f"{row.name}  ({row.bad_count} of {row.row_count:,})" for row in table.itertuples(index=False)]
    )
    _titled(left, f"Gini by {what} (bads of rows)", "Gini, bars: 95 % by seller", "")
    right.hlines(place, 100 * table["bad_rate_low"], 100 * table["bad_rate_high"], color=BAND_80, linewidth=4)
    right.plot(100 * table["bad_rate"], place, "o", color=FORECAST, markersize=7, label="bad, %")
    right.plot(100 * table["mean_probability"], place, "D", color=INK, markersize=5, label="mean probability, %")
    right.legend(loc="best", frameon=False, fontsize=9, labelcolor=INK)
    right.set_xlim(left=0)
    _titled(right, "seen and said", "%", "")
    return png_of(figure)


def approval_plot(table: pd.DataFrame, cut_offs: Mapping[str, float]) -> bytes:
    """PNG, 900 pixels wide: what a cut-off does to approvals, to the rate of bads among them, and whom it refuses.

    table: rows of `approval_table`. cut_offs: scores with a line and a name.
    """
    figure = _figure(3.8)
    left, right = figure.subplots(1, 2)
    score = table["cut_off"]
    left.plot(score, 100 * table["approved_share"], color=FORECAST, linewidth=2, label="approved")
    left.plot(score, 100 * table["bads_refused_share"], color=INK, linewidth=1.6, label="bads refused")
    left.plot(score, 100 * table["goods_refused_share"], color=BAND_80, linewidth=2, label="goods refused")
    left.legend(loc="center left", frameon=False, fontsize=9, labelcolor=INK)
    _titled(left, "approvals at a cut-off", "approved from this score", "share, %")
    right.plot(score, 100 * table["approved_bad_rate"], color=FORECAST, linewidth=2)
    _titled(right, "bads among the approved", "approved from this score", "bad, %")
    right.set_ylim(bottom=0)
    for axes in (left, right):
        axes.set_ylim(top=1.08 * axes.get_ylim()[1])
        for name, value in cut_offs.items():
            axes.axvline(value, color=MUTED, linewidth=0.8, linestyle=(0, (2, 3)))
            axes.text(value, axes.get_ylim()[1], f" {name}", fontsize=9, color=INK, ha="left", va="top")
    return png_of(figure)


def drift_plot(drift: pd.DataFrame, labels: Mapping[str, str]) -> bytes:
    """PNG, 900 pixels wide: PSI of the score and of each characteristic, with what chance alone would make of it.

    drift: name, psi, chance_psi, has_moved. labels: words of the names.
    """
    rows = drift.iloc[::-1]
    # One characteristic that has left its bins would press all others against the axis.
    most = min(1.0, max(0.3, 1.15 * float(rows["psi"].max())))
    figure = _figure(1.4 + 0.3 * len(rows))
    axes = figure.add_subplot()
    place = np.arange(len(rows))
    colours = [FORECAST if moved else BAND_80 for moved in rows["has_moved"]]
    axes.barh(place, rows["psi"], color=colours, height=0.65)
    axes.plot(rows["chance_psi"], place, "|", color=INK, markersize=12, markeredgewidth=1.6)
    for at, value, chance in zip(place, rows["psi"], rows["chance_psi"], strict=True):
        is_cut = value > most
        axes.text(
            most if is_cut else max(value, chance), float(at), f"  {value:.3f}  ", va="center", fontsize=9,
            ha="right" if is_cut else "left", color="white" if is_cut else INK,
        )  # fmt: skip
    for limit in (0.1, 0.25):
        axes.axvline(limit, color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
    axes.set_yticks(place, [labels.get(str(name), str(name)) for name in rows["name"]])
    axes.set_xlim(0, most)
    _titled(axes, "", "PSI; dashed .1 and .25", "")
    _headed(figure, "stability: today beside the sample (full: moved; |: chance at 95 %)")
    return png_of(figure)


def sensitivity_plot(table: pd.DataFrame, labels: Mapping[str, str]) -> bytes:
    """PNG, 900 pixels wide: what each characteristic alone does to the mean score, made worse or better, or missing."""
    wide = table.pivot(index="name", columns="change", values="mean_change_points")
    wide = wide.loc[wide.abs().max(axis=1).sort_values(kind="stable").index]
    figure = _figure(1.9 + 0.34 * len(wide))
    axes = figure.add_subplot()
    place = np.arange(len(wide))
    axes.set_ylim(-0.7, len(wide) - 0.3)
    marks = {"missing": ("x", INK), "× 0.8": ("<", BAND_80), "× 0.9": ("<", FORECAST), "× 1.1": (">", FORECAST),
             "× 1.2": (">", BAND_80)}  # fmt: skip
    axes.hlines(place, wide.min(axis=1), wide.max(axis=1), color=GRID, linewidth=3)
    for change in (name for name in marks if name in wide.columns):
        mark, colour = marks[change]
        axes.plot(wide[change], place, mark, color=colour, markersize=6, label=change)
    axes.axvline(0.0, color=MUTED, linewidth=1)
    axes.set_yticks(place, [labels.get(str(name), str(name)) for name in wide.index])
    axes.legend(loc="best", frameon=False, fontsize=9, labelcolor=INK)
    _titled(axes, "", "mean change of the score, points", "")
    _headed(figure, "sensitivity: one characteristic changed in all rows")
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
    _headed(figure, f"{part.characteristic.english}: information value {part.bins.iv:.3f}")
    return png_of(figure)


def score_plot(scored: pd.DataFrame, is_bad: Bools | None = None) -> bytes:
    """PNG, 900 pixels wide: how scores are spread, of goods and of bads where the outcome is known."""
    figure = _figure(3.6)
    axes = figure.add_subplot()
    score = scored["score"].to_numpy(dtype=np.float64)
    # Scores are whole numbers: limits of whole numbers, or some parts would hold one more of them than others.
    width = max(1, int(np.ceil((score.max() - score.min()) / 30)))
    limits = np.arange(score.min(), score.max() + width + 1, width) - 0.5
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


def _caught(probability: Floats, is_bad: Bools) -> tuple[Floats, Floats]:
    """Shares of goods and of bads among the riskiest rows, from none to all of them."""
    order = np.argsort(-probability, kind="stable")
    goods, bads = (
        np.concatenate([[0.0], np.cumsum(flags[order]) / max(int(flags.sum()), 1)]) for flags in (~is_bad, is_bad)
    )
    return goods, bads


def _figure(height: float) -> "Figure":
    from matplotlib.figure import Figure

    return Figure(figsize=(9.0, height), dpi=100, layout="constrained", facecolor="white")


def _headed(figure: "Figure", title: str) -> None:
    figure.suptitle(title, x=0.01, ha="left", fontsize=12, fontweight="bold", color=INK)


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
