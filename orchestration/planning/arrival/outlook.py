"""When each open shipment will arrive and clear, how likely it is late, and why.

Belongs here: learning from past days, the rows of `shipment_outlook`, reasons in words. Does not: reading tables.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from orchestration.planning.arrival.candidates import told
from orchestration.planning.arrival.durations import DurationModel, fit_durations
from orchestration.planning.arrival.lateness import LatenessModel, fit_lateness, logit
from orchestration.planning.arrival.snapshots import EPOCH, FEATURES, STEPS, Snapshot, Traffic, snapshot

Reals = npt.NDArray[np.float64]

# One past day a week for a year, the last ones only where their shipments have come to an end.
_EVERY_DAYS, _PAST_DAYS, _SETTLED_DAYS = 7, 371, 42
_LEAST_CASES = 50
_REASONS = 3
_LEAST_STEP = 0.15  # of the log odds, below which a feature is not worth a word
ROUTE_FEATURES = ("mode", "transport", "weekday", "month")
COLUMNS = (
    "shipment_key", "market", "origin_country", "site_code", "carrier_code", "transport_mode", "made_on", "shipped_on",
    "promised_on", "age_days", "last_step", "arrives_p10_at", "arrives_p50_at", "arrives_p90_at", "clears_p10_hours",
    "clears_p50_hours", "clears_p90_hours", "late_probability", "arrival_model_code", "lateness_model_code", "reason",
)  # fmt: skip


@dataclass(frozen=True)
class Outlook:
    """Rows of `shipment_outlook` (`COLUMNS`) and the models behind them; None where there was too little to learn."""

    rows: pd.DataFrame
    arrival: DurationModel | None
    clearance: DurationModel | None
    lateness: LatenessModel | None
    cases: int

    def words(self) -> str:
        """Which model was chosen for what, with the score of each on past days later than those it learnt from."""
        lines = ["| model of | chosen | scores |", "|---|---|---|"]
        for name, model in (("arrival", self.arrival), ("clearance", self.clearance)):
            if model:
                scores = ", ".join(f"{code} {score:.3f}" for code, score in model.pinball.items())
                lines.append(f"| {name} | {model.model_code} | pinball in days: {scores} |")
        if self.lateness:
            scores = ", ".join(f"{code} {score:.3f}" for code, score in self.lateness.log_loss.items())
            lines.append(f"| lateness | {self.lateness.model_code} | log loss: {scores} |")
        return "\n".join(lines) if len(lines) > 2 else "too few past shipments to learn from"


def shipment_outlook(traffic: Traffic, made_on: int) -> Outlook:
    """The shipments open at the start of `made_on` (days since 1970), from what comparable past days show.

    A shipment without a promised day has no probability of lateness; one on a lane never seen is judged by all lanes.
    With fewer than fifty past cases there are no figures, and the reason says so.
    """
    past_days = [
        day for day in range(made_on - _PAST_DAYS, made_on - _SETTLED_DAYS + 1) if (made_on - day) % _EVERY_DAYS == 0
    ]
    past, now = snapshot(traffic, past_days), snapshot(traffic, [made_on])
    arrival = _durations(past, traffic.delivered)
    clearance = _durations(past, traffic.cleared)
    lateness = _lateness(traffic, past)
    return Outlook(_rows(traffic, past, now, made_on, arrival, clearance, lateness), arrival, clearance, lateness,
                   len(past.row))  # fmt: skip


def _durations(past: Snapshot, event: Reals) -> DurationModel | None:
    """Days from the snapshot to an event; shipments for which it never came, or came before, are left out."""
    wait = event[past.row] - past.on
    used = np.flatnonzero(np.isfinite(wait) & (wait >= 0))
    if len(used) < _LEAST_CASES:
        return None
    on = past.on[used]
    return fit_durations(
        past.features[used], wait[used], asked_on=on, known_on=np.ceil(on + wait[used]).astype(np.int64),
        group=past.lane[used],
    )  # fmt: skip


def _lateness(traffic: Traffic, past: Snapshot) -> LatenessModel | None:
    promised, delivered = traffic.promised[past.row], traffic.delivered[past.row]
    # A shipment that has not come, though all others of its day have, counts as late.
    late = ~(np.floor(delivered) <= promised)
    # What is past its promise already is late, and needs no model.
    used = np.flatnonzero(np.isfinite(promised) & (past.on <= promised))
    if len(used) < _LEAST_CASES:
        return None
    on = past.on[used]
    settled = np.where(late[used], promised[used] + 1, np.ceil(delivered[used])).astype(np.int64)
    return fit_lateness(
        past.features[used], late[used], asked_on=on, known_on=np.maximum(settled, on + 1), group=past.lane[used]
    )


def _rows(
    traffic: Traffic, past: Snapshot, now: Snapshot, made_on: int, arrival: DurationModel | None,
    clearance: DurationModel | None, lateness: LatenessModel | None,
) -> pd.DataFrame:  # fmt: skip
    count = len(now.row)
    nothing = np.full((count, 3), np.nan)
    waits = arrival.predict(now.features, now.lane) if arrival else nothing
    clears = clearance.predict(now.features, now.lane) * 24 if clearance else nothing
    cleared = traffic.cleared[now.row]
    has_customs = _lanes_with(traffic, traffic.cleared)[now.lane] if count else np.zeros(0, dtype=bool)
    clears = np.where((has_customs & ~(cleared < made_on))[:, None], clears, np.nan)
    promised = traffic.promised[now.row]
    late = lateness.predict(now.features, now.lane) if lateness else np.full(count, np.nan)
    late = np.where(np.isfinite(promised), np.where(promised < made_on, 1.0, late), np.nan)
    steps = now.features[:, list(FEATURES).index("step")]
    keys = traffic.keys.iloc[now.row]
    frame = pd.DataFrame(
        {
            **{name: keys[name].to_numpy() for name in COLUMNS[:6]},
            "made_on": EPOCH + pd.Timedelta(days=made_on),
            "shipped_on": _dates(np.floor(traffic.shipped[now.row])),
            "promised_on": _dates(promised),
            "age_days": np.round(made_on - traffic.shipped[now.row], 2),
            "last_step": [STEPS[int(step)] if np.isfinite(step) else "" for step in steps],
            **{f"arrives_{name}_at": _moments(made_on + waits[:, at]) for at, name in enumerate(("p10", "p50", "p90"))},
            **{f"clears_{name}_hours": np.round(clears[:, at], 1) for at, name in enumerate(("p10", "p50", "p90"))},
            "late_probability": np.round(late, 4),
            "arrival_model_code": arrival.model_code if arrival else "",
            "lateness_model_code": lateness.model_code if lateness else "",
            "reason": _reasons(past, now, lateness, late, promised, made_on),
        }
    )
    return frame[list(COLUMNS)].reset_index(drop=True)


def _lanes_with(traffic: Traffic, moment: Reals) -> npt.NDArray[np.bool_]:
    """Lanes on which most arrived parcels have this moment: within a country there is no customs to clear."""
    size = int(traffic.lane.max(initial=-1)) + 1
    arrived = np.isfinite(traffic.delivered)
    all_of = np.bincount(traffic.lane[arrived], minlength=size)
    with_it = np.bincount(traffic.lane[arrived & np.isfinite(moment)], minlength=size)
    return np.asarray(with_it > 0.5 * all_of)


def _dates(days: Reals) -> npt.NDArray[np.datetime64]:
    is_known = np.isfinite(days)
    numbers = np.where(is_known, days, 0).astype(np.int64)
    return np.where(is_known, numbers.astype("datetime64[D]"), np.datetime64("NaT"))


def _moments(days: Reals) -> npt.NDArray[np.datetime64]:
    is_known = np.isfinite(days)
    minutes = np.where(is_known, np.rint(days * 1440), 0).astype(np.int64)
    return np.where(is_known, minutes.astype("datetime64[m]").astype("datetime64[s]"), np.datetime64("NaT"))


def _reasons(
    past: Snapshot, now: Snapshot, lateness: LatenessModel | None, late: Reals, promised: Reals, made_on: int
) -> list[str]:
    """The features that move a shipment's log odds most, each against its median in the past of all lanes."""
    if not len(now.row):
        return []
    if lateness is None:
        return ["no promised day" if not np.isfinite(day) else "too few past shipments to judge by" for day in promised]
    usual = np.nanmedian(told(np.where(np.isfinite(past.features), past.features, np.nan)), axis=0)
    base = logit(lateness.predict(now.features, now.lane))
    moved = np.zeros((len(now.row), len(FEATURES)))
    for at, name in enumerate(FEATURES):
        if name in ROUTE_FEATURES:
            continue
        instead = now.features.copy()
        instead[:, at] = usual[at]
        moved[:, at] = base - logit(lateness.predict(instead, now.lane))
    words = []
    for place, day in enumerate(promised.tolist()):
        if not np.isfinite(day):
            words.append("no promised day, so it can be neither late nor punctual")
        elif day < made_on:
            words.append(f"the promised day passed {made_on - day:.0f} days ago")
        else:
            words.append(_sentence(now.features[place], moved[place], float(late[place])))
    return words


def _sentence(features: Reals, moved: Reals, late: float) -> str:
    names = list(FEATURES)
    strongest = [at for at in np.argsort(-np.abs(moved))[:_REASONS] if abs(moved[at]) >= _LEAST_STEP]
    parts = [
        f"{FEATURES[names[at]]}{_figure(names[at], float(features[at]))} {'raises' if moved[at] > 0 else 'lowers'} it"
        for at in strongest
    ]
    return f"late with {100 * late:.0f} %" + (": " + ", ".join(parts) if parts else ", as usual on its lane")


_UNITS: Mapping[str, str] = {
    "usual_days": "d", "usual_left": "d", "carrier_days": "d", "age": "d", "promised_left": "d", "slack": "d",
    "step_age": "d", "lane_late": "%", "lane_late_lately": "%",
}  # fmt: skip


def _figure(name: str, value: float) -> str:
    unit = _UNITS.get(name)
    if unit is None or not np.isfinite(value):
        return ""
    return f" ({100 * value:.0f} %)" if unit == "%" else f" ({value:.1f} days)"
