"""The log of exports: who was exported when, by whom and for what; each line holds the hash of the one before.

Belongs here: appending, reading, checking the chain. Does not: exporting.
A line that was changed, taken out or put in breaks the chain at its place; lines cut off at the end are seen by
whoever keeps the last hash, which every export prints.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from orchestration.settings import Settings

if TYPE_CHECKING:
    from orchestration.marketing.audiences.audience import Audience

FIRST = "0" * 64


class LogError(RuntimeError):
    """The log does not hold together; the message names the line."""


class Entry(BaseModel):
    """One export. people: hashed ids of everybody in the file. before: hash of the line before; hash: of this one."""

    model_config = ConfigDict(frozen=True)

    exported_at: datetime
    by: str
    purpose: str
    market: str
    audience: str
    form: str
    file: str
    content_sha256: str
    people_count: int
    row_count: int
    left_out: dict[str, int]
    people: tuple[str, ...]
    before: str
    hash: str = ""

    def reckoned(self) -> str:
        """The hash that the entry must have."""
        fields = self.model_dump(mode="json", exclude={"hash"})
        text = json.dumps(fields, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def log_path(settings: Settings) -> Path:
    """Where the log of an installation lies."""
    return settings.home / "exports" / "log"


def read_log(path: Path) -> list[Entry]:
    """All entries, oldest first. Raises LogError where the chain is broken."""
    if not path.exists():
        return []
    return _checked(path.read_text(encoding="utf-8").splitlines(), path)


def append(path: Path, audience: "Audience", *, by: str, purpose: str, form: str, file: Path, sha256: str) -> Entry:
    """Write an export down, on disk before this returns. Raises LogError when the log is broken already."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as log:
        # Two exports at once take their turns, so that each knows the line before its own.
        fcntl.flock(log, fcntl.LOCK_EX)
        log.seek(0)
        entries = _checked(log.read().splitlines(), path)
        entry = Entry(
            exported_at=datetime.now(UTC),
            by=by,
            purpose=purpose,
            market=audience.market,
            audience=audience.name,
            form=form,
            file=str(file),
            content_sha256=sha256,
            people_count=audience.people,
            row_count=audience.rows.num_rows,
            left_out=dict(audience.left_out),
            people=tuple(sorted(set(audience.rows.column("customer_key").to_pylist()))),
            before=entries[-1].hash if entries else FIRST,
        )
        entry = entry.model_copy(update={"hash": entry.reckoned()})
        log.write(entry.model_dump_json() + "\n")
        log.flush()
        os.fsync(log.fileno())
    return entry


def _checked(lines: Sequence[str], path: Path) -> list[Entry]:
    entries: list[Entry] = []
    for number, line in enumerate(lines, start=1):
        try:
            entry = Entry.model_validate_json(line)
        except ValueError:
            raise LogError(f"{path}, line {number}: no entry of the log") from None
        if entry.before != (entries[-1].hash if entries else FIRST) or entry.hash != entry.reckoned():
            raise LogError(f"{path}, line {number}: the chain is broken here: it, or the line before, was changed")
        entries.append(entry)
    return entries
