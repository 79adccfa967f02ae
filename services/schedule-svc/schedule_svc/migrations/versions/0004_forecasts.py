"""How good past forecasts were; an index on the numbers that were given back; the digest of a draw's record.

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
        "forecast_scores",
        sa.Column("hospital_id", sa.Text(), sa.ForeignKey("hospitals.id"), primary_key=True),
        sa.Column("kind", sa.Text(), primary_key=True),
        sa.Column("forecasts", sa.Integer(), nullable=False),
        sa.Column("squares", sa.Float(), nullable=False),
        sa.CheckConstraint("kind IN ('lottery', 'weighted', 'waitlist')", name="forecast_scores_kind"),
        sa.CheckConstraint("forecasts >= 0 AND squares >= 0 AND squares <= forecasts", name="forecast_scores_sum"),
    )
    freed = "state = 'released' AND slot_id IS NOT NULL"
    op.create_index(
        "reservations_freed",
        "reservations",
        ["hospital_id", "date"],
        postgresql_where=sa.text(freed),
        sqlite_where=sa.text(freed),
    )
    op.add_column("draws", sa.Column("digest", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("draws", "digest")
    op.drop_index("reservations_freed", table_name="reservations")
    op.drop_table("forecast_scores")
