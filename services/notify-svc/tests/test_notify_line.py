"""Who waits in a line is told what is true of her visit now: the latest word of it, and where it takes place."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from common.clock import ManualClock
from common.service import Service
from common.testing import deliver
from notify_svc.channels import Later, Sent
from notify_svc.texts import TEXTS
from notify_world import SAMPLES, VISIT, Reader
from post_world import Counting, contact, post, send_all, states, store_of
from reminder_world import MONDAY, confirmed, drain

LATER = (
    ("visit_near", "visit_called"),
    ("visit_near", "visit_called_again"),
    ("visit_near", "visit_passed"),
    ("visit_near", "visit_moved"),
    ("visit_called", "visit_passed"),
    ("visit_called", "visit_moved"),
    ("visit_passed", "visit_called"),
    ("visit_passed", "visit_moved"),
)


def word(kind: str, clock: ManualClock, minutes: float, **changes: Any) -> Any:
    """What is told of her visit, as of so many minutes from now in the time of its queue."""
    at = {"called_at" if "called" in kind else "at": clock() + timedelta(minutes=minutes)}
    return replace(SAMPLES[kind], **at, **changes)


def sent_late(service: Service, clock: ManualClock, *news: Sequence[Any]) -> list[str]:
    """Kinds of the short messages that are sent when the provider comes back that was away while all this happened."""
    deliver(service, contact(email=None))
    sms = Counting("alibaba", "sms", lambda _: Later("away", "planted"))
    desk = post(store_of(service), sms)
    for batch in news:
        deliver(service, *batch)
        send_all(desk)
    clock.advance(timedelta(minutes=5))
    sms.says = lambda letter: Sent(letter.key)
    send_all(desk)
    return sorted(letter.kind for letter in sms.carried)


# --- the latest word --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("walk_in", [False, True], ids=["order", "walk-in"])
@pytest.mark.parametrize("swapped", [False, True], ids=["as-it-happened", "swapped"])
@pytest.mark.parametrize(("earlier", "later"), LATER)
def test_what_was_true_before_is_not_sent_any_more(
    service: Service, clock: ManualClock, earlier: str, later: str, swapped: bool, walk_in: bool
) -> None:
    order = {"order_id": None} if walk_in else {}
    news = [[word(earlier, clock, 0, **order)], [word(later, clock, 0.5, **order)]]
    sent = sent_late(service, clock, *(news[::-1] if swapped else news))
    assert sent == ([] if later == "visit_called_again" else [later]), "the inbox alone tells that she is called again"


def test_a_call_that_is_repeated_is_as_true_as_before(service: Service, clock: ManualClock) -> None:
    news = [word("visit_called", clock, 0)], [word("visit_called_again", clock, 1)]
    assert sent_late(service, clock, *news) == ["visit_called"]


def test_the_count_of_misses_is_told_though_her_turn_is_near_by_then(service: Service, clock: ManualClock) -> None:
    news = [word("visit_passed", clock, 0)], [word("visit_near", clock, 1)]
    assert sent_late(service, clock, *news) == ["visit_near", "visit_passed"]


def test_the_next_round_is_told_like_the_first(service: Service, clock: ManualClock) -> None:
    kinds = ("visit_near", "visit_called", "visit_passed", "visit_near", "visit_called")
    deliver(service, contact(email=None))
    sms = Counting("alibaba", "sms")
    for minutes, kind in enumerate(kinds):
        deliver(service, word(kind, clock, minutes))
        send_all(post(store_of(service), sms))
    assert [letter.kind for letter in sms.carried] == list(kinds)


def test_of_two_words_of_one_moment_both_are_told(service: Service, clock: ManualClock) -> None:
    """A queue whose clock stands still, as one that was ahead: better late than never."""
    news = [[word(kind, clock, 0) for kind in ("visit_moved", "visit_near", "visit_called")]]
    assert sent_late(service, clock, *news) == ["visit_called", "visit_moved", "visit_near"]


@pytest.mark.parametrize("order_id", ["ord_9", None])
def test_words_of_another_visit_overtake_nothing(service: Service, clock: ManualClock, order_id: str | None) -> None:
    other = word("visit_passed", clock, 1, visit_id="vis_9", order_id=order_id)
    mine = word("visit_called", clock, 0, order_id=order_id and "ord_1")
    assert sent_late(service, clock, [mine], [other]) == ["visit_called", "visit_passed"]


# --- let in again -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ahead", [0, 60, -60], ids=["in-time", "queue-clock-ahead", "queue-clock-behind"])
@pytest.mark.parametrize("kind", ["visit_near", "visit_called", "visit_passed", "visit_moved"])
def test_who_is_let_in_again_is_told_everything(service: Service, clock: ManualClock, kind: str, ahead: float) -> None:
    deliver(service, contact(email=None), SAMPLES["visit_missed"])
    clock.advance(timedelta(minutes=5))
    deliver(service, SAMPLES["visit_checked_in"], word(kind, clock, ahead))
    sms = Counting("alibaba", "sms")
    send_all(post(store_of(service), sms))
    assert sorted(letter.kind for letter in sms.carried) == sorted([kind, "visit_missed"])


def test_her_next_miss_is_told_and_overtakes_what_was_before_it(service: Service, clock: ManualClock) -> None:
    deliver(service, contact(email=None), SAMPLES["visit_missed"])
    clock.advance(timedelta(minutes=5))
    deliver(service, word("visit_called", clock, 0))
    clock.advance(timedelta(minutes=2))
    assert sent_late(service, clock, [SAMPLES["visit_missed"]]) == ["visit_missed"] * 2
    assert states(store_of(service)) == {"sent": 2, "skipped: overtaken": 1}


@pytest.mark.parametrize("locale", ["zh-CN", "en"])
def test_a_miss_that_nobody_noted_is_not_said_to_be_noted_by_staff(locale: str) -> None:
    newest = max(version for kind, version, _ in TEXTS if kind == "visit_missed")
    title, text = TEXTS["visit_missed", newest, locale]
    assert not [who for who in ("工作人员", "医院工作", "staff") if who in title + text]
    assert "{patient}" in text


# --- where it takes place ---------------------------------------------------------------------------------------------

MOVED = replace(SAMPLES["visit_moved"], order_id="a", ticket="T9")


def elsewhere(room: str, order_id: str = "a") -> Any:
    visit = confirmed(order_id).visit
    return replace(MOVED, visit=visit, to=replace(visit, doctor_name="赵国强", room=room))


def reminded(service: Service, clock: ManualClock) -> list[str]:
    """The texts of the reminders of Tuesday's visit at half past nine."""
    clock.set(MONDAY + timedelta(days=1, hours=8))
    drain(store_of(service))
    return [item["text"] for item in Reader(service, "acc_1").items() if item["kind"] == "visit_soon"]


@pytest.mark.parametrize("order", ["in-order", "swapped", "one-batch"])
def test_a_reminder_names_the_doctor_and_the_room_of_the_line_in_which_she_waits(
    service: Service, clock: ManualClock, order: str
) -> None:
    clock.set(MONDAY + timedelta(hours=17))
    move = elsewhere("9 楼 9 诊室")
    if order == "one-batch":
        deliver(service, confirmed("a"), move)
    else:
        for message in [confirmed("a"), move] if order == "in-order" else [move, confirmed("a")]:
            deliver(service, message)
    (text,) = reminded(service, clock)
    for told in ("赵国强", "9 楼 9 诊室", "T9"):
        assert told in text
    assert VISIT.doctor_name not in text
    assert VISIT.room not in text


def test_a_reminder_that_had_to_wait_names_them_too(service: Service, clock: ManualClock) -> None:
    clock.set(MONDAY + timedelta(hours=17))
    deliver(service, contact(email=None), confirmed("a"))
    clock.set(MONDAY + timedelta(days=1, hours=8))
    drain(store_of(service))
    sms = Counting("alibaba", "sms", lambda _: Later("away", "planted"))
    desk = post(store_of(service), sms)
    send_all(desk)
    deliver(service, elsewhere("9 楼 9 诊室"))
    clock.advance(timedelta(minutes=5))
    sms.says = lambda letter: Sent(letter.key)
    send_all(desk)
    (text,) = [letter.text for letter in sms.carried if letter.kind == "visit_soon"]
    assert "赵国强" in text
    assert VISIT.doctor_name not in text


def test_the_last_move_counts_and_a_time_that_was_confirmed_after_it(service: Service, clock: ManualClock) -> None:
    clock.set(MONDAY + timedelta(hours=17))
    deliver(service, confirmed("a"))
    for room in ("first", "second"):
        clock.advance(timedelta(minutes=1))
        deliver(service, elsewhere(room))
    visits = store_of(service).visits
    assert visits.standing(["a"])["a"].visit["room"] == "second"
    clock.advance(timedelta(minutes=-1))
    deliver(service, elsewhere("first, heard late"))
    assert visits.standing(["a"])["a"].visit["room"] == "second"
    clock.advance(timedelta(minutes=5))
    deliver(service, confirmed("a", hour=11))
    clock.advance(timedelta(minutes=-1))
    deliver(service, elsewhere("before it, heard late"))
    assert visits.standing(["a"])["a"].visit["room"] == VISIT.room


@pytest.mark.parametrize("ended", ["before", "after"])
def test_a_move_brings_back_no_visit_that_has_ended(service: Service, clock: ManualClock, ended: str) -> None:
    clock.set(MONDAY + timedelta(hours=17))
    end = replace(SAMPLES["visit_completed"], order_id="a")
    deliver(service, confirmed("a"))
    deliver(service, *([end, elsewhere("9")] if ended == "before" else [elsewhere("9"), end]))
    assert store_of(service).visits.standing(["a"]) == {}
    assert reminded(service, clock) == []
