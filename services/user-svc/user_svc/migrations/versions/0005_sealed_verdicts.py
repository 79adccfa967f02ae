"""What a verdict on an appeal says is sealed, as the appeal is.

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
    op.add_column("credit_marks", sa.Column("verdict_sealed", sa.Text))
    op.drop_column("credit_marks", "verdict_reason")  # no release has written any


def downgrade() -> None:
    op.add_column("credit_marks", sa.Column("verdict_reason", sa.Text))
    op.drop_column("credit_marks", "verdict_sealed")
