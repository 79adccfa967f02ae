"""The day of the clinic: who stands in line hears at once when it is her turn, once by SMS, and nothing that is over."""

from dataclasses import replace
from datetime import timedelta

import pytest
from common import messages as m
from common.clock import ManualClock
from common.service import Service
from common.testing import bearer, deliver
from notify_svc.channels import Later, Sent
from notify_svc.kinds import KINDS
from notify_svc.reminders import SOON
from notify_world import SAMPLES, VISIT, Reader
from post_world import Counting, contact, post, send_all, states, store_of, tell_confirmed
from reminder_world import MONDAY, confirmed, drain, visits_told

IN_LINE = ("visit_checked_in", "visit_near", "visit_called", "visit_passed", "visit_moved")


@pytest.mark.parametrize("kind", IN_LINE)
def test_who_walked_in_without_an_account_is_told_by_the_screens(service: Service, kind: str) -> None:
    deliver(service, replace(SAMPLES[kind], order_id=None, account_id=None))
    assert service.figures()["chassis"]["parked"] == []
    assert list(store_of(service).notifications.all_told()) == []
    assert list(store_of(service).visits.collection.find()) == []


def test_who_walked_in_with_an_account_is_told_too(service: Service) -> None:
    deliver(service, replace(SAMPLES["visit_called"], order_id=None))
    (told,) = Reader(service, "acc_1").items()
    assert (told["kind"], told["order_id"]) == ("visit_called", None)


def test_a_call_says_the_room_of_the_call_and_not_that_of_the_appointment(service: Service) -> None:
    called = replace(SAMPLES["visit_called"], room="B 07")
    deliver(service, contact(), called)
    email, sms = Counting("smtp", "email"), Counting("alibaba", "sms")
    send_all(post(store_of(service), email, sms))
    for text in (email.carried[0].text, sms.carried[0].text, Reader(service, "acc_1").items()[0]["text"]):
        assert "B 07" in text
        assert VISIT.room not in text


def test_a_call_that_is_only_repeated_stands_in_the_inbox_and_every_other_one_is_sent(service: Service) -> None:
    called, again = SAMPLES["visit_called"], SAMPLES["visit_called_again"]
    deliver(service, contact(email=None), called, again, replace(again, call=3), replace(called, call=4))
    assert sorted(Reader(service, "acc_1").kinds()) == ["visit_called"] * 2 + ["visit_called_again"] * 2
    assert [d.kind for d in store_of(service).deliveries.newest({}, None, 9)] == ["visit_called"] * 2


def test_quiet_hours_hold_back_nothing_from_who_stands_in_the_clinic(service: Service, clock: ManualClock) -> None:
    deliver(service, contact(email=None))
    beijing = clock() + timedelta(hours=8)
    quiet = {"from": f"{beijing - timedelta(hours=1):%H:%M}", "to": f"{beijing + timedelta(hours=3):%H:%M}"}
    path = "/api/v1/notifications/preferences"
    assert (
        service.app.test_client().patch(path, json={"quiet_hours": quiet}, headers=bearer("acc_1")).status_code == 200
    )
    tell_confirmed(service, order_id="ord_2")
    deliver(service, *(SAMPLES[kind] for kind in IN_LINE))
    sms = Counting("alibaba", "sms")
    send_all(post(store_of(service), sms))
    assert {letter.kind for letter in sms.carried} == set(IN_LINE) - {"visit_checked_in"}
    assert states(store_of(service)) == {"sent": 4, "waiting": 1}


@pytest.mark.parametrize("over", ["visit_completed", "visit_not_served", "visit_missed"])
@pytest.mark.parametrize("kind", ["visit_near", "visit_called", "visit_passed", "visit_moved"])
def test_what_had_to_wait_is_not_sent_when_all_is_over(
    service: Service, clock: ManualClock, kind: str, over: str
) -> None:
    deliver(service, contact(email=None), SAMPLES[kind])
    sms = Counting("alibaba", "sms", lambda _: Later("away", "planted"))
    desk = post(store_of(service), sms)
    send_all(desk)
    clock.advance(timedelta(seconds=1))
    deliver(service, SAMPLES[over])
    sms.says = lambda letter: Sent(letter.key)
    clock.advance(timedelta(minutes=5))
    send_all(desk)
    assert kind not in {letter.kind for letter in sms.carried[1:]}
    assert "skipped: overtaken" in states(store_of(service))


@pytest.mark.parametrize(("kind", "minutes"), [("visit_called", 10), ("visit_near", 15), ("visit_passed", 30)])
def test_a_call_is_worth_some_minutes(service: Service, clock: ManualClock, kind: str, minutes: int) -> None:
    deliver(service, contact(email=None), SAMPLES[kind])
    clock.advance(timedelta(minutes=minutes))
    sms = Counting("alibaba", "sms")
    send_all(post(store_of(service), sms))
    assert sms.carried == []
    assert states(store_of(service)) == {"failed: expired": 1}


@pytest.mark.parametrize("said", ["visit_checked_in", "visit_completed", "visit_not_served"])
@pytest.mark.parametrize("late", [False, True])
def test_nobody_is_reminded_of_a_visit_for_which_she_is_there_or_was(
    service: Service, clock: ManualClock, said: str, late: bool
) -> None:
    clock.set(MONDAY + timedelta(hours=17))
    there, other = replace(SAMPLES[said], order_id="a"), confirmed("b")
    if late:  # its confirmation comes after it
        deliver(service, there, other, confirmed("a"))
    else:
        deliver(service, confirmed("a"), other, there)
    clock.set(MONDAY + timedelta(days=1, hours=8))
    drain(store_of(service))
    assert visits_told(store_of(service)) == [(SOON, "b")]


@pytest.mark.parametrize(
    ("cause", "words"), [("too_late", "超过医院规定的时限"), ("not_served", "门诊结束前")], ids=["late", "ended"]
)
@pytest.mark.parametrize("refunded", [0, 5000])
def test_a_void_number_is_told_once_and_never_as_a_stop(
    service: Service, cause: str, words: str, refunded: int
) -> None:
    deliver(service, contact(email=None), SAMPLES[f"visit_{cause}"])
    ended = replace(SAMPLES["order_cancelled"], cause=cause, refunded=refunded)
    deliver(service, *([SAMPLES["refund_succeeded"]] if refunded else []), ended)
    items = Reader(service, "acc_1").items()
    expected = {f"visit_{cause}", *(["refund_succeeded"] if refunded else [])}
    assert sorted(item["kind"] for item in items) == sorted(expected)
    (told,) = [item for item in items if item["kind"] == f"visit_{cause}"]
    assert words in told["text"]
    assert "不计入爽约" in told["text"]
    assert {d.kind for d in store_of(service).deliveries.newest({}, None, 9)} == expected


def test_the_late_are_told_that_they_are_and_nobody_else(service: Service) -> None:
    late = SAMPLES["visit_checked_in"]
    deliver(service, late, replace(late, late=False))
    texts = [item["text"] for item in Reader(service, "acc_1").items()]
    assert sorted("按报到时间排队" in text for text in texts) == [False, True]
    assert not any("False" in text or "True" in text for text in texts)


def test_a_mistaken_mark_is_told_with_the_visit(service: Service) -> None:
    """爽约 was noted, and then she was seen: both are in the inbox, and nothing of the visit is asked of her."""
    deliver(
        service,
        SAMPLES["visit_missed"],
        SAMPLES["visit_completed"],
        m.CreditChanged("p", "acc_1", 2, "lifted", "k", []),
    )
    assert sorted(Reader(service, "acc_1").kinds()) == ["credit_lifted", "visit_completed", "visit_missed"]


def test_calls_go_out_before_what_can_wait() -> None:
    assert {KINDS[kind].lane for kind in ("visit_called", "visit_near", "visit_moved")} == {0}
