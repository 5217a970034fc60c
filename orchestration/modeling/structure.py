"""Structure: the rules that every dbt model keeps, read from dbt's manifest.

Belongs here: what can be told from names, folders, references, descriptions and tests. Does not: what the SQL computes
(dbt's unit tests), its style (sqlfluff), promises about a batch (expectations/).
`python -m orchestration.modeling.structure` prints each broken rule with its file and ends with 1 if there is one.
"""

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

LAYERS = ("staging", "intermediate", "marts")
PREFIXES: Mapping[str, tuple[str, ...]] = {"staging": ("stg_",), "intermediate": ("int_",), "marts": ("fct_", "dim_")}

# Marts that are neither facts nor dimensions but accounts of the platform itself; users know them by these names.
NAMED_MARTS: Mapping[str, str] = {
    "quarantine": "rows that broke a rule, of every feed",
    "row_balance": "what became of every raw row",
    "unlinked_documents": "documents that still wait for their order",
    "funnel": "visits that reached each stage, per market and day",
    "market_kpi": "figures of operations per market and day",
    "exception_worklist": "open items on which a person has to act",
    "reference_quarantine": "quarantine of the feeds that have no market",
    "reference_row_balance": "balance of the feeds that have no market",
}

# Models outside staging that may read a source, each with the reason. None does today.
SOURCE_READERS: Mapping[str, str] = {}

GRAIN = "One row per "


@dataclass(frozen=True)
class Violation:
    """One broken rule: where, by which model, seed or test, and what to do about it."""

    rule: str
    path: str
    name: str
    message: str

    def __str__(self) -> str:
        return f"dbt_project/{self.path}: {self.name}: {self.message} [{self.rule}]"


@dataclass(frozen=True)
class Model:
    """What the rules need to know of a model."""

    name: str
    path: str
    layer: str
    description: str
    sources: tuple[str, ...]
    parents: Mapping[str, str]  # name of each model it refers to, and that one's layer
    key: tuple[str, ...]
    tested_keys: frozenset[frozenset[str]]
    columns: Mapping[str, str]
    is_published: bool
    has_contract: bool
    has_unit_test: bool
    untested_because: str
    key_untested_because: str

    @property
    def hands_data_on(self) -> bool:
        """Whether readers outside the run see the table."""
        return self.layer == "marts" or self.is_published


def violations(manifest: Mapping[str, object]) -> list[Violation]:
    """Every rule that a project breaks, by path and name; an empty list for a sound project.

    `manifest`: dbt's manifest.json as a mapping (schema version 12).
    """
    nodes = _mappings(manifest["nodes"])
    found = [violation for model in models(manifest) for rule in _MODEL_RULES for violation in rule(model)]
    for node in nodes.values():
        if node["resource_type"] == "seed" and not _text(node, "description"):
            found.append(_violation("seed_described", node, "the seed has no description"))
        if node["resource_type"] == "test" and _lacks_reason(node):
            found.append(_violation("warning_reasoned", node, "a test that only warns says why in config.meta.reason"))
    return sorted(found, key=lambda violation: (violation.path, violation.name, violation.rule))


def models(manifest: Mapping[str, object]) -> list[Model]:
    """The project's models, with the columns whose combination some test proves to be unique and not null."""
    nodes = _mappings(manifest["nodes"])
    unit_tested = {str(test["model"]) for test in _mappings(manifest.get("unit_tests") or {}).values()}
    tests: dict[str, list[Mapping[str, object]]] = {}
    for node in nodes.values():
        if node["resource_type"] == "test":
            tests.setdefault(_text(node, "attached_node"), []).append(node)
    layers = {unique_id: _layer(node) for unique_id, node in nodes.items() if node["resource_type"] == "model"}
    return [_model(nodes[unique_id], layers, tests.get(unique_id, []), unit_tested) for unique_id in layers]


def _layer(node: Mapping[str, object]) -> str:
    """The folder directly below models/; empty for a model that stands in none."""
    folders = cast(Sequence[str], node["fqn"])
    return folders[1] if len(folders) > 2 else ""


def _model(
    node: Mapping[str, object],
    layers: Mapping[str, str],
    tests: Sequence[Mapping[str, object]],
    unit_tested: set[str],
) -> Model:
    config = _mapping(node, "config")
    meta = _mapping(config, "meta")
    read = cast(Sequence[str], _mapping(node, "depends_on").get("nodes") or ())
    return Model(
        name=_text(node, "name"),
        path=_text(node, "original_file_path"),
        layer=_layer(node),
        description=_text(node, "description"),
        sources=tuple(".".join(parent.split(".")[2:]) for parent in read if parent.startswith("source.")),
        parents={parent.rpartition(".")[2]: layers[parent] for parent in read if parent in layers},
        key=tuple(cast(Sequence[str], meta.get("key") or ())),
        tested_keys=frozenset(_tested_keys(tests)),
        columns={name: _text(column, "description") for name, column in _mappings(node.get("columns") or {}).items()},
        is_published=meta.get("publish") is not None,
        has_contract=bool(_mapping(config, "contract").get("enforced")),
        has_unit_test=_text(node, "name") in unit_tested,
        untested_because=_text(meta, "untested_because"),
        key_untested_because=_text(meta, "key_untested_because"),
    )


def _tested_keys(tests: Sequence[Mapping[str, object]]) -> Iterator[frozenset[str]]:
    """Each combination of columns that the tests prove to be unique and never null."""
    by_name: dict[str, set[str]] = {"unique": set(), "not_null": set()}
    for test in tests:
        generic = _mapping(test, "test_metadata")
        arguments = _mapping(generic, "kwargs")
        if generic.get("name") == "is_key":
            yield frozenset(cast(Sequence[str], arguments["columns"]))
        elif generic.get("name") in by_name:
            by_name[_text(generic, "name")].add(_text(arguments, "column_name"))
    for column in by_name["unique"] & by_name["not_null"]:
        yield frozenset([column])


def _placed(model: Model) -> Iterator[Violation]:
    if model.layer not in LAYERS:
        yield _broken("layer_known", model, f"stands in no layer; move it below models/{', models/'.join(LAYERS)}")
        return
    allowed = PREFIXES[model.layer]
    if not model.name.startswith(allowed) and not (model.layer == "marts" and model.name in NAMED_MARTS):
        yield _broken("prefix", model, f"a model in {model.layer} is named {' or '.join(allowed)}…")


def _reads_sources_in_staging(model: Model) -> Iterator[Violation]:
    if model.layer == "staging" or model.name in SOURCE_READERS:
        return
    for source in model.sources:
        yield _broken("source_in_staging", model, f"reads the source {source}; only staging reads sources")


def _reads_no_upper_layer(model: Model) -> Iterator[Violation]:
    for parent, layer in model.parents.items():
        if {model.layer, layer} <= set(LAYERS) and LAYERS.index(layer) > LAYERS.index(model.layer):
            yield _broken("no_upward_ref", model, f"{model.layer} refers to {parent} in {layer}, which stands above it")


def _described(model: Model) -> Iterator[Violation]:
    if not model.description.startswith(GRAIN):
        yield _broken("grain", model, f"the description begins with its grain: '{GRAIN.strip()} …'")
    elif not model.description.split("\n", 1)[0].rstrip().endswith("."):
        yield _broken("grain", model, "the sentence that states the grain ends with a full stop")


def _keyed(model: Model) -> Iterator[Violation]:
    if not model.key:
        yield _broken("key_declared", model, "names no key in config.meta.key")
    elif frozenset(model.key) not in model.tested_keys and not model.key_untested_because:
        test = "is_key" if len(model.key) > 1 else "is_key, or unique and not_null,"
        yield _broken("key_tested", model, f"no test {test} covers its key ({', '.join(model.key)})")


def _contracted(model: Model) -> Iterator[Violation]:
    if not model.hands_data_on:
        return
    if not model.has_contract:
        yield _broken("contract", model, "is read outside the run, so its contract must be enforced")
    if not model.columns:
        yield _broken("columns_described", model, "declares no columns")
    for column, description in model.columns.items():
        if not description:
            yield _broken("columns_described", model, f"column {column} has no description")
    for column in model.key:
        if model.columns and column not in model.columns:
            yield _broken("key_declared", model, f"key column {column} is none of its columns")


def _unit_tested(model: Model) -> Iterator[Violation]:
    holds_rules = model.layer == "intermediate" or model.name.endswith("_judged")
    if holds_rules and not model.has_unit_test and not model.untested_because:
        yield _broken("unit_tested", model, "has no unit test (or config.meta.untested_because with a reason)")


_MODEL_RULES: tuple[Callable[[Model], Iterator[Violation]], ...] = (
    _placed,
    _reads_sources_in_staging,
    _reads_no_upper_layer,
    _described,
    _keyed,
    _contracted,
    _unit_tested,
)


def _lacks_reason(test: Mapping[str, object]) -> bool:
    config = _mapping(test, "config")
    return _text(config, "severity").lower() == "warn" and not _text(_mapping(config, "meta"), "reason")


def _broken(rule: str, model: Model, message: str) -> Violation:
    return Violation(rule, model.path, model.name, message)


def _violation(rule: str, node: Mapping[str, object], message: str) -> Violation:
    return Violation(rule, _text(node, "original_file_path"), _text(node, "name"), message)


def _text(node: Mapping[str, object], field: str) -> str:
    return str(node.get(field) or "").strip()


def _mapping(node: Mapping[str, object], field: str) -> Mapping[str, object]:
    return cast(Mapping[str, object], node.get(field) or {})


def _mappings(value: object) -> Mapping[str, Mapping[str, object]]:
    return cast(Mapping[str, Mapping[str, object]], value)


def main(arguments: Sequence[str]) -> int:
    """Check the project's manifest, or the one whose path is given; the exit status is 1 if a rule is broken."""
    if arguments:
        path = Path(arguments[0])
    else:
        from orchestration.modeling.manifest import prepared_manifest

        path = prepared_manifest()
    manifest = cast(Mapping[str, object], json.loads(path.read_text()))
    found = violations(manifest)
    for violation in found:
        print(violation)
    print(f"structure: {len(models(manifest))} models, {len(found)} broken rule(s)")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
