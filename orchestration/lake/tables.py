"""Iceberg tables from declared ones: types, creation, columns added later.

Belongs here: what the stored table looks like. Does not: its rows (see snapshots.py, staging.py).
"""

import re
from typing import TYPE_CHECKING

from orchestration.lake.vocabulary import SchemaError, TableSpec

if TYPE_CHECKING:
    from pyiceberg.catalog.sql import SqlCatalog
    from pyiceberg.partitioning import PartitionSpec
    from pyiceberg.schema import Schema
    from pyiceberg.table import Table
    from pyiceberg.types import IcebergType

DECIMAL = re.compile(r"decimal\((\d+),\s*(\d+)\)")


def normalised(duckdb_type: str) -> str:
    """The type's one spelling, for example `decimal(19,4)`."""
    return re.sub(r"\s+", " ", duckdb_type.strip().lower()).replace(", ", ",")


def iceberg_type(duckdb_type: str, *, of: str) -> "IcebergType":
    """The Iceberg type of a declared DuckDB type; `of` names table and column in the error."""
    from pyiceberg import types

    name = normalised(duckdb_type)
    plain: dict[str, IcebergType] = {
        "varchar": types.StringType(),
        "bigint": types.LongType(),
        "integer": types.IntegerType(),
        "double": types.DoubleType(),
        "boolean": types.BooleanType(),
        "date": types.DateType(),
        "timestamp": types.TimestampType(),
    }
    if name in plain:
        return plain[name]
    if match := DECIMAL.fullmatch(name):
        return types.DecimalType(int(match[1]), int(match[2]))
    raise SchemaError(f"{of}: type {duckdb_type!r} is not one of {', '.join(plain)}, decimal(p,s)")


def duckdb_type(iceberg: "IcebergType") -> str:
    """The DuckDB spelling of a stored type."""
    names = {"string": "varchar", "long": "bigint", "int": "integer"}
    return names.get(str(iceberg), normalised(str(iceberg)))


def iceberg_schema(spec: TableSpec) -> "Schema":
    """The schema of a new table; every column is optional, since later columns must be."""
    from pyiceberg.schema import Schema
    from pyiceberg.types import NestedField

    return Schema(
        *(
            NestedField(number, column.name, iceberg_type(column.type, of=f"{spec.name}.{column.name}"), required=False)
            for number, column in enumerate(spec.columns, start=1)
        )
    )


def partition_spec(spec: TableSpec, schema: "Schema") -> "PartitionSpec":
    """Identity partitions over the place columns."""
    from pyiceberg.partitioning import PartitionField, PartitionSpec
    from pyiceberg.transforms import IdentityTransform

    return PartitionSpec(
        *(
            PartitionField(
                source_id=schema.find_field(name).field_id,
                field_id=1000 + position,
                transform=IdentityTransform(),
                name=name,
            )
            for position, name in enumerate(spec.place_columns)
        )
    )


def open_table(catalog: "SqlCatalog", identifier: str, spec: TableSpec) -> "Table":
    """The stored table, created or widened as declared.

    Raises SchemaError when a stored column is gone from the declaration, or has another type, or the partition
    columns differ: files know their columns by name, so a renamed column would read as null.
    """
    from pyiceberg.exceptions import NoSuchTableError

    try:
        table = catalog.load_table(identifier)
    except NoSuchTableError:
        return create_table(catalog, identifier, spec)
    added = added_columns(spec, table)
    if added:
        with table.transaction() as change, change.update_schema() as update:
            for name in added:
                column = next(column for column in spec.columns if column.name == name)
                update.add_column(name, iceberg_type(column.type, of=f"{spec.name}.{name}"))
    return table


def create_table(catalog: "SqlCatalog", identifier: str, spec: TableSpec) -> "Table":
    """A new empty table."""
    namespace, name = identifier.split(".")
    catalog.create_namespace_if_not_exists(namespace)
    schema = iceberg_schema(spec)
    return catalog.create_table(
        identifier,
        schema=schema,
        location=f"{catalog.properties['warehouse']}/{namespace}/{name}",
        partition_spec=partition_spec(spec, schema),
        properties={
            # DuckDB's Parquet carries no field ids: other readers find columns by name.
            "schema.name-mapping.default": schema.name_mapping.model_dump_json(),
            "commit.retry.num-retries": "0",  # a conflict inside the commit lock is a stranger: give up whole
            "write.metadata.previous-versions-max": "5",
        },
    )


def added_columns(spec: TableSpec, table: "Table") -> list[str]:
    """The declared columns that the stored table does not have yet; raises SchemaError for any other difference."""
    stored = {field.name: duckdb_type(field.field_type) for field in table.schema().fields}
    declared = {column.name: normalised(column.type) for column in spec.columns}
    problems = [
        f"stored column {name} ({kind}) is not declared any more; columns are added, never removed or renamed"
        for name, kind in stored.items()
        if name not in declared
    ]
    problems += [
        f"column {name} is stored as {stored[name]} and declared as {kind}; columns never change their type"
        for name, kind in declared.items()
        if name in stored and stored[name] != kind
    ]
    partitions = tuple(field.name for field in table.spec().fields)
    if partitions != spec.place_columns:
        problems.append(f"stored by {partitions or 'no partition'}, declared by {spec.place_columns or 'no partition'}")
    if problems:
        raise SchemaError(f"{spec.name}: {'; '.join(problems)}")
    return [name for name in declared if name not in stored]
