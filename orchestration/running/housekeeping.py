"""Removes what nobody can see any more: old publications, files without a table, databases of abandoned runs.

    python -m orchestration.running.housekeeping [--keep N] [--older-than-hours H]

Belongs here: the command line. Does not: what may be removed (see lake/maintenance.py).
"""

import argparse
import sys
from collections.abc import Sequence
from datetime import timedelta

from orchestration.lake import Lake
from orchestration.runs import sweep_run_databases
from orchestration.settings import Settings


def main(arguments: Sequence[str]) -> int:
    """Clean up and say what was removed; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m orchestration.running.housekeeping")
    parser.add_argument("--keep", type=int, default=30, help="publications to keep (default 30)")
    parser.add_argument("--older-than-hours", type=float, default=24, help="longer than any run (default 24)")
    options = parser.parse_args(arguments)
    settings = Settings()
    age = timedelta(hours=options.older_than_hours)
    swept = Lake(settings).expire(keep_publications=options.keep, orphan_older_than=age)
    databases = sweep_run_databases(settings, older_than_seconds=age.total_seconds())
    print(
        f"{swept.snapshots_expired} snapshots, {swept.files_deleted} files ({swept.bytes_deleted / 1e6:.1f} MB),"
        f" {len(databases)} run databases removed"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
