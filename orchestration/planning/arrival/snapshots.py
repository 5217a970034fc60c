"""Shipments as they stood on a day: what was known of each open one, as rows of features.

Belongs here: which shipments were open when, and the features of that day. Does not: models (`durations.py`,
`lateness.py`). A model of open shipments learns from past days on which shipments were open, so that a parcel that is
already slow is compared with parcels that were as slow at that age.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from orchestration.planning.arrival.history import group_codes, past_of

Reals = npt.NDArray[np.float64]
Days = npt.NDArray[np.int64]
EPOCH = pd.Timestamp("1970-01-01")
# Steps of a parcel in their usual order (domain.md a4); the number is a feature, so that trees can cut between them.
STEPS = ("created", "handed_over", "export_cleared", "departed", "arrived", "customs_held", "import_cleared",
         "attempt_failed", "out_for_delivery")  # fmt: skip
FEATURES = {
    "usual_days": "the lane's usual time",
    "usual_left": "the time that the lane usually still takes at this age",
    "lane_late": "the lane's share of late arrivals in the last year",
    "lane_late_lately": "the lane's share of late arrivals lately",
    "carrier_days": "the carrier's time in the last eight weeks",
    "age": "days under way",
    "promised_left": "days left until the promised day",
    "slack": "days promised less the lane's usual time",
    "step": "the last step told",
    "step_age": "days since the last step",
    "held": "held by customs",
    "weight": "weight",
    "mode": "the supervision mode",
    "transport": "the mode of transport",
    "month": "the time of the year",
    "weekday": "the day of the week",
    "closed_there": "closed days at the destination",
    "closed_here": "closed days at the origin",
    "load": "how much the site has sent lately",
}
_SHIPMENT_COLUMNS = ("shipment_key", "market", "origin_country", "site_code", "carrier_code", "transport_mode",
                     "supervision_mode", "weight_kg", "shipped_at", "promised_on", "delivered_at", "cleared_at",
                     "ended_at")  # fmt: skip
_CLOSED_AHEAD = 10


@dataclass(frozen=True)
class Snapshot:
    """Open shipments on one or more days: one row each, with the row of the shipment in the frame it came from."""

    row: npt.NDArray[np.int64]
    on: Days
    lane: npt.NDArray[np.int64]
    features: Reals


@dataclass(frozen=True)
class Traffic:
    """All shipments as arrays by row; days are fractions since 1970, NaN for what has not happened."""

    keys: pd.DataFrame
    lane: npt.NDArray[np.int64]
    shipped: Reals
    delivered: Reals
    cleared: Reals
    ended: Reals
    promised: Reals
    step_row: npt.NDArray[np.int64]  # of the shipment, by step, sorted by time
    step_code: npt.NDArray[np.int64]
    step_at: Reals
    closed: Mapping[str, Reals]  # by country: closed days of the next ten, from `closed_from` on
    closed_from: int


def traffic_of(shipments: pd.DataFrame, steps: pd.DataFrame, closed_days: Mapping[str, Sequence[date]]) -> Traffic:
    """Shipments and their tracking steps as arrays; `closed_days` has the public holidays of each country.

    Raises ValueError that names a missing column. A shipment without a shipping time is left out.
    """
    missing = [column for column in _SHIPMENT_COLUMNS if column not in shipments.columns]
    if missing:
        raise ValueError(f"shipments: missing column(s) {', '.join(missing)}")
    keys = shipments[shipments["shipped_at"].notna()].sort_values(["shipped_at", "shipment_key"], kind="stable")
    keys = keys.reset_index(drop=True)
    text = {name: keys[name].astype("string").fillna("?") for name in _SHIPMENT_COLUMNS if keys[name].dtype == object
            or pd.api.types.is_string_dtype(keys[name])}  # fmt: skip
    keys = keys.assign(**{name: column for name, column in text.items() if not name.endswith(("_at", "_on"))})
    lane = group_codes(keys, ["origin_country", "market", "transport_mode"])
    place = pd.Series(np.arange(len(keys)), index=keys["shipment_key"])
    known = steps[steps["shipment_key"].isin(place.index) & steps["step_code"].isin(STEPS) & steps["step_at"].notna()]
    step_at = in_days(known["step_at"])
    order = np.argsort(step_at, kind="stable")
    shipped = in_days(keys["shipped_at"])
    first = int(np.floor(shipped.min())) if len(shipped) else 0
    last = int(np.ceil(shipped.max())) + 60 if len(shipped) else 0
    countries = sorted({*keys["market"], *keys["origin_country"]})
    return Traffic(
        keys, lane, shipped, in_days(keys["delivered_at"]), in_days(keys["cleared_at"]),
        in_days(keys["ended_at"]), in_days(keys["promised_on"]),
        np.asarray(place[known["shipment_key"]], dtype=np.int64)[order],
        pd.Index(STEPS).get_indexer(pd.Index(known["step_code"])).astype(np.int64)[order],
        step_at[order], {land: _closed(closed_days.get(land, ()), first, last) for land in countries}, first,
    )  # fmt: skip


def in_days(moments: pd.Series) -> Reals:
    """Moments as fractions of days since 1970; NaN where there is none."""
    values = pd.to_datetime(moments).to_numpy().astype("datetime64[s]")
    days = values.astype(np.int64) / 86_400
    return np.where(np.isnat(values), np.nan, days)


def _closed(holidays: Sequence[date], first: int, last: int) -> Reals:
    days = np.arange(first, last + _CLOSED_AHEAD + 1)
    is_closed = (days + 3) % 7 == 6
    numbers = np.array([(day - date(1970, 1, 1)).days for day in holidays], dtype=np.int64)
    is_closed |= np.isin(days, numbers)
    ahead = np.convolve(is_closed, np.ones(_CLOSED_AHEAD), mode="full")[_CLOSED_AHEAD - 1 :]
    return np.asarray(ahead, dtype=float)


def snapshot(traffic: Traffic, days: Sequence[int], *, most_age: float = 120.0) -> Snapshot:
    """The shipments that were under way at the start of each of these days, with what was known of them then.

    Those older than `most_age` are left out: they are lost and only nobody has said so.
    """
    rows, ons = [], []
    for day in days:
        done = np.fmin(traffic.delivered, traffic.ended)
        is_open = (traffic.shipped < day) & ~(done < day) & (day - traffic.shipped <= most_age)
        found = np.flatnonzero(is_open)
        rows.append(found)
        ons.append(np.full(len(found), day, dtype=np.int64))
    row = np.concatenate(rows) if rows else np.zeros(0, dtype=np.int64)
    on = np.concatenate(ons) if ons else np.zeros(0, dtype=np.int64)
    return Snapshot(row, on, traffic.lane[row], _features(traffic, row, on))


def _features(traffic: Traffic, row: npt.NDArray[np.int64], on: Days) -> Reals:
    keys, lane = traffic.keys, traffic.lane
    took = traffic.delivered - traffic.shipped
    reported = np.where(np.isfinite(traffic.delivered), np.ceil(traffic.delivered), 0).astype(np.int64)
    # Without a promised day nothing is late or punctual.
    late = np.where(np.isfinite(traffic.promised), (np.floor(traffic.delivered) > traffic.promised) * 1.0, np.nan)
    late = np.where(np.isfinite(traffic.delivered), late, np.nan)
    carrier = group_codes(keys, ["carrier_code", "market"])
    site = group_codes(keys, ["site_code"])
    overall = float(np.nanmedian(took)) if np.isfinite(took).any() else 7.0

    def past(group: npt.NDArray[np.int64], value: Reals, prior: float, window: int | None) -> Reals:
        return past_of(
            group, reported, value, asked_group=group[row], asked_on=on, prior=prior, window_days=window
        ).mean  # fmt: skip

    usual = past(lane, took, overall, 365)
    age, left = on - traffic.shipped[row], traffic.promised[row] + 1 - on
    step, step_at = _last_step(traffic, row, on)
    sent_on = np.floor(traffic.shipped).astype(np.int64) + 1
    last_week, last_quarter = (
        past_of(
            site,
            sent_on,
            np.ones(len(site)),
            asked_group=site[row],
            asked_on=on,
            prior=0.0,
            strength=1e-9,
            window_days=window,
        ).n
        for window in (7, 91)
    )
    columns = {
        "usual_days": usual,
        "usual_left": usual - age,
        "lane_late": past(lane, late, 0.1, 365),
        "lane_late_lately": past(lane, late, 0.1, 42),
        "carrier_days": past(carrier, took, overall, 56),
        "age": age,
        "promised_left": left,
        "slack": traffic.promised[row] - traffic.shipped[row] - usual,
        "step": np.where(step < 0, np.nan, step),
        "step_age": on - step_at,
        "held": (step == STEPS.index("customs_held")) * 1.0,
        "weight": np.log1p(keys["weight_kg"].to_numpy(dtype=float, na_value=np.nan)[row]),
        "mode": _code(keys["supervision_mode"], row),
        "transport": _code(keys["transport_mode"], row),
        "month": np.cos(2 * np.pi * (on - 15) / 365.25),
        "weekday": ((on + 3) % 7).astype(float),
        "closed_there": _closed_days(traffic, keys["market"], row, on),
        "closed_here": _closed_days(traffic, keys["origin_country"], row, on),
        "load": np.log1p(last_week * 13) - np.log1p(last_quarter),
    }
    assert tuple(columns) == tuple(FEATURES)
    return np.column_stack(list(columns.values())) if len(row) else np.zeros((0, len(FEATURES)))


def _last_step(traffic: Traffic, row: npt.NDArray[np.int64], on: Days) -> tuple[npt.NDArray[np.int64], Reals]:
    """The last step told before each day, and when; -1 and the shipping time where none was."""
    step = np.full(len(row), -1, dtype=np.int64)
    at = traffic.shipped[row].copy()
    for day in np.unique(on):
        asked = np.flatnonzero(on == day)
        end = int(np.searchsorted(traffic.step_at, day, side="left"))
        begin = int(np.searchsorted(traffic.step_at, day - 150, side="left"))
        latest = np.full(len(traffic.shipped), -1, dtype=np.int64)
        latest[traffic.step_row[begin:end]] = np.arange(begin, end)
        found = latest[row[asked]]
        is_told = found >= 0
        step[asked[is_told]] = traffic.step_code[found[is_told]]
        at[asked[is_told]] = traffic.step_at[found[is_told]]
    return step, at


def _code(column: pd.Series, row: npt.NDArray[np.int64]) -> Reals:
    return column.astype("category").cat.codes.to_numpy()[row].astype(float)


def _closed_days(traffic: Traffic, country: pd.Series, row: npt.NDArray[np.int64], on: Days) -> Reals:
    codes, names = pd.factorize(country.to_numpy()[row])
    table = np.stack([traffic.closed[str(name)] for name in names]) if len(names) else np.zeros((0, 1))
    column = np.clip(on - traffic.closed_from, 0, table.shape[1] - 1)
    return table[codes, column] if len(row) else np.zeros(0)
