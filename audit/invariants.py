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

IN_FLIGHT = {"reserving", "closing", "moving", "withdrawing", "returning", "refunding"}
WINDOWED = {"awaiting_payment", "offered", "substitute_offered"}
"""What waits for its patient, until a timer ends it."""
NUMBER_OF = {
    "entered": "entered",
    "waitlisted": "waiting",
    "offered": "held",
    "awaiting_payment": "held",
    "closing": "held",
    "moving": "held",
    "confirmed": "sold",
    "no_show": "sold",
    "fulfilled": "sold",
}
"""What an order's reservation must be; every other order holds nothing."""
ACTIVE = {"entered", "waiting", "held", "sold"}
LONGEST_LOOSE = 60
"""Seconds for which an act may wait for its place in the trail's chain: the job comes every few."""
PAID = {"confirmed", "no_show", "fulfilled", "substitute_offered"}
"""Here the order's money is with the hospital, or waits for her choice: exactly its fee."""
AT_DESK = {"called", "serving"}
IN_CLINIC = {"waiting", "away"} | AT_DESK
VISIT_OF = {
    "confirmed": IN_CLINIC | {"expected", "lapsed"},
    "no_show": IN_CLINIC | {"missed", "lapsed"},  # the desk may have let her in after all
    "fulfilled": {"done"},
}
"""How an order's visit may stand; that of any other is over, and took no place."""
NO_VISIT = {"withdrawn", "void", "lapsed"}


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

    Of one that waits for the staff there is a refund that was refused. One that waits for its patient has the timer that ends it, and none waits for a session that does not take place.
    """
    intents, sessions = f["payment-svc"]["intents"], f["schedule-svc"]["sessions"]
    windows = set(f["booking-svc"]["windows"])
    for order in f["booking-svc"]["orders"]:
        by_hand = order["state"] == "refunding" and intents.get(order["id"], {}).get("refunding", 0) > 0
        if order["state"] == "refund_failed" and not _with_staff(intents.get(order["id"], NO_MONEY)):
            what = "is refund_failed, but payment-svc has no refund of it that was refused, or is on its way again"
            yield Broken("no_order_is_stuck", order["id"], what)
        if order["state"] in IN_FLIGHT and not by_hand:
            yield Broken("no_order_is_stuck", order["id"], f"is {order['state']} since {order['updated_at']}")
        if order["state"] in WINDOWED and order["id"] not in windows:
            yield Broken("no_order_is_stuck", order["id"], f"is {order['state']}, and nothing will end that")
        if (
            order["state"] in NUMBER_OF
            and order["state"] != "fulfilled"
            and sessions.get(order["session_id"], {}).get("stopped")
        ):
            yield Broken("no_order_is_stuck", order["id"], f"is {order['state']}, but its session is stopped")


def orders_and_numbers_agree(f: Figures) -> Iterator[Broken]:
    """A confirmed order has its number sold, a held one held, an entered one its entry, an ended one none.

    No number is held for nobody.
    """
    reservations = f["schedule-svc"]["reservations"]
    known = set()
    for order in f["booking-svc"]["orders"]:
        known.add(order["id"])
        wanted = NUMBER_OF.get(order["state"])
        found = reservations.get(order["id"], {}).get("state")
        if wanted is not None and found != wanted:
            yield Broken("orders_and_numbers_agree", order["id"], f"is {order['state']}, but its number is {found}")
        session = reservations.get(order["id"], {}).get("session_id")
        if found in ACTIVE and session != order["session_id"]:
            yield Broken(
                "orders_and_numbers_agree", order["id"], f"is of {order['session_id']}, but its number of {session}"
            )
        if wanted is None and order["state"] != "reserving" and found in ACTIVE:
            yield Broken(
                "orders_and_numbers_agree", order["id"], f"is {order['state']}, but its number is still {found}"
            )
        if reservations.get(order["id"], {}).get("seen", False) != (order["state"] == "fulfilled"):
            what = f"is {order['state']}, and schedule-svc says otherwise of whether she was seen"
            yield Broken("orders_and_numbers_agree", order["id"], what)
    for order_id, reservation in reservations.items():
        if order_id not in known and reservation["state"] in ACTIVE:
            yield Broken(
                "orders_and_numbers_agree", order_id, f"has a number {reservation['state']}, but no such order exists"
            )


def visits_follow_orders(f: Figures) -> Iterator[Broken]:
    """A confirmed order has its visit, and one that is fulfilled had it; nobody waits for the doctor without an order that stands,
    unless she walked in.
    """
    booking = f["booking-svc"]
    states = {visit["order_id"]: visit["state"] for visit in booking["visits"] if visit["order_id"]}
    for order_id in booking["unvisited"]:
        yield Broken("visits_follow_orders", order_id, "is confirmed, but has no visit")
    for order in booking["orders"]:
        state = states.pop(order["id"], None)
        if state is None and order["state"] == "fulfilled":
            yield Broken("visits_follow_orders", order["id"], "is fulfilled, but has no visit")
        if state is not None and state not in VISIT_OF.get(order["state"], NO_VISIT):
            yield Broken("visits_follow_orders", order["id"], f"is {order['state']}, but its visit is {state}")
    for order_id in states:
        yield Broken("visits_follow_orders", order_id, "has a visit, but there is no such order")


def one_visitor_one_desk(f: Figures) -> Iterator[Broken]:
    """Who is called or with a doctor is at one desk, which knows it; nobody else is at any."""
    at = {v["id"]: (v["queue_id"], v["room"]) for v in f["booking-svc"]["visits"] if v["state"] in AT_DESK}
    named = Counter(desk["visit_id"] for desk in f["booking-svc"]["desks"])
    for desk in f["booking-svc"]["desks"]:
        if at.get(desk["visit_id"]) != (desk["queue_id"], desk["room"]):
            what = f"is not at desk {desk['room']} of {desk['queue_id']}, which says so"
            yield Broken("one_visitor_one_desk", desk["visit_id"], what)
    for visit_id in at:
        if named[visit_id] != 1:
            yield Broken("one_visitor_one_desk", visit_id, f"is at {named[visit_id]} desks")


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
        for name in ("held", "sold", "waiting", "entered", "resting", "seen"):
            if s[name] != s[f"counted_{name}"]:
                yield Broken(
                    "inventory_adds_up", session, f"{s[name]} {name}, but a count gives {s[f'counted_{name}']}"
                )


AMOUNTS = (
    "captured", "refunded", "given_back", "refunding", "refund_failed", "surplus_failed", "counted", "moved_in",
    "moved_out", "earned",
)  # fmt: skip
NO_MONEY = dict.fromkeys(AMOUNTS, 0)


def _with_staff(intent: Mapping[str, Any]) -> int:
    """Fen of an order's own money that staff must give back, or are giving back."""
    fen: int = intent["refund_failed"] - intent["surplus_failed"] + intent["refunding"]
    return fen


def no_fen_is_lost(f: Figures) -> Iterator[Broken]:
    """What came for an order, by payment or from the order that it replaced, and did not go, back or on, is exactly its fee
    if it is confirmed or she did not come, what could not be given back, and nothing for any other. Surplus whose refund was
    refused waits for the staff beside it.
    """
    intents = f["payment-svc"]["intents"]
    for order in f["booking-svc"]["orders"]:
        intent = intents.get(order["id"], NO_MONEY)
        came, went = intent["captured"] + intent["moved_in"], intent["moved_out"] + intent["refunded"]
        kept = came - went - intent["refunding"]
        due = (order["fee"] or 0) if order["state"] in PAID else 0
        if order["state"] == "refund_failed":
            due = intent["refund_failed"] - intent["surplus_failed"]
        due += intent["surplus_failed"]
        if kept != due and order["state"] not in IN_FLIGHT:
            yield Broken("no_fen_is_lost", order["id"], f"is {order['state']}: {kept} fen kept, {due} due")
        if order["state"] in PAID and order["fee"] and order["paid"] != intent["counted"]:
            yield Broken(
                "no_fen_is_lost", order["id"], f"knows of {order['paid']} fen paid, payment-svc of {intent['counted']}"
            )
        if went > came:
            yield Broken("no_fen_is_lost", order["id"], f"{went} fen went back or on of {came}")


def intents_agree(f: Figures) -> Iterator[Broken]:
    """What is back of an order's money is the same in both services, and so is whose it is."""
    intents = f["payment-svc"]["intents"]
    for order in f["booking-svc"]["orders"]:
        intent = intents.get(order["id"])
        if intent is not None and intent["account_id"] not in {"", order["account_id"]}:  # a tombstone knows nobody
            what = f"is of account {order['account_id']}, its intent of {intent['account_id']}"
            yield Broken("intents_agree", order["id"], what)
        back = intent["given_back"] if intent is not None else 0
        # of an order's refunds, the last that succeeds is told, with the sum of all
        if order["refunded"] != back and order["state"] not in IN_FLIGHT | {"refund_failed"}:
            yield Broken("intents_agree", order["id"], f"knows of {order['refunded']} fen back, payment-svc of {back}")


def moves_agree(f: Figures) -> Iterator[Broken]:
    """What paid for an order and now pays for the one that replaced it is the same for both, in both services."""
    intents, orders = f["payment-svc"]["intents"], {o["id"]: o for o in f["booking-svc"]["orders"]}
    for order in orders.values():
        moved_out = intents.get(order["id"], NO_MONEY)["moved_out"]
        if order["moved"] != moved_out:
            yield Broken("moves_agree", order["id"], f"{order['moved']} fen moved on, payment-svc says {moved_out}")
        if not order["replaced_by"]:
            if order["state"] == "rescheduled":
                yield Broken("moves_agree", order["id"], "is rescheduled, and no order has its place")
            continue
        successor = orders.get(order["replaced_by"])
        if successor is None or successor["replaces"] != order["id"]:
            yield Broken(
                "moves_agree", order["id"], f"was replaced by {order['replaced_by']}, which knows nothing of it"
            )
        elif (moved_in := intents.get(successor["id"], NO_MONEY)["moved_in"]) != order["moved"]:
            yield Broken("moves_agree", order["id"], f"{order['moved']} fen moved on, {moved_in} arrived")


def fees_are_earned(f: Figures) -> Iterator[Broken]:
    """The fee of a visit that took place is earned; of one that was missed it may be, and of no other order."""
    intents = f["payment-svc"]["intents"]
    for order in f["booking-svc"]["orders"]:
        earned, fee = intents.get(order["id"], NO_MONEY)["earned"], order["fee"] or 0
        due = {"fulfilled": {fee}, "no_show": {0, fee}}.get(order["state"], {0})
        if earned not in due and order["state"] not in IN_FLIGHT:
            yield Broken(
                "fees_are_earned", order["id"], f"is {order['state']}, its fee {fee} fen, and {earned} are earned"
            )


def ledger_balances(f: Figures) -> Iterator[Broken]:
    """Every entry sums to zero, and the books say what the facts say."""
    payment = f["payment-svc"]
    for name in ("unbalanced", "captures_without_entry", "unknown_captures", "ledger_disagrees"):
        for about in payment[name]:
            yield Broken("ledger_balances", str(about), name.replace("_", " "))
    if total := sum(payment["ledger"].values()):
        yield Broken("ledger_balances", "ledger", f"all accounts together are {total} fen, not zero")


def money_is_watched(f: Figures) -> Iterator[Broken]:
    """The watchdog's invariants of money hold, each looked at in all there is."""
    watchdog = f["payment-svc"]["watchdog"]
    if not watchdog:
        yield Broken("money_is_watched", "payment-svc", "no invariant of money was looked at")
    for invariant, offenders in watchdog.items():
        for offender in offenders:
            about, _, what = offender.partition(": ")
            yield Broken("money_is_watched", about, f"{invariant}: {what}")


def providers_agree(f: Figures) -> Iterator[Broken]:
    """What a provider holds for us by our books, before its fees, is what it took in and did not give back by its own.

    Only if the audit was told where the payment sandbox is. An open attempt holds no money there; a refund that was asked for may
    have gone or not, so the provider may hold less by what is under way.
    """
    payment = f["payment-svc"]
    for provider, theirs in payment.get("books", {}).items():
        ours = payment["ledger"].get(f"clearing:{provider}", 0) + payment["bill_fees"].get(provider, 0)
        held = theirs["taken_in"] - theirs["given_back"]
        under_way = payment["refunds_under_way"].get(provider, 0)
        if not 0 <= ours - held <= under_way:
            what = f"took in {theirs['taken_in']} fen and gave back {theirs['given_back']}: holds {held}, and we say {ours}"
            what += f", of which {under_way} may have gone back" if under_way else ""
            yield Broken("providers_agree", provider, what)


ONCE = (
    "order_placed",
    "order_entered",
    "order_offered",
    "order_held",
    "order_confirmed",
    "order_expired",
    "order_withdrawn",
    "order_cancelled",
    "order_rejected",
    "order_rescheduled",
    "replacement_ended",
    "substitutes_offered",
    "visit_missed",
    "visit_completed",
    "visit_too_late",
    "visit_not_served",
    "visit_stopped",
    "session_stopped",
    "refund_stalled",
    "refund_succeeded",
)
TOLD_OF = {
    "entered": {"order_entered"},
    "offered": {"order_offered"},
    "waitlisted": {"order_waitlisted"},
    "awaiting_payment": {"order_held"},
    "confirmed": {"order_confirmed"},
    "refund_failed": {"refund_stalled"},
    "cancelled": {"order_cancelled", "session_stopped", "visit_too_late", "visit_not_served"},
    "expired": {"order_expired"},
    "rejected": {"order_rejected"},
    "substitute_offered": {"substitutes_offered"},
    "rescheduled": {"order_rescheduled"},
    "no_show": {"visit_missed"},
    "fulfilled": {"visit_completed"},
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


def no_letter_is_stuck(f: Figures) -> Iterator[Broken]:
    """What a sender has taken up is sent, refused, put off or unsure before its lease has been over for long."""
    for about in f["notify-svc"]["stuck"]:
        yield Broken("no_letter_is_stuck", about, "was taken up and nothing has become of it")


def trail_is_whole(f: Figures) -> Iterator[Broken]:
    """The trail of security-relevant acts is as it was chained, and what is noted gets its place soon."""
    trail = f["user-svc"]["trail"]
    if trail["fault"]:
        yield Broken("trail_is_whole", "user-svc", trail["fault"])
    if (trail["loose_seconds"] or 0) > LONGEST_LOOSE:
        yield Broken(
            "trail_is_whole", "user-svc", f"an act has no place in the chain after {trail['loose_seconds']:.0f} s"
        )


RULES: tuple[Callable[[Figures], Iterator[Broken]], ...] = (
    work_is_done,
    no_order_is_stuck,
    orders_and_numbers_agree,
    visits_follow_orders,
    one_visitor_one_desk,
    no_slot_is_sold_twice,
    inventory_adds_up,
    no_fen_is_lost,
    intents_agree,
    moves_agree,
    fees_are_earned,
    ledger_balances,
    money_is_watched,
    providers_agree,
    everybody_was_told_once,
    no_letter_is_stuck,
    trail_is_whole,
)


def broken(figures: Figures) -> list[Broken]:
    """Everything that is broken, by all rules."""
    return [b for rule in RULES for b in rule(figures)]
