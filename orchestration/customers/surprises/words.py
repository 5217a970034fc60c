"""Surprises as rows and as sentences.

Belongs here: columns and English. Does not: the search.
"""

from collections.abc import Mapping, Sequence

from orchestration.customers.surprises.cells import Cell
from orchestration.customers.surprises.search import Surprise

_PEOPLE = {"female": "Women", "male": "Men", "other": "People of another gender"}


def surprise_rows(surprises: Sequence[Surprise]) -> Mapping[str, list[object]]:
    """The columns of a market's surprises, in their order."""
    return {
        "surprise_rank": [place for place, _ in enumerate(surprises, start=1)],
        "subdivision_code": [one.cell.subdivision_code for one in surprises],
        "gender": [one.cell.gender for one in surprises],
        "age_band": [one.cell.age_band for one in surprises],
        "category_code": [one.category for one in surprises],
        "buyer_count": [one.buyers for one in surprises],
        "category_buyer_count": [one.category_buyers for one in surprises],
        "purchase_count": [one.purchases for one in surprises],
        "share_pct": [round(100 * one.share, 4) for one in surprises],
        "expected_share_pct": [round(100 * one.expected_share, 4) for one in surprises],
        "market_share_pct": [round(100 * one.market_share, 4) for one in surprises],
        "ratio": [round(one.ratio, 4) for one in surprises],
        "low_ratio": [round(one.low, 4) for one in surprises],
        "high_ratio": [round(one.high, 4) for one in surprises],
        "p_value": [one.p_value for one in surprises],
        "q_value": [one.q_value for one in surprises],
        "tested_count": [one.tested for one in surprises],
        "words": [sentence(one) for one in surprises],
    }


def people_in_words(cell: Cell) -> str:
    """Such as: Men of 18-29 in GB-SCT."""
    who = _PEOPLE.get(cell.gender or "", "Buyers")
    age = f" of {cell.age_band}" if cell.age_band else ""
    return f"{who}{age}{f' in {cell.subdivision_code}' if cell.subdivision_code else ''}"


def sentence(one: Surprise) -> str:
    """What a person may read in a report, with the numbers that carry it."""
    category = one.category.replace("_", " ")
    if one.cell.subdivision_code and (one.cell.gender or one.cell.age_band):
        others = "people of their gender and age in the whole market"
    elif one.cell.subdivision_code:
        others = "equal people in the whole market"
    else:
        others = "expected"
    return (
        f"{people_in_words(one.cell)} buy {category} {one.ratio:.1f} times as often as {others}:"
        f" in {100 * one.share:.1f} % of the purchases of {one.buyers:,} buyers,"
        f" where {100 * one.expected_share:.1f} % were to be expected"
        f" (95 % interval of the ratio {one.low:.2f} to {one.high:.2f})."
    )
