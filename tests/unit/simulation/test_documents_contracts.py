"""Every table of documents keeps its contract: fields, keys, codes, versions, rules, numbers."""

import re

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from orchestration.arrivals.contracts import contracts
from orchestration.simulation.documents.columns import horizon_end
from orchestration.simulation.documents.generate import generate_documents
from orchestration.simulation.world.building import build_world
from orchestration.simulation.world.generate import generate_commerce
from tests.unit.simulation.documents_world import CONFIG, generated, query

FEEDS = {
    ("paygate", "payments"), ("port", "payments"),
    *((source, feed) for source in ("carrier", "port") for feed in ("shipments", "shipment_lines", "tracking_events")),
    *(
        (source, feed)
        for source in ("broker", "port")
        for feed in ("declarations", "declaration_lines", "declaration_receipts")
    ),
    ("taxbureau", "rebate_claims"), ("port_tax", "rebate_claims"), ("settle", "settlements"), ("hub", "returns"),
    ("hub", "disputes"), ("hub", "guarantee_claims"), ("bank", "bank_receipts"), ("lender", "advances"),
    ("lender", "repayments"),
}  # fmt: skip
KINDS = {"timestamp": pa.timestamp("us", "UTC"), "date": pa.date32(), "decimal": pa.float64(), "integer": pa.int64()}
# Rules that read one record as it is; the others need what staging works out.
RULES = {
    "payments.amount_against_type", "declarations.gross_below_net", "declarations.mode_against_flow",
    "settlements.amount_against_leg", "rebate_claims.above_base", "rebate_claims.key_against_declaration",
    "disputes.closed_before_opened",
}  # fmt: skip
EVENTS = ("tracking_events", "declaration_receipts")


def test_every_feed_of_the_documents_has_rows():
    assert generated().tables.keys() == FEEDS
    assert min(table.num_rows for table in generated().tables.values()) > 0
    assert {rule.id for contract in contracts().values() for rule in contract.rules} >= RULES


@pytest.mark.parametrize(("source", "feed"), sorted(FEEDS))
def test_a_table_keeps_its_contract(source, feed):
    table, contract = generated().tables[source, feed], contracts()[feed]
    assert set(table.column_names) <= set(contract.field_names)
    for name in table.column_names:
        field, column = contract.field(name), table[name]
        assert column.type == KINDS.get(field.type, pa.string()), name
        if field.is_required:
            assert column.null_count == 0, name
        if field.codes:
            assert set(pc.unique(column).to_pylist()) <= {*field.codes, None}, name
        bounds = [(">=", field.minimum), ("<=", field.maximum), (">", field.above)]
        tests = [f"{name} {sign} {bound}" for sign, bound in bounds if bound is not None]
        tests += [f"length({name}) <= {field.max_length}"] if field.max_length else []
        assert query(f"select count(*) from {source}_{feed} where not ({' and '.join(tests) or 'true'})") == [(0,)], (
            name
        )
    required = {field.name for field in contract.fields if field.is_required}
    assert required <= set(table.column_names)

    key = ", ".join(contract.key)
    keyed = f"{key}, version" if feed not in EVENTS else key
    assert query(f"select {keyed} from {source}_{feed} group by all having count(*) > 1 limit 3") == []
    gaps = f"""select {key} from {source}_{feed} group by all
        having max(version) <> count(*) or min(version) <> 1 limit 3"""
    assert query(gaps) == []
    backwards = f"""select {key} from (select *, lag(updated_at) over (partition by {key} order by version) as before
        from {source}_{feed}) where before > updated_at limit 3"""
    assert query(backwards) == []
    for rule in (rule for rule in contract.rules if rule.id in RULES):
        assert query(f"select count(*) from {source}_{feed} where {rule.when}") == [(0,)], rule.id


def test_nothing_is_known_after_the_horizon():
    end = horizon_end(CONFIG.month_list)
    for source, feed in FEEDS:
        assert query(f"select count(*) from {source}_{feed} where epoch(updated_at) > {end}") == [(0,)], (source, feed)
    assert query("select count(*) > 0 from truth_milestones where epoch(delivered_at) > " + str(end)) == [(True,)]


def test_a_market_month_is_the_same_whatever_was_made_before():
    again = generate_documents(build_world(CONFIG), generate_commerce(build_world(CONFIG), "DE", "2023-11").batch)
    place = CONFIG.month_list.index("2023-11") * len(CONFIG.markets) + CONFIG.markets.index("DE")
    first = generated().months[place]
    assert again.tables.keys() == first.tables.keys()
    for key, table in first.tables.items():
        assert table.equals(again.tables[key]), key
    assert again.truth["milestones"].equals(first.truth["milestones"])


def test_postal_items_have_valid_check_digits():
    numbers = [row[0] for row in query("select distinct waybill_no from carrier_shipments where route_code = 'POST'")]
    assert len(numbers) > 100
    for number in numbers:
        total = sum(int(digit) * weight for digit, weight in zip(number[2:10], (8, 6, 4, 2, 3, 5, 9, 7), strict=True))
        check = {10: 0, 11: 5}.get(11 - total % 11, 11 - total % 11)
        assert re.fullmatch(rf"[A-Z]{{2}}\d{{8}}{check}CN", number), number


def test_declaration_numbers_say_office_year_direction():
    flags = {"list": {"import": "I", "export": "E"}, "declaration": {"export": "0"}, "summary": {"export": "0"}}
    rows = query(
        """select distinct declaration_no, flow, document_kind, year(declared_at + interval 8 hour), customs_office_code
        from broker_declarations union select distinct declaration_no, flow, document_kind,
        year(declared_at + interval 8 hour), customs_office_code from port_declarations"""
    )
    assert {row[2] for row in rows} == set(flags)
    for number, flow, kind, year, office in rows:
        assert re.fullmatch(rf"{office}{year}{flags[kind][flow]}\d{{9}}", number), number


def test_a_summary_names_the_orders_of_released_lists():
    assert query(
        """select count(*) from (select unnest(string_split(order_no, ';')) as order_no from port_declarations
        where document_kind = 'summary') as summed
        anti join truth_milestones using (order_no)"""
    ) == [(0,)]
    listed = query("select max(length(order_no)), max(len(string_split(order_no, ';'))) from broker_declarations")
    assert listed[0][0] <= 500
    assert listed[0][1] > 1
