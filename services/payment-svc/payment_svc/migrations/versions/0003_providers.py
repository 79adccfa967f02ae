"""What real providers need: their callbacks and bills, refunds that cannot arrive, which orders were confirmed.

The sandbox has become a server of its own and takes its books with it: no production ever had any. The triggers of 0002 served
the release before that one.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_time = sa.DateTime(timezone=True)
_known_by_words = sa.text("transaction_id IS NULL AND outcome <> 'abnormal'")
_said = {"sqlite_where": _known_by_words, "postgresql_where": _known_by_words}


def upgrade() -> None:
    op.add_column("intents", sa.Column("confirmed_at", _time))
    for column in ("show_until", "cancelled_at", "refund_asked_at"):
        op.add_column("attempts", sa.Column(column, _time))
    op.execute("UPDATE intents SET confirmed_at = updated_at WHERE state IN ('paid', 'moved')")
    with op.batch_alter_table("refunds") as batch:
        batch.drop_constraint("refunds_state", type_="check")
        batch.create_check_constraint(
            "refunds_state", "state IN ('reserved', 'submitted', 'processing', 'abnormal', 'succeeded', 'failed')"
        )
    op.drop_index("facts_said", "facts")
    op.create_index("facts_said", "facts", ["provider", "kind", "number", "outcome", "amount"], unique=True, **_said)
    _callbacks()
    _bills()
    _differences()
    _watched()
    for table in ("sandbox_trades", "sandbox_refunds", "sandbox_plan"):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER intents_tender ON intents")
        op.execute("DROP TRIGGER refunds_tender ON refunds")
        op.execute("DROP FUNCTION tender_of_intent")
        op.execute("DROP FUNCTION tender_of_refund")
        op.execute("DROP FUNCTION first_tender")


def downgrade() -> None:
    """What was called back and reconciled since would be lost."""
    raise RuntimeError("there is no way back from callbacks and bills: restore the backup that was made before")


def _callbacks() -> None:
    op.create_table(
        "callbacks",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("notify_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("headers", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("received_at", _time, nullable=False),
        sa.Column("updated_at", _time, nullable=False),
        sa.CheckConstraint("state IN ('applied', 'failed')", name="callbacks_state"),
    )
    op.create_index("callbacks_notify", "callbacks", ["provider", "notify_id"], unique=True)
    op.create_index("callbacks_by_number", "callbacks", ["provider", "number"])


def _bills() -> None:
    op.create_table(
        "bills",
        sa.Column("provider", sa.Text, primary_key=True),
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("fee", sa.BigInteger, nullable=False),
        sa.Column("fee_posted", sa.BigInteger),
        sa.Column("round", sa.Integer, nullable=False),
        sa.Column("undecided", sa.Integer, nullable=False),
        sa.Column("compared", sa.Boolean, nullable=False),
        sa.Column("alarms", sa.Text, nullable=False),
        sa.Column("again_at", _time),
        sa.Column("empty_at", _time),
        sa.Column("created_at", _time, nullable=False),
        sa.Column("fetched_at", _time),
        sa.Column("closed_at", _time),
        sa.Column("updated_at", _time, nullable=False),
        sa.Column("content", sa.LargeBinary),
        sa.CheckConstraint("state IN ('waiting', 'open', 'closed')", name="bills_state"),
        sa.CheckConstraint("(state = 'waiting') = (content IS NULL)", name="bills_content"),
        sa.CheckConstraint("(state = 'closed') = (closed_at IS NOT NULL)", name="bills_closed"),
    )
    op.create_table(
        "bill_lines",
        sa.Column("provider", sa.Text, primary_key=True),
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("refund_number", sa.Text, nullable=False),
        sa.Column("transaction_id", sa.Text, nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("fee", sa.BigInteger, nullable=False),
        sa.Column("at", _time, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.ForeignKeyConstraint(["provider", "day"], ["bills.provider", "bills.day"], name="bill_lines_of_bill"),
        sa.CheckConstraint("kind IN ('payment', 'refund')", name="bill_lines_kind"),
        sa.CheckConstraint("amount > 0", name="bill_lines_amount"),
    )
    op.create_index("bill_lines_by_transaction", "bill_lines", ["provider", "transaction_id"])
    op.create_index("facts_by_occurrence", "facts", ["provider", "occurred_at"])
    op.create_index("refunds_by_request", "refunds", ["provider", "created_at"])
    op.create_index("refunds_by_capture", "refunds", ["capture_id"])


def _differences() -> None:
    op.create_table(
        "differences",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("part", sa.Text, nullable=False),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("refund_number", sa.Text, nullable=False),
        sa.Column("transaction_id", sa.Text, nullable=False),
        sa.Column("ordinal", sa.Integer, nullable=False),
        sa.Column("ours", sa.BigInteger),
        sa.Column("theirs", sa.BigInteger),
        sa.Column("order_id", sa.Text),
        sa.Column("evidence", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("closed_by", sa.Text, nullable=False),
        sa.Column("asked", sa.Boolean, nullable=False),
        sa.Column("told", sa.Boolean, nullable=False),
        sa.Column("round", sa.Integer, nullable=False),
        sa.Column("created_at", _time, nullable=False),
        sa.Column("updated_at", _time, nullable=False),
        sa.ForeignKeyConstraint(["provider", "day"], ["bills.provider", "bills.day"], name="differences_of_bill"),
        sa.CheckConstraint("state IN ('open', 'settled', 'explained')", name="differences_state"),
        sa.CheckConstraint("part IN ('payment', 'refund')", name="differences_part"),
    )
    once = ["provider", "day", "transaction_id", "part", "kind", "number", "refund_number", "ordinal"]
    op.create_index("differences_once", "differences", once, unique=True)
    op.create_index("differences_by_state", "differences", ["state", "provider", "day"])


def _watched() -> None:
    """By which the watchdog finds what changed lately, and what waits."""
    op.create_index("intents_by_time", "intents", ["updated_at", "order_id"])
    op.create_index("facts_by_time", "facts", ["recorded_at", "id"])
    op.create_index("facts_by_number", "facts", ["provider", "number"])
    op.create_index("refunds_by_payment", "refunds", ["payment_id"])
    op.create_index("callbacks_by_time", "callbacks", ["received_at", "id"])
    op.create_index("bill_lines_by_refund", "bill_lines", ["provider", "refund_number"])
    for name, table, column, where in (
        ("intents_unconfirmed", "intents", "updated_at", "state = 'paid' AND confirmed_at IS NULL"),
        (
            "intents_unpaid",
            "intents",
            "confirmed_at",
            "confirmed_at IS NOT NULL AND state IN ('open', 'closing', 'closed')",
        ),
        ("attempts_waiting", "attempts", "updated_at", "state IN ('created', 'pending', 'unknown', 'closing')"),
        ("callbacks_failed", "callbacks", "received_at", "state = 'failed'"),
    ):
        op.create_index(name, table, [column], sqlite_where=sa.text(where), postgresql_where=sa.text(where))
