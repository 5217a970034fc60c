"""A trace over a small lake: what it finds, what it says of what it does not find, how a change is seen."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import duckdb
import pytest

from orchestration.lake import Lake, Place, PublishRequest
from orchestration.settings import Settings
from orchestration.sql import all_models
from orchestration.trace.answer import Answer, trace
from orchestration.trace.finding import number_hash
from orchestration.trace.installation import Home
from orchestration.trace.listing import keep_lists
from orchestration.trace.report import report
from orchestration.trace.shelf import Shelf, TraceError
from orchestration.trace.tree import tree

MODELS = {model.name: model for model in all_models()}
ORDER, OTHER, LINE = "0" * 31 + "1", "0" * 31 + "2", "0" * 31 + "3"
WAYBILL, PAYMENT, EVENT = "a" * 32, "b" * 32, "c" * 32
HERE = {"market": "DE", "month": "2026-02"}
LATER = {"market": "DE", "month": "2026-03"}

Fields = Mapping[str, object]


def tie(order_key: str, feed: str, key: str, number: str, **more: object) -> Fields:
    place = {"document_market": "DE", "document_month": "2026-02"}
    return {
        **HERE,
        "order_key": order_key,
        "feed": feed,
        "document_key": key,
        "document_key_hash": int(key[:15], 16),
        "document_no": number,
        "number_hash": number_hash(number),
        "tie_basis": "is_order" if feed == "orders" else "names_order",
        "document_at": "2026-02-03 10:00:00",
        "tie_hash": f"{feed}-1",
        "_file": f"{feed}.csv",
        "_row": 7,
        **place,
        **more,
    }


def order(key: str, number: str) -> Fields:
    return {
        **HERE,
        "order_key": key,
        "order_no": number,
        "seller_id": "S1",
        "channel": "shop",
        "currency_code": "EUR",
        "payable_amount": 12.5,
        "ordered_on": "2026-02-03",
    }


def rows_of(payment_hash: str) -> Mapping[str, list[Fields]]:
    """Two orders in one parcel; one is paid. A declaration waits for a third order, a payment is in quarantine."""
    return {
        "stg_orders": [order(ORDER, "A-1"), order(OTHER, "A-2")],
        "stg_order_lines": [
            {**HERE, "order_key": ORDER, "line_key": LINE, "line_no": "1", "quantity": 2, "_file": "l.csv", "_row": 3}
        ],
        "stg_payments": [
            {**HERE, "payment_key": PAYMENT, "payment_no": "P 9", "amount": 12.5, "paid_on": "2026-02-03"},
        ],
        # The parcel was sent in the next month, so it is stored there.
        "stg_shipments": [{**LATER, "shipment_key": WAYBILL, "waybill_no": "W5", "carrier_code": "POST"}],
        "stg_shipment_lines": [
            {**LATER, "shipment_key": WAYBILL, "shipment_line_key": "s1", "order_line_key": LINE, "line_no": "1"},
            {**LATER, "shipment_key": WAYBILL, "shipment_line_key": "s2", "order_line_key": "x", "line_no": "2"},
        ],
        "stg_tracking_events": [
            {**LATER, "shipment_key": WAYBILL, "event_key": EVENT, "event_code": "delivered", "_row": 1, "_file": "t"}
        ],
        "stg_declarations": [
            {
                **HERE,
                "declaration_key": "d" * 32,
                "declaration_no": "D7",
                "order_no": "A-3",
                "_file": "d.csv",
                "_row": 2,
            }
        ],
        "fct_trade_tie": [
            tie(ORDER, "orders", ORDER, "A-1"),
            tie(OTHER, "orders", OTHER, "A-2"),
            tie(ORDER, "payments", PAYMENT, "P 9", tie_hash=payment_hash),
            tie(ORDER, "shipments", WAYBILL, "W5", document_month="2026-03", document_at="2026-03-01 08:00:00"),
            tie(OTHER, "shipments", WAYBILL, "W5", document_month="2026-03"),
        ],
        "fct_document_number": [
            {
                **HERE,
                "order_key": ORDER,
                "feed": "declarations",
                "number_kind": "internal_no",
                "document_number": "COP1",
                "number_hash": number_hash("COP1"),
            }
        ],
        "fct_orders": [{**order(ORDER, "A-1"), "line_count": 1}, {**order(OTHER, "A-2"), "line_count": 1}],
        "fct_order_lines": [
            {
                **HERE,
                "order_key": ORDER,
                "line_key": LINE,
                "product_key": "p1",
                "product_id": "SKU1",
                "source_id": "hub",
                "customer_key": "person",
                "ordered_on": "2026-02-03",
            }
        ],
        "fct_daily_demand": [
            {**HERE, "product_key": "p1", "product_id": "SKU1", "sold_on": "2026-02-03", "sold_qty": 40},
            {**HERE, "product_key": "p1", "product_id": "SKU1", "sold_on": "2026-02-04", "sold_qty": 41},
        ],
        "dim_customer": [{"market": "DE", "source_id": "hub", "customer_key": "person", "order_count": 4}],
        "unlinked_documents": [
            {**HERE, "feed": "declarations", "document_key": "d" * 32, "awaited_order_key": "e" * 32}
        ],
        "quarantine": [
            {
                **HERE,
                "quarantine_key": "q",
                "feed": "payments",
                "record_key": "pay|P66",
                "rule_id": "payments.amount_missing",
                "reason": "There is no amount.",
                "payload": '{"payment_no": "P66"}',
                "_file": "p.csv",
                "_row": 9,
            }
        ],
    }


def publish(lake: Lake, run_id: str, tables: Mapping[str, list[Fields]]) -> None:
    staged = []
    with duckdb.connect() as con:
        for name, rows in tables.items():
            spec = MODELS[name].spec
            selects = [
                "select "
                + ", ".join(
                    f"{_literal(row.get(column.name))}::{column.type} as {column.name}" for column in spec.columns
                )
                for row in rows
            ]
            con.execute(f"create table {name} as {' union all '.join(selects)}")
            one = lake.stage(con, name, spec, run_id)
            staged.append((one, one.places or {Place("DE", "2026-02")}))
    lake.publish(PublishRequest(run_id=run_id, raw_seq=1, staged=staged))


def _literal(value: object) -> str:
    return "null" if value is None else "'" + str(value).replace("'", "''") + "'"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    settings = Settings(home=tmp_path_factory.mktemp("traced"), catalog_uri="")
    lake = Lake(settings)
    publish(lake, "first", rows_of("payments-0"))
    publish(lake, "second", {"fct_trade_tie": list(rows_of("payments-1")["fct_trade_tie"])})
    return Home.from_settings(settings)


def asked(home: Home, number: str, **more: str) -> Answer:
    return trace(Shelf(home), number, **more)


@pytest.mark.parametrize("number", ["A-1", " p9 ", "cop1", PAYMENT, LINE, ORDER])
def test_any_number_or_key_leads_to_the_order(home: Home, number: str) -> None:
    answer = asked(home, number)
    assert answer.chain is not None
    assert [(one.record.feed, one.record.file, one.record.row) for one in answer.chain.documents] == [
        ("orders", "orders.csv", 7),
        ("payments", "payments.csv", 7),
        ("shipments", "shipments.csv", 7),
    ]


def test_a_parcel_of_two_orders_asks_which_and_shows_only_its_own_lines(home: Home) -> None:
    both = asked(home, "W5")
    assert both.chain is None
    assert [candidate.order["order_no"] for candidate in both.candidates] == ["A-1", "A-2"]
    assert "choose one with --order" in tree(both)
    one = asked(home, "W5", order="A-1").chain
    assert one is not None
    parcel = one.documents[-1]
    assert [(part.feed, part.key) for part in parcel.parts] == [("shipment_lines", "s1"), ("tracking_events", EVENT)]
    assert parcel.parts_of_others == 1
    with pytest.raises(TraceError, match="P9: order A-2 is not among the 1 orders behind it"):
        asked(home, "P9", order="A-2")


def test_the_way_forward_names_the_figures_but_never_the_person(home: Home) -> None:
    answer = asked(home, "A-1")
    used = {use["table"]: use for use in _list(_dict(report(answer)["order"])["used_by"])}
    assert used["marts.fct_daily_demand"]["rows"] == [
        {
            "market": "DE",
            "product_id": "SKU1",
            "sold_qty": "40.0000",
            "reversed_qty": None,
            "order_count": None,
            "sales_amount_usd": None,
        }
    ]
    assert used["marts.dim_customer"]["keys"] == {"source_id": ["hub"]}
    assert "person" not in json.dumps(report(answer)) + tree(answer)
    assert "marts.fct_trade_ledger" in answer.unpublished or "fct_trade_ledger" in MODELS


def test_the_tree_fits_the_width(home: Home) -> None:
    lines = tree(asked(home, "A-1"), width=60).splitlines()
    assert max(map(len, lines)) <= 60
    assert lines[0] == "order A-1; DE 2026-02; seller S1, shop; EUR 12.50"
    assert any("payments.csv row 7, tie payments-1" in line for line in lines)


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("D7", "waits for order A-3"),
        ("A-3", "waits for order A-3"),
        ("P66", "There is no amount. [payments.amount_missing]"),
        ("P6", None),
    ],
)
def test_what_leads_to_no_order_is_looked_for_elsewhere(home: Home, number: str, reason: str | None) -> None:
    answer = asked(home, number)
    assert not answer.is_found
    assert answer.elsewhere is not None
    assert [reason in stray.reason for stray in answer.elsewhere.strays] == ([True] if reason else [])
    assert {"marts.quarantine", "marts.unlinked_documents"} <= set(answer.elsewhere.tables)


def test_a_noted_hash_shows_which_tie_changed_since(home: Home) -> None:
    now = asked(home, "A-1").chain
    before = trace(Shelf(home, publication_id=1), "A-1").chain
    assert now is not None
    assert before is not None
    kept = asked(home, "A-1", expect=now.chain_hash).expectation
    changed = asked(home, "A-1", expect=before.chain_hash).expectation
    unknown = asked(home, "A-1", expect="f" * 32).expectation
    assert kept is not None
    assert changed is not None
    assert unknown is not None
    assert kept.holds
    assert (changed.holds, changed.publication_id) == (False, 1)
    assert changed.changed == {f"payments P 9 {PAYMENT}": "changed"}
    assert (unknown.holds, unknown.publication_id) == (False, None)


def test_lists_of_files_are_kept_and_swept(home: Home) -> None:
    lake = Lake(Settings(home=home.folder, catalog_uri=""))
    Shelf(home).files("marts.fct_trade_tie")
    stale = home.lists / "published@marts.fct_trade_tie@1.json"
    stale.write_text("{}")
    assert keep_lists(home, lake, "published", {"marts.fct_trade_tie", "marts.fct_orders"}) in (0, 1)
    assert not stale.exists()
    assert len(list(home.lists.glob("published@marts.fct_orders@*.json"))) == 1


def test_the_command_imports_nothing_heavy(home: Home) -> None:
    code = (
        "import sys; from orchestration.trace.command import main; code = main(['A-1', '--json']);"
        "print([name for name in ('dagster', 'dbt', 'pyiceberg', 'pandas', 'pyarrow', 'pydantic', 'sqlalchemy')"
        " if name in sys.modules], code, file=sys.stderr)"
    )
    asked(home, "A-1")  # writes the lists of files
    answer = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"TRADEWIND_HOME": str(home.folder), "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert answer.stderr.strip() == "[] 0"
    assert json.loads(answer.stdout)["order"]["order_no"] == "A-1"


def test_the_home_is_that_of_the_settings(home: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for variables in ({"TRADEWIND_HOME": str(home.folder)}, {"TRADEWIND_HOME": "x", "TRADEWIND_CATALOG_URI": "a://b"}):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        assert Home.from_environment() == Home.from_settings(Settings())
    (tmp_path / ".env").write_text("TRADEWIND_CATALOG_URI=c://d\n")
    monkeypatch.delenv("TRADEWIND_CATALOG_URI")
    assert Home.from_environment().catalog_uri == "c://d"


def _dict(value: object) -> dict[str, object]:
    assert isinstance(value, dict)
    return value


def _list(value: object) -> list[dict[str, object]]:
    assert isinstance(value, list)
    return value
