"""The saga: complete, and right in every interleaving."""

from collections import deque
from dataclasses import replace
from datetime import timedelta
from itertools import combinations

import pytest
from booking_svc import saga
from booking_svc.domain import IN_FLIGHT, Order, State
from booking_svc.saga import IGNORED, TABLE, Input
from booking_world import FEE, NOW, WINDOW, World, fresh, state_of, steps, thaw
from common.messages import OrderCancelled, OrderConfirmed, PaymentClosed, PaymentSucceeded, SlotRejected


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
    left = {state for state, _ in TABLE}
    assert set(State) - left == {State.CANCELLED, State.EXPIRED, State.REJECTED}


BY_ITSELF = ("deliver", "window", "provider", "refund", "surplus")
"""What will happen sooner or later; all else is people's choice."""


def check_at_rest(world: World) -> None:
    order = thaw(world.order)
    assert order.state not in IN_FLIGHT, "stuck"
    kept = (world.paid - world.surplus_back - (world.refund == "done")) * world.fee
    if order.state == State.CONFIRMED:
        assert world.slot == "sold", "confirmed without its number"
        assert kept == world.fee, "confirmed without its money, or with too much"
    elif order.state == State.REFUND_FAILED:
        assert world.slot == "released"
        assert world.refund == "failed"
        assert kept == world.fee
    else:
        assert kept == 0, "money without an order"
        assert world.slot == "waiting" if order.state == State.WAITLISTED else world.slot in {"released", "rejected"}, (
            "a number held for nobody"
        )


def walk(start: World) -> tuple[int, set[State]]:
    """Visit every reachable world; answers how many, and the states seen at rest."""
    seen, todo, rested = {start}, deque([(start, ())]), set()
    while todo:
        world, path = todo.popleft()
        moves = list(steps(world))
        if not any(name.startswith(BY_ITSELF) for name, _ in moves):
            rested.add(state_of(world))
            try:
                check_at_rest(world)
            except AssertionError as error:
                raise AssertionError(f"{error}: {world} after {path}") from error
        for name, following in moves:
            if following not in seen:
                seen.add(following)
                todo.append((following, (*path, name)))
    return len(seen), rested


@pytest.mark.parametrize(
    ("start", "ends"),
    [
        (fresh(), {State.CONFIRMED, State.CANCELLED, State.EXPIRED, State.REJECTED, State.REFUND_FAILED}),
        (fresh(fee=0), {State.CONFIRMED, State.CANCELLED, State.REJECTED}),
        (fresh(room="full"), {State.REJECTED, State.CANCELLED}),
        (
            fresh(room="waitlist"),
            {State.CONFIRMED, State.CANCELLED, State.EXPIRED, State.REJECTED, State.REFUND_FAILED, State.WAITLISTED},
        ),
        (fresh(fee=0, room="waitlist"), {State.CONFIRMED, State.CANCELLED, State.REJECTED, State.WAITLISTED}),
    ],
    ids=["paid", "free", "sold out", "waitlist", "free waitlist"],
)
def test_every_interleaving_ends_right(start, ends):
    worlds, rested = walk(replace(start, pays_left=1) if start.room == "waitlist" else start)
    assert rested == ends
    assert worlds > 10


def test_the_walk_finds_a_planted_fault(monkeypatch):
    """A saga that frees the number of an expired order before the provider has closed it sells what is being paid."""
    wrong = dict(TABLE)
    wrong[State.AWAITING_PAYMENT, Input.WINDOW_ENDED] = saga.Step(
        State.CLOSING, (saga.release_slot, saga.close_payment)
    )
    monkeypatch.setattr(saga, "TABLE", wrong)
    with pytest.raises(AssertionError, match="confirmed without its number"):
        walk(fresh())


def order_in(state: State, **known: object) -> Order:
    order = thaw(fresh().order)
    order.state = state
    for name, value in known.items():
        setattr(order, name, value)
    return order


def test_a_rejection_tells_why():
    order = order_in(State.RESERVING)
    outcome = saga.advance(order, SlotRejected("o", "ses", "sold_out"), NOW, WINDOW)
    assert order.state == State.REJECTED
    assert [type(m).__name__ for m in outcome.sends] == ["OrderRejected"]
    assert outcome.sends[0].reason == "sold_out"


def test_paid_at_the_last_moment_is_confirmed():
    from booking_world import VISIT

    order = order_in(State.CLOSING, visit=VISIT, fee=FEE, queue_number=1)
    outcome = saga.advance(order, PaymentSucceeded("o", "acc", "p", FEE, "sandbox", NOW), NOW, WINDOW)
    assert order.state == State.CONFIRMED
    assert isinstance(outcome.sends[0], OrderConfirmed)


def test_a_stopped_session_says_so_to_the_patient():
    order = order_in(State.WITHDRAWING, cause="session_stopped")
    outcome = saga.advance(order, PaymentClosed("o"), NOW, WINDOW)
    assert isinstance(outcome.sends[0], OrderCancelled)
    assert outcome.sends[0].cause == "session_stopped"


def test_the_window_ends_with_the_visit_at_the_latest():
    from booking_world import VISIT, reserved

    order = order_in(State.RESERVING)
    late = VISIT.ends_at - timedelta(minutes=1)
    outcome = saga.advance(order, reserved(fresh()), late, WINDOW)
    assert outcome.opened_window
    assert order.pay_before == VISIT.ends_at
