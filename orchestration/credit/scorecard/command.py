"""A scorecard of anyone's file: fitted, printed, judged by cross-validation.

    python -m orchestration.credit.scorecard FILE --target COLUMN [--bad VALUE] [--out MODEL.json] [--table TABLE.csv]

Belongs here: reading, refusing and printing. Does not: scorecards (see `fitting.py`).
FILE is CSV (with a header) or Parquet, one row per case. Kinds of columns, codes among numbers and directions are found
in the data; what is left out is told. `--risk-rises-with` and `--risk-falls-with` state a direction.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from orchestration.credit.scorecard.card import Note, Scorecard
from orchestration.credit.scorecard.characteristic import Characteristic, ScorecardError
from orchestration.credit.scorecard.fitting import checked_groups, fit_scorecard, fold_numbers
from orchestration.credit.scorecard.inference import characteristics_of
from orchestration.credit.scorecard.settings import ScorecardSettings
from orchestration.credit.scorecard.validation import Measures, auc, hosmer_lemeshow, measures

_SUFFIXES = (".csv", ".parquet")
_BAD_WORDS = ("1", "true", "yes", "y", "bad", "default", "defaulted", "charged off", "b", "坏", "违约")
_UNKNOWN_WORDS = ("", "na", "nan", "null", "none")


class FileRefused(ValueError):
    """A file cannot be used; the message names file, column and rule."""


def main(arguments: Sequence[str]) -> int:
    """Fit a file's scorecard and print it. Exit status 2 when the file or the data are refused."""
    options = _options(arguments)
    try:
        frame = read_frame(options.file)
        is_bad, frame = _outcome(frame, options)
        weight = _weights(frame, options)
        groups = None if options.group is None else frame[options.group].astype(str)
        left_out = [name for name in (options.target, options.weight, options.group, *options.drop) if name]
        characteristics, notes = characteristics_of(frame, leave_out=left_out)
        characteristics = _directed(characteristics, options)
        if not characteristics:
            raise ScorecardError("no column can be used: " + "; ".join(f"{note.name} {note.text}" for note in notes))
        settings = ScorecardSettings()
        card = fit_scorecard(frame, is_bad, characteristics, weight=weight, groups=groups, settings=settings)
        card = replace(card, notes=(*notes, *card.notes))
        judged = cross_validated(frame, is_bad, characteristics, weight, settings, options.folds, groups)
        print(described(card, judged, options.folds))
        if options.out is not None:
            options.out.write_text(card.to_json(), encoding="utf-8")
            print(f"\nwritten: {options.out}")
        if options.table is not None:
            card.table().to_csv(options.table, index=False)
            print(f"written: {options.table}")
    except (FileRefused, ScorecardError) as error:
        print(error if isinstance(error, FileRefused) else f"{options.file}: {error}", file=sys.stderr)
        return 2
    return 0


def read_frame(path: Path) -> pd.DataFrame:
    """The rows of a file. Raises FileRefused."""
    if path.suffix.lower() not in _SUFFIXES:
        raise FileRefused(f"{path}: ends in {path.suffix or 'nothing'}; it must be one of {', '.join(_SUFFIXES)}")
    if not path.is_file():
        raise FileRefused(f"{path}: there is no such file")
    try:
        if path.suffix.lower() == ".parquet":
            return pd.read_parquet(path)
        # Separators other than a comma are common in published credit data.
        with path.open(encoding="utf-8-sig") as lines:
            header = lines.readline()
        separator = max((",", ";", "\t"), key=header.count)
        return pd.read_csv(path, sep=separator, encoding="utf-8-sig", low_memory=False)
    except (ValueError, OSError) as error:
        raise FileRefused(f"{path}: cannot be read: {error}") from error


def cross_validated(
    frame: pd.DataFrame,
    is_bad: npt.NDArray[np.bool_],
    characteristics: Sequence[Characteristic],
    weight: npt.NDArray[np.float64] | None,
    settings: ScorecardSettings,
    folds: int,
    groups: pd.Series | None = None,
) -> tuple[Measures, list[float], float] | None:
    """Figures over all rows, each scored by a card that has not seen it; AUC by fold; p-value of the calibration.

    groups: whom each row is of; all of a group's rows are left out together. None where a class has fewer rows, or
    fewer groups, than folds.
    """
    dealt = checked_groups(frame, groups)
    flags = is_bad if dealt is None else np.bincount(dealt, weights=is_bad) > 0
    if min(int(flags.sum()), int((~flags).sum())) < 2 * folds:
        return None
    fold = fold_numbers(is_bad, folds, settings.seed, dealt)
    chance = np.empty(len(frame))
    by_fold = []
    for number in range(folds):
        is_out = fold == number
        own = None if weight is None else weight[~is_out]
        card = fit_scorecard(
            frame[~is_out],
            is_bad[~is_out],
            characteristics,
            weight=own,
            groups=None if groups is None else groups[~is_out],
            settings=settings,
        )
        chance[is_out] = card.score(frame[is_out])["probability"].to_numpy()
        by_fold.append(auc(chance[is_out], is_bad[is_out]))
    return measures(chance, is_bad), by_fold, hosmer_lemeshow(chance, is_bad).p_value


def described(card: Scorecard, judged: tuple[Measures, list[float], float] | None, folds: int) -> str:
    """The card in words and columns, as printed."""
    made = card.development
    share = 100 * made.bad_count / made.row_count
    scale = card.scaling
    lines = [
        (
            f"{made.row_count:,} rows, {made.bad_count:,} bad ({share:.2f} %); base points {card.base_points}, "
            f"{scale.score:g} points at {scale.odds:g} : 1, {scale.double:g} double the odds"
        )
    ]
    for part in sorted(card.parts, key=lambda part: -part.bins.iv):
        lines.append(
            f"\n{part.characteristic.name}  information value {part.bins.iv:.3f}, coefficient {part.coefficient:.2f} "
            f"({part.low:.2f} to {part.high:.2f})"
        )
        lines.append(f"  {'bin':<48} {'rows':>9} {'bad %':>7} {'WoE':>7} {'points':>7}")
        for item, points in zip(part.bins.bins, part.points, strict=True):
            if not item.row_count and item.kind != "missing":
                continue
            rate = f"{100 * item.bad_weight / item.weight:7.2f}" if item.weight else f"{'':>7}"
            label = item.label if len(item.label) <= 48 else item.label[:47] + "…"
            lines.append(f"  {label:<48} {item.row_count:>9,} {rate} {item.woe:>7.3f} {points:>7}")
    if card.notes:
        lines.append("\nto know:")
        lines += [_noted(note) for note in card.notes]
    lines.append("")
    if judged is None:
        lines.append(f"no cross-validation: a class has fewer than {2 * folds} rows")
    else:
        figures, by_fold, p_value = judged
        spread = float(np.std(by_fold))
        lines.append(
            f"cross-validated ({folds} folds): AUC {np.mean(by_fold):.4f} (folds ± {spread:.4f})  "
            f"Gini {2 * np.mean(by_fold) - 1:.4f}  KS {figures.ks:.4f}  Brier {figures.brier:.5f}  "
            f"mean probability {100 * figures.mean_probability:.2f} % of {100 * figures.bad_rate:.2f} % bad  "
            f"Hosmer-Lemeshow p {p_value:.3f}"
        )
    return "\n".join(lines)


def _noted(note: Note) -> str:
    return f"  {note.name}: {note.text}" if note.name else f"  {note.text}"


def _outcome(frame: pd.DataFrame, options: argparse.Namespace) -> tuple[npt.NDArray[np.bool_], pd.DataFrame]:
    """Flags of the bad rows, and the rows whose outcome is known."""
    path, target = options.file, options.target
    for name in (target, options.weight, options.group, *options.drop, *options.rises, *options.falls):
        if name and name not in frame.columns:
            raise FileRefused(f"{path}: there is no column {name}; it has {', '.join(map(str, frame.columns))}")
    text = frame[target].map(_plain_text, na_action="ignore").astype(object)
    is_known = (text.notna() & ~text.isin(_UNKNOWN_WORDS)).to_numpy()
    if not is_known.all():
        print(f"{int((~is_known).sum()):,} rows without {target} are left out", file=sys.stderr)
        frame, text = frame[is_known], text[is_known]
    values = sorted(set(text))
    if options.bad is not None:
        wanted = _plain_text(options.bad)
        if wanted not in values:
            raise FileRefused(f"{path}: column {target} has no value {options.bad}; it has {', '.join(values[:10])}")
        return (text == wanted).to_numpy(dtype=np.bool_), frame
    bad = [value for value in values if value in _BAD_WORDS]
    if len(values) != 2 or len(bad) != 1 or values == ["1", "2"]:
        shown = ", ".join(values[:10]) or "nothing"
        raise FileRefused(f"{path}: column {target} has {shown}; say with --bad which value is bad")
    return (text == bad[0]).to_numpy(dtype=np.bool_), frame


def _plain_text(value: object) -> str:
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value).strip().lower()


def _weights(frame: pd.DataFrame, options: argparse.Namespace) -> npt.NDArray[np.float64] | None:
    if options.weight is None:
        return None
    weights = pd.to_numeric(frame[options.weight], errors="coerce")
    return np.asarray(weights.to_numpy(dtype=np.float64, na_value=np.nan))


def _directed(characteristics: Sequence[Characteristic], options: argparse.Namespace) -> list[Characteristic]:
    found = []
    for item in characteristics:
        if item.name in options.rises:
            found.append(replace(item, direction=-1))
        else:
            found.append(replace(item, direction=1) if item.name in options.falls else item)
    return found


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m orchestration.credit.scorecard", description="Fit, print and judge a scorecard of a file."
    )
    parser.add_argument("file", type=Path, help="CSV or Parquet")
    parser.add_argument("--target", required=True, metavar="COLUMN", help="the outcome")
    parser.add_argument("--bad", metavar="VALUE", help="which value of the outcome is bad (by default 1, true, bad, …)")
    parser.add_argument("--out", type=Path, metavar="MODEL.json", help="write the card")
    parser.add_argument("--table", type=Path, metavar="TABLE.csv", help="write the bins")
    parser.add_argument("--weight", metavar="COLUMN", help="weights of rows")
    parser.add_argument("--group", metavar="COLUMN", help="whom a row is of, where one person stands in several rows")
    parser.add_argument("--drop", action="append", default=[], metavar="COLUMN", help="leave a column out")
    parser.add_argument("--risk-rises-with", dest="rises", action="append", default=[], metavar="COLUMN")
    parser.add_argument("--risk-falls-with", dest="falls", action="append", default=[], metavar="COLUMN")
    parser.add_argument("--folds", type=int, default=5, choices=range(2, 21), metavar="N", help="2 to 20; by default 5")
    return parser.parse_args(arguments)
