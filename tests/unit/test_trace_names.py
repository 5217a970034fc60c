"""The trace's own lists fit what is published: no table is forgotten, no personal field is shown."""

import re

from orchestration.arrivals.contracts import contracts
from orchestration.modeling.manifest import DBT_PROJECT
from orchestration.sql import all_models
from orchestration.trace.feeds import FEEDS
from orchestration.trace.uses import NO_USE, USES

MODELS = {model.spec.name: model for model in all_models()}


def test_every_published_table_is_used_by_orders_or_says_why_not() -> None:
    known = {use.table for use in USES} | set(NO_USE)
    assert {name for name, model in MODELS.items() if model.layer != "staging"} - known == set()
    assert known & {use.table for use in USES} & set(NO_USE) == set()


def test_what_is_asked_of_a_table_are_its_columns() -> None:
    wrong = {
        f"{use.table}.{column}"
        for use in USES
        if use.table in MODELS
        for column in (*use.keys, *use.shown)
        if column not in {declared.name for declared in MODELS[use.table].spec.columns}
    }
    for feed in FEEDS.values():
        for table, asked in [
            (feed.table, (feed.key, *feed.numbers, *feed.days, *feed.shown)),
            *((part.table, (part.key, part.document_column, *part.shown)) for part in feed.parts),
        ]:
            columns = {declared.name for declared in MODELS[table].spec.columns}
            wrong |= {f"{table}.{column}" for column in asked if column not in columns}
    assert wrong == set()


def test_no_personal_field_is_shown() -> None:
    shown = {
        (record.feed, column) for feed in FEEDS.values() for record in (feed, *feed.parts) for column in record.shown
    }
    personal = {
        (contract.feed, name)
        for contract in contracts().values()
        for field in contract.fields
        if field.is_personal
        for name in (field.name, f"{field.name}_key", "customer_key")
    }
    assert shown & personal == set()
    assert {column for use in USES if "customer_key" in use.shown for column in use.hidden} == {"customer_key"}


def test_the_tied_feeds_of_the_sql_are_those_of_the_trace() -> None:
    macro = (DBT_PROJECT / "macros" / "document_ties.sql").read_text()
    tied = dict(re.findall(r"'feed': '(\w+)', 'key': '(\w+)'", macro))
    assert tied == {feed.feed: feed.key for feed in FEEDS.values() if feed.feed not in ("orders", "bank_receipts")}
