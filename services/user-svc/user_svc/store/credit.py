"""Marks against patients, their appeals, and which sessions were stopped."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from common.outbox import Tx

from user_svc.store.parts import insert
from user_svc.store.tables import credit_marks, credit_revisions, credit_seen, credit_sessions, patients


def patient_of(conn: sa.Connection, account_id: str, patient_id: str) -> Any:
    """The row of one who is in the account's list, or was; None if she never was."""
    mine = sa.and_(patients.c.id == patient_id, patients.c.account_id == account_id)
    return conn.execute(sa.select(patients).where(mine)).one_or_none()


def next_credit_revision(tx: Tx, person: str) -> int:
    """Count a change of a person's credit. Her marks are ours until the end of the transaction."""
    adding = insert(tx, credit_revisions).values(patient_id=person, revision=1)
    statement = adding.on_conflict_do_update(
        index_elements=["patient_id"], set_={"revision": credit_revisions.c.revision + 1}
    ).returning(credit_revisions.c.revision)
    return int(tx.conn.execute(statement).scalar_one())


def add_mark(tx: Tx, values: dict[str, Any]) -> bool:
    """False if the order has a mark of that kind already."""
    adding = insert(tx, credit_marks).values(values).on_conflict_do_nothing(index_elements=["order_id", "kind"])
    return tx.conn.execute(adding.returning(credit_marks.c.id)).first() is not None  # an INSERT's rowcount may be -1


def marks_of(conn: sa.Connection, person: str) -> Sequence[Any]:
    """All that were ever made, in whosever list she was, the newest first."""
    query = sa.select(credit_marks).where(credit_marks.c.person == person)
    return conn.execute(query.order_by(credit_marks.c.at.desc(), credit_marks.c.id)).all()


def mark(conn: sa.Connection, mark_id: str) -> Any:
    """The row, locked in a transaction; None if there is none."""
    return conn.execute(sa.select(credit_marks).where(credit_marks.c.id == mark_id).with_for_update()).one_or_none()


def marks_of_sessions(tx: Tx, session_ids: Sequence[str]) -> Sequence[Any]:
    """All that were ever made, locked, in the order of the persons."""
    query = sa.select(credit_marks).where(credit_marks.c.session_id.in_(session_ids))
    return tx.conn.execute(query.order_by(credit_marks.c.person, credit_marks.c.id).with_for_update()).all()


def lock_sessions(tx: Tx, ends: Mapping[str, datetime]) -> set[str]:
    """Which of these sessions were stopped. Until the end of the transaction none of the others is."""
    found = _keep_sessions(tx, ends, stopped=False)
    return {row.session_id for row in found if row.stopped}


def stop_sessions(tx: Tx, ends: Mapping[str, datetime], *, forget_before: datetime) -> None:
    """Remember that these were stopped. What ended before `forget_before` is forgotten."""
    _keep_sessions(tx, ends, stopped=True)
    tx.conn.execute(sa.delete(credit_sessions).where(credit_sessions.c.ends_at < forget_before))


def keep_seen(tx: Tx, ends: Mapping[str, datetime], *, forget_before: datetime) -> None:
    """Remember of these orders that their patients were seen. Visits that ended before `forget_before` are forgotten."""
    rows = [{"order_id": order_id, "ends_at": ends[order_id]} for order_id in sorted(ends)]
    tx.conn.execute(insert(tx, credit_seen).values(rows).on_conflict_do_nothing(index_elements=["order_id"]))
    tx.conn.execute(sa.delete(credit_seen).where(credit_seen.c.ends_at < forget_before))


def seen_of(tx: Tx, order_ids: Collection[str]) -> set[str]:
    """Which of these orders' patients were seen."""
    return set(
        tx.conn.execute(sa.select(credit_seen.c.order_id).where(credit_seen.c.order_id.in_(order_ids))).scalars()
    )


def no_shows_of(tx: Tx, order_ids: Collection[str]) -> Sequence[Any]:
    """The marks for having missed these orders' visits, locked, in the order of the persons."""
    c = credit_marks.c
    query = sa.select(credit_marks).where(c.order_id.in_(order_ids), c.kind == "no_show")
    return tx.conn.execute(query.order_by(c.person, c.id).with_for_update()).all()


def _keep_sessions(tx: Tx, ends: Mapping[str, datetime], *, stopped: bool) -> Sequence[Any]:
    """The rows, made and locked in the order of their ids, so that nobody waits in a circle."""
    if not ends:
        return []
    c = credit_sessions.c
    rows = [{"session_id": key, "ends_at": ends[key], "stopped": stopped} for key in sorted(ends)]
    adding = insert(tx, credit_sessions).values(rows)
    known = {"ends_at": adding.excluded.ends_at, "stopped": True} if stopped else {"stopped": c.stopped}
    statement = adding.on_conflict_do_update(index_elements=["session_id"], set_=known).returning(
        c.session_id, c.stopped
    )
    return tx.conn.execute(statement).all()


def change_mark(tx: Tx, mark_id: str, values: dict[str, Any]) -> None:
    tx.conn.execute(sa.update(credit_marks).where(credit_marks.c.id == mark_id).values(values))


def open_appeals(
    conn: sa.Connection, hospital_id: str | None, after: Sequence[Any] | None, limit: int
) -> Sequence[Any]:
    """Marks whose appeal waits for a verdict, in the order of appealing; of one hospital, or of all."""
    c = credit_marks.c
    query = sa.select(credit_marks).where(c.appeal == sa.literal_column("'open'")).order_by(c.appealed_at, c.id)
    if hospital_id is not None:
        query = query.where(c.hospital_id == hospital_id)
    if after is not None:
        query = query.where(sa.or_(c.appealed_at > after[0], sa.and_(c.appealed_at == after[0], c.id > after[1])))
    return conn.execute(query.limit(limit)).all()
