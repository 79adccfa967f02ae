"""Intents, attempts, facts, refunds, the ledger and what guards it; the sandbox's books.

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_time = sa.DateTime(timezone=True)
_APPEND_ONLY = ("facts", "ledger_entries", "ledger_lines")


def upgrade() -> None:
    _intents()
    _attempts()
    _facts()
    _refunds()
    _ledger()
    _sandbox()
    if op.get_bind().dialect.name == "sqlite":
        _guard_sqlite()
    else:
        _guard_postgres()


def _intents() -> None:
    op.create_table(
        "intents",
        sa.Column("order_id", sa.Text, primary_key=True),
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("hospital_id", sa.Text, nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("pay_before", _time),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("payment_id", sa.Text),
        sa.Column("capture_id", sa.Text),
        sa.Column("created_at", _time, nullable=False),
        sa.Column("updated_at", _time, nullable=False),
        sa.CheckConstraint("state IN ('open', 'paid', 'closing', 'closed')", name="intents_state"),
        sa.CheckConstraint("(state = 'paid') = (payment_id IS NOT NULL)", name="intents_paid_by_one"),
        sa.CheckConstraint("(state = 'paid') = (capture_id IS NOT NULL)", name="intents_paid_once"),
        sa.CheckConstraint("amount > 0 OR (amount = 0 AND state = 'closed')", name="intents_amount"),
    )


def _attempts() -> None:
    op.create_table(
        "attempts",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("order_id", sa.Text, sa.ForeignKey("intents.order_id"), nullable=False),
        sa.Column("method", sa.Text, nullable=False),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("params", sa.Text, nullable=False),
        sa.Column("show", sa.Text),
        sa.Column("idempotency_key", sa.Text),
        sa.Column("request_hash", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("paid_at", _time),
        sa.Column("created_at", _time, nullable=False),
        sa.Column("updated_at", _time, nullable=False),
        sa.CheckConstraint(
            "state IN ('created', 'pending', 'unknown', 'succeeded', 'closing', 'closed', 'failed')",
            name="attempts_state",
        ),
        sa.CheckConstraint("(state = 'succeeded') = (paid_at IS NOT NULL)", name="attempts_paid_at"),
        sa.CheckConstraint("amount > 0", name="attempts_amount"),
    )
    op.create_index("attempts_number", "attempts", ["number"], unique=True)
    op.create_index("attempts_key", "attempts", ["order_id", "idempotency_key"], unique=True)


def _facts() -> None:
    op.create_table(
        "facts",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("transaction_id", sa.Text),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("evidence", sa.Text, nullable=False),
        sa.Column("order_id", sa.Text),
        sa.Column("occurred_at", _time, nullable=False),
        sa.Column("recorded_at", _time, nullable=False),
        sa.CheckConstraint(
            "(kind = 'payment' AND outcome = 'succeeded') = (transaction_id IS NOT NULL)", name="facts_capture"
        ),
        sa.CheckConstraint("(outcome = 'succeeded') = (amount > 0)", name="facts_amount"),
    )
    op.create_index("ix_facts_order_id", "facts", ["order_id"])
    op.create_index("facts_transaction", "facts", ["provider", "transaction_id"], unique=True)
    other = sa.text("transaction_id IS NULL")
    said = ["provider", "kind", "number", "outcome", "amount"]
    op.create_index("facts_said", "facts", said, unique=True, sqlite_where=other, postgresql_where=other)


def _refunds() -> None:
    op.create_table(
        "refunds",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("order_id", sa.Text, sa.ForeignKey("intents.order_id"), nullable=False),
        sa.Column("payment_id", sa.Text, sa.ForeignKey("attempts.id"), nullable=False),
        sa.Column("capture_id", sa.Text, sa.ForeignKey("facts.id"), nullable=False),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("failure", sa.Text, nullable=False),
        sa.Column("retry_of", sa.Text, sa.ForeignKey("refunds.id")),
        sa.Column("created_at", _time, nullable=False),
        sa.Column("updated_at", _time, nullable=False),
        sa.CheckConstraint(
            "state IN ('reserved', 'submitted', 'processing', 'succeeded', 'failed')", name="refunds_state"
        ),
        sa.CheckConstraint("purpose IN ('order', 'surplus')", name="refunds_purpose"),
        sa.CheckConstraint("amount > 0", name="refunds_amount"),
    )
    op.create_index("ix_refunds_order_id", "refunds", ["order_id"])
    op.create_index("refunds_number", "refunds", ["number"], unique=True)
    first = sa.text("retry_of IS NULL")
    op.create_index(
        "refunds_capture", "refunds", ["capture_id"], unique=True, sqlite_where=first, postgresql_where=first
    )
    op.create_index("refunds_retry", "refunds", ["retry_of"], unique=True)
    op.create_index("refunds_by_state", "refunds", ["state", "created_at", "id"])


def _ledger() -> None:
    op.create_table(
        "ledger_entries",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("order_id", sa.Text, nullable=False),
        sa.Column("hospital_id", sa.Text, nullable=False),
        sa.Column("created_at", _time, nullable=False),
    )
    op.create_index("ix_ledger_entries_order_id", "ledger_entries", ["order_id"])
    op.create_index("ledger_entries_by_time", "ledger_entries", ["created_at", "id"])
    entry = sa.ForeignKey("ledger_entries.id", deferrable=True, initially="DEFERRED")
    op.create_table(
        "ledger_lines",
        sa.Column("entry_id", sa.Text, entry, primary_key=True),
        sa.Column("account", sa.Text, primary_key=True),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.CheckConstraint("amount <> 0", name="ledger_lines_amount"),
    )


def _sandbox() -> None:
    op.create_table(
        "sandbox_trades",
        sa.Column("number", sa.Text, primary_key=True),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("expires_at", _time, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("transaction_id", sa.Text),
        sa.Column("paid_at", _time),
        sa.CheckConstraint("state IN ('unpaid', 'paid', 'failed', 'closed')", name="sandbox_trades_state"),
    )
    op.create_table(
        "sandbox_refunds",
        sa.Column("number", sa.Text, primary_key=True),
        sa.Column("trade_number", sa.Text, nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("updated_at", _time, nullable=False),
        sa.CheckConstraint("state IN ('accepted', 'done', 'refused')", name="sandbox_refunds_state"),
    )
    op.create_index("ix_sandbox_refunds_trade_number", "sandbox_refunds", ["trade_number"])
    op.create_table(
        "sandbox_plan", sa.Column("call", sa.Text, primary_key=True), sa.Column("plan", sa.Text, nullable=False)
    )


def _guard_sqlite() -> None:
    for table in _APPEND_ONLY:
        for event in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{event.lower()} BEFORE {event} ON {table}"
                f" BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
    op.execute(
        "CREATE TRIGGER ledger_entries_balance BEFORE INSERT ON ledger_entries"
        " WHEN (SELECT count(*) < 2 OR sum(amount) <> 0 FROM ledger_lines WHERE entry_id = NEW.id)"
        " BEGIN SELECT RAISE(ABORT, 'the ledger entry does not balance'); END"
    )
    op.execute(
        "CREATE TRIGGER ledger_lines_sealed BEFORE INSERT ON ledger_lines"
        " WHEN EXISTS (SELECT 1 FROM ledger_entries WHERE id = NEW.entry_id)"
        " BEGIN SELECT RAISE(ABORT, 'the ledger entry is sealed'); END"
    )


def _guard_postgres() -> None:
    op.execute(
        "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"
    )
    for table in _APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    op.execute(
        "CREATE FUNCTION refuse_unbalanced() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF (SELECT count(*) < 2 OR sum(amount) <> 0 FROM ledger_lines WHERE entry_id = NEW.id) THEN"
        " RAISE EXCEPTION 'the ledger entry does not balance'; END IF; RETURN NEW; END $$"
    )
    op.execute(
        "CREATE TRIGGER ledger_entries_balance BEFORE INSERT ON ledger_entries"
        " FOR EACH ROW EXECUTE FUNCTION refuse_unbalanced()"
    )
    op.execute(
        "CREATE FUNCTION refuse_sealed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF EXISTS (SELECT 1 FROM ledger_entries WHERE id = NEW.entry_id) THEN"
        " RAISE EXCEPTION 'the ledger entry is sealed'; END IF; RETURN NEW; END $$"
    )
    op.execute(
        "CREATE TRIGGER ledger_lines_sealed BEFORE INSERT ON ledger_lines FOR EACH ROW EXECUTE FUNCTION refuse_sealed()"
    )


def downgrade() -> None:
    tables = (
        "sandbox_plan",
        "sandbox_refunds",
        "sandbox_trades",
        "ledger_lines",
        "ledger_entries",
        "refunds",
        "facts",
        "attempts",
        "intents",
    )
    for table in tables:
        op.drop_table(table)
    if op.get_bind().dialect.name != "sqlite":
        for function in ("refuse_change", "refuse_unbalanced", "refuse_sealed"):
            op.execute(f"DROP FUNCTION {function}()")
