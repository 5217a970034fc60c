"""What is told from the form of a text alone is what reading it would tell."""

import duckdb
import pytest

from orchestration.arrivals import parsing
from orchestration.arrivals.contracts import FieldType
from orchestration.arrivals.mapping import Parsing
from orchestration.arrivals.sql_text import Pipeline, literal, name

NUMBERS = (
    "0", "-0", "0.", "0.0", "-0.50", "00", "007", "7", "-7", "+7", "10", "100.00", "-100.10", "1.2300", "1.", ".5",
    "1e3", "9" * 18, "9" * 19, "9" * 28, "9" * 29, "1.0123456789", "1.01234567891", "0.00000000001", "17850.0", "1,000",
    "x", "",
)  # fmt: skip
MOMENTS = (
    "2011-01-31T08:26:00Z", "2011-02-29T08:26:00Z", "2012-02-29T08:26:00Z", "2011-02-28T24:00:00Z",
    "2011-02-28 08:26:00", "2011-02-28T08:26:00", "2011-02-29 08:26:00", "2011-02-28T08:26:60Z",
    "2011-02-28T08:26:00.5Z", "2011-02-28 08:26:00Z", "2011-02-28T08:26:00+08:00", "0001-02-28T08:26:00Z",
    "9999-02-28T08:26:00Z", "2011-13-01T08:26:00Z", "2011-02-28", "2011-02-28T08:26",
    "2011-02-31", "2011-00-10", "28.02.2011", "2011-02-28T25:00:00",
    "2011-03-27T01:30:00",
)  # fmt: skip


@pytest.fixture
def con() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.execute("set TimeZone = 'UTC'")
    return con


def read(con: duckdb.DuckDBPyConnection, texts: tuple[str, ...], kind: FieldType, how: Parsing) -> dict[str, str]:
    """The canonical text of each text."""
    rows = ", ".join(f"({literal(text)})" for text in texts)
    pipeline = Pipeline(f"(values {rows}) as given(c0)", ["c0"])
    value = parsing.canonical(pipeline, kind, "c0", how)
    return dict(con.execute(pipeline.select({"text": name("c0"), "value": value})).fetchall())


@pytest.mark.parametrize(
    ("kind", "texts", "how", "told"),
    [
        ("integer", NUMBERS, Parsing(), {"100.00": "100", "-0": "0", "007": "7", "10": "10"}),
        ("decimal", NUMBERS, Parsing(), {"100.00": "100", "-0": "0", "0.0": "0", "1.2300": "1.23", "x": "x"}),
        ("decimal", NUMBERS, Parsing(thousands=","), {"1,000": "1000", "10": "10"}),
        ("decimal", NUMBERS, Parsing(multiply="0.5"), {"10": "5"}),
        ("timestamp", MOMENTS, Parsing(zone="UTC"), {"2011-02-28 08:26:00": "2011-02-28T08:26:00Z"}),
        ("timestamp", MOMENTS, Parsing(zone="Asia/Tokyo"), {"2011-02-28 08:26:00": "2011-02-27T23:26:00Z"}),
        ("timestamp", MOMENTS, Parsing(("%d.%m.%Y",), "UTC"), {"28.02.2011": "2011-02-28T00:00:00Z"}),
        ("date", MOMENTS, Parsing(zone="Asia/Tokyo"), {"2011-02-28T08:26": "2011-02-28", "2011-02-31": "2011-02-31"}),
    ],
)
def test_the_form_alone_tells_what_reading_tells(
    con: duckdb.DuckDBPyConnection,
    monkeypatch: pytest.MonkeyPatch,
    kind: FieldType,
    texts: tuple[str, ...],
    how: Parsing,
    told: dict[str, str],
) -> None:
    quick = read(con, texts, kind, how)
    assert told.items() <= quick.items()
    monkeypatch.setattr(parsing, "_quick", lambda *_: None)
    assert read(con, texts, kind, how) == quick


def test_a_moment_inside_a_month_is_in_that_month_in_every_zone(con: duckdb.DuckDBPyConnection) -> None:
    (counted,) = con.execute(
        f"""
        select count(*),
            count(*) filter (where strftime(timezone(zone, moment::timestamptz), '%Y-%m') <> left(moment, 7))
        from (
            select strftime(hour, '%Y-%m-%dT%H:%M:%SZ') as moment
            from range(timestamp '2011-12-20', timestamp '2012-03-10', interval 1 hour) as hours(hour)
        ), (values ('Pacific/Kiritimati'), ('Etc/GMT+12'), ('Asia/Kathmandu')) as zones(zone)
        where regexp_full_match(moment, {literal(parsing.INSIDE_MONTH)})
        """
    ).fetchall()
    assert counted == (3 * 24 * (8 + 26 + 26 + 8), 0)
