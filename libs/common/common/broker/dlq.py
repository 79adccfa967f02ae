"""The `dlq` command: look at the parked messages of a service, replay them once their cause is mended, or drop them.

python -m common.run dlq <svc> list
python -m common.run dlq <svc> replay|drop <id>|--all
"""

import argparse
import sys
from collections.abc import Callable, Sequence

from common.outbox.keeping import Parked
from common.processor import Processor

MOST = 1_000_000  # as many as one look takes
REASON_WIDTH = 90


def main(processor: Processor, argv: Sequence[str]) -> int:
    """Run the command for one service. Answers the exit status: 1 if a message could not be replayed or found."""
    parser = argparse.ArgumentParser(prog=f"dlq {processor.service}", description="Parked messages")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="show them, oldest first")
    for name, text in (("replay", "handle again, and unpark what succeeds"), ("drop", "forget for good")):
        command = commands.add_parser(name, help=text)
        which = command.add_mutually_exclusive_group(required=True)
        which.add_argument("id", nargs="?", help="the message's id")
        which.add_argument("--all", action="store_true", help="every parked message, oldest first")
    options = parser.parse_args(argv)
    if options.command == "list":
        return show(processor)
    act = replay if options.command == "replay" else drop
    chosen = [p for p in _all_parked(processor) if options.all or p.message_id == options.id]
    if options.id and not chosen:
        print(f"{processor.service}: no parked message {options.id}", file=sys.stderr)  # noqa: T201  a command's answer
        return 1
    return _each(processor, chosen, act)


def show(processor: Processor) -> int:
    """Print the parked messages, the reason of each below it."""
    parked = list(_all_parked(processor))
    for p in parked:
        _say(f"{p.message_id}  {p.parked_at:%Y-%m-%d %H:%M:%S}Z  {p.type or 'unreadable'}  {len(p.body)} bytes")
        _say(f"    {' '.join(p.reason.split())[:REASON_WIDTH]}")
    _say(f"{processor.service}: {len(parked)} parked")
    return 0


def replay(processor: Processor, parked: Parked) -> str:
    """Handle it again. Raises what its handler raises; then it stays parked."""
    processor.replay(parked)
    return "replayed"


def drop(processor: Processor, parked: Parked) -> str:
    """Forget it."""
    processor.store.unpark(parked.message_id)
    return "dropped"


def _each(processor: Processor, chosen: Sequence[Parked], act: Callable[[Processor, Parked], str]) -> int:
    failed = 0
    for p in chosen:
        try:
            _say(f"{p.message_id}  {act(processor, p)}")
        except Exception as error:  # noqa: BLE001  the next ones shall have their turn
            failed += 1
            _say(f"{p.message_id}  stays parked: {type(error).__name__}: {error}")
    _say(f"{processor.service}: {len(chosen) - failed} done, {failed} left")
    return 1 if failed else 0


def _all_parked(processor: Processor) -> list[Parked]:
    return processor.store.parked(limit=MOST)


def _say(line: str) -> None:
    print(line)  # noqa: T201  a command's output
