"""The published rows behind the report of one market: frames by name.

Belongs here: views of the lake, and running the queries. Does not: SQL of a frame (see `queries.py`).
"""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb
import pandas as pd

from orchestration.lake import Lake
from orchestration.lake.reading import literal
from orchestration.reporting.market_report.queries import QUERIES

if TYPE_CHECKING:
    from orchestration.lake import Pin
    from orchestration.modeling.manifest import PublishedModel


class NoMarket(LookupError):
    """Nothing is published of the market; the message says of which there is something."""


@dataclass(frozen=True, eq=False)
class Facts:
    """Everything on the page of a market.

    frames: by the name of their query; empty where nothing is published. held_back: since when and why, by a gate.
    """

    market: str
    frames: Mapping[str, pd.DataFrame]
    held_back: Sequence[str] = ()

    def __getitem__(self, name: str) -> pd.DataFrame:
        frame = self.frames.get(name)
        return pd.DataFrame() if frame is None else frame

    def first(self, name: str) -> pd.Series:
        """The first row of a frame; a row without columns where there is none."""
        frame = self[name]
        return frame.iloc[0] if len(frame) else pd.Series(dtype=object)


def read_frames(con: "duckdb.DuckDBPyConnection", market: str) -> dict[str, pd.DataFrame]:
    """Run every query whose tables are there; con holds the market's rows as views of their names."""
    con.execute("set variable market = $market", {"market": market})
    known = {str(row[0]) for row in con.execute("select distinct table_name from duckdb_columns()").fetchall()}
    return {
        name: con.execute(query.sql).df() if set(query.tables) <= known else pd.DataFrame()
        for name, query in QUERIES.items()
    }


def read_markets(lake: Lake, markets: Sequence[str]) -> list[Facts]:
    """The facts of these markets, from one set of publications. Raises NoMarket for one without any order."""
    from orchestration.sql import all_models

    needed = {table for query in QUERIES.values() for table in query.tables}
    models = [model for model in all_models() if model.name in needed]
    pins = lake.pins()
    held = lake.held_back()
    found = []
    for market in markets:
        with closing(duckdb.connect()) as con:
            con.execute("set TimeZone = 'UTC'")
            con.execute("set threads = 1")
            _views(con, lake, models, pins, market)
            frames = read_frames(con, market)
        if pd.isna(frames["loaded"]["as_of"].iloc[0]):
            raise NoMarket(f"{market}: no order is published. Markets: select market from dim_market")
        reasons = [f"{entry.since:%Y-%m-%d}: {'; '.join(entry.reasons)}" for entry in held if entry.market == market]
        found.append(Facts(market, frames, reasons))
    return found


def has_orders(lake: Lake, market: str) -> bool:
    """Whether an order of the market is published."""
    from orchestration.modeling.manifest import published_models

    pin = lake.pins().get(published_models()["fct_orders"].spec.name)
    return pin is not None and any(file.rows for file in lake.data_files(pin.table, pin.snapshot_id, markets=[market]))


def _views(
    con: "duckdb.DuckDBPyConnection",
    lake: Lake,
    models: "Sequence[PublishedModel]",
    pins: "Mapping[str, Pin]",
    market: str,
) -> None:
    for model in models:
        pin = pins.get(model.spec.name)
        files = lake.data_files(pin.table, pin.snapshot_id, markets=[market]) if pin else []
        has_market = any(column.name == "market" for column in model.spec.columns)
        condition = f" where market = {literal(market)}" if has_market and model.spec.partition == "none" else ""
        con.execute(f"create view {model.name} as select * from {lake.relation_sql(model.spec, files)}{condition}")
