"""The tables of reserve and simulation, from the offers and what was seen.

Belongs here: building the book, the rows of both tables, the replay of the past. Does not: the maths of paths.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from orchestration.credit.guarantee.offers import PriceRules, expected_counts, mature
from orchestration.credit.guarantee.reserve import (
    HORIZON,
    Book,
    reserve_for,
    share_interval,
    shock_deviations,
    simulate,
)

ALL = "all"
# Below so many events of a market what one costs is drawn from those of all markets.
ENOUGH_EVENTS = 30


@dataclass(frozen=True)
class ReserveRules:
    """confidence: share of paths in which the reserve is to hold; paths: how many are drawn; seed: of the draws."""

    confidence: float = 0.99
    paths: int = 20_000
    seed: int = 20260301


@dataclass(frozen=True, eq=False)
class ReserveTables:
    """Rows of guarantee_reserve and guarantee_simulation, without as_of_on."""

    reserve: pd.DataFrame
    simulation: pd.DataFrame
    holds: bool


def make_reserve(
    offers: pd.DataFrame,
    months: pd.DataFrame,
    events: pd.DataFrame,
    probabilities: pd.Series,
    as_of: date,
    rules: ReserveRules | None = None,
    prices: PriceRules | None = None,
) -> ReserveTables:
    """The reserve by market and as a whole, and how it fares over two years.

    offers: as `make_offers` gives them; months, events: as read; probabilities: by seller_id, to fail within a year.
    """
    rules, prices = rules or ReserveRules(), prices or PriceRules()
    offered = offers[offers["is_offered"]].reset_index(drop=True)
    if offered.empty:
        return ReserveTables(pd.DataFrame(), pd.DataFrame(), holds=True)
    book = make_book(offered, months, events, probabilities, as_of, prices)
    drawn = simulate(book, rules.paths, rules.seed)
    reserve = reserve_for(drawn.deepest, rules.confidence)
    # Shares of the whole by what the markets cost in the paths that come near it.
    worst = drawn.deepest >= np.quantile(drawn.deepest, min(rules.confidence, 1 - 200 / rules.paths))
    tail = drawn.by_market[worst].mean(axis=0)
    share = tail / tail.sum() if tail.sum() > 0 else np.full(len(tail), 1 / len(tail))
    rows = [_reserve_row(ALL, offered, book, reserve, reserve, rules)]
    for place, market in enumerate(book.markets):
        alone = reserve_for(simulate(book.alone(place), rules.paths // 4, rules.seed + 1).deepest, rules.confidence)
        mine = offered[offered["market"] == market]
        rows.append(_reserve_row(market, mine, book.alone(place), reserve * float(share[place]), alone, rules))
    # Other paths than those that the reserve was read from.
    fresh = simulate(book, rules.paths, rules.seed + 2)
    simulation = _simulation_rows(fresh.need, reserve, rules)
    replayed = replay(offered, months, events, as_of, reserve, rules)
    simulation = pd.concat([simulation, replayed], ignore_index=True) if len(replayed) else simulation
    last = simulation[(simulation["basis"] == "simulated") & (simulation["month_no"] == HORIZON)]
    return ReserveTables(pd.DataFrame(rows), simulation, holds=bool(last["holds"].all()))


def make_book(
    offered: pd.DataFrame,
    months: pd.DataFrame,
    events: pd.DataFrame,
    probabilities: pd.Series,
    as_of: date,
    prices: PriceRules,
) -> Book:
    """Expected claims, costs, income and failures of the offers that stand."""
    markets = tuple(sorted(offered["market"].unique()))
    place = {market: number for number, market in enumerate(markets)}
    at = offered["market"].map(place).to_numpy()
    covered = (offered["orders_of_a_year"] * offered["mean_covered_usd"]).to_numpy(float)
    claims = np.bincount(at, weights=expected_counts(offered) / 12.0, minlength=len(markets)).astype(float)
    price = offered["price_pct"].to_numpy(float) / 1200.0
    income = np.bincount(at, weights=covered * price, minlength=len(markets)).astype(float)
    sellers = sorted(offered["seller_id"].unique())
    row = offered["seller_id"].map({seller: number for number, seller in enumerate(sellers)}).to_numpy()
    exposure = np.zeros((len(sellers), len(markets)))
    open_usd = np.minimum(
        covered / 12.0 * prices.open_months * prices.default_claim_share, offered["year_cap_usd"].to_numpy(float)
    )
    np.add.at(exposure, (row, at), open_usd)
    known = mature(events, as_of)
    cost = (known["covered_usd"] * known["loss_share"]).to_numpy(float)
    of_market = known["market"].to_numpy()
    pooled = cost if len(cost) else np.array([max(float(offered["mean_covered_usd"].mean()), 1.0)])
    losses = tuple(mine if len(mine := cost[of_market == market]) >= ENOUGH_EVENTS else pooled for market in markets)
    counts, expected = monthly_counts(months, events, markets, as_of)
    common, own = shock_deviations(counts, expected) if len(counts) else (0.25, 0.25)
    called = float(known["is_called"].sum()) if len(known) else 0.0
    return Book(
        markets=markets,
        claims=claims,
        losses=losses,
        income=income,
        failures=probabilities.reindex(sellers).fillna(1.0).to_numpy(float) / 12.0,
        exposure=exposure,
        common_deviation=common,
        own_deviation=own,
        level_deviation=1.0 / np.sqrt(called + 1.0),
    )


def monthly_counts(
    months: pd.DataFrame, events: pd.DataFrame, markets: tuple[str, ...], as_of: date
) -> tuple[np.ndarray, np.ndarray]:
    """Events by month and market, and how many the market's rate lets expect; of mature months."""
    known, seen = mature(months, as_of, "month"), mature(events, as_of)
    orders = known.pivot_table(index="month", columns="market", values="order_count", aggfunc="sum")
    orders = orders.reindex(columns=list(markets)).fillna(0.0)
    month = pd.to_datetime(seen["ordered_on"]).dt.to_period("M").dt.to_timestamp()
    counts = seen.groupby([month, seen["market"]]).size().unstack(fill_value=0)
    orders.index = pd.to_datetime(orders.index)
    counts = counts.reindex(index=orders.index, columns=list(markets)).fillna(0.0)
    rate = counts.sum() / orders.sum().clip(lower=1.0)
    return counts.to_numpy(float), (orders * rate).to_numpy(float)


def replay(
    offered: pd.DataFrame, months: pd.DataFrame, events: pd.DataFrame, as_of: date, reserve: float, rules: ReserveRules
) -> pd.DataFrame:
    """The last two mature years as they were: what called events cost, at today's prices; none without them.

    Claims that were paid back count as paid here, so that it errs on the side of the fund's need.
    """
    known = mature(months, as_of, "month")
    called = mature(events, as_of)
    called = called[called["is_called"]]
    month = pd.to_datetime(known["month"])
    if known.empty or month.nunique() < HORIZON:
        return pd.DataFrame()
    first = sorted(month.unique())[-HORIZON]
    price = offered.set_index(["seller_id", "market"])["price_pct"]
    keyed = known[month >= first].join(price, on=["seller_id", "market"])
    keyed["income"] = keyed["covered_usd"] * keyed["price_pct"].fillna(0.0) / 100.0
    income = keyed.groupby(pd.to_datetime(keyed["month"]))["income"].sum()
    is_offered = pd.MultiIndex.from_frame(called[["seller_id", "market"]]).isin(price.index)
    mine = called[is_offered]
    paid_in = pd.to_datetime(mine["ordered_on"]).dt.to_period("M").dt.to_timestamp()
    costs = mine.assign(paid_in=paid_in, cost=mine["covered_usd"] * mine["loss_share"])
    cost = costs.groupby("paid_in")["cost"].sum().reindex(income.index).fillna(0.0)
    need = (cost.cumsum() - income.cumsum()).to_numpy(float)[None, :]
    return _simulation_rows(need[:, :HORIZON], reserve, rules).assign(
        basis="history", holds=lambda rows: rows["held_count"] == 1, held_low_pct=None, held_high_pct=None
    )


def _simulation_rows(need: np.ndarray, reserve: float, rules: ReserveRules) -> pd.DataFrame:
    paths = len(need)
    deepest = np.maximum.accumulate(need, axis=1)
    rows = []
    for month in range(need.shape[1]):
        held = int((deepest[:, month] <= reserve).sum())
        low, high = share_interval(held, paths)
        bottom, middle, top = np.quantile(reserve - need[:, month], [0.01, 0.5, 0.99])
        rows.append(
            {
                "basis": "simulated", "month_no": month + 1, "confidence_pct": 100 * rules.confidence,
                "reserve_usd": reserve, "path_count": paths, "held_count": held, "held_pct": 100.0 * held / paths,
                "held_low_pct": 100 * low, "held_high_pct": 100 * high, "fund_p01_usd": bottom, "fund_p50_usd": middle,
                "fund_p99_usd": top, "holds": held >= rules.confidence * paths,
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def _reserve_row(
    market: str, offered: pd.DataFrame, book: Book, reserve: float, alone: float, rules: ReserveRules
) -> dict[str, object]:
    covered = offered["orders_of_a_year"] * offered["mean_covered_usd"]
    return {
        "market": market,
        "seller_count": offered["seller_id"].nunique(),
        "orders_of_a_year": float(offered["orders_of_a_year"].sum()),
        "covered_of_a_year_usd": float(covered.sum()),
        "expected_loss_of_a_year_usd": float((covered * offered["expected_loss_pct"] / 100.0).sum()),
        "price_of_a_year_usd": float(12.0 * book.income.sum()),
        "shock_deviation": book.own_deviation,
        "common_shock_deviation": book.common_deviation,
        "confidence_pct": 100 * rules.confidence,
        "horizon_months": HORIZON,
        "reserve_usd": reserve,
        "alone_reserve_usd": alone,
        "path_count": rules.paths,
        "basis": "prices of every offer that stands, if all are taken",
    }
