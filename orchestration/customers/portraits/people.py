"""Who the customers of a market are, and where, when and how they bought.

Belongs here: reading, with the tables that `orchestration/customers/reading.py` has made. Does not: what is said of it.

Gender and age are those of a customer's newest version, and only while it consents; nothing is guessed from names, and
what a resident id tells at customs is not used, since nobody consented to that.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from orchestration.customers.purchases import Rows
from orchestration.customers.surprises.cells import Attribute
from orchestration.customers.value.newton import Reals

if TYPE_CHECKING:
    import duckdb

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
DAYPARTS = ("night", "morning", "afternoon", "evening")
_PEOPLE = """
    with newest as (
        select source_id, customer_key, max(valid_from) as valid_from
        from stg_customers where market = getvariable('market') group by all
    ),
    told as (
        select source_id, customer_key, max(subdivision_code) as subdivision_code,
            bool_and(has_profile_consent) as has_consent, max(gender) as gender, max(age_band) as age_band
        from stg_customers inner join newest using (source_id, customer_key, valid_from)
        where stg_customers.market = getvariable('market') group by all
    )
    select customer, subdivision_code, case when has_consent then gender end as gender,
        case when has_consent then age_band end as age_band
    from customers left join told using (source_id, customer_key)
    order by customer
"""
_ORDERS = """
    with bought as (
        select source_id, customer_key, order_key, min(ordered_on) as ordered_on
        from kept_lines where is_purchase and customer_key is not null group by all
    ),
    place as (select any_value(time_zone) as time_zone from dim_market where market = getvariable('market'))
    select customers.customer, isodow(bought.ordered_on) - 1 as weekday, orders.channel, orders.screen,
        orders.subdivision_code,
        extract(hour from timezone(coalesce(place.time_zone, 'UTC'), timezone('UTC', orders.ordered_at))) // 6
            as daypart
    from bought
    inner join customers using (source_id, customer_key)
    left join stg_orders as orders
        on bought.order_key = orders.order_key and orders.market = getvariable('market')
    cross join place
"""
_PRICES = """
    with lines as (
        select customers.customer, category_code, lines.line_amount_usd::double / lines.quantity::double as unit_usd,
            offers.promotion_id is not null as is_promoted
        from fct_order_lines as lines
        inner join customers
            on lines.source_id = customers.source_id and lines.customer_key = customers.customer_key
        left join product_category on lines.product_key = product_category.product_key
        left join stg_order_lines as offers
            on lines.line_key = offers.line_key and offers.market = getvariable('market')
        where lines.market = getvariable('market') and lines.leg_type = 'sale' and lines.product_kind = 'product'
            and lines.quantity > 0 and not lines.is_zero_price
    ),
    usual as (
        select category_code, median(unit_usd) as usual_usd from lines
        where category_code is not null and unit_usd > 0 group by all
    )
    select customer, exp(sum(ln(unit_usd / usual_usd)) filter (where unit_usd > 0 and usual_usd > 0)
        / nullif(count(*) filter (where unit_usd > 0 and usual_usd > 0), 0)) as price_index,
        100.0 * count(*) filter (where is_promoted) / count(*) as promoted_pct
    from lines left join usual using (category_code)
    group by customer
"""

_NEXT = """
    select product_key, reason || ', as of ' || made_on as note
    from customers
    left join recommendation as lists
        on customers.source_id = lists.source_id and customers.customer_key = lists.customer_key
            and lists.rank = 1 and lists.market = getvariable('market')
    order by customer
"""


@dataclass(frozen=True, eq=False)
class People:
    """By customer: attributes that may be used, what most of the orders have, and the taste for prices.

    price_index: geometric mean of prices paid by the median of their categories; NaN where nothing can be compared.
    next_product, next_reason: the first of the published list of each customer, null where there is none.
    """

    subdivision: Attribute
    gender: Attribute
    age_band: Attribute
    channel: Attribute
    screen: Attribute
    weekday: Attribute
    daypart: Attribute
    price_index: Reals
    promoted_pct: Reals
    next_product: pa.ChunkedArray
    next_reason: pa.ChunkedArray

    @property
    def cells(self) -> tuple[Attribute, Attribute, Attribute]:
        """What surprises are sought over."""
        return self.subdivision, self.gender, self.age_band


def read_people(con: "duckdb.DuckDBPyConnection") -> People:
    """The people behind the purchases that `read_purchases` has just read from this connection."""
    people = con.sql(_PEOPLE).to_arrow_table()
    orders = con.sql(_ORDERS).to_arrow_table()
    prices = con.sql(_PRICES).to_arrow_table()
    following = con.sql(_NEXT).to_arrow_table()
    customers = people.num_rows
    owner = np.asarray(orders.column("customer").to_numpy(), dtype=np.int64)

    def most(column: str, names: Sequence[str] | None = None) -> Attribute:
        return _most(orders.column(column), owner, customers, names)

    said = _coded(people.column("subdivision_code"))
    index, promoted = np.full(customers, np.nan), np.zeros(customers)
    rows = np.asarray(prices.column("customer").to_numpy(), dtype=np.int64)
    index[rows] = np.asarray(prices.column("price_index").to_numpy(), dtype=np.float64)
    promoted[rows] = np.asarray(prices.column("promoted_pct").to_numpy(), dtype=np.float64)
    return People(
        _either(said, most("subdivision_code")),
        _coded(people.column("gender")),
        _coded(people.column("age_band")),
        most("channel"), most("screen"), most("weekday", WEEKDAYS), most("daypart", DAYPARTS),
        index, promoted, following.column("product_key"), following.column("note"),
    )  # fmt: skip


def _coded(column: pa.ChunkedArray) -> Attribute:
    """Places in the sorted list of values."""
    encoded = column.combine_chunks().dictionary_encode()
    names = [str(one) for one in encoded.dictionary.to_pylist()]
    order = np.argsort(np.array(names, dtype=object)) if names else np.empty(0, dtype=np.int64)
    rank = np.empty(len(names) + 1, dtype=np.int64)
    rank[order], rank[-1] = np.arange(len(names)), -1
    place = np.asarray(encoded.indices.fill_null(len(names)).to_numpy(zero_copy_only=False), dtype=np.int64)
    return Attribute(tuple(names[one] for one in order), rank[place])


def _most(column: pa.ChunkedArray, owner: Rows, customers: int, names: Sequence[str] | None) -> Attribute:
    """What most orders of each customer have; of equals the first in order."""
    if names is None:
        coded = _coded(column)
    else:
        filled = column.combine_chunks().cast(pa.float64()).fill_null(-1.0)
        coded = Attribute(tuple(names), np.asarray(filled.to_numpy(zero_copy_only=False)).astype(np.int64))
    width, known = max(len(coded.names), 1), coded.place >= 0
    counts = np.bincount(owner[known] * width + coded.place[known], minlength=customers * width).reshape(-1, width)
    return Attribute(coded.names, np.where(counts.any(axis=1), counts.argmax(axis=1), -1).astype(np.int64))


def _either(first: Attribute, second: Attribute) -> Attribute:
    names = tuple(sorted({*first.names, *second.names}))
    places = {name: place for place, name in enumerate(names)}
    moved = [
        np.array([*(places[name] for name in one.names), -1], dtype=np.int64)[one.place] for one in (first, second)
    ]
    return Attribute(names, np.where(moved[0] >= 0, moved[0], moved[1]))
