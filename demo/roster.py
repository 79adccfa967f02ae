"""The hospitals' sessions of the next two weeks, as they would publish them; and a guest's, who is there whenever somebody looks.

The same day gives the same roster. Numbers that hospitals sell at their own windows are `blocked`, which makes some sessions
nearly full; some chief physicians keep numbers for referrals and follow-ups. Sessions of the second week are not released yet.
The numbers of famous doctors' evening clinics are drawn at noon of the day before; until then everybody may enter. Paediatrics
sees urgent cases every evening, and the consultation on Saturday evenings is free of charge.
"""

import random
from collections.abc import Collection, Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

from common.clock import SHANGHAI

from demo.hospitals import GUEST, HOSPITALS, Doctor, Hospital

DAYS = 14
RELEASED_DAYS = 7
"""Numbers are released seven days ahead at 07:00, as many hospitals do."""
SOON, IN_A_WEEK = timedelta(days=3), timedelta(days=6)
"""The days that the walk-through looks at: near enough to be released, so far away that one may still cancel."""
FEES = {"主任医师": 8000, "副主任医师": 6000, "主治医师": 5000, "住院医师": 1000}
FAMOUS_FEE, URGENT_FEE = 10000, 1000
PERIODS = {"morning": (time(8), time(12)), "afternoon": (time(13, 30), time(17)), "evening": (time(18), time(20))}
SEGMENT = timedelta(minutes=30)
RELEASED_AFTER = timedelta(minutes=8)
GUEST_INDEX = 100
"""The guest doctor is none of the hospital's own list, in which all others have their turns."""
GUEST_CODE = "D101"
LEAST = timedelta(minutes=5)
"""A clinic that would end sooner is not begun: midnight is near."""


def rosters(today: date) -> Iterator[dict[str, Any]]:
    """One roster for each hospital, as it would publish it."""
    for hospital in HOSPITALS:
        yield {
            "hospital": _hospital(hospital),
            "departments": [{"code": code, "name": name, "version": 1} for code, name in hospital.departments.items()],
            "doctors": [_doctor(i, doctor) for i, doctor in enumerate(hospital.doctors)],
            "sessions": list(_sessions(hospital, today)),
        }


def drawn_clinic(now: datetime, draw_at: datetime) -> dict[str, Any]:
    """A roster of one session: a free consultation with two numbers for children, which are drawn by lot at `draw_at`."""
    hospital, day = HOSPITALS[0], now.astimezone(SHANGHAI).date() + IN_A_WEEK
    index = next(i for i, doctor in enumerate(hospital.doctors) if doctor.department == "peds")
    (start, end), *_ = _segments(day, "evening")
    slots = [{"starts_at": start, "ends_at": end, "capacity": 2}]
    row = _row(index, day, "evening", 0, slots, name="draw", room="儿科门诊（义诊）", policy="lottery")
    row |= {"release_at": (now - timedelta(minutes=1)).isoformat(), "draw_at": draw_at.isoformat()}
    return {"hospital": _hospital(hospital), "sessions": [row]}


def guest_roster(*sessions: dict[str, Any]) -> dict[str, Any]:
    """The guest doctor, and what she does."""
    doctor = _doctor(GUEST_INDEX, GUEST)
    return {"hospital": _hospital(HOSPITALS[0]), "doctors": [doctor], "sessions": list(sessions)}


def clinic_of_now(now: datetime, free_from: datetime) -> dict[str, Any] | None:
    """The guest's session that goes on at `now`, whatever the hour, and for some hours yet. It keeps to its day, so close to midnight
    there is none. free_from: the end of her last one.
    """
    now = now.astimezone(SHANGHAI)
    midnight = datetime.combine(now.date(), time(), SHANGHAI)
    this = midnight + (now - midnight) // SEGMENT * SEGMENT
    first, end = max(midnight, free_from, this - SEGMENT), min(midnight + timedelta(days=1), this + 6 * SEGMENT)
    if end - now < LEAST:
        return None
    period = next((name for name, (_, ends) in PERIODS.items() if first.time() < ends), "evening")
    slots = [{"starts_at": a.isoformat(), "ends_at": b.isoformat(), "capacity": 4} for a, b in _pieces(first, end)]
    row = _row(GUEST_INDEX, now.date(), period, 0, slots, name=f"now-{first:%H%M}", room="C206 诊室")
    return row | {"release_at": _at(now.date() - timedelta(days=RELEASED_DAYS), time(7))}


def released_soon(now: datetime, taken: Collection[date]) -> dict[str, Any] | None:
    """The guest's session whose numbers are to be had from some minutes after `now` on, on a day that is not `taken`."""
    today = now.astimezone(SHANGHAI).date()
    for day in (today + timedelta(days=n) for n in range(RELEASED_DAYS + 1, DAYS)):
        if day not in taken:
            slots = [{"starts_at": a, "ends_at": b, "capacity": 3} for a, b in _segments(day, "morning")]
            row = _row(GUEST_INDEX, day, "morning", FEES[GUEST.title], slots, name="soon", room="C206 诊室")
            return row | {"release_at": (now + RELEASED_AFTER).replace(second=0, microsecond=0).isoformat()}
    return None


def to_be_stopped(now: datetime) -> dict[str, Any]:
    """The guest's session of the day after tomorrow, which will not take place."""
    day = now.astimezone(SHANGHAI).date() + timedelta(days=2)
    slots = [{"starts_at": a, "ends_at": b, "capacity": 4} for a, b in _segments(day, "afternoon")]
    return _row(GUEST_INDEX, day, "afternoon", FEES[GUEST.title], slots, name="stopped", room="C206 诊室")


def _hospital(hospital: Hospital) -> dict[str, Any]:
    return {
        "code": hospital.code,
        "name": hospital.name,
        "grade": hospital.grade,
        "address": hospital.address,
        "version": 1,
    }


def _doctor(index: int, doctor: Doctor) -> dict[str, Any]:
    return {
        "code": _doctor_code(index),
        "name": doctor.name,
        "title": doctor.title,
        "department": doctor.department,
        "specialty": doctor.specialty,
        "version": 1,
    }


def _doctor_code(index: int) -> str:
    return f"D{index + 1:03d}"


def _sessions(hospital: Hospital, today: date) -> Iterator[dict[str, Any]]:
    for offset in range(DAYS):
        day = today + timedelta(days=offset)
        for index, doctor in enumerate(hospital.doctors):
            for period in _periods(index, day):
                yield _session(hospital, index, day, period)
            if doctor.name == hospital.famous and offset > 1:
                yield _evening_clinic(hospital, index, day)
            if doctor.name == hospital.urgent:
                yield _urgent(index, day)
        if day.weekday() == 5:
            yield _lecture(hospital, day)


def _periods(index: int, day: date) -> list[str]:
    """Each doctor has two or three half days a week, and somebody is there on every day of it."""
    turn = (index + day.weekday()) % 5
    if day.weekday() == 6:
        return ["morning"] if index % 5 == 0 else []
    return {0: ["morning"], 1: ["afternoon"], 2: ["morning"] if index % 2 else []}.get(turn, [])


def _session(hospital: Hospital, index: int, day: date, period: str) -> dict[str, Any]:
    title = hospital.doctors[index].title
    dice = _dice(hospital, index, day, period)
    nearly_full = dice.random() < 0.2
    quotas = {"referral": 1, "follow_up": 1} if title == "主任医师" and not nearly_full else {}
    slots = []
    for start, end in _segments(day, period):
        capacity = dice.choice((4, 5, 6))
        blocked = capacity - 1 if nearly_full else 0
        slots.append({"starts_at": start, "ends_at": end, "capacity": capacity, "blocked": blocked})
    slots[0]["quotas"] = quotas
    return _row(index, day, period, FEES[title], slots, room=_room(dice))


def _evening_clinic(hospital: Hospital, index: int, day: date) -> dict[str, Any]:
    """A famous doctor's: four numbers, drawn at noon of the day before."""
    slots = [{"starts_at": start, "ends_at": end, "capacity": 1} for start, end in _segments(day, "evening")]
    row = _row(index, day, "evening", FAMOUS_FEE, slots, room=_room(_dice(hospital, index, day, "evening")))
    return row | {
        "grade": "知名专家",
        "policy": hospital.policy,
        "draw_at": _at(day - timedelta(days=1), time(12)),
    }


def _urgent(index: int, day: date) -> dict[str, Any]:
    """急诊: barred to nobody."""
    slots = [{"starts_at": start, "ends_at": end, "capacity": 8} for start, end in _segments(day, "evening")]
    return _row(index, day, "evening", URGENT_FEE, slots, name="urgent", room="急诊 2 诊室", grade="急诊", urgent=True)


def _lecture(hospital: Hospital, day: date) -> dict[str, Any]:
    """Saturday evening's consultation is free (义诊)."""
    slots = [{"starts_at": start, "ends_at": end, "capacity": 10} for start, end in _segments(day, "evening")]
    row = _row(len(hospital.doctors) - 1, day, "evening", 0, slots, name="free", room="一层大厅（义诊）")
    return row | {"release_at": _at(day - timedelta(days=DAYS), time(7))}


def _row(
    index: int, day: date, period: str, fee: int, slots: list[dict[str, Any]], *, room: str, name: str = "", **more: Any
) -> dict[str, Any]:
    """A session of the doctor with this index. `name` tells it from another one of that doctor and period."""
    return {
        "code": "-".join(part for part in (_doctor_code(index), f"{day:%Y%m%d}", period, name) if part),
        "doctor": _doctor_code(index),
        "date": day.isoformat(),
        "period": period,
        "room": room,
        "fee": {"amount": fee, "currency": "CNY"},
        "release_at": _at(day - timedelta(days=RELEASED_DAYS), time(7)),
        "slots": slots,
        "version": 1,
        **more,
    }


def _dice(hospital: Hospital, index: int, day: date, period: str) -> random.Random:
    return random.Random(f"{hospital.code}/{_doctor_code(index)}-{day:%Y%m%d}-{period}")  # noqa: S311  a roster is no secret


def _room(dice: random.Random) -> str:
    return f"{dice.choice('ABC')}{dice.randint(101, 420)} 诊室"


def _segments(day: date, period: str) -> Iterator[tuple[str, str]]:
    for start, end in _pieces(*(datetime.combine(day, t, SHANGHAI) for t in PERIODS[period])):
        yield start.isoformat(), end.isoformat()


def _pieces(start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    while start < end:
        yield start, start + SEGMENT
        start += SEGMENT


def _at(day: date, hour: time) -> str:
    return datetime.combine(day, hour, SHANGHAI).isoformat()
