"""A small world with all its documents, made once for the tests of documents."""

from collections import defaultdict
from dataclasses import dataclass
from functools import cache

import duckdb
import pyarrow as pa

from orchestration.simulation.documents.generate import (
    DocumentsMonth,
    MoneyState,
    generate_documents,
    generate_month_end,
    new_money_state,
)
from orchestration.simulation.world.batches import OrderBatch, World
from orchestration.simulation.world.building import build_world
from orchestration.simulation.world.config import WorldConfig
from orchestration.simulation.world.generate import generate_commerce

CONFIG = WorldConfig(
    seed=7, markets=("US", "JP", "DE", "CN"), first_month="2023-08", months=7, sellers=150, orders=9_000
)


@dataclass(frozen=True)
class Generated:
    """Tables by source and feed over all markets and months, the truth by name, and the state after the last month."""

    world: World
    batches: tuple[OrderBatch, ...]
    months: tuple[DocumentsMonth, ...]
    tables: dict[tuple[str, str], pa.Table]
    truth: dict[str, pa.Table]
    state: MoneyState


@cache
def generated() -> Generated:
    """The whole small world."""
    world = build_world(CONFIG)
    state = new_money_state(world)
    parts: dict[tuple[str, str], list[pa.Table]] = defaultdict(list)
    truth: dict[str, list[pa.Table]] = defaultdict(list)
    batches, months, orders = [], [], []
    for month in CONFIG.month_list:
        made = []
        for market in CONFIG.markets:
            commerce = generate_commerce(world, market, month)
            batches.append(commerce.batch)
            orders.append(plain(commerce.tables["port", "orders"]))
            made.append(generate_documents(world, commerce.batch))
        months.extend(made)
        end = generate_month_end(world, month, [part.totals for part in made], state)
        for part in (*made, end):
            for key, table in part.tables.items():
                parts[key].append(plain(table))
            for name, table in part.truth.items():
                truth[name].append(plain(table))
    truth["port_orders"] = orders
    return Generated(
        world, tuple(batches), tuple(months),
        {key: pa.concat_tables(tables, promote_options="default") for key, tables in parts.items()},
        {name: pa.concat_tables(tables) for name, tables in truth.items()},
        state,
    )  # fmt: skip


def plain(table: pa.Table) -> pa.Table:
    """The table with texts instead of dictionaries."""
    fields = [
        pa.field(field.name, pa.string() if pa.types.is_dictionary(field.type) else field.type)
        for field in table.schema
    ]
    return table.cast(pa.schema(fields))


def orders_table() -> pa.Table:
    """The orders of the small world."""
    return pa.concat_tables(
        [
            pa.table(
                {
                    "order_no": batch.order_no,
                    "payable": batch.payable_cents,
                    "is_cancelled": batch.is_cancelled,
                    "mode": batch.supervision_mode,
                    "channel": batch.channel,
                }
            )
            for batch in generated().batches
        ]
    )


@cache
def database() -> duckdb.DuckDBPyConnection:
    """A connection that sees each table as `<source>_<feed>`, truth as `truth_<name>`, and the orders."""
    con = duckdb.connect()
    con.execute("set timezone = 'UTC'")
    for (source, feed), table in generated().tables.items():
        con.register(f"{source}_{feed}", table)
    for name, table in generated().truth.items():
        con.register(name if name == "port_orders" else f"truth_{name}", table)
    con.register("orders", orders_table())
    return con


def query(sql: str) -> list[tuple]:
    """All rows of a query on the small world."""
    return database().execute(sql).fetchall()
