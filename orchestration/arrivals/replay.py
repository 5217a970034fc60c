"""Replay: quarantined rows are read again from the landed files, with the mappings and markets of today.

    python -m orchestration.arrivals.replay --rule orders.market_unknown --dry-run
    python -m orchestration.arrivals.replay --key 0a1b... --reason "the shop's dates are local time"
    python -m orchestration.arrivals.replay --rule payments.amount_against_type --touch-only

Raw rows are never rewritten. A source row that is now read otherwise is told anew by a row of a new batch, whose file
is called `<file>@replay<batch>`; the table `raw.replays` says which raw rows it replaces. These count as superseded by
it, wherever they came from, and take no part in any choice. A row that is read as before stays in quarantine, and its
place is touched, since a rule may have changed; `raw.replays` counts the attempt.

Belongs here: which rows are read again and what of them is appended. Does not: reading and placing (see `intake.py`,
`placing.py`), nor judging, which is the next run's.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from orchestration.arrivals import raw_rows, replay_rows
from orchestration.arrivals.contracts import contracts
from orchestration.arrivals.intake import NOT_THE_FILES_FAULT, Intake
from orchestration.arrivals.known import Known
from orchestration.arrivals.mapping_reader import SHIPPED, load_mappings
from orchestration.arrivals.refusal import Refusal
from orchestration.arrivals.replay_rows import Delivery, Selection
from orchestration.arrivals.report import FileOutcome
from orchestration.arrivals.translation import Translator
from orchestration.arrivals.workshop import sweep, workshop
from orchestration.lake import FileRecord, Lake
from orchestration.markets import load_markets
from orchestration.settings import Settings


@dataclass(frozen=True)
class ReplayReport:
    """What a replay did; `batch_id` is None when no row was chosen, or when it was only tried.

    told_anew: rows appended, by feed; unchanged: quarantined source rows that are read as before; lost: delivered files
    that cannot be read again, with the reason.
    """

    batch_id: int | None
    chosen: int = 0
    told_anew: Mapping[str, int] = field(default_factory=dict)
    unchanged: int = 0
    lost: Mapping[str, str] = field(default_factory=dict)
    markets_touched: tuple[str, ...] = ()


def replay(
    settings: Settings,
    lake: Lake,
    selection: Selection,
    *,
    reason: str = "",
    touch_only: bool = False,
    is_trial: bool = False,
    loaded_at: datetime | None = None,
) -> ReplayReport:
    """Read the chosen quarantined rows again and append what is now read otherwise, as one batch.

    touch_only: nothing is read; the rows' places are touched, which is enough when only a rule of staging has changed.
    is_trial: nothing is appended. Raises ValueError for a selection of nothing, ConfigurationError and MarketsError as
    an arrival does.
    """
    mappings = load_mappings(SHIPPED, settings.sources)
    markets = load_markets(settings.markets_file)
    with lake.arrivals_lock():
        at = datetime.now(UTC) if loaded_at is None else loaded_at
        sweep(settings)
        with workshop(settings) as (con, folder):
            raw_rows.prepare(con, tuple(contracts().values()), markets)
            known = Known.now(con, lake, contracts())
            chosen = replay_rows.choose(con, lake, selection)
            if not chosen:
                return ReplayReport(None)
            translator = Translator(con, contracts(), markets, at.strftime("%Y-%m"))
            reading = _Reading(
                settings, lake, Intake(settings, lake, con, folder, mappings, translator), lake.raw_seq() + 1
            )
            if not touch_only:
                reading.read_all()
                replay_rows.keep_what_changed(con, known)
            files = reading.records(reason)
            report = ReplayReport(None, chosen, _totals(files), replay_rows.count(con, "not is_replaced"), reading.lost)
            if is_trial or replay_rows.count(con, "true") == 0:
                return report
            _, touched = reading.intake.append(
                at,
                known,
                [contract for feed, contract in contracts().items() if feed in report.told_anew],
                files,
                replays=replay_rows.relation(con, reason),
                also_touched=replay_rows.touches(con),
            )
            names = sorted({touch.market for touch in touched} - {""})
            return replace(report, batch_id=reading.batch_id, markets_touched=tuple(names))


@dataclass
class _Reading:
    """The landed files of one replay while they are read again."""

    settings: Settings
    lake: Lake
    intake: Intake
    batch_id: int
    lost: dict[str, str] = field(default_factory=dict)
    outcomes: list[tuple[FileOutcome, int, int]] = field(default_factory=list)

    def read_all(self) -> None:
        """Collect the records of every delivery that holds a chosen row; what cannot be read is noted in `lost`."""
        con = self.intake.con
        for delivery in replay_rows.deliveries(con, self.lake, self.settings, self.batch_id):
            first_member = self.intake.members + 1
            try:
                outcome = self._read(delivery)
            except (Refusal, OSError, duckdb.Error) as error:
                if isinstance(error, NOT_THE_FILES_FAULT):
                    raise
                self.intake.forget(first_member)
                # DuckDB's own words may quote values.
                known = isinstance(error, Refusal)
                self.lost[delivery.name] = str(error) if known else f"cannot be read ({type(error).__name__})"
                replay_rows.forget(con, delivery)
            else:
                self.outcomes.append((outcome, first_member, self.intake.members))

    def _read(self, delivery: Delivery) -> FileOutcome:
        if delivery.path is None:
            raise Refusal("file.unreadable", f"{delivery.name} is no longer among the landed files")
        # Mappings know a file by its name, which the landed one may have lost to an older one.
        folder = self.intake.folder / f"replay-{self.intake.members}"
        folder.mkdir()
        link = folder / Path(delivery.name).name
        link.symlink_to(delivery.path.resolve())
        size = delivery.path.stat().st_size
        return self.intake.read(link, FileOutcome(delivery.new_name, delivery.new_sha256, size, "loaded"))

    def records(self, reason: str) -> list[FileRecord]:
        """The ledger's rows of the files that tell something anew."""
        found = []
        for outcome, first, last in self.outcomes:
            rows = replay_rows.rows_by_feed(self.intake.con, outcome.rows_by_feed, first, last)
            if rows:
                words = f"replay: {reason}" if reason else "replay"
                found.append(
                    FileRecord(outcome.name, outcome.sha256, outcome.size, "loaded", words, outcome.source_id, rows)
                )
        return found


def _totals(files: Sequence[FileRecord]) -> Mapping[str, int]:
    totals: dict[str, int] = {}
    for file in files:
        for feed, rows in file.rows_by_feed.items():
            totals[feed] = totals.get(feed, 0) + rows
    return totals


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code, 1 when a file could not be read again."""
    words = __doc__.splitlines()[0]
    parser = argparse.ArgumentParser(prog="python -m orchestration.arrivals.replay", description=words)
    parser.add_argument("--rule", action="append", default=[], help="rows that broke this rule; may be repeated")
    parser.add_argument("--key", action="append", default=[], help="the row with this quarantine_key; may be repeated")
    parser.add_argument("--file", action="append", default=[], help="rows of this delivered file; may be repeated")
    parser.add_argument("--feed", action="append", default=[], help="only rows of this feed; may be repeated")
    parser.add_argument("--reason", default="", help="what was fixed, for the record")
    parser.add_argument("--touch-only", action="store_true", help="read nothing; only have the rows judged again")
    parser.add_argument("--dry-run", action="store_true", help="say what would be told anew, and change nothing")
    options = parser.parse_args(arguments)
    settings = Settings()
    selection = Selection(tuple(options.rule), tuple(options.key), tuple(options.file), tuple(options.feed))
    try:
        report = replay(
            settings,
            Lake(settings),
            selection,
            reason=options.reason,
            touch_only=options.touch_only,
            is_trial=options.dry_run,
        )
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    told = ", ".join(f"{rows} of {feed}" for feed, rows in report.told_anew.items()) or "none"
    print(f"quarantined rows chosen: {report.chosen}; told anew: {told}; read as before: {report.unchanged}")
    for name, why in report.lost.items():
        print(f"{name}: {why}", file=sys.stderr)
    if report.batch_id is not None:
        print(f"batch {report.batch_id}; markets touched: {', '.join(report.markets_touched) or 'none'}")
    return 1 if report.lost else 0


if __name__ == "__main__":
    sys.exit(main())
