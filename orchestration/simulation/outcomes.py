"""What the platform made of a world's deliveries, from the tables that it has published.

Belongs here: published tables and truth brought to the same keys. Does not: scores (see `defects/scoring.py`) and
what looks suspicious (see `suspicions.py`).

Staging knows personal numbers by their hash only, so records are compared by their surrogate keys on both sides.
"""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import duckdb
import pyarrow as pa

from orchestration.arrivals import mapping_reader
from orchestration.arrivals.contracts import Contract, contracts
from orchestration.arrivals.mapping_reader import SHIPPED, load_mappings
from orchestration.arrivals.sql_text import literal
from orchestration.lake import Lake
from orchestration.simulation.defects.inject import TRUTH_SCHEMA
from orchestration.simulation.defects.scoring import Outcomes
from orchestration.simulation.suspicions import suspicions
from orchestration.sql import connect

# A line goes with its header, whatever it says itself.
HEADER_DELETED = "row.header_deleted"
# Of what other sources deliver to the same installation nobody knows the truth.
WORLD_MAPPINGS = "world_"


def read_truth(folder: Path, *, without: Collection[str] = ()) -> pa.Table:
    """The truth rows of all defects of a world but those of some markets; FileNotFoundError: the folder has none."""
    paths = sorted(folder.glob("defects__*.parquet"))
    if not paths:
        raise FileNotFoundError(f"{folder}: there is no defects__*.parquet, so nothing tells what is wrong")
    with duckdb.connect() as con:
        columns = ", ".join(TRUTH_SCHEMA.names)
        # A batch is named by its market and month, as GB-2024-03.
        query = f"""
            select {columns} from read_parquet({[str(path) for path in paths]}, union_by_name=true)
            where split_part(batch, '-', 1) not in ({_listed(without)})
        """
        return con.sql(query).to_arrow_table().cast(TRUTH_SCHEMA)


def keyed_truth(truth: pa.Table) -> pa.Table:
    """The truth with surrogate keys in place of the key texts, which stay as `<name>_text`."""
    columns = []
    for name in TRUTH_SCHEMA.names:
        if name in ("key_before", "key_after"):
            columns.append(f"{surrogate('feed', 'source_id', name)} as {name}, {name} as {name}_text")
        elif name == "scored_key":
            columns.append(f"{surrogate('scored_feed', 'scored_source', name)} as {name}, {name} as {name}_text")
        else:
            columns.append(name)
    with duckdb.connect() as con:
        con.register("given", truth)
        con.register("owners", owners_of_orders())
        query = f"""
            select {", ".join(columns)} from (
                select given.*,
                    case when scored_feed = 'orders' and feed <> 'orders' then coalesce(orders_of, source_id)
                        else source_id end as scored_source
                from given left join owners using (source_id)
            )
        """
        return con.sql(query).to_arrow_table()


def surrogate(feed: str, source: str, text: str) -> str:
    """SQL of the surrogate key of a record from SQL of its feed, source and key text; files keep their names."""
    bare = [feed_name for feed_name, contract in contracts().items() if not contract.has_source_in_key]
    return f"""case
        when {text} = '' or {feed} = '' then {text}
        when {feed} in ({_listed(bare)}) then substr(sha256({text}), 1, 32)
        else substr(sha256({source} || '|' || {text}), 1, 32)
    end"""


def _listed(texts: Collection[str]) -> str:
    return ", ".join(map(literal, sorted(texts))) or "''"


def read_outcomes(lake: Lake, truth: pa.Table, *, without: Collection[str] = ()) -> Outcomes:
    """What became of the records that a keyed truth names, of all that were marked, and how many others there are.

    without: markets of which nothing counts.
    """
    with connect(lake) as con:
        con.register("owners", owners_of_orders())
        con.execute("create table left_out (market varchar)")
        if without:
            con.executemany("insert into left_out values (?)", [[market] for market in without])
        con.register("truth", truth)
        con.execute(_NAMED)
        feeds = [contract for contract in contracts().values() if _has_rows(con, contract)]
        con.execute(f"create table marked as {' union all by name '.join([*map(_marked, feeds), *_OTHERS])}")
        con.execute(f"create table plain_counts as {' union all '.join(map(_counted, feeds)) or _NOTHING}")
        values = " union all ".join(_values(con, truth, feeds))
        return Outcomes(
            judged=con.sql(_JUDGED).to_arrow_table(),
            values=con.sql(values or _NO_VALUES).to_arrow_table(),
            files=con.sql(_FILES).to_arrow_table(),
            suspicion=suspicions(con),
            plain=con.sql(
                "select feed, sum(records)::bigint as records from plain_counts group by feed"
            ).to_arrow_table(),
        )


def owners_of_orders() -> pa.Table:
    """By source of the world: the source whose orders its documents name."""
    mappings = [mapping for mapping in load_mappings(SHIPPED) if mapping.path.startswith(WORLD_MAPPINGS)]
    owners = mapping_reader.owners_of_orders(mappings)
    return pa.table({"source_id": list(owners), "orders_of": list(owners.values())})


def _has_rows(con: duckdb.DuckDBPyConnection, contract: Contract) -> bool:
    return bool(con.execute(f"select 1 from stg_{contract.feed} limit 1").fetchall())


# The keys by which the truth knows a record, those that have several versions, and the files that are damaged copies.
_NAMED = """
create table named as
select feed, key_before as key from truth
union
select feed, key_after from truth
union
select scored_feed, scored_key from truth
union
select feed, record_key from stg_superseded
union
select feed, record_key from stg_reference_superseded;
-- Whose order is in quarantine waits because of the order, and is none to be noticed itself.
create table awaiting as
select feed, document_key from unlinked_documents
where awaited_order_key not in (select record_key from quarantine where feed = 'orders' and record_key is not null);
create table damaged as select distinct key_after as file from truth where feed = '';
"""


def _is_marked(contract: Contract) -> str:
    return (
        f"(repairs <> '' or tags <> '' or {_is_waiting(contract)} "
        f"or {contract.key_column} in (select key from named where feed = {literal(contract.feed)}) "
        "or _member(_file) in (select file from damaged))"
    ).replace("_member(_file)", "split_part(_file, '!', 1)")


def _is_waiting(contract: Contract) -> str:
    if not contract.waits or contract.document != contract.key:
        return "false"
    return f"{contract.key_column} in (select document_key from awaiting where feed = {literal(contract.feed)})"


def _marked(contract: Contract) -> str:
    feed = literal(contract.feed)
    return f"""
        select {feed} as feed, source_id, {contract.key_column} as key, _file as file,
            cast(0 as bigint) as version, _content_hash as content,
            case
                when {_is_waiting(contract)} then 'waiting' when repairs <> '' then 'repaired' else 'accepted'
            end as state,
            '' as rules, repairs, tags
        from stg_{contract.feed}
        where {_is_marked(contract)} and source_id in (select source_id from owners)
    """


def _counted(contract: Contract) -> str:
    feed = literal(contract.feed)
    return f"""
        select {feed} as feed, count(*) as records
        from stg_{contract.feed}
        where not {_is_marked(contract)} and source_id in (select source_id from owners)
    """


def _lost_key(contract: Contract) -> str:
    """SQL of the key of a quarantined row that has none, from those of its key fields that it kept."""
    parts = [f"coalesce(payload ->> '$.{name}', '')" for name in contract.key]
    text = " || '|' || ".join(parts)
    all_lost = " and ".join(f"{part} = ''" for part in parts)
    made = surrogate(literal(contract.feed), "source_id", f"({text})")
    return f"when feed = {literal(contract.feed)} then case when {all_lost} then '' else {made} end"


def _quarantined(table: str) -> str:
    keys = " ".join(_lost_key(contract) for contract in contracts().values())
    return f"""
        select feed, source_id, coalesce(record_key, case {keys} end, '') as key, _file as file,
            cast(0 as bigint) as version, _content_hash as content, 'quarantined' as state, rule_ids as rules,
            '' as repairs, '' as tags
        from {table}
        where coalesce(market, '') not in (select market from left_out)
            and source_id in (select source_id from owners)
    """


def _superseded(table: str) -> str:
    followers = ", ".join(literal(feed) for feed, contract in contracts().items() if contract.follows)
    return f"""
        select feed, source_id, coalesce(record_key, '') as key, _file as file,
            cast(0 as bigint) as version, _content_hash as content, 'superseded' as state,
            case when rule_id = 'row.deleted' and feed in ({followers}) then {literal(HEADER_DELETED)} else rule_id end
                as rules, '' as repairs, '' as tags
        from {table}
        where coalesce(market, '') not in (select market from left_out)
            and source_id in (select source_id from owners)
    """


_OTHERS = (
    _quarantined("quarantine"),
    _quarantined("reference_quarantine"),
    _superseded("stg_superseded"),
    _superseded("stg_reference_superseded"),
)
# Staging keeps no version numbers: a superseded row that says other things than the survivor is an older version of it.
_JUDGED = """
with

survivors as (

    select feed, key, any_value(content) as survivor
    from marked
    where state in ('accepted', 'repaired', 'waiting') or rules = 'row.header_deleted'
    group by feed, key

)

select marked.feed, source_id, marked.key, split_part(file, '!', 1) as file,
    case when state = 'superseded' and survivor <> content then -1 else version end as version, state, rules,
    coalesce(repairs, '') as repairs, coalesce(tags, '') as tags
from marked
left join survivors on marked.feed = survivors.feed and marked.key = survivors.key
"""
_NOTHING = "select '' as feed, 0 as records where false"
_NO_VALUES = "select '' as feed, '' as source_id, '' as key, '' as field, '' as value where false"
# A refusal says its rule first: `rule: words`.
_FILES = """
select distinct file, status, split_part(coalesce(reason, ''), ':', 1) as rule from arrived_files
"""


def _values(con: duckdb.DuckDBPyConnection, truth: pa.Table, feeds: list[Contract]) -> Iterator[str]:
    """Queries for the values that repaired fields ended with; personal fields stay away."""
    con.register("wanted_truth", truth)
    rows = con.execute(
        "select distinct feed, field from wanted_truth where treatment = 'repaired' and role = 'main' order by all"
    ).fetchall()
    repaired: Mapping[str, list[str]] = {
        contract.feed: [field for feed, field in rows if feed == contract.feed] for contract in feeds
    }
    for contract in feeds:
        columns = con.sql(f"select * from stg_{contract.feed}").columns
        for field in repaired[contract.feed]:
            if field not in columns or contract.field(field).is_personal:
                continue
            yield f"""
                select {literal(contract.feed)} as feed, source_id, {contract.key_column} as key,
                    {literal(field)} as field, cast({field} as varchar) as value
                from stg_{contract.feed}
                where {contract.key_column} in (
                    select key_after from truth where feed = {literal(contract.feed)} and treatment = 'repaired'
                )
            """
