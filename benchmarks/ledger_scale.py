"""Staging of any number of orders without taking any in: copies of what an installation has published.

Belongs here: copies that keep every tie within themselves, and run databases over them. Does not: what is measured (see
`ledger.py`).

Each copy has keys and numbers of its own, all changed by one function, so that a document still names its order and a
payout its seller; markets and months stay. Sellers and products are copied too: payouts keep their size, and so do the
orders of a person in a year. What the copies share (rates, codes) is there once.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from orchestration.lake import Lake, Place
from orchestration.markets import load_markets
from orchestration.modeling.manifest import PublishedModel, manifest, published_models
from orchestration.runs import MonthSelection, RunDatabase, make_plan
from orchestration.runs.database import SCHEMAS
from orchestration.settings import Settings
from orchestration.simulation.judging import with_unpublished_parents

PLAN_TABLES = ("delivered_feeds", "held_back", "markets", "placed", "replayed", "rules", "saved")
COPIED_PLANS = ("awaited_orders", "document_homes", "waiting_documents")
# Numbers that name a record or its owner; lists of several are joined by ';'.
NUMBERS = frozenset(
    {
        "claim_key", "declaration_no", "internal_no", "invoice_no", "order_no", "payment_no", "payout_ref",
        "pre_entry_no", "product_id", "receipt_no", "return_no", "reverses_order_no", "reverses_payment_no",
        "seller_id", "session_id", "settlement_no", "waybill_no",
    }
)  # fmt: skip
# What belongs to no market is copied with its markets, but for what all of them share.
SHARED = frozenset({"stg_fx_rates"})
_DIGITS = 3


@dataclass(frozen=True)
class Scaled:
    """Copies of an installation's staging in a folder, one file per table and market, and how many orders they have."""

    folder: Path
    markets: tuple[str, ...]
    orders: int

    def save(self) -> None:
        """Write down what the folder holds, for the process that builds from it."""
        text = json.dumps({"markets": self.markets, "orders": self.orders})
        (self.folder / "scaled.json").write_text(text, encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> "Scaled":
        """What `save` wrote."""
        found = json.loads((folder / "scaled.json").read_text(encoding="utf-8"))
        return cls(folder, tuple(found["markets"]), found["orders"])


def staged_parents(models: Collection[str]) -> list[str]:
    """The published staging tables that the models and what they are made from read."""
    nodes = manifest()["nodes"]
    by_id = {str(key): node for key, node in nodes.items()}  # type: ignore[attr-defined]
    by_name = {str(node["name"]): node for node in by_id.values() if node["resource_type"] in ("model", "seed")}
    found = set()
    for name in with_unpublished_parents(models):
        for parent in (by_name[name].get("depends_on") or {}).get("nodes", ()):
            node = by_id.get(parent)
            if node is not None and node["name"] in published_models() and node["name"] not in models:
                found.add(str(node["name"]))
    return sorted(found)


def write_copies(
    home: Path, folder: Path, *, copies: int, models: Collection[str], markets: Sequence[str] = ()
) -> Scaled:
    """Write copies of the published staging of an installation, of all its markets or of some, into a folder."""
    settings = Settings(home=home, catalog_uri="")
    lake, all_markets = Lake(settings), load_markets(settings.markets_file)
    chosen = tuple(markets) or all_markets.codes
    folder.mkdir(parents=True)
    run = RunDatabase(Settings(home=folder / "source", catalog_uri=""), "source")
    run_id = "benchmark"
    plan, index = make_plan(lake, run_id=run_id, markets=chosen, months=MonthSelection.parse("all"))
    with index:
        built = [model.name for model in published_models().values() if model.layer == "marts"]
        run.prepare(lake, plan, all_markets, published_models(), built, index)
    with run.connect() as con:
        con.execute(f"set temp_directory = '{folder / 'spill'}'")
        present = [row[0] for row in con.execute("select distinct market from plan.mart_places").fetchall()]
        chosen = tuple(market for market in chosen if market in present)
        for name in staged_parents(models):
            _copy_table(con, published_models()[name], folder, copies, chosen)
        for name in COPIED_PLANS:
            columns = [row[0] for row in con.execute(f"describe plan.{name}").fetchall()]
            shown = ", ".join(_copied(column) for column in columns)
            con.execute(f"copy (select {shown} from plan.{name}, range({copies}) as _copies(_copy))"
                        f" to '{folder / f'plan.{name}.parquet'}'")  # fmt: skip
        for name in (*PLAN_TABLES, "mart_places", "staging_places"):
            con.execute(f"copy plan.{name} to '{folder / f'plan.{name}.parquet'}' (format parquet)")
        orders = int(con.execute("select count(*) from staging.stg_orders").fetchall()[0][0]) * copies
    run.remove()
    scaled = Scaled(folder, chosen, orders)
    scaled.save()
    return scaled


def prepare_run(scaled: Scaled, settings: Settings, name: str, models: Collection[str], markets: Sequence[str]) -> Path:
    """A run's database over the copies, for all months of some markets; nothing of the models is published yet."""
    run = RunDatabase(settings, name)
    run.remove()
    run.path.parent.mkdir(parents=True, exist_ok=True)
    listed = ", ".join(f"'{market}'" for market in markets)
    with run.connect() as con:
        for schema in SCHEMAS:
            con.execute(f"create schema if not exists run.{schema}")
        for table in (*PLAN_TABLES, *COPIED_PLANS, "mart_places", "staging_places"):
            columns = con.execute(f"describe select * from '{scaled.folder / f'plan.{table}.parquet'}'").fetchall()
            has_market = "market" in [column[0] for column in columns]
            chosen = f" where market in ({listed})" if has_market and table not in ("placed", "held_back") else ""
            query = f"select * from '{scaled.folder / f'plan.{table}.parquet'}'{chosen}"
            # A run keeps its plan in tables, but the homes of documents are as many as documents.
            con.execute(f"create table plan.{table} as {query}")
        for parent in staged_parents(models):
            files = _files(scaled, published_models()[parent], markets)
            rows = f"select * from read_parquet({[str(file) for file in files]})"
            con.execute(f"create view staging.{parent} as {rows}")
            con.execute(f"create view published.{parent} as {rows} limit 0")
        for name_of_built in models:
            model = published_models()[name_of_built]
            columns_of = ", ".join(f"cast(null as {one.type}) as {one.name}" for one in model.spec.columns)
            con.execute(f"create view published.{name_of_built} as select {columns_of} limit 0")
    return run.path


def _files(scaled: Scaled, model: PublishedModel, markets: Sequence[str]) -> list[Path]:
    if model.spec.partition == "none":
        return [scaled.folder / model.name / "all.parquet"]
    return [scaled.folder / model.name / f"{market}.parquet" for market in markets]


def _copy_table(
    con: duckdb.DuckDBPyConnection, model: PublishedModel, folder: Path, copies: int, markets: Sequence[str]
) -> None:
    (folder / model.name).mkdir()
    number = 1 if model.name in SHARED else copies
    shown = ", ".join(_copied(column.name) for column in model.spec.columns)
    # As in the lake, the rows of a month lie together.
    order = " order by month" if model.spec.partition == "market_month" else ""
    for market in ("all",) if model.spec.partition == "none" else markets:
        where = "" if market == "all" else f" where market = '{market}'"
        con.execute(
            f"copy (select {shown} from (select * from staging.{model.name}{where}), range({number}) as _copies(_copy)"
            f"{order}) to '{folder / model.name / f'{market}.parquet'}' (format parquet, row_group_size 100000)"
        )


def _copied(column: str) -> str:
    """SQL of a column's value in a copy; the first copy keeps its values."""
    sign = f"lpad(cast(_copy as varchar), {_DIGITS}, '0')"
    if column in NUMBERS:
        # A number of a copy ends with a sign of its own, each of a list for itself.
        changed = f"replace({column}, ';', '~' || {sign} || ';') || '~' || {sign}"
    elif column.endswith("_key"):
        changed = f"substr({column}, 1, 32 - {_DIGITS}) || {sign}"
    else:
        return column
    return f"case when _copy = 0 then {column} else {changed} end as {column}"


def subset_of(orders_by_market: Mapping[str, int], wanted: int) -> list[str]:
    """Markets that together have about so many orders: the largest that still fit, one after the other."""
    chosen: list[str] = []
    left = wanted
    for market, orders in sorted(orders_by_market.items(), key=lambda pair: -pair[1]):
        if orders <= left * 1.05:
            chosen.append(market)
            left -= orders
    return sorted(chosen)


def orders_by_market(home: Path) -> Mapping[str, int]:
    """Published orders of an installation by market."""
    from orchestration.sql import connect

    with connect(Lake(Settings(home=home, catalog_uri=""))) as con:
        return dict(con.execute("select market, count(*) from stg_orders group by market order by all").fetchall())


def places_of(path: Path) -> set[Place]:
    """The market-months that a run's database rebuilds."""
    with duckdb.connect(str(path), read_only=True) as con:
        return {Place(*row) for row in con.execute("select market, month from plan.mart_places").fetchall()}
