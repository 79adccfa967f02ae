"""The command line. Exit status: 0 all is as it should be, 1 it is not, 2 it could not be checked."""

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from haoyuan_draw.check import Check, Known, Result, Verdict, last_winner, verify
from haoyuan_draw.fetch import fetch
from haoyuan_draw.noted import Kept, caveat, compared_with, gaps, in_words, with_receipts
from haoyuan_draw.receipt import check_against, check_receipt
from haoyuan_draw.record import (
    Entered,
    Receipt,
    Record,
    Unreadable,
    Wrong,
    parse,
    read_kept_receipt,
    read_receipt,
    read_record,
)

SOUND, UNSOUND, UNCHECKED = 0, 1, 2
SHOWN = 20


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; answers its exit status."""
    options = _options(argv)
    try:
        return int(options.command(options))
    except Unreadable as error:
        _say(options, {"verified": None, "error": str(error)}, [f"cannot be checked: {error}"])
        return UNCHECKED
    except Wrong as error:
        _say(options, {"verified": False, "error": str(error)}, [f"FAILED    form        {error}"])
        return UNSOUND


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="haoyuan-draw",
        description="Repeats a draw from its public record, offline. Exit status: 0 verified, 1 not, 2 could not be checked.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    one = commands.add_parser("verify", help="repeat a draw and compare it with its record")
    one.set_defaults(command=_verify)
    one.add_argument("source", metavar="FILE_OR_URL", help="the record; - for standard input")
    one.add_argument("--me", metavar="PSEUDONYM", help="explain what became of this entrant")
    one.add_argument("--commitment", type=_hash, help="the commitment that you noted before the draw")
    one.add_argument("--root", type=_hash, help="the root that you noted: of the list of entrants")
    one.add_argument("--digest", type=_hash, help="the digest that you noted: of the whole record")
    one.add_argument(
        "--receipt",
        metavar="FILE_OR_URL",
        action="append",
        default=[],
        help="a receipt that you kept, of before the draw or after it; may be given again",
    )
    one.add_argument("--all", action="store_true", help="show all entrants, not only the first")
    one.add_argument("--json", action="store_true", help="answer as JSON")
    two = commands.add_parser("receipt", help="check a receipt against the record or the root of a draw")
    two.set_defaults(command=_receipt)
    two.add_argument("source", metavar="FILE_OR_URL", help="the receipt; - for standard input")
    against = two.add_mutually_exclusive_group(required=True)
    against.add_argument("--record", metavar="FILE_OR_URL", help="the public record of the draw")
    against.add_argument("--root", type=_hash, help="the root of the draw, known from elsewhere")
    two.add_argument("--json", action="store_true", help="answer as JSON")
    return parser.parse_args(argv)


def _hash(text: str) -> str:
    if len(text) != 64 or not set(text) <= set("0123456789abcdef"):
        raise argparse.ArgumentTypeError("must be 64 digits of lower-case hex")
    return text


def _verify(options: argparse.Namespace) -> int:
    record = read_record(parse(fetch(options.source)))
    known, kept = Known(options.commitment, options.root, options.digest), [_kept(name) for name in options.receipt]
    verdict = with_receipts(verify(record, known), record, kept)
    headline = _headline(record, verdict, known, kept)
    mine = verdict.of(options.me) if options.me else None
    shown = verdict.results if options.all else verdict.results[: record.winners]
    document = {
        "verified": verdict.verified,
        "headline": headline,
        "compared_with": ["itself", *compared_with(known, kept)],
        "not_compared": [gap.__dict__ for gap in gaps(known, kept)],
        "session_id": record.session["id"],
        "policy": record.policy,
        "numbers": record.numbers,
        "entrants": record.entrants,
        "checks": [check.__dict__ for check in verdict.checks],
        "results": [_result(result) for result in shown],
    }
    if options.me:
        document["me"] = _result(mine) if mine else None
    lines = [*_told(verdict.checks), "", *_table(shown, len(shown) if options.all else SHOWN)]
    if options.me:
        lines += ["", *_explained(record, verdict, mine, options.me)]
    _say(options, document, [*lines, "", headline])
    return SOUND if verdict.verified else UNSOUND


def _kept(source: str) -> Receipt | Entered:
    """One of several files may be the wrong one: what is said of it names it."""
    data = fetch(source)
    try:
        return read_kept_receipt(parse(data))
    except (Unreadable, Wrong) as error:
        raise type(error)(f"{source}: {error}") from error


def _receipt(options: argparse.Namespace) -> int:
    receipt = read_receipt(parse(fetch(options.source)))
    if options.record:
        record = read_record(parse(fetch(options.record)))
        checks = list(check_against(receipt, record, verify(record)))
        against = "the record"
    else:
        checks = list(check_receipt(receipt, options.root))
        against = "the root that you gave"
    sound = all(check.ok for check in checks)
    headline = _of_receipt(receipt, sound, against)
    document = {
        "verified": sound,
        "headline": headline,
        "compared_with": [against],
        "session_id": receipt.session_id,
        "pseudonym": receipt.entry.pseudonym,
        "checks": [check.__dict__ for check in checks],
    }
    _say(options, document, [*_told(checks), "", headline])
    return SOUND if sound else UNSOUND


def _of_receipt(receipt: Receipt, sound: bool, against: str) -> str:
    if not sound:
        return "NOT VERIFIED: the receipt does not belong to this draw"
    took_part = f"{receipt.entry.pseudonym} took part in the draw of {receipt.session_id}"
    return f"VERIFIED against {against}, and nothing else: {took_part}, weight {receipt.entry.weight}"


def _say(options: argparse.Namespace, document: dict[str, Any], lines: Iterable[str]) -> None:
    text = json.dumps(document, ensure_ascii=False) if options.json else "\n".join(lines)
    sys.stdout.write(text + "\n")


def _told(checks: Iterable[Check]) -> list[str]:
    return [f"{'ok' if check.ok else 'FAILED':8}  {check.name:16}  {check.found}" for check in checks]


def _headline(record: Record, verdict: Verdict, known: Known, kept: Kept) -> str:
    """Says in one line, so that none quotes the half of it, what was found and what it rests on."""
    what = (
        f"{record.policy} of {record.numbers} numbers among {record.entrants} entrants, session {record.session['id']}"
    )
    if verdict.verified:
        return f"VERIFIED {in_words(known, kept)}: {what}{caveat(known, kept)}"
    failed = dict.fromkeys(check.name for check in verdict.checks if not check.ok)
    return f"NOT VERIFIED ({', '.join(failed)}): {what}"


def _result(result: Result) -> dict[str, Any]:
    return {
        "rank": result.rank,
        "seq": result.entry.seq,
        "pseudonym": result.entry.pseudonym,
        "weight": result.entry.weight,
        "u": str(result.u),
        "key": None if result.key is None else str(result.key),
        "segment": result.segment,
    }


def _table(results: Sequence[Result], most: int) -> list[str]:
    if not results:
        return ["nobody got a number"]
    lines = [f"{'rank':>7}  {'entrant':>7}  {'weight':>6}  {'pseudonym':20}  {'segment':26}  u, and the key -ln(u)/w"]
    for r in results[:most]:
        key = "" if r.key is None else f", {r.key:.12e}"
        got = r.segment or "no number"
        lines.append(
            f"{r.rank:7}  {r.entry.seq:7}  {r.entry.weight:6}  {r.entry.pseudonym:20}  {got:26}  {r.u:.12f}{key}"
        )
    if len(results) > most:
        lines.append(f"... and {len(results) - most} more who got a number (--all shows everybody)")
    return lines


def _explained(record: Record, verdict: Verdict, mine: Result | None, pseudonym: str) -> list[str]:
    """What became of one entrant, and why."""
    if mine is None:
        return [f"{pseudonym} is not in the list of entrants"]
    lines = [
        f"{pseudonym} entered as number {mine.entry.seq}, with weight {mine.entry.weight}.",
        f"The draw gave the uniform number u = {mine.u}.",
    ]
    if mine.key is None:
        lines.append("In a lottery the largest u comes first.")
    else:
        lines.append(f"Her key is -ln(u)/{mine.entry.weight} = {mine.key}; the smallest key comes first.")
    lines.append(f"That is rank {mine.rank} of {record.entrants}; there were {record.numbers} numbers.")
    last = last_winner(record, verdict)
    if mine.segment is not None:
        lines.append(f"So she won a number of the segment that starts at {mine.segment}.")
    elif last is None:
        lines.append("There was nothing to win.")
    else:
        bound = f"u = {last.u}" if last.key is None else f"the key {last.key}"
        lines.append(f"The last winner had {bound}: she waits, {mine.rank - last.rank} places behind.")
    return lines
