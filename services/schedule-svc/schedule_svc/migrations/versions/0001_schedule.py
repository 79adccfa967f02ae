"""Hospitals and their people, sessions, slots, reservations, the log of rosters.

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


def upgrade() -> None:
    _hospitals()
    _departments()
    _doctors()
    _sessions()
    _slots()
    _returned_numbers()
    _reservations()
    _rosters()


def downgrade() -> None:
    for table in (
        "rosters",
        "reservations",
        "returned_numbers",
        "slots",
        "sessions",
        "doctors",
        "departments",
        "hospitals",
    ):
        op.drop_table(table)


def _hospitals() -> None:
    op.create_table(
        "hospitals",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("grade", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("code"),
    )


def _departments() -> None:
    op.create_table(
        "departments",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("hospital_id", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["hospital_id"], ["hospitals.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("hospital_id", "code", name="departments_code"),
    )


def _doctors() -> None:
    op.create_table(
        "doctors",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("hospital_id", sa.Text(), nullable=False),
        sa.Column("department_id", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("specialty", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["department_id"], ["departments.id"]),
        sa.ForeignKeyConstraint(["hospital_id"], ["hospitals.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("hospital_id", "code", name="doctors_code"),
    )
    op.create_index("doctors_department", "doctors", ["department_id", "code"], unique=False)


def _sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("hospital_id", sa.Text(), nullable=False),
        sa.Column("department_id", sa.Text(), nullable=False),
        sa.Column("doctor_id", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("starts_at", _time, nullable=False),
        sa.Column("ends_at", _time, nullable=False),
        sa.Column("room", sa.Text(), nullable=False),
        sa.Column("fee", sa.Integer(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("release_at", _time, nullable=False),
        sa.Column("cancel_before", _time, nullable=False),
        sa.Column("stopped", sa.Boolean(), nullable=False),
        sa.Column("stop_reason", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("sold_out", sa.Boolean(), nullable=False),
        sa.Column("next_number", sa.Integer(), nullable=False),
        sa.Column("waiting", sa.Integer(), nullable=False),
        sa.Column("wait_seq", sa.Integer(), nullable=False),
        sa.CheckConstraint("period IN ('morning', 'afternoon', 'evening')", name="sessions_period"),
        sa.CheckConstraint("fee >= 0", name="sessions_fee"),
        sa.CheckConstraint("starts_at < ends_at", name="sessions_times"),
        sa.CheckConstraint("waiting >= 0", name="sessions_waiting"),
        sa.ForeignKeyConstraint(["department_id"], ["departments.id"]),
        sa.ForeignKeyConstraint(["doctor_id"], ["doctors.id"]),
        sa.ForeignKeyConstraint(["hospital_id"], ["hospitals.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("hospital_id", "code", name="sessions_code"),
    )
    op.create_index("sessions_by_department", "sessions", ["department_id", "starts_at", "id"], unique=False)
    op.create_index("sessions_by_doctor", "sessions", ["doctor_id", "starts_at", "id"], unique=False)
    op.create_index("sessions_by_hospital", "sessions", ["hospital_id", "starts_at", "id"], unique=False)
    op.create_index("sessions_by_time", "sessions", ["starts_at", "id"], unique=False)


def _slots() -> None:
    op.create_table(
        "slots",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("session_id", sa.Text(), nullable=False),
        sa.Column("starts_at", _time, nullable=False),
        sa.Column("ends_at", _time, nullable=False),
        sa.Column("published", sa.Integer(), nullable=False),
        sa.Column("withheld", sa.Integer(), nullable=False),
        sa.Column("extra", sa.Integer(), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("free", sa.Integer(), nullable=False),
        sa.Column("held", sa.Integer(), nullable=False),
        sa.Column("sold", sa.Integer(), nullable=False),
        sa.Column("blocked", sa.Integer(), nullable=False),
        sa.Column("first_number", sa.Integer(), nullable=False),
        sa.Column("span", sa.Integer(), nullable=False),
        sa.Column("issued", sa.Integer(), nullable=False),
        sa.CheckConstraint("capacity = free + held + sold + blocked", name="slots_equation"),
        sa.CheckConstraint("free >= 0 AND held >= 0 AND sold >= 0 AND blocked >= 0", name="slots_not_negative"),
        sa.CheckConstraint("issued >= held + sold", name="slots_issued"),
        sa.CheckConstraint("published >= 0 AND withheld >= 0 AND extra >= 0", name="slots_published"),
        sa.CheckConstraint("starts_at < ends_at", name="slots_times"),
        sa.ForeignKeyConstraint(["session_id"], ["sessions.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("session_id", "starts_at", name="slots_start"),
    )


def _returned_numbers() -> None:
    op.create_table(
        "returned_numbers",
        sa.Column("slot_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["slot_id"], ["slots.id"]),
        sa.PrimaryKeyConstraint("slot_id", "number"),
    )


def _reservations() -> None:
    op.create_table(
        "reservations",
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("session_id", sa.Text(), nullable=False),
        sa.Column("patient_id", sa.Text(), nullable=False),
        sa.Column("wanted", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("slot_id", sa.Text(), nullable=True),
        sa.Column("queue_number", sa.Integer(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("wait_seq", sa.Integer(), nullable=True),
        sa.Column("position", sa.Integer(), nullable=True),
        sa.Column("created_at", _time, nullable=False),
        sa.Column("updated_at", _time, nullable=False),
        sa.CheckConstraint("state <> 'waiting' OR wait_seq IS NOT NULL", name="reservations_waiting"),
        sa.CheckConstraint("state IN ('held', 'sold', 'released', 'rejected', 'waiting')", name="reservations_state"),
        sa.CheckConstraint(
            "state NOT IN ('held', 'sold') OR (slot_id IS NOT NULL AND queue_number IS NOT NULL)",
            name="reservations_number",
        ),
        sa.PrimaryKeyConstraint("order_id"),
    )
    op.create_index(
        "reservations_one_per_number",
        "reservations",
        ["session_id", "queue_number"],
        unique=True,
        postgresql_where=sa.text("state IN ('held', 'sold')"),
        sqlite_where=sa.text("state IN ('held', 'sold')"),
    )
    op.create_index(
        "reservations_waiting_line",
        "reservations",
        ["session_id", "wait_seq"],
        unique=False,
        postgresql_where=sa.text("state = 'waiting'"),
        sqlite_where=sa.text("state = 'waiting'"),
    )


def _rosters() -> None:
    op.create_table(
        "rosters",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("hospital_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("received_at", _time, nullable=False),
        sa.Column("applied", sa.Integer(), nullable=False),
        sa.Column("unchanged", sa.Integer(), nullable=False),
        sa.Column("rejected", sa.Integer(), nullable=False),
        sa.Column("rows", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["hospital_id"], ["hospitals.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("rosters_by_hospital", "rosters", ["hospital_id", "received_at"], unique=False)
