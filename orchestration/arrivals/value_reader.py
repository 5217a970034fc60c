"""Reading values of a mapping: columns, constants, cases, steps and parsing options, each checked where it stands.

Belongs here: the grammar of one field. Does not: the rest of a mapping (see `mapping_reader.py`).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import get_args
from zoneinfo import available_timezones

import duckdb

from orchestration.arrivals.contracts import FIELD_TYPES, ContractField
from orchestration.arrivals.located import Node
from orchestration.arrivals.mapping import (
    Case,
    Cases,
    Codes,
    Condition,
    Constant,
    FieldSpec,
    FirstOf,
    Generated,
    Match,
    Origin,
    Parsing,
    Pattern,
    Plain,
    PlainName,
    Reference,
    Step,
    Template,
    Value,
    ZeroPad,
)

ORIGINS = ("column", "path", "constant", "first_of", "cases", "template", "generated")
VALUE_KEYS = (*ORIGINS, "otherwise", "optional", "steps", "nulls")
PARSING_KEYS = ("formats", "zone", "decimal_point", "thousands", "multiply", "from_unit")
CONDITION_KEYS = ("column", "path", "matches", "not_matches", "equals", "not_equals", "in", "not_in", "is")
STEP_NAMES = (
    "upper", "lower", "squeeze", "nfkc", "zero_pad", "extract", "keep_if", "drop_if", "replace", "codes", "match",
)  # fmt: skip
NAMED_FORMATS = ("iso", "epoch_s", "epoch_ms")
_PLAIN_STEPS: Mapping[str, PlainName] = {step: step for step in get_args(PlainName)}
TIMED_TYPES = ("timestamp", "date", "month")


def read_zone(node: Node) -> str:
    """A time zone of the IANA database."""
    if node.as_text() not in _zones():
        raise node.error(f"{node.text!r} is no IANA time zone, such as Europe/London")
    return node.as_text()


@dataclass(frozen=True)
class ValueReader:
    """Reads the fields of one mapping; `zone` is the mapping's time zone."""

    zone: str
    may_use_paths: bool

    def field(self, node: Node, contract_field: ContractField) -> FieldSpec:
        """One field's spec: a column name, or keys that say more."""
        if node.text is not None:
            return FieldSpec(Value(Reference((node.text,))), Parsing(zone=self.zone), node.line)
        entries = node.only((*VALUE_KEYS, *PARSING_KEYS))
        if "generated" in entries and contract_field.name != "line_no":
            raise entries["generated"].error("only the field line_no can be generated")
        spec = FieldSpec(self._value(node, entries), self._parsing(entries, contract_field), node.line)
        for text, place in _outcomes(entries):
            if contract_field.codes and text not in contract_field.codes:
                raise place.error(f"{text!r} is no code of {contract_field.name}: {', '.join(contract_field.codes)}")
        return spec

    def named(self, node: Node, fields: Sequence[ContractField]) -> dict[str, FieldSpec]:
        """The specs of fields that are read from columns of their own names, with the steps of each type of field.

        A required field's column must be there; a field that can be told from other dates may be missing.
        """
        steps: dict[str, tuple[Step, ...]] = dict.fromkeys(FIELD_TYPES, ())
        for kind, child in node.only(FIELD_TYPES).items():
            steps[kind] = tuple(self._step(item) for item in child.as_items())
        return {
            field.name: FieldSpec(
                Value(Reference((field.name,), is_optional=is_optional), steps[field.type]),
                Parsing(zone=self.zone),
                node.line,
            )
            for field in fields
            for is_optional in [not field.is_required or bool(field.month_of)]
        }

    def conditions(self, node: Node) -> tuple[Condition, ...]:
        """Conditions that must all hold; a single one may stand without a list."""
        items = node.items if node.items is not None else (node,)
        return tuple(self._condition(item) for item in items)

    def _value(self, node: Node, entries: Mapping[str, Node]) -> Value:
        named = [key for key in ORIGINS if key in entries]
        if len(named) != 1:
            raise node.error(f"exactly one of {', '.join(ORIGINS)} is expected, {len(named)} stand here")
        steps = tuple(self._step(item) for item in entries["steps"].as_items()) if "steps" in entries else ()
        nulls = entries["nulls"].as_texts() if "nulls" in entries else None
        if "otherwise" in entries and named[0] != "cases":
            raise entries["otherwise"].error("stands only beside cases")
        if "optional" in entries and named[0] not in ("column", "path"):
            raise entries["optional"].error("stands only beside column or path")
        return Value(self._origin(named[0], entries), steps, nulls)

    def _nested(self, node: Node) -> Value:
        if node.text is not None:
            return Value(Reference((node.text,)))
        return self._value(node, node.only(VALUE_KEYS))

    def _origin(self, kind: str, entries: Mapping[str, Node]) -> Origin:
        node = entries[kind]
        if kind in ("column", "path"):
            return self._reference(entries)
        if kind == "constant":
            return Constant(node.as_text())
        if kind == "first_of":
            return FirstOf(tuple(self._nested(item) for item in node.as_items()))
        if kind == "template":
            return _template(node, self.may_use_paths)
        if kind == "generated":
            return Generated("content" if node.as_choice(("content", "position")) == "content" else "position")
        cases = []
        for item in node.as_items():
            case = item.only((*VALUE_KEYS, "when"), required=("when",))
            value = self._value(item, {key: child for key, child in case.items() if key != "when"})
            cases.append(Case(self.conditions(case["when"]), value))
        return Cases(tuple(cases), self._nested(entries["otherwise"]) if "otherwise" in entries else None)

    def _reference(self, entries: Mapping[str, Node]) -> Reference:
        is_path = "path" in entries
        node = entries["path"] if is_path else entries["column"]
        if is_path and not self.may_use_paths:
            raise node.error("a path is for format types jsonl and xml; name a column")
        names = node.as_texts()
        if not names or not all(name.strip() for name in names):
            raise node.error("a column needs a name")
        return Reference(names, is_path, "optional" in entries and entries["optional"].as_bool())

    def _condition(self, node: Node) -> Condition:
        entries = node.only(CONDITION_KEYS)
        tests = [key for key in entries if key not in ("column", "path")]
        if len(tests) != 1 or ("column" in entries) == ("path" in entries):
            raise node.error("a condition is one column (or path) and one test")
        test, operand = tests[0], entries[tests[0]]
        reference = self._reference(entries)
        if test == "is":
            is_present = operand.as_choice(("missing", "present")) == "present"
            return Condition(reference, "missing", (), is_present)
        is_negated = test.startswith("not_")
        if test.endswith("matches"):
            return Condition(reference, "matches", (read_regex(operand),), is_negated)
        values = (operand.as_text(),) if test.endswith("equals") else operand.as_texts()
        return Condition(reference, "in", values, is_negated)

    def _step(self, node: Node) -> Step:
        if node.text is not None:
            return Plain(_PLAIN_STEPS[node.as_choice(_PLAIN_STEPS)])
        entries = node.only(STEP_NAMES)
        if len(entries) != 1:
            raise node.error("a step has one name")
        name, operand = next(iter(entries.items()))
        if name == "zero_pad":
            return ZeroPad(operand.as_int(minimum=1))
        if name == "extract":
            return Pattern("extract", read_regex(operand, groups=1))
        if name in ("keep_if", "drop_if"):
            return Pattern("keep_if" if name == "keep_if" else "drop_if", read_regex(operand))
        if name == "replace":
            parts = operand.only(("regex", "with"), required=("regex", "with"))
            return Pattern("replace", read_regex(parts["regex"]), parts["with"].as_text())
        if name == "codes":
            return _codes(operand)
        if name == "match":
            return _match(operand)
        raise operand.error(f"the step {name!r} has no options: write it without ':'")

    def _parsing(self, entries: Mapping[str, Node], field: ContractField) -> Parsing:
        for key in PARSING_KEYS:
            wanted = TIMED_TYPES if key in ("formats", "zone") else ("decimal",)
            if key in entries and field.type not in wanted:
                raise entries[key].error(f"{field.name} is of the type {field.type}, which has no {key}")
        formats = entries["formats"].as_texts() if "formats" in entries else ("iso",)
        for text in formats:
            if text not in NAMED_FORMATS and not _is_date_format(text):
                raise entries["formats"].error(f"{text!r} is no date format, such as '%Y-%m-%d' or iso")
        if "from_unit" in entries and ("multiply" not in entries or not field.unit):
            raise entries["from_unit"].error("stands beside multiply, for a field that has a unit")
        separators = [entries[key].as_text() if key in entries else "" for key in ("decimal_point", "thousands")]
        point, thousands = separators[0] or ".", separators[1]
        if len(point) != 1 or point.isalnum() or point == thousands or thousands.isalnum():
            key = "decimal_point" if "decimal_point" in entries else "thousands"
            raise entries[key].error("the separators of a number are two different signs")
        return Parsing(
            formats=formats,
            zone=read_zone(entries["zone"]) if "zone" in entries else self.zone,
            decimal_point=point,
            thousands=thousands,
            multiply=_factor(entries["multiply"]) if "multiply" in entries else None,
        )


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def read_regex(node: Node, groups: int = 0) -> str:
    """A regular expression in RE2's grammar, with at least this many groups."""
    pattern = node.as_text()
    problem = _regex_problem(pattern)
    if problem:
        raise node.error(f"{pattern!r} is no regular expression: {problem}")
    if groups and not re.search(r"(?<!\\)\((?!\?:|\?[a-z]+\))", pattern):
        raise node.error(f"{pattern!r} has no group in parentheses to extract")
    return pattern


@cache
def _scratch() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


def _regex_problem(pattern: str) -> str:
    try:
        _scratch().cursor().execute("select regexp_matches('', ?)", [pattern])
    except duckdb.Error as error:
        return str(error).removeprefix("Invalid Input Error: ").splitlines()[0]
    return ""


def _is_date_format(text: str) -> bool:
    try:
        _scratch().cursor().execute("select strftime(timestamp '2000-01-01', ?)", [text])
    except duckdb.Error:
        return False
    return "%" in text


def _factor(node: Node) -> str:
    if not re.fullmatch(r"\d+(\.\d+)?", node.as_text()) or float(node.as_text()) == 0:
        raise node.error(f"{node.text!r} is no positive number")
    return node.as_text()


def _template(node: Node, are_paths: bool) -> Template:
    parts = re.split(r"\{([^{}]+)\}", node.as_text())
    if len(parts) == 1 or any("{" in text or "}" in text for text in parts[::2]):
        raise node.error("a template is text with column names in braces, such as '{Year}-{Number}'")
    return Template(tuple(parts[::2]), tuple(Reference((name,), are_paths) for name in parts[1::2]))


def _codes(node: Node) -> Codes:
    entries = node.only(("values", "default"), required=("values", "default"))
    values = tuple((code, child.as_text()) for code, child in entries["values"].as_entries().items())
    default = entries["default"].as_choice(("keep", "null", "error"))
    return Codes(values, "keep" if default == "keep" else "null" if default == "null" else "error")


def _match(node: Node) -> Match:
    entries = node.only(("choices", "default"), required=("choices",))
    choices = []
    for item in entries["choices"].as_items():
        choice = item.only(("regex", "value"), required=("regex", "value"))
        choices.append((read_regex(choice["regex"]), choice["value"].as_text()))
    default = entries.get("default")
    return Match(tuple(choices), None if default is None or default.text is None else default.text)


def _outcomes(entries: Mapping[str, Node]) -> list[tuple[str, Node]]:
    """The texts that a field's constants and last step can give, each with its place."""
    found: list[tuple[str, Node]] = []
    if "constant" in entries:
        found.append((entries["constant"].as_text(), entries["constant"]))
    for case in entries["cases"].as_items() if "cases" in entries else ():
        found.extend(_outcomes(case.as_entries()))
    if "otherwise" in entries and entries["otherwise"].entries is not None:
        found.extend(_outcomes(entries["otherwise"].as_entries()))
    steps = entries["steps"].as_items() if "steps" in entries else ()
    last = steps[-1].entries if steps else None
    if last is not None and "match" in last:
        match = last["match"].as_entries()
        found.extend((item.as_entries()["value"].as_text(), item) for item in match["choices"].as_items())
        if "default" in match and match["default"].text is not None:
            found.append((match["default"].as_text(), match["default"]))
    if last is not None and "codes" in last:
        found.extend((child.as_text(), child) for child in last["codes"].as_entries()["values"].as_entries().values())
    return found
