"""The customers of one market, from purchases to the rows that are published.

Belongs here: the order of the steps, and the columns. Does not: any step itself, reading and writing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from orchestration.customers.figures import figure_rows
from orchestration.customers.insight import Insight, insight_of
from orchestration.customers.portraits.people import People
from orchestration.customers.purchases import Flags, Purchases, Rows
from orchestration.customers.retention import (
    Cohorts,
    Returning,
    cohorts,
    first_days,
    is_gone,
    months_of,
    returning,
    rhythm,
)
from orchestration.customers.rfm import quantile_scores
from orchestration.customers.segments.agreement import MOST_CUSTOMERS, Stability, stability
from orchestration.customers.segments.movement import Movements, movements, segments_at
from orchestration.customers.segments.rules import (
    NAMES,
    NOT_YET,
    SENT_BACK,
    TITLES,
    Figures,
    figures_of,
    rules_in_words,
    segments,
)
from orchestration.customers.segments.tastes import TasteClusters, taste_clusters
from orchestration.customers.tables import CUSTOMER_MODELS, HORIZON_NAMES
from orchestration.customers.value.backtest import BackTest, back_test
from orchestration.customers.value.fitting import MarketModels, fit_market, histories_of
from orchestration.customers.value.newton import Reals
from orchestration.customers.value.prediction import Prediction, predict

NAMES_AND_NOT_YET = (*NAMES, NOT_YET)


@dataclass(frozen=True, eq=False)
class MarketCustomers:
    """What is known of a market's customers: the rows of each table by its name, and what pictures are drawn from.

    models and prediction are None in a market where nobody has kept a purchase.
    """

    purchases: Purchases
    figures: Figures
    segment: Rows
    cohorts: Cohorts
    returning: Sequence[Returning]
    movements: Movements
    tastes: TasteClusters
    models: MarketModels | None
    prediction: Prediction | None
    test: BackTest | None
    rows: Mapping[str, pa.Table]
    insight: Insight | None = None


def study_market(purchases: Purchases, people: People | None = None) -> MarketCustomers:
    """Everything about a market's customers, from its own purchases and what is known of who made them."""
    state, net = purchases.state(), purchases.net_usd
    models = prediction = None
    if state.has_bought.any():
        histories = histories_of(state, state.has_bought)
        models = fit_market(state, histories)
        prediction = predict(models, state, histories, net)
    test = back_test(purchases)
    figures = figures_of(purchases)
    segment = np.where(state.has_bought, segments(state, net, figures), SENT_BACK)
    tastes = taste_clusters(purchases.tastes, len(purchases))
    found, again, moved = cohorts(purchases), returning(purchases), movements(purchases, figures)
    rows = {
        "customer_value": _value_rows(purchases, figures, models, prediction),
        "customer_segment": _segment_rows(purchases, figures, segment, tastes),
        "segment_summary": _summary_rows(purchases, figures, segment, tastes, prediction),
        "segment_movement": _movement_rows(purchases, moved),
        "retention_cohort": _cohort_rows(purchases, found),
        "repeat_summary": _repeat_rows(purchases, again),
        "value_backtest": _test_rows(purchases, test),
        "customer_figure": _of_market(purchases, figure_rows(purchases, models, prediction)),
    }
    insight = (
        None if people is None else insight_of(purchases, people, rows["customer_value"], rows["customer_segment"])
    )
    for name, columns in ({} if insight is None else insight.columns).items():
        rows[name] = _of_market(purchases, columns)
    for model in CUSTOMER_MODELS:
        if model.name not in rows:
            rows[model.name] = pa.table({one.name: pa.array([], pa.string()) for one in model.spec.columns})
        rows[model.name] = rows[model.name].select([column.name for column in model.spec.columns])
    return MarketCustomers(
        purchases, figures, segment, found, again, moved, tastes, models, prediction, test, rows, insight
    )


def _of_market(purchases: Purchases, columns: Mapping[str, object]) -> pa.Table:
    """The columns with the market and the day before them; columns that are not arrays are lists."""
    table = pa.table(dict(columns))
    table = table.add_column(0, "as_of_on", pa.repeat(pa.scalar(purchases.as_of_on, pa.date32()), len(table)))
    return table.add_column(0, "market", pa.repeat(purchases.market, len(table)))


def _value_rows(
    purchases: Purchases, figures: Figures, models: MarketModels | None, prediction: Prediction | None
) -> pa.Table:
    state, net = purchases.state(), purchases.net_usd
    bought, nobody = state.has_bought, np.zeros(len(purchases))
    recency = state.end - state.last
    pace = rhythm(state, figures.usual_gap)
    scores = [np.zeros(len(purchases), dtype=np.int64) for _ in range(3)]
    for column, values in zip(scores, (-recency.astype(np.float64), state.count.astype(np.float64), net), strict=True):
        column[bought] = quantile_scores(values[bought])
    alive = nobody if prediction is None else prediction.alive
    columns: dict[str, object] = {
        "source_id": purchases.source_id,
        "customer_key": purchases.customer_key,
        "first_purchase_on": _dates(state.first, bought),
        "last_purchase_on": _dates(state.last, bought),
        "purchase_count": state.count,
        "net_amount_usd": net.round(4),
        "mean_amount_usd": _known((net / np.maximum(state.count, 1)).round(4), bought),
        "is_net_negative": net < 0,
        "recency_days": _known(recency, bought),
        "recency_score": _known(scores[0], bought),
        "frequency_score": _known(scores[1], bought),
        "monetary_score": _known(scores[2], bought),
        "rfm": _rfm(scores, bought),
        "rhythm_days": _known(pace.days.round(2), bought),
        "overdue_ratio": _known(pace.overdue.round(4), bought),
        "alive_probability": _known(alive, bought),
        "is_churned": bought & is_gone(alive, pace.overdue),
    }
    for name in HORIZON_NAMES:
        horizon = None if prediction is None else prediction.horizons[name]
        for end in ("expected", "low", "high"):
            columns[f"{end}_purchases_{name}"] = nobody if horizon is None else getattr(horizon.purchases, end)
            columns[f"{end}_value_{name}_usd"] = nobody if horizon is None else getattr(horizon.value, end).round(4)
    columns["model_code"] = pa.repeat("none" if models is None else models.buying.variant, len(purchases))
    columns["value_basis"] = pa.repeat("none" if models is None else models.basis, len(purchases))
    return _of_market(purchases, columns)


def _rfm(scores: Sequence[Rows], bought: Flags) -> pa.Array:
    """Three digits from a list of all that there are: a text of its own for each customer would cost seconds."""
    digits = [f"{one}{two}{three}" for one in range(1, 6) for two in range(1, 6) for three in range(1, 6)]
    place = (scores[0] - 1) * 25 + (scores[1] - 1) * 5 + scores[2] - 1
    return _named(np.where(bought, place, 0), digits, bought)


def _segment_rows(purchases: Purchases, figures: Figures, segment: Rows, tastes: TasteClusters) -> pa.Table:
    month = int(months_of(np.array([purchases.end + 1]))[0])
    before = segments_at(purchases, int(first_days(np.array([month]))[0]) - 1, figures)
    if first_days(np.array([month]))[0] == purchases.end + 1:
        # The last known day ends a month: its own end is the present, so the month before is meant.
        before = segments_at(purchases, int(first_days(np.array([month - 1]))[0]) - 1, figures)
    has_taste = tastes.taste >= 0
    return _of_market(
        purchases,
        {
            "source_id": purchases.source_id,
            "customer_key": purchases.customer_key,
            "segment": _named(segment, NAMES),
            "segment_rank": segment + 1,
            "segment_before": _named(np.where(before < 0, len(NAMES), before), NAMES_AND_NOT_YET),
            "taste": _named(np.where(has_taste, tastes.taste, 0), tastes.names or ("",), has_taste),
            "taste_probability": _known(tastes.probability.round(4), has_taste),
        },
    )


def _summary_rows(
    purchases: Purchases, figures: Figures, segment: Rows, tastes: TasteClusters, prediction: Prediction | None
) -> pa.Table:
    words, steady = rules_in_words(figures), _steadiness(purchases, segment)
    expected = np.zeros(len(purchases)) if prediction is None else prediction.horizons["12m"].value.expected
    of_segments = _sums(segment, len(NAMES), purchases.net_usd, expected)
    of_tastes = _sums(tastes.taste, len(tastes.names), purchases.net_usd, expected)
    rand = tastes.adjusted_rand
    rows = [
        ("segment", name, *TITLES[name], words[name], *sums, 100 * steady.agreement, steady.adjusted_rand,
         steady.lowest_adjusted_rand)
        for name, sums in zip(NAMES, of_segments, strict=True)
    ] + [
        ("taste", name, _title(name), None, f"Buys oftener than others from {name}.", *sums, None, rand, None)
        for name, sums in zip(tastes.names, of_tastes, strict=True)
    ]  # fmt: skip
    names = (
        "kind", "name", "title_en", "title_zh", "rule", "customer_count", "customer_pct", "net_amount_usd",
        "net_amount_pct", "expected_value_12m_usd", "agreement_pct", "adjusted_rand", "lowest_adjusted_rand",
    )  # fmt: skip
    return _of_market(purchases, dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))


def _title(name: str) -> str:
    words = name.replace("_", " ")
    return words[:1].upper() + words[1:]


def _sums(place: Rows, width: int, net: Reals, expected: Reals) -> list[tuple[int, float, float, float, float]]:
    """By group: customers and their share, net amount and its share of the market's, expected value."""
    of = place >= 0
    counts = np.bincount(place[of], minlength=width)
    nets, values = (np.bincount(place[of], one[of], minlength=width) for one in (net, expected))
    total = float(net.sum())
    return [
        (
            int(count),
            100 * float(count) / max(int(counts.sum()), 1),
            float(amount),
            100 * float(amount) / total if total > 0 else 0.0,
            float(value),
        )
        for count, amount, value in zip(counts, nets, values, strict=True)
    ]


def _steadiness(purchases: Purchases, segment: Rows) -> Stability:
    """How the segments stay when the market's figures come from customers drawn anew, with replacement."""
    state, net = purchases.state(), purchases.net_usd
    bought = np.flatnonzero(state.has_bought)
    if len(bought) < 2:
        return Stability(1.0, 1.0, 1.0, 1.0)
    judged = bought[:: max(1, len(bought) // MOST_CUSTOMERS)]

    def redrawn(rng: np.random.Generator) -> Rows:
        drawn = figures_of(purchases, rng.choice(judged, len(judged)))
        return segments(state, net, drawn)[judged]

    return stability(segment[judged], redrawn)


def _movement_rows(purchases: Purchases, moved: Movements) -> pa.Table:
    return _of_market(
        purchases,
        {
            "month": _months(moved.month),
            "from_segment": _named(np.where(moved.before < 0, len(NAMES), moved.before), NAMES_AND_NOT_YET),
            "to_segment": _named(moved.after, NAMES),
            "customer_count": moved.customers,
            "is_complete": moved.is_complete,
        },
    )


def _cohort_rows(purchases: Purchases, found: Cohorts) -> pa.Table:
    return _of_market(
        purchases,
        {
            "cohort_month": _months(found.cohort),
            "months_since": found.since,
            "cohort_count": found.size,
            "active_count": found.active,
            "retained_pct": 100 * found.active / np.maximum(found.size, 1),
            "purchase_count": found.purchases,
            "amount_usd": found.amount.round(4),
            "is_complete": found.is_complete,
        },
    )


def _repeat_rows(purchases: Purchases, again: Sequence[Returning]) -> pa.Table:
    def percent(place: int) -> pa.Array:
        shares = [one.within[place] for one in again]
        return pa.array([None if share is None else 100 * share for share in shares], pa.float64())

    return _of_market(
        purchases,
        {
            "after_purchase": ["any" if one.place == 0 else str(one.place) for one in again],
            "purchase_count": [one.purchases for one in again],
            "returned_count": [one.returned for one in again],
            "returned_pct": [100 * one.returned / one.purchases if one.purchases else None for one in again],
            "median_days": pa.array([one.median_days for one in again], pa.int64()),
            **{f"within_{days}_days_pct": percent(place) for place, days in enumerate((30, 90, 180, 365))},
        },
    )


def _test_rows(purchases: Purchases, test: BackTest | None) -> pa.Table:
    scores = test.scores if test is not None else ()
    dates = _dates(np.array([0, 0] if test is None else [test.first_day, test.last_day]))
    buying = None if test is None else test.models
    columns = {
        "customer_group": "group", "customer_count": "customers", "actual_value_usd": "actual_usd",
        "expected_value_usd": "expected_usd", "naive_value_usd": "naive_usd",
        **{name: name for name in (
            "actual_purchases", "expected_purchases", "low_purchases", "high_purchases", "naive_purchases",
            "rmse_purchases", "naive_rmse_purchases", "mae_purchases", "naive_mae_purchases", "cover_purchases_pct",
            "cover_value_pct", "top_found_pct", "naive_top_found_pct")},
    }  # fmt: skip
    found: dict[str, object] = {
        column: [getattr(score, field) for score in scores] for column, field in columns.items()
    }
    found["from_on"], found["to_on"] = (pa.repeat(date, len(scores)) for date in dates)
    found["model_code"] = pa.repeat("" if buying is None else buying.buying.variant, len(scores))
    found["value_basis"] = pa.repeat("" if buying is None else buying.basis, len(scores))
    return _of_market(purchases, found)


def _named(place: Rows, names: Sequence[str], known: Flags | None = None) -> pa.Array:
    codes = pa.array(place.astype(np.int32), mask=None if known is None else ~known)
    return pa.DictionaryArray.from_arrays(codes, pa.array(names, pa.string()))


def _known(values: Reals | Rows, known: Flags) -> pa.Array:
    return pa.array(values, mask=~known)


def _dates(days: Rows, known: Flags | None = None) -> pa.Array:
    return pa.array(days.astype("datetime64[D]"), mask=None if known is None else ~known)


def _months(months: Rows) -> pa.Array:
    return pa.array(np.datetime_as_string(months.astype("datetime64[M]")).astype(str).tolist(), pa.string())
