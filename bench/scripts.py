"""pgbench's scripts: the statements that a service makes, one message at a time, as short as SQL can say them.

A literal never holds a colon before a letter: pgbench would take it for a variable.
"""

# ruff: noqa: S608  SQL made of constants

from datetime import UTC, date, datetime

from common.envelope import seal
from common.messages import (
    Message,
    OrderConfirmed,
    OrderHeld,
    OrderPlaced,
    PaymentSucceeded,
    RequestPayment,
    ReserveSlot,
    SlotReserved,
    Visit,
)

_NOW = datetime.now(UTC)
_ORDER, _ACCOUNT, _SESSION, _PATIENT = "ord_" + "a" * 24, "acc_" + "b" * 24, "ses_" + "c" * 24, "pat_" + "d" * 24
_SLOT, _HOSPITAL, _PAYMENT = "slt_" + "e" * 24, "hos_" + "f" * 24, "pay_" + "g" * 24
_VISIT = Visit(
    _HOSPITAL, "仁济示范医院", _HOSPITAL, "心血管内科", _HOSPITAL, "王立群", "主任医师",
    date(2030, 1, 1), "morning", _NOW, _NOW, "A101 诊室",
)  # fmt: skip
_RESERVE = ReserveSlot(_ORDER, _SESSION, None, _PATIENT, False, True, None, None, False, _NOW)
_NUMBER = "\\set n random(1, 9000000000000000000)\n\\set m random(1, 1000)\n"

PREPARE = {
    "booking-svc": "INSERT INTO sessions (id, revision, facts) VALUES ('ses_known', 1, repeat('x', 400))",
    "schedule-svc": (
        "UPDATE slots SET published = 1000000000, withheld = 0, extra = 0, capacity = 1000000000, blocked = 0,"
        " free = 1000000000 - held - sold;"
        " CREATE TABLE numbered AS SELECT row_number() OVER () AS n, id FROM slots; CREATE INDEX ON numbered (n)"
    ),
}
"""What a service's copy needs before its scripts run."""

LEAVE_ALONE = b"""
;DO $$ DECLARE name text; BEGIN FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
EXECUTE format('ALTER TABLE %I SET (autovacuum_enabled = false)', name); END LOOP; END $$
"""
"""Nor is a copy cleaned while we measure what follows."""


def make(hot_slot: str) -> dict[str, tuple[str, str]]:
    """Name -> (whose tables, the script). `hot_slot` is the row that `reserve` fights for."""
    return {
        "accept": ("booking-svc", _NUMBER + _ACCEPT),
        "look": ("booking-svc", "SELECT facts FROM sessions WHERE id = 'ses_known';\n"),
        "reserve": ("schedule-svc", _reserve(hot_slot)),
        "browse": ("schedule-svc", _BROWSE),
        "saga booking": ("booking-svc", _NUMBER + _ACCEPT + _ADVANCE),
        "saga schedule": ("schedule-svc", _SAGA_SCHEDULE),
        "saga payment": ("payment-svc", _SAGA_PAYMENT),
    }


def _outbox(*messages: Message) -> str:
    """The INSERT of real sealed messages, under an id of its own each."""
    rows = ", ".join(
        f"(md5('{type(m).__name__}' || :n), 'booking.{type(m).__name__}.v1', 'ord_' || :n, 'ord_' || :n, {_body(m)}, now())"
        for m in messages
    )
    return f"INSERT INTO outbox (message_id, type, subject, partition, body, created_at) VALUES {rows};\n"


def _body(message: Message) -> str:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    return "'\\x" + seal(message, _NOW, trace).body.hex() + "'::bytea"


def _inbox(name: str) -> str:
    return f"INSERT INTO inbox (message_id, received_at) VALUES (md5('{name}' || :n), now()) ON CONFLICT DO NOTHING;\n"


_ACCEPT = (
    "BEGIN;\n"
    "INSERT INTO orders (id, account_id, patient_id, session_id, slot_id, join_waitlist, placed_at, updated_at, state)"
    f" VALUES ('ord_' || :n, 'acc_' || :m, '{_PATIENT}', '{_SESSION}', NULL, false, now(), now(), 'reserving');\n"
    + _outbox(OrderPlaced(_ORDER, _ACCOUNT, _PATIENT, _SESSION, _NOW), _RESERVE)
    + "COMMIT;\n"
)

_ADVANCE = (
    "BEGIN;\n"
    + _inbox("reserved")
    + "SELECT * FROM orders WHERE id = 'ord_' || :n FOR UPDATE;\n"
    + "UPDATE orders SET state = 'awaiting_payment', fee = 5000, queue_number = 1, visit = repeat('x', 500),"
    f" slot_id = '{_SLOT}', pay_before = now(), cancel_before = now(), updated_at = now() WHERE id = 'ord_' || :n;\n"
    "INSERT INTO order_history (order_id, at, state, event) VALUES ('ord_' || :n, now(), 'awaiting_payment', 'x');\n"
    "INSERT INTO timers (kind, key, due_at) VALUES ('payment_window', 'ord_' || :n, now());\n"
    + _outbox(
        RequestPayment(_ORDER, _ACCOUNT, _HOSPITAL, 5000, "仁济示范医院", _NOW),
        OrderHeld(_ORDER, _ACCOUNT, _VISIT, 1, 5000, 5000, _NOW),
    )
    + "COMMIT;\nBEGIN;\n"
    + _inbox("paid")
    + "SELECT * FROM orders WHERE id = 'ord_' || :n FOR UPDATE;\n"
    "UPDATE orders SET state = 'confirmed', paid = 5000, updated_at = now() WHERE id = 'ord_' || :n;\n"
    "INSERT INTO order_history (order_id, at, state, event) VALUES ('ord_' || :n, now(), 'confirmed', 'x');\n"
    "DELETE FROM timers WHERE kind = 'payment_window' AND key = 'ord_' || :n;\n"
    + _outbox(OrderConfirmed(_ORDER, _ACCOUNT, _PATIENT, _SESSION, _VISIT, 1, 5000))
    + "COMMIT;\n"
)


_RULES = (
    "SELECT pg_advisory_xact_lock(:n);\n"
    "SELECT * FROM reservations WHERE person = 'pat_' || :n AND state IN ('held', 'sold', 'waiting', 'entered');\n"
    "SELECT marks FROM patient_credit WHERE person = 'pat_' || :n ORDER BY revision DESC LIMIT 1;\n"
)
"""What a patient has already, and what stands against her, while nobody else decides about her."""


def _reservation(session: str, slot: str, number: str) -> str:
    """The INSERT of a number that is held."""
    return (
        "INSERT INTO reservations (order_id, session_id, patient_id, state, slot_id, queue_number, reason, hospital_id,"
        " department_id, doctor_id, date, period, join_waitlist, auto_book, hold_seconds, offered, cancel_before, created_at,"
        f" updated_at) VALUES ('ord_' || :n, {session}, 'pat_' || :n, 'held', '{slot}', {number}, '', '{_HOSPITAL}',"
        f" '{_HOSPITAL}', '{_HOSPITAL}', '2030-01-01', 'morning', false, true, 900, false, now(), now(), now());\n"
    )


def _reserve(hot_slot: str) -> str:
    return (
        f"{_NUMBER}BEGIN;\n{_RULES}"
        "UPDATE slots SET held = held + 1, free = free - 1, issued = issued + 1"
        f" WHERE id = '{hot_slot}' AND free > 0 RETURNING issued AS number \\gset\n"
        + _reservation(f"'{_SESSION}'", hot_slot, ":number")
        + "COMMIT;\n"
    )


_SAGA_SCHEDULE = (
    f"{_NUMBER}\\set k random(1, 100)\nBEGIN;\n"
    + _inbox("reserve")
    + _RULES
    + "UPDATE slots SET held = held + 1, free = free - 1, issued = issued + 1"
    " WHERE id = (SELECT id FROM numbered WHERE n = :k) AND free > 0;\n"
    + _reservation("'ses_' || :n", _SLOT, "1")
    + _outbox(SlotReserved(_ORDER, _SESSION, _SLOT, 1, 5000, _VISIT, _NOW, 900, False))
    + "COMMIT;\nBEGIN;\n"
    + _inbox("confirmed")
    + "UPDATE reservations SET state = 'sold', updated_at = now() WHERE order_id = 'ord_' || :n;\n"
    "UPDATE slots SET held = held - 1, sold = sold + 1 WHERE id = (SELECT id FROM numbered WHERE n = :k);\nCOMMIT;\n"
)

_SAGA_PAYMENT = (
    f"{_NUMBER}BEGIN;\n"
    + _inbox("request")
    + "INSERT INTO intents (order_id, account_id, hospital_id, amount, description, pay_before, state, created_at, updated_at)"
    f" VALUES ('ord_' || :n, '{_ACCOUNT}', '{_HOSPITAL}', 5000, 'x', now(), 'open', now(), now());\n"
    "COMMIT;\nBEGIN;\n"
    "SELECT * FROM intents WHERE order_id = 'ord_' || :n FOR UPDATE;\n"
    "INSERT INTO attempts (id, order_id, method, number, amount, state, params, request_hash, reason, created_at, updated_at)"
    " VALUES ('pay_' || :n, 'ord_' || :n, 'window', :n::text, 5000, 'created', repeat('x', 200), 'x', '', now(), now());\n"
    "COMMIT;\n"
    "UPDATE attempts SET state = 'pending', show = repeat('x', 80), updated_at = now() WHERE id = 'pay_' || :n;\n"
    "BEGIN;\n"
    "SELECT * FROM intents WHERE order_id = 'ord_' || :n FOR UPDATE;\n"
    "INSERT INTO facts (id, provider, kind, number, outcome, transaction_id, amount, currency, source, reason, evidence,"
    " order_id, occurred_at, recorded_at) VALUES ('fct_' || :n, 'window', 'payment', :n::text, 'succeeded', 'rcp' || :n,"
    " 5000, 'CNY', 'staff', '', '{}', 'ord_' || :n, now(), now());\n"
    "INSERT INTO ledger_lines (entry_id, account, amount) VALUES ('e' || :n, 'clearing', 5000), ('e' || :n, 'payable', -5000);\n"
    "INSERT INTO ledger_entries (id, kind, order_id, hospital_id, created_at)"
    f" VALUES ('e' || :n, 'capture', 'ord_' || :n, '{_HOSPITAL}', now());\n"
    "UPDATE attempts SET state = 'succeeded', paid_at = now(), updated_at = now() WHERE id = 'pay_' || :n;\n"
    "UPDATE intents SET state = 'paid', payment_id = 'pay_' || :n, capture_id = 'fct_' || :n, updated_at = now()"
    " WHERE order_id = 'ord_' || :n;\n"
    + _outbox(PaymentSucceeded(_ORDER, _ACCOUNT, _PAYMENT, 5000, "window", _NOW))
    + "COMMIT;\n"
)

_BROWSE = """\
SELECT s.*, h.name, d.name, o.name, o.title FROM sessions s JOIN hospitals h ON h.id = s.hospital_id\
 JOIN departments d ON d.id = s.department_id JOIN doctors o ON o.id = s.doctor_id\
 WHERE s.starts_at >= now() - interval '1 day' AND s.starts_at < '2100-01-01' ORDER BY s.starts_at, s.id LIMIT 51;
SELECT session_id, id, starts_at, ends_at, capacity, free FROM slots WHERE capacity > 0 AND session_id = ANY\
 (ARRAY(SELECT id FROM sessions WHERE starts_at >= now() - interval '1 day' ORDER BY starts_at, id LIMIT 51))\
 ORDER BY starts_at;
"""
