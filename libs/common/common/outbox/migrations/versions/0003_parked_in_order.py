"""Parked messages are looked at page by page, oldest first.

Revision ID: 0003
Revises: 0002
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("parked_in_order", "parked", ["parked_at", "message_id"])


def downgrade() -> None:
    op.drop_index("parked_in_order", "parked")
