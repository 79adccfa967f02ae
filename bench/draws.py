"""A draw of 1,000 numbers among 100,000 entrants, and its verification: each in a process of its own, with its memory."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench.pgbench import PgBench
from bench.report import Figure
from bench.world import World

ENTRANTS, ENTRANTS_QUICK, NUMBERS = 100_000, 10_000, 1_000
MEMORY = 500
"""MB; none of the two may take more."""
SECONDS = 30

# What schedule-svc does between reading the entrants and storing the record; the service itself is nobody's to import.
_DRAW = """
import hashlib, sys
from datetime import UTC, datetime
from pathlib import Path
from schedule_svc.draw import Entrant, Terms, run
path, entrants, numbers = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
at = datetime(2026, 12, 1, tzinfo=UTC)
terms = Terms("ses", "hos", "dep", "doc", "2026-12-05", "morning", at, "weighted", at, at, at, [("slt", at, numbers)])
who = [Entrant(i, hashlib.sha256(b"%d" % i).hexdigest()[:16], 1 + i % 7) for i in range(1, entrants + 1)]
Path(path).write_bytes(run(bytes(32), terms, who).record)
"""


def draws(world: World, _limits: PgBench) -> list[Figure]:
    """(h) A weighted draw and its verification by tools/haoyuan-draw; start-up of the processes included."""
    return measure(ENTRANTS if world.seconds > 1 else ENTRANTS_QUICK, NUMBERS, world.rounds)


def measure(entrants: int, numbers: int, rounds: int) -> list[Figure]:
    """Seconds and the most memory of both, in that many rounds."""
    what = f"{numbers:,} of {entrants:,}"
    draw, verification = (
        (
            Figure(f"(h) {name} of {what}", "s", goal=f"at most {SECONDS}", better="lower"),
            Figure("    its memory, at most", "MB", goal=f"below {MEMORY}", better="lower"),
        )
        for name in ("a draw", "verification")
    )
    with tempfile.TemporaryDirectory() as folder:
        record = str(Path(folder) / "record.json")
        for _ in range(rounds):
            _note(draw, _run([sys.executable, "-c", _DRAW, record, str(entrants), str(numbers)]))
            _note(verification, _run([sys.executable, "-m", "haoyuan_draw", "verify", record, "--json"]))
        draw[0].notes.append(f"the record has {Path(record).stat().st_size / 1e6:.1f} MB")
    for seconds, memory in (draw, verification):
        seconds.met, memory.met = seconds.value <= SECONDS, memory.value < MEMORY
    return [*draw, *verification]


def _note(figures: tuple[Figure, Figure], found: tuple[float, float]) -> None:
    for figure, value in zip(figures, found, strict=True):
        figure.values.append(value)


def _run(command: Sequence[str]) -> tuple[float, float]:
    """Seconds, and MB at most resident (getrusage(2): Linux counts in KB). Raises if it fails."""
    started = time.monotonic()
    with tempfile.TemporaryFile() as said, subprocess.Popen(command, stdout=said, stderr=said) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            raise AssertionError(f"{command[1:3]}: exit {process.returncode}: {said.read()[-500:].decode()}")
    return time.monotonic() - started, usage.ru_maxrss / 1024
