"""Segments by rules that a person can read: the first rule that holds names the segment of a customer.

Belongs here: the rules, their words and the few figures of a market that stand in them. Does not: movements (see
`movement.py`), clusters.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from orchestration.customers.purchases import Purchases, Rows, State
from orchestration.customers.retention import Rhythm, market_gap, rhythm, survival
from orchestration.customers.value.newton import Reals

LATE, LOST = 2.0, 5.0
VALUABLE_SHARE = 0.2
FEWEST_FREQUENT = 3
SENT_BACK, NEW, OPEN, ONE_TIME, CHAMPION, LOYAL, BIG_SPENDER, RETURNING, VALUABLE_LATE, SLIPPING, GONE = range(11)
NAMES = (
    "sent_back",
    "new",
    "may_return",
    "one_time",
    "champion",
    "loyal",
    "big_spender",
    "returning",
    "valuable_late",
    "slipping",
    "lost",
)
TITLES: Mapping[str, tuple[str, str]] = {
    "sent_back": ("Sent everything back", "全部退回"),
    "new": ("New", "新客"),
    "may_return": ("One purchase, may return", "单次购买,可能复购"),
    "one_time": ("One purchase, did not return", "单次购买,未复购"),
    "champion": ("Champions", "核心客户"),
    "loyal": ("Loyal", "忠诚客户"),
    "big_spender": ("Big spenders", "高额客户"),
    "returning": ("Returning", "复购客户"),
    "valuable_late": ("Valuable and late", "高价值,逾期未购"),
    "slipping": ("Slipping away", "正在流失"),
    "lost": ("Lost", "已流失"),
}
# Before the first purchase.
NOT_YET = "not_yet"


@dataclass(frozen=True)
class Figures:
    """The figures of a market that stand in its rules.

    usual_gap: days between purchases, the median; half_back, nearly_back: days within which half, and four fifths, of
    those came back who ever bought a second time; frequent: purchases that make a customer loyal; valuable_usd: net
    amount that the best fifth of the buyers exceed.
    """

    usual_gap: float
    half_back: float
    nearly_back: float
    frequent: int
    valuable_usd: float


def figures_of(purchases: Purchases, customers: Rows | None = None) -> Figures:
    """The figures of a market, or of some of its customers (rows, with repeats: a bootstrap draw)."""
    counts = np.diff(purchases.starts)
    place, gap = purchases.gaps
    first_gap = np.full(len(purchases), -1, dtype=np.int64)
    is_first = place == 1
    first_gap[purchases.customer[is_first]] = gap[is_first]
    age = purchases.end - purchases.state().first
    net = purchases.net_usd
    if customers is not None:
        counts, first_gap, age, net = counts[customers], first_gap[customers], age[customers], net[customers]
    has_bought = counts > 0
    back = first_gap[has_bought] >= 0
    curve = survival(np.where(back, first_gap[has_bought], age[has_bought]), back)
    # Of those who come back at all, as far as time has shown: the curve's own end stands for "ever".
    ever = float(1 - curve.open_share[-1])
    half, nearly = (curve.days_until(share * ever) if back.sum() >= 5 else None for share in (0.5, 0.8))
    repeaters = counts[counts > 1]
    usual = market_gap(purchases) if customers is None else _usual(purchases, customers)
    positive = net[has_bought & (net > 0)]
    return Figures(
        usual_gap=usual,
        half_back=float(half) if half is not None else usual,
        nearly_back=float(nearly) if nearly is not None else 3 * usual,
        frequent=max(FEWEST_FREQUENT, int(np.quantile(repeaters, 0.75))) if len(repeaters) else FEWEST_FREQUENT,
        valuable_usd=float(np.quantile(positive, 1 - VALUABLE_SHARE)) if len(positive) else float("inf"),
    )


def _usual(purchases: Purchases, customers: Rows) -> float:
    """Median gap when each customer counts as often as drawn."""
    times = np.bincount(customers, minlength=len(purchases))[purchases.customer]
    gap = purchases.gaps[1]
    is_gap = (gap > 0) & (times > 0)
    if not is_gap.any():
        return market_gap(purchases)
    counted = np.bincount(gap[is_gap], times[is_gap]).cumsum()
    return float(np.searchsorted(counted, counted[-1] / 2))


def segments(state: State, net: Reals, figures: Figures, own: Rhythm | None = None) -> Rows:
    """The segment of each customer, as a place in `NAMES`; -1 for one who has not bought by then."""
    pace = own or rhythm(state, figures.usual_gap)
    since = state.end - state.last
    is_late, is_gone = pace.overdue > LATE, pace.overdue > LOST
    is_valuable, is_frequent = net >= figures.valuable_usd, state.count >= figures.frequent
    found: Rows = np.select(
        [
            net <= 0,
            (state.count == 1) & (since <= figures.half_back),
            (state.count == 1) & (since <= figures.nearly_back),
            state.count == 1,
            is_gone,
            is_late & is_valuable,
            is_late,
            is_frequent & is_valuable,
            is_frequent,
            is_valuable,
        ],
        [SENT_BACK, NEW, OPEN, ONE_TIME, GONE, VALUABLE_LATE, SLIPPING, CHAMPION, LOYAL, BIG_SPENDER],
        RETURNING,
    )
    return np.where(state.has_bought, found, -1)


def rules_in_words(figures: Figures) -> Mapping[str, str]:
    """What each segment is, with the figures of the market."""
    worth = f"{figures.valuable_usd:,.0f} US dollars"
    late = f"for more than {LATE:g} times their usual days"
    return {
        "sent_back": "What they bought was cancelled or sent back: nothing is left.",
        "new": f"One purchase, at most {figures.half_back:.0f} days ago: half of those who return do so within it.",
        "may_return": f"One purchase, {figures.half_back:.0f} to {figures.nearly_back:.0f} days ago:"
        " four of five who return do so within it.",
        "one_time": f"One purchase, over {figures.nearly_back:.0f} days ago: four of five who return had returned.",
        "champion": f"On time, {figures.frequent} purchases or more, and at least {worth} in all.",
        "loyal": f"On time, {figures.frequent} purchases or more, and less than {worth}.",
        "big_spender": f"On time, 2 to {figures.frequent - 1} purchases, and at least {worth}.",
        "returning": f"On time, 2 to {figures.frequent - 1} purchases, and less than {worth}.",
        "valuable_late": f"Silent {late}, but not over {LOST:g} times; at least {worth} in all.",
        "slipping": f"Silent {late}, but not over {LOST:g} times; less than {worth}.",
        "lost": f"Two purchases or more, silent for more than {LOST:g} times their usual days.",
    }
