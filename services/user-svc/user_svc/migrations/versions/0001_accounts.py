"""Accounts, logins, patients.

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_time = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("username", sa.Text, nullable=False),
        sa.Column("username_key", sa.Text, nullable=False, unique=True),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("phone_sealed", sa.Text),
        sa.Column("password_hash", sa.Text, nullable=False),
        sa.Column("locale", sa.Text, nullable=False),
        sa.Column("roles", sa.Text, nullable=False),
        sa.Column("hospital_id", sa.Text),
        sa.Column("created_at", _time, nullable=False),
        sa.CheckConstraint("locale IN ('zh-CN', 'en')", name="accounts_locale"),
    )
    op.create_table(
        "logins",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("account_id", sa.Text, sa.ForeignKey("accounts.id"), nullable=False),
        sa.Column("token_hash", sa.Text, nullable=False),
        sa.Column("created_at", _time, nullable=False),
        sa.Column("refreshed_at", _time, nullable=False),
        sa.Column("expires_at", _time, nullable=False),
        sa.Column("ended_at", _time),
    )
    op.create_index("logins_account", "logins", ["account_id"])
    op.create_table(
        "patients",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("account_id", sa.Text, sa.ForeignKey("accounts.id"), nullable=False),
        sa.Column("place", sa.SmallInteger),
        sa.Column("name_sealed", sa.Text, nullable=False),
        sa.Column("id_type", sa.Text, nullable=False),
        sa.Column("id_number_sealed", sa.Text, nullable=False),
        sa.Column("id_index", sa.Text, nullable=False),
        sa.Column("phone_sealed", sa.Text, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("created_at", _time, nullable=False),
        sa.Column("removed_at", _time),
        sa.UniqueConstraint("account_id", "place", name="patients_place"),
        sa.CheckConstraint("id_type IN ('resident_id', 'passport', 'permit')", name="patients_id_type"),
        sa.CheckConstraint("revision >= 1", name="patients_revision"),
        sa.CheckConstraint(
            "(removed_at IS NULL AND place IS NOT NULL AND place BETWEEN 1 AND 4)"
            " OR (removed_at IS NOT NULL AND place IS NULL)",
            name="patients_at_most_four",
        ),
    )
    op.create_index("ix_patients_id_index", "patients", ["id_index"])


def downgrade() -> None:
    for table in ("patients", "logins", "accounts"):
        op.drop_table(table)
