"""How a market's demand divides among categories, products and subdivisions.

Belongs here: shares of categories with their season, weights of products within a category, shares of subdivisions.
Does not: the market's total (see market_days.py), pieces per order line (see pieces.py).

Products of a category share its order lines in proportion to a weight (Luce's choice rule): a product that can be
bought on a day with weight w among products with sum of weights S gets w / S of the category's lines of that day. The
weights are shrunk towards what products of their category sell (see rates.py), so that a product with one sale is close
to the many that sell little, and one with a thousand speaks for itself. Promotions multiply the weight by a factor that
is learnt over all promotions of the market; days without stock count as the part of demand that such days served.
"""

from dataclasses import dataclass, field

import numpy as np
from scipy.special import gammaln
from scipy.stats import nbinom

from orchestration.forecasting.demand.calendar import Reals
from orchestration.forecasting.demand.counts import Prior, fit_counts
from orchestration.forecasting.demand.market_demand import Ints, MarketDemand, Spans
from orchestration.forecasting.demand.rates import posterior_rates
from orchestration.forecasting.demand.young import YOUNG_DAYS, analogues

_SHAPES = np.array([0.1, 0.15, 0.25, 0.4, 0.6, 0.9, 1.4, 2.2, 4.0])
HALF_LIVES = (90.0, 180.0, 360.0, 720.0, np.inf)
_TEST_DAYS, _TESTS = 28, 3
_ROUNDS = 4
# First guess of the logarithm's change at a discount of 100 %, and its spread; of the share that is served while a
# product is flagged as out of stock between two counts, by how many of its neighbouring spans are flagged, too.
_PROMOTION_EFFECT, _PROMOTION_SPREAD = 1.5, 1.5
_SERVED = np.array([0.5, 0.4, 0.2])
_SERVED_WEIGHT = 4.0
# A shift is told when chance alone would show it once in a million products and months, promotions and luck included.
_SHIFT_DAYS, _SHIFT_CHANCE, _SHIFT_LUCK = 56, 1e-6, 8.0
_SEASON_DAYS, _LEVEL_DAYS = 7, 91
_SEASON_PRIORS = {
    "intercept": Prior(10.0, is_fixed=True), "year": Prior(0.15, is_shared=True), "half": Prior(0.06, is_shared=True),
    "step": Prior(0.05),
}  # fmt: skip
_REST_WINDOWS = 6


@dataclass(frozen=True)
class ProductShift:
    """A product's share of its category changed by this factor; only its last weeks speak for it."""

    product_id: str
    factor: float


@dataclass(frozen=True, eq=False)
class ProductWeights:
    """Weights of the products within their categories at the end of the history."""

    weight: Reals
    relative_variance: Reals  # of the weight
    promotion_effect: float  # change of the logarithm at a discount of 100 %
    served: Reals  # share of demand served in flagged spans with none, one, two flagged neighbours
    served_by_day: Reals  # share of the market's demand that was in stock
    half_life_days: float
    shifts: tuple[ProductShift, ...]
    start: Ints = field(repr=False, default_factory=lambda: np.zeros(0, np.int64))


def category_shares(demand: MarketDemand, horizon: int) -> Reals:
    """Share of each category in the order lines of each future day (category x day); the columns add up to one."""
    count, size = demand.day_count, len(demand.categories)
    if size == 1:
        return np.ones((1, horizon))
    weeks = count // _SEASON_DAYS
    skip = count - weeks * _SEASON_DAYS
    week = (demand.sales.day - skip) // _SEASON_DAYS
    inside = demand.sales.day >= skip
    flat = demand.category[demand.sales.product] * weeks + week
    lines = np.bincount(flat[inside], demand.sales.lines[inside], minlength=size * weeks).reshape(size, weeks)
    total = lines.sum(axis=0)
    if not weeks or not total.sum():
        overall = np.bincount(demand.category[demand.sales.product], demand.sales.lines, minlength=size) + 0.5
        return np.repeat((overall / overall.sum())[:, None], horizon, axis=1)
    first = int(demand.first_day.astype(np.int64)) + skip
    matrix, groups = _season_columns(first + np.arange(weeks) * _SEASON_DAYS + _SEASON_DAYS // 2, first, count - skip)
    future, _ = _season_columns(first + count - skip + np.arange(horizon), first, count - skip)
    offset = np.log(np.maximum(total, 1e-9))
    score = np.empty((size, horizon))
    for row in range(size):
        fit = fit_counts(matrix, lines[row], offset, total > 0, groups, _SEASON_PRIORS)
        score[row] = np.clip(future @ fit.coefficients, -30, 30)
    shares: Reals = np.exp(score - score.max(axis=0))
    shares /= shares.sum(axis=0)
    return shares


def _season_columns(numbers: Ints, first: int, length: int) -> tuple[Reals, tuple[str, ...]]:
    angle = 2 * np.pi * numbers / 365.25
    columns = [np.ones(len(numbers)), np.cos(angle), np.sin(angle), np.cos(2 * angle), np.sin(2 * angle)]
    groups = ["intercept", "year", "year", "half", "half"]
    for back in range(length // _LEVEL_DAYS - 1, -1, -1):
        end = first + length - back * _LEVEL_DAYS
        columns.append(np.clip((numbers - end + _LEVEL_DAYS) / _LEVEL_DAYS, 0, 1) - 0.5)
        groups.append("step")
    return np.column_stack(columns), tuple(groups)


def region_shares(demand: MarketDemand, half_life_days: float = 360.0) -> Reals:
    """Share of each subdivision in the market's orders, shrunk to equal shares by half an order each."""
    age = demand.day_count - 1 - np.arange(demand.day_count)
    orders = demand.region_orders @ 0.5 ** (age / half_life_days) + 0.5
    shares: Reals = orders / max(float(orders.sum()), 1e-12)
    return shares


def unseen_share(demand: MarketDemand) -> float:
    """Share of the coming lines that go to products which have not been sold yet, as it was in the last windows."""
    windows = min(_REST_WINDOWS, demand.day_count // _TEST_DAYS // 2)
    if not windows:
        return 0.0
    sales, begin = demand.sales, demand.day_count - windows * _TEST_DAYS
    first_sold = np.full(len(demand.products), demand.day_count)
    np.minimum.at(first_sold, sales.product, sales.day)
    recent = sales.day >= begin
    start = begin + (sales.day[recent] - begin) // _TEST_DAYS * _TEST_DAYS
    is_new = first_sold[sales.product[recent]] >= start
    lines = sales.lines[recent]
    return float(lines[is_new].sum() / max(float(lines.sum()), 1e-12))


def fit_weights(demand: MarketDemand, *, half_life_days: float | None = None) -> ProductWeights:
    """Weights of all products; without a half-life it is the one that forecast the last months best."""
    if half_life_days is None:
        half_life_days = _best_half_life(demand)
    start = _starts(demand)
    nobody = np.zeros(0, np.int64)
    first = _fit(demand, half_life_days, start, nobody, is_final=True)
    shifted, factors = _shifted(demand, first, start)
    if len(shifted):
        start = start.copy()
        start[shifted] = demand.day_count - _SHIFT_DAYS
        first = _fit(demand, half_life_days, start, shifted, is_final=True)
    shifts = tuple(
        ProductShift(demand.products[row], round(float(factor), 3))
        for row, factor in zip(shifted, factors, strict=True)
    )
    return ProductWeights(**{**first.__dict__, "shifts": shifts, "start": start})


def promotion_factors(demand: MarketDemand, weights: ProductWeights, horizon: int) -> Reals:
    """Factor on each product's weight on each future day: known promotions (product x day)."""
    factor = np.ones((len(demand.products), horizon))
    spans = demand.promotions
    rows = np.flatnonzero(spans.last >= demand.day_count)
    for row in rows:
        span = slice(max(int(spans.first[row]) - demand.day_count, 0), int(spans.last[row]) - demand.day_count + 1)
        factor[spans.product[row], span] *= np.exp(weights.promotion_effect * spans.value[row])
    return factor


def _starts(demand: MarketDemand) -> Ints:
    """First day on which each product could be bought.

    Where the catalogue is silent: the first day of the history, unless the product sells so much that it would have
    been seen long before its first sale; then the day after that, because a first sale is no draw by chance.
    """
    sales, count = demand.sales, demand.day_count
    size = len(demand.products)
    first_sold = np.full(size, count)
    np.minimum.at(first_sold, sales.product, sales.day)
    lines = np.bincount(sales.product, sales.lines, minlength=size)
    seen_days = np.maximum(count - first_sold, 1)
    missed = (lines - 1) / seen_days * first_sold
    guessed = np.where(missed > 3.0, np.minimum(first_sold + 1, count - 1), 0)
    listed = np.where((demand.listed >= 0) & (demand.listed <= first_sold), demand.listed, guessed)
    return np.maximum(listed, 0).astype(np.int64)


def _fit(
    demand: MarketDemand, half_life: float, start: Ints, shifted: Ints, *, is_final: bool = False
) -> ProductWeights:
    """Weights for one half-life; only a final fit learns the prior's form, others take a Gamma."""
    sales, count, size = demand.sales, demand.day_count, len(demand.products)
    categories = len(demand.categories)
    keep = 0.5 ** ((count - 1 - np.arange(count)) / half_life)
    counted = sales.day >= start[sales.product]
    product, day, line = sales.product[counted], sales.day[counted], sales.lines[counted]
    category = demand.category
    table = np.bincount(category[product] * count + day, line, minlength=categories * count).reshape(categories, count)
    lines: Reals = np.bincount(product, line * keep[day], minlength=size).astype(np.float64)
    promotions = _cut(demand.promotions, start, count)
    outs = _cut(demand.stock_outs, start, count)
    kind = _neighbours(outs)
    # Lines of each product within each span.
    cumulated = _Cumulated(product, day, line, count)
    promoted = cumulated.of(promotions)
    sold_out = cumulated.of(outs)
    weight = np.full(size, 1.0)
    effect, served = _PROMOTION_EFFECT, _SERVED.copy()
    served_by_day = np.ones(count)
    young = (start > 0) & (count - start < YOUNG_DAYS)
    young[shifted] = False
    # A product that has shifted is not new, and no analogue of new ones.
    came = start.copy()
    came[shifted] = 0
    variance = np.zeros(size)
    for turn in range(_ROUNDS):
        full = np.bincount(category * count + start.clip(0, count - 1), weight, minlength=categories * count)
        full = full.reshape(categories, count).cumsum(axis=1)
        mass = full + _spread(promotions, weight, np.expm1(effect * promotions.value), category, (categories, count))
        missing = _spread(outs, weight, served[kind] - 1, category, (categories, count))
        # Some of a category can always be bought: a sum of weights near zero would make one line count for thousands.
        mass = np.maximum(mass + missing, 0.05 * full + 1e-12)
        per_weight = table / mass
        known = np.concatenate([np.zeros((categories, 1)), (per_weight * keep).cumsum(axis=1)], axis=1)
        exposure = known[category, count] - known[category, start]
        exposure += _sum_spans(promotions, known, category, np.expm1(effect * promotions.value), size)
        exposure += _sum_spans(outs, known, category, served[kind] - 1, size)
        exposure = np.maximum(exposure, 1e-9)
        mean, shape = _priors(lines, exposure, category, categories)
        coming, lived = analogues(category, came, count, mean, (product, day, line * keep[day]), known)
        prior_mean = np.where(young, coming, mean[category])
        # What a young product has sold so far is held against what its analogues had sold by then.
        exposure = np.where(young, exposure * lived / coming, exposure)
        if is_final and turn >= _ROUNDS - 2:
            relative, variance = posterior_rates(lines, exposure * prior_mean)
            weight = prior_mean * relative
        else:
            weight = (lines + shape[category]) / (exposure + shape[category] / prior_mean)
        plain = np.concatenate([np.zeros((categories, 1)), per_weight.cumsum(axis=1)], axis=1)
        expected = weight[promotions.product] * _between(promotions, plain, category)
        effect = _promotion_effect(promoted, expected, promotions.value, effect)
        expected = weight[outs.product] * _between(outs, plain, category)
        served = np.clip(
            (np.bincount(kind, sold_out, minlength=3) + _SERVED_WEIGHT * _SERVED)
            / (np.bincount(kind, expected, minlength=3) + _SERVED_WEIGHT), 0.0, 1.0,
        )  # fmt: skip
        share = table.sum(axis=1) / max(float(table.sum()), 1e-12)
        served_by_day = 1 + (share[:, None] * missing / np.maximum(full, 1e-12)).sum(axis=0)
    return ProductWeights(
        weight, variance, float(effect), served, np.clip(served_by_day, 0.3, 1.0), half_life, (), start
    )


class _Cumulated:
    """Lines of each product between two days, from one sorted list."""

    def __init__(self, product: Ints, day: Ints, lines: Reals, count: int) -> None:
        key = product * (count + 1) + day
        turn = np.argsort(key, kind="stable")
        self._key, self._count = key[turn], count
        self._sum = np.concatenate([[0.0], lines[turn].cumsum()])

    def of(self, spans: Spans) -> Reals:
        base = spans.product * (self._count + 1)
        low = np.searchsorted(self._key, base + spans.first, "left")
        high = np.searchsorted(self._key, base + spans.last, "right")
        found: Reals = self._sum[high] - self._sum[low]
        return found


def _cut(spans: Spans, start: Ints, count: int) -> Spans:
    """The part of each span within the history and the product's life; what is left of none is dropped."""
    first, last = np.maximum(spans.first, start[spans.product]), np.minimum(spans.last, count - 1)
    cut = Spans(spans.product, first, last, spans.value, spans.known)
    return cut.rows(first <= last)


def _neighbours(outs: Spans) -> Ints:
    """How many of a span's neighbours, before and after, are flagged as well: 0, 1 or 2."""
    if not len(outs.product):
        return np.zeros(0, np.int64)
    turn = np.lexsort((outs.first, outs.product))
    product, first, last = outs.product[turn], outs.first[turn], outs.last[turn]
    touches = (product[1:] == product[:-1]) & (first[1:] - last[:-1] == 1)
    sides = np.concatenate([[0], touches]) + np.concatenate([touches, [0]])
    kind = np.empty(len(turn), np.int64)
    kind[turn] = sides
    return kind


def _spread(spans: Spans, weight: Reals, change: Reals, category: Ints, size: tuple[int, int]) -> Reals:
    """What the spans add to the sum of weights of each category on each day."""
    table = np.zeros((size[0], size[1] + 1))
    value, row = weight[spans.product] * change, category[spans.product]
    np.add.at(table, (row, spans.first), value)
    np.add.at(table, (row, spans.last + 1), -value)
    spread: Reals = table[:, :-1].cumsum(axis=1)
    return spread


def _between(spans: Spans, cumulated: Reals, category: Ints) -> Reals:
    row = category[spans.product]
    found: Reals = cumulated[row, spans.last + 1] - cumulated[row, spans.first]
    return found


def _sum_spans(spans: Spans, cumulated: Reals, category: Ints, change: Reals, size: int) -> Reals:
    between = _between(spans, cumulated, category)
    return np.bincount(spans.product, change * between, minlength=size).astype(np.float64)


def _priors(lines: Reals, exposure: Reals, category: Ints, categories: int) -> tuple[Reals, Reals]:
    """Mean weight of each category and the shape of its Gamma prior, of greatest likelihood over a grid."""
    total = np.bincount(category, lines, minlength=categories)
    mean = (total + 0.5) / (np.bincount(category, exposure, minlength=categories) + 0.5)
    expected = mean[category] * exposure
    score = np.empty((len(_SHAPES), categories))
    for place, shape in enumerate(_SHAPES):
        each = gammaln(lines + shape) - gammaln(shape) + shape * np.log(shape / (shape + expected))
        each += lines * np.log(np.maximum(expected, 1e-300) / (shape + expected))
        score[place] = np.bincount(category, each, minlength=categories)
    # A category with few products leans on what all products say.
    pooled = score.sum(axis=1) / max(len(lines), 1)
    score += 20 * pooled[:, None]
    return mean, _SHAPES[score.argmax(axis=0)]


def _promotion_effect(lines: Reals, expected: Reals, discount: Reals, effect: float) -> float:
    """Poisson estimate of the effect of all promotions under its normal prior, by Newton's steps."""
    for _ in range(6):
        mean = expected * np.exp(effect * discount)
        slope = float(((lines - mean) * discount).sum()) - (effect - _PROMOTION_EFFECT) / _PROMOTION_SPREAD**2
        bend = float((mean * discount**2).sum()) + 1 / _PROMOTION_SPREAD**2
        effect = float(np.clip(effect + slope / bend, 0.0, 10.0))
    return effect


def _shifted(demand: MarketDemand, fit: ProductWeights, start: Ints) -> tuple[Ints, Reals]:
    """Products whose last weeks fit no longer to what was before, and the factor between the two."""
    count, sales = demand.day_count, demand.sales
    edge = count - _SHIFT_DAYS
    if edge < _SHIFT_DAYS:
        return np.zeros(0, np.int64), np.zeros(0)
    size = len(demand.products)
    old = np.bincount(sales.product[sales.day < edge], sales.lines[sales.day < edge], minlength=size)
    recent = np.bincount(sales.product[sales.day >= edge], sales.lines[sales.day >= edge], minlength=size)
    category = demand.category
    lines = np.bincount(category[sales.product], sales.lines * (sales.day < edge), minlength=len(demand.categories))
    now = np.bincount(category[sales.product], sales.lines * (sales.day >= edge), minlength=len(demand.categories))
    life = np.clip((edge - start) / max(edge, 1), 0.02, 1.0)
    # Odds against the category's other products: a product must not be measured by lines that it brought itself.
    others, others_now = life * (lines[category] - old), now[category] - recent
    share = (old + 0.1) / np.maximum(others, 1.0)
    # Lines that a promotion brought and those that a stock-out cost are no shift.
    expected = share * others_now
    for spans, change in (
        (demand.promotions, np.expm1(fit.promotion_effect * demand.promotions.value)),
        (demand.stock_outs, fit.served[_neighbours(demand.stock_outs)] - 1),
    ):
        inside = np.clip(np.minimum(spans.last, count - 1) - np.maximum(spans.first, edge) + 1, 0, None)
        row = spans.product
        np.add.at(expected, row, share[row] * others_now[row] * change * inside / _SHIFT_DAYS)
    expected = np.maximum(expected, 1e-6)
    # Variance = mean + mean^2 (1/luck + 1/old lines): the old share is itself an estimate.
    luck = 1 / (1 / _SHIFT_LUCK + 1 / np.maximum(old, 1.0))
    p = luck / (luck + expected)
    tail = np.minimum(nbinom.cdf(recent, luck, p), nbinom.sf(recent - 1, luck, p))
    is_told = (tail < _SHIFT_CHANCE) & (old >= 10) & (others >= 20) & (others_now >= 10)
    found = np.flatnonzero(is_told & (start < edge - _SHIFT_DAYS))
    return found, (recent[found] + 0.5) / expected[found]


def _best_half_life(demand: MarketDemand) -> float:
    """The half-life whose weights gave the last months' sales the greatest likelihood."""
    if demand.day_count < (_TESTS + 3) * _TEST_DAYS:
        return float("inf")
    score = dict.fromkeys(HALF_LIVES, 0.0)
    for test in range(1, _TESTS + 1):
        edge = demand.day_count - test * _TEST_DAYS
        past = demand.known_at((demand.first_day + edge).astype(object))
        place = {name: row for row, name in enumerate(past.products)}
        number = np.array([place.get(name, -1) for name in demand.products])
        inside = (demand.sales.day >= edge) & (demand.sales.day < edge + _TEST_DAYS)
        product, lines = number[demand.sales.product[inside]], demand.sales.lines[inside]
        lines, product = lines[product >= 0], product[product >= 0]
        start = _starts(past)
        for half_life in HALF_LIVES:
            weight = _fit(past, half_life, start, np.zeros(0, np.int64)).weight
            total = np.bincount(past.category, weight, minlength=len(past.categories))
            score[half_life] += float(lines @ np.log(weight[product] / total[past.category[product]]))
    return max(score, key=lambda one: (score[one], one))
