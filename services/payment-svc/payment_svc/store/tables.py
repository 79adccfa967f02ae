"""The tables. What must never be wrong is a constraint: one counted payment, no fen of a capture given out twice, balanced entries."""

from typing import Any

from common.outbox import UtcDateTime
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TextClause,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite

metadata = MetaData()

# what waits, and is few: a query must say it in these words for a database to see that the index serves it
UNCONFIRMED = text("state = 'paid' AND confirmed_at IS NULL")
CONFIRMED_UNPAID = text("confirmed_at IS NOT NULL AND state IN ('open', 'closing', 'closed')")
ATTEMPT_WAITS = text("state IN ('created', 'pending', 'unknown', 'closing')")
CALLBACK_FAILED = text("state = 'failed'")
# one CASE, which SQLite cannot take apart: it would rather look through other indexes for each part of an OR, and sort
REFUND_WAITS = text(
    "CASE refunds.state WHEN 'processing' THEN refunds.provider = 'window' ELSE refunds.state IN ('abnormal', 'failed') END"
)


def _part(name: str, *columns: str, where: TextClause) -> Index:
    return Index(name, *columns, sqlite_where=where, postgresql_where=where)


intents = Table(
    "intents",
    metadata,
    Column("order_id", Text, primary_key=True),
    Column("account_id", Text, nullable=False),
    Column("hospital_id", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("description", Text, nullable=False),
    Column("pay_before", UtcDateTime),
    Column("state", Text, nullable=False),
    Column("payment_id", Text),
    Column("capture_id", Text),
    Column("confirmed_at", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    CheckConstraint("state IN ('open', 'paid', 'closing', 'closed', 'moved')", name="intents_state"),
    CheckConstraint("(state IN ('paid', 'moved')) = (payment_id IS NOT NULL)", name="intents_paid_by_one"),
    CheckConstraint("(state IN ('paid', 'moved')) = (capture_id IS NOT NULL)", name="intents_paid_once"),
    # a tombstone is closed before anybody said what is owed
    CheckConstraint("amount > 0 OR (amount = 0 AND state = 'closed')", name="intents_amount"),
    # the rest is for the watchdog: what changed lately, and what waits
    Index("intents_by_time", "updated_at", "order_id"),
    _part("intents_unconfirmed", "updated_at", where=UNCONFIRMED),
    _part("intents_unpaid", "confirmed_at", where=CONFIRMED_UNPAID),
)

attempts = Table(
    "attempts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("order_id", Text, ForeignKey("intents.order_id"), nullable=False),
    Column("method", Text, nullable=False),
    Column("number", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("params", Text, nullable=False),
    Column("show", Text),
    Column("show_until", UtcDateTime),
    Column("idempotency_key", Text),
    Column("request_hash", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("paid_at", UtcDateTime),
    Column("cancelled_at", UtcDateTime),
    Column("refund_asked_at", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    CheckConstraint(
        "state IN ('created', 'pending', 'unknown', 'succeeded', 'closing', 'closed', 'failed')", name="attempts_state"
    ),
    CheckConstraint("(state = 'succeeded') = (paid_at IS NOT NULL)", name="attempts_paid_at"),
    CheckConstraint("amount > 0", name="attempts_amount"),
    Index("attempts_number", "number", unique=True),
    Index("attempts_key", "order_id", "idempotency_key", unique=True),
    _part("attempts_waiting", "updated_at", where=ATTEMPT_WAITS),
)
"""`refund_asked_at`: when its provider was last asked for a refund of it; refunds of one trade keep their distance."""

facts = Table(
    "facts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("provider", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("number", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("transaction_id", Text),
    Column("amount", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("evidence", Text, nullable=False),
    Column("order_id", Text, index=True),
    Column("occurred_at", UtcDateTime, nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False),
    CheckConstraint(
        "(kind = 'payment' AND outcome = 'succeeded') = (transaction_id IS NOT NULL)", name="facts_capture"
    ),
    CheckConstraint("(outcome = 'succeeded') = (amount > 0)", name="facts_amount"),
    # one capture, however often and from wherever it is told; other facts are known by what they say, but for refunds that
    # cannot arrive: after a card was tried in vain the same is said again, and is news
    Index("facts_transaction", "provider", "transaction_id", unique=True),
    Index("facts_whole", "id", "amount", unique=True),
    Index("facts_by_occurrence", "provider", "occurred_at"),
    Index("facts_by_number", "provider", "number"),
    Index("facts_by_time", "recorded_at", "id"),
    Index(
        "facts_said",
        "provider",
        "kind",
        "number",
        "outcome",
        "amount",
        unique=True,
        sqlite_where=text("transaction_id IS NULL AND outcome <> 'abnormal'"),
        postgresql_where=text("transaction_id IS NULL AND outcome <> 'abnormal'"),
    ),
)

tenders = Table(
    "tenders",
    metadata,
    Column("id", Text, primary_key=True),
    Column("order_id", Text, ForeignKey("intents.order_id"), nullable=False, index=True),
    Column("capture_id", Text, nullable=False),
    Column("payment_id", Text, ForeignKey("attempts.id"), nullable=False, index=True),
    Column("provider", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("captured", BigInteger),
    Column("moved_from", Text),
    Column("moved", BigInteger, nullable=False),
    Column("returned", BigInteger, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    CheckConstraint("amount > 0 AND moved >= 0 AND returned >= 0", name="tenders_amount"),
    # it is given on once, and as a whole
    CheckConstraint("moved + returned IN (0, amount)", name="tenders_given_on"),
    CheckConstraint("(moved_from IS NULL) = (captured IS NOT NULL) AND captured = amount", name="tenders_first"),
    # a capture has one tender that is all of it, ...
    ForeignKeyConstraint(["capture_id", "captured"], ["facts.id", "facts.amount"], name="tenders_of_capture"),
    Index(
        "tenders_capture",
        "capture_id",
        unique=True,
        sqlite_where=text("moved_from IS NULL"),
        postgresql_where=text("moved_from IS NULL"),
    ),
    # ... every other one is exactly what the one before it passed on, ...
    ForeignKeyConstraint(
        ["moved_from", "capture_id", "amount"],
        ["tenders.id", "tenders.capture_id", "tenders.moved"],
        name="tenders_of_tender",
    ),
    Index("tenders_moved_from", "moved_from", unique=True),
    UniqueConstraint("id", "capture_id", "moved", name="tenders_moved"),
    # ... and a refund is exactly what its tender gave for it: so no more goes back than came
    UniqueConstraint("id", "capture_id", "returned", name="tenders_returned"),
)
"""Which part of which capture settles which order. A row is written once, and given on (moved, returned) once."""

moves = Table(
    "moves",
    metadata,
    Column("from_order_id", Text, ForeignKey("intents.order_id"), primary_key=True),
    Column("order_id", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("returned", BigInteger, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    CheckConstraint("amount >= 0 AND returned >= 0 AND amount + returned > 0", name="moves_amount"),
)
"""What was answered to a MovePayment. An order's money moves away once."""

refunds = Table(
    "refunds",
    metadata,
    Column("id", Text, primary_key=True),
    Column("order_id", Text, ForeignKey("intents.order_id"), nullable=False, index=True),
    Column("payment_id", Text, ForeignKey("attempts.id"), nullable=False),
    Column("capture_id", Text, ForeignKey("facts.id"), nullable=False),
    Column("tender_id", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("number", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("failure", Text, nullable=False),
    Column("retry_of", Text, ForeignKey("refunds.id")),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    CheckConstraint(
        "state IN ('reserved', 'submitted', 'processing', 'abnormal', 'succeeded', 'failed')", name="refunds_state"
    ),
    CheckConstraint("purpose IN ('order', 'surplus')", name="refunds_purpose"),
    CheckConstraint("amount > 0", name="refunds_amount"),
    Index("refunds_number", "number", unique=True),
    # a tender goes back once, and a failed refund is issued again once
    ForeignKeyConstraint(
        ["tender_id", "capture_id", "amount"],
        ["tenders.id", "tenders.capture_id", "tenders.returned"],
        name="refunds_of_tender",
    ),
    Index(
        "refunds_tender",
        "tender_id",
        unique=True,
        sqlite_where=text("retry_of IS NULL"),
        postgresql_where=text("retry_of IS NULL"),
    ),
    Index("refunds_retry", "retry_of", unique=True),
    Index("refunds_by_state", "state", "created_at", "id"),
    _part("refunds_waiting", "created_at", "id", where=REFUND_WAITS),
    Index("refunds_by_request", "provider", "created_at"),
    Index("refunds_by_capture", "capture_id"),
    Index("refunds_by_payment", "payment_id"),
)

ledger_entries = Table(
    "ledger_entries",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("order_id", Text, nullable=False, index=True),
    Column("hospital_id", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Index("ledger_entries_by_time", "created_at", "id"),
)
"""An entry's id is its cause ("capture:fct_..."), so nothing is posted twice. It is written after its lines and seals them:
triggers refuse an entry that does not balance, a line for a sealed entry, and every update or deletion."""

ledger_lines = Table(
    "ledger_lines",
    metadata,
    Column("entry_id", Text, ForeignKey("ledger_entries.id", deferrable=True, initially="DEFERRED"), primary_key=True),
    Column("account", Text, primary_key=True),
    Column("amount", BigInteger, nullable=False),
    CheckConstraint("amount <> 0", name="ledger_lines_amount"),
)
"""`amount` in fen: debit above zero, credit below."""

callbacks = Table(
    "callbacks",
    metadata,
    Column("id", Text, primary_key=True),
    Column("provider", Text, nullable=False),
    Column("notify_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("number", Text, nullable=False),
    Column("headers", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("state", Text, nullable=False),
    Column("error", Text, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    CheckConstraint("state IN ('applied', 'failed')", name="callbacks_state"),
    Index("callbacks_notify", "provider", "notify_id", unique=True),
    Index("callbacks_by_number", "provider", "number"),
    Index("callbacks_by_time", "received_at", "id"),
    _part("callbacks_failed", "received_at", where=CALLBACK_FAILED),
)
"""What providers called back, to the byte, with the headers that prove it. `failed`: believed, but not yet taken effect."""

bills = Table(
    "bills",
    metadata,
    Column("provider", Text, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("fee", BigInteger, nullable=False),
    Column("fee_posted", BigInteger),
    Column("round", Integer, nullable=False),
    Column("undecided", Integer, nullable=False),
    Column("compared", Boolean, nullable=False),
    Column("alarms", Text, nullable=False),
    Column("again_at", UtcDateTime),
    Column("empty_at", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Column("fetched_at", UtcDateTime),
    Column("closed_at", UtcDateTime),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("content", LargeBinary),
    CheckConstraint("state IN ('waiting', 'open', 'closed')", name="bills_state"),
    CheckConstraint("(state = 'waiting') = (content IS NULL)", name="bills_content"),
    CheckConstraint("(state = 'closed') = (closed_at IS NOT NULL)", name="bills_closed"),
)
"""A provider's bill of a day (Beijing). `waiting`: not had yet; `open`: had, and not all is explained; `closed`: all is.

`fee` in thousandths of a fen, `fee_posted` in fen. `round` counts the comparisons, `undecided` what waits for another day's bill;
`compared`: a comparison has come to its end with the lines that are there. `alarms`: the kinds that stand, by words. `again_at`: since
then the bill shall be had once more; `empty_at`: then it was had without lines, the first time.
"""

bill_lines = Table(
    "bill_lines",
    metadata,
    Column("provider", Text, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("number", Text, nullable=False),
    Column("refund_number", Text, nullable=False),
    Column("transaction_id", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("fee", BigInteger, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("status", Text, nullable=False),
    ForeignKeyConstraint(["provider", "day"], ["bills.provider", "bills.day"], name="bill_lines_of_bill"),
    CheckConstraint("kind IN ('payment', 'refund')", name="bill_lines_kind"),
    CheckConstraint("amount > 0", name="bill_lines_amount"),
    Index("bill_lines_by_transaction", "provider", "transaction_id"),
    Index("bill_lines_by_refund", "provider", "refund_number"),
)
"""`amount` in fen, `fee` in thousandths of a fen. Sorted: a transaction's lines stand together, in whatever order they came."""

differences = Table(
    "differences",
    metadata,
    Column("id", Text, primary_key=True),
    Column("provider", Text, nullable=False),
    Column("day", Date, nullable=False),
    Column("kind", Text, nullable=False),
    Column("part", Text, nullable=False),
    Column("number", Text, nullable=False),
    Column("refund_number", Text, nullable=False),
    Column("transaction_id", Text, nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("ours", BigInteger),
    Column("theirs", BigInteger),
    Column("order_id", Text),
    Column("evidence", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("closed_by", Text, nullable=False),
    Column("asked", Boolean, nullable=False),
    Column("told", Boolean, nullable=False),
    Column("round", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    ForeignKeyConstraint(["provider", "day"], ["bills.provider", "bills.day"], name="differences_of_bill"),
    CheckConstraint("state IN ('open', 'settled', 'explained')", name="differences_state"),
    CheckConstraint("part IN ('payment', 'refund')", name="differences_part"),
    Index(
        "differences_once",
        "provider",
        "day",
        "transaction_id",
        "part",
        "kind",
        "number",
        "refund_number",
        "ordinal",
        unique=True,
    ),
    Index("differences_by_state", "state", "provider", "day"),
)
"""What a bill and our books disagree about, one line or one of our own each, in fen, with the evidence of both.

`open` and `explained` (by staff, or by another day's bill) stand; `settled` is over. `round`: the last comparison that found it.
"""


def insert_ignore(table: Table, *, postgres: bool) -> Any:
    """An INSERT that leaves rows alone that are there already, whatever unique index says so."""
    insert = postgresql.insert(table) if postgres else sqlite.insert(table)
    return insert.on_conflict_do_nothing()
