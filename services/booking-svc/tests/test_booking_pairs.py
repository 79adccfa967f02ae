"""A step of a pair: the order that replaces, and the one that is replaced."""

import pytest
from booking_svc import saga
from booking_svc.domain import State
from booking_world import FEE, NOW, SUBSTITUTE, VISIT, Side, pair, reserved, thaw
from common.messages import (
    ClosePayment,
    MovePayment,
    OrderHeld,
    OrderRescheduled,
    OrderWithdrawn,
    PaymentMoved,
    PaymentSucceeded,
    RefundFailed,
    RefundPayment,
    RefundSucceeded,
    ReleaseSlot,
    RequestPayment,
)


def kinds(outcome):
    return [type(m).__name__ for m in outcome.sends]


def two(old_fee=FEE, **known):
    world = pair(old_fee, FEE)
    old, new = thaw(world.side("a").order), thaw(world.side("b").order)
    for name, value in known.items():
        setattr(new, name, value)
    return old, new


def take(new, old, fee):
    return saga.advance(new, reserved("b", Side((), fee)), NOW, None, old)


def test_a_cheaper_session_moves_what_it_costs():
    old, new = two()
    outcome = take(new, old, 2000)
    assert (old.state, new.state) == (State.RESCHEDULED, State.MOVING)
    assert outcome.sends == (
        MovePayment("b", "a", "acc", "h", 2000, "协和 内科 王医生 2026-11-24"),
        OrderRescheduled("a", "acc", "b", VISIT),
        ReleaseSlot("a", "ses-a", "rescheduled"),
    )
    assert (old.moved, old.replaced_by) == (2000, "b")
    confirmed = saga.advance(new, PaymentMoved("b", "a", "acc", 2000, 3000), NOW, None, old)
    assert kinds(confirmed) == ["OrderConfirmed"]
    assert (new.paid, old.refunded) == (2000, 0), "on its way is not yet back"
    for back in (
        RefundSucceeded(
            "a", "acc", "late", FEE, "surplus", "x", "late_or_twice"
        ),  # a second payment: nothing of what is owed
        RefundSucceeded(
            "a", "acc", "odd", 1000, "surplus", "x", "amount_mismatch"
        ),  # no more than the rest, and not it
        RefundSucceeded("a", "acc", "r1", 1000, "surplus", "x", "fee_difference"),
        RefundFailed("a", "acc", "r2", 2000, "surplus", "refused"),
    ):
        saga.advance(old, back, NOW)
    assert (old.state, old.refunded) == (State.RESCHEDULED, 1000)
    saga.advance(old, RefundSucceeded("a", "acc", "r2", 2000, "surplus", "x", "fee_difference"), NOW)
    assert old.refunded + old.moved == old.paid


def test_a_dearer_session_asks_for_the_difference_and_moves_the_rest():
    old, new = two()
    request, held = take(new, old, 8000).sends
    assert (type(request), request.amount) == (RequestPayment, 3000)
    assert (type(held), held.fee, held.due) == (OrderHeld, 8000, 3000)
    assert (old.state, new.state, new.fee, new.due) == (State.CONFIRMED, State.AWAITING_PAYMENT, 8000, 3000)
    outcome = saga.advance(new, PaymentSucceeded("b", "acc", "p", 3000, "sandbox", NOW), NOW, None, old)
    assert outcome.sends[0].amount == FEE
    assert (old.state, new.state) == (State.RESCHEDULED, State.MOVING)
    assert new in outcome.left_window
    saga.advance(new, PaymentMoved("b", "a", "acc", FEE, 0), NOW, None, old)
    assert (new.state, new.paid) == (State.CONFIRMED, 8000)


def test_the_difference_is_given_back_when_the_rest_is_gone():
    old, new = two()
    take(new, old, 8000)
    saga.advance(old, saga.Cancel("a"), NOW)
    outcome = saga.advance(new, PaymentSucceeded("b", "acc", "p", 3000, "sandbox", NOW), NOW, None, old)
    release, refund, withdrawn = outcome.sends
    assert release == ReleaseSlot("b", "ses-b", "rescheduled")
    assert isinstance(refund, RefundPayment)
    assert isinstance(withdrawn, OrderWithdrawn)
    assert (withdrawn.was_confirmed, withdrawn.amount) == (False, 3000)
    assert (withdrawn.cause, new.reason) == ("replacement_ended", "replacement_ended")


GONE = [
    saga.Cancel("a"),
    saga.Stop("a"),
    saga.Missed("a", "staff"),
    saga.Served("a"),
    saga.Void("a", "too_late"),
    saga.Void("a", "not_served"),
]


@pytest.mark.parametrize("message", GONE, ids=["cancelled", "stopped", "missed", "seen", "too late", "not served"])
@pytest.mark.parametrize("late", [False, True], ids=["in time", "closing"])
def test_nobody_is_asked_for_a_difference_to_what_is_gone(message, late):
    old, new = two()
    take(new, old, 8000)
    if late:
        saga.advance(new, saga.WindowEnded("b"), NOW)
    outcome = saga.advance(old, message, NOW, None, None, new)
    assert new.state == State.WITHDRAWING
    assert outcome.moved == (old, new)
    release, close, withdrawn = outcome.sends[-3:]
    assert (release, close) == (ReleaseSlot("b", "ses-b", "rescheduled"), ClosePayment("b"))
    assert (withdrawn.cause, withdrawn.amount, withdrawn.was_confirmed) == ("replacement_ended", 0, False)
    assert (new.cause, new.reason) == ("replacement_ended", "replacement_ended")
    assert (new in outcome.left_window) is not late


@pytest.mark.parametrize(("old_fee", "new_fee"), [(0, 8000), (FEE, None)], ids=["in full", "undecided"])
def test_who_pays_in_full_or_has_no_number_yet_goes_on_alone(old_fee, new_fee):
    old, new = two(old_fee)
    if new_fee is not None:
        take(new, old, new_fee)
    before = new.state
    assert saga.advance(old, saga.Cancel("a"), NOW, None, None, new).moved == (old,)
    assert new.state == before


def test_substitutes_for_the_old_one_end_nothing():
    old, new = two()
    take(new, old, 8000)
    saga.advance(old, saga.Stop("a", (SUBSTITUTE,)), NOW, None, None, new)
    assert (old.state, new.state) == (State.SUBSTITUTE_OFFERED, State.AWAITING_PAYMENT)
