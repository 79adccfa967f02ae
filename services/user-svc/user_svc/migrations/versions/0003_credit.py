"""Patients' credit: marks with their evidence and appeals, and how often each patient's has changed.

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


def upgrade() -> None:
    op.create_table(
        "credit_marks",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("patient_id", sa.Text, nullable=False),
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("hospital_id", sa.Text, nullable=False),
        sa.Column("order_id", sa.Text, nullable=False),
        sa.Column("session_id", sa.Text, nullable=False),
        sa.Column("visit", sa.Text, nullable=False),
        sa.Column("at", _time, nullable=False),
        sa.Column("expires_at", _time, nullable=False),
        sa.Column("notice_hours", sa.Integer),
        sa.Column("marked_by", sa.Text),
        sa.Column("appeal", sa.Text, nullable=False),
        sa.Column("appeal_sealed", sa.Text),
        sa.Column("appealed_at", _time),
        sa.Column("verdict_reason", sa.Text),
        sa.Column("decided_at", _time),
        sa.Column("decided_by", sa.Text),
        sa.UniqueConstraint("order_id", "kind", name="credit_marks_once"),
        sa.CheckConstraint("kind IN ('no_show', 'late_cancel')", name="credit_marks_kind"),
        sa.CheckConstraint("(kind = 'late_cancel') = (notice_hours IS NOT NULL)", name="credit_marks_notice"),
        sa.CheckConstraint("appeal IN ('none', 'open', 'lifted', 'upheld')", name="credit_marks_appeal"),
        sa.CheckConstraint("(appeal = 'none') = (appealed_at IS NULL)", name="credit_marks_appealed"),
        sa.CheckConstraint("(appeal IN ('lifted', 'upheld')) = (decided_at IS NOT NULL)", name="credit_marks_decided"),
    )
    op.create_index("credit_marks_of_patient", "credit_marks", ["patient_id", "at"])
    op.create_index(
        "credit_marks_appeals",
        "credit_marks",
        ["appealed_at", "id"],
        postgresql_where=sa.text("appeal = 'open'"),
        sqlite_where=sa.text("appeal = 'open'"),
    )
    op.create_table(
        "credit_revisions",
        sa.Column("patient_id", sa.Text, primary_key=True),
        sa.Column("revision", sa.Integer, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("credit_revisions")
    op.drop_table("credit_marks")
