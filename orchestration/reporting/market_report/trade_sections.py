"""Which media to fund, what to stock, what waits, whom to trust, how good the data are: the later sections.

Belongs here: which frames make a section and the sentences above them. Does not: SQL, drawing.
"""

import pandas as pd

from orchestration.reporting.market_report.charts import Band, Bar, Line, bar_chart, interval_chart, line_chart
from orchestration.reporting.market_report.parts import (
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
            f"What is surest to pay: <b>{words(best['medium'])}</b>, {number(best['incremental_roas'], 2)} dollars of added sales"
            f" per dollar (90 %: {number(best['lower_incremental_roas'], 2)} to {number(best['upper_incremental_roas'], 2)})."
        )
    else:
        said.append("No medium's own effect can be told from nothing yet: see the reasons below.")
    budget = facts["budget"]
    if len(budget) and is_known(budget.iloc[0]["words"]):
        said.append(text(budget.iloc[0]["words"]))
    bars = [
        Bar(str(row.medium).replace("_", " "), float(row.incremental_roas), f"{row.incremental_roas:.2f}",
            low=_float(row.lower_incremental_roas), high=_float(row.upper_incremental_roas), is_weak=not bool(row.is_identified))
        for row in told.itertuples()
    ]  # fmt: skip
    clicks = {str(row.medium): ratio(row.revenue_usd, row.spend_usd, 1.0) for row in spend.itertuples()}
    rows = [
        [
            words(row.medium),
            usd(row.spend_usd),
            number(row.orders),
            number(clicks[str(row.medium)], 2),
            usd(ratio(row.spend_usd, row.new_customers, 1.0), 2),
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
    reasons = "".join(
        f"<li>{words(row.medium)}: {text(row.reason)}</li>"
        for row in unknown.itertuples()
        if is_known(row.reason) and row.reason
    )
    month = facts["spend_month"]
    inside = answer(*said) + pair(
        box(
            "Sales that a dollar really adds",
            figure(
                interval_chart(bars, label="incremental ROAS by medium", mark=1.0),
                "Dollars of added sales per dollar spent, last 365 days, with 90 % intervals; dashed: one dollar back; hollow: not told apart from nothing.",
            )
            if bars
            else empty("The effect of no medium can be told: spend hardly changed, or too few days had any."),
            f"<ul>{reasons}</ul>" if reasons else "",
        ),
        box(
            "Suggested budget",
            table(["medium", "now, a day", "suggested", "change", "orders a week"], moves, "tnnnn"),
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
                    [_line(month, "month", "spend_usd", "spend"), _line(month, "month", "revenue_usd", "sales", "two")],
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
            f"About <b>{number(four['forecast_qty'].sum())} units</b> are expected in the next four weeks, {_against(four['forecast_qty'].sum(), past)} the last four."
        )
    if len(reorder):
        said.append(
            f"<b>{number(reorder.iloc[0]['found'])} orders to suppliers</b> worth {usd(reorder.iloc[0]['total_usd'])} are suggested for stock that serves this market."
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
            text(row.reason),
        ]
        for row in reorder.itertuples()
    ]
    actions = [
        [words(row.category_code), words(row.action), usd(row.revenue_usd), text(row.products), text(row.evidence)]
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
    inside = answer(*said) + box("Units sold by week, and the forecast", _forecast(facts))
    inside += (
        box(
            "Order now",
            table(["product", "site", "in stock", "days of cover", "order", "worth", "why"], rows, "wtnnnnw"),
        )
        if rows
        else box(
            "Order now",
            empty("Nothing to order, or planning_job has not run since the stock of this market was published."),
        )
    )
    if actions:
        inside += box(
            "Change the range", table(["category", "do", "sales, a year", "products", "because"], actions, "ttnww")
        )
    if best:
        inside += box(
            "Categories that sell",
            table(["category", "sales, a year", "growth", "margin", "stock turns"], best, "tnnnn"),
        )
    return section("stock", "What to stock", "备什么货", inside)


def what_waits(facts: Facts) -> str:
    """The worklist, what the next step waits for, clearance times and matching."""
    worklist, clearance = facts["worklist"], facts["clearance"]
    said = []
    customs = worklist[worklist["owner_role"] == "customs"] if len(worklist) else worklist
    if len(worklist):
        said.append(
            f"<b>{number(worklist['items'].sum())} items</b> want somebody today, {usd(worklist['usd'].sum())} at risk; {number(customs['items'].sum())} of them are for customs ({usd(customs['usd'].sum())})."
        )
    else:
        said.append("Nothing wants anybody today.")
    if len(clearance):
        now = clearance.iloc[-1]
        said.append(
            f"Customs released half of the newest month's orders within <b>{number(now['median_hours'], 1)} hours</b> and nine of ten within {number(now['p90_hours'], 1)}."
        )
    way = facts.first("under_way")
    if is_known(way.get("shipments")):
        said.append(
            f"{number(way['shipments'])} shipments are under way, {number(way['likely_late'])} of them likely late."
        )
    bars = [
        Bar(str(row.exception_id).replace("_", " "), float(row.usd), f"USD {row.usd:,.0f} in {row.items:,}")
        for row in worklist.head(10).itertuples()
    ]
    waiting = [
        [words(row.waits_for), number(row.orders), number(row.late), usd(row.usd), day(row.since_at)]
        for row in facts["waiting"].itertuples()
    ]
    items = [
        [
            text(row.number),
            words(row.exception_id),
            text(row.left_value),
            text(row.right_value),
            usd(row.usd, 2),
            day(row.act_from_on),
        ]
        for row in facts["items"].itertuples()
    ]
    why = [
        [
            words(row.exception_id),
            words(row.owner_role),
            number(row.items),
            usd(row.usd),
            day(row.oldest_on),
            text(row.reason),
        ]
        for row in worklist.head(10).itertuples()
    ]
    risks = [
        [
            f"{text(row.declaration_no)} / {text(row.line_no)}",
            text(row.hs6_code),
            percent(100 * row.false_probability),
            text(row.signals_en),
        ]
        for row in facts["declarations"].itertuples()
    ]
    months = facts["kpi_month"]
    matched = months[months["kpi_id"] == "matching_success_pct"].tail(24) if len(months) else months
    share = [ratio(row.numerator, row.denominator) for row in matched.itertuples()]
    match_line = Line(
        "matched", [one.date() for one in pd.to_datetime(matched["month"])] if len(matched) else [], share
    )
    recent = clearance.tail(24)
    inside = answer(*said) + pair(
        box(
            "Money at risk by reason",
            figure(
                bar_chart(bars, label="money at risk by reason"),
                "US dollars at risk, and items, of what has to be acted on by now.",
            )
            or empty("The worklist is empty."),
        ),
        box(
            "What orders wait for next",
            table(["next step", "orders", "late", "worth", "oldest since"], waiting, "tnnnt")
            if waiting
            else empty("Nothing waits."),
        ),
        box(
            "Hours from declaration to release",
            figure(
                line_chart(
                    [
                        _line(recent, "month", "p90_hours", "nine of ten", "two"),
                        _line(recent, "month", "median_hours", "median"),
                    ],
                    unit="hours",
                ),
                "Orange: half of the orders within. Blue: nine of ten. By month of the order.",
            )
            or empty("Fewer than two months have releases."),
        ),
        box(
            "Orders whose documents match",
            figure(
                line_chart([match_line], unit="%", from_zero=False, marks=(98.0, 99.5)),
                "Percent by month; dashed: alarm at 98, target 99.5.",
            )
            or empty("Fewer than two months have decided matches."),
        ),
    )
    if why:
        inside += box(
            "Who has to do what", table(["reason", "for", "items", "at risk", "since", "what it is"], why, "ttnntw")
        )
    if items:
        inside += box(
            "Items at customs",
            table(["order or document", "reason", "is", "should be", "at risk", "since"], items, "ttttnt"),
        )
    if risks:
        inside += box(
            "Declarations to look at first",
            table(["declaration", "HS", "chance that it is false", "why"], risks, "ttnw"),
        )
    return section("customs", "What waits at customs", "关务待办", inside)


def whom_to_trust(facts: Facts) -> str:
    """Sellers into the market by what they owe, grades, and what the scores do not know."""
    sellers, grades = facts["sellers"], facts["grades"]
    if sellers.empty and grades.empty:
        return section(
            "credit",
            "Whom to trust",
            "信任谁",
            empty("No seller into this market is scored yet: credit_job has not run, or none has sold within a year."),
        )
    warn = "".join(
        f'<p class="warn">Credit takes this market as it was on {day(row.data_until_on)}: {text(row.reason)}</p>'
        for row in facts["credit_stale"].itertuples()
    )
    said = []
    if len(grades):
        strong = grades[grades["grade"].astype(str).str.startswith("A")]
        said.append(
            f"<b>{number(grades['seller_count'].sum())} scored sellers</b>, {usd(grades['outstanding_usd'].sum())} lent and {usd(grades['overdue_usd'].sum())} of it overdue;"
            f" {percent(ratio(strong['outstanding_usd'].sum(), grades['outstanding_usd'].sum()), 0)} of it with grade A or better. Expected loss: {usd(grades['expected_loss_usd'].sum())}."
        )
    bars = [
        Bar(
            str(row.grade),
            float(row.seller_count),
            f"{row.seller_count:,.0f} sellers, USD {row.outstanding_usd:,.0f} lent",
        )
        for row in grades.itertuples()
        if is_known(row.grade)
    ]
    rows = [
        [
            text(row.seller_id),
            text(row.grade),
            number(row.score),
            usd(row.sales_usd),
            usd(row.outstanding_usd),
            usd(row.overdue_usd),
            usd(row.limit_usd),
            _remark(row.is_thin, row.is_stale, row.stale_reason),
        ]
        for row in sellers.itertuples()
    ]
    inside = (
        warn
        + answer(*said)
        + box(
            "Sellers by what they owe",
            table(
                ["seller", "grade", "score", "sold here, a year", "lent", "overdue", "limit", "remark"],
                rows,
                "ttnnnnnw",
            )
            if rows
            else empty("No seller into this market is scored."),
            f"Scores of {day(facts.first('sellers').get('as_of_on'))}; the page of one: python -m orchestration.credit report SELLER.",
        )
    )
    if bars:
        inside += box(
            "Scored sellers by grade",
            figure(bar_chart(bars, label="sellers by grade", names=60), "Number of sellers, and what is lent to them."),
        )
    return section("credit", "Whom to trust", "信任谁", inside)


def data_quality(facts: Facts) -> str:
    """What became of every row, what is in quarantine, and what the gates said."""
    balance = {str(row.state): float(row.rows) for row in facts["balance"].itertuples()}
    total = sum(balance.values())
    names = {
        "accepted": "accepted",
        "repaired": "repaired",
        "superseded": "replaced by a newer version",
        "quarantined": "in quarantine",
        "pending": "still to come",
    }
    held = "".join(
        f'<p class="warn">A gate holds this market back since {text(one)}. What you read is as published before.</p>'
        for one in facts.held_back
    )
    broken = facts["invariants"]
    failed = broken[broken["broken"] > 0] if len(broken) else broken
    said = [
        f"<b>{percent(ratio(balance.get('accepted', 0) + balance.get('repaired', 0), total - balance.get('superseded', 0)), 2)} of the current rows</b> are in use; {number(balance.get('quarantined', 0))} wait in quarantine."
        if total
        else "",
        "" if facts.held_back else "No gate holds the market back.",
        (
            f"{len(failed)} of {len(broken)} balances of the ledger have exceptions."
            if len(failed)
            else f"All {len(broken)} balances of the ledger hold."
        )
        if len(broken)
        else "",
    ]
    rows = [
        [names.get(state, words(state)), number(count), percent(ratio(count, total), 3)]
        for state, count in balance.items()
    ]
    feeds = [
        [words(row.feed), number(row.rows), number(row.repaired), number(row.superseded), number(row.quarantined)]
        for row in facts["feeds"].itertuples()
    ]
    rules = [[words(row.feed), text(row.reason), number(row.rows)] for row in facts["quarantined"].itertuples()]
    gates = [
        [words(row.invariant_id), text(row.severity), number(row.checked), number(row.broken)]
        for row in broken.head(10).itertuples()
    ]
    inside = (
        held
        + answer(*said)
        + pair(
            box(
                "What became of every row",
                table(["state", "rows", "share"], rows, "tnn") if rows else empty("No row balance is published."),
            ),
            box(
                "By feed, the worst first",
                table(["feed", "rows", "repaired", "replaced", "quarantine"], feeds, "tnnnn")
                if feeds
                else empty("No feed has rows."),
            ),
            box(
                "In quarantine, by reason",
                table(["feed", "reason", "rows"], rules, "twn") if rules else empty("Nothing is in quarantine."),
            ),
            box("Balances of the ledger", table(["balance", "severity", "checked", "broken"], gates, "wtnn"))
            if gates
            else "",
        )
    )
    stale = "".join(
        f'<p class="warn">Planning takes this market as it was on {day(row.data_until_on)}: {text(row.reason)}</p>'
        for row in facts["stale"].itertuples()
    )
    return section("quality", "How good the data are", "数据质量", inside + stale)


def _line(frame: pd.DataFrame, at: str, column: str, name: str, style: str = "") -> Line:
    if frame.empty:
        return Line(name, [], [], style)
    return Line(
        name, [one.date() for one in pd.to_datetime(frame[at])], [_float(value) for value in frame[column]], style
    )


def _float(value: object) -> float | None:
    return float(value) if is_known(value) else None  # type: ignore[arg-type]


def _signed(value: object) -> str:
    if not is_known(value):
        return "–"
    amount = float(value)  # type: ignore[arg-type]
    kind = "up" if amount > 0 else "down" if amount < 0 else ""
    return f'<span class="{kind}">{"+" if amount > 0 else ""}{number(amount, 1)} %</span>'


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
        f"The whole move adds {number(row['gain_orders_per_week'], 1)} orders a week (90 %: {number(row['lower_gain_orders_per_week'], 1)} to"
        f" {number(row['upper_gain_orders_per_week'], 1)}); it gains in {number(row['certainty_pct'])} of 100 draws."
    )


def _forecast(facts: Facts) -> str:
    forecast, past = facts["forecast"], facts["demand_week"]
    lines = [_line(past, "week_on", "qty", "sold", "two")]
    band = None
    if len(forecast):
        lines.append(_line(forecast, "target_on", "forecast_qty", "forecast"))
        days = [one.date() for one in pd.to_datetime(forecast["target_on"])]
        if forecast["p100_qty"].notna().all() and forecast["p900_qty"].notna().all():
            band = Band(days, forecast["p100_qty"].astype(float).tolist(), forecast["p900_qty"].astype(float).tolist())
    score = facts.first("forecast_score")
    tested = (
        f" Tested on past weeks it was off by {percent(100 * score['wape'], 0)} in the mean, the naive forecast by {percent(100 * score['naive_wape'], 0)}."
        if is_known(score.get("wape")) and is_known(score.get("naive_wape"))
        else ""
    )
    shown = figure(
        line_chart(lines, unit="units", band=band),
        f"Blue: sold. Orange: forecast; in eight of ten cases within the band.{tested}",
    )
    return shown or empty("Fewer than two weeks of sales are known.")


def _remark(is_thin: object, is_stale: object, why: object) -> str:
    said = []
    if is_known(is_stale) and bool(is_stale):
        said.append(f"stale: {text(why)}")
    if is_known(is_thin) and bool(is_thin):
        said.append("few facts")
    return "; ".join(said)
