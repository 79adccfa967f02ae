"""What the tests of schedule-svc share: a service with a small roster, and short words for what happens to it.

Twelve numbers: three segments of four on the morning of 2026-12-05, Beijing time, released at once.
"""

import copy
import itertools
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import sqlalchemy as sa
from common.clock import ManualClock
from common.messages import (
    OrderConfirmed,
    ReleaseSlot,
    ReserveSlot,
    SlotRejected,
    SlotReleased,
    SlotReserved,
    SlotWaitlisted,
    Visit,
)
from common.outbox import Database
from common.service import Service
from common.testing import bearer, deliver, take_sent
from flask.testing import FlaskClient
from schedule_svc.app import Settings, build
from schedule_svc.rules import RuleSet
from schedule_svc.rules.ruleset import CoolDown, Deadline, Rest, Waitlist
from schedule_svc.store.figures import audit_figures
from schedule_svc.store.tables import hospital_rules
from schedule_svc.usecases.rosters import Publisher, apply_roster

START = datetime(2026, 12, 1, 1, 0, tzinfo=UTC)
API = "/api/v1"
OPERATOR = bearer("acc_operator", "operator")
FREE_RULES = RuleSet(
    limits=(),
    cool_down=CoolDown(unpaid_seconds=0, confirmed_seconds=0),
    rest=Rest(least_seconds=0, most_seconds=0),
    waitlist=Waitlist(closes=Deadline(hours=0)),
    penalties=(),
)
"""A hospital that leaves everything to its patients."""
DAY = timedelta(days=1)
TWO_IDS = ("pat_abcdefghijklmnoptagtagta", "pat_qrstuvwxyz234567gattagatabcdefghijklmnop")
"""One person in the lists of two accounts: in one since before there were persons, in the other since."""
_versions = itertools.count(1)
ANYONE = Publisher("acc_operator", None)
VISIT = Visit(
    "h", "h", "d", "d", "p", "p", "t", datetime(2026, 12, 5, tzinfo=UTC).date(), "morning",
    datetime(2026, 12, 5, tzinfo=UTC), datetime(2026, 12, 5, 1, tzinfo=UTC), "1",
)  # fmt: skip


def slot_row(
    hour: int, minute: int = 0, capacity: int = 4, blocked: int = 0, minutes: int = 30, day: int = 5
) -> dict[str, Any]:
    starts = datetime(2026, 12, day, hour, minute)  # noqa: DTZ001  the zone follows
    ends = starts + timedelta(minutes=minutes)
    return {
        "starts_at": f"{starts.isoformat()}+08:00",
        "ends_at": f"{ends.isoformat()}+08:00",
        "capacity": capacity,
        "blocked": blocked,
    }


def session_row(code: str = "s1", version: int = 1, **changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "code": code,
        "version": version,
        "doctor": "D1",
        "date": "2026-12-05",
        "period": "morning",
        "room": "3F-12",
        "fee": {"amount": 5000, "currency": "CNY"},
        "release_at": "2026-12-01T08:30:00+08:00",
        "slots": [slot_row(8), slot_row(8, 30), slot_row(9)],
    }
    return row | changes


ROSTER: dict[str, Any] = {
    "hospital": {"code": "renai", "version": 1, "name": "仁爱医院", "grade": "三级甲等"},
    "departments": [{"code": "card", "version": 1, "name": "心内科"}],
    "doctors": [{"code": "D1", "version": 1, "name": "张伟", "title": "主任医师", "department": "card"}],
    "sessions": [session_row()],
}


def roster(**changes: Any) -> dict[str, Any]:
    return copy.deepcopy(ROSTER | changes)


@dataclass
class World:
    service: Service
    clock: ManualClock
    hospital_id: str = ""

    @property
    def database(self) -> Database:
        return self.service.database

    def publish(self, document: dict[str, Any]) -> dict[str, Any]:
        summary = apply_roster(self.database.transaction, document, ANYONE)
        self.hospital_id = summary["hospital_id"]
        return summary

    def rule(self, rules: RuleSet) -> None:
        """The hospital's rules from now on."""
        with self.database.transaction() as tx:
            row = {"hospital_id": self.hospital_id, "version": next(_versions), "effective_from": tx.now}
            row |= {"rules": msgspec.json.encode(rules).decode(), "published_by": "acc", "published_at": tx.now}
            tx.conn.execute(sa.insert(hospital_rules), row)

    def tell(self, *messages: Any) -> list[Any]:
        """Deliver messages as one batch, all of which can be handled; answers what was sent."""
        deliver(self.service, *messages)
        assert [p.reason for p in self.database.parked()] == []
        return take_sent(self.database)

    def rows(self, text: str, **values: Any) -> list[Any]:
        with self.database.reading() as conn:
            return list(conn.execute(sa.text(text), values))

    def session_id(self, code: str = "s1") -> str:
        return self.rows("SELECT id FROM sessions WHERE code = :code", code=code)[0].id

    def slot_ids(self, code: str = "s1") -> list[str]:
        found = self.rows("SELECT id FROM slots WHERE session_id = :s ORDER BY starts_at", s=self.session_id(code))
        return [row.id for row in found]

    def reserve(
        self, order: str, slot: str | None = None, *, wait: bool = False, session: str | None = None
    ) -> ReserveSlot:
        return ReserveSlot(
            order, session or self.session_id(), slot, f"pat-{order}", wait, True, None, None, False, self.clock()
        )

    def release(self, order: str, cause: str = "patient") -> ReleaseSlot:
        return ReleaseSlot(order, self.session_id(), cause)

    def confirm(self, order: str) -> OrderConfirmed:
        return OrderConfirmed(order, "acc", f"pat-{order}", self.session_id(), VISIT, 1, 5000)

    def fill(self, orders: int, slot: str | None = None) -> list[str]:
        """Reserve for that many new orders; answers those that got a number."""
        asked = [self.reserve(f"fill-{i}", slot) for i in range(orders)]
        return [m.order_id for m in self.tell(*asked) if isinstance(m, SlotReserved)]

    def figures(self) -> dict[str, Any]:
        with self.database.reading() as conn:
            return audit_figures(conn)


def short(messages: list[Any]) -> list[tuple[Any, ...]]:
    """What was answered, in words short enough to compare."""
    out: list[tuple[Any, ...]] = []
    for m in messages:
        if isinstance(m, SlotReserved):
            out.append(("reserved", m.order_id, m.queue_number))
        elif isinstance(m, SlotRejected):
            out.append(("rejected", m.order_id, m.reason))
        elif isinstance(m, SlotWaitlisted):
            out.append(("waits", m.order_id, m.position))
        elif isinstance(m, SlotReleased):
            out.append(("released", m.order_id))
        else:
            out.append((type(m).__name__,))
    return out


def check_inventory(world: World) -> None:
    """The invariants that must hold at every moment."""
    for slot in world.rows("SELECT * FROM slots"):
        assert slot.capacity == slot.free + slot.held + slot.sold + slot.blocked
        assert min(slot.free, slot.held, slot.sold, slot.blocked) >= 0
        own = world.rows("SELECT state, queue_number FROM reservations WHERE slot_id = :s", s=slot.id)
        assert slot.held == sum(r.state == "held" for r in own)
        assert slot.sold == sum(r.state == "sold" for r in own)
        returned = {r.number for r in world.rows("SELECT number FROM returned_numbers WHERE slot_id = :s", s=slot.id)}
        assert len(returned) == slot.issued - slot.held - slot.sold - slot.resting
        assert not returned & {r.queue_number for r in own if r.state in ("held", "sold")}
    numbers = world.rows("SELECT session_id, queue_number FROM reservations WHERE state IN ('held', 'sold')")
    assert len(set(numbers)) == len(numbers)
    for figures in world.figures()["sessions"].values():
        assert figures["waiting"] == figures["counted_waiting"]
        assert figures["sold_out"] == (figures["free"] == 0)


def make_world(url: str, start: datetime, **roster_changes: Any) -> World:
    clock = ManualClock(start)
    service = build(Settings(app_env="test", database_url=url), clock)
    service.migrate()
    world = World(service, clock)
    summary = world.publish(roster(**roster_changes))
    assert summary["rejected"] == 0, summary
    world.rule(FREE_RULES)
    take_sent(world.database)
    return world


def registrar(world: World) -> dict[str, str]:
    """Headers of a registrar of the world's hospital."""
    return bearer("acc_registrar", "registrar", hospital_id=world.hospital_id)


def get(client: FlaskClient, path: str, schema: Any = None) -> Any:
    """Browse; the answer is as documented by `schema`, and may be kept for a second."""
    response = client.get(API + path)
    assert response.status_code == 200, response.get_json()
    assert response.headers["Cache-Control"] == "public, max-age=1"
    document = response.get_json()
    if schema is not None:
        assert schema().validate(document) == {}
    return document
