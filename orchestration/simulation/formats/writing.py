"""Writing: the tables of one batch become files, as Parquet or in the real formats of their sources.

Belongs here: which table goes into which files, and their names. Does not: the formats themselves.
A file is named <source>__<kind>__<tag>.<ending>; `orchestration/arrivals/sources/world_*.yaml` take these names.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from orchestration.simulation.formats import documents
from orchestration.simulation.formats.ceb_files import write_messages
from orchestration.simulation.formats.ceb_layouts import MESSAGES
from orchestration.simulation.formats.csv_files import write_delimited, write_wide_rates
from orchestration.simulation.formats.json_files import PLAIN_LINES, write_objects, write_webhooks
from orchestration.simulation.formats.layouts import LAYOUTS
from orchestration.simulation.formats.parquet_files import FeedTables, write_parquet
from orchestration.simulation.formats.texts import column, texts

Style = Literal["parquet", "real"]

SHOP, PORT, RATES = "hub", "port", ("worldfx", "fx_rates")
# The port's own country: what goes there is an import, and has messages of its own.
HOME = "CN"
# Of the 18 signs of a list's number, the one that tells imports from exports.
FLAG_PLACE = 8


def write_tables(tables: FeedTables, folder: Path, *, style: Style, tag: str) -> list[Path]:
    """Write the tables of one batch into the folder; the files, in the order of their writing.

    tag: tells the batches apart in the names of files, such as US_2026-08, 2026-08 or reference.
    Raises ValueError for a table or a column that the source has no format for.
    """
    folder.mkdir(parents=True, exist_ok=True)
    present = {key: table.combine_chunks() for key, table in tables.items() if len(table)}
    if style == "parquet":
        paths = [folder / f"{source}__{feed}__{tag}.parquet" for source, feed in present]
        for path, table in zip(paths, present.values(), strict=True):
            write_parquet(table, path)
        return paths
    paths = []
    shop = {feed: present.pop((SHOP, feed), None) for feed in ("orders", "order_lines")}
    if any(table is not None for table in shop.values()):
        paths += _write_shop(shop["orders"], shop["order_lines"], folder, tag)
    port = {feed: present.pop((PORT, feed)) for source, feed in list(present) if source == PORT}
    paths += _write_port(port, folder, tag)
    for (source, feed), table in present.items():
        paths.append(_write_one(source, feed, table, folder, tag))
    return paths


def _write_one(source: str, feed: str, table: pa.Table, folder: Path, tag: str) -> Path:
    name = f"{source}__{feed}__{tag}"
    if (source, feed) == RATES:
        path = folder / f"{name}.csv"
        write_wide_rates(table, path)
    elif (source, feed) in PLAIN_LINES:
        path = folder / f"{name}.jsonl"
        write_objects(table, *PLAIN_LINES[source, feed], path)
    elif (source, feed) in LAYOUTS:
        layout = LAYOUTS[source, feed]
        path = folder / f"{name}.{layout.dialect.ending}"
        write_delimited(table, feed, layout, path)
    else:
        raise ValueError(f"{source} has no real format for the feed {feed}")
    return path


def _write_shop(orders: pa.Table | None, lines: pa.Table | None, folder: Path, tag: str) -> list[Path]:
    """The shop's webhooks, and one table of orders and one of lines for each of the marketplaces."""
    orders = pa.table({"order_no": pa.array([], pa.string())}) if orders is None else orders
    lines = pa.table({"order_no": pa.array([], pa.string())}) if lines is None else lines
    order_numbers, line_numbers = texts(column(orders, "order_no")), texts(column(lines, "order_no"))
    channels = texts(column(orders, "channel")) if "channel" in orders.column_names else order_numbers
    route_of_order = _routes(channels, "own_shop", "marketplace_b")
    owner = documents.owners(line_numbers, order_numbers)
    route_of_line = _routes(pc.utf8_slice_codeunits(line_numbers, 0, 3), "OS-", "MB-")
    if len(orders):
        route_of_line = np.where(owner >= 0, route_of_order[owner], route_of_line)
    own_orders, own_lines = (
        documents.where(table, route == 0) for table, route in ((orders, route_of_order), (lines, route_of_line))
    )
    paths = []
    if len(own_orders) or len(own_lines):
        paths.append(folder / f"{SHOP}__webhooks__{tag}.jsonl")
        write_webhooks(own_orders, own_lines, paths[-1])
    for number, letter in ((1, "a"), (2, "b")):
        for feed, table, route in (("orders", orders, route_of_order), ("order_lines", lines, route_of_line)):
            chosen = documents.where(table, route == number)
            if len(chosen):
                layout = LAYOUTS[SHOP, f"{feed}_{letter}"]
                paths.append(folder / f"{SHOP}__{feed}_{letter}__{tag}.{layout.dialect.ending}")
                write_delimited(chosen, feed, layout, paths[-1])
    return paths


def _routes(values: pa.StringArray, own: str, second: str) -> NDArray[np.int64]:
    """0 for the own shop, 2 for the second marketplace, 1 for the first, which also takes what names none."""
    is_own, is_second = documents.membership(values, [own]), documents.membership(values, [second])
    return np.where(is_own, 0, np.where(is_second, 2, 1))


def _write_port(tables: Mapping[str, pa.Table], folder: Path, tag: str) -> list[Path]:
    """The archives of all messages of the port."""
    paths: list[Path] = []
    for feed, lines_feed, country, inward, outward in (
        ("orders", "order_lines", "ship_to_country", "311", "303"),
        ("payments", None, "payer_country", "411", "403"),
        ("shipments", "shipment_lines", "destination_country", "511", "505"),
        ("declarations", "declaration_lines", "flow", "621", "603"),
        ("declaration_receipts", None, "declaration_no", "622", "604"),
    ):
        heads, lines = tables.get(feed), tables.get(lines_feed) if lines_feed is not None else None
        if heads is None and lines is None:
            continue
        key = MESSAGES[inward].document
        heads = pa.table({name: pa.array([], pa.string()) for name in key}) if heads is None else heads
        is_inward = _is_inward(heads, country)
        for code, direction in ((inward, True), (outward, False)):
            chosen = documents.where(heads, is_inward == direction)
            inside = None
            if lines is not None:
                inside = documents.where(lines, _lines_inward(heads, lines, key, is_inward) == direction)
            if len(chosen) or (inside is not None and len(inside)):
                paths += write_messages(MESSAGES[code], chosen, inside, folder, PORT, tag)
    if "tracking_events" in tables:
        paths += write_messages(MESSAGES["513"], tables["tracking_events"], None, folder, PORT, tag)
    unknown = set(tables) - {feed for message in MESSAGES.values() for feed in (message.feed, message.list_feed)}
    if unknown:
        raise ValueError(f"the port has no message for {', '.join(sorted(unknown))}")
    return paths


def _is_inward(heads: pa.Table, name: str) -> NDArray[np.bool_]:
    if name not in heads.column_names:
        return np.zeros(len(heads), np.bool_)
    values = texts(column(heads, name))
    if name == "declaration_no":
        return documents.membership(pc.utf8_slice_codeunits(values, FLAG_PLACE, FLAG_PLACE + 1), ["I"])
    return documents.membership(values, ["import"] if name == "flow" else [HOME])


def _lines_inward(
    heads: pa.Table, lines: pa.Table, key: Sequence[str], is_inward: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    owner = documents.owners(documents.keys(lines, key), documents.keys(heads, key))
    if not len(heads):
        return np.zeros(len(lines), np.bool_)
    return (owner >= 0) & is_inward[owner]
