"""The M3 competition: 3,003 series, one scoring function for our forecasts, the published ones and statsforecast's.

Belongs here: reading the data, scores, competitors. Does not: promises (see `forecasting.py`).
"""

import os
from pathlib import Path

from benchmarks.harness import BenchmarkError, Measured
from orchestration.settings import PROJECT_ROOT

SHARED = Path(os.environ.get("TRADEWIND_SHARED_DATA", PROJECT_ROOT.parent / "shared" / "data"))


def shared(path: str) -> Path:
    """A file of the shared data. Raises BenchmarkError that names the file where it is absent."""
    file = SHARED / path
    if not file.exists():
        raise BenchmarkError(f"{path} is not under {SHARED} (set TRADEWIND_SHARED_DATA)")
    return file


def measure_m3() -> Measured:
    """The figures of the M3 competition."""
    shared("m3/m3_series.parquet")
    raise BenchmarkError("m3: not measured yet")
