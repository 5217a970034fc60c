"""Lead times of lanes as quantiles: how long goods take from an origin to a market by a mode.

Belongs here: pooling of lanes with few shipments. Does not: the outlook of a single shipment.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from orchestration.planning.arrival.snapshots import in_days

QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)
# Parts of the way: from and to which moment of a shipment.
PARTS = {
    "handling": ("ordered_at", "shipped_at"),
    "export_clearance": ("declared_at", "released_at"),
    "transit": ("shipped_at", "delivered_at"),
    "import_clearance": ("arrived_at", "cleared_at"),
    "total": ("ordered_at", "delivered_at"),
}
_LEVELS = (
    ("lane_mode", ["origin_country", "market", "transport_mode"]),
    ("market_mode", ["market", "transport_mode"]),
    ("mode", ["transport_mode"]),
    ("all", []),
)
_LEAST = 30
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
        if start not in table.columns or end not in table.columns:
            continue
        took = in_days(table[end]) - in_days(table[start])
        is_known = np.isfinite(took) & (took >= 0)
        known, days = table[is_known], took[is_known]
        groups = [
            {key: days[rows] for key, rows in known.groupby(names, sort=False).indices.items()} if names else {}
            for _, names in _LEVELS
        ]
        for origin, market, mode in lanes.itertuples(index=False):
            keys = ((origin, market, mode), (market, mode), (mode,), None)
            own = groups[0].get(keys[0], np.zeros(0))
            for (level, _), found, key in zip(_LEVELS, groups, keys, strict=True):
                values = days if key is None else found.get(key, found.get(key[0], np.zeros(0)) if len(key) == 1 else np.zeros(0))
                if len(values) >= _LEAST or key is None:
                    break
            # A part of the way that this lane never shows, such as customs within a country, is no part of it.
            if not len(values) or (not len(own) and level != "lane_mode" and _is_absent(table, is_known, origin, market, mode)):
                continue
            quantiles = np.quantile(values, QUANTILES)
            yield (origin, market, mode, part, day, level, len(own), len(values),
                   round(float(values.mean()), 4), round(float(values.std()), 4),
                   *(round(float(value), 4) for value in quantiles))  # fmt: skip


def _is_absent(table: pd.DataFrame, is_known: np.ndarray, origin: str, market: str, mode: str) -> bool:
    own = (table["origin_country"] == origin) & (table["market"] == market) & (table["transport_mode"] == mode)
    return int(own.sum()) >= 5 and not bool(is_known[own.to_numpy()].any())
