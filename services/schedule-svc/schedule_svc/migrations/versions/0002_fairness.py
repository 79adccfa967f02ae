"""Fair shares of scarce numbers: draws, set-asides, rests, rules, credit, vouchers.

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
_false = sa.false()
_STATES = "'held', 'sold', 'released', 'rejected', 'waiting'"


def upgrade() -> None:
    _sessions()
    _slots()
    _reservations()
    _hospital_rules()
    _patient_credit()
    _vouchers()
    _draws()
    _entries()
    _forecasts()


def downgrade() -> None:
    for table in ("forecasts", "entries", "draws", "vouchers", "patient_credit", "hospital_rules"):
        op.drop_table(table)
    op.drop_index("reservations_of_patient", "reservations")
    with op.batch_alter_table("reservations") as table:
        table.drop_constraint("reservations_state", type_="check")
        table.create_check_constraint("reservations_state", f"state IN ({_STATES})")
        for name in _RESERVATIONS:
            table.drop_column(name)
    with op.batch_alter_table("slots") as table:
        table.drop_constraint("slots_published", type_="check")
        table.create_check_constraint("slots_published", "published >= 0 AND withheld >= 0 AND extra >= 0")
        for name in ("roster_extra", "asides", "resting"):
            table.drop_column(name)
    with op.batch_alter_table("sessions") as table:
        for name in ("sessions_entered", "sessions_draw_state", "sessions_draw_at"):
            table.drop_constraint(name, type_="check")
        table.alter_column("cancel_before", existing_type=_time, nullable=False)
        for name in _SESSIONS:
            table.drop_column(name)


_SESSIONS = {
    "draw_at": (_time, None),
    "grade": (sa.Text(), ""),
    "urgent": (sa.Boolean(), _false),
    "draft": (sa.Boolean(), _false),
    "released": (sa.Boolean(), _false),
    "draw_state": (sa.Text(), "none"),
    "entered": (sa.Integer(), "0"),
    "entry_seq": (sa.Integer(), "0"),
}
"""Column -> its type, and what the rows that are there get; None: NULL."""

_RESERVATIONS = {
    "hospital_id": (sa.Text(), ""),
    "department_id": (sa.Text(), ""),
    "doctor_id": (sa.Text(), ""),
    "date": (sa.Date(), None),
    "period": (sa.Text(), ""),
    "join_waitlist": (sa.Boolean(), _false),
    "auto_book": (sa.Boolean(), sa.true()),
    "voucher": (sa.Text(), None),
    "replaces": (sa.Text(), None),
    "channel": (sa.Text(), None),
    "hold_seconds": (sa.Integer(), "900"),
    "offered": (sa.Boolean(), _false),
    "cancel_before": (_time, None),
    "rule": (sa.Text(), None),
    "until": (_time, None),
    "released_by": (sa.Text(), None),
}


def _add(table: str, columns: dict[str, tuple[sa.types.TypeEngine[object], object]]) -> None:
    """New columns; what the old rows got is no default for new ones."""
    for name, (kind, default) in columns.items():
        op.add_column(table, sa.Column(name, kind, nullable=default is None, server_default=default))
    with op.batch_alter_table(table) as batch:
        for name, (kind, default) in columns.items():
            if default is not None:
                batch.alter_column(name, existing_type=kind, server_default=None)


def _sessions() -> None:
    _add("sessions", _SESSIONS)
    op.execute("UPDATE sessions SET released = true WHERE release_at <= CURRENT_TIMESTAMP")
    with op.batch_alter_table("sessions") as batch:
        batch.alter_column("cancel_before", existing_type=_time, nullable=True)
        batch.create_check_constraint("sessions_entered", "entered >= 0")
        batch.create_check_constraint("sessions_draw_state", "draw_state IN ('none', 'open', 'drawing', 'drawn')")
        batch.create_check_constraint("sessions_draw_at", "(policy = 'first_come') = (draw_at IS NULL)")


def _slots() -> None:
    number, text = sa.Integer(), sa.Text()
    _add("slots", {"roster_extra": (number, "0"), "asides": (text, "{}"), "resting": (number, "0")})
    with op.batch_alter_table("slots") as batch:
        batch.drop_constraint("slots_published", type_="check")
        batch.create_check_constraint(
            "slots_published",
            "published >= 0 AND withheld >= 0 AND extra >= 0 AND roster_extra >= 0 AND resting >= 0",
        )


def _reservations() -> None:
    _add("reservations", _RESERVATIONS)
    for name in ("hospital_id", "department_id", "doctor_id", "date", "period"):
        op.execute(
            f"UPDATE reservations SET {name} = (SELECT s.{name} FROM sessions s WHERE s.id = reservations.session_id)"  # noqa: S608  names of ours
            " WHERE EXISTS (SELECT 1 FROM sessions s WHERE s.id = reservations.session_id)"
        )
    with op.batch_alter_table("reservations") as batch:
        batch.drop_constraint("reservations_state", type_="check")
        batch.create_check_constraint("reservations_state", f"state IN ({_STATES}, 'entered')")
    op.create_index("reservations_of_patient", "reservations", ["patient_id", "date"], unique=False)


def _hospital_rules() -> None:
    op.create_table(
        "hospital_rules",
        sa.Column("hospital_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("effective_from", _time, nullable=False),
        sa.Column("rules", sa.Text(), nullable=False),
        sa.Column("published_by", sa.Text(), nullable=False),
        sa.Column("published_at", _time, nullable=False),
        sa.ForeignKeyConstraint(["hospital_id"], ["hospitals.id"]),
        sa.PrimaryKeyConstraint("hospital_id", "version"),
    )


def _patient_credit() -> None:
    op.create_table(
        "patient_credit",
        sa.Column("patient_id", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("marks", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("patient_id"),
    )


def _vouchers() -> None:
    op.create_table(
        "vouchers",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("hospital_id", sa.Text(), nullable=False),
        sa.Column("session_id", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("urgency", sa.Text(), nullable=False),
        sa.Column("patient_id", sa.Text(), nullable=True),
        sa.Column("expires_at", _time, nullable=False),
        sa.Column("issued_by", sa.Text(), nullable=False),
        sa.Column("issued_at", _time, nullable=False),
        sa.Column("order_id", sa.Text(), nullable=True),
        sa.CheckConstraint("channel IN ('referral', 'window')", name="vouchers_channel"),
        sa.CheckConstraint("urgency IN ('routine', 'soon', 'urgent')", name="vouchers_urgency"),
        sa.ForeignKeyConstraint(["hospital_id"], ["hospitals.id"]),
        sa.ForeignKeyConstraint(["session_id"], ["sessions.id"]),
        sa.PrimaryKeyConstraint("code"),
    )
    op.create_index("ix_vouchers_session_id", "vouchers", ["session_id"], unique=False)


def _draws() -> None:
    op.create_table(
        "draws",
        sa.Column("session_id", sa.Text(), nullable=False),
        sa.Column("commitment", sa.Text(), nullable=False),
        sa.Column("seed", sa.Text(), nullable=False),
        sa.Column("drawn_at", _time, nullable=True),
        sa.Column("numbers", sa.Integer(), nullable=True),
        sa.Column("entrants", sa.Integer(), nullable=True),
        sa.Column("root", sa.Text(), nullable=True),
        sa.Column("record", sa.LargeBinary(), nullable=True),
        sa.Column("delivered", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["session_id"], ["sessions.id"]),
        sa.PrimaryKeyConstraint("session_id"),
    )


def _entries() -> None:
    op.create_table(
        "entries",
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("session_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("pseudonym", sa.Text(), nullable=False),
        sa.Column("weight", sa.Integer(), nullable=False),
        sa.Column("parts", sa.Text(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=True),
        sa.CheckConstraint("weight > 0", name="entries_weight"),
        sa.PrimaryKeyConstraint("order_id"),
        sa.UniqueConstraint("pseudonym"),
        sa.UniqueConstraint("session_id", "seq", name="entries_seq"),
    )
    op.create_index("entries_rank", "entries", ["session_id", "rank"], unique=False)


def _forecasts() -> None:
    op.create_table(
        "forecasts",
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("session_id", sa.Text(), nullable=False),
        sa.Column("hospital_id", sa.Text(), nullable=False),
        sa.Column("probability", sa.Float(), nullable=False),
        sa.Column("made_at", _time, nullable=False),
        sa.Column("outcome", sa.Boolean(), nullable=True),
        sa.CheckConstraint("kind IN ('lottery', 'weighted', 'waitlist')", name="forecasts_kind"),
        sa.CheckConstraint("probability >= 0 AND probability <= 1", name="forecasts_probability"),
        sa.PrimaryKeyConstraint("order_id", "kind"),
    )
    op.create_index("forecasts_by_hospital", "forecasts", ["hospital_id", "kind"], unique=False)
