"""The pictures of a model card, by name, with what each shows.

Belongs here: which plots a version has. Does not: drawing (see `scorecard/plots.py`), figures (see `content.py`).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from orchestration.credit.model_card.content import LEAST_OF_A_CLASS, ModelCard
from orchestration.credit.training import figure

if TYPE_CHECKING:
    from collections.abc import Iterator

_BY_TURNS = " Too few bads for a split in time: sellers were left out by turns."


@dataclass(frozen=True)
class Picture:
    """PNG, 900 pixels wide; `name` for programs, `title` and `words` for readers."""

    name: str
    title: str
    words: str
    png: bytes


def pictures(found: ModelCard) -> list[Picture]:
    """Every plot that the version's rows allow: without unseen rows of both classes only those of today."""
    return [*_of_unseen(found), *_of_today(found)]


def _of_unseen(found: ModelCard) -> "Iterator[Picture]":
    from orchestration.credit.scorecard import plots
    from orchestration.credit.scorecard.validation import approval_table, design_effect

    rows = found.unseen
    is_bad = rows["is_bad"].to_numpy(bool)
    if not LEAST_OF_A_CLASS <= int(is_bad.sum()) <= len(rows) - LEAST_OF_A_CLASS:
        return
    probability, weight = rows["probability"].to_numpy(float), rows["weight"].to_numpy(float)
    beside = {"challenger": rows["challenger_probability"].to_numpy(float)}
    if rows["in_use_probability"].notna().all():
        beside["version in use then"] = rows["in_use_probability"].to_numpy(float)
    where = found.part.replace("_", " ")
    yield Picture(
        "order", "Order: ROC and KS 区分能力", f"{len(rows):,} rows {where}; {int(is_bad.sum())} of them bad.",
        plots.order_plot(probability, is_bad, weight=weight, beside=beside),
    )  # fmt: skip
    yield Picture(
        "calibration", "Calibration 校准",
        "Rows count what they have shown of the horizon; intervals and test know that a seller stands in several rows.",
        plots.calibration_plot(
            probability, is_bad,
            weight=weight / design_effect(probability, is_bad, rows["seller_id"], weight=weight),
            parts=max(2, min(10, rows.loc[is_bad, "seller_id"].nunique() // 5)),
            p_value=figure(found.measures, found.part, "calibration_p_value"),
        ),
    )  # fmt: skip
    yield Picture(
        "lift", "Lift 提升度", "How many of the bads stand among the riskiest.",
        plots.lift_plot(probability, is_bad, beside=beside),
    )  # fmt: skip
    days, markets = found.by_day(), found.by_market()
    if found.part == "out_of_time" or len(days) > 1:
        yield Picture(
            "by_day", "Out of time 跨时间" if found.part == "out_of_time" else "By day 按日期",
            "Sellers as of each day, and what came of them." + ("" if found.part == "out_of_time" else _BY_TURNS),
            plots.slices_plot(days, "day"),
        )  # fmt: skip
    if len(markets):
        yield Picture(
            "by_market", "By market 按市场",
            f"A seller stands in every market where he sold. No Gini below {LEAST_OF_A_CLASS} bads.",
            plots.slices_plot(markets, "market"),
        )  # fmt: skip
    score = rows["score"].to_numpy(float)
    limits = np.unique(np.rint(np.quantile(score, np.linspace(0, 1, 61))))
    yield Picture(
        "approvals", "Approvals at cut-offs 审批分数线", "Letters: the lowest score of each grade.",
        plots.approval_plot(
            approval_table(score, is_bad, list(limits), weight),
            {name: at for name, at in found.cut_offs().items() if limits[0] <= at <= limits[-1]},
        ),
    )  # fmt: skip
    yield Picture(
        "scores", "Scores of goods and bads 得分分布", f"The same rows {where}.", plots.score_plot(rows, is_bad)
    )


def _of_today(found: ModelCard) -> "Iterator[Picture]":
    from orchestration.credit.scorecard import plots

    if len(found.drift):
        labels = {**found.labels, "score": "score"}
        yield Picture(
            "stability", "Stability 稳定性",
            f"{found.now_count:,} {found.of_whom} of {found.as_of} beside the {found.card.development.row_count:,} rows"
            " of the sample. Moved: PSI of .1 or more and beyond chance at 1 %.",
            plots.drift_plot(found.drift, labels),
        )  # fmt: skip
    if len(found.sensitivity):
        yield Picture(
            "sensitivity", "Sensitivity 敏感性",
            f"All sellers of {found.as_of}; specials and missing values stay as they are.",
            plots.sensitivity_plot(found.sensitivity, found.labels),
        )  # fmt: skip
