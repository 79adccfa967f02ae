"""Orders with their history; projections of sessions and patients.

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_sequence = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_time = sa.DateTime(timezone=True)
_STATES = (
    "'reserving', 'waitlisted', 'awaiting_payment', 'closing', 'confirmed', 'withdrawing', 'refunding',"
    " 'refund_failed', 'cancelled', 'expired', 'rejected'"
)
_watched = sa.text("state IN ('closing', 'refunding', 'reserving', 'waitlisted', 'withdrawing')")
_unreleased = sa.text("state IN ('cancelled', 'expired', 'refund_failed', 'refunding', 'withdrawing') AND NOT released")
_keyed = sa.text("idempotency_key IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "orders",
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
        sa.CheckConstraint("refunded <= paid", name="refunded_of_paid"),
    )
    op.create_index("ix_orders_session_id", "orders", ["session_id"])
    op.create_index("orders_of_account", "orders", ["account_id", "placed_at", "id"])
    op.create_index(
        "orders_once_per_key",
        "orders",
        ["account_id", "idempotency_key"],
        unique=True,
        postgresql_where=_keyed,
        sqlite_where=_keyed,
    )
    op.create_index("orders_watched", "orders", ["updated_at"], postgresql_where=_watched, sqlite_where=_watched)
    op.create_index(
        "orders_unreleased", "orders", ["updated_at"], postgresql_where=_unreleased, sqlite_where=_unreleased
    )
    op.create_table(
        "order_history",
        sa.Column("id", _sequence, primary_key=True, autoincrement=True),
        sa.Column("order_id", sa.Text, sa.ForeignKey("orders.id"), nullable=False),
        sa.Column("at", _time, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("event", sa.Text, nullable=False),
    )
    op.create_index("ix_order_history_order_id", "order_history", ["order_id"])
    op.create_table(
        "sessions",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("facts", sa.Text, nullable=False),
    )
    op.create_table(
        "patients",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("masked_name", sa.Text, nullable=False),
        sa.Column("removed", sa.Boolean, nullable=False),
    )


def downgrade() -> None:
    for table in ("patients", "sessions", "order_history", "orders"):
        op.drop_table(table)
