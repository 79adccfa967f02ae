"""The gate: each of four seeded bugs must turn tests of the delivery contract red, on each broker that it concerns."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INPROCESS = "libs/common/tests/test_delivery_inprocess.py::TestInProcess"
RABBIT = "libs/common/tests/test_delivery_rabbitmq.py"

CAUGHT_BY = {
    "no_confirms": {
        f"{RABBIT}::TestPublisher::test_only_what_the_broker_has_confirmed_is_settled",
        f"{RABBIT}::TestPublisher::test_returned_and_refused_messages_are_told_apart_from_settled_ones",
    },
    "ack_before_commit": {
        f"{broker}::test_a_batch_is_not_acknowledged_before_it_is_committed"
        for broker in (INPROCESS, f"{RABBIT}::TestRabbit")
    },
    "no_inbox": {
        f"{broker}::{test}"
        for broker in (INPROCESS, f"{RABBIT}::TestRabbit")
        for test in (
            "test_a_message_that_comes_twice_takes_effect_once",
            "test_after_a_death_between_effect_and_acknowledgement_effects_are_exactly_once",
        )
    },
    "no_sweep": {
        f"{broker}::test_the_sweep_takes_over_what_a_crashed_process_left"
        for broker in (INPROCESS, f"{RABBIT}::TestRabbit")
    },
}

pytestmark = pytest.mark.faults


def failures(tests: set[str], broker_url: str, mutant: str) -> set[str]:
    """Run tests with a bug planted; those that fail."""
    environ = {
        **os.environ,
        "MUTANT": mutant,
        "TEST_BROKER_URL": broker_url,
        "TEST_PATIENCE": "10" if not mutant else "4",
        "PYTHONPATH": str(Path(__file__).parent),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # of those that are installed the tests need one
    }
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "mutants",
            "-p",
            "pytest_timeout",
            "-q",
            "--tb=line",
            "-p",
            "no:cacheprovider",
            *sorted(tests),
        ],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert done.returncode in {0, 1}, done.stdout + done.stderr
    assert f"{len(tests)} " in done.stdout or done.returncode, done.stdout
    return set(re.findall(r"^FAILED (\S+)", done.stdout, re.MULTILINE))


@pytest.mark.parametrize("mutant", CAUGHT_BY)
def test_a_seeded_bug_turns_tests_red(mutant: str, rabbit_url: str) -> None:
    assert failures(CAUGHT_BY[mutant], rabbit_url, mutant) == CAUGHT_BY[mutant]


def test_without_a_bug_the_same_tests_are_green(rabbit_url: str) -> None:
    assert failures(set().union(*CAUGHT_BY.values()), rabbit_url, mutant="") == set()
