"""What a model card shows, read from the published tables alone.

Belongs here: rows of one version, its figures by slice, how today's sellers differ from its sample. Does not: HTML,
pictures.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from orchestration.credit.rows import day_of
from orchestration.credit.targets import DEFINITIONS, TargetDefinition
from orchestration.credit.training import by_market

if TYPE_CHECKING:
    import duckdb

    from orchestration.credit.scorecard.card import Scorecard
    from orchestration.credit.scorecard.stability import Shift

# Fewer bads or goods than this tell nothing of the order.
LEAST_OF_A_CLASS = 5
_LEAST_NOW = 30
_BORROWED_DAYS = 365


class NoVersion(LookupError):
    """There is no such version; the message says which there are."""


@dataclass(frozen=True, eq=False)
class ModelCard:
    """Everything on a version's card; frames are rows of the published tables.

    unseen: rows that the judged card had not learnt from. drift: by characteristic, today's borrowers (`of_whom`: all
    sellers, where there are too few) beside the sample, the score first; a sample has only borrowers, so whoever never
    borrowed differs without anything having moved. shift_of_all: of the scores of all sellers. history: PSI of the
    scores of each day that the version has made. as_of: today; None without features.
    """

    version: str
    about: pd.Series
    card: "Scorecard"
    definition: TargetDefinition | None
    measures: pd.DataFrame
    unseen: pd.DataFrame
    decisions: pd.DataFrame
    as_of: date | None
    now_count: int
    of_whom: str
    drift: pd.DataFrame
    shift: "Shift | None"
    shift_of_all: "Shift | None"
    sensitivity: pd.DataFrame
    history: pd.DataFrame

    @property
    def part(self) -> str:
        """The slice of the unseen rows: out_of_time or out_of_fold; empty where none are kept."""
        return str(self.unseen["slice"].iloc[0]) if len(self.unseen) else ""

    @property
    def bad_sellers(self) -> int:
        """How many sellers the bad unseen rows are of."""
        return int(self.unseen.loc[self.unseen["is_bad"].astype(bool), "seller_id"].nunique())

    @property
    def labels(self) -> Mapping[str, str]:
        """The characteristics in words."""
        return {part.characteristic.name: part.characteristic.english for part in self.card.parts}

    def cut_offs(self) -> Mapping[str, float]:
        """The lowest score of each grade but the last."""
        scores = np.arange(200, 1001)
        chance = self.card.calibration.probability(scores.astype(np.float64), self.card.scaling)
        found = {}
        for grade in self.card.grades[:-1]:
            within = scores[chance <= grade.most_probability]
            if len(within):
                found[grade.name] = float(within[0])
        return found

    def by_day(self) -> pd.DataFrame:
        """Figures of the unseen rows by day, as `slices_plot` takes them."""
        days = pd.to_datetime(self.unseen["as_of_on"]).dt.strftime("%Y-%m-%d")
        return _slices([(str(name), rows) for name, rows in self.unseen.groupby(days)])

    def by_market(self) -> pd.DataFrame:
        """The same by market; a seller stands in every market where he sold."""
        return _slices(by_market(self.unseen))


def versions(con: "duckdb.DuckDBPyConnection") -> pd.DataFrame:
    """version, status, is_in_use, decided_by, decided_at of every version, the newest last."""
    return con.execute(
        "select version, status, is_in_use, decided_by, decided_at from credit_model order by trained_on, version"
    ).df()


def read_model_card(con: "duckdb.DuckDBPyConnection", version: str | None = None) -> ModelCard:
    """Everything that is published of a version; without a name of the one in use. Raises NoVersion."""
    from orchestration.credit.scorecard.card import Scorecard
    from orchestration.credit.scorecard.stability import feature_drift, score_shift, sensitivity

    models = con.execute("select * from credit_model order by trained_on, version").df()
    if models.empty:
        raise NoVersion(
            "no version of the scorecard is published: run credit_job; credit_model says in its metadata why none was"
            " trained"
        )
    found = models[models["is_in_use"].astype(bool) if version is None else models["version"] == version]
    if found.empty:
        raise NoVersion(f"there is no version {version}; there are {', '.join(models['version'].astype(str))}")
    about = found.iloc[0]
    name = str(about["version"])
    card = Scorecard.from_json(str(about["card_json"]))

    def rows(query: str) -> pd.DataFrame:
        return con.execute(query, {"version": name}).df()

    as_of, now = _now(con, card)
    everyone, of_whom = now, "borrowers"
    now = everyone[everyone.index.isin(_borrowers(con))]
    if len(now) < _LEAST_NOW:
        now, of_whom = everyone, "sellers"
    drift, shift, moved = pd.DataFrame(), None, pd.DataFrame()
    if len(now) >= _LEAST_NOW:
        shift = score_shift(card, now)
        own = {"name": "score", "psi": shift.psi, "chance_psi": shift.chance_psi, "p_value": shift.p_value,
               "has_moved": shift.has_moved}  # fmt: skip
        drift = pd.concat([pd.DataFrame([own]), feature_drift(card, now).sort_values("psi", ascending=False)])
        moved = sensitivity(card, everyone)
    return ModelCard(
        version=name,
        about=about,
        card=card,
        definition=next((one for one in DEFINITIONS if one.code == about["target_definition"]), None),
        measures=rows("select slice, metric, value from credit_model_measure where version = $version"),
        unseen=rows("select * from credit_model_validation where version = $version order by as_of_on, seller_id"),
        decisions=rows("select * from limit_decision where model_version = $version order by decided_at, word_no"),
        as_of=as_of,
        now_count=len(now),
        of_whom=of_whom,
        drift=drift.reset_index(drop=True),
        shift=shift,
        shift_of_all=score_shift(card, everyone) if shift is not None else None,
        sensitivity=moved,
        history=_history(rows("select as_of_on, score, basis from seller_score where version = $version"), card),
    )


def _now(con: "duckdb.DuckDBPyConnection", card: "Scorecard") -> tuple[date | None, pd.DataFrame]:
    """The newest features of all sellers as the card asks for them."""
    long = con.execute(
        "select seller_id, as_of_on, name, value, value_text from seller_feature"
        " where as_of_on = (select max(as_of_on) from seller_feature)"
    ).df()
    asked = [*card.names, *([card.evidence_column] if card.evidence_column else [])]
    long = long[long["name"].isin(asked)]
    if long.empty:
        return None, pd.DataFrame(columns=asked)
    numbers = long.pivot(index="seller_id", columns="name", values="value")
    texts = long.pivot(index="seller_id", columns="name", values="value_text")
    is_text = {part.characteristic.name: part.characteristic.is_categorical for part in card.parts}
    columns = {
        name: (texts if is_text.get(name) else numbers)[name] if name in numbers.columns else None for name in asked
    }
    return day_of(long["as_of_on"].iloc[0]), pd.DataFrame(columns, index=numbers.index)


def _borrowers(con: "duckdb.DuckDBPyConnection") -> set[str]:
    """Who owes something today, or was lent something within the year before: whom a sample of today would hold."""
    rows = con.execute(
        f"""
        select distinct seller_id from seller_advance
        where outstanding_amount > 0
            or paid_out_at >= (select max(as_of_on) from seller_feature) - interval {_BORROWED_DAYS} day
        """
    ).fetchall()
    return {str(row[0]) for row in rows}


def _history(scores: pd.DataFrame, card: "Scorecard") -> pd.DataFrame:
    """as_of_on, row_count, mean_score, psi, chance_psi of each day's scores against the sample's."""
    from orchestration.credit.scorecard.stability import psi

    limits, shares = np.array(card.development.score_limits), np.array(card.development.score_shares)
    rows = []
    for day, own in scores.dropna(subset="score").groupby("as_of_on"):
        score = own["score"].to_numpy(dtype=np.float64)
        now = np.bincount(np.searchsorted(limits, score, side="right"), minlength=len(limits) + 1).astype(np.float64)
        shift = psi(shares * card.development.row_count, now)
        rows.append({"as_of_on": str(day)[:10], "sellers": len(own), "mean_score": float(score.mean()),
                     "psi": round(shift.psi, 4), "chance_psi": round(shift.chance_psi, 4),
                     "basis": str(own["basis"].iloc[0])})  # fmt: skip
    return pd.DataFrame(rows)


def _slices(parts: list[tuple[str, pd.DataFrame]]) -> pd.DataFrame:
    from orchestration.credit.scorecard.validation import (
        Interval,
        design_effect,
        grouped_auc_interval,
        rate_interval,
    )

    found = []
    for name, rows in parts:
        is_bad, weight = rows["is_bad"].to_numpy(bool), rows["weight"].to_numpy(float)
        probability = rows["probability"].to_numpy(float)
        bads = int(is_bad.sum())
        order = Interval(np.nan, np.nan, np.nan)
        if LEAST_OF_A_CLASS <= bads <= len(rows) - LEAST_OF_A_CLASS:
            order = grouped_auc_interval(probability, is_bad, rows["seller_id"], weight=weight)
        size = np.array([weight.sum()])
        # Rows of one seller hang together: they tell as much as fewer rows would.
        less = design_effect(probability, is_bad, rows["seller_id"], weight=weight)
        low, high = rate_interval(np.array([weight[is_bad].sum()]) / less, size / less)
        found.append(
            {
                "name": name, "row_count": len(rows), "bad_count": bads,
                "gini": 2 * order.value - 1, "gini_low": 2 * order.low - 1, "gini_high": 2 * order.high - 1,
                "mean_probability": float(np.average(probability, weights=weight)),
                "bad_rate": float(weight[is_bad].sum() / size[0]), "bad_rate_low": low[0], "bad_rate_high": high[0],
            }
        )  # fmt: skip
    return pd.DataFrame(found)
