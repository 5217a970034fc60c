"""The parts of the pipeline's benchmark that run in a process of their own: prepare, dbt, plain.

Belongs here: a run's database of any size, and the two ways of building it. Does not: goals (see pipeline.py).
Each way prints the seconds between having its database and having built it; imports are part of neither.
"""

import json
import sys
import time
from pathlib import Path

import duckdb

from orchestration.lake import Lake
from orchestration.markets import load_markets
from orchestration.modeling.attach_run import keyed_hash_macro
from orchestration.modeling.build import build_models
from orchestration.modeling.manifest import TARGET, manifest, models, prepared_manifest, published_models
from orchestration.modeling.translator import is_reference
from orchestration.runs import MonthSelection, RunDatabase, make_plan
from orchestration.settings import Settings

# Keys of the copies: other orders of the same customers, in the same months.
_COPIES = """
    create table raw.{feed} as
    select raw.* replace (
        raw.order_no || '/' || copies.n as order_no,
        md5(raw._document_key || copies.n) as _document_key,
        md5(raw._record_key || copies.n) as _record_key,
        md5(raw._order_key || copies.n) as _order_key,
        md5(raw._content_hash || copies.n) as _content_hash
    )
    from raw_once.{feed} as raw
    cross join range({scale}) as copies (n)
"""


def prepare(database: Path, scale: int) -> None:
    """A run over the whole lake in which each order stands `scale` times."""
    settings = Settings()
    lake, markets = Lake(settings), load_markets(settings.markets_file)
    plan, index = make_plan(lake, run_id="benchmark", markets=markets.codes, months=MonthSelection.parse("all"))
    run = RunDatabase(settings, "benchmark")
    with index:
        run.prepare(lake, plan, markets, published_models(), _built(), index)
    with run.connect() as con:
        con.execute("create schema raw_once")
        for feed in ("orders", "order_lines"):
            view = con.execute("select sql from duckdb_views() where schema_name = 'raw' and view_name = ?", [feed])
            row = view.fetchone()
            assert row is not None
            sql = str(row[0]).replace(f"VIEW raw.{feed}", f"VIEW raw_once.{feed}")
            con.execute(sql.replace("run.raw.", "run.raw_once."))
            con.execute(f"drop view raw.{feed}")
            con.execute(_COPIES.format(feed=feed, scale=scale))
            con.execute(f"drop view raw_once.{feed}")
        con.execute("drop schema raw_once")
    run.path.rename(database)


def _built() -> set[str]:
    return {model.name for model in published_models().values() if model.spec.partition != "none"}


def _market_models() -> list[str]:
    return sorted(str(node["name"]) for node in models() if not is_reference(node))


def by_dbt(database: Path) -> float:
    """Seconds of dbt's call for all models of a market run, without tests, with a prepared partial parse."""
    prepared_manifest()
    import dbt.cli.main  # noqa: F401  # its import is no part of the figure: a run pays for it once

    began = time.perf_counter()
    results = build_models(database, ["resource_type:seed", *_market_models()], with_tests=False, target=TARGET)
    seconds = time.perf_counter() - began
    failed = [result for result in results if result.has_failed]
    assert not failed, failed[0].message
    order = [result.unique_id for result in results]
    (TARGET / "benchmark-order.json").write_text(json.dumps(order))
    return seconds


def by_plain_sql(database: Path) -> float:
    """Seconds of the statements that dbt wrote for the same models, run one after the other on one connection."""
    settings = Settings()
    nodes = manifest()["nodes"]
    assert isinstance(nodes, dict)
    order = json.loads((TARGET / "benchmark-order.json").read_text())
    con = duckdb.connect()
    con.execute(f"set memory_limit = '{settings.duckdb_memory}'")
    con.execute(f"set threads = {settings.duckdb_threads}")
    con.execute("set TimeZone = 'UTC'")
    con.execute(f"attach '{database}' as run")
    con.execute(keyed_hash_macro(settings.pseudonym_secret()))
    began = time.perf_counter()
    for unique_id in order:
        node = nodes[unique_id]
        name = f"run.{node['schema']}.{node['name']}"
        if node["resource_type"] == "seed":
            path = Path(node["root_path"]) / node["original_file_path"]
            con.execute(f"create table {name} as from read_csv('{path}', all_varchar = true)")
            continue
        sql = (TARGET / "compiled" / "tradewind" / node["original_file_path"]).read_text()
        kind = "table" if node["config"]["materialized"] == "table" else "view"
        con.execute(f"create {kind} {name} as {sql}")
    seconds = time.perf_counter() - began
    con.close()
    return seconds


def main(arguments: list[str]) -> int:
    """`prepare DATABASE SCALE`, `dbt DATABASE` or `plain DATABASE`."""
    verb, database = arguments[0], Path(arguments[1])
    if verb == "prepare":
        prepare(database, int(arguments[2]))
    else:
        print(f"{by_dbt(database) if verb == 'dbt' else by_plain_sql(database):.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
