"""The clinic day: visits, queues, desks, what was told of waiting times.

Revision ID: 0003
Revises: 0002

The release that is running lives with all of it: it writes no state of an order that is new, and orders that it confirms meanwhile get
their visits from the worker's watch.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_time = sa.DateTime(timezone=True)
_serial = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_STATES = (
    "'reserving', 'entered', 'waitlisted', 'offered', 'awaiting_payment', 'closing', 'moving', 'confirmed',"
    " 'substitute_offered', 'withdrawing', 'returning', 'refunding', 'refund_failed', 'cancelled', 'expired', 'rejected',"
    " 'rescheduled', 'no_show', 'fulfilled'"
)
_VISIT_STATES = "'expected', 'waiting', 'called', 'serving', 'away', 'done', 'missed', 'void', 'withdrawn', 'lapsed'"
_here = sa.text("state IN ('away', 'called', 'serving', 'waiting')")
_opened = sa.text("state IN ('away', 'called', 'expected', 'serving', 'waiting')")
_at_desk = sa.text("state IN ('called', 'serving')")
_done = sa.text("state IN ('done')")


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _count(name: str, default: str = "0") -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=False, server_default=default)


def upgrade() -> None:
    with op.batch_alter_table("orders") as batch:
        batch.drop_constraint("state", type_="check")
        batch.create_check_constraint("state", f"state IN ({_STATES})")
    _visits()
    _queues()
    _estimates()


def _visits() -> None:
    op.create_table(
        "visits",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("order_id", sa.Text, unique=True),
        _text("session_id"),
        _text("queue_id"),
        _text("hospital_id"),
        _text("department_id"),
        sa.Column("account_id", sa.Text),
        sa.Column("patient_id", sa.Text),
        sa.Column("name", sa.Text),
        _text("visit"),
        _text("ticket"),
        _text("visit_class"),
        sa.Column("reason", sa.Text),
        sa.Column(
            "state", sa.Text, sa.CheckConstraint(f"state IN ({_VISIT_STATES})", name="visit_state"), nullable=False
        ),
        sa.Column("place", sa.Text),
        sa.Column("room", sa.Text),
        sa.Column("served_by", sa.Text),
        _count("passes"),
        _count("calls"),
        sa.Column("late", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("told_near", sa.Boolean, nullable=False, server_default=sa.false()),
        _count("nears"),
        _count("tries"),
        sa.Column("starts_at", _time, nullable=False),
        *(sa.Column(name, _time) for name in ("checked_in_at", "called_at", "started_at")),
        sa.Column("desk_seconds", sa.Float),
        sa.Column("ended_at", _time),
        sa.Column("updated_at", _time, nullable=False),
    )
    op.create_index("ix_visits_session_id", "visits", ["session_id"])
    op.create_index("visits_of_queue", "visits", ["queue_id", "state"])
    op.create_index("visits_of_account", "visits", ["account_id", "starts_at", "id"])
    op.create_index("visits_of_department", "visits", ["department_id", "starts_at"])
    for name, columns, unique, where in (
        ("visits_here", ["queue_id"], False, _here),
        ("visits_open", ["starts_at"], False, _opened),
        ("visits_at_desk", ["queue_id", "room"], True, _at_desk),
        ("visits_seen", ["department_id", "ended_at"], False, _done),
        ("visits_seen_by", ["served_by", "ended_at"], False, _done),
    ):
        op.create_index(name, "visits", columns, unique=unique, postgresql_where=where, sqlite_where=where)
    op.create_table(
        "visit_moves",
        sa.Column("id", _serial, primary_key=True, autoincrement=True),
        sa.Column("visit_id", sa.Text),
        _text("queue_id"),
        sa.Column("at", _time, nullable=False),
        _text("move"),
        _text("state"),
        _text("by"),
        sa.Column("why", sa.Text, nullable=False, server_default=""),
        sa.Column("facts", sa.Text),
    )
    op.create_index("ix_visit_moves_visit_id", "visit_moves", ["visit_id"])
    op.create_index("visit_moves_of_queue", "visit_moves", ["queue_id", "id"])


def _queues() -> None:
    op.create_table(
        "queues",
        sa.Column("session_id", sa.Text, primary_key=True),
        _text("hospital_id"),
        _text("department_id"),
        _text("doctor_id"),
        sa.Column("discipline", sa.Text),
        sa.Column(
            "state", sa.Text, sa.CheckConstraint("state IN ('open', 'closed')", name="queue_state"), nullable=False
        ),
        sa.Column("paused_why", sa.Text),
        sa.Column("paused_at", _time),
        sa.Column("paused_until", _time),
        _count("next_number", "1"),
        _count("walk_ins"),
        sa.Column("clock", _time, nullable=False),
        _count("revision", "1"),
        sa.Column("first_called_at", _time),
        sa.Column("closed_at", _time),
    )
    op.create_index("ix_queues_hospital_id", "queues", ["hospital_id"])
    op.create_table(
        "desks",
        sa.Column("queue_id", sa.Text, primary_key=True),
        sa.Column("room", sa.Text, primary_key=True),
        _text("doctor_id"),
        sa.Column("is_open", sa.Boolean, nullable=False),
        sa.Column("visit_id", sa.Text),
        sa.Column("after", sa.Text),
        sa.Column("opened_at", _time, nullable=False),
        sa.Column("free_since", _time),
    )
    op.create_table(
        "clinic_rules",
        sa.Column("hospital_id", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("effective_at", _time, nullable=False),
        _text("rules"),
    )


def _estimates() -> None:
    op.create_table(
        "estimates",
        sa.Column("id", _serial, primary_key=True, autoincrement=True),
        _text("visit_id"),
        _text("queue_id"),
        _text("department_id"),
        sa.Column("made_at", _time, nullable=False),
        sa.Column("promised", sa.Boolean, nullable=False),
        *(sa.Column(name, sa.Integer, nullable=False) for name in ("ahead", "expected", "low", "high")),
        _text("basis"),
        sa.Column("called_at", _time),
        sa.Column("held", sa.Boolean),
    )
    op.create_index("estimates_of_visit", "estimates", ["visit_id", "made_at"])
    op.create_index("estimates_of_department", "estimates", ["department_id", "called_at"])


def downgrade() -> None:
    """Orders that were fulfilled have no place in the old tables."""
    raise RuntimeError("there is no way back from the clinic day: restore the backup that was made before")
