"""The private database of one run: views over the lake for what it reads, tables for what it builds.

Belongs here: the run's DuckDB file, its views, the markets that leave the run. Does not: SQL models (see dbt_project/).
Nobody else opens the file; a run that is killed leaves only it, and a retry of the same root run finds it.
"""

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path
from time import time

import duckdb

from orchestration.arrivals.mapping import SourceMapping
from orchestration.arrivals.mapping_reader import (
    SHIPPED,
    feeds_of_orders,
    load_mappings,
    owners_of_ids,
    owners_of_orders,
)
from orchestration.lake import PUBLISHED, REPLAYS, Lake, Pin, Place
from orchestration.markets import Markets
from orchestration.modeling.contract_book import rule_book
from orchestration.modeling.manifest import PublishedModel
from orchestration.runs.documents import DocumentIndex
from orchestration.runs.feeds import market_feeds, raw_table, reference_feeds
from orchestration.runs.plan import RunPlan
from orchestration.settings import LIGHT_COMPRESSION, Settings

SCHEMAS = (
    *("raw", "plan", "published", "staging", "intermediate", "marts", "seeds"),
    *("forecasting", "customers", "marketing"),
)
# The gates before the publication of the tables. What follows it has gates of its own, which do not bind each other.
TABLE_GATES = ("staging_gate", "ledger_gate")


@dataclass(frozen=True)
class HeldMarket:
    """A market that left the run, at which gate and why."""

    market: str
    gate: str
    reason: str


class RunDatabase:
    """The DuckDB file of one root run. Every method opens it, works and closes it again: dbt needs it in between."""

    def __init__(self, settings: Settings, root_run_id: str) -> None:
        self._settings = settings
        self.path = settings.runs / f"{root_run_id}.duckdb"

    @property
    def threads(self) -> int:
        """How many cores a run may use."""
        return self._settings.duckdb_threads

    @property
    def exists(self) -> bool:
        """True once the run has been prepared."""
        return self.path.exists()

    @contextmanager
    def connect(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection whose database is called `run`, as in dbt."""
        con = duckdb.connect()
        try:
            con.execute(f"set memory_limit = '{self._settings.duckdb_memory}'")
            con.execute(f"set threads = {self._settings.duckdb_threads}")
            con.execute("set TimeZone = 'UTC'")
            con.execute(LIGHT_COMPRESSION)
            con.execute("attach '{}' as run".format(str(self.path).replace("'", "''")))
            con.execute("use run")
            yield con
        finally:
            con.close()

    def prepare(
        self,
        lake: Lake,
        plan: RunPlan,
        markets: Markets,
        models: Mapping[str, PublishedModel],
        built: Collection[str],
        index: DocumentIndex | None,
    ) -> None:
        """Create the file with the plan and every view that the models read.

        built: names of the models that the run will build; the other published models are views over the lake.
        The file appears under its name only when it is complete: a retry never finds half a plan.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        draft = RunDatabase(self._settings, f".{self.path.stem}.{os.getpid()}")
        draft.path.unlink(missing_ok=True)
        with draft.connect() as con:
            for schema in SCHEMAS:
                con.execute(f"create schema if not exists run.{schema}")
            _write_plan(con, plan, markets, index)
            mappings = load_mappings(SHIPPED, self._settings.sources)
            _write_delivered_feeds(con, mappings)
            _write_replayed(con, lake, plan)
            owners = {"_ids_of": owners_of_ids(mappings), "_orders_of": owners_of_orders(mappings)}
            for feed in reference_feeds() if plan.is_reference else (*market_feeds(), *reference_feeds()):
                rows = _raw_rows(con, lake, plan, feed)
                con.execute(f"create view raw.{feed} as {_judged_columns(con, feed, rows, owners)}")
            # Reference data have no rebuild of their own: a rebuild reads what is published, up to its moment.
            pins = {**lake.pins(PUBLISHED), **lake.pins(plan.namespace)} if plan.known_at else lake.pins(plan.namespace)
            for model in models.values():
                _published_view(con, lake, plan, pins, model, is_built=model.name in built)
        draft.path.rename(self.path)

    def plan(self) -> RunPlan:
        """The plan that was fixed when the run began."""
        with self.connect() as con:
            row = con.execute("select document from plan.saved").fetchone()
        if row is None:
            raise LookupError(f"{self.path.name}: the run's database holds no plan")
        return RunPlan.from_json(str(row[0]))

    def hold_back(
        self, held: Sequence[HeldMarket], models: Collection[PublishedModel], published_seq: Mapping[Place, int]
    ) -> None:
        """Take markets out of the run: their rows leave every published table but quarantine and balance.

        Rows of a market that a sibling gate has held back stay: gates after the tables do not bind each other.
        published_seq: for each place the raw state that its published staging was built from; what came later counts
        as pending again in the balance.
        """
        if not held:
            return
        with self.connect() as con:
            con.begin()
            con.executemany(
                "insert or ignore into plan.held_back values (?, ?, ?)",
                [(entry.market, entry.gate, entry.reason) for entry in held],
            )
            con.execute("delete from plan.mart_places where market in (select market from plan.held_back)")
            gates = sorted({*TABLE_GATES, *(entry.gate for entry in held)})
            rows = con.execute("select schema_name, table_name from duckdb_tables() where database_name = 'run'")
            tables = {(row[0], row[1]) for row in rows.fetchall()}
            for model in models:
                if model.name in KEPT_WHEN_HELD or (model.layer, model.name) not in tables:
                    continue
                if model.spec.partition != "none":
                    con.execute(
                        f"delete from {model.relation}"
                        " where market in (select market from plan.held_back where list_contains(?, gate))",
                        [gates],
                    )
            if ("marts", "row_balance") in tables:
                _return_to_pending(con, published_seq)
            con.commit()

    def held_back(self, gate: str | None = None) -> list[HeldMarket]:
        """The markets that left the run so far; with a `gate`, those that left at it or before the tables."""
        with self.connect() as con:
            rows = con.execute("select market, gate, reason from plan.held_back order by all").fetchall()
        found = [HeldMarket(*row) for row in rows]
        return [one for one in found if gate is None or one.gate in (gate, *TABLE_GATES)]

    def end(self, step: str, steps: Collection[str]) -> bool:
        """Note that one of these last steps is done; True, and the file is gone, when all of them are."""
        with self.connect() as con:
            con.execute("create table if not exists plan.ended (step varchar primary key)")
            con.execute("insert or ignore into plan.ended values (?)", [step])
            ended = {str(row[0]) for row in con.execute("select step from plan.ended").fetchall()}
        if not set(steps) <= ended:
            return False
        self.remove()
        return True

    def remove(self) -> None:
        """Delete the file: the run is over and published."""
        self.path.unlink(missing_ok=True)
        self.path.with_name(self.path.name + ".wal").unlink(missing_ok=True)


# Published in any case, so that the reason can be seen.
KEPT_WHEN_HELD = frozenset({"quarantine", "row_balance", "fct_row_invariant"})


def sweep_run_databases(settings: Settings, *, older_than_seconds: float, active: Collection[str] = ()) -> list[Path]:
    """Delete the files of runs that are over; returns them. `active`: root runs that may still be retried."""
    removed = []
    for path in sorted(settings.runs.glob("*.duckdb*")) if settings.runs.exists() else []:
        is_active = path.name.split(".duckdb")[0].strip(".") in active
        if not is_active and time() - path.stat().st_mtime > older_than_seconds:
            path.unlink(missing_ok=True)
            removed.append(path)
    return removed


def _write_plan(con: duckdb.DuckDBPyConnection, plan: RunPlan, markets: Markets, index: DocumentIndex | None) -> None:
    con.execute("create table plan.saved (document varchar)")
    con.execute("insert into plan.saved values (?)", [plan.to_json()])
    con.execute(
        "create table plan.held_back (market varchar, gate varchar, reason varchar, primary key (market, gate, reason))"
    )
    for name, places in (("staging_places", plan.staging_places), ("mart_places", plan.mart_places)):
        con.execute(f"create table plan.{name} (market varchar, month varchar)")
        if places:
            con.executemany(f"insert into plan.{name} values (?, ?)", [(place.market, place.month) for place in places])
    con.execute(
        "create table plan.rules (rule_id varchar, feed varchar, field varchar, severity varchar, treatment varchar,"
        " words varchar, source varchar)"
    )
    con.executemany("insert into plan.rules values (?, ?, ?, ?, ?, ?, ?)", [astuple(rule) for rule in rule_book()])
    # The pseudo-market has raw rows, quarantine and balance, but no ledger and no marts.
    con.execute("delete from plan.mart_places where market = 'ZZ'")
    con.execute(
        "create table plan.markets (code varchar, name varchar, currency_code varchar, time_zone varchar,"
        " world_region varchar, holiday_calendar varchar)"
    )
    con.executemany(
        "insert into plan.markets values (?, ?, ?, ?, ?, ?)",
        [
            (row.market, row.market_name, row.currency_code, row.time_zone, row.world_region, row.holiday_calendar)
            for row in markets.rows()
        ],
    )
    if index is not None:
        index.write_homes(con, "plan", plan.mart_places)


def _write_delivered_feeds(con: duckdb.DuckDBPyConnection, mappings: Sequence[SourceMapping]) -> None:
    """`plan.delivered_feeds`: which documents may come for the orders of a source; what never comes is not awaited."""
    con.execute("create table plan.delivered_feeds (source_id varchar, feed varchar, primary key (source_id, feed))")
    con.executemany("insert into plan.delivered_feeds values (?, ?)", list(feeds_of_orders(mappings)))


def _write_replayed(con: duckdb.DuckDBPyConnection, lake: Lake, plan: RunPlan) -> None:
    """`plan.replayed`: per raw row that was read again, how often, and as what it was told anew (null: in vain)."""
    files = lake.data_files(REPLAYS.name, plan.raw_snapshots.get("replays"))
    con.execute(
        f"""
        create table plan.replayed as
        select feed, _file, _row, of_batch_id as _batch_id,
            max(replayed_as) filter (where is_replaced) as replayed_by, count(*)::integer as replay_count
        from {lake.relation_sql(REPLAYS, files)}
        where _batch_id <= {plan.raw_seq}
        group by feed, _file, _row, of_batch_id
        """
    )


def _judged_columns(
    con: duckdb.DuckDBPyConnection, feed: str, rows: str, owners: Mapping[str, Mapping[str, str]]
) -> str:
    """Raw rows with what judging needs beside them: whose numbers a source uses, and what became of a row before.

    `_is_overdue`: the row's document has waited too long for its order; `_replayed_by`: the row was read again, and is
    told anew as this file and row; `_replay_count`: how often it was read again.
    """
    owned = ", ".join(f"{_owner(by_source)} as {column}" for column, by_source in owners.items())
    is_overdue, replayed_by, replay_count, joins = "false", "cast(null as varchar)", "0::integer", ""
    overdue = f"select document_key from plan.waiting_documents where is_overdue and feed = '{feed}'"
    if feed in market_feeds() and _has_rows(con, overdue):
        is_overdue = "overdue.document_key is not null"
        joins += f" left join ({overdue}) as overdue on raw._document_key = overdue.document_key"
    replayed = f"select * exclude (feed) from plan.replayed where feed = '{feed}'"
    if _has_rows(con, replayed):
        replayed_by, replay_count = "replayed.replayed_by", "coalesce(replayed.replay_count, 0)"
        joins += (
            f" left join ({replayed}) as replayed"
            f" on raw._file = replayed._file and raw._row = replayed._row and raw._batch_id = replayed._batch_id"
        )
    return (
        f"select raw.*, {owned}, {is_overdue} as _is_overdue, {replayed_by} as _replayed_by,"
        f" {replay_count} as _replay_count from ({rows}) as raw{joins}"
    )


def _owner(by_source: Mapping[str, str]) -> str:
    cases = "".join(
        f" when '{source}' then '{other}'" for source, other in sorted(by_source.items()) if source != other
    )
    return f"case _source_id{cases} else _source_id end" if cases else "_source_id"


def _has_rows(con: duckdb.DuckDBPyConnection, query: str) -> bool:
    return bool(con.execute(f"select 1 from ({query}) limit 1").fetchall())


def _raw_rows(con: duckdb.DuckDBPyConnection, lake: Lake, plan: RunPlan, feed: str) -> str:
    """SQL of the raw rows of a feed at the run's places: where they lie, or where a later document has placed them."""
    spec = raw_table(feed)
    snapshot = plan.raw_snapshots.get(feed)
    if feed in reference_feeds():
        files = lake.data_files(spec.name, snapshot)
        return f"select * from {lake.relation_sql(spec, files)}"
    moved_in, moved_at_all = con.execute(
        f"""
        select count(*) filter (where exists (
            select 1 from plan.staging_places s where s.market = placed.market and s.month = placed.month
        )), count(*)
        from plan.placed where feed = '{feed}'
        """
    ).fetchall()[0]
    markets = {place.market for place in plan.staging_places}
    files = lake.data_files(spec.name, snapshot, markets=None if moved_in else markets)
    relation = f"(select * from {lake.relation_sql(spec, files)} where _batch_id <= {plan.raw_seq})"
    if not moved_at_all:
        return f"""
            select raw.* from {relation} as raw
            inner join plan.staging_places as place on raw._market = place.market and raw._month = place.month
            """
    return f"""
        select raw.* replace (
            coalesce(placed.market, raw._market) as _market, coalesce(placed.month, raw._month) as _month
        )
        from {relation} as raw
        left join plan.placed as placed on placed.feed = '{feed}' and placed.document_key = raw._document_key
        inner join plan.staging_places as place
            on coalesce(placed.market, raw._market) = place.market and coalesce(placed.month, raw._month) = place.month
        """


def _published_view(
    con: duckdb.DuckDBPyConnection,
    lake: Lake,
    plan: RunPlan,
    pins: Mapping[str, Pin],
    model: PublishedModel,
    *,
    is_built: bool,
) -> None:
    """`published.<model>`: the published rows beside those that the run rebuilds; all of them where it builds none."""
    spec = model.spec
    pin = pins.get(spec.name)
    if plan.known_at is not None and spec.partition != "none" and pin is not None and pin.table == spec.name:
        # The same table as everybody sees it today: nothing that a rebuild of the past may read.
        pin = None
    table, snapshot = (pin.table, pin.snapshot_id) if pin else (spec.name, None)
    own = frozenset(plan.staging_places if model.layer == "staging" else plan.mart_places)
    own_markets = frozenset(place.market for place in own)
    if spec.partition == "none":
        files = lake.data_files(table, snapshot)
        mine = files
    elif spec.partition == "market":
        files = lake.data_files(table, snapshot, markets=own_markets)
        mine = files
    else:
        if model.layer == "staging":
            files = lake.data_files(table, snapshot, places=own | frozenset(plan.parent_places))
        else:
            files = lake.data_files(table, snapshot, markets=own_markets)
        mine = [file for file in files if file.place in own]
    others = sorted(set(files).difference(mine), key=lambda file: file.path)
    # What the run builds replaces its own places; of what it does not build, those stand under the model's own name.
    con.execute(f"create view published.{model.name} as select * from {lake.relation_sql(spec, others)}")
    if not is_built:
        known = ""
        if plan.known_at is not None and model.known_on is not None:
            known = f" where {model.known_on} <= date '{plan.known_at:%Y-%m-%d}'"
        con.execute(f"create view {model.layer}.{model.name} as select * from {lake.relation_sql(spec, mine)}{known}")


def _return_to_pending(con: duckdb.DuckDBPyConnection, published_seq: Mapping[Place, int]) -> None:
    con.execute("create or replace temp table published_seq (market varchar, month varchar, raw_seq bigint)")
    if published_seq:
        con.executemany(
            "insert into published_seq values (?, ?, ?)",
            [(place.market, place.month, seq) for place, seq in published_seq.items()],
        )
    con.execute(
        """
        create or replace temp table returned as
        select balance.* replace (
            case
                when balance.market in (select market from plan.held_back)
                    and balance.state <> 'quarantined'
                    and balance._batch_id > coalesce(seq.raw_seq, 0)
                then 'pending' else balance.state
            end as state
        )
        from marts.row_balance as balance
        left join published_seq as seq on balance.market = seq.market and balance.month = seq.month
        """
    )
    con.execute("delete from marts.row_balance")
    con.execute(
        """
        insert into marts.row_balance by name
        select feed, source_id, _file, _batch_id, market, month, state, sum(row_count)::bigint as row_count
        from returned group by all
        """
    )
