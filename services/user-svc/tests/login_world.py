"""What tests of logins share."""

import json
from typing import Any

import sqlalchemy as sa
from common.messages import CodeIssued
from common.outbox.tables import timers
from common.outbox.timers import Timer, TimerLoop
from common.service import Service
from common.testing import sent
from user_svc import addresses, store
from user_svc.store.tables import trail
from user_svc.usecases import codes, contacts
from user_svc.worker import TIMERS
from user_world import Person


def prove(person: Person, *given: str) -> Person:
    """Let these addresses be proved to be the person's."""
    with person.service.database.transaction() as tx:
        for text in given:
            claimed = contacts.claim(tx, person.service.parts, person.id, addresses.address(text))
            store.change_account(tx, person.id, claimed)
    return person


def fire(service: Service) -> None:
    """Let the timers that are due fire."""
    TimerLoop(service.database, TIMERS).fire_due()


def code_for(service: Service, purpose: str, to: str) -> str:
    """Have a code sent to an address; the code, "" if none is sent."""
    assert Person(service).call("POST", "/codes", {"purpose": purpose, "to": to}).status_code == 202
    with service.database.reading() as conn:
        due = conn.execute(sa.select(timers).where(timers.c.kind == codes.SEND)).all()
    before = len(sent(service.database, CodeIssued))
    for row in due:
        codes.send(service, Timer(row.kind, row.key, row.due_at, json.loads(row.payload)))
    new = sent(service.database, CodeIssued)[before:]
    return service.parts.contacts.open(new[-1].code, f"{new[-1].code_id}/code") if new else ""


def acts(service: Service, *kinds: str) -> list[Any]:
    """What the trail says, of these kinds or all, the oldest first."""
    query = sa.select(trail).order_by(trail.c.id)
    with service.database.reading() as conn:
        return list(conn.execute(query.where(trail.c.act.in_(kinds)) if kinds else query))
