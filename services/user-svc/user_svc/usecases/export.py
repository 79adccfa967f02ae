"""Everything that user-svc holds of an account, for its owner (PIPL, article 45)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from common.outbox import Database

from user_svc.domain import Account, Patient
from user_svc.store import own_data as rows
from user_svc.store import trail as acts
from user_svc.usecases.contacts import warn
from user_svc.usecases.credit import Credit, credit_of
from user_svc.usecases.owners import account_of, prove_owner
from user_svc.usecases.parts import Parts
from user_svc.usecases.patients import opened
from user_svc.usecases.trail import note


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is in the list, or was, and what counts against her."""

    patient: Patient
    removed_at: datetime | None
    credit: Credit


@dataclass(frozen=True, slots=True)
class Export:
    """`logins`, `codes` and `acts` are rows."""

    made_at: datetime
    account: Account
    people: list[Person]
    logins: Sequence[Any]
    codes: Sequence[Any]
    acts: Sequence[Any]


def export(
    database: Database,
    parts: Parts,
    account_id: str,
    *,
    password: str | None = None,
    code: str | None = None,
    source: str = "",
    device: str = "",
) -> Export:
    """All of it. Raises what `prove_owner` raises. That it was handed out is noted, and the owner is told."""
    asked: dict[str, Any] = {"password": password, "code": code, "source": source, "device": device}
    proof = prove_owner(database, parts, account_id, purpose="export", either=True, names=("password", "code"), **asked)
    with database.transaction() as tx:
        row = proof.use(tx, parts)
        note(tx, "data_exported", actor=account_id, about=account_id, hospital_id=row.hospital_id)
        warn(tx, parts, account_id, "data_exported", device=device)
        people = [(opened(person, parts.vault), person.removed_at) for person in rows.people_of(tx.conn, account_id)]
        logins, codes = rows.logins_ever(tx.conn, account_id), rows.codes_asked(tx.conn, account_id)
        noted, now = acts.acts_about(tx.conn, account_id), tx.now
    listed = [Person(one, removed_at, credit_of(database, parts, account_id, one.id)) for one, removed_at in people]
    return Export(now, account_of(row, parts.vault), listed, logins, codes, noted)
