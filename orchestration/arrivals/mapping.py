"""Mappings: how one source's files become records of the contracts' feeds, as checked data.

Belongs here: the frozen form of a source's YAML. Does not: reading and checking it (see `mapping_reader.py`) and the
SQL that it becomes (see `expressions.py`, `translation.py`). Nothing in a mapping is ever executed as Python.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Literal

PlainName = Literal["upper", "lower", "squeeze", "nfkc"]
FormatType = Literal["auto", "csv", "jsonl", "parquet", "xlsx", "xml"]

# "NA" is not among them: it is Namibia, and in a column of codes a null would lose a market.
DEFAULT_NULLS = ("", "NULL", "Null", "null", "None", "NaN", "nan", "N/A", "n/a", "#N/A", "-", "--", "无", "暂无")


@dataclass(frozen=True)
class Format:
    """How a file is written; `auto` goes by the ending of its name, an empty quote means that nothing is quoted.

    records, arrays: of XML, the names of the elements that are rows, and the paths in a row that are arrays.
    """

    type: FormatType = "auto"
    delimiter: str = ","
    quote: str = '"'
    encoding: str = "utf-8"
    sheet: str | None = None
    header_row: int = 1
    has_final_newline: bool = False
    records: tuple[str, ...] = ()
    arrays: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reference:
    """A column (or a dotted path of JSON): the first of the accepted names that the file has."""

    names: tuple[str, ...]
    is_path: bool = False
    is_optional: bool = False


@dataclass(frozen=True)
class Condition:
    """A test of one column; a missing value fails every test but `missing` and the negated ones."""

    reference: Reference
    operator: Literal["matches", "in", "missing"]
    values: tuple[str, ...]
    is_negated: bool


@dataclass(frozen=True)
class Constant:
    """The same text in every record."""

    text: str


@dataclass(frozen=True)
class FirstOf:
    """The first of several values that is not null."""

    choices: tuple["Value", ...]


@dataclass(frozen=True)
class Case:
    """A value for the rows that satisfy all conditions."""

    conditions: tuple[Condition, ...]
    value: "Value"


@dataclass(frozen=True)
class Cases:
    """The value of the first case that applies, else the one of `otherwise`, else null."""

    cases: tuple[Case, ...]
    otherwise: "Value | None"


@dataclass(frozen=True)
class Template:
    """Text with columns in braces; null when one of the columns is null. Parts alternate: text, column, text, ..."""

    texts: tuple[str, ...]
    references: tuple[Reference, ...]


@dataclass(frozen=True)
class Generated:
    """A line number for a source that has none: from the record's content, or its place in the exploded array."""

    by: Literal["content", "position"]


Origin = Reference | Constant | FirstOf | Cases | Template | Generated


@dataclass(frozen=True)
class Plain:
    """A step without options: upper, lower, squeeze (white space) or nfkc (full-width forms; a flagged repair)."""

    name: PlainName


@dataclass(frozen=True)
class ZeroPad:
    """Leading zeros up to a width, for codes that a spreadsheet took for numbers; a flagged repair."""

    width: int


@dataclass(frozen=True)
class Pattern:
    """A step by regular expression: extract group 1, keep or drop the value that it matches, or replace."""

    name: Literal["extract", "keep_if", "drop_if", "replace"]
    regex: str
    replacement: str = ""


@dataclass(frozen=True)
class Codes:
    """Values by value; what is not listed is kept, becomes null, or refuses the file."""

    codes: tuple[tuple[str, str], ...]
    default: Literal["keep", "null", "error"]


@dataclass(frozen=True)
class Match:
    """Values by regular expression, the first that matches; else the default (None: null)."""

    choices: tuple[tuple[str, str], ...]
    default: str | None


Step = Plain | ZeroPad | Pattern | Codes | Match


@dataclass(frozen=True)
class Value:
    """Where a text comes from and the steps that it takes, in order. `nulls` None: those of the mapping."""

    origin: Origin
    steps: tuple[Step, ...] = ()
    nulls: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Parsing:
    """How the text of a typed field is read: dates in `formats` and `zone`, numbers with separators and a factor."""

    formats: tuple[str, ...] = ("iso",)
    zone: str = ""
    decimal_point: str = "."
    thousands: str = ""
    multiply: str | None = None


@dataclass(frozen=True)
class FieldSpec:
    """One field of a record: its text and how that is read."""

    value: Value
    parsing: Parsing
    line: int


@dataclass(frozen=True)
class Emit:
    """The records of one feed that a file gives: of which rows, once per distinct record, per element of an array.

    patterns: the names of the files that give them; empty for all files of the mapping.
    """

    feed: str
    where: tuple[Condition, ...]
    is_distinct: bool
    explode: str | None
    fields: Mapping[str, FieldSpec]
    line: int
    patterns: tuple[str, ...] = ()
    # Columns and fields have one name: the raw row need not keep what the fields hold already.
    is_by_name: bool = False

    def takes(self, file_name: str) -> bool:
        """Whether a file of this name (without folder and compression ending) gives these records."""
        return not self.patterns or _matches(file_name, self.patterns)


@dataclass(frozen=True)
class Unpivot:
    """A wide table made long: the columns that stay, the two that the others become, and the values that are none."""

    keep: tuple[str, ...]
    name_to: str
    value_to: str


@dataclass(frozen=True)
class SourceMapping:
    """One source: which files it sends, how they are written, and the records that they give."""

    path: str
    source_id: str
    version: int
    patterns: tuple[str, ...]
    format: Format
    time_zone: str
    nulls: tuple[str, ...]
    duplicates: Literal["identical_rows", "keep"]
    reversals: Literal["documented", "inferred"]
    orders_of: str
    ids_of: str
    ignored_columns: tuple[str, ...]
    retyped_share: float | None
    unpivot: Unpivot | None
    emits: tuple[Emit, ...]

    def takes(self, file_name: str) -> bool:
        """Whether a file of this name (without folder and compression ending) belongs to the source."""
        return _matches(file_name, self.patterns)

    def of(self, file_name: str) -> "SourceMapping":
        """The mapping with the emits of a file of this name only: there may be none."""
        return replace(self, emits=tuple(emit for emit in self.emits if emit.takes(file_name)))


def _matches(file_name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(file_name.casefold(), pattern.casefold()) for pattern in patterns)


def references(value: Value) -> Iterator[Reference]:
    """Every column that a value reads."""
    origin = value.origin
    if isinstance(origin, Reference):
        yield origin
    elif isinstance(origin, FirstOf):
        for choice in origin.choices:
            yield from references(choice)
    elif isinstance(origin, Template):
        yield from origin.references
    elif isinstance(origin, Cases):
        for case in origin.cases:
            yield from (condition.reference for condition in case.conditions)
            yield from references(case.value)
        if origin.otherwise is not None:
            yield from references(origin.otherwise)


def emit_references(emit: Emit) -> Iterator[Reference]:
    """Every column that an emit reads, in its conditions or its fields."""
    yield from (condition.reference for condition in emit.where)
    for spec in emit.fields.values():
        yield from references(spec.value)
