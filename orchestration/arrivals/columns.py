"""Columns: how a mapping's references find their text in a file's rows, whatever its format.

Belongs here: column names, JSON paths, exploded arrays, lost columns, and the raw row. Does not: what is done with the
text (see `expressions.py`).
"""

from collections.abc import Iterable

import duckdb

from orchestration.arrivals.expressions import Compiler
from orchestration.arrivals.frames import RELATION, Frame
from orchestration.arrivals.mapping import Emit, Reference, SourceMapping, emit_references
from orchestration.arrivals.refusal import Refusal
from orchestration.arrivals.sql_text import Pipeline, literal


def compiler_of(
    frame: Frame, mapping: SourceMapping, emit: Emit, distinct: Iterable[Reference] | None = None
) -> tuple[Pipeline, Compiler]:
    """A pipeline over the file's rows, and what compiles values into it.

    distinct: only these columns matter, so that of rows equal in them the first is enough (None: all rows).
    """
    if frame.kind == "json":
        return _json_compiler(frame, mapping, emit)
    places = {column: f"c{n}" for n, column in enumerate(frame.columns)}
    base = RELATION
    if distinct is not None:
        used = sorted({places[text] for reference in distinct for text in reference.names if text in places})
        grouped = f" group by {', '.join(used)}" if used else ""
        base = f"(select * from {RELATION} where _row in (select min(_row) from {RELATION}{grouped}))"
    pipeline = Pipeline(base, ["_row", *(f"c{n}" for n in range(len(frame.columns)))])

    def column(reference: Reference) -> str | None:
        return next((places[text] for text in reference.names if text in places), None)

    return pipeline, Compiler(pipeline, column, mapping.nulls)


def refuse_lost(con: duckdb.DuckDBPyConnection, frame: Frame, emit: Emit, label: str) -> None:
    """Raise Refusal when a column that the emit reads is missing, or two have its name."""
    wanted = [reference for reference in dict.fromkeys(emit_references(emit)) if not reference.is_optional]
    for reference in wanted:
        if not reference.is_path:
            _refuse_lost_column(frame, reference, label)
    paths = [reference for reference in wanted if reference.is_path]
    if emit.explode is not None:
        paths.append(Reference((emit.explode,), is_path=True))
    for reference in paths:
        tests = " or ".join(f"json_exists({_json_place(emit, path)})" for path in reference.names)
        row = con.execute(f"select bool_or({tests}) from {_json_rows(emit)}").fetchone()
        is_found = row[0] if row is not None else None
        # Where no row has an element of the array, nothing can be said of the elements' keys.
        if is_found is False or (is_found is None and reference.names == (emit.explode,) and not _has_array(con, emit)):
            names = " or ".join(repr(path) for path in reference.names)
            raise Refusal("schema.lost_column", f"{label}: no row has the path {names}")


def raw_row(frame: Frame, emit: Emit) -> str:
    """SQL of the source's own columns as a JSON object; of columns named as their fields, only what is no field."""
    if frame.kind == "table":
        in_fields = emit.fields if emit.is_by_name else ()
        kept = [(n, column) for n, column in enumerate(frame.columns) if column not in in_fields]
        pairs = ", ".join(f"{literal(column)}: c{n}" for n, column in kept)
        return f"cast(to_json({{{pairs}}}) as varchar)" if pairs else "'{}'"
    if emit.explode is None or "." in emit.explode:
        return "cast(j as varchar)"
    # Each record keeps its own element only: the whole array in every element's row would grow with its square.
    return f"cast(json_merge_patch(j, json_object({literal(emit.explode)}, element)) as varchar)"


def new_columns(frame: Frame, mapping: SourceMapping) -> tuple[str, ...]:
    """The file's columns that the mapping neither reads nor lists as ignored."""
    if mapping.unpivot is not None:
        return ()
    known = set(mapping.ignored_columns)
    for emit in mapping.emits:
        known.update({emit.explode.split(".")[0]} if emit.explode else ())
        for reference in emit_references(emit):
            known.update(name.split(".")[0] if reference.is_path else name for name in reference.names)
    return tuple(column for column in frame.columns if column not in known)


def _refuse_lost_column(frame: Frame, reference: Reference, label: str) -> None:
    found = next((column for column in reference.names if column in frame.columns), None)
    if found is None:
        names = " or ".join(repr(column) for column in reference.names)
        # The header is not shown: of a file without one it is the first person's data.
        raise Refusal("schema.lost_column", f"{label}: none of the {len(frame.columns)} columns is named {names}")
    if any(column == f"{found} ({number})" for number, column in enumerate(frame.columns, start=1)):
        raise Refusal("schema.duplicate_column", f"{label}: the header has the column {found!r} twice")


def _json_compiler(frame: Frame, mapping: SourceMapping, emit: Emit) -> tuple[Pipeline, Compiler]:
    pipeline = Pipeline(_json_rows(emit), ["_row", "j", "element", "_position"])

    def column(reference: Reference) -> str | None:
        if not reference.is_path:
            key = next((text for text in reference.names if text in frame.columns), None)
            return None if key is None else pipeline.add(f"json_extract_string(j, {literal(_json_path([key]))})")
        texts = [f"json_extract_string({_json_place(emit, path)})" for path in reference.names]
        return pipeline.add(f"coalesce({', '.join(texts)})")

    return pipeline, Compiler(pipeline, column, mapping.nulls)


def _json_rows(emit: Emit) -> str:
    if emit.explode is None:
        return f"(select _row, j, cast(null as json) as element, 0 as _position from {RELATION})"
    path = literal(_json_path(emit.explode.split(".")) + "[*]")
    return (
        f"(select _row, j, unnest(l) as element, generate_subscripts(l, 1) as _position "
        f"from (select _row, j, json_extract(j, {path}) as l from {RELATION}))"
    )


def _has_array(con: duckdb.DuckDBPyConnection, emit: Emit) -> bool:
    path = literal(_json_path((emit.explode or "").split(".")))
    row = con.execute(f"select bool_or(json_type(j, {path}) = 'ARRAY') from {RELATION}").fetchone()
    return row is not None and bool(row[0])


def _json_place(emit: Emit, path: str) -> str:
    """The two arguments of a JSON function for a dotted path: inside the exploded element, or inside the row."""
    if emit.explode is not None and path.startswith(f"{emit.explode}."):
        return f"element, {literal(_json_path(path[len(emit.explode) + 1 :].split('.')))}"
    return f"j, {literal(_json_path(path.split('.')))}"


def _json_path(keys: list[str]) -> str:
    return "$" + "".join('."' + key.replace("\\", "\\\\").replace('"', '\\"') + '"' for key in keys)
