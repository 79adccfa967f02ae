"""`make bench`, or `python -m bench [--quick] [names...]`: measure all figures, or those named.

The names: idle draws waits reminders browsing rejected screens latency sagas accepted hot rosters. `--quick` takes less than a minute and is for a first look; the
figures that count come of a full run on a machine with nothing else to do. The result is also written to var/bench/.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from common.clock import SHANGHAI

from bench import report, world
from bench.figures import FIGURES
from bench.pgbench import PgBench
from stack.server import ServersUnavailable

DIRECTORY = Path("var/bench")


def main(argv: Sequence[str]) -> int:
    """The command line."""
    options = _options(argv)
    seconds, rounds, buyers = (1.0, 1, 4) if options.quick else (options.seconds, options.rounds, 24)
    print(f"{report.machine()}\n{rounds} rounds of {seconds:g} s each; the load generator shares the cores", flush=True)
    started = time.monotonic()
    figures: list[report.Figure] = []
    try:
        with world.running(DIRECTORY / "system", buyers, seconds, rounds) as running:
            print(f"the system runs ({time.monotonic() - started:.0f} s)", flush=True)
            slot = running.first_slot("hot")
            limits = PgBench(running.system, slot)
            for name in [n for n in FIGURES if n in options.names or not options.names]:
                found = FIGURES[name](running, limits)
                print("\n".join(map(report.details, found)), flush=True)
                figures += found
    except ServersUnavailable as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("bench: broken off", file=sys.stderr)
        return 130
    path = DIRECTORY / f"{datetime.now(SHANGHAI):%Y%m%d-%H%M%S}.json"
    report.save(path, figures, mode="quick" if options.quick else "full")
    print(f"\n{report.table(figures)}\n\n{time.monotonic() - started:.0f} s in all; every round: {path}")
    return 0


def _options(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Speed, beside its limits")
    parser.add_argument("names", nargs="*", help=f"some of: {' '.join(FIGURES)}")
    parser.add_argument("--quick", action="store_true", help="less than a minute, one round each")
    parser.add_argument("--seconds", type=float, default=6.0, help="how long a round lasts")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(argv)
    if unknown := set(options.names) - set(FIGURES):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    return options


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
