"""The answer as plain text: a tree that fits the width of the screen.

Belongs here: words and lines. Does not: what is told (see answer.py), other forms (see report.py).
"""

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from orchestration.trace.answer import Answer, Candidate, Expectation
from orchestration.trace.chain import Chain, Document, Record, UsedBy
from orchestration.trace.feeds import FEEDS
from orchestration.trace.finding import Stray
from orchestration.trace.shelf import Row, Value
from orchestration.trace.uses import (
    ALLOWANCE,
    COVERAGE,
    EVENTS,
    LANDED_COST,
    LEDGER,
    MATCHES,
    MONEY_LEGS,
    PAYOUT_ROWS,
    REBATES,
    WORKLIST,
)

SHOWN_ORDERS = 40
SHOWN_FIGURES = 3
_BASIS: Mapping[str, str] = {
    "is_order": "the order itself",
    "names_order": "names the order",
    "names_line": "its lines name the order",
    "declaration_item": "claims an item of the order's declaration",
    "settlement_line": "pays the order's settlement lines",
    "collection": "pays the month's collected payments",
}


@dataclass(frozen=True)
class Node:
    """A line of the tree, and what stands below it."""

    text: str
    children: list["Node"] = field(default_factory=list)


def tree(answer: Answer, *, width: int = 100) -> str:
    """The answer in lines of at most `width` characters (at least 40)."""
    return "\n".join(_drawn(_root(answer), max(width, 40)))


def _drawn(node: Node, width: int, lead: str = "", mark: str = "") -> Iterator[str]:
    below = lead + ("│  " if mark.startswith("├") else "   " if mark else "")
    hang = "│  " if node.children else "   "
    wrapped = textwrap.wrap(node.text, max(width - len(below) - 3, 20), break_on_hyphens=False) or [""]
    yield lead + mark + wrapped[0]
    for more in wrapped[1:]:
        yield below + hang + more
    for position, child in enumerate(node.children, start=1):
        yield from _drawn(child, width, below, "└─ " if position == len(node.children) else "├─ ")


def _root(answer: Answer) -> Node:
    if answer.chain is not None:
        return _chain(answer, answer.chain)
    if answer.candidates:
        return _choice(answer)
    searched = answer.elsewhere
    tables = ", ".join(searched.tables) if searched else "nowhere"
    strays = [_stray(stray) for stray in searched.strays] if searched else []
    words = "no standing order has this number" + ("; it was found elsewhere" if strays else "")
    return Node(f"{answer.number}: {words}", [*strays, Node(f"searched: {tables}")])


def _stray(stray: Stray) -> Node:
    return Node(f"{stray.feed} {stray.number}: {stray.reason}; {_where(stray.file, stray.row)}")


def _choice(answer: Answer) -> Node:
    """The orders behind a number, with a summary."""
    ways = sorted({(hit.feed, hit.number_kind) for candidate in answer.candidates for hit in candidate.hits})
    named = ", ".join(f"{_noun(feed)} ({kind})" for feed, kind in ways)
    places: dict[str, int] = {}
    states: dict[str, int] = {}
    for candidate in answer.candidates:
        place = f"{candidate.hits[0].market} {candidate.hits[0].month}"
        places[place] = places.get(place, 0) + 1
        for state in candidate.states:
            states[state] = states.get(state, 0) + 1
    children = [Node("orders by place: " + ", ".join(f"{place} {count}" for place, count in sorted(places.items())))]
    if states:
        summary = ", ".join(f"{state} {count}" for state, count in sorted(states.items(), key=lambda one: -one[1]))
        children.append(Node(f"orders by state of their lines: {summary}"))
    children += [_candidate(candidate) for candidate in answer.candidates[:SHOWN_ORDERS]]
    if len(answer.candidates) > SHOWN_ORDERS:
        children.append(Node(f"and {len(answer.candidates) - SHOWN_ORDERS} more; --json lists all"))
    children.append(Node("choose one with --order NUMBER"))
    return Node(f"{answer.number}: {len(answer.candidates)} orders behind it, as {named}", children)


def _candidate(candidate: Candidate) -> Node:
    hit, order = candidate.hits[0], candidate.order
    number = order.get("order_no") or hit.order_key
    ordered = f", ordered {_moment(order['ordered_at'])}" if order.get("ordered_at") else ", in quarantine"
    amount = f", {_money(order.get('sales_amount'), order.get('currency_code'))}" if order.get("sales_amount") else ""
    states = f", {'/'.join(candidate.states)}" if candidate.states else ""
    return Node(f"{number} ({order.get('source_id', '?')}), {hit.market} {hit.month}{ordered}{amount}{states}")


def _chain(answer: Answer, chain: Chain) -> Node:
    order = chain.order
    children = []
    if answer.held_back:
        children.append(Node(f"{chain.market} is held back {answer.held_back}; what came since is not shown"))
    if order is None:
        children.append(Node("the order itself does not stand; what names it is shown"))
        children += [_stray(stray) for stray in (answer.elsewhere.strays if answer.elsewhere else ())]
    sections = (
        ("lines and their states", [_line(row, chain) for row in _sorted(chain.rows_of(LEDGER), "line_no")]),
        ("documents", [_document(document) for document in chain.documents]),
        ("matches", [_match(row) for row in (*chain.rows_of(MATCHES), *chain.rows_of(ALLOWANCE))]),
        ("money", _money_nodes(chain)),
        ("rebates", [_rebate(row) for row in chain.rows_of(REBATES)]),
        ("to do", [_item(row) for row in chain.rows_of(WORKLIST)]),
        ("used by", [_use(used) for used in chain.used_by if used.rows]),
    )
    children += [Node(title, nodes) for title, nodes in sections if nodes]
    if answer.expectation is not None:
        children.append(_expectation(answer.expectation))
    if answer.unpublished:
        children.append(Node("not published here: " + ", ".join(answer.unpublished)))
    details = order.record.details if order else {}
    number = order.number if order else chain.order_key
    words = [f"order {number}", f"{chain.market} {chain.month}"]
    if details:
        words.append(f"seller {details['seller_id']}, {details['channel'] or 'unknown channel'}")
        words.append(f"{_money(details['payable_amount'], details['currency_code'])} payable")
    words.append(f"publication {answer.publication_id}, chain {chain.chain_hash}")
    return Node("; ".join(words), children)


def _line(row: Row, chain: Chain) -> Node:
    words = [
        f"line {row['line_no']}: {_plain(row['quantity'])} of {row['product_id']}, "
        f"{_money(row['line_amount'], row['currency_code'])}: {row['state'] or 'no state'}"
        + (f" since {_moment(row['state_since_at'])}" if row["state_since_at"] else "")
    ]
    if row["waits_for"]:
        due = f", due {row['waits_due_on']}" if row["waits_due_on"] else ""
        words.append(f"waits for {row['waits_for']} since {_moment(row['waits_since_at'])}{due}")
    if row["violations"]:
        words.append(f"violations: {row['violations']}")
    children = [_event(event, chain) for event in _events(chain, row["line_key"])]
    costs = [cost for cost in chain.rows_of(LANDED_COST) if cost["line_key"] == row["line_key"]]
    if costs:
        children.append(Node("landed cost", [_cost(cost) for cost in costs]))
    return Node("; ".join(words), children)


def _events(chain: Chain, line_key: Value) -> list[Row]:
    mine = [row for row in chain.rows_of(EVENTS) if row["line_key"] == line_key]
    return sorted(mine, key=lambda row: (str(row["event_at"]), row["sequence_no"] or 0))


def _event(row: Row, chain: Chain) -> Node:
    document = next((one for one in chain.documents if one.record.key == row["document_key"]), None)
    by = f" by {_noun(document.record.feed)} {document.number}" if document else ""
    complete = "" if row["is_complete"] is None or row["is_complete"] else ", not complete"
    quantity = f"{_plain(row['quantity'])} ({_plain(row['cumulative_qty'])} so far{complete})"
    return Node(f"{_moment(row['event_at'])} {row['event_name']}: {quantity}{by}")


def _cost(row: Row) -> Node:
    rule = f" [{row['rule_key']}]" if row["rule_key"] else ""
    return Node(
        f"{row['term']} {_money(row['amount'], row['currency_code'])}, {row['basis']}: {row['explanation']}{rule}"
    )


def _document(document: Document) -> Node:
    basis = _BASIS.get(document.tie_basis, document.tie_basis.replace("_", " "))
    words = f"{_moment(document.at)} {_noun(document.record.feed)} {document.number}: {basis}"
    children = [Node(f"{_where(document.record.file, document.record.row)}, tie {document.tie_hash[:12]}")]
    if said := _said(document.record):
        children.append(Node(said))
    children += [Node(f"{part.feed}: {_said(part)}; {_where(part.file, part.row)}") for part in document.parts]
    if document.parts_of_others:
        children.append(Node(f"and {document.parts_of_others} of other orders"))
    return Node(words, children)


def _said(record: Record) -> str:
    hidden = set(FEEDS[record.feed].days) if record.feed in FEEDS else set()
    return ", ".join(
        f"{name} {_plain(value)}"
        for name, value in record.details.items()
        if value not in (None, "") and not name.endswith("_key") and name not in hidden
    )


def _match(row: Row) -> Node:
    sides = f"{row.get('left_value') or '–'} | {row.get('right_value') or '–'}" if "left_value" in row else ""
    if "used_cny_amount" in row:
        sides = f"CNY {_plain(row['used_cny_amount'])} used in {row['calendar_year']}"
    difference = row.get("difference")
    apart = f", {_plain(difference)} apart" if difference else ""
    return Node(f"{row['rule_id']}: {row['match_status']} ({sides}{apart})")


def _money_nodes(chain: Chain) -> list[Node]:
    nodes = [
        Node(
            f"{_moment(row['booked_at'])} {row['leg_type']} {_money(row['amount'], row['currency_code'])}"
            f" ({row['document_feed']})"
        )
        for row in _sorted(chain.rows_of(MONEY_LEGS), "booked_at")
    ]
    for row in _sorted(chain.rows_of(PAYOUT_ROWS), "settled_on"):
        receipt = f"receipt {row['receipt_no']} of {row['received_on']} ({row['match_basis']})"
        nodes.append(
            Node(
                f"payout {row['payout_no']} ({row['payout_kind']}, {row['order_count']} orders):"
                f" net {_money(row['net_amount'], row['currency_code'])}, {row['payout_status']}, "
                + (receipt if row["receipt_no"] else f"receipt due {row['receipt_due_on']}")
                + f", unexplained {_money(row['unexplained_amount'], row['receipt_currency_code'])}"
            )
        )
    nodes += [
        Node(
            f"declared {_money(row['declared_amount'], row['currency_code'])}:"
            f" unexplained {_plain(row['unexplained_amount'])}"
        )
        for row in chain.rows_of(COVERAGE)
    ]
    return nodes


def _rebate(row: Row) -> Node:
    paid = f", paid {row['paid_on']}" if row["paid_on"] else f", due {row['due_on']}" if row["due_on"] else ""
    amount = _money(row["rebate_amount"], row["currency_code"])
    return Node(f"{row['claim_key']}: {row['rebate_state']}, {_plain(row['rate_pct'])} % = {amount}{paid}")


def _item(row: Row) -> Node:
    sides = f" ({row['left_value'] or '–'} | {row['right_value'] or '–'})"
    return Node(
        f"{row['exception_id']}: {row['reason']}{sides}, {_money(row['value_at_risk_usd'], 'USD')} at risk,"
        f" {row['owner_role']} from {row['act_from_on']}"
    )


def _use(used: UsedBy) -> Node:
    use = used.use
    named = {name: values for name, values in used.keys.items() if name not in use.hidden}
    keys = ", ".join(f"{name}={_keys(values)}" for name, values in named.items())
    words = f"{use.table.split('.')[1]} [{keys}]: {len(used.rows)} row{'s' if len(used.rows) > 1 else ''}"
    if not use.figure:
        return Node(words)
    shown = [name for name in use.shown if name not in use.hidden and name not in ("line_key", "product_key")]
    figures = [Node(_fields(row, shown)) for row in used.rows[:SHOWN_FIGURES]]
    if len(used.rows) > SHOWN_FIGURES:
        figures.append(Node(f"and {len(used.rows) - SHOWN_FIGURES} more"))
    return Node(f"{words}, {use.figure}", figures)


def _keys(values: Sequence[Value]) -> str:
    shown = [str(value) if len(str(value)) < 32 or "__" in str(value) else f"{str(value)[:8]}…" for value in values[:3]]
    return " or ".join(shown) + (f" or {len(values) - 3} more" if len(values) > 3 else "")


def _fields(row: Row, names: Iterable[str]) -> str:
    return ", ".join(f"{name} {_plain(row[name])}" for name in names if row[name] not in (None, ""))


def _expectation(expectation: Expectation) -> Node:
    if expectation.holds:
        return Node(f"the chain still has the hash {expectation.expected}")
    if expectation.publication_id is None:
        return Node(f"the chain has another hash than {expectation.expected}; no kept publication shows that one")
    changed = [Node(f"{tie}: {what}") for tie, what in expectation.changed.items()]
    return Node(f"the chain has changed since publication {expectation.publication_id}", changed)


def _noun(feed: str) -> str:
    return FEEDS[feed].noun if feed in FEEDS else feed.removesuffix("s").replace("_", " ")


def _where(file: str | None, row: int | None) -> str:
    return "computed" if file is None else f"{file} row {row}"


def _sorted(rows: Sequence[Row], name: str) -> list[Row]:
    return sorted(rows, key=lambda row: (row[name] is None, str(row[name]).zfill(20)))


def _money(amount: Value, currency_code: Value) -> str:
    return "no amount" if amount is None else f"{currency_code or '?'} {_plain(amount)}"


def _moment(value: Value) -> str:
    return f"{value:%Y-%m-%d %H:%M}" if isinstance(value, datetime) else str(value)


def _plain(value: Value) -> str:
    """The value as people write it: no zeros without meaning."""
    if isinstance(value, Decimal):
        text = f"{value.normalize():f}"
        whole, _, cents = text.partition(".")
        return f"{whole}.{cents.ljust(2, '0')}" if cents else whole
    if isinstance(value, float):
        return f"{value:.6g}"
    return _moment(value)
