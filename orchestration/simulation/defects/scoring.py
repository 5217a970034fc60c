"""The scorecard of a cleaning: what was found of the defects that were put in, and what was taken for one and is none.

Belongs here: pure functions from truth and outcomes to tables of scores. Does not: reading the platform's tables, and
the scores of suspicion themselves (whoever calls gives both). Every rate here is a share, from 0 to 1.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import duckdb
import pyarrow as pa

from orchestration.simulation.defects import scoring_sql
from orchestration.simulation.defects.catalogue import Defect, defects
from orchestration.simulation.defects.suspicion import SUSPICION_SCHEMA, recalls

# One row per raw record, as the platform judged it. key: the contract's key fields as the record has them (canonical
# text, empty for null), joined by `|`. state: accepted, repaired, superseded, quarantined, waiting, or missing for a
# record that the platform says should be there. rules and tags: ids joined by `;`. repairs: `field:rule` joined by `;`.
JUDGED_SCHEMA = pa.schema(
    [
        (name, pa.int64() if name == "version" else pa.string())
        for name in ("feed", "source_id", "key", "file", "version", "state", "rules", "repairs", "tags")
    ]
)
# The values that repaired records ended with, as canonical text; personal fields stay away.
VALUES_SCHEMA = pa.schema([(name, pa.string()) for name in ("feed", "source_id", "key", "field", "value")])
# Records of a feed that were accepted as they came and that neither a rule nor the truth names: only counted.
PLAIN_SCHEMA = pa.schema([("feed", pa.string()), ("records", pa.int64())])
# One row per delivered file; rule is that of its refusal, or empty.
FILES_SCHEMA = pa.schema([(name, pa.string()) for name in ("file", "status", "rule")])

_GOOD = {"tagged": ("accepted", "repaired", "missing"), "accepted": ("accepted", "repaired"), "file_refused": ()}


@dataclass(frozen=True)
class Outcomes:
    """What the platform made of the deliveries: records, repaired values, files, and scores of suspicion.

    A record stands in `judged` or is counted in `plain`, never both.
    """

    judged: pa.Table
    values: pa.Table = field(default_factory=VALUES_SCHEMA.empty_table)
    files: pa.Table = field(default_factory=FILES_SCHEMA.empty_table)
    suspicion: pa.Table = field(default_factory=SUSPICION_SCHEMA.empty_table)
    plain: pa.Table = field(default_factory=PLAIN_SCHEMA.empty_table)


@dataclass(frozen=True)
class Scorecard:
    """Scores as tables.

    by_defect: defect_id, number, visibility, treatment, injected, caught, treated_right, recall, false_alarms and
    false_alarms_per_10k (null without rules). by_feed: feed, records, dirty, injected, caught, recall, flagged,
    flagged_dirty, precision; what only a statistical rule marks is not flagged there. missed: defect_id, source_id,
    feed, key, reason. statistical: `suspicion.RECALLS_SCHEMA`.
    """

    by_defect: pa.Table
    by_feed: pa.Table
    missed: pa.Table
    statistical: pa.Table

    @property
    def metrics(self) -> Mapping[str, float]:
        """The measures of the issue by name; a measure without data is absent."""
        certain = [row for row in self.by_defect.to_pylist() if row["visibility"] == "certain" and row["injected"]]
        found: dict[str, float] = {}
        if certain:
            found["certain_recall"] = sum(row["caught"] for row in certain) / sum(row["injected"] for row in certain)
            found["worst_certain_recall"] = min(row["recall"] for row in certain)
        feeds = self.by_feed.to_pylist()
        clean = sum(row["records"] - row["dirty"] for row in feeds)
        if clean:
            alarms = sum(row["flagged"] - row["flagged_dirty"] for row in feeds)
            found["false_alarms_per_10k"] = alarms * 10_000 / clean
        scored = self.statistical.to_pylist()
        if scored:
            positives = sum(row["positives"] for row in scored)
            for name in ("statistical_recall_at_1_in_1000", "statistical_naive_recall"):
                column = "naive_recall" if "naive" in name else "recall"
                found[name] = sum(row[column] * row["positives"] for row in scored) / max(1, positives)
        return found


def score(truth: pa.Table, outcomes: Outcomes) -> Scorecard:
    """The scorecard of outcomes against the truth rows of all batches and files (`inject.TRUTH_SCHEMA`)."""
    with duckdb.connect() as con:
        _load(con, truth, outcomes)
        con.execute(scoring_sql.MATCHED)
        con.execute(scoring_sql.CLEAN)
        return Scorecard(
            by_defect=con.sql(scoring_sql.BY_DEFECT).to_arrow_table(),
            by_feed=con.sql(scoring_sql.BY_FEED).to_arrow_table(),
            missed=con.sql(scoring_sql.MISSED).to_arrow_table(),
            statistical=recalls(truth, outcomes.suspicion),
        )


def verdicts(truth: pa.Table, outcomes: Outcomes) -> pa.Table:
    """One row per dirty record that a rule can see: the columns of the truth, is_caught, is_right and reason."""
    with duckdb.connect() as con:
        _load(con, truth, outcomes)
        con.execute(scoring_sql.MATCHED)
        columns = ", ".join(f"matched.{name}" for name in truth.column_names)
        return con.sql(f"select {columns}, is_caught, is_right, reason from matched order by truth_no").to_arrow_table()


def _load(con: duckdb.DuckDBPyConnection, truth: pa.Table, outcomes: Outcomes) -> None:
    """The tables of all later steps: catalogue, truth, judged with `flags` (list of rules, repairs and tags), files."""
    con.register("truth_given", truth)
    con.register("judged_given", outcomes.judged.select(JUDGED_SCHEMA.names))
    con.register("files_given", outcomes.files.select(FILES_SCHEMA.names))
    con.register("values_given", outcomes.values.select(VALUES_SCHEMA.names))
    con.register("plain_given", outcomes.plain.select(PLAIN_SCHEMA.names))
    con.register("catalogue_given", _catalogue_table(list(defects().values())))
    con.execute("create table catalogue as select * from catalogue_given")
    con.execute("create table truth as select row_number() over () as truth_no, * from truth_given")
    # A repair is `field:rule`; states that no rule of a feed gives were noticed by one that all feeds share.
    con.execute(
        """
        create table judged as
        select *, list_filter(
            string_split(coalesce(rules, ''), ';') || string_split(coalesce(tags, ''), ';')
            || list_transform(string_split(coalesce(repairs, ''), ';'), lambda r: regexp_extract(r, '[^:]*$'))
            || case when state = 'superseded' and coalesce(rules, '') = '' then ['row.duplicate']
                when state = 'waiting' then ['row.waiting'] else [] end,
            lambda flag: flag <> ''
        ) as flags
        from judged_given
        """
    )


def _catalogue_table(found: list[Defect]) -> pa.Table:
    states = [
        sorted({state for treatment in one.right_treatments for state in _GOOD.get(treatment, (treatment,))})
        for one in found
    ]
    return pa.table(
        {
            "defect_id": [one.id for one in found],
            "number": pa.array([one.number for one in found], pa.int32()),
            "visibility": [one.visibility for one in found],
            "treatment": [one.treatment for one in found],
            "feed": [one.feed for one in found],
            "level": [one.level for one in found],
            "rules": pa.array([list(one.rules) for one in found], pa.list_(pa.string())),
            "states": pa.array(states, pa.list_(pa.string())),
            "is_refused": ["file_refused" in one.right_treatments for one in found],
            "may_be_plain": ["accepted" in one.right_treatments for one in found],
        }
    )
