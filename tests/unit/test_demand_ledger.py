"""The demand of a market from the published tables: which rows count, and from when they are known."""

from datetime import date

import duckdb

from orchestration.forecasting.demand.ledger import market_demand

TABLES = """
    create table fct_daily_demand as from (values
        ('GB', 'mug', 'M1', date '2026-03-01', 2, 3.0, 12.0), ('GB', 'mug', 'M1', date '2026-03-30', 1, 1.0, null),
        ('GB', 'cup', 'C1', date '2026-03-02', 1, 1.0, 5.0), ('GB', 'cup', 'C1', date '2026-03-03', 0, 0.0, null),
        ('FR', 'mug', 'M1', date '2026-02-01', 9, 90.0, 90.0)
    ) as t (market, product_key, product_id, sold_on, order_count, sold_qty, sales_amount_usd);
    create table fct_daily_region_demand as from (values
        ('GB', 'GB-ENG', date '2026-03-01', 2), ('GB', 'unknown', date '2026-03-30', 1),
        ('FR', 'FR-BRE', date '2026-02-01', 9)
    ) as t (market, subdivision_code, sold_on, order_count);
    create table stg_products as from (values
        ('mug', 'home', date '2026-01-01', 'a'), ('mug', 'kitchen', date '2026-03-10', 'b')
    ) as t (product_key, category_code, valid_from, product_version_key);
    create table stg_promotions as from (values
        ('GB', 'mug', date '2026-03-05', date '2026-03-08', 20.0, timestamp '2026-02-26 10:00'),
        -- Without a date of entry it is known from the day on which it was read.
        ('GB', 'mug', date '2026-04-05', date '2026-04-08', 20.0, null),
        ('FR', 'mug', date '2026-03-05', date '2026-03-08', 20.0, timestamp '2026-02-26 10:00')
    ) as t (market, product_key, starts_on, ends_on, discount_pct, changed_at)
        cross join (select timestamp '2026-03-25 10:00' as _loaded_at);
    create table stg_stock_snapshots as from (values
        -- The site in the country serves it; what lacks at home in China is no matter in the same month.
        ('wms', 'GB', '2026-03', 'GB1', 'M1', date '2026-03-07', false, 'GB'),
        ('wms', 'GB', '2026-03', 'GB1', 'M1', date '2026-03-14', true, 'GB'),
        ('wms', 'CN', '2026-03', 'CN1', 'M1', date '2026-03-21', true, 'US;GB'),
        -- A product without a site in the country is served from home; a first count speaks from the month's start.
        ('wms', 'CN', '2026-03', 'CN1', 'C1', date '2026-03-07', true, 'US; GB'),
        ('wms', 'CN', '2026-03', 'CN2', 'C1', date '2026-03-07', true, 'US')
    ) as t (source_id, market, month, site_code, product_id, counted_on, is_out_of_stock, served_countries);
"""


def test_a_market_is_read_as_it_was_known() -> None:
    with duckdb.connect() as con:
        con.execute(TABLES)
        whole = market_demand(con, "GB")
        early = market_demand(con, "GB", made_on=date(2026, 3, 8))
    assert (whole.day_count, whole.made_on, whole.products) == (30, date(2026, 3, 31), ("cup", "mug"))
    assert whole.sales.units.tolist() == [3.0, 1.0, 1.0]
    assert whole.sales.price[0] == 4.0
    assert (whole.orders[0], whole.orders[29], whole.regions) == (2, 1, ("GB-ENG", "unknown"))
    assert [whole.categories[row] for row in whole.category] == ["unknown", "kitchen"]
    outs = whole.stock_outs
    spans = zip(outs.product, outs.first, outs.last, outs.known, strict=True)
    assert {tuple(map(int, span)) for span in spans} == {(0, 0, 6, 7), (1, 7, 13, 14)}
    assert whole.promotions.first.tolist() == [4, 35]
    assert whole.promotions.known.tolist() == [-3, 24]
    # On 8 March neither the second promotion, nor the second category, nor the count of the 14th was known.
    assert (early.day_count, early.promotions.first.tolist(), early.stock_outs.product.tolist()) == (2, [4], [0])
    assert [early.categories[row] for row in early.category] == ["unknown", "home"]
    assert {event.market for event in whole.events} == {"GB"}
