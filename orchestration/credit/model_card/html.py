"""The model card as one HTML file: what the version is, how it was judged, who approved it, where it must not be used.

Belongs here: HTML and the words around the figures. Does not: figures (see `content.py`), pictures (see `pictures.py`).
"""

import base64
from collections.abc import Sequence
from html import escape

import numpy as np
import pandas as pd

from orchestration.credit.model_card.content import LEAST_OF_A_CLASS, ModelCard
from orchestration.credit.model_card.pictures import Picture
from orchestration.credit.page.parts import card, day, section, table, text, whole_page
from orchestration.credit.scorecard.card import Part
from orchestration.credit.training import (
    CHALLENGER,
    IN_USE,
    LEAST_GINI,
    LEAST_P_VALUE,
    MARKET,
    MOST_GINI_LOST,
    OUT_OF_FOLD,
    OUT_OF_TIME,
    TRAINING,
    figure,
)

_SLICES = {
    OUT_OF_TIME: "Scorecard, newest days (not learnt from)",
    OUT_OF_FOLD: "Scorecard, sellers left out by turns",
    CHALLENGER + OUT_OF_TIME: "Challenger, the same rows",
    CHALLENGER + OUT_OF_FOLD: "Challenger, the same rows",
    IN_USE: "Version in use then, the same rows",
    TRAINING: "Scorecard, rows that it has learnt from",
}
_METRICS = {
    "row_count": ("rows", 0), "bad_count": ("bads", 0), "bad_seller_count": ("bad sellers", 0),
    "auc": ("AUC", 3), "gini": ("Gini", 3), "ks": ("KS", 3),
    "brier": ("Brier", 4), "mean_probability": ("mean probability, %", 2), "bad_rate": ("bad, %", 2),
    "calibration_p_value": ("calibration p", 3),
}  # fmt: skip
_FEW_BADS = 100


def render(found: ModelCard, pictures: Sequence[Picture]) -> str:
    """The page."""
    sections = [
        _head(found),
        section("Use 用途", _use()),
        section("Limits of use 使用限制", _limits(found)),
        section("Approval 审批", _approval(found)),
        section("What counts as bad 违约定义", _target(found)),
        section("Data 数据", _data(found)),
        section("Performance, the challenger beside 表现与挑战者模型", _performance(found)),
        *(section(escape(one.title), _picture(one)) for one in pictures),
        section("Scores since it was made 得分走势", _history(found)),
        section("Coefficients 系数", _coefficients(found)),
        section("Bins and points 分箱与分值", _bins(found)),
        section("What the fit says 拟合说明", _notes(found)),
        section("To make it again 复现", _again(found)),
    ]
    return whole_page(f"Model card, scorecard {found.version}", "".join(sections))


def _head(found: ModelCard) -> str:
    about = found.about
    gini = figure(found.measures, found.part, "gini")
    beside = figure(found.measures, CHALLENGER + found.part, "gini")
    fits = figure(found.measures, found.part, "calibration_p_value")
    where = found.part.replace("_", " ") or "not measured"
    cards = [
        card("Status 状态", text(about["status"]), "in use 使用中" if bool(about["is_in_use"]) else "not in use"),
        card("Gini 区分能力", _number(gini, 3), f"{where}; challenger {_number(beside, 3)}"),
        card("Calibration 校准", _number(fits, 3), f"p-value; at least {LEAST_P_VALUE:g} is asked"),
        card(
            "Bads 违约样本", _count(about["bad_count"]),
            f"of {_count(about['row_count'])} rows; the judged ones of {found.bad_sellers} sellers",
        ),
        card(
            "Stability 稳定性", _number(found.shift.psi if found.shift else None, 3),
            f"PSI of {found.of_whom}' scores, {found.as_of}" if found.shift else "too few sellers today",
        ),
    ]  # fmt: skip
    warning = ""
    if text(about["status"]) != "approved":
        words = f"Nobody has approved this version: it is {text(about['status'])}. 该版本尚未获批准。"
        warning = f'<div class="warn">{escape(words)}</div>'
    return (
        f"<h1>Scorecard {escape(found.version)}</h1>"
        '<div class="quiet">Model card, made from published tables. 模型卡'
        f" Trained as of {day(about['trained_on'])}, on sellers"
        f" as of {day(about['sample_from_on'])} to {day(about['sample_to_on'])}.</div>"
        f'<div class="top">{"".join(cards)}</div>{warning}'
    )


def _use() -> str:
    return (
        "<p>Gives each seller a score from what the ledger holds of him: orders, documents that match, clearance,"
        " receipts, rebates, disputes, instalments. From the probability come his grade, a factor of his limit, and"
        " a part of the price of a guarantee. An officer decides with it, and may override, freeze and release.</p>"
        "<p lang='zh'>依据账本中的订单、单证匹配、通关、收汇、退税、纠纷与还款记录，为卖家评分；"
        "评分决定等级、额度系数与担保定价的一部分。最终由信贷员决定，可人工调整、冻结与解冻。</p>"
    )


def _limits(found: ModelCard) -> str:
    """What whoever uses the version must not forget; the figures are the version's own."""
    about, card_ = found.about, found.card
    told = [
        "Learnt from sellers who borrowed and had instalments due: for one who never did it is an extrapolation.",
        "It orders sellers of this platform; a firm whose trade is not in the ledger cannot be scored with it.",
        "No protected attribute and nothing of single buyers is asked; its use for natural persons was not examined.",
    ]
    bads = text(about["bad_count"])
    whose = f" (the judged ones of {found.bad_sellers} sellers)" if found.bad_sellers else ""
    if bads and float(bads) < _FEW_BADS:
        told.append(
            f"{_count(bads)} bads{whose} are few: intervals are wide, probabilities rest on the scale of the points"
            " more than on what was seen, and no figure of a single market is sure."
        )
    if found.part == OUT_OF_FOLD:
        told.append(
            "Bads were too few for a split in time: it was judged on sellers left out, not on a later time. How it"
            " holds when times change is not known yet."
        )
    if found.definition and found.definition.performance_days:
        final = found.definition.performance_days + found.definition.maturity_days
        told.append(
            f"Outcomes are final {final} days after the day of a row, so the newest that it knows is of"
            f" {day(about['sample_to_on'])}."
        )
    markets = found.by_market()
    silent = [] if markets.empty else list(markets.loc[markets["bad_count"] < LEAST_OF_A_CLASS, "name"].astype(str))
    if silent:
        told.append(f"Not judged for want of bads in {', '.join(silent)}.")
    if card_.thin_evidence:
        told.append(
            f"With {card_.thin_evidence:g} of {card_.evidence_column.replace('_', ' ')}"
            " a file is pulled half-way to the portfolio's mean; with less it says more of the portfolio than of the"
            " seller."
        )
    names = [] if found.drift.empty else list(found.drift.loc[found.drift["has_moved"], "name"].astype(str))
    moved = [found.labels.get(name, "the score") for name in names]
    if found.shift_of_all and found.of_whom == "borrowers" and found.shift_of_all.has_moved:
        told.append(
            f"All sellers together differ from the sample (PSI {found.shift_of_all.psi:.2f}), borrowers by"
            f" {found.shift.psi if found.shift else float('nan'):.2f}: whom a sample cannot hold."
        )
    if moved:
        told.append(f"Moved since the sample: {', '.join(moved)}. Recalibrate or retrain before trusting the level.")
    told.append(
        "A seller stands in several rows: intervals of Gini draw whole sellers; those of coefficients and rates, and"
        " the test of calibration, are widened by the design effect. Those of single bins take rows as independent."
    )
    return "<ul>" + "".join(f"<li>{escape(one)}</li>" for one in told) + "</ul>"


def _approval(found: ModelCard) -> str:
    about = found.about
    verdict = "It qualifies" if bool(about["does_qualify"]) else "It does not qualify"
    asked = (
        f"A version qualifies with a Gini of {LEAST_GINI:g} on rows that it has not learnt from, no more than"
        f" {MOST_GINI_LOST:g} below that of the version in use, probabilities that fit their outcomes"
        f" (p ≥ {LEAST_P_VALUE:g}), and no characteristic that separates without error."
    )
    why = escape(text(about["qualification"]))
    words = f"<p><strong>{verdict}</strong>: {why}.</p><p class='quiet'>{escape(asked)}</p>"
    if text(about["decided_by"]):
        words += (
            f"<p>Approved by <strong>{escape(text(about['decided_by']))}</strong> on {day(about['decided_at'])}"
            f" (decision {escape(text(about['decision_id']))}). 批准人</p>"
        )
    else:
        words += (
            "<p>No person has approved it. Approve with a row of the officer's sheet: <code>approve_model</code> and"
            f" <code>{escape(found.version)}</code>. 尚无人批准。</p>"
        )
    columns = ["decided_at", "decision_id", "decision", "reason", "decided_by", "second_by", "state", "state_reason"]
    return words + (table(found.decisions[columns]) if len(found.decisions) else "")


def _target(found: ModelCard) -> str:
    one = found.definition
    if one is None:
        return f"<p>{escape(text(found.about['target_definition']))}: no such definition is known any more.</p>"
    rows = [
        ("observed before", f"{one.observation_days} days"),
        ("performance window", f"{one.performance_days} days"),
        ("gap until the outcome is final", f"{one.maturity_days} days"),
        ("the probability speaks of", f"{one.horizon_days} days"),
    ]
    if one.past_due_days:
        rows += [
            ("bad", f"an instalment more than {one.past_due_days} days past due"),
            ("indeterminate", f"later than {one.late_days} days, but not bad"),
            ("left out", f"more than {one.arrears_days} days in arrears on the day itself"),
        ]
    return f"<p><strong>{escape(one.code)}</strong>: {escape(one.words)}</p>" + _pairs(rows)


def _data(found: ModelCard) -> str:
    about = found.about
    prefix = "sample_"
    own = found.measures[found.measures["slice"].str.startswith(prefix)]
    words = (
        f"<p>{_count(about['row_count'])} rows with an outcome, {_count(about['bad_count'])} bad, of sellers as of"
        f" {day(about['sample_from_on'])} to {day(about['sample_to_on'])}, a quarter apart; features are what was"
        " known on the day, by the published ledger. A good row counts the part of the horizon in which something"
        " was owed.</p>"
    )
    if own.empty:
        return words
    order = [name for name in ("good", "bad", "indeterminate", "immature", "excluded") if name in set(own["metric"])]
    wide = own.pivot_table(index="slice", columns="metric", values="value")[order].astype(int).reset_index()
    wide["slice"] = wide["slice"].str.removeprefix(prefix)
    return words + table(wide.rename(columns={"slice": "as of"}))


def _performance(found: ModelCard) -> str:
    from orchestration.credit.scorecard.validation import grouped_auc_interval

    known = [name for name in _SLICES if figure(found.measures, name, "row_count") is not None]
    shown = ["auc", "gini", "ks", "brier", "mean_probability", "bad_rate", "calibration_p_value"]
    rows = []
    for name in known:
        row = {"": _SLICES[name]}
        for metric in ("row_count", "bad_count", "bad_seller_count", *shown):
            label, digits = _METRICS[metric]
            value = figure(found.measures, name, metric)
            scale = 100 if label.endswith("%") else 1
            row[label] = _number(None if value is None else scale * value, digits)
        rows.append(row)
    words = table(pd.DataFrame(rows)) if rows else '<p class="quiet">No measure of this version is published.</p>'
    is_bad = found.unseen["is_bad"].to_numpy(bool)
    if LEAST_OF_A_CLASS <= int(is_bad.sum()) < len(is_bad):
        own = grouped_auc_interval(
            found.unseen["probability"].to_numpy(float), is_bad, found.unseen["seller_id"],
            weight=found.unseen["weight"].to_numpy(float),
        )  # fmt: skip
        other = figure(found.measures, CHALLENGER + found.part, "auc")
        words += (
            f"<p>AUC {own.value:.3f}, at 95 % between {own.low:.3f} and {own.high:.3f} (sellers drawn again). The"
            f" challenger (boosted trees under the same directions) reaches {_number(other, 3)}: the price of a score"
            f" that can be explained is {_number(None if other is None else other - own.value, 3)} of AUC. No score"
            " is made by it.</p>"
        )
    markets = found.measures[found.measures["slice"].str.startswith(MARKET)]
    return words + (
        '<p class="quiet">By market: see the picture below, and <code>credit_model_measure</code>.</p>'
        if len(markets)
        else ""
    )


def _picture(one: Picture) -> str:
    data = base64.b64encode(one.png).decode("ascii")
    return (
        f'<img class="plot" alt="{escape(one.title)}" src="data:image/png;base64,{data}">'
        f'<p class="quiet">{escape(one.words)}</p>'
    )


def _history(found: ModelCard) -> str:
    if found.history.empty:
        return '<p class="quiet">It has made no published score.</p>'
    return table(found.history.tail(14).astype({"sellers": int}).round({"mean_score": 1}))


def _coefficients(found: ModelCard) -> str:
    rows = [
        {
            "characteristic": part.characteristic.english,
            "": _chinese(part),
            "coefficient": f"{part.coefficient:.3f}",
            "95 % interval": f"{part.low:.3f} to {part.high:.3f}",
            "p": f"{part.p_value:.4f}" if part.p_value >= 0.0001 else "< 0.0001",
            "information value": f"{part.bins.iv:.3f}",
            "course": {1: "more is better", -1: "more is worse"}.get(part.characteristic.direction, "as found")
            if not part.characteristic.is_categorical
            else "category",
            "most points": str(part.most_points),
        }
        for part in sorted(found.card.parts, key=lambda part: -part.most_points)
    ]
    scale, made = found.card.scaling, found.card.development
    words = (
        f"Score = {found.card.base_points} base points + the points of one bin each. {scale.score:g} points are odds"
        f" of {scale.odds:g} : 1, {scale.double:g} double them. Logistic regression on weights of evidence from other"
        f" sellers' folds; every coefficient must be positive. {made.row_count:,} rows, {made.bad_count:,} bad, mean"
        f" score {made.mean_score:.0f}."
    )
    lowest = found.cut_offs()
    grades = [
        (grade.name, f"up to {100 * grade.most_probability:g} %",
         f"from {lowest[grade.name]:.0f}" if grade.name in lowest else "")
        for grade in found.card.grades
    ]  # fmt: skip
    shown = pd.DataFrame(grades, columns=["grade", "probability", "score"])
    return f"<p>{escape(words)}</p>{table(pd.DataFrame(rows))}<h3>Grades 等级</h3>{table(shown)}"


def _bins(found: ModelCard) -> str:
    whole = found.card.table()
    blocks = []
    for part in found.card.parts:
        own = whole[
            (whole["name"] == part.characteristic.name) & ((whole["row_count"] > 0) | (whole["kind"] == "missing"))
        ]
        shown = pd.DataFrame(
            {
                "bin": own["bin"],
                "rows": own["row_count"].map("{:,}".format),
                "share, %": (100 * own["row_share"]).map("{:.1f}".format),
                "bads": own["bad_count"].map("{:,}".format),
                "bad, %": (100 * own["bad_rate"]).map(lambda rate: "" if np.isnan(rate) else f"{rate:.2f}"),
                "weight of evidence": own["woe"].map("{:.2f}".format),
                "95 % interval": [
                    f"{low:.2f} to {high:.2f}" for low, high in zip(own["woe_low"], own["woe_high"], strict=True)
                ],
                "points": own["points"].map(str),
            }
        )
        head = escape(f"{part.characteristic.english} {_chinese(part)}")
        words = f"information value {part.bins.iv:.3f}, up to {part.most_points} points"
        blocks.append(
            f"<details><summary>{head} <span class='quiet'>{words}</span></summary>{table(shown)}</details>"
        )  # fmt: skip
    return "".join(blocks)


def _notes(found: ModelCard) -> str:
    rows = [{"characteristic": note.name or "sample", "note": note.text} for note in found.card.notes]
    return table(pd.DataFrame(rows)) if rows else '<p class="quiet">Nothing was left out. 无。</p>'


def _again(found: ModelCard) -> str:
    name = escape(found.version)
    return (
        "<p>Tables: <code>credit_model</code> (the whole card as JSON), <code>credit_model_measure</code>,"
        " <code>credit_model_validation</code> (every unseen row with what was said of it),"
        f" <code>limit_decision</code>.</p><p><code>python -m orchestration.credit card {name}</code></p><p"
        " class='quiet'>The version's number holds the day of its training and the first digits of its card's"
        " SHA-256.</p>"
    )


def _pairs(rows: Sequence[tuple[str, str]]) -> str:
    body = "".join(f"<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>" for name, value in rows)
    return f'<table class="terms">{body}</table>'


def _count(value: object) -> str:
    return f"{int(float(text(value))):,}" if text(value) else "–"


def _chinese(part: Part) -> str:
    """The label in Chinese; empty where it has none of its own."""
    one = part.characteristic
    return "" if one.chinese == one.english else one.chinese


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None or not np.isfinite(value) else f"{value:,.{digits}f}"
