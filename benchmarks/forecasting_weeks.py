"""Weekly series of each market, made from the daily demand mart.

Belongs here: what a week is, which weeks are complete, zeros, best sellers. Does not: models, errors, bands.
"""

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

DAYS_PER_WEEK = 7
WEEK = np.timedelta64(DAYS_PER_WEEK, "D")
MARKET_NODE = "market"
PRODUCT_NODE = "product"
DAILY_COLUMNS = ("market", "product_key", "sold_on", "units")
# 1970-01-01 is a Thursday: three days after a Monday.
_EPOCH_WEEKDAY = 3

Weeks = npt.NDArray[np.datetime64]
Units = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class MarketWeeks:
    """The complete weeks of one market: `units[p, w]` is what product p sold in the week that begins on `weeks[w]`.

    Weeks run without a gap from the market's first sale to its last complete week; `product_keys` is sorted.
    """

    market: str
    weeks: Weeks
    product_keys: tuple[str, ...]
    units: Units

    @property
    def made_on(self) -> date:
        """The Monday after the last complete week. Raises ValueError for a market without a complete week."""
        if not len(self.weeks):
            raise ValueError(f"market {self.market}: no complete week, so there is no day to forecast from")
        return to_date(self.weeks[-1] + WEEK)

    def known_at(self, week_count: int) -> "MarketWeeks":
        """The same market as it was known after its first `week_count` weeks: a back-test sees nothing else."""
        return replace(self, weeks=self.weeks[:week_count], units=self.units[:, :week_count])

    def total(self) -> pd.DataFrame:
        """Long frame (unique_id, ds, y) of the whole market; its id is the empty string. Empty without a sale."""
        return self._long(self.units.sum(axis=0, keepdims=True), ("",))

    def best_sellers(self, limit: int) -> pd.DataFrame:
        """Long frame (unique_id, ds, y) of the `limit` products with most units, each from its first sale on.

        Equal products rank by key, so that the same sales always choose the same products.
        """
        totals = self.units.sum(axis=1)
        ranked = np.argsort(-totals, kind="stable")[:limit]
        chosen = np.sort(ranked[totals[ranked] > 0])
        return self._long(self.units[chosen], tuple(self.product_keys[row] for row in chosen))

    def _long(self, units: Units, ids: tuple[str, ...]) -> pd.DataFrame:
        since_first_sale = np.maximum.accumulate(units > 0, axis=1)
        rows, weeks = np.nonzero(since_first_sale)
        names = np.asarray(ids, dtype=object)
        return pd.DataFrame({"unique_id": names[rows], "ds": self.weeks[weeks], "y": units[rows, weeks]})


@dataclass(frozen=True, eq=False)
class WeeklyDemand:
    """All markets of one run, sorted, and the number of daily rows that could not be used."""

    markets: tuple[MarketWeeks, ...]
    rows_left_out: int


def weekly_demand(daily: pd.DataFrame, *, closed_on: date | None = None) -> WeeklyDemand:
    """Weekly series of each market in `daily`, one row per (market, product, day) with sales.

    A week begins on Monday and is complete when its Sunday is not after the market's last day in `daily`; so no other
    market's data can change a market's series. `closed_on` names a last day for all markets instead: a market that
    has stopped selling then ends in zeros. A week's negative sum counts as zero: a return is no negative demand.
    Rows without market, day or finite units are left out and counted. Raises ValueError when a column is missing.
    """
    missing = [column for column in DAILY_COLUMNS if column not in daily.columns]
    if missing:
        raise ValueError(f"daily demand: missing column(s) {', '.join(missing)}; it has {', '.join(daily.columns)}")
    days = pd.to_datetime(daily["sold_on"]).to_numpy().astype("datetime64[D]")
    units = pd.to_numeric(daily["units"]).to_numpy(dtype=np.float64, na_value=np.nan)
    is_usable = ~np.isnat(days) & np.isfinite(units) & daily["market"].notna().to_numpy()
    is_usable &= daily["product_key"].notna().to_numpy()
    usable = pd.DataFrame(
        {
            "market": daily["market"].to_numpy()[is_usable],
            "product_key": daily["product_key"].to_numpy()[is_usable],
            "day": days[is_usable],
            "week": monday_of(days[is_usable]),
            "units": units[is_usable],
        }
    )
    weekly = usable.groupby(["market", "product_key", "week"], sort=True)["units"].sum().reset_index()
    last_days = usable.groupby("market", sort=True)["day"].max()
    markets = []
    for market, rows in weekly.groupby("market", sort=True):
        last_day = np.datetime64(closed_on or last_days.loc[market], "D")
        markets.append(_market_weeks(str(market), rows, last_day))
    return WeeklyDemand(markets=tuple(markets), rows_left_out=int(len(daily) - is_usable.sum()))


def product_names(daily: pd.DataFrame) -> dict[str, str]:
    """The latest name of each product key of a daily frame with `product_name`; a product without one is left out."""
    named = daily.loc[daily["product_name"].notna(), ["product_key", "product_name", "sold_on"]]
    latest = named.sort_values(["sold_on", "product_name"], kind="stable").drop_duplicates("product_key", keep="last")
    return dict(zip(latest["product_key"].astype(str), latest["product_name"].astype(str), strict=True))


def monday_of(days: Weeks) -> Weeks:
    """The Monday of the ISO week of each day."""
    since_epoch = days.astype("datetime64[D]").astype(np.int64)
    return (since_epoch - (since_epoch + _EPOCH_WEEKDAY) % DAYS_PER_WEEK).astype("datetime64[D]")


def to_date(day: np.datetime64) -> date:
    """The day as a plain date, the form in which tables hold it."""
    return day.astype("datetime64[D]").astype(date)  # type: ignore[no-any-return]


def _market_weeks(market: str, rows: pd.DataFrame, last_day: np.datetime64) -> MarketWeeks:
    # The day after the last one lies in the first week that is not complete.
    first_open_week = monday_of(np.array([last_day + np.timedelta64(1, "D")]))[0]
    weeks = rows["week"].to_numpy().astype("datetime64[D]")
    is_sale = (weeks < first_open_week) & (rows["units"].to_numpy() > 0)
    product_codes, product_keys = pd.factorize(rows["product_key"].to_numpy()[is_sale], sort=True)
    if not is_sale.any():
        return MarketWeeks(market, np.empty(0, "datetime64[D]"), (), np.empty((0, 0)))
    sale_weeks = weeks[is_sale]
    all_weeks = np.arange(sale_weeks.min(), first_open_week, WEEK)
    units = np.zeros((len(product_keys), len(all_weeks)))
    units[product_codes, (sale_weeks - all_weeks[0]) // WEEK] = rows["units"].to_numpy()[is_sale]
    return MarketWeeks(market, all_weeks, tuple(str(key) for key in product_keys), units)
