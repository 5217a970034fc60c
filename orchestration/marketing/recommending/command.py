"""Recommendations for anyone's interactions from the command line: choice, proof in time order, lists.

    python -m orchestration.marketing.recommending FILE --user COLUMN --item COLUMN --time COLUMN
        [--k 20] [--validation-from TIME --test-from TIME] [--out FILE]

Belongs here: reading, refusing and writing files, printing. Does not: the protocol (see protocol.py).
FILE is CSV (with a header; separated by comma, tab or semicolon) or Parquet with a row for each purchase, view or
rating. A time is a number (seconds, days, years: only its order and proportions count) or an ISO 8601 date. Without
periods the last tenth of the interactions is the test and the tenth before it the validation. Two tables are printed,
with and without items that a customer had before. `--out` writes the top k for every customer after the last row.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from orchestration.marketing.recommending.interactions import (
    Interactions,
    InteractionsError,
    interactions_of,
    times_of,
)
from orchestration.marketing.recommending.protocol import Evaluation, Periods, default_periods, evaluate, split_of

_SUFFIXES = (".csv", ".tsv", ".txt", ".parquet")
_SINGLES = ("popularity", "popularity_recent", "bought_before", "item_knn", "item_knn_recent", "ease", "ease_recent")


class FileRefused(ValueError):
    """A file is no list of interactions; the message names file, column and rule."""


@dataclass(frozen=True, eq=False)
class Proof:
    """Both evaluations of a file: `repeats` with items that a customer had before, `new` without."""

    interactions: Interactions
    repeats: Evaluation
    new: Evaluation


def prove(interactions: Interactions, *, k: int = 20, periods: Periods | None = None) -> Proof:
    """The protocol on any interactions; the recommender for tomorrow is `proof.repeats.recommender(...)`."""
    split = split_of(interactions, periods=periods)
    with_repeats, without = (evaluate(split, k=k, repeats=one, singles=_SINGLES) for one in (True, False))
    return Proof(interactions, with_repeats, without)


def main(arguments: Sequence[str]) -> int:
    """Evaluate a file and print the tables; exit status 2 when it is refused."""
    options = _options(arguments)
    try:
        interactions = read_interactions(options.file, options.user, options.item, options.time)
        periods = _periods(interactions, options.validation_from, options.test_from)
        proof = prove(interactions, k=options.k, periods=periods)
        if options.out is not None:
            _write(proof, options.k, options.out)
    except (FileRefused, InteractionsError) as error:
        print(error if isinstance(error, FileRefused) else f"{options.file}: {error}", file=sys.stderr)
        return 2
    customers, items = interactions.shape
    print(f"{len(interactions.time)} interactions of {customers} customers with {items} items")
    if interactions.without_name:
        print(f"left out: {interactions.without_name} rows without customer or item")
    print(f"validation from {periods.validation:g}, test from {periods.test:g} to {periods.end:g}, k = {options.k}")
    for words, one in (("with", proof.repeats), ("without", proof.new)):
        print(f"\n{words} items that the customer had before; chosen: {one.chosen}")
        print(one.table.drop(columns="period").round(4).to_string(index=False))
    weights = ", ".join(f"{name} {weight:.2f}" for name, weight in proof.repeats.known.weights.items() if weight)
    print(f"\nweights of the blend: {weights}")
    return 0


def read_interactions(path: Path, user: str, item: str, time: str) -> Interactions:
    """The interactions of a file. Raises FileRefused, and InteractionsError for a time that cannot be read."""
    if path.suffix.lower() not in _SUFFIXES:
        raise FileRefused(f"{path}: ends in {path.suffix or 'nothing'}; it must be one of {', '.join(_SUFFIXES)}")
    if not path.is_file():
        raise FileRefused(f"{path}: there is no such file")
    try:
        frame = _read(path, [user, item, time])
    except (ValueError, OSError) as error:
        raise FileRefused(f"{path}: cannot be read: {error}") from error
    missing = [name for name in (user, item, time) if name not in frame.columns]
    if missing:
        raise FileRefused(
            f"{path}: missing column(s) {', '.join(missing)}; it has {', '.join(map(str, frame.columns))}"
        )
    found = interactions_of(frame[user], frame[item], frame[time])
    if not len(found.time):
        raise FileRefused(f"{path}: no row has both a {user} and a {item}")
    return found


def _read(path: Path, names: list[str]) -> pd.DataFrame:
    if path.suffix.lower() == ".parquet":
        return pd.read_parquet(path)
    with path.open(encoding="utf-8-sig", newline="") as lines:
        header = lines.readline()
    separator = max((",", "\t", ";"), key=header.count)
    # Ids are texts: 007 is not 7.
    frame = pd.read_csv(path, sep=separator, dtype=str, encoding="utf-8-sig", na_values=[""], keep_default_na=False)
    if names[2] in frame.columns:
        numbers = pd.to_numeric(frame[names[2]], errors="coerce")
        if bool((numbers.notna() | frame[names[2]].isna()).all()):
            frame[names[2]] = numbers
    return frame


def _periods(interactions: Interactions, validation: str | None, test: str | None) -> Periods:
    if validation is None and test is None:
        return default_periods(interactions)
    if validation is None or test is None:
        raise InteractionsError("periods: give both --validation-from and --test-from, or neither")
    start, middle = times_of(pd.Series([validation, test], dtype=object))
    end = float(np.nextafter(interactions.time.max(), np.inf))
    if not float(interactions.time.min()) < start < middle < end:
        raise InteractionsError(
            "periods: validation must begin after the first row, and the test after it, before the end"
        )
    return Periods(float(start), float(middle), end)


def _write(proof: Proof, k: int, path: Path) -> None:
    """customer, rank, item, score for every customer, after all interactions."""
    if path.suffix.lower() not in (".csv", ".parquet"):
        raise FileRefused(f"{path}: --out must end in .csv or .parquet")
    interactions = proof.interactions
    recommender = proof.repeats.recommender(interactions, proof.repeats.periods.end)
    customers = np.arange(interactions.shape[0])
    lists, scores = recommender.top(customers, k)
    row, rank = np.nonzero(lists >= 0)
    frame = pd.DataFrame(
        {
            "customer": interactions.customer_ids[row],
            "rank": rank + 1,
            "item": interactions.item_ids[lists[row, rank]],
            "score": scores[row, rank],
        }
    )
    if path.suffix.lower() == ".csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_parquet(path, index=False)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m orchestration.marketing.recommending",
        description="Choose a recommender for a file of interactions and prove it in time order.",
    )
    parser.add_argument("file", type=Path, help="CSV or Parquet")
    parser.add_argument("--user", required=True, help="column of the customer")
    parser.add_argument("--item", required=True, help="column of the item")
    parser.add_argument("--time", required=True, help="column of the time")
    parser.add_argument("--k", type=_at_least_one, default=20, help="length of the lists (20)")
    parser.add_argument("--validation-from", help="first time of the validation period")
    parser.add_argument("--test-from", help="first time of the test period")
    parser.add_argument("--out", type=Path, help="write the top k of every customer, CSV or Parquet")
    return parser.parse_args(arguments)


def _at_least_one(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)
