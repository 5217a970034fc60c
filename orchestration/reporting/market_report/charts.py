"""Pictures of the report as SVG within the page: they take its colours, light or dark, and stay sharp at any size.

Belongs here: drawing. Does not: numbers. Every mark has a tip with its exact value.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from html import escape

import pandas as pd

from orchestration.reporting.market_report.parts import maybe

WIDTH, HEIGHT = 520, 210
LEFT, RIGHT, TOP, BOTTOM = 56, 14, 12, 28
ROW = 30


@dataclass(frozen=True)
class Line:
    """A line of a chart over days; style: classes of the style sheet, such as `two` or `dash`."""

    name: str
    days: Sequence[date]
    values: Sequence[float | None]
    style: str = ""


@dataclass(frozen=True)
class Band:
    """What lies between two lines."""

    days: Sequence[date]
    low: Sequence[float]
    high: Sequence[float]


@dataclass(frozen=True)
class Bar:
    """A bar with its words behind it; a second, thinner value may stand below. low and high: an interval."""

    name: str
    value: float
    words: str
    other: float | None = None
    low: float | None = None
    high: float | None = None
    is_weak: bool = False


def line_chart(
    lines: Sequence[Line], *, unit: str, band: Band | None = None, from_zero: bool = True, marks: Sequence[float] = ()
) -> str:
    """Lines over days with a band around one of them; nothing where fewer than two days have a value."""
    days = sorted(
        {one for line in lines for one, value in zip(line.days, line.values, strict=True) if value is not None}
    )
    if len(days) < 2:
        return ""
    known = [value for line in lines for value in line.values if value is not None]
    high = max([*known, *(band.high if band else ()), *marks])
    low = 0.0 if from_zero else min([*known, *(band.low if band else ()), *marks])
    low, high = (low, high) if from_zero else (low - (high - low) * 0.1, high + (high - low) * 0.1)
    ticks = _ticks(low, high)
    high = max(high, ticks[-1]) if ticks else high
    span, height = max((days[-1] - days[0]).days, 1), max(high - low, 1e-9)

    def x(at: date) -> float:
        return LEFT + (at - days[0]).days / span * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        return TOP + (high - value) / height * (HEIGHT - TOP - BOTTOM)

    parts = [
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(tick):.1f}" y2="{y(tick):.1f}"/>'
        f'<text x="{LEFT - 8}" y="{y(tick) + 4:.1f}" text-anchor="end">{_short(tick)}</text>'
        for tick in ticks
    ]
    parts += [
        f'<line class="mark" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(mark):.1f}" y2="{y(mark):.1f}"/>' for mark in marks
    ]
    if band:
        there = [f"{x(at):.1f},{y(value):.1f}" for at, value in zip(band.days, band.high, strict=True)]
        back = [f"{x(at):.1f},{y(value):.1f}" for at, value in zip(band.days, band.low, strict=True)]
        parts.append(f'<polygon class="band" points="{" ".join([*there, *reversed(back)])}"/>')
    for line in lines:
        path, is_down = [], False
        for at, value in zip(line.days, line.values, strict=True):
            if value is not None:
                path.append(f"{'L' if is_down else 'M'}{x(at):.1f},{y(value):.1f}")
            is_down = value is not None
        parts.append(f'<path class="line {line.style}" d="{" ".join(path)}"/>')
        parts += [
            f'<circle class="hit" r="7" cx="{x(at):.1f}" cy="{y(value):.1f}"'
            f"{_tip(f'{line.name}, {at}: {value:,.1f} {unit}')}/>"
            for at, value in zip(line.days, line.values, strict=True)
            if value is not None
        ]
    most = min(5, len(days))
    shown = [days[round(place * (len(days) - 1) / (most - 1))] for place in range(most)]
    is_long = span > 330
    for place, at in enumerate(shown):
        anchor = "start" if place == 0 else "end" if place == most - 1 else "middle"
        words = f"{at:%Y-%m}" if is_long else f"{at:%m-%d}"
        parts.append(f'<text x="{x(at):.1f}" y="{HEIGHT - 8}" text-anchor="{anchor}">{words}</text>')
    return _svg(HEIGHT, parts, f"{', '.join(line.name for line in lines)}, in {unit}")


def line_of(frame: pd.DataFrame, at: str, column: str, name: str, style: str = "") -> Line:
    """A column of a frame as a line over the days of another."""
    days = [one.date() for one in pd.to_datetime(frame[at])] if len(frame) else []
    return Line(name, days, [maybe(value) for value in frame[column]] if len(frame) else [], style)


def bar_chart(bars: Sequence[Bar], *, label: str, names: int = 170) -> str:
    """A horizontal bar for each, its words behind it; bars that begin at zero, to the left where negative."""
    if not bars:
        return ""
    ends = [value for bar in bars for value in (bar.value, bar.other or 0.0)]
    low, high = min(0.0, *ends), max(0.0, *ends)
    room = WIDTH - names - 150
    scale = room / max(high - low, 1e-9)
    zero = names - low * scale
    parts = []
    for place, bar in enumerate(bars):
        top = 4 + place * ROW
        start, size = zero + min(bar.value, 0) * scale, max(abs(bar.value) * scale, 1.0)
        parts.append(
            f'<text class="in" x="{names - 8}" y="{top + 16}" text-anchor="end">{escape(_cut(bar.name, names))}</text>'
            f'<rect class="bar" x="{start:.1f}" y="{top + 4}" width="{size:.1f}"'
            f' height="{11 if bar.other is not None else 16}"'
            f' rx="2"{_tip(f"{bar.name}: {bar.words}")}/>'
        )
        if bar.other is not None:
            parts.append(
                f'<rect class="bar two" x="{zero:.1f}" y="{top + 16}"'
                f' width="{max(bar.other * scale, 1):.1f}" height="7" rx="2"/>'
            )
        far = zero + max(bar.value, bar.other or 0, 0) * scale
        parts.append(f'<text x="{far + 7:.1f}" y="{top + 17}">{escape(bar.words)}</text>')
    return _svg(8 + ROW * len(bars), parts, label)


def interval_chart(bars: Sequence[Bar], *, label: str, mark: float | None = None, names: int = 130) -> str:
    """A dot with its interval for each, on one axis; mark: a value with a dashed line."""
    if not bars:
        return ""
    ends = [end for bar in bars for end in (bar.value, bar.low, bar.high, mark, 0.0) if end is not None]
    low, high = min(ends), max(ends)
    pad = max((high - low) * 0.05, 1e-9)
    low, high = low - pad, high + pad
    height = 34 + ROW * len(bars)

    def x(value: float) -> float:
        return names + (value - low) / (high - low) * (WIDTH - names - 100)

    parts = []
    for tick in _ticks(low, high):
        kind = "zero" if abs(tick) < 1e-12 else "grid"
        parts.append(
            f'<line class="{kind}" x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="2" y2="{height - 26}"/>'
            f'<text x="{x(tick):.1f}" y="{height - 9}" text-anchor="middle">{_short(tick)}</text>'
        )
    if mark is not None:
        parts.append(f'<line class="mark" x1="{x(mark):.1f}" x2="{x(mark):.1f}" y1="2" y2="{height - 26}"/>')
    for place, bar in enumerate(bars):
        at = 18 + place * ROW
        parts.append(
            f'<text class="in" x="{names - 10}" y="{at + 4}" text-anchor="end">{escape(_cut(bar.name, names))}</text>'
        )
        if bar.low is not None and bar.high is not None:
            parts.append(f'<line class="whisker" x1="{x(bar.low):.1f}" x2="{x(bar.high):.1f}" y1="{at}" y2="{at}"/>')
        kind = "dot weak" if bar.is_weak else "dot"
        parts.append(
            f'<circle class="{kind}" r="6" cx="{x(bar.value):.1f}" cy="{at}"{_tip(f"{bar.name}: {bar.words}")}/>'
            f'<text x="{WIDTH - 4}" y="{at + 4}" text-anchor="end">{escape(bar.words)}</text>'
        )
    return _svg(height, parts, label)


def heat_chart(
    rows: Sequence[str], columns: Sequence[str], values: Sequence[Sequence[float | None]], *, unit: str, label: str
) -> str:
    """A cell for each row and column, darker for more; the darkest is the largest value."""
    known = [value for line in values for value in line if value is not None]
    if not known:
        return ""
    most = max(*known, 1e-9)
    names, size = 78, 24
    across = (WIDTH - names - 4) / max(len(columns), 1)
    parts = [
        f'<text x="{names + (place + 0.5) * across:.1f}" y="15" text-anchor="middle">{escape(name)}</text>'
        for place, name in enumerate(columns)
    ]
    for line, (name, cells) in enumerate(zip(rows, values, strict=True)):
        top = 22 + line * size
        parts.append(f'<text class="in" x="{names - 8}" y="{top + 16}" text-anchor="end">{escape(name)}</text>')
        for place, value in enumerate(cells):
            if value is None:
                continue
            left = names + place * across
            parts.append(
                f'<rect class="heat" x="{left:.1f}" y="{top}" width="{across - 2:.1f}" height="{size - 2}" rx="2"'
                f' opacity="{0.06 + 0.6 * value / most:.2f}"/>'
                f'<text class="cell" x="{left + across / 2 - 1:.1f}" y="{top + 15}"'
                f"{_tip(f'{name}, {columns[place]}: {value:.1f} {unit}')}>{value:.0f}</text>"
            )
    return _svg(26 + size * len(rows), parts, label)


def _svg(height: float, parts: Sequence[str], label: str) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(label)}">{"".join(parts)}</svg>'


def _tip(words: str) -> str:
    return f' data-tip="{escape(words)}"'


def _ticks(low: float, high: float) -> list[float]:
    """At most six round values between both."""
    span = max(high - low, 1e-9)
    size = 10.0 ** (len(f"{span:.0f}") - 2 if span >= 1 else -6)
    while True:
        for factor in (1, 2, 5):
            step = size * factor
            if span / step <= 5:
                first = int(low // step) + (0 if abs(low % step) < 1e-12 else 1)
                return [step * place for place in range(first, int(high // step) + 1)]
        size *= 10


def _short(value: float) -> str:
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g}{letter}".replace("-", "−")
    return f"{value:.10g}".replace("-", "−")


def _cut(name: str, room: int) -> str:
    most = room // 7
    return name if len(name) <= most else f"{name[: most - 1]}…"
