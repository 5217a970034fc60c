"""The officer's sheet: every seller's limit, ready for a decision.

Belongs here: columns and rows. Does not: writing the file (see `planning/sheets.py`), reading it back (that is the
mapping `officers.yaml`, whose columns these are).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from orchestration.arrivals.contracts import contracts

if TYPE_CHECKING:
    import duckdb

BESIDE = (
    "as_of_on", "score", "grade", "probability_pct", "is_stale", "limit_usd", "model_limit_usd", "limited_by",
    "outstanding_usd", "model_reason",
)  # fmt: skip


def decision_sheet(
    con: "duckdb.DuckDBPyConnection", sellers: Sequence[str] = ()
) -> tuple[Sequence[str], list[tuple[object, ...]]]:
    """Columns and rows of the newest limits of these sellers (none named: all), each ready for a decision.

    con: the published tables as views. Raises LookupError when there is none.
    """
    fields = contracts()["credit_decisions"].field_names
    given = {
        "decision_id": "'L-' || limits.seller_id || '-' || limits.as_of_on",
        "seller_id": "limits.seller_id",
        "currency_code": "null",
    }
    chosen = ", ".join(f"{given.get(name, 'null')} as {name}" for name in fields)
    rows = con.execute(
        f"""
        select {chosen}, limits.as_of_on, score.score, limits.grade, round(100 * score.probability, 3), limits.is_stale,
            limits.limit_usd, limits.model_limit_usd, limits.limited_by, limits.outstanding_usd, limits.reason
        from seller_limit as limits
        left join seller_score as score using (seller_id, as_of_on)
        where limits.as_of_on = (select max(as_of_on) from seller_limit)
            and (len($sellers) = 0 or list_contains($sellers, limits.seller_id))
        order by limits.outstanding_usd desc nulls last, limits.seller_id
        """,
        {"sellers": list(sellers)},
    ).fetchall()
    if not rows:
        raise LookupError("no limit is published of these sellers: run credit_job first")
    return (*fields, *BESIDE), rows
