"""What a log shows of an error, and what it must not show."""

import subprocess
import sys

import pytest

PROGRAM = """
import sys
from common.log import configure, get_logger

configure("test", sys.argv[1])

def work(code):
    local = code * 2
    raise ValueError("nothing goes to 13800138000")

try:
    work("".join(["ab", "cd"]))
except ValueError:
    get_logger("test").exception("failed", phone="13900139000")
"""


@pytest.mark.parametrize("style", ["console", "json"])
def test_an_error_is_shown_with_its_way_without_values_of_variables_and_masked(style: str) -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM, style], capture_output=True, text=True, check=True)
    assert "Traceback" in done.stderr
    assert "ValueError: nothing goes to 138****8000" in done.stderr
    assert "139****9000" in done.stderr
    for secret in ("abcd", "13800138000", "13900139000"):
        assert secret not in done.stderr
