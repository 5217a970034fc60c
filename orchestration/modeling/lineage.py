"""Which column comes from which: read off the compiled SQL, once for each version of the project.

Belongs here: reading compiled SQL with sqlglot, and the file that keeps the result. Does not: the metadata that it ends
up in (see assets.py). sqlglot takes a tenth of a second for one model: kept, a nightly run pays nothing.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, cast

import dagster as dg
import duckdb

from orchestration.arrivals.contracts import contracts
from orchestration.modeling.columns_behind import columns_behind
from orchestration.modeling.contract_book import staged_columns
from orchestration.modeling.manifest import TARGET, manifest, models, project_hash
from orchestration.modeling.structure import NAMED_MARTS
from orchestration.modeling.translator import TRANSLATOR, is_asset

# Accounts over all feeds: their columns come from every feed alike, which says nothing, and takes minutes to read.
_ACCOUNTS = ("stg_superseded", "stg_reference_superseded")


@cache
def _of_contracts() -> Mapping[str, dict[str, list[tuple[Sequence[str], str]]]]:
    """The lineage of each feed's staging table: its contract says which raw field a column is made from."""
    return {
        f"stg_{feed}": {
            column.name: [(["raw", feed], column.origin)]
            for column in staged_columns(contract)
            if column.origin in contract.field_names
        }
        for feed, contract in contracts().items()
    }


class LineageBook:
    """The lineage of every model of one version of the project, filled as models are built."""

    def __init__(self, target: Path = TARGET) -> None:
        self._target = target
        self._path = target / f"lineage-{project_hash()[:16]}.json"
        self._found: dict[str, Any] = json.loads(self._path.read_text()) if self._path.exists() else {}

    def fill(self, con: "duckdb.DuckDBPyConnection", unique_ids: Sequence[str]) -> None:
        """Read the lineage of the models that the book does not have; `con` has them and their parents."""
        missing = [unique_id for unique_id in unique_ids if unique_id not in self._found]
        if not missing:
            return
        schemas = _schemas(con)
        for unique_id in missing:
            name = unique_id.split(".")[-1]
            if name in _of_contracts():
                self._found[unique_id] = _of_contracts()[name]
            elif name.endswith("_judged") or name in NAMED_MARTS or name in _ACCOUNTS:
                self._found[unique_id] = {}
            else:
                self._found[unique_id] = self._read(unique_id, schemas)
        draft = self._path.with_suffix(".draft")
        draft.write_text(json.dumps(self._found))
        draft.replace(self._path)

    def of(self, unique_id: str) -> dg.TableColumnLineage | None:
        """The lineage of a model's columns; None for a model that the book does not have."""
        columns = self._found.get(unique_id)
        if not columns:
            return None
        by_key = {tuple(TRANSLATOR.get_asset_key(node).path): node for node in models()}
        return dg.TableColumnLineage(
            deps_by_column={
                column: [
                    dg.TableColumnDep(dg.AssetKey(list(key)), name)
                    for key, name in sorted(self._reached(deps, by_key, frozenset()))
                ]
                for column, deps in columns.items()
            }
        )

    def _reached(
        self,
        deps: Iterable[tuple[Sequence[str], str]],
        by_key: Mapping[tuple[str, ...], Mapping[str, object]],
        passed: frozenset[tuple[tuple[str, ...], str]],
    ) -> set[tuple[tuple[str, ...], str]]:
        """The columns of assets behind these columns, through models that are none."""
        found: set[tuple[tuple[str, ...], str]] = set()
        for path, name in deps:
            key = tuple(path)
            node = by_key.get(key)
            if node is None or is_asset(node):
                found.add((key, name))
            elif (key, name) not in passed:
                behind = self._found.get(str(node["unique_id"]), {}).get(name, ())
                found |= self._reached(behind, by_key, passed | {(key, name)})
        return found

    def _read(self, unique_id: str, schemas: Mapping[str, Mapping[str, str]]) -> dict[str, list[tuple[list[str], str]]]:
        """Asset and column behind each column of a model, read off its compiled SQL."""
        nodes = cast(dict[str, dict[str, Any]], manifest()["nodes"])
        sources = cast(dict[str, dict[str, Any]], manifest()["sources"])
        node = nodes[unique_id]
        keys: dict[str, list[str]] = {}
        for parent in node["depends_on"]["nodes"]:
            props = nodes.get(parent) or sources[parent]
            name = props.get("alias") or props.get("identifier") or props["name"]
            keys[f"{props['schema']}.{name}"] = list(TRANSLATOR.get_asset_key(props).path)
        # What is published stands beside the run's own rows, under the same name in another schema.
        published = {f"published.{name.partition('.')[2]}": key for name, key in keys.items()}
        compiled = self._target / "compiled" / node["package_name"] / node["original_file_path"]
        # A mart that is made from this model may be read back without a reference; it leads nowhere else.
        known = {name: columns for name, columns in schemas.items() if name in keys or name.startswith("published.")}
        found = columns_behind(compiled.read_text(encoding="utf-8"), known)
        every = published | keys
        return {
            column: [
                (list(key), name)
                for key, name in sorted({(tuple(every[table]), name) for table, name in deps if table in every})
            ]
            for column, deps in found.items()
        }


def _schemas(con: duckdb.DuckDBPyConnection) -> dict[str, dict[str, str]]:
    rows = con.execute(
        "select schema_name || '.' || table_name, column_name, data_type from duckdb_columns()"
        " where database_name = 'run' order by column_index"
    ).fetchall()
    found: dict[str, dict[str, str]] = {}
    for table, column, data_type in rows:
        found.setdefault(table, {})[column] = data_type
    return found
