"""The nodes of a market: its total, categories, subdivisions, best sellers, and per category the rest of its products.

Belongs here: a market's daily units as matrices, which nodes they have at a day, and the sums between these.
Does not: what drives demand (see `demand/`), models, tables.

Weeks are blocks of seven days that end where the forecast begins, not calendar weeks: so no week is cut, every day
that is known counts, and thirteen weeks ahead are exactly 91 days.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from orchestration.forecasting.hierarchy import Matrix, Tree, tree

MARKET, CATEGORY, SUBDIVISION, PRODUCT, REST = "market", "category", "subdivision", "product", "rest"
NODE_TYPES = (MARKET, CATEGORY, SUBDIVISION, PRODUCT, REST)
# Forecast by day as well; products sell too little for a day to say anything.
DAILY_TYPES = (MARKET, CATEGORY, SUBDIVISION)
DAYS_PER_WEEK = 7
BEST_SELLERS = 500
DAYS_OF_BEST_SELLERS = 182
UNKNOWN = "unknown"

Whole = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class MarketSeries:
    """Units of a market by day, all rows from `first_day` on: product x day, and subdivision x day.

    `category_of` is the row in `categories` of each product. Where a market's subdivisions are not known there are
    none; where some are, `UNKNOWN` holds the rest, so that they add up to the market.
    """

    market: str
    first_day: np.datetime64
    product_keys: tuple[str, ...]
    product_ids: tuple[str, ...]
    units: Matrix
    categories: tuple[str, ...]
    category_of: Whole
    subdivisions: tuple[str, ...]
    subdivision_units: Matrix

    @property
    def day_count(self) -> int:
        """Days that are known."""
        return int(self.units.shape[1])

    @property
    def made_on(self) -> np.datetime64:
        """The first day that is not known: that on which a forecast from this series is made."""
        return self.first_day + np.timedelta64(self.day_count, "D")

    def known_on(self, made_on: np.datetime64) -> "MarketSeries":
        """What was known when `made_on` began."""
        days = int((made_on - self.first_day) // np.timedelta64(1, "D"))
        kept = max(0, min(days, self.day_count))
        return replace(self, units=self.units[:, :kept], subdivision_units=self.subdivision_units[:, :kept])


@dataclass(frozen=True, eq=False)
class Nodes:
    """The nodes of a market at one day, in the order of `NODE_TYPES`, with the sums that hold between them.

    `product_row` is the row of a best seller in the series, -1 for every other node.
    """

    types: npt.NDArray[np.object_]
    ids: npt.NDArray[np.object_]
    product_row: Whole
    tree: Tree

    @property
    def daily_count(self) -> int:
        """How many nodes, from the first on, are forecast by day."""
        return int(np.isin(self.types, DAILY_TYPES).sum())

    def daily_tree(self) -> Tree:
        """The sums between the nodes that are forecast by day."""
        count = self.daily_count
        kept = tuple(one for one in self.tree.sums if one.whole < count and all(part < count for part in one.parts))
        return Tree(self.tree.nodes[:count], kept)

    def daily(self, series: MarketSeries) -> Matrix:
        """Units by day of the nodes that are forecast by day, as far as `series` reaches."""
        categories = by_category(series, series.units)
        return np.vstack([series.units.sum(axis=0)[None], categories, series.subdivision_units])

    def weekly(self, series: MarketSeries) -> Matrix:
        """Units of every node in the weeks that end with the last day of `series`."""
        products = blocks(series.units)
        chosen = self.product_row[self.product_row >= 0]
        best = products[chosen]
        rest = by_category(series, products)
        np.subtract.at(rest, series.category_of[chosen], best)
        upper = blocks(self.daily(series))
        return np.vstack([upper, best, np.maximum(rest, 0.0)])


def blocks(daily: Matrix) -> Matrix:
    """Sums of seven days, the last block ending with the last day; days before the first whole block are left out."""
    weeks = daily.shape[1] // DAYS_PER_WEEK
    kept = daily[:, daily.shape[1] - weeks * DAYS_PER_WEEK :]
    return np.asarray(kept.reshape(len(daily), weeks, DAYS_PER_WEEK).sum(axis=2))


def nodes_of(series: MarketSeries, *, best_sellers: int = BEST_SELLERS) -> Nodes:
    """The nodes as known at the end of `series`: its `best_sellers` by units of the last half year, and all above.

    A product that has not sold for half a year is no best seller; a category whose products all are has no rest.
    """
    recent = series.units[:, -DAYS_OF_BEST_SELLERS:].sum(axis=1)
    order = np.lexsort((np.asarray(series.product_keys), -recent))[:best_sellers]
    best = np.sort(order[recent[order] > 0])
    category_names = [f"category {one}" for one in series.categories]
    subdivision_names = [f"subdivision {one}" for one in series.subdivisions]
    best_names = [f"product {series.product_keys[row]}" for row in best]
    rest_names = [f"rest {one}" for one in series.categories]
    wholes = [(MARKET, category_names), (MARKET, subdivision_names)]
    for row, name in enumerate(category_names):
        own = [best_names[place] for place in np.flatnonzero(series.category_of[best] == row)]
        wholes.append((name, [*own, rest_names[row]]))
    counts = (1, len(series.categories), len(series.subdivisions), len(best), len(series.categories))
    ids = [series.market, *series.categories, *series.subdivisions]
    ids += [series.product_keys[row] for row in best] + list(series.categories)
    product_row = np.full(sum(counts), -1)
    product_row[sum(counts[:3]) : sum(counts[:4])] = best
    return Nodes(
        types=np.repeat(np.asarray(NODE_TYPES, dtype=object), counts),
        ids=np.asarray(ids, dtype=object),
        product_row=product_row,
        tree=tree([MARKET, *category_names, *subdivision_names, *best_names, *rest_names], wholes),
    )


def market_series(
    market: str, sales: pd.DataFrame, regions: pd.DataFrame, *, made_on: np.datetime64 | None = None
) -> MarketSeries:
    """The series of a market, from the first to the last day with a sale, or to the day before `made_on`.

    `sales`: product_key, product_id, category, day, units; `regions`: code, day, units of subdivisions, or no rows.
    Raises ValueError without any sale.
    """
    sold = sales[sales["units"] > 0]
    if made_on is not None:
        sold = sold[sold["day"].to_numpy().astype("datetime64[D]") < made_on]
    if sold.empty:
        raise ValueError(f"{market}: no sales, so no series")
    days = sold["day"].to_numpy().astype("datetime64[D]")
    first = days.min()
    count = int(((made_on if made_on is not None else days.max() + 1) - first).astype(int))
    codes, keys = pd.factorize(sold["product_key"].to_numpy(), sort=True)
    units = np.zeros((len(keys), count))
    np.add.at(units, (codes, (days - first).astype(int)), sold["units"].to_numpy(float))
    named = sold.drop_duplicates("product_key", keep="last").set_index("product_key").reindex(keys)
    category_of, categories = pd.factorize(named["category"].fillna(UNKNOWN).replace("", UNKNOWN).to_numpy(), sort=True)
    subdivisions, by_region = _regions(regions, units.sum(axis=0), first)
    return MarketSeries(
        market=market,
        first_day=first,
        product_keys=tuple(str(key) for key in keys),
        product_ids=tuple(str(one) for one in named["product_id"]),
        units=units,
        categories=tuple(str(one) for one in categories),
        category_of=category_of.astype(np.int64),
        subdivisions=subdivisions,
        subdivision_units=by_region,
    )


def _regions(regions: pd.DataFrame, total: Matrix, first: np.datetime64) -> tuple[tuple[str, ...], Matrix]:
    """Units by subdivision and day that add up to `total`; what no subdivision is known of goes to `UNKNOWN`."""
    days = (regions["day"].to_numpy().astype("datetime64[D]") - first).astype(int)
    is_inside = (days >= 0) & (days < len(total)) & (regions["units"].to_numpy(float) > 0)
    is_inside &= regions["code"].notna().to_numpy() & (regions["code"].to_numpy() != "")
    codes, names = pd.factorize(regions["code"].to_numpy()[is_inside], sort=True)
    if not len(names):
        return (), np.empty((0, len(total)))
    units = np.zeros((len(names), len(total)))
    np.add.at(units, (codes, days[is_inside]), regions["units"].to_numpy(float)[is_inside])
    missing = total - units.sum(axis=0)
    # More in the regions than sold is a difference of rounding: the market's figure holds.
    units *= np.where(missing < 0, total / np.maximum(units.sum(axis=0), 1e-12), 1.0)
    if (missing > 1e-6).any():
        return (*(str(one) for one in names), UNKNOWN), np.vstack([units, np.maximum(missing, 0.0)])
    return tuple(str(one) for one in names), units


def by_category(series: MarketSeries, of_products: Matrix) -> Matrix:
    """Sums of the products of each category."""
    # A product of matrices takes a hundredth of the time of numpy's `add.at`.
    belongs = series.category_of == np.arange(len(series.categories))[:, None]
    return np.asarray(belongs.astype(np.float64) @ of_products)
