"""What of Lighthouse's figures counts as reached."""

from bench.lighthouse import SCRIPTS, below, line

GOOD = {
    "name": "home",
    "landed": "/",
    "scores": {"performance": 95, "accessibility": 100, "best-practices": 100},
    "script_bytes": SCRIPTS,
    "all_bytes": 2 * SCRIPTS,
    "first_paint_ms": 900,
    "largest_paint_ms": 1200,
    "blocked_ms": 20,
    "shift": 0.0,
    "wrong": [],
}


def test_a_page_that_reaches_every_goal_misses_none():
    assert below(GOOD) == []
    assert "JavaScript 200.0 kB of 400.0 kB" in line(GOOD)


def test_each_goal_is_missed_by_itself():
    assert below({**GOOD, "scores": {**GOOD["scores"], "performance": 94}}) == ["performance 94 < 95"]
    assert below({**GOOD, "scores": {**GOOD["scores"], "accessibility": 0}}) == ["accessibility 0 < 95"]
    assert below({**GOOD, "script_bytes": SCRIPTS + 1}) == ["200001 bytes of JavaScript > 200000"]
    assert "wrong: Contrast" in line({**GOOD, "wrong": ["Contrast"]})
