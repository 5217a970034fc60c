"""One readable row per customer.

Belongs here: columns of a portrait and its sentence. Does not: value, segments and what they rest on.
"""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from orchestration.customers.portraits.people import People
from orchestration.customers.purchases import Purchases
from orchestration.customers.surprises.cells import Attribute
from orchestration.customers.value.newton import Reals

# Prices within this share of the category's median are the usual ones.
_CHEAP, _DEAR = 0.85, 1.18
_OFTEN_PROMOTED_PCT = 30.0
_AT_RISK, _LEAVING = 0.7, 0.3
PRICE_TASTES = ("cheaper", "usual", "dearer")
RISKS = ("leaving", "at risk", "staying")
NO_PRODUCT = "No list of their own: not agreed to marketing, or nothing published yet."


def portrait_rows(
    purchases: Purchases, people: People, value: pa.Table, segment: pa.Table
) -> Mapping[str, pa.Array | pa.ChunkedArray]:
    """The columns of all customers of a market, in their order; value and segment are their rows of these tables."""
    top, share, second = _likes(purchases)
    price = np.where(people.price_index < _CHEAP, 0, np.where(people.price_index > _DEAR, 2, 1))
    price = np.where(np.isfinite(people.price_index), price, -1)
    alive = np.asarray(value.column("alive_probability").fill_null(-1.0).to_numpy(), dtype=np.float64)
    risk = np.where(alive < 0, -1, np.where(alive < _LEAVING, 0, np.where(alive < _AT_RISK, 1, 2)))
    columns: dict[str, pa.Array | pa.ChunkedArray] = {
        "source_id": purchases.source_id,
        "customer_key": purchases.customer_key,
        "subdivision_code": named(people.subdivision),
        "gender": named(people.gender),
        "age_band": named(people.age_band),
        "usual_weekday": named(people.weekday),
        "usual_daypart": named(people.daypart),
        "usual_channel": named(people.channel),
        "usual_screen": named(people.screen),
        "top_category": named(top),
        "top_category_pct": pa.array((100 * share).round(2), mask=top.place < 0),
        "second_category": named(second),
        "price_taste": named(Attribute(PRICE_TASTES, price)),
        "price_index": pa.array(people.price_index.round(4), mask=~np.isfinite(people.price_index)),
        "promoted_pct": pa.array(people.promoted_pct.round(2)),
        "rhythm_days": value.column("rhythm_days"),
        "purchase_count": value.column("purchase_count"),
        "net_amount_usd": value.column("net_amount_usd"),
        "expected_value_12m_usd": value.column("expected_value_12m_usd"),
        "leaving_risk": named(Attribute(RISKS, risk)),
        "segment": segment.column("segment"),
        "next_product_key": people.next_product,
        "next_product_note": pc.fill_null(people.next_reason, NO_PRODUCT),
    }
    return {**columns, "words": _sentences(columns, people)}


def named(attribute: Attribute) -> pa.DictionaryArray:
    """The values themselves, null where unknown."""
    names = attribute.names or ("",)
    codes = pa.array(np.maximum(attribute.place, 0).astype(np.int32), mask=attribute.place < 0)
    return pa.DictionaryArray.from_arrays(codes, pa.array(names, pa.string()))


def _likes(purchases: Purchases) -> tuple[Attribute, Reals, Attribute]:
    """The two categories in most purchases of each customer, and the share of the first."""
    tastes, count = purchases.tastes, len(purchases)
    order = np.lexsort((tastes.category, -tastes.purchases, tastes.customer))
    owner = tastes.customer[order]
    start = np.searchsorted(owner, np.arange(count))
    end = np.searchsorted(owner, np.arange(count), "right")
    places = []
    times = np.zeros(count)
    for step in (0, 1):
        has = start + step < end
        place = np.full(count, -1)
        place[has] = tastes.category[order][start[has] + step]
        places.append(Attribute(tastes.codes, place))
        if step == 0:
            times[has] = tastes.purchases[order][start[has]]
    bought = np.maximum(purchases.state().count, 1)
    return places[0], times / bought, places[1]


def _sentences(columns: Mapping[str, pa.Array | pa.ChunkedArray], people: People) -> pa.Array:
    """Joined from columns as a whole: a text made for each of a million customers by itself would take a minute."""

    def text(name: str) -> pa.Array:
        column = columns[name]
        column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        return column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column

    def clause(before: str, name: str, after: str = "") -> pa.Array:
        found = pc.binary_join_element_wise(before, text(name).cast(pa.string()), after, "")
        return pc.fill_null(found, "")

    rhythm = pc.round(pc.cast(text("rhythm_days"), pa.float64())).cast(pa.int64(), safe=False)
    amount = pc.round(pc.cast(text("net_amount_usd"), pa.float64())).cast(pa.int64(), safe=False)
    promoted = np.array(["", " and often on promotion"], dtype=object)[
        (people.promoted_pct >= _OFTEN_PROMOTED_PCT).astype(np.int64)
    ]
    prices = pc.binary_join_element_wise("; pays ", text("price_taste"), " prices", "")
    return pc.binary_join_element_wise(
        clause("Segment ", "segment"),
        clause(" in ", "subdivision_code"),
        clause("; buys mostly ", "top_category"),
        pc.fill_null(prices, ""),
        pa.array(promoted.tolist(), pa.string()),
        clause("; mostly on ", "usual_weekday"),
        clause(", in the ", "usual_daypart"),
        clause(", by ", "usual_screen"),
        clause(", through ", "usual_channel"),
        pc.fill_null(pc.binary_join_element_wise("; about every ", rhythm.cast(pa.string()), " days", ""), ""),
        pc.fill_null(pc.binary_join_element_wise("; ", amount.cast(pa.string()), " USD so far", ""), ""),
        clause("; ", "leaving_risk"),
        ".",
        "",
    )
