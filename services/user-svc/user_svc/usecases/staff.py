"""Roles: a hospital's administrators give those at their hospital, operators all.

Who gives roles has them at that moment, whatever the access token said a quarter of an hour ago.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from common.errors import Conflict, Forbidden
from common.outbox import Database, Tx

from user_svc import domain, store
from user_svc.domain import BOARD, HOSPITAL_ADMIN, OPERATOR, Account
from user_svc.password_rules import check_password
from user_svc.store.staff import staff_of
from user_svc.usecases import accounts, deletion, trail
from user_svc.usecases.contacts import warn
from user_svc.usecases.owners import account_of, no_account
from user_svc.usecases.parts import Parts


@dataclass(frozen=True, slots=True)
class Giver:
    """Who gives roles: an operator, or with a `hospital_id` an administrator of that hospital."""

    account_id: str
    hospital_id: str | None = None

    @property
    def role(self) -> str:
        return OPERATOR if self.hospital_id is None else HOSPITAL_ADMIN

    def at(self, hospital_id: str | None) -> str:
        """The hospital that is meant: administrators need not name theirs. Raises Forbidden or Invalid."""
        if self.hospital_id is not None and hospital_id not in (None, self.hospital_id):
            raise Forbidden("this is another hospital", code="other_hospital")
        if not (meant := self.hospital_id or hospital_id):
            raise domain.bad("hospital_id", "which hospital?")
        return meant


def list_staff(
    database: Database, parts: Parts, giver: Giver, hospital_id: str | None, after: str | None, limit: int
) -> list[Account]:
    """Who works at a hospital, by their names. Raises Forbidden or Invalid."""
    with database.reading() as conn:
        return [account_of(row, parts.vault) for row in staff_of(conn, giver.at(hospital_id), after, limit)]


def add_staff(
    database: Database,
    parts: Parts,
    giver: Giver,
    *,
    username: str,
    roles: Sequence[str],
    hospital_id: str | None = None,
    doctor_id: str | None = None,
) -> Account:
    """Give an account these roles at a hospital, in place of those that it has there.

    Raises NotFound, Invalid, Forbidden, Conflict: staff_elsewhere for who works for others, own_role for an administrator
    who would stop being one, board_account.
    """
    hospital = giver.at(hospital_id)
    granted = domain.check_roles(roles, hospital, doctor_id)
    with database.transaction() as tx:
        found = store.account_by_key(tx.conn, domain.username_key(username))
        if found is None:
            raise no_account()
        row = _locked(tx, giver, found.id)
        if row.hospital_id not in (None, hospital) or OPERATOR in row.roles.split():
            raise Conflict("this account works for others", code="staff_elsewhere")
        return _give(tx, parts, giver, row, granted, hospital, doctor_id)


def add_board(
    database: Database, parts: Parts, giver: Giver, *, username: str, password: str, hospital_id: str | None = None
) -> Account:
    """Make an account of a hospital's screen. Nobody's account becomes one: she would be a patient no more, and shut out of hers.
    Again with the same password: the same is answered.

    Raises Invalid, Forbidden, Conflict: username_taken.
    """
    hospital = giver.at(hospital_id)
    name, granted = domain.check_username(username), domain.check_roles([BOARD], hospital, None)
    check_password(password, shortest=parts.shortest_password, about=[name])
    with database.reading() as conn:
        made = store.account_by_key(conn, domain.username_key(name))
    is_same = made is not None and (made.roles, made.hospital_id) == (BOARD, hospital)
    if is_same and parts.passwords.verify(made.password_hash, password):
        return account_of(made, parts.vault)
    values = {"username": name, "locale": "zh-CN", "roles": " ".join(granted), "hospital_id": hospital}
    values["password_hash"] = parts.passwords.hash(password)
    with database.transaction() as tx:
        _check_giver(giver, store.account(tx.conn, giver.account_id, lock=True))
        return accounts.add(tx, parts, values, actor=giver.account_id)


def remove_staff(database: Database, parts: Parts, giver: Giver, account_id: str) -> None:
    """Take an account's roles at its hospital away; that of a screen ends. Raises NotFound, Forbidden, Conflict (own_role)."""
    with database.transaction() as tx:
        row = _locked(tx, giver, account_id)
        if row.hospital_id is None or giver.hospital_id not in (None, row.hospital_id):
            raise no_account()
        if row.roles == BOARD:
            deletion.end_account(tx, parts, row, actor=giver.account_id, hospital_id=row.hospital_id)
            return
        kept = [role for role in row.roles.split() if role not in domain.HOSPITAL_STAFF]
        _give(tx, parts, giver, row, domain.check_roles(kept, None, None), None, None)


def set_roles(
    database: Database,
    parts: Parts,
    giver: Giver,
    account_id: str,
    *,
    roles: Sequence[str],
    hospital_id: str | None,
    doctor_id: str | None,
) -> Account:
    """Give an account these roles, in place of all that it had; for operators. Raises NotFound, Invalid, Forbidden, Conflict."""
    granted = domain.check_roles(roles, hospital_id, doctor_id)
    with database.transaction() as tx:
        return _give(tx, parts, giver, _locked(tx, giver, account_id), granted, hospital_id, doctor_id)


def _locked(tx: Tx, giver: Giver, account_id: str) -> Any:
    """The account whose roles change; nobody else changes it or the giver's meanwhile. Raises Forbidden, NotFound."""
    rows = {each: store.account(tx.conn, each, lock=True) for each in sorted({giver.account_id, account_id})}
    _check_giver(giver, rows[giver.account_id])
    row = rows[account_id]
    if row is None:
        raise no_account()
    return row


def _check_giver(giver: Giver, who: Any) -> None:
    if who is None or giver.role not in who.roles.split() or giver.hospital_id not in (None, who.hospital_id):
        raise Forbidden("your roles have changed: log in again", code="wrong_role")


def _give(
    tx: Tx,
    parts: Parts,
    giver: Giver,
    row: Any,
    granted: Sequence[str],
    hospital_id: str | None,
    doctor_id: str | None,
) -> Account:
    """They take effect with the next access token. What is so already is not changed, and nobody is told."""
    if row.id == giver.account_id and giver.role not in granted:
        raise Conflict("you cannot take your own role away: somebody else has to", code="own_role")
    if (BOARD in granted) != (row.roles == BOARD):
        raise Conflict("a screen has an account of its own, which is made as one and stays one", code="board_account")
    changed = {"roles": " ".join(granted), "hospital_id": hospital_id, "doctor_id": doctor_id}
    if changed != {name: getattr(row, name) for name in changed}:
        store.change_account(tx, row.id, changed)
        for concerned in {row.hospital_id, hospital_id} - {None} or {None}:
            trail.note(
                tx, "roles_changed", actor=giver.account_id, about=row.id, hospital_id=concerned, roles=list(granted)
            )
        warn(tx, parts, row.id, "roles_changed")
    return account_of(store.account(tx.conn, row.id), parts.vault)
