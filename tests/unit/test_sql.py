"""Which published tables a reader's connection shows."""

import re
from pathlib import Path
from types import ModuleType

import pytest

from orchestration.credit import work as credit
from orchestration.lake import Lake
from orchestration.planning import work as planning
from orchestration.settings import Settings
from orchestration.sql import all_models, connect, tables_named_in

# What a room reads for people who ask for a page, a file or a sheet, and what its gate reads of the run's own tables.
_NO_STEPS = ("__main__.py", "export.py", "measures.py", "sheet.py", "sheets.py", "content.py")


def test_a_query_shows_the_tables_that_it_names(tmp_path: Path) -> None:
    query = 'with fct as (select 1) select * from "FCT_orders", fct union all select words from landed_cost_explained'
    assert tables_named_in(query) == {"fct_orders", "landed_cost_explained"}
    # Which tables there are, or might have been meant, is told by all of them.
    for everything in ("show tables", "select * from duckdb_views()", "select * from fct_oders"):
        assert tables_named_in(everything) is None
    with connect(Lake(Settings(home=tmp_path, catalog_uri="")), tables={"landed_cost_explained", "held_back"}) as con:
        shown = {row[0] for row in con.execute("select table_name from information_schema.tables").fetchall()}
        assert con.execute("select words from landed_cost_explained").fetchall() == []
    assert shown == {"landed_cost_explained", "fct_landed_cost", "held_back"}


def test_a_misspelt_table_is_told(tmp_path: Path) -> None:
    with pytest.raises(LookupError, match="fct_oders"):
        connect(Lake(Settings(home=tmp_path, catalog_uri="")), tables={"fct_oders"})


@pytest.mark.parametrize("room", [planning, credit], ids=["planning", "credit"])
def test_the_steps_of_a_room_name_every_table_that_they_read(room: ModuleType) -> None:
    known = {model.name for model in all_models()} | {"held_back"}
    read = {
        name
        for path in Path(str(room.__file__)).parent.rglob("*.py")
        if path.name not in _NO_STEPS
        for name in re.findall(r"\b(?:from|join)\s+([a-z_]+)", path.read_text(encoding="utf-8"))
    } & known
    named = set().union(*(tables for name, tables in vars(room).items() if name.endswith("_READS")))
    assert named <= known
    assert read <= named
