"""The bench of reminders fires and sends, in a process of its own, and fails if that does."""

import pytest

from bench import reminders


def test_a_few_reminders_are_measured():
    speed, memory, rate, urgent = figures = reminders.measure(60, 3)
    assert all(len(figure.values) == 1 for figure in figures)
    assert speed.value > 0
    assert memory.value > 20, "MB"
    assert rate.value >= 1, "letters went out"
    assert urgent.value < 60, "the urgent one went out before the last of those that were there first"


def test_a_process_that_fails_is_no_figure(monkeypatch):
    monkeypatch.setattr(reminders, "_FIRE", "raise SystemExit('gone wrong')")
    with pytest.raises(AssertionError, match="exit 1: gone wrong"):
        reminders.measure(1, 1)
