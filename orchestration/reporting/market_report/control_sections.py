"""What waits, whom to trust, how good the data are: the last sections of the report.

Belongs here: which frames make a section and the sentences above them. Does not: SQL, drawing.
"""

import pandas as pd

from orchestration.reporting.market_report.charts import Bar, Line, bar_chart, line_chart, line_of
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
from orchestration.reporting.market_report.querying import TOP
from orchestration.reporting.market_report.reading import Facts

# What an order waits for, as people say it.
_WAITS = {
    "paid": "payment",
    "declared": "declaration",
    "released": "release by customs",
    "shipped": "shipment",
    "delivered": "delivery",
    "settled": "settlement",
    "received": "money in the bank",
    "rebated": "tax rebate",
    "clawback": "rebate to be paid back",
}


def what_waits(facts: Facts) -> str:
    """The worklist, what the next step waits for, clearance times and matching."""
    worklist, clearance = facts["worklist"], facts["clearance"]
    said = []
    customs = worklist[worklist["owner_role"] == "customs"] if len(worklist) else worklist
    if len(worklist):
        said.append(
            f"<b>{number(worklist['items'].sum())} items</b> want somebody today, {usd(worklist['usd'].sum())} at"
            f" risk; {number(customs['items'].sum())} of them are for customs ({usd(customs['usd'].sum())})."
        )
    else:
        said.append("Nothing wants anybody today.")
    if len(clearance):
        now = clearance.iloc[-1]
        said.append(
            f"Customs released half of the newest month's orders within <b>{number(now['median_hours'], 1)}"
            f" hours</b> and nine of ten within {number(now['p90_hours'], 1)}."
        )
    way = facts.first("under_way")
    if is_known(way.get("shipments")):
        said.append(
            f"{number(way['shipments'])} shipments are under way, {number(way['likely_late'])} of them likely late."
        )
    bars = [
        Bar(str(row.exception_id).replace("_", " "), amount(row.usd), f"USD {row.usd:,.0f} in {row.items:,}")
        for row in worklist.head(10).itertuples()
    ]
    waiting = [
        [
            words(_WAITS.get(str(row.waits_for), row.waits_for)),
            number(row.orders),
            number(row.late),
            number(row.old),
            usd(row.usd),
        ]
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
            percent(100 * amount(row.false_probability)),
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
            table(["next step", "orders", "late", "over 90 days", "worth"], waiting, "tnnnn")
            if waiting
            else empty("Nothing waits."),
            "Late: past the time limit of the step; a dash where it has none.",
        ),
        box(
            "Hours from declaration to release",
            figure(
                line_chart(
                    [
                        line_of(recent, "month", "p90_hours", "nine of ten", "two"),
                        line_of(recent, "month", "median_hours", "median"),
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
            "Who has to do what", table(["reason", "for", "items", "at risk", "since", "what it is"], why, "ttnndw")
        )
    if items:
        inside += box(
            "Items at customs",
            table(
                ["order or document", "reason", "one document says", "the other", "at risk", "since"], items, "ttttnd"
            ),
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
    graded = grades[~grades["grade"].isin(["none"])] if len(grades) else grades
    if len(grades) and graded.empty:
        said.append(
            f"<b>None of the {number(grades['seller_count'].sum())} sellers</b> into this market has a score:"
            f" no scorecard is approved, so no limit is given. {usd(grades['outstanding_usd'].sum())} is lent,"
            f" {usd(grades['overdue_usd'].sum())} of it overdue."
        )
    if len(graded):
        strong = grades[grades["grade"].astype(str).str.startswith("A")]
        said.append(
            f"<b>{number(grades['seller_count'].sum())} sellers</b>, {number(graded['seller_count'].sum())} scored;"
            f" {usd(grades['outstanding_usd'].sum())} lent and {usd(grades['overdue_usd'].sum())} of it overdue;"
            f" {percent(ratio(strong['outstanding_usd'].sum(), grades['outstanding_usd'].sum()), 0)} of it with"
            f" grade A or better. Expected loss: {usd(grades['expected_loss_usd'].sum())}."
        )
    bars = [
        Bar(
            str(row.grade),
            amount(row.seller_count),
            f"{row.seller_count:,.0f} · USD {row.outstanding_usd:,.0f}",
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
            _remark(row.is_thin, row.is_stale, row.stale_reason, row.note),
        ]
        for row in sellers.head(TOP).itertuples()
    ]
    heads, kinds = ["seller", "grade", "score", "sold here, a year", "lent", "overdue", "limit", "remark"], "ttnnnnnw"
    of_all = {row[-1] for row in rows} if len(rows) > 1 else set()
    if len(of_all) == 1:
        # What is true of each of them is said once.
        heads, kinds, rows = heads[:-1], kinds[:-1], [row[:-1] for row in rows]
    remark = next((f" Of all of them: {one}." for one in of_all if len(of_all) == 1 and one not in ("", "–")), "")
    scored = sellers[sellers["score"].notna()] if len(sellers) else sellers
    best = scored.sort_values(["score", "sales_usd"], ascending=False).head(TOP)
    weak = scored[scored["outstanding_usd"].fillna(0) > 0].sort_values("score").head(TOP)
    inside = (
        warn
        + answer(*said)
        + box(
            "Sellers by what they owe",
            table(heads, rows, kinds) if rows else empty("No seller into this market is scored."),
            f"Scores of {day(facts.first('sellers').get('as_of_on'))}; the page of one: python -m"
            f" orchestration.credit report SELLER.{remark}",
        )
    )
    inside += pair(_ranked("Trust first: the highest scores", best), _ranked("Watch: the lowest scores that owe", weak))
    if bars:
        inside += box(
            "Sellers by grade",
            figure(bar_chart(bars, label="sellers by grade", names=60), "Number of sellers, and what is lent to them."),
        )
    return section("credit", "Whom to trust", "信任谁", inside)


def _ranked(title: str, sellers: pd.DataFrame) -> str:
    rows = [
        [text(row.seller_id), text(row.grade), number(row.score), usd(row.sales_usd), usd(row.outstanding_usd)]
        for row in sellers.itertuples()
    ]
    return box(title, table(["seller", "grade", "score", "sold here, a year", "lent"], rows, "ttnnn")) if rows else ""


def data_quality(facts: Facts) -> str:
    """What became of every row, what is in quarantine, and what the gates said."""
    balance = {str(row.state): amount(row.rows) for row in facts["balance"].itertuples()}
    total = sum(balance.values())
    used = balance.get("accepted", 0) + balance.get("repaired", 0)
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
        f"<b>{percent(ratio(used, total - balance.get('superseded', 0)), 2)} of the current rows</b> are in use;"
        f" {number(balance.get('quarantined', 0))} wait in quarantine."
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


def _remark(is_thin: object, is_stale: object, why: object, note: object) -> str:
    said = []
    if is_known(is_stale) and bool(is_stale):
        said.append(f"stale: {text(why)}")
    if is_known(is_thin) and bool(is_thin):
        said.append("few facts")
    if is_known(note) and note:
        said.append(text(note))
    return "; ".join(said)
