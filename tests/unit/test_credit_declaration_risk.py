"""Declaration risk: what is learnt, judged and refused."""

from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from orchestration.credit.declaration_risk.fields import CATEGORIES, DeclarationError, checked, is_unseen
from orchestration.credit.declaration_risk.findings import read_findings
from orchestration.credit.declaration_risk.judging import precision
from orchestration.credit.declaration_risk.model import fit_declaration_risk
from orchestration.credit.declaration_risk.steps import declaration_risks
from orchestration.credit.declaration_risk.tables import DECLARATION_RISK, DECLARATION_RISK_MEASURE


def lines(count: int, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Declarations of ten codes from four origins: false ones are cheap for their code, or come from XA."""
    rng = np.random.default_rng(seed)
    code = rng.integers(0, 10, count)
    origin = rng.choice(["XA", "XB", "XC", "XD"], count)
    mass = np.exp(rng.normal(3, 1, count)).round(3)
    is_cheap = rng.random(count) < 0.15
    unit = np.exp(1 + 0.3 * code + 0.2 * rng.standard_normal(count)) * np.where(is_cheap, 0.2, 1.0)
    is_false = rng.random(count) < np.where(is_cheap, 0.8, np.where(origin == "XA", 0.5, 0.05))
    frame = pd.DataFrame(
        {
            "market": "KR",
            "declaration_line_key": [f"k{number:05}" for number in range(count)],
            "declaration_no": [f"D{number:05}" for number in range(count)],
            "line_no": 1,
            "declared_on": pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(count) * 180 // count, unit="D"),
            "hs6_code": [f"85{one:02}00" for one in code],
            "net_mass_kg": mass,
            "line_value_amount": (unit * mass).round(2),
            "duty_rate_pct": 8.0,
            "origin_country": origin,
        }
    )
    return frame, is_false


def test_false_declarations_stand_first_and_say_why():
    taught, label = lines(1200, 1)
    asked, truth = lines(600, 2)

    scored = fit_declaration_risk(taught, label).score(asked)

    found = precision(truth, scored["probability"])
    assert found.base_rate < 0.3
    assert found.at_10 > 2.5 * found.base_rate
    assert scored["is_unseen"].all()
    assert scored["probability"].mean() == pytest.approx(truth.mean(), abs=0.04)
    cheap = scored["unit_value_ratio"] < 0.4
    assert truth[cheap].mean() > 0.6
    assert (
        (scored.loc[asked["origin_country"] == "XA", "origin_false_share"]).min() > scored["origin_false_share"].mean()
    )


def test_a_line_s_own_label_does_not_leak_into_what_is_learnt():
    """Labels drawn by chance: whoever sees their own label in an encoding ranks the lines of the fit, no others."""
    taught, _ = lines(800, 3)
    asked, _ = lines(500, 4)
    chance = np.random.default_rng(5)
    party = [f"party {number}" for number in range(800)]
    taught["importer_key"], asked["importer_key"] = party, party[:500]
    truth = chance.random(500) < 0.3

    model = fit_declaration_risk(taught, chance.random(800) < 0.3)

    assert precision(truth, model.score(asked)["probability"]).at_10 == pytest.approx(0.3, abs=0.15)


def test_goods_are_unseen_where_code_mass_and_value_stand_nowhere():
    taught, _ = lines(50, 6)
    asked = pd.concat([taught.head(2), lines(3, 7)[0]], ignore_index=True)
    asked.loc[1, "line_value_amount"] += 1

    assert is_unseen(checked(asked), checked(taught)).tolist() == [False, True, True, True, True]


def test_what_is_missing_or_unknown_is_scored_all_the_same():
    taught, label = lines(600, 8)
    asked, _ = lines(3, 9)
    asked.loc[0, ["net_mass_kg", "duty_rate_pct"]] = np.nan
    asked.loc[1, "hs6_code"] = "010121"
    asked.loc[2, "origin_country"] = None

    scored = fit_declaration_risk(taught, label).score(asked)

    assert scored["probability"].between(0, 1).all()
    assert np.isnan(scored["unit_value_ratio"].iloc[0])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda rows: rows.drop(columns="hs6_code"), "no column hs6_code"),
        (lambda rows: rows.assign(net_mass_kg=["1"] * 29 + ["a kilo"]), "row 30, net_mass_kg: 'a kilo' is no number"),
    ],
)
def test_declarations_that_cannot_be_read_name_row_and_column(change, words):
    rows, label = lines(30, 10)
    with pytest.raises(DeclarationError, match=words):
        fit_declaration_risk(change(rows), label)


def test_labels_that_teach_nothing_are_refused():
    rows, _ = lines(30, 11)
    with pytest.raises(DeclarationError, match="same label"):
        fit_declaration_risk(rows, np.zeros(30, bool))
    with pytest.raises(DeclarationError, match="row 1: its label is missing"):
        fit_declaration_risk(rows, [None, *[True] * 29])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("declaration_no,found\nD1,1\n", "no column is_false"),
        ("declaration_no,is_false\nD1,maybe\n", "row 1: is_false is 'maybe'"),
        ("declaration_no,is_false\nD1,1\n ,0\n", "row 2: declaration_no"),
        ("declaration_no,is_false\nD1,1\nD1,yes\nD1,0\n", "row 3: declaration D1 is both true and false"),
    ],
)
def test_findings_that_cannot_be_read_name_file_and_row(tmp_path: Path, text: str, words: str):
    file = tmp_path / "findings.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(DeclarationError, match=f"findings.csv.*{words}"):
        read_findings(file)


def published(rows: pd.DataFrame) -> duckdb.DuckDBPyConnection:
    """The table that the step reads; categories that these lines lack are null."""
    con = duckdb.connect()
    con.register("rows", rows.reindex(columns=[*dict.fromkeys([*rows.columns, *CATEGORIES])]))
    con.execute("create table fct_declarations as select * replace (declared_on::date as declared_on) from rows")
    return con


def test_the_step_learns_from_findings_and_scores_what_nobody_has_inspected(tmp_path: Path):
    rows, label = lines(1300, 12)
    is_inspected = np.random.default_rng(13).random(1300) < 0.7
    file = tmp_path / "findings.parquet"
    pd.DataFrame({"declaration_no": rows["declaration_no"], "is_false": label})[is_inspected].to_parquet(file)

    with published(rows) as con:
        tables, words = declaration_risks(con, file)

    risks = tables[DECLARATION_RISK.name].set_index("declaration_no")
    open_since = rows["declared_on"].max() - pd.Timedelta(days=90)
    wanted = rows.loc[~is_inspected & (rows["declared_on"] > open_since), "declaration_no"]
    assert sorted(risks.index) == sorted(wanted)
    measures = tables[DECLARATION_RISK_MEASURE.name].set_index(["slice", "metric"])["value"]
    assert measures["all", "precision_at_10"] > 2 * measures["all", "base_rate"]
    cheap = risks[risks["unit_value_ratio"] < 0.4]
    assert cheap["signals_en"].str.contains("of its code's median").all()
    assert cheap["signals_zh"].str.contains("申报价值").all()
    assert f"{is_inspected.sum():,} lines" in words


def test_without_findings_or_with_few_the_step_says_so(tmp_path: Path):
    rows, label = lines(100, 14)
    file = tmp_path / "findings.csv"
    pd.DataFrame({"declaration_no": rows["declaration_no"], "is_false": label}).to_csv(file, index=False)
    with published(rows) as con:
        tables, words = declaration_risks(con, None)
        assert len(tables[DECLARATION_RISK.name]) == 0
        assert "no file of findings" in words
        tables, words = declaration_risks(con, file)
    assert len(tables[DECLARATION_RISK.name]) == 0
    assert "500 lines with 50 of each finding are needed" in words
