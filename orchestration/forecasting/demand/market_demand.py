"""All that is known of one market's demand, as arrays: sales by product and day, promotions, stock-outs, regions.

Belongs here: the type, how it is made from long frames, and how it looked on an earlier day. Does not: where the frames
come from (see ledger.py), any model.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from orchestration.forecasting.demand.calendar import CalendarEvent, Days, Reals

Ints = NDArray[np.int64]
SALES_COLUMNS = ("product_id", "sold_on", "lines", "units")
PROMOTION_COLUMNS = ("product_id", "starts_on", "ends_on", "discount_pct", "known_on")
STOCK_OUT_COLUMNS = ("product_id", "from_on", "to_on", "known_on")
PRODUCT_COLUMNS = ("product_id", "category_code", "listed_on")
REGION_COLUMNS = ("subdivision_code", "sold_on", "orders")
UNKNOWN = "unknown"
# Discounts above this are mistakes.
_MOST_DISCOUNT_PCT = 95.0


@dataclass(frozen=True, eq=False)
class Sales:
    """One row per product and day with a sale, sorted by day, then product."""

    product: Ints
    day: Ints
    lines: Reals  # orders that hold the product
    units: Reals
    price: Reals  # mean price of a unit, NaN unknown


@dataclass(frozen=True, eq=False)
class Spans:
    """Spans of days of products, both ends included; they may reach beyond the history."""

    product: Ints
    first: Ints
    last: Ints
    value: Reals  # of promotions the discount as a share
    known: Ints  # first day on which the span was known

    def rows(self, chosen: NDArray[np.bool_]) -> "Spans":
        """Some of the spans."""
        return Spans(*(values[chosen] for values in (self.product, self.first, self.last, self.value, self.known)))


@dataclass(frozen=True, eq=False)
class MarketDemand:
    """Demand of one market from its first to its last day; days count from `first_day`, products from 0.

    `left_out` counts rows that could not be used, by reason.
    """

    market: str
    first_day: np.datetime64
    day_count: int
    products: tuple[str, ...]
    categories: tuple[str, ...]
    category: Ints  # of each product, index into categories
    listed: Ints  # first day on which it could be bought, as far as known; -1 unknown
    sales: Sales
    orders: Reals  # by day
    regions: tuple[str, ...]
    region_orders: Reals  # region x day
    promotions: Spans
    stock_outs: Spans
    events: tuple[CalendarEvent, ...]
    left_out: tuple[tuple[str, int], ...] = ()

    @property
    def days(self) -> Days:
        """The days of the history."""
        days: Days = self.first_day + np.arange(self.day_count)
        return days

    @property
    def made_on(self) -> date:
        """The day after the last one that is known."""
        made: date = (self.first_day + self.day_count).astype(date)
        return made

    def known_at(self, made_on: date) -> "MarketDemand":
        """What was known on the morning of a day; later rows are gone, later products too."""
        count = int((np.datetime64(made_on, "D") - self.first_day).astype(np.int64))
        if count >= self.day_count:
            return self
        count = max(count, 0)
        sales = self.sales
        kept = sales.day < count
        keep = np.zeros(len(self.products), dtype=bool)
        keep[sales.product[kept]] = True
        number = np.cumsum(keep) - 1
        chosen = np.flatnonzero(keep)

        def spans(of: Spans) -> Spans:
            cut = of.rows((of.known < count) & keep[of.product])
            return replace(cut, product=number[cut.product])

        return replace(
            self,
            day_count=count,
            products=tuple(self.products[row] for row in chosen),
            category=self.category[chosen],
            listed=self.listed[chosen],
            sales=Sales(
                number[sales.product[kept]], sales.day[kept], sales.lines[kept], sales.units[kept], sales.price[kept]
            ),
            orders=self.orders[:count],
            region_orders=self.region_orders[:, :count],
            promotions=spans(self.promotions),
            stock_outs=spans(self.stock_outs),
        )


def market_demand_of(
    market: str,
    sales: pd.DataFrame,
    *,
    products: pd.DataFrame | None = None,
    regions: pd.DataFrame | None = None,
    promotions: pd.DataFrame | None = None,
    stock_outs: pd.DataFrame | None = None,
    events: Sequence[CalendarEvent] = (),
) -> MarketDemand:
    """The demand of one market from long frames (columns as above; `unit_price` of sales may be missing).

    Rows of sales without product, day or finite units, and those that took more back than they sold, are left out and
    counted; a negative quantity is a return, not a negative demand. Raises ValueError when a column is missing.
    """
    _need(sales, SALES_COLUMNS, "sales")
    day = pd.to_datetime(sales["sold_on"]).to_numpy().astype("datetime64[D]")
    units = pd.to_numeric(sales["units"], errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    lines = pd.to_numeric(sales["lines"], errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    has_key = ~np.isnat(day) & sales["product_id"].notna().to_numpy() & np.isfinite(units)
    usable = has_key & (units > 0)
    left_out = (("no product, day or units", int((~has_key).sum())), ("no units sold", int((has_key & ~usable).sum())))
    rows = np.flatnonzero(usable)
    region_frame = regions if regions is not None else pd.DataFrame(columns=list(REGION_COLUMNS))
    _need(region_frame, REGION_COLUMNS, "regions")
    region_day = pd.to_datetime(region_frame["sold_on"]).to_numpy().astype("datetime64[D]")
    if not len(rows):
        first, count = np.datetime64("1970-01-01", "D"), 0
    else:
        first = day[rows].min()
        count = int((day[rows].max() - first).astype(np.int64)) + 1
    code, names = pd.factorize(sales["product_id"].astype(str).to_numpy()[rows], sort=True)
    number = (day[rows] - first).astype(np.int64)
    turn = np.lexsort((code, number))
    price = _numbers(sales, "unit_price")[rows]
    made = Sales(
        code[turn].astype(np.int64), number[turn], np.maximum(np.nan_to_num(lines[rows], nan=1.0), 1.0)[turn],
        units[rows][turn], price[turn],
    )  # fmt: skip
    place = {name: row for row, name in enumerate(names)}
    category, categories, listed = _products(products, list(names), first)
    region_row, region_names = pd.factorize(region_frame["subdivision_code"].fillna(UNKNOWN).astype(str), sort=True)
    region_number = (region_day - first).astype(np.int64)
    inside = (region_number >= 0) & (region_number < count)
    table = np.zeros((len(region_names), count))
    np.add.at(table, (region_row[inside], region_number[inside]), _numbers(region_frame, "orders")[inside])
    orders = table.sum(axis=0) if len(region_names) else np.bincount(made.day, made.lines, minlength=count)
    return MarketDemand(
        market=market,
        first_day=first,
        day_count=count,
        products=tuple(names),
        categories=categories,
        category=category,
        listed=listed,
        sales=made,
        orders=orders.astype(np.float64),
        regions=tuple(region_names),
        region_orders=table,
        promotions=_spans(promotions, PROMOTION_COLUMNS, place, first),
        stock_outs=_spans(stock_outs, STOCK_OUT_COLUMNS, place, first),
        events=tuple(event for event in events if event.market == market),
        left_out=tuple(entry for entry in left_out if entry[1]),
    )


def _need(frame: pd.DataFrame, columns: Sequence[str], name: str) -> None:
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        raise ValueError(f"{name}: missing column(s) {', '.join(missing)}; it has {', '.join(map(str, frame.columns))}")


def _numbers(frame: pd.DataFrame, column: str) -> Reals:
    if column not in frame.columns:
        return np.full(len(frame), np.nan)
    numbers: Reals = pd.to_numeric(frame[column], errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    return numbers


def _products(
    products: pd.DataFrame | None, names: list[str], first: np.datetime64
) -> tuple[Ints, tuple[str, ...], Ints]:
    """Category and first day of each product; what the catalogue does not know has the category `unknown`."""
    if products is None:
        return np.zeros(len(names), np.int64), (UNKNOWN,), np.full(len(names), -1, np.int64)
    _need(products, PRODUCT_COLUMNS, "products")
    known = products.drop_duplicates("product_id").set_index("product_id").reindex(names)
    code, categories = pd.factorize(known["category_code"].fillna(UNKNOWN).astype(str), sort=True)
    day = pd.to_datetime(known["listed_on"]).to_numpy().astype("datetime64[D]")
    listed = np.where(np.isnat(day), -1, np.maximum((day - first).astype(np.int64), 0))
    return code.astype(np.int64), tuple(categories), listed.astype(np.int64)


def _spans(frame: pd.DataFrame | None, columns: Sequence[str], place: dict[str, int], first: np.datetime64) -> Spans:
    """Spans of products that have been sold; ends before their start and impossible discounts are dropped."""
    if frame is None or frame.empty:
        return Spans(*(np.zeros(0, np.int64) for _ in range(3)), np.zeros(0), np.zeros(0, np.int64))
    _need(frame, columns, "spans")
    product = frame["product_id"].map(place).to_numpy(dtype=np.float64, na_value=np.nan)
    ends = [pd.to_datetime(frame[name]).to_numpy().astype("datetime64[D]") for name in (columns[1], columns[2])]
    known = pd.to_datetime(frame["known_on"]).to_numpy().astype("datetime64[D]")
    value = _numbers(frame, "discount_pct") if "discount_pct" in columns else np.full(len(frame), 100.0)
    usable = np.isfinite(product) & ~np.isnat(ends[0]) & ~np.isnat(ends[1]) & (ends[0] <= ends[1]) & ~np.isnat(known)
    if "discount_pct" in columns:
        usable &= (value > 0) & (value <= _MOST_DISCOUNT_PCT)
    rows = np.flatnonzero(usable)
    numbers = [(days[rows] - first).astype(np.int64) for days in (*ends, known)]
    return Spans(product[rows].astype(np.int64), numbers[0], numbers[1], value[rows] / 100, numbers[2])
