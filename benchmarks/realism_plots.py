"""One page of plots: the world beside the real sets.

Belongs here: drawing. Does not: numbers, which come as samples.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.realism_samples import Sample
from benchmarks.realism_statistics import survival

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, MUTED, GRID = "#1f2933", "#6b7780", "#e3e7ea"
# Told apart in grey as well: a solid thick line for the world, others thin with a dash of their own.
COLOURS = {"the world": "#c2410c", "Online Retail": "#1d4ed8", "SCMS": "#0f766e", "CDNOW": "#6b7780"}
DASHES = {"the world": "-", "Online Retail": "-", "SCMS": (0, (5, 2)), "CDNOW": (0, (1, 1.5))}
# Measures whose tail is the point: share of the sample above a value, both axes logarithmic.
TAILS = {
    "order value": "order value, in medians",
    "lines per order": "lines per order",
    "units per line": "units per line",
    "purchases per customer": "days with a purchase per customer, in a year",
}
BODIES = {
    "days between purchases": (0.0, 240.0, "days between two purchases of a customer"),
    "days after the promised day": (-30.0, 45.0, "days after the promised day"),
}
PROFILES = {"weekday": ["Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"], "hour": [str(hour) for hour in range(24)]}
DOTS_PER_INCH = 110


def draw(samples: Sequence[Sample], path: Path) -> None:
    """Write a PNG of eight plots: four tails, two distributions, two profiles."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 16), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(4, 2).ravel()
    for ax, (measure, label) in zip(axes, TAILS.items(), strict=False):
        _tail(ax, samples, measure, label)
    for ax, (measure, (low, high, label)) in zip(axes[4:], BODIES.items(), strict=False):
        _body(ax, samples, measure, low, high, label)
    for ax, (profile, ticks) in zip(axes[6:], PROFILES.items(), strict=False):
        _profile(ax, samples, profile, ticks)
    for ax in axes:
        ax.legend(frameon=False, fontsize=10)
        ax.tick_params(labelsize=9, colors=INK)
        ax.grid(color=GRID, linewidth=0.7)
        ax.set_axisbelow(True)
        ax.spines[["top", "right"]].set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=DOTS_PER_INCH)


def _style(sample: Sample) -> dict[str, object]:
    width = 2.4 if sample.name == "the world" else 1.5
    return {
        "color": COLOURS.get(sample.name, INK),
        "linestyle": DASHES.get(sample.name, "-"),
        "linewidth": width,
        "label": sample.name,
    }


def _tail(ax: "Axes", samples: Sequence[Sample], measure: str, label: str) -> None:
    for sample in samples:
        if measure in sample.measures:
            values, share = survival(sample.measures[measure])
            # Below a hundredth of the median only odd corrections stand.
            shown = values >= 0.01
            ax.plot(values[shown], 100 * share[shown], drawstyle="steps-pre", **_style(sample))  # type: ignore[arg-type]
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_ylim(1e-3, 130)
    ax.set_title(label, loc="left", fontsize=11, color=INK)
    ax.set_ylabel("% at least so large", fontsize=9, color=MUTED)


def _body(ax: "Axes", samples: Sequence[Sample], measure: str, low: float, high: float, label: str) -> None:
    for sample in samples:
        if measure in sample.measures:
            places = np.arange(low, high + 1)
            values = np.sort(sample.measures[measure])
            share = np.searchsorted(values, places, "right") / len(values)
            ax.plot(places, 100 * share, drawstyle="steps-post", **_style(sample))  # type: ignore[arg-type]
    ax.set_xlim(low, high)
    ax.set_ylim(0, 101)
    ax.set_title(label, loc="left", fontsize=11, color=INK)
    ax.set_ylabel("% at most so many", fontsize=9, color=MUTED)


def _profile(ax: "Axes", samples: Sequence[Sample], profile: str, ticks: Sequence[str]) -> None:
    for sample in samples:
        if profile in sample.profiles:
            ax.plot(range(len(ticks)), 100 * sample.profiles[profile], marker="o", markersize=4, **_style(sample))  # type: ignore[arg-type]
    ax.set_xticks(range(len(ticks)), ticks)
    ax.set_ylim(bottom=0)
    ax.set_title(f"orders by {profile} of the buyer's clock", loc="left", fontsize=11, color=INK)
    ax.set_ylabel("% of the orders", fontsize=9, color=MUTED)
