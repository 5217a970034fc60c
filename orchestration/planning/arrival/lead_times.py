"""Lead times of lanes as quantiles: how long goods take from an origin to a market by a mode.

Belongs here: pooling of lanes with few shipments. Does not: the outlook of a single shipment.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from orchestration.planning.arrival.snapshots import Reals, in_days

QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)
# Parts of the way: from and to which moment of a shipment.
PARTS = {
    "handling": ("ordered_at", "shipped_at"),
    "export_clearance": ("declared_at", "released_at"),
    "transit": ("shipped_at", "delivered_at"),
    "import_clearance": ("arrived_at", "cleared_at"),
    "total": ("ordered_at", "delivered_at"),
}
_LEVELS: tuple[tuple[str, list[str]], ...] = (
    ("lane_mode", ["origin_country", "market", "transport_mode"]),
    ("market_mode", ["market", "transport_mode"]),
    ("mode", ["transport_mode"]),
    ("all", []),
)
_LEAST = 30
_LEAST_TO_TELL = 5  # shipments of a lane without a part of the way, from which it has none
_DAYS = 365
COLUMNS = ("origin_country", "market", "transport_mode", "part", "made_on", "pooled_level", "n", "pooled_n",
           "mean_days", "deviation_days", *(f"p{round(share * 1000):03d}_days" for share in QUANTILES))  # fmt: skip


def lead_times(shipments: pd.DataFrame, made_on: int) -> pd.DataFrame:
    """One row per origin, market, mode and part of the way (`COLUMNS`), from the shipments of the last year.

    A lane with fewer than thirty shipments takes the quantiles of the next wider group that has as many: the market and
    mode, the mode, all; `pooled_level` says which, `n` how many the lane itself has. Shipments still under way are left
    out, so only those shipped at least six weeks ago count where there are enough.
    """
    keys = ["origin_country", "market", "transport_mode"]
    table = shipments.assign(**{key: shipments[key].astype("string").fillna("?") for key in keys})
    shipped = in_days(table["shipped_at"])
    settled = table[(shipped >= made_on - _DAYS - 42) & (shipped < made_on - 42)]
    table = settled if len(settled) >= _LEAST else table
    lanes = table[keys].drop_duplicates().sort_values(keys)
    rows = list(_rows(table, lanes, made_on))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _rows(table: pd.DataFrame, lanes: pd.DataFrame, made_on: int) -> Iterator[tuple[object, ...]]:
    day = np.datetime64(made_on, "D")
    for part, (start, end) in PARTS.items():
        took = in_days(table[end]) - in_days(table[start])
        is_known = np.isfinite(took) & (took >= 0)
        groups = [_by_group(table[is_known], took[is_known], names) for _, names in _LEVELS]
        sent = _by_group(table, took, _LEVELS[0][1])
        for lane in lanes.itertuples(index=False, name=None):
            own = groups[0].get(lane, np.zeros(0))
            # A part of the way that a lane never shows, such as customs within a country, is no part of it.
            if not len(own) and len(sent.get(lane, ())) >= _LEAST_TO_TELL:
                continue
            for (level, _), found, key in zip(_LEVELS, groups, (lane, lane[1:], lane[2:], ()), strict=True):
                values = found.get(key, np.zeros(0))
                if len(values) >= (_LEAST if key else 1):
                    quantiles = (round(float(value), 4) for value in np.quantile(values, QUANTILES))
                    mean, deviation = round(float(values.mean()), 4), round(float(values.std()), 4)
                    yield (*lane, part, day, level, len(own), len(values), mean, deviation, *quantiles)
                    break


def _by_group(table: pd.DataFrame, days: Reals, names: list[str]) -> dict[tuple[str, ...], Reals]:
    """The days of each group, by its key; everything under the empty key where there are no names."""
    if not names:
        return {(): days}
    codes = table.groupby(names, sort=False).ngroup().to_numpy()
    order = np.argsort(codes, kind="stable")
    _, starts = np.unique(codes[order], return_index=True)
    keys = table[names].to_numpy()[order[starts]] if len(order) else ()
    return (
        {tuple(key): part for key, part in zip(keys, np.split(days[order], starts[1:]), strict=True)}
        if len(order)
        else {}
    )
