"""The table of rules against the SQL that applies them: no rule without words, no words without a rule."""

import csv
import re

import pytest
import yaml

from orchestration.arrivals.contracts import contracts
from orchestration.arrivals.expressions import FULL_WIDTH_RULE
from orchestration.markets import ALIAS_RULE
from orchestration.modeling.manifest import DBT_PROJECT

_SEED = (DBT_PROJECT / "seeds" / "rule.csv").read_text(encoding="utf-8")
RULES = {row["rule_id"]: row for row in csv.DictReader(_SEED.splitlines())}
FEEDS = "|".join(contracts())


def treated(treatment):
    return {rule_id for rule_id, rule in RULES.items() if rule["treatment"] == treatment}


def listed(pattern):
    """What the lists of rules in the SQL hold: one pair of name and condition begins each line."""
    texts = (path.read_text() for folder in ("models", "macros") for path in (DBT_PROJECT / folder).rglob("*.sql"))
    return {found for text in texts for found in re.findall(rf"^ *\('{pattern}',", text, re.MULTILINE)}


def test_the_quarantine_rules_are_those_that_staging_applies():
    assert listed(rf"((?:{FEEDS})\.\w+)") == treated("quarantine")


def test_the_repairs_are_those_that_staging_and_arrivals_make():
    of_arrivals = {ALIAS_RULE, FULL_WIDTH_RULE}
    assert listed(rf"\w+:((?:{FEEDS})\.\w+)") | of_arrivals == treated("repair")


def test_every_quarantine_rule_is_expected_by_some_unit_test():
    expected = set()
    for path in sorted((DBT_PROJECT / "models").rglob("_unit_tests.yml")):
        for test in yaml.safe_load(path.read_text())["unit_tests"]:
            rows = test["expect"]["rows"]
            expected |= {rule for row in rows if isinstance(row, dict) for rule in (row.get("rules") or "").split(";")}
    assert expected - {""} == treated("quarantine")


@pytest.mark.parametrize("rule_id", sorted(RULES))
def test_every_rule_is_said_in_words_and_names_its_fields(rule_id):
    rule = RULES[rule_id]
    assert rule["words"].endswith(".")
    assert len(rule["words"].split()) >= 4
    assert rule["source"]
    assert rule["severity"] == {"quarantine": "critical", "repair": "notice", "supersede": "notice"}[rule["treatment"]]
    if rule["feed"] != "every":
        assert rule_id.split(".")[0] == rule["feed"]
        fields = {field for field in rule["field"].split(";") if field}
        assert fields <= {*contracts()[rule["feed"]].field_names, "market"}


def test_the_table_is_sorted_and_names_each_rule_once():
    lines = [line.split(",")[0] for line in (DBT_PROJECT / "seeds" / "rule.csv").read_text().splitlines()[1:]]
    assert lines == sorted(RULES)
