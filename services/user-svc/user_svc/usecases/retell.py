"""A new contact key: where people are reached is told anew, sealed by it, so that notify-svc needs the older one no more.

Each account knows by which key it was told last, and is told in a transaction of its own: a kill leaves nothing half, nobody is
told twice by one key, and what a process that was not restarted yet seals by the older key is found the next round.
"""

from datetime import datetime, timedelta
from typing import Any

from common.log import get_logger
from common.outbox import Database, Timer
from common.vault import Unreadable
from prometheus_client import Gauge

from user_svc.store import told
from user_svc.usecases.contacts import tell
from user_svc.usecases.parts import Parts
from user_svc.usecases.trail import note

log = get_logger("keys")

LEFT = Gauge(
    "haoyuan_contacts_told_by_older_keys",
    "Accounts whose addresses notify-svc was told under a contact key that is not the newest",
    multiprocess_mode="mostrecent",
)

RETELL = "retell"
"""The kind of the job; it has no key. Its payload: `key`, of which the round is; `after`, how far it is; `told`, how many were told
so far; `left`, how many were left when that was counted; `done`, when it ended.
"""
EVERY, ROUND = timedelta(minutes=1), timedelta(hours=1)
"""How often it looks whether the key is another one; and how often it looks for what was told by another one nevertheless."""
AT_ONCE = 500
"""Accounts of one run: it is over before its lease is."""


def retell(service: Any, timer: Timer) -> None:
    """Go on with the round, or begin one if it is time."""
    database, parts = service.database, service.parts
    ahead, key = dict(timer.payload), parts.contacts.prefix
    if ahead.get("key") != key or _is_over(ahead, database.clock() - ROUND):
        ahead = {"key": key, "after": "", "told": 0, "left": _left(database, key)}
    ended = "done" not in ahead and _go_on(database, parts, ahead)
    if ended:
        ahead["left"] = _left(database, key)
        if ahead["told"] or ahead["left"]:
            log.info("contacts_told", told=ahead["told"], left=ahead["left"])
    LEFT.set(ahead["left"])
    with database.transaction() as tx:
        if ended:
            ahead["done"] = tx.now.isoformat()
            if ahead["told"]:
                note(tx, "contacts_told", accounts=ahead["told"])
        tx.set_timer(RETELL, timer.key, tx.now + EVERY if "done" in ahead else tx.now, ahead)


def _is_over(ahead: dict[str, Any], before: datetime) -> bool:
    return "done" in ahead and datetime.fromisoformat(ahead["done"]) <= before


def _left(database: Database, key: str) -> int:
    with database.reading() as conn:
        return told.count_told_by_others(conn, key)


def _go_on(database: Database, parts: Parts, ahead: dict[str, Any]) -> bool:
    """The next accounts of the round. True at its end."""
    with database.reading() as conn:
        page = told.told_by_others(conn, ahead["key"], ahead["after"], AT_ONCE)
    for account_id in page:
        ahead["told"] += _tell(database, parts, account_id)
        ahead["after"] = account_id
    return len(page) < AT_ONCE


def _tell(database: Database, parts: Parts, account_id: str) -> bool:
    """Tell of one. Whose addresses cannot be opened is counted among those who are left."""
    try:
        with database.transaction() as tx:
            due = told.is_told_by_others(tx, account_id, parts.contacts.prefix)
            if due:
                tell(tx, parts, account_id)
            return due
    except Unreadable as error:
        log.warning("contact_not_told", account_id=account_id, why=str(error))
        return False
