"""What a seller's rate is likely to be, from its own record and from sellers like it (hierarchical empirical Bayes).

Belongs here: a prior that follows from other characteristics, and how strong it is. Does not: which rate, and which
characteristics. A seller who has owed little has hardly a record of paying; sellers of the same grades, receipts and
service have, and the pull goes to their rate instead of to everybody's (`shrinking.py`).
"""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
_STEPS, _RIDGE = 25, 4.0
# Fewer cases than this teach nothing about likeness: everybody's rate is the prior then.
_LEAST_CASES = 30
# With as many cases per trait its square is asked, too: the step from the worst grade tells more than that to the best.
_CASES_PER_CURVE = 40
_LEAST_PULL, _MOST_PULL = 0.5, 200.0


def share_among_alike(cases: Floats, trials: Floats, traits: Floats) -> Floats:
    """Cases per trial of every seller, also of those without a trial.

    cases, trials: by seller, NaN or 0 where there is none. traits: seller x characteristic, NaN where not known: then
    what the others let expect stands in its place. The prior's mean is a logistic regression of the cases on the traits
    (ridge), its strength the spread that the regression leaves (method of moments). NaN for all when nobody has had a
    trial.
    """
    n = np.where(np.isfinite(trials), trials, 0.0)
    k = np.where(n > 0, np.nan_to_num(cases), 0.0)
    if not n.sum() > 0:
        return np.full(len(n), np.nan)
    mean = float(k.sum() / n.sum())
    prior = np.full(len(n), mean)
    rarer = float(min(k.sum(), n.sum() - k.sum()))
    if rarer >= _LEAST_CASES:
        design = _design(traits, is_curved=rarer >= _CASES_PER_CURVE * traits.shape[1])
        has = n > 0
        prior = _chance(design @ _fitted(design[has], k[has], n[has]))
    spread = prior * (1 - prior)
    between = float((np.square(k - n * prior) - n * spread).sum())
    scale = float((n * np.maximum(n - 1, 0) * spread).sum())
    pull = _MOST_PULL if between <= 0 else float(np.clip(scale / between, _LEAST_PULL, _MOST_PULL))
    return np.asarray((k + pull * prior) / (n + pull))


def mean_among_alike(sums: Floats, squares: Floats, counts: Floats, traits: Floats) -> Floats:
    """Mean of every seller's values, also of those without one; `sums` and `squares` are of first and second powers.

    The prior's mean is a linear regression of the values on the traits (ridge).
    """
    n = np.where(np.isfinite(counts), counts, 0.0)
    has = n > 0
    s, q = np.where(has, np.nan_to_num(sums), 0.0), np.where(has, np.nan_to_num(squares), 0.0)
    if not has.any():
        return np.full(len(n), np.nan)
    prior = np.full(len(n), float(s.sum() / n.sum()))
    if has.sum() >= _LEAST_CASES:
        design = _design(traits, is_curved=has.sum() >= _CASES_PER_CURVE * traits.shape[1])
        prior = design @ _straight(design[has], s[has] / n[has], n[has])
    free = float(n.sum() - has.sum())
    pull = 1.0  # each has one value at most: how much chance is in it cannot be told
    if free > 0:
        within = float((q[has] - np.square(s[has]) / n[has]).sum()) / free
        away = s[has] / n[has] - prior[has]
        between = float((n[has] * np.square(away)).sum()) - within * has.sum()
        pull = _MOST_PULL if between <= 0 else min(within * float(n.sum()) / between, _MOST_PULL)
    weight = n / np.maximum(n + pull, 1e-12)
    return np.asarray(prior + weight * (np.divide(s, n, out=prior.copy(), where=has) - prior))


def _design(traits: Floats, *, is_curved: bool) -> Floats:
    """A constant and the standardised traits; unknown ones by what the others let expect (a ridge regression).

    is_curved: their squares beside them.
    """
    known = np.isfinite(traits)
    told = known.sum(axis=0) >= _LEAST_CASES
    known, values = known[:, told], np.where(known, traits, 0.0)[:, told]
    count = known.sum(axis=0)
    centre = values.sum(axis=0) / count
    spread = np.sqrt(np.where(known, np.square(values - centre), 0.0).sum(axis=0) / count)
    # Far outliers, of which ratios of few cases have some, must not bend the line.
    standard = np.clip(np.where(known, (values - centre) / np.where(spread > 0, spread, 1.0), 0.0), -4.0, 4.0)
    filled = standard.copy()
    for place in np.flatnonzero(~known.all(axis=0)):
        others = np.column_stack([np.ones(len(traits)), np.delete(standard, place, axis=1)])
        has = known[:, place]
        line = others @ _straight(others[has], standard[has, place], np.ones(int(has.sum())))
        filled[~has, place] = line[~has]
    curves = [np.square(filled) - np.square(filled).mean(axis=0)] if is_curved else []
    return np.column_stack([np.ones(len(traits)), filled, *curves])


def _straight(design: Floats, values: Floats, weight: Floats) -> Floats:
    """Coefficients of the linear regression with a ridge on all but the first."""
    penalty = np.full(design.shape[1], _RIDGE)
    penalty[0] = 1e-9
    return np.asarray(
        np.linalg.solve((design * weight[:, None]).T @ design + np.diag(penalty), design.T @ (weight * values))
    )


def _fitted(design: Floats, cases: Floats, trials: Floats) -> Floats:
    """Coefficients of the binomial regression with a ridge on all but the first, by Newton's method."""
    penalty = np.full(design.shape[1], _RIDGE)
    penalty[0] = 1e-9
    rate = cases.sum() / trials.sum()
    beta = np.zeros(design.shape[1])
    beta[0] = np.log(rate / (1 - rate))
    for _ in range(_STEPS):
        chance = _chance(design @ beta)
        gradient = design.T @ (cases - trials * chance) - penalty * beta
        curve = (design * (trials * chance * (1 - chance))[:, None]).T @ design + np.diag(penalty)
        step = np.linalg.solve(curve, gradient)
        beta = beta + step * min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-12))
        if float(np.abs(step).max()) < 1e-8:
            break
    return beta


def _chance(line: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(line, -30, 30))))
