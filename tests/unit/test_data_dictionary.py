"""The committed data dictionary: what the contracts say today."""

from orchestration.arrivals.contracts import contracts
from orchestration.modeling.contract_book import rule_book
from orchestration.modeling.dictionary import COMMAND, dictionary
from orchestration.settings import PROJECT_ROOT


def test_the_committed_dictionary_is_current() -> None:
    committed = (PROJECT_ROOT / "docs" / "data-dictionary.md").read_text(encoding="utf-8")
    # No comparison of the texts themselves: a difference of a hundred kilobytes helps nobody.
    assert (committed == dictionary()) is True, f"the contracts have changed; write it again: {COMMAND}"


def test_every_feed_field_and_rule_is_in_it() -> None:
    text = dictionary()
    for contract in contracts().values():
        assert f"\n## {contract.feed}\n" in text
        assert [field.name for field in contract.fields if f"| `{field.name}` |" not in text] == []
    short = [rule.rule_id for rule in rule_book() if not rule.rule_id.endswith("_too_long")]
    assert [rule_id for rule_id in short if f"| `{rule_id}` |" not in text] == []
