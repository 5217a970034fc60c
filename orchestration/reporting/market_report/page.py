"""The page of a market as one HTML file that needs nothing else: no file, no network, light and dark, print and phone.

Belongs here: the head with what is fresh, the order of the sections. Does not: what stands in them.
"""

from collections.abc import Callable
from html import escape
from pathlib import Path

import pandas as pd

from orchestration.reporting.languages import FONTS, with_languages
from orchestration.reporting.market_report.charts import Line, line_chart, line_of
from orchestration.reporting.market_report.control_sections import data_quality, what_waits, whom_to_trust
from orchestration.reporting.market_report.customer_sections import what_to_show, who_buys
from orchestration.reporting.market_report.parts import (
    box,
    card,
    day,
    figure,
    is_known,
    number,
    pair,
    percent,
    ratio,
    text,
    usd,
)
from orchestration.reporting.market_report.reading import Facts
from orchestration.reporting.market_report.trade_sections import what_to_stock, where_visitors_leave, which_media

_HERE = Path(__file__).parent
_LINKS = (
    ("customers", "Who buys"),
    ("show", "What to show"),
    ("funnel", "Where they leave"),
    ("media", "Media"),
    ("stock", "Stock"),
    ("customs", "Customs"),
    ("credit", "Trust"),
    ("quality", "Data"),
)
_SECTIONS = (
    who_buys,
    what_to_show,
    where_visitors_leave,
    which_media,
    what_to_stock,
    what_waits,
    whom_to_trust,
    data_quality,
)


def render(facts: Facts) -> str:
    """The page. The content policy forbids whatever would come from outside, should a text ever try."""
    style = (_HERE / "style.css").read_text(encoding="utf-8")
    script = (_HERE / "script.js").read_text(encoding="utf-8")
    links = "".join(f'<a href="#{name}">{title}</a>' for name, title in _LINKS)
    name = str(facts.first("market").get("market_name", facts.market))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline';"
        " script-src 'unsafe-inline'\">"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(name)}: market report</title><style>{style}{FONTS}</style></head><body>"
        f"{with_languages(_head(facts, name))}<nav>{links}</nav>"
        f"{with_languages(''.join(one(facts) for one in _SECTIONS))}"
        "<footer class='quiet'>Made from published tables. Customers stand here as numbers of ten or more."
        f" What each figure means: docs/data-dictionary.md.</footer><script>{script}</script></body></html>\n"
    )


def _head(facts: Facts, name: str) -> str:
    loaded = facts.first("loaded")
    now = {str(row.kpi_id): row for row in facts["kpi_now"].itertuples()}
    worklist, stages = facts["worklist"], facts["stages"]
    paid = ratio(stages.iloc[-1]["visits"], stages.iloc[0]["visits"]) if len(stages) else None
    cards = [
        _moved(now.get("orders"), "Orders 订单", number),
        _moved(now.get("net_revenue_usd"), "Net sales 净销售", usd),
        card("On time 准时", percent(_share(now.get("on_time_pct"))), "of orders due in 28 days"),
        card("Visits that pay 转化", percent(paid), "of 90 days" if paid is not None else "no visits known"),
        card("To act on 待办", number(worklist["items"].sum() if len(worklist) else 0),
             f"{usd(worklist['usd'].sum())} at risk" if len(worklist) else "nothing"),
        card("Documents match 匹配", percent(_share(now.get("matching_success_pct"))),
             "of orders in 28 days, target 99.5 %"),
    ]  # fmt: skip
    held = f'<p class="warn">A gate holds this market back: {text(facts.held_back[0])}</p>' if facts.held_back else ""
    return (
        f"<header><h1>{escape(name)} <span class='quiet'>{escape(facts.market)}</span></h1>"
        f"<div class='quiet'>As of {day(loaded.get('as_of'))}, the market's last order."
        f" {_freshness(facts)}</div>{held}<div class='top'>{''.join(cards)}</div>{_demand(facts)}</header>"
    )


def _moved(row: object, title: str, shown: "Callable[[object], str]") -> str:
    if row is None:
        return card(title, "–", "none in 56 days")
    before, value = row.before_numerator, row.now_numerator  # type: ignore[attr-defined]
    change = ratio(value, before)
    remark = f"28 days, {change - 100:+.0f} % on the 28 before".replace("-", "−") if change is not None else "28 days"
    return card(title, shown(value if is_known(value) else 0), remark)


def _share(row: object) -> float | None:
    if row is None:
        return None
    return ratio(row.now_numerator, row.now_denominator)  # type: ignore[attr-defined]


def _freshness(facts: Facts) -> str:
    """When each room last reckoned: whoever reads an old figure sees that it is old."""
    loaded = facts.first("loaded").get("loaded_at")
    rooms = (
        ("customers", "figures", "as_of_on"),
        ("recommendations", "lists", "made_on"),
        ("forecast", "forecast", "made_on"),
        ("stock", "reorder", "made_on"),
        ("credit", "sellers", "as_of_on"),
    )
    said = [f"{name} {day(facts.first(frame).get(column))}" for name, frame, column in rooms if len(facts[frame])]
    load = f"Records loaded up to {pd.Timestamp(str(loaded)):%Y-%m-%d %H:%M} UTC." if is_known(loaded) else ""
    return f"{load} Reckoned: {', '.join(said)}." if said else load


def _demand(facts: Facts) -> str:
    frame = facts["kpi_month"]
    if frame.empty:
        return ""

    def line(kpi_id: str, name: str, style: str = "") -> Line:
        rows = frame[frame["kpi_id"] == kpi_id].tail(36)
        return line_of(rows, "month", "numerator", name, style)

    orders, sales = (
        line_chart([line("orders", "orders")], unit="orders"),
        line_chart([line("net_revenue_usd", "net sales", "two")], unit="USD"),
    )
    return pair(
        box("Orders by month", figure(orders, "Click a picture to enlarge it; wheel and drag move it."))
        if orders
        else "",
        box(
            "Net sales by month",
            figure(sales, "US dollars, less what was cancelled, returned or lost. The newest month may be incomplete."),
        )
        if sales
        else "",
    )
