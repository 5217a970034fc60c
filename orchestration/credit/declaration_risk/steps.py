"""Declaration risk as a step of the credit run: published lines and findings in, tables out.

Belongs here: queries, the order of learning, judging and scoring, words. Does not: Dagster, the model.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from orchestration.credit.declaration_risk.fields import CATEGORIES, NUMBERS, checked, is_unseen
from orchestration.credit.declaration_risk.findings import read_findings
from orchestration.credit.declaration_risk.judging import precision
from orchestration.credit.declaration_risk.model import DeclarationRisk, fit_declaration_risk
from orchestration.credit.declaration_risk.tables import DECLARATION_RISK, DECLARATION_RISK_MEASURE
from orchestration.credit.rows import Tables, empty, in_columns

if TYPE_CHECKING:
    import duckdb

# Older ones are released and paid for: nobody holds them any more.
SCORED_DAYS = 90
FEWEST_LINES, FEWEST_FALSE = 500, 50
_NAMES = ("market", "declaration_line_key", "declaration_no", "line_no", "declared_on", "hs6_code")
_FIELDS = ", ".join(dict.fromkeys((*_NAMES, *NUMBERS, *CATEGORIES)))
_INSPECTED = f"""
    select {_FIELDS}, is_false from fct_declarations inner join findings using (declaration_no)
    where declared_on is not null order by declared_on, declaration_line_key
"""
_OPEN = f"""
    select {_FIELDS} from fct_declarations
    where declared_on > (select max(declared_on) from fct_declarations) - {SCORED_DAYS}
        and declaration_no not in (select declaration_no from findings)
    order by declaration_line_key
"""


def declaration_risks(con: "duckdb.DuckDBPyConnection", findings_file: Path | None) -> tuple[Tables, str]:
    """The rows of both tables, and in words what was learnt or why nothing was.

    Raises DeclarationError for a file of findings that cannot be read.
    """
    nothing = {model.name: empty(model) for model in (DECLARATION_RISK, DECLARATION_RISK_MEASURE)}
    if findings_file is None:
        return nothing, "no file of findings is named (TRADEWIND_INSPECTION_FINDINGS)"
    findings = read_findings(findings_file)
    con.register("findings", findings)
    inspected = con.execute(_INSPECTED).df()
    false_count = int(inspected["is_false"].sum()) if len(inspected) else 0
    if len(inspected) < FEWEST_LINES or min(false_count, len(inspected) - false_count) < FEWEST_FALSE:
        return nothing, (
            f"{len(inspected):,} lines of {len(findings):,} findings are published, {false_count:,} of them false: "
            f"{FEWEST_LINES} lines with {FEWEST_FALSE} of each finding are needed"
        )
    measures = _judged(inspected)
    open_lines = con.execute(_OPEN).df()
    model = fit_declaration_risk(inspected, inspected["is_false"])
    rows = _risks(model, open_lines) if len(open_lines) else empty(DECLARATION_RISK)
    rows = rows.assign(learnt_to_on=inspected["declared_on"].max())
    words = f"learnt from {len(inspected):,} lines, {false_count:,} of them false; {len(rows):,} lines scored"
    return {
        DECLARATION_RISK.name: in_columns(rows, DECLARATION_RISK),
        DECLARATION_RISK_MEASURE.name: in_columns(measures, DECLARATION_RISK_MEASURE),
    }, words


def _judged(inspected: pd.DataFrame) -> pd.DataFrame:
    """Precision on the last quarter of the inspected lines by a model that knows only those before it."""
    days = pd.to_datetime(inspected["declared_on"]).to_numpy()
    is_later = days > np.sort(days)[len(days) * 3 // 4]
    before, later = inspected[~is_later], inspected[is_later]
    truth = later["is_false"].to_numpy(bool)
    if not len(later) or before["is_false"].nunique() < 2:
        return empty(DECLARATION_RISK_MEASURE)
    probability = fit_declaration_risk(before, before["is_false"]).score(later)["probability"].to_numpy(float)
    unseen = is_unseen(checked(later), checked(before))
    rows = []
    for name, is_meant in (("all", unseen | True), ("unseen", unseen)):
        if not is_meant.any():
            continue
        found = precision(truth[is_meant], probability[is_meant])
        figures = {
            "rows": float(found.rows),
            "base_rate": found.base_rate,
            "precision_at_5": found.at_5,
            "precision_at_10": found.at_10,
        }
        rows += [{"slice": name, "metric": metric, "value": value} for metric, value in figures.items()]
    return pd.DataFrame(rows)


def _risks(model: DeclarationRisk, lines: pd.DataFrame) -> pd.DataFrame:
    scored = model.score(lines).rename(columns={"probability": "false_probability"})
    words = [
        _signals(ratio, origin, code, model.rates.overall)
        for ratio, origin, code in zip(
            scored["unit_value_ratio"], scored["origin_false_share"], scored["code_false_share"], strict=True
        )
    ]
    scored["signals_en"] = [english for english, _ in words]
    scored["signals_zh"] = [chinese for _, chinese in words]
    return pd.concat([lines.drop(columns=[name for name in scored.columns if name in lines]), scored], axis=1)


def _signals(ratio: float, origin: float, code: float, overall: float) -> tuple[str, str]:
    """What stands out: a price below half its code's median, a code or an origin found false 1.25 times the mean."""
    english, chinese = [], []
    if ratio < 0.5:
        english.append(f"value of a kilogram is {ratio:.2f} of its code's median")
        chinese.append(f"每公斤申报价值为同类编码中位数的{ratio:.2f}倍")
    if origin > 1.25 * overall:
        english.append(f"{origin:.0%} of inspected lines of this code and origin were false")
        chinese.append(f"该编码与原产地的查验不实比例为{origin:.0%}")
    if code > 1.25 * overall:
        english.append(f"{code:.0%} of inspected lines of this code were false")
        chinese.append(f"该编码的查验不实比例为{code:.0%}")
    return "; ".join(english), "；".join(chinese)
