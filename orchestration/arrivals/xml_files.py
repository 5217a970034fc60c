"""XML: the messages of a file, or of an archive with thousands of them, become one frame of their records.

Belongs here: chunks of messages, the processes that parse them, and the frame. Does not: what is in a message (see
`xml_messages.py`).
"""

import multiprocessing
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

import duckdb

from orchestration.arrivals.frames import RELATION, Frame
from orchestration.arrivals.mapping import Format
from orchestration.arrivals.refusal import Refusal
from orchestration.arrivals.sql_text import literal
from orchestration.arrivals.unpacking import Limits, Member, entries
from orchestration.arrivals.xml_messages import MAX_MESSAGE_BYTES, MAX_ROW_BYTES, Message, Rows, Shape, parse

CHUNK_MESSAGES = 256
CHUNK_BYTES = 1 << 20
# Below both, starting two processes takes longer than they save (measured with archives of 5,000 messages).
PARALLEL_MESSAGES = 8_000
PARALLEL_BYTES = 24 << 20


def read(
    con: duckdb.DuckDBPyConnection, member: Member, form: Format, folder: Path, limits: Limits, workers: int
) -> Frame:
    """The records of a member's messages, in their order; raises Refusal when one message is broken."""
    if not form.records:
        raise Refusal("file.unreadable", f"{member.label}: it is XML, and its mapping names no `record` of it")
    shape = Shape.of(form.records, form.arrays)
    path = folder / "messages.ndjson"
    keys: set[str] = set()
    rows = size = 0
    with path.open("wb") as output:
        for part in _parsed(member, shape, limits, workers):
            size += len(part.lines)
            if size > limits.max_expanded_bytes:
                problem = f"its rows are more than {limits.max_expanded_bytes:,} bytes"
                raise Refusal("file.oversized", f"{member.label}: {problem}")
            output.write(part.lines)
            keys |= part.keys
            rows += part.count
    con.execute(
        f"create temp table {RELATION} as select row_number() over () as _row, json as j "
        f"from read_ndjson_objects({literal(str(path))}, maximum_object_size={MAX_ROW_BYTES})"
    )
    path.unlink()
    return Frame("json", tuple(sorted(keys)), rows)


@dataclass(frozen=True)
class _Chunk:
    """Some messages, and why there is none after them, when the archive itself is broken there."""

    messages: list[Message]
    refusal: Refusal | None = None


def _parsed(member: Member, shape: Shape, limits: Limits, workers: int) -> Iterator[Rows]:
    is_large = len(member.entries) > PARALLEL_MESSAGES or member.stated_bytes > PARALLEL_BYTES
    if workers > 1 and is_large and len(member.entries) > 1:
        yield from _in_parallel(member, shape, limits, workers)
        return
    for chunk in _chunks(member, limits):
        yield parse(chunk.messages, shape)
        if chunk.refusal is not None:
            raise chunk.refusal


def _in_parallel(member: Member, shape: Shape, limits: Limits, workers: int) -> Iterator[Rows]:
    """What the serial way gives, in the same order, and the same refusal."""
    # A fork would copy the locks of DuckDB's threads in whatever state they are, and a fork server would stay behind
    # for as long as the run lives to save a tenth of a second.
    context = multiprocessing.get_context("spawn")
    pending: deque[tuple[Future[Rows], _Chunk]] = deque()
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        try:
            for chunk in _chunks(member, limits):
                pending.append((pool.submit(parse, chunk.messages, shape), chunk))
                # So many wait at most, so that memory holds a few chunks and not the archive.
                if len(pending) > 2 * workers:
                    yield _result(pending)
            while pending:
                yield _result(pending)
        except BrokenProcessPool:
            # One file must not stop all arrivals for good, and a process that dies has most likely met its file.
            raise Refusal("file.unreadable", f"{member.label}: a process that parsed it died") from None
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _result(pending: deque[tuple[Future[Rows], _Chunk]]) -> Rows:
    future, chunk = pending.popleft()
    rows = future.result()
    if chunk.refusal is not None:
        raise chunk.refusal
    return rows


def _chunks(member: Member, limits: Limits) -> Iterator[_Chunk]:
    messages: list[Message] = []
    size = 0
    try:
        for name, label, content in _contents(member, limits):
            messages.append(Message(name, label, content))
            size += len(content)
            if len(messages) == CHUNK_MESSAGES or size >= CHUNK_BYTES:
                yield _Chunk(messages)
                messages, size = [], 0
    except Refusal as refusal:
        yield _Chunk(messages, refusal)
        return
    if messages:
        yield _Chunk(messages)


def _contents(member: Member, limits: Limits) -> Iterator[tuple[str, str, bytes]]:
    if member.entries:
        yield from entries(member, limits, MAX_MESSAGE_BYTES)
        return
    size = member.path.stat().st_size
    if size > MAX_MESSAGE_BYTES:
        problem = f"is a message of {size:,} bytes, the limit is {MAX_MESSAGE_BYTES:,}"
        raise Refusal("file.oversized", f"{member.label} {problem}")
    yield member.name, member.label, member.path.read_bytes()
