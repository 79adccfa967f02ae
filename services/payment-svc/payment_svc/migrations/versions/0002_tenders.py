"""Tenders and moves: an order is settled by parts of captures, and they can move to another order or go back.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_time = sa.DateTime(timezone=True)
_first = {"sqlite_where": sa.text("moved_from IS NULL"), "postgresql_where": sa.text("moved_from IS NULL")}
_issued = {"sqlite_where": sa.text("retry_of IS NULL"), "postgresql_where": sa.text("retry_of IS NULL")}


def upgrade() -> None:
    op.create_index("facts_whole", "facts", ["id", "amount"], unique=True)
    _loosen_intents()
    _tenders()
    _moves()
    _first_tenders()
    _tie_refunds()
    if op.get_bind().dialect.name == "postgresql":
        _serve_the_release_before()


def downgrade() -> None:
    """Money that has moved, or has gone back in part, cannot be told by the tables as they were before."""
    raise RuntimeError("there is no way back from tenders: restore the backup that was made before")


def _tenders() -> None:
    op.create_table(
        "tenders",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("order_id", sa.Text, sa.ForeignKey("intents.order_id"), nullable=False),
        sa.Column("capture_id", sa.Text, nullable=False),
        sa.Column("payment_id", sa.Text, sa.ForeignKey("attempts.id"), nullable=False),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("captured", sa.BigInteger),
        sa.Column("moved_from", sa.Text),
        sa.Column("moved", sa.BigInteger, nullable=False),
        sa.Column("returned", sa.BigInteger, nullable=False),
        sa.Column("created_at", _time, nullable=False),
        sa.Column("updated_at", _time, nullable=False),
        sa.CheckConstraint("amount > 0 AND moved >= 0 AND returned >= 0", name="tenders_amount"),
        sa.CheckConstraint("moved + returned IN (0, amount)", name="tenders_given_on"),
        sa.CheckConstraint("(moved_from IS NULL) = (captured IS NOT NULL) AND captured = amount", name="tenders_first"),
        sa.ForeignKeyConstraint(["capture_id", "captured"], ["facts.id", "facts.amount"], name="tenders_of_capture"),
        sa.UniqueConstraint("id", "capture_id", "moved", name="tenders_moved"),
        sa.UniqueConstraint("id", "capture_id", "returned", name="tenders_returned"),
        sa.ForeignKeyConstraint(
            ["moved_from", "capture_id", "amount"],
            ["tenders.id", "tenders.capture_id", "tenders.moved"],
            name="tenders_of_tender",
        ),
    )
    op.create_index("ix_tenders_order_id", "tenders", ["order_id"])
    op.create_index("ix_tenders_payment_id", "tenders", ["payment_id"])
    op.create_index("tenders_capture", "tenders", ["capture_id"], unique=True, **_first)
    op.create_index("tenders_moved_from", "tenders", ["moved_from"], unique=True)


def _moves() -> None:
    op.create_table(
        "moves",
        sa.Column("from_order_id", sa.Text, sa.ForeignKey("intents.order_id"), primary_key=True),
        sa.Column("order_id", sa.Text, nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("returned", sa.BigInteger, nullable=False),
        sa.Column("created_at", _time, nullable=False),
        sa.CheckConstraint("amount >= 0 AND returned >= 0 AND amount + returned > 0", name="moves_amount"),
    )


def _first_tenders() -> None:
    """Each capture of an order gets its tender: given back if a refund of it was issued, settling its order else."""
    op.execute(
        "INSERT INTO tenders (id, order_id, capture_id, payment_id, provider, amount, captured, moved, returned,"
        " created_at, updated_at)"
        " SELECT replace(f.id, 'fct_', 'tnd_'), f.order_id, f.id, a.id, f.provider, f.amount, f.amount, 0,"
        " CASE WHEN EXISTS (SELECT 1 FROM refunds r WHERE r.capture_id = f.id) THEN f.amount ELSE 0 END,"
        " f.recorded_at, f.recorded_at"
        " FROM facts f JOIN attempts a ON a.number = f.number AND a.order_id = f.order_id"
        " WHERE f.transaction_id IS NOT NULL"
    )


def _loosen_intents() -> None:
    with op.batch_alter_table("intents") as batch:
        for name, rule in _INTENT_RULES.items():
            batch.drop_constraint(name, type_="check")
            batch.create_check_constraint(name, rule)


def _tie_refunds() -> None:
    op.add_column("refunds", sa.Column("tender_id", sa.Text))
    op.execute("UPDATE refunds SET tender_id = (SELECT t.id FROM tenders t WHERE t.capture_id = refunds.capture_id)")
    op.drop_index("refunds_capture", "refunds")
    with op.batch_alter_table("refunds") as batch:
        batch.alter_column("tender_id", existing_type=sa.Text, nullable=False)
        batch.create_foreign_key("refunds_of_tender", "tenders", *_TENDER_OF_REFUND)
    op.create_index("refunds_tender", "refunds", ["tender_id"], unique=True, **_issued)


_INTENT_RULES = {
    "intents_state": "state IN ('open', 'paid', 'closing', 'closed', 'moved')",
    "intents_paid_by_one": "(state IN ('paid', 'moved')) = (payment_id IS NOT NULL)",
    "intents_paid_once": "(state IN ('paid', 'moved')) = (capture_id IS NOT NULL)",
}
_TENDER_OF_REFUND = (["tender_id", "capture_id", "amount"], ["id", "capture_id", "returned"])


# --- PostgreSQL ------------------------------------------------------------------------------------------------------


def _serve_the_release_before() -> None:
    """While it still runs, its captures and refunds get their tenders here. A release later nobody needs that."""
    op.execute(
        "CREATE FUNCTION first_tender(an_order text, payment text, capture text) RETURNS void LANGUAGE sql AS $$"
        " INSERT INTO tenders (id, order_id, capture_id, payment_id, provider, amount, captured, moved, returned,"
        " created_at, updated_at)"
        " SELECT replace(f.id, 'fct_', 'tnd_'), an_order, f.id, payment, f.provider, f.amount, f.amount, 0, 0,"
        " f.recorded_at, f.recorded_at FROM facts f"
        " WHERE f.id = capture AND NOT EXISTS (SELECT 1 FROM tenders t WHERE t.capture_id = f.id) $$"
    )
    op.execute(
        "CREATE FUNCTION tender_of_intent() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " PERFORM first_tender(NEW.order_id, NEW.payment_id, NEW.capture_id); RETURN NULL; END $$"
    )
    op.execute(
        "CREATE TRIGGER intents_tender AFTER UPDATE ON intents FOR EACH ROW"
        " WHEN (NEW.state = 'paid' AND OLD.state <> 'paid') EXECUTE FUNCTION tender_of_intent()"
    )
    op.execute(
        "CREATE FUNCTION tender_of_refund() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF NEW.retry_of IS NOT NULL THEN"
        " NEW.tender_id := (SELECT tender_id FROM refunds WHERE id = NEW.retry_of);"
        " ELSE"
        " PERFORM first_tender(NEW.order_id, NEW.payment_id, NEW.capture_id);"
        " UPDATE tenders SET returned = amount, updated_at = NEW.created_at WHERE capture_id = NEW.capture_id"
        " AND moved_from IS NULL AND moved = 0 AND returned = 0 RETURNING id INTO NEW.tender_id;"
        " END IF; RETURN NEW; END $$"
    )
    op.execute(
        "CREATE TRIGGER refunds_tender BEFORE INSERT ON refunds FOR EACH ROW"
        " WHEN (NEW.tender_id IS NULL) EXECUTE FUNCTION tender_of_refund()"
    )
