"""A version's model card: made from published rows alone, complete, and honest about what is not known."""

import re
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from orchestration.credit.model_card.content import NoVersion, read_model_card, versions
from orchestration.credit.model_card.writing import due_versions, write_due_cards, write_model_card
from orchestration.credit.rows import in_columns
from orchestration.credit.steps import model_row
from orchestration.credit.tables import CREDIT_MODELS
from orchestration.credit.training import Trained, train
from orchestration.reporting.languages import with_languages
from orchestration.settings import Settings
from tests.unit.test_credit_scores import ASKED, AUGUST, sample

TODAY = pd.Timestamp("2026-09-01")


@pytest.fixture(scope="module")
def made() -> Trained:
    return train(sample(900), ASKED, AUGUST)


@pytest.fixture
def con(made: Trained) -> duckdb.DuckDBPyConnection:
    """The published tables: one qualified version that nobody approved, today's features and scores."""
    today = sample(80).assign(orders=lambda rows: rows["orders"] + 25)
    scored = made.card.score(today)
    features = [
        pd.DataFrame({"seller_id": today["seller_id"], "as_of_on": TODAY, "name": name,
                      "value": None if name == "grade" else today[name],
                      "value_text": today[name] if name == "grade" else None})
        for name in ("orders", "late", "grade")
    ]  # fmt: skip
    scores = pd.DataFrame({"seller_id": today["seller_id"], "as_of_on": TODAY, "version": made.version,
                           "score": scored["score"], "basis": "published"})  # fmt: skip
    tables = {
        "credit_model": model_row(made, "hard").assign(status="qualified", is_in_use=True),
        "credit_model_measure": made.measures.assign(version=made.version),
        "credit_model_validation": made.validation.assign(version=made.version),
        "seller_feature": pd.concat(features),
        "seller_score": scores,
    }
    found = duckdb.connect()
    for model in CREDIT_MODELS:
        rows = in_columns(tables.get(model.name, pd.DataFrame()), model)
        found.register("incoming", rows)
        columns = ", ".join(f'"{column.name}"::{column.type} as "{column.name}"' for column in model.spec.columns)
        found.execute(f"create table {model.name} as select {columns} from incoming")
        found.unregister("incoming")
    return found


def test_a_card_says_how_it_was_judged_and_that_nobody_has_approved(
    con: duckdb.DuckDBPyConnection, made: Trained, tmp_path: Path
) -> None:
    settings = Settings(home=tmp_path, catalog_uri="")
    (written,) = write_due_cards(con, settings)
    assert [one.name for one in written.pictures] == [
        "order", "calibration", "lift", "by_day", "by_market", "approvals", "scores", "stability", "sensitivity",
    ]  # fmt: skip
    assert all(one.png.startswith(b"\x89PNG") for one in written.pictures)
    assert written.path == tmp_path / "reports" / f"scorecard_{made.version}.html"
    page = written.path.read_text(encoding="utf-8")
    assert "Nobody has approved this version" in page
    assert "2024-03-01 to 2024-09-01" in page
    assert "Challenger, the same rows" in page
    assert page.count("data:image/png;base64,") == 9
    # Orders have moved by twenty-five since the sample, and the card says so among the limits of its use.
    assert "Moved since the sample: " in page
    assert "the score" in page
    for part in made.card.parts:
        assert f"{part.coefficient:.3f}" in page
        assert all(item.label.replace("<", "&lt;") in page for item in part.bins.bins if item.row_count)
    # Nothing outside is needed, and Chinese stands in elements that say so.
    assert not re.search(r'(?:src|href)="(?!data:)', page)
    assert with_languages(page.split("<body>")[1]) == page.split("<body>")[1]
    assert '<span lang="zh">校准</span>' in page


def test_an_approval_makes_the_card_anew_and_a_retired_one_is_kept(
    con: duckdb.DuckDBPyConnection, made: Trained, tmp_path: Path
) -> None:
    settings = Settings(home=tmp_path, catalog_uri="")
    # Without rows to draw a card is made in no time.
    for table in ("credit_model_validation", "seller_feature"):
        con.execute(f"delete from {table}")
    con.execute("insert into credit_model select * replace ('20250101-bbbbbbbb' as version, date '2025-01-01' as"
                " trained_on, 'retired' as status, false as is_in_use) from credit_model")  # fmt: skip
    for version in due_versions(versions(con), settings):
        write_model_card(read_model_card(con, version), settings)
    assert due_versions(versions(con), settings) == [made.version]
    con.execute("update credit_model set decided_by = 'Ann <Li>', decided_at = timestamp '2026-09-02 10:00:00',"
                " decision_id = 'M-1', status = case when is_in_use then 'approved' else 'candidate' end")  # fmt: skip
    con.execute(
        "insert into limit_decision by name select 'M-1' as decision_id, 1 as word_no, 'approve_model' as decision,"
        " $version as model_version, 'seen by the committee' as reason, 'Ann <Li>' as decided_by, 'Bo' as second_by,"
        " timestamp '2026-09-02 10:00:00' as decided_at, 'done' as state",
        {"version": made.version},
    )
    assert due_versions(versions(con), settings) == ["20250101-bbbbbbbb", made.version]
    page = write_model_card(read_model_card(con), settings).path.read_text(encoding="utf-8")
    assert "Approved by <strong>Ann &lt;Li&gt;</strong> on 2026-09-02" in page
    assert "seen by the committee" in page
    assert "Nobody has approved" not in page
    with pytest.raises(NoVersion, match=f"there is no version v9; there are 20250101-bbbbbbbb, {made.version}"):
        read_model_card(con, "v9")


def test_without_unseen_rows_or_sellers_the_card_stands_with_what_is_known(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    for table in ("credit_model_validation", "credit_model_measure", "seller_feature", "seller_score"):
        con.execute(f"delete from {table}")
    written = write_model_card(read_model_card(con), Settings(home=tmp_path, catalog_uri=""))
    assert not written.pictures
    page = written.path.read_text(encoding="utf-8")
    assert "No measure of this version is published." in page
    con.execute("delete from credit_model")
    with pytest.raises(NoVersion, match="no version of the scorecard is published: run credit_job"):
        read_model_card(con)


def test_languages_are_marked_once_and_only_in_text() -> None:
    text = "<title>信用</title><p title='信用'>Score 信用分, 近180天</p><p lang='zh'>甲<b>乙</b></p>サンプル &amp; 한국"
    marked = with_languages(text)
    assert marked == (
        '<title>信用</title><p title=\'信用\'>Score <span lang="zh">信用分</span>, <span lang="zh">近180天</span></p>'
        '<p lang=\'zh\'>甲<b>乙</b></p><span lang="ja">サンプル</span> &amp; <span lang="ko">한국</span>'
    )
    assert with_languages(marked) == marked
