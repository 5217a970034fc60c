"""Delimited files: a table in the dialect of its source, and the wide table of rates.

Belongs here: rows, quoting and encodings. Does not: which columns there are (see `layouts.py`).
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from orchestration.arrivals.contracts import contracts
from orchestration.simulation.formats.layouts import Dialect, Layout
from orchestration.simulation.formats.texts import column, content, field_texts, joined, mapped, texts, with_separators

LINE_END = "\r\n"


def write_delimited(table: pa.Table, feed: str, layout: Layout, path: Path) -> None:
    """Write the table with a header; raises ValueError for a column or a letter that the source has no way to write."""
    unknown = set(table.column_names) - set(layout.headers)
    if unknown:
        raise ValueError(f"{path.name}: the layout has no column for {', '.join(sorted(unknown))}")
    dialect = layout.dialect
    cells: list[pa.StringArray | str] = []
    for name in layout.headers:
        cells += [_quoted(_cells(table, feed, name, layout), dialect.delimiter)] if name in table.column_names else []
        cells.append(dialect.delimiter)
    cells[-1] = LINE_END
    header = dialect.delimiter.join(layout.headers.values()) + LINE_END
    _write(path, header, joined(*cells) if len(table) else pa.array([], pa.string()), dialect)


def write_wide_rates(table: pa.Table, path: Path) -> None:
    """Write rates as a row per day and a column per currency; a rate that stands twice gets a row of its own."""
    days, currencies = (texts(column(table, name)) for name in ("rate_on", "currency_code"))
    columns = sorted(set(currencies.to_pylist()))
    keys = joined(days, "|", currencies).dictionary_encode().indices.to_numpy()
    order = np.argsort(keys, kind="stable")
    begins = np.concatenate([[True], keys[order][1:] != keys[order][:-1]]) if len(keys) else np.zeros(0, bool)
    nth = np.zeros(len(keys), np.int64)
    nth[order] = np.arange(len(keys)) - np.maximum.accumulate(np.where(begins, np.arange(len(keys)), 0))
    rows: dict[tuple[int, str], dict[str, str]] = {}
    rates = texts(column(table, "rate_per_eur")).to_pylist()
    for n, day, currency, rate in zip(nth.tolist(), days.to_pylist(), currencies.to_pylist(), rates, strict=True):
        rows.setdefault((n, day), {})[currency] = rate or ""
    lines = [",".join(["Date", *columns])]
    lines += [",".join([day, *(rates.get(currency, "") for currency in columns)]) for (_, day), rates in rows.items()]
    path.write_bytes("".join(line + LINE_END for line in lines).encode())


def _cells(table: pa.Table, feed: str, name: str, layout: Layout) -> pa.StringArray:
    values, dialect = column(table, name), layout.dialect
    kind = contracts()[feed].field(name).type
    if kind == "decimal":
        return with_separators(values, dialect.point, dialect.thousands)
    written = field_texts(values, kind, dialect.moments)
    return mapped(written, layout.codes[name]) if name in layout.codes else written


def _quoted(values: pa.StringArray, delimiter: str) -> pa.StringArray:
    """The cells, in quotes where they hold a delimiter, a quote or a line end."""
    is_odd = pc.match_substring_regex(values, f'[{delimiter}"\r\n]' if delimiter != "|" else '[|"\r\n]')
    if not pc.any(is_odd).as_py():
        return values
    return pc.if_else(is_odd, joined('"', pc.replace_substring(values, '"', '""'), '"'), values)


def _write(path: Path, header: str, rows: pa.StringArray, dialect: Dialect) -> None:
    data = content(rows)
    if dialect.encoding == "utf-8":
        with path.open("wb") as file:
            file.write(header.encode())
            file.write(data)
        return
    try:
        path.write_bytes((header + str(data, "utf-8")).encode(dialect.encoding))
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{path.name}: {dialect.encoding} has no sign for U+{ord(error.object[error.start]):04X}"
        ) from None
