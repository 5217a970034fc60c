"""The world's next day as a nightly run: what it costs, which market-months it touches, and whether it gives the same.

Belongs here: two installations, one that takes in everything at once and one that takes in the last day by itself.
Does not: goals (see `ledger.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from benchmarks.harness import BenchmarkError
from benchmarks.pipeline import Home
from orchestration.lake import Lake
from orchestration.settings import Settings
from orchestration.sql import all_models, create_views

# Where a row came from and when; the two installations have other files.
LOAD_COLUMNS = frozenset({"_file", "_row", "_batch_id", "_loaded_at", "quarantine_key", "waiting_since_at"})
# What became of each row of each file: the files differ.
OF_FILES = frozenset(
    {"row_balance", "reference_row_balance", "fct_row_invariant", "stg_superseded", "stg_reference_superseded"}
)
# Models of a market stand behind the ledger's publication: each costs the same whether a day or all is new, and keeps
# what it said on other days.
LEDGER_LAYERS = frozenset({"staging", "marts"})
LAST_STEP = "publication__market_tables"
# A document without its order waits since it was loaded.
SINCE_LOADED = {"exception_worklist": ("exception_id = 'document_without_order'", ("since_at", "act_from_on"))}


@dataclass(frozen=True)
class NextDay:
    """Seconds of the day's run, of the full build and of a run with one trivial touch; places; tables that differ."""

    day: str
    day_s: float
    full_s: float
    start_s: float
    touched: int
    places: int
    touched_words: str
    tables: int
    differences: Sequence[str]

    @property
    def ratio(self) -> float:
        """The day's cost in that of the full build, without the start-up of a run."""
        return (self.day_s - self.start_s) / (self.full_s - self.start_s)


def next_day(folder: Path, orders: int, months: int, seed: int, memory: str) -> NextDay:
    """Measure both ways with the jobs as the night runs them, and compare all published tables."""
    from benchmarks.ledger_steps import make, touch

    whole, parts = Home(folder / "whole"), Home(folder / "parts")
    for home in (whole, parts):
        home.environment |= {"TRADEWIND_DUCKDB_MEMORY": memory, "TRADEWIND_DUCKDB_THREADS": "2"}
        # In a small world one quarantined row is more than half a percent of a market's value.
        home.environment |= {"TRADEWIND_UNRESOLVED_VALUE_PCT": "50"}
        # Pseudonyms of two installations are comparable only under one key.
        home.environment |= {"TRADEWIND_PSEUDONYM_KEY": "a key for this benchmark"}
    made = make(orders, months, seed, 1.0, whole.settings.home, "WHOLE")
    full_s = _night(whole)
    make(orders, months, seed, 1.0, parts.settings.home, "UNTIL")
    _night(parts)
    make(orders, months, seed, 1.0, parts.settings.home, "DAY")
    arrived_s = parts.job("arrivals_job").wall_s
    touched, places, words = _touched(parts.settings)
    day_s = arrived_s + parts.job("market_job", parts.waiting_tags()).wall_up_to(LAST_STEP)
    tables, differences = compare(whole.settings, parts.settings)
    touch(orders, months, seed, parts.settings.home)
    start_s = _night(parts)
    return NextDay(str(made["day"]), day_s, full_s, start_s, touched, places, words, tables, differences)


def _night(home: Home) -> float:
    """Seconds of taking in what lies in the inbox and of the ledger of every market that waits, to its publication."""
    return home.job("arrivals_job").wall_s + home.job("market_job", home.waiting_tags()).wall_up_to(LAST_STEP)


def _touched(settings: Settings) -> tuple[int, int, str]:
    """Market-months that the next run rebuilds, all there are, and the first by name: market and its months."""
    from orchestration.markets import load_markets
    from orchestration.runs import MonthSelection, make_plan

    lake = Lake(settings)
    codes = load_markets(settings.markets_file).codes
    plan, index = make_plan(lake, run_id="touched", markets=codes, months=MonthSelection.parse("touched"))
    with index:
        places = index.raw_places(codes) | index.order_places(codes)
    by_market: dict[str, list[str]] = {}
    for place in plan.mart_places:
        by_market.setdefault(place.market, []).append(place.month)
    words = "; ".join(f"{market} {', '.join(months)}" for market, months in sorted(by_market.items()))
    return len(plan.mart_places), len(places), words


def compare(one: Settings, other: Settings) -> tuple[int, list[str]]:
    """How many published tables there are, and those whose rows differ in a business column, with how many rows."""
    differences: list[str] = []
    tables = 0
    with duckdb.connect() as con:
        for schema, settings in (("one", one), ("other", other)):
            con.execute(f"create schema {schema}")
            con.execute(f"set schema = '{schema}'")
            create_views(con, Lake(settings))
            held = con.execute("select distinct market from held_back").fetchall()
            if held:
                raise BenchmarkError(f"{settings.home}: held back are {held}")
        for model in all_models():
            if model.name in OF_FILES or model.layer not in LEDGER_LAYERS:
                continue
            rows, late_columns = SINCE_LOADED.get(model.name, ("false", ()))
            names = ", ".join(
                f"case when {rows} then null else {column.name} end" if column.name in late_columns else column.name
                for column in model.spec.columns
                if column.name not in LOAD_COLUMNS
            )
            count = con.execute(
                f"""
                select
                    (select count(*) from
                        (select {names} from one.{model.name} except all select {names} from other.{model.name})),
                    (select count(*) from
                        (select {names} from other.{model.name} except all select {names} from one.{model.name}))
                """
            ).fetchall()[0]
            tables += 1
            if any(count):
                differences.append(f"{model.name}: {count[0]:,} rows only at once, {count[1]:,} only day by day")
    return tables, differences
