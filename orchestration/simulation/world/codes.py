"""Identifiers with valid check digits, made from numbers.

Belongs here: the algorithms of `domain.md` a3, vectorised. Does not: which entity has which identifier.
"""

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from orchestration.simulation.world.texts import Characters, characters, digits, joined, strings

_USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_USCC_WEIGHTS = np.array([pow(3, place, 31) for place in range(17)])
_ORGANISATION_WEIGHTS = np.array([3, 7, 9, 10, 5, 8, 4, 2])
_RESIDENT_WEIGHTS = np.array([7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2])
_CONTAINER_WEIGHTS = 2 ** np.arange(10)


def _values(matrix: Characters, alphabet: str) -> NDArray[np.int64]:
    table = np.zeros(256, dtype=np.int64)
    table[np.frombuffer(alphabet.encode(), dtype=np.uint8)] = np.arange(len(alphabet))
    return table[matrix]


def _characters_of(values: NDArray[np.int64], alphabet: str) -> Characters:
    return np.frombuffer(alphabet.encode(), dtype=np.uint8)[values][:, None]


def social_credit_codes(regions: NDArray[np.int64], numbers: NDArray[Any]) -> pa.StringArray:
    """Unified social credit codes (GB 32100) of firms: region of six digits, number below 10^8."""
    body = digits(numbers, 8)
    check = (11 - (body.astype(np.int64) - ord("0")) @ _ORGANISATION_WEIGHTS) % 11
    matrix = joined(len(numbers), "91", digits(regions, 6), body, _characters_of(check, "0123456789X"))
    last = (31 - _values(matrix, _USCC_ALPHABET) @ _USCC_WEIGHTS) % 31
    return strings(joined(len(numbers), matrix, _characters_of(last, _USCC_ALPHABET)))


def resident_ids(
    regions: NDArray[np.int64], birth_dates: NDArray[np.int64], sequences: NDArray[np.int64]
) -> pa.StringArray:
    """Resident ids (GB 11643) from six-digit region, birth date as YYYYMMDD and a sequence number (odd = male)."""
    matrix = joined(len(regions), digits(regions, 6), digits(birth_dates, 8), digits(sequences, 3))
    remainder = (matrix.astype(np.int64) - ord("0")) @ _RESIDENT_WEIGHTS % 11
    return strings(joined(len(regions), matrix, _characters_of(remainder, "10X98765432")))


def trade_item_numbers(numbers: NDArray[Any]) -> pa.StringArray:
    """GTIN-13 with the prefix 690 (GS1 China) from numbers below 10^9."""
    matrix = joined(len(numbers), "690", digits(numbers, 9))
    weights = np.array([1, 3] * 6)
    check = -((matrix.astype(np.int64) - ord("0")) @ weights) % 10
    return strings(joined(len(numbers), matrix, _characters_of(check, "0123456789")))


def container_numbers(owners: NDArray[np.int64], serials: NDArray[Any]) -> pa.StringArray:
    """Container numbers (ISO 6346) of four owners (owner index modulo 4) from serials below 10^6."""
    prefixes = characters(("CSQU", "MSKU", "TGHU", "OOLU"))[owners % 4]
    matrix = joined(len(owners), prefixes, digits(serials, 6))
    letters = [value for value in range(10, 39) if value % 11]
    values = np.zeros(256, dtype=np.int64)
    values[ord("0") : ord("9") + 1] = np.arange(10)
    values[ord("A") : ord("Z") + 1] = letters
    check = values[matrix] @ _CONTAINER_WEIGHTS % 11 % 10
    return strings(joined(len(owners), matrix, _characters_of(check, "0123456789")))


def german_vat_numbers(numbers: NDArray[Any]) -> pa.StringArray:
    """German VAT numbers (ISO 7064, mod 11,10) from numbers below 9 * 10^7."""
    matrix = digits(numbers + 10_000_000, 8)
    product = np.full(len(numbers), 10)
    for place in range(8):
        total = (product + matrix[:, place] - ord("0")) % 10
        product = np.where(total == 0, 10, total) * 2 % 11
    return strings(joined(len(numbers), "DE", matrix, _characters_of((11 - product) % 10, "0123456789")))


def british_vat_numbers(numbers: NDArray[Any]) -> pa.StringArray:
    """British VAT numbers (mod 97) from numbers below 9 * 10^6."""
    matrix = digits(numbers + 1_000_000, 7)
    total = (matrix.astype(np.int64) - ord("0")) @ np.arange(8, 1, -1)
    return strings(joined(len(numbers), "GB", matrix, digits((97 - total % 97), 2)))
