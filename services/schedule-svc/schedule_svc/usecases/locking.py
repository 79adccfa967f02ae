"""Sessions that a roster may change are locked before it is taken in, all at once and in the order of their ids: whoever locks
some and then others may wait for orders that wait for him.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from common.outbox import Tx

from schedule_svc.store import catalogue
from schedule_svc.store import rosters as store
from schedule_svc.usecases.waiting import AT_ONCE

Rows = Mapping[str, Sequence[tuple[str, Any]]]
"""Rows with their paths as they came, by the name of their list: nothing of them has been looked at."""


def lock(tx: Tx, hospital_id: str, rows: Rows, also: Iterable[str] = ()) -> None:
    """Lock the sessions that these rows name, those of doctors whom they change, those whose rows have waited for one of these,
    and `also`, by their ids.
    """
    conn = tx.conn
    codes = set(_codes(rows["sessions"]))
    doctors = catalogue.doctors_of(conn, hospital_id) if rows["doctors"] or rows["departments"] else {}
    changing = {
        code for code, version in _versions(rows["doctors"]) if code in doctors and _is_newer(version, doctors[code])
    }
    needs = {f"doctor:{code}" for code in _codes(rows["doctors"]) if code not in doctors}
    if rows["departments"]:
        there = catalogue.departments_of(conn, hospital_id)
        needs |= {f"department:{code}" for code in _codes(rows["departments"]) if code not in there}
    for waiting in store.waiting_for(conn, hospital_id, sorted(needs), AT_ONCE) if needs else ():
        if waiting.aspect == "plan":
            codes.add(waiting.code)
        elif waiting.code in doctors:
            changing.add(waiting.code)
    session_ids = {row.id for row in catalogue.sessions_by_code(conn, hospital_id, codes).values()} | set(also)
    if changing:
        session_ids |= {row.id for row in catalogue.followers(conn, [doctors[code].id for code in changing], tx.now)}
    catalogue.lock_for_planning(conn, session_ids)


def _codes(rows: Iterable[tuple[str, Any]]) -> list[str]:
    return [code for code, _ in _versions(rows)]


def _versions(rows: Iterable[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """Codes with versions, of rows that may be anything."""
    found = [(raw.get("code"), raw.get("version", 0)) for _, raw in rows if isinstance(raw, Mapping)]
    return [(code, version) for code, version in found if isinstance(code, str) and _storable(code)]


def _storable(code: str) -> bool:
    """True if the database can be asked for it."""
    return "\x00" not in code and not any("\ud800" <= char <= "\udfff" for char in code)


def _is_newer(version: Any, known: Any) -> bool:
    return isinstance(version, int) and (version > known.version or not known.digest)
