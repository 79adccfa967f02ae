"""A small model of schedule-svc, payment-svc and the network around one order, for walking every interleaving.

The network keeps no order and delivers messages again, `again_left` times in a walk. Whatever schedule-svc and payment-svc
promise in common/messages.py is in here, in a few lines each; the saga itself is the real one.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from booking_svc import saga
from booking_svc.domain import Order, State
from common.messages import (
    ClosePayment,
    OrderCancelled,
    OrderConfirmed,
    OrderExpired,
    OrderHeld,
    OrderRejected,
    OrderWaitlisted,
    OrderWithdrawn,
    PaymentClosed,
    PaymentSucceeded,
    RefundFailed,
    RefundPayment,
    RefundStalled,
    RefundSucceeded,
    ReleaseSlot,
    RequestPayment,
    ReserveSlot,
    SlotRejected,
    SlotReleased,
    SlotReserved,
    SlotWaitlisted,
    Visit,
)

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
WINDOW = timedelta(minutes=15)
FEE = 5000
VISIT = Visit(
    "h",
    "协和",
    "d",
    "内科",
    "doc",
    "王医生",
    "主任医师",
    date(2026, 11, 24),
    "morning",
    NOW + timedelta(days=2),
    NOW + timedelta(days=2, hours=1),
    "301",
)


NEWS = (
    OrderWithdrawn,
    OrderHeld,
    OrderWaitlisted,
    OrderRejected,
    OrderExpired,
    OrderCancelled,
    RefundStalled,
    SlotReleased,
)


@dataclass(frozen=True)
class World:
    """Everything, hashable."""

    order: tuple[Any, ...]
    sent: frozenset[Any]
    fee: int = FEE
    # schedule-svc
    slot: str = "unknown"  # unknown, waiting, held, sold, released, rejected
    room: str = "free"  # free, full, waitlist: what happens to a reservation
    stopped: bool = False
    # payment-svc
    intent: str = "none"  # none, open, closing, paid, closed
    paid: int = 0  # successes at the provider
    counted: bool = False
    refund: str = "none"  # none, asked, failed, done
    surplus_back: int = 0
    # what people may still do
    pays_left: int = 2
    cancels_left: int = 1
    stops_left: int = 1
    again_left: int = 1


def fresh(fee: int = FEE, room: str = "free") -> World:
    order = Order("o", "acc", "pat", "ses", None, room == "waitlist", NOW)
    return World(freeze(order), frozenset({saga.reserve_slot(order)}), fee, room=room)


_FIELDS = [name for name in Order.__dataclass_fields__ if name not in {"history", "updated_at"}]


def freeze(order: Order) -> tuple[Any, ...]:
    return tuple(getattr(order, name) for name in _FIELDS)


def thaw(values: tuple[Any, ...]) -> Order:
    return Order(*values)


def state_of(world: World) -> State:
    return world.order[_FIELDS.index("state")]


def send(world: World, *messages: Any) -> World:
    """Put messages on the network, but those that change nothing in this world: news for patients and staff."""
    return replace(world, sent=world.sent.union(m for m in messages if not isinstance(m, NEWS)))


def tell(world: World, message: Any) -> World:
    """Let the saga handle a message, and send what it sends."""
    order = thaw(world.order)
    outcome = saga.advance(order, message, NOW, WINDOW)
    if outcome is None:
        return world
    return send(replace(world, order=freeze(order)), *outcome.sends)


def steps(world: World) -> Iterator[tuple[str, World]]:
    """Every next world, with what happened."""
    for message in world.sent:
        yield f"deliver {type(message).__name__}", deliver(replace(world, sent=world.sent - {message}), message)
        if world.again_left:
            yield (
                f"deliver {type(message).__name__}, and again later",
                deliver(replace(world, again_left=world.again_left - 1), message),
            )
    yield from people(world)
    yield from provider(world)


def people(world: World) -> Iterator[tuple[str, World]]:
    state = state_of(world)
    if state == State.AWAITING_PAYMENT:
        yield "window ends", tell(world, saga.WindowEnded("o"))
    if world.cancels_left and state not in {State.CANCELLED, State.EXPIRED, State.REJECTED}:
        yield "patient cancels", tell(replace(world, cancels_left=0), saga.Cancel("o"))
    if world.stops_left:
        stopped = replace(world, stops_left=0, stopped=True)
        yield "session stopped", send(stopped, saga.Stop("o"))
    if world.slot == "waiting" and not world.stopped:
        yield "a number is freed", send(replace(world, slot="held"), reserved(world))


def provider(world: World) -> Iterator[tuple[str, World]]:
    """The provider's side: paying, also at a QR code that lives on after the close; closing; refunding."""
    if world.pays_left and world.intent != "none" and world.fee:
        yield "money arrives", money(replace(world, pays_left=world.pays_left - 1, paid=world.paid + 1))
    if world.intent == "closing":
        yield "provider closes", send(replace(world, intent="closed"), PaymentClosed("o"))
    if world.refund == "asked":
        yield "refund succeeds", send(replace(world, refund="done"), refund_done(world))
        yield (
            "refund refused",
            send(replace(world, refund="failed"), RefundFailed("o", "acc", "r", world.fee, "order", "refused")),
        )
    if world.refund == "failed":
        yield "staff pay it out", send(replace(world, refund="done"), refund_done(world))
    if world.paid - world.counted > world.surplus_back:
        yield (
            "surplus goes back",
            send(
                replace(world, surplus_back=world.surplus_back + 1),
                RefundSucceeded("o", "acc", f"s{world.surplus_back}", world.fee, "surplus", "x"),
            ),
        )


def money(world: World) -> World:
    if world.intent in {"open", "closing"}:
        return send(replace(world, intent="paid", counted=True), succeeded(world))
    return world  # closed or paid: surplus, see above


def succeeded(world: World) -> PaymentSucceeded:
    return PaymentSucceeded("o", "acc", "p", world.fee, "sandbox", NOW)


def refund_done(world: World) -> RefundSucceeded:
    return RefundSucceeded("o", "acc", "r", world.fee, "order", "sandbox")


def reserved(world: World) -> SlotReserved:
    return SlotReserved("o", "ses", "slot", 1, world.fee, VISIT, NOW + timedelta(days=1))


def deliver(world: World, message: Any) -> World:
    match message:
        case ReserveSlot():
            return reserve(world)
        case ReleaseSlot():
            return send(replace(world, slot="released"), SlotReleased("o", "ses"))
        case OrderConfirmed():
            return replace(world, slot="sold") if world.slot == "held" else world
        case RequestPayment():
            return replace(world, intent="open") if world.intent == "none" else world
        case ClosePayment():
            return close(world)
        case RefundPayment():
            return refund(world)
        case _:
            return tell(world, message)


def reserve(world: World) -> World:
    if world.slot == "released":
        return send(world, SlotRejected("o", "ses", "released"))
    if world.slot in {"held", "sold"}:
        return send(world, reserved(world))
    if world.slot in {"rejected", "waiting"}:
        return world
    if world.stopped or world.room == "full":
        return send(
            replace(world, slot="rejected"),
            SlotRejected("o", "ses", "session_stopped" if world.stopped else "sold_out"),
        )
    if world.room == "waitlist":
        return send(replace(world, slot="waiting"), SlotWaitlisted("o", "ses", 1))
    return send(replace(world, slot="held"), reserved(world))


def close(world: World) -> World:
    if world.intent == "paid":
        return send(world, succeeded(world))
    if world.intent == "open":
        return replace(world, intent="closing")
    if world.intent == "none":  # it overtook its request, and is remembered
        return send(replace(world, intent="closed"), PaymentClosed("o"))
    return send(world, PaymentClosed("o")) if world.intent == "closed" else world


def refund(world: World) -> World:
    if world.refund == "none" and world.counted:
        return replace(world, refund="asked")
    return send(world, refund_done(world)) if world.refund == "done" else world
