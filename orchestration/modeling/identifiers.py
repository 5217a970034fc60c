"""Identifiers: whether a number has the form and the check digit of its kind.

Belongs here: the kinds that contracts name, and their SQL function. Does not: what happens to a wrong one (a rule).
A wrong digit is never mended: which of the digits is wrong cannot be known.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType

import pyarrow as pa
import pyarrow.compute as pc
from duckdb import CatalogException, DuckDBPyConnection
from duckdb.func import FunctionNullHandling, PythonUDFType

# Weights of UPU S10, domain reference a3.
_S10_WEIGHTS = (8, 6, 4, 2, 3, 5, 9, 7)
# Numbers repeat (a merchant's in each of its orders), and the validators are plain Python.
_REMEMBERED = 200_000


def is_s10(number: str) -> bool:
    """Whether a postal item number (UPU S10, `AA#########CC`) has the right check digit."""
    digits = number[2:11]
    is_formed = len(number) == 13 and digits.isascii() and digits.isdigit()
    if not is_formed or not (number[:2] + number[11:]).isalpha() or not number.isupper():
        return False
    remainder = 11 - sum(int(digit) * weight for digit, weight in zip(digits[:8], _S10_WEIGHTS, strict=True)) % 11
    return int(digits[8]) == {10: 0, 11: 5}.get(remainder, remainder)


def is_iso6346(number: str) -> bool:
    """Whether a container number (ISO 6346) has the right owner category and check digit."""
    from stdnum import iso6346

    return iso6346.is_valid(number) and number.replace(" ", "")[3:4] in ("U", "J", "Z")


def is_vat(number: str) -> bool:
    """Whether a VAT number of a member state of the European Union, Great Britain or Switzerland is valid."""
    # Imported by name: a package of python-stdnum does not load its modules, and two threads may come at once.
    from stdnum.ch import vat as swiss
    from stdnum.eu import vat as european
    from stdnum.gb import vat as british

    if number.startswith("GB"):
        return bool(british.is_valid(number))
    if number.startswith("CHE"):
        return bool(swiss.is_valid(number))
    return bool(european.is_valid(number))


def is_eori(number: str) -> bool:
    """Whether an EORI number has its form: a member state, GB or XI, and at most fifteen letters and digits.

    It has no check digit of its own, and python-stdnum does not know it (domain reference a3).
    """
    from stdnum.eu.vat import MEMBER_STATES

    rest = number[2:]
    has_country = number[:2].lower() in {*MEMBER_STATES, "gb", "xi"} and number[:2].isupper()
    return has_country and 1 <= len(rest) <= 15 and rest.isascii() and rest.isalnum() and rest == rest.upper()


@lru_cache(maxsize=1)
def validators() -> Mapping[str, Callable[[str], bool]]:
    """The validator of each kind."""
    from stdnum import ean
    from stdnum.cn import ric, uscc

    return MappingProxyType(
        {
            "uscc": uscc.is_valid,
            "ric": ric.is_valid,
            "gtin": ean.is_valid,
            "vat": is_vat,
            "eori": is_eori,
            "iso6346": is_iso6346,
            "s10": is_s10,
        }
    )


@lru_cache(maxsize=_REMEMBERED)
def is_identifier(kind: str, number: str) -> bool:
    """Whether a number is valid for its kind; KeyError names a kind that does not exist."""
    return validators()[kind](number)


def _of_chunk(kinds: pa.ChunkedArray, numbers: pa.ChunkedArray) -> pa.Array:
    kind = next((str(value) for value in pc.unique(kinds).to_pylist() if value is not None), None)
    if kind is None:
        return pa.nulls(len(numbers), pa.bool_())
    encoded = pc.dictionary_encode(numbers.combine_chunks())
    known = pa.array(
        [value is not None and is_identifier(kind, value) for value in encoded.dictionary.to_pylist()], pa.bool_()
    )
    return known.take(encoded.indices)


def add_functions(con: DuckDBPyConnection) -> None:
    """Give a connection the SQL functions that rules of contracts use: `is_identifier`, `matches`."""
    con.execute("create or replace temp macro matches(value, pattern) as regexp_matches(value, pattern)")
    try:
        # A function stays with the database, a macro with the cursor. To list all functions would take 40 ms a model.
        con.execute("select is_identifier('s10', null)")
    except CatalogException:
        con.create_function(
            "is_identifier",
            _of_chunk,
            ["VARCHAR", "VARCHAR"],
            "BOOLEAN",
            type=PythonUDFType.ARROW,
            null_handling=FunctionNullHandling.DEFAULT,
        )
