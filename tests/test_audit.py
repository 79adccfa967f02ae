"""The audit finds what is planted, and nothing else."""

import copy

import pytest

from audit.invariants import broken

GOOD = {
    "user-svc": {"chassis": {"outbox": 0, "parked": [], "overdue": []}},
    "schedule-svc": {
        "chassis": {"outbox": 0, "parked": [], "overdue": []},
        "reservations": {
            "o1": {"session_id": "s", "queue_number": 1, "state": "sold"},
            "o2": {"session_id": "s", "queue_number": 2, "state": "held"},
            "o3": {"session_id": "s", "queue_number": 3, "state": "released"},
        },
        "sessions": {
            "s": {
                "capacity": 4,
                "free": 1,
                "held": 1,
                "sold": 1,
                "blocked": 1,
                "waiting": 0,
                "counted_held": 1,
                "counted_sold": 1,
                "counted_waiting": 0,
                "stopped": False,
            }
        },
    },
    "booking-svc": {
        "chassis": {"outbox": 0, "parked": [], "overdue": []},
        "orders": [
            {"id": "o1", "session_id": "s", "state": "confirmed", "fee": 50, "paid": 50, "updated_at": "t"},
            {"id": "o2", "session_id": "s", "state": "awaiting_payment", "fee": 50, "paid": 0, "updated_at": "t"},
            {"id": "o3", "session_id": "s", "state": "cancelled", "fee": 50, "paid": 50, "updated_at": "t"},
        ],
        "windows": ["o2"],
    },
    "payment-svc": {
        "chassis": {"outbox": 0, "parked": [], "overdue": []},
        "intents": {
            "o1": {"captured": 50, "refunded": 0, "refunding": 0, "counted": 50, "live_attempts": 0},
            "o3": {"captured": 50, "refunded": 50, "refunding": 0, "counted": 50, "live_attempts": 0},
        },
        "ledger": {"clearing:sandbox": 50, "order_payable": -50},
        "sandbox": {"taken_in": 100, "given_back": 50},
        "unbalanced": [],
        "captures_without_entry": [],
        "unknown_captures": [],
        "ledger_disagrees": [],
    },
    "notify-svc": {
        "chassis": {"outbox": 0, "parked": [], "overdue": []},
        "by_order": {"o1": {"order_confirmed": 1}, "o2": {"order_held": 1}, "o3": {"order_cancelled": 1}},
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
        (plant("booking-svc", "chassis", "outbox", value=3), "work_is_done", "booking-svc"),
        (
            plant("user-svc", "chassis", "parked", value=[{"message_id": "m", "reason": "bad"}]),
            "work_is_done",
            "user-svc",
        ),
        (plant("payment-svc", "chassis", "overdue", value=["refund r"]), "work_is_done", "payment-svc"),
        (plant("booking-svc", "orders", 1, "state", value="closing"), "no_order_is_stuck", "o2"),
        (plant("booking-svc", "windows", value=[]), "no_order_is_stuck", "o2"),
        (plant("schedule-svc", "sessions", "s", "stopped", value=True), "no_order_is_stuck", "o1"),
        (plant("schedule-svc", "reservations", "o1", "state", value="released"), "orders_and_numbers_agree", "o1"),
        (plant("schedule-svc", "reservations", "o3", "state", value="held"), "orders_and_numbers_agree", "o3"),
        (
            plant("schedule-svc", "reservations", "o9", value={"session_id": "s", "queue_number": 9, "state": "held"}),
            "orders_and_numbers_agree",
            "o9",
        ),
        (plant("schedule-svc", "reservations", "o2", "queue_number", value=1), "no_slot_is_sold_twice", "s"),
        (plant("schedule-svc", "sessions", "s", "free", value=2), "inventory_adds_up", "s"),
        (plant("schedule-svc", "sessions", "s", "counted_sold", value=0), "inventory_adds_up", "s"),
        (plant("payment-svc", "intents", "o1", "captured", value=100), "no_fen_is_lost", "o1"),
        (plant("payment-svc", "intents", "o3", "refunded", value=0), "no_fen_is_lost", "o3"),
        (plant("payment-svc", "intents", "o3", "refunded", value=60), "no_fen_is_lost", "o3"),
        (plant("payment-svc", "intents", "o1", "counted", value=1), "no_fen_is_lost", "o1"),
        (plant("payment-svc", "unbalanced", value=["e1"]), "ledger_balances", "e1"),
        (plant("payment-svc", "ledger", "clearing:sandbox", value=51), "ledger_balances", "ledger"),
        (plant("payment-svc", "sandbox", "taken_in", value=150), "ledger_balances", "sandbox"),
        (plant("schedule-svc", "sessions", "s", "counted_waiting", value=1), "inventory_adds_up", "s"),
        (plant("notify-svc", "by_order", "o3", value={"order_placed": 1}), "everybody_was_told_once", "o3"),
        (plant("notify-svc", "by_order", value={}), "everybody_was_told_once", "o1"),
        (plant("notify-svc", "by_order", "o1", "order_confirmed", value=2), "everybody_was_told_once", "o1"),
        (plant("notify-svc", "undelivered", value=["n1"]), "everybody_was_told_once", "n1"),
    ],
)
def test_each_planted_fault_is_named_with_what_it_concerns(change, rule, about):
    figures = copy.deepcopy(GOOD)
    change(figures)
    assert (rule, about) in [(b.rule, b.about) for b in broken(figures)]
