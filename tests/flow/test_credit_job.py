"""The credit job on its own lake: nothing published gives empty tables; a market held back makes scores stale."""

import warnings
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import dagster as dg
import pyarrow.parquet as pq
import pytest

from orchestration.credit.tables import CREDIT_MODELS
from orchestration.credit.work import newest_publication
from orchestration.planning import work as planning
from orchestration.platform import Platform
from orchestration.settings import Settings
from orchestration.sql import connect, tables_named_in
from tests import credit_lake


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    return Platform(Settings(home=tmp_path, catalog_uri=""))


@cache
def credit_job(platform: Platform) -> dg.JobDefinition:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        from orchestration.definitions import build_defs
    return build_defs({"platform": platform}).resolve_job_def("credit_job")


def reckoned(platform: Platform, **config: object) -> dg.ExecuteInProcessResult:
    ops = {"guarantees": {"config": {"paths": 2000}}, **config}
    return credit_job(platform).execute_in_process(
        instance=dg.DagsterInstance.ephemeral(), run_config={"ops": ops}, raise_on_error=False
    )


def read(platform: Platform, query: str) -> list[tuple[object, ...]]:
    with connect(platform.lake, tables=tables_named_in(query)) as con:
        return con.execute(query).fetchall()


def test_nothing_published_gives_empty_tables(platform: Platform) -> None:
    assert reckoned(platform).success
    assert read(platform, "select count(*) from seller_score") == [(0,)]
    tables = read(platform, "select count(*) from publications where table_name like 'credit.%'")
    assert tables == [(len(CREDIT_MODELS),)]
    # What credit publishes is no reason to reckon or to plan again.
    assert newest_publication(platform.lake) == planning.newest_publication(platform.lake) == 0


def test_scores_limits_and_pages_until_a_market_is_held_back(platform: Platform, tmp_path: Path) -> None:
    credit_lake.publish(platform.lake, "model", credit_lake.scorecard())
    credit_lake.publish(platform.lake, "night-1", {**credit_lake.trade(), **credit_lake.parties()})
    assert reckoned(platform).success
    today = read(
        platform,
        "select seller_id, is_stale, model_status, score is not null from seller_score"
        " where as_of_on = date '2026-09-01' order by 1",
    )
    assert today == [(seller, False, "qualified", True) for seller in ("S1", "S2", "S3")]
    limits = {
        seller: (basis, limit, model)
        for seller, basis, limit, model in read(
            platform, "select seller_id, limit_basis, limit_usd, model_limit_usd from seller_limit"
        )
    }
    # S3 is frozen and keeps the model's figure beside it; the override of S2 waits for a second person.
    assert limits["S3"][:2] == ("frozen", 0.0)
    assert limits["S3"][2] > 0
    assert limits["S2"][0] == "model"
    states = read(platform, "select decision_id, state, needs_second from limit_decision order by 1")
    assert states == [("L1", "in_force", False), ("L2", "pending", True)]
    # Half of A1 is paid back; nothing of A2.
    owed = read(platform, "select advance_no, outstanding_amount from seller_advance order by 1")
    assert owed == [("A1", 3500.0), ("A2", 7000.0)]
    assert read(platform, "select line_no, advance_no from pledge") == [("1", "A1")]
    assert read(platform, "select advance_no, first_seller_id from pledge_refusal") == [("A2", "S1")]
    assert read(platform, "select distinct basis from seller_score where as_of_on < date '2026-09-01'") == [
        ("recomputed",)
    ]
    held = "select holds from guarantee_simulation where basis = 'simulated' and month_no = 24"
    assert read(platform, held) == [(True,)]

    # The next night: FR goes on, GB breaks its promise, and Ann has found a second person for S2.
    later = credit_lake.LAST_DAY + timedelta(days=20)
    french = {name: [row for row in rows if row["market"] == "FR"] for name, rows in credit_lake.trade(later).items()}
    decisions = credit_lake.parties()["stg_credit_decisions"]
    decisions[1] = {**decisions[1], "second_by": "Bo", "decided_at": later, "credit_decision_key": "k3",
                    "_content_hash": "h3", "_row": 3}  # fmt: skip
    rates = [{**row, "rate_on": row["rate_on"] + timedelta(days=20)} for row in credit_lake.parties()["stg_fx_rates"]]
    night = {**french, "stg_credit_decisions": decisions, "stg_fx_rates": rates}
    credit_lake.publish(platform.lake, "night-2", night, held_back=["GB"])
    last = reckoned(platform)
    assert last.success
    assert read(platform, "select market, is_held_back, seller_count from credit_stale_market") == [("GB", True, 2)]
    scores = read(
        platform,
        "select seller_id, is_stale, scored_on, stale_since_on, contains(stale_reason, 'ReceiptsAreExplained')"
        " from seller_score where as_of_on = (select max(as_of_on) from seller_score) order by 1",
    )
    first = date(2026, 9, 1)
    assert scores == [
        ("S1", True, first, first, True),
        ("S2", False, later + timedelta(days=1), None, None),
        ("S3", True, first, first, True),
    ]
    # Nothing new is guaranteed on a stale score; both words of L2 stand, and the later one counts.
    assert read(platform, "select distinct seller_id from guarantee_offer where is_offered") == [("S2",)]
    words = read(platform, "select word_no, state, second_by from limit_decision where decision_id = 'L2' order by 1")
    assert words == [(1, "replaced", None), (2, "in_force", "Bo")]

    from orchestration.credit.export import export_market
    from orchestration.credit.page.content import NoSeller, read_page
    from orchestration.credit.page.html import render

    with connect(platform.lake) as con:
        page = render(read_page(con, "S3"))
        files = dict(export_market(con, "GB", tmp_path / "export"))
        with pytest.raises(NoSeller, match="no score is published of seller S9"):
            read_page(con, "S9")
    # The run itself has written pages and the version's card, and links them in the UI.
    written = {path.name for path in (tmp_path / "reports").iterdir()}
    assert written == {"seller_S1.html", "seller_S2.html", "seller_S3.html", f"scorecard_{credit_lake.VERSION}.html"}
    pages = last.asset_materializations_for_node("credit__seller_pages")[0].metadata
    assert f"{tmp_path.as_uri()}/reports/seller_S2.html" in str(pages["sellers"].value)
    assert "second pledge refused" in str(pages["sellers"].value)
    cards = last.asset_materializations_for_node("credit__model_cards")[0].metadata
    assert cards["version"].value == credit_lake.VERSION
    assert "An item was pledged twice" in (tmp_path / "reports" / "seller_S2.html").read_text(encoding="utf-8")
    assert "Another seller has pledged an item" in (tmp_path / "reports" / "seller_S1.html").read_text(encoding="utf-8")
    assert '<span lang="zh">重复质押</span>' in (tmp_path / "reports" / "seller_S2.html").read_text(encoding="utf-8")
    assert "This score is stale" in page
    assert "ReceiptsAreExplained" in page
    assert "frozen" in page.lower()
    assert "企业年限" in page
    scores_file = next(path for path in files if path.name == "seller_score_GB.parquet")
    assert set(pq.read_table(scores_file)["seller_id"].to_pylist()) == {"S1", "S3"}
