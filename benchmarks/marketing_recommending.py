"""Recommendations on Online Retail and in trade worlds, in time order, beside popularity, ALS, item-kNN and EASE^R.

Belongs here: protocol, competitors and their tuning, figures. Does not: goals (see `marketing.py`).

Protocol, Online Retail. Lines of a customer with a positive quantity and price and a stock code of five digits; 2011-10
is the validation period, from 2011-11-01 on is the test. Every model chooses its settings on the validation period,
is fitted again on all before the test, and is judged on customers who bought before the test and in it. The target is
every product bought in the test: wholesalers reorder, and a list that may not name what they reorder is of little use
to them. The same without products that the customer had before stands beside it (`new`), each model with those left out
of its lists. recall@20 is hits / min(20, products bought).

Protocol, trade world. Three markets over 42 months; the last month is the test, the month before it the validation.
The oracle ranks by the generator's chances in the test month for the customer's hidden segment and taste for prices.
`best possible` knows the same chances and infers segment and taste from what a shop knows, by Bayes' rule: no
recommender that learns from purchases can do better than that in the mean. `best beforehand` does so too but does not
know what each month draws anew (prices, sellers' drift), which nothing before the month tells.
"""

import os
import resource
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import duckdb
import numpy as np
import pandas as pd

from benchmarks.forecasting_m3 import shared
from benchmarks.harness import Measured, Value
from benchmarks.marketing_world import MarketLines, calm, market_lines, oracle, posterior
from orchestration.marketing.recommending.attributes import Attributes
from orchestration.marketing.recommending.autoencoder import fit_autoencoder
from orchestration.marketing.recommending.interactions import Integers, Interactions, Matrix, Scores, interactions_of
from orchestration.marketing.recommending.metrics import NOTHING, figures_of, top_items
from orchestration.marketing.recommending.neighbours import item_similarity
from orchestration.marketing.recommending.past import Past, dense, past_of
from orchestration.marketing.recommending.protocol import Periods, evaluate, split_of

FILE = "online_retail/online_retail_2010_2011.parquet"
K = 20
SEEDS = (70_001, 70_002)
WORLD_MARKETS = ("GB", "DE", "JP")
_SALES = r"""
    select "CustomerID"::varchar as customer, "StockCode" as item, "InvoiceDate" as moment
    from (select distinct * from read_parquet(?))
    where "Quantity" > 0 and "UnitPrice" > 0 and "CustomerID" is not null and regexp_matches("StockCode", '^[0-9]{5}')
"""
_HALF_LIVES = (1 / 24, 1 / 12, 1 / 6, 1 / 3, 1.0, 1e9)
_PENALTIES = (50.0, 100.0, 200.0, 400.0, 800.0, 1600.0)
_SHRINKAGES = (0.0, 5.0, 20.0)
_NEIGHBOURS = (50, 200, 1000)

Scorer = Callable[[Integers], Scores]


@dataclass(frozen=True)
class Candidate:
    """A competitor with one setting: fits a past, and scores customers."""

    family: str
    setting: str
    fit: Callable[[Past], Scorer]


def online_retail() -> tuple[Interactions, Periods]:
    """The customers' purchases and the periods."""
    with duckdb.connect() as con:
        frame = con.execute(_SALES, [str(shared(FILE))]).df()
    interactions = interactions_of(frame["customer"], frame["item"], frame["moment"])
    return interactions, Periods(_day("2011-10-01"), _day("2011-11-01"), _day("2012-01-01"))


def measure_online_retail() -> Measured:
    """recall@20 and NDCG@20 of ours, and of every family with the setting that was best on the validation period."""
    interactions, periods = online_retail()
    split = split_of(interactions, periods=periods)
    ours = {repeats: evaluate(split, k=K, repeats=repeats, singles=()).table.iloc[0] for repeats in (True, False)}
    others = {repeats: _competitors(interactions, periods, repeats) for repeats in (True, False)}
    figures = {
        name: Value(
            float(ours[True][name]),
            {
                **{family: found[name] for family, found in others[True].items()},
                "new": float(ours[False][name]),
                **{f"new {family}": found[name] for family, found in others[False].items()},
            },
        )
        for name in ("recall", "ndcg", "coverage", "novelty")
    }
    best = max(("item-kNN", "EASE^R"), key=lambda family: others[True][family]["recall"])
    return {
        "online_retail_recall20": figures["recall"],
        "online_retail_ndcg20": figures["ndcg"],
        "als_recall20": Value(others[True]["ALS"]["recall"], {"new": others[False]["ALS"]["recall"]}),
        "popularity_recall20": Value(
            others[True]["popularity"]["recall"], {"new": others[False]["popularity"]["recall"]}
        ),
        "best_single_recall20": Value(others[True][best]["recall"], {best: others[True][best]["recall"]}),
        "online_retail_coverage20": figures["coverage"],
        "online_retail_novelty20": figures["novelty"],
    }


def measure_wall() -> Measured:
    """Seconds to fit the blend that was chosen and to list the top 20 for every customer of Online Retail."""
    interactions, periods = online_retail()
    chosen = evaluate(split_of(interactions, periods=periods), k=K, singles=())
    started, cpu = time.perf_counter(), time.process_time()
    recommender = chosen.recommender(interactions, periods.end)
    lists, _ = recommender.top(np.arange(interactions.shape[0]), K)
    wall, used = time.perf_counter() - started, time.process_time() - cpu
    assert (lists >= 0).all()
    return {"recommend_wall_s": Value(wall, {"CPU": used})}


def measure_catalogue() -> Measured:
    """Peak memory of a fit and of top 20 for 2,000 customers, with 100,000 items and 50,000 customers."""
    rng = np.random.default_rng(1)
    rows, items, customers = 1_000_000, 100_000, 50_000
    taste = rng.integers(0, 100, customers)
    customer = rng.integers(0, customers, rows)
    rank = np.minimum(rng.pareto(0.9, rows), 999).astype(np.int64)
    item = np.where(
        rng.random(rows) < 0.7, taste[customer] * 1000 + rank, rng.permutation(items)[rng.integers(0, items, rows)]
    )
    found = interactions_of(
        pd.Series(customer.astype(str)), pd.Series(item.astype(str)), pd.Series(np.sort(rng.random(rows)) * 365)
    )
    started = time.perf_counter()
    recommender = evaluate(split_of(found), k=K, singles=(), most_judged=200).recommender(found, 366.0)
    recommender.top(np.arange(2_000), K)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return {"catalogue_100k_peak_gb": Value(peak, {"items": float(found.shape[1]), "s": time.perf_counter() - started})}


def measure_world() -> Measured:
    """NDCG@20 of ours over the oracle's, over all markets and seeds; beside it the best possible and popularity."""
    sums = dict.fromkeys(("ours", "oracle", "best possible", "best beforehand", "popularity", "customers"), 0.0)
    for found in _worlds():
        for name, value in found.items():
            sums[name] += value
    return {
        "world_ndcg_vs_oracle_ratio": Value(
            sums["ours"] / sums["oracle"],
            {
                "of the best possible": sums["ours"] / sums["best possible"],
                "best possible": sums["best possible"] / sums["oracle"],
                "best beforehand": sums["best beforehand"] / sums["oracle"],
                "popularity": sums["popularity"] / sums["oracle"],
                "customers": sums["customers"],
            },
        )
    }


def _worlds() -> Iterator[dict[str, float]]:
    from orchestration.simulation.world.building import build_world
    from orchestration.simulation.world.config import WorldConfig

    for seed in SEEDS:
        world = build_world(WorldConfig(seed=seed, markets=WORLD_MARKETS, sellers=500, orders=150_000))
        last = world.config.months - 1
        for market in range(len(WORLD_MARKETS)):
            lines = market_lines(world, market)
            interactions, attributes, group = world_interactions(lines)
            periods = Periods(_first(lines, last - 1), _first(lines, last), float(lines.day.max()) + 1)
            split = split_of(interactions, attributes, periods)
            chosen = evaluate(split, k=K, singles=("popularity", "popularity_recent"))
            items = np.asarray([int(one) for one in interactions.item_ids])
            truth = oracle(world, market, last)
            came = interactions.between(periods.test, periods.end).pairs()
            known = split.after.past.item_count > 0
            judged = np.flatnonzero((np.diff(came.indptr) > 0) & known)
            number = np.asarray([int(one) for one in interactions.customer_ids])[judged]
            likely = posterior(world, market, lines, last)[number]
            table = chosen.table[chosen.table["target"] == "all"].set_index("model")
            names = {
                "oracle": truth[group[judged]][:, items],
                "best possible": (likely @ truth)[:, items],
                "best beforehand": (likely @ calm(world, market, last))[:, items],
            }
            ndcg = {
                name: figures_of(top_items(scores.astype(np.float32), K), came[judged], np.ones(len(items))).ndcg
                for name, scores in names.items()
            }
            ndcg |= {
                "ours": float(table["ndcg"].to_dict()["blend"]),
                "popularity": float(table.loc[["popularity", "popularity_recent"], "ndcg"].max()),
            }
            yield {**{name: value * len(judged) for name, value in ndcg.items()}, "customers": float(len(judged))}


def world_interactions(lines: MarketLines) -> tuple[Interactions, Attributes, Integers]:
    """A market's purchases, what a shop knows of goods and customers, and the oracle's group by customer.

    Customers are numbered from 0 by their number in the world, as `posterior` numbers them.
    """
    _, customer = np.unique(lines.customer, return_inverse=True)
    found = interactions_of(pd.Series(customer).astype(str), pd.Series(lines.product).astype(str), pd.Series(lines.day))
    items = np.asarray([int(one) for one in found.item_ids])
    first = np.full(found.shape[0], -1)
    first[customer[::-1]] = np.arange(len(customer))[::-1]
    row = first[np.asarray([int(one) for one in found.customer_ids])]
    traits = (lines.gender[row], lines.age_band[row], np.asarray(lines.subdivision, dtype=object)[row])
    attributes = Attributes(
        kind=_codes(np.asarray(lines.category, dtype=object)[items]),
        maker=lines.seller[items],
        price=lines.list_price[items],
        traits=tuple(_codes(one) for one in traits),
    )
    return found, attributes, lines.group[row]


def _codes(values: np.ndarray) -> Integers:
    return np.asarray(pd.factorize(values, sort=True)[0], dtype=np.int64)


def _first(lines: MarketLines, cohort: int) -> float:
    return float(lines.day[lines.cohort == cohort].min())


def _competitors(interactions: Interactions, periods: Periods, repeats: bool) -> dict[str, dict[str, float]]:
    """For each family: figures on the test of the setting that had the best recall on the validation period."""
    before, after = (past_of(interactions, one) for one in (periods.validation, periods.test))
    bought = interactions.between(periods.validation, periods.test).pairs()
    came = interactions.between(periods.test, periods.end).pairs()
    best: dict[str, tuple[float, Candidate]] = {}
    for candidate in _candidates():
        recall = _judge(candidate.fit(before), before, bought, repeats)["recall"]
        if candidate.family not in best or recall > best[candidate.family][0]:
            best[candidate.family] = (recall, candidate)
    return {family: _judge(one.fit(after), after, came, repeats) for family, (_, one) in best.items()}


def _judge(score: Scorer, past: Past, bought: Matrix, repeats: bool) -> dict[str, float]:
    target = bought if repeats else (bought - bought.multiply(past.owned)).tocsr()
    target.eliminate_zeros()
    customers = np.flatnonzero((np.diff(target.indptr) > 0) & (past.item_count > 0))
    scores = score(customers)
    if not repeats:
        scores[dense(past.owned[customers]) > 0] = NOTHING
    share = past.buyers / max(1, int((past.item_count > 0).sum()))
    found = figures_of(top_items(scores, K), target[customers], share)
    return {"recall": found.recall, "ndcg": found.ndcg, "coverage": found.coverage, "novelty": found.novelty}


def _candidates() -> Iterator[Candidate]:
    for life in _HALF_LIVES:
        yield Candidate("popularity", f"half-life {life:g}", _popularity(life))
        for shrinkage in _SHRINKAGES:
            for most in _NEIGHBOURS:
                if (shrinkage, most) == (_SHRINKAGES[1], _NEIGHBOURS[1]) or life == _HALF_LIVES[3]:
                    yield Candidate("item-kNN", f"{life:g}, {shrinkage:g}, {most}", _item_knn(life, shrinkage, most))
    for penalty in _PENALTIES:
        yield Candidate("EASE^R", f"penalty {penalty:g}", _ease(penalty))
    for factors in (32, 64, 128):
        for penalty in (0.1, 1.0, 10.0):
            for confidence in (1.0, 10.0, 40.0):
                yield Candidate("ALS", f"{factors}, {penalty:g}, {confidence:g}", _als(factors, penalty, confidence))


def _popularity(life: float) -> Callable[[Past], Scorer]:
    def fit(past: Past) -> Scorer:
        popularity = past.popularity(life).astype(np.float32)
        return lambda customers: np.tile(popularity, (len(customers), 1))

    return fit


def _item_knn(life: float, shrinkage: float, most: int) -> Callable[[Past], Scorer]:
    def fit(past: Past) -> Scorer:
        near = item_similarity(past.owned, shrinkage=shrinkage, most=most)
        weights = past.decayed(life)
        return lambda customers: dense(weights[customers] @ near)

    return fit


def _ease(penalty: float) -> Callable[[Past], Scorer]:
    def fit(past: Past) -> Scorer:
        found = fit_autoencoder(past.owned, penalty=penalty, dense_items=10**6)
        return lambda customers: found.score(past.owned[customers])

    return fit


def _als(factors: int, penalty: float, confidence: float) -> Callable[[Past], Scorer]:
    def fit(past: Past) -> Scorer:
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        from implicit.cpu.als import AlternatingLeastSquares

        model = AlternatingLeastSquares(
            factors=factors, regularization=penalty, alpha=confidence, iterations=15, random_state=1, num_threads=1
        )
        model.fit(past.times, show_progress=False)
        return lambda customers: np.asarray(model.user_factors[customers] @ model.item_factors.T, dtype=np.float32)

    return fit


def _day(text: str) -> float:
    return float(np.datetime64(text, "D").astype(np.int64))
