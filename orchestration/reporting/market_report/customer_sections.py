"""Who buys, what to show them, where visitors leave: the first sections of the report.

Belongs here: which frames make a section and the sentences above them. Does not: SQL, drawing.
"""

import pandas as pd

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


def who_buys(facts: Facts) -> str:
    """Segments, value, retention and what sets groups apart."""
    segments = facts["segments"]
    value, repeat = facts.first("value"), _repeat(facts)
    said = []
    if is_known(value.get("buyers")):
        said.append(
            f"<b>{number(value['buyers'])} customers</b> have bought; about {number(value['alive'])} of them can be"
            f" expected back, and all together to spend <b>{usd(value['expected_usd'])}</b> in the next twelve months."
        )
    if is_known(repeat.get("returned_pct")):
        middle = (
            f", half of them within {number(repeat['median_days'])} days" if is_known(repeat["median_days"]) else ""
        )
        said.append(f"{percent(repeat['returned_pct'], 0)} of purchases were followed by another so far{middle}.")
    by_rule = segments[segments["kind"] == "segment"] if len(segments) else segments
    if len(by_rule) and is_known(by_rule.iloc[0]["net_amount_pct"]):
        best = by_rule.iloc[0]
        said.append(
            f"<b>{text(best['title_en'])}</b>, {percent(best['customer_pct'], 0)} of the customers, brought"
            f" {percent(best['net_amount_pct'], 0)} of the money."
        )
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
        (
            f"<b>{number(lists.get('customers'))} customers</b> who agreed to it have a list of their own; the others"
            " see the list for"
            f" everybody. Made {day(lists.get('made_on'))} from what is in stock and allowed in."
        ),
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
        [_any(row.landing_page, "any page"), _any(row.medium, "any medium"), text(row.products)]
        for row in facts["screens"].itertuples()
    ]
    together = [
        [
            text(row.product),
            text(row.other_product),
            f"{number(row.lift, 1)} × <small>{number(row.lower_lift, 1)} to {number(row.upper_lift, 1)}</small>",
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
        box("Bought together more often than chance", table(["product", "with", "lift", "baskets"], together, "wwnn"))
        if together
        else ""
    )
    return section("show", "What to show them", "推荐什么", inside)


def where_visitors_leave(facts: Facts) -> str:
    """The funnel of the last ninety days, by medium and screen, and weeks that lost more than usual."""
    stages = facts["stages"]
    if stages.empty:
        return section(
            "funnel",
            "Where visitors leave",
            "访客在哪里流失",
            empty("No visits are known: the sources of this market send orders only, no sessions."),
        )
    first, last = stages.iloc[0], stages.iloc[-1]
    steps = [
        (before.stage, after.stage, 100 - (ratio(after.visits, before.visits) or 0.0))
        for before, after in zip(stages.iloc[:-1].itertuples(), stages.iloc[1:].itertuples(), strict=True)
    ]
    worst = max(steps, key=lambda step: step[2], default=None)
    said = [
        (
            f"Of {number(first['visits'])} visits in 90 days <b>{percent(ratio(last['visits'], first['visits']))}"
            " ended in a paid order</b>;"
            f" {percent(ratio(first['bounces'], first['visits']), 0)} left at once."
        )
    ]
    if worst:
        said.append(f"Most are lost from <b>{words(worst[0])} to {words(worst[1])}</b>: {percent(worst[2], 0)}.")
    losses = facts["losses"]
    said.append(
        f"In the last eight weeks {len(losses)} steps lost more than their own history lets expect, the most costly"
        f" about {usd(losses.iloc[0]['lost_value_usd'])}."
        if len(losses)
        else "No step of the last eight weeks lost more than its own history lets expect."
    )
    bars = [
        Bar(str(row.stage), amount(row.visits), f"{row.visits:,.0f} ({ratio(row.visits, first['visits']) or 0:.1f} %)")
        for row in stages.itertuples()
    ]
    rows = [
        [
            day(row.week_on),
            f"{words(row.member)} <small>{words(row.dimension)}</small>",
            words(row.step),
            percent(row.loss_pct),
            percent(row.usual_loss_pct),
            number(row.lost_orders, 1),
            usd(row.lost_value_usd),
        ]
        for row in losses.itertuples()
    ]
    inside = answer(*said) + pair(
        box(
            "Visits that reach each stage, last 90 days",
            figure(
                bar_chart(bars, label="visits by stage", names=90),
                "Visits, and their share of all; robots are left out.",
            ),
        ),
        box("By medium", _parts(facts["media_stages"])),
        box("By screen", _parts(facts["screen_stages"])),
        box("By landing page, last three months", _landing(facts["landing"])),
    )
    if rows:
        inside += box(
            "Weeks that lost more than usual",
            table(["week from", "part", "step", "lost", "usual", "orders lost", "worth"], rows, "twtnnnn"),
            "Judged at 5 % false alarms; parts overlap, so their losses are not added up.",
        )
    return section("funnel", "Where visitors leave", "访客在哪里流失", inside)


def _repeat(facts: Facts) -> pd.Series:
    frame = facts["repeat"]
    rows = frame[frame["after_purchase"] == LATE_REPEAT] if len(frame) else frame
    return rows.iloc[0] if len(rows) else pd.Series(dtype=object)


def _segments(rows: pd.DataFrame) -> str:
    bars = [
        Bar(str(row.title_en), amount(row.customer_pct), f"{row.customer_pct:.0f} % · {_pct(row.net_amount_pct)}",
            other=amount(row.net_amount_pct) if is_known(row.net_amount_pct) else None)
        for row in rows.itertuples()
        if is_known(row.customer_pct)
    ]  # fmt: skip
    return figure(
        bar_chart(bars, label="share of customers and money by segment", names=150),
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
    shown = [[words(row.from_segment), words(row.to_segment), number(row.customer_count)] for row in frame.itertuples()]
    return box(f"Who moved in {text(frame.iloc[0]['month'])}", table(["from", "to", "customers"], shown, "ttn"))


def _differences(facts: Facts) -> str:
    """What sets groups apart, in the words of the tables of surprises and audience cells."""
    frame = facts["surprises"]
    column = next((name for name in ("words", "words_en", "sentence") if name in frame.columns), None)
    if column is None or frame.empty:
        return ""
    items = "".join(f"<li>{text(one)}</li>" for one in frame[column])
    return box(
        "What sets groups apart",
        f"<ul>{items}</ul>",
        "Held against false discoveries; groups of fewer than ten are never shown.",
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


def _parts(frame: pd.DataFrame) -> str:
    if frame.empty:
        return empty("Not known.")
    grid = frame.pivot(index="part", columns="stage_no", values="visits").fillna(0.0)
    bounces = frame.groupby("part")["bounces"].max()
    first, last = grid.columns.min(), grid.columns.max()
    shown = [
        [words(part), number(line[first]), percent(ratio(bounces[str(part)], line[first]), 0),
         *(percent(ratio(line[stage], line[first])) for stage in grid.columns if stage != first)]
        for part, line in grid.sort_values(first, ascending=False).head(10).iterrows()
    ]  # fmt: skip
    stages = {1: "view", 2: "product", 3: "cart", 4: "checkout", 5: "paid"}
    heads = [stages.get(int(stage), str(stage)) for stage in grid.columns if stage != first]
    assert last in grid.columns
    return table(["part", "visits", "bounce", *heads], shown, "tnn" + "n" * len(heads))


def _landing(frame: pd.DataFrame) -> str:
    if frame.empty:
        return empty("No page has thirty visits in three months.")
    shown = [
        [
            text(row.landing_page),
            number(row.visits),
            percent(ratio(row.bounces, row.visits), 0),
            percent(ratio(row.products, row.visits), 0),
            percent(ratio(row.paid, row.visits)),
        ]
        for row in frame.itertuples()
    ]
    return table(["page", "visits", "bounce", "product", "paid"], shown, "tnnnn")
