"""Rosters as events: what hospitals say of sessions besides their plans, what waits, snapshots, a log of all of it.

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
_SESSIONS = {
    "staff_stop": (sa.Text(), None),
    "roster_stop": (sa.Text(), None),
    "named_at": (_time, "2000-01-01 00:00:00.000000"),
    "follows_department": (sa.Boolean(), sa.false()),
    "follows_title": (sa.Boolean(), sa.true()),
}
"""Column -> its type, and what the rows that are there get; None: NULL."""
_ROSTERS = {
    "input": (sa.Text(), ""),
    "type": (sa.Text(), "roster_published"),
    "status": (sa.Text(), "applied"),
    "kept": (sa.Integer(), "0"),
    "more": (sa.Integer(), "0"),
}


def upgrade() -> None:
    _add("sessions", _SESSIONS)
    op.execute("UPDATE sessions SET staff_stop = stop_reason WHERE stopped")
    # the digests of before do not know the new fields: the same version may come once more
    op.execute("UPDATE sessions SET digest = ''")
    op.execute(
        "UPDATE sessions SET grade = (SELECT d.title FROM doctors d WHERE d.id = sessions.doctor_id) WHERE grade = ''"
    )
    _add("rosters", _ROSTERS)
    op.execute("UPDATE rosters SET input = id")
    op.execute("UPDATE rosters SET status = 'partial' WHERE rejected > 0")
    op.execute("UPDATE rosters SET status = 'rejected' WHERE rejected > 0 AND applied + unchanged = 0")
    with op.batch_alter_table("rosters") as batch:
        batch.create_check_constraint("rosters_status", "status IN ('applied', 'partial', 'rejected')")
    op.drop_index("rosters_by_hospital", "rosters")
    op.create_index("rosters_by_hospital", "rosters", ["hospital_id", "received_at", "id"], unique=False)
    _registers()
    _snapshots()


def downgrade() -> None:
    op.drop_table("roster_snapshots")
    op.drop_table("roster_registers")
    op.drop_index("rosters_by_hospital", "rosters")
    op.create_index("rosters_by_hospital", "rosters", ["hospital_id", "received_at"], unique=False)
    with op.batch_alter_table("rosters") as table:
        table.drop_constraint("rosters_status", type_="check")
        for name in _ROSTERS:
            table.drop_column(name)
    with op.batch_alter_table("sessions") as table:
        for name in _SESSIONS:
            table.drop_column(name)


def _add(table: str, columns: dict[str, tuple[sa.types.TypeEngine[object], object]]) -> None:
    """New columns; what the old rows got is no default for new ones."""
    for name, (kind, default) in columns.items():
        op.add_column(table, sa.Column(name, kind, nullable=default is None, server_default=default))
    with op.batch_alter_table(table) as batch:
        for name, (kind, default) in columns.items():
            if default is not None:
                batch.alter_column(name, existing_type=kind, server_default=None)


def _registers() -> None:
    op.create_table(
        "roster_registers",
        sa.Column("hospital_id", sa.Text(), nullable=False),
        sa.Column("aspect", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("needs", sa.Text(), nullable=True),
        sa.CheckConstraint("aspect IN ('doctor', 'plan', 'status', 'extra', 'named')", name="roster_registers_aspect"),
        sa.ForeignKeyConstraint(["hospital_id"], ["hospitals.id"]),
        sa.PrimaryKeyConstraint("hospital_id", "aspect", "code", "version"),
    )
    op.create_index("roster_registers_by_code", "roster_registers", ["hospital_id", "code"], unique=False)
    op.create_index("roster_registers_needs", "roster_registers", ["hospital_id", "needs"], unique=False)


def _snapshots() -> None:
    op.create_table(
        "roster_snapshots",
        sa.Column("hospital_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("first", sa.Date(), nullable=False),
        sa.Column("last", sa.Date(), nullable=False),
        sa.Column("as_of", _time, nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("parts", sa.Text(), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["hospital_id"], ["hospitals.id"]),
        sa.PrimaryKeyConstraint("hospital_id", "id"),
    )
