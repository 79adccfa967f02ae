"""The audit finds what is planted, and nothing else."""

import copy

import pytest
from payment_sandbox.server import Server

from audit.__main__ import held
from audit.invariants import broken
from audit.parts import AMOUNTS
from audit.sources import books


def session(**counters):
    names = ("capacity", "free", "held", "sold", "blocked", "waiting", "entered", "resting", "seen")
    figures = dict.fromkeys(names, 0) | {"stopped": False} | counters
    return figures | {f"counted_{name}": figures[name] for name in names[2:4] + names[5:]}


def order(order_id, state, paid, **changes):
    usual = {"account_id": "a", "session_id": "s", "fee": 50, "moved": 0, "refunded": 0, "updated_at": "t"}
    usual |= {"replaces": None, "replaced_by": None}
    return {"id": order_id, "state": state, "paid": paid, **usual, **changes}


def visit(order_id, state, room=None):
    return {"id": f"v{order_id[1:]}", "order_id": order_id, "state": state, "queue_id": "s", "room": room}


def intent(**amounts):
    return dict.fromkeys((*AMOUNTS, "live_attempts"), 0) | {"account_id": "a"} | amounts


def stuck(order_id, state):
    return {"order_id": order_id, "state": state, "since": "2026-11-22T08:00:00+00:00", "waits_for": "payment"}


GOOD = {
    "user-svc": {
        "chassis": {"outbox": 0, "parked": [], "overdue": []},
        "trail": {"length": 9, "fault": None, "loose_seconds": 2.0},
    },
    "schedule-svc": {
        "chassis": {"outbox": 0, "parked": [], "overdue": []},
        "reservations": {
            "o1": {"session_id": "s", "queue_number": 1, "state": "sold"},
            "o2": {"session_id": "s", "queue_number": 2, "state": "held"},
            "o3": {"session_id": "s", "queue_number": 3, "state": "released"},
            "o4": {"session_id": "d", "queue_number": None, "state": "entered"},
            "o5": {"session_id": "x", "queue_number": 1, "state": "released"},
            "o6": {"session_id": "s", "queue_number": 4, "state": "sold"},
            "o7": {"session_id": "x", "queue_number": 2, "state": "released"},
            "o8": {"session_id": "x", "queue_number": 3, "state": "released"},
            "o9": {"session_id": "x", "queue_number": 4, "state": "sold", "seen": True},
        },
        "sessions": {
            "s": session(capacity=5, free=1, held=1, sold=2, blocked=1),
            "d": session(capacity=3, free=3, entered=1),
            # stopped after one was seen
            "x": session(capacity=4, free=2, sold=1, blocked=1, resting=1, seen=1, stopped=True),
        },
    },
    "booking-svc": {
        "chassis": {"outbox": 0, "parked": [], "overdue": []},
        "orders": [
            order("o1", "confirmed", 50),
            order("o2", "awaiting_payment", 0),
            order("o3", "cancelled", 50, refunded=50),
            order("o4", "entered", 0, session_id="d", fee=None),
            order("o5", "rescheduled", 50, session_id="x", moved=30, refunded=20, replaced_by="o6"),
            order("o6", "no_show", 30, fee=30, replaces="o5"),
            order("o7", "substitute_offered", 50, session_id="x"),
            order("o8", "refund_failed", 50, session_id="x"),
            order("o9", "fulfilled", 50, session_id="x"),
        ],
        "stuck": [],
        "visits": [
            visit("o1", "called", room="301"),
            visit("o3", "void"),
            visit("o6", "missed"),
            visit("o7", "withdrawn"),
            visit("o9", "done"),
            # walked in
            {"id": "v0", "order_id": None, "state": "waiting", "queue_id": "s", "room": None},
        ],
        "desks": [{"queue_id": "s", "room": "301", "visit_id": "v1"}],
        "unvisited": [],
    },
    "payment-svc": {
        "chassis": {"outbox": 0, "parked": [], "overdue": []},
        "intents": {
            # paid twice, and the second payment's refund was refused
            "o1": intent(captured=100, counted=50, refund_failed=50, surplus_failed=50),
            # asked to close what was not asked for
            "o2": intent(account_id=""),
            "o3": intent(captured=50, refunded=50, given_back=50, counted=50),
            "o5": intent(captured=50, moved_out=30, refunded=20, given_back=20),
            "o6": intent(moved_in=30, counted=30),
            "o7": intent(captured=50, counted=50),
            "o8": intent(captured=50, counted=50, refund_failed=50),
            "o9": intent(captured=50, counted=50, earned=50),
        },
        "ledger": {
            "clearing:alipay": 200,
            "clearing:wechat": 79,
            "fee_expense": 1,
            "order_payable": -180,
            "revenue": -50,
            "surplus_payable": -50,
        },
        "bill_fees": {"wechat": 1},
        "refunds_under_way": {},
        "books": {"alipay": {"taken_in": 250, "given_back": 50}, "wechat": {"taken_in": 100, "given_back": 20}},
        "watchdog": {"entries_balance": [], "paid_is_confirmed": []},
        "unbalanced": [],
        "captures_without_entry": [],
        "unknown_captures": [],
        "ledger_disagrees": [],
    },
    "notify-svc": {
        "chassis": {"outbox": 0, "parked": [], "overdue": []},
        "stuck": [],
        "by_order": {
            "o1": {"order_confirmed": 1},
            "o2": {"order_held": 1},
            "o3": {"order_cancelled": 1},
            "o4": {"order_entered": 1},
            "o5": {"order_rescheduled": 1},
            "o6": {"visit_missed": 1},
            "o7": {"substitutes_offered": 1},
            "o8": {"refund_stalled": 1},
            "o9": {"visit_completed": 1},
        },
        "undelivered": [],
        "untold": [],
    },
}


def test_a_good_picture_has_nothing_broken():
    assert broken(GOOD) == []


def plant(*path, value):
    def change(figures):
        for step in path[:-1]:
            figures = figures[step]
        figures[path[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "rule", "about"),
    [
        (
            plant("booking-svc", "chassis", value={"outbox": 3, "outbox_since": "x", "parked": [], "overdue": []}),
            "work_is_done",
            "booking-svc",
        ),
        (
            plant("user-svc", "chassis", "parked", value=[{"message_id": "m", "reason": "bad"}]),
            "work_is_done",
            "user-svc",
        ),
        (plant("payment-svc", "chassis", "overdue", value=["refund r"]), "work_is_done", "payment-svc"),
        (plant("booking-svc", "stuck", value=[stuck("o2", "closing")]), "no_order_is_stuck", "o2"),
        (plant("booking-svc", "stuck", value=[stuck("o3", "refunding")]), "no_order_is_stuck", "o3"),
        (plant("schedule-svc", "reservations", "o4", "state", value="rejected"), "orders_and_numbers_agree", "o4"),
        (plant("schedule-svc", "reservations", "o6", "state", value="released"), "orders_and_numbers_agree", "o6"),
        (plant("schedule-svc", "reservations", "o7", "state", value="sold"), "orders_and_numbers_agree", "o7"),
        (plant("schedule-svc", "sessions", "d", "counted_entered", value=2), "inventory_adds_up", "d"),
        (plant("schedule-svc", "sessions", "x", "counted_resting", value=0), "inventory_adds_up", "x"),
        (plant("payment-svc", "intents", "o5", "moved_out", value=20), "moves_agree", "o5"),
        (plant("payment-svc", "intents", "o6", "moved_in", value=20), "moves_agree", "o5"),
        (plant("payment-svc", "intents", "o5", "refunded", value=0), "no_fen_is_lost", "o5"),
        (plant("payment-svc", "intents", "o6", "refunding", value=30), "no_fen_is_lost", "o6"),
        (plant("payment-svc", "intents", "o7", "refunded", value=50), "no_fen_is_lost", "o7"),
        (plant("payment-svc", "intents", "o8", "refund_failed", value=20), "no_fen_is_lost", "o8"),
        (plant("booking-svc", "orders", 5, "replaces", value=None), "moves_agree", "o5"),
        (plant("notify-svc", "by_order", "o6", value={"order_confirmed": 1}), "everybody_was_told_once", "o6"),
        (plant("notify-svc", "by_order", "o5", "order_rescheduled", value=2), "everybody_was_told_once", "o5"),
        (plant("schedule-svc", "sessions", "s", "stopped", value=True), "no_order_is_stuck", "o1"),
        (plant("schedule-svc", "reservations", "o1", "state", value="released"), "orders_and_numbers_agree", "o1"),
        (plant("schedule-svc", "reservations", "o3", "state", value="held"), "orders_and_numbers_agree", "o3"),
        (
            plant("schedule-svc", "reservations", "oo", value={"session_id": "s", "queue_number": 9, "state": "held"}),
            "orders_and_numbers_agree",
            "oo",
        ),
        (plant("schedule-svc", "reservations", "o2", "queue_number", value=1), "no_slot_is_sold_twice", "s"),
        (plant("schedule-svc", "sessions", "s", "free", value=2), "inventory_adds_up", "s"),
        (plant("schedule-svc", "sessions", "s", "counted_sold", value=0), "inventory_adds_up", "s"),
        (plant("payment-svc", "intents", "o1", "captured", value=150), "no_fen_is_lost", "o1"),
        (plant("payment-svc", "intents", "o3", "refunded", value=0), "no_fen_is_lost", "o3"),
        (plant("payment-svc", "intents", "o3", "refunded", value=60), "no_fen_is_lost", "o3"),
        (plant("payment-svc", "intents", "o1", "counted", value=1), "no_fen_is_lost", "o1"),
        (plant("payment-svc", "unbalanced", value=["e1"]), "ledger_balances", "e1"),
        (plant("payment-svc", "ledger", "clearing:alipay", value=51), "ledger_balances", "ledger"),
        (plant("payment-svc", "captures_without_entry", value=["f1"]), "ledger_balances", "f1"),
        (plant("payment-svc", "unknown_captures", value=["f2"]), "ledger_balances", "f2"),
        (plant("payment-svc", "ledger_disagrees", value=["o1"]), "ledger_balances", "o1"),
        (plant("payment-svc", "books", "alipay", "taken_in", value=251), "providers_agree", "alipay"),
        (plant("payment-svc", "books", "wechat", "given_back", value=19), "providers_agree", "wechat"),
        (plant("payment-svc", "bill_fees", value={}), "providers_agree", "wechat"),
        (plant("payment-svc", "ledger", "clearing:alipay", value=149), "providers_agree", "alipay"),
        (plant("payment-svc", "watchdog", "paid_is_confirmed", value=["o1: is not"]), "money_is_watched", "o1"),
        (plant("payment-svc", "watchdog", value={}), "money_is_watched", "payment-svc"),
        (plant("schedule-svc", "sessions", "s", "counted_waiting", value=1), "inventory_adds_up", "s"),
        (plant("notify-svc", "by_order", "o3", value={"order_placed": 1}), "everybody_was_told_once", "o3"),
        (plant("notify-svc", "by_order", value={}), "everybody_was_told_once", "o1"),
        (plant("notify-svc", "by_order", "o1", "order_confirmed", value=2), "everybody_was_told_once", "o1"),
        (plant("payment-svc", "intents", "o8", value=intent(captured=50, refunded=50)), "no_order_is_stuck", "o8"),
        (plant("payment-svc", "intents", "o1", "surplus_failed", value=0), "no_fen_is_lost", "o1"),
        (plant("booking-svc", "orders", 2, "refunded", value=0), "intents_agree", "o3"),
        (plant("booking-svc", "orders", 4, "refunded", value=0), "intents_agree", "o5"),
        (plant("payment-svc", "intents", "o5", "given_back", value=0), "intents_agree", "o5"),
        (plant("payment-svc", "intents", "o1", "account_id", value="b"), "intents_agree", "o1"),
        (plant("schedule-svc", "reservations", "o1", "session_id", value="d"), "orders_and_numbers_agree", "o1"),
        (plant("booking-svc", "orders", 4, "replaced_by", value=None), "moves_agree", "o5"),
        (plant("notify-svc", "by_order", "o3", "order_withdrawn", value=2), "everybody_was_told_once", "o3"),
        (plant("notify-svc", "by_order", "o3", "visit_stopped", value=2), "everybody_was_told_once", "o3"),
        (plant("notify-svc", "by_order", "o3", "refund_succeeded", value=2), "everybody_was_told_once", "o3"),
        (plant("booking-svc", "unvisited", value=["o1"]), "visits_follow_orders", "o1"),
        (plant("booking-svc", "visits", 0, "state", value="done"), "visits_follow_orders", "o1"),
        (plant("booking-svc", "visits", 1, "state", value="waiting"), "visits_follow_orders", "o3"),
        (plant("booking-svc", "visits", 2, "state", value="done"), "visits_follow_orders", "o6"),
        (plant("booking-svc", "visits", 4, "state", value="serving"), "visits_follow_orders", "o9"),
        (plant("booking-svc", "visits", 4, "order_id", value=None), "visits_follow_orders", "o9"),
        (plant("booking-svc", "visits", 5, "order_id", value="oo"), "visits_follow_orders", "oo"),
        (plant("booking-svc", "visits", 0, "room", value="302"), "one_visitor_one_desk", "v1"),
        (plant("booking-svc", "visits", 0, "state", value="waiting"), "one_visitor_one_desk", "v1"),
        (plant("booking-svc", "desks", value=[]), "one_visitor_one_desk", "v1"),
        (
            plant(
                "booking-svc", "desks", value=[{"queue_id": "s", "room": r, "visit_id": "v1"} for r in ("301", "302")]
            ),
            "one_visitor_one_desk",
            "v1",
        ),
        (plant("schedule-svc", "reservations", "o9", "state", value="released"), "orders_and_numbers_agree", "o9"),
        (plant("schedule-svc", "reservations", "o9", "seen", value=False), "orders_and_numbers_agree", "o9"),
        (plant("schedule-svc", "reservations", "o1", "seen", value=True), "orders_and_numbers_agree", "o1"),
        (plant("schedule-svc", "sessions", "x", "counted_seen", value=0), "inventory_adds_up", "x"),
        (plant("payment-svc", "intents", "o9", "earned", value=0), "fees_are_earned", "o9"),
        (plant("payment-svc", "intents", "o1", "earned", value=50), "fees_are_earned", "o1"),
        (plant("payment-svc", "intents", "o6", "earned", value=20), "fees_are_earned", "o6"),
        (plant("payment-svc", "intents", "o9", "refunded", value=50), "no_fen_is_lost", "o9"),
        (plant("notify-svc", "by_order", "o9", value={"order_confirmed": 1}), "everybody_was_told_once", "o9"),
        (plant("notify-svc", "by_order", "o9", "visit_completed", value=2), "everybody_was_told_once", "o9"),
        (plant("user-svc", "trail", "fault", value="place 3: is missing"), "trail_is_whole", "user-svc"),
        (plant("user-svc", "trail", "loose_seconds", value=61.0), "trail_is_whole", "user-svc"),
        (plant("notify-svc", "undelivered", value=["n1"]), "everybody_was_told_once", "n1"),
        (plant("notify-svc", "stuck", value=["n1:sms"]), "no_letter_is_stuck", "n1:sms"),
    ],
)
def test_each_planted_fault_is_named_with_what_it_concerns(change, rule, about):
    figures = copy.deepcopy(GOOD)
    change(figures)
    assert (rule, about) in [(b.rule, b.about) for b in broken(figures)]


def test_an_open_attempt_is_no_excuse_for_money_that_a_provider_has():
    figures = copy.deepcopy(GOOD)
    figures["payment-svc"]["books"]["alipay"]["taken_in"] += 50
    figures["payment-svc"]["intents"]["o2"]["live_attempts"] = 1
    assert [b.rule for b in broken(figures)] == ["providers_agree"]


@pytest.mark.parametrize(("gone", "agrees"), [(0, True), (20, True), (50, True), (51, False), (-1, False)])
def test_a_refund_under_way_may_have_gone_or_not(gone, agrees):
    figures = copy.deepcopy(GOOD)
    figures["payment-svc"]["refunds_under_way"] = {"alipay": 50}
    figures["payment-svc"]["books"]["alipay"]["given_back"] += gone
    assert (broken(figures) == []) == agrees


def test_what_was_not_compared_is_not_said_to_hold(tmp_path):
    figures = copy.deepcopy(GOOD)
    del figures["payment-svc"]["books"]
    assert broken(figures) == []
    assert "providers_agree" not in held("")
    server = Server(tmp_path)
    server.start()
    try:
        assert "providers_agree" in held(server.url)
        assert held(server.url).endswith("compared with the books of 2 providers")
    finally:
        server.stop()


def test_the_books_of_the_payment_sandbox_are_read_over_http(tmp_path):
    server = Server(tmp_path)
    server.start()
    try:
        assert {name: own["taken_in"] for name, own in books(server.url).items()} == {"wechat": 0, "alipay": 0}
    finally:
        server.stop()
    with pytest.raises(OSError, match="refused"):
        books(server.url)
    with pytest.raises(OSError, match="no address"):
        books("file:///etc/passwd")
