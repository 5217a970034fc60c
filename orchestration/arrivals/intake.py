"""Intake: files of the inbox become one batch of raw rows, edges, placements and touches.

A file is taken once, wholly or not at all; a refused file leaves the others alone. Nothing is moved before the batch is
committed: a kill in between leaves the files in the inbox, where the next arrival finds them known and finishes.

Belongs here: the order of the steps. Does not: the steps.
"""

import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from orchestration.arrivals import frames, placing, raw_rows, readers, shelves, touching
from orchestration.arrivals.columns import new_columns
from orchestration.arrivals.contracts import Contract, contracts
from orchestration.arrivals.known import Known
from orchestration.arrivals.mapping import SourceMapping
from orchestration.arrivals.mapping_reader import SHIPPED, load_mappings
from orchestration.arrivals.refusal import Refusal
from orchestration.arrivals.report import ArrivalReport, FileOutcome
from orchestration.arrivals.translation import SourceFile, Translator
from orchestration.arrivals.unpacking import Limits, Member, unpack
from orchestration.arrivals.workshop import sweep, workshop
from orchestration.lake import FileRecord, Lake, Touch
from orchestration.markets import load_markets
from orchestration.settings import Settings

# A full disk would refuse good files, and a broken database every file after this one.
NOT_THE_FILES_FAULT = (duckdb.IOException, duckdb.InternalException, duckdb.FatalException)


def arrive(
    settings: Settings, lake: Lake, *, files: Sequence[Path] | None = None, loaded_at: datetime | None = None
) -> ArrivalReport:
    """Take the files of the inbox, or the given ones, as one batch; says what became of each.

    Accepted files go to `settings.landing`, refused ones to `settings.rejected` with a reason; files from outside of
    the inbox are copied or left. Raises ConfigurationError for a mapping or contract that breaks its rules, and
    MarketsError for the list of markets: then nothing was taken.
    """
    began = time.monotonic()
    mappings = load_mappings(SHIPPED, settings.sources)
    markets = load_markets(settings.markets_file)
    with lake.arrivals_lock():
        # Read under the lock, so that batches are loaded in the order of their numbers.
        at = datetime.now(UTC) if loaded_at is None else loaded_at
        _finish_last_arrival(settings, lake)
        sweep(settings)
        paths = shelves.waiting(settings) if files is None else list(files)
        if not paths:
            return ArrivalReport(None, (), seconds=time.monotonic() - began)
        with workshop(settings) as (con, folder):
            raw_rows.prepare(con, tuple(contracts().values()), markets)
            translator = Translator(con, contracts(), markets, at.strftime("%Y-%m"))
            intake = Intake(settings, lake, con, folder, mappings, translator)
            for path in paths:
                intake.take(path)
            report = intake.commit(at)
        intake.clear_up(at)
    return replace(report, seconds=time.monotonic() - began)


def _finish_last_arrival(settings: Settings, lake: Lake) -> None:
    """Move the files that an arrival has loaded and, being killed, not moved."""
    for path, sha256 in shelves.promised(settings):
        known = lake.has_file(sha256)
        if known is not None and known.status == "loaded":
            shelves.land(settings, path, sha256)
    shelves.keep_promise(settings)


class _StillWritten(Exception):
    """A file changed while it was read."""


@dataclass
class Intake:
    """The files of one arrival while it goes on."""

    settings: Settings
    lake: Lake
    con: duckdb.DuckDBPyConnection
    folder: Path
    mappings: tuple[SourceMapping, ...]
    translator: Translator
    outcomes: list[tuple[Path, FileOutcome]] = field(default_factory=list)
    still_written: list[str] = field(default_factory=list)
    inferred: set[str] = field(default_factory=set)
    members: int = 0

    def take(self, path: Path) -> None:
        """Collect a file's records, or note why it is refused."""
        name = shelves.label(self.settings, path)
        blank = FileOutcome(name, "", 0, "rejected")
        first_member = self.members + 1
        try:
            before = path.stat()
            blank = replace(blank, size=before.st_size, sha256=shelves.fingerprint(path))
            self._refuse_known(blank)
            outcome = self.read(path, blank)
            after = path.stat()
            if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
                raise _StillWritten
            self.outcomes.append((path, outcome))
        except (Refusal, _StillWritten, FileNotFoundError, PermissionError, duckdb.Error) as error:
            if isinstance(error, NOT_THE_FILES_FAULT):
                raise
            self.forget(first_member)
            if isinstance(error, _StillWritten) or not path.exists():
                # Whoever writes or takes away the file is not done with it.
                self.still_written.append(name)
            else:
                refusal = error if isinstance(error, Refusal) else _unforeseen(name, error)
                self.outcomes.append((path, replace(blank, rule=refusal.rule, reason=refusal.detail)))

    def forget(self, first_member: int) -> None:
        """Drop the records of this member and those read after it."""
        for number in range(first_member, self.members + 1):
            self.translator.forget(number)

    def _refuse_known(self, file: FileOutcome) -> None:
        for _, other in self.outcomes:
            if other.sha256 == file.sha256 and other.status == "loaded":
                raise Refusal("file.duplicate", f"{file.name} has the content of {other.name}, which arrives with it")
        known = self.lake.has_file(file.sha256)
        if known is not None and known.status == "loaded":
            batch = next(batch for batch, record in self.lake.arrived_files() if record == known)
            raise Refusal("file.duplicate", f"{file.name} has the content of {known.name}, taken in batch {batch}")

    def read(self, path: Path, blank: FileOutcome) -> FileOutcome:
        """Collect a file's records under the name that `blank` gives it; raises Refusal."""
        limits = Limits.of(self.settings)
        unpacked = Path(tempfile.mkdtemp(dir=self.folder))
        try:
            outcome = replace(blank, status="loaded")
            for member in unpack(path, unpacked, limits, outcome.name, self._messages_of):
                outcome = self._with_member(outcome, member, limits, unpacked)
            return outcome
        finally:
            shutil.rmtree(unpacked)

    def _with_member(self, outcome: FileOutcome, member: Member, limits: Limits, folder: Path) -> FileOutcome:
        self.members += 1
        mapping = self._mapping_of(member)
        frame = readers.read(self.con, member, mapping.format, folder, limits, self.settings.duckdb_threads)
        new = new_columns(frame, mapping)
        if mapping.unpivot is not None:
            frame = frames.unpivot(self.con, frame, mapping.unpivot, member.label, mapping.nulls)
        source = SourceFile(member.label, self.members, frame)
        rows = self.translator.translate(source, mapping)
        if mapping.reversals == "inferred":
            self.inferred.add(mapping.source_id)
        return replace(
            outcome,
            source_id=";".join(sorted({mapping.source_id, *filter(None, outcome.source_id.split(";"))})),
            rows_by_feed=_added(outcome.rows_by_feed, rows),
            new_columns=tuple(sorted({*outcome.new_columns, *new})),
            unknown_markets=_added(outcome.unknown_markets, self.translator.unknown_markets(source, rows)),
            unused_rows=outcome.unused_rows + self.translator.unused_rows(source, mapping),
        )

    def _messages_of(self, name: str) -> str | None:
        """The emits that messages of this name give, which are read as one file; None for every other name."""
        found = [mapping for mapping in self.mappings if mapping.takes(name)]
        if len(found) != 1 or readers.kind_of(name, found[0].format) != "xml":
            return None
        return " ".join([found[0].path, *(str(emit.line) for emit in found[0].of(name).emits)])

    def _mapping_of(self, member: Member) -> SourceMapping:
        found = [mapping for mapping in self.mappings if mapping.takes(member.name)]
        if not found:
            known = ", ".join(sorted({pattern for mapping in self.mappings for pattern in mapping.patterns}))
            raise Refusal("file.unknown", f"{member.label}: no mapping takes this name; mappings take {known}")
        if len(found) > 1:
            names = ", ".join(mapping.path for mapping in found)
            raise Refusal("file.ambiguous", f"{member.label}: taken by {names}; make their file patterns differ")
        mapping = found[0].of(member.name)
        if not mapping.emits:
            raise Refusal("file.unknown", f"{member.label}: no emit of {mapping.path} takes this name")
        return mapping

    def commit(self, at: datetime) -> ArrivalReport:
        """Place the records and append the batch; the report of all files."""
        outcomes = tuple(outcome for _, outcome in self.outcomes)
        if not outcomes:
            return ArrivalReport(None, (), tuple(self.still_written))
        known = Known.now(self.con, self.lake, contracts())
        loaded = [(path, outcome.sha256) for path, outcome in self.outcomes if outcome.status == "loaded"]
        shelves.promise(self.settings, loaded)
        feeds = self._feeds_with_rows()
        batch_id, touched = self.append(at, known, feeds, [_record(outcome) for outcome in outcomes])
        return ArrivalReport(
            batch_id=batch_id,
            files=outcomes,
            still_written=tuple(self.still_written),
            markets_touched=tuple(sorted({touch.market for touch in touched} - {""})),
            touches=len(touched),
            reversal_places=touching.reversal_places(self.con, feeds, self.inferred),
        )

    def append(
        self,
        at: datetime,
        known: Known,
        feeds: Sequence[Contract],
        files: Sequence[FileRecord],
        *,
        replays: str | None = None,
        also_touched: Sequence[Touch] = (),
    ) -> tuple[int, tuple[Touch, ...]]:
        """Place the collected records of these feeds and append them as one batch; its id and what it touches now."""
        frames.drop(self.con)
        placing.place(self.con, feeds, known, contracts())
        raw = placing.raw_feeds(self.con, feeds)
        edges, placements = placing.new_edges(self.con, contracts()), placing.new_placements(self.con)
        found = touching.touches(self.con, feeds, known, self.inferred, contracts(), at)
        touched = tuple(dict.fromkeys((*found, *also_touched)))
        batch_id = self.lake.append_batch(
            self.con,
            feeds=raw,
            files=files,
            edges=edges,
            placements=placements,
            touches=touched,
            loaded_at=at,
            replays=replays,
        )
        return batch_id, tuple(touch for touch in touched if touch.due_at is None)

    def clear_up(self, at: datetime) -> None:
        """Move the files where they belong, now that the batch is committed."""
        for path, outcome in self.outcomes:
            if outcome.status == "loaded":
                shelves.land(self.settings, path, outcome.sha256)
            else:
                shelves.reject(self.settings, path, outcome, at)
        shelves.keep_promise(self.settings)

    def _feeds_with_rows(self) -> Sequence[Contract]:
        loaded = {feed for _, outcome in self.outcomes for feed, rows in outcome.rows_by_feed.items() if rows}
        return [contract for contract in contracts().values() if contract.feed in loaded]


def _unforeseen(name: str, error: Exception) -> Refusal:
    if isinstance(error, duckdb.OutOfMemoryException):
        return Refusal("file.oversized", f"{name}: to read it takes more memory than an arrival may hold")
    if isinstance(error, PermissionError):
        return Refusal("file.unreadable", f"{name}: there is no permission to open it")
    # DuckDB's own words may quote values, so only the kind of the error is told.
    return Refusal("file.unreadable", f"{name}: its rows cannot be computed ({type(error).__name__})")


def _added(counts: Mapping[str, int], more: Mapping[str, int]) -> Mapping[str, int]:
    return {key: counts.get(key, 0) + more.get(key, 0) for key in {**counts, **more}}


def _record(outcome: FileOutcome) -> FileRecord:
    reason = f"{outcome.rule}: {outcome.reason}" if outcome.rule else ""
    return FileRecord(
        outcome.name, outcome.sha256, outcome.size, outcome.status, reason, outcome.source_id, outcome.rows_by_feed
    )
