"""The people one books for (就诊人)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import msgspec
from common.clock import SHANGHAI
from common.errors import Conflict, NotFound
from common.ids import mint, new_person
from common.messages import PatientSaved
from common.outbox import Database, Tx
from common.vault import Vault

from user_svc import domain, identity, store
from user_svc.domain import Patient, Sex
from user_svc.identity import About
from user_svc.usecases import trail
from user_svc.usecases.owners import no_account
from user_svc.usecases.parts import Parts


def list_patients(database: Database, parts: Parts, account_id: str) -> list[Patient]:
    with database.reading() as conn:
        return [opened(row, parts.vault) for row in store.patients_of(conn, account_id)]


def add_patient(
    database: Database,
    parts: Parts,
    account_id: str,
    *,
    name: str,
    id_type: str,
    id_number: str,
    phone: str,
    birth_date: date | None = None,
    sex: Sex | None = None,
    guardian_id: str | None = None,
) -> Patient:
    """Add a person to book for. Raises Invalid, Conflict (patient_exists, too_many_patients, too_many_changes) or NotFound (the account).

    One who was removed before comes back under her id: nobody gets rid of limits and credit by removing and adding again. One
    who is in another account's list is the same person there and here, of which nothing is told.
    """
    today = _today(database)
    number = identity.check_id_number(id_type, id_number, today)
    about = identity.check_about(number, birth_date, sex, today)
    known_as, reached_at = identity.check_name(name), identity.check_phone(phone)
    indexes = [i for form in identity.written_forms(id_type, number) for i in parts.vault.indexes(form)]
    with database.transaction() as tx:
        _lock(tx, account_id)
        others = store.patients_of(tx.conn, account_id)
        place = _free_place(others, indexes)
        patient_id, revision, since = _who(tx, account_id, indexes)
        added = Patient(patient_id, account_id, known_as, id_type, number, reached_at, revision, since)
        added = replace(added, born=about.born, sex=about.sex, guardian_id=guardian_id)
        _check_guardian(parts.vault, added, others, today)
        kept = {"place": place, "id_type": id_type, "id_index": indexes[0], **_kept(parts.vault, added)}
        if revision == 1:
            _refuse_too_many(tx, account_id)
            store.add_patient(tx, {"id": added.id, "account_id": account_id, "created_at": tx.now} | kept)
        else:
            store.change_patient(tx, added.id, {"removed_at": None} | kept)
        trail.note(tx, "patient_added", actor=account_id, about=account_id, patient_id=added.id)
        _tell(tx, added)
    return added


def _who(tx: Tx, account_id: str, indexes: Sequence[str]) -> tuple[str, int, datetime]:
    """The id of whose document this is, her revision now, and since when she is known: 1 and now, unless she was here before."""
    person = store.person(tx, indexes, new_person())
    before = store.removed_patient(tx.conn, account_id, indexes)
    if before is None:
        return mint("pat", account_id, about=person), 1, tx.now
    return before.id, before.revision + 1, before.created_at


def _today(database: Database) -> date:
    """The date in Beijing: by it one is a child or not."""
    return database.clock().astimezone(SHANGHAI).date()


def _lock(tx: Tx, account_id: str) -> None:
    """Whoever changes the account's list waits for us: how many there are, and who answers for whom, stays as we see it."""
    if store.account(tx.conn, account_id, lock=True) is None:
        raise no_account()


def _free_place(others: Sequence[Any], indexes: Sequence[str]) -> int:
    if any(row.id_index in indexes for row in others):
        raise Conflict("this person is in your list already", code="patient_exists")
    free = set(range(1, domain.MOST_PATIENTS + 1)) - {row.place for row in others}
    if not free:
        raise Conflict(f"an account may have at most {domain.MOST_PATIENTS} people", code="too_many_patients")
    return min(free)


def _refuse_too_many(tx: Tx, account_id: str) -> None:
    """Of strangers, too, one hears whether marks against them stand: not of many."""
    if store.patients_since(tx.conn, account_id, tx.now - domain.YEAR) >= domain.MOST_A_YEAR:
        raise Conflict(f"at most {domain.MOST_A_YEAR} different people in 365 days", code="too_many_changes")


def _check_guardian(vault: Vault, patient: Patient, others: Sequence[Any], today: date) -> None:
    """A child has one; a minor may have one. Raises Invalid."""
    if patient.guardian_id is None:
        if domain.is_child(patient.born, today):
            raise domain.bad("guardian_id", f"a child under {domain.CHILD} needs a guardian, who is in your list")
        return
    if domain.is_grown_up(patient.born, today):
        raise domain.bad("guardian_id", f"only who is under {domain.GROWN_UP}, by the birth date, has a guardian")
    guardian = next((opened(row, vault) for row in others if row.id == patient.guardian_id), None)
    if guardian is not None and guardian.born is None:
        raise domain.bad("guardian_id", "her age is not known: give her birth_date first")
    if guardian is None or not domain.is_grown_up(guardian.born, today):
        raise domain.bad("guardian_id", "must be a grown-up in your list")


def change_patient(database: Database, parts: Parts, account_id: str, patient_id: str, **changes: Any) -> Patient:
    """Correct name, phone, birth_date, sex or guardian_id. The document stays: another document is another person, and numbers
    that were taken for one must not pass to another. Raises NotFound, Invalid, or Conflict (guardian_of).
    """
    today = _today(database)
    with database.transaction() as tx:
        _lock(tx, account_id)
        before = _mine(tx, parts.vault, account_id, patient_id)
        after = _changed(before, changes, today)
        if after == before:
            return before
        others = store.patients_of(tx.conn, account_id)
        if not changes.keys().isdisjoint(("birth_date", "guardian_id")):
            _check_guardian(parts.vault, after, others, today)
        if not domain.is_grown_up(after.born, today):
            _refuse_while_guardian(parts.vault, after, others, today)
        after = replace(after, revision=before.revision + 1)
        store.change_patient(tx, patient_id, _kept(parts.vault, after))
        _tell(tx, after)
    return after


def _changed(before: Patient, changes: dict[str, Any], today: date) -> Patient:
    born, sex = changes.get("birth_date", before.born), changes.get("sex", before.sex)
    about = identity.check_about(before.id_number, born, sex, today)
    return replace(
        before,
        name=identity.check_name(changes["name"]) if "name" in changes else before.name,
        phone=identity.check_phone(changes["phone"]) if "phone" in changes else before.phone,
        born=about.born,
        sex=about.sex,
        guardian_id=changes.get("guardian_id", before.guardian_id),
    )


def remove_patient(database: Database, parts: Parts, account_id: str, patient_id: str) -> None:
    """Take a person out of the list; the row stays for what was booked. Raises NotFound, or Conflict (guardian_of)."""
    today = _today(database)
    with database.transaction() as tx:
        _lock(tx, account_id)
        gone = _mine(tx, parts.vault, account_id, patient_id)
        _refuse_while_guardian(parts.vault, gone, store.patients_of(tx.conn, account_id), today)
        store.leave_wards(tx, account_id, patient_id)
        revision = gone.revision + 1
        left = {"revision": revision, "place": None, "removed_at": tx.now, "guardian_id": None}
        store.change_patient(tx, patient_id, left)
        trail.note(tx, "patient_removed", actor=account_id, about=account_id, patient_id=patient_id)
        _tell(tx, gone, revision=revision, removed=True)


def _refuse_while_guardian(vault: Vault, patient: Patient, others: Sequence[Any], today: date) -> None:
    """While a child depends on her. One who has turned 14 needs nobody any more."""
    wards = [opened(row, vault) for row in others if row.guardian_id == patient.id]
    if any(domain.is_child(ward.born, today) for ward in wards):
        raise Conflict("she is the guardian of a child in your list: name another one first", code="guardian_of")


def _mine(tx: Tx, vault: Vault, account_id: str, patient_id: str) -> Patient:
    row = store.patient(tx.conn, account_id, patient_id)
    if row is None:
        raise NotFound("no such person in your list", code="patient_not_found")
    return opened(row, vault)


def _tell(tx: Tx, patient: Patient, *, revision: int | None = None, removed: bool = False) -> None:
    tx.send(
        PatientSaved(
            patient_id=patient.id,
            account_id=patient.account_id,
            revision=revision or patient.revision,
            masked_name=identity.mask_name(patient.name),
            removed=removed,
        )
    )


def _kept(vault: Vault, patient: Patient) -> dict[str, Any]:
    """The columns that adding and changing write. What the number tells is not kept a second time."""
    told, about = identity.told_by(patient.id_number), About(patient.born, patient.sex)
    about_text = msgspec.json.encode(about).decode()
    return {
        "revision": patient.revision,
        "guardian_id": patient.guardian_id,
        "name_sealed": vault.seal(patient.name, f"{patient.id}/name"),
        "id_number_sealed": vault.seal(patient.id_number, f"{patient.id}/id_number"),
        "phone_sealed": vault.seal(patient.phone, f"{patient.id}/phone"),
        "about_sealed": None if about in (told, About()) else vault.seal(about_text, f"{patient.id}/about"),
    }


_read_about = msgspec.json.Decoder(About).decode


def opened(row: Any, vault: Vault) -> Patient:
    """The person in a row. Raises Unreadable."""
    number = vault.open(row.id_number_sealed, f"{row.id}/id_number")
    about = identity.told_by(number)
    if row.about_sealed is not None:
        about = _read_about(vault.open(row.about_sealed, f"{row.id}/about"))
    return Patient(
        row.id,
        row.account_id,
        vault.open(row.name_sealed, f"{row.id}/name"),
        row.id_type,
        number,
        vault.open(row.phone_sealed, f"{row.id}/phone"),
        row.revision,
        row.created_at,
        about.born,
        about.sex,
        row.guardian_id,
    )
