"""Orders that are not settled, oldest first: for the operator, who looks at them page by page.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_unsettled = sa.text(
    "state IN ('awaiting_payment', 'closing', 'entered', 'moving', 'offered', 'refund_failed', 'refunding', 'reserving',"
    " 'returning', 'substitute_offered', 'waitlisted', 'withdrawing')"
)


def upgrade() -> None:
    where = {"postgresql_where": _unsettled, "sqlite_where": _unsettled}
    op.create_index("orders_unsettled", "orders", ["placed_at", "id"], **where)


def downgrade() -> None:
    op.drop_index("orders_unsettled", "orders")
