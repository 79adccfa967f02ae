"""Sessions that were stopped: nothing of them counts against anybody.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "credit_sessions",
        sa.Column("session_id", sa.Text, primary_key=True),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stopped", sa.Boolean, nullable=False),
    )
    op.create_index("ix_credit_sessions_ends_at", "credit_sessions", ["ends_at"])
    op.create_index("credit_marks_of_session", "credit_marks", ["session_id"])


def downgrade() -> None:
    op.drop_index("credit_marks_of_session", "credit_marks")
    op.drop_table("credit_sessions")
