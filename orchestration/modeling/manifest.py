"""The dbt project as Python sees it: its manifest, kept fresh, and what it says about the published tables.

Belongs here: reading dbt's manifest. Does not: running dbt (see build.py), naming assets (see translator.py).
"""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import cast

from orchestration.lake import Column, TableSpec
from orchestration.lake.vocabulary import Partition
from orchestration.modeling.contract_book import write_generated
from orchestration.settings import PROJECT_ROOT

DBT_PROJECT = PROJECT_ROOT / "dbt_project"
TARGET = DBT_PROJECT / "target"
MANIFEST = TARGET / "manifest.json"
_STAMP = TARGET / "parsed.sha256"
_PARSED_FOLDERS = ("models", "macros", "seeds", "tests", "generated")


class ManifestError(RuntimeError):
    """The dbt project cannot be read; the message names the model and what is wrong with it."""


@dataclass(frozen=True)
class PublishedModel:
    """A model whose table is published: its name, its layer (the dbt schema) and its declared table.

    known_on: the column with the day from which a row was known to everybody, where that is not its arrival.
    """

    name: str
    layer: str
    spec: TableSpec
    known_on: str | None = None

    @classmethod
    def whole(cls, layer: str, name: str, columns: Mapping[str, str]) -> "PublishedModel":
        """A table that is no dbt model and is published as a whole, of these columns with their types."""
        declared = tuple(Column(column, kind) for column, kind in columns.items())
        return cls(name, layer, TableSpec(f"{layer}.{name}", declared, partition="none"))

    @property
    def relation(self) -> str:
        """The table in the run's database."""
        return f"run.{self.layer}.{self.name}"


def project_hash() -> str:
    """A hash over every file that dbt parses: equal hashes mean an equal manifest."""
    digest = hashlib.sha256()
    files = [DBT_PROJECT / "dbt_project.yml", DBT_PROJECT / "profiles.yml"]
    for folder in _PARSED_FOLDERS:
        files += sorted(path for path in (DBT_PROJECT / folder).rglob("*") if path.is_file())
    for path in files:
        digest.update(str(path.relative_to(DBT_PROJECT)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def seeds_hash() -> str:
    """A hash over the seeds: which rules and codes a publication was made with."""
    digest = hashlib.sha256()
    for path in sorted((DBT_PROJECT / "seeds").glob("*.csv")):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def prepared_manifest() -> Path:
    """Path of a manifest that fits the project's files, parsed again only when one of them has changed.

    Raises ManifestError when dbt cannot parse the project.
    """
    write_generated(DBT_PROJECT)
    wanted = project_hash()
    if MANIFEST.exists() and _STAMP.exists() and _STAMP.read_text() == wanted:
        return MANIFEST
    # Parsing takes seconds and imports dbt: a code location that loads every minute must not pay for it each time.
    from orchestration.modeling.build import parse_project

    parse_project()
    draft = _STAMP.with_suffix(f".{os.getpid()}")
    draft.write_text(wanted)
    draft.replace(_STAMP)
    return MANIFEST


@cache
def manifest() -> Mapping[str, object]:
    """The parsed manifest, as dbt wrote it."""
    return cast(Mapping[str, object], json.loads(prepared_manifest().read_text()))


def models() -> Sequence[Mapping[str, object]]:
    """The manifest's nodes that are models."""
    nodes = cast(Mapping[str, Mapping[str, object]], manifest()["nodes"])
    return [node for node in nodes.values() if node["resource_type"] == "model"]


@cache
def published_models() -> Mapping[str, PublishedModel]:
    """Every published model by its name.

    Raises ManifestError when one declares no columns, or a column without a type.
    """
    found: dict[str, PublishedModel] = {}
    for node in models():
        meta = cast(Mapping[str, object], cast(Mapping[str, object], node["config"]).get("meta") or {})
        if (partition := meta.get("publish")) is None:
            continue
        name, layer = str(node["name"]), str(node["schema"])
        columns = cast(Mapping[str, Mapping[str, object]], node["columns"])
        untyped = [column for column, declared in columns.items() if not declared.get("data_type")]
        if untyped or not columns:
            raise ManifestError(f"model {name}: published, but columns without a type: {', '.join(untyped) or 'all'}")
        found[name] = PublishedModel(
            name,
            layer,
            TableSpec(
                name=f"{layer}.{name}",
                columns=tuple(
                    Column(column, str(declared["data_type"]).replace(", ", ","))
                    for column, declared in columns.items()
                ),
                partition=cast(Partition, partition),
            ),
            known_on=cast(str | None, meta.get("known_on")),
        )
    return found
