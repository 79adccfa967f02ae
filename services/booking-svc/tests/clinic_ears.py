"""A clinic whose queues are listened to, and who listens."""

import json
import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from booking_patient import FACTS, ME
from booking_svc import store
from booking_svc.clinic.line import Place
from booking_svc.clinic.queue import Desk, Queue
from booking_svc.clinic.visits import ClinicVisit, Move, VisitState
from booking_world import NOW, VISIT
from common import ids
from common.outbox import Tx
from common.service import Service
from common.testing import bearer
from werkzeug.test import TestResponse

ROOM = 40
HERE = VISIT.hospital_id


class Clinic:
    """A session with a desk, moved by hand: what use cases do is tested elsewhere."""

    def __init__(self, service: Service, session: str = "") -> None:
        self.service, self.session = service, session or ids.mint("ses")
        self.facts = replace(FACTS, session_id=self.session)
        with service.database.transaction() as tx:
            store.save_sessions(tx, [self.facts])

    def change(self, work: Callable[[Tx, Queue], Any] = lambda _tx, _queue: None) -> None:
        with self.service.database.transaction() as tx:
            queue = store.queues.lock_queue(tx, self.session)
            work(tx, queue)
            store.queues.save_queue(tx, queue)

    def arrives(self, ticket: str, account: str = "") -> str:
        """She is here, and waits; answers her visit's id."""
        visit_id = f"vis_{secrets.token_hex(4)}"

        def work(tx: Tx, queue: Queue) -> None:
            visit = ClinicVisit(
                visit_id,
                self.session,
                self.session,
                HERE,
                VISIT.department_id,
                VISIT,
                ticket,
                "appointment",
                account_id=account or None,
                name=f"王{ticket}*",
                state=VisitState.WAITING,
                place=Place(NOW, NOW, queue.number()),
            )
            store.visits.insert_visits(tx, [visit])

        self.change(work)
        return visit_id

    def move(self, visit_id: str, move: Move, room: str = "1") -> None:
        def work(tx: Tx, queue: Queue) -> None:
            visit = store.visits.lock_visits(tx, [visit_id])[visit_id]
            visit.move(move, queue.now, "acc_d", room=room)
            visit.calls += move in {Move.CALL, Move.RECALL}
            visit.room = room if visit.state == VisitState.CALLED else None
            store.queues.save_desk(tx, Desk(self.session, room, "doc", queue.now, visit_id=visit_id))
            store.visits.save_visits(tx, [visit])

        self.change(work)

    def goes_over(self, visit_id: str, to: "Clinic") -> None:
        """Transferred."""
        with self.service.database.transaction() as tx:
            queues = store.queues.lock_queues(tx, [self.session, to.session])
            visit = store.visits.lock_visits(tx, [visit_id])[visit_id]
            visit.queue_id = to.session
            store.visits.save_visits(tx, [visit])
            for queue in queues.values():
                store.queues.save_queue(tx, queue)


class Ear:
    """One open stream."""

    def __init__(self, response: TestResponse) -> None:
        self.response = response
        self._chunks = response.iter_encoded()

    def next(self) -> tuple[str, Any]:
        for chunk in self._chunks:
            assert chunk != b":\n\n", "nothing was told for long"
            lines = dict(line.split(": ", 1) for line in chunk.decode().strip().split("\n") if not line.startswith(":"))
            if "event" in lines:
                return lines["event"], json.loads(lines["data"])
        raise AssertionError("the stream is over")

    def until(self, holds: Callable[[Any], Any]) -> Any:
        """The first of what is told of which this holds: what is between may be told or not."""
        while True:
            name, data = self.next()
            assert name != "bye", data
            if holds(data):
                return data


Listen = Callable[..., Ear]


def at_board(session: str) -> tuple[str, dict[str, str]]:
    return f"/sessions/{session}/queue/stream", bearer("acc_wall", "board", hospital_id=HERE)


def at_desk(session: str) -> tuple[str, dict[str, str]]:
    return f"/sessions/{session}/queue/stream", bearer("acc_desk", "registrar", hospital_id=HERE)


def by_phone(visit_id: str, account: str = ME) -> tuple[str, dict[str, str]]:
    return f"/visits/{visit_id}/stream", bearer(account)


def tickets(people: list[dict[str, Any]]) -> list[str]:
    return [person["ticket"] for person in people]
