"""The invariants that hold when the system is at rest (reference: docs/operations.md, "Audit").

Each rule takes the figures of all services, as GET /api/v1/audit/<svc> shows them, and yields what is broken. Pure
functions: a test feeds each a good picture and a broken one.
"""

from collections import Counter
from collections.abc import Callable, Iterator

from common.platform import SERVICES

from audit.money import (
    fees_are_earned,
    intents_agree,
    ledger_balances,
    money_is_watched,
    moves_agree,
    no_fen_is_lost,
    providers_agree,
)
from audit.parts import NO_MONEY, Broken, Figures, with_staff
from audit.told import ONCE, TOLD_OF

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
AT_DESK = {"called", "serving"}
IN_CLINIC = {"waiting", "away"} | AT_DESK
VISIT_OF = {
    "confirmed": IN_CLINIC | {"expected", "lapsed"},
    "no_show": IN_CLINIC | {"missed", "lapsed"},  # the desk may have let her in after all
    "fulfilled": {"done"},
}
"""How an order's visit may stand; that of any other is over, and took no place."""
NO_VISIT = {"withdrawn", "void", "lapsed"}


def work_is_done(f: Figures) -> Iterator[Broken]:
    """Outboxes are empty, nothing is parked, no timer is overdue."""
    for service in sorted(SERVICES, key=lambda name: name not in f):  # those who have answered first
        chassis = f[service]["chassis"]
        if chassis["outbox"]:
            what = f"{chassis['outbox']} messages in the outbox have not arrived"
            yield Broken("work_is_done", service, what, str(chassis["outbox_since"]))
        for parked in chassis["parked"]:
            what = f"message {parked['message_id']} is parked: {parked['reason'][:200]}"
            yield Broken("work_is_done", service, what, parked["message_id"])
        for timer in chassis["overdue"]:
            yield Broken("work_is_done", service, f"timer {timer} is overdue", timer)


def no_order_is_stuck(f: Figures) -> Iterator[Broken]:
    """No order waits for another service; one that waits for the cashier to hand out its refund does not count.

    Of one that waits for the staff there is a refund that was refused. One that waits for its patient has the timer that ends it, and
    none waits for a session that does not take place. What booking-svc can tell of it alone, it does: GET /sagas shows the same.
    """
    intents, sessions = f["payment-svc"]["intents"], f["schedule-svc"]["sessions"]
    for order in f["booking-svc"]["stuck"]:
        by_hand = order["state"] == "refunding" and intents.get(order["order_id"], {}).get("refunding", 0) > 0
        if not by_hand:
            what = f"is {order['state']} since {order['since']}, and waits for {order['waits_for']}"
            yield Broken("no_order_is_stuck", order["order_id"], what)
    for order in f["booking-svc"]["orders"]:
        if order["state"] == "refund_failed" and not with_staff(intents.get(order["id"], NO_MONEY)):
            what = "is refund_failed, but payment-svc has no refund of it that was refused, or is on its way again"
            yield Broken("no_order_is_stuck", order["id"], what)
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
