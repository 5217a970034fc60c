"""The shape of a CSV file: whether all its rows have their columns, told from the bytes alone, without parsing values.

DuckDB's reader loses a last row whose quote is never closed, and takes a row with one empty value too many, as an
unquoted comma in a name gives it. So no file is read before its shape is known.

Belongs here: the count of delimiters per row, quotes respected. Does not: values, and saying what is wrong
(see `csv_files.py`).
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt

CHUNK = 8 << 20
LINE_FEED, CARRIAGE_RETURN = 10, 13

Bytes = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]
Positions = npt.NDArray[np.intp]


def regular_rows(path: Path, *, delimiter: str, quote: str, width: int, header_row: int = 1) -> int | None:
    """The number of data rows of a file all of whose rows have `width` values; None when it is not that simple.

    Not simple is not yet wrong: quotes inside of unquoted values, other line ends, blank lines in a single column.
    """
    scan = _Scan(ord(delimiter), ord(quote) if quote else -1, width)
    with path.open("rb") as file:
        for _ in range(header_row - 1):
            file.readline()
        while chunk := file.read(CHUNK):
            if not scan.takes(np.frombuffer(chunk, np.uint8)):
                return None
    return scan.rows_at_end()


class _Scan:
    """The state between two chunks: whether a quote is open, and what of the current row has been seen."""

    def __init__(self, delimiter: int, quote: int, width: int) -> None:
        self.delimiter, self.quote, self.width = delimiter, quote, width
        self.rows = -1  # the header is none
        self.last_byte, self.is_open = LINE_FEED, False
        self.row_bytes = self.row_delimiters = 0

    def takes(self, data: Bytes) -> bool:
        """Whether the file is still regular after these bytes."""
        quotes = np.flatnonzero(data == self.quote)
        if len(quotes) or self.is_open:
            is_open = (np.cumsum(data == self.quote, dtype=np.uint8) & 1).astype(np.bool_) ^ self.is_open
            outside = ~is_open
        else:
            is_open, outside = None, None
        if self._is_odd(data, quotes, is_open):
            return False
        is_end, is_delimiter = data == LINE_FEED, data == self.delimiter
        if outside is not None:
            is_end, is_delimiter = is_end & outside, is_delimiter & outside
        is_regular = self._count(data, np.flatnonzero(is_end), np.flatnonzero(is_delimiter))
        self.last_byte, self.is_open = int(data[-1]), is_open is not None and bool(is_open[-1])
        return is_regular

    def rows_at_end(self) -> int | None:
        """The number of data rows, or None, once the file has ended."""
        if self.is_open or (self.last_byte == CARRIAGE_RETURN):
            return None
        if self.row_bytes:
            if self.row_delimiters != self.width - 1:
                return None
            self.rows += 1
        return self.rows

    def _is_odd(self, data: Bytes, quotes: Positions, is_open: Flags | None) -> bool:
        """Whether a quote stands inside of an unquoted value, or after one, or a line ends in an unusual way.

        is_open: whether a quote is open after each byte; None: no quote stands in these bytes, and none was open.
        """
        # Few bytes are quotes or ends of line, so only these and their neighbours are looked at.
        opening = quotes if is_open is None else quotes[is_open[quotes]]
        before_opening = np.where(opening > 0, data[opening - 1], self.last_byte)
        opened_inside = ~np.isin(before_opening, (self.delimiter, LINE_FEED, self.quote))
        after_quote = self._following(quotes, data, self.quote, is_open)
        goes_on = ~np.isin(data[after_quote], (self.delimiter, LINE_FEED, CARRIAGE_RETURN, self.quote))
        after_return = self._following(np.flatnonzero(data == CARRIAGE_RETURN), data, CARRIAGE_RETURN, is_open)
        lone_return = data[after_return] != LINE_FEED
        return bool(opened_inside.any() or goes_on.any() or lone_return.any())

    def _following(self, found: Positions, data: Bytes, byte: int, is_open: Flags | None) -> Positions:
        """The positions of these bytes that follow such a byte outside of quotes."""
        if is_open is not None:
            found = found[~is_open[found]]
        following = found[found < len(data) - 1] + 1
        return np.concatenate(([0], following)) if self.last_byte == byte and not self.is_open else following

    def _count(self, data: Bytes, ends: Positions, delimiters: Positions) -> bool:
        per_row = np.diff(np.searchsorted(delimiters, ends), prepend=0)
        lengths = np.diff(ends, prepend=-1) - 1
        if len(ends):
            per_row[0] += self.row_delimiters
            lengths[0] += self.row_bytes
            self.row_delimiters = self.row_bytes = 0
        previous_bytes = np.where(ends > 0, data[ends - 1], self.last_byte)
        is_blank = (lengths == 0) | ((lengths == 1) & (previous_bytes == CARRIAGE_RETURN))
        if is_blank.any() and (self.width == 1 or (self.rows < 0 and is_blank[0])):
            return False
        if (per_row[~is_blank] != self.width - 1).any():
            return False
        self.rows += int((~is_blank).sum())
        last_end = int(ends[-1]) if len(ends) else -1
        self.row_delimiters += len(delimiters) - int(np.searchsorted(delimiters, last_end))
        self.row_bytes += len(data) - 1 - last_end
        return True
