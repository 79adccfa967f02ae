"""A visit as a calendar file (RFC 5545), which comes with the e-mails of an order and goes with it: UID is the order's id.

METHOD is PUBLISH, not REQUEST: nobody is invited and asked for an answer (RFC 5546 3.2.1), and nobody reads answers. What was
published is taken back by CANCEL (3.2.5) with a higher SEQUENCE, which each kind has of its own: mails may overtake each other,
and of two the higher one counts. There is no alarm in it: reminders are ours.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from icalendar import Calendar, Event, vCalAddress, vText

from notify_svc.facts import facts_of, hide

_PRODID = {"zh-CN": "-//Haoyuan//notify-svc//ZH", "en": "-//Haoyuan//notify-svc//EN"}

_SEQUENCES = {
    "order_confirmed": 0,
    "order_withdrawn": 1,
    "visit_stopped": 1,
    "substitutes_offered": 1,
    "order_rescheduled": 1,
    "order_cancelled": 2,
    "session_stopped": 2,
}
"""What the kinds make of an order's event, in the order in which they can follow each other. Only the first publishes it."""

_TITLES = {
    "zh-CN": "就诊：{whose}{department} {doctor}",
    "en": "Doctor's appointment: {whose}{doctor}, {department}",
}
_WHOSE = {"zh-CN": "{patient}，", "en": "{patient}, "}

_NOTES = {
    "zh-CN": "就诊序号：{queue_number}\n地点：{room}\n请于 {arrive} 前到院报到，并携带就诊人的有效证件。",
    "en": "Your number: {queue_number}\nRoom: {room}\nPlease check in by {arrive} (Beijing time), with the patient's ID document.",
}


@dataclass(frozen=True, slots=True)
class Invitation:
    """A calendar file, and its METHOD, which the e-mail's content type must say too (RFC 6047 2.4)."""

    body: bytes
    method: str


def calendar_of(
    kind: str, params: Mapping[str, Any], locale: str, *, at: datetime, organizer: str
) -> Invitation | None:
    """The file for this kind of news about an order; None where it says nothing to a calendar.

    at: when it happened. organizer: an e-mail address, the same for all files of an order.
    """
    sequence = _SEQUENCES.get(kind)
    if sequence is None or not params.get("visit") or params.get("was_confirmed") is False:
        return None
    cancelled = sequence > 0
    event = Event()
    event.add("uid", f"{hide(params['order_id'])}@haoyuan")
    event.add("sequence", sequence)
    event.add("dtstamp", at.astimezone(UTC).replace(microsecond=0))
    address = vCalAddress(f"mailto:{organizer}")
    address.params["CN"] = vText("号源" if locale == "zh-CN" else "Haoyuan")
    event.add("organizer", address)
    event.add("status", "CANCELLED" if cancelled else "CONFIRMED")
    if kind != "order_rescheduled":  # its visit is the new one, which has a file of its own
        _describe(event, params, locale, cancelled=cancelled)
    calendar = Calendar()
    calendar.add("prodid", _PRODID[locale])
    calendar.add("version", "2.0")
    calendar.add("method", "CANCEL" if cancelled else "PUBLISH")
    calendar.add_component(event)
    return Invitation(calendar.to_ical(), "CANCEL" if cancelled else "PUBLISH")


def _describe(event: Event, params: Mapping[str, Any], locale: str, *, cancelled: bool) -> None:
    visit = params["visit"]
    facts = {name: hide(value) for name, value in facts_of(params, locale).items()}
    event.add("dtstart", _utc(visit["starts_at"]))
    event.add("dtend", _utc(visit["ends_at"]))
    whose = _WHOSE[locale].format_map(facts) if "patient" in facts else ""
    event.add("summary", _TITLES[locale].format_map({**facts, "whose": whose}))
    event.add("location", " ".join(facts[name] for name in ("hospital", "department", "room") if name in facts))
    if not cancelled:
        lines = _NOTES[locale].split("\n")
        known = [line.format_map(facts) for line in lines if _tells(line, facts)]
        event.add("description", "\n".join(known))
        event.add("transp", "OPAQUE")


def _tells(line: str, facts: Mapping[str, str]) -> bool:
    return all("{" + name + "}" not in line or name in facts for name in ("queue_number", "room", "arrive"))


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
