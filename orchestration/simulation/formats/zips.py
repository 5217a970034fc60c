"""Archives of thousands of small messages, written in one go.

Belongs here: the bytes of a zip. Does not: the messages (see `ceb_files.py`). The standard library's writer takes
longer for the entries than for compressing them, and stamps the time of writing, so that no two archives are equal.
"""

import struct
import zlib
from collections.abc import Iterable
from pathlib import Path

# 1980-01-01, the earliest moment that an archive can name, as its date field writes it.
EPOCH_DATE = 0x21
UTF8_NAMES = 0x800
DEFLATED, STORED_VERSION = 8, 20
LOCAL, CENTRAL, END = struct.Struct("<4s5H3L2H"), struct.Struct("<4s6H3L5H2L"), struct.Struct("<4s4H2LH")


def write_zip(path: Path, members: Iterable[tuple[str, bytes | memoryview]]) -> None:
    """Write the members, each deflated as fast as it goes; at most 65,535 of them and 4 GB."""
    directory: list[bytes] = []
    position = 0
    with path.open("wb") as file:
        for name, data in members:
            squeezer = zlib.compressobj(1, zlib.DEFLATED, -15)
            body = squeezer.compress(data) + squeezer.flush()
            label = name.encode()
            shared = (UTF8_NAMES, DEFLATED, 0, EPOCH_DATE, zlib.crc32(data), len(body), len(data), len(label))
            head = LOCAL.pack(b"PK\x03\x04", STORED_VERSION, *shared, 0) + label
            file.write(head)
            file.write(body)
            directory.append(
                CENTRAL.pack(b"PK\x01\x02", STORED_VERSION, STORED_VERSION, *shared, 0, 0, 0, 0, 0, position) + label
            )
            position += len(head) + len(body)
        listed = b"".join(directory)
        file.write(listed)
        file.write(END.pack(b"PK\x05\x06", 0, 0, len(directory), len(directory), len(listed), position, 0))
