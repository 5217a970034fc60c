"""Value of customers: the published figures of CDNOW, and the time that it takes, beside the package lifetimes.

Belongs here: data, protocol, competitors. Does not: promises (see `customers.py`).

CDNOW: a purchase is a day with one; weeks are days by 7; the calibration ends on 1997-09-30.
Time: CPU seconds of this process, from histories to expected purchases and values of each customer over three horizons.
Ours fits BG/NBD and MBG/NBD, and gives intervals with it; lifetimes fits BG/NBD, and gives none. Its speed is measured
on fewer customers, since it takes minutes.
"""

import time
import warnings
from dataclasses import dataclass

import duckdb
import numpy as np

from benchmarks.forecasting_m3 import shared
from benchmarks.harness import Measured, Value
from orchestration.customers.purchases import State
from orchestration.customers.value.buying import Histories, Likelihood, fit_buying
from orchestration.customers.value.fitting import fit_market, histories_of
from orchestration.customers.value.newton import Reals
from orchestration.customers.value.prediction import predict
from orchestration.customers.value.spending import fit_spending

FILE = "cdnow/cdnow_sample_1of10.parquet"
CUSTOMERS, CUSTOMERS_OF_LIFETIMES = 150_000, 10_000
SEED = 41
_SUMMARY = """
    with days as (
        select customer_id_sample as customer, date::date as day, sum(spend_usd) as spent
        from read_parquet($file) where date <= date '1997-09-30' group by all
    ),
    firsts as (select customer, min(day) as first_day from days group by all)
    select count(*) - 1 as x, (max(day) - min(day)) / 7.0 as t, (date '1997-09-30' - min(day)) / 7.0 as age,
        coalesce(avg(spent) filter (where day > first_day), 0) as mean
    from days inner join firsts using (customer) group by customer order by customer
"""


@dataclass(frozen=True, eq=False)
class Summary:
    """Customers: purchases after the first, weeks to the last, weeks since the first, mean amount of repeats."""

    x: Reals
    t: Reals
    age: Reals
    mean: Reals


def cdnow() -> Summary:
    """Weeks 1 to 39 of CDNOW."""
    found = duckdb.execute(_SUMMARY, {"file": str(shared(FILE))}).fetchnumpy()
    x, t, age, mean = (np.asarray(found[name], dtype=np.float64) for name in ("x", "t", "age", "mean"))
    return Summary(x, t, age, mean)


def measure_cdnow() -> Measured:
    """Log-likelihood of BG/NBD, with its parameters and those of Gamma-Gamma beside it, ours and lifetimes'."""
    data = cdnow()
    model = fit_buying(Histories.of(data.x, data.t, data.age))
    repeats = data.x > 0
    spending = fit_spending(data.x[repeats], data.mean[repeats])
    beside = dict(zip(("r", "alpha", "a", "b"), model.parameters, strict=True))
    beside |= dict(zip(("p", "q", "v"), spending.parameters, strict=True))
    return {"cdnow_loglik": Value(model.log_likelihood, {**beside, "lifetimes": _lifetimes_likelihood(data)})}


def drawn_customers(customers: int, seed: int) -> tuple[State, Reals]:
    """Customers whom the models describe, as they stand after up to two years, and the sum that each has spent."""
    rng = np.random.default_rng(seed)
    rate, loss = rng.gamma(0.5, 1 / 6, customers), rng.beta(0.8, 2.4, customers)
    age = rng.integers(7, 730, customers)
    count, last, now = np.ones(customers, dtype=np.int64), np.zeros(customers), np.zeros(customers)
    alive = rng.random(customers) >= loss
    while alive.any():
        rows = np.flatnonzero(alive)
        now[rows] += 7 * rng.exponential(1 / rate[rows])
        alive[rows[now[rows] > age[rows]]] = False
        rows = rows[now[rows] <= age[rows]]
        count[rows] += 1
        last[rows] = np.ceil(now[rows])
        alive[rows] = rng.random(len(rows)) >= loss[rows]
    amount = rng.gamma(6.25 * count, 15.44 / rng.gamma(3.74, 1.0, customers))
    first = 20_000 - age
    return State(20_000, count, first, np.minimum(first + last.astype(np.int64), 20_000), amount), amount


def measure_speed() -> Measured:
    """Customers by CPU second, fitting and predicting."""
    state, amount = drawn_customers(CUSTOMERS, SEED)
    began = time.process_time()
    histories = histories_of(state, state.has_bought)
    predict(fit_market(state, histories), state, histories, amount)
    ours = CUSTOMERS / (time.process_time() - began)
    return {"clv_customers_per_cpu_second": Value(ours, {"lifetimes": _lifetimes_speed()})}


def _lifetimes_likelihood(data: Summary) -> float:
    with warnings.catch_warnings():
        # No longer kept up: its use of pandas and autograd warns in many places.
        warnings.simplefilter("ignore")
        from lifetimes import BetaGeoFitter

        fitter = BetaGeoFitter(penalizer_coef=0.0)
        fitter.fit(data.x, data.t, data.age)
    # It reports the likelihood in a scale of its own: held here by the same function as ours.
    theta = np.log([float(fitter.params_[name]) for name in ("r", "alpha", "a", "b")])
    return Likelihood(Histories.of(data.x, data.t, data.age), "bg_nbd")(theta)[0]


def _lifetimes_speed() -> float:
    state, amount = drawn_customers(CUSTOMERS_OF_LIFETIMES, SEED)
    mean = amount / state.count
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from lifetimes import BetaGeoFitter, GammaGammaFitter

        began = time.process_time()
        buying, spending = BetaGeoFitter(penalizer_coef=0.0), GammaGammaFitter(penalizer_coef=0.0)
        buying.fit(state.repeats, state.last_weeks, state.age_weeks)
        repeats = state.repeats > 0
        spending.fit(state.repeats[repeats], mean[repeats])
        for weeks in (13.0, 26.0, 52.14):
            buying.conditional_expected_number_of_purchases_up_to_time(
                weeks, state.repeats, state.last_weeks, state.age_weeks
            )
        spending.conditional_expected_average_profit(state.repeats, mean)
        return CUSTOMERS_OF_LIFETIMES / (time.process_time() - began)
