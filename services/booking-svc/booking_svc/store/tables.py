"""booking-svc's tables. Constraints guard what no order may be, and that an order has one successor at a time."""

from collections.abc import Iterable
from enum import StrEnum

import sqlalchemy as sa
from common.outbox import UtcDateTime
from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, ForeignKey, Index, Integer, MetaData, Table, Text

from booking_svc.domain import GIVEN_BACK, IN_FLIGHT, SUCCEEDING, WAITS_FOR, State

metadata = MetaData()


def among(states: Iterable[StrEnum]) -> sa.TextClause:
    """A condition in constants, so that the planner sees that a partial index serves it."""
    return sa.text("state IN ({})".format(", ".join(f"'{s}'" for s in sorted(states))))


watched = among(IN_FLIGHT | {State.WAITLISTED, State.AWAITING_PAYMENT, State.REFUND_FAILED})
unsettled = among(WAITS_FOR)
entered = among({State.ENTERED})
unreleased = sa.and_(among(GIVEN_BACK), sa.text("NOT released"))
succeeding = sa.and_(sa.text("replaces IS NOT NULL"), among(SUCCEEDING))
_keyed = sa.text("idempotency_key IS NOT NULL")

orders = Table(
    "orders",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account_id", Text, nullable=False),
    Column("patient_id", Text, nullable=False),
    Column("session_id", Text, nullable=False, index=True),
    Column("slot_id", Text),
    Column("join_waitlist", Boolean, nullable=False),
    Column("auto_book", Boolean, nullable=False, server_default=sa.true()),
    Column("voucher", Text),
    Column("replaces", Text),
    Column("substitute", Boolean, nullable=False, server_default=sa.false()),
    Column("replaced_by", Text),
    Column("placed_at", UtcDateTime, nullable=False),
    Column(
        "state",
        Text,
        CheckConstraint("state IN ({})".format(", ".join(f"'{s}'" for s in State)), name="state"),
        nullable=False,
    ),
    Column("reason", Text),
    Column("rule", Text),
    Column("until", UtcDateTime),
    Column("cause", Text),
    Column("fee", Integer),
    Column("due", Integer),
    Column("queue_number", Integer),
    Column("visit", Text),
    Column("waitlist_position", Integer),
    Column("draw_at", UtcDateTime),
    Column("entry", Text),
    Column("hold_seconds", Integer),
    Column("pay_before", UtcDateTime),
    Column("accept_before", UtcDateTime),
    Column("cancel_before", UtcDateTime),
    Column("confirmed_at", UtcDateTime),
    Column("paid", BigInteger, nullable=False, server_default="0"),
    Column("moved", BigInteger, nullable=False, server_default="0"),
    Column("refunded", BigInteger, nullable=False, server_default="0"),
    Column("substitutes", Text),
    Column("marked_by", Text),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("released", Boolean, nullable=False, server_default=sa.false()),
    Column("idempotency_key", Text),
    Column("request_hash", Text),
    CheckConstraint("refunded + moved <= paid", name="refunded_of_paid"),
    Index("orders_of_account", "account_id", "placed_at", "id"),
    Index(
        "orders_once_per_key",
        "account_id",
        "idempotency_key",
        unique=True,
        postgresql_where=_keyed,
        sqlite_where=_keyed,
    ),
    Index("orders_watched", "updated_at", postgresql_where=watched, sqlite_where=watched),
    Index("orders_unsettled", "placed_at", "id", postgresql_where=unsettled, sqlite_where=unsettled),
    Index("orders_entered", "draw_at", postgresql_where=entered, sqlite_where=entered),
    Index("orders_unreleased", "updated_at", postgresql_where=unreleased, sqlite_where=unreleased),
    Index("orders_one_successor", "replaces", unique=True, postgresql_where=succeeding, sqlite_where=succeeding),
)

history = Table(
    "order_history",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("order_id", Text, ForeignKey("orders.id"), nullable=False, index=True),
    Column("at", UtcDateTime, nullable=False),
    Column("state", Text, nullable=False),
    Column("event", Text, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("facts", Text, nullable=False),
)
"""What schedule-svc has told of its sessions: enough to refuse at once what it would refuse."""

patients = Table(
    "patients",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account_id", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("masked_name", Text, nullable=False),
    Column("removed", Boolean, nullable=False),
)
