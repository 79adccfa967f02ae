"""Orders whose patient was seen by the doctor: a mark for having missed that visit was a mistake, also one that comes later.

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "credit_seen",
        sa.Column("order_id", sa.Text, primary_key=True),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_credit_seen_ends_at", "credit_seen", ["ends_at"])


def downgrade() -> None:
    op.drop_table("credit_seen")
