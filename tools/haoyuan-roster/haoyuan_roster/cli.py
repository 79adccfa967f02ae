"""The command haoyuan-roster.

Exit status: 0 all is well; 1 rows have errors, or were rejected; 2 wrong usage, or a file that cannot be read; 3 not everything could
be delivered, or no answer came; 130 interrupted.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from haoyuan_roster_format import BEIJING, SESSIONS_PER_PART

from haoyuan_roster import commands, interruption, singles
from haoyuan_roster.commands import Target
from haoyuan_roster.faults import Refused, Undelivered, Unusable
from haoyuan_roster.ledger import default_path
from haoyuan_roster.roster import parse_window
from haoyuan_roster.show import say

PATIENCE_SECONDS, WAIT_SECONDS = 60.0, 300.0
LONGEST_VERSION = 2**31 - 1

T = TypeVar("T")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; answers the exit status."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a console that knows no Chinese
    options = _parser().parse_args(argv)
    interruption.watch()
    try:
        return int(options.run(options))
    except Unusable as error:
        say(f"haoyuan-roster: {error} ({error.code})")
        return 2
    except Undelivered as error:
        say(f"haoyuan-roster: {error}")
        return 3
    except BrokenPipeError:  # `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        say("interrupted")
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="haoyuan-roster", description="Publish a hospital's roster to Haoyuan.")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_validate(subparsers)
    _add_publish(subparsers)
    _add_singles(subparsers)
    _add_watch(subparsers)
    return parser


def _add_validate(subparsers: Any) -> None:
    parser = subparsers.add_parser("validate", help="look at a roster, JSON or CSV; nothing is sent")
    parser.add_argument("file", type=Path)
    parser.add_argument("--json", action="store_true", help="what is found, for machines")
    _window(parser)
    parser.set_defaults(run=lambda o: commands.validate(o.file, o.window, as_json=o.json))


def _add_publish(subparsers: Any) -> None:
    parser = subparsers.add_parser("publish", help="look at a roster, and send it")
    parser.add_argument("file", type=Path)
    _target(parser)
    _window(parser)
    parser.add_argument(
        "--as-of", type=_time, metavar="TIME", help="when that was so (default: the file's last change)"
    )
    parser.add_argument("--keep-going", action="store_true", help="leave rows with errors out, and send the others")
    parser.add_argument("--part-size", type=_whole(1, SESSIONS_PER_PART), default=SESSIONS_PER_PART, metavar="ROWS")
    _version(parser)
    _wait(parser)

    def run(o: argparse.Namespace) -> int:
        order = commands.Order(o.file, o.window, o.as_of, o.keep_going, o.part_size, o.version, o.ledger)
        return commands.publish(order, _target_of(o), datetime.now(UTC), _waiting(o))

    parser.set_defaults(run=run)


def _add_singles(subparsers: Any) -> None:
    for name, about in (
        ("stop", "停诊: a session does not take place"),
        ("resume", "a stopped session takes place after all"),
        ("add", "加号: numbers beyond the plan; they replace what was added before"),
    ):
        parser = subparsers.add_parser(name, help=about, description=about)
        parser.add_argument("session", help="the session's code")
        if name == "stop":
            parser.add_argument("--reason", required=True)
        if name == "add":
            parser.add_argument("slots", nargs="*", type=_slot, metavar="TIME=NUMBERS", help="2026-12-01T08:00=2")
        _target(parser)
        _version(parser)
        _wait(parser)
        parser.set_defaults(run=_single, command=name)


def _single(o: argparse.Namespace) -> int:
    now = datetime.now(UTC)
    if o.command == "add":
        event = singles.added(o.session, o.slots)
    else:
        event = singles.stopped(o.session, o.reason) if o.command == "stop" else singles.resumed(o.session)
    return commands.tell(event, _target_of(o), now, o.version, o.ledger, _waiting(o))


def _add_watch(subparsers: Any) -> None:
    parser = subparsers.add_parser("watch", help="show what becomes of what was sent")
    _target(parser)
    parser.add_argument(
        "--until-done", nargs="+", default=[], metavar="ID", help="end when the results of these have come"
    )
    parser.add_argument("--timeout", type=_seconds, metavar="SECONDS", help="end then in any case")
    parser.set_defaults(run=lambda o: commands.watch(_target_of(o), o.until_done, o.timeout))


def _target(parser: argparse.ArgumentParser) -> None:
    env = os.environ.get
    parser.add_argument(
        "--url", default=env("HAOYUAN_ROSTER_URL"), help="amqps://user:password@host/vhost (HAOYUAN_ROSTER_URL)"
    )
    parser.add_argument(
        "--hospital",
        default=env("HAOYUAN_ROSTER_HOSPITAL"),
        metavar="CODE",
        help="default: the file's own, or the URL's user (HAOYUAN_ROSTER_HOSPITAL)",
    )
    parser.add_argument(
        "--patience", type=_seconds, default=PATIENCE_SECONDS, help="seconds to wait for a lost connection"
    )


def _target_of(o: argparse.Namespace) -> Target:
    return Target(o.url, o.hospital, o.patience)


def _window(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--window",
        type=_argument(parse_window),
        metavar="FROM..TO",
        help="the sessions of these days only; published, they are all that there are: others of these days do not take place",
    )


def _version(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--version", type=_whole(0, LONGEST_VERSION), help="instead of one from the ledger")
    parser.add_argument(
        "--ledger", type=Path, default=default_path(), help="which versions were sent (HAOYUAN_ROSTER_LEDGER)"
    )


def _wait(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--wait", action="store_true", help="wait for the results, which decide the exit status")
    parser.add_argument("--timeout", type=_seconds, default=WAIT_SECONDS, metavar="SECONDS", help="how long to wait")


def _waiting(o: argparse.Namespace) -> float | None:
    return o.timeout if o.wait else None


def _argument(read: Callable[[str], T]) -> Callable[[str], T]:
    """Refusals in argparse's way."""

    def argument(text: str) -> T:
        try:
            return read(text)
        except Refused as fault:
            raise argparse.ArgumentTypeError(str(fault)) from None

    return argument


def _whole(least: int, most: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {least} to {most}")
        return int(text)

    return number


def _seconds(text: str) -> float:
    return float(_whole(0, 7 * 86400)(text))


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no time such as 2026-12-01T08:00") from None
    return time if time.tzinfo else time.replace(tzinfo=BEIJING)


def _slot(text: str) -> tuple[datetime, int]:
    time, _, extra = text.rpartition("=")
    return _time(time), _whole(0, 10_000)(extra)


if __name__ == "__main__":
    sys.exit(main())
