"""The list of markets: what it resolves, what it refuses with which message, and the guard of its order."""

import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

from orchestration.markets import (
    ALIAS_RULE,
    PSEUDO_MARKET,
    Markets,
    MarketsError,
    check_append_only,
    fold,
    load_markets,
    parse_markets,
)
from orchestration.settings import PROJECT_ROOT

MARKETS_FILE = PROJECT_ROOT / "markets.yaml"

# Every country name of the source with the market it means; * marks an alias, whose use is a repair.
# fmt: off
ONLINE_RETAIL = {
    "Australia": "AU", "Austria": "AT", "Bahrain": "BH", "Belgium": "BE", "Brazil": "BR", "Canada": "CA",
    "Cyprus": "CY", "Czech Republic": "CZ", "Denmark": "DK", "EIRE": "IE*", "Finland": "FI", "France": "FR",
    "Germany": "DE", "Greece": "GR", "Hong Kong": "HK*", "Iceland": "IS", "Israel": "IL", "Italy": "IT",
    "Japan": "JP", "Lebanon": "LB", "Lithuania": "LT", "Malta": "MT", "Netherlands": "NL", "Norway": "NO",
    "Poland": "PL", "Portugal": "PT", "RSA": "ZA*", "Saudi Arabia": "SA", "Singapore": "SG", "Spain": "ES",
    "Sweden": "SE", "Switzerland": "CH", "USA": "US*", "United Arab Emirates": "AE", "United Kingdom": "GB",
}
SCMS = {
    "Afghanistan": "AF", "Angola": "AO", "Belize": "BZ", "Benin": "BJ", "Botswana": "BW", "Burkina Faso": "BF",
    "Burundi": "BI", "Cameroon": "CM", "Congo, DRC": "CD*", "Côte d'Ivoire": "CI", "Dominican Republic": "DO",
    "Ethiopia": "ET", "Guatemala": "GT", "Guinea": "GN", "Guyana": "GY", "Kazakhstan": "KZ", "Kenya": "KE",
    "Kyrgyzstan": "KG", "Lebanon": "LB", "Lesotho": "LS", "Liberia": "LR", "Libya": "LY", "Malawi": "MW",
    "Mali": "ML", "Mozambique": "MZ", "Namibia": "NA", "Pakistan": "PK", "Senegal": "SN", "Sierra Leone": "SL",
    "South Africa": "ZA", "South Sudan": "SS", "Sudan": "SD", "Swaziland": "SZ*", "Tanzania": "TZ", "Togo": "TG",
    "Uganda": "UG", "Vietnam": "VN", "Zambia": "ZM", "Zimbabwe": "ZW",
}
# fmt: on

PSEUDO = """\
- code: ZZ
  name: Unknown market
  currency: null
  time_zone: UTC
  region: null
  holiday_calendar: null
  no_calendar_because: no country
"""
PORTUGAL = """\
- code: PT
  name: Portugal
  names: [Portuguese Republic]
  aliases: [Lusitania]
  currency: EUR
  time_zone: Europe/Lisbon
  region: Southern Europe
  holiday_calendar: PT
"""


@pytest.fixture(scope="module")
def markets() -> Markets:
    return load_markets(MARKETS_FILE)


def test_the_list_begins_with_the_pseudo_market_and_holds_77(markets: Markets) -> None:
    assert markets.codes[:7] == ("ZZ", "GB", "DE", "FR", "IE", "ES", "NL")
    assert markets.codes.index("KR") == 36
    assert len(markets.codes) == len(set(markets.codes)) == 77


@pytest.mark.parametrize(("name", "expected"), [*ONLINE_RETAIL.items(), *SCMS.items()])
def test_every_country_of_the_two_sources_resolves(markets: Markets, name: str, expected: str) -> None:
    assert markets.resolve(name) == (expected.rstrip("*"), ALIAS_RULE if expected.endswith("*") else "")


def test_the_two_lists_above_are_whole() -> None:
    assert (len(ONLINE_RETAIL), len(SCMS)) == (35, 39)


@pytest.mark.parametrize("name", ["European Community", "Channel Islands", "Unspecified", "ZZ", "Unknown market", ""])
def test_a_name_that_is_no_country_resolves_to_nothing(markets: Markets, name: str) -> None:
    assert markets.resolve(name) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("gb", ("GB", "")),
        ("UK", ("GB", ALIAS_RULE)),
        ("EL", ("GR", ALIAS_RULE)),
        (" united\u00a0  kingdom ", ("GB", "")),
        ("ＪＰ", ("JP", "")),
        ("NO", ("NO", "")),
        ("巴西", ("BR", "")),
        ("Côte d’Ivoire", ("CI", "")),
        ("Ivory Coast", ("CI", ALIAS_RULE)),
    ],
)
def test_spellings_resolve_in_any_case_and_width(markets: Markets, text: str, expected: tuple[str, str]) -> None:
    assert markets.resolve(text) == expected


def test_names_are_folded_unique_and_leave_out_the_pseudo_market(markets: Markets) -> None:
    names = markets.names()
    spellings = [spelling for spelling, _, _ in names]
    assert len(spellings) == len(set(spellings))
    assert all(spelling == fold(spelling) for spelling in spellings)
    # A join in SQL knows lower() only, so no spelling may need more than that.
    assert all(spelling == spelling.lower() for spelling in spellings)
    assert {code for _, code, _ in names} == set(markets.codes) - {PSEUDO_MARKET}
    assert ("eire", "IE", ALIAS_RULE) in names
    assert ("czech republic", "CZ", "") in names


def test_rows_of_dim_market_carry_position_currency_and_zone(markets: Markets) -> None:
    rows = {row.market: row for row in markets.rows()}
    assert [row.position for row in markets.rows()] == list(range(77))
    assert tuple(rows["KW"]) == ("KW", "Kuwait", "KWD", "Asia/Kuwait", "Western Asia", "KW", 75)
    assert tuple(rows["ZZ"]) == ("ZZ", "Unknown market", None, "UTC", None, None, 0)


def test_an_unknown_code_is_refused_with_the_known_ones(markets: Markets) -> None:
    assert markets.get("IE").aliases == ("EIRE", "Republic of Ireland")
    with pytest.raises(MarketsError, match=r"unknown market 'UK'; known: ZZ, GB, DE"):
        markets.get("UK")


def test_adding_a_market_is_one_entry() -> None:
    assert parse_markets(PSEUDO + PORTUGAL, origin="markets.yaml").resolve("lusitania") == ("PT", ALIAS_RULE)


def test_the_worked_example_of_the_documentation_is_an_entry_that_loads() -> None:
    page = (PROJECT_ROOT / "docs" / "add-a-market.md").read_text(encoding="utf-8")
    entry = page.split("```yaml\n")[1].split("```")[0]
    extended = parse_markets(MARKETS_FILE.read_text(encoding="utf-8") + entry, origin="markets.yaml")
    assert extended.resolve("Lux") == ("LU", ALIAS_RULE)
    assert len(extended.codes) == 78
    assert extended.codes[-1] == "LU"


def replaced(old: str, new: str) -> str:
    assert old in PORTUGAL
    return PSEUDO + PORTUGAL.replace(old, new)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (replaced("region:", "regoin:"), 14, "market 'PT': unknown key 'regoin'"),
        (replaced("  currency: EUR\n", ""), 8, "market 'PT': key 'currency' is missing"),
        (replaced("EUR", "EURO"), 12, "market 'PT': currency: unknown currency 'EURO', not an active"),
        (replaced("EUR", "PTE"), 12, "market 'PT': currency: unknown currency 'PTE', not an active"),
        (replaced("EUR", "null"), 8, "market 'PT': currency and region are required"),
        (replaced("Europe/Lisbon", "Europe"), 13, "market 'PT': time_zone: unknown time zone 'Europe'"),
        (replaced("Lisbon", "Lissabon"), 13, "market 'PT': time_zone: unknown time zone 'Europe/Lissabon'"),
        (replaced("calendar: PT", "calendar: XY"), 15, "market 'PT': holiday_calendar: unknown holiday"),
        (replaced("calendar: PT", "calendar: null"), 8, "market 'PT': give a holiday_calendar"),
        (replaced("code: PT", "code: pt"), 8, "market 'pt': code: code 'pt' is not two capital letters"),
        (replaced("code: PT", "code: UK"), 8, "market 'UK': code: code 'UK' is no country of ISO 3166-1"),
        (replaced("name: Portugal", "name: [Portugal]"), 9, "market 'PT': name: must be text"),
        (replaced("[Lusitania]", "Lusitania"), 11, "market 'PT': aliases: must be a list of texts"),
        (replaced("Lusitania", "''"), 11, "market 'PT': aliases: a spelling must not be empty"),
        (
            replaced("Lusitania", "ｐｏｒｔｕｇａｌ"),
            8,
            "market 'PT': 'ｐｏｒｔｕｇａｌ' already names market 'PT' (line 8)",
        ),
        (replaced("code: PT", "code: PT\n  code: PT"), 9, "market 'PT': key 'code' stands twice"),
        (PSEUDO + PORTUGAL + PORTUGAL, 16, "market 'PT': 'Portugal' already names market 'PT' (line 8)"),
        (PSEUDO + "  aliases: [nowhere]\n" + PORTUGAL, 1, "market 'ZZ': ZZ has no spellings"),
        (PORTUGAL + PSEUDO, 1, "market 'PT': the first entry must be ZZ"),
        (PSEUDO + "- Portugal\n", 8, "an entry must be a mapping with the keys code, name"),
        (PSEUDO + "- code: [PT\n", 9, "not readable as YAML"),
        ("", 1, "must be a list of markets"),
        ("PT: Portugal\n", 1, "must be a list of markets"),
    ],
)
def test_a_wrong_entry_is_refused_with_file_line_and_entry(text: str, line: int, message: str) -> None:
    with pytest.raises(MarketsError) as caught:
        parse_markets(text, origin="markets.yaml")
    problems = str(caught.value).splitlines()
    assert any(problem.startswith(f"markets.yaml:{line}: {message}") for problem in problems), problems


def test_every_problem_is_reported_at_once(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(PSEUDO + PORTUGAL.replace("EUR", "ESC") + PORTUGAL.replace("Lisbon", "Porto"), encoding="utf-8")
    with pytest.raises(MarketsError) as caught:
        load_markets(path)
    assert [line.split(": ")[0] for line in str(caught.value).splitlines()] == ["own.yaml:12", "own.yaml:21"]


def test_a_file_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_bytes(PSEUDO.encode() + "# Türkiye\n".encode("latin-1"))
    with pytest.raises(MarketsError, match=r"own.yaml: not UTF-8 text at byte \d+"):
        load_markets(path)


def test_markets_may_be_added_at_the_end_only() -> None:
    check_append_only(["ZZ", "GB", "DE"], ["ZZ", "GB", "DE", "FR"])
    check_append_only([], ["ZZ"])


@pytest.mark.parametrize(
    ("current", "change"),
    [
        (["ZZ", "DE", "GB"], "market 'GB' was moved from position 1 to 2"),
        (["ZZ", "GB"], "market 'DE' was removed from position 2"),
        (["ZZ", "GB", "FR"], "market 'DE' was removed from position 2"),
        (["ZZ", "FR", "GB", "DE"], "market 'FR' was inserted at position 1, before 'GB'"),
    ],
)
def test_a_moved_removed_or_inserted_market_is_refused(current: list[str], change: str) -> None:
    with pytest.raises(MarketsError) as caught:
        check_append_only(["ZZ", "GB", "DE"], current)
    assert str(caught.value) == (
        f"the list of markets is append-only: {change}; add new markets at the end, leave the rest"
    )


def test_no_committed_version_of_the_list_was_reordered(markets: Markets) -> None:
    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=PROJECT_ROOT, capture_output=True, text=True, check=False)
        return done.stdout if done.returncode == 0 else ""

    versions = git("log", "--reverse", "--format=%H", "--", "markets.yaml").split()
    texts = [text for version in versions if (text := git("show", f"{version}:markets.yaml"))]
    chain = [*(parse_markets(text, origin="markets.yaml").codes for text in texts), markets.codes]
    for previous, current in pairwise(chain):
        check_append_only(previous, current)
