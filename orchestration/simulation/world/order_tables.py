"""Feeds of orders and customers of a market-month, as shops and the electronic port keep them.

Belongs here: `orders`, `order_lines` and `customers`. Does not: visits (`sessions.py`), documents (`documents/`).
"""

from functools import cache

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from orchestration.simulation.world.batches import (
    CHANNELS,
    HUB,
    OWN_SHOP,
    PORT,
    PORT_PLATFORM,
    SCREENS,
    FeedTables,
    World,
)
from orchestration.simulation.world.category_parameters import GENDERS
from orchestration.simulation.world.codes import social_credit_codes
from orchestration.simulation.world.columns import Column, dates, integers, moments, money, ones, picked, pieces, table
from orchestration.simulation.world.orders import MonthPlan
from orchestration.simulation.world.people import (
    addresses_of,
    devices_of,
    emails_of,
    names_of,
    phones_of,
    postcodes_of,
    resident_ids_of,
)
from orchestration.simulation.world.pricing import Drawn, customer_ids, rows_of
from orchestration.simulation.world.randomness import Integers, hashed_uniform, salt
from orchestration.simulation.world.texts import digits, joined, same, strings, words

_SECOND_DEVICE_SHARE = 0.15
_LINE_NUMBERS = pa.array([str(number) for number in range(1, 81)])
Rows = NDArray[np.int64]


@cache
def platform_codes() -> tuple[str, str]:
    """Unified social credit codes of the platforms behind exported and imported parcels."""
    codes = social_credit_codes(np.array([440100, 330122]), np.array([99_000_001, 99_000_002]))
    return codes[0].as_py(), codes[1].as_py()


def order_tables(world: World, plan: MonthPlan, drawn: Drawn, promotion_ids: pa.Array) -> FeedTables:
    """Orders and lines of the market-month, by source; a source without orders has no tables."""
    batch = drawn.batch
    is_port = batch.channel >= PORT_PLATFORM
    tables = {}
    for source, is_here in ((HUB, ~is_port), (PORT, is_port)):
        rows = np.flatnonzero(is_here)
        if len(rows):
            build = _hub_orders if source == HUB else _port_orders
            tables[source, "orders"] = build(world, plan, drawn, rows)
            tables[source, "order_lines"] = _order_lines(world, drawn, source, is_here, promotion_ids)
    return tables


def regions_of(world: World, plan: MonthPlan, subdivisions: NDArray[np.int16]) -> pa.DictionaryArray:
    """ISO 3166-2 code of each subdivision of the market."""
    offset = world.markets.subdivision_offset
    codes = world.markets.subdivision_code.slice(
        int(offset[plan.market]), int(offset[plan.market + 1] - offset[plan.market])
    )
    return words(subdivisions, codes)


def _amounts(drawn: Drawn, rows: Rows) -> dict[str, Column]:
    batch = drawn.batch
    return {
        "goods_amount": money(batch.goods_cents[rows]),
        "freight_amount": money(batch.freight_cents[rows]),
        "tax_amount": money(batch.tax_cents[rows]),
        "discount_amount": money(batch.discount_cents[rows]),
        "payable_amount": money(batch.payable_cents[rows]),
    }


def _head(world: World, drawn: Drawn, rows: Rows) -> dict[str, Column]:
    batch = drawn.batch
    return {
        "order_no": picked(batch.order_no, rows),
        "ordered_at": moments(batch.ordered_at[rows]),
        "ship_to_country": same(batch.market, len(rows)),
        "currency_code": same(batch.currency, len(rows)),
        "seller_id": picked(world.sellers.seller_id, batch.seller[rows]),
        "customer_id": picked(batch.customer_id, rows),
        "channel": words(batch.channel[rows], CHANNELS),
    }


def _consignee(world: World, plan: MonthPlan, customer: Integers) -> dict[str, Column]:
    return {
        "consignee_name": names_of(world.config, plan.spec.code, customer),
        "consignee_phone": phones_of(world.config, plan.spec, customer),
        "consignee_address": addresses_of(world.config, plan.spec.code, customer),
    }


def _hub_orders(world: World, plan: MonthPlan, drawn: Drawn, rows: Rows) -> pa.Table:
    batch = drawn.batch
    customer = batch.customer[rows]
    cancelled = batch.is_cancelled[rows]
    is_second = hashed_uniform(customer + batch.ordered_at[rows], salt(world.config, "order device"))
    has_session = batch.session[rows] >= 0
    return table(
        {
            **_head(world, drawn, rows),
            "order_status": words(cancelled, ("completed", "cancelled")),
            "screen": words(batch.screen[rows], SCREENS),
            "subdivision_code": regions_of(world, plan, batch.subdivision[rows]),
            "postcode": postcodes_of(world.config, plan.spec, customer),
            **_amounts(drawn, rows),
            "buyer_email": emails_of(world.config, customer, batch.channel[rows] == OWN_SHOP),
            "device_id": devices_of(world.config, customer, is_second < _SECOND_DEVICE_SHARE),
            **_consignee(world, plan, customer),
            "session_id": session_ids(plan, np.maximum(batch.session[rows], 0), has_session),
            "promised_on": dates(batch.ordered_day[rows] + batch.promised_days[rows]),
            "updated_at": moments(np.where(cancelled, batch.cancelled_at[rows], batch.ordered_at[rows])),
            "version": ones(len(rows)),
        }
    )


def session_ids(plan: MonthPlan, numbers: Integers, is_given: NDArray[np.bool_] | None = None) -> pa.StringArray:
    """Ids of visits of the market-month by their number; null where not given."""
    prefix = f"W{plan.month[2:4]}{plan.month[5:7]}{plan.market:02d}"
    return strings(joined(len(numbers), prefix, digits(numbers, 8)), is_given)


def _port_orders(world: World, plan: MonthPlan, drawn: Drawn, rows: Rows) -> pa.Table:
    batch = drawn.batch
    customer = batch.customer[rows]
    is_import = plan.spec.code == "CN"
    nothing = pa.nulls(len(rows), pa.string())
    code = platform_codes()[int(is_import)]
    return table(
        {
            **_head(world, drawn, rows),
            "platform_code": same(code, len(rows)),
            "merchant_uscc": picked(world.sellers.merchant_uscc, batch.seller[rows]),
            "subdivision_code": regions_of(world, plan, batch.subdivision[rows]),
            **_amounts(drawn, rows),
            "buyer_id_no": resident_ids_of(world.config, plan.spec, customer, rows_of(drawn.traits, rows))
            if is_import
            else nothing,
            "buyer_name": names_of(world.config, plan.spec.code, customer) if is_import else nothing,
            **_consignee(world, plan, customer),
            "change_type": same("new", len(rows)),
            "updated_at": moments(batch.ordered_at[rows]),
            "version": ones(len(rows)),
        }
    )


def _order_lines(
    world: World, drawn: Drawn, source: str, is_here: NDArray[np.bool_], promotion_ids: pa.Array
) -> pa.Table:
    """Sale legs of the orders of a source; orders that a shop cancelled have a negative leg for each of them."""
    batch = drawn.batch
    sold = np.flatnonzero(is_here[batch.line_order])
    lines, is_reversal = sold, np.zeros(len(sold), dtype=bool)
    if source == HUB:
        reversed_lines = sold[batch.is_cancelled[batch.line_order[sold]]]
        lines = np.concatenate([sold, reversed_lines])
        is_reversal = np.arange(len(lines)) >= len(sold)
    order = batch.line_order[lines]
    order_no = picked(batch.order_no, order)
    count = np.bincount(batch.line_order, minlength=len(batch.channel))
    number = batch.line_no[lines] - 1
    quantity = np.where(is_reversal, -batch.quantity[lines], batch.quantity[lines]).astype(np.int64)
    at = np.where(is_reversal, batch.cancelled_at[order], batch.ordered_at[order])
    columns = {
        "order_no": order_no,
        "line_no": words(number + count[order] * is_reversal, _LINE_NUMBERS),
        "product_id": picked(world.products.product_id, batch.product[lines]),
        "product_name": picked(world.products.product_name, batch.product[lines]),
        "product_kind": same("product", len(lines)),
        "leg_type": words(is_reversal, ("sale", "cancellation")),
        "quantity": pieces(quantity),
        "unit_price_amount": money(batch.unit_price_cents[lines]),
        "currency_code": same(batch.currency, len(lines)),
        "line_amount": money(batch.unit_price_cents[lines] * quantity),
        "version": ones(len(lines)),
        "updated_at": moments(at),
    }
    if source == HUB:
        promotion = batch.promotion[lines]
        columns |= {
            "reverses_order_no": _where(is_reversal, order_no),
            "reverses_line_no": words(number, _LINE_NUMBERS, is_reversal),
            "list_price_amount": money(batch.list_price_cents[lines]),
            "promotion_id": promotion_ids.take(pa.array(np.maximum(promotion, 0), mask=promotion < 0)),
        }
    return table(columns)


def _where(is_given: NDArray[np.bool_], texts: pa.Array) -> Column:
    return texts.take(pa.array(np.arange(len(texts)), mask=~is_given))


def customer_table(world: World, plan: MonthPlan, drawn: Drawn) -> pa.Table:
    """Buyers who signed up at a shop in the market-month; birth year and gender only with consent."""
    traits = drawn.new_traits
    rows = np.flatnonzero(~traits.is_port_buyer & (plan.spec.code != "CN"))
    customer, config = drawn.new_customer[rows], world.config
    consent = traits.has_consent[rows]
    day = dates(drawn.new_day[rows])
    return table(
        {
            "customer_id": customer_ids(world, plan.market, customer),
            "valid_from": day,
            "country": same(plan.spec.code, len(rows)),
            "subdivision_code": regions_of(world, plan, traits.subdivision[rows]),
            "birth_year": integers(traits.birth_year[rows], consent),
            "gender": words(traits.gender[rows], GENDERS, consent),
            "email": emails_of(config, customer),
            "phone": phones_of(config, plan.spec, customer),
            "signed_up_on": day,
            "has_profile_consent": pa.array(consent),
            "has_marketing_consent": pa.array(hashed_uniform(customer, salt(config, "marketing")) < 0.48),
            "device_id": devices_of(config, customer, np.zeros(len(rows), dtype=bool)),
            "version": ones(len(rows)),
            "updated_at": moments(drawn.new_at[rows]),
        }
    )
