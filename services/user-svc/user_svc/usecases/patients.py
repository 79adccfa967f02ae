"""The people one books for (就诊人)."""

import hmac
from collections.abc import Sequence
from typing import Any

from common.clock import SHANGHAI
from common.errors import Conflict, NotFound
from common.ids import mint
from common.messages import PatientSaved
from common.outbox import Database, Tx
from common.vault import Vault

from user_svc import domain, identity, store
from user_svc.domain import Patient
from user_svc.usecases.accounts import no_account
from user_svc.usecases.parts import Parts


def list_patients(database: Database, parts: Parts, account_id: str) -> list[Patient]:
    with database.reading() as conn:
        return [_patient(row, parts.vault) for row in store.patients_of(conn, account_id)]


def add_patient(
    database: Database, parts: Parts, account_id: str, *, name: str, id_type: str, id_number: str, phone: str
) -> Patient:
    """Add a person to book for. Raises Invalid, Conflict (patient_exists, too_many_patients) or NotFound (the account).

    One who was removed before comes back under her id: nobody gets rid of limits and credit by removing and adding again.
    """
    today = database.clock().astimezone(SHANGHAI).date()
    number = identity.check_id_number(id_type, id_number, today)
    known_as, reached_at = identity.check_name(name), identity.check_phone(phone)
    index = parts.vault.index(f"{id_type}:{number}")
    with database.transaction() as tx:
        if store.account(tx.conn, account_id, lock=True) is None:
            raise no_account()
        place = _free_place(store.patients_of(tx.conn, account_id), index)
        before = store.removed_patient(tx.conn, account_id, index)
        if before is None:
            added = Patient(mint("pat", account_id), account_id, known_as, id_type, number, reached_at, 1, tx.now)
            values: dict[str, Any] = {"id": added.id, "account_id": account_id, "created_at": tx.now}
            values |= {"id_type": id_type, "id_index": index}
            store.add_patient(tx, values | _kept(parts.vault, added, place))
        else:
            revision = before.revision + 1
            added = Patient(before.id, account_id, known_as, id_type, number, reached_at, revision, before.created_at)
            store.change_patient(tx, added.id, {"removed_at": None} | _kept(parts.vault, added, place))
        _tell(tx, added)
    return added


def _free_place(others: Sequence[Any], index: str) -> int:
    if any(hmac.compare_digest(row.id_index, index) for row in others):
        raise Conflict("this person is in your list already", code="patient_exists")
    free = set(range(1, domain.MOST_PATIENTS + 1)) - {row.place for row in others}
    if not free:
        raise Conflict(f"an account may have at most {domain.MOST_PATIENTS} people", code="too_many_patients")
    return min(free)


def change_patient(
    database: Database,
    parts: Parts,
    account_id: str,
    patient_id: str,
    *,
    name: str | None = None,
    phone: str | None = None,
) -> Patient:
    """Correct a name or a phone number. The document stays: another document is another person, and numbers that were
    taken for one must not pass to another. Raises NotFound or Invalid.
    """
    with database.transaction() as tx:
        before = _mine(tx, parts.vault, account_id, patient_id)
        after = Patient(
            before.id,
            account_id,
            identity.check_name(name) if name is not None else before.name,
            before.id_type,
            before.id_number,
            identity.check_phone(phone) if phone is not None else before.phone,
            before.revision + 1,
            before.created_at,
        )
        if (after.name, after.phone) == (before.name, before.phone):
            return before
        store.change_patient(tx, patient_id, {"revision": after.revision, **_sealed(parts.vault, after)})
        _tell(tx, after)
    return after


def remove_patient(database: Database, parts: Parts, account_id: str, patient_id: str) -> None:
    """Take a person out of the list; the row stays for what was booked. Raises NotFound."""
    with database.transaction() as tx:
        gone = _mine(tx, parts.vault, account_id, patient_id)
        revision = gone.revision + 1
        store.change_patient(tx, patient_id, {"revision": revision, "place": None, "removed_at": tx.now})
        _tell(tx, gone, revision=revision, removed=True)


def _mine(tx: Tx, vault: Vault, account_id: str, patient_id: str) -> Patient:
    row = store.patient(tx.conn, account_id, patient_id)
    if row is None:
        raise NotFound("no such person in your list", code="patient_not_found")
    return _patient(row, vault)


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


def _kept(vault: Vault, patient: Patient, place: int) -> dict[str, Any]:
    """The columns that adding writes, whether she is new or comes back."""
    return {"place": place, "revision": patient.revision, **_sealed(vault, patient)}


def _sealed(vault: Vault, patient: Patient) -> dict[str, str]:
    return {
        "name_sealed": vault.seal(patient.name, f"{patient.id}/name"),
        "id_number_sealed": vault.seal(patient.id_number, f"{patient.id}/id_number"),
        "phone_sealed": vault.seal(patient.phone, f"{patient.id}/phone"),
    }


def _patient(row: Any, vault: Vault) -> Patient:
    return Patient(
        row.id,
        row.account_id,
        vault.open(row.name_sealed, f"{row.id}/name"),
        row.id_type,
        vault.open(row.id_number_sealed, f"{row.id}/id_number"),
        vault.open(row.phone_sealed, f"{row.id}/phone"),
        row.revision,
        row.created_at,
    )
