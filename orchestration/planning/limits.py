"""What keeps an order from the quantity that is wanted: minimum, supplier's week, container, budget.

Belongs here: quantities under limits, by marginal value. Does not: how much is wanted (see `levels.py`).

Each order is cut into portions of falling value: what a portion avoids in shortage, at cost, by what it costs. All
portions of all orders stand in one line, the most worth first, and are taken as long as every limit lasts; since the
value of an order's portions falls, this is the best use of a single limit, and a good one of several.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from orchestration.planning.levels import Curve

PORTIONS = 4
MINIMUM, CAPACITY, FLEXIBLE, BUDGET, CONTAINER = "minimum", "capacity", "made to order", "budget", "container"


@dataclass(frozen=True)
class Limits:
    """budget_usd: for all orders of this plan; None: none. container_kg: what a container carries.

    A minimum that would last longer than `longest_cover_days` is not ordered. A last container that is filled by less
    than `least_container_share` is left out, where there are others.
    """

    budget_usd: float | None = None
    container_kg: float = 26_000.0
    least_container_share: float = 0.3
    longest_cover_days: float = 364.0


@dataclass
class Wish:
    """One order that is wanted: from which supplier, to which site, and the curve of its shortage."""

    wanted_qty: float
    position_qty: float
    curve: Curve
    supplier_id: str
    site_code: str
    unit_cost_usd: float | None
    unit_weight_kg: float
    minimum_qty: float
    weekly_demand_qty: float
    is_made_to_order: bool
    is_overseas: bool
    ordered_qty: float = 0.0
    limited_by: list[str] = field(default_factory=list)

    def avoided(self, quantity: float) -> float:
        """Units short that this quantity avoids."""
        return max(0.0, self.curve.at(self.position_qty) - self.curve.at(self.position_qty + quantity))

    @property
    def least_qty(self) -> float:
        """The first portion: the minimum, or a part of what is wanted."""
        return max(self.minimum_qty, math.ceil(self.wanted_qty / PORTIONS))


@dataclass(frozen=True)
class SupplierWeek:
    """What a supplier can take on until the next review: pieces in all, and pieces made to order."""

    pieces: float = math.inf
    made_to_order: float = math.inf


def order_within(wishes: Sequence[Wish], suppliers: dict[str, SupplierWeek], limits: Limits) -> None:
    """Set `ordered_qty` and `limited_by` of each wish."""
    portions = [portion for place, wish in enumerate(wishes) for portion in _portions(place, wish, limits)]
    portions.sort(key=lambda portion: (-portion[0], portion[1], portion[2]))
    room = _Room(suppliers, limits, wishes)
    stopped: set[int] = set()
    for _, place, _, quantity in portions:
        # A later portion of a stopped order is worth less and would skip the minimum.
        if place in stopped:
            continue
        wish = wishes[place]
        limit = room.limit(wish, quantity)
        if limit:
            stopped.add(place)
            if limit not in wish.limited_by:
                wish.limited_by.append(limit)
            continue
        room.take(wish, quantity)
        wish.ordered_qty += quantity


def _portions(place: int, wish: Wish, limits: Limits) -> list[tuple[float, int, int, float]]:
    """(value per cost, wish, number, quantity), falling in value."""
    if wish.wanted_qty <= 0:
        return []
    total = wish.wanted_qty
    if wish.minimum_qty > total:
        lasts = math.inf if wish.weekly_demand_qty <= 0 else 7 * wish.minimum_qty / wish.weekly_demand_qty
        wish.limited_by.append(MINIMUM)
        if lasts > limits.longest_cover_days:
            return []
        total = wish.minimum_qty
    cost = wish.unit_cost_usd or 0.0
    found: list[tuple[float, int, int, float]] = []
    done, value = 0.0, math.inf
    while done < total - 1e-9:
        step = min(wish.least_qty if not found else math.ceil(total / PORTIONS), total - done)
        gain = wish.avoided(done + step) - wish.avoided(done)
        # Shortage is counted at cost, so that a dear product is not left out for being dear.
        value = min(value, gain * max(cost, 1e-9) / (step * max(cost, 1e-9)))
        found.append((value, place, len(found), step))
        done += step
    return found


class _Room:
    """What is left of every limit."""

    def __init__(self, suppliers: dict[str, SupplierWeek], limits: Limits, wishes: Sequence[Wish]) -> None:
        self._pieces = {name: week.pieces for name, week in suppliers.items()}
        self._flexible = {name: week.made_to_order for name, week in suppliers.items()}
        self._budget = math.inf if limits.budget_usd is None else limits.budget_usd
        self._kg = _container_room(wishes, limits)

    def limit(self, wish: Wish, quantity: float) -> str:
        """The limit that this quantity would break; empty when none."""
        if quantity * (wish.unit_cost_usd or 0.0) > self._budget + 1e-9:
            return BUDGET
        # Without a known cost nothing fits into a budget: a guess would break it.
        if wish.unit_cost_usd is None and self._budget < math.inf:
            return BUDGET
        if quantity > self._pieces.get(wish.supplier_id, math.inf) + 1e-9:
            return CAPACITY
        if wish.is_made_to_order and quantity > self._flexible.get(wish.supplier_id, math.inf) + 1e-9:
            return FLEXIBLE
        if wish.is_overseas and quantity * wish.unit_weight_kg > self._kg.get(wish.site_code, math.inf) + 1e-9:
            return CONTAINER
        return ""

    def take(self, wish: Wish, quantity: float) -> None:
        """Use up what the quantity needs."""
        self._budget -= quantity * (wish.unit_cost_usd or 0.0)
        for left in (self._pieces, *((self._flexible,) if wish.is_made_to_order else ())):
            if wish.supplier_id in left:
                left[wish.supplier_id] -= quantity
        if wish.is_overseas and wish.site_code in self._kg:
            self._kg[wish.site_code] -= quantity * wish.unit_weight_kg


def _container_room(wishes: Sequence[Wish], limits: Limits) -> dict[str, float]:
    """By overseas site: kilograms of whole containers, where the last one would go nearly empty."""
    wanted: dict[str, float] = defaultdict(float)
    for wish in wishes:
        if wish.is_overseas:
            wanted[wish.site_code] += wish.wanted_qty * wish.unit_weight_kg
    room = {}
    for site, weight in wanted.items():
        whole, part = divmod(weight / limits.container_kg, 1.0)
        if whole >= 1 and 0 < part < limits.least_container_share:
            room[site] = whole * limits.container_kg
    return room
