"""Known: what earlier batches left in the lake, as relations for one arrival's SQL.

Belongs here: the edges, placements and raw rows that placing and touching look into. Does not: deciding anything.
A raw row that a replay has told anew takes no part any more: what it said was a misreading.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import duckdb

from orchestration.arrivals.contracts import Contract
from orchestration.arrivals.sql_text import literal
from orchestration.lake import EDGES, PLACEMENTS, REPLAYS, Lake, raw_spec


@dataclass(frozen=True)
class Known:
    """The lake as of the newest batch; `near_edges` and `near_places` are tables once `look_near` has run.

    The table `replaced_rows` (feed, _file, _row, of_batch_id) names the raw rows that were told anew; a replay adds its
    own to it before it places them.
    """

    con: duckdb.DuckDBPyConnection
    lake: Lake
    snapshots: Mapping[str, int | None]

    @classmethod
    def now(cls, con: duckdb.DuckDBPyConnection, lake: Lake, feeds: Collection[str]) -> "Known":
        """The state that the next batch will follow; hold the arrivals lock from here to the append."""
        known = cls(con, lake, lake.raw_snapshots([*feeds, "edges", "placements", "replays"]))
        for spec, view in ((EDGES, "known_edges"), (PLACEMENTS, "known_placements")):
            files = lake.data_files(spec.name, known.snapshots[spec.name.removeprefix("raw.")])
            con.execute(f"create or replace temp view {view} as select * from {lake.relation_sql(spec, files)}")
        files = lake.data_files(REPLAYS.name, known.snapshots["replays"])
        con.execute(f"create or replace temp view known_replays as select * from {lake.relation_sql(REPLAYS, files)}")
        con.execute(
            "create or replace temp table replaced_rows as "
            "select distinct feed, _file, _row, of_batch_id from known_replays where is_replaced"
        )
        return known

    def raw(self, contract: Contract, markets: Collection[str] | None = None) -> str:
        """SQL of a feed's raw rows that no replay has told anew, of these markets only (None: all)."""
        rows = self.all_rows(contract, markets)
        replaced = f"select _file, _row, of_batch_id from replaced_rows where feed = {literal(contract.feed)}"
        if self.con.execute(f"{replaced} limit 1").fetchall() == []:
            return rows
        return (
            f"(select r.* from {rows} as r anti join ({replaced}) as d "
            f"on d._file = r._file and d._row = r._row and d.of_batch_id = r._batch_id)"
        )

    def all_rows(self, contract: Contract, markets: Collection[str] | None = None) -> str:
        """SQL of a feed's raw rows, those of misreadings among them."""
        spec = raw_spec(contract.feed, contract.field_names)
        files = self.lake.data_files(spec.name, self.snapshots[contract.feed], markets=markets)
        return self.lake.relation_sql(spec, files)

    def has_rows(self, contract: Contract) -> bool:
        """Whether a row of this feed has ever arrived."""
        return self.snapshots[contract.feed] is not None

    def look_near(self) -> None:
        """Fill `near_edges` and `near_places` for the keys in the table `wanted_keys`, and what they lead to.

        near_edges: edges from or to a wanted key. near_places: the place of each document at either end, as of now,
        and since when it is known (`since_at`).
        Two scans of a few columns: the second finds the places of documents that the first has only led to.
        """
        con = self.con
        con.execute(
            "create or replace temp table near_edges as select * from known_edges "
            "where from_key in (select key from wanted_keys) or to_key in (select key from wanted_keys)"
        )
        con.execute(
            "create or replace temp table near_keys as select from_key as key from near_edges "
            "union select to_key from near_edges union select key from wanted_keys"
        )
        con.execute(
            "create or replace temp table near_places as "
            "select feed, document_key, arg_max(market, _rank) as market, arg_max(month, _rank) as month, "
            "  min(since_at) as since_at from ("
            "  select from_feed as feed, from_key as document_key, from_market as market, from_month as month, "
            "    _batch_id * 2 as _rank, _loaded_at as since_at "
            "  from known_edges where from_key in (select key from near_keys) "
            # A placement of the same batch is the later word.
            "  union all select feed, document_key, market, month, _batch_id * 2 + 1, null from known_placements "
            "  where document_key in (select key from near_keys)"
            ") group by feed, document_key"
        )
