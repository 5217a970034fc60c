"""A read-only way in: the published tables as DuckDB views, for notebooks, BI and the command line.

    python -m orchestration.sql "select market, count(*) from fct_orders group by all"
    python -m orchestration.sql --tables
    python -m orchestration.sql --write-views var/tradewind.duckdb

Belongs here: views over one set of pins. Does not: anything that writes to the lake.
All tables are read as of the same publications, taken in one SELECT; a run that publishes meanwhile is neither seen
nor blocked. The files of the views stay until maintenance expires their publications.
"""

import argparse
import json
import re
import sys
from collections.abc import Collection, Sequence
from pathlib import Path

import duckdb

from orchestration.credit.tables import CREDIT_MODELS
from orchestration.customers.tables import CUSTOMER_MODELS
from orchestration.forecasting.tables import FORECAST_MODELS
from orchestration.lake import PUBLISHED, Lake, Pin
from orchestration.marketing.media.tables import MEDIA_MODELS
from orchestration.marketing.recommending.tables import RECOMMENDATION_MODELS
from orchestration.modeling.manifest import PublishedModel, published_models
from orchestration.planning.tables import PLANNING_MODELS
from orchestration.settings import Settings
from orchestration.simulation.tables import SCORECARD_MODELS

# A file is read when its rows are known; what no published state accounts for is still to come.
_FILE_BALANCE = """
    create or replace view file_balance as
    with arrived as (select * from arrived_files where status = 'loaded'),
    states as (
        select feed, _batch_id, _file, state, sum(row_count) as row_count
        from (select * from row_balance union all by name select * from reference_row_balance)
        group by all
    ),
    per_file as (
        select arrived.file, arrived.batch_id, arrived.source_id, arrived.feed, arrived.rows_read,
            coalesce(sum(row_count) filter (where state = 'accepted'), 0)::bigint as accepted,
            coalesce(sum(row_count) filter (where state = 'repaired'), 0)::bigint as repaired,
            coalesce(sum(row_count) filter (where state = 'superseded'), 0)::bigint as superseded,
            coalesce(sum(row_count) filter (where state = 'quarantined'), 0)::bigint as quarantined
        from arrived
        left join states
            on arrived.batch_id = states._batch_id and arrived.feed = states.feed
            and (states._file = arrived.file or starts_with(states._file, arrived.file || '!'))
        group by all
    )
    select *, rows_read - accepted - repaired - superseded - quarantined as pending from per_file
"""

# The words of a term hold the figures of the rule; those of the line stand beside them.
_LANDED_COST_EXPLAINED = """
    create or replace view landed_cost_explained as
    select line_key, order_key, market, term, amount, currency_code, rule_key,
        term || ' ' || coalesce(printf('%,.2f', amount::double) || ' ' || currency_code, 'unknown')
            || case when tested_amount is not null and contains(explanation, 'value')
                then ', value ' || printf('%,.2f', tested_amount::double) || ' ' || tested_currency_code
                else '' end
            || ': ' || explanation as words
    from fct_landed_cost
"""

# What the views above are made from; the same for the tables that no model publishes.
_BEHIND = {
    "file_balance": {"arrived_files", "row_balance", "reference_row_balance"},
    "landed_cost_explained": {"fct_landed_cost"},
    "arrived_files": set[str](),
    "publications": set[str](),
    "held_back": set[str](),
}
# A query with one of these asks which tables there are.
_ASKS_FOR_TABLES = re.compile(r"\b(show|information_schema|duckdb_\w+|pragma\w*|query\w*)\b", re.IGNORECASE)


def all_models() -> list[PublishedModel]:
    """Every table that a reader may see."""
    computed = (
        *(FORECAST_MODELS, CUSTOMER_MODELS, MEDIA_MODELS, RECOMMENDATION_MODELS),
        *(PLANNING_MODELS, CREDIT_MODELS, SCORECARD_MODELS),
    )
    return [*published_models().values(), *(model for models in computed for model in models)]


def connect(
    lake: Lake, *, namespace: str = PUBLISHED, publication_id: int | None = None, tables: Collection[str] | None = None
) -> duckdb.DuckDBPyConnection:
    """An in-memory DuckDB with a view for each published table, and what became of files and markets.

    tables: see `create_views`.
    """
    con = duckdb.connect()
    create_views(con, lake, namespace=namespace, publication_id=publication_id, tables=tables)
    return con


def create_views(
    con: duckdb.DuckDBPyConnection,
    lake: Lake,
    *,
    namespace: str = PUBLISHED,
    publication_id: int | None = None,
    tables: Collection[str] | None = None,
) -> None:
    """Create the views in an open database.

    tables: only these. DuckDB reads the footer of every file behind a view when it is made: all of them take seconds
    over an installation of some years. Raises LookupError for a table that is not published by that name.
    """
    con.execute("set TimeZone = 'UTC'")
    pins = lake.pins(namespace, publication_id)
    models = {model.name: model for model in all_models()}
    known = models.keys() | _BEHIND.keys()
    wanted = known if tables is None else {*tables, *(name for table in tables for name in _BEHIND.get(table, ()))}
    if unknown := sorted(wanted - known):
        raise LookupError(f"no such published table: {', '.join(unknown)}")
    for name, model in models.items():
        if name in wanted:
            pin = pins.get(model.spec.name)
            files = lake.data_files(pin.table, pin.snapshot_id) if pin else []
            con.execute(f"create or replace view {name} as select * from {lake.relation_sql(model.spec, files)}")
    if "arrived_files" in wanted:
        _arrived_files(con, lake)
    if "publications" in wanted:
        _publications(con, list(pins.values()))
    if "held_back" in wanted:
        _held_back(con, lake, namespace)
    if "file_balance" in wanted:
        con.execute(_FILE_BALANCE)
    if "landed_cost_explained" in wanted:
        con.execute(_LANDED_COST_EXPLAINED)


def tables_named_in(query: str) -> set[str] | None:
    """The published tables whose names stand in a query; None where all may be meant.

    A name that only looks like a table costs a view and does no harm.
    """
    if _ASKS_FOR_TABLES.search(query):
        return None
    known = {model.name for model in all_models()} | _BEHIND.keys()
    # None of them: the query has a misspelt name, and DuckDB's answer proposes the right one.
    return known.intersection(re.findall(r"\w+", query.lower())) or None


def _arrived_files(con: duckdb.DuckDBPyConnection, lake: Lake) -> None:
    con.execute(
        "create or replace table arrived_files (batch_id bigint, file varchar, source_id varchar, status varchar,"
        " reason varchar, feed varchar, rows_read bigint)"
    )
    rows = [
        (batch_id, record.name, record.source_id, record.status, record.reason, feed, count)
        for batch_id, record in lake.arrived_files()
        for feed, count in (record.rows_by_feed or {"": 0}).items()
    ]
    if rows:
        con.executemany("insert into arrived_files values (?, ?, ?, ?, ?, ?, ?)", rows)


def _publications(con: duckdb.DuckDBPyConnection, pins: Sequence[Pin]) -> None:
    con.execute("create or replace table publications (table_name varchar, snapshot_id bigint, publication_id bigint)")
    if pins:
        con.executemany(
            "insert into publications values (?, ?, ?)",
            [(pin.table, pin.snapshot_id, pin.publication_id) for pin in pins],
        )


def _held_back(con: duckdb.DuckDBPyConnection, lake: Lake, namespace: str) -> None:
    con.execute("create or replace table held_back (market varchar, since timestamp, run_id varchar, reasons varchar)")
    rows = [(entry.market, entry.since, entry.run_id, "; ".join(entry.reasons)) for entry in lake.held_back(namespace)]
    if rows:
        con.executemany("insert into held_back values (?, ?, ?, ?)", rows)


def write_views(lake: Lake, path: Path) -> None:
    """Write a DuckDB file of the views, whole or not at all: whoever has the old one open goes on with it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.draft")
    draft.unlink(missing_ok=True)
    with duckdb.connect(draft) as con:
        create_views(con, lake)
    draft.replace(path)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m orchestration.sql", description=__doc__.splitlines()[0])
    parser.add_argument("query", nargs="?", help="SQL over the published tables; - reads it from standard input")
    parser.add_argument("--tables", action="store_true", help="list the tables with their rows")
    parser.add_argument("--write-views", type=Path, metavar="FILE", help="write a DuckDB file of views")
    parser.add_argument("--publication", type=int, help="read as of this publication instead of the newest")
    parser.add_argument("--namespace", default=PUBLISHED, help="read a rebuild as known at a moment")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON object per row")
    form.add_argument("--csv", action="store_true", help="comma-separated values")
    options = parser.parse_args(arguments)
    lake = Lake(Settings())
    if options.write_views is not None:
        write_views(lake, options.write_views)
        print(f"views written to {options.write_views}")
        return 0
    if not options.tables and not options.query:
        parser.error("give a query, --tables or --write-views")
    query = sys.stdin.read() if options.query == "-" else options.query or ""
    tables = None if options.tables else tables_named_in(query)
    with connect(lake, namespace=options.namespace, publication_id=options.publication, tables=tables) as con:
        if options.tables:
            query = " union all ".join(
                f"select '{model.layer}' as layer, '{model.name}' as name, count(*) as row_count from {model.name}"
                for model in all_models()
            )
        try:
            _print(con, query, as_json=options.json, as_csv=options.csv)
        except duckdb.Error as error:
            print(error, file=sys.stderr)
            return 1
    return 0


def _print(con: duckdb.DuckDBPyConnection, query: str, *, as_json: bool, as_csv: bool) -> None:
    result = con.sql(query)
    if result is None:
        return
    if as_csv:
        result.df().to_csv(sys.stdout, index=False)
    elif as_json:
        names = result.columns
        for row in result.fetchall():
            print(json.dumps(dict(zip(names, row, strict=True)), default=str, ensure_ascii=False))
    else:
        result.show(max_rows=200, max_width=200)


if __name__ == "__main__":
    sys.exit(main())
