"""Records: the columns that stand beside a record's fields: content, keys, version and own place.

Belongs here: what follows from the contract alone. Does not: where the fields' texts come from (see `translation.py`)
and the place that a record is given in the end (see `placing.py`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from orchestration.arrivals.contracts import Contract
from orchestration.arrivals.mapping import Emit, Generated, SourceMapping
from orchestration.arrivals.parsing import CANONICAL, INSIDE_MONTH
from orchestration.arrivals.sql_text import Pipeline, key_of, literal, name
from orchestration.markets import PSEUDO_MARKET


@dataclass(frozen=True)
class RecordSql:
    """The SQL of one emit's records; `arrival_month` is the month of what has no readable date."""

    contract: Contract
    mapping: SourceMapping
    emit: Emit
    arrival_month: str

    def select(self, base: str, flags: Sequence[str], label: str, number: int) -> str:
        """SQL of the records, in the order of the collecting table's columns.

        base: SQL with `_row`, `_position`, `_raw`, the flags, and a column `f_<field>` per contract field.
        """
        contract, source = self.contract, literal(self.mapping.source_id)
        pipeline = Pipeline(base, ["_row", "_position", "_raw", *flags, *(f"f_{f}" for f in contract.field_names)])
        fields = {field: name(f"f_{field}") for field in contract.field_names}
        for derived in contract.fields:
            if derived.month_of:
                months = [self._month(part, fields[part], "'UTC'") for part in derived.month_of]
                fields[derived.name] = pipeline.add(f"coalesce({', '.join([fields[derived.name], *months])})")
        generated = {
            f: spec.value.origin for f, spec in self.emit.fields.items() if isinstance(spec.value.origin, Generated)
        }
        # Null fields stay out, so that a contract that gains a field leaves the hash of old content as it was.
        content = [f"{literal(f + '=')} || {fields[f]}" for f in contract.field_names if f not in generated]
        hashed = pipeline.add(
            f"left(sha256(concat_ws(chr(31), {', '.join(content)})), 32)", *_computed(fields.values())
        )
        for field, origin in generated.items():
            fields[field] = self._line_number(pipeline, origin, hashed)
        document = self._key(pipeline, fields, contract.document, source) if contract.document else "null"
        key_source = source if contract.has_source_in_key else ""
        market, zone = self._own_market(fields)
        months = [self._month(date, fields[date], zone) for date in contract.date_fields]
        event = fields[contract.event_field] if contract.event_field else "''"
        version = f"try_cast({fields[contract.version_field]} as bigint)" if contract.version_field else "0"
        output = {
            **fields,
            "_source_id": source,
            "_file": literal(label),
            "_row": "_row",
            "_content_hash": hashed,
            "_raw": "_raw",
            "_repairs": f"concat_ws(';', {', '.join(flags)})" if flags else "''",
            "_document_key": document,
            "_record_key": self._key(pipeline, fields, contract.key, key_source),
            "_order_key": self._order_key(pipeline, fields, document),
            "_version": f"coalesce({version}, 0)",
            "_event_at": f"case when {_is_canonical(event, 'timestamp')} then {event} else '' end",
            "_own_market": market,
            "_own_month": f"coalesce({', '.join([*months, literal(self.arrival_month)])})",
            "_file_no": str(number),
        }
        query = pipeline.select(output)
        if self.emit.is_distinct:
            query += f" qualify row_number() over (partition by {hashed} order by _row, _position) = 1"
        return query

    def _line_number(self, pipeline: Pipeline, origin: Generated, hashed: str) -> str:
        if origin.by == "position":
            return pipeline.add("cast(_position as varchar)")
        if self.mapping.duplicates == "identical_rows":
            return pipeline.add(f"'h' || left({hashed}, 12)", hashed)
        nth = f"row_number() over (partition by {hashed} order by _row, _position)"
        return pipeline.add(f"'h' || left({hashed}, 12) || '-' || {nth}", hashed)

    def _key(self, pipeline: Pipeline, fields: Mapping[str, str], parts: Sequence[str], source: str) -> str:
        texts = [fields[part] for part in parts]
        return pipeline.add(key_of([source, *texts] if source else texts), *_computed(texts))

    def _order_key(self, pipeline: Pipeline, fields: Mapping[str, str], document: str) -> str:
        link = self.contract.order_link
        if link is None:
            return "null"
        if "orders" in (self.contract.feed, self.contract.follows):
            return document
        first = pipeline.add(f"nullif(trim(split_part({fields[link]}, ';', 1)), '')", *_computed([fields[link]]))
        return pipeline.add(key_of([literal(self.mapping.orders_of), first]), first)

    def _own_market(self, fields: Mapping[str, str]) -> tuple[str, str]:
        """SQL of the market that the record itself names, and of this market's time zone."""
        contract = self.contract
        if contract.market_field is None:
            return f"'{PSEUDO_MARKET}'" if contract.has_market else "''", "'UTC'"
        row = f"from market_zones where code = {fields[contract.market_field]}"
        return f"coalesce((select code {row}), '{PSEUDO_MARKET}')", f"coalesce((select zone {row}), 'UTC')"

    def _month(self, field: str, text: str, zone: str) -> str:
        """SQL of the month of a date, or of a moment in a zone; null where it cannot be read."""
        if self.contract.field(field).type == "date":
            return f"case when {_is_canonical(text, 'date')} then left({text}, 7) end"
        local = f"timezone({zone}, try_cast({text} as timestamptz))"
        return (
            f"case when regexp_full_match({text}, {literal(INSIDE_MONTH)}) then left({text}, 7) "
            f"when {_is_canonical(text, 'timestamp')} then strftime({local}, '%Y-%m') end"
        )


def _is_canonical(text: str, kind: str) -> str:
    return f"regexp_full_match({text}, {literal(CANONICAL[kind])})"


def _computed(names: Iterable[str]) -> list[str]:
    """The names that the pipeline computed itself: an expression that reads them must stand in a later layer."""
    return [text for text in names if not text.startswith('"')]
