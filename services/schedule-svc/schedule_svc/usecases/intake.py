"""Hospitals' events as they come by AMQP: one result for each, also for what nobody can read."""

import re
from collections.abc import Sequence
from typing import Any

from common.foreign import Foreign
from common.outbox import Tx
from haoyuan_roster_format import DATA, Event, HospitalRow, Note, decode, event_type, read

from schedule_svc.store import catalogue
from schedule_svc.usecases import receiving, results, rosters, waiting
from schedule_svc.usecases.reception import Reception
from schedule_svc.usecases.registers import BEGINNING, Origin

INTAKE = "roster.in"
_KEY = re.compile(r"(.*)\.roster\.([a-z_]+)\.v1")


def take(tx: Tx, messages: Sequence[Foreign]) -> None:
    """Take in events of hospitals, in order, and answer each on the exchange of results.

    One is a transaction (`worker.INTAKES`): it locks its sessions in their order, which those of several would not have.
    """
    for message in messages:
        _take_one(tx, message)


def _take_one(tx: Tx, message: Foreign) -> None:
    """Who may write under a routing key is for the broker to see to: the key says whose event it is, and the event agrees."""
    code, kind = _of(message)
    document, faults = decode(message.body)
    event = faults or read(document)
    faults = _disagreements(event, code, kind, message.user_id) if isinstance(event, Event) else event
    hospital = catalogue.lock_hospital(tx.conn, code)
    if isinstance(event, Event) and not faults:
        if hospital is None:  # its own row may still be on its way
            hospital = rosters.new_hospital(tx, HospitalRow(code=code, name=code[:100]), version=-1)
        try:
            reception = receiving.receive(tx, hospital, event)
        except receiving.Refused as refused:
            faults = list(refused.notes)
    if faults:
        reception = _refused(tx, hospital, message, document, faults)
    roster_id = results.conclude(tx, reception)["roster_id"] if hospital else ""
    results.send(tx, code, reception, roster_id)
    if hospital:
        waiting.catch_up(tx, hospital, reception.known_now)


def refuse_reused(tx: Tx, messages: Sequence[Foreign]) -> None:
    """Answer events that came under an id that another one had."""
    fault = Note(
        "id", "duplicate_id", "another event had this id, so this one is not looked at; send it under a new one"
    )
    for message in messages:
        code, _ = _of(message)
        hospital = catalogue.lock_hospital(tx.conn, code)
        reception = _refused(tx, hospital, message, decode(message.body)[0], [fault])
        roster_id = results.conclude(tx, reception)["roster_id"] if hospital else ""
        results.send(tx, code, reception, roster_id)


def _of(message: Foreign) -> tuple[str, str]:
    """Whose message it is by its routing key, and the kind of event; "" for none."""
    match = _KEY.fullmatch(message.routing_key)
    return (match[1], match[2]) if match else (message.routing_key.partition(".")[0], "")


def _refused(tx: Tx, hospital: Any, message: Foreign, document: Any, faults: Sequence[Note]) -> Reception:
    origin = Origin(_said(document, "id") or message.id, _said(document, "type"), BEGINNING)
    return Reception(tx, hospital.id if hospital else "", origin, list(faults))


def _disagreements(event: Event, code: str, kind: str, user_id: str) -> list[Note]:
    """Routing key, user and body name one hospital, and one type of event."""
    notes = []
    if event.hospital != code:
        notes.append(Note("subject", "wrong_hospital", f"is not {code}, whose routing key this came under"))
    elif (fault := rosters.wrong_hospital(event.data, code)) is not None:
        notes.append(fault)
    if user_id and user_id != code:
        notes.append(Note("", "wrong_hospital", f"user {user_id} sent it under the routing key of {code}"))
    if event.kind != kind:
        said = event_type(kind) if kind in DATA else "an unknown type"
        notes.append(Note("type", "wrong_type", f"came under the routing key of {said}"))
    return notes


def _said(document: Any, name: str) -> str:
    """An attribute of what may be no event, as far as it can be told, and kept: PostgreSQL keeps no NUL."""
    value = document.get(name) if isinstance(document, dict) else None
    return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode()[:255] if isinstance(value, str) else ""
