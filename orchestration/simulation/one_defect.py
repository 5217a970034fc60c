"""One defect alone: a small world that has nothing else wrong, and what the platform says of each record that has it.

Belongs here: the small world and the words that are printed. Does not: judging (`judging.py`, `defects/scoring.py`).
"""

import logging
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from orchestration.lake import Lake
from orchestration.modeling.contract_book import rule_book
from orchestration.settings import Settings
from orchestration.simulation.defects.catalogue import defect, describe
from orchestration.simulation.defects.inject import TRUTH_SCHEMA, DefectConfig
from orchestration.simulation.defects.scoring import JUDGED_SCHEMA, Outcomes, Scorecard, score, verdicts
from orchestration.simulation.making import Made, WorldPlan, make_world
from orchestration.simulation.world.config import WorldConfig

# A market of imports, one without cents and one of aliases: each defect finds records in one of them.
MARKETS = ("CN", "JP", "US")
MONTHS, SELLERS = 2, 100
# Rates are much higher, so that rare defects come up in a small world too.
MULTIPLIER = 25.0
TRIES = 30

_RECORDS = """
select truth.*,
    (select string_agg(distinct judged.state, ', ') from judged
        where judged.feed = truth.scored_feed and judged.key = truth.scored_key) as states,
    (select string_agg(distinct flags, ';') from (
        select unnest([judged.rules, judged.repairs, judged.tags]) as flags from judged
        where judged.feed = truth.scored_feed and judged.key = truth.scored_key
    ) where flags <> '') as flags,
    (select any_value(status || case when rule = '' then '' else ' by ' || rule end) from files
        where files.file = truth.key_after) as file_state,
    (select max(score) from suspicion
        where suspicion.defect_id = truth.defect_id and suspicion.key = truth.scored_key) as score
from truth
where role = 'main'
"""


def show(defect_id: str, *, seed: int, orders: int, most: int) -> int:
    """Print what the platform says of a defect; returns the exit code: 1 when it came up nowhere."""
    print(describe(defect(defect_id)))
    with tempfile.TemporaryDirectory(prefix="tradewind-defect-") as folder:
        truth, outcomes = _judged(Path(folder), defect_id, seed=seed, orders=orders)
    if not len(truth):
        print(f"{TRIES} worlds of {orders:,} orders had no record that it could be put into: try --orders.")
        return 1
    card = score(truth, outcomes)
    for line in lines(truth, outcomes, card, most=most):
        print(line)
    return 0


def _judged(home: Path, defect_id: str, *, seed: int, orders: int) -> tuple[pa.Table, Outcomes]:
    # Imports of seconds, which a list of defects has no use for.
    from orchestration.simulation.judging import judge
    from orchestration.simulation.outcomes import keyed_truth, read_outcomes, read_truth

    made = next((found for tried in range(TRIES) if (found := _made(home, defect_id, seed + tried, orders))), None)
    if made is None:
        return TRUTH_SCHEMA.empty_table(), Outcomes(JUDGED_SCHEMA.empty_table())
    settings, counts = made
    truth = keyed_truth(read_truth(settings.world_truth))
    places = ", ".join(MARKETS)
    print(f"{counts.orders:,} orders of {places} in {MONTHS} months: {counts.rows:,} records, now judged ...")
    logging.disable(logging.WARNING)
    try:
        judge(settings)
    finally:
        logging.disable(logging.NOTSET)
    return truth, read_outcomes(Lake(settings), truth)


def _made(home: Path, defect_id: str, seed: int, orders: int) -> tuple[Settings, Made] | None:
    """A small world with the defect in a folder of its own; None when no record of it could have the defect.

    Making a world takes a moment and judging it most of a minute, so another seed is tried first.
    """
    settings = Settings(home=home / str(seed), catalog_uri="")
    config = WorldConfig(seed=seed, markets=MARKETS, months=MONTHS, sellers=SELLERS, orders=orders)
    dirty = DefectConfig(seed, MULTIPLIER, frozenset([defect_id]))
    made = make_world(WorldPlan(config, settings.inbox, settings.world_truth, 1, dirty))
    return (settings, made) if any(settings.world_truth.glob("defects__*.parquet")) else None


def lines(truth: pa.Table, outcomes: Outcomes, card: Scorecard, *, most: int) -> Iterator[str]:
    """What is printed: a paragraph per record, then the defect's line of the scorecard."""
    words = {rule.rule_id: rule.words for rule in rule_book()}
    found = {
        (row["scored_feed"], row["scored_key"], row["key_after"]): row for row in verdicts(truth, outcomes).to_pylist()
    }
    with duckdb.connect() as con:
        con.register("truth", truth)
        con.register("judged", outcomes.judged)
        con.register("suspicion", outcomes.suspicion)
        con.register("files", outcomes.files)
        rows = con.sql(_RECORDS).to_arrow_table().to_pylist()
    for row in rows[:most]:
        yield ""
        yield from _record(row, words)
        verdict = found.get((row["scored_feed"], row["scored_key"], row["key_after"]))
        if verdict is not None:
            kept = "treated right" if verdict["is_right"] else f"not treated right: {verdict['reason']}"
            yield f"  verdict: {'caught' if verdict['is_caught'] else 'missed'}, {kept}"
        elif row["visibility"] == "statistical":
            yield "  verdict: no rule can be sure; " + (
                f"its score of suspicion is {row['score']:.3g}" if row["score"] is not None else "it has no score"
            )
        else:
            yield "  verdict: nothing in the data shows it, and nobody claims to find it"
    if len(rows) > most:
        yield f"\n... and {len(rows) - most:,} more"
    yield ""
    yield from _totals(card, str(rows[0]["defect_id"]))


def _record(row: Mapping[str, object], words: Mapping[str, str]) -> Iterator[str]:
    place = f"{row['feed'] or 'file'} of {row['source_id']}"
    yield f"{place}: {row['key_after_text'] or row['key_before_text'] or '(its key is lost)'}"
    if row["field"]:
        yield f"  {row['field']}: {row['clean_value']} became {row['dirty_value']}"
    if row["scored_feed"] and row["scored_key"] != row["key_after"]:
        yield f"  it shows by {row['scored_feed']} {row['scored_key_text']}"
    if row["feed"]:
        yield f"  state: {row['states'] or 'no record of this key'}"
    else:
        yield f"  the file: {row['file_state'] or 'not among the deliveries'}"
    for flag in _flags(str(row["flags"] or "")):
        rule = flag.split(":")[-1]
        yield f"  {flag}: {words.get(rule, 'a rule of arrivals')}"


def _flags(text: str) -> Sequence[str]:
    return list(dict.fromkeys(flag for flag in text.split(";") if flag))


def _totals(card: Scorecard, defect_id: str) -> Iterator[str]:
    for row in card.by_defect.to_pylist():
        if row["defect_id"] == defect_id and row["visibility"] == "certain":
            yield (
                f"{row['injected']:,} injected, {row['caught']:,} caught, {row['treated_right']:,} treated right; "
                f"false alarms of its rules: {row['false_alarms'] or 0:,}"
            )
    for row in card.statistical.to_pylist():
        if row["defect_id"] == defect_id:
            yield (
                f"{row['positives']:,} injected; found at one false alarm in a thousand: {row['recall']:.0%} by its "
                f"score, {row['naive_recall']:.0%} by a rule of thumb"
            )
