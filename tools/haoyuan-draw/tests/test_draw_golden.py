"""The pages repeat a draw by a program of their own; what it is held against are this tool's verdicts of today."""

import runpy
from pathlib import Path

GOLDEN = Path(__file__).parents[3] / "web/src/draws/golden"


def test_the_pages_are_held_against_todays_verdicts() -> None:
    """If not: run web/src/draws/golden/make.py."""
    assert runpy.run_path(str(GOLDEN / "make.py"))["made"]() == (GOLDEN / "golden.json").read_text(encoding="utf-8")
