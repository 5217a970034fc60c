"""Groups of a market's buyers: by subdivision, gender, age band, channel, screen and month of the first purchase.

Belongs here: the figures of each group. Does not: which are too small (see `suppression.py`), writing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from orchestration.customers.portraits.people import People
from orchestration.customers.portraits.suppression import FEWEST_PEOPLE, suppressed
from orchestration.customers.purchases import Flags, Purchases, Rows
from orchestration.customers.retention import months_of
from orchestration.customers.surprises.cells import Attribute

NOT_TOLD = "not told"
MOST_CATEGORIES = 3
PAIRS = (("subdivision_code", "gender"), ("gender", "age_band"))


@dataclass(frozen=True, eq=False)
class _Kind:
    """Groups of one kind: the names of both values and, by buyer, the group."""

    dimension: str
    values: tuple[tuple[str, str | None], ...]
    place: Rows


def audience_rows(purchases: Purchases, people: People) -> Mapping[str, list[object]]:
    """The columns of all groups of a market; what is suppressed is null and flagged."""
    state = purchases.state()
    buyers = np.flatnonzero(state.has_bought)
    kinds, single = [], {}
    for name, of_all in _attributes(purchases, people).items():
        attribute = of_all.of_rows(buyers)
        if (attribute.place >= 0).any():
            single[name] = attribute
            kinds.append(_kind(name, attribute))
    kinds += [_pair(f"{a}_and_{b}", single[a], single[b]) for a, b in PAIRS if a in single and b in single]
    sizes = [np.bincount(kind.place, minlength=len(kind.values)) for kind in kinds]
    offsets = dict(zip([kind.dimension for kind in kinds], np.cumsum([0, *map(len, sizes)]).tolist(), strict=False))
    is_hidden = suppressed(
        np.concatenate([*sizes, np.empty(0, dtype=np.int64)]).astype(np.int64), _sums(kinds, offsets)
    )
    columns: dict[str, list[object]] = {name: [] for name in (
        "dimension", "group_value", "second_value", "buyer_count", "purchase_count", "amount_usd", "basket_usd",
        "repeat_pct", "top_categories", "is_suppressed",
    )}  # fmt: skip
    count, net = state.count[buyers], purchases.net_usd[buyers]
    for kind, size in zip(kinds, sizes, strict=True):
        width = len(kind.values)
        bought, spent = np.bincount(kind.place, count, minlength=width), np.bincount(kind.place, net, minlength=width)
        again = np.bincount(kind.place, count > 1, minlength=width)
        likes = _likes(purchases, buyers, kind, bought)
        hidden = is_hidden[offsets[kind.dimension] :][:width]
        for row in np.flatnonzero(size > 0).tolist():
            told: list[object] = [None] * 6
            if not hidden[row]:
                told = [
                    int(size[row]), int(bought[row]), round(float(spent[row]), 2),
                    round(float(spent[row] / bought[row]), 2), round(100 * float(again[row] / size[row]), 2),
                    likes[row],
                ]  # fmt: skip
            for name, value in zip(columns, [kind.dimension, *kind.values[row], *told, bool(hidden[row])], strict=True):
                columns[name].append(value)
    return columns


def _attributes(purchases: Purchases, people: People) -> dict[str, Attribute]:
    state = purchases.state()
    months = np.datetime_as_string(months_of(state.first).astype("datetime64[M]")).astype(str)
    names = tuple(sorted(set(months[state.has_bought].tolist())))
    cohort = np.where(state.has_bought, np.searchsorted(np.array(names or ("",)), months), -1)
    return {
        "subdivision_code": people.subdivision, "gender": people.gender, "age_band": people.age_band,
        "channel": people.channel, "screen": people.screen, "cohort": Attribute(names, cohort.astype(np.int64)),
    }  # fmt: skip


def _kind(name: str, attribute: Attribute) -> _Kind:
    """The values with, at the end, those who told none."""
    values = tuple((one, None) for one in (*attribute.names, NOT_TOLD))
    return _Kind(name, values, np.where(attribute.place < 0, len(attribute.names), attribute.place))


def _pair(name: str, first: Attribute, second: Attribute) -> _Kind:
    one, other = _kind("", first), _kind("", second)
    values = tuple((a, b) for a, _ in one.values for b, _ in other.values)
    return _Kind(name, values, one.place * len(other.values) + other.place)


def _sums(kinds: Sequence[_Kind], offsets: Mapping[str, int]) -> list[tuple[Rows, int | None]]:
    """What adds up to what: each kind to the market, each pair to both of its kinds."""
    width = {kind.dimension: len(kind.values) for kind in kinds}
    sums: list[tuple[Rows, int | None]] = []
    for kind in kinds:
        own = offsets[kind.dimension] + np.arange(width[kind.dimension])
        names = next(((a, b) for a, b in PAIRS if kind.dimension == f"{a}_and_{b}"), None)
        if names is None:
            sums.append((own, None))
            continue
        grid = own.reshape(width[names[0]], width[names[1]])
        sums += [(line, offsets[names[0]] + place) for place, line in enumerate(grid)]
        sums += [(line, offsets[names[1]] + place) for place, line in enumerate(grid.T)]
    return sums


def _likes(purchases: Purchases, buyers: Rows, kind: _Kind, bought: Rows) -> list[str]:
    """Of each group the categories in most of its purchases, with their share; only those of ten buyers or more."""
    tastes, groups, width = purchases.tastes, len(kind.values), len(purchases.tastes.codes)
    if not width:
        return [""] * groups
    place = np.full(len(purchases), -1)
    place[buyers] = kind.place
    is_buyer: Flags = place[tastes.customer] >= 0
    keys = place[tastes.customer[is_buyer]] * width + tastes.category[is_buyer]
    times = np.bincount(keys, tastes.purchases[is_buyer], minlength=groups * width).reshape(groups, width)
    times[np.bincount(keys, minlength=groups * width).reshape(groups, width) < FEWEST_PEOPLE] = 0
    best = np.argsort(-times, axis=1, kind="stable")[:, :MOST_CATEGORIES]
    return [
        ", ".join(
            f"{tastes.codes[one]} {100 * times[row, one] / bought[row]:.0f} %" for one in best[row] if times[row, one]
        )
        for row in range(groups)
    ]
