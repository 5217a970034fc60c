"""A run over an empty lake in which every model is built once, over raw rows of every feed that tests have made.

Belongs here: the building, which takes longer than all that is asserted about it. Does not: rows (contract_rows.py).
"""

from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING

import pyarrow as pa

from orchestration.arrivals.contracts import contracts
from orchestration.lake import Lake
from orchestration.markets import load_markets
from orchestration.modeling.build import NodeResult, build_models
from orchestration.modeling.contract_book import RAW_COLUMNS
from orchestration.modeling.manifest import published_models
from orchestration.runs import MonthSelection, RunDatabase, make_plan
from orchestration.settings import Settings
from tests.contract_rows import LOADED_AT, file_of, rows_of

if TYPE_CHECKING:
    import duckdb


def readable(results: list[NodeResult]) -> str:
    """Results as a failed test shows them."""
    return "\n\n".join(f"{result.unique_id}: {result.status}\n{result.message}" for result in results)


@cache
def built_run() -> RunDatabase:
    """The run; it is built by the first test that asks."""
    settings = Settings(home=Path(mkdtemp(prefix="tradewind-built-")), catalog_uri="")
    lake = Lake(settings)
    plan, index = make_plan(lake, run_id="built", markets=["DE"], months=MonthSelection.parse("all"))
    run = RunDatabase(settings, "built")
    with index:
        run.prepare(lake, plan, load_markets(settings.markets_file), published_models(), published_models(), index)
    with run.connect() as con:
        for feed in contracts():
            _write(con, feed)
    failed = [result for result in build_models(run.path, ["tradewind"], with_tests=False) if result.has_failed]
    assert not failed, readable(failed)
    return run


def _write(con: "duckdb.DuckDBPyConnection", feed: str) -> None:
    """The raw rows of a feed, and one whose every field holds its own name: it shows where each field ends up."""
    contract = contracts()[feed]
    records: list[dict[str, object]] = [
        {
            "_source_id": "test",
            "_file": file_of(feed),
            "_row": number,
            "_batch_id": 1,
            "_loaded_at": LOADED_AT,
            "_content_hash": row.name,
            "_repairs": "",
            "_document_key": "sound" if contract.follows else row.name,
            "_record_key": row.name,
            "_version": 0,
            "_event_at": "",
            "_market": "DE" if contract.has_market else None,
            "_month": "2026-03" if contract.has_market else None,
            "_is_overdue": False,
            "_replay_count": 0,
            **row.values,
            **row.load,
        }
        for number, row in enumerate(rows_of(feed), 1)
    ]
    records.append({name: name for name in contract.field_names} | {"_file": f"{feed}.csv", "_row": 1, "_market": "ZZ"})
    types = dict.fromkeys(contract.field_names, "varchar") | RAW_COLUMNS
    columns = ", ".join(f"cast({name} as {kind}) as {name}" for name, kind in types.items())
    made = pa.table({name: pa.array([_text(record.get(name)) for record in records], pa.string()) for name in types})
    con.register("made", made)
    con.execute(f"drop view if exists raw.{feed}")
    con.execute(f"create table raw.{feed} as select {columns} from made")
    con.unregister("made")


def _text(value: object) -> str | None:
    return None if value is None else str(value)
