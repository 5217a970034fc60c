"""Lead times: what real orders and shipments took, as the table `lead_time`, and as the stock plan reads it.

Belongs here: rows of the table (lanes of shipments, replenishment of warehouses), pooling where observations are few,
and the distribution that a plan takes from the rows. Does not: reading the ledger, what is done with a lead time.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Reals = NDArray[np.float64]

# Middles of equally likely parts: a mean over them is a mean over the distribution.
PARTS = 11
SHARES: Reals = (np.arange(PARTS) + 0.5) / PARTS
QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)
QUANTILE_COLUMNS = tuple(f"p{round(share * 1000):03d}_days" for share in QUANTILES)
# Parts of a shipment's way: from and to which of its moments.
WAYS = {
    "handling": ("ordered_at", "shipped_at"),
    "export_clearance": ("declared_at", "released_at"),
    "transit": ("shipped_at", "delivered_at"),
    "import_clearance": ("arrived_at", "cleared_at"),
    "total": ("ordered_at", "delivered_at"),
}
# From purchase order to receipt: what a warehouse waits for its goods.
REPLENISHMENT = "replenishment"
SEA = "sea"
COLUMNS = ("origin_country", "market", "transport_mode", "supplier_id", "site_code", "part", "made_on", "pooled_level",
           "n", "pooled_n", "mean_days", "deviation_days", *QUANTILE_COLUMNS)  # fmt: skip
_LANE_LEVELS: tuple[tuple[str, list[str]], ...] = (
    ("lane_mode", ["origin_country", "market", "transport_mode"]),
    ("market_mode", ["market", "transport_mode"]),
    ("mode", ["transport_mode"]),
    ("all", []),
)
_RECEIPT_LEVELS: tuple[list[str], ...] = (["supplier", "site"], ["site"], [])
# So many observations of the wider group does a narrow group of receipts start with.
PRIOR_WEIGHT = 8.0
# From so many shipments on a lane speaks for itself: its 99 % quantile is read as well.
_LEAST = 30
_LEAST_TO_TELL = 5  # shipments of a lane without a part of the way, from which it has none
_DAYS = 365


@dataclass(frozen=True)
class LeadTime:
    """Equally likely lead times in days, ascending, and the words that say where they come from."""

    days: Reals
    basis: str
    count: int

    def quantile(self, share: float) -> float:
        """Days that this share of the orders keeps."""
        return float(np.interp(share, SHARES, self.days))

    def after(self, days: float, basis: str) -> "LeadTime":
        """The same after so many days of something else."""
        return LeadTime(self.days + days, basis, self.count)


def fixed(days: float, basis: str) -> LeadTime:
    """A lead time of which nothing is known but its usual length."""
    return LeadTime(np.full(PARTS, days), basis, 0)


@dataclass(frozen=True)
class Pooled:
    """Days of a group with their weights, those of wider groups mixed in; of how many observations, and in words."""

    days: Reals
    weight: Reals
    basis: str
    count: int

    def at(self, shares: Reals | Sequence[float]) -> Reals:
        """Quantiles of the mixture."""
        order = np.argsort(self.days, kind="stable")
        days, weight = self.days[order], self.weight[order]
        middle = (np.cumsum(weight) - weight / 2) / weight.sum()
        return np.interp(shares, middle, days)

    def lead_time(self) -> LeadTime:
        """The mixture as equally likely lengths."""
        return LeadTime(self.at(SHARES), self.basis, self.count)


def lead_times(observed: pd.DataFrame, levels: Sequence[Sequence[str]]) -> dict[tuple[str, ...], LeadTime]:
    """The lead time of each group of the narrowest level (see `pooled_days`)."""
    return {key: found.lead_time() for key, found in pooled_days(observed, levels).items()}


def pooled_days(observed: pd.DataFrame, levels: Sequence[Sequence[str]]) -> dict[tuple[str, ...], Pooled]:
    """The days of each narrowest group, shrunk to wider ones where they are few.

    observed: a column `days` beside those of the groups; negative and missing days are left out.
    levels: columns from the narrowest group to the widest, such as [["supplier", "site"], ["site"], []]. The
        distribution of a group with n observations is that of its n and of the wider group mixed in the proportion
        n : 8, so that one observation moves it by a ninth. Keys are the values of the narrowest group.
    """
    kept = observed[observed["days"].notna() & (observed["days"] >= 0)]
    if kept.empty:
        return {}
    wider: dict[tuple[str, ...], Pooled] = {}
    for columns in reversed([list(level) for level in levels]):
        wider = _level(kept, columns, wider)
    return wider


def _level(kept: pd.DataFrame, columns: list[str], wider: dict[tuple[str, ...], Pooled]) -> dict[
    tuple[str, ...], Pooled
]:  # fmt: skip
    if not columns:
        days = np.sort(kept["days"].to_numpy(float))
        return {(): Pooled(days, np.ones(len(days)), f"{len(days)} receipts of all", len(days))}
    found: dict[tuple[str, ...], Pooled] = {}
    for values, rows in kept.groupby(columns, sort=True):
        key = tuple(str(value) for value in values)
        own = rows["days"].to_numpy(float)
        # A key of the wider level has the last of these columns.
        parent = next((wider[key[start:]] for start in range(1, len(key) + 1) if key[start:] in wider), None)
        words = f"{len(own)} receipts of {' at '.join(key)}"
        if parent is None:
            found[key] = Pooled(own, np.ones(len(own)), words, len(own))
            continue
        few = (
            f", with those of {parent.basis.split(' of ', 1)[-1].split(',')[0]}" if len(own) < 4 * PRIOR_WEIGHT else ""
        )
        days = np.concatenate([own, parent.at(SHARES)])
        weight = np.concatenate([np.ones(len(own)), np.full(PARTS, PRIOR_WEIGHT / PARTS)])
        found[key] = Pooled(days, weight, words + few, len(own))
    return found


def receipt_rows(receipts: pd.DataFrame, made_on: int) -> pd.DataFrame:
    """Rows of the table for supplier and warehouse, for each warehouse, and for all: purchase order to receipt.

    receipts: supplier, site, days. A row without supplier is of the warehouse; without both of all warehouses.
    """
    rows: list[tuple[object, ...]] = []
    day = np.datetime64(made_on, "D")
    total = int((receipts["days"] >= 0).sum()) if len(receipts) else 0
    for start in range(len(_RECEIPT_LEVELS)):
        for key, found in pooled_days(receipts, _RECEIPT_LEVELS[start:]).items():
            supplier, site = (*("",) * (2 - len(key)), *key)
            mean = float(found.days @ found.weight / found.weight.sum())
            spread = float(np.sqrt(((found.days - mean) ** 2) @ found.weight / found.weight.sum()))
            level = ("supplier_site", "site", "all")[start]
            quantiles = [round(float(one), 4) for one in found.at(QUANTILES)]
            pooled = found.count if found.count >= 4 * PRIOR_WEIGHT or not key else total
            rows.append(("", "", "", supplier, site, REPLENISHMENT, day, level, found.count, pooled, round(mean, 4),
                         round(spread, 4), *quantiles))  # fmt: skip
    return pd.DataFrame(rows, columns=list(COLUMNS))


def lane_rows(shipments: pd.DataFrame, made_on: int) -> pd.DataFrame:
    """One row per origin, market, mode and part of the way (`COLUMNS`), from the shipments of the last year.

    shipments: origin_country, market, transport_mode, and the moments of `WAYS`.
    A lane with fewer than thirty shipments takes the quantiles of the next wider group that has as many: the market and
    mode, the mode, all; `pooled_level` says which, `n` how many the lane itself has. Shipments still under way are left
    out, so only those shipped at least six weeks ago count where there are enough.
    """
    keys = ["origin_country", "market", "transport_mode"]
    table = shipments.assign(**{key: shipments[key].astype("string").fillna("?") for key in keys})
    shipped = _in_days(table["shipped_at"])
    settled = table[(shipped >= made_on - _DAYS - 42) & (shipped < made_on - 42)]
    table = settled if len(settled) >= _LEAST else table
    lanes = table[keys].drop_duplicates().sort_values(keys)
    return pd.DataFrame(list(_lanes(table, lanes, made_on)), columns=list(COLUMNS))


def _lanes(table: pd.DataFrame, lanes: pd.DataFrame, made_on: int) -> Iterator[tuple[object, ...]]:
    day = np.datetime64(made_on, "D")
    for part, (start, end) in WAYS.items():
        took = _in_days(table[end]) - _in_days(table[start])
        is_known = np.isfinite(took) & (took >= 0)
        groups = [_by_group(table[is_known], took[is_known], names) for _, names in _LANE_LEVELS]
        sent = _by_group(table, took, _LANE_LEVELS[0][1])
        for lane in lanes.itertuples(index=False, name=None):
            own = groups[0].get(lane, np.zeros(0))
            # A part of the way that a lane never shows, such as customs within a country, is no part of it.
            if not len(own) and len(sent.get(lane, ())) >= _LEAST_TO_TELL:
                continue
            for (level, _), found, key in zip(_LANE_LEVELS, groups, (lane, lane[1:], lane[2:], ()), strict=True):
                values = found.get(key, np.zeros(0))
                if len(values) >= (_LEAST if key else 1):
                    quantiles = (round(float(value), 4) for value in np.quantile(values, QUANTILES))
                    mean, deviation = round(float(values.mean()), 4), round(float(values.std()), 4)
                    yield (*lane, "", "", part, day, level, len(own), len(values), mean, deviation, *quantiles)
                    break


def _by_group(table: pd.DataFrame, days: Reals, names: list[str]) -> dict[tuple[str, ...], Reals]:
    """The days of each group, by its key; everything under the empty key where there are no names."""
    if not names:
        return {(): days}
    if table.empty:
        return {}
    codes = table.groupby(names, sort=False).ngroup().to_numpy()
    order = np.argsort(codes, kind="stable")
    _, starts = np.unique(codes[order], return_index=True)
    keys = table[names].to_numpy()[order[starts]]
    return {tuple(key): part for key, part in zip(keys, np.split(days[order], starts[1:]), strict=True)}


def _in_days(moments: pd.Series) -> Reals:
    """Moments as fractions of days since 1970; NaN where there is none."""
    values = pd.to_datetime(moments).to_numpy().astype("datetime64[s]")
    return np.where(np.isnat(values), np.nan, values.astype(np.int64) / 86_400)


@dataclass(frozen=True)
class LeadTimes:
    """The lead times of the table, as plans look them up."""

    replenishment: Mapping[tuple[str, str], LeadTime]
    by_sea: Mapping[tuple[str, str], LeadTime]

    @classmethod
    def of(cls, rows: pd.DataFrame) -> "LeadTimes":
        """From the rows of the table `lead_time`; a table of before has no replenishment."""
        table = rows if "supplier_id" in rows.columns else rows.assign(supplier_id="", site_code="")
        receipts: dict[tuple[str, str], LeadTime] = {}
        lanes: dict[tuple[str, str], LeadTime] = {}
        for row in table.to_dict("records"):
            quantiles = np.array([float(row[name]) for name in QUANTILE_COLUMNS])
            days = np.interp(SHARES, QUANTILES, quantiles)
            count = int(row["n"])
            if row["part"] == REPLENISHMENT:
                key = (str(row["supplier_id"]), str(row["site_code"]))
                who = " at ".join(one for one in key if one) or "all"
                few = ", and of others" if row["pooled_level"] != "all" and count < 4 * PRIOR_WEIGHT else ""
                receipts[key] = LeadTime(days, f"{count} receipts of {who}{few}", count)
            elif row["part"] == "transit" and row["transport_mode"] == SEA:
                whose = (
                    "" if row["pooled_level"] == "lane_mode" else f", of {row['pooled_level'].replace('_', ' and ')}"
                )
                lane = (str(row["origin_country"]), str(row["market"]))
                lanes[lane] = LeadTime(days, f"{row['pooled_n']} shipments by sea{whose}", int(row["pooled_n"]))
        return cls(receipts, lanes)

    def receipt(self, supplier: str, site: str) -> LeadTime | None:
        """From order to receipt of a supplier at a warehouse, or of the warehouse; None where nothing was received."""
        return self.replenishment.get((supplier, site)) or self.replenishment.get(("", site))

    def sea(self, origin: str, destination: str) -> LeadTime | None:
        """By sea from one country to another, or to it from anywhere; None where nothing was ever shipped so."""
        anywhere = [lead for (_, to), lead in self.by_sea.items() if to == destination]
        return self.by_sea.get((origin, destination)) or max(anywhere, key=lambda lead: lead.count, default=None)
