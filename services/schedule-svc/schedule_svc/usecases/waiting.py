"""Rows that came before what they refer to are taken in as soon as that has come: some hundreds at a time."""

from collections.abc import Iterable, Sequence
from typing import Any

from common.outbox import Timer, Tx

from schedule_svc.store import catalogue
from schedule_svc.store import rosters as store
from schedule_svc.usecases import registers, results
from schedule_svc.usecases.reception import Reception
from schedule_svc.usecases.registers import BEGINNING, Origin

ROWS_WAIT = "roster_rows_wait"
AT_ONCE = 500


def catch_up(tx: Tx, hospital: Any, known_now: Iterable[str]) -> None:
    """Take in what waited for these; a result says so for each input that it came with. The caller holds the hospital's lock.

    What is more than some hundreds of rows goes on by a timer at once.
    """
    needs, left = set(known_now), AT_ONCE
    while needs and left:
        waiting = store.waiting_for(tx.conn, hospital.id, sorted(needs), left)
        needs = _take_in(tx, hospital, waiting) | (needs if len(waiting) == left else set())
        left -= len(waiting)
    if needs:
        tx.set_timer(ROWS_WAIT, hospital.id, tx.now)


def go_on(tx: Tx, timer: Timer) -> None:
    """The next rows that waited for what has come meanwhile. The key is the hospital."""
    hospital = catalogue.hospital_by_id(tx.conn, timer.key)
    if hospital is None or catalogue.lock_hospital(tx.conn, hospital.code) is None:
        return
    wanted = store.needed(tx.conn, hospital.id)
    sessions = [need.partition(":")[2] for need in wanted if need.startswith("session:")]
    there = {f"department:{code}" for code in catalogue.departments_of(tx.conn, hospital.id)}
    there |= {f"doctor:{code}" for code in catalogue.doctors_of(tx.conn, hospital.id)}
    there |= {f"session:{code}" for code in catalogue.sessions_by_code(tx.conn, hospital.id, sessions)}
    catch_up(tx, hospital, there.intersection(wanted))


def _take_in(tx: Tx, hospital: Any, waiting: Sequence[Any]) -> set[str]:
    """Answers what is known by it."""
    by_input: dict[tuple[str, str], list[Any]] = {}
    for register in waiting:
        kept = registers.kept(register)
        by_input.setdefault((kept.input, kept.type), []).append(register)
    known_now: set[str] = set()
    for (event_id, kind), rows in by_input.items():
        reception = Reception(tx, hospital.id, Origin(event_id, kind, BEGINNING))
        _doctors_and_plans(reception, rows)
        _statements(reception, [row for row in rows if row.aspect in ("status", "extra")])
        if reception.applied or reception.notes:
            roster_id = results.conclude(tx, reception)["roster_id"]
            results.send(tx, hospital.code, reception, roster_id)
        known_now |= reception.known_now
    return known_now


def _doctors_and_plans(reception: Reception, rows: Sequence[Any]) -> None:
    for aspect, take_in in (("doctor", reception.doctors), ("plan", reception.sessions)):
        waited = [row for row in rows if row.aspect == aspect]
        paths = {}
        for row in waited:  # kept again below if they lack something else
            store.drop(reception.tx.conn, reception.hospital_id, aspect, {row.code: row.version})
            kept = registers.kept(row)
            paths[kept.path] = kept.value
        take_in(paths.items())
        without_effect = {
            n.path.partition(".")[0] for n in reception.notes if n.severity == "error" or n.code == "stale"
        }
        reception.notes += [results.applied_later(path) for path in paths if path not in without_effect]


def _statements(reception: Reception, rows: Sequence[Any]) -> None:
    """Statuses and extra numbers, which took effect when their session was opened."""
    known = catalogue.sessions_by_code(reception.tx.conn, reception.hospital_id, [row.code for row in rows])
    for row in rows:
        reception.applied += 1
        reception.notes.append(results.applied_later(registers.kept(row).path, known[row.code].id))
    store.serve(reception.tx.conn, reception.hospital_id, [f"session:{code}" for code in known])
