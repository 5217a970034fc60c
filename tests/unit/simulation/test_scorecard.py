"""The scorecard's parts that need no lake: keys on both sides, suspicion in small tables, the table and its picture."""

import struct
from hashlib import sha256

import duckdb
import pyarrow as pa
import pytest

from orchestration.simulation import suspicions
from orchestration.simulation.defects.catalogue import defect
from orchestration.simulation.defects.inject import truth_table
from orchestration.simulation.defects.scoring import JUDGED_SCHEMA, Outcomes, score
from orchestration.simulation.defects.suspicion import SUSPICION_SCHEMA
from orchestration.simulation.outcomes import keyed_truth, owners_of_orders
from orchestration.simulation.scorecard import as_tables, misses_in_words
from orchestration.simulation.scorecard_plot import scorecard_plot
from tests.unit.simulation.test_defects_scoring import truth_row


def key_of(*parts: str) -> str:
    return sha256("|".join(parts).encode()).hexdigest()[:32]


def test_truth_is_keyed_as_staging_is() -> None:
    rows = [
        truth_row("currency_alias", "PY1", source="paygate"),
        truth_row("missing_payment", "PY2", source="paygate", scored=("orders", "OS-1")),
        truth_row("rate_missing", "WORLD|2024-01-09|SEK", source="worldfx"),
        truth_row("truncated_file", "x_cut.csv", source="paygate", feed=""),
        truth_row("key_missing", "", source="paygate"),
    ]
    found = keyed_truth(truth_table(rows, "GB-2024-01")).to_pylist()
    assert [(row["key_after"], row["scored_key"]) for row in found] == [
        (key_of("paygate", "PY1"), key_of("paygate", "PY1")),
        # A payment of the payment firm is for an order of the hub.
        (key_of("paygate", "PY2"), key_of("hub", "OS-1")),
        # A rate is its provider's, whoever delivers it.
        (key_of("WORLD", "2024-01-09", "SEK"), key_of("WORLD", "2024-01-09", "SEK")),
        ("x_cut.csv", "x_cut.csv"),
        ("", ""),
    ]
    assert [row["scored_key_text"] for row in found][:2] == ["PY1", "OS-1"]


def ranked(query: str, tables: dict[str, str]) -> list[str]:
    """The keys that score above nothing, the most suspicious first."""
    with duckdb.connect() as con:
        con.register("owners", owners_of_orders())
        for name, rows in tables.items():
            con.execute(f"create table {name} as {rows}")
        found = con.sql(f"select key, score from ({query}) where score > 0 order by score desc, key").fetchall()
    return [key for key, _ in found]


def test_a_step_that_every_other_parcel_tells_is_missed() -> None:
    events = """
        select 's' || n as shipment_key, unnest(['handed_over', 'export_cleared', 'departed', 'arrived', 'delivered'])
            as event_code from range(20) as parcels (n)
    """
    lost = f"select * from ({events}) where not (shipment_key = 's7' and event_code = 'departed')"
    shipments = (
        "select 'c' as source_id, 's' || n as shipment_key, 'X' as carrier_code, 'GB' as market from range(20) t(n)"
    )
    tables = {"stg_shipments": shipments, "stg_tracking_events": lost}
    assert ranked(suspicions._MISSING_EVENT, tables)[0] == "s7"
    # A parcel on its way has not lost what is still to come.
    on_its_way = f"select * from ({events}) where not (shipment_key = 's7' and event_code in ('arrived', 'delivered'))"
    assert ranked(suspicions._MISSING_EVENT, {**tables, "stg_tracking_events": on_its_way}) == []


def test_an_order_that_was_sent_and_settled_without_payment_is_the_most_suspicious() -> None:
    tables = {
        "stg_orders": "select 'hub' as source_id, unnest(['sent', 'new', 'paid', 'unread']) as order_key",
        "stg_payments": "select 'paid' as order_key, 'payment' as payment_type",
        "stg_shipments": "select unnest(['sent', 'paid']) as order_key",
        "stg_settlements": "select 'sent' as order_key, 'gross' as leg_type",
        # A payment that waits in quarantine was not lost.
        "quarantine": """select 'payments' as feed, 'paygate' as source_id,
            '{"payment_type": "payment", "order_no": "OS-9"}' as payload""",
    }
    unread = key_of("hub", "OS-9")
    tables["stg_orders"] = tables["stg_orders"].replace("unread", unread)
    assert ranked(suspicions._MISSING_PAYMENT, tables) == ["sent", "new"]


def test_the_less_known_of_two_numbers_on_one_device_and_telephone_is_the_second() -> None:
    tables = {
        "stg_orders": """
            select 'hub' as source_id, 'GB' as market, session_id, order_key, customer_key, device_key,
                phone as consignee_phone_key, null::varchar as buyer_id_no_key,
                timestamp '2024-01-01' + interval 1 day * n as ordered_at
            from (values (1, 'o1', 'anna', 'd1', 't1', 'v1'), (2, 'o2', 'anna', 'd1', 't1', 'v2'),
                (3, 'o3', 'anna2', 'd1', 't1', 'v3'), (4, 'o4', 'ben', 'd2', 't2', 'v4'))
                as given (n, order_key, customer_key, device_key, phone, session_id)
        """,
        "stg_customers": """select 'hub' as source_id, 'GB' as market, 'anna' as customer_key, 'd1' as device_key,
            't1' as phone_key, date '2024-01-01' as valid_from""",
        "stg_sessions": """select 'analytics' as source_id, 'GB' as market, 'v3' as session_id, 'anna' as customer_key,
            'd1' as device_key, timestamp '2024-01-04' as started_at""",
    }
    assert ranked(suspicions._SPLIT_PERSON, tables)[0] == "o3"
    assert "o4" not in ranked(suspicions._SPLIT_PERSON, tables)


def test_the_scorecard_in_tables_words_and_a_picture() -> None:
    truth = truth_table([truth_row("exact_duplicate", "p1"), truth_row("undervalued", "l1", scored=None)], "GB-2024-01")
    seen = {"feed": "payments", "source_id": "s", "key": "p1", "file": "f", "version": 0, "state": "accepted"}
    suspicion = [("undervalued", "declaration_lines", "s", f"l{n}", float(n == 1), float(n)) for n in range(1, 9)]
    outcomes = Outcomes(
        pa.Table.from_pylist([seen], JUDGED_SCHEMA),
        suspicion=pa.Table.from_pylist([dict(zip(SUSPICION_SCHEMA.names, row, strict=True)) for row in suspicion]),
        plain=pa.table({"feed": ["payments"], "records": [999]}),
    )
    found = as_tables(score(truth, outcomes))
    rows = {row["defect_id"]: row for row in found.tables["cleaning_scorecard"].to_pylist()}
    assert (rows["exact_duplicate"]["injected"], rows["exact_duplicate"]["caught"]) == (1, 0)
    assert rows["exact_duplicate"]["words"] == defect("exact_duplicate").words
    assert (rows["undervalued"]["recall"], rows["undervalued"]["naive_recall"]) == (1.0, 0.0)
    feed = next(row for row in found.tables["cleaning_by_feed"].to_pylist() if row["feed"] == "payments")
    assert (feed["records"], feed["dirty"]) == (1000, 1)
    assert found.metrics["certain_recall"] == 0.0
    assert "| exact_duplicate | payments | judged accepted without any rule | 1 |" in misses_in_words(found)
    picture = scorecard_plot(found.tables["cleaning_scorecard"])
    assert picture is not None
    assert struct.unpack(">I", picture[16:20])[0] == 900


@pytest.mark.parametrize("arguments", [["defect", "hs_leading_zeros"], ["make", "--only", "nothing"]])
def test_a_defect_that_there_is_not_is_refused_by_name(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    from orchestration.simulation.__main__ import main

    assert main(arguments) == 1
    assert "there is no defect" in capsys.readouterr().err
