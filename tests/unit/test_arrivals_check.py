"""The guide's example is what it says, and checking a file takes nothing."""

import re

import pytest

from orchestration.arrivals import check
from orchestration.arrivals.refusal import RULES
from orchestration.settings import PROJECT_ROOT
from tests.arrivals_helpers import ORDERS

GUIDE = (PROJECT_ROOT / "docs" / "bring-a-source.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    return re.search(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)[1]


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("TRADEWIND_HOME", str(tmp_path / "home"))
    return tmp_path


def test_the_example_of_the_guide_prints_what_the_guide_shows(home, capsys):
    mapping, file = home / "kornblume.yaml", home / "kornblume_2026-02.csv"
    mapping.write_text(block("yaml"), encoding="utf-8")
    file.write_bytes(block("csv").encode("cp1252"))
    assert check.main([str(mapping), str(file)]) == 0
    command, shown = block("console").split("\n", 1)
    assert command.endswith("var/sources/kornblume.yaml kornblume_2026-02.csv")
    assert capsys.readouterr().out == shown
    assert file.exists()
    assert list((home / "home" / "runs").iterdir()) == []


def test_the_guides_mistake_is_the_message(home, capsys):
    mapping = home / "kornblume.yaml"
    mapping.write_text(block("yaml").replace("%d.%m.%Y %H:%M", "%d.%Q"), encoding="utf-8")
    assert check.main([str(mapping)]) == 2
    assert capsys.readouterr().err == block("text")


def test_the_guide_lists_every_rule_of_a_refused_file():
    listed = set(re.findall(r"`((?:file|schema|mapping)\.[a-z_]+)`", GUIDE))
    assert listed == set(RULES)


def test_a_refused_file_is_told_and_stays(home, capsys):
    mapping, file = home / "shop.yaml", home / "orders.csv"
    mapping.write_text(ORDERS)
    file.write_text("order_no,country\nA1,DE\n")
    assert check.main([str(mapping), str(file)]) == 1
    assert capsys.readouterr().err == (
        "refused: schema.lost_column: orders.csv: none of the 2 columns is named 'ordered_at'\n"
    )
    assert file.exists()


def test_a_name_that_no_pattern_takes_and_empty_required_fields_are_told(home, capsys):
    mapping, file = home / "shop.yaml", home / "export.csv"
    mapping.write_text(ORDERS)
    file.write_text("order_no,ordered_at,country\nA1,2026-01-01,DE\n,2026-01-01,DE\n")
    assert check.main([str(mapping), str(file)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "export.csv: the patterns of `files` do not take this name: orders*"
    assert "    order_no: is required, and empty in 1 records, the first in row 2" in lines
