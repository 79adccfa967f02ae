"""The calendar files of an order, read back as a calendar reads them (RFC 5545, 5546)."""

import itertools
from datetime import UTC, datetime
from typing import Any

import pytest
from icalendar import Calendar, Event
from notify_svc import templates
from notify_svc.calendars import Invitation, calendar_of
from notify_svc.domain import Notification
from notify_svc.examples import EXAMPLES
from notify_svc.letters import compose

AT = datetime(2026, 11, 22, 6, 5, tzinfo=UTC)
ENDS = [
    "order_withdrawn",
    "visit_stopped",
    "substitutes_offered",
    "order_rescheduled",
    "order_cancelled",
    "session_stopped",
]


def file_of(kind: str, locale: str = "zh-CN", **changes: Any) -> Invitation:
    made = calendar_of(kind, {**EXAMPLES[kind], **changes}, locale, at=AT, organizer="no-reply@haoyuan.example")
    assert made is not None
    return made


def event_of(made: Invitation) -> tuple[Calendar, Event]:
    calendar = Calendar.from_ical(made.body)
    assert isinstance(calendar, Calendar)
    assert not calendar.errors
    (event,) = calendar.events
    assert not event.errors
    return calendar, event


def test_a_confirmed_visit_is_published_with_all_that_a_calendar_needs() -> None:
    made = file_of("order_confirmed")
    calendar, event = event_of(made)
    assert (made.method, calendar["METHOD"], calendar["VERSION"]) == ("PUBLISH", "PUBLISH", "2.0")
    assert (event.uid, event.sequence) == ("ord_1@haoyuan", 0)
    assert event.start == datetime(2026, 11, 24, 0, 30, tzinfo=UTC)
    assert event.end == datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
    assert event.DTSTAMP == AT
    assert event["STATUS"] == "CONFIRMED"
    assert event["ORGANIZER"] == "mailto:no-reply@haoyuan.example"
    assert event["LOCATION"] == "示范医院 心内科 3 楼 12 诊室"
    assert event["SUMMARY"] == "就诊：张*，心内科 王立新"
    assert "就诊序号：7\n" in event["DESCRIPTION"]
    assert "08:30 前到院报到" in event["DESCRIPTION"]
    assert "ATTENDEE" not in event, "PUBLISH must not have one"
    assert not event.walk("VALARM"), "we remind"


@pytest.mark.parametrize("kind", ENDS)
def test_what_ends_it_cancels_the_same_event(kind: str) -> None:
    made = file_of(kind)
    calendar, event = event_of(made)
    assert (made.method, calendar["METHOD"], event["STATUS"]) == ("CANCEL", "CANCEL", "CANCELLED")
    assert event.uid == event_of(file_of("order_confirmed"))[1].uid
    assert event.sequence >= 1
    for required in ("DTSTAMP", "ORGANIZER", "SEQUENCE", "UID"):
        assert required in event


@pytest.mark.parametrize("kinds", [("order_withdrawn", "order_cancelled"), ("visit_stopped", "session_stopped"),
                                   ("substitutes_offered", "visit_stopped", "session_stopped"), ("order_rescheduled",)])  # fmt: skip
def test_whichever_mail_comes_last_the_visit_is_off(kinds: tuple[str, ...]) -> None:
    """A calendar keeps of two files with one UID that of the higher SEQUENCE, and the later one of equals."""
    for order in itertools.permutations(["order_confirmed", *kinds]):
        kept = None
        for kind in order:
            _, event = event_of(file_of(kind))
            if kept is None or event.sequence >= kept.sequence:
                kept = event
        assert kept is not None
        assert kept["STATUS"] == "CANCELLED"


def test_a_move_ends_the_old_event_and_does_not_show_the_new_time_under_it() -> None:
    _, event = event_of(file_of("order_rescheduled"))
    assert event.uid == "ord_1@haoyuan"
    assert "DTSTART" not in event


@pytest.mark.parametrize("kind", sorted(EXAMPLES))
def test_other_news_have_none(kind: str) -> None:
    made = calendar_of(kind, EXAMPLES[kind], "en", at=AT, organizer="a@example.com")
    assert (made is not None) == (kind in ENDS or kind == "order_confirmed")


def test_what_was_never_confirmed_is_not_cancelled() -> None:
    unpaid = {**EXAMPLES["order_withdrawn"], "was_confirmed": False}
    assert calendar_of("order_withdrawn", unpaid, "en", at=AT, organizer="a@example.com") is None
    early = {**EXAMPLES["order_cancelled"], "visit": None}
    assert calendar_of("order_cancelled", early, "en", at=AT, organizer="a@example.com") is None


@pytest.mark.parametrize("locale", templates.LOCALES)
def test_lines_are_folded_and_no_name_breaks_out_of_its_own(locale: str) -> None:
    visit = {
        **EXAMPLES["order_confirmed"]["visit"],
        "doctor_name": "王;立,新\\n\r\nATTENDEE:mailto:eve@example.com\nEND:VEVENT",
        "room": "号" * 300,
    }
    made = file_of("order_confirmed", locale, visit=visit)
    assert all(len(line) <= 75 for line in made.body.split(b"\r\n"))
    assert b"\nATTENDEE" not in made.body
    _, event = event_of(made)
    assert "ATTENDEE" not in event
    assert "号" * 300 in event["LOCATION"]


def test_a_visit_without_a_room_says_none() -> None:
    visit = {**EXAMPLES["order_confirmed"]["visit"], "room": ""}
    _, event = event_of(file_of("order_confirmed", visit=visit))
    assert "地点" not in event["DESCRIPTION"]
    assert event["LOCATION"] == "示范医院 心内科"


def test_letters_carry_it_and_short_messages_do_not() -> None:
    told = Notification("n", "acc_1", "order_confirmed", 1, EXAMPLES["order_confirmed"], "ord_1", None, AT, "r")
    sender = "号源 <mail@hospital.example>"
    mail = compose(told, "email", to="a@example.com", key="k", locale="en", unsubscribe="", sender=sender)
    again = compose(told, "email", to="a@example.com", key="k", locale="en", unsubscribe="", sender=sender)
    assert mail == again, "the same whenever it is tried"
    assert mail.calendar is not None
    assert mail.calendar_method == "PUBLISH"
    _, event = event_of(Invitation(mail.calendar, mail.calendar_method))
    assert event["ORGANIZER"] == "mailto:mail@hospital.example"
    assert compose(told, "sms", to="+8613812345678", key="k", locale="en", unsubscribe="").calendar is None
