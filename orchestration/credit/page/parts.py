"""The building blocks of credit's pages: the frame of a page, sections, cards, tables, values as text.

Belongs here: HTML of small things; every text that comes from data is escaped here. Does not: what is shown.
"""

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

import pandas as pd

from orchestration.reporting.languages import FONTS, with_languages

STYLE = Path(__file__).parent / "style.css"


def whole_page(title: str, body: str) -> str:
    """A page that needs nothing else: no file, no network. Chinese text in it is marked as such."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline';"
        ' img-src data:">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(title)}</title><style>{STYLE.read_text(encoding='utf-8')}{FONTS}</style></head>"
        f"<body>{with_languages(body)}</body></html>\n"
    )


def section(title: str, body: str) -> str:
    """A section with its heading."""
    return f"<section><h2>{title}</h2>{body}</section>"


def card(label: str, value: str, words: str) -> str:
    """A figure with its label above and a word below."""
    inside = f'<span class="quiet">{label}</span><b>{escape(value)}</b><small>{escape(words)}</small>'
    return f'<div class="card">{inside}</div>'


def table(frame: pd.DataFrame) -> str:
    """A frame as a table that scrolls on a narrow screen."""
    if frame.empty:
        return '<p class="quiet">None. 无。</p>'
    head = "".join(f"<th>{escape(str(name).replace('_', ' '))}</th>" for name in frame.columns)
    body = "".join(f"<tr>{''.join(_cells(row))}</tr>" for row in frame.itertuples(index=False))
    return f'<div class="scroll"><table><tr>{head}</tr>{body}</table></div>'


def _cells(row: Sequence[object]) -> Iterable[str]:
    for value in row:
        if isinstance(value, float) and value == value:
            yield f"<td class='num'>{f'{value:,.2f}'.removesuffix('.00')}</td>"
        elif isinstance(value, pd.Timestamp):
            yield f"<td class='num'>{f'{value:%Y-%m-%d %H:%M}'.removesuffix(' 00:00')}</td>"
        else:
            yield f"<td>{escape(text(value))}</td>"


def text(value: object) -> str:
    """A value as text; empty where there is none."""
    return "" if value is None or value is pd.NaT or value is pd.NA or value != value else str(value)


def day(value: object) -> str:
    """The day of a date or moment."""
    return text(value)[:10]


def usd(value: object) -> str:
    """An amount in US dollars; a dash where there is none."""
    amount = text(value)
    return f"USD {float(amount):,.0f}" if amount else "–"


def sentence(words: str) -> str:
    """The words as a sentence."""
    return words[:1].upper() + words[1:] + "."
