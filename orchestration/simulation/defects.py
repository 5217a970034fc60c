"""What is wrong in the sample on purpose: one table, and the labels that say where each defect was put.

Belongs here: the defects with their rates. Does not: repairs and verdicts (staging judges; it never reads this).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

Item = TypeVar("Item")


@dataclass(frozen=True)
class Defect:
    """One kind of defect: how often it is put in, and the rule of the seed `rule` that must notice it."""

    defect_id: str
    rate_per_mille: int
    rule_id: str
    words: str


# Rates stay low: a market with more than half a per cent of its value in quarantine is held back.
DEFECTS = (
    Defect("shop.row_twice", 10, "row.duplicate", "a line of an invoice stands twice, equal in every column"),
    Defect("shop.country_alias", 20, "market.alias", "UK instead of United Kingdom; USA is always written so"),
    Defect("shop.country_unknown", 4, "orders.market_unknown", "Channel Islands, which is no country"),
    Defect("shop.price_negative", 1, "order_lines.price_negative", "a price below zero"),
    Defect("shop.date_impossible", 1, "orders.ordered_at_unreadable", "the thirty-first of February"),
    Defect("webshop.event_twice", 30, "row.duplicate", "a webhook delivered twice"),
    Defect("webshop.corrected", 20, "row.duplicate", "a second version of the order with another quantity"),
    Defect("webshop.correction_first", 4, "row.duplicate", "the second version arrives before the first"),
    Defect("webshop.currency_missing", 1, "orders.currency_missing", "the currency is null"),
    Defect("platform.full_width", 15, "text.full_width", "order number and quantity in full-width characters"),
    Defect("parcel.delivered_early", 2, "shipments.delivered_before_shipped", "delivered a day before it was shipped"),
    Defect("customs.hs_dots", 250, "declaration_lines.hs_punctuation", "dots in the HS code"),
    Defect("customs.hs_zero_lost", 300, "declaration_lines.hs_leading_zero", "the leading zero of an HS code is lost"),
    Defect("customs.hs_scientific", 1, "declaration_lines.hs_code_scientific", "an HS code such as 8.5183E+09"),
)
BY_ID = {defect.defect_id: defect for defect in DEFECTS}


@dataclass
class Truth:
    """Where each defect was put: the labels that only the generator knows."""

    labels: list[tuple[str, str]] = field(default_factory=list)

    def put(self, rng: np.random.Generator, defect_id: str, items: Sequence[Item], names: Sequence[str]) -> list[Item]:
        """Choose the items that get the defect (at least one where there is any) and note them by name."""
        count = min(len(items), max(1, len(items) * BY_ID[defect_id].rate_per_mille // 1000))
        chosen = sorted(rng.permutation(len(items))[:count].tolist())
        self.labels.extend((defect_id, names[position]) for position in chosen)
        return [items[position] for position in chosen]

    def of(self, defect_id: str) -> list[str]:
        """The names of the records that got this defect."""
        return [name for label, name in self.labels if label == defect_id]
