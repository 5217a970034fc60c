"""Who of a market may be exported, and who is left out why.

Belongs here: SQL over views of the published tables. Does not: files (see `files.py`) and the log (see `log.py`).
The newest word of a customer counts: a consent that was taken back is an opt-out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

# The published tables behind an audience.
READS = frozenset({"customer_segment", "dim_product", "recommendation", "stg_customers"})
RECOMMENDATIONS = "recommendations"
# Fewer people than this are no audience: an export of them would speak of persons.
FEWEST_PEOPLE = 10

LEFT_OUT: Mapping[str, str] = {
    "no_profile": "the source has sent no record of the customer, so nobody knows what was agreed to",
    "opted_out": "agreed to marketing once and has taken it back",
    "no_consent": "has not agreed to marketing",
    "no_profile_consent": "has not agreed to the use of a profile, which a segment is",
}


class AudienceError(RuntimeError):
    """There is nothing to export, or it may not be; the message says why."""


@dataclass(frozen=True, eq=False)
class Audience:
    """Whom to write to. rows: what the file holds. left_out: people by reason, every reason of LEFT_OUT."""

    market: str
    name: str
    rows: "pa.Table"
    people: int
    left_out: Mapping[str, int]


# A customer of the sources is a pseudonym within its source. Consent that is not recorded is no consent.
_JUDGED = """
    create or replace temp table judged as
    with said as (
        select source_id, customer_key, max_by(has_marketing_consent, (valid_from, version_key)) as may_write,
            max_by(has_profile_consent, (valid_from, version_key)) as may_profile,
            bool_or(has_marketing_consent) as has_agreed_once
        from (
            select source_id, customer_key, coalesce(has_marketing_consent, false) as has_marketing_consent,
                coalesce(has_profile_consent, false) as has_profile_consent, valid_from,
                coalesce(changed_at, valid_from) as version_key
            from stg_customers
        )
        group by all
    )
    select wanted.source_id, wanted.customer_key,
        case
            when said.customer_key is null then 'no_profile'
            when not coalesce(may_write, false) and has_agreed_once then 'opted_out'
            when not coalesce(may_write, false) then 'no_consent'
            when $is_profile and not coalesce(may_profile, false) then 'no_profile_consent'
        end as reason
    from wanted left join said using (source_id, customer_key)
"""
_SEGMENT_ROWS = """
    select source_id, customer_key, segment, as_of_on from customer_segment
    inner join judged using (source_id, customer_key)
    where market = $market and segment = $name and reason is null order by source_id, customer_key
"""
_RECOMMENDATION_ROWS = """
    select source_id, customer_key, rank, product_id, product_name, recommendation.reason, made_on
    from recommendation
    inner join judged using (source_id, customer_key)
    left join (
        select product_key, any_value(product_name) as product_name from dim_product where market = $market group by all
    ) using (product_key)
    where market = $market and judged.reason is null order by source_id, customer_key, rank
"""


def read_audience(con: "duckdb.DuckDBPyConnection", market: str, segment: str | None) -> Audience:
    """The customers of a segment, or (segment None) those with recommendations of their own, who may be written to.

    con: the published tables as views. Raises AudienceError where nobody is in it, or fewer than ten may be exported.
    """
    if segment is None:
        name, what = RECOMMENDATIONS, "from recommendation where market = $market and customer_key <> '*'"
        values = {"market": market}
    else:
        name, what = segment, "from customer_segment where market = $market and segment = $name"
        values = {"market": market, "name": segment}
    con.execute(f"create or replace temp table wanted as select distinct source_id, customer_key {what}", values)
    con.execute(_JUDGED, {"is_profile": segment is not None})
    counted = con.execute("select coalesce(reason, ''), count(*) from judged group by all").fetchall()
    counts = {str(reason): int(count) for reason, count in counted}
    if not counts:
        raise AudienceError(_nobody(con, market, segment))
    people = counts.get("", 0)
    left_out = {reason: counts.get(reason, 0) for reason in LEFT_OUT}
    if people < FEWEST_PEOPLE:
        raise AudienceError(
            f"{market}, {name}: {people} people may be written to, fewer than {FEWEST_PEOPLE}; {spoken(left_out)}"
        )
    rows = con.sql(_SEGMENT_ROWS if segment is not None else _RECOMMENDATION_ROWS, params=values).to_arrow_table()
    return Audience(market, name, rows, people, left_out)


def spoken(left_out: Mapping[str, int]) -> str:
    """Who is left out, in words."""
    said = [f"{count} left out: {LEFT_OUT[reason]}" for reason, count in left_out.items() if count]
    return "; ".join(said) or "nobody is left out"


def _nobody(con: "duckdb.DuckDBPyConnection", market: str, segment: str | None) -> str:
    if segment is None:
        return f"{market}: no customer has recommendations; python -m orchestration.sql lists what is published"
    found = con.execute(
        "select distinct segment from customer_segment where market = $market order by all", {"market": market}
    ).fetchall()
    known = ", ".join(str(row[0]) for row in found)
    return f"{market}: nobody is in segment {segment}; segments are {known or 'not published for this market'}"
