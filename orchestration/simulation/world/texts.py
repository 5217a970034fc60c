"""Columns of text made from numbers without a loop over rows.

Belongs here: fixed-width numbers with prefixes, words by index. Does not: identifiers with check digits (`codes.py`).
"""

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Characters = NDArray[np.uint8]
_HEX = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)


@cache
def _four_digits() -> NDArray[np.uint32]:
    """Four digits of each number below 10,000, packed into one word, so that one look-up writes four characters."""
    numbers = np.arange(10_000)
    places = np.stack([numbers // 1000, numbers // 100 % 10, numbers // 10 % 10, numbers % 10], axis=1)
    return (places + ord("0")).astype(np.uint8).view(np.uint32).ravel()


def digits(numbers: NDArray[Any], width: int) -> Characters:
    """The last `width` decimal digits of each number as characters, one row per number."""
    words_a_row = -(-width // 4)
    packed = np.empty((len(numbers), words_a_row), dtype=np.uint32)
    rest = numbers.astype(np.int64)
    for place in range(words_a_row - 1, -1, -1):
        above = rest // 10_000
        packed[:, place] = _four_digits()[rest - above * 10_000]
        rest = above
    return packed.view(np.uint8)[:, words_a_row * 4 - width :]


def hexadecimal(numbers: NDArray[np.uint64], width: int) -> Characters:
    """The last `width` hexadecimal digits of each number as characters, one row per number."""
    matrix = np.empty((len(numbers), width), dtype=np.uint8)
    for place in range(width):
        shifted = numbers >> np.uint64(4 * (width - 1 - place))
        matrix[:, place] = _HEX[(shifted & np.uint64(15)).astype(np.int64)]
    return matrix


def characters(texts: Sequence[str]) -> Characters:
    """ASCII texts of one length as characters, one row per text; ValueError when their lengths differ."""
    if len({len(text) for text in texts}) > 1:
        raise ValueError(f"texts of different lengths: {sorted(set(texts), key=len)[:2]}")
    width = len(texts[0]) if texts else 0
    return np.frombuffer("".join(texts).encode("ascii"), dtype=np.uint8).reshape(len(texts), width)


def joined(rows: int, *parts: Characters | str) -> Characters:
    """The parts side by side; a text stands in every row."""
    blocks = [
        np.broadcast_to(np.frombuffer(part.encode("ascii"), dtype=np.uint8), (rows, len(part)))
        if isinstance(part, str)
        else part
        for part in parts
    ]
    return np.concatenate(blocks, axis=1)


def strings(matrix: Characters, is_given: NDArray[np.bool_] | None = None) -> pa.StringArray:
    """One string per row of characters; null where it is not given."""
    rows, width = matrix.shape
    if is_given is None:
        offsets = np.arange(rows + 1, dtype=np.int32) * np.int32(width)
        content = np.ascontiguousarray(matrix)
        return pa.StringArray.from_buffers(rows, pa.py_buffer(offsets), pa.py_buffer(content))
    offsets = np.zeros(rows + 1, dtype=np.int32)
    np.cumsum(is_given * width, out=offsets[1:])
    content = np.ascontiguousarray(matrix[is_given])
    bitmap = np.packbits(is_given, bitorder="little")
    return pa.StringArray.from_buffers(
        rows, pa.py_buffer(offsets), pa.py_buffer(content), pa.py_buffer(bitmap), int(rows - is_given.sum())
    )


def words(
    indices: NDArray[Any], dictionary: Sequence[str] | pa.Array, is_given: NDArray[np.bool_] | None = None
) -> pa.DictionaryArray:
    """The word of each index; null where it is not given. An array must not repeat a word; a sequence may."""
    keys = indices.astype(np.int32, copy=False)
    place = None
    if not isinstance(dictionary, pa.Array):
        dictionary, place = _vocabulary(tuple(dictionary))
    if place is not None:
        keys = place[keys]
    if is_given is None:
        buffers = [None, pa.py_buffer(np.ascontiguousarray(keys))]
        column = pa.Array.from_buffers(pa.int32(), len(keys), buffers)
    else:
        column = pa.array(keys, mask=~is_given)
    return pa.DictionaryArray.from_arrays(column, dictionary)


@lru_cache(maxsize=4096)
def _vocabulary(texts: tuple[str, ...]) -> tuple[pa.StringArray, NDArray[np.int32] | None]:
    """The different words, and where each text stands among them when some repeat."""
    different = list(dict.fromkeys(texts))
    if len(different) == len(texts):
        return pa.array(different, pa.string()), None
    return pa.array(different, pa.string()), np.array([different.index(text) for text in texts], dtype=np.int32)


def same(text: str, rows: int) -> pa.DictionaryArray:
    """One word in every row."""
    return words(np.zeros(rows, dtype=np.int32), (text,))
