"""What a grade is worth: the dated terms of limits and guarantees, from a file that an installation may replace.

Belongs here: reading and checking the file. Does not: limits and guarantees themselves.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path

POLICY_FILE = Path(__file__).parent / "credit_policy.csv"
_SHARES = ("factor", "alpha")
REBATE_RULES = ("required", "where_claimed")


class PolicyError(ValueError):
    """The policy cannot be used; the message names file, row, field and rule."""


@dataclass(frozen=True)
class GradeTerms:
    """The terms of one grade from `valid_from` up to and without `valid_to`.

    factor: on the limit. cap_usd: its largest amount. alpha: share of verified receipts of 180 days that is lent on.
    beta: multiple of the unpaid rebates that is lent on; above 1, as rebates are paid in weeks and advances run for
    months. rebate_rule: `required`: without unpaid rebates there is no limit; `where_claimed`: the term binds only
    whoever has claimed any within a year. cover_pct: what a guarantee pays of a loss. order_cap_usd,
    year_cap_usd: at most for an order, and in a year. waiting_days: after the promised delivery before a claim counts.
    """

    grade: str
    valid_from: date
    valid_to: date | None
    factor: float
    cap_usd: float
    alpha: float
    beta: float
    rebate_rule: str
    cover_pct: float
    order_cap_usd: float
    year_cap_usd: float
    waiting_days: int


def read_policy(on: date, path: Path = POLICY_FILE) -> Mapping[str, GradeTerms]:
    """The terms that hold on a day, by grade.

    Raises PolicyError for a file that cannot be read, a value out of its range, or two rows of a grade on one day.
    """
    if not path.exists():
        raise PolicyError(f"{path}: there is no such file (setting TRADEWIND_CREDIT_POLICY_FILE)")
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = [_terms(row, f"{path.name} row {number}") for number, row in enumerate(csv.DictReader(file), 1)]
    found: dict[str, GradeTerms] = {}
    for terms in rows:
        if terms.valid_from <= on and (terms.valid_to is None or on < terms.valid_to):
            if terms.grade in found:
                raise PolicyError(f"{path.name}: grade {terms.grade} has two rows that hold on {on}")
            found[terms.grade] = terms
    if not found:
        raise PolicyError(f"{path.name}: no row holds on {on}")
    return found


def _terms(row: Mapping[str, str | None], place: str) -> GradeTerms:
    if missing := [one.name for one in fields(GradeTerms) if one.name != "valid_to" and not row.get(one.name)]:
        raise PolicyError(f"{place}: {', '.join(missing)} missing")
    values = {one.name: str(row.get(one.name) or "") for one in fields(GradeTerms)}
    try:
        terms = GradeTerms(
            grade=values["grade"],
            valid_from=date.fromisoformat(values["valid_from"]),
            valid_to=date.fromisoformat(values["valid_to"]) if values["valid_to"] else None,
            waiting_days=int(values["waiting_days"]),
            rebate_rule=values["rebate_rule"],
            **{
                name: float(values[name])
                for name in (*_SHARES, "beta", "cap_usd", "cover_pct", "order_cap_usd", "year_cap_usd")
            },
        )
    except ValueError as error:
        raise PolicyError(f"{place}: {error}") from None
    for name in _SHARES:
        if not 0 <= getattr(terms, name) <= 1:
            raise PolicyError(f"{place}: {name} is {getattr(terms, name)}, and must be from 0 to 1")
    if not 0 <= terms.cover_pct <= 100:
        raise PolicyError(f"{place}: cover_pct is {terms.cover_pct}, and must be from 0 to 100")
    if terms.rebate_rule not in REBATE_RULES:
        raise PolicyError(f"{place}: rebate_rule is {terms.rebate_rule!r}, not one of {', '.join(REBATE_RULES)}")
    if min(terms.beta, terms.cap_usd, terms.order_cap_usd, terms.year_cap_usd, terms.waiting_days) < 0:
        raise PolicyError(f"{place}: an amount, a multiple or a number of days is below 0")
    return terms
