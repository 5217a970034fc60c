"""Contracts: what one record of a feed is, whoever sends it.

Belongs here: the typed form of `contracts/*.yaml`, its checks, and what follows from it (keys, place, links).
Does not: how a foreign file becomes a record (see `mapping.py`) and the raw tables' load columns (see `raw_rows.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Literal, get_args

from orchestration.arrivals.located import ConfigurationError, Node, load

FieldType = Literal[
    "text", "integer", "decimal", "timestamp", "date", "month", "country", "currency", "boolean", "code"
]
FIELD_TYPES: tuple[str, ...] = get_args(FieldType)
CONTRACTS_FOLDER = Path(__file__).parent / "contracts"

FIELD_KEYS = ("type", "required", "personal", "unit", "max_length", "codes", "month_of", "description")
CONTRACT_KEYS = (
    "feed", "version", "grain", "answers_for", "key", "source_in_key", "document", "order_link", "follows",
    "market_field", "date_fields", "version_field", "event_field", "link_limit_days", "changes", "fields",
)  # fmt: skip


@dataclass(frozen=True)
class ContractField:
    """One field of a record: its type, and what a value must satisfy."""

    name: str
    type: FieldType
    is_required: bool
    is_personal: bool
    unit: str
    max_length: int | None
    codes: tuple[str, ...]
    month_of: tuple[str, ...]
    description: str


@dataclass(frozen=True)
class Changes:
    """What happens when a source's columns change; `retyped_share` is the share of unreadable values that refuses."""

    new_column: Literal["accept_and_report"]
    lost_column: Literal["refuse"]
    retyped_column: Literal["refuse"]
    retyped_share: float


@dataclass(frozen=True)
class Contract:
    """One feed: its grain, keys, links, place and fields (in the order of the raw table's columns)."""

    feed: str
    version: int
    grain: str
    answers_for: str
    key: tuple[str, ...]
    has_source_in_key: bool
    document: tuple[str, ...]
    order_link: str | None
    follows: str | None
    market_field: str | None
    date_fields: tuple[str, ...]
    version_field: str | None
    event_field: str | None
    link_limit_days: int
    changes: Changes
    fields: tuple[ContractField, ...]

    def field(self, name: str) -> ContractField:
        """The field of this name; KeyError when the contract has none."""
        for field in self.fields:
            if field.name == name:
                return field
        raise KeyError(f"{self.feed} has no field {name!r}")

    @property
    def field_names(self) -> tuple[str, ...]:
        """The names of all fields, in contract order."""
        return tuple(field.name for field in self.fields)

    @property
    def has_market(self) -> bool:
        """Whether records belong to a market: rates do not."""
        return self.market_field is not None or self.follows is not None

    @property
    def is_header(self) -> bool:
        """Whether a record is a document of its own, with a place of its own, and not the line of one."""
        return self.has_market and self.follows is None


@cache
def contracts() -> Mapping[str, Contract]:
    """Every contract shipped with the platform, by feed, parents before the feeds that follow them."""
    return load_contracts(CONTRACTS_FOLDER)


def load_contracts(folder: Path) -> Mapping[str, Contract]:
    """The contracts of a folder, by feed, parents first; ConfigurationError names file, line and key."""
    nodes = {path.stem: load(path) for path in sorted(folder.glob("*.yaml"))}
    found = {feed: _contract(node, feed) for feed, node in nodes.items()}
    for feed, contract in found.items():
        if contract.follows is not None and contract.follows not in found:
            raise nodes[feed].as_entries()["follows"].error(f"there is no contract of the feed {contract.follows!r}")
        if contract.follows is not None and found[contract.follows].document != contract.document:
            raise nodes[feed].as_entries()["document"].error(f"differs from the document of {contract.follows!r}")
    ordered = sorted(found.values(), key=lambda contract: (contract.follows is not None, contract.feed))
    return MappingProxyType({contract.feed: contract for contract in ordered})


def _contract(node: Node, stem: str) -> Contract:
    entries = node.only(CONTRACT_KEYS, required=("feed", "version", "grain", "answers_for", "key", "changes", "fields"))
    if entries["feed"].as_text() != stem:
        raise entries["feed"].error(f"the feed must be named as its file, {stem!r}")
    fields = tuple(_field(name, child) for name, child in entries["fields"].as_entries().items())
    names = {field.name: field for field in fields}

    def field_names(key: str) -> tuple[str, ...]:
        listed = entries[key].as_texts() if key in entries else ()
        for name in listed:
            if name not in names:
                raise entries[key].error(f"there is no field {name!r}")
        return listed

    def field_name(key: str) -> str | None:
        listed = field_names(key)
        if len(listed) > 1:
            raise entries[key].error("one field is expected")
        return listed[0] if listed else None

    for field in fields:
        for part in field.month_of:
            if part not in names or names[part].type not in ("date", "timestamp"):
                raise (
                    entries["fields"].as_entries()[field.name].error(f"month_of names {part!r}, which is no date field")
                )
    for name in field_names("date_fields"):
        if names[name].type not in ("date", "timestamp"):
            raise entries["date_fields"].error(f"{name!r} is neither a date nor a timestamp")
    return Contract(
        feed=stem,
        version=entries["version"].as_int(minimum=1),
        grain=entries["grain"].as_text(),
        answers_for=entries["answers_for"].as_text(),
        key=field_names("key"),
        has_source_in_key="source_in_key" not in entries or entries["source_in_key"].as_bool(),
        document=field_names("document"),
        order_link=field_name("order_link"),
        follows=entries["follows"].as_text() if "follows" in entries else None,
        market_field=field_name("market_field"),
        date_fields=field_names("date_fields"),
        version_field=field_name("version_field"),
        event_field=field_name("event_field"),
        link_limit_days=entries["link_limit_days"].as_int() if "link_limit_days" in entries else 0,
        changes=_changes(entries["changes"]),
        fields=fields,
    )


def _changes(node: Node) -> Changes:
    keys = ("new_column", "lost_column", "retyped_column", "retyped_share")
    entries = node.only(keys, required=keys)
    entries["new_column"].as_choice(("accept_and_report",))
    entries["lost_column"].as_choice(("refuse",))
    entries["retyped_column"].as_choice(("refuse",))
    return Changes("accept_and_report", "refuse", "refuse", share(entries["retyped_share"]))


def share(node: Node) -> float:
    """A share between 0 and 1."""
    try:
        value = float(node.as_text())
    except ValueError:
        raise node.error(f"{node.text!r} is not a number") from None
    if not 0 <= value <= 1:
        raise node.error(f"{value} is not between 0 and 1")
    return value


def _field(name: str, node: Node) -> ContractField:
    entries = node.only(FIELD_KEYS, required=("type", "description"))
    kind = entries["type"].as_choice(FIELD_TYPES)
    if (kind == "code") != ("codes" in entries):
        raise node.error("codes are listed for the type 'code', and only for it")
    literal: FieldType = next(choice for choice in get_args(FieldType) if choice == kind)
    return ContractField(
        name=name,
        type=literal,
        is_required="required" in entries and entries["required"].as_bool(),
        is_personal="personal" in entries and entries["personal"].as_bool(),
        unit=entries["unit"].as_text() if "unit" in entries else "",
        max_length=entries["max_length"].as_int(minimum=1) if "max_length" in entries else None,
        codes=entries["codes"].as_texts() if "codes" in entries else (),
        month_of=entries["month_of"].as_texts() if "month_of" in entries else (),
        description=entries["description"].as_text(),
    )


__all__ = ["ConfigurationError", "Contract", "ContractField", "contracts", "load_contracts"]
