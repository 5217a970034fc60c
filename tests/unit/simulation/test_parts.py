"""A world delivered up to a day and then day by day: the same records as at once, none twice and none left out."""

from collections import Counter
from datetime import date

import numpy as np
import pytest

from orchestration.simulation.defects.inject import DefectConfig, inject
from orchestration.simulation.defects.overrides import TextOverrides
from orchestration.simulation.documents.generate import generate_documents
from orchestration.simulation.making import WorldPlan, make_world
from orchestration.simulation.parts import Part, message_days
from orchestration.simulation.world.building import build_world
from orchestration.simulation.world.config import WorldConfig
from orchestration.simulation.world.generate import generate_commerce

LAST = date(2023, 4, 30)
CONFIG = WorldConfig(seed=11, orders=3_000, months=2, sellers=120, markets=("US", "CN"))


@pytest.fixture(scope="module")
def dirty():
    world = build_world(CONFIG)
    commerce = generate_commerce(world, "US", "2023-04")
    tables = {**commerce.tables, **generate_documents(world, commerce.batch).tables}
    return inject(tables, config=DefectConfig(5, 10.0), tag="US-2023-04")


def records(tables, overrides):
    """How often each record is there, with the texts that its file shows."""
    return {key: Counter(map(repr, overrides.over(*key, table).to_pylist())) for key, table in tables.items()}


def test_the_parts_hold_every_record_once_and_its_odd_texts(dirty):
    parts = [Part.up_to(date(2023, 4, 28)), *(Part.of_day(date(2023, 4, day), last=LAST) for day in (29, 30))]
    found = {key: Counter() for key in dirty.tables}
    for part in parts:
        tables, overrides = part.of(dirty.tables, dirty.overrides)
        # A column of which one value is shown as another text is text in its whole file: compare by texts.
        texts = {key: dirty.overrides.of(*key) for key in tables}
        shown = {key: {name: values.texts for name, values in overrides.of(*key).items()} for key in tables}
        assert all(set(shown[key]) == set(texts[key]) for key in tables)
        for key, table in tables.items():
            found[key] += Counter(map(repr, table.to_pylist()))
    assert found == records(dirty.tables, TextOverrides())
    odd = Counter(
        (key, name, text)
        for part in parts
        for key, fields in part.of(dirty.tables, dirty.overrides)[1].texts.items()
        for name, values in fields.items()
        for text in values.texts.to_pylist()
    )
    whole = Counter(
        (key, name, text)
        for key, fields in dirty.overrides.texts.items()
        for name, values in fields.items()
        for text in values.texts.to_pylist()
    )
    assert odd == whole
    assert sum(whole.values()) > 10


def test_a_text_stays_with_its_record(dirty):
    part = Part(after=date(2023, 4, 15))
    tables, overrides = part.of(dirty.tables, dirty.overrides)

    def named(key, table, field):
        return {
            (table.column(0)[row].as_py(), text.as_py())
            for row, text in zip(field.rows.tolist(), field.texts, strict=True)
        }

    found = 0
    for key, fields in overrides.texts.items():
        for name, field in fields.items():
            whole = named(key, dirty.tables[key], dirty.overrides.of(*key)[name])
            assert named(key, tables[key], field) <= whole
            found += len(field.rows)
    assert found > 5


def test_lines_come_with_their_order(dirty):
    tables = dirty.tables
    header = dict(
        zip(tables["hub", "orders"]["order_no"].to_pylist(), message_days(("hub", "orders"), tables), strict=True)
    )
    lines = tables["hub", "order_lines"]["order_no"].to_pylist()
    days = message_days(("hub", "order_lines"), tables)
    known = [(header[order], day) for order, day in zip(lines, days.tolist(), strict=True) if order in header]
    assert len(known) > 1000
    assert all(day == order_day for order_day, day in known)


def test_a_made_day_adds_files_and_leaves_the_truth_alone(tmp_path):
    def make(part, name):
        plan = WorldPlan(CONFIG, tmp_path / name, tmp_path / f"truth-{name}", 1, DefectConfig(5), part)
        return make_world(plan)

    whole, until = make(Part(), "whole"), make(Part.up_to(date(2023, 4, 29)), "parts")
    before = {path.name for path in (tmp_path / "parts").iterdir()}
    day = make_world(
        WorldPlan(CONFIG, tmp_path / "parts", tmp_path / "truth-day", 1, DefectConfig(5), Part.of_day(LAST, last=LAST))
    )
    assert until.rows + day.rows == whole.rows
    assert 0 < day.rows < whole.rows / 20
    assert until.orders + day.orders == whole.orders
    assert {path.name for path in day.files}.isdisjoint(before)
    assert not (tmp_path / "truth-day").exists()
    assert np.array_equal(
        sorted(path.name for path in (tmp_path / "truth-whole").iterdir()),
        sorted(path.name for path in (tmp_path / "truth-parts").iterdir()),
    )
