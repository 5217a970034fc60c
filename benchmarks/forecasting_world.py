"""The demand model on the trade world, beside an oracle that knows the world's mean and beside the seasonal naive.

Belongs here: worlds of a few seeds, their markets as the ledger would show them, the oracle, rolling origins, WAPE.
Does not: the model. The world's frozen version is drawn straight from its generator, without the pipeline.

Truth is the demand before stock-outs: pieces sold and pieces that buyers wanted and did not get. Oracle, model and naive
all forecast means (the oracle's is the mean from which the world draws, with the prices, promotions and seller luck of
the month that it forecasts); WAPE rewards medians, so a median beside a mean would be no comparison.
Product level: at each origin the market's 500 best sellers of the year before, pieces in the 28 days after it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.harness import Measured, Value
from orchestration.forecasting.demand.calendar import events_of, read_calendar
from orchestration.forecasting.demand.market_demand import MarketDemand, market_demand_of
from orchestration.simulation.world.assortment import product_share
from orchestration.simulation.world.baskets import MEAN_LINES, mean_pieces
from orchestration.simulation.world.batches import CATEGORIES, World
from orchestration.simulation.world.building import build_world
from orchestration.simulation.world.config import MARKETS, WorldConfig
from orchestration.simulation.world.orders import MonthPlan, draw_all_lines, draw_buying, plan_month
from orchestration.simulation.world.pricing import complete

Reals = NDArray[np.float64]
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
        promotions.append(_promotions(world, plan))
        outs.append(_flags(world, plan))
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
    return MarketWorld(demand, truth, oracle, {name: row for row, name in enumerate(names)})


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


def _promotions(world: World, plan: MonthPlan) -> pd.DataFrame:
    period, local = np.nonzero(plan.shelf.discount_pct)
    starts = np.array([span.first_day for span in plan.periods])[period]
    return pd.DataFrame(
        {"local": local, "starts_on": starts, "ends_on": np.array([span.end_day - 1 for span in plan.periods])[period],
         "discount_pct": plan.shelf.discount_pct[period, local], "known_on": starts - 7}
    )  # fmt: skip


def _flags(world: World, plan: MonthPlan) -> pd.DataFrame:
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
