"""The desk by itself: who gets which number, by policy, set-aside, voucher, waitlist and rule."""

import itertools
import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from common.messages import (
    CreditMark,
    ReleaseSlot,
    ReserveSlot,
    SlotEntered,
    SlotRejected,
    SlotReleased,
    SlotReserved,
    SlotWaitlisted,
)
from schedule_svc.desk import Desk, Person
from schedule_svc.domain import Segment, Session
from schedule_svc.rules import Registration, RuleSet
from schedule_svc.rules.ruleset import CoolDown, Deadline, Limit, Rest, Waitlist, Weights, Window
from schedule_svc.vouchers import Voucher

DAY = datetime(2026, 12, 5, tzinfo=UTC)
NOW = DAY - timedelta(days=3)
FREE = {
    "limits": (),
    "cool_down": CoolDown(unpaid_seconds=0, confirmed_seconds=0),
    "rest": Rest(least_seconds=0, most_seconds=0),
    "waitlist": Waitlist(closes=Deadline(hours=0)),
    "penalties": (),
}


def segment(n: int, published: int, **more: Any) -> Segment:
    starts = DAY + n * timedelta(minutes=30)
    return Segment(f"slt{n}", starts, starts + timedelta(minutes=30), published, 0, 1 + 100 * n, published, **more)


def session(*segments: Segment, **changes: Any) -> Session:
    values: dict[str, Any] = {
        "id": "ses", "hospital_id": "hos", "hospital_name": "仁爱", "department_id": "dep", "department_name": "心内科",
        "doctor_id": "doc", "doctor_name": "张伟", "doctor_title": "主任医师", "date": date(2026, 12, 5), "period": "morning",
        "starts_at": DAY, "ends_at": DAY + timedelta(hours=4), "room": "", "fee": 5000, "policy": "first_come",
        "release_at": NOW - timedelta(days=1), "draw_at": None, "cancel_before": DAY - timedelta(hours=12), "grade": "",
        "urgent": False, "draft": False, "released": True, "draw_state": "none", "stopped": False, "revision": 1,
        "sold_out": False, "next_number": 1000,
    }  # fmt: skip
    return Session(**(values | changes), segments=list(segments))


def desk_for(*sessions: Session, vouchers: tuple[Voucher, ...] = (), **rules: Any) -> Desk:
    return Desk(
        NOW,
        {s.id: s for s in sessions},
        {},
        lambda _session, _segment: None,
        {"hos": RuleSet(**(FREE | rules))},
        vouchers={v.code: v for v in vouchers},
    )


def ask(desk: Desk, order: str, *, patient: str = "", **changes: Any) -> Any:
    """Place an order; answers what it is told."""
    patient = patient or f"pat-{order}"
    desk.people.setdefault(patient, Person())
    values: dict[str, Any] = {
        "session_id": "ses", "slot_id": None, "patient_id": patient, "join_waitlist": False, "auto_book": True,
        "voucher": None, "replaces": None, "substitute": False, "placed_at": NOW,
    }  # fmt: skip
    desk.reserve(ReserveSlot(order_id=order, **(values | changes)))
    return desk.take_answers()[-1]


def give_up(desk: Desk, order: str, session_id: str = "ses") -> list[Any]:
    desk.release(ReleaseSlot(order, session_id, "patient"))
    return desk.take_answers()


def holds(s: Session) -> None:
    for each in s.segments:
        assert each.capacity == each.free + each.held + each.sold + each.blocked
        assert min(each.free, each.held, each.sold, each.blocked) >= 0


def lottery(*segments: Segment, **changes: Any) -> Session:
    return session(
        *segments,
        **({"policy": "lottery", "draw_state": "open", "draw_at": NOW + timedelta(hours=1)} | changes),
    )


# --- draws -----------------------------------------------------------------------------------------------------------


def test_in_a_draw_everybody_enters_and_nobody_has_a_number_yet():
    s = lottery(segment(0, 1))
    desk = desk_for(s)
    told = [ask(desk, f"o{n}") for n in range(3)]
    assert [type(t) for t in told] == [SlotEntered] * 3
    assert {t.weight for t in told} == {1}
    assert len({t.pseudonym for t in told}) == 3
    assert (s.entered, s.segments[0].taken) == (3, 0)
    assert ask(desk, "o1") == told[1], "asked again, the answer is the same"
    assert s.entered == 3


def test_entrants_are_served_in_the_order_of_the_draw_then_wait_or_are_told_no():
    s = lottery(segment(0, 1), segment(1, 1))
    desk = desk_for(s)
    for order in ("a", "b", "c", "d"):
        ask(desk, order, join_waitlist=order == "c")
    s.draw_state = "drawing"
    for order in ("d", "b", "c", "a"):
        desk.drawn(order)
    first, second, third, fourth = desk.take_answers()
    assert [(m.order_id, m.queue_number) for m in (first, second)] == [("d", 1), ("b", 101)]
    assert isinstance(third, SlotWaitlisted)
    assert (fourth.order_id, fourth.reason) == ("a", "not_drawn")
    assert s.entered == 0
    desk.drawn("d")
    assert desk.take_answers() == [], "a turn comes once"


def test_who_left_before_the_draw_takes_no_turn():
    s = lottery(segment(0, 1))
    desk = desk_for(s)
    ask(desk, "a")
    assert [type(m) for m in give_up(desk, "a")] == [SlotReleased]
    desk.drawn("a")
    assert (desk.take_answers(), s.entered) == ([], 0)


@pytest.mark.parametrize(
    ("changes", "order", "reason"),
    [
        ({}, {"slot_id": "slt0"}, "slot_not_choosable"),
        ({}, {"placed_at": NOW + timedelta(hours=1)}, "entries_closed"),
        ({"draw_state": "drawing"}, {}, "entries_closed"),
        ({}, {"placed_at": NOW - timedelta(days=2)}, "not_released"),
        ({"draft": True}, {}, "session_not_found"),
    ],
)
def test_what_a_draw_refuses(changes, order, reason):
    assert ask(desk_for(lottery(segment(0, 1), **changes)), "a", **order).reason == reason


def test_what_a_draw_leaves_over_is_first_come():
    desk = desk_for(lottery(segment(0, 1), draw_state="drawn"))
    assert isinstance(ask(desk, "a", placed_at=NOW + timedelta(days=1)), SlotReserved)


def test_a_weight_is_the_sum_of_its_published_parts():
    voucher = Voucher("V1", "hos", "ses", "referral", "urgent", None, DAY, "acc", NOW)
    desk = desk_for(lottery(segment(0, 1), policy="weighted"), vouchers=(voucher,), weights=Weights(base=3))
    told = ask(desk, "a", voucher="V1")
    assert told.weight == sum(part.points for part in told.parts)
    assert {part.name for part in told.parts} >= {"base"}
    assert told.weight > ask(desk, "b").weight
    assert desk.used == {"V1": "a"}


# --- what is set aside -----------------------------------------------------------------------------------------------


def test_numbers_set_aside_are_out_of_the_draw_and_had_at_once_by_their_channel():
    s = lottery(segment(0, 3, asides={"referral": (2, 0)}))
    voucher = Voucher("V1", "hos", "ses", "referral", "soon", None, DAY, "acc", NOW)
    desk = desk_for(s, vouchers=(voucher,))
    assert s.segments[0].free == 1
    assert isinstance(ask(desk, "a"), SlotEntered)
    assert isinstance(ask(desk, "b", voucher="V1"), SlotReserved)
    assert (s.segments[0].free, s.segments[0].left_aside("referral")) == (1, 1)
    assert ask(desk, "c", voucher="V1").reason == "voucher_invalid", "a voucher is used once"
    holds(s)
    give_up(desk, "b")
    assert desk.used["V1"] is None, "and can be used again when its number has gone back"
    assert s.segments[0].left_aside("referral") == 2, "to those for whom it is set aside"
    assert isinstance(ask(desk, "d", voucher="V1"), SlotReserved)
    holds(s)


@pytest.mark.parametrize(
    "changes", [{"session_id": "other"}, {"patient_id": "somebody"}, {"expires_at": NOW}, {"order_id": "before"}]
)
def test_a_voucher_for_something_else_is_refused(changes):
    good: dict[str, Any] = {
        "code": "V1", "hospital_id": "hos", "session_id": "ses", "channel": "window", "urgency": "routine",
        "patient_id": None, "expires_at": DAY, "issued_by": "acc", "issued_at": NOW, "order_id": None,
    }  # fmt: skip
    desk = desk_for(session(segment(0, 5)), vouchers=(Voucher(**(good | changes)),))
    assert ask(desk, "a", voucher="V1").reason == "voucher_invalid"
    assert ask(desk, "b", voucher="V0").reason == "voucher_invalid"


def test_an_extra_number_for_one_patient_is_hers_alone():
    s = session(segment(0, 1, extra=1, asides={"@pat-b": (1, 0)}))
    desk = desk_for(s)
    ask(desk, "first")
    assert ask(desk, "a").reason == "sold_out"
    assert isinstance(ask(desk, "b"), SlotReserved)
    assert ask(desk, "c", patient="pat-b").reason == "sold_out"
    holds(s)


def test_a_follow_up_is_known_by_her_last_visit():
    s = session(segment(0, 1, asides={"follow_up": (1, 0)}))
    desk = desk_for(s)
    then = (NOW - timedelta(days=20)).date()
    past = Registration("old", "ses0", "hos", "dep", "doc", then, "morning", "sold", None, NOW - timedelta(days=30))
    desk.people["pat-b"] = Person({"old": past})
    assert ask(desk, "a").reason == "sold_out"
    assert isinstance(ask(desk, "b"), SlotReserved)


def test_a_number_that_still_lies_ahead_makes_no_follow_up_and_a_missed_one_neither():
    desk = desk_for(session(segment(0, 1, asides={"follow_up": (1, 0)})))
    ahead = Registration(
        "old", "ses0", "hos", "dep", "doc", NOW.date() + timedelta(days=1), "morning", "sold", None, NOW
    )
    desk.people["pat-a"] = Person({"old": ahead})
    assert ask(desk, "a").reason == "sold_out"
    missed = replace(ahead, date=NOW.date() - timedelta(days=9))
    mark = CreditMark("m", "no_show", "hos", "old", NOW, DAY + timedelta(days=300), None)
    desk.people["pat-b"] = Person({"old": missed}, (mark,))
    assert ask(desk, "b").reason == "sold_out"


def test_what_is_set_aside_never_exceeds_what_there_is():
    s = session(segment(0, 2, asides={"window": (2, 0)}))
    s.segments[0].sold = 2
    assert s.segments[0].left_aside("window") == 0
    holds(s)
    s.segments[0].sold = 3
    assert s.segments[0].left_aside("window") == 0
    holds(s)


# --- freed numbers ---------------------------------------------------------------------------------------------------


def test_one_who_did_not_ask_to_be_booked_is_offered_the_freed_number_for_a_short_time():
    desk = desk_for(session(segment(0, 1)), hold_minutes=60)
    ask(desk, "a")
    assert isinstance(ask(desk, "b", join_waitlist=True, auto_book=False), SlotWaitlisted)
    told = give_up(desk, "a")[-1]
    assert isinstance(told, SlotReserved)
    assert told.offered
    assert told.hold_seconds < 3600
    ask(desk, "c", join_waitlist=True)
    won = give_up(desk, "b")[-1]
    assert (won.order_id, won.offered, won.hold_seconds) == ("c", False, 3600), (
        "a win that is given up goes to the next"
    )


def test_a_scarce_number_that_nobody_waits_for_rests_before_it_is_public():
    s = session(segment(0, 1))
    desk = desk_for(s, rest=Rest(least_seconds=60, most_seconds=60))
    ask(desk, "a")
    give_up(desk, "a")
    (rest,) = desk.rests
    assert (rest.number, rest.until) == (1, NOW + timedelta(seconds=60))
    assert (s.segments[0].free, s.segments[0].blocked) == (0, 1)
    holds(s)
    assert ask(desk, "b").reason == "sold_out"
    assert isinstance(ask(desk, "c", join_waitlist=True), SlotWaitlisted)
    desk.end_rest(s, s.segments[0], rest.number)
    assert [(m.order_id, m.queue_number) for m in desk.take_answers()] == [("c", 1)]
    holds(s)


def test_who_joins_while_a_number_rests_has_no_more_chance_than_another():
    """A friend who is told of the freed number and joins first is one of many."""
    winners = set()
    for _ in range(60):
        s = session(segment(0, 1))
        desk = desk_for(s, rest=Rest(least_seconds=60, most_seconds=60))
        ask(desk, "a")
        give_up(desk, "a")
        for order in ("friend", "b", "c"):
            ask(desk, order, join_waitlist=True)
        desk.end_rest(s, s.segments[0], 1)
        (told,) = desk.take_answers()
        winners.add(told.order_id)
    assert winners == {"friend", "b", "c"}  # the chance that one never wins is below 1e-10


def test_no_number_rests_while_entrants_of_a_draw_are_answered():
    s = lottery(segment(0, 1))
    desk = desk_for(s, rest=Rest(least_seconds=60, most_seconds=60))
    for order in ("a", "b"):
        ask(desk, order)
    s.draw_state = "drawing"
    desk.drawn("a")
    desk.take_answers()
    give_up(desk, "a")
    desk.drawn("b")
    assert desk.take_answers()[-1].queue_number == 1


def test_the_last_number_of_a_segment_rests_though_another_has_some():
    s = session(segment(0, 1), segment(1, 5))
    desk = desk_for(s, rest=Rest(least_seconds=60, most_seconds=60))
    ask(desk, "a", slot_id="slt0")
    give_up(desk, "a")
    assert [rest.segment_id for rest in desk.rests] == ["slt0"]


def test_nobody_is_offered_a_number_before_a_release_that_was_moved():
    s = session(segment(0, 1))
    desk = desk_for(s)
    ask(desk, "a")
    ask(desk, "b", join_waitlist=True)
    s.release_at = NOW + timedelta(hours=1)
    assert [type(m) for m in give_up(desk, "a")] == [SlotReleased]


def test_a_number_beside_free_ones_does_not_rest():
    s = session(segment(0, 2))
    desk = desk_for(s, rest=Rest(least_seconds=60, most_seconds=60))
    ask(desk, "a")
    give_up(desk, "a")
    assert (desk.rests, s.segments[0].free) == ([], 2)


def test_nobody_joins_or_is_offered_anything_after_the_cut_off():
    desk = desk_for(session(segment(0, 1)), waitlist=Waitlist(closes=Deadline(days=30, at="00:00")))
    ask(desk, "a")
    assert ask(desk, "b", join_waitlist=True).reason == "sold_out"


# --- the hospital's rules --------------------------------------------------------------------------------------------


def test_a_limit_holds_within_one_run_and_names_itself_and_its_end():
    one = session(segment(0, 5))
    two = session(segment(0, 5), id="ses2", period="afternoon")
    desk = desk_for(one, two, limits=(Limit(most=1, of="doctor", per="day"),))
    assert isinstance(ask(desk, "a", patient="p"), SlotReserved)
    refused = ask(desk, "b", patient="p", session_id="ses2")
    assert isinstance(refused, SlotRejected)
    assert refused.reason == "limit_reached"
    assert "doctor" in refused.rule
    assert refused.until is not None
    assert isinstance(ask(desk, "c", patient="p", session_id="ses2", replaces="a"), SlotReserved)


def test_what_was_placed_before_booking_opened_stays_too_early():
    desk = desk_for(session(segment(0, 5)), window=Window(days_ahead=3, opens_at="08:00"))
    assert datetime(2026, 12, 2, tzinfo=UTC) == NOW, "08:00 in Beijing"
    assert ask(desk, "a", placed_at=NOW - timedelta(milliseconds=1)).reason == "too_early"
    assert isinstance(ask(desk, "b"), SlotReserved)


def test_a_substitute_that_was_offered_can_be_had():
    desk = desk_for(session(segment(0, 5)), window=Window(closes=Deadline(days=30, at="08:00")))
    assert ask(desk, "a").reason == "too_late"
    assert isinstance(ask(desk, "b", substitute=True), SlotReserved)


def test_who_leaves_the_waitlist_need_not_cool_down():
    desk = desk_for(session(segment(0, 1)), cool_down=CoolDown(unpaid_seconds=60, confirmed_seconds=60))
    ask(desk, "a")
    ask(desk, "b", patient="p", join_waitlist=True)
    give_up(desk, "b")
    give_up(desk, "a")
    assert isinstance(ask(desk, "c", patient="p"), SlotReserved)
    give_up(desk, "c")
    assert ask(desk, "d", patient="p").reason == "cool_down"


def test_who_gives_her_number_back_may_book_again():
    desk = desk_for(session(segment(0, 5)), limits=(Limit(most=1, of="doctor", per="day"),))
    ask(desk, "a", patient="p")
    give_up(desk, "a")
    assert isinstance(ask(desk, "b", patient="p"), SlotReserved)


# --- any course of things --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seats", [1, 2, 5])
def test_whoever_comes_and_goes_the_equation_holds_and_no_number_is_held_twice(seats):
    s = session(segment(0, seats, asides={"@pat-3": (1, 0)}), segment(1, seats))
    desk = desk_for(s, rest=Rest(least_seconds=1, most_seconds=1))
    steps = [*itertools.product(("ask", "leave"), range(2 * seats + 4))] * 2
    random.Random(seats).shuffle(steps)
    for kind, n in steps:
        if kind == "ask":
            ask(desk, f"{n}", join_waitlist=n % 2 == 0)
        else:
            give_up(desk, f"{n}")
        holds(s)
        held = [r.queue_number for r in desk.reservations.values() if r.state == "held"]
        assert len(held) == len(set(held)) == sum(each.taken for each in s.segments)


def test_a_voucher_is_free_again_for_whoever_waited_in_vain():
    s = session(segment(0, 0, extra=0))
    voucher = Voucher("V1", "hos", "ses", "window", "routine", None, DAY, "acc", NOW)
    desk = desk_for(s, vouchers=(voucher,))
    assert isinstance(ask(desk, "a", voucher="V1", join_waitlist=True), SlotWaitlisted)
    later = Desk(NOW, desk.sessions, desk.reservations, lambda _session, _segment: None, desk.rules, joined=desk.joined)
    line = iter([desk.reservations["a"]])
    later.next_waiting = lambda _session, _segment: next(line, None)
    assert later.close_waitlist(s, 300)
    assert (later.take_answers()[-1].reason, later.used) == ("sold_out", {"V1": None})
