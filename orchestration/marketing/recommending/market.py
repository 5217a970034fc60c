"""The recommendations of one market: from what was read to the rows of the published tables.

Belongs here: the order of the steps, who gets a personal list, what may be shown, reasons. Does not: models (see
protocol.py), reading and writing.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd

from orchestration.marketing.recommending.attributes import Attributes
from orchestration.marketing.recommending.blend import NEW_NAMES, usual_blend
from orchestration.marketing.recommending.interactions import (
    Flags,
    Integers,
    Interactions,
    Matrix,
    interactions_of,
    times_of,
)
from orchestration.marketing.recommending.metrics import top_items
from orchestration.marketing.recommending.past import past_of
from orchestration.marketing.recommending.protocol import (
    BLEND,
    TEST,
    Evaluation,
    Periods,
    Recommender,
    default_periods,
    evaluate,
    split_of,
)
from orchestration.marketing.recommending.reading import MarketInputs
from orchestration.marketing.recommending.screens import (
    STAGE_WEIGHT,
    Looks,
    first_screens,
    screen_figures,
    session_lists,
)
from orchestration.marketing.recommending.signals import Signals
from orchestration.marketing.recommending.tables import (
    BOUGHT_TOGETHER,
    EVERYBODY,
    FIRST_SCREEN,
    RECOMMENDATION,
    RECOMMENDATION_SCORE,
    SESSION_RECOMMENDATION,
    SIMILAR_ITEM,
)
from orchestration.marketing.recommending.together import bought_together, similar_items

NIGHTLY_SINGLES = ("popularity", "popularity_recent", "ease")
MOST_JUDGED = 1_000
VISITS = "visits"
METRICS = ("recall", "ndcg", "coverage", "novelty")
MOST_SESSIONS = 5_000
# What a list is for are the next weeks; where so few were bought in them, the last tenths of all are judged.
PERIOD_DAYS, FEWEST_IN_PERIOD = 28, 200
_DENSE_ITEMS = 6_000
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class RecommendingRules:
    """What an installation may set: length of a list, days in which a purchase is not recommended again, and whether
    customers of whom no consent is recorded count as having agreed."""

    k: int = 20
    not_again_days: int = 14
    is_consent_assumed: bool = False


@dataclass(frozen=True, eq=False)
class MarketRecommendations:
    """The rows of each table, by its name; what was chosen, customers with lists of their own, products barred."""

    market: str
    made_on: date
    frames: Mapping[str, pd.DataFrame]
    chosen: str
    personal_customers: int
    other_customers: int
    hidden_products: int


@dataclass(frozen=True, eq=False)
class _Goods:
    """The market's goods in the order of the interactions' items."""

    keys: np.ndarray
    ids: np.ndarray
    names: tuple[str, ...]
    attributes: Attributes
    allowed: Flags


def recommend_market(inputs: MarketInputs, rules: RecommendingRules | None = None) -> MarketRecommendations:
    """All lists of a market, from its own rows and nothing else."""
    rules = rules or RecommendingRules()
    sales = inputs.sales
    made_on = pd.Timestamp(sales["ordered_on"].max()).date() + timedelta(days=1)
    interactions = interactions_of(
        sales["customer"], sales["product_key"], sales["ordered_at"], catalogue=inputs.products["product_key"].tolist()
    )
    people = inputs.customers.set_index("customer").reindex([*interactions.customer_ids])
    goods = _goods(inputs.products, interactions, people)
    until = max(float((made_on - _EPOCH).days), float(np.nextafter(interactions.time.max(initial=0.0), np.inf)))
    evaluation = _evaluated(interactions, goods.attributes, rules.k)
    recommender = _recommender(evaluation, interactions, until, goods.attributes)
    has_consent = _consent(people, rules.is_consent_assumed)
    frames = {
        RECOMMENDATION.name: _lists(inputs.market, recommender, goods, has_consent, rules),
        SIMILAR_ITEM.name: _similar(recommender, goods, rules.k),
        BOUGHT_TOGETHER.name: _together(sales, goods, rules.k),
        FIRST_SCREEN.name: _screens(inputs.looks, recommender, goods, rules.k),
        SESSION_RECOMMENDATION.name: _sessions(inputs.looks, recommender, goods, rules.k),
        RECOMMENDATION_SCORE.name: _scores(evaluation, interactions, inputs.looks, goods, rules.k),
    }
    return MarketRecommendations(
        inputs.market,
        made_on,
        {name: frame.assign(market=inputs.market, made_on=made_on) for name, frame in frames.items()},
        recommender.chosen,
        int(has_consent.sum()),
        int((~has_consent).sum()),
        int((~goods.allowed).sum()),
    )


def _goods(products: pd.DataFrame, interactions: Interactions, people: pd.DataFrame) -> _Goods:
    rows = products.set_index("product_key").reindex([*interactions.item_ids])
    is_sold_out = rows["free_qty"].notna() & (rows["free_qty"] <= 0)
    traits = []
    if people["gender"].notna().any():
        # Only what was told with consent to its use.
        told = people["gender"].where(people["has_profile_consent"].eq(True))
        traits.append(_codes(told))
    if people["subdivision_code"].notna().any():
        traits.append(_codes(people["subdivision_code"]))
    return _Goods(
        interactions.item_ids,
        rows["product_id"].to_numpy(dtype=object),
        tuple(rows["product_name"].fillna("").astype(str)),
        Attributes(
            kind=_codes(rows["category_code"]) if rows["category_code"].notna().any() else None,
            maker=_codes(rows["maker"]) if rows["maker"].notna().any() else None,
            price=rows["price"].to_numpy(dtype=np.float64) if rows["price"].notna().any() else None,
            traits=tuple(traits),
        ),
        ~(is_sold_out | rows["is_barred"].eq(True)).to_numpy(dtype=bool),
    )


def _codes(values: pd.Series) -> Integers:
    return np.asarray(pd.factorize(values, sort=True)[0], dtype=np.int64)


def _consent(people: pd.DataFrame, is_assumed: bool) -> Flags:
    told = people["has_marketing_consent"]
    return np.asarray(told.eq(True) | (told.isna() & is_assumed), dtype=bool)


def _evaluated(interactions: Interactions, attributes: Attributes, k: int) -> Evaluation | None:
    """Choice and proof; None where there is no before and after."""
    if len(interactions.time) < 2 or interactions.time.min() == interactions.time.max():
        return None
    split = split_of(interactions, attributes, _periods(interactions))
    return evaluate(split, k=k, singles=NIGHTLY_SINGLES, most_judged=MOST_JUDGED)


def _periods(interactions: Interactions) -> Periods:
    tenths = default_periods(interactions)
    test = tenths.end - PERIOD_DAYS
    recent = Periods(test - PERIOD_DAYS, test, tenths.end)
    counts = [
        len(interactions.between(*span).time)
        for span in ((-np.inf, recent.validation), (recent.validation, test), (test, recent.end))
    ]
    return recent if min(counts) >= FEWEST_IN_PERIOD else tenths


def _recommender(
    evaluation: Evaluation | None, interactions: Interactions, until: float, attributes: Attributes
) -> Recommender:
    if evaluation is None:
        signals = Signals(past_of(interactions, until), attributes)
        return Recommender(signals, BLEND, usual_blend(), usual_blend(NEW_NAMES))
    return evaluation.recommender(interactions, until, attributes)


def _lists(
    market: str, recommender: Recommender, goods: _Goods, has_consent: Flags, rules: RecommendingRules
) -> pd.DataFrame:
    """Personal lists, and the list for everybody else, which rests on no person's data."""
    signals = recommender.signals
    customers = np.flatnonzero(has_consent)
    just_bought = _just_bought(signals, rules.not_again_days)
    lists, scores = recommender.top(customers, rules.k, allowed=goods.allowed, without=just_bought)
    row, rank = np.nonzero(lists >= 0)
    item = lists[row, rank]
    ids = pd.Series(signals.past.seen.customer_ids[customers[row]], dtype=object).str.split("|", n=1)
    personal = pd.DataFrame(
        {
            "source_id": ids.str[0],
            "customer_key": ids.str[1],
            "rank": rank + 1,
            "item": item,
            "score": scores[row, rank],
            "model": recommender.chosen,
            "basis": "personal",
            "reason": _reasons(market, signals, goods, customers, lists)[row, rank],
        }
    )
    popular = _popular(recommender, goods, rules.k)
    everybody = pd.DataFrame(
        {
            "source_id": EVERYBODY,
            "customer_key": EVERYBODY,
            "rank": np.arange(len(popular)) + 1,
            "item": popular,
            "score": 1 / (1.0 + np.arange(len(popular))),
            "model": "popularity_recent",
            "basis": "popular",
            "reason": f"popular in {market} now",
        }
    )
    return _with_products(pd.concat([everybody, personal], ignore_index=True), goods)


def _popular(recommender: Recommender, goods: _Goods, k: int) -> Integers:
    scores = np.where(goods.allowed, recommender.signals.popularity["popular_now"], -np.inf)
    items = top_items(scores.astype(np.float32)[None, :], k)[0]
    return np.asarray(items[items >= 0], dtype=np.int64)


def _just_bought(signals: Signals, days: int) -> Matrix:
    return signals.past.seen.between(signals.past.until - days, signals.past.until).pairs()


def _reasons(
    market: str, signals: Signals, goods: _Goods, customers: Integers, lists: Integers
) -> np.ndarray:  # of text
    """customers x rank: bought before, goes with something bought, a kind that is liked, or popular now."""
    found = np.full(lists.shape, f"popular in {market} now", dtype=object)
    owned = signals.past.owned
    near = signals.similarity
    # A dense matrix is cut ten times as fast as a sparse one.
    quick = near.toarray() if near.shape[0] <= _DENSE_ITEMS else None
    names = np.asarray([name or str(one) for name, one in zip(goods.names, goods.ids, strict=True)], dtype=object)
    kind = goods.attributes.kind
    for row, customer in enumerate(customers):
        own = owned.indices[owned.indptr[customer] : owned.indptr[customer + 1]]
        shown = np.flatnonzero(lists[row] >= 0)
        if not len(own) or not len(shown):
            continue
        items = lists[row, shown]
        is_own = np.isin(items, own)
        if kind is not None:
            liked = np.isin(kind[items], kind[own])
            found[row, shown[liked]] = "of a kind that you buy, and popular now"
        alike = np.asarray(near[own][:, items].todense()) if quick is None else quick[np.ix_(own, items)]
        best = alike.argmax(axis=0)
        goes = alike[best, np.arange(len(items))] > 0.05
        found[row, shown[goes]] = "goes with " + names[own[best[goes]]]
        found[row, shown[is_own]] = "you have bought it before"
    return found


def _similar(recommender: Recommender, goods: _Goods, k: int) -> pd.DataFrame:
    pairs = similar_items(recommender.signals.past.owned, goods.attributes, goods.names, k=k, allowed=goods.allowed)
    frame = pd.DataFrame(
        {
            "item": pairs.item,
            "rank": pairs.rank,
            "other": pairs.other,
            "score": pairs.score,
            "support": pairs.support,
            "basis": np.where(pairs.is_alike, "attributes", "customers"),
        }
    )
    return _with_products(frame, goods)


def _together(sales: pd.DataFrame, goods: _Goods, k: int) -> pd.DataFrame:
    basket, names = pd.factorize(sales["order_key"], sort=True)
    item = pd.Index(goods.keys).get_indexer(sales["product_key"])
    known = (item >= 0) & (basket >= 0)
    frame = bought_together(
        basket[known].astype(np.int64),
        item[known].astype(np.int64),
        (len(names), len(goods.keys)),
        k=k,
        allowed=goods.allowed,
    )
    return _with_products(frame, goods)


def _looks(looks: pd.DataFrame, goods: _Goods) -> tuple[pd.DataFrame, Looks]:
    item = pd.Index(goods.keys).get_indexer(looks["product_key"])
    rows = looks[item >= 0].assign(item=item[item >= 0])
    session = pd.factorize(rows["session_key"], sort=True)[0]
    return rows, Looks(
        rows["item"].to_numpy(dtype=np.int64),
        rows["landing_page"].to_numpy(dtype=object),
        rows["medium"].to_numpy(dtype=object),
        rows["stage"].map(STAGE_WEIGHT).to_numpy(dtype=np.float64),
        session.astype(np.int64),
        times_of(rows["started_at"]),
    )


def _screens(looks: pd.DataFrame, recommender: Recommender, goods: _Goods, k: int) -> pd.DataFrame:
    popularity = np.exp(recommender.signals.popularity["popular_now"])
    _, known = _looks(looks, goods)
    frame = first_screens(known, popularity / popularity.sum(), k=k, allowed=goods.allowed)
    return _with_products(frame, goods)


def _sessions(looks: pd.DataFrame, recommender: Recommender, goods: _Goods, k: int) -> pd.DataFrame:
    rows, known = _looks(looks[looks["is_open"].eq(True)], goods)
    names = np.unique(rows["session_key"].to_numpy(dtype=object)) if len(rows) else np.empty(0, dtype=object)
    kept = known.session < MOST_SESSIONS
    session, item = known.session[kept], known.item[kept]
    names = names[:MOST_SESSIONS]
    blend = recommender.known
    lists, scores = session_lists(
        recommender.signals, blend, session, item, known.weight[kept], len(names), k, goods.allowed
    )
    row, rank = np.nonzero(lists >= 0)
    seen = pd.Series(item).groupby(session).nunique().reindex(range(len(names))).fillna(0).to_numpy(dtype=np.int64)
    frame = pd.DataFrame(
        {
            "session_key": names[row],
            "rank": rank + 1,
            "item": lists[row, rank],
            "score": scores[row, rank],
            "seen_count": seen[row],
            "reason": "goes with what this visit has looked at, and popular now",
        }
    )
    return _with_products(frame, goods)


def _scores(
    evaluation: Evaluation | None, interactions: Interactions, looks: pd.DataFrame, goods: _Goods, k: int
) -> pd.DataFrame:
    columns = ["period", "target", "model", "is_chosen", "k", "metric", "value", "customer_count", "from_on", "to_on"]
    if evaluation is None:
        return pd.DataFrame(columns=columns)
    table = evaluation.table[evaluation.table["customers"] > 0]
    periods = evaluation.periods
    # Visits are read for 90 days, so where purchases are few and their test is longer, that of screens is not.
    since = max(periods.test, periods.end - PERIOD_DAYS)
    screens = _judged_screens(since, interactions, looks, goods, k)
    long = pd.concat([table, *([screens] if len(screens) else [])]).melt(
        id_vars=["period", "target", "model", "is_chosen", "customers"],
        value_vars=[*METRICS],
        var_name="metric",
        value_name="value",
    )
    test, screened, end = (_EPOCH + timedelta(days=int(one)) for one in (periods.test, since, periods.end))
    from_on = [screened if target == VISITS else test for target in long["target"]]
    return long.rename(columns={"customers": "customer_count"}).assign(k=k, from_on=from_on, to_on=end)[columns]


def _judged_screens(
    test: float, interactions: Interactions, looks: pd.DataFrame, goods: _Goods, k: int
) -> pd.DataFrame:
    """Rows as those of `Evaluation.table` for the first screens of visits."""
    past = past_of(interactions, test)
    popularity = np.exp(Signals(past, goods.attributes).popularity["popular_now"])
    share = past.buyers / max(1, int((past.item_count > 0).sum()))
    found = screen_figures(_looks(looks, goods)[1], test, popularity / popularity.sum(), share, k)
    return pd.DataFrame(
        [{"period": TEST, "target": VISITS, "model": model, "is_chosen": model == FIRST_SCREEN.name, **asdict(one)}
         for model, one in found.items()]
    )  # fmt: skip


def _with_products(frame: pd.DataFrame, goods: _Goods) -> pd.DataFrame:
    """The same with the products' keys and ids in place of their codes."""
    item = frame["item"].to_numpy(dtype=np.int64)
    found = frame.assign(product_key=goods.keys[item], product_id=goods.ids[item]).drop(columns="item")
    if "other" in frame:
        other = frame["other"].to_numpy(dtype=np.int64)
        found = found.assign(other_product_key=goods.keys[other], other_product_id=goods.ids[other])
        found = found.drop(columns="other")
    return found
