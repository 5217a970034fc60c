"""The seeds of countries and currencies: whole, unique, and equal to the reference data where that is at hand."""

import csv
import os
from pathlib import Path

import duckdb
import pytest

from orchestration.settings import PROJECT_ROOT

SEEDS = PROJECT_ROOT / "dbt_project" / "seeds"
SHARED_DATA = Path(os.environ.get("TRADEWIND_SHARED_DATA", PROJECT_ROOT.parent / "shared" / "data"))


def seed(name: str) -> dict[str, dict[str, str]]:
    with (SEEDS / name).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    by_code = {row["code"]: row for row in rows}
    assert len(by_code) == len(rows)
    return by_code


def reference(name: str, query: str) -> list[tuple[str, str]]:
    path = SHARED_DATA / "reference" / name
    if not path.exists():
        pytest.skip(f"{path.name} is not at hand: set TRADEWIND_SHARED_DATA")
    rows = duckdb.execute(query.format(table=f"'{path}'")).fetchall()
    return [(str(code), str(other)) for code, other in rows]


def test_there_is_a_row_for_each_of_the_249_countries() -> None:
    countries = seed("iso_country.csv")
    assert len(countries) == len({row["name"] for row in countries.values()}) == 249
    assert countries["NA"]["name"] == "Namibia"
    assert countries["CI"]["name"] == "Côte d'Ivoire"
    assert "UK" not in countries
    assert "ZZ" not in countries


def test_currencies_know_their_minor_units() -> None:
    currencies = seed("currency.csv")
    units = {code: currencies[code]["minor_units"] for code in ("JPY", "KRW", "EUR", "CNY", "KWD", "BHD", "CLF")}
    assert units == {"JPY": "0", "KRW": "0", "EUR": "2", "CNY": "2", "KWD": "3", "BHD": "3", "CLF": "4"}
    assert {"BGN", "HRK", "XAU", "XTS", "XDR"}.isdisjoint(currencies)
    assert len(currencies) == 165


def test_countries_are_those_of_iso_3166() -> None:
    rows = reference("country_codes.parquet", 'select "ISO3166-1-Alpha-2", "ISO3166-1-Alpha-3" from {table}')
    assert {code for code, _ in rows} == set(seed("iso_country.csv"))


def test_currencies_are_those_of_iso_4217_today() -> None:
    rows = reference(
        "currency_codes.parquet",
        "select distinct AlphabeticCode, MinorUnit from {table} "
        "where WithdrawalDate is null and AlphabeticCode is not null and MinorUnit <> '-'",
    )
    assert dict(rows) == {code: row["minor_units"] for code, row in seed("currency.csv").items()}
