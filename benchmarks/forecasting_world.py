"""The demand model on the trade world, beside an oracle that knows the world's mean and beside the seasonal naive.

Belongs here: worlds of a few seeds, their markets as the ledger would show them, the oracle, rolling origins, WAPE.
Does not: the model. The world's frozen version is drawn straight from its generator, without the pipeline.

Truth is the demand before stock-outs: pieces sold and pieces that buyers wanted and did not get. Oracle, model and
naive all forecast means (the oracle's is the mean from which the world draws, with the prices, promotions and seller
luck of the month that it forecasts); WAPE rewards medians, so a median beside a mean would be no comparison.
Product level: at each origin the market's 500 best sellers of the year before, pieces in the 28 days after it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.harness import Measured, Value
from orchestration.forecasting.demand.calendar import events_of, read_calendar
from orchestration.forecasting.demand.market_demand import MarketDemand, market_demand_of
from orchestration.forecasting.demand.model import DemandModel
from orchestration.simulation.world.assortment import product_share
from orchestration.simulation.world.baskets import MEAN_LINES, mean_pieces
from orchestration.simulation.world.batches import CATEGORIES, World
from orchestration.simulation.world.building import build_world
from orchestration.simulation.world.config import MARKETS, WorldConfig
from orchestration.simulation.world.orders import MonthPlan, draw_all_lines, draw_buying, plan_month
from orchestration.simulation.world.pricing import complete

Reals = NDArray[np.floating]
SEEDS = (20260301, 7, 11)
ORIGINS = 12
BEST = 500
HORIZON = 28
_COUNT_DAYS = (7, 14, 21)


@dataclass(frozen=True, eq=False)
class MarketWorld:
    """One market as the ledger shows it (`demand`), what was wanted (`truth`) and its mean (`oracle`): product x day.

    Rows of truth and oracle are local products; `row` finds them by product id.
    """

    demand: MarketDemand
    truth: Reals
    oracle: Reals
    row: dict[str, int]
    categories: tuple[str, ...]  # of each local product


def market_world(world: World, market: int) -> MarketWorld:
    """Draw all months of one market."""
    config, assortment = world.config, world.assortments[market]
    days, size = world.demand.mean_orders.shape[1], len(assortment.product)
    truth, oracle = np.zeros((size, days), np.float32), np.zeros((size, days), np.float32)
    sales, promotions, outs, regions = [], [], [], []
    for cohort in range(config.months):
        plan = plan_month(world, market, cohort)
        span = slice(plan.first_day - world.demand.first_day, plan.end_day - world.demand.first_day)
        oracle[:, span] = _oracle(world, plan, span)
        buying = draw_buying(world, plan)
        lines = draw_all_lines(world, plan, buying)
        drawn = complete(world, plan, buying, lines)
        batch = drawn.batch
        day = batch.ordered_day[batch.line_order] - world.demand.first_day
        np.add.at(truth, (drawn.local, day), batch.quantity)
        lost_day = buying.day[lines.order[lines.is_lost]] - world.demand.first_day
        np.add.at(truth, (lines.local[lines.is_lost], lost_day), lines.quantity[lines.is_lost])
        sales.append(
            pd.DataFrame(
                {"local": drawn.local, "day": day, "units": batch.quantity, "price": batch.unit_price_cents / 100,
                 "lines": 1}
            )
        )  # fmt: skip
        regions.append(pd.DataFrame({"region": batch.subdivision, "day": batch.ordered_day - world.demand.first_day}))
        promotions.append(_promotions(plan))
        outs.append(_flags(plan))
    first = np.datetime64("1970-01-01", "D") + world.demand.first_day
    names = np.array(world.products.product_id.to_pylist())[assortment.product]
    sold = pd.concat(sales)
    sold = sold.assign(paid=sold["price"] * sold["units"]).groupby(["local", "day"], as_index=False).sum()
    region = pd.concat(regions).groupby(["region", "day"]).size().rename("orders").reset_index()
    code = config.markets[market]
    demand = market_demand_of(
        code,
        pd.DataFrame(
            {"product_id": names[sold["local"]], "sold_on": first + sold["day"].to_numpy(), "lines": sold["lines"],
             "units": sold["units"], "unit_price": sold["paid"] / sold["units"]}
        ),
        products=pd.DataFrame(
            {"product_id": names, "category_code": np.array(CATEGORIES)[assortment.category],
             "listed_on": np.datetime64("1970-01-01", "D") + world.products.first_day[assortment.product]}
        ),
        regions=pd.DataFrame(
            {"subdivision_code": region["region"].astype(str), "sold_on": first + region["day"].to_numpy(),
             "orders": region["orders"]}
        ),
        promotions=_dated(pd.concat(promotions), names),
        stock_outs=_dated(pd.concat(outs), names),
        events=events_of(read_calendar(), code),
    )  # fmt: skip
    return MarketWorld(
        demand,
        truth,
        oracle,
        {name: row for row, name in enumerate(names)},
        tuple(np.array(CATEGORIES)[assortment.category]),
    )


def _oracle(world: World, plan: MonthPlan, span: slice) -> Reals:
    """Mean pieces by local product and day, as `simulation/world/truth.py` sums them by month."""
    mean = world.demand.mean_orders[plan.market][span]
    starts = np.array([period.first_day - plan.first_day for period in plan.periods])
    period = np.searchsorted(starts, np.arange(len(mean)), "right") - 1
    own = float(world.demand.own_share[plan.market][span].mean())
    resale = (1 - plan.spec.shares[3]) * (1 - own)
    pieces = mean_pieces(resale, is_import=plan.spec.code == "CN")
    share = product_share(plan.assortment, plan.shelf, 1.0, MEAN_LINES - 1)
    means: Reals = share[period].T * mean * pieces
    return means


def _promotions(plan: MonthPlan) -> pd.DataFrame:
    period, local = np.nonzero(plan.shelf.discount_pct)
    starts = np.array([span.first_day for span in plan.periods])[period]
    return pd.DataFrame(
        {"local": local, "starts_on": starts, "ends_on": np.array([span.end_day - 1 for span in plan.periods])[period],
         "discount_pct": plan.shelf.discount_pct[period, local], "known_on": starts - 7}
    )  # fmt: skip


def _flags(plan: MonthPlan) -> pd.DataFrame:
    """What the four counts of a month tell: a span between two counts in which the product was missing."""
    counts = [*(plan.first_day + day - 1 for day in _COUNT_DAYS), plan.end_day - 1]
    begin = [plan.first_day, *(day + 1 for day in counts[:-1])]
    parts = []
    for first, last in zip(begin, counts, strict=True):
        local = np.flatnonzero((plan.out_from <= last) & (plan.out_to >= first) & (plan.out_to >= plan.out_from))
        parts.append(pd.DataFrame({"local": local, "from_on": first, "to_on": last, "known_on": last + 1}))
    return pd.concat(parts)


def _dated(frame: pd.DataFrame, names: NDArray[np.str_]) -> pd.DataFrame:
    dated = {
        column: np.datetime64("1970-01-01", "D") + frame[column].to_numpy(np.int64)
        for column in frame.columns
        if column.endswith("_on")
    }
    return frame.assign(**dated, product_id=names[frame["local"].to_numpy(np.int64)])


@dataclass(frozen=True)
class LevelScore:
    """WAPE (fraction) of the model, the oracle and the seasonal naive at one level, over origins and markets.

    `distance` and `naive_distance` are held against the oracle's mean instead of what was drawn, so that they see
    through the luck of bulk orders; `bias` is (model - oracle) / oracle.
    """

    level: str
    model: float
    oracle: float
    naive: float
    distance: float
    naive_distance: float
    bias: float

    @property
    def ratio(self) -> float:
        """The model's WAPE over the oracle's."""
        return self.model / self.oracle

    @property
    def naive_ratio(self) -> float:
        """The naive's WAPE over the oracle's."""
        return self.naive / self.oracle


def origins_of(demand: MarketDemand, count: int = ORIGINS) -> Iterator[int]:
    """Days known at each origin: the first days of the last `count` months that leave a whole horizon after them."""
    last = demand.day_count - HORIZON
    month = (demand.first_day + last).astype("datetime64[M]")
    for back in range(count):
        yield int(((month - back).astype("datetime64[D]") - demand.first_day).astype(np.int64))


def errors_of(world: MarketWorld, known: int) -> dict[str, Reals]:
    """What `_sums` adds up, by level, at one origin."""
    demand = world.demand
    past = demand.known_at((demand.first_day + known).astype(object))
    forecast = DemandModel(origins=0).fit(past).forecast(HORIZON)
    span, year = slice(known, known + HORIZON), slice(known - 364, known - 364 + HORIZON)
    sold = np.zeros((len(past.products), known), np.float32)
    sold[past.sales.product, past.sales.day] = past.sales.units
    rows = np.array([world.row[name] for name in past.products])
    best = np.argsort(-sold[:, max(known - 365, 0) :].sum(axis=1), kind="stable")[:BEST]
    truth, oracle = world.truth[:, span], world.oracle[:, span]
    place = {code: row for row, code in enumerate(forecast.categories)}
    category, size = np.array([place[code] for code in world.categories]), len(place)
    return {
        "market_day": _sums(truth.sum(axis=0), forecast.market_mean, oracle.sum(axis=0), sold[:, year].sum(axis=0)),
        "category_28_days": _sums(
            np.bincount(category, truth.sum(axis=1), minlength=size).astype(np.float64),
            forecast.category_mean.sum(axis=1),
            np.bincount(category, oracle.sum(axis=1), minlength=size).astype(np.float64),
            np.bincount(past.category, sold[:, year].sum(axis=1), minlength=size).astype(np.float64),
        ),
        "product_28_days": _sums(
            truth[rows[best]].sum(axis=1),
            forecast.product_mean[best].sum(axis=1),
            oracle[rows[best]].sum(axis=1),
            sold[best, year].sum(axis=1),
        ),
    }


def _sums(truth: Reals, model: Reals, oracle: Reals, naive: Reals) -> Reals:
    """Absolute errors of model, oracle and naive, of model and naive against the oracle; units of all three."""
    pairs = ((model, truth), (oracle, truth), (naive, truth), (model, oracle), (naive, oracle))
    errors = [float(np.abs(one - other).sum()) for one, other in pairs]
    return np.array([*errors, float(model.sum()), float(oracle.sum()), float(truth.sum())])


@cache
def scores() -> dict[str, LevelScore]:
    """Score of each level over all seeds, markets and origins."""
    total: dict[str, Reals] = {}
    for seed in SEEDS:
        world = build_world(WorldConfig(seed=seed))
        for market in range(len(MARKETS)):
            drawn = market_world(world, market)
            for known in origins_of(drawn.demand):
                for level, sums in errors_of(drawn, known).items():
                    total[level] = total.get(level, np.zeros(len(sums))) + sums
    return {level: score_of(level, sums) for level, sums in total.items()}


def score_of(level: str, sums: Reals) -> LevelScore:
    """The score that follows from what `_sums` has added up."""
    model, oracle, naive, distance, naive_distance, forecast, mean, units = (float(one) for one in sums)
    return LevelScore(
        level, model / units, oracle / units, naive / units, distance / mean, naive_distance / mean, forecast / mean - 1
    )


def world_scores() -> Measured:
    """WAPE of model and naive over the oracle's: pieces in 28 days of the 500 best sellers; the rest stands beside it.

    Single products sell a few pieces a month and now and then a bulk order, so that not even the oracle's WAPE is below
    one there: the distance to the oracle's mean tells more, and the level of the market's days is the harder test.
    """
    found = scores()
    main = found["product_28_days"]
    beside, naive = {}, {}
    for level, one in found.items():
        if one is not main:
            beside[level], naive[level] = one.ratio, one.naive_ratio
        beside[f"{level}: oracle's WAPE"] = one.oracle
        beside[f"{level}: distance to the oracle"] = one.distance
        beside[f"{level}: bias"] = one.bias
        naive[f"{level}: distance to the oracle"] = one.naive_distance
    return {
        "world_wape_vs_oracle_ratio": Value(main.ratio, beside),
        "world_naive_wape_vs_oracle_ratio": Value(main.naive_ratio, naive),
    }
