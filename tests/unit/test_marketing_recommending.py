"""Recommendations: metrics by hand, closed form against algebra, order of time, and bad input."""

from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from orchestration.marketing.recommending.attributes import Attributes
from orchestration.marketing.recommending.autoencoder import fit_autoencoder
from orchestration.marketing.recommending.blend import Choice
from orchestration.marketing.recommending.command import main
from orchestration.marketing.recommending.gate import RECOMMENDATION_MEASURES
from orchestration.marketing.recommending.interactions import (
    Interactions,
    InteractionsError,
    binary,
    interactions_of,
)
from orchestration.marketing.recommending.market import RecommendingRules, recommend_market
from orchestration.marketing.recommending.metrics import figures_of, top_items
from orchestration.marketing.recommending.neighbours import item_similarity
from orchestration.marketing.recommending.night import own_places, recommend_markets
from orchestration.marketing.recommending.past import past_of
from orchestration.marketing.recommending.protocol import default_periods, evaluate, split_of
from orchestration.marketing.recommending.reading import READ, MarketInputs, read_market
from orchestration.marketing.recommending.screens import Looks, screen_figures
from orchestration.marketing.recommending.steady import coming_shares, shelf_weights, yearly_waves
from orchestration.marketing.recommending.together import bought_together, similar_items
from orchestration.modeling.manifest import published_models

START = pd.Timestamp("2026-01-01")


def purchases(customers: int = 240, items: int = 60, seed: int = 3) -> pd.DataFrame:
    """Four groups of customers, each of whom takes four in five products from its own fifteen; half a year."""
    rng = np.random.default_rng(seed)
    rows = customers * 12
    who = rng.integers(0, customers, rows)
    own = (who % 4) * (items // 4) + np.minimum(rng.geometric(0.15, rows), items // 4) - 1
    what = np.where(rng.random(rows) < 0.8, own, rng.integers(0, items, rows))
    day = np.sort(rng.integers(0, 180, rows))
    return pd.DataFrame(
        {
            "customer": [f"shop|c{one:04d}" for one in who],
            "product_key": [f"p{one:03d}" for one in what],
            "order_key": [f"o{customer}-{one}" for customer, one in zip(who, day, strict=True)],
            "ordered_on": START + pd.to_timedelta(day, unit="D"),
            "ordered_at": START + pd.to_timedelta(day, unit="D"),
        }
    )


def products(keys: list[str], **changes: dict[str, float | bool]) -> pd.DataFrame:
    """Goods of four kinds, all in stock and none barred, but for `changes` by key."""
    frame = pd.DataFrame(
        {
            "product_key": keys,
            "product_id": [key.upper() for key in keys],
            "product_name": [f"Lamp {key}" for key in keys],
            "category_code": [f"kind{int(key[1:]) // 15}" for key in keys],
            "maker": "shop|s1",
            "price": [10.0 + int(key[1:]) for key in keys],
            "free_qty": 5.0,
            "is_barred": False,
        }
    )
    for key, values in changes.items():
        for name, value in values.items():
            frame.loc[frame["product_key"] == key, name] = value
    return frame


def people(sales: pd.DataFrame) -> pd.DataFrame:
    """Every second customer has agreed to marketing."""
    names = sorted(sales["customer"].dropna().unique())
    return pd.DataFrame(
        {
            "customer": names,
            "gender": ["female", "male"] * (len(names) // 2) + ["female"] * (len(names) % 2),
            "subdivision_code": "GB-ENG",
            "has_profile_consent": True,
            "has_marketing_consent": [place % 2 == 0 for place in range(len(names))],
        }
    )


LOOKS = pd.DataFrame(
    {
        "session_key": ["v1", "v1", "v2", "v3"],
        "landing_page": ["/sale", "/sale", "/", "/"],
        "medium": ["email", "email", "direct", "direct"],
        "started_at": pd.Timestamp("2026-01-01"),
        "product_key": ["p001", "p002", "p003", "p999"],
        "stage": ["product", "cart", "product", "product"],
        "is_open": [True, True, False, False],
    }
)


def inputs(sales: pd.DataFrame, goods: pd.DataFrame | None = None, looks: pd.DataFrame = LOOKS) -> MarketInputs:
    """What the reader gives for a market."""
    goods = products(sorted(sales["product_key"].unique())) if goods is None else goods
    return MarketInputs("GB", sales, goods, people(sales), looks)


def interactions(frame: pd.DataFrame) -> Interactions:
    """The same as codes."""
    return interactions_of(frame["customer"], frame["product_key"], frame["ordered_at"])


def test_lists_put_ties_in_the_order_of_items_and_leave_out_what_is_hidden() -> None:
    scores = np.array([[1, 3, 3, -np.inf], [0, 0, 0, 0]], dtype=np.float32)
    assert top_items(scores, 4).tolist() == [[1, 2, 0, -1], [0, 1, 2, 3]]
    assert top_items(scores, 2).tolist() == [[1, 2], [0, 1]]


def test_figures_are_those_of_the_definition() -> None:
    lists = np.array([[0, 1, 2], [3, 1, 0]])
    bought = binary(np.array([0, 0, 0, 0, 1]), np.array([0, 2, 3, 4, 0]), (2, 5))
    found = figures_of(lists, bought, np.array([0.5, 0.25, 0.25, 0.25, 0.5]))
    # First row: ranks 1 and 3 of four bought (three fit); second: rank 3 of one.
    assert found.recall == pytest.approx((2 / 3 + 1) / 2)
    ideal = 1 + 1 / np.log2(3) + 1 / 2
    assert found.ndcg == pytest.approx(((1 + 1 / 2) / ideal + 1 / 2) / 2)
    assert found.coverage == pytest.approx(4 / 5)
    assert found.novelty == pytest.approx((1 + 2 + 1 + 1 + 2 + 1) / 6, abs=0.4)


def test_ease_is_the_closed_form_and_the_factorised_form_agrees_at_full_rank() -> None:
    rng = np.random.default_rng(5)
    owned = binary(rng.integers(0, 80, 900), rng.integers(0, 25, 900), (80, 25))
    gram = (owned.T @ owned).toarray().astype(float) + 7.0 * np.eye(25)
    inverse = np.linalg.inv(gram)
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    expected = owned.toarray() @ weights
    assert np.allclose(fit_autoencoder(owned, penalty=7.0).score(owned), expected, atol=1e-3)
    factorised = fit_autoencoder(owned, penalty=7.0, dense_items=0, rank=25)
    assert np.allclose(factorised.score(owned), expected, atol=1e-2)


def test_similarity_is_the_shrunk_cosine_of_the_customers() -> None:
    owned = binary(np.array([0, 0, 1, 1, 2]), np.array([0, 1, 0, 1, 0]), (3, 2))
    found = item_similarity(owned, shrinkage=1.0).toarray()
    assert found == pytest.approx(np.array([[0, 2 / (np.sqrt(6) + 1)], [2 / (np.sqrt(6) + 1), 0]]))


def test_the_blend_finds_the_groups_and_beats_popularity_in_time_order() -> None:
    frame = purchases()
    found = interactions(frame)
    periods = default_periods(found)
    assert found.time.min() < periods.validation < periods.test < periods.end
    result = evaluate(split_of(found, periods=periods), k=10, singles=("popularity",))
    ndcg = result.table[result.table["target"] == "all"].set_index("model")["ndcg"]
    assert ndcg["blend"] > 1.3 * ndcg["popularity"]
    # The future must not leak: the same past with another future gives the same lists.
    cut = interactions(frame.assign(product_key=frame["product_key"].where(frame["ordered_at"] < START, "p000")))
    assert cut.shape[1] == 1
    recommender = result.recommender(found, periods.test)
    again = result.recommender(found.before(periods.test), periods.test)
    people_of = np.arange(20)
    assert (recommender.top(people_of, 5)[0] == again.top(people_of, 5)[0]).all()


def test_a_late_product_is_measured_against_its_time_on_the_shelf() -> None:
    days = np.arange(1000.0)
    rows = [("old", days), ("half", days[1::2]), ("late", days[900:])]
    found = interactions_of(
        pd.Series([f"c{day:.0f}{name}" for name, times in rows for day in times]),
        pd.Series([name for name, times in rows for _ in times]),
        pd.Series(np.concatenate([times for _, times in rows])),
        catalogue=["unsold"],
    )
    half, late, old, unsold = shelf_weights(past_of(found, 1000.0), np.zeros(4, dtype=np.int64))
    assert half / old == pytest.approx(0.5, rel=0.02)
    assert late / old == pytest.approx(1.0, rel=0.05)
    assert unsold / old < 0.01


def test_a_kind_is_expected_to_sell_as_its_time_of_the_year_says() -> None:
    time = np.sort(np.random.default_rng(2).random(40_000)) * 3 * 365.25
    chance = 0.4 * np.exp(0.3 * np.cos(2 * np.pi * time / 365.25))
    kind = (np.random.default_rng(3).random(len(time)) < chance).astype(np.int64)
    found = interactions_of(pd.Series(np.arange(len(time)).astype(str)), pd.Series(kind.astype(str)), pd.Series(time))
    # In two weeks the wave is at its lowest, or at its highest.
    for until, expected in ((2.5 * 365.25 - 14, 0.4 * np.exp(-0.3)), (2 * 365.25 - 14, 0.4 * np.exp(0.3))):
        share = coming_shares(past_of(found, until), np.array([0, 1]))
        assert share[1] == pytest.approx(expected, abs=0.03)
    assert not yearly_waves(past_of(found, 500.0), found.before(500.0).item, 2).cosine.any()


def test_screens_are_judged_by_what_later_visits_look_at() -> None:
    rng = np.random.default_rng(4)
    page = np.array(["/sale", "/"], dtype=object)[rng.integers(0, 2, 600)]
    item = np.where(page == "/sale", rng.integers(0, 5, 600), rng.integers(5, 50, 600))
    medium = np.full(600, "direct", dtype=object)
    looks = Looks(item, page, medium, np.full(600, 9.0), np.arange(600), np.arange(600.0))
    popularity = np.linspace(0.01, 0.03, 50)
    found = screen_figures(looks, 400.0, popularity, popularity, 5)
    assert found["first_screen"].recall > 0.5 > 3 * found["popularity_recent"].recall
    assert found["first_screen"].customers == 200
    assert screen_figures(looks, 590.0, popularity, popularity, 5) == {}


def test_visits_of_robots_and_of_broken_clocks_are_not_open_visits() -> None:
    with duckdb.connect() as con:
        for name in READ:
            columns = ", ".join(f"{column.name} {column.type}" for column in published_models()[name].spec.columns)
            con.execute(f"create table {name} ({columns})")
        con.execute(
            "insert into fct_order_lines by name select 'GB' as market, date '2026-03-01' as ordered_on, 1 as quantity,"
            " 'sale' as leg_type, 'product' as product_kind, false as is_zero_price"
        )
        visits = [
            # A clock that is a year ahead is no visit of late, and does not make the others old.
            ("ahead", "2027-03-01 10:00", "product", False, True),
            ("open", "2026-03-01 10:00", "product", False, False),
            ("paid", "2026-03-01 11:00", "paid", False, False),
            ("robot", "2026-03-01 12:00", "product", True, False),
            ("earlier", "2026-02-20 10:00", "cart", False, False),
        ]
        for visit in visits:
            con.execute(
                "insert into fct_sessions by name select 'GB' as market, '/' as landing_page, 'email' as medium,"
                " ? as session_key, ?::timestamp as started_at, ? as reached_stage, ? as is_bot_suspect,"
                " ? as has_clock_error",
                [*visit],
            )
            con.execute(
                "insert into stg_session_events by name select 'GB' as market, ? as session_key, 'p1' as product_key,"
                " 'product' as stage",
                [visit[0]],
            )
        found = read_market(con, "GB")
    assert found is not None
    assert dict(zip(found.looks["session_key"], found.looks["is_open"].tolist(), strict=True)) == {
        "ahead": False, "open": True, "paid": False, "earlier": False,
    }  # fmt: skip


def test_signals_that_mean_nothing_are_left_out() -> None:
    rng = np.random.default_rng(5)
    customers, items = 400, 40
    popularity = rng.normal(size=items)
    cells = np.stack([np.tile(popularity, (customers, 1)), *rng.normal(size=(3, customers, items))], axis=2)
    likely = np.exp(popularity) / np.exp(popularity).sum()
    chosen = np.zeros((customers, items), dtype=np.float32)
    chosen[np.arange(customers), rng.choice(items, customers, p=likely)] = 1.0
    choice = Choice(cells.astype(np.float32), chosen, np.zeros_like(chosen), np.full(4, 0.3))
    weights = choice.fitted(np.arange(4))
    assert choice.told(weights).tolist() == [0]
    assert choice.fitted(np.array([0]))[0] == pytest.approx(1.0, abs=0.25)


def test_customers_without_repeats_are_shown_nothing_they_have() -> None:
    found = interactions(purchases())
    result = evaluate(split_of(found), k=10, repeats=False, singles=("ease",))
    assert set(result.table["target"]) <= {"new to the customer", "customers without history"}
    assert result.table.loc[result.table["model"] == "blend", "recall"].iloc[0] > 0.2


def test_a_market_has_lists_with_reasons_for_those_who_agreed_and_one_for_all_others() -> None:
    sales = purchases()
    goods = products(sorted({*sales["product_key"], "p061"}), p000={"free_qty": 0.0}, p001={"is_barred": True})
    made = recommend_market(inputs(sales, goods), RecommendingRules(k=10, not_again_days=30))
    lists = made.frames["recommendation"]
    agreed = {name.split("|")[1] for name, ok in _consents(sales).items() if ok}
    assert set(lists["customer_key"]) == {*agreed, "*"}
    assert not {"p000", "p001"} & set(lists["product_key"])
    assert (lists.groupby("customer_key")["rank"].max() == lists.groupby("customer_key").size()).all()
    assert lists["reason"].str.len().min() > 5
    late = sales[sales["ordered_at"] >= pd.Timestamp(made.made_on) - pd.Timedelta(days=30)]
    bought = {
        (customer.split("|")[1], key) for customer, key in zip(late["customer"], late["product_key"], strict=True)
    }
    assert not bought & set(zip(lists["customer_key"], lists["product_key"], strict=True))
    # A product that nobody has bought yet is alike by what it is.
    new = made.frames["similar_item"].query("product_key == 'p061'")
    assert set(new["basis"]) == {"attributes"}
    assert made.frames["first_screen"].query("landing_page == '/sale' and medium == 'email'")["rank"].max() == 10
    session = made.frames["session_recommendation"]
    assert set(session["session_key"]) == {"v1"}
    assert not {"p001", "p002"} & set(session["product_key"])
    assert set(made.frames["recommendation_score"]["metric"]) == {"recall", "ndcg", "coverage", "novelty"}


def _consents(sales: pd.DataFrame) -> dict[str, bool]:
    told = people(sales)
    return dict(zip(told["customer"], told["has_marketing_consent"], strict=True))


def without_id(sales: pd.DataFrame) -> pd.DataFrame:
    """Nobody is known."""
    return sales.assign(customer=None)


def one_each(sales: pd.DataFrame) -> pd.DataFrame:
    """Every customer has bought once."""
    return sales.drop_duplicates("customer")


def ten_buyers(sales: pd.DataFrame) -> pd.DataFrame:
    """Ten customers."""
    return sales[sales["customer"].isin(sorted(sales["customer"].unique())[:10])]


def one_day(sales: pd.DataFrame) -> pd.DataFrame:
    """There is no before and after."""
    return sales.assign(ordered_at=START, ordered_on=START)


def one_line(sales: pd.DataFrame) -> pd.DataFrame:
    """A single sale."""
    return sales.head(1)


@pytest.mark.parametrize("spoil", [without_id, one_each, ten_buyers, one_day, one_line])
def test_a_poor_market_has_lists_all_the_same(spoil: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    sales = spoil(purchases())
    made = recommend_market(inputs(sales, looks=LOOKS.head(0)))
    lists = made.frames["recommendation"]
    assert (lists["customer_key"] == "*").any()
    assert np.isfinite(lists["score"]).all()
    known = set(sales["customer"].dropna())
    assert made.personal_customers + made.other_customers == len(known)


def test_an_empty_market_has_no_lists_and_a_failed_one_leaves_the_others_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    from contextlib import contextmanager

    from orchestration.marketing.recommending import night

    sales = purchases(60)
    broken = inputs(sales.assign(ordered_at="soon"))
    found = {"GB": inputs(sales), "DE": None, "FR": broken}

    @contextmanager
    def views(market: str):  # type: ignore[no-untyped-def]
        yield market

    monkeypatch.setattr(night, "read_market", lambda con, market: found[market])
    with duckdb.connect() as con:
        con.execute("attach ':memory:' as run; use run")
        made = recommend_markets(con, views, ["DE", "FR", "GB"])
        assert made.without_sales == ("DE",)
        assert "FR" in made.failed
        assert {place.market for place in own_places(con)["recommendation"]} == {"GB"}
        counted = con.execute("select count(*) from marketing.recommendation").fetchall()
        assert counted[0][0] == made.markets["GB"].rows["recommendation"] > 0
        # The gate's measure: no broken list, nobody without consent, one list for everybody.
        assert con.execute(RECOMMENDATION_MEASURES[0].query).fetchall() == [("GB", "lists", 0, 0, 1)]
        con.execute("update marketing.recommendation set rank = rank + 1 where customer_key = '*'")
        assert con.execute(RECOMMENDATION_MEASURES[0].query).fetchall() == [("GB", "lists", 1, 0, 1)]
        con.execute(RECOMMENDATION_MEASURES[1].query).fetchall()


def test_pairs_of_baskets_have_the_lift_of_their_definition() -> None:
    # A hundred baskets: twenty with 0 and 1, eighty with 2 and 3.
    basket = np.repeat(np.arange(100), 2)
    item = np.array([0, 1] * 20 + [2, 3] * 80)
    found = bought_together(basket, item, (100, 4))
    # Eighty of a hundred with both is what chance comes near to: no pair.
    assert found[["item", "other"]].to_numpy().tolist() == [[0, 1], [1, 0]]
    assert found["lift"].tolist() == pytest.approx([5.0, 5.0])
    assert found["confidence_pct"].tolist() == pytest.approx([100.0, 100.0])
    # Garwood's interval of 20 is 12.22 to 30.89; chance gives 4.
    interval = found[["lower_lift", "upper_lift"]].to_numpy()[0].tolist()
    assert interval == pytest.approx([12.2165 / 4, 30.8884 / 4], abs=1e-3)


def test_similar_items_have_full_ranks() -> None:
    owned = interactions(purchases()).pairs()
    found = similar_items(owned, Attributes(), [f"lamp {one}" for one in range(owned.shape[1])], k=5)
    ranks = pd.DataFrame({"item": found.item, "place": found.rank}).groupby("item")["place"].agg(["min", "max", "size"])
    assert {tuple(row) for row in ranks.to_numpy().tolist()} == {(1, 5, 5)}
    assert (found.item != found.other).all()


def test_the_command_evaluates_a_file_and_refuses_another(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, out = tmp_path / "plays.csv", tmp_path / "top.csv"
    purchases(80).rename(columns={"customer": "user", "product_key": "item"}).to_csv(file, index=False)
    words = [str(file), "--user", "user", "--item", "item", "--time", "ordered_at"]
    assert main([*words, "--k", "5", "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "popularity" in said
    assert "blend" in said
    top = pd.read_csv(out)
    assert top.groupby("customer")["rank"].max().eq(5).all()
    assert main([str(file), "--user", "who", "--item", "item", "--time", "ordered_at"]) == 2
    assert "missing column(s) who" in capsys.readouterr().err
    with pytest.raises(InteractionsError, match="neither a number nor an ISO 8601 date"):
        interactions_of(pd.Series(["a"]), pd.Series(["x"]), pd.Series(["soon"]))
