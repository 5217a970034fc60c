"""Which columns of which tables the columns of a query are made from.

Belongs here: reading SQL with sqlglot. Does not: dbt's models and Dagster's assets (see lineage.py).
"""

from collections.abc import Mapping

from sqlglot import exp, parse_one
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, build_scope

# Table (`schema.table`) and column.
Origin = tuple[str, str]


def columns_behind(sql: str, schemas: Mapping[str, Mapping[str, str]]) -> dict[str, set[Origin]]:
    """For each column of a query (DuckDB's dialect, database `run`) the columns that its value is made from.

    schemas: type of each column, by `schema.table`; other tables are passed over. What only filters or joins rows does
    not count. Each part of the query is read once: the readers that come with sqlglot and dagster-dbt bring conditions
    into normal form and begin anew for each column, which takes minutes for a query of a hundred columns.
    """
    nested: dict[str, dict[str, dict[str, str]]] = {}
    for table, columns in schemas.items():
        schema, _, name = table.partition(".")
        nested.setdefault(schema, {})[name] = dict(columns)
    tree = qualify(
        parse_one(sql, dialect="duckdb"),
        schema={"run": nested},
        catalog="run",
        dialect="duckdb",
        validate_qualify_columns=False,
    )
    root = build_scope(tree)
    if root is None:
        return {}
    query = _Query(frozenset(schemas))
    return {name: query.behind(root, name) for name in _names(root)}


class _Query:
    """The scopes of one query, each column of each read once."""

    def __init__(self, tables: frozenset[str]) -> None:
        self._tables = tables
        self._known: dict[tuple[int, str], set[Origin]] = {}

    def behind(self, scope: Scope, name: str) -> set[Origin]:
        """The columns behind one column of a scope."""
        place = (id(scope), name)
        if place not in self._known:
            self._known[place] = set()  # a recursive query comes back to itself
            self._known[place] = (
                self._of_union(scope, name) if scope.set_operation_scopes else self._of_select(scope, name)
            )
        return self._known[place]

    def _of_union(self, scope: Scope, name: str) -> set[Origin]:
        first, *others = scope.set_operation_scopes
        position = _names(first).index(name) if name in _names(first) else None
        found = self.behind(first, name)
        for other in others:
            names = _names(other)
            if scope.expression.args.get("by_name") or position is None:
                found = found | (self.behind(other, name) if name in names else set())
            elif position < len(names):
                found = found | self.behind(other, names[position])
        return found

    def _of_select(self, scope: Scope, name: str) -> set[Origin]:
        found: set[Origin] = set()
        for projection in scope.expression.args.get("expressions") or ():
            columns = projection.find_all(exp.Column) if projection.alias_or_name == name else ()
            for column in columns:
                source = scope.sources.get(column.table)
                if isinstance(source, Scope):
                    found |= self.behind(source, column.name)
                elif isinstance(source, exp.Table) and f"{source.db}.{source.name}" in self._tables:
                    found.add((f"{source.db}.{source.name}", column.name))
        return found


def _names(scope: Scope) -> list[str]:
    expression = scope.expression
    return list(expression.named_selects) if isinstance(expression, exp.Query) else []
