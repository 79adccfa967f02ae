"""What `python -m audit` compares with others' figures."""

from typing import Any

import sqlalchemy as sa

from user_svc.store.tables import accounts, patients


def audit_figures(conn: sa.Connection) -> dict[str, Any]:
    """What others can be compared with: how many accounts, and each patient's owner and last revision."""
    people = conn.execute(sa.select(patients.c.id, patients.c.account_id, patients.c.revision, patients.c.removed_at))
    return {
        "accounts": conn.execute(sa.select(sa.func.count()).select_from(accounts)).scalar_one(),
        "patients": {
            row.id: {"account_id": row.account_id, "revision": row.revision, "removed": row.removed_at is not None}
            for row in people
        },
    }
