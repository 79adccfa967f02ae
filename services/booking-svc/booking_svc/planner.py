"""`python -m booking_svc.planner`: what one more doctor would change, at a terminal.

    what-if QUESTION.json                   a question as POST /planning/what-if takes it; `-` reads it from standard input
    back-test DEPARTMENT FROM TO            what it would have said of past sessions, beside what happened

It needs booking-svc's environment (DATABASE_URL), and changes nothing. `--json` prints what the API would answer. Exit status 1 for
a question that cannot be answered, with the reason.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from common.errors import Fault
from common.jsons import encode
from common.outbox import Database
from common.run import load

from booking_svc.api.show_waits import show_back_test, show_planned
from booking_svc.api.wait_schemas import BackTestQuery, WhatIfSchema
from booking_svc.api.waits import plan_of
from booking_svc.clinic.staff import Staff
from booking_svc.usecases.waiting import backtest, planning

_EVERYWHERE = Staff("planner", everywhere=True)
_COLUMNS = ("doctors", "seen", "wait_p50", "wait_p90", "overtime", "idle", "utilisation")


class Unanswerable(Exception):
    """What is wrong with a question."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    given = _parser().parse_args(arguments)
    service = load("booking-svc")
    try:
        answer, told = (_what_if if given.what == "what-if" else _back_test)(service.database, given)
    except (Unanswerable, Fault) as fault:
        extra = f" {fault.code}: {dict(fault.extra)}" if isinstance(fault, Fault) else ""
        print(f"{fault}{extra}", file=sys.stderr)  # noqa: T201  a command's answer
        return 1
    finally:
        service.database.close()
    print(encode(answer).decode() if given.json else told)  # noqa: T201  a command's answer
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="booking_svc.planner", description="What other staffing would change")
    what = parser.add_subparsers(dest="what", required=True)
    asks = what.add_parser("what-if", help="compare plans")
    asks.add_argument("question", help="a JSON file, - for standard input")
    tests = what.add_parser("back-test", help="what would have been said of past sessions")
    for name in ("department_id", "date_from", "date_to"):
        tests.add_argument(name)
    for each in (asks, tests):
        each.add_argument("--json", action="store_true", help="print what the API would answer")
    return parser


def _what_if(database: Database, given: argparse.Namespace) -> tuple[dict[str, Any], str]:
    try:
        text = sys.stdin.read() if given.question == "-" else Path(given.question).read_text(encoding="utf-8")
        body = json.loads(text)
    except (OSError, ValueError) as error:
        raise Unanswerable(f"no question in {given.question}: {error}") from error
    asked = _loaded(WhatIfSchema(), body)
    plan = plan_of(database, _EVERYWHERE, asked["base"])
    answer = show_planned(planning.what_if(plan, asked["question"]), asked["question"])
    rows = [("base", answer["base"]), *((each["name"] or "-", each) for each in answer["alternatives"])]
    lines = [_row("", _COLUMNS), *(_row(name, [_figure(each[c]) for c in _COLUMNS]) for name, each in rows)]
    return answer, "\n".join([*lines, *_staffing(answer["staffing"])])


def _staffing(found: Mapping[str, Any] | None) -> list[str]:
    if found is None:
        return []
    asked = f"P90 below {_figure(found['target_p90'])} s"
    if found["doctors"] is None:
        return [f"{asked}: not with {found['most_doctors']} doctors, who come to {_figure(found['best_p90'])} s"]
    return [f"{asked}: the fewest doctors are {found['doctors']}"]


def _back_test(database: Database, given: argparse.Namespace) -> tuple[dict[str, Any], str]:
    names = ("department_id", "date_from", "date_to")
    asked = _loaded(BackTestQuery(), {name: getattr(given, name) for name in names})
    found = backtest.back_test(database, _EVERYWHERE, *(asked[name] for name in names))
    answer = show_back_test(given.department_id, found)
    columns = ("doctors", "seen", "was", "P90", "low", "high", "was", "overtime", "was")
    lines = [_row("", columns)]
    for each in answer["sessions"]:
        said, was = each["said"], each["happened"]
        figures = [each["doctors"], said["seen"], was["seen"], said["wait_p90"], each["low"], each["high"]]
        figures += [was["wait_p90"], said["overtime"], was["overtime"]]
        lines.append(_row(f"{each['date']} {each['session_id']}", [_figure(f) for f in figures]))
    lines += [f"{name}: {_errors(answer[name])}" for name in ("seen", "wait_p90", "overtime")]
    return answer, "\n".join(lines)


def _errors(errors: Mapping[str, Any] | None) -> str:
    if errors is None:
        return "no session"
    within = "" if errors["within"] is None else f", within the 80 % band {errors['within']:.0%}"
    return f"bias {errors['bias']:+}, mean absolute error {errors['mean_absolute']}{within}"


def _loaded(schema: Any, data: Any) -> dict[str, Any]:
    """Raises Unanswerable, with what is wrong."""
    if wrong := schema.validate(data):
        raise Unanswerable(f"that is no question: {json.dumps(wrong)}")
    loaded: dict[str, Any] = schema.load(data)
    return loaded


def _row(name: str, cells: Sequence[str]) -> str:
    return f"{name:44}" + "".join(f"{cell:>12}" for cell in cells)


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}" if 0 < abs(value) < 10 else f"{value:.0f}"


if __name__ == "__main__":
    sys.exit(main())
