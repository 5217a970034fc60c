"""The answer as JSON, in the form that docs/trace.md describes; what changes its form changes its number.

Belongs here: names and types of the fields. Does not: what is told (see answer.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal

from orchestration.trace.answer import Answer
from orchestration.trace.chain import Chain, Document, Record, UsedBy
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

SCHEMA_VERSION = 1
Json = Mapping[str, object]


def report(answer: Answer) -> Json:
    """The answer as a mapping that `json.dumps` can write: amounts as text with their digits, moments in ISO 8601."""
    chain, elsewhere, expectation = answer.chain, answer.elsewhere, answer.expectation
    return {
        "schema_version": SCHEMA_VERSION,
        "number": answer.number,
        "namespace": answer.namespace,
        "publication_id": answer.publication_id,
        "is_found": answer.is_found,
        "hits": [asdict(hit) for hit in answer.hits],
        "order": None if chain is None else _order(chain),
        "candidates": [
            {
                **_fields(candidate.order),
                "states": list(candidate.states),
                "hits": [asdict(hit) for hit in candidate.hits],
            }
            for candidate in answer.candidates
        ],
        "elsewhere": [] if elsewhere is None else [asdict(stray) for stray in elsewhere.strays],
        "searched": [] if elsewhere is None else list(elsewhere.tables),
        "expectation": None if expectation is None else asdict(expectation),
        "unpublished": list(answer.unpublished),
        "held_back": answer.held_back,
    }


def _order(chain: Chain) -> Json:
    order = chain.order
    return {
        "order_key": chain.order_key,
        "order_no": None if order is None else order.number,
        "market": chain.market,
        "month": chain.month,
        "chain_hash": chain.chain_hash,
        "lines": [
            {
                **_fields(line),
                "events": _of_line(chain.rows_of(EVENTS), line),
                "landed_cost": _of_line(chain.rows_of(LANDED_COST), line),
            }
            for line in chain.rows_of(LEDGER)
        ],
        "documents": [_document(document) for document in chain.documents],
        "matches": _rows([*chain.rows_of(MATCHES), *chain.rows_of(ALLOWANCE)]),
        "money": {
            "legs": _rows(chain.rows_of(MONEY_LEGS)),
            "payouts": _rows(chain.rows_of(PAYOUT_ROWS)),
            "coverage": _rows(chain.rows_of(COVERAGE)),
        },
        "rebates": _rows(chain.rows_of(REBATES)),
        "worklist": _rows(chain.rows_of(WORKLIST)),
        "used_by": [_used(used) for used in chain.used_by if used.rows],
    }


def _document(document: Document) -> Json:
    return {
        **_record(document.record),
        "document_no": document.number,
        "document_at": _value(document.at),
        "tie_basis": document.tie_basis,
        "tie_hash": document.tie_hash,
        "parts": [_record(part) for part in document.parts],
        "parts_of_other_orders": document.parts_of_others,
    }


def _record(record: Record) -> dict[str, object]:
    return {
        "feed": record.feed,
        "key": record.key,
        "file": record.file,
        "row": record.row,
        "fields": _fields(record.details),
    }


def _used(used: UsedBy) -> Json:
    """A table with its keys; its rows only where they are no part of the chain, which stand above."""
    hidden = used.use.hidden
    return {
        "table": used.use.table,
        "keys": {name: [_value(value) for value in values] for name, values in used.keys.items() if name not in hidden},
        "row_count": len(used.rows),
        "figure": used.use.figure or None,
        "rows": [_fields(row, hidden) for row in used.rows] if used.use.figure else [],
    }


def _of_line(rows: Sequence[Row], line: Row) -> list[Json]:
    return _rows([row for row in rows if row["line_key"] == line["line_key"]])


def _rows(rows: Sequence[Row]) -> list[Json]:
    return [_fields(row) for row in rows]


def _fields(row: Row, hidden: frozenset[str] = frozenset()) -> dict[str, object]:
    return {name: _value(value) for name, value in row.items() if name not in hidden}


def _value(value: Value) -> str | int | float | bool | None:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    return value
