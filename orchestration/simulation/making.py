"""Making a world: its months one after the other, clean or with defects, as files and as truth.

Belongs here: the order of the months, the workers, and which month is written how. Does not: what a month holds (see
`world/`, `documents/`), what is wrong with it (`defects/`) and how it is written (`formats/`).
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, wait
from dataclasses import dataclass
from functools import reduce
from multiprocessing import get_context
from pathlib import Path

import pyarrow as pa

from orchestration.simulation.defects.files import damage_files
from orchestration.simulation.defects.inject import DefectConfig, inject
from orchestration.simulation.defects.overrides import FeedTables, TextOverrides, as_text
from orchestration.simulation.documents.generate import generate_documents, generate_month_end, new_money_state
from orchestration.simulation.documents.totals import MonthTotals
from orchestration.simulation.formats.parquet_files import ParquetFiles
from orchestration.simulation.formats.writing import write_tables
from orchestration.simulation.keeping import TruthFiles, cut, plain
from orchestration.simulation.parts import WHOLE, Part
from orchestration.simulation.world.batches import HomeShipments, TruthTables, World
from orchestration.simulation.world.building import build_world
from orchestration.simulation.world.config import WorldConfig
from orchestration.simulation.world.generate import generate_commerce
from orchestration.simulation.world.reference import generate_home_sites, generate_reference

# A file of the real formats holds the records of at least so many orders, as one of a real gateway would.
ORDERS_PER_FILE = 20_000
# The reference tables and the month ends are made beside the markets, in the process that asked for the world.
CENTRE = "centre"

Progress = Callable[[int], None]


@dataclass(frozen=True)
class WorldPlan:
    """What to make: the world, how many of its last months come in real formats, and what is wrong with it.

    inbox: where files go. truth: where the truth goes, never below the inbox. defects None: a clean world.
    part: which of the world's messages are delivered. The truth is that of the whole world, and stands with the first
    part: a later day writes none.
    """

    config: WorldConfig
    inbox: Path
    truth: Path
    real_months: int = 1
    defects: DefectConfig | None = None
    part: Part = WHOLE

    @property
    def suffix(self) -> str:
        """What the names of files end with, so that those of a later day do not replace the ones before."""
        return f"-{self.part.name}" if self.part.is_day else ""

    def is_real(self, month: str) -> bool:
        """Whether a month comes in the formats of its sources; the older ones are an extract of another system."""
        return self.part.is_day or month in self.config.month_list[len(self.config.month_list) - self.real_months :]


@dataclass(frozen=True)
class Made:
    """What was made: the files, and how many orders and records are in them."""

    files: Sequence[Path]
    orders: int
    rows: int


def make_world(plan: WorldPlan, *, workers: int = 1, progress: Progress | None = None) -> Made:
    """Make the world of a plan; `progress` hears how many orders each market-month had.

    The same plan gives the same records whatever the number of workers; only the cut into files differs.
    Raises ValueError when the truth would stand in the inbox.
    """
    if plan.truth.resolve().is_relative_to(plan.inbox.resolve()):
        raise ValueError(f"{plan.truth}: the truth must not stand in the inbox")
    tell = progress if progress is not None else _nothing
    world = build_world(plan.config)
    centre = _Share(plan, CENTRE)
    reference = generate_reference(world)
    centre.add("reference", reference.tables, reference.truth, is_real=plan.real_months > 0, orders=0)
    shares = _shares(world, workers)
    worked = [_work(plan, world, shares[0], "0", tell)] if len(shares) == 1 else _work_beside(plan, shares, tell)
    totals = {place: found for work in worked for place, found in work.totals.items()}
    state = new_money_state(world)
    for month in plan.config.month_list:
        of_month = [totals[month, market] for market in plan.config.markets]
        end = generate_month_end(world, month, of_month, state)
        shipped = reduce(HomeShipments.plus, (work.shipped[month] for work in worked))
        tables = {**end.tables, **generate_home_sites(world, month, shipped)}
        centre.add(month, tables, end.truth, is_real=plan.is_real(month), orders=0)
    files = [path for work in worked for path in work.files]
    return Made(
        files=files + centre.close(),
        orders=sum(work.orders for work in worked),
        rows=sum(work.rows for work in worked) + centre.rows,
    )


def _nothing(orders: int) -> None:
    """Hear nothing of what was made."""
    del orders


@dataclass(frozen=True)
class _Worked:
    """What a worker made of its markets."""

    files: list[Path]
    orders: int
    rows: int
    totals: dict[tuple[str, str], MonthTotals | None]
    shipped: dict[str, HomeShipments]  # by month


def _shares(world: World, workers: int) -> list[tuple[str, ...]]:
    """The markets by worker, so that each has about as many orders to make."""
    shares: list[list[str]] = [[] for _ in range(max(1, min(workers, len(world.config.markets))))]
    loads = [0.0] * len(shares)
    for weight, market in sorted(zip(world.markets.weight.tolist(), world.markets.code, strict=True), reverse=True):
        lightest = loads.index(min(loads))
        loads[lightest] += weight
        shares[lightest].append(market)
    return [tuple(share) for share in shares]


def _work_beside(plan: WorldPlan, shares: Sequence[tuple[str, ...]], progress: Progress) -> list[_Worked]:
    # Fork would copy whatever locks the caller's libraries hold.
    context = get_context("spawn")
    with context.Manager() as manager, ProcessPoolExecutor(len(shares), mp_context=context) as pool:
        heard = manager.Queue()
        waiting = {pool.submit(_work_alone, plan, share, str(n), heard.put) for n, share in enumerate(shares)}
        futures = sorted(waiting, key=id)
        while waiting:
            _, waiting = wait(waiting, timeout=0.2)
            while not heard.empty():
                progress(heard.get())
        return [future.result() for future in futures]


def _work_alone(plan: WorldPlan, markets: tuple[str, ...], label: str, progress: Progress) -> _Worked:
    return _work(plan, build_world(plan.config), markets, label, progress)


def _work(plan: WorldPlan, world: World, markets: tuple[str, ...], label: str, progress: Progress) -> _Worked:
    share = _Share(plan, label)
    totals: dict[tuple[str, str], MonthTotals | None] = {}
    shipped: dict[str, HomeShipments] = {}
    for month in plan.config.month_list:
        for market in markets:
            commerce = generate_commerce(world, market, month)
            documents = generate_documents(world, commerce.batch)
            orders = len(commerce.batch.order_no)
            share.add(
                f"{market}-{month}",
                {**commerce.tables, **documents.tables},
                {**commerce.truth, **documents.truth},
                is_real=plan.is_real(month),
                orders=orders,
            )
            totals[month, market] = documents.totals
            taken = commerce.home
            shipped[month] = shipped[month].plus(taken) if month in shipped else taken
            progress(orders)
    return _Worked(share.close(), share.orders, share.rows, totals, shipped)


class _Share:
    """The files of one worker: its part of the history, its real files, its part of the truth."""

    def __init__(self, plan: WorldPlan, label: str) -> None:
        self._plan, self._label = plan, f"{label}{plan.suffix}"
        self._history = ParquetFiles(plan.inbox, f"history-{self._label}")
        self._history.__enter__()
        self._truth = TruthFiles(plan.truth, label)
        self._files: list[Path] = []
        self._gathered: dict[tuple[str, str], list[pa.Table]] = {}
        self._tags: list[str] = []
        self._orders = 0
        self._number = 0
        self.rows = 0
        self.orders = 0

    def add(self, tag: str, tables: FeedTables, truth: TruthTables, *, is_real: bool, orders: int) -> None:
        """Write one batch, dirty where the plan wants it, and its truth."""
        overrides = TextOverrides()
        self._tags.append(tag)
        if self._plan.defects is not None:
            injected = inject(tables, config=self._plan.defects, tag=tag)
            tables, overrides = injected.tables, injected.overrides
            truth = {**truth, "defects": injected.truth}
            for delivery in self._plan.part.of_deliveries(injected.deliveries):
                # A file that is read before the others comes first by its name.
                name = f"{'0' if delivery.is_first else '1'}_{delivery.label}_{tag}{self._plan.suffix}"
                self.rows += sum(len(table) for table in delivery.tables.values())
                self._files += write_tables(delivery.tables, self._plan.inbox, style="parquet", tag=name)
        if not self._plan.part.is_day:
            self._truth.add(tag, truth)
        if self._plan.part != WHOLE:
            tables, overrides = self._plan.part.of(tables, overrides)
        self.rows += sum(len(table) for table in tables.values())
        self.orders += _orders_in(tables)
        if not is_real:
            for part in cut(tables, overrides):
                self._history.add(part)
            return
        for (source, feed), table in tables.items():
            self._gathered.setdefault((source, feed), []).append(overrides.over(source, feed, table))
        # The parts of a month are cut into files as the whole is; a day has few of its orders.
        self._orders += _orders_in(tables) if self._plan.part.is_day else orders
        self._tags.append(tag)
        if self._orders >= ORDERS_PER_FILE:
            self._write_real()

    def close(self) -> list[Path]:
        """Finish every file; their paths."""
        self._write_real()
        self._history.__exit__(None, None, None)
        files = self._files + self._history.paths
        self._truth.close()
        return files

    def _write_real(self) -> None:
        if not self._gathered:
            return
        self._number += 1
        tables = {key: joined(parts) for key, parts in self._gathered.items()}
        tag = f"{self._label}-{self._number:04d}"
        written = write_tables(tables, self._plan.inbox, style="real", tag=tag)
        self._files += written
        if self._plan.defects is not None and not self._plan.part.is_day:
            self._damage(written, self._plan.defects)
        self._gathered, self._orders, self._tags = {}, 0, []

    def _damage(self, written: Sequence[Path], config: DefectConfig) -> None:
        """Put damaged copies beside files, as often as the market-months in them ask for; each file at most once."""
        whole = list(written)
        for tag in self._tags:
            copies, truth = damage_files(whole, config=config, tag=tag)
            self._files += copies
            self._truth.add(tag, {"defects": truth})
            damaged = set(truth.column("key_before").to_pylist())
            whole = [path for path in whole if path.name not in damaged]


def _orders_in(tables: FeedTables) -> int:
    return sum(len(table) for (_, feed), table in tables.items() if feed == "orders")


def joined(parts: Sequence[pa.Table]) -> pa.Table:
    """The parts one after the other; a column that is text in one of them is text in all."""
    types: dict[str, pa.DataType] = {}
    for part in parts:
        for column in part.schema:
            known = types.setdefault(column.name, column.type)
            if known != column.type and not pa.types.is_null(column.type):
                types[column.name] = column.type if pa.types.is_null(known) else pa.string()
    schema = pa.schema(list(types.items()))
    return pa.concat_tables([_as(part, schema) for part in parts])


def _as(part: pa.Table, schema: pa.Schema) -> pa.Table:
    columns = []
    for column in schema:
        if column.name not in part.column_names:
            columns.append(pa.nulls(len(part), column.type))
        elif pa.types.is_string(column.type):
            columns.append(as_text(plain(part.column(column.name))))
        else:
            columns.append(part.column(column.name).cast(column.type))
    return pa.table(columns, schema=schema)
