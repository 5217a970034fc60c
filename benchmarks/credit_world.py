"""How near a seller's score comes to the truth of a trade world, on years that it has not seen.

    python -m benchmarks.credit_world [--scale SHARE] [--seed NUMBER]

Belongs here: learning from documents up to a day, judging by what is true of the year after it. Does not: the world's
tables (see `credit_world_tables.py`), features and models (product code).

20,000 sellers trade for six years. On the first day of the last year a card is fitted to what the documents tell by
then: quarters of debt in which sellers stopped paying, or did not. It then scores every seller who trades. The world
knows each seller's probability to stop paying within the year (oracle) and who did. What no document tells bounds every
model: the ceiling shows a logistic regression on the true latent traits, fitted to the same rows.

The figures are those of all sellers who have sold anything in the year before. "with a file" is the same card on those
with an order a month or more; of the others documents tell little more than grades. The card is fitted as the product
fits it.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.credit_world_tables import credit_world
from benchmarks.harness import Measured, Value, machine
from orchestration.credit.characteristics import CHARACTERISTICS
from orchestration.credit.features import features_at
from orchestration.credit.samples import snapshot_dates
from orchestration.credit.scorecard.challenger import fit_challenger
from orchestration.credit.scorecard.characteristic import Characteristic
from orchestration.credit.scorecard.validation import gini, hosmer_lemeshow
from orchestration.credit.targets import HARD_BY_QUARTER, outcomes
from orchestration.credit.training import SELLER_SETTINGS, fit_card
from orchestration.simulation.world.config import WorldConfig

Floats = npt.NDArray[np.float64]
SEED, SELLERS, ORDERS, MONTHS, FIRST_MONTH = 20261123, 20_000, 5_000_000, 72, "2020-09"
# The first snapshot leaves a year of observation; the test's year is the world's last.
FIRST_SNAPSHOT, TEST_ON = date(2021, 9, 1), date(2025, 9, 1)
_FINAL_DAYS = HARD_BY_QUARTER.performance_days + HARD_BY_QUARTER.maturity_days
_SIGNIFICANCE = 0.01
_ORDERS_OF_A_FILE = 12
_GRADES = {"customs_grade": ("discredited", "general", "aeo"), "fx_grade": ("C", "B", "A")}
_TRUTH = """
    select truth_month.seller_key, 1 - exp(sum(ln(1 - probability))) as probability, bool_or(is_default) as is_bad,
        bool_or(is_at_risk and month = strftime($day::date, '%Y-%m')) as is_at_risk, any_value(quality) as quality,
        any_value(solvency) as solvency
    from truth_month
    inner join truth_seller on truth_month.seller_key = truth_seller.seller_id
    where month >= strftime($day::date, '%Y-%m') and month < strftime($day::date + interval 12 month, '%Y-%m')
    group by truth_month.seller_key
"""
_MARKETS = """
    select distinct seller_key, market
    from fct_trade_ledger
    where ordered_at < $day and ordered_at >= $day - interval 365 day
"""


@dataclass(frozen=True)
class Rows:
    """What models learn from, what they are judged on, and the markets in which each judged seller trades."""

    train: pd.DataFrame  # features, is_bad, weight, and the latent traits for the ceiling
    test: pd.DataFrame  # features, is_bad and probability as they are true
    markets: pd.DataFrame  # market, row of `test`


@dataclass(frozen=True)
class Judged:
    """How one model did."""

    gini_ratio: float
    error_points: float
    calibrated_share: float


def read_rows(con: duckdb.DuckDBPyConnection) -> Rows:
    """Snapshots a quarter apart with their outcomes as known on the test's day, and the test's day with the truth."""
    dates = snapshot_dates(FIRST_SNAPSHOT, TEST_ON - timedelta(days=_FINAL_DAYS))
    judged = outcomes(con, dates, HARD_BY_QUARTER, known_on=TEST_ON)
    judged = judged[judged["outcome"].isin(["good", "bad"])]
    features = features_at(con, [*dates, TEST_ON])
    traits = con.execute("select seller_id as seller_key, quality, solvency from truth_seller").df()
    train = features.merge(judged, on=["as_of_on", "seller_key"]).merge(traits, on="seller_key")
    train = train.assign(is_bad=train["outcome"] == "bad", weight=train["exposure"], seller_id=train["seller_key"])
    truth = con.execute(_TRUTH, {"day": TEST_ON}).df()
    test = features[features["as_of_on"] == TEST_ON].merge(truth[truth["is_at_risk"]], on="seller_key")
    is_scored = (test["tenure_months"] >= 12) & (test["orders_12m"] > 0)
    test = test[is_scored].reset_index(drop=True)
    markets = con.execute(_MARKETS, {"day": TEST_ON}).df()
    places = test[["seller_key"]].assign(row=np.arange(len(test)))
    return Rows(train, test, markets.merge(places, on="seller_key"))


def judge(rows: Rows, probability: Floats, *, least_orders: int = 1) -> Judged:
    """A model's probabilities against the truth of the test's year, for sellers with so many orders or more."""
    oracle, is_bad = rows.test["probability"].to_numpy(), rows.test["is_bad"].to_numpy(bool)
    is_judged = rows.test["orders_12m"].to_numpy(float) >= least_orders
    markets = rows.markets[is_judged[rows.markets["row"]]]
    passed = [
        hosmer_lemeshow(probability[place], is_bad[place]).p_value >= _SIGNIFICANCE
        for place in (part["row"].to_numpy() for _, part in markets.groupby("market"))
    ]
    return Judged(
        gini(probability[is_judged], is_bad[is_judged]) / gini(oracle[is_judged], is_bad[is_judged]),
        100 * float(np.abs(probability - oracle)[is_judged].mean()),
        float(np.mean(passed)),
    )


def measure(rows: Rows) -> Mapping[str, Judged]:
    """All models on the same rows, by name."""
    train, test = rows.train, rows.test
    is_bad, weight = train["is_bad"], train["weight"].to_numpy(float)
    # The world's sellers claim no rebates here (see `credit_world_tables.py`).
    told = [item for item in CHARACTERISTICS if train[item.name].notna().any()]
    unpriced = [item for item in CHARACTERISTICS if item.name != "expected_price"]

    def scorecard(asked: Sequence[Characteristic]) -> Floats:
        card = fit_card(train, asked, SELLER_SETTINGS)
        return card.score(test)["probability"].to_numpy(float)

    made = {
        "scorecard": scorecard(CHARACTERISTICS),
        "without the lenders' price": scorecard(unpriced),
        "gradient boosting": fit_challenger(train, is_bad, told, weight=weight).probability(test),
        "plain logistic": _logistic(_numbers(train), is_bad, weight, _numbers(test)),
        "ceiling": _logistic(_latent(train), is_bad, weight, _latent(test)),
        "one rate for all": np.full(len(test), float(np.average(is_bad, weights=weight))),
        # The order alone is judged: the fewer receipts, the worse.
        "receipt totals": 1 / (1 + test["sales_12m_usd"].fillna(0).to_numpy(float)),
    }
    judged = {name: judge(rows, np.asarray(values, dtype=float)) for name, values in made.items()}
    return {**judged, "with a file": judge(rows, made["scorecard"], least_orders=_ORDERS_OF_A_FILE)}


def _numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """All characteristics as numbers; grades in their order."""
    found = frame[[item.name for item in CHARACTERISTICS]].copy()
    for name, order in _GRADES.items():
        found[name] = found[name].map({grade: place for place, grade in enumerate(order)})
    return found.astype(float)


def _latent(frame: pd.DataFrame) -> pd.DataFrame:
    """What no document tells, and what they tell of a drop in sales."""
    return frame[["solvency", "quality", "sales_trend", "last_period_trend"]]


def _logistic(train: pd.DataFrame, is_bad: pd.Series, weight: Floats, test: pd.DataFrame) -> Floats:
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    told = [name for name in train.columns if train[name].notna().any()]
    model = make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), LogisticRegression(max_iter=1000))
    model.fit(train[told], is_bad, logisticregression__sample_weight=weight)
    return np.asarray(model.predict_proba(test[told])[:, 1])


def measure_world(scale: float = 1.0, seed: int = SEED) -> Measured:
    """The four figures of the trade world, with the other models of the same run beside them."""
    judged = measure(world_rows(scale, seed))
    card, naive = judged["scorecard"], judged["receipt totals"]
    others = [name for name in judged if name not in ("scorecard", "receipt totals")]
    told = [name for name in others if name != "one rate for all"]
    return {
        "world_gini_vs_oracle_ratio": Value(card.gini_ratio, {name: judged[name].gini_ratio for name in told}),
        "world_naive_gini_vs_oracle_ratio": Value(naive.gini_ratio),
        "world_probability_error_points": Value(
            card.error_points, {name: judged[name].error_points for name in others}
        ),
        "world_markets_calibrated_share": Value(
            card.calibrated_share, {name: judged[name].calibrated_share for name in told}
        ),
    }


def world_rows(scale: float, seed: int) -> Rows:
    """A world in a file that is gone afterwards, so that its tables do not stand in memory."""
    config = WorldConfig(
        seed=seed, sellers=round(SELLERS * scale), orders=round(ORDERS * scale), months=MONTHS, first_month=FIRST_MONTH
    )
    with tempfile.TemporaryDirectory() as folder, duckdb.connect(str(Path(folder) / "world.duckdb")) as con:
        con.execute("set memory_limit = '2GB'")
        con.execute("set threads = 2")
        con.execute("set preserve_insertion_order = false")
        credit_world(config, con)
        return read_rows(con)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line: every model of one world as a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.credit_world", description=__doc__.splitlines()[0])
    parser.add_argument("--scale", type=float, default=1.0, help="share of the sellers and orders, for a quick look")
    parser.add_argument("--seed", type=int, default=SEED)
    options = parser.parse_args(arguments)
    began = time.perf_counter()
    rows = world_rows(options.scale, options.seed)
    is_bad = rows.train["is_bad"]
    print(f"{machine()}; world of seed {options.seed}: {time.perf_counter() - began:.0f} s")
    print(f"learnt from {len(rows.train):,} quarters of debt, {int(is_bad.sum())} of them bad, in"
          f" {rows.train['seller_key'].nunique():,} sellers; judged on {len(rows.test):,} sellers,"
          f" {int(rows.test['is_bad'].sum())} of them bad, oracle's Gini"
          f" {gini(rows.test['probability'].to_numpy(), rows.test['is_bad'].to_numpy(bool)):.3f}")  # fmt: skip
    for name, found in measure(rows).items():
        print(f"  {name:<28} Gini / oracle's {found.gini_ratio:6.3f}  error {found.error_points:6.2f} points"
              f"  markets calibrated {found.calibrated_share:5.2f}")  # fmt: skip
    print(f"  {time.perf_counter() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
