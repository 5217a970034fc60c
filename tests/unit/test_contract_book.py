"""The contracts as dbt sees them: which rules and which columns follow from a declaration, on one small contract."""

from pathlib import Path

import pytest

from orchestration.arrivals.contracts import Contract, contracts, load_contracts
from orchestration.modeling.contract_book import feed_rules, field_rules, staged_columns

VISITS = """\
feed: visits
version: 1
grain: one visit
answers_for: the shop
key: [visit_no]
key_column: visit_key
document: [visit_no]
order_link: order_no
link_limit_days: 7
market_field: country
date_fields: [began_at]
version_field: version
fields:
  visit_no: {type: text, required: true, max_length: 60, description: Number.}
  country: {type: country, required: true, description: Country of the visitor.}
  began_at: {type: timestamp, required: true, description: When it began.}
  planned_on: {type: date, description: A day that may be ahead.}
  device: {type: code, codes: [phone, desk], description: Kind of device.}
  pages: {type: integer, minimum: 1, maximum: 900, description: Pages seen.}
  spent_amount: {type: decimal, above: 0, precise: true, description: Money spent.}
  currency_code: {type: currency, description: Its currency.}
  seller_id: {type: text, description: The shop.}
  visitor_id: {type: text, personal: true, pseudonym: source, description: Who came.}
  note: {type: text, personal: true, description: What was said.}
  shop_no: {type: text, identifier: uscc, pattern: "^9", description: The firm.}
  order_no: {type: text, description: What was ordered.}
  version: {type: integer, description: Version.}
rules:
  - {id: visits.is_long, treatment: tag, when: "pages > 100", words: Somebody had much time., source: design}
"""


@pytest.fixture
def visits(tmp_path: Path) -> Contract:
    """A contract with a field of every kind."""
    (tmp_path / "visits.yaml").write_text(VISITS)
    return load_contracts(tmp_path)["visits"]


def test_the_rules_of_a_field_follow_from_its_declaration(visits: Contract) -> None:
    assert [(rule.rule_id.removeprefix("visits."), rule.test, rule.bound) for rule in field_rules(visits)] == [
        ("visit_no_missing", "missing", ""),
        ("visit_no_too_long", "too_long", "60"),
        # The market's country has no rule: a country that is none is no market.
        ("began_at_missing", "missing", ""),
        ("began_at_unreadable", "unreadable", ""),
        ("began_at_implausible", "implausible", ""),
        ("planned_on_unreadable", "unreadable", ""),
        ("device_unknown", "code", ""),
        ("pages_unreadable", "unreadable", ""),
        ("pages_out_of_range", "outside", "1..900"),
        ("spent_amount_unreadable", "unreadable", ""),
        ("spent_amount_not_positive", "not_above", "0"),
        ("currency_code_unknown", "currency", ""),
        ("shop_no_malformed", "pattern", "^9"),
        ("shop_no_check_digit", "identifier", "uscc"),
        ("version_unreadable", "unreadable", ""),
    ]


def test_the_rules_of_record_place_and_document_come_after_those_of_fields(visits: Contract) -> None:
    last = [(rule.rule_id, rule.severity, rule.treatment) for rule in feed_rules(visits)][-3:]
    assert last == [
        ("visits.is_long", "notice", "tag"),
        ("visits.market_unknown", "critical", "quarantine"),
        ("visits.order_never_came", "warning", "quarantine"),
    ]
    assert feed_rules(visits)[0].words == "There is no visit no."
    assert "within 7 days" in feed_rules(visits)[-1].words


def test_staging_has_keys_place_fields_and_hashes_in_this_order(visits: Contract) -> None:
    columns = {column.name: (column.data_type, column.kind, column.origin) for column in staged_columns(visits)}
    assert list(columns) == [
        "visit_key", "order_key", "source_id", "market", "month", "visit_no", "began_at", "began_on", "planned_on",
        "device", "pages", "spent_amount", "currency_code", "seller_key", "seller_id", "visitor_key", "shop_no",
        "order_no", "repairs", "tags", "_file", "_row", "_batch_id", "_loaded_at", "_content_hash",
    ]  # fmt: skip
    assert columns["began_on"] == ("date", "local_date", "began_at")
    assert columns["visitor_key"] == ("varchar", "pseudonym_source", "visitor_id")
    assert columns["seller_key"] == ("varchar", "shared_key", "seller_id")
    assert columns["spent_amount"] == ("double", "field", "spent_amount")
    assert columns["pages"][0] == "bigint"


def test_no_feed_has_a_column_twice() -> None:
    for contract in contracts().values():
        names = [column.name for column in staged_columns(contract)]
        assert len(set(names)) == len(names), contract.feed
