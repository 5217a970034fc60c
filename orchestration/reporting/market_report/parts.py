"""The building blocks of the page: numbers with their units, tables, boxes, and a word where there is nothing.

Belongs here: HTML of small things; every text that comes from data is escaped here. Does not: what is shown.
"""

from collections.abc import Sequence
from html import escape

import pandas as pd

# Between a number and its unit: a line never breaks there.
_TIED = "\N{NO-BREAK SPACE}"


def is_known(value: object) -> bool:
    """Whether there is a value at all."""
    return value is not None and not bool(pd.isna(value))  # type: ignore[call-overload]


def maybe(value: object) -> float | None:
    """The value as a number; None where it is unknown."""
    return float(value) if is_known(value) else None  # type: ignore[arg-type]


def amount(value: object) -> float:
    """The value as a number; zero where it is unknown."""
    return maybe(value) or 0.0


def text(value: object) -> str:
    """The value as escaped text; a dash where there is none."""
    return escape(str(value)) if is_known(value) and str(value) else "–"


def words(name: object) -> str:
    """A name of the tables as escaped words."""
    return text(str(name).replace("_", " ") if is_known(name) else None)


def number(value: object, places: int = 0) -> str:
    """The number with thousands apart; a dash where there is none."""
    if not is_known(value):
        return "–"
    shown = f"{float(value):,.{places}f}"  # type: ignore[arg-type]
    return shown.replace("-", "−") if float(shown.replace(",", "")) else shown.replace("-", "")


def usd(value: object, places: int = 0) -> str:
    """An amount in US dollars, thousands and millions shortened."""
    if not is_known(value):
        return "–"
    amount = float(value)  # type: ignore[arg-type]
    for size, letter in ((1e6, "M"), (1e4, "k")):
        if abs(amount) >= size:
            shown = number(amount / (1e6 if letter == "M" else 1e3), 2 if letter == "M" else 1)
            return f"USD{_TIED}{shown}{_TIED}{letter}"
    return f"USD{_TIED}{number(amount, places)}"


def percent(value: object, places: int = 1) -> str:
    """A share that is given in percent."""
    return f"{number(value, places)}{_TIED}%" if is_known(value) else "–"


def day(value: object) -> str:
    """A day, YYYY-MM-DD."""
    return f"{pd.Timestamp(str(value)):%Y-%m-%d}" if is_known(value) else "–"


def ratio(numerator: object, denominator: object, scale: float = 100.0) -> float | None:
    """The ratio times scale; None where one is unknown or nothing is divided by."""
    if not is_known(numerator) or not is_known(denominator) or not float(denominator):  # type: ignore[arg-type]
        return None
    return scale * float(numerator) / float(denominator)  # type: ignore[arg-type]


def card(title: str, value: str, remark: str = "") -> str:
    """A figure for the top; title, value and remark are HTML."""
    return f'<div class="card">{title}<b>{value}</b><small>{remark}</small></div>'


def box(title: str, inside: str, note: str = "") -> str:
    """A titled part of a section; all three are HTML."""
    remark = f'<p class="note quiet">{note}</p>' if note else ""
    return f'<div class="box"><h3>{title}</h3>{inside}{remark}</div>'


def pair(*boxes: str) -> str:
    """Boxes side by side on a wide screen."""
    shown = [one for one in boxes if one]
    return f'<div class="grid2">{"".join(shown)}</div>' if shown else ""


def empty(why: str) -> str:
    """In place of a figure: why there is none."""
    return f'<p class="empty">{escape(why)}</p>'


def answer(*sentences: str) -> str:
    """What the section says, in sentences of HTML; those that are empty are left out."""
    said = " ".join(one for one in sentences if one)
    return f'<p class="answer">{said}</p>' if said else ""


def figure(svg: str, caption: str) -> str:
    """A picture with what it shows; nothing where the picture is empty."""
    return f"<figure>{svg}<figcaption>{caption}</figcaption></figure>" if svg else ""


def folded(title: str, inside: str) -> str:
    """A text that opens at its title; both are HTML."""
    return f"<details><summary>{title}</summary>{inside}</details>"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], kinds: str) -> str:
    """A table of HTML cells. kinds: a letter per column: t text, d day, n number, w text that wants room."""
    names = {"t": "", "d": ' class="day"', "n": ' class="num"', "w": ' class="wide"'}
    head = "".join(f"<th{names[kind]}>{one}</th>" for one, kind in zip(heads, kinds, strict=True))
    body = "".join(
        "<tr>" + "".join(f"<td{names[kind]}>{one}</td>" for one, kind in zip(row, kinds, strict=True)) + "</tr>"
        for row in rows
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def section(name: str, title: str, chinese: str, inside: str) -> str:
    """A section with an anchor of its name."""
    return f'<section id="{name}"><h2>{title} <small lang="zh">{chinese}</small></h2>{inside}</section>'
