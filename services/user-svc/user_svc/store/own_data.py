"""Everything that is kept of an account, for its owner; and what is taken out of the tables when it ends."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from common.outbox import Tx
from common.outbox.tables import idempotency

from user_svc.store.tables import PERSON_OF_PATIENT, accounts, codes, credit_marks, gone, logins, patients, persons

_STANDING = sa.and_(credit_marks.c.appeal != "lifted", credit_marks.c.expires_at > sa.bindparam("now"))


def logins_ever(conn: sa.Connection, account_id: str) -> Sequence[Any]:
    """All that are still known, ended or not, oldest first."""
    query = sa.select(logins).where(logins.c.account_id == account_id)
    return conn.execute(query.order_by(logins.c.created_at, logins.c.id)).all()


def codes_asked(conn: sa.Connection, account_id: str) -> Sequence[Any]:
    """The codes that the account's owner has asked for and that are not forgotten yet, oldest first."""
    query = sa.select(codes).where(codes.c.account_id == account_id)
    return conn.execute(query.order_by(codes.c.created_at, codes.c.id)).all()


def is_deleted(conn: sa.Connection, account_id: str) -> bool:
    """True of an account that has ended; False of one that never was."""
    ended = sa.and_(accounts.c.id == account_id, accounts.c.deleted_at.is_not(None))
    return conn.execute(sa.select(accounts.c.id).where(ended)).first() is not None


def forget_account(tx: Tx, account_id: str, reserved: str) -> None:
    """Empty an account's row; its logins, codes and answers to requests go. reserved: what stands for its username from now on."""
    nothing = dict.fromkeys(
        ("email_sealed", "email_index", "email_verified_at", "phone_sealed", "phone_index", "phone_verified_at",
         "hospital_id", "doctor_id", "request_index")
    )  # fmt: skip
    empty = {"username": "", "username_key": reserved, "email": "", "password_hash": "", "deleted_at": tx.now}
    tx.conn.execute(sa.update(accounts).where(accounts.c.id == account_id).values(nothing | empty))
    for table in (logins, codes, idempotency):  # what was answered to her requests shows whom she had in her list
        tx.conn.execute(sa.delete(table).where(table.c.account_id == account_id))


def people_of(conn: sa.Connection, account_id: str) -> Sequence[Any]:
    """Everybody who is in an account's list, or was, oldest first."""
    query = sa.select(patients).where(patients.c.account_id == account_id)
    return conn.execute(query.order_by(patients.c.created_at, patients.c.id)).all()


def forget_patient(tx: Tx, patient: Any, known_by: str) -> None:
    """Empty a patient's row. known_by: the key by which the person is still known, while she must be."""
    nothing = {"place": None, "about_sealed": None, "guardian_id": None}
    empty = {"name_sealed": "", "id_number_sealed": "", "phone_sealed": "", "id_index": known_by}
    now = {"revision": patient.revision + 1, "removed_at": patient.removed_at or tx.now}
    tx.conn.execute(sa.update(patients).where(patients.c.id == patient.id).values(nothing | empty | now))


def forget_words(tx: Tx, patient_ids: Sequence[str]) -> None:
    """What appeals and verdicts say goes; an appeal that waits is withdrawn."""
    theirs = credit_marks.c.patient_id.in_(patient_ids)
    waiting = sa.update(credit_marks).where(theirs, credit_marks.c.appeal == "open")
    tx.conn.execute(waiting.values(appeal="none", appealed_at=None))
    said = sa.or_(credit_marks.c.appeal_sealed.is_not(None), credit_marks.c.verdict_sealed.is_not(None))
    tx.conn.execute(sa.update(credit_marks).where(theirs, said).values(appeal_sealed=None, verdict_sealed=None))


# --- and later -------------------------------------------------------------------------------------------------------


def gone_people(conn: sa.Connection, after: str, limit: int) -> Sequence[Any]:
    """Patients of accounts that have ended, while anything of them is kept: (id, deleted_at)."""
    query = sa.select(patients.c.id, accounts.c.deleted_at).join_from(patients, accounts)
    return conn.execute(query.where(gone, patients.c.id > after).order_by(patients.c.id).limit(limit)).all()


def forget_expired_marks(tx: Tx, patient_ids: Sequence[str]) -> None:
    expired = sa.and_(credit_marks.c.patient_id.in_(patient_ids), credit_marks.c.expires_at <= tx.now)
    tx.conn.execute(sa.delete(credit_marks).where(expired))


def standing_marks(tx: Tx, person: str) -> int:
    """How many marks against a person stand."""
    query = sa.select(sa.func.count()).select_from(credit_marks).where(credit_marks.c.person == person, _STANDING)
    return int(tx.conn.execute(query, {"now": tx.now}).scalar_one())


def know_as(tx: Tx, indexes: Sequence[str], person: str) -> None:
    """Whoever shows a document with one of these indexes is this person from now on."""
    tx.conn.execute(sa.update(persons).where(persons.c.id_index.in_(indexes)).values(person=person))


def was_here_since(tx: Tx, person: str, since: datetime) -> bool:
    """True if an account that ended since then had this person in its list."""
    hers = sa.literal_column(PERSON_OF_PATIENT) == person
    query = sa.select(patients.c.id).join_from(patients, accounts).where(gone, hers, accounts.c.deleted_at > since)
    return tx.conn.execute(query.limit(1)).first() is not None


def forget_person(tx: Tx, person: str) -> None:
    """Nobody knows any more whose document this was."""
    tx.conn.execute(sa.delete(persons).where(persons.c.person == person))


def let_go(tx: Tx, patient_id: str) -> None:
    """Nothing of her is kept any more but her id."""
    tx.conn.execute(sa.update(patients).where(patients.c.id == patient_id).values(id_index=""))
