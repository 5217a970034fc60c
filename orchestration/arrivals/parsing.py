"""Parsing: typed text becomes canonical text, and text that cannot be read stays as the source wrote it.

Canonical: dates 2011-01-31, months 2011-01, timestamps in UTC 2011-01-31T08:26:00Z, decimals 1234.5, codes in capitals.
Local times follow ICU: of a time that a clock change repeats, the second is taken; one that it skips is read with the
offset from before the change, so 01:30 of a London spring night is 01:30 UTC.

Belongs here: the SQL that reads each type, and the pattern of what counts as its form. Does not: countries, which need
the list of markets (see `translation.py`).
"""

import re

from orchestration.arrivals.contracts import FieldType
from orchestration.arrivals.mapping import Parsing
from orchestration.arrivals.sql_text import Pipeline, literal, literals

ISO_DATE = r"\d{4}-\d{2}-\d{2}"
ISO_TIME = r"([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?)?"
ISO_ZONE = r" ?(Z|[+-]\d{2}(:?\d{2})?)"
# Days that every month has, and times that every day has: whatever is of this form can be read.
SURE_DATE = r"[12]\d{3}-(0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8])"
SURE_TIME = r"([01]\d|2[0-3]):[0-5]\d:[0-5]\d"
# A moment that is in the same month in every zone of the world.
INSIDE_MONTH = rf"[12]\d{{3}}-(0[1-9]|1[0-2])-(0[2-9]|1\d|2[0-7])T{SURE_TIME}(\.\d{{1,6}})?Z"
CANONICAL = {
    "integer": r"-?\d+",
    "decimal": r"-?\d+(\.\d+)?",
    "timestamp": r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z",
    "date": ISO_DATE,
    "month": r"\d{4}-\d{2}",
    "currency": "[A-Z]{3}",
    "boolean": "true|false",
}
DIRECTIVES = {
    "Y": r"\d{4}", "b": r"[^\W\d_]+\.?", "B": r"[^\W\d_]+", "a": r"[^\W\d_]+\.?", "A": r"[^\W\d_]+", "p": "[AaPp][Mm]",
    "f": r"\d{1,6}", "j": r"\d{1,3}", "z": r"[+-]\d{2}:?(\d{2})?", "Z": r"\S+", "%": "%",
}  # fmt: skip


def canonical(pipeline: Pipeline, kind: FieldType, text: str, parsing: Parsing) -> str:
    """The name of the canonical text of a typed field; where the text cannot be read, the text itself."""
    if kind not in _READERS:
        return text
    quick = _quick(kind, text, parsing)
    if quick is None:
        read = _READERS[kind](pipeline, text, parsing)
        return pipeline.add(f"coalesce({read}, {text})", read, text)
    # To read a number or a moment costs five times as much as to see that its text needs no reading.
    known = pipeline.add(quick, text)
    other = pipeline.add(f"case when {known} is null then {text} end", known, text)
    read = _READERS[kind](pipeline, other, parsing)
    return pipeline.add(f"coalesce({known}, {read}, {text})", known, read, text)


def _quick(kind: FieldType, text: str, parsing: Parsing) -> str | None:
    """SQL of the canonical text where the form alone tells it, null elsewhere; None for types without such a form."""
    if kind == "integer":
        return f"case when regexp_full_match({text}, '0|-?[1-9][0-9]{{0,17}}') then {text} end"
    if kind == "decimal" and parsing.multiply is None and parsing.decimal_point == ".":
        shorter = f"case when contains({text}, '.') then rtrim(rtrim({text}, '0'), '.') else {text} end"
        plain = r"(0|-?[1-9]\d{0,17})(\.\d{0,10})?"
        return f"case when regexp_full_match({text}, {literal(plain)}) then {shorter} end"
    if kind == "date" and "iso" in parsing.formats:
        return f"case when regexp_full_match({text}, {literal(SURE_DATE + ISO_TIME)}) then left({text}, 10) end"
    if kind == "timestamp" and "iso" in parsing.formats:
        utc = f" when regexp_full_match({text}, {literal(f'{SURE_DATE}T{SURE_TIME}Z')}) then {text}"
        if parsing.zone == "UTC":
            local = literal(f"{SURE_DATE}[T ]{SURE_TIME}")
            utc += f" when regexp_full_match({text}, {local}) then replace({text}, ' ', 'T') || 'Z'"
        return f"case{utc} end"
    return None


def form(kind: FieldType, parsing: Parsing) -> str | None:
    """A pattern of all texts that are of this type's form: canonical, or an impossible date in an agreed format.

    None for types whose every text may be judged only by its value (text, codes, countries).
    """
    if kind not in CANONICAL:
        return None
    patterns = [CANONICAL[kind]]
    if kind in ("timestamp", "date", "month"):
        patterns += [_format_pattern(text) for text in parsing.formats]
    return "|".join(f"({pattern})" for pattern in patterns)


def _format_pattern(text: str) -> str:
    if text == "iso":
        return f"{ISO_DATE}{ISO_TIME}({ISO_ZONE})?"
    if text.startswith("epoch"):
        return r"\d+"
    pieces = re.split(r"%-?(.)", text)
    escaped = [re.escape(piece) if n % 2 == 0 else DIRECTIVES.get(piece, r"\d{1,2}") for n, piece in enumerate(pieces)]
    return "".join(escaped).replace("\\ ", " +")


def _decimal_number(pipeline: Pipeline, text: str, parsing: Parsing) -> str:
    point, thousands = re.escape(parsing.decimal_point), re.escape(parsing.thousands)
    whole = rf"(\d+|\d{{1,3}}({thousands}\d{{3}})+)" if thousands else r"\d+"
    # Groups of three are required, or 1,50 with a thousands comma would become 150 in silence.
    pattern = rf"[+-]?({whole}({point}\d*)?|{point}\d+)([eE][+-]?\d+)?"
    plain = text if not thousands else f"replace({text}, {literal(parsing.thousands)}, '')"
    if parsing.decimal_point != ".":
        plain = f"replace({plain}, {literal(parsing.decimal_point)}, '.')"
    number = f"try_cast({plain} as decimal(38, 10))"
    if parsing.multiply is not None:
        number = f"try_cast(round(cast({number} as double) * {parsing.multiply}, 6) as decimal(38, 10))"
    return pipeline.add(f"case when regexp_full_match({text}, {literal(pattern)}) then {number} end", text)


def _decimal(pipeline: Pipeline, text: str, parsing: Parsing) -> str:
    number = _decimal_number(pipeline, text, parsing)
    return pipeline.add(f"rtrim(rtrim(cast({number} as varchar), '0'), '.')", number)


def _integer(pipeline: Pipeline, text: str, _: Parsing) -> str:
    # A spreadsheet or a nullable column of floats writes 17850 as 17850.0.
    return pipeline.add(
        f"case when regexp_full_match({text}, '[+-]?[0-9]+(\\.0+)?') "
        f"then cast(cast(try_cast({text} as decimal(38, 4)) as hugeint) as varchar) end",
        text,
    )


def _moment(pipeline: Pipeline, text: str, parsing: Parsing) -> str:
    """The name of a timestamp with zone."""
    zone = literal(parsing.zone)
    choices = []
    if "iso" in parsing.formats:
        zoned, local = literal(f"{ISO_DATE}{ISO_TIME}{ISO_ZONE}"), literal(f"{ISO_DATE}{ISO_TIME}")
        choices.append(f"case when regexp_full_match({text}, {zoned}) then try_cast({text} as timestamptz) end")
        choices.append(
            f"case when regexp_full_match({text}, {local}) then timezone({zone}, try_cast({text} as timestamp)) end"
        )
    for name, factor in (("epoch_s", "1000000"), ("epoch_ms", "1000")):
        if name in parsing.formats:
            digits = f"case when regexp_full_match({text}, '-?[0-9]{{1,14}}') then try_cast({text} as bigint) end"
            choices.append(f"timezone('UTC', make_timestamp({digits} * {factor}))")
    plain = [text for text in parsing.formats if "%" in text and "%z" not in text]
    if plain:
        choices.append(f"timezone({zone}, try_strptime({text}, [{literals(plain)}]))")
    choices += [f"try_strptime({text}, {literal(fmt)})" for fmt in parsing.formats if "%z" in fmt]
    return pipeline.add(f"coalesce({', '.join(choices)})", text)


def _timestamp(pipeline: Pipeline, text: str, parsing: Parsing) -> str:
    moment = _moment(pipeline, text, parsing)
    utc = pipeline.add(f"timezone('UTC', {moment})", moment)
    # A fraction is rare, so it is written only where there is one.
    fraction = f"case when microsecond({utc}) % 1000000 = 0 then '' else rtrim(strftime({utc}, '.%f'), '0') end"
    return pipeline.add(f"strftime({utc}, '%Y-%m-%dT%H:%M:%S') || {fraction} || 'Z'", utc)


def _date_number(pipeline: Pipeline, text: str, parsing: Parsing) -> str:
    """The name of a date: the day as written, or the mapping's local day of a moment that names its own zone."""
    choices = []
    if "iso" in parsing.formats:
        local = literal(f"{ISO_DATE}{ISO_TIME}")
        choices.append(f"case when regexp_full_match({text}, {local}) then try_cast(left({text}, 10) as date) end")
    plain = [text for text in parsing.formats if "%" in text and "%z" not in text]
    if plain:
        choices.append(f"cast(try_strptime({text}, [{literals(plain)}]) as date)")
    zoned = tuple(fmt for fmt in parsing.formats if fmt not in plain)
    if zoned:
        moment = _moment(pipeline, text, Parsing(formats=zoned, zone=parsing.zone))
        choices.append(f"cast(timezone({literal(parsing.zone)}, {moment}) as date)")
        return pipeline.add(f"coalesce({', '.join(choices)})", text, moment)
    return pipeline.add(f"coalesce({', '.join(choices)})", text)


def _date(pipeline: Pipeline, text: str, parsing: Parsing) -> str:
    date = _date_number(pipeline, text, parsing)
    return pipeline.add(f"strftime({date}, '%Y-%m-%d')", date)


def _month(pipeline: Pipeline, text: str, parsing: Parsing) -> str:
    date = _date_number(pipeline, text, parsing)
    is_month = f"regexp_full_match({text}, '[0-9]{{4}}-(0[1-9]|1[0-2])')"
    return pipeline.add(f"case when {is_month} then {text} else strftime({date}, '%Y-%m') end", text, date)


def _currency(pipeline: Pipeline, text: str, _: Parsing) -> str:
    return pipeline.add(f"case when regexp_full_match({text}, '[A-Za-z]{{3}}') then upper({text}) end", text)


def _boolean(pipeline: Pipeline, text: str, _: Parsing) -> str:
    return pipeline.add(
        f"case when lower({text}) in ('true', 't', 'yes', 'y', '1') then 'true' "
        f"when lower({text}) in ('false', 'f', 'no', 'n', '0') then 'false' end",
        text,
    )


_READERS = {
    "decimal": _decimal,
    "integer": _integer,
    "timestamp": _timestamp,
    "date": _date,
    "month": _month,
    "currency": _currency,
    "boolean": _boolean,
}
