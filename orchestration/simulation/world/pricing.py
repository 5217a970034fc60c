"""Money of the orders: prices, freight, coupons, taxes and what the buyer pays, exact to the hundredth.

Belongs here: whole-number arithmetic, and the batch that it completes. Does not: who buys what (`orders.py`).
"""

from dataclasses import dataclass, fields

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from orchestration.simulation.world.batches import MODES, PORT_PLATFORM, OrderBatch, World
from orchestration.simulation.world.customers import CustomerTraits
from orchestration.simulation.world.events import supply_slowdown
from orchestration.simulation.world.market_parameters import FIRST_RATES, WHOLE_UNIT_CURRENCIES
from orchestration.simulation.world.orders import Buying, Lines, MonthPlan
from orchestration.simulation.world.randomness import Integers, stream
from orchestration.simulation.world.texts import characters, digits, joined, strings

Flags = NDArray[np.bool_]
NUMBER_PREFIXES = ("OS", "MA", "MB", "PE", "PI")
# An import above this value is no retail import any more (domain.md b).
IMPORT_LIMIT_CENTS = 500_000
_FREE_FREIGHT_USD, _FREIGHT_USD, _FREIGHT_USD_PER_KG, _BULK_USD_PER_KG = 35.0, 3.9, 4.2, 1.3
_COUPON_SHARE = {False: 0.14, True: 0.30}
_COUPON_PCT = np.array([5, 5, 10, 10, 15])
_LONGEST_CANCELLATION_HOURS = 30
_MODE = {mode: index for index, mode in enumerate(MODES)}
# Orders for resale above this value leave as general trade.
_GENERAL_TRADE_USD = 2500.0


@dataclass(frozen=True)
class Drawn:
    """A market-month of orders with what their tables and the truth need beside the batch."""

    batch: OrderBatch
    traits: CustomerTraits  # by order
    local: Integers  # local product by line
    lost_local: Integers  # local products of lost lines
    lost_quantity: Integers
    is_lost_at_home: Flags  # whether the buyer would have been served from the home site
    new_customer: Integers  # buyers whose first order was drawn, also when it was lost
    new_traits: CustomerTraits
    new_day: NDArray[np.int32]
    new_at: Integers  # seconds UTC


def rows_of(traits: CustomerTraits, rows: Flags | Integers) -> CustomerTraits:
    """The traits of some of the rows."""
    return CustomerTraits(**{field.name: getattr(traits, field.name)[rows] for field in fields(CustomerTraits)})


def complete(world: World, plan: MonthPlan, buying: Buying, lines: Lines) -> Drawn:
    """The batch of the orders that are left after stock-outs, priced and numbered."""
    unit, list_price, promotion = _prices(plan, buying, lines)
    has_stock = ~lines.is_lost
    if plan.spec.code == "CN":
        has_stock &= _within_import_limit(lines, unit)
    is_kept = np.zeros(len(buying.customer), dtype=bool)
    is_kept[lines.order[has_stock]] = True
    row = np.cumsum(is_kept) - 1
    order = row[lines.order[has_stock]]
    local, quantity = lines.local[has_stock], lines.quantity[has_stock]
    unit = unit[has_stock]
    channel, day = buying.channel[is_kept], buying.day[is_kept]
    orders = len(day)
    starts = np.flatnonzero(np.concatenate([[True], order[1:] != order[:-1]])) if orders else np.zeros(0, np.int64)
    product = plan.assortment.product[local]
    seller = world.products.seller[product[starts]]
    goods = _sums(unit * quantity, starts)
    weight_g = _sums(world.products.weight_g[product] * quantity, starts)
    rng = stream(world.config, "money", plan.spec.code, plan.month)
    is_wholesale = buying.is_wholesale[is_kept]
    freight = _freight(plan, goods, weight_g, is_wholesale)
    discount = _coupons(rng, plan, goods, channel, buying.period[is_kept])
    taxed = np.where(channel == PORT_PLATFORM, 0, goods + freight - discount)
    tax = _whole(plan, (taxed * round(plan.spec.tax_rate * 10_000) + 5_000) // 10_000)
    at_home = channel == PORT_PLATFORM
    site = np.where(at_home, plan.assortment.home_site[local[starts]], plan.assortment.market_site[local[starts]])
    ordered_at = buying.ordered_at[is_kept]
    is_cancelled = rng.random(orders) < 0.012 + 0.035 * (1 - world.sellers.quality[seller])
    delay = 120 + np.minimum(rng.exponential(5.0, orders), _LONGEST_CANCELLATION_HOURS) * 3600
    batch = OrderBatch(
        market=plan.spec.code,
        month=plan.month,
        currency=plan.spec.currency,
        order_no=_order_numbers(plan, channel),
        channel=channel,
        ordered_at=ordered_at,
        ordered_day=day,
        seller=seller,
        customer=buying.customer[is_kept],
        customer_id=customer_ids(world, plan.market, buying.customer[is_kept]),
        session=np.full(orders, -1, dtype=np.int64),
        screen=buying.screen[is_kept],
        subdivision=buying.traits.subdivision[is_kept],
        promised_days=_promised_days(world, plan, site, day),
        goods_cents=goods,
        freight_cents=freight,
        tax_cents=tax,
        discount_cents=discount,
        payable_cents=goods + freight + tax - discount,
        is_cancelled=is_cancelled,
        cancelled_at=np.where(is_cancelled, ordered_at + delay.astype(np.int64), -1),
        supervision_mode=_modes(world, plan, site, goods, is_wholesale),
        site=site.astype(np.int16),
        line_order=order.astype(np.int32),
        line_no=(np.arange(len(order)) - np.repeat(starts, np.diff(np.append(starts, len(order)))) + 1).astype(
            np.int16
        ),
        product=product,
        quantity=quantity.astype(np.int32),
        unit_price_cents=unit,
        list_price_cents=list_price[has_stock],
        promotion=promotion[has_stock],
    )
    is_first = buying.is_first
    return Drawn(
        batch=batch,
        traits=rows_of(buying.traits, is_kept),
        local=local,
        lost_local=lines.local[lines.is_lost],
        lost_quantity=lines.quantity[lines.is_lost],
        is_lost_at_home=buying.channel[lines.order[lines.is_lost]] == PORT_PLATFORM,
        new_customer=buying.customer[is_first],
        new_traits=rows_of(buying.traits, is_first),
        new_day=buying.day[is_first],
        new_at=buying.ordered_at[is_first],
    )


def _sums(values: Integers, starts: Integers) -> Integers:
    """Sum of each order's lines."""
    return np.add.reduceat(values, starts) if len(starts) else np.zeros(0, dtype=np.int64)


def _whole(plan: MonthPlan, cents: Integers) -> Integers:
    """The amounts, in whole units where the currency has no minor unit."""
    return (cents + 50) // 100 * 100 if plan.spec.currency in WHOLE_UNIT_CURRENCIES else cents


def _prices(plan: MonthPlan, buying: Buying, lines: Lines) -> tuple[Integers, Integers, NDArray[np.int32]]:
    """Unit price, list price and promotion of each line."""
    period = buying.period[lines.order]
    list_price = plan.shelf.list_cents[lines.local]
    discount = plan.shelf.discount_pct[period, lines.local].astype(np.int64)
    unit = _whole(plan, (list_price * (100 - discount) + 50) // 100)
    return unit, list_price, plan.shelf.promotion[period, lines.local]


def _within_import_limit(lines: Lines, unit: Integers) -> Flags:
    """Lines that keep their order within the limit of one import: the first ones, while the sum allows."""
    running = np.cumsum(unit * lines.quantity)
    is_start = np.concatenate([[True], lines.order[1:] != lines.order[:-1]])[: len(running)]
    starts = np.flatnonzero(is_start)
    before = np.concatenate([[0], running])[starts]
    spent = running - np.repeat(before, np.diff(np.append(starts, len(running))))
    within: Flags = spent <= IMPORT_LIMIT_CENTS
    return within


def _per_usd(plan: MonthPlan) -> float:
    return FIRST_RATES[plan.spec.currency][0] / FIRST_RATES["USD"][0] * plan.spec.price_level


def _freight(plan: MonthPlan, goods: Integers, weight_g: Integers, is_wholesale: Flags) -> Integers:
    """Freight: free above a value, else by weight; orders for resale pay for their weight."""
    cents = 100 * _per_usd(plan)
    small = np.where(goods >= _FREE_FREIGHT_USD * cents, 0.0, _FREIGHT_USD + weight_g * (_FREIGHT_USD_PER_KG / 1000))
    bulk = weight_g * (_BULK_USD_PER_KG / 1000)
    return _whole(plan, np.rint(np.where(is_wholesale, bulk, small) * cents).astype(np.int64))


def _coupons(
    rng: np.random.Generator, plan: MonthPlan, goods: Integers, channel: NDArray[np.int8], period: Integers
) -> Integers:
    """Discounts of whole orders; the message of exported parcels (CEB 303) has no field for one."""
    is_event = np.array([bool(span.event) for span in plan.periods])[period]
    share = np.where(is_event, _COUPON_SHARE[True], _COUPON_SHARE[False])
    has_coupon = (rng.random(len(goods)) < share) & (channel != PORT_PLATFORM)
    pct = _COUPON_PCT[rng.integers(0, len(_COUPON_PCT), len(goods))]
    step = 100 if plan.spec.currency in WHOLE_UNIT_CURRENCIES else 1
    return np.where(has_coupon, goods * pct // (100 * step) * step, 0)


def _order_numbers(plan: MonthPlan, channel: NDArray[np.int8]) -> pa.StringArray:
    """Numbers that count each channel's orders of the market-month without a gap."""
    number = np.zeros(len(channel), dtype=np.int64)
    for code in range(len(NUMBER_PREFIXES)):
        is_here = channel == code
        number[is_here] = np.arange(1, int(is_here.sum()) + 1)
    stamp = plan.month[2:4] + plan.month[5:7]
    prefixes = characters([f"{prefix}-{stamp}{plan.market:02d}" for prefix in NUMBER_PREFIXES])
    return strings(joined(len(channel), prefixes[channel], digits(number, 7)))


def customer_ids(world: World, market: int, numbers: Integers) -> pa.StringArray:
    """Ids of customers: market, month of the first order, number."""
    code = world.config.markets[market]
    prefixes = characters([f"C{code}{month[2:4]}{month[5:7]}" for month in world.config.month_list])
    cohort = numbers >> 32 & 0xFF
    return strings(joined(len(numbers), prefixes[cohort], digits(numbers & 0xFFFFFFFF, 7)))


def _promised_days(world: World, plan: MonthPlan, site: NDArray[np.int16], day: NDArray[np.int32]) -> NDArray[np.int16]:
    """Days that are promised to the buyer: few from a site in the market, more from home and around New Year."""
    distance = {"KR": 8, "JP": 9, "US": 14, "GB": 13, "DE": 13, "FR": 14, "ES": 15, "AU": 14, "SA": 15, "CN": 9}
    usual = distance.get(plan.spec.code, 22)
    slow = supply_slowdown(plan.first_day, plan.end_day - plan.first_day)[day - plan.first_day]
    is_near = world.sites.is_overseas[site]
    return np.where(is_near, 5, usual + np.rint(8 * slow)).astype(np.int16)


def _modes(
    world: World, plan: MonthPlan, site: NDArray[np.int16], goods: Integers, is_wholesale: Flags
) -> NDArray[np.int8]:
    """Supervision mode (domain.md a2)."""
    is_near = world.sites.is_overseas[site]
    if plan.spec.code == "CN":
        return np.where(is_near, _MODE["1210"], _MODE["9610"]).astype(np.int8)
    is_large = goods > _GENERAL_TRADE_USD * 100 * _per_usd(plan)
    direct = np.where(is_wholesale, np.where(is_large, _MODE["0110"], _MODE["9710"]), _MODE["9610"])
    return np.where(is_near, _MODE["9810"], direct).astype(np.int8)
