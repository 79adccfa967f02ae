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
    with op.batch_alter_table("orders") as batch:
        batch.drop_constraint("state", type_="check")
        batch.create_check_constraint("state", f"state IN ({_STATES})")
        batch.drop_constraint("refunded_of_paid", type_="check")
        batch.create_check_constraint("refunded_of_paid", _REFUNDED_OF_PAID)


def downgrade() -> None:
    """Orders in the new states have no place in the old tables."""
    raise RuntimeError("there is no way back from fair shares: restore the backup that was made before")
