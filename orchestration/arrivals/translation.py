"""Translation: the rows of one file become the records of a feed, all in one SQL statement.

Belongs here: collecting the records of each emit, and the checks that need a whole file (retyped columns, unknown
codes). Does not: columns (see `columns.py`), expressions (`expressions.py`, `parsing.py`), keys (`records.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb

from orchestration.arrivals import parsing, raw_rows
from orchestration.arrivals.columns import compiler_of, raw_row, refuse_lost
from orchestration.arrivals.contracts import Contract
from orchestration.arrivals.expressions import Text
from orchestration.arrivals.frames import Frame
from orchestration.arrivals.mapping import Constant, Emit, Generated, SourceMapping, Value, emit_references, references
from orchestration.arrivals.records import RecordSql
from orchestration.arrivals.refusal import Refusal, shape
from orchestration.arrivals.sql_text import Pipeline, key_of, literal, name
from orchestration.markets import PSEUDO_MARKET, Markets

# Below so many rows DuckDB takes longer to optimise the layers of expressions than to compute them: of an order's 30
# fields, 0.28 s instead of 0.09 s whatever the rows, against 5 microseconds that each row costs without.
FEW_ROWS = 20_000


@dataclass(frozen=True)
class SourceFile:
    """One file of an arrival, as its records name it."""

    label: str
    number: int
    frame: Frame


@dataclass(frozen=True)
class Translator:
    """Turns the rows in `source_rows` into records; `arrival_month` is the month of what has no readable date."""

    con: duckdb.DuckDBPyConnection
    contracts: Mapping[str, Contract]
    markets: Markets
    arrival_month: str

    def translate(self, file: SourceFile, mapping: SourceMapping) -> Mapping[str, int]:
        """Collect the file's records; the number of records by feed. Raises Refusal: then `forget` the file."""
        counts: dict[str, int] = {}
        is_small = file.frame.rows < FEW_ROWS
        if is_small:
            self.con.execute("pragma disable_optimizer")
        try:
            for emit in mapping.emits:
                translation = _Translation(self, file, mapping, emit)
                refuse_lost(self.con, file.frame, emit, file.label)
                translation.collect()
                translation.refuse_retyped_columns()
                counts[emit.feed] = self._count(f"{raw_rows.collected(emit.feed)} where _file_no = {file.number}")
        finally:
            if is_small:
                self.con.execute("pragma enable_optimizer")
        return counts

    def forget(self, number: int) -> None:
        """Drop what a refused file has left: a file is taken wholly or not at all."""
        for feed in self.contracts:
            self.con.execute(f"delete from {raw_rows.collected(feed)} where _file_no = {number}")
        self.con.execute(f"delete from links where _file_no = {number}")

    def unused_rows(self, file: SourceFile, mapping: SourceMapping) -> int:
        """How many rows of the file satisfy the conditions of no emit."""
        if any(not emit.where for emit in mapping.emits):
            return 0
        pipeline, compiler = compiler_of(file.frame, mapping, mapping.emits[0])
        used = [compiler.all_of(emit.where) for emit in mapping.emits]
        return self._count(f"({pipeline.select({'is_used': ' or '.join(used)})}) where not is_used")

    def unknown_markets(self, file: SourceFile, feeds: Mapping[str, int]) -> Mapping[str, int]:
        """Rows by the text that names no market, most frequent first, at most twenty per feed."""
        found: dict[str, int] = {}
        for feed in feeds:
            field = self.contracts[feed].market_field
            if field is None:
                continue
            rows = self.con.execute(
                f"select coalesce(left({name(field)}, 40), ''), count(*) from {raw_rows.collected(feed)} where "
                f"_file_no = {file.number} and _own_market = '{PSEUDO_MARKET}' group by 1 order by 2 desc, 1 limit 20"
            ).fetchall()
            found.update({str(text): int(count) for text, count in rows})
        return found

    def _count(self, rows: str) -> int:
        counted = self.con.execute(f"select count(*) from {rows}").fetchone()
        return int(counted[0]) if counted is not None else 0


@dataclass(frozen=True)
class _Translation:
    """One emit of one file."""

    to: Translator
    file: SourceFile
    mapping: SourceMapping
    emit: Emit

    @property
    def contract(self) -> Contract:
        return self.to.contracts[self.emit.feed]

    def collect(self) -> None:
        """Insert the emit's records into the feed's table, and its links to orders."""
        con, contract = self.to.con, self.contract
        # Equal rows give equal records, so records that stand once are computed once.
        distinct = list(emit_references(self.emit)) if self.emit.is_distinct else None
        pipeline, compiler = compiler_of(self.file.frame, self.mapping, self.emit, distinct)
        where = compiler.all_of(self.emit.where)
        texts = {field: compiler.text(spec.value) for field, spec in self.emit.fields.items()}
        self._refuse_unknown_codes(pipeline, texts, where)
        values: dict[str, str] = {}
        for field, text in texts.items():
            kind = contract.field(field).type
            values[field] = parsing.canonical(pipeline, kind, text.alias, self.emit.fields[field].parsing)
            if kind == "country":
                self._learn_spellings(self.emit.fields[field].value)
        base, flags = self._resolved(pipeline, where, texts, values)
        records = RecordSql(contract, self.mapping, self.emit, self.to.arrival_month)
        query = records.select(base, flags, self.file.label, self.file.number)
        columns = [*contract.field_names, *(column for column, _ in raw_rows.RECORD_COLUMNS)]
        table = raw_rows.collected(contract.feed)
        con.execute(f"insert into {table} ({', '.join(name(column) for column in columns)}) {query}")
        if contract.order_link is not None and contract.follows is None:
            self._collect_links(table, contract.order_link)

    def refuse_retyped_columns(self) -> None:
        """Raise Refusal when too many values of a typed field are not of the type's form."""
        checks: list[tuple[str, str]] = []
        for field, spec in self.emit.fields.items():
            pattern = parsing.form(self.contract.field(field).type, spec.parsing)
            if pattern is not None and not isinstance(spec.value.origin, Constant | Generated):
                checks.append((field, f"not regexp_full_match({name(field)}, {literal(pattern)})"))
        if not checks:
            return
        parts = ", ".join(
            f"count({name(field)}), count(*) filter (where {bad}), min(_row) filter (where {bad}), "
            f"arg_min({name(field)}, _row) filter (where {bad})"
            for field, bad in checks
        )
        table = raw_rows.collected(self.contract.feed)
        row = self.to.con.execute(f"select {parts} from {table} where _file_no = {self.file.number}").fetchone() or ()
        agreed = self.contract.changes.retyped_share
        limit = agreed if self.mapping.retyped_share is None else self.mapping.retyped_share
        for position, (field, _) in enumerate(checks):
            filled, bad, example, text = row[4 * position : 4 * position + 4]
            if bad and bad > limit * filled:
                raise self._retyped(field, f"{bad:,} of {filled:,} values", int(example), str(text))

    def _retyped(self, field: str, share: str, row: int, text: str) -> Refusal:
        kind, is_personal = self.contract.field(field).type, self.contract.field(field).is_personal
        shown = "its value is personal" if is_personal else f"of the form {shape(text)!r}"
        columns = ", ".join(sorted({repr(ref.names[0]) for ref in references(self.emit.fields[field].value)}))
        return Refusal(
            "schema.retyped_column",
            f"{self.file.label}: column {columns}: {share} are no {kind} ({self.contract.feed}.{field}); "
            f"the first is in row {row}, {shown}",
        )

    def _learn_spellings(self, value: Value) -> None:
        pipeline, compiler = compiler_of(self.file.frame, self.mapping, self.emit, list(references(value)))
        query = pipeline.select({"v": compiler.text(value).alias})
        raw_rows.learn_spellings(self.to.con, query, self.to.markets)

    def _refuse_unknown_codes(self, pipeline: Pipeline, texts: Mapping[str, Text], where: str) -> None:
        for field, text in texts.items():
            for unknown in text.unknown_codes:
                query = pipeline.select({"r": f"min(_row) filter (where {unknown} and {where})"})
                row = self.to.con.execute(query).fetchone()
                if row is not None and row[0] is not None:
                    place = f"{self.file.label}: row {row[0]}"
                    problem = f"the value for {self.contract.feed}.{field} stands in no list of codes"
                    raise Refusal("mapping.unknown_code", f"{place}: {problem}")

    def _resolved(
        self, pipeline: Pipeline, where: str, texts: Mapping[str, Text], values: Mapping[str, str]
    ) -> tuple[str, list[str]]:
        """SQL of the chosen rows with a column `f_<field>` per contract field, countries as codes; names of flags."""
        contract = self.contract
        countries = [field for field in values if contract.field(field).type == "country"]
        repairs = [(field, *repair) for field, text in texts.items() for repair in text.repairs]
        flags = {
            f"x{n}": f"case when {test} then {literal(f'{field}:{rule}')} end"
            for n, (field, test, rule) in enumerate(repairs)
        }
        output = {
            "_row": "_row",
            "_position": "_position" if self.emit.explode is not None else "0",
            "_raw": raw_row(self.file.frame, self.emit),
            "_where": where,
            **flags,
            **{f"v_{field}": alias for field, alias in values.items()},
        }
        columns = ["m._row", "m._position", "m._raw", *(f"m.{flag}" for flag in flags)]
        joins = ""
        for n, field in enumerate(countries):
            text = f"m.{name(f'v_{field}')}"
            joins += f" left join spellings k{n} on k{n}.spelling = {text}"
            code = f"case when regexp_full_match({text}, '[A-Za-z]{{2}}') then upper({text}) end"
            columns.append(f"coalesce(k{n}.code, {code}, {text}) as {name(f'f_{field}')}")
            columns.append(f"case when k{n}.rule <> '' then {literal(f'{field}:')} || k{n}.rule end as y{n}")
        for field in contract.field_names:
            if field not in countries:
                value = f"m.{name(f'v_{field}')}" if field in values else "cast(null as varchar)"
                columns.append(f"{value} as {name(f'f_{field}')}")
        base = f"(select {', '.join(columns)} from ({pipeline.select(output)}) m{joins} where m._where)"
        return base, [*flags, *(f"y{n}" for n in range(len(countries)))]

    def _collect_links(self, table: str, field: str) -> None:
        """Note which orders the file's documents name; a document may name several, separated by ';'."""
        number = self.file.number
        is_order = self.contract.feed == "orders"
        key = key_of([literal(self.mapping.source_id if is_order else self.mapping.orders_of), "trim(order_no)"])
        # False for null: such a record names no order either way.
        simple = f"coalesce(not contains({name(field)}, ';') and trim({name(field)}) = {name(field)} "
        simple += f"and {name(field)} <> '', false)"
        rows = f"{table} where _file_no = {number} and _document_key is not null"
        self.to.con.execute(
            f"insert into links select distinct {literal(self.contract.feed)}, _document_key, order_key, {number} "
            "from ("
            # The record itself has the key of the order that it names first.
            f"select _document_key, _order_key as order_key from {rows} and {simple} "
            f"union all select _document_key, {key} from ("
            f"select _document_key, unnest(string_split({name(field)}, ';')) as order_no from {rows} and not {simple}"
            f") where trim(order_no) <> '')"
        )
