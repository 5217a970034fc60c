"""The models of one market, from its own customers; where these say too little, a stated prior speaks with them.

Belongs here: which variant, when the prior is used and what it is. Does not: likelihoods, other markets (none is read).

The prior is what a public set of customers has shown: CDNOW, 1997 (Fader, Hardie and Lee 2005; Fader and Hardie 2013),
as normal distributions of the logarithms of the parameters, a factor of e apart. So a market of ten buyers is told
about by CDNOW, a market of a thousand by itself; where a large market does not say everything (nobody can tell how
the chance of leaving differs between customers when it does not), the prior says the rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from orchestration.customers.purchases import Flags, State
from orchestration.customers.value.buying import VARIANTS, BuyingModel, Histories, fit_buying
from orchestration.customers.value.newton import Normal, Reals
from orchestration.customers.value.spending import SpendingModel, fit_spending

Basis = Literal["own", "own_and_prior"]
PRIOR_BUYING = (0.243, 4.414, 0.793, 2.426)  # weeks
PRIOR_SPENDING = (6.25, 3.74)
PRIOR_DEVIATION = 1.0
FEWEST_CUSTOMERS, FEWEST_REPEATERS = 100, 30
CLEARLY = 10.0  # units of log-likelihood
# Near a q of 1 the mean amount of all customers rests on the few who spend most.
LOWEST_Q = 1.05


@dataclass(frozen=True, eq=False)
class MarketModels:
    """Both models of a market, and where each has its parameters from.

    spending is None where nobody has an amount above zero.
    """

    buying: BuyingModel
    spending: SpendingModel | None

    @property
    def basis(self) -> Basis:
        """`own` when the market's own customers gave every parameter."""
        is_own = self.buying.is_own and (self.spending is None or self.spending.is_own)
        return "own" if is_own else "own_and_prior"


def histories_of(state: State, customers: Flags) -> Histories:
    """The histories of these customers at the end of the state's day, in weeks."""
    return Histories.of(state.repeats[customers], state.last_weeks[customers], state.age_weeks[customers])


def fit_market(state: State, histories: Histories) -> MarketModels:
    """The models of customers at the end of a day; `histories` are those of `state` who have bought."""
    return MarketModels(buying_of(histories), spending_of(state.count.astype(np.float64), state.amount))


def buying_of(histories: Histories) -> BuyingModel:
    """MBG/NBD, or BG/NBD where it explains the purchases clearly better; both have as many parameters.

    In BG/NBD who bought once stays alive for ever, which nobody can act on: it has to earn that.
    """
    repeaters = float(histories.count[histories.x > 0].sum())
    if histories.customers >= FEWEST_CUSTOMERS and repeaters >= FEWEST_REPEATERS:
        own = [fit_buying(histories, variant) for variant in VARIANTS]
        best = _chosen(own)
        if best.top.is_interior:
            return best
    prior = Normal(np.log(PRIOR_BUYING), np.full(4, PRIOR_DEVIATION))
    return _chosen([fit_buying(histories, variant, prior=prior) for variant in VARIANTS])


def _chosen(fitted: Sequence[BuyingModel]) -> BuyingModel:
    plain, modified = fitted
    return plain if plain.log_likelihood > modified.log_likelihood + CLEARLY else modified


def spending_of(count: Reals, amount: Reals) -> SpendingModel | None:
    """The spending model of customers with this many purchases and this amount in all; all purchases count.

    The first purchase is among them: most customers have no other, and their amount says something, too.
    """
    has_amount = (count > 0) & (amount > 0)
    if not has_amount.any():
        return None
    n, mean = count[has_amount], amount[has_amount] / count[has_amount]
    if len(n) >= FEWEST_CUSTOMERS and float((n > 1).sum()) >= FEWEST_REPEATERS:
        own = fit_spending(n, mean)
        if own.top.is_interior and own.q > LOWEST_Q:
            return own
    p, q = PRIOR_SPENDING
    centre = np.log([p, q - 1, float(np.exp(np.log(mean).mean())) * (q - 1) / p])
    # q is held closer, since the mean amount hangs on it most.
    return fit_spending(n, mean, prior=Normal(centre, np.array([PRIOR_DEVIATION, 0.5, PRIOR_DEVIATION])))
