"""Whose pages are written after each run: the sellers that an officer asks about first.

Belongs here: the choice and its reasons. Does not: pages (any other seller's is made by the command `report`).
"""

from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    import duckdb

LOWEST = 10
_FEW = 3
_CHOSEN = """
    with
    today as (
        select score.*, limits.limit_usd, limits.limit_basis, limits.outstanding_usd
        from seller_score as score
        left join seller_limit as limits using (seller_id, as_of_on)
        where score.as_of_on = (select max(as_of_on) from seller_score)
    ),
    refused as (
        select seller_id, count(*) as refusals from pledge_refusal group by all
    ),
    candidates as (
        select 1 as place, 'lowest score' as why, seller_id,
            row_number() over (order by score, seller_id) as number
        from today where score is not null
        union all
        select 2, 'largest fall', seller_id, row_number() over (order by change_points, seller_id)
        from today where change_points < 0
        union all
        select 3, 'largest rise', seller_id, row_number() over (order by change_points desc, seller_id)
        from today where change_points > 0
        union all
        select 4, 'second pledge refused', seller_id, row_number() over (order by refusals desc, seller_id)
        from refused inner join today using (seller_id)
        union all
        select 5, 'limit ' || limit_basis, seller_id, row_number() over (order by outstanding_usd desc, seller_id)
        from today where limit_basis in ('override', 'frozen')
        union all
        select 6, 'stale', seller_id, row_number() over (order by outstanding_usd desc nulls last, seller_id)
        from today where is_stale
        union all
        select 7, 'owes most', seller_id, row_number() over (order by outstanding_usd desc, seller_id)
        from today where outstanding_usd > 0
    )
    select seller_id, string_agg(why, ', ' order by place) as why, any_value(score)::integer as score,
        any_value(grade) as grade, any_value(change_points)::integer as change_points,
        any_value(limit_usd) as limit_usd, bool_or(is_stale) as is_stale
    from candidates inner join today using (seller_id)
    where number <= case place when 1 then $lowest else $few end
    group by seller_id
    order by min(case place when 1 then number else number * 3 end * 10 + place)
"""


def chosen_sellers(con: "duckdb.DuckDBPyConnection") -> pd.DataFrame:
    """seller_id, why, score, grade, change_points, limit_usd, is_stale: those whose pages are written, a row for each.

    The lowest scores, the largest falls and rises since the score before, refused pledges, limits by an officer's hand,
    stale scores, the largest debts. First come the first of each kind.
    """
    return con.execute(_CHOSEN, {"lowest": LOWEST, "few": _FEW}).df()
