"""Which groups of people are too small to be told, and which others must not be told for their sake.

Belongs here: the rule. Does not: what is told of a group.

Primary: fewer than ten people. Complementary: sums of groups are known (the groups of one kind add up to the market,
and those of a pair of kinds to those of each), so what is hidden must not follow from them. Hidden numbers are the
unknowns of that system of equations: one that all solutions share is determined, and a further, smallest group of its
sum is hidden, until none is. A sum of hidden groups that is below ten people itself is widened in the same way.
"""

from collections.abc import Sequence

import numpy as np

from orchestration.customers.purchases import Flags, Rows

FEWEST_PEOPLE = 10
_NOTHING = 1e-8


def suppressed(people: Rows, sums: Sequence[tuple[Rows, int | None]], *, fewest: int = FEWEST_PEOPLE) -> Flags:
    """Which groups are not told. sums: groups that add up to another group, or (None) to a number that is known."""
    hidden = (people > 0) & (people < fewest)
    for _ in range(len(people)):
        weak = _weak(people, hidden, sums, fewest)
        grown = hidden.copy()
        for parts in weak:
            told = parts[~grown[parts] & (people[parts] > 0)]
            if len(told):
                grown[told[people[told].argmin()]] = True
        if (grown == hidden).all():
            break
        hidden = grown
    return hidden


def determined(hidden: Flags, sums: Sequence[tuple[Rows, int | None]]) -> Flags:
    """Which hidden groups follow from all that is told."""
    unknown = np.flatnonzero(hidden)
    place = np.full(len(hidden), -1)
    place[unknown] = np.arange(len(unknown))
    equations = np.zeros((len(sums), len(unknown)))
    for row, (parts, whole) in enumerate(sums):
        equations[row, place[parts[hidden[parts]]]] = 1.0
        if whole is not None and hidden[whole]:
            equations[row, place[whole]] -= 1.0
    found = np.zeros(len(hidden), dtype=np.bool_)
    if len(unknown):
        free = np.eye(len(unknown)) - np.linalg.pinv(equations) @ equations
        found[unknown] = np.abs(np.diag(free)) < _NOTHING
    return found


def _weak(people: Rows, hidden: Flags, sums: Sequence[tuple[Rows, int | None]], fewest: int) -> list[Rows]:
    """Sums that give away something hidden; each once, those of few groups first."""
    if not hidden.any():
        return []
    known = determined(hidden, sums)
    weak = []
    for parts, whole in sums:
        inside = parts[hidden[parts]]
        is_told = whole is None or not hidden[whole]
        is_small = is_told and len(inside) > 0 and int(people[inside].sum()) < fewest
        if known[inside].any() or is_small or (whole is not None and known[whole]):
            weak.append(parts)
    return weak
