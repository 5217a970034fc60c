"""Reading mappings: YAML becomes a checked `SourceMapping`, or an error that names the file, the line and the key.

Belongs here: every rule that a mapping must satisfy on its own and against the contracts.
Does not: what can only be known from a file's content (lost and retyped columns: see `translation.py`).
"""

import codecs
import re
from collections.abc import Mapping, Sequence
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
    "orders_of", "ignored_columns", "retyped_share", "unpivot", "emits",
)  # fmt: skip
FORMAT_KEYS = ("type", "delimiter", "quote", "encoding", "sheet", "header_row", "final_newline")
EMIT_KEYS = ("feed", "where", "distinct", "explode", "fields")
FORMAT_TYPES: Mapping[str, FormatType] = {choice: choice for choice in get_args(FormatType)}


def load_mapping(path: Path, known: Mapping[str, Contract] | None = None) -> SourceMapping:
    """The mapping of one file, checked against the contracts."""
    return _mapping(load(path), path.name, contracts() if known is None else known)


def load_mappings(*folders: Path, known: Mapping[str, Contract] | None = None) -> tuple[SourceMapping, ...]:
    """The mappings of all folders; a later folder's mapping replaces an earlier one of the same file name."""
    paths = {path.name: path for folder in folders for path in sorted(folder.glob("*.yaml"))}
    mappings = tuple(load_mapping(path, known) for path in paths.values())
    by_source: dict[str, str] = {}
    for mapping in mappings:
        other = by_source.setdefault(mapping.source_id, mapping.path)
        if other != mapping.path:
            # One source may send several kinds of files, but two files of one name are most likely a forgotten copy.
            clash = next((m for m in mappings if m.path == other and set(m.patterns) & set(mapping.patterns)), None)
            if clash is not None:
                raise ConfigurationError(
                    f"{mapping.path}: takes the same files {sorted(set(clash.patterns) & set(mapping.patterns))} "
                    f"of source {mapping.source_id!r} as {other}"
                )
    return mappings


def _mapping(node: Node, path: str, known: Mapping[str, Contract]) -> SourceMapping:
    entries = node.only(MAPPING_KEYS, required=("source", "version", "files", "emits"))
    source_id = entries["source"].as_text()
    if not re.fullmatch(r"[a-z][a-z0-9_]*", source_id):
        raise entries["source"].error(f"{source_id!r}: small letters, digits and '_' only, a letter first")
    zone = "UTC"
    if "time_zone" in entries:
        zone = read_zone(entries["time_zone"])
    orders_of = entries["orders_of"].as_text() if "orders_of" in entries else source_id
    duplicates = entries["duplicates"].as_choice(("identical_rows", "keep")) if "duplicates" in entries else "keep"
    reversals = entries["reversals"].as_choice(("documented", "inferred")) if "reversals" in entries else "documented"
    reader = ValueReader(zone=zone, may_use_paths=_format(entries.get("format")).type == "jsonl")
    emits = tuple(_emit(item, known, reader) for item in entries["emits"].as_items())
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
        format=_format(entries.get("format")),
        time_zone=zone,
        nulls=entries["nulls"].as_texts() if "nulls" in entries else DEFAULT_NULLS,
        duplicates="identical_rows" if duplicates == "identical_rows" else "keep",
        reversals="inferred" if reversals == "inferred" else "documented",
        orders_of=orders_of,
        ignored_columns=entries["ignored_columns"].as_texts() if "ignored_columns" in entries else (),
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
    return Format(
        type=FORMAT_TYPES[entries["type"].as_choice(FORMAT_TYPES)] if "type" in entries else "auto",
        delimiter=delimiter,
        quote=quote,
        encoding=codecs.lookup(encoding).name,
        sheet=entries["sheet"].as_text() if "sheet" in entries else None,
        header_row=entries["header_row"].as_int(minimum=1) if "header_row" in entries else 1,
        has_final_newline="final_newline" in entries and entries["final_newline"].as_bool(),
    )


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
    entries = node.only(EMIT_KEYS, required=("feed", "fields"))
    feed = entries["feed"].as_choice(known)
    contract = known[feed]
    fields = {}
    for name, child in entries["fields"].as_entries().items():
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
        raise entries["explode"].error("only format type jsonl has arrays to explode")
    return Emit(
        feed=feed,
        where=reader.conditions(entries["where"]) if "where" in entries else (),
        is_distinct="distinct" in entries and entries["distinct"].as_bool(),
        explode=explode,
        fields=fields,
        line=node.line,
    )
