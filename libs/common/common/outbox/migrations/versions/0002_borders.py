"""What leaves the platform has an exchange of its own; a parked message from outside keeps where it came from.

Revision ID: 0002
Revises: 0001

The release before this one lives with both: it writes neither, and what it finds in the outbox for another exchange comes
back to it as unroutable, until a worker of this release sends it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("outbox", sa.Column("exchange", sa.Text))
    op.add_column("outbox", sa.Column("content_type", sa.Text))
    op.add_column("parked", sa.Column("origin", sa.Text))


def downgrade() -> None:
    op.drop_column("parked", "origin")
    op.drop_column("outbox", "content_type")
    op.drop_column("outbox", "exchange")
