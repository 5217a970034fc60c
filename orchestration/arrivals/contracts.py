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
# Feeds whose rows staging judges beside their order, and feeds whose lines it judges beside the catalogue.
JUDGED_BESIDE_ORDER = ("payments", "returns", "settlements")
JUDGED_BESIDE_PRODUCT = ("order_lines", "declaration_lines")

FIELD_KEYS = (
    "type", "required", "personal", "pseudonym", "identifier", "pattern", "unit", "max_length", "minimum", "maximum",
    "above", "codes", "month_of", "planned", "local_date", "precise", "description",
)  # fmt: skip
CONTRACT_KEYS = (
    "feed", "version", "grain", "answers_for", "key", "key_column", "source_in_key", "document", "document_column",
    "order_link", "follows", "market_field", "date_fields", "version_field", "event_field", "change_field",
    "link_limit_days", "changes", "value", "known_on", "fields", "derived", "rules",
)  # fmt: skip
CONTRACT_MUST = ("feed", "version", "grain", "answers_for", "key", "key_column", "fields")
RULE_KEYS = ("id", "when", "words", "source", "severity", "treatment", "field", "value")

# How a personal value leaves staging: hashed with its source (an id of that system), as the person (the same in every
# source), or folded first (names and addresses, whose spelling varies); without one it does not leave staging at all.
Pseudonym = Literal["source", "person", "folded"]
PSEUDONYMS: tuple[str, ...] = get_args(Pseudonym)
IDENTIFIERS = ("uscc", "ric", "vat", "eori", "gtin", "iso6346")
Treatment = Literal["quarantine", "repair", "tag"]
TREATMENTS: tuple[str, ...] = get_args(Treatment)
SEVERITIES = ("critical", "warning", "notice")


@dataclass(frozen=True)
class ContractField:
    """One field of a record: its type, and what a value must satisfy."""

    name: str
    type: FieldType
    is_required: bool
    is_personal: bool
    pseudonym: Pseudonym | None
    identifier: str | None
    pattern: str | None
    unit: str
    max_length: int | None
    minimum: str | None
    maximum: str | None
    above: str | None
    codes: tuple[str, ...]
    month_of: tuple[str, ...]
    may_lie_ahead: bool
    has_local_date: bool
    is_precise: bool
    description: str


@dataclass(frozen=True)
class Rule:
    """One rule over a whole record, in SQL over the typed fields (`when` is true when it is broken).

    repair: `field` takes the value of the SQL expression `value`; tag: the record is accepted and carries the rule.
    """

    id: str
    when: str
    words: str
    source: str
    severity: str
    treatment: Treatment
    field: str | None
    value: str | None


@dataclass(frozen=True)
class Changes:
    """What happens when a source's columns change; `retyped_share` is the share of unreadable values that refuses."""

    new_column: Literal["accept_and_report"]
    lost_column: Literal["refuse"]
    retyped_column: Literal["refuse"]
    retyped_share: float


DEFAULT_CHANGES = Changes("accept_and_report", "refuse", "refuse", 0.5)


@dataclass(frozen=True)
class Contract:
    """One feed: its grain, keys, links, place and fields (in the order of the raw table's columns)."""

    feed: str
    version: int
    grain: str
    answers_for: str
    key: tuple[str, ...]
    key_column: str
    has_source_in_key: bool
    document: tuple[str, ...]
    document_column: str | None
    order_link: str | None
    follows: str | None
    market_field: str | None
    date_fields: tuple[str, ...]
    version_field: str | None
    event_field: str | None
    change_field: str | None
    link_limit_days: int
    changes: Changes
    value: str | None
    known_on: str | None
    fields: tuple[ContractField, ...]
    derived: Mapping[str, tuple[str, str]]
    rules: tuple[Rule, ...]

    def is_planned(self, name: str) -> bool:
        """Whether a date may lie in the future."""
        return self.field(name).may_lie_ahead

    @property
    def waits(self) -> bool:
        """Whether a document that names an order waits for it, and only so long."""
        return self.order_link is not None and self.follows is None and self.link_limit_days > 0

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
    entries = node.only(CONTRACT_KEYS, required=CONTRACT_MUST)
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
        key_column=entries["key_column"].as_text(),
        has_source_in_key="source_in_key" not in entries or entries["source_in_key"].as_bool(),
        document=field_names("document"),
        document_column=entries["document_column"].as_text() if "document_column" in entries else None,
        order_link=field_name("order_link"),
        follows=entries["follows"].as_text() if "follows" in entries else None,
        market_field=field_name("market_field"),
        date_fields=field_names("date_fields"),
        version_field=field_name("version_field"),
        event_field=field_name("event_field"),
        change_field=field_name("change_field"),
        link_limit_days=entries["link_limit_days"].as_int() if "link_limit_days" in entries else 0,
        changes=_changes(entries["changes"]) if "changes" in entries else DEFAULT_CHANGES,
        value=entries["value"].as_text() if "value" in entries else None,
        known_on=field_name("known_on"),
        fields=fields,
        derived=MappingProxyType(_derived(entries["derived"]) if "derived" in entries else {}),
        rules=tuple(_rule(child, stem, names) for child in entries["rules"].as_items()) if "rules" in entries else (),
    )


def _rule(node: Node, feed: str, names: Mapping[str, ContractField]) -> Rule:
    entries = node.only(RULE_KEYS, required=("id", "when", "words", "source"))
    identifier = entries["id"].as_text()
    if not identifier.startswith(f"{feed}."):
        raise entries["id"].error(f"the id of a rule begins with its feed: '{feed}.…'")
    chosen = entries["treatment"].as_choice(TREATMENTS) if "treatment" in entries else "quarantine"
    treatment: Treatment = next(choice for choice in get_args(Treatment) if choice == chosen)
    field = entries["field"].as_text() if "field" in entries else None
    if field is not None and field not in names:
        raise entries["field"].error(f"there is no field {field!r}")
    if (treatment == "repair") != ("value" in entries) or (treatment == "repair" and field is None):
        raise node.error("a repair, and nothing else, names its field and the value that it gets")
    default = "critical" if treatment == "quarantine" else "notice"
    return Rule(
        id=identifier,
        when=entries["when"].as_text(),
        words=entries["words"].as_text(),
        source=entries["source"].as_text(),
        severity=entries["severity"].as_choice(SEVERITIES) if "severity" in entries else default,
        treatment=treatment,
        field=field,
        value=entries["value"].as_text() if "value" in entries else None,
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
        pseudonym=_pseudonym(entries["pseudonym"], entries) if "pseudonym" in entries else None,
        identifier=entries["identifier"].as_choice(IDENTIFIERS) if "identifier" in entries else None,
        pattern=entries["pattern"].as_text() if "pattern" in entries else None,
        unit=entries["unit"].as_text() if "unit" in entries else "",
        max_length=entries["max_length"].as_int(minimum=1) if "max_length" in entries else None,
        minimum=_bound(entries, "minimum", kind),
        maximum=_bound(entries, "maximum", kind),
        above=_bound(entries, "above", kind),
        codes=entries["codes"].as_texts() if "codes" in entries else (),
        month_of=entries["month_of"].as_texts() if "month_of" in entries else (),
        may_lie_ahead="planned" in entries and entries["planned"].as_bool(),
        has_local_date="local_date" in entries and entries["local_date"].as_bool(),
        is_precise="precise" in entries and entries["precise"].as_bool(),
        description=entries["description"].as_text(),
    )


def _derived(node: Node) -> dict[str, tuple[str, str]]:
    """Columns that staging works out beside the fields: name to data type and description."""
    found = {}
    for name, child in node.as_entries().items():
        entries = child.only(("data_type", "description"), required=("data_type", "description"))
        found[name] = (entries["data_type"].as_text(), entries["description"].as_text())
    return found


def _pseudonym(node: Node, entries: Mapping[str, Node]) -> Pseudonym:
    chosen = node.as_choice(PSEUDONYMS)
    if "personal" not in entries or not entries["personal"].as_bool():
        raise node.error("only a personal field has a pseudonym")
    kind: Pseudonym = next(choice for choice in get_args(Pseudonym) if choice == chosen)
    return kind


def _bound(entries: Mapping[str, Node], key: str, kind: str) -> str | None:
    """A bound as the text that SQL compares with; only numbers have one."""
    if key not in entries:
        return None
    text = entries[key].as_text()
    if kind not in ("integer", "decimal"):
        raise entries[key].error("only a number has a bound")
    try:
        float(text)
    except ValueError:
        raise entries[key].error(f"{text!r} is not a number") from None
    return text


__all__ = ["ConfigurationError", "Contract", "ContractField", "contracts", "load_contracts"]
