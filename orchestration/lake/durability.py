"""Durability: files reach the disk before the commit that names them.

Belongs here: flushing. Does not: SQL databases, which flush their own commits.
"""

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

# Flushes that wait together share one turn of the disk: 22 files of one publication took 90 ms one by one.
AT_ONCE = 16


def make_durable(paths: Iterable[str]) -> None:
    """Flush files and their folders: a commit that survives a power cut must not name files that did not."""
    files = {Path(path.removeprefix("file://")) for path in paths}
    with ThreadPoolExecutor(AT_ONCE) as workers:
        list(workers.map(flush, [*files, *{file.parent for file in files}]))


def flush(path: Path) -> None:
    """Flush one file or folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
