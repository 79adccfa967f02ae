"""Who has been seen by the doctor: her number is used up, so that a session that is stopped after her settles without it.

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # the defaults stay: the release before this one does not name the columns
    op.add_column("reservations", sa.Column("seen", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("sessions", sa.Column("seen", sa.Integer(), nullable=False, server_default=sa.text("0")))


def downgrade() -> None:
    op.drop_column("sessions", "seen")
    op.drop_column("reservations", "seen")
