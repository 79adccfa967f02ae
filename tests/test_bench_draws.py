"""The bench of draws draws and verifies, each in a process of its own, and fails if one of them does."""

import sys

import pytest

from bench import draws


def test_a_small_draw_is_measured():
    figures = draws.measure(300, 20, 2)
    assert [len(figure.values) for figure in figures] == [2, 2, 2, 2]
    assert all(figure.met in {True, False} for figure in figures), (
        "each has a goal; whether it is met is the machine's affair"
    )
    assert all(value > 5 for figure in figures[1::2] for value in figure.values), "MB"
    assert "MB" in figures[0].notes[0]


def test_a_process_that_fails_is_no_figure():
    with pytest.raises(AssertionError, match="exit 3: gone wrong"):
        draws._run([sys.executable, "-c", "import sys; print('gone wrong'); sys.exit(3)"])
