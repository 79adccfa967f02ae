"""The invariants that hold when the system is at rest (reference: docs/operations.md, "Audit").

Each rule takes the figures of all services, as GET /api/v1/audit/<svc> shows them, and yields what is broken. Pure
functions: a test feeds each a good picture and a broken one.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Figures = Mapping[str, Any]
"""Service name -> its figures."""

IN_FLIGHT = {"reserving", "closing", "withdrawing", "refunding"}
ENDED = {"cancelled", "expired", "rejected"}
NUMBER_OF = {"confirmed": "sold", "awaiting_payment": "held", "closing": "held", "waitlisted": "waiting"}
"""What an order's reservation must be; every other order holds nothing."""


@dataclass(frozen=True, slots=True)
class Broken:
    """One broken invariant. `about`: the order, session or service that it concerns."""

    rule: str
    about: str
    what: str


def work_is_done(f: Figures) -> Iterator[Broken]:
    """Outboxes are empty, nothing is parked, no timer is overdue."""
    for service, own in f.items():
        chassis = own["chassis"]
        if chassis["outbox"]:
            yield Broken("work_is_done", service, f"{chassis['outbox']} messages in the outbox have not arrived")
        for parked in chassis["parked"]:
            yield Broken("work_is_done", service, f"message {parked['message_id']} is parked: {parked['reason'][:200]}")
        for timer in chassis["overdue"]:
            yield Broken("work_is_done", service, f"timer {timer} is overdue")


def no_order_is_stuck(f: Figures) -> Iterator[Broken]:
    """No order waits for another service; one that waits for the cashier to hand out its refund does not count.

    One that waits for its patient has the timer that ends it, and none waits for a session that does not take place.
    """
    intents, sessions = f["payment-svc"]["intents"], f["schedule-svc"]["sessions"]
    windows = set(f["booking-svc"]["windows"])
    for order in f["booking-svc"]["orders"]:
        by_hand = order["state"] == "refunding" and intents.get(order["id"], {}).get("refunding", 0) > 0
        if order["state"] in IN_FLIGHT and not by_hand:
            yield Broken("no_order_is_stuck", order["id"], f"is {order['state']} since {order['updated_at']}")
        if order["state"] == "awaiting_payment" and order["id"] not in windows:
            yield Broken("no_order_is_stuck", order["id"], "awaits its payment, and nothing will end that")
        if order["state"] in NUMBER_OF and sessions.get(order["session_id"], {}).get("stopped"):
            yield Broken("no_order_is_stuck", order["id"], f"is {order['state']}, but its session is stopped")


def orders_and_numbers_agree(f: Figures) -> Iterator[Broken]:
    """A confirmed order has its number sold, a held one held, an ended one none; no number is held for nobody."""
    reservations = f["schedule-svc"]["reservations"]
    known = set()
    for order in f["booking-svc"]["orders"]:
        known.add(order["id"])
        wanted = NUMBER_OF.get(order["state"])
        found = reservations.get(order["id"], {}).get("state")
        if wanted is not None and found != wanted:
            yield Broken("orders_and_numbers_agree", order["id"], f"is {order['state']}, but its number is {found}")
        if wanted is None and order["state"] != "reserving" and found in {"held", "sold", "waiting"}:
            yield Broken(
                "orders_and_numbers_agree", order["id"], f"is {order['state']}, but its number is still {found}"
            )
    for order_id, reservation in reservations.items():
        if order_id not in known and reservation["state"] in {"held", "sold", "waiting"}:
            yield Broken(
                "orders_and_numbers_agree", order_id, f"has a number {reservation['state']}, but no such order exists"
            )


def no_slot_is_sold_twice(f: Figures) -> Iterator[Broken]:
    """At most one active reservation for each number of a session."""
    taken = Counter(
        (r["session_id"], r["queue_number"])
        for r in f["schedule-svc"]["reservations"].values()
        if r["state"] in {"held", "sold"}
    )
    for (session, number), times in taken.items():
        if times > 1:
            yield Broken("no_slot_is_sold_twice", session, f"number {number} is taken {times} times")


def inventory_adds_up(f: Figures) -> Iterator[Broken]:
    """Capacity = free + held + sold + blocked, and the counters are what a count of the reservations gives."""
    for session, s in f["schedule-svc"]["sessions"].items():
        if s["capacity"] != s["free"] + s["held"] + s["sold"] + s["blocked"]:
            yield Broken(
                "inventory_adds_up", session, f"{s['capacity']} numbers, but the parts sum to another figure: {s}"
            )
        for name in ("held", "sold", "waiting"):
            if s[name] != s[f"counted_{name}"]:
                yield Broken(
                    "inventory_adds_up", session, f"{s[name]} {name}, but {s[f'counted_{name}']} reservations are"
                )


def no_fen_is_lost(f: Figures) -> Iterator[Broken]:
    """What was captured and not given back is exactly the fee of a confirmed order, and nothing for any other."""
    intents = f["payment-svc"]["intents"]
    for order in f["booking-svc"]["orders"]:
        intent = intents.get(order["id"], {"captured": 0, "refunded": 0, "refunding": 0, "counted": 0})
        kept = intent["captured"] - intent["refunded"] - intent["refunding"]
        due = (order["fee"] or 0) if order["state"] in {"confirmed", "refund_failed"} else 0
        if kept != due and order["state"] not in IN_FLIGHT:
            yield Broken("no_fen_is_lost", order["id"], f"is {order['state']}: {kept} fen kept, {due} due")
        if order["state"] == "confirmed" and order["fee"] and order["paid"] != intent["counted"]:
            yield Broken(
                "no_fen_is_lost", order["id"], f"knows of {order['paid']} fen paid, payment-svc of {intent['counted']}"
            )
        if intent["refunded"] > intent["captured"]:
            yield Broken("no_fen_is_lost", order["id"], f"{intent['refunded']} fen refunded of {intent['captured']}")


def ledger_balances(f: Figures) -> Iterator[Broken]:
    """Every entry sums to zero, and the books say what the facts say, and what the sandbox's own books say."""
    payment = f["payment-svc"]
    for name in ("unbalanced", "captures_without_entry", "unknown_captures", "ledger_disagrees"):
        for about in payment[name]:
            yield Broken("ledger_balances", str(about), name.replace("_", " "))
    if total := sum(payment["ledger"].values()):
        yield Broken("ledger_balances", "ledger", f"all accounts together are {total} fen, not zero")
    theirs, ours = payment["sandbox"], payment["ledger"].get("clearing:sandbox", 0)
    under_way = any(intent["live_attempts"] or intent["refunding"] for intent in payment["intents"].values())
    if not under_way and theirs["taken_in"] - theirs["given_back"] != ours:
        yield Broken("ledger_balances", "sandbox", f"holds {theirs}, and we say {ours} fen")


ONCE = ("order_placed", "order_held", "order_confirmed", "order_expired", "order_cancelled", "order_rejected")
TOLD_OF = {
    "waitlisted": {"order_waitlisted"},
    "awaiting_payment": {"order_held"},
    "confirmed": {"order_confirmed"},
    "refund_failed": {"refund_stalled"},
    "cancelled": {"order_cancelled", "session_stopped"},
    "expired": {"order_expired"},
    "rejected": {"order_rejected"},
}
"""What the patient must have been told, one of these, of an order in this state."""


def everybody_was_told_once(f: Figures) -> Iterator[Broken]:
    """The patient was told where each order stands, each step at most once, and each message has its delivery in the log."""
    notify = f["notify-svc"]
    for about in (*notify["undelivered"], *notify["untold"]):
        yield Broken("everybody_was_told_once", about, "the notification and its delivery do not match")
    told = notify["by_order"]
    for order in f["booking-svc"]["orders"]:
        kinds = told.get(order["id"], {})
        if order["state"] in TOLD_OF and not TOLD_OF[order["state"]] & kinds.keys():
            yield Broken("everybody_was_told_once", order["id"], f"is {order['state']}, but nobody was told")
        for kind in ONCE:
            if kinds.get(kind, 0) > 1:
                yield Broken("everybody_was_told_once", order["id"], f"{kind} was told {kinds[kind]} times")


RULES: tuple[Callable[[Figures], Iterator[Broken]], ...] = (
    work_is_done,
    no_order_is_stuck,
    orders_and_numbers_agree,
    no_slot_is_sold_twice,
    inventory_adds_up,
    no_fen_is_lost,
    ledger_balances,
    everybody_was_told_once,
)


def broken(figures: Figures) -> list[Broken]:
    """Everything that is broken, by all rules."""
    return [b for rule in RULES for b in rule(figures)]
