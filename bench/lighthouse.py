"""`make lighthouse`, or `python -m bench.lighthouse [--runs 3]`: the patients' pages on a phone, as Lighthouse sees them.

Against a `make run` of its own with its demo, with this machine's Chromium. Each page is visited for the first time in each run; what
is shown is the run of the median performance. Exit status 1 if a score is below its goal. The result is also written to var/bench/.
"""

import argparse
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from common.clock import SHANGHAI

from demo.seed import PASSWORD
from stack import browser, pages
from stack.process import Command, Process, free_port, wait_until
from stack.server import HttpServer, ServersUnavailable

DIRECTORY = Path("var/bench")
PATIENT = "demo"
GOALS = {"performance": 95, "accessibility": 95, "best-practices": 95}
SCRIPTS = 200_000
"""Bytes of JavaScript of a first load, gzipped."""
START_SECONDS = 180.0


@contextmanager
def running(directory: Path) -> Iterator[HttpServer]:
    """`make run` in a folder, once its demo is there."""
    port = free_port()
    env = {**os.environ, "PORT": str(port), "DATA_DIR": str(directory)}
    process = Process("embedded", Command([sys.executable, "-m", "embedded"], env=env), directory / "run.log")
    directory.mkdir(parents=True, exist_ok=True)
    process.log.write_text("")
    server = HttpServer(process, port, "/readyz")
    server.start()
    try:
        wait_until(lambda: "Ctrl-C ends it" in process.log.read_text(), START_SECONDS, "the demo")
        yield server
    finally:
        server.stop()


def measure(url: str, runs: int) -> list[dict[str, Any]]:
    """What Lighthouse says of each page. Raises PagesUnavailable, ServersUnavailable, ChildProcessError."""
    pages.install(pages.MEASURE)
    with urllib.request.urlopen(f"{url}/api/v1/doctors?limit=1", timeout=30) as answer:  # noqa: S310  our own
        doctor = json.load(answer)["items"][0]["id"]
    wanted = {
        "chrome": browser.executable(),
        "flags": browser.arguments(),
        "base": url,
        "username": PATIENT,
        "password": PASSWORD,
        "runs": runs,
        "pages": [
            {"name": "home", "path": "/", "login": False},
            {"name": "doctor", "path": f"/doctors/{doctor}", "login": False},
            {"name": "orders", "path": "/orders", "login": True},
        ],
    }
    done = subprocess.run(
        ["node", "measure.mjs"],
        cwd=pages.MEASURE,
        env=pages.environment(),
        input=json.dumps(wanted),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ChildProcessError(done.stderr)
    return [json.loads(line) for line in done.stdout.splitlines()]


def below(found: dict[str, Any]) -> list[str]:
    """Which goals a page does not reach."""
    missed = [
        f"{name} {found['scores'][name]} < {goal}" for name, goal in GOALS.items() if found["scores"][name] < goal
    ]
    if found["script_bytes"] > SCRIPTS:
        missed.append(f"{found['script_bytes']} bytes of JavaScript > {SCRIPTS}")
    return missed


def line(found: dict[str, Any]) -> str:
    """A page as a row."""
    scores = " ".join(f"{name} {found['scores'][name]:3}" for name in GOALS)
    times = (
        f"paint {found['first_paint_ms']} ms, largest {found['largest_paint_ms']} ms, blocked {found['blocked_ms']} ms"
    )
    weight = f"JavaScript {found['script_bytes'] / 1000:.1f} kB of {found['all_bytes'] / 1000:.1f} kB"
    wrong = f"\n    wrong: {'; '.join(found['wrong'])}" if found["wrong"] else ""
    return (
        f"{found['name']:<8} {found['landed']:<12.12} {scores}   {times}, shift {found['shift']:.3f}, {weight}{wrong}"
    )


def main(argv: Sequence[str]) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.lighthouse", description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args(argv)
    stamp = f"{datetime.now(SHANGHAI):%Y%m%d-%H%M%S}"
    try:
        pages.build()
        with running((DIRECTORY / f"pages-{stamp}").absolute()) as server:
            results = measure(server.url, options.runs)
    except (pages.PagesUnavailable, ServersUnavailable, ChildProcessError, TimeoutError) as reason:
        print(f"lighthouse: {reason}", file=sys.stderr)
        return 1
    print("\n".join(map(line, results)))
    (DIRECTORY / f"lighthouse-{stamp}.json").write_text(json.dumps(results, indent=2, ensure_ascii=False))
    missed = [f"{found['name']}: {each}" for found in results for each in below(found)]
    print("\n".join(missed) or "every goal is reached")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
