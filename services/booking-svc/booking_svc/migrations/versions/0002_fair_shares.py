"""Draws, offers, orders that take another's place, visits missed; events of the history have stable codes.

Revision ID: 0002
Revises: 0001

The release that is running lives with all of it: it writes none of the new states, and new columns have their defaults.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_time = sa.DateTime(timezone=True)
_STATES = (
    "'reserving', 'entered', 'waitlisted', 'offered', 'awaiting_payment', 'closing', 'moving', 'confirmed',"
    " 'substitute_offered', 'withdrawing', 'returning', 'refunding', 'refund_failed', 'cancelled', 'expired', 'rejected',"
    " 'rescheduled', 'no_show'"
)
_REFUNDED_OF_PAID = "refunded + moved <= paid"
_watched = sa.text(
    "state IN ('awaiting_payment', 'closing', 'moving', 'refund_failed', 'refunding', 'reserving', 'returning',"
    " 'waitlisted', 'withdrawing')"
)
_entered = sa.text("state IN ('entered')")
_unreleased = sa.text(
    "state IN ('cancelled', 'expired', 'refund_failed', 'refunding', 'rescheduled', 'returning', 'substitute_offered',"
    " 'withdrawing') AND NOT released"
)
_succeeding = sa.text(
    "replaces IS NOT NULL AND state IN ('awaiting_payment', 'closing', 'entered', 'offered', 'reserving', 'waitlisted')"
)
_keyed = sa.text("idempotency_key IS NOT NULL")

_OLD_NAMES = (
    "id", "account_id", "patient_id", "session_id", "slot_id", "join_waitlist", "placed_at", "state", "reason", "cause",
    "fee", "queue_number", "visit", "waitlist_position", "pay_before", "cancel_before", "paid", "refunded", "updated_at",
    "released", "idempotency_key", "request_hash",
)  # fmt: skip
_CODES = {
    "SlotReserved": "slot_reserved",
    "SlotReserved, free": "slot_reserved",
    "SlotWaitlisted": "slot_waitlisted",
    "SlotRejected": "slot_rejected",
    "PaymentSucceeded": "payment_succeeded",
    "PaymentClosed": "payment_closed",
    "RefundSucceeded": "refund_succeeded",
    "RefundFailed": "refund_failed",
    "payment window ended": "window_ended",
    "patient cancels": "patient_cancelled",
    "patient cancels, free": "patient_cancelled",
    "session stopped": "session_stopped",
    "session stopped, free": "session_stopped",
}


def _added() -> list[sa.Column[object]]:
    return [
        sa.Column("auto_book", sa.Boolean, nullable=False, server_default=sa.true()),
        sa.Column("voucher", sa.Text),
        sa.Column("replaces", sa.Text),
        sa.Column("substitute", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("replaced_by", sa.Text),
        sa.Column("rule", sa.Text),
        sa.Column("until", _time),
        sa.Column("due", sa.Integer),
        sa.Column("draw_at", _time),
        sa.Column("entry", sa.Text),
        sa.Column("hold_seconds", sa.Integer),
        sa.Column("accept_before", _time),
        sa.Column("confirmed_at", _time),
        sa.Column("moved", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("substitutes", sa.Text),
        sa.Column("marked_by", sa.Text),
    ]


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _rebuild_sqlite()
    else:
        _alter()
    op.create_index("orders_watched", "orders", ["updated_at"], postgresql_where=_watched, sqlite_where=_watched)
    op.create_index("orders_entered", "orders", ["draw_at"], postgresql_where=_entered, sqlite_where=_entered)
    op.create_index(
        "orders_unreleased", "orders", ["updated_at"], postgresql_where=_unreleased, sqlite_where=_unreleased
    )
    op.create_index(
        "orders_one_successor",
        "orders",
        ["replaces"],
        unique=True,
        postgresql_where=_succeeding,
        sqlite_where=_succeeding,
    )
    op.execute("UPDATE orders SET confirmed_at = updated_at WHERE state = 'confirmed'")
    for old, code in _CODES.items():
        op.execute(f"UPDATE order_history SET event = '{code}' WHERE event = '{old}'")  # noqa: S608  names of ours


def _alter() -> None:
    op.drop_index("orders_watched", "orders")
    op.drop_index("orders_unreleased", "orders")
    for column in _added():
        op.add_column("orders", column)
    op.drop_constraint("state", "orders", type_="check")
    op.create_check_constraint("state", "orders", f"state IN ({_STATES})")
    op.drop_constraint("refunded_of_paid", "orders", type_="check")
    op.create_check_constraint("refunded_of_paid", "orders", _REFUNDED_OF_PAID)


def _rebuild_sqlite() -> None:
    """SQLite cannot change a constraint: both tables are copied, so that the foreign key holds at every step."""
    op.create_table(
        "orders_new",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("patient_id", sa.Text, nullable=False),
        sa.Column("session_id", sa.Text, nullable=False),
        sa.Column("slot_id", sa.Text),
        sa.Column("join_waitlist", sa.Boolean, nullable=False),
        sa.Column("placed_at", _time, nullable=False),
        sa.Column("state", sa.Text, sa.CheckConstraint(f"state IN ({_STATES})", name="state"), nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("cause", sa.Text),
        sa.Column("fee", sa.Integer),
        sa.Column("queue_number", sa.Integer),
        sa.Column("visit", sa.Text),
        sa.Column("waitlist_position", sa.Integer),
        sa.Column("pay_before", _time),
        sa.Column("cancel_before", _time),
        sa.Column("paid", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("refunded", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("updated_at", _time, nullable=False),
        sa.Column("released", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("idempotency_key", sa.Text),
        sa.Column("request_hash", sa.Text),
        *_added(),
        sa.CheckConstraint(_REFUNDED_OF_PAID, name="refunded_of_paid"),
    )
    op.create_table(
        "order_history_new",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("order_id", sa.Text, sa.ForeignKey("orders_new.id"), nullable=False),
        sa.Column("at", _time, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("event", sa.Text, nullable=False),
    )
    names = ", ".join(_OLD_NAMES)
    op.execute(f"INSERT INTO orders_new ({names}) SELECT {names} FROM orders")  # noqa: S608  names of ours
    op.execute("INSERT INTO order_history_new SELECT id, order_id, at, state, event FROM order_history")
    for table in ("order_history", "orders"):
        op.drop_table(table)
        op.rename_table(f"{table}_new", table)
    op.create_index("ix_order_history_order_id", "order_history", ["order_id"])
    op.create_index("ix_orders_session_id", "orders", ["session_id"])
    op.create_index("orders_of_account", "orders", ["account_id", "placed_at", "id"])
    op.create_index(
        "orders_once_per_key", "orders", ["account_id", "idempotency_key"], unique=True, sqlite_where=_keyed
    )


def downgrade() -> None:
    raise NotImplementedError("orders in the new states have no place in the old tables")
