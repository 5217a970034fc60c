"""Staging refuses what Iceberg would swallow: other names, other types, rows without a place."""

from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from orchestration.lake import Column, Lake, LakeError, Place, SchemaError, StagedTable, StagingError, TableSpec
from tests.lake_helpers import LEFT, STORED_MOMENT, lake_at, rows_sql, spec_of


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return lake_at(tmp_path / "home")


@pytest.fixture
def con() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


def one_row(**columns: str) -> str:
    """A relation with one row; each column is given as SQL."""
    whole = {"market": "'GB'", "month": "'2026-01'"} | columns
    return f"(select {', '.join(f'{sql} as {name}' for name, sql in whole.items())})"


def staged_value(lake: Lake, con: duckdb.DuckDBPyConnection, declared: str, sql: str) -> object:
    """What a file holds after one value was staged as the declared type."""
    spec = spec_of("marts.typed", Column("value", declared))
    staged = lake.stage(con, one_row(version="1::bigint", value=sql), spec, "run")
    return con.execute(f"select value from {lake.relation_sql(spec, staged.files)}").fetchall()[0][0]


def test_files_hold_one_place_each_with_their_rows_and_size(lake: Lake, con: duckdb.DuckDBPyConnection) -> None:
    relation = f"(from {rows_sql('GB', 1)} union all from {rows_sql('DE', 1, ['2026-02'])})"
    staged = lake.stage(con, relation, LEFT, "run 1/a")
    assert staged.places == {Place("DE", "2026-02"), *(Place("GB", f"2026-0{month}") for month in (1, 2, 3))}
    assert staged.rows == 4
    assert [file.rows for file in staged.files] == [1, 1, 1, 1]
    for file in staged.files:
        assert Path(file.path).stat().st_size == file.size
        assert f"market={file.market}/month={file.month}/run-1-a-" in file.path


def test_partition_columns_stand_in_the_files_with_the_declared_order(
    lake: Lake, con: duckdb.DuckDBPyConnection
) -> None:
    relation = f"(select version, month, market from {rows_sql('GB', 1)})"
    file = lake.stage(con, relation, LEFT, "run").files[0]
    read = con.execute("select * from read_parquet(?, hive_partitioning=false)", [file.path])
    assert [column[0] for column in read.description] == ["market", "month", "version"]


def test_staging_twice_never_uses_a_name_again(lake: Lake, con: duckdb.DuckDBPyConnection) -> None:
    first, second = (lake.stage(con, rows_sql("GB", 1), LEFT, "run") for _ in range(2))
    assert not {file.path for file in first.files} & {file.path for file in second.files}


def test_nothing_to_stage_writes_nothing(lake: Lake, con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    assert lake.stage(con, f"(from {rows_sql('GB', 1)} where false)", LEFT, "run") == StagedTable(LEFT, "run", ())
    assert not list(tmp_path.rglob("*.parquet"))


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"other": "1"}, "lacks version; has undeclared other"),
        ({"version": "'1'"}, "version is varchar, declared bigint"),
        ({"version": "1.0::double"}, "version is double, declared bigint"),
        ({"version": "1::bigint", "market": "7"}, "market is integer, declared varchar"),
    ],
)
def test_columns_that_are_not_the_declared_ones_are_refused(
    lake: Lake, con: duckdb.DuckDBPyConnection, columns: dict[str, str], message: str
) -> None:
    with pytest.raises(SchemaError, match=f"^marts.left_side: relation .*: {message}$"):
        lake.stage(con, one_row(**columns), LEFT, "run")


@pytest.mark.parametrize(
    ("declared", "sql", "value"),
    [
        ("bigint", "12345678901234::hugeint", 12345678901234),  # DuckDB's sum of integers
        ("decimal(19,4)", "1.5::decimal(38,4)", Decimal("1.5000")),  # DuckDB's sum of amounts
        ("decimal(19,4)", "3", Decimal("3.0000")),
        ("varchar", "'b'::enum('a', 'b')", "b"),
        ("timestamp", "timestamp '2026-01-02 03:04:05.678901'", STORED_MOMENT),
        ("timestamp", "'2026-01-02 03:04:05'::timestamp_s", STORED_MOMENT.replace(microsecond=0)),
        ("boolean", "null::boolean", None),
    ],
)
def test_casts_that_keep_every_value_are_made(
    lake: Lake, con: duckdb.DuckDBPyConnection, declared: str, sql: str, value: object
) -> None:
    assert staged_value(lake, con, declared, sql) == value


@pytest.mark.parametrize(
    ("declared", "sql", "given"),
    [
        ("decimal(19,4)", "1.00005::decimal(19,5)", "decimal(19,5)"),  # would round money
        ("decimal(19,4)", "0.1::double", "double"),
        ("timestamp", "timestamptz '2026-01-02 03:04:05+08'", "timestamp with time zone"),
        ("timestamp", "'2026-01-02 03:04:05.123456789'::timestamp_ns", "timestamp_ns"),
        ("date", "timestamp '2026-01-02 03:04:05'", "timestamp"),
        ("varchar", "1", "integer"),
    ],
)
def test_casts_that_could_change_a_value_are_refused(
    lake: Lake, con: duckdb.DuckDBPyConnection, declared: str, sql: str, given: str
) -> None:
    with pytest.raises(SchemaError) as failure:
        staged_value(lake, con, declared, sql)
    assert str(failure.value).endswith(f": value is {given}, declared {declared}")


def test_a_sum_that_does_not_fit_fails_aloud(lake: Lake, con: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(duckdb.ConversionException, match="9223372036854775808"):
        staged_value(lake, con, "bigint", "9223372036854775808::hugeint")


def test_an_unknown_declared_type_is_refused_when_the_table_is_made() -> None:
    from orchestration.lake.tables import iceberg_schema

    with pytest.raises(SchemaError, match=r"^marts.typed.value: type 'tinyblob' is not one of varchar, "):
        iceberg_schema(spec_of("marts.typed", Column("value", "tinyblob")))


@pytest.mark.parametrize(
    ("column", "sql", "message"),
    [
        ("market", "null::varchar", "1 rows with null market"),
        ("market", "''", "1 rows with empty market"),
        ("month", "null::varchar", "1 rows with null month"),
        ("month", "'2026-1'", "1 rows with month '2026-1', which is not YYYY-MM"),
        ("month", "'2026-13'", "1 rows with month '2026-13', which is not YYYY-MM"),
    ],
)
def test_rows_without_a_place_are_refused_with_their_number(
    lake: Lake, con: duckdb.DuckDBPyConnection, column: str, sql: str, message: str
) -> None:
    con.execute(f"create table bad as from {one_row(version='1::bigint', **{column: sql})}")
    with pytest.raises(StagingError, match=f"^marts.left_side: relation bad: {message}$"):
        lake.stage(con, "bad", LEFT, "run")


def test_files_that_differ_from_the_relation_are_refused(lake: Lake, con: duckdb.DuckDBPyConnection) -> None:
    """A view that gives other rows each time it is read: counted once, written once, and not the same."""
    con.execute("create sequence turn")
    con.execute(
        "create view moody as select 'GB' as market, '2026-01' as month, range as version "
        "from range(1000) where nextval('turn') % 7 = 0"
    )
    with pytest.raises(StagingError, match=r"^marts.left_side: the files differ from the relation at 1 places: "):
        lake.stage(con, "moody", LEFT, "run")


@pytest.mark.parametrize(
    ("name", "columns", "message"),
    [
        ("orders", ("market", "month"), "'orders': must be <schema>.<table>"),
        ("marts.orders", ("market", "month", "market"), "declared twice: market"),
        ("marts.orders", ("market",), "partition column month must be declared as varchar"),
    ],
)
def test_a_declaration_that_cannot_be_stored_is_refused(name: str, columns: tuple[str, ...], message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        TableSpec(name, tuple(Column(column, "varchar") for column in columns), "market_month")


def test_a_folder_that_urls_and_patterns_misread_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LakeError, match=r"must not contain \[ \]"):
        lake_at(tmp_path / "[a]")
