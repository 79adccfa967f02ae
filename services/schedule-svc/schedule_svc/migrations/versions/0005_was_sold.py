"""Whether a released reservation was sold: the cool-down after a refund is another than after an unpaid hold.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # the default stays: the release before this one does not name the column
    op.add_column("reservations", sa.Column("was_sold", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    op.drop_column("reservations", "was_sold")
