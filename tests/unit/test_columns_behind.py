"""Column lineage read off SQL: through CTEs, unions by position and by name, windows and case."""

from orchestration.modeling.columns_behind import columns_behind

SCHEMAS = {
    "staging.orders": {"order_key": "varchar", "amount": "decimal(19,4)", "market": "varchar"},
    "staging.rates": {"currency": "varchar", "rate": "double"},
    "published.orders": {"market": "varchar", "order_key": "varchar", "amount": "decimal(19,4)"},
}


def test_columns_are_followed_through_ctes_stars_and_expressions() -> None:
    sql = """
        with orders as (select * from "run"."staging"."orders"),
        rates as (select * from "run"."staging"."rates"),
        converted as (
            select o.*, case when r.rate > 0 then o.amount * r.rate end as amount_usd
            from orders as o left join rates as r on o.market = r.currency
        )
        select order_key, amount_usd, row_number() over (partition by market order by amount) as position, 1 as one
        from converted where market <> 'ZZ'
    """
    assert columns_behind(sql, SCHEMAS) == {
        "order_key": {("staging.orders", "order_key")},
        "amount_usd": {("staging.orders", "amount"), ("staging.rates", "rate")},
        "position": {("staging.orders", "market"), ("staging.orders", "amount")},
        "one": set(),
    }


def test_unions_are_followed_by_name_where_they_say_so_and_else_by_position() -> None:
    by_name = 'select * from "run"."staging"."orders" union all by name select * from "run"."published"."orders"'
    assert columns_behind(f"select amount from ({by_name})", SCHEMAS) == {
        "amount": {("staging.orders", "amount"), ("published.orders", "amount")}
    }
    by_position = (
        'select order_key as k from "run"."staging"."orders" union all select currency from "run"."staging"."rates"'
    )
    assert columns_behind(f"select k from ({by_position})", SCHEMAS) == {
        "k": {("staging.orders", "order_key"), ("staging.rates", "currency")}
    }


def test_what_only_filters_or_joins_and_tables_that_nobody_knows_do_not_count() -> None:
    sql = """
        select o.order_key, x.note from "run"."staging"."orders" as o
        inner join "run"."other"."notes" as x on o.order_key = x.order_key
        where o.market in (select currency from "run"."staging"."rates")
    """
    assert columns_behind(sql, SCHEMAS)["order_key"] == {("staging.orders", "order_key")}
    assert columns_behind(sql, SCHEMAS)["note"] == set()
