"""A small model of schedule-svc, payment-svc and the network around one order or a pair, for walking every interleaving.

The network keeps no order and delivers messages again, `again_left` times in a walk. Whatever schedule-svc and payment-svc
promise in common/messages is in here, in a few lines each; the saga itself is the real one. In a pair, order "a" is confirmed
and order "b" is to take its place.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
from booking_svc import saga
from booking_svc.domain import FINAL, SUCCEEDING, Order, State
from common.messages import (
    ClosePayment,
    MovePayment,
    OrderCancelled,
    OrderConfirmed,
    OrderEntered,
    OrderExpired,
    OrderHeld,
    OrderOffered,
    OrderRejected,
    OrderRescheduled,
    OrderWaitlisted,
    OrderWithdrawn,
    PaymentClosed,
    PaymentMoved,
    PaymentSucceeded,
    RefundFailed,
    RefundPayment,
    RefundStalled,
    RefundSucceeded,
    ReleaseSlot,
    RequestPayment,
    ReserveSlot,
    SlotEntered,
    SlotRejected,
    SlotReleased,
    SlotReserved,
    SlotWaitlisted,
    Substitute,
    SubstitutesOffered,
    Visit,
    VisitCompleted,
    VisitMissed,
    VisitVoided,
)
from msgspec import structs

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
HOLD = 900
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
SUBSTITUTE = Substitute("ses-b", FEE, replace(VISIT, doctor_id="doc2", starts_at=NOW + timedelta(days=1)))

NEWS = (
    OrderWithdrawn,
    OrderHeld,
    OrderWaitlisted,
    OrderRejected,
    OrderExpired,
    OrderCancelled,
    OrderEntered,
    OrderOffered,
    OrderRescheduled,
    SubstitutesOffered,
    RefundStalled,
    SlotReleased,
    VisitCompleted,
    VisitMissed,
    VisitVoided,
)


class Side(msgspec.Struct, frozen=True):
    """One order, and what schedule-svc and payment-svc have of it."""

    order: tuple[Any, ...]
    fee: int = FEE
    # schedule-svc
    slot: str = "unknown"  # unknown, entered, waiting, held, sold, released, rejected
    room: str = "free"  # free, full, waitlist, draw: what happens to a reservation
    offers: bool = False  # a freed number is offered, not booked
    stopped: bool = False
    # payment-svc
    intent: str = "none"  # none, open, closing, paid, closed
    asked: int = 0  # the intent's amount
    paid: int = 0  # successes at the provider
    counted: int = 0  # fen
    moved_in: int = 0
    moved_out: int = 0
    rest_back: int = 0  # what a move left over went back
    refund: str = "none"  # none, asked, failed, done
    refunded: int = 0
    surplus_back: int = 0  # successes
    # what people may still do
    pays_left: int = 2
    cancels_left: int = 1
    stops_left: int = 1
    day_left: int = 1
    """What the day of the visit may still bring: it is missed, void, or takes place; also after it was missed, if there are two."""

    @property
    def state(self) -> State:
        return self.order[_STATE]

    @property
    def kept(self) -> int:
        """What is with us of this order's money, in fen; every success at the provider brought `asked`."""
        surplus = self.paid * self.asked - (self.counted if self.asked else 0) - self.surplus_back * self.asked
        return self.counted + surplus + self.moved_in - self.moved_out - self.rest_back - self.refunded


class World(msgspec.Struct, frozen=True):
    """Everything, hashable. (Structs, for there are many: a dataclass takes five times as long to copy.)"""

    sides: tuple[tuple[str, Side], ...]
    sent: frozenset[Any]
    again_left: int = 1

    def side(self, order_id: str) -> Side:
        return dict(self.sides)[order_id]

    def but(self, **changes: Any) -> "World":
        return structs.replace(self, **changes)

    def put(self, order_id: str, **changes: Any) -> "World":
        sides = [(name, structs.replace(side, **changes) if name == order_id else side) for name, side in self.sides]
        return structs.replace(self, sides=tuple(sides))

    def send(self, *messages: Any) -> "World":
        """Put messages on the network, but those that change nothing in this world: news for patients and staff."""
        return self.but(sent=self.sent.union(m for m in messages if not isinstance(m, NEWS)))

    def state(self, order_id: str = "o") -> State:
        return self.side(order_id).state


_FIELDS = [name for name in Order.__dataclass_fields__ if name not in {"history", "updated_at", "entry", "substitutes"}]


_STATE, _REPLACES = _FIELDS.index("state"), _FIELDS.index("replaces")


def freeze(order: Order) -> tuple[Any, ...]:
    return tuple(getattr(order, name) for name in _FIELDS)


def thaw(values: tuple[Any, ...]) -> Order:
    order = Order(**dict(zip(_FIELDS, values, strict=True)))
    order.substitutes = (SUBSTITUTE,) if order.state == State.SUBSTITUTE_OFFERED else ()
    return order


def fresh(fee: int = FEE, room: str = "free", offers: bool = False, **people: int) -> World:
    """One order that asks for a number."""
    order = Order("o", "acc", "pat", "ses-o", None, room == "waitlist", NOW, auto_book=not offers)
    side = Side(freeze(order), fee, room=room, offers=offers, **people)
    return World((("o", side),), frozenset({saga.reserve_slot(order)}))


def pair(old_fee: int, new_fee: int, *, substitute: bool = False, **people: int) -> World:
    """A confirmed order "a", and "b" that is to take its place. With `substitute`, the session of "a" has been stopped."""
    a = Order("a", "acc", "pat", "ses-a", "slot", False, NOW, State.CONFIRMED)
    a.fee, a.due, a.paid, a.visit, a.queue_number, a.confirmed_at = old_fee, old_fee, old_fee, VISIT, 1, NOW
    b = Order("b", "acc", "pat", "ses-b", None, False, NOW, replaces="a", substitute=substitute)
    old = Side(freeze(a), old_fee, slot="sold", **{"pays_left": 0, "day_left": 0, **people})
    if old_fee:
        old = structs.replace(old, intent="paid", asked=old_fee, paid=1, counted=old_fee)
    new = Side(freeze(b), new_fee, **{"pays_left": 1, "day_left": 0, **people})
    world = World((("a", old), ("b", new)), frozenset({saga.reserve_slot(b)}))
    if substitute:
        world = tell(world.put("a", stopped=True, stops_left=0), saga.Stop("a", (SUBSTITUTE,)))
    return world


def tell(world: World, message: Any) -> World:
    """Let the saga handle a message, and send what it sends. An order comes with the one that it replaces, and the one that
    replaces it, as in use.
    """
    orders = {name: thaw(side.order) for name, side in world.sides}
    order = orders[message.order_id]
    heir = next((o for o in orders.values() if o.replaces == order.id and o.state in SUCCEEDING), None)
    outcome = saga.advance(order, message, NOW, None, orders.get(order.replaces or ""), heir)
    if outcome is None:
        return world
    for moved in outcome.moved:
        world = world.put(moved.id, order=freeze(moved))
    return world.send(*outcome.sends)


def steps(world: World) -> Iterator[tuple[str, World]]:
    """Every next world, with what happened."""
    for message in world.sent:
        told = f"deliver {type(message).__name__} of {message.order_id}"
        yield told, deliver(world.but(sent=world.sent - {message}), message)
        if world.again_left:
            yield f"{told}, and again later", deliver(world.but(again_left=world.again_left - 1), message)
    for name, side in world.sides:
        yield from people(world, name, side)
        yield from provider(world, name, side)


def people(world: World, name: str, side: Side) -> Iterator[tuple[str, World]]:
    if window_ends(world, name, side):
        yield f"window ends of {name}", tell(world, saga.WindowEnded(name))
    if side.state == State.OFFERED:
        yield f"patient accepts {name}", tell(world, saga.Accept(name))
    if side.cancels_left and side.state not in FINAL:
        yield f"patient cancels {name}", tell(world.put(name, cancels_left=0), saga.Cancel(name))
    if side.day_left:
        yield from day_of_visit(world.put(name, day_left=side.day_left - 1), name, side.state)
    if side.stops_left:
        stopped = world.put(name, stops_left=0, stopped=True)
        yield f"session stopped of {name}", stopped.send(saga.Stop(name))
        yield f"session stopped of {name}, with substitutes", stopped.send(saga.Stop(name, (SUBSTITUTE,)))
    if side.slot == "waiting" and not side.stopped:
        yield f"a number is freed for {name}", world.put(name, slot="held").send(reserved(name, side))
    if side.slot == "entered" and not side.stopped:
        yield f"deliver the draw: {name} wins", world.put(name, slot="held").send(reserved(name, side))
        yield f"deliver the draw: {name} waits", world.put(name, slot="waiting").send(SlotWaitlisted(name, "s", 1))
        yield f"deliver the draw: {name} loses", world.put(name, slot="rejected").send(rejected(name, "not_drawn"))


def day_of_visit(world: World, name: str, state: State) -> Iterator[tuple[str, World]]:
    if state == State.CONFIRMED:
        yield f"patient misses {name}", tell(world, saga.Missed(name, "staff"))
        yield f"patient comes too late for {name}", tell(world, saga.Void(name, "too_late"))
    if state in {State.CONFIRMED, State.NO_SHOW}:
        yield f"patient of {name} is seen", tell(world, saga.Served(name))


def window_ends(world: World, name: str, side: Side) -> bool:
    """Substitutes are offered for as long as one that was chosen is being decided."""
    if side.state == State.SUBSTITUTE_OFFERED:
        return not any(other.order[_REPLACES] == name and other.state in SUCCEEDING for _, other in world.sides)
    return side.state in {State.AWAITING_PAYMENT, State.OFFERED}


def provider(world: World, name: str, side: Side) -> Iterator[tuple[str, World]]:
    """The provider's side: paying, also at a QR code that lives on after the close; closing; refunding."""
    if side.pays_left and side.intent != "none" and side.asked:
        yield f"money arrives for {name}", money(world, name, side)
    if side.intent == "closing":
        yield f"provider closes {name}", world.put(name, intent="closed").send(PaymentClosed(name))
    if side.refund == "asked":
        yield f"refund succeeds of {name}", paid_back(world, name, side)
        yield (
            f"refund refused of {name}",
            world.put(name, refund="failed").send(RefundFailed(name, "acc", "r", side.fee, "order", "refused")),
        )
    if side.refund == "failed":
        yield f"staff pay it out of {name}", paid_back(world, name, side)
    if side.asked and side.paid - bool(side.counted) > side.surplus_back:
        yield (
            f"surplus goes back of {name}",
            world.put(name, surplus_back=side.surplus_back + 1).send(
                RefundSucceeded(name, "acc", f"s{side.surplus_back}", side.asked, "surplus", "x", "late_or_twice")
            ),
        )


def money(world: World, name: str, side: Side) -> World:
    world = world.put(name, pays_left=side.pays_left - 1, paid=side.paid + 1)
    if side.intent in {"open", "closing"}:
        world = world.put(name, intent="paid", counted=side.asked)
        return world.send(succeeded(name, side))
    return world  # closed or paid: surplus, see above


def succeeded(name: str, side: Side) -> PaymentSucceeded:
    return PaymentSucceeded(name, "acc", "p", side.asked, "sandbox", NOW)


def paid_for(side: Side) -> int:
    """What settles the order: its own success, and what was moved to it. All of it goes back, and is told once."""
    return side.counted + side.moved_in


def paid_back(world: World, name: str, side: Side) -> World:
    return world.put(name, refund="done", refunded=paid_for(side)).send(refund_done(name, side))


def refund_done(name: str, side: Side) -> RefundSucceeded:
    return RefundSucceeded(name, "acc", "r", paid_for(side), "order", "sandbox", "cancelled")


def reserved(name: str, side: Side, **changes: Any) -> SlotReserved:
    found = SlotReserved(name, f"ses-{name}", "slot", 1, side.fee, VISIT, NOW + timedelta(days=1), HOLD, side.offers)
    return replace(found, **changes)


def rejected(name: str, reason: str) -> SlotRejected:
    return SlotRejected(name, f"ses-{name}", reason, None, None)


def deliver(world: World, message: Any) -> World:
    name = message.order_id
    side = world.side(name)
    match message:
        case ReserveSlot():
            return reserve(world, name, side)
        case ReleaseSlot():
            return world.put(name, slot="released")
        case OrderConfirmed():
            return world.put(name, slot="sold") if side.slot == "held" else world
        case RequestPayment():
            return request(world, name, side, message)
        case ClosePayment():
            return close(world, name, side)
        case MovePayment():
            return move(world, name, side, message)
        case RefundPayment():
            return refund(world, name, side)
        case _:
            return tell(world, message)


def reserve(world: World, name: str, side: Side) -> World:
    if side.slot == "released":
        return world.send(rejected(name, "released"))
    if side.slot in {"held", "sold"}:
        return world.send(reserved(name, side))
    if side.slot in {"rejected", "waiting", "entered"}:
        return world
    if side.stopped or side.room == "full":
        reason = "session_stopped" if side.stopped else "sold_out"
        return world.put(name, slot="rejected").send(rejected(name, reason))
    if side.room == "draw":
        return world.put(name, slot="entered").send(SlotEntered(name, f"ses-{name}", NOW, "p1", 1, ()))
    if side.room == "waitlist":
        return world.put(name, slot="waiting").send(SlotWaitlisted(name, f"ses-{name}", 1))
    return world.put(name, slot="held").send(reserved(name, side))


def request(world: World, name: str, side: Side, message: RequestPayment) -> World:
    """The watch asks again: then it is said how the intent stands."""
    if side.intent == "none":
        return world.put(name, intent="open", asked=message.amount)
    return close(world, name, side) if side.intent in {"paid", "closed"} else world


def close(world: World, name: str, side: Side) -> World:
    if side.intent == "paid":
        return world.send(succeeded(name, side))
    if side.intent == "open":
        return world.put(name, intent="closing")
    if side.intent == "none":  # it overtook its request, and is remembered
        return world.put(name, intent="closed").send(PaymentClosed(name))
    return world.send(PaymentClosed(name)) if side.intent == "closed" else world


def move(world: World, name: str, side: Side, message: MovePayment) -> World:
    """What is left over goes back by itself; a move that was made is told again."""
    old = world.side(message.from_order_id)
    rest = old.counted + old.moved_in - message.amount
    if not side.moved_in:
        assert rest >= 0, "more moved than was paid"
        assert old.refund == "none", "moved what is on its way back"
        world = world.put(message.from_order_id, moved_out=message.amount, rest_back=rest)
        world = world.put(name, moved_in=message.amount)
        if rest:
            world = world.send(
                RefundSucceeded(message.from_order_id, "acc", "rest", rest, "surplus", "sandbox", "fee_difference")
            )
    return world.send(PaymentMoved(name, message.from_order_id, "acc", message.amount, rest))


def refund(world: World, name: str, side: Side) -> World:
    if side.refund == "none" and paid_for(side):
        assert not side.moved_out, "given back what was moved on"
        return world.put(name, refund="asked")
    return world.send(refund_done(name, side)) if side.refund == "done" else world
