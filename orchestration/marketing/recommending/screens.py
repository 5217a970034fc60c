"""Lists for visitors without a name: by landing page and medium, and by what an open visit has looked at.

Belongs here: shares of products by cell with shrinkage, their proof in time order, scores of open visits. Does not:
reading visits.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from orchestration.marketing.recommending.blend import Blend
from orchestration.marketing.recommending.interactions import Flags, Integers, Reals, Scores, binary, weighted
from orchestration.marketing.recommending.metrics import NOTHING, Figures, figures_of, top_items
from orchestration.marketing.recommending.signals import HISTORY, POPULARITY, TRENDS, Signals
from orchestration.marketing.recommending.tables import EVERYBODY

# Looks that stand behind a cell's shares before they count as much as those of the wider cell. A paid visit counts nine
# (product, cart, paid): with 200 some visits outweighed the market, and in the demo the screens lost to popularity.
SHRINKAGE = 2000.0
# A product in the cart says more than one that was looked at, one that was paid for more than both.
STAGE_WEIGHT = {"product": 1.0, "cart": 3.0, "paid": 5.0}
# Visits before and after a time below which screens are not judged.
FEWEST_VISITS = 30


@dataclass(frozen=True, eq=False)
class Looks:
    """Products that visits looked at, by row: item, landing page, medium, stage, number and start of the visit."""

    item: Integers
    landing_page: np.ndarray
    medium: np.ndarray
    weight: Reals
    session: Integers
    time: Reals

    def where(self, rows: Flags) -> "Looks":
        """Some of the rows."""
        return Looks(*(part[rows] for part in vars(self).values()))


def first_screens(looks: Looks, popularity: Reals, *, k: int = 20, allowed: Flags | None = None) -> pd.DataFrame:
    """landing_page, medium, rank, item, score, session_count: every landing page and medium seen, and `*` for any.

    popularity: share of each item in the market's sales of late. A cell's shares are pulled towards those of its
    landing page, these towards the market's.
    """
    market = _shares(looks, np.ones(len(looks.item), dtype=bool), popularity)
    parts = [_screen(EVERYBODY, EVERYBODY, market, len(np.unique(looks.session)), k, allowed)]
    pages = sorted({str(one) for one in looks.landing_page})
    mediums = sorted({str(one) for one in looks.medium})
    by_medium = {one: _shares(looks, looks.medium == one, market) for one in mediums}
    parts += [
        _screen(EVERYBODY, one, by_medium[one], _visits(looks, looks.medium == one), k, allowed) for one in mediums
    ]
    for page in pages:
        on_page = looks.landing_page == page
        shares = _shares(looks, on_page, market)
        parts.append(_screen(page, EVERYBODY, shares, _visits(looks, on_page), k, allowed))
        for medium in mediums:
            here = on_page & (looks.medium == medium)
            if here.any():
                wider = shares * by_medium[medium] / np.maximum(market, 1e-12)
                found = _shares(looks, here, wider / wider.sum())
                parts.append(_screen(page, medium, found, _visits(looks, here), k, allowed))
    return pd.concat(parts, ignore_index=True)


def screen_figures(looks: Looks, test: float, popularity: Reals, item_share: Reals, k: int) -> dict[str, Figures]:
    """Screens made of the visits before `test`, and what is popular, judged by what the visits since looked at.

    popularity and item_share are those of the time before `test`. Empty where either side has too few visits.
    """
    before, after = looks.where(looks.time < test), looks.where(looks.time >= test)
    if min(len(np.unique(one.session)) for one in (before, after)) < FEWEST_VISITS:
        return {}
    screens = first_screens(before, popularity, k=k)
    made = {key: part["item"].to_numpy() for key, part in screens.groupby(["landing_page", "medium"])}
    session, first, row = np.unique(after.session, return_index=True, return_inverse=True)
    lists = np.full((len(session), k), -1, dtype=np.int64)
    for place, (page, medium) in enumerate(zip(after.landing_page[first], after.medium[first], strict=True)):
        wider = ((page, medium), (page, EVERYBODY), (EVERYBODY, medium), (EVERYBODY, EVERYBODY))
        items = made[next(key for key in wider if key in made)]
        lists[place, : len(items)] = items
    target = binary(row.astype(np.int64), after.item, (len(session), len(popularity)))
    popular = np.tile(top_items(popularity.astype(np.float32)[None, :], k), (len(session), 1))
    return {
        "first_screen": figures_of(lists, target, item_share),
        "popularity_recent": figures_of(popular, target, item_share),
    }


def session_lists(
    signals: Signals, blend: Blend, session: Integers, item: Integers, weight: Reals, sessions: int, k: int,
    allowed: Flags | None,
) -> tuple[Integers, Scores]:  # fmt: skip
    """sessions x k items for visits that have looked at these items, and their scores; what they saw is left out."""
    seen = weighted(session, item, weight, (sessions, signals.past.seen.shape[1]))
    seen.data = np.minimum(seen.data, 1.0)
    parts = signals.of_baskets(seen)
    names = (*POPULARITY, *TRENDS, *HISTORY)
    total = np.zeros(seen.shape, dtype=np.float32)
    for name in names:
        total += parts[name] * np.float32(blend.weights.get(name, 0.0))
    total[session, item] = NOTHING
    if allowed is not None:
        total[:, ~allowed] = NOTHING
    lists = top_items(total, k)
    return lists, np.take_along_axis(total, np.maximum(lists, 0), axis=1)


def _shares(looks: Looks, is_here: Flags, wider: Reals) -> Reals:
    counted = np.bincount(looks.item[is_here], looks.weight[is_here], len(wider))
    return np.asarray((counted + SHRINKAGE * wider) / (counted.sum() + SHRINKAGE))


def _visits(looks: Looks, is_here: Flags) -> int:
    return len(np.unique(looks.session[is_here]))


def _screen(page: str, medium: str, shares: Reals, visits: int, k: int, allowed: Flags | None) -> pd.DataFrame:
    scores = shares.astype(np.float32)[None, :].copy()
    if allowed is not None:
        scores[:, ~allowed] = NOTHING
    items = top_items(scores, k)[0]
    items = items[items >= 0]
    return pd.DataFrame(
        {
            "landing_page": page,
            "medium": medium,
            "rank": np.arange(len(items)) + 1,
            "item": items,
            "score": shares[items],
            "session_count": visits,
        }
    )
