"""The lake is imported by everything, so it must cost nothing until it is used, and know no orchestrator."""

import subprocess
import sys

HEAVY = ("pyiceberg", "pyarrow", "duckdb", "pandas", "dagster", "dbt")


def test_importing_the_lake_imports_nothing_heavy() -> None:
    code = f"import sys, orchestration.lake; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == []
