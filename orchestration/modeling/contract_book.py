"""The contracts as dbt sees them: rules with ids and words, staged columns, and the files that dbt reads them from.

Belongs here: what follows from a contract without knowing SQL's dialect. Does not: the SQL (see dbt_project/macros).
The files stand in dbt_project/generated, are written when the project is prepared, and belong to no commit: a contract
is said once, in orchestration/arrivals/contracts.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from pprint import pformat

import yaml

from orchestration.arrivals.contracts import Contract, ContractField, Rule, contracts
from orchestration.arrivals.located import load

COMMON_RULES = Path(__file__).parents[1] / "arrivals" / "common_rules.yaml"
GENERATED = "generated"

# Load columns of every raw row, as the run's view gives them.
RAW_COLUMNS: Mapping[str, str] = {
    "_source_id": "varchar",
    "_ids_of": "varchar",
    "_orders_of": "varchar",
    "_file": "varchar",
    "_row": "bigint",
    "_batch_id": "bigint",
    "_loaded_at": "timestamp",
    "_content_hash": "varchar",
    "_raw": "varchar",
    "_repairs": "varchar",
    "_document_key": "varchar",
    "_record_key": "varchar",
    "_order_key": "varchar",
    "_version": "bigint",
    "_event_at": "varchar",
    "_market": "varchar",
    "_month": "varchar",
    "_is_overdue": "boolean",
    "_replayed_by": "varchar",
    "_replay_count": "integer",
}
LOAD_COLUMNS: Mapping[str, tuple[str, str]] = {
    "_file": ("varchar", "File that the row came in."),
    "_row": ("bigint", "Row in that file, from 1."),
    "_batch_id": ("bigint", "Arrival that brought the row."),
    "_loaded_at": ("timestamp", "When it was loaded, UTC."),
    "_content_hash": ("varchar", "Hash of the mapped fields."),
}
_TYPES: Mapping[str, str] = {
    "integer": "bigint",
    "decimal": "decimal(19,4)",
    "timestamp": "timestamp",
    "date": "date",
    "boolean": "boolean",
}
# Numbers of things that a platform's systems share: their surrogate key begins with the source that gave the number.
_SHARED_IDS = ("product_id", "seller_id", "supplier_id")


@dataclass(frozen=True)
class BookRule:
    """One rule as users read it: id, what it is about, what it does, in words, and where it comes from."""

    rule_id: str
    feed: str
    field: str
    severity: str
    treatment: str
    words: str
    source: str


@dataclass(frozen=True)
class StagedColumn:
    """One column of a feed's staging table; `kind` tells the macro how it is made from `origin`."""

    name: str
    data_type: str
    kind: str
    origin: str
    description: str


@dataclass(frozen=True)
class FieldRule:
    """A rule that follows from a field's declaration; `test` names the condition, `bound` its number or pattern."""

    rule_id: str
    field: str
    test: str
    bound: str
    words: str
    source: str


def field_rules(contract: Contract) -> Sequence[FieldRule]:
    """The rules that the fields of a contract imply, in the order of the fields."""
    return [rule for field in contract.fields for rule in _rules_of(contract, field)]


def _rules_of(contract: Contract, field: ContractField) -> Iterator[FieldRule]:
    name, words = field.name, field.name.replace("_", " ")

    def rule(ending: str, test: str, said: str, source: str, bound: str = "") -> FieldRule:
        return FieldRule(f"{contract.feed}.{name}_{ending}", name, test, bound, said, source)

    is_place = name == contract.market_field
    if field.is_required and not is_place:
        yield rule("missing", "missing", f"There is no {words}.", "defect catalogue 34")
    if field.type in _TYPES:
        said = f"The {words} cannot be read as {_article(field.type)}."
        yield rule("unreadable", "unreadable", said, "defect catalogue 8, 33")
    is_past = field.type == "timestamp" or name in contract.date_fields
    if is_past and not contract.is_planned(name):
        said = f"The {words} lies before 1990 or in the future."
        yield rule("implausible", "implausible", said, "defect catalogue 8")
    if field.type == "currency":
        yield rule("unknown", "currency", f"The {words} is no currency of ISO 4217.", "defect catalogue 9")
    if field.type == "country" and not is_place and field.is_required:
        yield rule("unknown", "country", f"The {words} is no country of ISO 3166.", "defect catalogue 31")
    if field.type == "code":
        yield rule("unknown", "code", f"The {words} stands in no list of codes.", "contract")
    for ending, test, said, source, bound in _bounds(field, words):
        yield rule(ending, test, said, source, bound)


def _bounds(field: ContractField, words: str) -> Iterator[tuple[str, str, str, str, str]]:
    """Ending, test, words, source and bound of the rules about a field's size and form."""
    if field.above is not None:
        yield "not_positive", "not_above", f"The {words} is not above {field.above}.", "contract", field.above
    if field.minimum is not None and field.maximum is None:
        ending = "negative" if float(field.minimum) == 0 else "out_of_range"
        yield ending, "below", f"The {words} is below {field.minimum}.", "contract", field.minimum
    if field.maximum is not None:
        said = f"The {words} is not between {field.minimum or 'its lower bound'} and {field.maximum}."
        yield "out_of_range", "outside", said, "contract", f"{field.minimum or ''}..{field.maximum}"
    if field.pattern is not None:
        yield "malformed", "pattern", f"The {words} has not the form of its kind.", "contract", field.pattern
    if field.identifier is not None:
        said = f"The {words} is no valid number of its kind: form or check digit are wrong."
        yield "check_digit", "identifier", said, "defect catalogue 30", field.identifier
    if field.max_length is not None and field.type == "text":
        said = f"The {words} is longer than {field.max_length} characters."
        yield "too_long", "too_long", said, "contract", str(field.max_length)


def _article(kind: str) -> str:
    return {"integer": "a whole number", "decimal": "a number", "timestamp": "a moment", "date": "a day"}.get(
        kind, "true or false"
    )


def feed_rules(contract: Contract) -> Sequence[BookRule]:
    """Every rule of a feed, with words: of its fields, of its record, of its place and of its document."""
    feed = contract.feed
    found = [
        BookRule(rule.rule_id, feed, rule.field, "critical", "quarantine", rule.words, rule.source)
        for rule in field_rules(contract)
    ]
    found += [_written(feed, rule) for rule in contract.rules]
    if contract.has_market:
        words = "The country is no market, so the row belongs to no place."
        found.append(BookRule(f"{feed}.market_unknown", feed, "market", "critical", "quarantine", words, "data model"))
    if contract.follows is not None:
        words = f"The record of {contract.follows} that the row belongs to is in quarantine."
        found.append(BookRule(f"{feed}.header_quarantined", feed, "", "critical", "quarantine", words, "design"))
    if contract.waits:
        words = f"The order did not come within {contract.link_limit_days} days; the row is taken back when it comes."
        found.append(
            BookRule(f"{feed}.order_never_came", feed, "", "warning", "quarantine", words, "defect catalogue 6")
        )
    return found


def _written(feed: str, rule: Rule) -> BookRule:
    return BookRule(rule.id, feed, rule.field or "", rule.severity, rule.treatment, rule.words, rule.source)


@cache
def rule_book() -> tuple[BookRule, ...]:
    """Every rule of the platform by its id; the rules of all feeds are those of common_rules.yaml."""
    common = [
        BookRule(**{key: node.as_text() for key, node in item.as_entries().items()})
        for item in load(COMMON_RULES).as_entries()["rules"].as_items()
    ]
    rules = [*common, *(rule for contract in contracts().values() for rule in feed_rules(contract))]
    by_id = {rule.rule_id: rule for rule in rules}
    if len(by_id) != len(rules):
        twice = sorted({rule.rule_id for rule in rules if sum(other.rule_id == rule.rule_id for other in rules) > 1})
        raise ValueError(f"contracts: rules with one id: {', '.join(twice)}")
    return tuple(by_id[rule_id] for rule_id in sorted(by_id))


def staged_columns(contract: Contract) -> Sequence[StagedColumn]:
    """The columns of a feed's staging table, in order: keys, place, fields, flags, load columns."""
    return list(_staged(contract))


def _staged(contract: Contract) -> Iterator[StagedColumn]:
    yield StagedColumn(contract.key_column, "varchar", "raw", "_record_key", "Surrogate key of the record.")
    if contract.document_column is not None:
        words = "Surrogate key of the document that the record belongs to."
        yield StagedColumn(contract.document_column, "varchar", "raw", "_document_key", words)
    if contract.order_link is not None and "order_key" not in (contract.key_column, contract.document_column):
        yield StagedColumn("order_key", "varchar", "raw", "_order_key", "Surrogate key of the order, if it names one.")
    yield StagedColumn("source_id", "varchar", "raw", "_source_id", "Feed of one system; its ids are unique within it.")
    if contract.has_market:
        words = "Country where the buyer receives the goods, ISO 3166-1 alpha-2."
        yield StagedColumn("market", "varchar", "raw", "_market", words)
        words = "Market-local month, YYYY-MM, in which the row is stored."
        yield StagedColumn("month", "varchar", "raw", "_month", words)
    for field in contract.fields:
        if field.name not in ("version", "updated_at", contract.market_field):
            yield from _of_field(contract, field)
    if {"order_no", "order_line_no"} <= set(contract.field_names):
        words = "Surrogate key of the order line that the record names."
        yield StagedColumn("order_line_key", "varchar", "order_line_key", "order_line_no", words)
    if "updated_at" in contract.field_names:
        words = "When the source last changed this record, UTC; null where it does not say."
        yield StagedColumn("changed_at", "timestamp", "field", "updated_at", words)
    for name, (data_type, words) in contract.derived.items():
        yield StagedColumn(name, data_type, "field", name, words)
    yield StagedColumn("repairs", "varchar", "raw", "repairs", "Repairs as field:rule, joined by ';'; empty for none.")
    yield StagedColumn("tags", "varchar", "raw", "tags", "Rules that mark the row and change no state, joined by ';'.")
    for name, (data_type, words) in LOAD_COLUMNS.items():
        yield StagedColumn(name, data_type, "raw", name, words)


def _of_field(contract: Contract, field: ContractField) -> Iterator[StagedColumn]:
    if field.name in _SHARED_IDS:
        key = f"{field.name.removesuffix('_id')}_key"
        yield StagedColumn(key, "varchar", "shared_key", field.name, f"Surrogate key of the {field.name[:-3]}.")
    if field.is_personal:
        if field.pseudonym is not None:
            words = f"Keyed hash of the {field.name.replace('_', ' ')}; the value itself never leaves raw."
            key = f"{field.name.removesuffix('_id')}_key"
            yield StagedColumn(key, "varchar", f"pseudonym_{field.pseudonym}", field.name, words)
        return
    data_type = "double" if field.is_precise else _TYPES.get(field.type, "varchar")
    yield StagedColumn(field.name, data_type, "field", field.name, field.description)
    local = f"{field.name.removesuffix('_at')}_on"
    has_local = contract.has_market and field.type == "timestamp" and local not in contract.field_names
    if has_local and (field.name in contract.date_fields or field.has_local_date):
        words = f"Market-local day of {field.name}."
        yield StagedColumn(local, "date", "local_date", field.name, words)


def _macro(book: Mapping[str, Contract]) -> str:
    """dbt macros that return the contracts as data."""
    feeds = {
        feed: {
            "has_market": contract.has_market,
            "follows": contract.follows,
            "waits": contract.waits,
            "change_field": contract.change_field,
            "value": contract.value,
            "types": {field.name: "double" if field.is_precise else field.type for field in contract.fields},
            "texts": [field.name for field in contract.fields if field.type == "text"],
            "codes": {field.name: list(field.codes) for field in contract.fields if field.type == "code"},
            "personal": [field.name for field in contract.fields if field.is_personal],
            "field_rules": [[rule.rule_id, rule.field, rule.test, rule.bound] for rule in field_rules(contract)],
            "rules": [[rule.id, rule.when, rule.treatment, rule.field, rule.value] for rule in contract.rules],
            "staged": [[column.kind, column.origin, column.name] for column in staged_columns(contract)],
        }
        for feed, contract in book.items()
    }
    # Jinja reads Python's own literals. A macro for each feed: a model that needs one contract need not read all.
    texts = {feed: pformat(data, width=200, sort_dicts=False) for feed, data in feeds.items()}
    macros = [
        f"{{% macro contract_of_{feed}() %}}{{{{ return({text}) }}}}{{% endmacro %}}\n" for feed, text in texts.items()
    ]
    has_market = {feed: contract.has_market for feed, contract in book.items()}
    macros.append(f"{{% macro feeds_of_contracts() %}}{{{{ return({has_market!r}) }}}}{{% endmacro %}}\n")
    return "".join(macros)


def _sources(book: Mapping[str, Contract]) -> str:
    tables = [
        {
            "name": feed,
            "description": f"One row per arrival of {contract.grain}, whatever its version.",
            "columns": [{"name": name} for name in (*contract.field_names, *RAW_COLUMNS)],
        }
        for feed, contract in sorted(book.items())
    ]
    words = "Rows as they arrived, in the words of their contract; a view over the lake for the run's market-months."
    source = {"name": "raw", "description": words, "database": "run", "schema": "raw", "tables": tables}
    return _dumped({"sources": [source]})


def _properties(book: Mapping[str, Contract]) -> str:
    found: list[dict[str, object]] = []
    judged_key = ["_file", "_row", "_content_hash", "_batch_id"]
    for feed, contract in sorted(book.items()):
        tags = {} if contract.has_market else {"tags": ["reference"]}
        found.append(
            {
                "name": f"stg_{feed}_judged",
                "description": f"One row per raw row of {feed}, with its state, its rules and its repairs.",
                "config": {
                    "meta": {
                        "key": judged_key,
                        "key_untested_because": "the staging gate counts the rows against those that were read",
                        "untested_because": "the rules of contracts have one test",
                    },
                    **tags,
                },
                "columns": [
                    {"name": "state", "description": "accepted, repaired, superseded or quarantined."},
                    *({"name": name, "description": words} for name, (_, words) in LOAD_COLUMNS.items()),
                ],
            }
        )
        known = {"known_on": contract.known_on} if contract.known_on is not None else {}
        publish = "market_month" if contract.has_market else "none"
        found.append(
            {
                "name": f"stg_{feed}",
                "description": f"One row per {contract.grain.removeprefix('one ')}; the version that counts.",
                "config": {
                    "meta": {"key": [contract.key_column], "publish": publish, **known},
                    "contract": {"enforced": True},
                    **tags,
                },
                "data_tests": [{"is_key": {"arguments": {"columns": [contract.key_column]}}}],
                "columns": [
                    {"name": column.name, "data_type": column.data_type, "description": column.description}
                    for column in staged_columns(contract)
                ],
            }
        )
    return _dumped({"models": found})


def _dumped(data: Mapping[str, object]) -> str:
    """YAML by the C library where there is one: this runs at the start of every process."""
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    return str(yaml.dump(data, Dumper=dumper, sort_keys=False, allow_unicode=True, width=200))


def write_generated(project: Path) -> None:
    """Write what dbt reads of the contracts; a file that already says it is left alone, so that dbt need not parse."""
    book = contracts()
    folder = project / GENERATED
    texts = {
        folder / "macros" / "contract_book.sql": _macro(book),
        folder / "models" / "raw_sources.yml": _sources(book),
        folder / "models" / "staging_models.yml": _properties(book),
    }
    for path, text in texts.items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")


__all__ = ["BookRule", "StagedColumn", "feed_rules", "rule_book", "staged_columns", "write_generated"]
