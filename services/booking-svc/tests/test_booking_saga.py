"""The saga: complete, and right in every interleaving, for one order and for a pair."""

from collections import deque
from datetime import timedelta
from itertools import combinations

import pytest
from booking_svc import saga
from booking_svc.domain import FINAL, IN_FLIGHT, REPLACEABLE, Order, State
from booking_svc.saga import IGNORED, TABLE, Input
from booking_world import (
    FEE,
    HOLD,
    NOW,
    SUBSTITUTE,
    VISIT,
    Side,
    World,
    fresh,
    paid_for,
    pair,
    reserved,
    steps,
    thaw,
)
from common.messages import (
    OrderCancelled,
    OrderConfirmed,
    PaymentClosed,
    PaymentSucceeded,
    RefundPayment,
    RefundSucceeded,
    ReleaseSlot,
    SlotRejected,
    VisitCompleted,
    VisitVoided,
)
from msgspec import structs


def test_every_pair_is_either_handled_or_ignored_with_a_reason():
    ignored = set().union(*IGNORED.values())
    everything = {(s, i) for s in State for i in Input}
    assert everything - set(TABLE) - ignored == set(), "neither handled nor ignored"
    assert set(TABLE) & ignored == set(), "both handled and ignored"
    for a, b in combinations(IGNORED, 2):
        assert not IGNORED[a] & IGNORED[b], f"ignored twice: {a} / {b}"


def test_every_state_can_be_reached_and_left_unless_it_is_final():
    reached = {step.next for step in TABLE.values()} | {State.RESERVING}
    assert reached == set(State)
    left = {state for (state, _), step in TABLE.items() if step.next != state}
    assert set(State) - left == FINAL


def test_codes_of_the_history_are_plain_words():
    assert all(what.code.replace("_", "").isalpha() and what.code == what.code.lower() for what in Input)
    assert Input.SLOT_RESERVED_COVERED.code == Input.SLOT_RESERVED.code == "slot_reserved"
    assert Input.CANCEL_FREE.code == "patient_cancelled"


BY_ITSELF = ("deliver", "window", "provider", "refund", "surplus")
"""What will happen sooner or later; all else is people's choice."""
HERS = {State.CONFIRMED, State.NO_SHOW, State.FULFILLED}
"""She has, or had, her number for what she paid."""
HAVING = {**dict.fromkeys(HERS, "sold"), State.WAITLISTED: "waiting"}


def check_at_rest(side: Side) -> None:
    order = thaw(side.order)
    assert order.state not in IN_FLIGHT, "stuck"
    if order.state in HAVING:
        assert side.slot == HAVING[order.state], f"{order.state} without its number"
    else:
        assert side.slot in {"released", "rejected"}, "a number held for nobody"
    if order.state in HERS:
        assert side.kept == order.fee == order.paid, "confirmed without its money, or with too much"
    elif order.state == State.REFUND_FAILED:
        assert side.refund == "failed"
        assert side.kept == paid_for(side)
    else:
        assert side.kept == 0, "money without an order"
    assert order.refunded + order.moved <= order.paid, "more gone than came"
    if order.state in {State.RESCHEDULED, State.CANCELLED}:
        assert order.refunded + order.moved == order.paid, "not known to be back"


def check_all(world: World) -> None:
    for _, side in world.sides:
        check_at_rest(side)
    orders = {name: thaw(side.order) for name, side in world.sides}
    if "b" in orders and orders["a"].state == State.RESCHEDULED:
        assert orders["a"].replaced_by == "b"


def check_payable(world: World) -> None:
    """Nobody is asked for a difference to what is gone."""
    if len(world.sides) > 1 and world.state("b") == State.AWAITING_PAYMENT and world.state("a") not in REPLACEABLE:
        order = thaw(world.side("b").order)
        assert order.due == order.fee, "she can pay for what is doomed"


def walk(start: World) -> tuple[int, set[tuple[State, ...]]]:
    """Visit every reachable world; answers how many, and the states seen at rest."""
    seen, todo, rested = {start}, deque([(start, ())]), set()
    while todo:
        world, path = todo.popleft()
        moves = list(steps(world))
        if not any(name.startswith(BY_ITSELF) for name, _ in moves):
            rested.add(tuple(world.state(name) for name, _ in world.sides))
            checks = (check_payable, check_all)
        else:
            checks = (check_payable,)
        for check in checks:
            try:
                check(world)
            except AssertionError as error:
                raise AssertionError(f"{error}: {world} after {path}") from error
        for name, following in moves:
            if following not in seen:
                seen.add(following)
                todo.append((following, (*path, name)))
    return len(seen), rested


FREE = HERS | {State.CANCELLED, State.REJECTED}
PAID = FREE | {State.EXPIRED, State.REFUND_FAILED}


BEFORE = {"day_left": 0}
"""However she came by her number, its day is the same."""
DAY = {State.NO_SHOW, State.FULFILLED}


@pytest.mark.parametrize(
    ("start", "ends"),
    [
        (fresh(), PAID),
        (fresh(fee=0, day_left=2), FREE),
        (fresh(room="full"), {State.REJECTED, State.CANCELLED}),
        (fresh(room="waitlist", pays_left=1, **BEFORE), PAID - DAY | {State.WAITLISTED}),
        (fresh(fee=0, room="waitlist"), FREE | {State.WAITLISTED}),
        (fresh(room="waitlist", offers=True, pays_left=1, **BEFORE), PAID - DAY | {State.WAITLISTED}),
        (fresh(fee=0, room="waitlist", offers=True), FREE | {State.WAITLISTED, State.EXPIRED}),
        (fresh(room="draw", pays_left=1, stops_left=0, **BEFORE), PAID - DAY | {State.WAITLISTED}),
        (fresh(fee=0, room="draw"), FREE | {State.WAITLISTED}),
    ],
    ids=["paid", "free", "sold out", "waitlist", "free waitlist", "offer", "free offer", "draw", "free draw"],
)
def test_every_interleaving_ends_right(start, ends):
    worlds, rested = walk(start)
    assert rested == {(state,) for state in ends}
    assert worlds > 10


QUIET = {"cancels_left": 0, "stops_left": 0}


@pytest.mark.parametrize(
    ("old_fee", "new_fee"),
    [(FEE, FEE), (FEE, 2000), (FEE, 8000), (0, FEE), (FEE, 0), (0, 0)],
    ids=["same", "cheaper", "dearer", "from free", "to free", "both free"],
)
def test_a_pair_always_ends_with_one_number_and_its_money(old_fee, new_fee):
    worlds, rested = walk(pair(old_fee, new_fee, stops_left=0).but(again_left=0))
    assert (State.RESCHEDULED, State.CONFIRMED) in rested
    assert (State.CANCELLED, State.CONFIRMED) in rested, "she gave up the old one before the new one was decided"
    assert (State.CONFIRMED, State.CANCELLED) in rested
    assert worlds > 50


@pytest.mark.parametrize(("old_fee", "new_fee"), [(FEE, FEE), (FEE, 8000), (FEE, 0)], ids=["same", "dearer", "to free"])
def test_a_pair_bears_redelivery(old_fee, new_fee):
    _, rested = walk(pair(old_fee, new_fee, **QUIET))
    stays = {(State.CONFIRMED, State.EXPIRED)} if new_fee > old_fee else set()
    stalls = {(State.REFUND_FAILED, State.CONFIRMED)} if not new_fee else set()
    assert {(State.RESCHEDULED, State.CONFIRMED)} <= rested <= {(State.RESCHEDULED, State.CONFIRMED)} | stays | stalls


def test_a_pair_bears_redelivery_while_she_changes_her_mind():
    _, rested = walk(pair(FEE, FEE, stops_left=0))
    assert {(State.RESCHEDULED, State.CONFIRMED), (State.CONFIRMED, State.CANCELLED)} <= rested


def confirmed(**people):
    """Hers for good, and paid once."""
    side = structs.replace(pair(FEE, FEE).side("a"), pays_left=0, **people)
    return World((("a", side),), frozenset())


def test_the_day_of_a_visit_ends_with_the_visit_or_with_the_money_back_whatever_else_happens():
    _, rested = walk(confirmed(day_left=2, cancels_left=1, stops_left=1))
    assert rested == {(state,) for state in HERS | {State.CANCELLED, State.REFUND_FAILED}}
    _, rested = walk(confirmed(day_left=1, **QUIET))
    assert {(State.NO_SHOW,), (State.FULFILLED,), (State.CANCELLED,)} <= rested, "by the visit alone"


@pytest.mark.parametrize("new_fee", [FEE, 8000], ids=["same", "dearer"])
def test_a_pair_bears_that_the_old_visit_takes_place_first(new_fee):
    start = pair(FEE, new_fee, **QUIET).but(again_left=0).put("a", day_left=2)
    _, rested = walk(start)
    assert (State.RESCHEDULED, State.CONFIRMED) in rested
    alone = State.CONFIRMED if new_fee == FEE else State.CANCELLED
    assert {new for old, new in rested if old == State.FULFILLED}, "seen, and what she asked for beside it goes on"
    assert alone in {new for old, new in rested if old in {State.FULFILLED, State.CANCELLED}}


def test_who_finds_no_number_keeps_what_she_has():
    _, rested = walk(pair(FEE, FEE, **QUIET).put("b", room="full"))
    assert rested == {(State.CONFIRMED, State.REJECTED)}


@pytest.mark.parametrize("new_fee", [FEE, 8000], ids=["same", "dearer"])
def test_a_pair_bears_that_a_session_of_either_is_stopped(new_fee):
    _, rested = walk(pair(FEE, new_fee, cancels_left=0).but(again_left=0))
    assert (State.RESCHEDULED, State.CONFIRMED) in rested
    assert (State.CANCELLED, State.CANCELLED) in rested
    assert (State.CONFIRMED, State.CANCELLED) in rested


@pytest.mark.parametrize(("old_fee", "new_fee"), [(FEE, FEE), (FEE, 2000), (FEE, 8000), (FEE, 0)])
def test_a_substitute_costs_nothing_more(old_fee, new_fee):
    start = pair(old_fee, new_fee, substitute=True, stops_left=0, pays_left=1)
    start = start.put("b", cancels_left=0)
    _, rested = walk(start)
    assert (State.RESCHEDULED, State.CONFIRMED) in rested
    assert {new for old, new in rested if old == State.RESCHEDULED} == {State.CONFIRMED}, "and without another payment"


def test_who_takes_no_substitute_has_her_money_back():
    start = pair(FEE, FEE, substitute=True, stops_left=0, pays_left=0).put("b", room="full")
    _, rested = walk(start)
    assert {old for old, _ in rested} <= {State.CANCELLED, State.REFUND_FAILED}
    assert (State.CANCELLED, State.REJECTED) in rested


def planted(monkeypatch, *where, step):
    monkeypatch.setattr("booking_svc.saga.table.TABLE", {**TABLE, where: step})


def test_the_walk_finds_a_planted_fault(monkeypatch):
    """A saga that frees the number of an expired order before the provider has closed it sells what is being paid."""
    before = TABLE[State.AWAITING_PAYMENT, Input.WINDOW_ENDED]
    early = saga.Step(State.CLOSING, (saga.release_slot, *before.sends))
    planted(monkeypatch, State.AWAITING_PAYMENT, Input.WINDOW_ENDED, step=early)
    with pytest.raises(AssertionError, match="confirmed without its number"):
        walk(fresh())


def test_the_walk_finds_a_planted_fault_of_a_pair(monkeypatch):
    """A saga that gives all the money back when an order is replaced, and moves it too, loses the hospital's fee."""
    refunding = TABLE[State.CONFIRMED, Input.REPLACED_BY_FREE]
    planted(monkeypatch, State.CONFIRMED, Input.REPLACED, step=refunding)
    with pytest.raises(AssertionError, match=r"on its way back|moved on"):
        walk(pair(FEE, FEE, **QUIET).but(again_left=0))


def order_in(state: State, **known: object) -> Order:
    order = thaw(fresh().side("o").order)
    order.state = state
    for name, value in known.items():
        setattr(order, name, value)
    return order


def kinds(outcome):
    return [type(m).__name__ for m in outcome.sends]


def test_a_rejection_tells_why():
    order = order_in(State.RESERVING)
    until = NOW + timedelta(days=7)
    outcome = saga.advance(order, SlotRejected("o", "ses", "limit_reached", "per_doctor_and_day", until), NOW)
    assert order.state == State.REJECTED
    assert kinds(outcome) == ["OrderRejected"]
    told = outcome.sends[0]
    assert (told.reason, told.rule, told.until) == ("limit_reached", "per_doctor_and_day", until)


def test_paid_at_the_last_moment_is_confirmed():
    order = order_in(State.CLOSING, visit=VISIT, fee=FEE, queue_number=1)
    outcome = saga.advance(order, PaymentSucceeded("o", "acc", "p", FEE, "sandbox", NOW), NOW)
    assert order.state == State.CONFIRMED
    assert isinstance(outcome.sends[0], OrderConfirmed)


def test_a_stopped_session_says_so_to_the_patient():
    order = order_in(State.WITHDRAWING, cause="session_stopped")
    outcome = saga.advance(order, PaymentClosed("o"), NOW)
    assert isinstance(outcome.sends[0], OrderCancelled)
    assert outcome.sends[0].cause == "session_stopped"


def test_the_window_is_the_hospitals_and_ends_with_the_visit_at_the_latest():
    def window(now, override=None):
        order = order_in(State.RESERVING)
        saga.advance(order, reserved("o", fresh().side("o")), now, override)
        assert saga.window_of(order) == order.pay_before
        return order.pay_before - now

    assert window(NOW) == timedelta(seconds=HOLD)
    assert window(NOW, timedelta(seconds=4)) == timedelta(seconds=4), "for tests and trials"
    assert window(VISIT.ends_at - timedelta(minutes=1)) == timedelta(minutes=1)


def test_an_offer_ends_without_asking_the_provider_for_nothing_was_asked():
    order = order_in(State.WAITLISTED)
    assert kinds(saga.advance(order, reserved("o", fresh().side("o"), offered=True), NOW)) == ["OrderOffered"]
    assert (order.state, saga.window_of(order)) == (State.OFFERED, NOW + timedelta(seconds=HOLD))
    outcome = saga.advance(order, saga.WindowEnded("o"), NOW)
    assert kinds(outcome) == ["ReleaseSlot", "OrderExpired"]
    assert outcome.sends[0] == ReleaseSlot("o", "ses-o", "expired")
    assert outcome.left_window == (order,)


def test_what_is_accepted_has_its_whole_window_to_be_paid():
    order = order_in(State.OFFERED, visit=VISIT, fee=FEE, hold_seconds=60, queue_number=3)
    later = NOW + timedelta(seconds=59)
    assert kinds(saga.advance(order, saga.Accept("o"), later)) == ["RequestPayment", "OrderHeld"]
    assert order.pay_before == later + timedelta(seconds=60)


def test_substitutes_are_offered_for_a_day_but_not_beyond_the_last_of_them():
    def offer(now):
        order = order_in(State.CONFIRMED, visit=VISIT, fee=FEE, paid=FEE)
        outcome = saga.advance(order, saga.Stop("o", (SUBSTITUTE,)), now)
        assert kinds(outcome) == ["ReleaseSlot", "SubstitutesOffered"]
        assert outcome.sends[0].cause == "session_stopped"
        return saga.window_of(order)

    assert offer(NOW - timedelta(hours=2)) == NOW + timedelta(hours=22)
    assert offer(NOW + timedelta(hours=2)) == SUBSTITUTE.visit.starts_at


def test_nothing_is_offered_for_nothing():
    order = order_in(State.CONFIRMED, visit=VISIT, fee=0)
    assert kinds(saga.advance(order, saga.Stop("o", (SUBSTITUTE,)), NOW)) == ["ReleaseSlot", "OrderCancelled"]


def test_a_late_cancellation_says_whether_she_had_the_number_for_good():
    paid = order_in(State.CLOSING, visit=VISIT, fee=FEE, queue_number=1)
    saga.advance(paid, PaymentSucceeded("o", "acc", "p", FEE, "sandbox", NOW), NOW)
    unpaid = order_in(State.AWAITING_PAYMENT, visit=VISIT, fee=FEE)
    told = [saga.advance(order, saga.Cancel("o"), NOW).sends[-1] for order in (paid, unpaid)]
    assert [(m.was_confirmed, m.patient_id) for m in told] == [(True, "pat"), (False, "pat")]


@pytest.mark.parametrize("cause", ["too_late", "not_served"])
def test_what_is_void_gives_number_and_money_back_without_a_cool_down_and_says_why(cause):
    paid = order_in(State.CONFIRMED, visit=VISIT, fee=FEE, paid=FEE)
    release, refund, voided = saga.advance(paid, saga.Void("o", cause), NOW).sends
    assert (release, refund) == (ReleaseSlot("o", "ses-o", "session_stopped"), RefundPayment("o", cause))
    assert voided == VisitVoided("o", "acc", "pat", "ses-o", cause, VISIT)
    assert (paid.state, paid.cause) == (State.REFUNDING, cause)
    back = RefundSucceeded("o", "acc", "r", FEE, "order", "sandbox", "cancelled")
    (told,) = saga.advance(paid, back, NOW).sends
    assert (told.cause, told.refunded) == (cause, FEE)
    free = order_in(State.CONFIRMED, visit=VISIT, fee=0)
    assert kinds(saga.advance(free, saga.Void("o", cause), NOW)) == ["ReleaseSlot", "VisitVoided", "OrderCancelled"]


@pytest.mark.parametrize("state", [State.CONFIRMED, State.NO_SHOW])
def test_who_was_seen_keeps_nothing_open_and_a_mark_was_a_mistake(state):
    order = order_in(state, visit=VISIT, fee=FEE, paid=FEE)
    assert saga.advance(order, saga.Served("o"), NOW).sends == (VisitCompleted("o", "acc", "pat", "ses-o", NOW, VISIT),)
    assert order.state == State.FULFILLED
    for late in (saga.Stop("o"), saga.Cancel("o"), saga.Missed("o", "clinic"), saga.Void("o", "not_served")):
        assert saga.advance(order, late, NOW) is None
