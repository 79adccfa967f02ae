"""Loads the fixtures of the real servers for every test of the tree."""

import pytest

pytest_plugins = ["stack.pytest_fixtures"]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What kills processes takes longest, so it comes first: two processes share the tests, and neither shall be left alone with it."""
    items.sort(key=lambda item: "faults" not in item.path.parts)
