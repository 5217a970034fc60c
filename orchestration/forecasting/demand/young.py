"""What becomes of products that have just come: their analogues, the products before them, at the same age.

Belongs here: what a category's later products sold in their first weeks, by age. Does not: weights (see shares.py).
"""

import numpy as np

from orchestration.forecasting.demand.calendar import Reals
from orchestration.forecasting.demand.market_demand import Ints

# A product younger than this is judged beside the products that were as young; older ones speak for themselves.
YOUNG_DAYS = 84
_AGE_DAYS = 28
_AGES = YOUNG_DAYS // _AGE_DAYS
# Lines that the mean of the category's products is worth for its new ones.
_WORTH = 20.0


def analogues(
    category: Ints, start: Ints, count: int, mean: Reals, sold: tuple[Ints, Ints, Reals], known: Reals
) -> tuple[Reals, Reals]:
    """Of each product the weight that its analogues had at the age which it reaches next, and so far.

    mean: weight of each category's products; sold: product, day and lines of each sale, the lines as far as they count;
    known: lines per weight of each category up to each day (category x day + 1). A product is an analogue where it came
    after the history began. Until a category has had some, its mean stands.
    """
    product, day, lines = sold
    later = start > 0
    age = (day - start[product]) // _AGE_DAYS
    counted = later[product] & (age < _AGES)
    cell = category[product[counted]] * _AGES + age[counted]
    size = len(mean)
    found = np.bincount(cell, lines[counted], minlength=size * _AGES).reshape(size, _AGES)
    edges = np.minimum(start[:, None] + _AGE_DAYS * np.arange(_AGES + 1), count)
    exposure = np.diff(known[category[:, None], edges], axis=1) * later[:, None]
    of_category = np.stack(
        [np.bincount(category, exposure[:, place], minlength=size) for place in range(_AGES)], axis=1
    )
    # The ages of a category lean on all of its first weeks, and these on the category.
    whole = (found.sum(axis=1) + _WORTH) / (of_category.sum(axis=1) + _WORTH / mean)
    rate = (found + _WORTH) / (of_category + _WORTH / whole[:, None])
    following = np.clip((count - start + _AGE_DAYS // 2) // _AGE_DAYS, 0, _AGES - 1)
    coming: Reals = rate[category, following]
    seen = exposure.sum(axis=1)
    lived: Reals = np.where(seen > 0, (exposure * rate[category]).sum(axis=1) / np.maximum(seen, 1e-12), coming)
    return coming, lived
