"""What staging judges beside other rows is touched when those rows come: else it would never be judged again."""

import re

from orchestration.arrivals.contracts import JUDGED_BESIDE_ORDER, JUDGED_BESIDE_PRODUCT
from orchestration.modeling.manifest import DBT_PROJECT


def feeds_that_read(*tables: str) -> set[str]:
    """The feeds whose judging model names one of these tables."""
    named = re.compile(rf"'({'|'.join(tables)})'")
    models = (DBT_PROJECT / "models" / "staging").rglob("stg_*_judged.sql")
    return {path.stem[4:-7] for path in models if named.search(path.read_text(encoding="utf-8"))}


def test_what_is_judged_beside_its_order_is_touched_by_it() -> None:
    assert feeds_that_read("stg_orders", "stg_order_lines") == set(JUDGED_BESIDE_ORDER)


def test_what_is_judged_beside_the_catalogue_is_touched_by_it() -> None:
    assert feeds_that_read("stg_products") <= set(JUDGED_BESIDE_PRODUCT)
