"""Who buys and what to show them: the first sections of the report.

Belongs here: which frames make a section and the sentences above them. Does not: SQL, drawing.
"""

from collections.abc import Sequence

import pandas as pd

from orchestration.customers.surprises.cells import Cell
from orchestration.customers.surprises.words import people_in_words
from orchestration.reporting.market_report.charts import Bar, bar_chart, heat_chart
from orchestration.reporting.market_report.parts import (
    amount,
    answer,
    box,
    day,
    empty,
    figure,
    is_known,
    number,
    pair,
    percent,
    ratio,
    section,
    table,
    text,
    usd,
    words,
)
from orchestration.reporting.market_report.reading import Facts

LATE_REPEAT = "any"
_REGION = {"subdivision_code": "region"}


def who_buys(facts: Facts) -> str:
    """Segments, value, retention and what sets groups apart."""
    segments = facts["segments"]
    value, repeat = facts.first("value"), _repeat(facts)
    said = []
    if is_known(value.get("buyers")):
        said.append(
            f"<b>{number(value['buyers'])} customers</b> have bought. In the next twelve months about"
            f" {number(value['expected_purchases'])} purchases for <b>{usd(value['expected_usd'])}</b> can be expected"
            " of them."
        )
    if is_known(repeat.get("returned_pct")):
        middle = (
            f", half of them within {number(repeat['median_days'])} days" if is_known(repeat["median_days"]) else ""
        )
        said.append(f"{percent(repeat['returned_pct'], 0)} of purchases were followed by another so far{middle}.")
    by_rule = segments[segments["kind"] == "segment"] if len(segments) else segments
    said += [_most_worth(by_rule), _spread_of_tastes(segments)]
    inside = answer(*said)
    if by_rule.empty:
        inside += empty(
            "No customers to describe: no order of this market names its customer yet, or market_job has not run since."
        )
    else:
        inside += pair(box("Segments: share of customers and of money", _segments(by_rule)), _retention(facts))
        inside += box("What each segment is, and how sure", _rules(by_rule), _stability(by_rule))
    inside += pair(_tastes(segments), _channels(facts), _movements(facts))
    inside += _differences(facts)
    return section("customers", "Who buys here", "谁在购买", inside)


def what_to_show(facts: Facts) -> str:
    """Recommendations: the list for everybody, first screens, what goes together, and how good the lists are."""
    lists, shown = facts.first("lists"), facts["shown"]
    if shown.empty:
        return section(
            "show",
            "What to show them",
            "推荐什么",
            empty("No list yet: too few purchases by known customers, or nothing in stock that may be imported."),
        )
    said = [
        f"{_whose(lists)} Made {day(lists.get('made_on'))} from what is in stock and allowed in.",
        _list_quality(facts["list_scores"]),
    ]
    rows = [
        [
            number(row.everybody_rank),
            f"{text(row.product_name)} <small>{text(row.product_id)}</small>",
            number(row.lists),
        ]
        for row in shown.itertuples()
    ]
    screens = [
        [_any(row.landing_page, "any page"), words(_any(row.medium, "any medium")), text(row.products)]
        for row in facts["screens"].itertuples()
    ]
    together = [
        [
            text(row.product),
            text(row.other_product),
            f"{number(row.lift)} × <small>{number(row.lower_lift)} to {number(row.upper_lift)}</small>",
            number(row.support),
        ]
        for row in facts["together"].itertuples()
    ]
    inside = answer(*said) + pair(
        box(
            "Show these first",
            table(["place", "product", "personal lists with it"], rows, "nwn"),
            "Place: in the list for everybody.",
        ),
        box(
            "First screen by how the visitor comes",
            table(["landing page", "medium", "the first three"], screens, "ttw"),
        )
        if screens
        else box(
            "First screen by how the visitor comes",
            empty("No visits are known, so every visitor sees the list for everybody."),
        ),
    )
    inside += (
        box(
            "Bought together more often than chance",
            table(["product", "with", "oftener than by chance", "baskets"], together, "wwnn"),
        )
        if together
        else ""
    )
    return section("show", "What to show them", "推荐什么", inside)


def _repeat(facts: Facts) -> pd.Series:
    frame = facts["repeat"]
    rows = frame[frame["after_purchase"] == LATE_REPEAT] if len(frame) else frame
    return rows.iloc[0] if len(rows) else pd.Series(dtype=object)


def _most_worth(rows: pd.DataFrame) -> str:
    """The segment of which most is expected, in a sentence."""
    expected = pd.to_numeric(rows["expected_value_12m_usd"], errors="coerce") if len(rows) else pd.Series(dtype=float)
    if not expected.notna().any():
        return ""
    best = rows.iloc[int(expected.fillna(-1).to_numpy().argmax())]
    return (
        f"Most is expected of <b>{text(best['title_en'])}</b>: {percent(best['customer_pct'], 0)} of the customers,"
        f" {percent(best['net_amount_pct'], 0)} of the money so far, {usd(best['expected_value_12m_usd'])} to come."
    )


def _spread_of_tastes(segments: pd.DataFrame) -> str:
    rows = segments[segments["kind"] == "taste"].head(3) if len(segments) else segments
    shares = ", ".join(f"{percent(row.customer_pct, 0)} {words(row.name)}" for row in rows.itertuples(index=False))
    return f"What they like above the others: {shares}." if shares else ""


def _segments(rows: pd.DataFrame) -> str:
    bars = [
        Bar(str(row.title_en), amount(row.customer_pct), f"{row.customer_pct:.0f} % · {_pct(row.net_amount_pct)}",
            other=amount(row.net_amount_pct) if is_known(row.net_amount_pct) else None)
        for row in rows.itertuples()
        if is_known(row.customer_pct)
    ]  # fmt: skip
    return figure(
        bar_chart(bars, label="share of customers and money by segment", names=205),
        "Upper bar and first figure: share of customers. Lower bar and second figure: share of their money.",
    )


def _pct(value: object) -> str:
    return f"{float(value):.0f} %" if is_known(value) else "–"  # type: ignore[arg-type]


def _rules(rows: pd.DataFrame) -> str:
    shown = [
        [
            f"{text(row.title_en)} <small lang='zh'>{text(row.title_zh)}</small>",
            text(row.rule),
            number(row.customer_count),
            usd(row.expected_value_12m_usd),
        ]
        for row in rows.itertuples()
    ]
    return table(["segment", "who belongs to it", "customers", "expected in 12 months"], shown, "twnn")


def _stability(rows: pd.DataFrame) -> str:
    agreement = pd.to_numeric(rows["agreement_pct"], errors="coerce").min()
    return (
        f"With customers drawn anew at least {percent(agreement, 0)} of a segment stay in it."
        if is_known(agreement)
        else ""
    )


def _retention(facts: Facts) -> str:
    frame = facts["retention"]
    if frame.empty:
        return box("Who comes back", empty("No month has ten new customers yet and a complete month after it."))
    grid = frame.pivot(index="cohort_month", columns="months_since", values="retained_pct")
    values = [[float(cell) if is_known(cell) else None for cell in line] for line in grid.to_numpy()]
    svg = heat_chart(
        [str(name) for name in grid.index],
        [str(name) for name in grid.columns],
        values,
        unit="%",
        label="share of a month's new customers who buy in the months after",
    )
    return box(
        "Who comes back",
        figure(
            svg,
            "Percent of the customers who first bought in a month (left) that bought again so many months later (top).",
        ),
    )


def _tastes(segments: pd.DataFrame) -> str:
    rows = segments[segments["kind"] == "taste"] if len(segments) else segments
    if rows.empty:
        return ""
    shown = [
        [words(row.name), number(row.customer_count), percent(row.customer_pct, 0), percent(row.net_amount_pct, 0)]
        for row in rows.head(10).itertuples(index=False)
    ]
    return box(
        "What groups of customers like",
        table(["buys above the others", "customers", "share", "of money"], shown, "wnnn"),
    )


def _channels(facts: Facts) -> str:
    frame = facts["channels"]
    if frame.empty:
        return ""
    shown = [
        [
            words(row.channel),
            number(row.customers),
            number(row.orders),
            usd(ratio(row.usd, row.orders, 1.0), 2),
            number(ratio(row.orders, row.customers, 1.0), 2),
        ]
        for row in frame.itertuples()
    ]
    return box(
        "Where they buy, last year",
        table(["channel", "customers", "orders", "by order", "orders by customer"], shown, "tnnnn"),
    )


def _movements(facts: Facts) -> str:
    frame = facts["movements"]
    if frame.empty:
        return ""
    segments = facts["segments"]
    titles = dict(zip(segments["name"], segments["title_en"], strict=True)) if len(segments) else {}
    shown = [
        [
            words(titles.get(row.from_segment, row.from_segment)),
            words(titles.get(row.to_segment, row.to_segment)),
            number(row.customer_count),
        ]
        for row in frame.itertuples()
    ]
    return box(f"Who moved in {text(frame.iloc[0]['month'])}", table(["from", "to", "customers"], shown, "ttn"))


def _differences(facts: Facts) -> str:
    """What sets groups apart from what is usual here, and what is usual of each."""
    surprises, cells = facts["surprises"], facts["audience"]
    apart = [
        [
            text(people_in_words(Cell(_name(row.subdivision_code), _name(row.gender), _name(row.age_band)))),
            words(row.category_code),
            f"{number(row.ratio, 1)} × <small>{number(row.low_ratio, 1)} to {number(row.high_ratio, 1)}</small>",
            percent(row.share_pct),
            percent(row.expected_share_pct),
            number(row.buyer_count),
        ]
        for row in surprises.itertuples()
    ]
    rows = [
        [
            f"{words(row.group_value)} <small>{words(_REGION.get(str(row.dimension), row.dimension))}</small>",
            number(row.buyer_count),
            usd(row.basket_usd, 2),
            percent(row.repeat_pct, 0),
            words(row.top_categories),
        ]
        for row in cells.itertuples()
    ]
    heads = ["group", "buyers", "basket", "buy again", "buys most"]
    found = box("How groups differ", table(heads, rows, "tnnnw"), "Only what was told with consent.") if rows else ""
    return (_surprises(apart) if apart else "") + found


def _surprises(rows: Sequence[Sequence[str]]) -> str:
    heads = ["who", "buys", "as often as usual", "of their purchases", "usual", "buyers"]
    return box(
        "What sets groups apart",
        table(heads, rows, "wtnnnn"),
        "Usual: of a gender or an age what the market buys, of people of a region what those of the same gender and age"
        " buy in the whole market; small figures: 95 % interval. Held against false discoveries; what a larger group"
        " explains is not said of a smaller one; groups of fewer than ten are never shown.",
    )


def _name(value: object) -> str | None:
    return str(value) if is_known(value) else None


def _whose(lists: pd.Series) -> str:
    if not amount(lists.get("customers")):
        return "<b>No customer has agreed to recommendations</b>, so all see the list for everybody."
    return (
        f"<b>{number(lists.get('customers'))} customers</b> who agreed to it have a list of their own; the others see"
        " the list for everybody."
    )


def _list_quality(scores: pd.DataFrame) -> str:
    """A sentence on how good the lists are beside popularity, on what came after."""
    recall = scores[scores["metric"] == "recall"] if len(scores) else scores
    if recall.empty:
        return ""
    chosen = recall[recall["is_chosen"].astype(bool)]
    plain = recall[recall["model"] == "popularity"]
    if chosen.empty:
        return ""
    mine = 100 * float(chosen.iloc[0]["value"])
    beside = f", a list of the most popular {100 * float(plain.iloc[0]['value']):.1f} %" if len(plain) else ""
    return f"Tested on later purchases, twenty places held {mine:.1f} % of what was bought next{beside}."


def _any(value: object, name: str) -> str:
    return name if value == "*" else text(value)
