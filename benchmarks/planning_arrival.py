"""Lateness and lead time of real deliveries (SCMS), trained on earlier ones and judged on later ones.

Belongs here: reading the source, what was known when, the split in time. Does not: models (orchestration/planning).

What is asked: thirty days before a shipment's scheduled date, will it come later than scheduled, and after how many
days? Known then: what was ordered, how, from whom and to where, its planned dates, and the outcome of every shipment
that had been *recorded* before that day. Freight, weight, the delivery number and all dates of delivery come later and
are no features. The cut was fixed before any model was judged behind it.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.harness import SHARED, BenchmarkError, Measured, Value
from orchestration.planning.arrival import durations, lateness
from orchestration.planning.arrival.durations import fit_durations
from orchestration.planning.arrival.history import group_codes, past_of
from orchestration.planning.arrival.lateness import fit_lateness

FILE = Path("scms") / "scms_delivery_history.parquet"
CUT = pd.Timestamp("2013-07-01")
ASKED_DAYS_AHEAD = 30
QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
_FORMATS = ("%d-%b-%y", "%m/%d/%Y")
_GROUPS = {
    "country and mode": ["Country", "Shipment Mode"],
    "vendor": ["Vendor"],
    "factory": ["Manufacturing Site"],
    "vendor and country": ["Vendor", "Country"],
    "factory and country": ["Manufacturing Site", "Country"],
    "fulfilment, mode and country": ["Fulfill Via", "Shipment Mode", "Country"],
    "product group and country": ["Product Group", "Country"],
    "all": [],
}
_WINDOWS = (None, 365, 120)
_USUAL_LATE_SHARE = 0.06  # before anything was recorded
_EPOCH = pd.Timestamp("2000-01-01")


@dataclass(frozen=True)
class Shipments:
    """One row per shipment (delivery number and scheduled date): features, outcome, and when each was known."""

    features: npt.NDArray[np.float64]
    feature_names: tuple[str, ...]
    lane: npt.NDArray[np.int64]  # country and mode
    late: npt.NDArray[np.bool_]
    delay_days: npt.NDArray[np.float64]  # delivered less scheduled
    planned_days: npt.NDArray[np.float64]  # scheduled less ordered; NaN where the order's date is not told
    asked_on: npt.NDArray[np.int64]
    known_on: npt.NDArray[np.int64]
    scheduled_on: npt.NDArray[np.int64]
    lines: npt.NDArray[np.int64]


def read_shipments(path: Path) -> Shipments:
    """The source's lines as shipments; raises BenchmarkError where the file is absent."""
    if not path.exists():
        raise BenchmarkError(f"{path} is absent: the data lie beside the project (TRADEWIND_SHARED_DATA)")
    lines = pd.read_parquet(path)
    for name in ("PQ First Sent to Client Date", "PO Sent to Vendor Date", "Scheduled Delivery Date",
                 "Delivered to Client Date", "Delivery Recorded Date"):  # fmt: skip
        lines[name] = _dates(lines[name])
    for name in ("Line Item Quantity", "Line Item Value"):
        lines[name] = pd.to_numeric(lines[name], errors="coerce")
    keys = ["ASN/DN #", "Scheduled Delivery Date"]
    firsts = ["Country", "Shipment Mode", "Fulfill Via", "Vendor", "Vendor INCO Term", "Manufacturing Site",
              "Product Group", "Sub Classification"]  # fmt: skip
    table = (
        lines.groupby(keys, sort=True)
        .agg(
            **{name: (name, "first") for name in firsts},
            lines=("ID", "size"),
            quantity=("Line Item Quantity", "sum"),
            value=("Line Item Value", "sum"),
            quoted=("PQ First Sent to Client Date", "max"),
            ordered=("PO Sent to Vendor Date", "max"),
            delivered=("Delivered to Client Date", "max"),
            recorded=("Delivery Recorded Date", "max"),
        )
        .reset_index()
        .rename(columns={"Scheduled Delivery Date": "scheduled"})
    )
    return _shipments(table)


def _dates(text: pd.Series) -> pd.Series:
    """Dates in any of the source's formats; its words for a missing one become none."""
    found = pd.Series(pd.NaT, index=text.index, dtype="datetime64[us]")
    for form in _FORMATS:
        found = found.fillna(pd.to_datetime(text, format=form, errors="coerce"))
    return found


def _days_before(table: pd.DataFrame, moments: pd.Series) -> npt.NDArray[np.float64]:
    """Days from each moment to the scheduled date; NaN where there is no moment."""
    return np.asarray((table["scheduled"] - moments).dt.days, dtype=np.float64)


def _day(moments: pd.Series) -> npt.NDArray[np.int64]:
    return np.asarray((moments - _EPOCH).dt.days.to_numpy(), dtype=np.int64)


def _shipments(table: pd.DataFrame) -> Shipments:
    scheduled, delivered = _day(table["scheduled"]), _day(table["delivered"])
    asked = scheduled - ASKED_DAYS_AHEAD
    # A delivery recorded on a day before it took place is known when it has taken place.
    known = np.maximum(_day(table["recorded"]), delivered) + 1
    late, delay = delivered > scheduled, (delivered - scheduled).astype(float)
    columns: dict[str, npt.NDArray[np.float64]] = {}
    for name, keys in _GROUPS.items():
        code = group_codes(table, keys)
        for window in _WINDOWS:
            past = past_of(
                code, known, late.astype(float), asked_group=code, asked_on=asked, prior=_USUAL_LATE_SHARE,
                window_days=window,
            )  # fmt: skip
            columns[f"late share, {name}, {window or 'all'} days"] = past.mean
        past = past_of(
            code, known, np.clip(delay, -60, 60), asked_group=code, asked_on=asked, prior=0.0, window_days=365
        )
        columns[f"mean delay, {name}"] = past.mean
    ordered = table["ordered"].fillna(table["quoted"])
    planned = _days_before(table, ordered)
    columns |= {
        "days since quote": _days_before(table, table["quoted"]),
        "days since order": _days_before(table, table["ordered"]),
        "lines": np.log1p(table["lines"].to_numpy(dtype=float)),
        "pieces": np.log1p(table["quantity"].to_numpy(dtype=float)),
        "value": np.log1p(table["value"].to_numpy(dtype=float)),
        "from a depot": np.asarray(table["Fulfill Via"] == "From RDC", dtype=np.float64),
        "month": table["scheduled"].dt.month.to_numpy(dtype=float),
        "weekday": table["scheduled"].dt.dayofweek.to_numpy(dtype=float),
    }
    lane = group_codes(table, _GROUPS["country and mode"])
    return Shipments(
        np.column_stack(list(columns.values())), tuple(columns), lane, late, delay, planned, asked,
        known, scheduled, table["lines"].to_numpy(dtype=np.int64),
    )  # fmt: skip


def measure_lateness(cut: pd.Timestamp = CUT) -> Measured:
    """AUC over the shipments scheduled from the cut on; only what was recorded before it trains."""
    from sklearn.metrics import roc_auc_score

    data = read_shipments(SHARED / FILE)
    train, test = split(data, cut)

    def told(names: tuple[str, ...]) -> tuple[npt.NDArray[np.float64], str]:
        model = fit_lateness(
            data.features[train], data.late[train], asked_on=data.asked_on[train], known_on=data.known_on[train],
            group=data.lane[train], names=names,
        )  # fmt: skip
        return model.predict(data.features[test], data.lane[test]), model.model_code

    def auc(share: npt.NDArray[np.float64], lines: npt.NDArray[np.int64] | None = None) -> float:
        return float(roc_auc_score(data.late[test], share, sample_weight=lines))

    naive, _ = told(("group_rate",))
    chosen, code = told(tuple(lateness.CANDIDATES))
    beside = {name: auc(told((name,))[0]) for name in lateness.CANDIDATES if name != "group_rate"}
    beside |= {"per line": auc(chosen, data.lines[test]), "shipments": float(len(test))}
    beside |= {"late, share": float(data.late[test].mean()), "told, share": float(chosen.mean())}
    return {
        "scms_late_auc": Value(auc(chosen), {f"chosen: {code}": auc(chosen), **beside}),
        "scms_late_auc_baseline": Value(auc(naive), {"per line": auc(naive, data.lines[test])}),
    }


def measure_lead_time(cut: pd.Timestamp = CUT) -> Measured:
    """Pinball in days of the time from order to delivery; only shipments whose order's date is told."""
    data = read_shipments(SHARED / FILE)
    train, test = (rows[np.isfinite(data.planned_days[rows])] for rows in split(data, cut))
    levels = np.array(QUANTILES)
    actual = data.planned_days[test] + data.delay_days[test]

    def told(names: tuple[str, ...]) -> npt.NDArray[np.float64]:
        model = fit_durations(
            data.features[train], data.delay_days[train], asked_on=data.asked_on[train],
            known_on=data.known_on[train], group=data.lane[train], quantiles=QUANTILES, names=names, least=-np.inf,
        )  # fmt: skip
        return data.planned_days[test][:, None] + model.predict(data.features[test], data.lane[test])

    chosen = told(tuple(durations.CANDIDATES))
    naive = _lane_quantiles(data, train, test, levels)
    median = levels == 0.5
    covered = ((actual > chosen[:, 0]) & (actual <= chosen[:, -1])).mean()
    return {
        "scms_lead_time_pinball": Value(
            durations.pinball(actual, chosen, levels),
            {
                "country-and-mode quantiles": durations.pinball(actual, naive, levels),
                "schedule + country-and-mode quantiles of the delay": durations.pinball(
                    actual, told(("group_quantiles",)), levels
                ),
                "at the median": durations.pinball(actual, chosen[:, median], levels[median]),
                "country-and-mode median": durations.pinball(actual, naive[:, median], levels[median]),
                "covered by p10-p90": float(covered),
                "shipments": float(len(test)),
            },
        )
    }


def split(data: Shipments, cut: pd.Timestamp) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Rows that train (asked and recorded before the cut) and that test (scheduled from the cut on)."""
    day = (cut - _EPOCH).days
    train = np.flatnonzero((data.scheduled_on < day) & (data.known_on < day))
    return train, np.flatnonzero(data.scheduled_on >= day)


def _lane_quantiles(
    data: Shipments, train: npt.NDArray[np.int64], test: npt.NDArray[np.int64], levels: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Quantiles of the whole lead time by country and mode, as a planner without the schedule would take them."""
    from orchestration.planning.arrival.candidates import group_quantiles

    days = (data.planned_days + data.delay_days)[train]
    predict = group_quantiles(data.features[train], days, data.lane[train], levels)
    return predict(data.features[test], data.lane[test])
