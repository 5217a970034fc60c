"""A night of customers on order lines with a story: what counts as a purchase, whose it is, and what the gate says."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import duckdb
import pytest

from orchestration.customers.gate import CUSTOMER_MEASURES
from orchestration.customers.night import CustomersNight, own_places, study_markets
from orchestration.customers.plots import market_pictures
from orchestration.customers.reading import READ
from orchestration.customers.tables import CUSTOMER_MODELS, DESCRIPTIONS, WORDS
from orchestration.gates.judge import judge
from orchestration.gates.verdict import Verdict, merged
from orchestration.lake import Place
from orchestration.marketing.recommending.tables import RECOMMENDATION
from orchestration.modeling.manifest import published_models
from tests.customers_purchases import drawn_market, purchases_of

# market, source, customer, order, line, day, product, leg, pieces, amount (None: no rate), takes back, pieces that a
# document cancelled or sent back
STORY: tuple[tuple[object, ...], ...] = (
    # Anna bought twice on one day, and again a month later: two purchases.
    ("GB", "shop", "anna", "1", "l1", "2026-01-05", "tea", "sale", 2, 20.0, None, 0),
    ("GB", "shop", "anna", "2", "l2", "2026-01-05", "cup", "sale", 1, 15.0, None, 0),
    ("GB", "shop", "anna", "3", "l3", "2026-02-05", "tea", "sale", 1, 10.0, None, 0),
    # A person of the same name at another shop is another customer.
    ("GB", "hub", "anna", "4", "l4", "2026-01-07", "tea", "sale", 1, 10.0, None, 0),
    # Bert sent one of four cups back (by the ledger) and another (by a leg without a document).
    ("GB", "shop", "bert", "5", "l5", "2026-01-10", "cup", "sale", 4, 60.0, None, 1),
    ("GB", "shop", "bert", "6", "l6", "2026-01-20", "cup", "return", -1, -15.0, "l5", 0),
    # Carl cancelled everything; only the postage is left.
    ("GB", "shop", "carl", "7", "l7", "2026-01-11", "tea", "sale", 3, 30.0, None, 3),
    ("GB", "shop", "carl", "7", "l8", "2026-01-11", "post", "sale", 1, 5.0, None, 0),
    # Dora takes back more than she bought, as far as the shop can tell.
    ("GB", "shop", "dora", "8", "l9", "2026-01-12", "tea", "sale", 1, 10.0, None, 0),
    ("GB", "shop", "dora", "9", "l10", "2026-01-15", "tea", "cancellation", -5, -50.0, None, 0),
    # Emil's order has no rate: it is a purchase, but in no amount.
    ("GB", "shop", "emil", "10", "l11", "2026-02-20", "cup", "sale", 1, None, None, 0),
    # Guests: two orders of nobody, one line of them sent back whole.
    ("GB", "shop", None, "11", "l12", "2026-02-21", "tea", "sale", 1, 10.0, None, 0),
    ("GB", "shop", None, "12", "l13", "2026-02-22", "cup", "sale", 2, 30.0, None, 2),
    # France has guests alone; Spain has nobody.
    ("FR", "shop", None, "13", "l14", "2026-01-01", "tea", "sale", 1, 10.0, None, 0),
)


class Shop:
    """The published tables of two markets, and the run's database."""

    def __init__(self) -> None:
        self.published = duckdb.connect()
        for model in [*(published_models()[name] for name in READ), RECOMMENDATION]:
            columns = ", ".join(f"{column.name} {column.type}" for column in model.spec.columns)
            self.published.execute(f"create table {model.name} ({columns})")
        self.published.execute(
            "insert into recommendation by name select 'GB' as market, 'shop' as source_id, 'anna' as customer_key,"
            " 1 as rank, 'cup' as product_key, 'goes with tea' as reason, date '2026-03-01' as made_on"
            " union all by name select 'GB' as market, 'shop' as source_id, 'anna' as customer_key, 2 as rank,"
            " 'tea' as product_key, 'popular' as reason, date '2026-03-01' as made_on"
        )
        for market, source, customer, order, line, day, product, leg, pieces, usd, takes, back in STORY:
            kind = "service" if product == "post" else "product"
            amount = 1.0 if usd is None else usd
            self.published.execute(
                "insert into fct_order_lines by name select ? as market, ? as source_id, ? as customer_key,"
                " ? as order_key, ? as line_key, ?::date as ordered_on, ? as product_key, ? as product_kind,"
                " ? as leg_type, ? as quantity, ? as line_amount, ? as line_amount_usd, false as is_zero_price,"
                " ? as reverses_line_key, case when ? is not null then 'inferred' end as reversal_basis",
                [market, source, customer, order, line, day, product, kind, leg, pieces, amount, usd, takes, takes],
            )
            self.published.execute(
                "insert into fct_trade_ledger by name select ? as market, ? as line_key, 0 as cancelled_qty,"
                " ? as returned_qty",
                [market, line, back],
            )
        self.run = duckdb.connect()
        self.run.execute("attach ':memory:' as run")
        self.run.execute("use run")

    @contextmanager
    def views(self, market: str) -> Iterator[duckdb.DuckDBPyConnection]:
        yield self.published

    def night(self, *markets: str) -> CustomersNight:
        return study_markets(self.run, self.views, markets)

    def values(self, columns: str) -> Mapping[str, tuple[object, ...]]:
        rows = self.run.execute(
            f"select source_id || ' ' || customer_key, {columns} from customers.customer_value order by all"
        ).fetchall()
        return {str(row[0]): row[1:] for row in rows}

    def verdict(self, *markets: str) -> Verdict:
        import expectations.customers as suites

        found = [
            judge(
                getattr(suites, one.suite.split(".")[1])(), self.run.execute(one.query).df(), table=one.table, gate="g"
            )
            for one in CUSTOMER_MEASURES
        ]
        return merged("g", set(markets), found)


@pytest.fixture(scope="module")
def shop() -> Shop:
    one = Shop()
    one.night("ES", "FR", "GB")
    return one


def test_a_portrait_names_the_first_product_of_the_customers_own_list(shop: Shop) -> None:
    rows = shop.run.execute(
        "select source_id, customer_key, next_product_key, next_product_note from customers.customer_portrait"
        " where next_product_key is not null"
    ).fetchall()
    assert rows == [("shop", "anna", "cup", "goes with tea, as of 2026-03-01")]


def test_a_purchase_is_a_day_with_goods_that_were_kept(shop: Shop) -> None:
    assert shop.values("purchase_count, net_amount_usd, is_net_negative") == {
        "hub anna": (1, 10.0, False),
        "shop anna": (2, 45.0, False),
        "shop bert": (1, 30.0, False),
        "shop carl": (0, 5.0, False),
        "shop dora": (1, -40.0, True),
        "shop emil": (1, 0.0, False),
    }
    days = shop.values("first_purchase_on::varchar, last_purchase_on::varchar, recency_days, as_of_on::varchar")
    assert days["shop anna"] == ("2026-01-05", "2026-02-05", 17, "2026-02-23")
    assert days["shop carl"] == (None, None, None, "2026-02-23")


def test_guests_are_counted_aside_and_nothing_is_dropped(shop: Shop) -> None:
    figures = dict(
        shop.run.execute("select figure, value from customers.customer_figure where market = 'GB'").fetchall()
    )
    assert (figures["guest_orders"], figures["guest_amount_usd"], figures["lines_without_rate"]) == (2, 10.0, 1)
    assert (figures["customers"], figures["buyers"], figures["net_negative_customers"]) == (6, 5, 1)
    assert figures["net_amount_usd"] + figures["guest_amount_usd"] == pytest.approx(60.0)
    assert shop.run.execute("select distinct market from customers.customer_figure order by 1").fetchall() == [
        ("FR",), ("GB",)
    ]  # fmt: skip
    assert {place for places in own_places(shop.run).values() for place in places} == {Place("FR"), Place("GB")}


def test_what_is_expected_of_whom(shop: Shop) -> None:
    found = shop.values("expected_value_12m_usd, alive_probability, value_basis, rfm, is_churned")
    assert found["shop dora"][0] == 0
    assert found["shop carl"][:2] == (0, None)
    assert found["shop carl"][3:] == (None, False)
    assert float(str(found["shop anna"][0])) > float(str(found["hub anna"][0])) > 0
    assert {row[2] for row in found.values()} == {"own_and_prior"}
    placed = "select source_id || ' ' || customer_key, segment from customers.customer_segment"
    segments = dict(shop.run.execute(placed).fetchall())
    assert (segments["shop carl"], segments["shop dora"]) == ("sent_back", "sent_back")
    assert segments["shop bert"] == "may_return"


def test_sound_figures_pass_and_a_lost_amount_holds_its_market_back(shop: Shop) -> None:
    assert not shop.verdict("FR", "GB").broken
    for change, promise in (
        ("net_amount_usd = net_amount_usd + 1", "NetAmountIsWhole"),
        ("high_value_3m_usd = -1", "CustomerValuesAreNumbers"),
        ("expected_purchases_6m = 'nan'", "CustomerValuesAreNumbers"),
        ("customer_key = 'anna'", "CustomersAreCountedOnce"),
        ("purchase_count = 0", "MovementsAddUp"),
    ):
        shop.run.execute("begin")
        shop.run.execute(f"update customers.customer_value set {change} where customer_key = 'bert'")
        found = shop.verdict("FR", "GB")
        shop.run.execute("rollback")
        assert found.failed == {"GB"}, change
        assert promise in {entry.promise for entry in found.broken}, change


def test_one_market_that_fails_leaves_the_others_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    import orchestration.customers.night as module

    study = module.study_market

    def broken(purchases: object, people: object) -> object:
        if getattr(purchases, "market", "") == "GB":
            raise ValueError("row 7: the count is not finite")
        return study(purchases, people)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "study_market", broken)
    shop = Shop()
    night = shop.night("FR", "GB")
    assert dict(night.failed) == {"GB": "ValueError: row 7: the count is not finite"}
    assert list(night.markets) == ["FR"]
    assert shop.verdict("FR", "GB").failed == {"GB"}


def test_every_column_has_words() -> None:
    assert {column.name for model in CUSTOMER_MODELS for column in model.spec.columns} <= set(WORDS)
    assert {model.name for model in CUSTOMER_MODELS} == set(DESCRIPTIONS)


def test_pictures_are_small_and_there_is_none_of_nothing() -> None:
    from orchestration.customers.market import study_market

    drawn = market_pictures(study_market(drawn_market(300, 2)))
    assert set(drawn) == {"retention", "segments", "value_concentration", "movements"}
    assert all(png.startswith(b"\x89PNG") and len(png) < 70 * 1024 for png in drawn.values())
    assert market_pictures(study_market(purchases_of([], [], end=100, other=[5.0, -1.0]))) == {}
    assert market_pictures(study_market(purchases_of([(98, 5.0)], end=100))) == {}
    assert set(market_pictures(study_market(purchases_of(*[[(98, 5.0)]] * 40, end=100)))) == {
        "retention", "segments", "value_concentration"
    }  # fmt: skip
