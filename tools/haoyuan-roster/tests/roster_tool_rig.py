"""Rosters to try the tool on."""

import csv
import io
from datetime import UTC, datetime

PLAN = {
    "doctor": "D001",
    "doctor_name": "王立群",
    "title": "主任医师",
    "department": "cardio",
    "department_name": "心血管内科",
    "hours": "M-F 8am - 12pm",
    "valid_from": "2026-12-07",
    "valid_to": "2026-12-13",
    "slot_minutes": "30",
    "capacity": "5",
    "fee": "80.50",
    "release_days": "7",
    "release_time": "7:00",
}
DATED = {"hours": "", "valid_from": "", "valid_to": "", "date": "2026-12-05", "start": "18:00", "end": "20:00"}


def csv_text(*lines, delimiter=","):
    """A roster of these lines, each PLAN with what it changes."""
    rows = [PLAN | line for line in lines]
    header = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO()
    writer = csv.DictWriter(out, header, delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def session(code="D001-20261207-morning", **changes):
    """A session as JSON has it."""
    row = {
        "code": code,
        "version": 1,
        "doctor": "D001",
        "date": "2026-12-07",
        "period": "morning",
        "fee": {"amount": 8050, "currency": "CNY"},
        "release_at": "2026-11-30T07:00:00+08:00",
        "slots": [
            {"starts_at": "2026-12-07T08:00:00+08:00", "ends_at": "2026-12-07T08:30:00+08:00", "capacity": 5},
        ],
    }
    return row | changes


def on_day(day, code=None, **changes):
    """A session of another day of December 2026."""
    slots = [
        {"starts_at": f"2026-12-{day:02}T08:00:00+08:00", "ends_at": f"2026-12-{day:02}T08:30:00+08:00", "capacity": 5}
    ]
    return session(code or f"D001-{day}", **{"date": f"2026-12-{day:02}", "slots": slots} | changes)


def utc(text):
    return datetime.fromisoformat(text).astimezone(UTC)
