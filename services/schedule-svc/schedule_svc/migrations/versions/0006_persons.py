"""Registrations and credit are looked up by person: one who is in the lists of two accounts has two patients' ids.

The column is computed, so that rows count which the release before this one writes. Its index by patient stays for that release.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_PERSON = "CASE length(patient_id) WHEN 44 THEN substr(patient_id, 29) WHEN 28 THEN substr(patient_id, 5, 16) ELSE patient_id END"


def upgrade() -> None:
    stored = op.get_bind().dialect.name == "postgresql"  # SQLite adds no stored column to a table that is there
    for table in ("reservations", "patient_credit"):
        op.add_column(table, sa.Column("person", sa.Text(), sa.Computed(_PERSON, persisted=stored)))
    op.create_index("reservations_of_person", "reservations", ["person", "date"])
    op.create_index("patient_credit_of_person", "patient_credit", ["person", "revision"])


def downgrade() -> None:
    op.drop_index("patient_credit_of_person", "patient_credit")
    op.drop_index("reservations_of_person", "reservations")
    for table in ("patient_credit", "reservations"):
        op.drop_column(table, "person")
