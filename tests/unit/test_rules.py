"""The book of rules: each has an id of its own, words, a source and a severity, and some test breaks it."""

import re
from collections import Counter
from pathlib import Path

import pytest
import yaml

from orchestration.arrivals.contracts import contracts
from orchestration.arrivals.expressions import FULL_WIDTH_RULE
from orchestration.markets import ALIAS_RULE
from orchestration.modeling.contract_book import feed_rules, field_rules, rule_book
from orchestration.modeling.manifest import DBT_PROJECT
from tests.contract_rows import rows_of

TESTS = Path(__file__).parents[1]
SEVERITIES = {
    "quarantine": {"critical", "warning"},
    "repair": {"notice"},
    "tag": {"notice", "warning"},
    "supersede": {"notice"},
}


def exercised() -> set[str]:
    """The rules that tests expect: of dbt's unit tests, of the rows made from contracts, and those named in tests."""
    found = {rule for feed in contracts() for row in rows_of(feed) for rule in row.rules}
    for path in (DBT_PROJECT / "models").rglob("_unit_tests*.yml"):
        for test in yaml.safe_load(path.read_text())["unit_tests"]:
            rows = [row for row in test["expect"]["rows"] if isinstance(row, dict)]
            texts = [str(row.get(column) or "") for row in rows for column in ("rules", "repairs", "tags")]
            found |= {rule.rpartition(":")[2] for text in texts for rule in text.split(";")}
    named = re.compile(rf"\b(?:{'|'.join(contracts())})\.\w+")
    for path in TESTS.rglob("*.py"):
        found |= set(named.findall(path.read_text(encoding="utf-8")))
    return found


@pytest.mark.parametrize("feed", sorted(contracts()))
def test_every_rule_of_a_feed_has_id_words_source_and_severity(feed: str) -> None:
    rules = feed_rules(contracts()[feed])
    names = {*contracts()[feed].field_names, "market", ""}
    assert [rule.rule_id for rule in rules if not re.fullmatch(rf"{feed}\.[a-z][a-z0-9_]*", rule.rule_id)] == []
    assert [rule.rule_id for rule in rules if not rule.words.endswith(".") or len(rule.words.split()) < 4] == []
    assert [rule.rule_id for rule in rules if not rule.source] == []
    assert [rule.rule_id for rule in rules if rule.severity not in SEVERITIES[rule.treatment]] == []
    assert [rule.rule_id for rule in rules if rule.field not in names] == []


def test_rules_are_sorted_and_named_once() -> None:
    ids = [rule.rule_id for rule in rule_book()]
    assert ids == sorted(ids)
    assert [rule for rule, count in Counter(ids).items() if count > 1] == []
    assert len(ids) > 700


def test_the_rules_of_no_single_feed_are_those_of_arrivals_and_of_judging() -> None:
    common = {rule.rule_id: rule.treatment for rule in rule_book() if rule.feed == "every"}
    assert common == {
        ALIAS_RULE: "repair",
        FULL_WIDTH_RULE: "repair",
        "text.zero_padded": "repair",
        "row.deleted": "supersede",
        "row.duplicate": "supersede",
        "row.replacement_character": "quarantine",
        "row.replayed": "supersede",
    }


def test_every_rule_is_broken_by_some_test() -> None:
    wanted = {rule.rule_id for contract in contracts().values() for rule in feed_rules(contract)}
    assert sorted(wanted - exercised()) == []


def test_no_rule_of_the_first_staging_was_lost() -> None:
    """Their conditions stand in the contracts now; one that is renamed or taken out is renamed or taken out here."""
    fields = {rule.rule_id for contract in contracts().values() for rule in field_rules(contract)}
    assert {
        "order_lines.unit_price_amount_negative",
        "order_lines.currency_code_missing",
        "orders.ordered_at_implausible",
        "shipments.delivered_at_implausible",
        "shipment_lines.weight_kg_negative",
        "declaration_lines.net_mass_kg_not_positive",
        "fx_rates.currency_code_malformed",
        "fx_rates.rate_per_eur_not_positive",
    } <= fields
