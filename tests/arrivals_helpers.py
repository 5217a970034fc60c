"""An arrivals room of one test: a home of its own, small files, and the raw rows that they give.

Belongs here: what more than one test file of the arrivals needs. Does not: assertions about one rule.
"""

import io
import os
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache, cached_property
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from openpyxl import Workbook

from orchestration.arrivals import frames, raw_rows, readers
from orchestration.arrivals.contracts import contracts
from orchestration.arrivals.frames import Frame
from orchestration.arrivals.intake import arrive
from orchestration.arrivals.mapping import Format, SourceMapping
from orchestration.arrivals.mapping_reader import load_mapping
from orchestration.arrivals.report import ArrivalReport, FileOutcome
from orchestration.arrivals.translation import SourceFile, Translator
from orchestration.arrivals.unpacking import Limits, unpack
from orchestration.lake import EDGES, PLACEMENTS, Lake, Touch, raw_spec
from orchestration.markets import load_markets
from orchestration.settings import PROJECT_ROOT, Settings

SHARED_DATA = Path(os.environ.get("TRADEWIND_SHARED_DATA", PROJECT_ROOT.parent / "shared" / "data"))
LOADED_AT = datetime(2026, 3, 15, 12, 0, tzinfo=UTC)
FEEDS = tuple(contracts())

# A source of orders, lines and shipments whose columns are named as the contracts' fields.
ORDERS = """
source: shop
version: 1
files: ["orders*"]
emits:
  - feed: orders
    fields:
      order_no: order_no
      ordered_at: ordered_at
      ship_to_country: country
      currency_code: {constant: EUR}
      customer_id: {column: customer_id, optional: true}
      updated_at: {column: updated_at, optional: true}
      version: {column: version, optional: true}
"""
LINES = """
source: shop
version: 1
files: ["lines*"]
emits:
  - feed: order_lines
    fields:
      order_no: order_no
      line_no: line_no
      product_id: product_id
      product_kind: {constant: product}
      leg_type: {column: leg_type, optional: true, steps: [{match: {choices: [], default: sale}}]}
      quantity: quantity
      unit_price_amount: price
      currency_code: {constant: EUR}
"""
SHIPMENTS = """
source: haulier
version: 1
files: ["shipments*"]
orders_of: shop
emits:
  - feed: shipments
    fields:
      carrier_code: {constant: DHL}
      waybill_no: waybill_no
      order_no: {column: order_no, optional: true}
      shipped_at: shipped_at
      destination_country: country
      shipped_month: {column: key_month, optional: true}
      version: {column: version, optional: true}
"""


FEW_MARKETS = ("ZZ", "GB", "DE", "FR", "ES", "IT", "JP", "US")


@cache
def _few_markets() -> str:
    entries = (PROJECT_ROOT / "markets.yaml").read_text(encoding="utf-8").split("\n- code: ")[1:]
    return "".join(f"- code: {entry}\n" for entry in entries if entry[:2] in FEW_MARKETS)


class Room:
    """One installation in a folder of its own, with a few markets (reading all takes as long as a small arrival)."""

    def __init__(self, home: Path, *, has_all_markets: bool = False) -> None:
        self.settings = Settings(home=home)
        self.settings.inbox.mkdir(parents=True)
        if not has_all_markets:
            few = home / "markets.yaml"
            few.write_text(_few_markets(), encoding="utf-8")
            self.change(markets_file=few)
        self.settings.sources.mkdir(parents=True)

    @cached_property
    def lake(self) -> Lake:
        """The lake of this installation."""
        return Lake(self.settings)

    def change(self, **settings: object) -> None:
        """Replace settings."""
        self.settings = self.settings.model_copy(update=settings)

    def mapping(self, text: str, name: str = "") -> Path:
        """Write a mapping; its name is the source's unless given."""
        path = self.settings.sources / (name or f"{len(list(self.settings.sources.iterdir()))}.yaml")
        path.write_text(text, encoding="utf-8")
        return path

    def drop(self, name: str, content: bytes | str) -> Path:
        """Put a file into the inbox."""
        path = self.settings.inbox / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def arrive(self, at: datetime = LOADED_AT, files: Sequence[Path] | None = None) -> ArrivalReport:
        """Take what is in the inbox."""
        return arrive(self.settings, self.lake, files=files, loaded_at=at)

    def take(self, name: str, content: bytes | str, at: datetime = LOADED_AT) -> FileOutcome:
        """Put one file into the inbox, take it, and give its outcome."""
        self.drop(name, content)
        (outcome,) = self.arrive(at).files
        return outcome

    def query(self, sql: str) -> list[tuple[object, ...]]:
        """Ask the raw tables, `edges` and `placements`, as of now."""
        con = duckdb.connect()
        con.execute("set TimeZone = 'UTC'")
        snapshots = self.lake.raw_snapshots([*FEEDS, "edges", "placements"])
        specs = {feed: raw_spec(feed, contracts()[feed].field_names) for feed in FEEDS}
        for table, spec in {**specs, "edges": EDGES, "placements": PLACEMENTS}.items():
            files = self.lake.data_files(spec.name, snapshots[table])
            con.execute(f"create view {table} as select * from {self.lake.relation_sql(spec, files)}")
        return con.execute(sql).fetchall()

    def touches(self, batch_id: int | None) -> set[Touch]:
        """The touches that a batch left, without those that only time makes due."""
        markets = load_markets(self.settings.markets_file).codes
        pending = self.lake.pending_touches([*markets, ""], due_by=LOADED_AT)
        return {Touch(t.layer, t.feed, t.market, t.month, t.reason) for t in pending if t.batch_id == batch_id}


class Bench:
    """Reading and translating one file without a lake."""

    def __init__(self, folder: Path, **limits: float) -> None:
        self.folder = folder
        self.limits = Limits(
            int(limits.get("file_bytes", 1 << 30)), int(limits.get("expanded_bytes", 1 << 30)), limits.get("ratio", 200)
        )
        self.con = duckdb.connect()
        self.con.execute("set TimeZone = 'UTC'")
        self.markets = load_markets(PROJECT_ROOT / "markets.yaml")
        raw_rows.prepare(self.con, tuple(contracts().values()), self.markets)
        self.translator = Translator(self.con, contracts(), self.markets, "2026-03")
        self.number = 0
        self.rows: list[list[tuple[object, ...]]] = []
        self.labels: list[str] = []

    def mapping(self, text: str) -> SourceMapping:
        """A checked mapping from its text."""
        path = self.folder / "mapping.yaml"
        path.write_text(text, encoding="utf-8")
        return load_mapping(path)

    def read(self, name: str, content: bytes | str, form: Format | None = None) -> list[Frame]:
        """The frames of a file, with their rows left in `rows` per member."""
        self.number += 1
        delivered, unpacked = self.folder / "in" / name, self.folder / f"out{self.number}"
        delivered.parent.mkdir(exist_ok=True)
        unpacked.mkdir()
        delivered.write_bytes(content.encode() if isinstance(content, str) else content)
        found: list[Frame] = []
        self.rows, self.labels = [], []
        for member in unpack(delivered, unpacked, self.limits):
            found.append(readers.read(self.con, member, form or Format(), unpacked, self.limits))
            self.labels.append(member.label)
            self.rows.append(self.con.execute("select * from source_rows order by _row").fetchall())
        return found

    def translate(self, mapping: str, content: bytes | str, name: str = "file.csv") -> "Bench":
        """Collect the records of a file of one member."""
        checked = self.mapping(mapping)
        (frame,) = self.read(name, content, checked.format)
        if checked.unpivot is not None:
            frame = frames.unpivot(self.con, frame, checked.unpivot, name, checked.nulls)
        self.translator.translate(SourceFile(name, self.number, frame), checked)
        return self

    def records(self, feed: str, columns: str = "*", order: str = "_row") -> list[tuple[object, ...]]:
        """The collected records that the last file gave to a feed."""
        where = f"where _file_no = {self.number}"
        return self.con.execute(f"select {columns} from collected_{feed} {where} order by {order}").fetchall()


def shared(path: str) -> Path:
    """A file of the shared test data; the test is skipped where it is absent."""
    found = SHARED_DATA / path
    if not found.exists():
        pytest.skip(f"{path} is not at hand: set TRADEWIND_SHARED_DATA")
    return found


def parquet(**columns: object) -> bytes:
    """A Parquet file of these columns."""
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


def xlsx(*rows: Sequence[object], title: str = "Sheet") -> bytes:
    """A workbook of one sheet."""
    book, buffer = Workbook(), io.BytesIO()
    book.active.title = title
    for row in rows:
        book.active.append(row)
    book.save(buffer)
    return buffer.getvalue()


def zipped(*members: tuple[str, str | bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of these members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()
