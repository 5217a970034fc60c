"""Forecasts of anyone's series from the command line: a long file in, a long file out.

    python -m orchestration.forecasting FILE --horizon H --season S [--out FILE]
        [--models NAME,NAME [--regressors FILE]]

Belongs here: reading, refusing and writing files. Does not: forecasts (see `engine.py`).
FILE is CSV (with a header) or Parquet with columns unique_id, ds, y: one row per series and time. `ds` is a whole
number or a date, `y` a number, empty where it is unknown; times that are left out are unknown too. `--models` names
the models among which each class of series chooses, statsmodels' too, which take up to a second a series; regressors
are columns of numbers beside unique_id and ds, of the history and the steps ahead, for the model count_regression.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from orchestration.forecasting.panel import HISTORY_COLUMNS, HistoryError

# What a file says instead of a number it does not have.
UNKNOWN = ("", "NA", "NaN", "nan", "null", "NULL")
_SUFFIXES = (".csv", ".parquet")


class FileRefused(ValueError):
    """A file is no history; the message names file, row, field and rule."""


def main(arguments: Sequence[str]) -> int:
    """Forecast a file; prints what was chosen and what fell back. Exit status 2 when the file is refused."""
    options = _options(arguments)
    # The libraries of the models take seconds to import: a refused file need not wait for them.
    from orchestration.forecasting.engine import forecast
    from orchestration.forecasting.models.named import named_candidates

    try:
        history = read_history(options.file)
        regressors = read_regressors(options.regressors) if options.regressors else None
        models = named_candidates(options.models.split(","), regressors) if options.models else None
        found = forecast(history, horizon=options.horizon, season=options.season, candidates=models)
        write_rows(found.rows, options.out)
    except ValueError as error:
        message = f"{options.file}: {error}" if isinstance(error, HistoryError) else str(error)
        print(message, file=sys.stderr)
        return 2
    if options.out is None:
        found.rows.to_csv(sys.stdout, index=False)
    said = sys.stderr if options.out is None else sys.stdout
    chosen = found.choices[found.choices["is_chosen"]]
    for line in chosen.itertuples(index=False):
        print(f"{line.series_class}: {line.series_count} series by {line.model_code}", file=said)
    for line in found.fallbacks.itertuples(index=False):
        print(f"fallback, {line.series_class}: {line.series_count} series, {line.fallback_reason}", file=said)
    for line in found.outliers.itertuples(index=False):
        print(f"outlier left out: {line.unique_id}, {line.steps_ago} steps ago, {line.y:g}", file=said)
    return 0


def read_history(path: Path) -> pd.DataFrame:
    """The long frame of a file, sorted by (unique_id, ds). Raises FileRefused."""
    return _read(path, HISTORY_COLUMNS[2:])


def read_regressors(path: Path) -> pd.DataFrame:
    """unique_id, ds and every other column as numbers, sorted by (unique_id, ds). Raises FileRefused."""
    return _read(path, None)


def _read(path: Path, values: Sequence[str] | None) -> pd.DataFrame:
    if path.suffix.lower() not in _SUFFIXES:
        raise FileRefused(f"{path}: ends in {path.suffix or 'nothing'}; it must be one of {', '.join(_SUFFIXES)}")
    if not path.is_file():
        raise FileRefused(f"{path}: there is no such file")
    is_csv = path.suffix.lower() == ".csv"
    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False) if is_csv else pd.read_parquet(path)
    except (ValueError, OSError) as error:
        raise FileRefused(f"{path}: cannot be read: {error}") from error
    keys = HISTORY_COLUMNS[:2]
    values = [str(one) for one in frame.columns if one not in keys] if values is None else values
    missing = [column for column in (*keys, *values) if column not in frame.columns]
    if missing:
        raise FileRefused(
            f"{path}: missing column(s) {', '.join(missing)}; it has {', '.join(map(str, frame.columns))}"
        )
    if frame.empty:
        raise FileRefused(f"{path}: it has no rows")
    # Row 1 of a CSV file is its header.
    offset = 2 if is_csv else 1
    names = frame["unique_id"].astype(str).str.strip()
    _refuse(
        path, offset, "unique_id", names.eq("") | frame["unique_id"].isna(), frame["unique_id"], "must not be empty"
    )
    numbers = {column: _numbers(path, offset, frame, column) for column in values}
    history = pd.DataFrame({"unique_id": names, "ds": _times(path, offset, frame["ds"]), **numbers})
    is_twice = history.duplicated(["unique_id", "ds"])
    _refuse(path, offset, "ds", is_twice, frame["ds"], "stands twice for its series")
    return history.sort_values(["unique_id", "ds"], kind="stable").reset_index(drop=True)


def write_rows(rows: pd.DataFrame, path: Path | None) -> None:
    """Write a forecast as CSV or Parquet, by the name's ending; nothing for None. Raises FileRefused."""
    if path is None:
        return
    if path.suffix.lower() not in _SUFFIXES:
        raise FileRefused(f"{path}: --out must end in one of {', '.join(_SUFFIXES)}")
    if path.suffix.lower() == ".csv":
        rows.to_csv(path, index=False)
    else:
        rows.to_parquet(path, index=False)


def _times(path: Path, offset: int, given: pd.Series) -> pd.Series:
    if pd.api.types.is_integer_dtype(given) or pd.api.types.is_datetime64_any_dtype(given):
        _refuse(path, offset, "ds", given.isna(), given, "must not be empty")
        return given.dt.tz_localize(None) if isinstance(given.dtype, pd.DatetimeTZDtype) else given
    text = given.astype(str).str.strip()
    if bool(text.str.fullmatch(r"[+-]?\d{1,7}").all()):
        return text.astype(np.int64)
    times = pd.to_datetime(text, format="ISO8601", errors="coerce")
    _refuse(path, offset, "ds", times.isna(), given, "is neither a whole number (as all others) nor an ISO 8601 date")
    return times


def _numbers(path: Path, offset: int, frame: pd.DataFrame, column: str) -> pd.Series:
    given = frame[column]
    text = given.astype(str).str.strip()
    is_unknown = given.isna() | text.isin(UNKNOWN)
    numbers = pd.to_numeric(given.where(~is_unknown), errors="coerce").astype(np.float64)
    _refuse(path, offset, column, numbers.isna() & ~is_unknown, given, "is no number")
    _refuse(path, offset, column, numbers.abs() == np.inf, given, "is infinite")
    return numbers


def _refuse(path: Path, offset: int, field: str, is_wrong: pd.Series, values: pd.Series, rule: str) -> None:
    if not is_wrong.any():
        return
    first = int(np.flatnonzero(is_wrong.to_numpy())[0])
    others = int(is_wrong.sum()) - 1
    more = f" (and {others} more)" if others else ""
    raise FileRefused(f"{path}: row {first + offset}, field {field}: {str(values.iloc[first])!r} {rule}{more}")


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m orchestration.forecasting",
        description="Forecast every series of a long file (unique_id, ds, y) with quantiles.",
    )
    parser.add_argument("file", type=Path, help="CSV or Parquet")
    parser.add_argument("--horizon", type=_at_least_one, required=True, help="steps ahead")
    parser.add_argument("--season", type=_at_least_one, required=True, help="steps of a season; 1 for none")
    parser.add_argument("--models", help="names, separated by commas; by default each class has its own")
    parser.add_argument("--regressors", type=Path, help="CSV or Parquet for the model count_regression")
    parser.add_argument("--out", type=Path, help="CSV or Parquet; by default CSV to the screen")
    return parser.parse_args(arguments)


def _at_least_one(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)
