"""A new data key: what an older one has sealed is sealed anew and indexed anew, a row at a time, beside everybody's work.

Each row is a transaction of its own, so that a kill leaves nothing half; each value is written only where the old one still
stands. Until a round through everything has found nothing, the older keys must stay in DATA_KEY (docs/operations.md).
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from common.ids import person_of
from common.log import get_logger
from common.outbox import Database, Timer, Tx
from common.vault import Unreadable, Vault
from prometheus_client import Gauge

from user_svc import identity, store
from user_svc.addresses import Address, Channel
from user_svc.store import reseal as rows
from user_svc.store.reseal import SEALED
from user_svc.usecases.parts import Parts
from user_svc.usecases.trail import note

log = get_logger("keys")

LEFT = Gauge(
    "haoyuan_sealed_by_older_keys",
    "What needs a data key that is not the newest: rows; persons (of deleted accounts, while marks against them stand)",
    ["what"],
    multiprocess_mode="mostrecent",
)

RESEAL = "reseal"
"""The kind of the job; it has no key. Its payload: `keys`, of which the round is; `step` and `after`, how far the round is;
`resealed`, how many it has sealed so far; `left`, what was left when that was counted; `done`, when it ended.
"""
EVERY, ROUND = timedelta(minutes=1), timedelta(days=1)
"""How often it looks whether the keys are others; and how often it goes round though they are not."""
AT_ONCE = 500
"""Rows of one run: it is over before its lease is."""


def reseal(service: Any, timer: Timer) -> None:
    """Go on with the round, or begin one if it is time."""
    database, parts = service.database, service.parts
    ahead = dict(timer.payload)
    keys = [index[:8] for index in parts.vault.indexes("which keys there are")]
    if ahead.get("keys") != keys or _is_over(ahead, database.clock() - ROUND):
        ahead = {"keys": keys, "step": 0, "after": "", "resealed": 0, "left": _left(database, parts.vault)}
    if "done" not in ahead:
        _go_on(database, parts, ahead)
    for what, count in ahead.get("left", {}).items():  # each run: a process that has just started shows it too
        LEFT.labels(what).set(count)
    with database.transaction() as tx:
        if ahead.get("done") == "now":
            ahead["done"] = tx.now.isoformat()
            if ahead["resealed"]:
                note(tx, "keys_resealed", rows=ahead["resealed"])
        tx.set_timer(RESEAL, timer.key, tx.now + EVERY if "done" in ahead else tx.now, ahead)


def _is_over(ahead: dict[str, Any], before: datetime) -> bool:
    return "done" in ahead and datetime.fromisoformat(ahead["done"]) <= before


def _go_on(database: Database, parts: Parts, ahead: dict[str, Any]) -> None:
    """The next rows of the round's step; at their end the next step."""
    steps = [*SEALED, "persons"]
    name = steps[ahead["step"]]
    with database.reading() as conn:
        if name == "persons":
            page = rows.unused_indexes(conn, ahead["after"], AT_ONCE)
        else:
            page = rows.stale_ids(conn, name, parts.vault.prefix, ahead["after"], AT_ONCE)
    for row_id in page:
        ahead["resealed"] += _try(database, parts, name, row_id)
        ahead["after"] = row_id
    if len(page) < AT_ONCE:
        ahead |= {"step": ahead["step"] + 1, "after": ""}
    if ahead["step"] == len(steps):
        ahead["done"] = "now"
    _say(database, parts.vault, ahead)


def _try(database: Database, parts: Parts, name: str, row_id: str) -> bool:
    """Deal with one row. What cannot be opened stays as it is, and is counted among what is left."""
    try:
        with database.transaction() as tx:
            return _STEPS[name](tx, parts.vault, row_id)
    except Unreadable as error:
        log.warning("not_resealed", table=name, row=row_id, why=str(error))
        return False


def _say(database: Database, vault: Vault, ahead: dict[str, Any]) -> None:
    """What still needs an older key, at the ends of steps: counting looks at everything."""
    if ahead["after"]:
        return
    left = ahead["left"] = _left(database, vault)
    if ahead["resealed"] or any(left.values()):
        log.info("resealing", step=ahead["step"], resealed=ahead["resealed"], done="done" in ahead, **left)


def _left(database: Database, vault: Vault) -> dict[str, int]:
    with database.reading() as conn:
        persons = rows.known_by_older_keys(conn, vault.prefix)
        return {"rows": rows.count_stale(conn, vault.prefix), "persons": persons}


# --- one row ---------------------------------------------------------------------------------------------------------


_ADDRESSES: tuple[tuple[Channel, str], ...] = (("email", "email"), ("sms", "phone"))


def _account(tx: Tx, vault: Vault, account_id: str) -> bool:
    row = rows.row_of(tx.conn, "accounts", account_id, lock=True)
    values, texts = _sealed_anew(vault, "accounts", row)
    if row.email:  # of before addresses were sealed
        values["email"] = ""
        if row.email_sealed is None:
            values["email_sealed"] = vault.seal(row.email, f"{account_id}/email")
    for channel, name in _ADDRESSES:
        to = Address(channel, texts.get(f"{name}_sealed", ""))
        if to.text and getattr(row, f"{name}_index") in vault.indexes(
            to.key
        ):  # or else it was proved of another address
            values[f"{name}_index"] = vault.index(to.key)
    return rows.replace_values(tx, "accounts", row, values)


def _patient(tx: Tx, vault: Vault, patient_id: str) -> bool:
    """As whoever changes an account's list of people: the account first, then the person, then the row."""
    owner = rows.row_of(tx.conn, "patients", patient_id).account_id
    store.account(tx.conn, owner, lock=True)
    row = rows.row_of(tx.conn, "patients", patient_id, lock=True)
    values, texts = _sealed_anew(vault, "patients", row)
    if number := texts.get("id_number_sealed"):
        indexes = indexes_of(vault, row.id_type, number)
        store.person(tx, indexes, person_of(patient_id))
        values["id_index"] = indexes[0]
    return rows.replace_values(tx, "patients", row, values)


def _mark(tx: Tx, vault: Vault, mark_id: str) -> bool:
    row = rows.row_of(tx.conn, "credit_marks", mark_id, lock=True)
    if row is None:
        return False  # it has expired, and its account is gone
    values, _ = _sealed_anew(vault, "credit_marks", row)
    return rows.replace_values(tx, "credit_marks", row, values)


def _person(tx: Tx, vault: Vault, id_index: str) -> bool:
    """Forget an index that none of our keys makes of her documents: it is of a key that is gone. Nothing is sealed by it."""
    person = rows.person_of_unused(tx.conn, id_index)
    documents = rows.documents_of(tx.conn, person) if person else []
    ours = {
        index
        for row in documents
        for index in indexes_of(vault, row.id_type, vault.open(row.id_number_sealed, f"{row.id}/id_number"))
    }
    if documents and id_index not in ours:
        rows.forget_index(tx, id_index)
    return False


_STEPS: dict[str, Callable[[Tx, Vault, str], bool]] = {
    "accounts": _account,
    "patients": _patient,
    "credit_marks": _mark,
    "persons": _person,
}


def indexes_of(vault: Vault, id_type: str, number: str) -> list[str]:
    """All indexes under which a document's owner may be known, today's first."""
    return [index for form in identity.written_forms(id_type, number) for index in vault.indexes(form)]


def _sealed_anew(vault: Vault, name: str, row: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """New values of the columns that an older key has sealed, and what they say. Raises Unreadable."""
    values, texts = {}, {}
    for column, purpose in SEALED[name].items():
        sealed = getattr(row, column)
        if sealed and not sealed.startswith(vault.prefix):
            texts[column] = vault.open(sealed, f"{row.id}/{purpose}")
            values[column] = vault.seal(texts[column], f"{row.id}/{purpose}")
    return values, texts
