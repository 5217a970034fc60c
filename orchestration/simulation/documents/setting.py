"""What the documents of one market-month have in common: who sells, how much it weighs, which numbers are free.

Belongs here: facts that several documents need, worked out once per market-month. Does not: anything drawn by chance.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from orchestration.simulation.documents.columns import Flags, Integers, Reals, horizon_end
from orchestration.simulation.documents.numbers import NumberBlocks, blocks_of
from orchestration.simulation.world.batches import MODES, PORT_IMPORT, PORT_PLATFORM, OrderBatch, World
from orchestration.simulation.world.randomness import stream

# Currencies whose smallest coin is the whole unit.
WHOLE_UNIT_CURRENCIES = frozenset({"JPY", "KRW", "CLP", "VND", "ISK"})
MODE_9610, MODE_9710, MODE_9810, MODE_0110, MODE_1210 = (
    MODES.index(mode) for mode in ("9610", "9710", "9810", "0110", "1210")
)
PACKAGING_GRAMS = 30
PACKAGING_PER_THOUSAND = 40

# How much slower carriers and customs are in a month of the year: Singles' Day to Christmas, the spring gap, 618.
_PEAK_FACTOR = {1: 1.12, 2: 1.22, 6: 1.08, 11: 1.3, 12: 1.25}
# Distance and the habits of a market's post and customs.
_MARKET_FACTOR = {
    "US": 1.0, "GB": 0.95, "DE": 1.0, "FR": 1.05, "JP": 0.55, "KR": 0.5, "ES": 1.1, "AU": 1.1, "BR": 1.9, "MX": 1.5,
    "SA": 1.25, "CN": 0.5,
}  # fmt: skip


@dataclass(frozen=True)
class Setting:
    """One market-month of orders with what its documents share."""

    world: World
    batch: OrderBatch

    @cached_property
    def count(self) -> int:
        """Orders."""
        return len(self.batch.ordered_at)

    @cached_property
    def market(self) -> int:
        """Index of the market."""
        return self.world.markets.code.index(self.batch.market)

    @cached_property
    def is_import(self) -> bool:
        """Whether the market is China."""
        return self.batch.market == "CN"

    @cached_property
    def end(self) -> int:
        """Last second of the horizon: what is dated later has not arrived yet."""
        return horizon_end(self.world.config.month_list)

    @cached_property
    def blocks(self) -> NumberBlocks:
        """The number series of the market-month."""
        return blocks_of(self.world, self.batch.market, self.batch.month)

    @cached_property
    def is_port(self) -> Flags:
        """Orders whose documents come through the electronic port."""
        is_its: Flags = (self.batch.channel == PORT_PLATFORM) | (self.batch.channel == PORT_IMPORT)
        return is_its

    @cached_property
    def quality(self) -> Reals:
        """Latent quality of each order's seller."""
        return self.world.sellers.quality[self.batch.seller]

    @cached_property
    def badness(self) -> Reals:
        """Multiplier of what goes wrong: about 1 on average, 0.35 for the best and 2 and more for the worst."""
        return np.round(0.35 + 2.4 * np.square(1.0 - self.quality), 6)

    @cached_property
    def slowness(self) -> float:
        """Factor on transit and handling of this market and month."""
        month = int(self.batch.month[5:7])
        return round(_MARKET_FACTOR.get(self.batch.market, 1.2) * _PEAK_FACTOR.get(month, 1.0), 4)

    @cached_property
    def peak(self) -> float:
        """Factor on handling and clearance of this month alone."""
        return _PEAK_FACTOR.get(int(self.batch.month[5:7]), 1.0)

    @cached_property
    def line_count(self) -> Integers:
        """Lines of each order."""
        return np.bincount(self.batch.line_order, minlength=self.count).astype(np.int64)

    @cached_property
    def line_start(self) -> Integers:
        """First line row of each order."""
        return np.cumsum(self.line_count) - self.line_count

    @cached_property
    def line_grams(self) -> Integers:
        """Net weight of each line."""
        return self.world.products.weight_g[self.batch.product].astype(np.int64) * self.batch.quantity

    @cached_property
    def line_gross_grams(self) -> Integers:
        """Weight of each line with its share of packaging."""
        return self.line_grams + self.line_grams * PACKAGING_PER_THOUSAND // 1000 + PACKAGING_GRAMS

    @cached_property
    def line_cents(self) -> Integers:
        """Price times quantity of each line."""
        return self.batch.unit_price_cents * self.batch.quantity

    @cached_property
    def category(self) -> Integers:
        """Category of each order's first line."""
        return self.world.products.category[self.batch.product[self.line_start]].astype(np.int64)

    @cached_property
    def minor_unit(self) -> int:
        """Smallest amount of the currency in hundredths."""
        return 100 if self.batch.currency in WHOLE_UNIT_CURRENCIES else 1

    def rounded(self, cents: Reals | Integers) -> Integers:
        """Amounts rounded down to what the currency can pay."""
        unit = self.minor_unit
        # A product such as 0.29 * 100 may stand a hair under its whole number.
        return np.floor(cents / unit + 1e-6).astype(np.int64) * unit

    def draws(self, purpose: str) -> np.random.Generator:
        """The random stream of one purpose in this market-month."""
        return stream(self.world.config, "documents", purpose, self.batch.market, self.batch.month)


def lognormal_seconds(rng: np.random.Generator, median: Reals | float, sigma: float, count: int) -> Integers:
    """`count` durations in seconds around a median in seconds; whole seconds, so that no platform's last bit shows."""
    return np.rint(np.exp(rng.standard_normal(count) * sigma) * median).astype(np.int64)
