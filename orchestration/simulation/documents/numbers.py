"""Numbers of documents: waybills, declarations, lists, claims, payments; each with its check digit and its own block.

Belongs here: texts from whole numbers. Does not: which document gets which number. Formats and check digits:
`domain.md` a1 and a3.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from orchestration.simulation.documents.columns import Integers
from orchestration.simulation.world.batches import World
from orchestration.simulation.world.texts import Characters, digits, joined, strings

_S10_WEIGHTS = (8, 6, 4, 2, 3, 5, 9, 7)
_S10_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_BLOCKS_A_MARKET = 24


@dataclass(frozen=True)
class NumberBlocks:
    """The series of one market-month: no two market-months of two years share a number in any series.

    After two years a block comes round again; by then the year or month in the key tells the documents apart.
    """

    market: int
    market_count: int
    month: int  # months since 1970
    yymm: int

    def nine_digits(self, serial: Integers) -> Integers:
        """Serial numbers below 10^9, for declarations and lists."""
        return self._within(serial, 10**9, self.market_count * _BLOCKS_A_MARKET, self.market)

    def eight_digits(self, serial: Integers) -> Integers:
        """Serial numbers below 10^8, for postal items, whose letters tell the markets apart."""
        return self._within(serial, 10**8, _BLOCKS_A_MARKET, 0)

    def _within(self, serial: Integers, space: int, blocks: int, first: int) -> Integers:
        size = space // blocks
        if len(serial) and int(serial[-1]) >= size:
            raise ValueError(f"A market-month has more documents than its block of {size} numbers: make more markets.")
        return (first * _BLOCKS_A_MARKET + self.month % _BLOCKS_A_MARKET) * size + serial

    def prefixed(self, prefix: str, serial: Integers) -> pa.StringArray:
        """Numbers such as PY2303050000017: prefix, month, market and serial."""
        return texts(len(serial), f"{prefix}{self.yymm:04d}{self.market:03d}", digits(serial, 7))


def blocks_of(world: World, market: str, month: str) -> NumberBlocks:
    """The number series of a market-month."""
    number = int(np.datetime64(month, "M").astype(np.int64))
    codes = world.markets.code
    return NumberBlocks(codes.index(market), len(codes), number, int(month[2:4] + month[5:7]))


def letters(dictionary: str, index: Integers) -> Characters:
    """One character per row, out of `dictionary`."""
    return np.frombuffer(dictionary.encode(), np.uint8)[index][:, None]


def texts(count: int, *parts: str | Characters) -> pa.StringArray:
    """Texts of one width, from constant parts and characters per row."""
    return strings(joined(count, *parts))


def characters_of(values: pa.StringArray, width: int) -> Characters | None:
    """The characters of texts that all have one width, as a view; None where they do not."""
    if values.null_count or values.offset or len(values) == 0:
        return None
    _, offsets, data = values.buffers()
    ends = np.frombuffer(offsets, np.int32)[: len(values) + 1]
    if int(ends[-1]) != width * len(values) or not np.all(np.diff(ends) == width):
        return None
    return np.frombuffer(data, np.uint8)[: width * len(values)].reshape(-1, width)


def s10_numbers(serial: Integers, market: int) -> pa.StringArray:
    """Postal item numbers from China with their check digit; the second letter is the market's."""
    total = np.zeros(len(serial), np.int64)
    for position, weight in enumerate(_S10_WEIGHTS):
        total += weight * (serial // 10 ** (7 - position) % 10)
    check = 11 - total % 11
    check = np.where(check == 10, 0, np.where(check == 11, 5, check))
    kind, letter = divmod(market, len(_S10_LETTERS))
    prefix = "LRUCEV"[kind % 6] + _S10_LETTERS[letter]
    return texts(len(serial), prefix, digits(serial * 10 + check, 9), "CN")


def declaration_numbers(office: Integers, year: Integers, flag: str | Characters, serial: Integers) -> pa.StringArray:
    """18 characters: office, year, flag (I or E of a list; 1, import, or 0 of a formal declaration), serial."""
    return texts(len(serial), digits(office * 10000 + year, 8), flag, digits(serial, 9))
