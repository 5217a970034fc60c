"""The figures of a market's customers as a whole: who they are, what they bring, and the parameters of the models.

Belongs here: names, values, intervals and words. Does not: how they come about.
"""

from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass, fields

import numpy as np

from orchestration.customers.purchases import Purchases
from orchestration.customers.value.buying import PARAMETERS as BUYING
from orchestration.customers.value.fitting import MarketModels
from orchestration.customers.value.newton import Top
from orchestration.customers.value.prediction import Prediction
from orchestration.customers.value.spending import PARAMETERS as SPENDING


@dataclass(frozen=True)
class Figure:
    """One figure; low and high are the ends of a 90 % interval, basis says what its model rests on."""

    figure: str
    value: float
    words: str
    low: float | None = None
    high: float | None = None
    basis: str | None = None


def figure_rows(
    purchases: Purchases, models: MarketModels | None, prediction: Prediction | None
) -> Mapping[str, list[object]]:
    """The columns of all figures of a market."""
    found = [*_people(purchases), *_models(models), *_outlook(models, prediction)]
    rows = [astuple(one) for one in found]
    return {field.name: [row[place] for row in rows] for place, field in enumerate(fields(Figure))}


def _people(purchases: Purchases) -> Iterator[Figure]:
    state, net = purchases.state(), purchases.net_usd
    count, bought = state.count, state.has_bought
    buyers, customers = int(bought.sum()), len(purchases)
    yield Figure("customers", customers, "Customers with an order line.")
    yield Figure("buyers", buyers, "Those of them who kept something.")
    yield Figure("sent_everything_back", customers - buyers, "Those whose every order was cancelled or sent back.")
    yield Figure("one_time_buyers", int((count == 1).sum()), "Buyers with one purchase.")
    repeaters = int((count > 1).sum())
    yield Figure("repeat_rate_pct", 100 * repeaters / max(buyers, 1), "Buyers with two purchases or more, percent.")
    yield Figure("net_negative_customers", int((net < 0).sum()), "Customers who sent back more than they bought.")
    yield Figure("purchases", int(count.sum()), "Purchases: days on which a customer ordered and kept something.")
    yield Figure("net_amount_usd", float(net.sum()), "Net amount of all customers in US dollars.")
    yield Figure("guest_orders", purchases.guests.order_count, "Orders that name no customer; they are in no segment.")
    yield Figure("guest_amount_usd", purchases.guests.amount_usd, "Net amount of these orders in US dollars.")
    yield Figure(
        "lines_without_rate", purchases.lines_without_rate, "Order lines that are in no amount for want of a rate."
    )
    positive = np.sort(net[net > 0])[::-1]
    if len(positive):
        tenth = float(positive[: max(1, round(0.1 * len(positive)))].sum())
        yield Figure(
            "top_tenth_pct", 100 * tenth / float(positive.sum()), "Share of the amount that the best tenth bring."
        )


def _models(models: MarketModels | None) -> Iterator[Figure]:
    if models is None:
        return
    buying, spending = models.buying, models.spending
    code = buying.variant
    for name, value, low, high in _with_intervals(BUYING, buying.parameters, buying.top):
        words = f"Parameter {name} of {code} (time in weeks)."
        yield Figure(f"{code}_{name}", value, words, low, high, _basis(buying.is_own))
    loss = buying.a / (buying.a + buying.b)
    words = "Mean probability that a purchase is a customer's last."
    yield Figure("loss_per_purchase_pct", 100 * loss, words, basis=_basis(buying.is_own))
    words = "Mean purchases of a customer in four weeks while alive."
    yield Figure("purchases_in_four_weeks", 4 * buying.r / buying.alpha, words, basis=_basis(buying.is_own))
    yield Figure(f"{code}_log_likelihood", buying.log_likelihood, "Log-likelihood of the purchases.")
    if spending is None:
        return
    for name, value, low, high in _with_intervals(SPENDING, spending.parameters, spending.top):
        words = f"Parameter {name} of Gamma-Gamma (US dollars)."
        yield Figure(f"gamma_gamma_{name}", value, words, low, high, _basis(spending.is_own))
    yield Figure("gamma_gamma_log_likelihood", spending.log_likelihood, "Log-likelihood of the amounts.")
    words = "Mean amount of a purchase over all customers by the model, US dollars."
    yield Figure("mean_amount_usd", spending.mean, words, basis=_basis(spending.is_own))


def _outlook(models: MarketModels | None, prediction: Prediction | None) -> Iterator[Figure]:
    if models is None or prediction is None:
        return
    yield Figure(
        "alive_customers", float(prediction.alive.sum()), "Customers expected to be alive.", basis=models.basis
    )
    for name, horizon in prediction.horizons.items():
        total, months = horizon.total, name.removesuffix("m")
        words = f"Purchases of today's customers expected over {months} months; new customers are not in it."
        yield Figure(f"expected_purchases_{name}", total.expected, words, total.low, total.high, models.basis)
        value, low, high = horizon.total_value_usd
        words = f"Amount of these purchases in US dollars, {months} months."
        yield Figure(f"expected_value_{name}_usd", value, words, low, high, models.basis)


def _with_intervals(
    names: tuple[str, ...], values: tuple[float, ...], top: Top
) -> Iterator[tuple[str, float, float, float]]:
    lows, highs = top.intervals()
    for place, name in enumerate(names):
        yield name, values[place], float(lows[place]), float(highs[place])


def _basis(is_own: bool) -> str:
    return "own" if is_own else "own_and_prior"
