"""Pictures of the seller's page as SVG in the page: they take the page's colours, light or dark.

Belongs here: drawing. Does not: numbers, which come as frames.
"""

from html import escape

import pandas as pd

WIDTH = 640


def history_chart(history: pd.DataFrame) -> str:
    """The score by day; days that were reckoned later are hollow, stale ones crossed."""
    rows = history[history["score"].notna()]
    if len(rows) < 2:
        return ""
    height, left, right, top, bottom = 190, 40, 14, 14, 26
    days = pd.to_datetime(rows["as_of_on"])
    scores = rows["score"].astype(float)
    low, high = float(scores.min()), float(scores.max())
    pad = max((high - low) * 0.2, 5.0)
    low, high = low - pad, high + pad
    span = max((days.max() - days.min()).days, 1)

    def x(day: pd.Timestamp) -> float:
        return left + (day - days.min()).days / span * (WIDTH - left - right)

    def y(score: float) -> float:
        return top + (high - score) / (high - low) * (height - top - bottom)

    grid = []
    step = next(size for size in (5, 10, 20, 50, 100, 1000) if (high - low) / size <= 5)
    level = int(low // step + 1) * step
    while level < high:
        grid.append(
            f'<line class="grid" x1="{left}" x2="{WIDTH - right}" y1="{y(level):.1f}" y2="{y(level):.1f}"/>'
            f'<text x="{left - 6}" y="{y(level) + 4:.1f}" text-anchor="end">{level}</text>'
        )
        level += step
    path = " ".join(
        f"{'M' if number == 0 else 'L'}{x(day):.1f},{y(score):.1f}"
        for number, (day, score) in enumerate(zip(days, scores, strict=True))
    )
    dots, marks = [], []
    for day, score, basis, is_stale in zip(days, scores, rows["basis"], rows["is_stale"], strict=True):
        kind = "stale" if bool(is_stale) else "hollow" if basis == "recomputed" else "dot"
        words = f"{day:%Y-%m-%d}: {score:.0f}" + (" (stale)" if kind == "stale" else "")
        dots.append(
            f'<circle class="{kind}" cx="{x(day):.1f}" cy="{y(score):.1f}" r="4"><title>{words}</title></circle>'
        )
    last_at = x(days.iloc[0])
    for number in range(len(rows)):
        day = days.iloc[number]
        anchor = "start" if number == 0 else "end" if number == len(rows) - 1 else "middle"
        if number in (0, len(rows) - 1) or (x(day) - last_at > 110 and WIDTH - right - x(day) > 110):
            last_at = x(day)
            marks.append(f'<text x="{x(day):.1f}" y="{height - 6}" text-anchor="{anchor}">{day:%Y-%m-%d}</text>')
    inside = "".join([*grid, f'<path class="line" d="{path}"/>', *dots, *marks])
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="score by day">{inside}</svg>'


def parts_chart(parts: pd.DataFrame) -> str:
    """For each characteristic the points it gives, on the most that it could."""
    rows = parts[parts["most_points"] > 0].sort_values(
        ["shortfall_points", "most_points"], ascending=[False, False], kind="stable"
    )
    rows = rows[rows["shortfall_rank"].notna()]
    most = max(int(rows["most_points"].max()) if len(rows) else 1, 1)
    lines = []
    for row in rows.to_dict("records"):
        points, best = int(row["points"]), int(row["most_points"])
        share, whole = 100 * max(points, 0) / most, 100 * best / most
        english, chinese, place = (escape(str(row[name])) for name in ("label_en", "label_zh", "bin"))
        value = escape(_value(row["value"], row["value_text"]))
        lines.append(
            f'<div class="part"><div class="name">{english}<small>{chinese}</small></div>'
            f'<div class="bar"><i style="width:{whole:.1f}%"></i><b style="width:{share:.1f}%"></b></div>'
            f'<div class="num">{points} / {best}</div><div class="bin">{value}{place}</div></div>'
        )
    return "".join(lines)


def change_chart(changes: pd.DataFrame) -> str:
    """Points won and lost by characteristic between two days."""
    if changes.empty:
        return '<p class="quiet">No characteristic changed its points. 各项得分均无变化。</p>'
    most = max(int(changes["change_points"].abs().max()), 1)
    lines = []
    for row in changes.to_dict("records"):
        points = int(row["change_points"])
        share = 50 * abs(points) / most
        side = "left:50%" if points > 0 else f"left:{50 - share:.1f}%"
        kind = "up" if points > 0 else "down"
        before, now = (one if isinstance(one, str) else "" for one in (row["previous_bin"], row["bin"]))
        moved = escape(f"{before} → {now}") if before or now else ""
        english, chinese = (escape(str(row[name])) for name in ("label_en", "label_zh"))
        lines.append(
            f'<div class="part change"><div class="name">{english}<small>{chinese}</small></div>'
            f'<div class="bar both"><b class="{kind}" style="{side};width:{share:.1f}%"></b></div>'
            f'<div class="num">{points:+d}</div><div class="bin">{moved}</div></div>'
        )
    return "".join(lines)


def _value(value: object, text: object) -> str:
    if isinstance(text, str) and text:
        return ""
    if not isinstance(value, float) or value != value:
        return ""
    return f"{value:,.3g} in "
