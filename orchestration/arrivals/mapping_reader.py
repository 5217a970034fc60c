"""Reading mappings: YAML becomes a checked `SourceMapping`, or an error that names the file, the line and the key.

Belongs here: every rule that a mapping must satisfy on its own and against the contracts.
Does not: what can only be known from a file's content (lost and retyped columns: see `translation.py`).
"""

import codecs
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import get_args

from orchestration.arrivals.contracts import Contract, contracts, share
from orchestration.arrivals.located import ConfigurationError, Node, load
from orchestration.arrivals.mapping import (
    DEFAULT_NULLS,
    Emit,
    Format,
    FormatType,
    SourceMapping,
    Unpivot,
    emit_references,
)
from orchestration.arrivals.value_reader import ValueReader, read_zone

SHIPPED = Path(__file__).parent / "sources"

MAPPING_KEYS = (
    "source", "version", "description", "files", "format", "time_zone", "nulls", "duplicates", "reversals",
    "orders_of", "ids_of", "ignored_columns", "retyped_share", "unpivot", "emits",
)  # fmt: skip
FORMAT_KEYS = ("type", "delimiter", "quote", "encoding", "sheet", "header_row", "final_newline", "record", "arrays")
EMIT_KEYS = ("feed", "files", "where", "distinct", "explode", "by_name", "fields")
# What each row of a message says of the message (see `xml_messages.py`) is no news, whether a mapping reads it or not.
_ENVELOPE = ("@root", "@guid", "@version", "@member", "@record")
FORMAT_TYPES: Mapping[str, FormatType] = {choice: choice for choice in get_args(FormatType)}


def load_mapping(path: Path, known: Mapping[str, Contract] | None = None) -> SourceMapping:
    """The mapping of one file, checked against the contracts."""
    if known is not None:
        return _mapping(load(path), path.name, known)
    status = path.stat()
    return _unchanged(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=256)
def _unchanged(path: Path, _changed_at: int, _size: int) -> SourceMapping:
    # Every arrival reads all mappings, and a process that takes many arrivals would read them again each time.
    return _mapping(load(path), path.name, contracts())


def load_mappings(*folders: Path, known: Mapping[str, Contract] | None = None) -> tuple[SourceMapping, ...]:
    """The mappings of all folders; a later folder's mapping replaces an earlier one of the same file name."""
    paths = {path.name: path for folder in folders for path in sorted(folder.glob("*.yaml"))}
    mappings = tuple(load_mapping(path, known) for path in paths.values())
    for position, mapping in enumerate(mappings):
        for other in mappings[:position]:
            if other.source_id == mapping.source_id:
                _check_pair(other, mapping)
    return mappings


def _check_pair(first: SourceMapping, second: SourceMapping) -> None:
    """Raise ConfigurationError when two mappings of one source contradict each other."""
    # One source may send several kinds of files, but two files of one name are most likely a forgotten copy.
    same = sorted(set(first.patterns) & set(second.patterns))
    source = f"of source {second.source_id!r}"
    if same:
        raise ConfigurationError(f"{second.path}: takes the same files {same} {source} as {first.path}")
    if first.orders_of != second.orders_of:
        # The same document would be linked to different orders, by whichever file named it.
        raise ConfigurationError(
            f"{second.path}: orders_of: documents {source} belong to the orders of {second.orders_of!r} here, "
            f"and of {first.orders_of!r} in {first.path}"
        )


def owners_of_ids(mappings: Sequence[SourceMapping]) -> Mapping[str, str]:
    """The source whose customer, product and seller numbers each source uses: by default that of its orders."""
    return {mapping.source_id: mapping.ids_of for mapping in mappings}


def owners_of_orders(mappings: Sequence[SourceMapping]) -> Mapping[str, str]:
    """The source whose order numbers each source uses."""
    return {mapping.source_id: mapping.orders_of for mapping in mappings}


def feeds_of_orders(mappings: Sequence[SourceMapping]) -> Sequence[tuple[str, str]]:
    """Source of orders and feed, once for each feed that some mapping brings for the orders of that source."""
    return sorted({(mapping.orders_of, emit.feed) for mapping in mappings for emit in mapping.emits})


def _mapping(node: Node, path: str, known: Mapping[str, Contract]) -> SourceMapping:
    entries = node.only(MAPPING_KEYS, required=("source", "version", "files", "emits"))
    source_id = entries["source"].as_text()
    if not re.fullmatch(r"[a-z][a-z0-9_]*", source_id):
        raise entries["source"].error(f"{source_id!r}: small letters, digits and '_' only, a letter first")
    zone = "UTC"
    if "time_zone" in entries:
        zone = read_zone(entries["time_zone"])
    orders_of = entries["orders_of"].as_text() if "orders_of" in entries else source_id
    ids_of = entries["ids_of"].as_text() if "ids_of" in entries else orders_of
    duplicates = entries["duplicates"].as_choice(("identical_rows", "keep")) if "duplicates" in entries else "keep"
    reversals = entries["reversals"].as_choice(("documented", "inferred")) if "reversals" in entries else "documented"
    form = _format(entries.get("format"))
    reader = ValueReader(zone=zone, may_use_paths=form.type == "jsonl" or bool(form.records))
    emits = tuple(_emit(item, known, reader) for item in entries["emits"].as_items())
    ignored = entries["ignored_columns"].as_texts() if "ignored_columns" in entries else ()
    unpivot = _unpivot(entries["unpivot"]) if "unpivot" in entries else None
    if unpivot is not None:
        _check_long_columns(entries["emits"], emits, unpivot)
    if not emits:
        raise entries["emits"].error("the list is empty: the source would give no record")
    return SourceMapping(
        path=path,
        source_id=source_id,
        version=entries["version"].as_int(minimum=1),
        patterns=_patterns(entries["files"]),
        format=form,
        time_zone=zone,
        nulls=entries["nulls"].as_texts() if "nulls" in entries else DEFAULT_NULLS,
        duplicates="identical_rows" if duplicates == "identical_rows" else "keep",
        reversals="inferred" if reversals == "inferred" else "documented",
        orders_of=orders_of,
        ids_of=ids_of,
        ignored_columns=(*_ENVELOPE, *ignored) if form.records else ignored,
        retyped_share=share(entries["retyped_share"]) if "retyped_share" in entries else None,
        unpivot=unpivot,
        emits=emits,
    )


def _patterns(node: Node) -> tuple[str, ...]:
    patterns = node.as_texts()
    for pattern in patterns:
        if "/" in pattern or not pattern.strip():
            raise node.error(f"{pattern!r} is no pattern of file names, such as 'orders_*.csv'")
    if not patterns:
        raise node.error("the list is empty: no file would be taken")
    return patterns


def _format(node: Node | None) -> Format:
    if node is None:
        return Format()
    entries = node.only(FORMAT_KEYS)

    def one_character(key: str, default: str) -> str:
        if key not in entries:
            return default
        text = entries[key].as_text().replace("\\t", "\t")
        if len(text) != 1 or text in "\r\n" or ord(text) > 127:
            raise entries[key].error(f"{text!r} is not one ASCII character")
        return text

    encoding = entries["encoding"].as_text() if "encoding" in entries else "utf-8"
    try:
        # Codecs such as base64 are known to Python, too; this also refuses what is no text encoding.
        "".encode(encoding)
    except LookupError:
        raise entries["encoding"].error(f"{encoding!r} is no known text encoding, such as utf-8 or gb18030") from None
    has_quote = "quote" not in entries or entries["quote"].as_text() != "none"
    delimiter, quote = one_character("delimiter", ","), one_character("quote", '"') if has_quote else ""
    if delimiter == quote:
        raise node.error(f"delimiter and quote are the same character {quote!r}")
    kind = FORMAT_TYPES[entries["type"].as_choice(FORMAT_TYPES)] if "type" in entries else "auto"
    _check_xml(node, entries, kind)
    return Format(
        type=kind,
        delimiter=delimiter,
        quote=quote,
        encoding=codecs.lookup(encoding).name,
        sheet=entries["sheet"].as_text() if "sheet" in entries else None,
        header_row=entries["header_row"].as_int(minimum=1) if "header_row" in entries else 1,
        has_final_newline="final_newline" in entries and entries["final_newline"].as_bool(),
        records=entries["record"].as_texts() if "record" in entries else (),
        arrays=entries["arrays"].as_texts() if "arrays" in entries else (),
    )


def _check_xml(node: Node, entries: Mapping[str, Node], kind: FormatType) -> None:
    """Raise ConfigurationError for options that XML needs, has no use for, or that are for XML only."""
    if kind == "xml" and "record" not in entries:
        raise node.error("the key 'record' is missing: the name of the element that is one row")
    for key, child in entries.items():
        if key in ("record", "arrays") and kind not in ("xml", "auto"):
            raise child.error(f"{key} is for format type xml")
        if key not in ("type", "record", "arrays") and kind == "xml":
            raise child.error(f"XML has no {key}; its encoding stands in its prolog")
        if key in ("record", "arrays"):
            pattern = r"[^\W\d][\w-]*" if key == "record" else r"[^\W\d][\w-]*(\.[^\W\d][\w-]*)*"
            names = child.as_texts()
            if not names and key == "record":
                raise child.error("the list is empty: no element would be a row")
            for name in names:
                if not re.fullmatch(pattern, name):
                    raise child.error(f"{name!r} is no name of an element without its namespace, such as Inventory")
    if "arrays" in entries and "record" not in entries:
        raise entries["arrays"].error("stands beside record")


def _unpivot(node: Node) -> Unpivot:
    entries = node.only(("keep", "name_to", "value_to"), required=("keep", "name_to", "value_to"))
    unpivot = Unpivot(entries["keep"].as_texts(), entries["name_to"].as_text(), entries["value_to"].as_text())
    names = (*unpivot.keep, unpivot.name_to, unpivot.value_to)
    if len(set(names)) < len(names):
        raise node.error("the columns of the long table must have different names")
    return unpivot


def _check_long_columns(node: Node, emits: Sequence[Emit], unpivot: Unpivot) -> None:
    columns = {*unpivot.keep, unpivot.name_to, unpivot.value_to}
    for item, emit in zip(node.as_items(), emits, strict=True):
        for reference in emit_references(emit):
            if not set(reference.names) & columns:
                raise item.error(f"the unpivoted table has no column {reference.names[0]!r}, but {sorted(columns)}")


def _emit(node: Node, known: Mapping[str, Contract], reader: ValueReader) -> Emit:
    entries = node.only(EMIT_KEYS, required=("feed",) if "by_name" in node.as_entries() else ("feed", "fields"))
    feed = entries["feed"].as_choice(known)
    contract = known[feed]
    fields = reader.named(entries["by_name"], contract.fields) if "by_name" in entries else {}
    for name, child in entries["fields"].as_entries().items() if "fields" in entries else ():
        if name not in contract.field_names:
            raise child.error(f"the contract of {feed} has no field {name!r}; it has {', '.join(contract.field_names)}")
        fields[name] = reader.field(child, contract.field(name))
    for field in contract.fields:
        if field.is_required and field.name not in fields and not any(part in fields for part in field.month_of):
            raise entries["fields"].error(
                f"the field {field.name!r}, which the contract of {feed} requires, is missing"
            )
    explode = entries["explode"].as_text() if "explode" in entries else None
    if explode is not None and not reader.may_use_paths:
        raise entries["explode"].error("only format types jsonl and xml have arrays to explode")
    return Emit(
        feed=feed,
        where=reader.conditions(entries["where"]) if "where" in entries else (),
        is_distinct="distinct" in entries and entries["distinct"].as_bool(),
        explode=explode,
        fields=fields,
        line=node.line,
        patterns=_patterns(entries["files"]) if "files" in entries else (),
        is_by_name="by_name" in entries,
    )
