"""Where visitors leave, which media to fund and what to stock: the middle sections of the report.

Belongs here: which frames make a section and the sentences above them. Does not: SQL, drawing.
"""

import pandas as pd

from orchestration.reporting.market_report.charts import Band, Bar, bar_chart, interval_chart, line_chart, line_of
from orchestration.reporting.market_report.parts import (
    amount,
    answer,
    box,
    day,
    empty,
    figure,
    folded,
    is_known,
    maybe,
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
        box("By medium", _parts(facts["media_stages"], "medium")),
        box("By screen", _parts(facts["screen_stages"], "screen")),
        box("By landing page, last three months", _landing(facts["landing"])),
    )
    if rows:
        inside += box(
            "Weeks that lost more than usual",
            table(["week from", "part", "step", "lost", "usual", "orders lost", "worth"], rows, "twtnnnn"),
            "Judged at 5 % false alarms; parts overlap, so their losses are not added up.",
        )
    return section("funnel", "Where visitors leave", "访客在哪里流失", inside)


def which_media(facts: Facts) -> str:
    """What media really added, what they cost, and the suggested move of the budget."""
    effects, spend = facts["effects"], facts["spend"]
    if spend.empty or not float(spend["spend_usd"].fillna(0).sum()):
        return section(
            "media", "Which media to fund", "投放哪些媒体", empty("No spend on media is known in this market.")
        )
    told = effects[effects["incremental_roas"].notna()] if len(effects) else effects
    sure = told[told["is_identified"].astype(bool)] if len(told) else told
    total = float(spend["spend_usd"].sum())
    said = [f"<b>{usd(total)}</b> were spent in the last twelve months."]
    if len(sure):
        best = sure.sort_values("incremental_roas", ascending=False).iloc[0]
        said.append(
            f"What is surest to pay: <b>{words(best['medium'])}</b>, {number(best['incremental_roas'], 2)}"
            " dollars of added sales"
            f" per dollar (90 %: {number(best['lower_incremental_roas'], 2)} to"
            f" {number(best['upper_incremental_roas'], 2)})."
        )
    else:
        said.append("No medium's own effect can be told from nothing yet: see the reasons below.")
    budget = facts["budget"]
    is_supported = len(budget) > 0 and is_known(budget.iloc[0]["is_supported"]) and bool(budget.iloc[0]["is_supported"])
    if is_supported and is_known(budget.iloc[0]["words"]):
        said.append(text(budget.iloc[0]["words"]))
    elif len(budget):
        said.append("<b>Leave the budget as it is</b>: too little is known to say that moving it would gain.")
    bars = [
        Bar(str(row.medium).replace("_", " "), amount(row.incremental_roas), number(row.incremental_roas, 2),
            low=maybe(row.lower_incremental_roas), high=maybe(row.upper_incremental_roas),
            is_weak=not bool(row.is_identified))
        for row in told.itertuples()
    ]  # fmt: skip
    clicks = {str(row.medium): ratio(row.revenue_usd, row.spend_usd, 1.0) for row in spend.itertuples()}
    rows = [
        [
            words(row.medium),
            usd(row.spend_usd),
            number(row.orders),
            number(clicks[str(row.medium)], 2),
            usd(ratio(row.spend_usd, row.new_customers, 1.0) or None, 2),
        ]
        for row in spend.itertuples()
    ]
    moves = [
        [
            words(row.medium),
            usd(row.spend_per_day_usd, 2),
            usd(row.suggested_per_day_usd, 2),
            _signed(row.change_pct),
            number(row.medium_orders_per_week, 2),
        ]
        for row in budget.itertuples()
    ]
    unknown = effects[~effects["is_identified"].astype(bool)] if len(effects) else effects
    reasons = (
        "".join(
            f"<li>{', '.join(words(medium) for medium in alike['medium'])}: {text(reason)}</li>"
            for reason, alike in unknown[unknown["reason"].fillna("") != ""].groupby("reason", sort=False)
        )
        if len(unknown)
        else ""
    )
    month = facts["spend_month"]
    inside = answer(*said) + pair(
        box(
            "Sales that a dollar really adds",
            figure(
                interval_chart(bars, label="incremental ROAS by medium", mark=1.0),
                "Dollars of added sales per dollar spent, last 365 days, with 90 % intervals; dashed: one dollar"
                " back; hollow: not told apart from nothing.",
            )
            if bars
            else empty("The effect of no medium can be told: spend hardly changed, or too few days had any."),
            f"<ul>{reasons}</ul>" if reasons else "",
        ),
        box(
            "Suggested budget" if is_supported else "Too unsure to act on: the likeliest move",
            table(["medium", "now, a day", "then", "change", "orders a week"], moves, "tnnnn"),
            _certainty(budget),
        )
        if moves
        else box("Suggested budget", empty("No move is suggested without a known effect.")),
        box(
            "Cost and last click, twelve months",
            table(["medium", "spent", "orders", "ROAS, last click", "by new customer"], rows, "tnnnn"),
            "Last click counts orders that would have come anyway.",
        ),
        box(
            "Spend and last-click sales by month",
            figure(
                line_chart(
                    [
                        line_of(month, "month", "spend_usd", "spend"),
                        line_of(month, "month", "revenue_usd", "sales", "two"),
                    ],
                    unit="USD",
                ),
                "Orange: spend. Blue: sales by last click of paid media. US dollars.",
            ),
        ),
    )
    return section("media", "Which media to fund", "投放哪些媒体", inside)


def what_to_stock(facts: Facts) -> str:
    """Demand and its forecast, what to order, and what to change in the assortment."""
    forecast, reorder, past = facts["forecast"], facts["reorder"], facts["demand_week"]
    said = []
    if len(forecast) >= 4:
        four = forecast.head(4)
        said.append(
            f"About <b>{number(four['forecast_qty'].sum())} units</b> are expected in the next four weeks,"
            f" {_against(four['forecast_qty'].sum(), past)} the last four."
        )
    if len(reorder):
        said.append(
            f"<b>{number(reorder.iloc[0]['found'])} orders to suppliers</b> worth"
            f" {usd(reorder.iloc[0]['total_usd'])} are suggested for stock that serves this market."
        )
    elif len(forecast):
        said.append("No order to a supplier is due for stock that serves this market.")
    changes = facts["assortment"]
    if len(changes):
        said.append(f"{len(changes)} categories want a change of range.")
    rows = [
        [
            f"{text(row.product_name)} <small>{text(row.product_id)}</small>",
            text(row.site_code),
            number(row.on_hand_qty),
            number(row.days_of_cover),
            number(row.suggested_qty),
            usd(row.order_value_usd),
            folded("why so many", text(row.reason)),
        ]
        for row in reorder.itertuples()
    ]
    actions = [
        [
            words(row.category_code),
            words(row.action),
            usd(row.revenue_usd),
            text(row.products).replace("\n", "<br>"),
            folded("why", text(row.evidence)),
        ]
        for row in changes.itertuples()
    ]
    best = [
        [
            words(row.category_code),
            usd(row.revenue_usd),
            _signed(row.growth_pct),
            percent(row.margin_pct, 0),
            number(row.stock_turns, 1),
        ]
        for row in facts["categories"].itertuples()
    ]
    sells = table(["category", "sales, a year", "growth", "margin", "stock turns"], best, "tnnnn") if best else ""
    inside = answer(*said) + pair(
        box("Units sold by week, and the forecast", _forecast(facts)),
        box("Categories that sell", sells) if best else "",
    )
    inside += (
        box(
            "Order now",
            table(["product", "site", "in stock", "days of cover", "order", "worth", ""], rows, "wtnnnnw"),
        )
        if rows
        else box(
            "Order now",
            empty("Nothing to order, or planning_job has not run since the stock of this market was published."),
        )
    )
    if actions:
        inside += box("Change the range", table(["category", "do", "sales, a year", "products", ""], actions, "ttnww"))
    return section("stock", "What to stock", "备什么货", inside)


def _signed(value: object) -> str:
    if not is_known(value):
        return "–"
    change = amount(value)
    kind = "up" if change > 0 else "down" if change < 0 else ""
    return f'<span class="{kind}">{"+" if change > 0 else ""}{number(change, 1)} %</span>'


def _against(expected: float, past: pd.DataFrame) -> str:
    before = float(past.tail(4)["qty"].sum()) if len(past) else 0.0
    if not before:
        return "after none in"
    change = 100 * (expected / before - 1)
    return f"{abs(change):.0f} % {'more' if change >= 0 else 'less'} than in"


def _certainty(budget: pd.DataFrame) -> str:
    if budget.empty or not is_known(budget.iloc[0]["certainty_pct"]):
        return ""
    row = budget.iloc[0]
    return (
        f"The whole move adds {number(row['gain_orders_per_week'], 2)} orders a week (90 %:"
        f" {number(row['lower_gain_orders_per_week'], 2)} to"
        f" {number(row['upper_gain_orders_per_week'], 2)}); it gains in {number(row['certainty_pct'])} of 100 draws."
    )


def _forecast(facts: Facts) -> str:
    forecast, past = facts["forecast"], facts["demand_week"]
    lines = [line_of(past, "week_on", "qty", "sold", "two")]
    band = None
    if len(forecast):
        lines.append(line_of(forecast, "target_on", "forecast_qty", "forecast"))
        days = [one.date() for one in pd.to_datetime(forecast["target_on"])]
        if forecast["p100_qty"].notna().all() and forecast["p900_qty"].notna().all():
            band = Band(days, forecast["p100_qty"].astype(float).tolist(), forecast["p900_qty"].astype(float).tolist())
    score = facts.first("forecast_score")
    tested = (
        f" Tested on past weeks it was off by {percent(100 * score['wape'], 0)} in the mean, the naive forecast"
        f" by {percent(100 * score['naive_wape'], 0)}."
        if is_known(score.get("wape")) and is_known(score.get("naive_wape"))
        else ""
    )
    shown = figure(
        line_chart(lines, unit="units", band=band),
        f"Blue: sold. Orange: forecast; in eight of ten cases within the band.{tested}",
    )
    return shown or empty("Fewer than two weeks of sales are known.")


def _parts(frame: pd.DataFrame, what: str) -> str:
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
    return table([what, "visits", "bounce", *heads], shown, "tnn" + "n" * len(heads))


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
