"""Identifiers: the worked examples of the domain reference, wrong digits, and the SQL function over columns."""

from collections.abc import Iterator

import duckdb
import pytest

from orchestration.arrivals.contracts import IDENTIFIERS
from orchestration.modeling.identifiers import add_functions, is_identifier, validators

# Per kind a number that is right, and the same with one digit changed.
EXAMPLES = {
    "uscc": ("91350100M000100Y43", "91350100M000100Y44"),
    "ric": ("11010519491231002X", "110105194912310021"),
    "vat": ("DE136695976", "DE136695977"),
    "eori": ("DE1234567", "D1234567"),
    "gtin": ("4006381333931", "4006381333932"),
    "iso6346": ("CSQU3054383", "CSQU3054384"),
    "s10": ("RB473124829GB", "RB473124828GB"),
}


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with the functions that rules use."""
    with duckdb.connect() as connection:
        add_functions(connection)
        yield connection


def test_every_kind_of_the_contracts_has_a_validator_and_examples() -> None:
    assert set(validators()) == set(EXAMPLES) == {*IDENTIFIERS, "s10"}


@pytest.mark.parametrize("kind", sorted(EXAMPLES))
def test_a_wrong_digit_is_seen(kind: str) -> None:
    right, wrong = EXAMPLES[kind]
    assert (is_identifier(kind, right), is_identifier(kind, wrong)) == (True, False)


@pytest.mark.parametrize(
    ("kind", "number", "is_valid"),
    [
        # Remainders 10 and 11 of S10 become 0 and 5.
        ("s10", "RB000000100CN", False),
        ("s10", "RB000000005CN", True),
        ("s10", "rb473124829gb", False),
        ("s10", "RB47312482XGB", False),
        ("s10", "R1473124829GB", False),
        ("s10", "RB4731248291GB", False),
        # A valid check digit on an owner category that is no container's.
        ("iso6346", "CSQX3054383", False),
        ("vat", "GB980780684", True),
        ("vat", "GB980780685", False),
        ("vat", "CHE107787577IVA", True),
        ("vat", "CHE107787578IVA", False),
        ("vat", "US123456789", False),
        ("eori", "GB123456789000", True),
        ("eori", "XI123456789000", True),
        ("eori", "US123456789000", False),
        ("eori", "DE1234567890123456", False),
        ("eori", "DE12-34", False),
        ("eori", "DE", False),
        ("uscc", "", False),
        ("ric", "11010519490231002X", False),
    ],
)
def test_forms_that_a_check_digit_alone_does_not_tell(kind: str, number: str, is_valid: bool) -> None:
    assert is_identifier(kind, number) is is_valid


def test_a_kind_that_does_not_exist_is_named() -> None:
    with pytest.raises(KeyError, match="imei"):
        is_identifier("imei", "490154203237518")


def test_the_sql_function_judges_columns_with_nulls_and_repeats(con: duckdb.DuckDBPyConnection) -> None:
    right, wrong = EXAMPLES["uscc"]
    rows = con.execute(
        f"""
        select number, is_identifier('uscc', number), count(*)
        from (values ('{right}'), ('{wrong}'), (null), ('{right}')) as numbers (number), range(5000)
        group by all order by all
        """
    ).fetchall()
    assert rows == [(right, True, 10_000), (wrong, False, 5_000), (None, None, 5_000)]
    assert con.execute("select is_identifier(null, '1'), matches('AB', '^[A-Z]+$')").fetchall() == [(None, True)]
    with pytest.raises(duckdb.Error, match="imei"):
        con.execute("select is_identifier('imei', '1')").fetchall()


def test_a_connection_that_has_the_functions_is_given_them_again(con: duckdb.DuckDBPyConnection) -> None:
    add_functions(con.cursor())
    add_functions(con)
    assert con.execute("select is_identifier('gtin', '4006381333931')").fetchall() == [(True,)]
