"""Recall of scores of suspicion at a fixed rate of false alarms, with a naive rule beside it.

Belongs here: judging a score that somebody else computed. Does not: the scores, and defects that a rule can see (see
`scoring.py`).
"""

import duckdb
import pyarrow as pa

FALSE_ALARM_RATE = 0.001
# One row per record that a detector looked at: how suspicious it finds it, and how suspicious a rule of thumb does.
SUSPICION_SCHEMA = pa.schema(
    [
        (name, pa.float64() if name.endswith("score") else pa.string())
        for name in ("defect_id", "feed", "source_id", "key", "score", "naive_score")
    ]
)
RECALLS_SCHEMA = pa.schema(
    [
        ("defect_id", pa.string()),
        ("positives", pa.int64()),
        ("scored", pa.int64()),
        ("negatives", pa.int64()),
        ("recall", pa.float64()),
        ("naive_recall", pa.float64()),
    ]
)

_RECALLS = """
with

positives as (

    select distinct defect_id, scored_feed as feed, scored_key as key
    from truth_given
    where role = 'main' and visibility = 'statistical'

),

-- A record counts once, by its worst version; one without a score is the least suspicious of all.
labelled as (

    select
        given.defect_id,
        given.key,
        coalesce(max(given.score), '-infinity'::double) as score,
        coalesce(max(given.naive_score), '-infinity'::double) as naive_score,
        bool_or(positives.key is not null) as is_positive
    from suspicion_given as given
    left join positives
        on positives.defect_id = given.defect_id and positives.feed = given.feed and positives.key = given.key
    group by given.defect_id, given.feed, given.source_id, given.key

),

totals as (

    select defect_id, count(*) filter (where not is_positive) as negatives,
        count(*) filter (where is_positive) as scored
    from labelled
    group by defect_id

),

-- The highest score that so many clean records share that one more would be too many: alarms lie strictly above it.
ranked as (

    select labelled.*,
        row_number() over (partition by defect_id, is_positive order by score desc) as score_rank,
        row_number() over (partition by defect_id, is_positive order by naive_score desc) as naive_rank,
        floor({rate} * totals.negatives) + 1 as limit_rank
    from labelled
    join totals using (defect_id)

),

limits as (

    select
        defect_id,
        max(score) filter (where not is_positive and score_rank = limit_rank) as score_limit,
        max(naive_score) filter (where not is_positive and naive_rank = limit_rank) as naive_limit
    from ranked
    group by defect_id

)

select
    expected.defect_id,
    expected.positives,
    coalesce(totals.scored, 0) as scored,
    coalesce(totals.negatives, 0) as negatives,
    count(*) filter (where is_positive and score > coalesce(score_limit, '-infinity'::double)) / expected.positives
        as recall,
    count(*) filter (where is_positive and naive_score > coalesce(naive_limit, '-infinity'::double))
        / expected.positives as naive_recall
from (select defect_id, count(*) as positives from positives group by defect_id) as expected
left join totals using (defect_id)
left join limits using (defect_id)
left join ranked using (defect_id)
group by expected.defect_id, expected.positives, totals.scored, totals.negatives
order by expected.defect_id
"""


def recalls(truth: pa.Table, suspicion: pa.Table, *, rate: float = FALSE_ALARM_RATE) -> pa.Table:
    """Per statistical defect that was put in: positives, scored ones, negatives, recall and naive recall.

    suspicion: rows of `SUSPICION_SCHEMA`, of dirty and clean records; `feed` and `key` are those by which the defect
    shows (`scored_feed`, `scored_key`), so a lost payment is scored by its order. Alarms lie strictly above the score
    that leaves at most the share `rate` of the clean records above it. A defect without scores has recall 0.
    """
    if not 0 <= rate < 1:
        raise ValueError(f"the rate of false alarms is {rate}, which is not in 0..1")
    with duckdb.connect() as con:
        con.register("truth_given", truth)
        con.register("suspicion_given", suspicion.select(SUSPICION_SCHEMA.names))
        return con.sql(_RECALLS.format(rate=rate)).to_arrow_table().cast(RECALLS_SCHEMA)
