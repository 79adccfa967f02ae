"""user-svc's tables and queries. The only file here that knows SQL."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from common.outbox import Tx, UtcDateTime
from sqlalchemy.dialects import postgresql, sqlite

metadata = sa.MetaData()

accounts = sa.Table(
    "accounts",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("username", sa.Text, nullable=False),
    sa.Column("username_key", sa.Text, nullable=False, unique=True),
    sa.Column("email", sa.Text, nullable=False),
    sa.Column("phone_sealed", sa.Text),
    sa.Column("password_hash", sa.Text, nullable=False),
    sa.Column("locale", sa.Text, nullable=False),
    sa.Column("roles", sa.Text, nullable=False),
    sa.Column("hospital_id", sa.Text),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("request_index", sa.Text),
    sa.CheckConstraint("locale IN ('zh-CN', 'en')", name="accounts_locale"),
)
"""`roles` are names with blanks between them; `request_index` tells a repeated registration."""

logins = sa.Table(
    "logins",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("account_id", sa.Text, sa.ForeignKey("accounts.id"), nullable=False),
    sa.Column("token_hash", sa.Text, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("refreshed_at", UtcDateTime, nullable=False),
    sa.Column("expires_at", UtcDateTime, nullable=False),
    sa.Column("ended_at", UtcDateTime),
    sa.Index("logins_account", "account_id"),
)
"""One row is one family of refresh tokens; it knows the newest only, so any other one of the family is an old one."""

patients = sa.Table(
    "patients",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("account_id", sa.Text, sa.ForeignKey("accounts.id"), nullable=False),
    sa.Column("place", sa.SmallInteger),
    sa.Column("name_sealed", sa.Text, nullable=False),
    sa.Column("id_type", sa.Text, nullable=False),
    sa.Column("id_number_sealed", sa.Text, nullable=False),
    sa.Column("id_index", sa.Text, nullable=False, index=True),
    sa.Column("phone_sealed", sa.Text, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("removed_at", UtcDateTime),
    sa.UniqueConstraint("account_id", "place", name="patients_place"),
    sa.CheckConstraint("id_type IN ('resident_id', 'passport', 'permit')", name="patients_id_type"),
    sa.CheckConstraint("revision >= 1", name="patients_revision"),
    sa.CheckConstraint(
        "(removed_at IS NULL AND place IS NOT NULL AND place BETWEEN 1 AND 4) OR (removed_at IS NOT NULL AND place IS NULL)",
        name="patients_at_most_four",
    ),
)
"""`place` 1 to 4, unique in the account: the database itself refuses a fifth person."""


credit_marks = sa.Table(
    "credit_marks",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("patient_id", sa.Text, nullable=False),
    sa.Column("account_id", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("hospital_id", sa.Text, nullable=False),
    sa.Column("order_id", sa.Text, nullable=False),
    sa.Column("session_id", sa.Text, nullable=False),
    sa.Column("visit", sa.Text, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("expires_at", UtcDateTime, nullable=False),
    sa.Column("notice_hours", sa.Integer),
    sa.Column("marked_by", sa.Text),
    sa.Column("appeal", sa.Text, nullable=False),
    sa.Column("appeal_sealed", sa.Text),
    sa.Column("appealed_at", UtcDateTime),
    sa.Column("verdict_sealed", sa.Text),
    sa.Column("decided_at", UtcDateTime),
    sa.Column("decided_by", sa.Text),
    sa.UniqueConstraint("order_id", "kind", name="credit_marks_once"),
    sa.CheckConstraint("kind IN ('no_show', 'late_cancel')", name="credit_marks_kind"),
    sa.CheckConstraint("(kind = 'late_cancel') = (notice_hours IS NOT NULL)", name="credit_marks_notice"),
    sa.CheckConstraint("appeal IN ('none', 'open', 'lifted', 'upheld')", name="credit_marks_appeal"),
    sa.CheckConstraint("(appeal = 'none') = (appealed_at IS NULL)", name="credit_marks_appealed"),
    sa.CheckConstraint("(appeal IN ('lifted', 'upheld')) = (decided_at IS NOT NULL)", name="credit_marks_decided"),
    sa.Index("credit_marks_of_patient", "patient_id", "at"),
    sa.Index("credit_marks_of_session", "session_id"),
)
"""Marks against patients (爽约, 临时退号): `visit` is the evidence, as JSON; what an appeal and its verdict say is sealed.

A mark that was decided by nobody was lifted by its session's stop.
"""

sa.Index(
    "credit_marks_appeals",
    credit_marks.c.appealed_at,
    credit_marks.c.id,
    postgresql_where=sa.text("appeal = 'open'"),
    sqlite_where=sa.text("appeal = 'open'"),
)

credit_revisions = sa.Table(
    "credit_revisions",
    metadata,
    sa.Column("patient_id", sa.Text, primary_key=True),
    sa.Column("revision", sa.Integer, nullable=False),
)
"""How often a patient's credit has changed. Its row is the lock on her marks."""

credit_sessions = sa.Table(
    "credit_sessions",
    metadata,
    sa.Column("session_id", sa.Text, primary_key=True),
    sa.Column("ends_at", UtcDateTime, nullable=False, index=True),
    sa.Column("stopped", sa.Boolean, nullable=False),
)
"""Sessions that were stopped or have marks. A session's row is the lock between its stop and what is noted of it."""


def _insert(tx: Tx, table: sa.Table) -> Any:
    return (postgresql.insert if tx.postgres else sqlite.insert)(table)


def add_account(tx: Tx, values: dict[str, Any]) -> bool:
    """False if the username is taken."""
    statement = _insert(tx, accounts).values(values).on_conflict_do_nothing(index_elements=["username_key"])
    return bool(tx.conn.execute(statement).rowcount)


def account_by_key(conn: sa.Connection, username_key: str) -> Any:
    """The row, or None."""
    return conn.execute(sa.select(accounts).where(accounts.c.username_key == username_key)).one_or_none()


def account(conn: sa.Connection, account_id: str, *, lock: bool = False) -> Any:
    """The row, or None. With `lock` it is ours until the end of the transaction."""
    query = sa.select(accounts).where(accounts.c.id == account_id)
    return conn.execute(query.with_for_update() if lock else query).one_or_none()


def change_account(tx: Tx, account_id: str, values: dict[str, Any]) -> bool:
    """False if there is no such account."""
    return bool(tx.conn.execute(sa.update(accounts).where(accounts.c.id == account_id).values(values)).rowcount)


def add_login(tx: Tx, values: dict[str, Any]) -> None:
    """Begin a family of refresh tokens; the account's families that are over are forgotten."""
    over = sa.delete(logins).where(logins.c.account_id == values["account_id"], logins.c.expires_at < tx.now)
    tx.conn.execute(over)
    tx.conn.execute(sa.insert(logins).values(values))


def rotate_login(tx: Tx, login_id: str, old_hash: str, new_hash: str, expires_at: datetime) -> str | None:
    """Put a new token in the place of the newest one. The account's id; None if the old one was not the newest."""
    statement = (
        sa.update(logins)
        .where(
            logins.c.id == login_id,
            logins.c.token_hash == old_hash,
            logins.c.ended_at.is_(None),
            logins.c.expires_at > tx.now,
        )
        .values(token_hash=new_hash, refreshed_at=tx.now, expires_at=expires_at)
        .returning(logins.c.account_id)
    )
    return tx.conn.execute(statement).scalar_one_or_none()


def end_login(tx: Tx, login_id: str) -> bool:
    """End a family of refresh tokens. False if it had ended, or never was."""
    statement = sa.update(logins).where(logins.c.id == login_id, logins.c.ended_at.is_(None)).values(ended_at=tx.now)
    return bool(tx.conn.execute(statement).rowcount)


def patients_of(conn: sa.Connection, account_id: str) -> Sequence[Any]:
    """Those that are not removed, oldest first."""
    query = sa.select(patients).where(patients.c.account_id == account_id, patients.c.removed_at.is_(None))
    return conn.execute(query.order_by(patients.c.created_at, patients.c.id)).all()


def patient(conn: sa.Connection, account_id: str, patient_id: str) -> Any:
    """The row, locked in a transaction; None if it is removed or another account's."""
    mine = sa.and_(patients.c.id == patient_id, patients.c.account_id == account_id, patients.c.removed_at.is_(None))
    return conn.execute(sa.select(patients).where(mine).with_for_update()).one_or_none()


def removed_patient(conn: sa.Connection, account_id: str, id_index: str) -> Any:
    """The row of one who was in the account's list with this document, and was removed last; None if there is none."""
    was = sa.and_(
        patients.c.account_id == account_id, patients.c.id_index == id_index, patients.c.removed_at.is_not(None)
    )
    query = sa.select(patients).where(was).order_by(patients.c.removed_at.desc(), patients.c.id).limit(1)
    return conn.execute(query).one_or_none()


def add_patient(tx: Tx, values: dict[str, Any]) -> None:
    tx.conn.execute(sa.insert(patients).values(values))


def change_patient(tx: Tx, patient_id: str, values: dict[str, Any]) -> None:
    tx.conn.execute(sa.update(patients).where(patients.c.id == patient_id).values(values))


# --- credit ----------------------------------------------------------------------------------------------------------


def was_patient_of(conn: sa.Connection, account_id: str, patient_id: str) -> bool:
    """True if she is in the account's list, or was."""
    mine = sa.and_(patients.c.id == patient_id, patients.c.account_id == account_id)
    return conn.execute(sa.select(patients.c.id).where(mine)).scalar() is not None


def next_credit_revision(tx: Tx, patient_id: str) -> int:
    """Count a change of a patient's credit. Her marks are ours until the end of the transaction."""
    insert = _insert(tx, credit_revisions).values(patient_id=patient_id, revision=1)
    statement = insert.on_conflict_do_update(
        index_elements=["patient_id"], set_={"revision": credit_revisions.c.revision + 1}
    ).returning(credit_revisions.c.revision)
    return int(tx.conn.execute(statement).scalar_one())


def add_mark(tx: Tx, values: dict[str, Any]) -> bool:
    """False if the order has a mark of that kind already."""
    statement = _insert(tx, credit_marks).values(values).on_conflict_do_nothing(index_elements=["order_id", "kind"])
    return bool(tx.conn.execute(statement).rowcount)


def marks_of(conn: sa.Connection, patient_id: str) -> Sequence[Any]:
    """All that were ever made, the newest first."""
    query = sa.select(credit_marks).where(credit_marks.c.patient_id == patient_id)
    return conn.execute(query.order_by(credit_marks.c.at.desc(), credit_marks.c.id)).all()


def mark(conn: sa.Connection, mark_id: str) -> Any:
    """The row, locked in a transaction; None if there is none."""
    return conn.execute(sa.select(credit_marks).where(credit_marks.c.id == mark_id).with_for_update()).one_or_none()


def marks_of_sessions(tx: Tx, session_ids: Sequence[str]) -> Sequence[Any]:
    """All that were ever made, locked, in the order of the patients."""
    query = sa.select(credit_marks).where(credit_marks.c.session_id.in_(session_ids))
    return tx.conn.execute(query.order_by(credit_marks.c.patient_id, credit_marks.c.id).with_for_update()).all()


def lock_sessions(tx: Tx, ends: Mapping[str, datetime]) -> set[str]:
    """Which of these sessions were stopped. Until the end of the transaction none of the others is."""
    found = _keep_sessions(tx, ends, stopped=False)
    return {row.session_id for row in found if row.stopped}


def stop_sessions(tx: Tx, ends: Mapping[str, datetime], *, forget_before: datetime) -> None:
    """Remember that these were stopped. What ended before `forget_before` is forgotten."""
    _keep_sessions(tx, ends, stopped=True)
    tx.conn.execute(sa.delete(credit_sessions).where(credit_sessions.c.ends_at < forget_before))


def _keep_sessions(tx: Tx, ends: Mapping[str, datetime], *, stopped: bool) -> Sequence[Any]:
    """The rows, made and locked in the order of their ids, so that nobody waits in a circle."""
    if not ends:
        return []
    c = credit_sessions.c
    rows = [{"session_id": key, "ends_at": ends[key], "stopped": stopped} for key in sorted(ends)]
    insert = _insert(tx, credit_sessions).values(rows)
    known = {"ends_at": insert.excluded.ends_at, "stopped": True} if stopped else {"stopped": c.stopped}
    statement = insert.on_conflict_do_update(index_elements=["session_id"], set_=known).returning(
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
