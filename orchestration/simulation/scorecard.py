"""The scorecard of the cleaning as tables, as figures, and as a picture.

Belongs here: the rows of the tables from a lake and a truth, and words about them. Does not: the declared tables (see
`tables.py`), judging (see `defects/scoring.py`) and drawing (see `scorecard_plot.py`).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from orchestration.lake import Lake
from orchestration.simulation.defects.scoring import Scorecard, score
from orchestration.simulation.outcomes import keyed_truth, read_outcomes, read_truth
from orchestration.simulation.tables import CLEANING_BY_FEED, CLEANING_MISSED, CLEANING_SCORECARD, SCORECARD_MODELS

_BY_DEFECT = """
select by_defect.number, by_defect.defect_id, by_defect.visibility, by_defect.treatment, by_defect.injected,
    by_defect.caught, by_defect.treated_right, coalesce(by_defect.recall, statistical.recall) as recall,
    statistical.naive_recall, by_defect.false_alarms, by_defect.false_alarms_per_10k, catalogue.words
from by_defect
left join statistical using (defect_id)
left join catalogue using (defect_id)
order by by_defect.number, by_defect.defect_id
"""


@dataclass(frozen=True)
class CleaningScore:
    """The rows of the three tables by name, and the measures of the issue by theirs."""

    tables: Mapping[str, pa.Table]
    metrics: Mapping[str, float]


def score_cleaning(lake: Lake, truth_folder: Path, *, held_back: Collection[str] = ()) -> CleaningScore | None:
    """The scorecard of what is published against the truth of a folder; None where there is no truth.

    held_back: markets of which staging is not published; what was put into them is left out.
    """
    if not any(truth_folder.glob("defects__*.parquet")):
        return None
    truth = keyed_truth(read_truth(truth_folder, without=held_back))
    return as_tables(score(truth, read_outcomes(lake, truth, without=held_back)))


def as_tables(card: Scorecard) -> CleaningScore:
    """The scorecard in the columns of the declared tables."""
    from orchestration.simulation.defects.catalogue import defects

    with duckdb.connect() as con:
        con.register("by_defect", card.by_defect)
        con.register("statistical", card.statistical)
        listed = list(defects().values())
        words = pa.table({"defect_id": [one.id for one in listed], "words": [one.words for one in listed]})
        con.register("catalogue", words)
        con.register("by_feed", card.by_feed)
        con.register("missed", card.missed)
        queries = {
            CLEANING_SCORECARD.name: _BY_DEFECT,
            CLEANING_BY_FEED.name: "select * from by_feed order by feed",
            CLEANING_MISSED.name: "select * rename (key as record_key) from missed",
        }
        tables = {
            model.name: con.sql(
                "select "
                + ", ".join(f"cast({column.name} as {column.type}) as {column.name}" for column in model.spec.columns)
                + f" from ({queries[model.name]})"
            ).to_arrow_table()
            for model in SCORECARD_MODELS
        }
    return CleaningScore(tables=tables, metrics=card.metrics)


def misses_in_words(score: CleaningScore, *, most: int = 40) -> str:
    """A Markdown table of the misses by defect and reason, the most frequent first."""
    with duckdb.connect() as con:
        con.register("missed", score.tables[CLEANING_MISSED.name])
        rows = con.execute(
            "select defect_id, feed, reason, count(*) as misses from missed group by all"
            " order by misses desc, defect_id limit ?",
            [most],
        ).fetchall()
    if not rows:
        return "none"
    lines = [f"| {' | '.join(str(value) for value in row)} |" for row in rows]
    return "\n".join(["| defect | feed | what became of it | misses |", "|---|---|---|---|", *lines])
