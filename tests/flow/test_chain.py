"""The whole chain on a few rows with a story: from files to published tables, and what gates do with a bad batch."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from orchestration.lake import Place
from orchestration.trace.answer import trace
from orchestration.trace.installation import Home
from orchestration.trace.shelf import Shelf
from orchestration.worklist import held_back
from tests import planners_files
from tests.chain import HEADER, Installation, Run, shop_csv

FIRST, SECOND = datetime(2026, 3, 1, 6, tzinfo=UTC), datetime(2026, 3, 2, 6, tzinfo=UTC)

GOOD = shop_csv(
    # A London order of two goods and their postage.
    "536001,22423,CAKE STAND,2,2011-01-10 10:00:00,12.75,buyer-17850,United Kingdom",
    "536001,85123A,HEART HOLDER,6,2011-01-10 10:00:00,2.55,buyer-17850,United Kingdom",
    "536001,POST,POSTAGE,1,2011-01-10 10:00:00,18.00,buyer-17850,United Kingdom",
    # The same row twice: the source has no line numbers, so it is a double delivery.
    "536001,85123A,HEART HOLDER,6,2011-01-10 10:00:00,2.55,buyer-17850,United Kingdom",
    # A week later one of the cake stands comes back; the invoice does not say from which order.
    "C536900,22423,CAKE STAND,-1,2011-01-17 09:00:00,12.75,buyer-17850,United Kingdom",
    # Another customer's cancellation has no sale to be tied to.
    "C536901,22423,CAKE STAND,-1,2011-01-17 09:30:00,12.75,buyer-99999,United Kingdom",
    # Ireland by its old name: repaired. 23:30 in London is 23:30 in Dublin: the day does not change.
    "536002,22423,CAKE STAND,1,2011-02-28 23:30:00,12.75,buyer-14911,EIRE",
    # 23:30 in London is half past midnight in Berlin: the order belongs to February there.
    "536003,22423,CAKE STAND,40,2011-01-31 23:30:00,10.00,buyer-12471,Germany",
    "536004,22423,CAKE STAND,40,2011-03-02 12:00:00,10.00,buyer-12471,Germany",
    "536005,85123A,HEART HOLDER,12,2011-01-12 12:00:00,2.55,buyer-12583,France",
    # A name that is no country.
    "536006,85123A,HEART HOLDER,1,2011-01-12 12:00:00,2.55,buyer-12583,Unspecified",
    # A day that February does not have; a small order, so that its market goes on.
    "536007,85123A,HEART HOLDER,1,2011-02-30 12:00:00,2.55,buyer-12471,Germany",
)
# Germany's next file is broken in its prices; France's is sound.
POISONED = shop_csv(
    "536101,22423,CAKE STAND,10,2011-03-05 12:00:00,-10.00,buyer-12471,Germany",
    "536102,22423,CAKE STAND,10,2011-03-06 12:00:00,10.00,buyer-12471,Germany",
    "536103,85123A,HEART HOLDER,4,2011-03-07 12:00:00,2.55,buyer-12583,France",
)

_LINES = (
    "select order_no, line_no, leg_type, market, month, quantity, line_amount_usd, reversal_basis"
    " from fct_order_lines order by all"
)
_DEMAND = "select market, product_id, sold_on, sold_qty, reversed_qty from fct_daily_demand order by all"


class World:
    """Two nights: a good one, and one in which Germany's batch is poisoned."""

    def __init__(self, home: Path) -> None:
        self.house = Installation(home)
        self.house.arrive({"planners__order_decisions_1.csv": planners_files.DECISIONS}, at=FIRST)
        assert self.house.publish_rates().succeeded
        self.house.arrive({"online_retail_1.csv": GOOD, **planners_files.FILES}, at=FIRST)
        self.first = self.house.run_markets()
        self.after_first = {
            market: self.house.files_of("marts.fct_order_lines", market) for market in ("GB", "DE", "FR", "IE")
        }
        self.first_rows = {
            name: self.house.read(query)
            for name, query in {
                "lines": _LINES,
                "demand": _DEMAND,
            }.items()
        }
        self.house.arrive({"online_retail_2.csv": POISONED}, at=SECOND)
        self.second = self.house.run_markets()
        self.run_databases_left = list(self.house.settings.runs.glob("*.duckdb"))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("world"))


def test_both_nights_end_well(world: World) -> None:
    assert world.first.succeeded
    assert world.second.succeeded
    assert {"marts/fct_orders", "publication/market_tables", "forecasting/demand_forecast"} <= world.first.materialized


def test_the_forecast_of_the_night_before_is_kept_and_scored(world: World) -> None:
    query = "select made_on::varchar, count(*) > 0 from demand_forecast where market = '{}' group by all order by all"
    assert world.house.read(query.format("FR")) == [("2011-01-13", True), ("2011-03-08", True)]
    # Germany is held back: it keeps what it had.
    assert world.house.read(query.format("DE")) == [("2011-03-03", True)]
    # Of the first night's 91 days 54 are known by the second.
    assert world.house.read(
        "select step, max(horizon) from forecast_score where market = 'FR' and made_on = date '2011-01-13'"
        " and node_type = 'market' group by all order by all"
    ) == [("day", 54), ("week", 7)]
    assert world.second.verdict("forecasting/demand_forecast").passed


def test_customers_are_valued_and_segmented_by_what_they_kept(world: World) -> None:
    rows = world.house.read(
        """
        select purchase_count, is_net_negative, segment, expected_value_12m_usd > 0, as_of_on::varchar
        from customer_value inner join customer_segment using (market, source_id, customer_key, as_of_on)
        where market = 'GB' order by all
        """
    )
    # One has sent back what nobody can tie to a sale; the other kept one cake stand of two, and all heart holders.
    assert rows == [(0, True, "sent_back", False, "2011-01-18"), (1, False, "new", True, "2011-01-18")]
    assert world.second.verdict("customers/customer_value").passed
    # The second night has moved France and left the others alone.
    days = world.house.read("select distinct market, as_of_on::varchar from customer_figure order by all")
    assert days == [("DE", "2011-03-03"), ("FR", "2011-03-08"), ("GB", "2011-01-18"), ("IE", "2011-03-01")]
    # Whichever publication was the last one has removed its run's database.
    assert world.run_databases_left == []
    assert world.house.read("select distinct made_on::varchar from demand_plan where market = 'FR'") == [
        ("2011-03-08",)
    ]


def test_rows_are_placed_by_the_markets_own_calendar(world: World) -> None:
    rows = world.house.read("select order_no, market, month, ordered_on::varchar from fct_orders order by order_no")
    assert ("536003", "DE", "2011-02", "2011-02-01") in rows
    assert ("536002", "IE", "2011-02", "2011-02-28") in rows
    assert not [row for row in rows if row[1] == "ZZ"]


def test_a_cancellation_is_a_negative_leg_of_its_sale_and_edits_nothing(world: World) -> None:
    rows = world.house.read(
        """
        select reversal.order_no, reversal.quantity, sale.order_no, sale.quantity, reversal.reversal_basis
        from fct_order_lines as reversal
        left join fct_order_lines as sale on reversal.reverses_line_key = sale.line_key
        where reversal.leg_type = 'cancellation'
        order by reversal.order_no
        """
    )
    assert rows == [
        ("C536900", Decimal(-1), "536001", Decimal(2), "inferred"),
        ("C536901", Decimal(-1), None, None, None),
    ]


def test_postage_is_no_product_and_no_demand(world: World) -> None:
    assert world.house.read("select product_kind from fct_order_lines where product_id = 'POST'") == [("service",)]
    assert world.house.read("select count(*) from fct_daily_demand where product_id = 'POST'") == [(0,)]
    assert world.house.read(
        "select sold_qty, reversed_qty from fct_daily_demand"
        " where market = 'GB' and product_id = '22423' order by sold_on"
    ) == [(Decimal(2), Decimal(0)), (Decimal(0), Decimal(2))]


def test_money_is_converted_at_the_rate_of_the_market_local_day(world: World) -> None:
    rows = world.house.read(
        """
        select lines.line_amount_usd, usd.rate_per_eur / gbp.rate_per_eur * lines.line_amount::double, lines.fx_rate_on
        from fct_order_lines as lines
        inner join stg_fx_rates as usd on usd.currency_code = 'USD' and usd.rate_on = lines.fx_rate_on
        inner join stg_fx_rates as gbp on gbp.currency_code = 'GBP' and gbp.rate_on = lines.fx_rate_on
        where lines.order_no = '536001' and lines.product_id = '22423'
        """
    )
    assert len(rows) == 1
    converted, expected, rate_on = rows[0]
    assert float(str(converted)) == pytest.approx(float(str(expected)), abs=0.0001)
    assert str(rate_on) == "2011-01-10"
    assert world.house.read("select count(*) from fct_order_lines where is_fx_missing") == [(0,)]


def test_every_row_read_is_in_exactly_one_state(world: World) -> None:
    rows = world.house.read(
        "select file, feed, rows_read, accepted, repaired, superseded, quarantined, pending"
        " from file_balance where source_id = 'online_retail' order by file, feed"
    )
    assert rows == [
        ("online_retail_1.csv", "order_lines", 12, 9, 0, 1, 2, 0),
        ("online_retail_1.csv", "orders", 9, 6, 1, 0, 2, 0),
        # Germany is held back: of its two lines the sound one waits, the broken one can be seen in quarantine.
        ("online_retail_2.csv", "order_lines", 3, 1, 0, 0, 1, 1),
        ("online_retail_2.csv", "orders", 3, 1, 0, 0, 0, 2),
    ]


def test_a_name_that_is_no_country_waits_in_the_pseudo_market(world: World) -> None:
    rows = world.house.read("select feed, rule_id, _row, payload from quarantine where market = 'ZZ' order by feed")
    assert [row[:3] for row in rows] == [
        ("order_lines", "order_lines.market_unknown", 11),
        ("orders", "orders.market_unknown", 11),
    ]
    payload = str(rows[1][3])
    assert '"ship_to_country":"Unspecified"' in payload
    assert '"customer_id":"***"' in payload


def test_what_planners_decide_counts_or_says_why_not(world: World) -> None:
    assert (
        world.house.read(
            "select override_id, market, month, quantity::int, factor_pct::int, reason, status"
            " from stg_forecast_overrides order by 1"
        )
        == planners_files.STANDING_OVERRIDES
    )
    assert (
        world.house.read(
            "select _row, rule_ids from quarantine where _file = 'planners__forecast_overrides_1.csv' order by 1"
        )
        == planners_files.QUARANTINED_OVERRIDES
    )
    assert world.house.read("select suggestion_id, decision, quantity from stg_order_decisions") == [
        ("s1", "accepted", None)
    ]
    assert (
        world.house.read("select _row, rule_ids from reference_quarantine where feed = 'order_decisions' order by 1")
        == planners_files.QUARANTINED_DECISIONS
    )
    assert world.house.read("select product_id, starts_on::varchar from stg_promotions") == [("22423", "2026-11-09")]


def test_no_raw_customer_number_reaches_a_published_table(world: World) -> None:
    with world.house.reader() as con:
        tables = [row[0] for row in con.execute("select view_name from duckdb_views() where not internal").fetchall()]
        for table in tables:
            text = con.execute(f"select string_agg(t::varchar, '') from \"{table}\" as t").fetchone()
            assert text is not None
            assert "buyer-" not in str(text[0] or ""), table


def test_the_poisoned_market_is_held_back_with_promise_market_and_rows(world: World) -> None:
    verdict = world.second.verdict("staging/stg_order_lines")
    assert verdict.passed is False
    assert verdict.metadata["markets_held_back"].value == "DE"
    assert "| UnresolvedValueIsSmall | DE | critical | 1 |" in str(verdict.metadata["broken_promises"].value)
    assert "| DE | UnresolvedValueIsSmall | online_retail_2.csv | 1 | order_lines.unit_price_amount_negative |" in str(
        verdict.metadata["examples"].value
    )


def test_the_held_back_market_keeps_what_was_published_and_its_touches(world: World) -> None:
    assert world.house.files_of("marts.fct_order_lines", "DE") == world.after_first["DE"]
    assert world.house.read("select order_no from fct_orders where market = 'DE' order by all") == [
        ("536003",),
        ("536004",),
    ]
    assert Place("DE", "2011-03") in world.house.pending("DE")
    lake = world.house.platform.lake
    assert [(entry.market, entry.run_id != "") for entry in lake.held_back()] == [("DE", True)]
    # Who reads the worklist or a trace of the market is told, since both show what was published before.
    (told,) = held_back(lake)
    shelf = Shelf(Home.from_settings(world.house.platform.settings))
    assert told.startswith(f"DE is held back {shelf.held_back('DE')}")


def test_the_other_markets_go_on(world: World) -> None:
    assert world.house.read("select order_no from fct_orders where market = 'FR' order by all") == [
        ("536005",),
        ("536103",),
    ]
    assert not world.house.pending("FR")


def test_quarantine_is_published_although_the_market_is_not(world: World) -> None:
    rows = world.house.read(
        "select rule_id, _row, value_amount from quarantine where market = 'DE' and _file = 'online_retail_2.csv'"
    )
    assert rows == [("order_lines.unit_price_amount_negative", 1, Decimal("100.0000"))]


def test_an_impossible_date_keeps_its_order_and_lines_in_quarantine(world: World) -> None:
    rows = world.house.read(
        "select rule_id, _row, payload from quarantine"
        " where market = 'DE' and _file = 'online_retail_1.csv' order by all"
    )
    # The line has its order's date as the moment of its last change.
    assert [row[:2] for row in rows] == [
        ("order_lines.updated_at_unreadable", 12),
        ("orders.ordered_at_unreadable", 12),
    ]
    assert "2011-02-30" in str(rows[1][2])


def test_a_market_that_nobody_touched_is_not_written_again(world: World) -> None:
    for market in ("GB", "IE"):
        assert world.house.files_of("marts.fct_order_lines", market) == world.after_first[market]


def test_each_failing_market_gets_an_event_of_its_own(world: World) -> None:
    import dagster as dg

    key = dg.AssetKey(["staging", "stg_order_lines"])
    records = world.house.instance.fetch_observations(key, limit=10).records
    found = [(record.partition_key, record.asset_observation.metadata["verdict"].value) for record in records
             if record.asset_observation is not None]  # fmt: skip
    assert found == [("DE", "held back")]


def test_a_rebuild_as_known_then_gives_the_tables_of_then(world: World) -> None:
    run = world.house.run_markets(["ZZ", "IE"], known_at="2026-03-01T12:00:00+00:00")
    assert run.succeeded
    namespace = "known_at_20260301t120000z"
    assert world.house.read(_LINES, namespace=namespace) == world.first_rows["lines"]
    assert world.house.read(_DEMAND, namespace=namespace) == world.first_rows["demand"]
    # What everybody reads has not moved.
    assert ("536103",) in world.house.read("select order_no from fct_orders where market = 'FR'")


def test_nothing_touched_is_an_early_success(world: World) -> None:
    before = world.house.platform.lake.publications()
    run = world.house.run_markets(["FR"])
    assert run.succeeded
    assert run.materialized == {"runs/run_plan"}
    assert world.house.platform.lake.publications() == before


def test_a_correction_lets_the_market_in_again(tmp_path: Path) -> None:
    house = Installation(tmp_path)
    house.arrive({"online_retail_1.csv": POISONED}, at=FIRST)
    first = house.run_markets(["DE"])
    assert blocked(first)
    assert house.read("select count(*) from fct_orders") == [(0,)]
    # Nothing else was in the run: the gate stops it, and yet says why in the published quarantine.
    assert house.read("select rule_id from quarantine where market = 'DE'") == [
        ("order_lines.unit_price_amount_negative",)
    ]
    corrected = shop_csv(
        *(f"53610{9 - n},22423,CAKE STAND,4000,2011-03-0{n} 12:00:00,10.00,buyer-1,Germany" for n in (1, 2))
    )
    house.arrive({"online_retail_2.csv": corrected}, at=SECOND)
    second = house.run_markets(["DE"], months="all")
    assert second.succeeded
    # The broken order has its header and no line: its only line stays in quarantine until it is corrected.
    assert house.read("select order_no, line_count from fct_orders where market = 'DE' order by all") == [
        ("536101", 0),
        ("536102", 1),
        ("536107", 1),
        ("536108", 1),
    ]
    assert not house.platform.lake.held_back()


def blocked(run: Run) -> bool:
    """True when a gate judged and stopped the run, and no mart was made."""
    verdict = run.verdict("staging/stg_order_lines")
    # The accounts of rows are published in any case.
    made = {asset for asset in run.materialized if asset.startswith("marts/fct")} - {"marts/fct_row_invariant"}
    return not verdict.passed and not made


def test_a_run_without_a_market_is_an_error(tmp_path: Path) -> None:
    from orchestration.runs import MonthSelection, NoMarkets, make_plan

    house = Installation(tmp_path)
    with pytest.raises(NoMarkets, match="no market was selected"):
        make_plan(house.platform.lake, run_id="r", markets=[], months=MonthSelection.parse(""))


def test_a_file_with_a_lost_column_leaves_the_other_file_alone(tmp_path: Path) -> None:
    house = Installation(tmp_path)
    lost = shop_csv().replace(b",UnitPrice", b"") + b"1,2,3,4,2011-01-10 10:00:00,5,France\n"
    report = house.arrive({"online_retail_1.csv": lost, "online_retail_2.csv": GOOD})
    refused = {outcome.name: (outcome.rule, outcome.reason) for outcome in report.rejected}
    assert set(refused) == {"online_retail_1.csv"}
    rule, reason = refused["online_retail_1.csv"]
    assert rule == "schema.lost_column"
    assert "UnitPrice" in reason
    assert report.rows_by_feed["order_lines"] == 12
    assert HEADER.count(",") == 7


def test_an_order_is_traced_to_its_row_and_to_the_figures_that_used_it(world: World) -> None:
    answer = trace(Shelf(Home.from_settings(world.house.settings)), "536001")
    assert answer.chain is not None
    (order,) = answer.chain.documents
    assert (order.tie_basis, order.record.file, len(order.parts)) == ("is_order", "online_retail_1.csv", 3)
    figures = {used.use.table: len(used.rows) for used in answer.chain.used_by if used.rows}
    assert figures["marts.fct_daily_demand"] == 2
    assert figures["marts.fct_orders"] == 1
    # Nothing had to be asked of PyIceberg: the publication has left its lists.
    assert {path.name.split("@")[1] for path in Home.from_settings(world.house.settings).lists.iterdir()} >= {
        "marts.fct_trade_tie",
        "staging.stg_orders",
    }


def test_a_number_in_quarantine_is_found_there_with_its_reason(world: World) -> None:
    answer = trace(Shelf(Home.from_settings(world.house.settings)), "536007")
    assert answer.elsewhere is not None
    assert {(stray.file, stray.row) for stray in answer.elsewhere.strays} == {("online_retail_1.csv", 12)}


def test_the_job_shows_the_tree(world: World) -> None:
    run = world.house.defs.resolve_job_def("trace_job").execute_in_process(
        instance=world.house.instance, run_config={"ops": {"show_trace": {"config": {"number": "536001"}}}}
    )
    (output,) = (event for event in run.all_events if event.event_type_value == "STEP_OUTPUT")
    metadata = output.step_output_data.metadata
    assert metadata["documents"].value == 1
    assert "online_retail_1.csv row 2" in metadata["trace"].value
