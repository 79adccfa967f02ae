"""Stored things as the API shows them. Times are Beijing's, +08:00."""

import json
from datetime import datetime
from typing import Any

from common.clock import local
from common.web import money

from schedule_svc.domain import CHANNELS, shown_state
from schedule_svc.store.browse import Shown


def show_hospital(row: Any) -> dict[str, Any]:
    return {"id": row.id, "code": row.code, "name": row.name, "grade": row.grade, "address": row.address}


def show_department(row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "code": row.code,
        "name": row.name,
        "hospital_id": row.hospital_id,
        "hospital_name": row.hospital_name,
    }


def show_doctor(row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "code": row.code,
        "name": row.name,
        "title": row.title,
        "specialty": row.specialty,
        "hospital_id": row.hospital_id,
        "hospital_name": row.hospital_name,
        "department_id": row.department_id,
        "department_name": row.department_name,
    }


def show_session(shown: Shown, now: datetime) -> dict[str, Any]:
    """`remaining` is 0 when nothing more can be had, whatever the counters say."""
    row, slots = shown.session, shown.slots
    free = sum(slot.free for slot in slots)
    state: str = "draft"
    if not row.draft:
        state = shown_state(stopped=row.stopped, release_at=row.release_at, ends_at=row.ends_at, free=free, now=now)
    closed = state in ("stopped", "closed")
    session = {
        "id": row.id,
        "code": row.code,
        "version": row.version,
        "hospital": {"id": row.hospital_id, "name": row.hospital_name},
        "department": {"id": row.department_id, "name": row.department_name},
        "doctor": {"id": row.doctor_id, "name": row.doctor_name, "title": row.doctor_title},
        "date": row.date,
        "period": row.period,
        "grade": row.grade,
        "urgent": row.urgent,
        "starts_at": local(row.starts_at),
        "ends_at": local(row.ends_at),
        "room": row.room,
        "fee": money(row.fee),
        "policy": row.policy,
        "release_at": local(row.release_at),
        "draw_at": local(row.draw_at),
        "cancel_before": local(shown.cancel_before),
        "state": state,
        "capacity": sum(slot.capacity for slot in slots),
        "remaining": 0 if closed else free,
        "slots": [_show_slot(slot, 0 if closed or now >= slot.ends_at else slot.free) for slot in slots],
    }
    return session | ({"stop_reason": row.stop_reason} if row.stopped else {})


def _show_slot(slot: Any, remaining: int) -> dict[str, Any]:
    return {
        "id": slot.id,
        "starts_at": local(slot.starts_at),
        "ends_at": local(slot.ends_at),
        "capacity": slot.capacity,
        "remaining": remaining,
    }


def show_draft(row: Any, slots: Any) -> dict[str, Any]:
    """As it was sent last; what is null there follows the doctor, or the hospital's rules."""
    return {
        "id": row.id,
        "code": row.code,
        "version": row.version,
        "hospital_id": row.hospital_id,
        "doctor": {"id": row.doctor_id, "name": row.doctor_name, "title": row.doctor_title},
        "department_id": None if row.follows_department else row.department_id,
        "date": row.date,
        "period": row.period,
        "room": row.room,
        "fee": money(row.fee),
        "grade": None if row.follows_title else row.grade,
        "urgent": row.urgent,
        "policy": row.policy,
        "release_at": local(row.release_at),
        "draw_at": local(row.draw_at),
        "cancel_before": local(row.cancel_before),
        "stopped": row.stopped,
        "slots": [_show_planned(slot) for slot in slots],
    }


def _show_planned(slot: Any) -> dict[str, Any]:
    asides = json.loads(slot.asides)
    return {
        "starts_at": local(slot.starts_at),
        "ends_at": local(slot.ends_at),
        "capacity": slot.published,
        "blocked": slot.withheld,
        "quotas": {channel: asides[channel][0] for channel in CHANNELS if channel in asides},
    }


def show_roster(row: Any) -> dict[str, Any]:
    """An input of a hospital, as it is logged, without its rows."""
    return {
        "roster_id": row.id,
        "hospital_id": row.hospital_id,
        "input": row.input,
        "type": row.type,
        "received_at": local(row.received_at),
        "status": row.status,
        "applied": row.applied,
        "unchanged": row.unchanged,
        "rejected": row.rejected,
        "kept": row.kept,
        "more": row.more,
    }
