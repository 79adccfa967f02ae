"""Sessions to come are told once more: older releases told them without names, and booking-svc's boards and walk-ins need them.

Revision ID: 0008
Revises: 0007
"""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from alembic import op
from common.outbox import UtcDateTime

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

OLD_ONES_LAST = timedelta(minutes=10)
"""By then the processes of the release before this one are gone, which would tell without names again."""


def upgrade() -> None:
    due = sa.bindparam("due", datetime.now(UTC) + OLD_ONES_LAST, type_=UtcDateTime)
    op.execute(
        sa.text(
            "INSERT INTO timers (kind, key, due_at) SELECT 'tell_sessions', '', :due WHERE EXISTS (SELECT 1 FROM sessions)"
            " ON CONFLICT (kind, key) DO NOTHING"
        ).bindparams(due)
    )


def downgrade() -> None:
    op.execute("DELETE FROM timers WHERE kind = 'tell_sessions'")
