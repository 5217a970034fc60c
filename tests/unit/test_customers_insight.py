"""Portraits, groups and surprises: who may be told of, what is found, and what chance alone does not make."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import hypergeom

from orchestration.customers.insight import cells_of, insight_of
from orchestration.customers.market import study_market
from orchestration.customers.portraits.audiences import audience_rows
from orchestration.customers.portraits.people import People
from orchestration.customers.portraits.portrait import NO_PRODUCT
from orchestration.customers.portraits.suppression import determined, suppressed
from orchestration.customers.purchases import Purchases, Tastes
from orchestration.customers.surprises.cells import Attribute, Cell, Counts, count_cells
from orchestration.customers.surprises.departure import departures, power_weights, threshold, variances
from orchestration.customers.surprises.search import find_surprises
from orchestration.customers.surprises.words import sentence
from tests.customers_purchases import purchases_of

REGIONS = tuple(f"GB-{one}" for one in "ABCDEFGH")


def drawn_cells(seed: int, *, lift: float = 1.0, buyers: int = 4000, told: float = 0.6) -> Counts:
    """Buyers of one to five purchases in twelve categories, all alike but for the men of GB-C, who lift one."""
    rng = np.random.default_rng(seed)
    region, gender, age = (rng.integers(0, size, buyers) for size in (len(REGIONS), 2, 4))
    chance = np.full((buyers, 12), 0.12)
    chance[(region == 2) & (gender == 1), 3] *= lift
    purchases = rng.integers(1, 6, buyers)
    times = rng.binomial(purchases[:, None], chance)
    customer, category = np.nonzero(times)
    silent = rng.random(buyers) >= told
    attributes = [
        Attribute(REGIONS, region),
        Attribute(("female", "male"), np.where(silent, -1, gender)),
        Attribute(("18-29", "30-44", "45-59", "60 and over"), np.where(silent, -1, age)),
    ]
    names = tuple(f"c{one}" for one in range(12))
    return count_cells(attributes, purchases, (customer, category, times[customer, category]), names)


def test_chance_alone_surprises_in_few_markets() -> None:
    deceived = sum(bool(find_surprises(drawn_cells(seed))) for seed in range(20))
    # Where nothing is true, 5 % of discoveries being false means 5 % of markets with any, for each of seven kinds.
    assert deceived <= 5


def test_a_planted_habit_is_found_under_its_own_name() -> None:
    found = find_surprises(drawn_cells(1, lift=2.0))
    assert [(one.cell, one.category) for one in found] == [(Cell("GB-C", "male"), "c3")]
    assert 1.5 < found[0].ratio < 2.5
    assert found[0].low < 2.0 < found[0].high
    assert found[0].q_value < 0.05
    assert sentence(found[0]).startswith("Men in GB-C buy c3 ")


def test_a_cell_of_half_the_country_varies_as_the_hypergeometric_distribution_says() -> None:
    purchases, members = np.array([300.0, 300.0]), np.array([[True, False]])
    variance = variances(members, np.ones((1, 2), dtype=bool), np.array([30.0, 30.0]), purchases)
    assert variance == pytest.approx([600 * 0.1 * 0.9 * 0.5 * 0.5])
    above, below = departures(np.array([42.0]), np.array([30.0]), variance, 1.0)
    # 42 of 60 where half are expected: what a binomial count against a given share would call likely (p = .015).
    assert above[0] == pytest.approx(hypergeom.sf(41, 600, 60, 300), rel=0.25)
    assert below[0] > 0.99


def test_nothing_is_left_to_test_of_what_those_taken_tell() -> None:
    kept = np.array([[True, True], [True, False]])
    variance = variances(np.array([[False, True]]), kept, np.array([30.0, 30.0]), np.array([300.0, 300.0]))
    assert departures(np.array([60.0]), np.array([30.0]), variance, 1.0)[0] == 1.0


def test_weights_are_one_in_the_mean_and_highest_where_a_departure_would_just_stand_out() -> None:
    more, less = power_weights(np.repeat([5.0, 50.0, 5000.0], 200), 0.05)
    assert np.concatenate([more, less]).mean() == pytest.approx(1.0)
    assert more[200] > 1 > max(more[0], more[400])
    assert min(more.min(), less.min()) >= 0.2


def test_the_line_does_not_fall_with_the_p_value_of_the_only_rejection() -> None:
    assert threshold(np.array([1e-12, 0.5]), 0.05) == threshold(np.array([1e-3, 0.5]), 0.05) == 0.025


def hidden_of(people: np.ndarray) -> tuple[np.ndarray, list[tuple[np.ndarray, int | None]]]:
    """A table of rows and columns with both margins: the groups that are hidden, and the sums that are known."""
    rows, columns = people.shape
    cells = np.arange(rows * columns).reshape(rows, columns)
    margins = rows * columns + np.arange(rows + columns)
    sizes = np.concatenate([people.ravel(), people.sum(axis=1), people.sum(axis=0)])
    sums: list[tuple[np.ndarray, int | None]] = [(margins[:rows], None), (margins[rows:], None)]
    sums += [(line, int(whole)) for line, whole in zip((*cells, *cells.T), margins, strict=True)]
    return suppressed(sizes, sums), sums


@pytest.mark.parametrize(
    "people",
    [
        [[3, 40, 50], [60, 70, 80], [90, 100, 110]],
        [[3, 4, 50], [60, 2, 80], [90, 100, 110]],
        [[9, 1, 1], [60, 70, 80]],
        [[3, 0], [40, 50]],
    ],
)
def test_no_small_group_follows_from_what_is_told(people: list[list[int]]) -> None:
    sizes = np.array(people)
    hidden, sums = hidden_of(sizes)
    whole = np.concatenate([sizes.ravel(), sizes.sum(axis=1), sizes.sum(axis=0)])
    assert hidden[(whole > 0) & (whole < 10)].all()
    assert not (determined(hidden, sums) & (whole < 10)).any()
    for parts, total in sums:
        inside = parts[hidden[parts]]
        if len(inside) and (total is None or not hidden[total]):
            assert whole[inside].sum() >= 10
    assert suppressed(np.array([12, 40]), [(np.array([0, 1]), None)]).tolist() == [False, False]
    assert suppressed(np.array([4, 40, 12]), [(np.arange(3), None)]).tolist() == [True, False, True]


def people_of(count: int, *, gender: list[int] | None = None) -> People:
    def of(names: tuple[str, ...], place: int) -> Attribute:
        return Attribute(names, np.full(count, place))

    told = Attribute(("female", "male"), np.array(gender)) if gender else of((), -1)
    return People(
        of(("GB-ENG",), 0), told, of((), -1), of(("own_shop",), 0), of(("app",), 0), of(("Monday",), 0),
        of(("night",), 0), np.full(count, 0.5), np.zeros(count),
        pa.chunked_array([["tea"] + [None] * (count - 1)], pa.string()),
        pa.chunked_array([["you have bought it before"] + [None] * (count - 1)], pa.string()),
    )  # fmt: skip


def market_of(count: int) -> Purchases:
    purchases = purchases_of(*[[(10 + one % 5, 20.0)] for one in range(count)], end=100)
    rows = np.arange(count)
    return replace(purchases, tastes=Tastes(("tea",), rows, np.zeros(count, dtype=np.int64), np.ones(count, np.int64)))


def test_a_market_of_ten_buyers_tells_of_ten_and_surprises_nobody() -> None:
    purchases = market_of(10)
    people = people_of(10, gender=[0] * 7 + [1] * 3)
    found = study_market(purchases, people)
    assert found.rows["surprise"].num_rows == 0
    rows = found.rows["audience_cell"].to_pylist()
    by_group = {(row["dimension"], row["group_value"]): row for row in rows if row["second_value"] is None}
    assert by_group["subdivision_code", "GB-ENG"]["buyer_count"] == 10
    assert by_group["subdivision_code", "GB-ENG"]["top_categories"] == "tea 100 %"
    for gender in ("female", "male"):
        assert by_group["gender", gender]["is_suppressed"]
        assert by_group["gender", gender]["buyer_count"] is None
    following = found.rows["customer_portrait"].select(["next_product_key", "next_product_note"]).to_pylist()
    assert following[0] == {"next_product_key": "tea", "next_product_note": "you have bought it before"}
    assert following[1] == {"next_product_key": None, "next_product_note": NO_PRODUCT}
    assert (
        found.rows["customer_portrait"]
        .to_pylist()[0]["words"]
        .startswith(
            "Segment new in GB-ENG; buys mostly tea; pays cheaper prices; mostly on Monday, in the night, by app"
        )
    )


def test_who_told_nothing_is_nobody_but_a_customer() -> None:
    purchases, people = market_of(60), people_of(60)
    portrait = insight_of(
        purchases,
        people,
        study_market(purchases).rows["customer_value"],
        study_market(purchases).rows["customer_segment"],
    ).columns["customer_portrait"]
    assert {str(one) for one in portrait["gender"].to_pylist() + portrait["age_band"].to_pylist()} == {"None"}  # type: ignore[attr-defined]
    assert "gender" not in set(audience_rows(purchases, people)["dimension"])
    assert all(cell.gender is None and cell.age_band is None for cell in cells_of(purchases, people).cells)
