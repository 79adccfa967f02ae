"""What tests of logins share."""

from typing import Any

import sqlalchemy as sa
from common.outbox.timers import TimerLoop
from common.service import Service
from user_svc import addresses, store
from user_svc.store.tables import trail
from user_svc.usecases import contacts
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


def acts(service: Service, *kinds: str) -> list[Any]:
    """What the trail says, of these kinds or all, the oldest first."""
    query = sa.select(trail).order_by(trail.c.id)
    with service.database.reading() as conn:
        return list(conn.execute(query.where(trail.c.act.in_(kinds)) if kinds else query))
