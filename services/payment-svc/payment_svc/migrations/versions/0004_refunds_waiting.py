"""Refunds that wait for a person, oldest first: for the cashiers, whose page asks for them every few seconds.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_waits = sa.text(
    "CASE refunds.state WHEN 'processing' THEN refunds.provider = 'window' ELSE refunds.state IN ('abnormal', 'failed') END"
)


def upgrade() -> None:
    op.create_index("refunds_waiting", "refunds", ["created_at", "id"], sqlite_where=_waits, postgresql_where=_waits)


def downgrade() -> None:
    op.drop_index("refunds_waiting", "refunds")
