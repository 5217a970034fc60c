"""Audiences: who may be exported, that no cell is a formula, and that the log shows every change to it."""

import csv
import io
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from orchestration.marketing.audiences.audience import Audience, AudienceError, read_audience
from orchestration.marketing.audiences.files import content, digest, write_new
from orchestration.marketing.audiences.log import LogError, append, read_log
from tests.published_tables import Row, published

CONSENTING = 11


def _rows() -> dict[str, list[Row]]:
    said = {f"c{n:02}": [("2026-01-01", True, True)] for n in range(CONSENTING)} | {
        "never": [("2026-01-01", False, True)],
        "back": [("2026-01-01", True, True), ("2026-05-01", False, True)],
        "again": [("2026-01-01", False, True), ("2026-05-01", True, True)],
        "plain": [("2026-01-01", True, False)],
    }
    people = [*said, "unknown"]
    return {
        "customer_segment": [
            {"market": "GB", "source_id": "hub", "customer_key": one, "segment": "loyal", "as_of_on": "2026-09-01"}
            for one in people
        ] + [{"market": "GB", "source_id": "hub", "customer_key": "c01", "segment": "few"}],
        "recommendation": [
            {"market": "GB", "source_id": "hub", "customer_key": one, "rank": rank, "product_key": f"k{rank}",
             "product_id": f"P{rank}", "reason": "+1 for you", "made_on": "2026-09-01"}
            for one in (*people, "*") for rank in (1, 2)
        ],
        "dim_product": [{"market": "GB", "product_key": "k1", "product_name": "=HYPERLINK(1)"}],
        "stg_customers": [
            # The same key in another source is another person, who has agreed to everything.
            *({"source_id": "port", "customer_key": one, "valid_from": "2026-01-01", "has_marketing_consent": True,
               "has_profile_consent": True} for one in ("never", "unknown")),
            *({"source_id": "hub", "customer_key": one, "valid_from": day, "has_marketing_consent": may_write,
               "has_profile_consent": may_profile} for one, versions in said.items()
              for day, may_write, may_profile in versions),
        ],
    }  # fmt: skip


@pytest.fixture(scope="module")
def audiences() -> tuple[Audience, Audience]:
    """The loyal ones, and those with lists."""
    with published(_rows()) as con:
        for segment, words in (("few", "1 people"), ("lost", "segments are few, loyal")):
            with pytest.raises(AudienceError, match=words):
                read_audience(con, "GB", segment)
        return read_audience(con, "GB", "loyal"), read_audience(con, "GB", None)


def test_only_who_agreed_and_has_not_taken_it_back_is_exported(audiences):
    loyal, lists = audiences
    keys = set(loyal.rows.column("customer_key").to_pylist())
    assert keys == {*(f"c{n:02}" for n in range(CONSENTING)), "again"}
    assert loyal.people == len(keys) == loyal.rows.num_rows
    assert dict(loyal.left_out) == {"no_profile": 1, "opted_out": 1, "no_consent": 1, "no_profile_consent": 1}
    assert set(lists.rows.column("customer_key").to_pylist()) == {*keys, "plain"}, "a list needs no consent to profile"
    assert lists.rows.num_rows == 2 * lists.people


def test_no_cell_is_a_formula_and_both_forms_say_the_same(audiences, tmp_path):
    _, lists = audiences
    data = content(lists, "csv")
    cells = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))
    assert cells[0]["product_name"] == "'=HYPERLINK(1)"
    assert {row["reason"] for row in cells} == {"'+1 for you"}
    assert not any(cell.startswith(tuple("=+-@\t\r")) for row in cells for cell in row.values())
    path = tmp_path / "deep" / "list.parquet"
    write_new(path, content(lists, "parquet"))
    assert pq.read_table(path).num_rows == len(cells)
    with pytest.raises(AudienceError, match="exists already"):
        write_new(path, data)


def _log(path: Path, audience: Audience, purpose: str) -> str:
    data = content(audience, "csv")
    return append(path, audience, by="ana", purpose=purpose, form="csv", file=Path("a.csv"), sha256=digest(data)).hash


def test_the_log_keeps_who_was_exported_and_shows_every_change(audiences, tmp_path):
    path = tmp_path / "exports" / "log"
    hashes = [_log(path, audience, f"=mail {n}\n") for n, audience in enumerate((*audiences, audiences[0]))]
    entries = read_log(path)
    assert [entry.hash for entry in entries] == hashes
    assert [entry.people_count for entry in entries] == [12, 13, 12]
    assert "again" in entries[0].people
    assert entries[0].purpose == "=mail 0\n"
    lines = path.read_text().splitlines()
    for broken in (lines[1:], [lines[0], lines[2]], [lines[1], lines[0], lines[2]],
                   [lines[0].replace("ana", "bob"), *lines[1:]]):  # fmt: skip
        path.write_text("\n".join(broken) + "\n")
        with pytest.raises(LogError, match="line"):
            read_log(path)
        with pytest.raises(LogError):
            _log(path, audiences[0], "more")
    path.write_text(lines[0] + "\n" + lines[1][:-5] + "\n")
    with pytest.raises(LogError, match="line 2: no entry"):
        read_log(path)
