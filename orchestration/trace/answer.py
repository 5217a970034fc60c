"""The answer to a number: one order's chain, the orders among which to choose, or where else the number stands.

Belongs here: which of these it is, and whether an expected hash still holds. Does not: how it is shown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestration.trace.chain import Chain, chain_hash, read_chain, ties_of
from orchestration.trace.finding import NUMBERS, TIES, Hit, Searched, find_orders, look_elsewhere, orders_of
from orchestration.trace.shelf import Row, Shelf, TraceError
from orchestration.trace.uses import LEDGER

_ORDERS = "marts.fct_orders"
_ORDER_COLUMNS = (
    "order_key",
    "order_no",
    "source_id",
    "market",
    "month",
    "ordered_at",
    "currency_code",
    "sales_amount",
)


@dataclass(frozen=True)
class Candidate:
    """An order behind a number: the ways in which the number leads to it, what it is, the states of its lines."""

    hits: tuple[Hit, ...]
    order: Row
    states: tuple[str, ...]


@dataclass(frozen=True)
class Expectation:
    """Whether a chain still has the hash that somebody noted, and what has changed since.

    publication_id: the newest kept publication that shows the noted hash; None when none does.
    changed: tie → `changed`, `added` or `removed`.
    """

    expected: str
    holds: bool
    publication_id: int | None
    changed: Mapping[str, str]


@dataclass(frozen=True)
class Answer:
    """What a number leads to: `chain` of the one order, else `candidates` to choose from, else `elsewhere`.

    held_back: since when and why a gate holds the order's market back, so that newer records are not in the chain.
    """

    number: str
    namespace: str
    publication_id: int | None
    hits: tuple[Hit, ...]
    chain: Chain | None = None
    candidates: tuple[Candidate, ...] = ()
    elsewhere: Searched | None = None
    expectation: Expectation | None = None
    unpublished: tuple[str, ...] = ()
    held_back: str | None = None

    @property
    def is_found(self) -> bool:
        """Whether some order stands behind the number."""
        return bool(self.hits)


def trace(shelf: Shelf, number: str, *, order: str = "", expect: str = "") -> Answer:
    """The answer to a number or key.

    order: the number or key of the one order to show, where several stand behind the number.
    expect: the chain hash that was noted before.
    Raises TraceError when the lake cannot be read, or none of the orders is the one named.
    """
    if NUMBERS not in shelf.snapshots:
        raise TraceError(
            f"{shelf.home.folder}: namespace {shelf.namespace!r} has no published ledger"
            f"{f' as of publication {shelf.publication_id}' if shelf.publication_id is not None else ''}"
        )
    hits = find_orders(shelf, number)
    if order:
        hits = _chosen(shelf, hits, number, order)
    orders = orders_of(hits)
    publication = shelf.newest_publication
    if not orders:
        elsewhere = look_elsewhere(shelf, number)
        return Answer(number, shelf.namespace, publication, (), elsewhere=elsewhere, unpublished=_missing(shelf))
    if len(orders) > 1:
        candidates = _candidates(shelf, hits)
        return Answer(
            number, shelf.namespace, publication, tuple(hits), candidates=candidates, unpublished=_missing(shelf)
        )
    chain = read_chain(shelf, orders[0])
    return Answer(
        number,
        shelf.namespace,
        publication,
        tuple(hits),
        chain=chain,
        # A number of an order that is in quarantine leads to its documents; the reason stands there.
        elsewhere=look_elsewhere(shelf, number) if chain.order is None else None,
        expectation=_expectation(shelf, orders[0], chain, expect) if expect else None,
        unpublished=_missing(shelf),
        held_back=shelf.held_back(chain.market),
    )


def _missing(shelf: Shelf) -> tuple[str, ...]:
    return tuple(sorted(shelf.unpublished))


def _chosen(shelf: Shelf, hits: Sequence[Hit], number: str, order: str) -> list[Hit]:
    wanted = {hit.order_key for hit in find_orders(shelf, order) if hit.feed == "orders"}
    kept = [hit for hit in hits if hit.order_key in wanted]
    if hits and not kept:
        raise TraceError(f"{number}: order {order} is not among the {len(orders_of(hits))} orders behind it")
    return kept


def _candidates(shelf: Shelf, hits: Sequence[Hit]) -> tuple[Candidate, ...]:
    keys = [hit.order_key for hit in orders_of(hits)]
    places = sorted({(hit.market, hit.month) for hit in hits})
    orders = {row["order_key"]: row for row in shelf.rows(_ORDERS, _ORDER_COLUMNS, {"order_key": keys}, places=places)}
    states: dict[object, set[str]] = {}
    for row in shelf.rows(LEDGER.table, ("order_key", "state"), {"order_key": keys}, places=places):
        states.setdefault(row["order_key"], set()).add(str(row["state"]))
    return tuple(
        Candidate(
            tuple(hit for hit in hits if hit.order_key == key),
            orders.get(key, {"order_key": key}),
            tuple(sorted(states.get(key, ()))),
        )
        for key in keys
    )


def _expectation(shelf: Shelf, hit: Hit, chain: Chain, expected: str) -> Expectation:
    if chain.chain_hash == expected:
        return Expectation(expected, True, shelf.newest_publication, {})
    now = ties_of(shelf, hit)
    for publication_id in shelf.publications_before(TIES):
        then = ties_of(Shelf(shelf.home, shelf.namespace, publication_id), hit)
        if chain_hash(then) == expected:
            return Expectation(expected, False, publication_id, _differences(then, now))
    return Expectation(expected, False, None, {})


def _differences(then: Mapping[str, str], now: Mapping[str, str]) -> Mapping[str, str]:
    changed = {tie: "changed" for tie in then.keys() & now.keys() if then[tie] != now[tie]}
    changed |= dict.fromkeys(then.keys() - now.keys(), "removed") | dict.fromkeys(now.keys() - then.keys(), "added")
    return dict(sorted(changed.items()))
