"""The tests of the pages' logic, which Vitest runs, and their types: so that one summary holds everything."""

import os

import pytest

from stack import pages


@pytest.fixture(scope="module", autouse=True)
def _libraries():
    """Node.js and what npm brings. Without them there is nothing to run."""
    try:
        pages.install()
    except pages.PagesUnavailable as reason:
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI needs the pages: {reason}")
        pytest.skip(f"no pages: {reason}")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("command", [pages.test, pages.check], ids=["vitest", "types"])
def test_the_pages_keep(command, capsys):
    try:
        command()
    except pages.PagesUnavailable:
        pytest.fail(capsys.readouterr().out, pytrace=False)
