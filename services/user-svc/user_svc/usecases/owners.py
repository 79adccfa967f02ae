"""Whose an account is: what its row says, how its owner shows that it is she, and which addresses she proves to be hers."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from common.errors import Conflict, Forbidden, NotFound
from common.messages import CodePurpose
from common.outbox import Database, Tx
from common.vault import Vault

from user_svc import domain, store
from user_svc.addresses import Address
from user_svc.domain import Account
from user_svc.usecases import codes, lockout
from user_svc.usecases.contacts import NAMES, claim, kept, proved, tell, warn
from user_svc.usecases.parts import Parts
from user_svc.usecases.trail import note


@dataclass(frozen=True, slots=True)
class Proof:
    """That the owner asks. Good for one transaction: `use` it there."""

    row: Any = field(repr=False)
    code_id: str | None

    def use(self, tx: Tx, parts: Parts) -> Any:
        """The account's row, ours until the end of the transaction. Raises NotFound; Forbidden (wrong_password) or Invalid
        (wrong_code) if what was proved is no longer so: of two changes at once the second has to be proved anew.
        """
        row = store.account(tx.conn, self.row.id, lock=True)
        if row is None:
            raise no_account()
        if row.password_hash != self.row.password_hash:
            raise wrong_password()
        if self.code_id is not None:
            codes.spend(tx, self.code_id)
        lockout.forgive(tx, parts, row)
        return row


def prove_owner(
    database: Database,
    parts: Parts,
    account_id: str,
    *,
    password: str | None,
    code: str | None,
    names: tuple[str, str] = ("password", "own_code"),
    purpose: CodePurpose = "confirm",
    either: bool = False,
    source: str = "",
    device: str = "",
) -> Proof:
    """See that the caller, who is logged in, is the account's owner: an access token may be stolen.

    password: of accounts that have one. code: of the others, sent to an address that is proved already; of all with `either`.
    source, device: who asks, as `lockout` wants it. Raises NotFound, Forbidden (wrong_password), TooMany, and Invalid:
    wrong_code, or naming what is missing; `names` are what the two are called.
    """
    with database.reading() as conn:
        row = store.account(conn, account_id)
    if row is None:
        raise no_account()
    by_code = code is not None and password is None if either else not row.password_hash
    if by_code:
        if code is None:
            raise domain.bad(names[1], "is needed: a code for an address of yours that is proved")
        return Proof(row, _own_code(database, parts, row, code, purpose))
    if password is None:
        raise domain.bad(names[0], "is needed")
    key = lockout.own_key(parts, account_id)
    tries = lockout.admit(database, parts, key, source)
    if not parts.passwords.verify(row.password_hash, password):
        lockout.failed(database, parts, key, source, tries=tries, rows=[row], device=device)
        raise wrong_password()
    return Proof(row, None)


def ask_own_code(
    database: Database, parts: Parts, account_id: str, purpose: CodePurpose, to: Address, locale: str | None = None
) -> None:
    """Have a code sent that only this account can use: to an address that is to be its own (confirm), or is (export, delete).

    locale: of the message, instead of the account's. Raises NotFound, Invalid, and TooMany as `codes.ask` does.
    """
    with database.reading() as conn:
        row = store.account(conn, account_id)
    if row is None:
        raise no_account()
    known = {own.key for own in _own(parts, row)}
    if purpose in {"export", "delete"} and to.key not in known:  # strangers would be frightened
        raise domain.bad("to", "is no address of yours that is proved")
    codes.ask(database, parts, purpose, to, locale=locale or row.locale, account_id=account_id)


def _own(parts: Parts, row: Any) -> list[Address]:
    return [to for channel in NAMES if (to := proved(row, parts.vault, channel))]


def _own_code(database: Database, parts: Parts, row: Any, code: str, purpose: CodePurpose) -> str:
    code_id = codes.find(database, parts, purpose, _own(parts, row), code, account_id=row.id)
    if code_id is None:
        raise codes.wrong_code()
    return code_id


def confirm_address(
    database: Database,
    parts: Parts,
    account_id: str,
    to: Address,
    *,
    code: str,
    password: str | None = None,
    own_code: str | None = None,
    source: str = "",
    device: str = "",
) -> Account:
    """Make an address that a code has proved the account's own, in place of the one of its kind that it had.

    Raises Conflict (contact_taken), and what `prove_owner` raises.
    """
    proof = prove_owner(database, parts, account_id, password=password, code=own_code, source=source, device=device)
    code_id = codes.check(database, parts, "confirm", to, code, account_id=account_id)
    with database.transaction() as tx:
        row = proof.use(tx, parts)
        codes.spend(tx, code_id)
        former = proved(row, parts.vault, to.channel)
        if former is None or former.key != to.key:
            store.change_account(tx, account_id, claim(tx, parts, account_id, to))
            name = NAMES[to.channel]
            note(tx, f"{name}_changed", actor=account_id, about=account_id, hospital_id=row.hospital_id)
            said = "changed" if former else "added"
            warn(tx, parts, account_id, f"{name}_{said}", former=former, device=device)
            tell(tx, parts, account_id)
        return account_of(store.account(tx.conn, account_id), parts.vault)


def choose(rows: Sequence[Any], username: str | None) -> Any:
    """The one of the accounts that have an address which is meant: there are two at most.

    Raises Invalid (wrong_code) if there is none, Conflict (several_accounts, with their `usernames`) if it must be named.
    Only who has proved that the address is hers may hear of that.
    """
    if not rows:
        raise codes.wrong_code()
    meant = rows if username is None else [r for r in rows if r.username_key == domain.username_key(username)]
    if len(meant) != 1:
        names = sorted(row.username for row in rows)
        raise Conflict("which account? give its username", code="several_accounts", usernames=names)
    return meant[0]


def account_of(row: Any, vault: Vault) -> Account:
    """The account in a row. Raises NotFound for None."""
    if row is None:
        raise no_account()
    email, phone = proved(row, vault, "email"), proved(row, vault, "sms")
    return Account(
        id=row.id,
        username=row.username,
        email=email.text if email else row.email or kept(row, vault, "email") or "",
        email_verified=email is not None,
        phone=kept(row, vault, "sms"),
        phone_verified=phone is not None,
        locale=row.locale,
        roles=tuple(row.roles.split()),
        hospital_id=row.hospital_id,
        doctor_id=row.doctor_id,
        created_at=row.created_at,
    )


def no_account() -> NotFound:
    return NotFound("no such account", code="account_not_found")


def wrong_password() -> Forbidden:
    """Not 401: the caller is logged in, and stays so."""
    return Forbidden("the password is wrong", code="wrong_password")
