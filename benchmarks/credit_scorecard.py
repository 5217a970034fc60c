"""The scorecard on public credit data, beside other models on the same folds.

Belongs here: folds, competitors, means over folds. Does not: the scorecard (orchestration/credit/scorecard).

Columns are taken as they are: kinds, codes and directions are found by the same code that a stranger's file meets.
Nothing was chosen on these folds: defaults were set on folds of other seeds (100 to 104).
"""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.harness import SHARED, BenchmarkError, Measured, Value, run_command
from orchestration.credit.scorecard.challenger import fit_challenger
from orchestration.credit.scorecard.fitting import fit_scorecard
from orchestration.credit.scorecard.inference import characteristics_of
from orchestration.credit.scorecard.validation import auc
from orchestration.settings import PROJECT_ROOT

FOLDS = 5
Floats = npt.NDArray[np.float64]
Fit = Callable[["Credit", npt.NDArray[np.int64], npt.NDArray[np.int64]], Floats]


@dataclass(frozen=True)
class Credit:
    """Attributes, who was bad, and the seeds of the folds."""

    name: str
    frame: pd.DataFrame
    is_bad: npt.NDArray[np.bool_]
    seeds: tuple[int, ...]

    def folds(self) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
        """Rows to fit on and rows to judge on, the same for every model."""
        from sklearn.model_selection import StratifiedKFold

        for seed in self.seeds:
            yield from StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(self.frame, self.is_bad)


def german_credit() -> Credit:
    """Statlog German credit: 1,000 rows, 20 attributes; three repeats."""
    frame = _read("german_credit.parquet")
    is_bad = (frame.pop("creditability") == "bad").to_numpy()
    return Credit("german", frame, is_bad, (1, 2, 3))


def give_me_some_credit() -> Credit:
    """Give Me Some Credit: 150,000 rows, 10 attributes; one repeat."""
    frame = _read("give_me_some_credit_train.parquet")
    is_bad = (frame.pop("SeriousDlqin2yrs") == 1).to_numpy()
    return Credit("gmsc", frame.drop(columns="id"), is_bad, (1,))


DATA = {"german": german_credit, "gmsc": give_me_some_credit}


def measure_german() -> Measured:
    """Mean AUC over 15 folds."""
    found = compared(german_credit())
    return {"german_auc": Value(found.pop("scorecard"), found)}


def measure_gmsc() -> Measured:
    """Mean AUC over 5 folds of scorecard and challenger."""
    found = compared(give_me_some_credit())
    names = ("logistic regression", "optbinning")
    return {
        "gmsc_auc": Value(found["scorecard"], {name: found[name] for name in names}),
        "gmsc_challenger_auc": Value(found["challenger"], {"LightGBM": found["LightGBM"]}),
    }


def compared(credit: Credit) -> dict[str, float]:
    """Mean AUC of every model over the same folds."""
    models: dict[str, Fit] = {
        "scorecard": _scorecard,
        "challenger": _challenger,
        "logistic regression": _regression,
        "LightGBM": _lightgbm,
    }
    found = {name: _mean(credit, fit) for name, fit in models.items()}
    # In a process of its own: it loads solvers whose libraries quarrel with others'.
    run = run_command([sys.executable, "-W", "ignore", "-m", "benchmarks.credit_optbinning", credit.name],
                      cwd=PROJECT_ROOT)  # fmt: skip
    found["optbinning"] = float(json.loads(run.output.strip().splitlines()[-1])["auc"])
    return found


def _mean(credit: Credit, fit: Fit) -> float:
    return float(np.mean([auc(fit(credit, *fold), credit.is_bad[fold[1]]) for fold in credit.folds()]))


def _scorecard(credit: Credit, inside: npt.NDArray[np.int64], outside: npt.NDArray[np.int64]) -> Floats:
    train = credit.frame.iloc[inside]
    card = fit_scorecard(train, credit.is_bad[inside], characteristics_of(train)[0])
    return card.score(credit.frame.iloc[outside])["probability"].to_numpy()


def _challenger(credit: Credit, inside: npt.NDArray[np.int64], outside: npt.NDArray[np.int64]) -> Floats:
    train = credit.frame.iloc[inside]
    trees = fit_challenger(train, credit.is_bad[inside], characteristics_of(train)[0])
    return trees.probability(credit.frame.iloc[outside])


def _regression(credit: Credit, inside: npt.NDArray[np.int64], outside: npt.NDArray[np.int64]) -> Floats:
    """Numbers standardised (missing: the median and a flag), categories as flags."""
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = _numbers(credit.frame)
    others = [name for name in credit.frame.columns if name not in numbers]
    columns = make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler()), numbers),
        (OneHotEncoder(handle_unknown="ignore"), others),
    )
    model = make_pipeline(columns, LogisticRegression(max_iter=2000))
    model.fit(credit.frame.iloc[inside], credit.is_bad[inside])
    return np.asarray(model.predict_proba(credit.frame.iloc[outside])[:, 1])


def _lightgbm(credit: Credit, inside: npt.NDArray[np.int64], outside: npt.NDArray[np.int64]) -> Floats:
    """As it comes."""
    from lightgbm import LGBMClassifier

    others = [name for name in credit.frame.columns if name not in _numbers(credit.frame)]
    frame = credit.frame.astype(dict.fromkeys(others, "category"))
    model = LGBMClassifier(verbose=-1, n_jobs=2, random_state=1)
    model.fit(frame.iloc[inside], credit.is_bad[inside])
    return np.asarray(model.predict_proba(frame.iloc[outside]))[:, 1]


def _numbers(frame: pd.DataFrame) -> list[str]:
    return [name for name in frame.columns if pd.api.types.is_numeric_dtype(frame[name])]


def _read(name: str) -> pd.DataFrame:
    path = SHARED / "credit" / name
    if not path.exists():
        raise BenchmarkError(f"{path} is absent: the data lie beside the project (TRADEWIND_SHARED_DATA)")
    return pd.read_parquet(path)
