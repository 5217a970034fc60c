"""Replay rows: which quarantined rows a replay reads again, and which of them are now read otherwise.

The unit is the source's row: when one of the records that it gave to a feed is told anew, all of them are, so that a
raw row is named by feed, file, row and batch alone.

Belongs here: the table `chosen_rows` and what is asked of it. Does not: the order of the steps (see `replay.py`).
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from orchestration.arrivals import shelves
from orchestration.arrivals.contracts import Contract, contracts
from orchestration.arrivals.known import Known
from orchestration.arrivals.raw_rows import collected
from orchestration.arrivals.sql_text import literal, literals
from orchestration.lake import FileRecord, Lake, Touch
from orchestration.markets import PSEUDO_MARKET
from orchestration.settings import Settings

REPLAY_ENDING = re.compile(r"@replay\d+(-\d+)?$")
QUARANTINES = ("quarantine", "reference_quarantine")
# What a record says about itself; a replayed row that says the same is no news.
SAYS = "[_content_hash, _record_key, _document_key, _order_key, cast(_version as varchar), _event_at, _repairs]"


@dataclass(frozen=True)
class Selection:
    """Which quarantined rows: those that broke a rule, have a key or came in a file; `feeds` narrows them."""

    rule_ids: tuple[str, ...] = ()
    quarantine_keys: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    feeds: tuple[str, ...] = ()

    def condition(self) -> str:
        """SQL over the published quarantine. Raises ValueError when nothing is named, or a feed that is none."""
        if not (self.rule_ids or self.quarantine_keys or self.files):
            raise ValueError("name rules, quarantine keys or files: a replay of everything is never meant")
        if unknown := sorted(set(self.feeds) - set(contracts())):
            raise ValueError(f"there is no feed {', '.join(unknown)}")
        either = []
        if self.rule_ids:
            either.append(f"list_has_any(string_split(rule_ids, ';'), [{literals(self.rule_ids)}])")
        if self.quarantine_keys:
            either.append(f"quarantine_key in ({literals(self.quarantine_keys)})")
        either += [f"_file = {literal(name)} or starts_with(_file, {literal(name + '!')})" for name in self.files]
        narrowed = f" and feed in ({literals(self.feeds)})" if self.feeds else ""
        return f"({' or '.join(either)}){narrowed}"


@dataclass(frozen=True)
class Delivery:
    """A delivered file that holds chosen rows: its name and landed copy, and the name under which it is told anew."""

    name: str
    new_name: str
    new_sha256: str
    path: Path | None


def choose(con: duckdb.DuckDBPyConnection, lake: Lake, selection: Selection) -> int:
    """Fill `chosen_rows` with the quarantined source rows, without those that were told anew; how many there are."""
    # Arrivals need no dbt manifest; only a replay asks what was published.
    from orchestration.modeling.manifest import published_models

    condition = selection.condition()
    pins, parts = lake.pins(), []
    for name in QUARANTINES:
        spec = published_models()[name].spec
        pin = pins.get(spec.name)
        rows = lake.relation_sql(spec, lake.data_files(pin.table, pin.snapshot_id) if pin else [])
        place = "market, month" if {"market", "month"} <= {c.name for c in spec.columns} else "null, null"
        parts.append(f"select feed, _file, _row, _batch_id, {place} from {rows} where {condition}")
    con.execute(
        f"""
        create or replace temp table chosen_rows as
        select distinct q.feed, q._file, q._row, q._batch_id as of_batch_id, coalesce(q.market, '') as market,
            coalesce(q.month, '') as month, cast(null as varchar) as delivered, cast(null as varchar) as new_file,
            false as is_replaced
        from ({" union all ".join(parts)}) as q(feed, _file, _row, _batch_id, market, month)
        anti join replaced_rows as d
            on d.feed = q.feed and d._file = q._file and d._row = q._row and d.of_batch_id = q._batch_id
        """
    )
    return count(con, "true")


def count(con: duckdb.DuckDBPyConnection, condition: str) -> int:
    """How many chosen rows satisfy a condition."""
    return int(con.execute(f"select count(*) from chosen_rows where {condition}").fetchall()[0][0])


def deliveries(con: duckdb.DuckDBPyConnection, lake: Lake, settings: Settings, batch_id: int) -> Sequence[Delivery]:
    """The delivered files of the chosen rows, each once, and beside each row the file name of its new telling."""
    arrived = [(batch, record) for batch, record in lake.arrived_files() if record.status == "loaded"]
    found: dict[str, Delivery] = {}
    labels = con.execute("select distinct _file, of_batch_id from chosen_rows order by all").fetchall()
    for label, batch in labels:
        record = next(
            one for at, one in arrived if at == batch and (label == one.name or label.startswith(f"{one.name}!"))
        )
        original = _original(record, [one for _, one in arrived])
        if original.sha256 not in found:
            ending = f"@replay{batch_id}"
            if any(other.name == original.name for other in found.values()):
                ending += f"-{len(found) + 1}"
            found[original.sha256] = Delivery(
                name=original.name,
                new_name=original.name + ending,
                new_sha256=_derived(original.sha256, ending),
                path=shelves.landed(settings, original.name, original.sha256),
            )
        new = found[original.sha256].new_name
        con.execute(
            "update chosen_rows set delivered = ?, new_file = ? where _file = ? and of_batch_id = ?",
            [new, new + label[len(record.name) :], label, batch],
        )
    return list(found.values())


def _original(record: FileRecord, arrived: Iterable[FileRecord]) -> FileRecord:
    """The delivered file of which a record of an earlier replay tells a part; any other record itself."""
    ending = REPLAY_ENDING.search(record.name)
    if ending is None:
        return record
    name = record.name[: ending.start()]
    for other in arrived:
        if other.name == name and _derived(other.sha256, ending.group()) == record.sha256:
            return other
    return record


def _derived(sha256: str, ending: str) -> str:
    """The content's name of a part that is told anew: the ledger takes every content once."""
    return hashlib.sha256(f"{sha256}{ending}".encode()).hexdigest()


def forget(con: duckdb.DuckDBPyConnection, delivery: Delivery) -> None:
    """Leave out the rows of a delivery that cannot be read again."""
    con.execute("delete from chosen_rows where delivered = ?", [delivery.new_name])


def keep_what_changed(con: duckdb.DuckDBPyConnection, known: Known) -> None:
    """Drop what was collected beside the chosen rows or is read as before; mark the rows that are told anew."""
    for contract in contracts().values():
        _mark_changed(con, known, contract)
        table, feed = collected(contract.feed), literal(contract.feed)
        con.execute(
            f"""
            delete from {table} where not exists (
                select 1 from chosen_rows as c
                where c.is_replaced and c.feed = {feed} and c.new_file = {table}._file and c._row = {table}._row
            )
            """
        )
        con.execute(
            f"delete from links where feed = {feed} and document_key not in "
            f"(select _document_key from {table} where _document_key is not null)"
        )
    con.execute("insert into replaced_rows select feed, _file, _row, of_batch_id from chosen_rows where is_replaced")


def _mark_changed(con: duckdb.DuckDBPyConnection, known: Known, contract: Contract) -> None:
    feed = literal(contract.feed)
    # A header whose country is a market by now moves, though its words are the same.
    moves = f"any_value(c.market) = '{PSEUDO_MARKET}' and bool_or(r._own_market <> '{PSEUDO_MARKET}')"
    con.execute(
        f"""
        update chosen_rows set is_replaced = true
        from (
            select new._file, new._row, new.of_batch_id
            from (
                select c._file, c._row, c.of_batch_id, list_sort(list({_says("r")})) as says,
                    {moves if contract.is_header else "false"} as moves
                from chosen_rows as c
                join {collected(contract.feed)} as r on r._file = c.new_file and r._row = c._row
                where c.feed = {feed}
                group by c._file, c._row, c.of_batch_id
            ) as new
            left join (
                select r._file, r._row, r._batch_id, list_sort(list({_says("r")})) as says
                from {known.all_rows(contract)} as r
                semi join (select * from chosen_rows where feed = {feed}) as c
                    on c._file = r._file and c._row = r._row and c.of_batch_id = r._batch_id
                group by r._file, r._row, r._batch_id
            ) as old on old._file = new._file and old._row = new._row and old._batch_id = new.of_batch_id
            where new.moves or new.says is distinct from old.says
        ) as changed
        where chosen_rows.feed = {feed} and chosen_rows._file = changed._file
            and chosen_rows._row = changed._row and chosen_rows.of_batch_id = changed.of_batch_id
        """
    )


def _says(alias: str) -> str:
    return re.sub(r"\b_", f"{alias}._", SAYS)


def rows_by_feed(
    con: duckdb.DuckDBPyConnection, feeds: Iterable[str], first_member: int, last_member: int
) -> Mapping[str, int]:
    """How many rows of these members are left, by feed; feeds without any are left out."""
    found = {}
    for feed in feeds:
        query = f"select count(*) from {collected(feed)} where _file_no between {first_member} and {last_member}"
        if rows := int(con.execute(query).fetchall()[0][0]):
            found[feed] = rows
    return found


def touches(con: duckdb.DuckDBPyConnection) -> Sequence[Touch]:
    """The places of the chosen rows: whether told anew or not, they are judged again."""
    rows = con.execute(
        """
        select distinct 'staging', feed, market, month, 'replayed' from chosen_rows
        union
        select distinct 'marts', '', market, month, 'replayed' from chosen_rows where market <> ''
        """
    ).fetchall()
    return [Touch(*row) for row in rows]


def relation(con: duckdb.DuckDBPyConnection, reason: str) -> str:
    """The view of rows for `raw.replays`."""
    con.execute(
        f"""
        create or replace temp view arriving_replays as
        select feed, _file, _row, of_batch_id, is_replaced,
            case when is_replaced then new_file || '#' || cast(_row as varchar) end as replayed_as,
            {literal(reason)} as reason
        from chosen_rows
        """
    )
    return "arriving_replays"
