"""A fitted scorecard: scores, points, reasons, its sheet of bins, and its exact JSON.

Belongs here: using a scorecard. Does not: fitting one (see `fitting.py`), judging one (see `validation.py`).
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from orchestration.credit.scorecard.bins import BinKind, Bins
from orchestration.credit.scorecard.calibration import Calibration
from orchestration.credit.scorecard.characteristic import Characteristic, Direction, ScorecardError
from orchestration.credit.scorecard.merging import Course
from orchestration.credit.scorecard.settings import Grade, Scaling

Points = npt.NDArray[np.int32]
FORMAT = 1
_BATCH = 200_000
_STATES: dict[BinKind, Literal["value", "missing", "special", "unseen"]] = {
    "range": "value",
    "group": "value",
    "special": "special",
    "missing": "missing",
    "unseen": "unseen",
}
# Where the rate of bads rises with the value, a high value costs points.
_SHOWN_DIRECTION: dict[Course, Direction] = {"rising": -1, "falling": 1}


@dataclass(frozen=True)
class Note:
    """Something about a characteristic that a reader of the card must know; `code` is for programs."""

    name: str
    code: str
    text: str


@dataclass(frozen=True)
class Part:
    """A characteristic in the card: its bins, its coefficient (with the interval) and the points of each bin."""

    bins: Bins
    coefficient: float
    error: float
    low: float
    high: float
    p_value: float
    points: tuple[int, ...]

    @property
    def characteristic(self) -> Characteristic:
        """What is asked."""
        return self.bins.characteristic

    @property
    def most_points(self) -> int:
        """The most points that a stated value reaches; a missing value is nothing to strive for."""
        stated = [
            points
            for points, item in zip(self.points, self.bins.bins, strict=True)
            if item.kind in ("range", "group") and item.row_count
        ]
        return max(stated, default=max(self.points))


@dataclass(frozen=True)
class Development:
    """What the card was fitted on: numbers, and how scores were spread (ten parts of about the same size)."""

    row_count: int
    bad_count: int
    rate: float
    mean_score: float
    score_limits: tuple[int, ...]
    score_shares: tuple[float, ...]


@dataclass(frozen=True)
class Scorecard:
    """Base points and the points of one bin per characteristic: their sum is the score, without a rest."""

    parts: tuple[Part, ...]
    base_points: int
    scaling: Scaling
    grades: tuple[Grade, ...]
    calibration: Calibration
    development: Development
    notes: tuple[Note, ...]
    evidence_column: str = ""
    thin_evidence: float = 0.0
    format: int = FORMAT

    @property
    def names(self) -> list[str]:
        """The characteristics, in the order in which they stand in the card."""
        return [part.characteristic.name for part in self.parts]

    def codes(self, frame: pd.DataFrame) -> npt.NDArray[np.int16]:
        """Bin code of every row (first axis) and characteristic. Raises ScorecardError where a column is absent."""
        absent = [name for name in [*self.names, self.evidence_column] if name and name not in frame.columns]
        if absent:
            raise ScorecardError(f"the frame lacks column(s) {', '.join(absent)}")
        found = np.empty((len(frame), len(self.parts)), dtype=np.int16)
        for number, part in enumerate(self.parts):
            found[:, number] = part.bins.codes(frame[part.characteristic.name])
        return found

    def score(self, frame: pd.DataFrame) -> pd.DataFrame:
        """score (whole points), probability of bad, grade, is_thin, for every row of the frame and with its index."""
        return self._scored(frame, self.codes(frame))

    def points(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Points per characteristic, `base_points` and `thin_file_points`; each row sums to its score."""
        codes = self.codes(frame)
        points = self._points(codes)
        found = pd.DataFrame(points, columns=self.names, index=frame.index)
        found["base_points"] = self.base_points
        found["thin_file_points"] = self._pull(frame, points)
        return found

    def reasons(self, frame: pd.DataFrame, count: int = 4) -> pd.DataFrame:
        """The `count` largest shortfalls from the most points: reason_1, reason_1_points, reason_1_en, reason_1_zh, ….

        `reason_n` names the characteristic. Equal shortfalls stand in the order of the card. Where fewer
        characteristics fall short, the rest is empty (points 0).
        """
        return self._explained(frame, self.codes(frame), count)

    def score_with_reasons(self, frame: pd.DataFrame, count: int = 4) -> pd.DataFrame:
        """Columns of `score` and of `reasons`, in one pass over the frame."""
        codes = self.codes(frame)
        return pd.concat([self._scored(frame, codes), self._explained(frame, codes, count)], axis=1)

    def placed(self, frame: pd.DataFrame) -> pd.DataFrame:
        """One row per row and characteristic, for reports: row (of the index), name, bin, kind, points, most_points,
        shortfall_points, shortfall_rank, reason_en, reason_zh."""
        codes = self.codes(frame)
        points = self._points(codes)
        shortfall = np.maximum(self._most - points, 0)
        order = np.argsort(-shortfall, axis=1, kind="stable")
        rank = np.argsort(order, axis=1, kind="stable") + 1
        flat = codes + self._starts
        size = len(self.parts)
        items = [item for part in self.parts for item in part.bins.bins]
        labels, kinds = np.array([item.label for item in items]), np.array([item.kind for item in items])
        english, chinese = (np.array(texts) for texts in self._texts)
        return pd.DataFrame(
            {
                "row": np.repeat(frame.index.to_numpy(), size),
                "name": np.tile(np.array(self.names), len(frame)),
                "bin": labels[flat].ravel(),
                "kind": kinds[flat].ravel(),
                "points": points.ravel(),
                "most_points": np.tile(self._most, len(frame)),
                "shortfall_points": shortfall.ravel(),
                "shortfall_rank": rank.ravel(),
                "reason_en": np.where(shortfall.ravel() > 0, english[flat].ravel(), ""),
                "reason_zh": np.where(shortfall.ravel() > 0, chinese[flat].ravel(), ""),
            }
        )

    def coverage(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Per characteristic: rows, missing, special and unseen values."""
        codes = self.codes(frame)
        rows = []
        for number, part in enumerate(self.parts):
            kinds = np.array([item.kind for item in part.bins.bins])[codes[:, number]]
            rows.append(
                {
                    "name": part.characteristic.name,
                    "row_count": len(frame),
                    "missing_count": int((kinds == "missing").sum()),
                    "special_count": int((kinds == "special").sum()),
                    "unseen_count": int((kinds == "unseen").sum()),
                }
            )
        return pd.DataFrame(rows)

    def table(self) -> pd.DataFrame:
        """One row per characteristic and bin: counts, rate, weight of evidence, coefficient, intervals, points."""
        return pd.DataFrame(
            [
                {
                    "name": part.characteristic.name,
                    "bin": item.label,
                    "kind": item.kind,
                    "row_count": item.row_count,
                    "bad_count": item.bad_count,
                    "row_share": item.weight / max(sum(other.weight for other in part.bins.bins), 1e-12),
                    "bad_rate": item.bad_weight / item.weight if item.weight else np.nan,
                    "woe": item.woe,
                    "woe_low": item.woe_low,
                    "woe_high": item.woe_high,
                    "iv": item.iv,
                    "points": points,
                    "characteristic_iv": part.bins.iv,
                    "course": part.bins.course,
                    "coefficient": part.coefficient,
                    "coefficient_low": part.low,
                    "coefficient_high": part.high,
                    "p_value": part.p_value,
                }
                for part in self.parts
                for item, points in zip(part.bins.bins, part.points, strict=True)
            ]
        )

    def calibrated_to(self, rate: float) -> "Scorecard":
        """The card for a portfolio whose share of bads is `rate`: points stay, probabilities and grades move."""
        return replace(self, calibration=self.calibration.shifted(self.development.rate, rate))

    def recalibrated(
        self, frame: pd.DataFrame, is_bad: npt.NDArray[np.bool_], weight: npt.NDArray[np.float64] | None = None
    ) -> "Scorecard":
        """The card with its probabilities fitted anew to later outcomes: points stay."""
        score = self.score(frame)["score"].to_numpy(dtype=np.float64)
        flags = np.asarray(is_bad, dtype=np.bool_)
        return replace(self, calibration=self.calibration.refitted(score, flags, self.scaling, weight))

    def to_json(self) -> str:
        """The card as JSON; read back, it is equal to the last bit."""
        from pydantic import TypeAdapter

        return TypeAdapter(Scorecard).dump_json(self, indent=1).decode()

    @classmethod
    def from_json(cls, text: str) -> "Scorecard":
        """The card that was written. Raises ScorecardError where the text is no card."""
        from pydantic import TypeAdapter, ValidationError

        try:
            card = TypeAdapter(Scorecard).validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            raise ScorecardError(f"this is no scorecard: {place or 'text'}: {first['msg']}") from error
        if card.format != FORMAT:
            raise ScorecardError(f"the scorecard has format {card.format}; this version reads format {FORMAT}")
        return card

    @cached_property
    def _starts(self) -> npt.NDArray[np.int64]:
        """Where each characteristic's bins start in flat tables over all bins."""
        sizes = [len(part.points) for part in self.parts]
        return np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)

    @cached_property
    def _flat_points(self) -> Points:
        return np.array([points for part in self.parts for points in part.points], dtype=np.int32)

    @cached_property
    def _most(self) -> Points:
        return np.array([part.most_points for part in self.parts], dtype=np.int32)

    @cached_property
    def _texts(self) -> tuple[list[str], list[str]]:
        texts = [
            part.characteristic.shortfall_texts(
                _STATES[item.kind], item.label, item.label_zh, _SHOWN_DIRECTION.get(part.bins.course)
            )
            for part in self.parts
            for item in part.bins.bins
        ]
        return [english for english, _ in texts], [chinese for _, chinese in texts]

    def _points(self, codes: npt.NDArray[np.int16]) -> Points:
        return np.asarray(self._flat_points[codes + self._starts], dtype=np.int32)

    def _pull(self, frame: pd.DataFrame, points: Points) -> Points:
        """Points that bring a thin file towards the portfolio's mean: (1 − n / (n + k)) of the distance."""
        if not self.evidence_column or not self.thin_evidence:
            return np.zeros(len(frame), dtype=np.int32)
        share = self._credibility(frame)
        raw = self.base_points + points.sum(axis=1)
        return np.asarray(np.rint((1.0 - share) * (self.development.mean_score - raw)), dtype=np.int32)

    def _credibility(self, frame: pd.DataFrame) -> npt.NDArray[np.float64]:
        evidence = frame[self.evidence_column].to_numpy(dtype=np.float64, na_value=0.0)
        evidence = np.maximum(np.nan_to_num(evidence, nan=0.0, posinf=1e12), 0.0)
        return np.asarray(evidence / (evidence + self.thin_evidence))

    def _scored(self, frame: pd.DataFrame, codes: npt.NDArray[np.int16]) -> pd.DataFrame:
        points = self._points(codes)
        score = self.base_points + points.sum(axis=1, dtype=np.int32) + self._pull(frame, points)
        probability = self.calibration.probability(score, self.scaling)
        bounds = np.array([grade.most_probability for grade in self.grades[:-1]])
        names = pd.Index([grade.name for grade in self.grades])
        grades = pd.Categorical.from_codes(np.searchsorted(bounds, probability, side="left"), names, ordered=True)
        has_evidence = bool(self.evidence_column and self.thin_evidence)
        is_thin = self._credibility(frame) < 0.5 if has_evidence else np.zeros(len(frame), dtype=np.bool_)
        return pd.DataFrame(
            {"score": score, "probability": probability, "grade": grades, "is_thin": is_thin}, index=frame.index
        )

    def _explained(self, frame: pd.DataFrame, codes: npt.NDArray[np.int16], count: int) -> pd.DataFrame:
        count = min(count, len(self.parts))
        size = len(frame)
        order = np.empty((size, count), dtype=np.int64)
        shortfalls = np.empty((size, count), dtype=np.int32)
        # In batches: the stable order of all characteristics of a million rows would be the largest array of the run.
        for start in range(0, size, _BATCH):
            part = slice(start, start + _BATCH)
            shortfall = np.maximum(self._most - self._points(codes[part]), 0)
            order[part] = np.argsort(-shortfall, axis=1, kind="stable")[:, :count]
            shortfalls[part] = np.take_along_axis(shortfall, order[part], axis=1)
        flat = np.take_along_axis(codes, order, axis=1) + self._starts[order]
        english, chinese = self._texts
        owners = np.repeat(np.arange(len(self.parts)), [len(part.points) for part in self.parts])
        found: dict[str, object] = {}
        for number in range(count):
            place = np.where(shortfalls[:, number] > 0, flat[:, number], -1)
            found[f"reason_{number + 1}"] = _worded(np.append(owners, -1)[place], self.names)
            found[f"reason_{number + 1}_points"] = shortfalls[:, number]
            found[f"reason_{number + 1}_en"] = _worded(place, english)
            found[f"reason_{number + 1}_zh"] = _worded(place, chinese)
        explained = pd.DataFrame(found)
        explained.index = frame.index
        return explained


def _worded(codes: npt.NDArray[np.int64], texts: list[str]) -> pd.Series:
    """Texts by code as a category, so that a million rows hold each text once; -1 is empty."""
    index: dict[str, int] = {}
    places = np.array([index.setdefault(text, len(index)) for text in texts] + [-1], dtype=np.int64)
    return pd.Series(pd.Categorical.from_codes(places[codes], pd.Index(list(index), dtype=object)))
