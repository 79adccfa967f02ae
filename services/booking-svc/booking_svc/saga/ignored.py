"""The pairs of state and input that change nothing, each with its reason."""

from collections.abc import Iterable

from booking_svc.domain import FINAL, UNDECIDED, UNPAID, State
from booking_svc.saga.inputs import Input

S, I = State, Input  # noqa: E741  as in the table


def _pairs(states: Iterable[State], inputs: Iterable[Input]) -> set[tuple[State, Input]]:
    return {(s, i) for s in states for i in inputs}


def _all_but(*states: State) -> list[State]:
    return [s for s in S if s not in states]


_ON_ITS_WAY_OUT = (S.WITHDRAWING, S.RETURNING, S.REFUNDING, S.REFUND_FAILED, *sorted(FINAL))
_UNASKED = (*sorted(UNDECIDED), S.OFFERED)
_PLAIN_ANSWERS = (I.SLOT_RESERVED, I.SLOT_RESERVED_FREE, I.SLOT_OFFERED, I.SLOT_REJECTED)
_PAYMENT_ANSWERS = (I.PAYMENT_SUCCEEDED, I.PAYMENT_CLOSED)
_AS_A_PAIR = (I.PAYMENT_SUCCEEDED_MOVING, I.PAYMENT_SUCCEEDED_REPLACING, I.PAYMENT_SUCCEEDED_SHORT)
_REFUND_ANSWERS = (I.REFUND_SUCCEEDED, I.REFUND_SUCCEEDED_REPLACED, I.REFUND_FAILED)

IGNORED: dict[str, set[tuple[State, Input]]] = {
    "payment-svc gives surplus money back by itself, and tells the patient or the staff": _pairs(
        S, [I.SURPLUS_REFUNDED, I.SURPLUS_STALLED]
    ),
    "only a move leaves something over": _pairs(_all_but(S.RESCHEDULED), [I.REST_REFUNDED]),
    "the same answer again, or an answer that a release has overtaken": (
        _pairs(_all_but(*UNDECIDED), [*_PLAIN_ANSWERS, I.SLOT_ENTERED, I.SLOT_WAITLISTED])
        | _pairs([S.ENTERED, S.WAITLISTED], [I.SLOT_ENTERED])
        | {(S.WAITLISTED, I.SLOT_WAITLISTED)}
    ),
    "an order takes another's place when it gets its number or its money, and at no other time": (
        _pairs(_all_but(*UNDECIDED), [I.SLOT_RESERVED_COVERED, I.SLOT_RESERVED_FREE_REPLACING])
        | _pairs(_all_but(*UNPAID), _AS_A_PAIR)
    ),
    "only an order that has its number for good can be replaced, once": _pairs(
        _all_but(S.CONFIRMED, S.SUBSTITUTE_OFFERED), [I.REPLACED, I.REPLACED_BY_FREE]
    ),
    "only who is asked for a difference depends on the order that pays the rest": _pairs(
        _all_but(*UNPAID), [I.REPLACEMENT_ENDED]
    ),
    "one attempt failed: the patient may pay by another until the window ends": _pairs(S, [I.PAYMENT_FAILED]),
    "no payment was asked for yet": _pairs(_UNASKED, _PAYMENT_ANSWERS),
    "payment-svc closes only when told: this is an old answer, the window's end will ask again": {
        (S.AWAITING_PAYMENT, I.PAYMENT_CLOSED)
    },
    "a repetition: the order is paid, and what came on top is surplus": _pairs(
        [S.CONFIRMED, S.NO_SHOW, S.SUBSTITUTE_OFFERED, S.MOVING, S.RETURNING], _PAYMENT_ANSWERS
    ),
    "a repetition: whether there is money has been decided": _pairs(
        [S.REFUNDING, S.REFUND_FAILED, *FINAL], _PAYMENT_ANSWERS
    ),
    "no move was asked for, or a repetition": _pairs(_all_but(S.MOVING, S.RETURNING), [I.PAYMENT_MOVED]),
    "no refund was asked for": _pairs(_all_but(S.REFUNDING, S.REFUND_FAILED, *FINAL), _REFUND_ANSWERS),
    "a repetition: the refund has been settled, or staff know already, and what a move left over comes back as surplus": (
        _pairs(FINAL, _REFUND_ANSWERS) | {(S.REFUND_FAILED, I.REFUND_FAILED)}
    ),
    "the window's timer lost a race: the order moved on": _pairs(
        _all_but(S.AWAITING_PAYMENT, S.OFFERED, S.SUBSTITUTE_OFFERED), [I.WINDOW_ENDED]
    ),
    "nothing is offered": _pairs(_all_but(S.OFFERED), [I.ACCEPT, I.ACCEPT_FREE]),
    "the order is on its way out already": _pairs(_ON_ITS_WAY_OUT, [I.CANCEL, I.STOP, I.CANCEL_FREE, I.STOP_FREE]),
    "she cannot cancel what is over": _pairs([S.NO_SHOW], [I.CANCEL, I.CANCEL_FREE]),
    "the session was stopped before; she is choosing among its substitutes": {(S.SUBSTITUTE_OFFERED, I.STOP)},
    "an order in this state is not known to be free, or is not": _pairs(
        [*UNDECIDED, *UNPAID, S.MOVING, S.SUBSTITUTE_OFFERED], [I.CANCEL_FREE, I.STOP_FREE]
    ),
    "substitutes are for those who have paid": _pairs(_all_but(S.CONFIRMED), [I.STOP_SUBSTITUTED]),
    "only a number that is hers can be missed": _pairs(_all_but(S.CONFIRMED, S.NO_SHOW), [I.MISSED]),
    "only a number that is hers can be void": _pairs(_all_but(S.CONFIRMED), [I.VOID, I.VOID_FREE]),
    "only who has a number for good is seen": _pairs(_all_but(S.CONFIRMED, S.NO_SHOW), [I.SERVED]),
}
"""Reason -> the pairs that change nothing, each for this reason."""

IGNORED_PAIRS = set().union(*IGNORED.values())
