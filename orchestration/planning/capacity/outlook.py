"""What sites will have to bear on each of the next days, against what they can, with alarms and what would avoid them.

Belongs here: rows of `capacity_outlook`, alarms and their words. Does not: the model (`load_model.py`), reading.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
import numpy.typing as npt
import pandas as pd

from orchestration.planning.capacity.calendar import EPOCH, Event, Reals, day_numbers, events_of
from orchestration.planning.capacity.load_model import Load, LoadForecast, forecast_loads
from orchestration.threads import one_thread

HORIZON_DAYS = 91
ALARM_SHARE = 0.85
_EVENT_EFFECT = 0.05
_UNITS = {
    "parcels_per_day": "parcels a day",
    "storage_pieces": "pieces of storage",
    "orders_per_minute": "orders a minute",
    "sessions_per_minute": "sessions a minute",
}
_SPREAD_KINDS = ("parcels_per_day",)
_MOST_SPREAD_DAYS = 7
COLUMNS = (
    "site_code", "site_country", "capacity_kind", "target_on", "made_on", "p50_qty", "p90_qty", "p99_qty",
    "capacity_qty", "utilisation_pct", "is_alarm", "is_peak", "event_code", "has_history", "words",
)  # fmt: skip


@dataclass(frozen=True)
class CapacityOutlook:
    """Rows of `capacity_outlook` (`COLUMNS`) and the forecasts behind them, by (site, kind)."""

    rows: pd.DataFrame
    forecasts: Mapping[tuple[str, str], LoadForecast]
    loads: Mapping[tuple[str, str], Load]
    capacity: Mapping[tuple[str, str], float]


def capacity_outlook(
    measured: pd.DataFrame,
    calendar: pd.DataFrame,
    served: Mapping[str, Mapping[str, float]],
    *,
    horizon: int = HORIZON_DAYS,
) -> CapacityOutlook:
    """Daily loads of the next `horizon` days by site and kind.

    `measured` has site_code, site_country, capacity_kind, measured_on, capacity_value, peak_load_value; `calendar` the
    columns of the seed event_calendar; `served` the share of a site's load by market (a site that is absent serves its
    own country). Utilisation is p90 in percent of capacity, and the alarm rings above 85 %; without a capacity, or one
    of zero, there is neither, and the words say so.
    """
    if measured.empty:
        return CapacityOutlook(pd.DataFrame(columns=list(COLUMNS)), {}, {}, {})
    made_on = int(day_numbers(measured["measured_on"]).max()) + 1
    loads, capacity, country = _loads(measured, calendar, served, made_on)
    forecasts: dict[tuple[str, str], LoadForecast] = {}
    for kind in sorted({kind for _, kind in loads}):
        keys = [key for key in loads if key[1] == kind]
        with one_thread():
            forecasts |= dict(zip(keys, forecast_loads([loads[key] for key in keys], horizon), strict=True))
    frames = [_site_rows(key, forecasts, loads, capacity, country[key[0]], made_on) for key in sorted(forecasts)]
    return CapacityOutlook(pd.concat(frames, ignore_index=True)[list(COLUMNS)], forecasts, loads, capacity)


def _loads(
    measured: pd.DataFrame, calendar: pd.DataFrame, served: Mapping[str, Mapping[str, float]], made_on: int
) -> tuple[dict[tuple[str, str], Load], dict[tuple[str, str], float], dict[str, str]]:
    loads, capacity, country = {}, {}, {}
    table = measured.assign(day=day_numbers(measured["measured_on"])).sort_values("day", kind="stable")
    events: dict[str, list[Event]] = {}
    for key, rows in table.groupby(["site_code", "capacity_kind"], sort=True):
        site, kind = (str(part) for part in key)
        land = str(rows["site_country"].iloc[-1])
        first = int(rows["day"].iloc[0])
        values = np.full(made_on - first, np.nan)
        load = rows["peak_load_value"].to_numpy(dtype=float, na_value=np.nan)
        values[rows["day"].to_numpy() - first] = np.where(load >= 0, load, np.nan)
        if site not in events:
            events[site] = events_of(calendar, served.get(site) or {land: 1.0})
        loads[site, kind] = Load(f"{site} {kind}", first, values, events[site])
        borne = rows["capacity_value"].to_numpy(dtype=float, na_value=np.nan)[-1]
        capacity[site, kind] = float(borne) if np.isfinite(borne) and borne > 0 else np.nan
        country[site] = land
    return loads, capacity, country


def _site_rows(
    key: tuple[str, str], forecasts: Mapping[tuple[str, str], LoadForecast], loads: Mapping[tuple[str, str], Load],
    capacity: Mapping[tuple[str, str], float], country: str, made_on: int,
) -> pd.DataFrame:  # fmt: skip
    told, load, borne = forecasts[key], loads[key], capacity[key]
    p50, p90, p99 = (told.quantile(share) for share in (0.5, 0.9, 0.99))
    codes = _event_codes(told, load)
    is_alarm = p90 > ALARM_SHARE * borne if np.isfinite(borne) else np.zeros(len(p90), dtype=bool)
    groups = _spells(told.days, codes)
    is_peak = np.zeros(len(p90), dtype=bool)
    for group in groups:
        is_peak[group[int(told.mean[group].argmax())]] = True
    free = _free_sites(key, forecasts, capacity)
    words = [""] * len(p90)
    for at in np.flatnonzero(is_alarm):
        words[at] = _words(key, int(at), p90, borne, codes[at], free)
    if not np.isfinite(borne):
        words = ["the site's capacity is not known, so there is no alarm"] * len(p90)
    elif not told.has_history:
        words = [one or "too few days measured: the level is their mean" for one in words]
    with np.errstate(invalid="ignore"):
        share = np.round(100 * p90 / borne, 2)
    return pd.DataFrame(
        {
            "site_code": key[0], "site_country": country, "capacity_kind": key[1],
            "target_on": (EPOCH + told.days).astype("datetime64[D]"), "made_on": EPOCH + made_on,
            "p50_qty": p50.round(3), "p90_qty": p90.round(3), "p99_qty": p99.round(3), "capacity_qty": borne,
            "utilisation_pct": share, "is_alarm": is_alarm, "is_peak": is_peak, "event_code": codes,
            "has_history": told.has_history, "words": words,
        }
    )  # fmt: skip


def _event_codes(told: LoadForecast, load: Load) -> list[str]:
    """The event that moves each day most, upwards; none where no event adds a twentieth."""
    if not load.events:
        return [""] * len(told.days)
    strongest = told.event_effect.argmax(axis=1)
    height = told.event_effect[np.arange(len(told.days)), strongest]
    return [
        load.events[at].code.split(":")[0] if size > _EVENT_EFFECT else ""
        for at, size in zip(strongest.tolist(), height.tolist(), strict=True)
    ]


def _spells(days: npt.NDArray[np.int64], codes: Sequence[str]) -> list[npt.NDArray[np.int64]]:
    """Runs of days of one event."""
    spells, start = [], 0
    for at in range(1, len(days) + 1):
        if at == len(days) or codes[at] != codes[start]:
            if codes[start]:
                spells.append(np.arange(start, at))
            start = at
    return spells


def _free_sites(
    key: tuple[str, str], forecasts: Mapping[tuple[str, str], LoadForecast], capacity: Mapping[tuple[str, str], float]
) -> list[tuple[str, Reals]]:
    """Warehouses of the same country and kind, with what each can still take below 85 % on every day."""
    site, kind = key
    if kind not in _SPREAD_KINDS:
        return []
    return [
        (other, ALARM_SHARE * capacity[other, kind] - told.quantile(0.9))
        for (other, own), told in sorted(forecasts.items())
        if own == kind and other != site and other[:2] == site[:2] and np.isfinite(capacity[other, kind])
    ]


def _words(
    key: tuple[str, str], at: int, p90: Reals, borne: float, code: str,
    free: Sequence[tuple[str, Reals]],
) -> str:  # fmt: skip
    """How far above, why, and what would avoid it."""
    unit = _UNITS.get(key[1], key[1])
    limit = ALARM_SHARE * borne
    over = p90[at] - limit
    cause = f" around {code}" if code else ""
    said = (
        f"p90 {p90[at]:,.1f} of {borne:,.0f} {unit} ({100 * p90[at] / borne:.0f} %){cause}, "
        f"{over:,.1f} above the alarm line."
    )
    remedies = [f"add {ceil(p90[at] / ALARM_SHARE - borne):,} {unit}"]
    if key[1] in _SPREAD_KINDS:
        days = _days_to_spread(p90, at, limit)
        if days:
            remedies.append(f"spread {over:,.1f} over the {'next day' if days == 1 else f'{days} days after'}")
        # The site with most room takes what it can.
        room = max(
            ((name, float(left[at])) for name, left in free if left[at] > 0), key=lambda one: one[1], default=None
        )
        if room:
            remedies.append(f"shift {min(over, room[1]):,.1f} to {room[0]}")
    return f"{said} To avoid it: {'; or '.join(remedies)}."


def _days_to_spread(p90: Reals, at: int, limit: float) -> int:
    """How many following days have room for the excess of a day; 0 where a week has not."""
    room = np.cumsum(np.maximum(limit - p90[at + 1 : at + 1 + _MOST_SPREAD_DAYS], 0.0))
    enough = np.flatnonzero(room >= p90[at] - limit)
    return int(enough[0]) + 1 if len(enough) else 0


def sites_by_alarm(outlook: CapacityOutlook) -> list[str]:
    """Sites, those whose event days lie highest above their capacity first."""
    if outlook.rows.empty:
        return []
    rows = outlook.rows.assign(is_quiet=~(outlook.rows["is_alarm"] & (outlook.rows["event_code"] != "")))
    worst = rows.groupby(["site_code", "is_quiet"])["utilisation_pct"].max().reset_index()
    ordered = worst.sort_values(["is_quiet", "utilisation_pct"], ascending=[True, False], kind="stable")
    return [str(site) for site in ordered["site_code"].drop_duplicates()]


def alarms_in_words(outlook: CapacityOutlook, most: int = 40) -> str:
    """The worst day of each alarm by site, kind and event as a Markdown list."""
    rows = outlook.rows[outlook.rows["is_alarm"].astype(bool)]
    worst = rows.sort_values("utilisation_pct", ascending=False, kind="stable")
    worst = worst.drop_duplicates(["site_code", "capacity_kind", "event_code"]).head(most)
    lines = [f"- {row.site_code}, {row.target_on:%Y-%m-%d}: {row.words}" for row in worst.itertuples()]
    return "\n".join(lines) or "none"
