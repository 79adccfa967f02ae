"""The people one books for."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from common.outbox import Tx

from user_svc.store.tables import patients


def patients_of(conn: sa.Connection, account_id: str) -> Sequence[Any]:
    """Those that are not removed, oldest first."""
    query = sa.select(patients).where(patients.c.account_id == account_id, patients.c.removed_at.is_(None))
    return conn.execute(query.order_by(patients.c.created_at, patients.c.id)).all()


def patients_since(conn: sa.Connection, account_id: str, since: datetime) -> int:
    """How many different people were added to an account's list since then."""
    added = sa.and_(patients.c.account_id == account_id, patients.c.created_at > since)
    return int(conn.execute(sa.select(sa.func.count()).select_from(patients).where(added)).scalar_one())


def patient(conn: sa.Connection, account_id: str, patient_id: str) -> Any:
    """The row, locked in a transaction; None if it is removed or another account's."""
    mine = sa.and_(patients.c.id == patient_id, patients.c.account_id == account_id, patients.c.removed_at.is_(None))
    return conn.execute(sa.select(patients).where(mine).with_for_update()).one_or_none()


def removed_patient(conn: sa.Connection, account_id: str, indexes: Sequence[str]) -> Any:
    """The row of one who was in the account's list with this document, and was removed last; None if there is none."""
    was = sa.and_(
        patients.c.account_id == account_id, patients.c.id_index.in_(indexes), patients.c.removed_at.is_not(None)
    )
    query = sa.select(patients).where(was).order_by(patients.c.removed_at.desc(), patients.c.id).limit(1)
    return conn.execute(query).one_or_none()


def leave_wards(tx: Tx, account_id: str, patient_id: str) -> None:
    """She is nobody's guardian any more."""
    wards = sa.and_(patients.c.account_id == account_id, patients.c.guardian_id == patient_id)
    tx.conn.execute(sa.update(patients).where(wards).values(guardian_id=None))


def add_patient(tx: Tx, values: dict[str, Any]) -> None:
    tx.conn.execute(sa.insert(patients).values(values))


def change_patient(tx: Tx, patient_id: str, values: dict[str, Any]) -> None:
    tx.conn.execute(sa.update(patients).where(patients.c.id == patient_id).values(values))
