"""An account ends at its owner's wish: she is forgotten at once, others are told, and what outlives her is forgotten in time.

What stays: ids, which the ledger and hospitals' lists need and which say nothing of her; marks until they expire, and while they
stand, or hospitals' limits look back, a keyed hash of the document, so that nobody gets rid of them by coming again; the name, as
a keyed hash, so that nobody else takes it; the trail.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from common.errors import Conflict
from common.ids import person_of
from common.log import get_logger
from common.messages import AccountDeleted, ContactChanged, PatientSaved
from common.outbox import Database, Timer, Tx
from common.vault import Unreadable

from user_svc import domain, store
from user_svc.store import own_data as rows
from user_svc.store.reseal import documents_of
from user_svc.usecases.contacts import proved, warn
from user_svc.usecases.owners import prove_owner
from user_svc.usecases.parts import Parts
from user_svc.usecases.reseal import indexes_of
from user_svc.usecases.trail import note

log = get_logger("users")

FORGET = "forget_people"
"""The kind of the timer; it has no key. Its payload: `after`, how far this day's round is."""
EVERY = timedelta(days=1)
AT_ONCE = 200
LIMITS_LOOK_BACK = timedelta(days=92)
"""Hospitals count what a person booked in a quarter: ending an account does not begin it anew."""

MOST_TOLD = 4000
"""People in the message that an account has ended: more would not fit. A list changes so seldom that nobody has them."""

_NOBODY = "*"


def delete_account(
    database: Database,
    parts: Parts,
    account_id: str,
    *,
    password: str | None = None,
    code: str | None = None,
    source: str = "",
    device: str = "",
) -> None:
    """End one's account. Raises what `prove_owner` raises, and Conflict (staff_account): roles are taken away first."""
    asked: dict[str, Any] = {"password": password, "code": code, "source": source, "device": device}
    proof = prove_owner(database, parts, account_id, purpose="delete", either=True, names=("password", "code"), **asked)
    with database.transaction() as tx:
        row = proof.use(tx, parts)
        if set(row.roles.split()) != {domain.PATIENT}:
            raise Conflict("this account has roles: let an operator take them away first", code="staff_account")
        former = proved(row, parts.vault, "email") or proved(row, parts.vault, "sms")
        warn(tx, parts, account_id, "account_deleted", former=former, device=device)
        end_account(tx, parts, row, actor=account_id)


def end_account(tx: Tx, parts: Parts, row: Any, *, actor: str, hospital_id: str | None = None) -> None:
    """End a locked account, at the wish of `actor`; hospital_id: of one that was a hospital's."""
    patient_ids = _forget_people(tx, parts, row.id)
    rows.forget_account(tx, row.id, domain.reserved_key(row.username_key))
    tx.send(ContactChanged(row.id, row.contact_revision + 1, row.locale, None, None))
    note(tx, "account_deleted", actor=actor, about=row.id, hospital_id=hospital_id)
    tx.send(AccountDeleted(row.id, patient_ids, tx.now))


def is_deleted(database: Database, account_id: str) -> bool:
    """True of an account that has ended, whose access tokens are good for some minutes yet."""
    with database.reading() as conn:
        return rows.is_deleted(conn, account_id)


def _forget_people(tx: Tx, parts: Parts, account_id: str) -> list[str]:
    """Everybody who is in the account's list, or was; their ids."""
    everybody = rows.people_of(tx.conn, account_id)
    people = sorted(everybody, key=lambda row: (person_of(row.id), row.id))  # or two would deadlock
    for row in people:
        try:
            number = parts.vault.open(row.id_number_sealed, f"{row.id}/id_number")
            _keep_known(tx, indexes_of(parts.vault, row.id_type, number), person_of(row.id))
        except Unreadable as error:
            log.warning("deleted_unread", patient_id=row.id, why=str(error))
        rows.forget_patient(tx, row, known_by=parts.vault.prefix)
        tx.send(PatientSaved(row.id, account_id, row.revision + 1, _NOBODY, removed=True))
    ids = [row.id for row in people]
    rows.forget_words(tx, ids)
    return sorted(ids, reverse=True)[:MOST_TOLD]


def _keep_known(tx: Tx, indexes: Sequence[str], own: str) -> None:
    """Keep, by today's keys and for the last time, whose document this was.

    Who was in two accounts before there were persons is two of them. Who comes again is the one with more marks that stand.
    """
    known = store.person(tx, indexes, own)
    if known != own and rows.standing_marks(tx, own) > rows.standing_marks(tx, known):
        rows.know_as(tx, indexes, own)


def forget(tx: Tx, timer: Timer) -> None:
    """Daily: of those whose accounts have ended, marks go when they expire, and the hash of the document when nothing needs it."""
    page = rows.gone_people(tx.conn, timer.payload.get("after", ""), AT_ONCE)
    ids = [row.id for row in page]
    rows.forget_expired_marks(tx, ids)
    rows.forget_words(tx, ids)  # of an appeal that was under way when the account ended
    for row in page:
        person, since = person_of(row.id), tx.now - LIMITS_LOOK_BACK
        if row.deleted_at > since or rows.standing_marks(tx, person):
            continue
        if not rows.was_here_since(tx, person, since) and not documents_of(tx.conn, person):
            rows.forget_person(tx, person)
        rows.let_go(tx, row.id)
    more = len(page) == AT_ONCE
    tx.set_timer(FORGET, timer.key, tx.now if more else tx.now + EVERY, {"after": ids[-1]} if more else {})
