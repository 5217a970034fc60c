"""The order in which folders of tests are begun."""

import pytest

# What builds lakes takes minutes in few tests. Begun last it would leave the other process without work for as long.
_BEGUN_FIRST = ("flow", "journeys")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of whole runs before the quick ones; among themselves both keep the random order that they were given."""
    items.sort(key=lambda item: item.path.parent.name not in _BEGUN_FIRST)
