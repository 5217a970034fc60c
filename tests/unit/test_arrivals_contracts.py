"""Contracts: what is shipped, and how a broken one is named."""

import pytest

from orchestration.arrivals.contracts import contracts, load_contracts
from orchestration.arrivals.located import ConfigurationError

GOOD = """\
feed: visits
version: 1
grain: one visit
answers_for: the shop
key: [visit_no]
key_column: visit_key
document: [visit_no]
market_field: country
date_fields: [began_at]
changes: {new_column: accept_and_report, lost_column: refuse, retyped_column: refuse, retyped_share: 0.5}
fields:
  visit_no: {type: text, required: true, max_length: 60, description: Number of the visit.}
  country: {type: country, required: true, description: Country of the visitor.}
  began_at: {type: timestamp, required: true, description: When it began.}
  device: {type: code, codes: [phone, desk], description: Kind of device.}
  pages: {type: integer, minimum: 0, description: Pages seen.}
  visitor: {type: text, personal: true, pseudonym: source, identifier: ric, description: Who came.}
rules:
  - {id: visits.too_many_pages, when: "pages > 1000", words: Nobody sees so much., source: design}
  - {id: visits.no_page, treatment: repair, field: pages, value: "1", when: "pages = 0", words: One., source: design}
"""


HEADERS = (
    "advances", "bank_receipts", "capacity", "credit_decisions", "customers", "declarations", "disputes",
    "forecast_overrides", "fx_rates", "guarantee_claims", "media_spend", "order_decisions", "orders", "payments",
    "products", "promotions", "purchase_orders", "rebate_claims", "repayments", "returns", "sellers", "sessions",
    "settlements", "shipments", "stock_snapshots", "suppliers",
)  # fmt: skip
LINES = (
    "declaration_lines", "declaration_receipts", "order_lines", "session_events", "shipment_lines", "tracking_events"
)  # fmt: skip
WITHOUT_MARKET = (
    "advances", "bank_receipts", "credit_decisions", "fx_rates", "order_decisions", "products", "purchase_orders",
    "repayments", "sellers", "suppliers",
)  # fmt: skip


def test_the_feeds_of_the_platform_with_their_parents_first() -> None:
    assert tuple(contracts()) == HEADERS + LINES
    assert tuple(feed for feed, contract in contracts().items() if not contract.has_market) == WITHOUT_MARKET
    assert tuple(feed for feed, contract in contracts().items() if contract.follows) == LINES


@pytest.mark.parametrize(
    ("feed", "key", "follows", "market_field", "date_fields", "link"),
    [
        ("orders", ("order_no",), None, "ship_to_country", ("ordered_at",), "order_no"),
        ("order_lines", ("order_no", "line_no"), "orders", None, (), "order_no"),
        ("shipments", ("carrier_code", "waybill_no", "shipped_month"), None, "destination_country",
         ("shipped_at", "scheduled_on"), "order_no"),
        ("shipment_lines", ("carrier_code", "waybill_no", "shipped_month", "line_no"), "shipments", None, (), None),
        ("declarations", ("declaration_no",), None, "market_country", ("declared_at",), "order_no"),
        ("declaration_lines", ("declaration_no", "line_no"), "declarations", None, (), None),
        ("fx_rates", ("provider", "rate_on", "currency_code"), None, None, ("rate_on",), None),
    ],
)  # fmt: skip
def test_the_shipped_contracts_say_key_place_and_link(feed, key, follows, market_field, date_fields, link):
    contract = contracts()[feed]
    assert (contract.key, contract.follows, contract.market_field) == (key, follows, market_field)
    assert (contract.date_fields, contract.order_link) == (date_fields, link)
    assert contract.changes.retyped_share == 0.5
    assert all(field.description.endswith(".") for field in contract.fields)


def test_lines_stand_in_the_document_of_what_they_follow():
    for contract in contracts().values():
        if contract.follows is not None:
            assert contract.document == contracts()[contract.follows].document


def test_rates_have_no_market_and_no_source_in_their_key():
    rates = contracts()["fx_rates"]
    assert (rates.has_market, rates.is_header, rates.has_source_in_key) == (False, False, False)


def test_persons_are_marked_and_how_they_leave_staging() -> None:
    personal = {(c.feed, f.name): f.pseudonym for c in contracts().values() for f in c.fields if f.is_personal}
    kept = ("customers.birth_year", "orders.buyer_email", "orders.postcode")
    assert {name for name, pseudonym in personal.items() if pseudonym is None} == {tuple(n.split(".")) for n in kept}
    assert {name for (_, name), pseudonym in personal.items() if pseudonym == "source"} == {
        "customer_id",
        "importer_id",
    }
    persons = {"bank_account", "buyer_id_no", "device_id", "payer_id_no"}
    assert {name for (_, name), pseudonym in personal.items() if pseudonym == "person"} == persons
    # Whatever names a person is marked, in every feed that has it.
    for contract in contracts().values():
        for field in contract.fields:
            if field.identifier == "ric" or field.name.startswith(("buyer_", "consignee_", "payer_id")):
                assert field.is_personal, f"{contract.feed}.{field.name}"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("feed: visits", "feed: visit", "visits.yaml:1: feed: the feed must be named as its file, 'visits'"),
        ("key: [visit_no]", "key: [visit_id]", "visits.yaml:5: key: there is no field 'visit_id'"),
        ("date_fields: [began_at]", "date_fields: [device]", "visits.yaml:9: date_fields: 'device' is neither a date"),
        ("lost_column: refuse", "lost_column: ignore", "visits.yaml:10: changes.lost_column: 'ignore' is not one of"),
        ("retyped_share: 0.5", "retyped_share: 2", "visits.yaml:10: changes.retyped_share: 2.0 is not between 0 and 1"),
        ("type: timestamp", "type: datetime", "visits.yaml:14: fields.began_at.type: 'datetime' is not one of"),
        ("type: code, ", "type: text, ", "visits.yaml:15: fields.device: codes are listed for the type 'code'"),
        ("max_length: 60", "max_length: 0", "visits.yaml:12: fields.visit_no.max_length: 0 is below 1"),
        (", description: Number of the visit.", "", "visits.yaml:12: fields.visit_no: the key 'description'"),
        ("grain: one visit\n", "", "visits.yaml:1: the key 'grain' is missing"),
        ("minimum: 0", "minimum: few", "visits.yaml:16: fields.pages.minimum: 'few' is not a number"),
        ("max_length: 60", "minimum: 60", "visits.yaml:12: fields.visit_no.minimum: only a number has a bound"),
        ("identifier: ric", "identifier: imei", "visits.yaml:17: fields.visitor.identifier: 'imei' is not one of"),
        ("personal: true, ", "", "visits.yaml:17: fields.visitor.pseudonym: only a personal field has a pseudonym"),
        ("id: visits.too", "id: visit.too", "visits.yaml:19: rules[1].id: the id of a rule begins with its feed"),
        ("treatment: repair, ", "", "visits.yaml:20: rules[2]: a repair, and nothing else, names its field"),
        ("field: pages", "field: page", "visits.yaml:20: rules[2].field: there is no field 'page'"),
        ("market_field: country", "follows: sessions", "visits.yaml:8: follows: there is no contract"),
    ],
)  # fmt: skip
def test_a_broken_contract_is_named_with_its_line(tmp_path, old, new, message):
    assert GOOD.count(old) == 1
    (tmp_path / "visits.yaml").write_text(GOOD.replace(old, new))
    with pytest.raises(ConfigurationError) as caught:
        load_contracts(tmp_path)
    assert str(caught.value).startswith(message)


def test_a_contract_of_another_folder_loads(tmp_path):
    (tmp_path / "visits.yaml").write_text(GOOD)
    (contract,) = load_contracts(tmp_path).values()
    assert contract.field("device").codes == ("phone", "desk")
    assert [(rule.treatment, rule.severity) for rule in contract.rules] == [
        ("quarantine", "critical"),
        ("repair", "notice"),
    ]
    with pytest.raises(KeyError, match="visits has no field 'browser'"):
        contract.field("browser")
