"""The seeds of market rules and reasons: every day has one answer, and what has no source has no value."""

import csv
import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import pytest
import yaml

from orchestration.settings import PROJECT_ROOT

SEEDS = PROJECT_ROOT / "dbt_project" / "seeds"
FIRST, AFTER_LAST = date(2010, 1, 1), date(2031, 1, 1)
# Rules that every market has, if only to say that nobody knows.
EVERYWHERE = {
    "vat_standard_rate_pct",
    "import_vat_relief_amount",
    "vat_at_sale_limit_amount",
    "duty_relief_amount",
    "return_reserve_pct",
}
# What an order's value is compared with; a market has one currency and one basis for all of them at a time.
LIMITS = {
    "import_vat_relief_amount",
    "vat_at_sale_limit_amount",
    "duty_relief_amount",
    "per_item_duty_limit_amount",
    "flat_duty_limit_amount",
    "composite_single_limit_amount",
}
# A country that no row names stands for all others.
UNNAMED = "??"

Row = dict[str, str]


def rows(name: str) -> list[Row]:
    with (SEEDS / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


RULES = rows("market_rule")


def holds_for(origin: str, country: str) -> bool:
    if origin == "*":
        return True
    return (country in origin.lstrip("!").split()) != origin.startswith("!")


def ways() -> Iterator[tuple[str, str, str, str, list[Row]]]:
    """Each market and rule with each kind of origin and carriage that its rows tell apart, and the rows that hold."""
    grouped: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in RULES:
        grouped[row["market"], row["rule"]].append(row)
    for (market, rule), found in grouped.items():
        for country in {UNNAMED, *(code for row in found for code in row["origin"].strip("*!").split())}:
            for carriage in ("post", "courier"):
                matching = [
                    row for row in found if holds_for(row["origin"], country) and row["carriage"] in ("*", carriage)
                ]
                yield market, rule, country, carriage, matching


def in_force(market: str, rule: str, on: str, country: str = UNNAMED, carriage: str = "courier") -> Row:
    (row,) = (
        row
        for row in RULES
        if row["market"] == market
        and row["rule"] == rule
        and holds_for(row["origin"], country)
        and row["carriage"] in ("*", carriage)
        and row["valid_from"] <= on < row["valid_to"]
    )
    return row


def test_every_day_has_exactly_one_row() -> None:
    wrong = []
    for market, rule, country, carriage, found in ways():
        spans = sorted((date.fromisoformat(row["valid_from"]), date.fromisoformat(row["valid_to"])) for row in found)
        # Each span begins where the one before it ended: no day is left out and none has two rows.
        joined = [start for start, _ in spans] == [FIRST, *(end for _, end in spans[:-1])] if spans else False
        if not joined or spans[-1][1] != AFTER_LAST or any(start >= end for start, end in spans):
            wrong.append((market, rule, country, carriage, spans))
    assert wrong == []


def test_a_gap_and_an_overlap_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    last = next(row for row in RULES if row["valid_to"] == "2031-01-01" and row["market"] == "GB")
    monkeypatch.setitem(last, "valid_to", "2030-12-31")
    with pytest.raises(AssertionError, match=last["rule"]):
        test_every_day_has_exactly_one_row()
    monkeypatch.setitem(last, "valid_to", "2031-01-01")
    monkeypatch.setattr(f"{__name__}.RULES", [*RULES, {**last, "valid_from": "2030-12-31"}])
    with pytest.raises(AssertionError, match=last["rule"]):
        test_every_day_has_exactly_one_row()


def test_every_market_has_the_rules_of_all_markets() -> None:
    entries = yaml.safe_load((PROJECT_ROOT / "markets.yaml").read_text())
    wanted = {(entry["code"], rule) for entry in entries if entry["code"] != "ZZ" for rule in EVERYWHERE}
    assert wanted - {(row["market"], row["rule"]) for row in RULES} == set()


def test_a_row_has_a_value_exactly_when_somebody_says_so() -> None:
    for row in RULES:
        key = row["rule_key"]
        assert (row["value"] != "") == (row["status"] == "set"), key
        assert (row["strength"] == "unsourced") == (row["status"] == "unsourced"), key
        assert row["strength"] in ("A", "B", "C", "design", "unsourced"), key
        assert (row["source"] != "") or row["strength"] in ("design", "unsourced"), key
        assert (row["currency_code"] != "") == (row["status"] == "set" and row["unit"] == "amount"), key
        assert row["verified_on"] != "" or row["strength"] in ("design", "unsourced"), key
        assert row["value"] == "" or Decimal(row["value"]) >= 0, key
        assert "domain" not in row["source"], key


def test_limits_of_a_market_have_one_currency_and_basis() -> None:
    changes = {row["valid_from"] for row in RULES}
    by_market: dict[str, list[Row]] = defaultdict(list)
    for row in RULES:
        if row["rule"] in LIMITS and row["status"] == "set":
            by_market[row["market"]].append(row)
    for market, found in by_market.items():
        for day in changes:
            kinds = {(r["currency_code"], r["basis"]) for r in found if r["valid_from"] <= day < r["valid_to"]}
            assert len(kinds) <= 1, (market, day, kinds)


@pytest.mark.parametrize(
    ("market", "rule", "day", "country", "carriage", "value"),
    [
        ("GB", "vat_at_sale_limit_amount", "2020-12-31", "CN", "courier", ""),
        ("GB", "vat_at_sale_limit_amount", "2021-01-01", "CN", "courier", "135"),
        ("GB", "vat_standard_rate_pct", "2011-01-03", "CN", "courier", "17.5"),
        ("SK", "vat_standard_rate_pct", "2025-01-01", "CN", "courier", "23"),
        ("EE", "vat_standard_rate_pct", "2025-06-30", "CN", "courier", "22"),
        ("EE", "vat_standard_rate_pct", "2025-07-01", "CN", "courier", "24"),
        ("RO", "vat_standard_rate_pct", "2025-08-01", "CN", "courier", "21"),
        ("FI", "vat_standard_rate_pct", "2024-09-01", "CN", "courier", "25.5"),
        ("DE", "vat_standard_rate_pct", "2020-12-31", "CN", "courier", "16"),
        ("FR", "duty_relief_amount", "2026-06-30", "CN", "courier", "150"),
        ("FR", "duty_relief_amount", "2026-07-01", "CN", "courier", "0"),
        ("FR", "per_item_duty_amount", "2026-06-30", "CN", "courier", ""),
        ("FR", "per_item_duty_amount", "2026-07-01", "CN", "courier", "3"),
        ("FR", "per_item_duty_amount", "2028-07-01", "CN", "courier", ""),
        ("FR", "customs_border", "2026-07-01", "DE", "courier", "0"),
        ("FR", "customs_border", "2020-12-31", "GB", "courier", "0"),
        ("FR", "customs_border", "2021-01-01", "GB", "courier", "1"),
        ("US", "duty_relief_amount", "2025-05-01", "CN", "post", "800"),
        ("US", "duty_relief_amount", "2025-05-02", "HK", "post", "0"),
        ("US", "duty_relief_amount", "2025-08-28", "KR", "post", "800"),
        ("US", "duty_relief_amount", "2025-08-29", "KR", "post", "0"),
        ("US", "surcharge_pct", "2026-02-24", "KR", "post", "10"),
        ("US", "surcharge_pct", "2026-07-24", "KR", "post", ""),
        ("CA", "duty_relief_amount", "2025-01-01", "US", "courier", "150"),
        ("CA", "duty_relief_amount", "2025-01-01", "US", "post", "20"),
        ("CA", "import_vat_relief_amount", "2025-01-01", "MX", "courier", "40"),
        ("CA", "import_vat_relief_amount", "2025-01-01", "CN", "courier", "20"),
        ("KR", "duty_relief_amount", "2025-01-01", "US", "courier", "200"),
        ("KR", "duty_relief_amount", "2025-01-01", "CN", "courier", "150"),
        ("MX", "flat_duty_pct", "2025-08-14", "CN", "courier", ""),
        ("MX", "flat_duty_pct", "2025-08-15", "CN", "courier", "33.5"),
        ("MX", "flat_duty_pct", "2025-08-15", "US", "courier", "17"),
        ("CN", "composite_tax_pct", "2019-03-31", "JP", "courier", "11.2"),
        ("CN", "composite_tax_pct", "2019-04-01", "JP", "courier", "9.1"),
        ("CN", "composite_annual_limit_amount", "2019-01-01", "JP", "courier", "26000"),
        ("KG", "duty_relief_amount", "2026-07-01", "CN", "courier", "200"),
        ("KG", "flat_duty_pct", "2026-06-30", "CN", "courier", "15"),
    ],
)
def test_rules_change_on_their_day(market: str, rule: str, day: str, country: str, carriage: str, value: str) -> None:
    assert in_force(market, rule, day, country, carriage)["value"] == value


def test_reasons_name_rules_and_figures_that_exist() -> None:
    reasons = rows("landed_cost_reason")
    ruled = {row["rule"] for row in RULES}
    figures = ruled | {"limit_currency", "basis", "item_currency", "handling_fee_currency"}
    assert len({row["reason"] for row in reasons}) == len(reasons)
    for row in reasons:
        assert 0 < int(row["reason_id"]) < 64, "the key of the words has six bits for the reason"
        assert row["basis"] in ("document", "rule", "estimate", "unknown")
        assert row["rule"] in ruled | {""}, row["reason"]
        assert row["basis"] != "document" or row["rule"] == "", row["reason"]
        assert set(re.findall(r"{(\w+)}", row["words"])) <= figures, row["reason"]


def test_the_documentation_lists_what_is_unsourced() -> None:
    """The table in docs/market-rules.md is that of the seed: rule, and the markets of which a day is unsourced."""
    text = (PROJECT_ROOT / "docs" / "market-rules.md").read_text()
    told = {
        match[1]: set(match[2].split())
        for match in re.finditer(r"^\| `(\w+)` \| ([A-Z ]+) \|$", text, flags=re.MULTILINE)
    }
    unsourced: dict[str, set[str]] = defaultdict(set)
    for row in RULES:
        if row["status"] == "unsourced":
            unsourced[row["rule"]].add(row["market"])
    assert told == unsourced
