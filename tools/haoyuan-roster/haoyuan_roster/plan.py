"""The sessions that a line of a CSV roster stands for: one for each date and part of the day.

A session's code is the doctor's, the date and the part of the day, so that the same line gives the same codes whatever else changes:
D001-20261201-morning. A `tag` is appended where a doctor has two sessions in one part of a day.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from haoyuan_roster_format import BEIJING

from haoyuan_roster.csvfile import Line
from haoyuan_roster.faults import Refused
from haoyuan_roster.hours import Minutes, Shift, shown

LONGEST_PLAN = 400
"""Days that one line may span."""

AFTERNOON, EVENING = 12 * 60, 18 * 60
"""A slot belongs to the part of the day in which it starts, unless the line says otherwise."""


def sessions(line: Line) -> Iterator[dict[str, Any]]:
    """The rows, as JSON would have them, in the order of their times. Raises Refused, naming the column, before the first."""
    values = line.values
    _check(values)
    if values["date"] is not None:
        shifts = [Shift(values["date"].weekday(), values["start"], values["end"])]
        days = [values["date"]]
    else:
        shifts = values["hours"]
        days = list(_days(values["valid_from"], values["valid_to"]))
    _check_slots(shifts, values["slot_minutes"])
    return (row for day in days if day not in values["except"] for row in _of_day(values, day, shifts))


def _check(values: dict[str, Any]) -> None:
    """What must stand together."""
    weekly, dated = ("hours", "valid_from", "valid_to"), ("date", "start", "end")
    wanted, others = (dated, weekly) if values["date"] is not None else (weekly, dated)
    for name in wanted:
        if values[name] is None:
            raise Refused("invalid", f"is missing; a line has {', '.join(weekly)} or {', '.join(dated)}", name)
    for name in others:
        if values[name] is not None:
            raise Refused("invalid", f"stands in a line that has {wanted[0]}", name)
    if values["date"] is None and not 0 <= (values["valid_to"] - values["valid_from"]).days <= LONGEST_PLAN:
        raise Refused("bad_date", f"is not within {LONGEST_PLAN} days from valid_from", "valid_to")
    if values["date"] is not None and values["start"] >= values["end"]:
        raise Refused("bad_times", "is not after the start", "end")
    for name in ("draw_days", "draw_time"):
        if (values[name] is None) != (values["policy"] == "first_come"):
            said = "is missing" if values[name] is None else "stands there without a draw"
            raise Refused("bad_draw", f"{said}, for policy {values['policy']}", name)


def _check_slots(shifts: list[Shift], minutes: Minutes) -> None:
    for shift in shifts:
        if (shift.end - shift.start) % minutes:
            raise Refused(
                "bad_slots", f"{shown(shift)} cannot be divided into slots of {minutes} minutes", "slot_minutes"
            )


def _days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=n) for n in range((last - first).days + 1))


def _of_day(values: dict[str, Any], day: date, shifts: list[Shift]) -> Iterator[dict[str, Any]]:
    step = values["slot_minutes"]
    starts = [t for shift in shifts if shift.weekday == day.weekday() for t in range(shift.start, shift.end, step)]
    periods: dict[str, list[Minutes]] = {}
    for start in starts:
        periods.setdefault(values["period"] or _period(start), []).append(start)
    for period, its_starts in periods.items():
        yield _session(values, day, period, [_slot(values, day, start) for start in its_starts])


def _period(start: Minutes) -> str:
    return "morning" if start < AFTERNOON else "afternoon" if start < EVENING else "evening"


def _session(values: dict[str, Any], day: date, period: str, slots: list[dict[str, Any]]) -> dict[str, Any]:
    code = "-".join(filter(None, (values["doctor"], f"{day:%Y%m%d}", period, values["tag"])))
    row = {name: values[name] for name in ("doctor", "department", "room", "grade", "urgent", "draft", "policy")}
    row |= {"code": code, "date": day, "period": period, "slots": slots}
    row["fee"] = {"amount": values["fee"], "currency": "CNY"}
    row["release_at"] = _at(day - timedelta(days=values["release_days"]), values["release_time"])
    if values["draw_days"] is not None:
        row["draw_at"] = _at(day - timedelta(days=values["draw_days"]), values["draw_time"])
    return row


def _slot(values: dict[str, Any], day: date, start: Minutes) -> dict[str, Any]:
    return {
        "starts_at": _at(day, start),
        "ends_at": _at(day, start + values["slot_minutes"]),
        "capacity": values["capacity"],
        "blocked": values["blocked"],
        "quotas": {name: values[name] for name in ("referral", "window", "follow_up") if values[name]},
    }


def _at(day: date, minutes: Minutes) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=BEIJING) + timedelta(minutes=minutes)
