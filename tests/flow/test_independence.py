"""What is published does not depend on the order of arrival, the split into batches, or the number of runs."""

from pathlib import Path

import pytest

from tests.chain import Installation, shop_csv

JANUARY = shop_csv(
    "700001,22423,CAKE STAND,5,2011-01-10 10:00:00,12.75,buyer-1,France",
    "700002,22423,CAKE STAND,3,2011-01-31 23:30:00,12.75,buyer-2,France",
    "700003,85123A,HEART HOLDER,6,2011-01-15 10:00:00,2.55,buyer-1,Spain",
)
FEBRUARY = shop_csv(
    # Takes back a part of January's order.
    "C700900,22423,CAKE STAND,-2,2011-02-05 10:00:00,12.75,buyer-1,France",
    "700004,85123A,HEART HOLDER,1,2011-02-05 10:00:00,2.55,buyer-2,France",
    # The same row as in January's file: a file that overlaps.
    "700003,85123A,HEART HOLDER,6,2011-01-15 10:00:00,2.55,buyer-1,Spain",
)
# Another version of January's order, a minute later and with another buyer's country: it moves to Spain.
MOVED = shop_csv("700002,22423,CAKE STAND,3,2011-01-31 23:31:00,12.75,buyer-2,Spain")

TABLES = (
    "stg_orders",
    "stg_order_lines",
    "fct_orders",
    "fct_order_lines",
    "fct_daily_demand",
    "fct_daily_region_demand",
    "dim_product",
    "dim_customer",
)
LOAD_COLUMNS = "_file, _row, _batch_id, _loaded_at"


def published(house: Installation) -> dict[str, list[tuple[object, ...]]]:
    """All business columns of all tables, sorted."""
    found = {}
    with house.reader() as con:
        for table in TABLES:
            columns = [row[0] for row in con.execute(f"describe {table}").fetchall() if not row[0].startswith("_")]
            found[table] = con.execute(f"select {', '.join(columns)} from {table} order by all").fetchall()
    return found


@pytest.fixture(scope="module")
def in_one_go(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[object, ...]]]:
    house = Installation(tmp_path_factory.mktemp("whole"))
    house.arrive({"online_retail_1.csv": JANUARY, "online_retail_2.csv": FEBRUARY, "online_retail_3.csv": MOVED})
    assert house.run_markets().succeeded
    return published(house)


def test_the_moved_order_stands_in_its_new_market_only(in_one_go: dict[str, list[tuple[object, ...]]]) -> None:
    orders = [row for row in in_one_go["stg_orders"] if "700002" in row]
    assert len(orders) == 1
    assert "ES" in orders[0]


def test_late_and_backwards_gives_the_same(in_one_go: dict[str, list[tuple[object, ...]]], tmp_path: Path) -> None:
    house = Installation(tmp_path)
    for name, data in (
        ("online_retail_3.csv", MOVED),
        ("online_retail_2.csv", FEBRUARY),
        ("online_retail_1.csv", JANUARY),
    ):
        house.arrive({name: data})
        # Each batch is published before the next one comes.
        assert house.run_markets().succeeded
    assert published(house) == in_one_go


def test_a_run_for_one_market_changes_no_other_markets_rows(tmp_path: Path) -> None:
    house = Installation(tmp_path)
    house.arrive({"online_retail_1.csv": JANUARY})
    assert house.run_markets().succeeded
    tables = (
        "staging.stg_order_lines",
        "marts.fct_order_lines",
        "marts.dim_product",
        "forecasts.demand_forecast",
        "customers.customer_value",
    )
    before = {table: house.files_of(table, "ES") for table in tables}
    house.arrive({"online_retail_2.csv": FEBRUARY, "online_retail_3.csv": MOVED})
    assert house.run_markets(["FR"]).succeeded
    assert {table: house.files_of(table, "ES") for table in tables} == before
    # Spain's part of the move waits for Spain's run.
    assert house.pending("ES")
    assert not house.pending("FR")
