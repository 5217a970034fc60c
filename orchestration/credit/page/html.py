"""The seller's page as one HTML file that needs nothing else: readable in light and dark, on a screen and a phone.

Belongs here: HTML. Does not: what it shows (see `content.py`), pictures (see `charts.py`).
Every text that comes from data is escaped.
"""

from html import escape

import pandas as pd

from orchestration.credit.page.charts import change_chart, history_chart, parts_chart
from orchestration.credit.page.content import Evidence, Page
from orchestration.credit.page.parts import card, day, section, sentence, table, text, usd, whole_page

REASONS = 4
_NO_SCORE = '<p class="quiet">There is no score of this seller. 暂无评分。</p>'
_ONE_SCORE = '<p class="quiet">One score so far.</p>'


def render(page: Page) -> str:
    """The page."""
    sections = [
        _head(page),
        _reasons(page),
        _limit(page),
        section("What changed 变化", _changes(page)),
        section("History 历史得分", history_chart(page.history) or _ONE_SCORE if len(page.parts) else _NO_SCORE),
        section("Every characteristic 各项得分", _parts(page)),
        section("Exposure 敞口", _exposure(page)),
        section("Guarantee 你敢用我敢赔", _guarantee(page)),
        section("Decisions of officers 人工决定", _decisions(page)),
        section("Source rows 依据的原始单据", "".join(_evidence(one) for one in page.evidence) + _chains(page)),
    ]
    return whole_page(f"Seller {page.seller_id}, {page.as_of}", "".join(sections))


def _head(page: Page) -> str:
    today, about = page.today, page.about
    facts = [
        text(about.get("seller_name")),
        text(about.get("home_country")),
        f"on the platform since {day(about.get('joined_on'))}" if day(about.get("joined_on")) else "",
        f"tax grade {text(about.get('tax_grade'))}" if text(about.get("tax_grade")) else "",
        f"customs grade {text(about.get('customs_grade'))}" if text(about.get("customs_grade")) else "",
    ]
    has_score = pd.notna(today["score"])
    change = today["change_points"]
    moved = f"{int(change):+d} since the score before" if has_score and pd.notna(change) else "no score before"
    chance = f"{100 * float(today['probability']):.2f} %" if has_score else "–"
    limit = page.limit
    cards = [
        card("Score 信用分", f"{int(today['score'])}" if has_score else "–", moved),
        card("Grade 等级", text(today["grade"]) or "–", "thin file 信息较少" if today["is_thin"] is True else ""),
        card("Probability of default 违约概率", chance, "within a year, as calibrated"),
        card(
            "Limit 可用额度",
            usd(limit.get("limit_usd")),
            {"model": "by the model", "override": "by an officer", "frozen": "frozen 冻结"}.get(
                text(limit.get("limit_basis")), ""
            ),
        ),
    ]
    warning = ""
    if bool(today["is_stale"]):
        warning = (
            f'<div class="warn"><strong>This score is stale 该评分已过期</strong>, of {day(today["scored_on"])}:'
            f" {escape(text(today['stale_reason']))}. Data are missing since {day(today['stale_since_on'])}.</div>"
        )
    elif text(today["note"]):
        warning = f'<div class="warn">{escape(sentence(text(today["note"])))}</div>'
    return (
        f"<h1>Seller {escape(page.seller_id)}</h1>"
        f'<div class="quiet">{escape(", ".join(fact for fact in facts if fact))}</div>'
        f'<div class="quiet">As of {page.as_of}, scorecard {escape(text(today["version"]) or "none")}'
        f" ({escape(text(today['model_status']) or 'none')})</div>"
        f'<div class="top">{"".join(cards)}</div>{warning}{_refused_pledges(page)}'
    )


def _refused_pledges(page: Page) -> str:
    """A warning where the seller has pledged what was pledged before, or another one has pledged what is his."""
    found = []
    for is_own, words in (
        (True, "An item was pledged twice 重复质押"),
        (False, "Another seller has pledged an item of this one again 本卖家的质押项被他人再次质押"),
    ):
        rows = page.refusals[page.refusals["is_own"].astype(bool) == is_own]
        if rows.empty:
            continue
        items = "".join(
            f"<li>Advance {escape(text(row.advance_no))} of {day(row.asked_at)}"
            f"{'' if is_own else f', seller {escape(text(row.seller_id))}'}: {escape(text(row.reason))};"
            f" {f'{usd(row.outstanding_usd)} are owed on it' if row.outstanding_usd != 0 else 'it is repaid'}.</li>"
            for row in rows.head(REASONS).itertuples()
        )
        more = f" ({len(rows)}, the newest {REASONS} of them shown)" if len(rows) > REASONS else f" ({len(rows)})"
        found.append(f'<div class="warn"><strong>{words}</strong>{more}<ul>{items}</ul></div>')
    return "".join(found)


def _reasons(page: Page) -> str:
    if page.parts.empty:
        return section("What costs the most points 主要失分原因", _NO_SCORE)
    rows = page.parts[(page.parts["shortfall_points"] > 0)].sort_values("shortfall_rank").head(REASONS)
    items = "".join(
        f"<li>{escape(text(row.reason_en))} <span class='quiet'>−{row.shortfall_points}</span>"
        f"<small lang='zh'>{escape(text(row.reason_zh))}</small></li>"
        for row in rows.itertuples()
    )
    words = f'<ol class="reasons">{items}</ol>' if items else '<p class="quiet">Nothing costs points. 没有失分项。</p>'
    return section("What costs the most points 主要失分原因", words)


def _limit(page: Page) -> str:
    row = page.limit
    if row.empty:
        return section("Limit 额度", '<p class="quiet">No limit is published.</p>')
    binding = text(row["limited_by"])
    stale = ' <span class="quiet">(the score behind it is stale)</span>' if bool(row["is_stale"]) else ""

    def mark(name: str) -> str:
        return " ← the smallest 取最小值" if name == binding else ""

    receipts = usd(row["verified_receipts_usd"])
    rebate = (
        f"{row['beta']:g} × unpaid rebates {usd(row['unpaid_rebate_usd'])}"
        if pd.notna(row["rebate_term_usd"])
        else "no rebate claimed within a year: does not bind"
    )
    terms = [
        (f"Cap of grade {text(row['grade']) or 'none'} 等级上限{mark('cap')}", usd(row["cap_usd"])),
        (
            f"{row['alpha']:g} × verified receipts of 180 days {receipts} 近180天核实收汇{mark('receipts')}",
            usd(row["receipts_term_usd"]),
        ),
        (
            f"{rebate} 未退税款{mark('rebates')}",
            usd(row["rebate_term_usd"]) if pd.notna(row["rebate_term_usd"]) else "–",
        ),
        ("The smallest of the three 三者最小", usd(row["base_usd"])),
        (f"× factor of the grade {row['grade_factor']:g} 等级系数", usd(row["line_usd"])),
        ("− outstanding 未还本金", usd(row["outstanding_usd"])),
        ("Limit of the model, at least 0 模型额度", usd(row["model_limit_usd"])),
    ]
    if text(row["stop_reason"]):
        terms.append((f"Stopped: {text(row['stop_reason'])}", usd(0.0)))
    if pd.notna(row["override_usd"]):
        terms.append((f"Line of the officer ({text(row['decision_id'])}) 人工额度", usd(row["override_usd"])))
    body = "".join(f"<tr><td>{escape(words)}</td><td class='num'>{amount}</td></tr>" for words, amount in terms)
    body += f"<tr class='sum'><td>May be lent now 可用额度</td><td class='num'>{usd(row['limit_usd'])}</td></tr>"
    problem = f'<div class="warn">{escape(text(row["data_problem"]))}</div>' if text(row["data_problem"]) else ""
    words = f"<p>{escape(text(row['reason']))}{stale}</p>{problem}"
    return section("Limit, term by term 额度构成", f'<table class="terms">{body}</table>{words}')


def _changes(page: Page) -> str:
    if bool(page.today["is_stale"]):
        return '<p class="quiet">The score is kept as it was; nothing is compared.</p>'
    found = []
    if page.month_ago is not None:
        total = int(page.month_changes["change_points"].sum())
        found.append(f"<h3>Since {page.month_ago}: {total:+d} points</h3>{change_chart(page.month_changes)}")
    before = day(page.changes["previous_on"].iloc[0]) if len(page.changes) else ""
    if before and before != str(page.month_ago):
        total = int(page.changes["change_points"].sum())
        found.append(f"<h3>Since {before}: {total:+d} points</h3>{change_chart(page.changes)}")
    return "".join(found) or '<p class="quiet">There is no earlier score to compare with.</p>'


def _parts(page: Page) -> str:
    if page.parts.empty:
        return _NO_SCORE
    base = page.parts[page.parts["shortfall_rank"].isna()]
    words = "; ".join(f"{row.label_en} {row.points:+d}" for row in base.itertuples())
    return parts_chart(page.parts) + f'<p class="quiet">{escape(words)}. All parts together are the score.</p>'


def _exposure(page: Page) -> str:
    owed = page.advances[page.advances["outstanding_amount"] > 0]
    columns = ["advance_no", "paid_out_at", "principal_amount", "currency_code", "outstanding_amount", "overdue_usd",
               "days_past_due", "problem"]  # fmt: skip
    words = f"<p>{len(page.advances)} advances, {len(owed)} with something outstanding.</p>"
    return words + table(owed[columns]) + ("<h3>Pledges 质押</h3>" + table(page.pledges) if len(page.pledges) else "")


def _guarantee(page: Page) -> str:
    offered = page.offers[page.offers["is_offered"].astype(bool)]
    if offered.empty:
        why = text(page.offers["reason"].iloc[0]) if len(page.offers) else "No order within a year."
        words = f'<p class="quiet">{escape(why)}</p>'
    else:
        columns = ["market", "cover_pct", "order_cap_usd", "year_cap_usd", "waiting_days", "expected_loss_pct",
                   "margin_pct", "price_pct", "price_per_order_usd"]  # fmt: skip
        words = table(offered[columns]) + f'<p class="quiet">{escape(text(offered["reason"].iloc[0]))}</p>'
    if len(page.claims):
        columns = ["claim_no", "market", "order_no", "claimed_at", "claim_state", "verdict", "claimed_usd",
                   "covered_usd",                   "paid_usd", "recovered_usd", "reason"]  # fmt: skip
        words += "<h3>Claims 理赔</h3>" + table(page.claims[columns])
    return words


def _decisions(page: Page) -> str:
    columns = ["decided_at", "decision_id", "word_no", "decision", "limit_usd", "reason", "decided_by", "second_by",
               "state",               "state_reason", "source_file", "source_row"]  # fmt: skip
    return table(page.decisions[columns]) if len(page.decisions) else '<p class="quiet">None. 无。</p>'


def _evidence(one: Evidence) -> str:
    more = f", {len(one.rows)} of them shown" if one.count > len(one.rows) else ""
    head = f"{escape(one.title)}: {one.count}{more} <span class='quiet'>{escape(one.words)}</span>"
    if not one.count:
        return f"<details><summary>{head}</summary></details>"
    return f"<details><summary>{head}</summary>{table(one.rows)}</details>"


def _chains(page: Page) -> str:
    words = "The whole chain behind any number above, with every file and row:"
    found = [f"<p class='quiet'>{words} <code>python -m orchestration.trace NUMBER</code></p>"]
    for number, chain, words in page.chains:
        if chain is None:
            found.append(f"<p class='quiet'>{escape(number)}: {escape(words or 'no chain')}</p>")
            continue
        rows = pd.DataFrame(
            [
                {
                    "document": one.record.feed, "number": one.number, "at": one.at, "tied": one.tie_basis,
                    "file": one.record.file, "file_row": one.record.row,
                }
                for one in chain.documents
            ]
        )  # fmt: skip
        head = f"Chain of order {escape(number)}, {escape(chain.market)} <code>{escape(chain.chain_hash[:16])}</code>"
        found.append(f"<details open><summary>{head}</summary>{table(rows)}</details>")
    return "".join(found)
