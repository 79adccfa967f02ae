"""A hospital's own system: it sends events under its routing key, and reads its results."""

import itertools
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from common.foreign import foreign
from common.outbox import TimerLoop
from common.testing import deliver_foreign, sent_out
from haoyuan_roster_format import event_type, routing_key, seal
from schedule_svc.worker import TIMERS
from schedule_world import World

_numbers = itertools.count(1)


@dataclass
class Hospital:
    world: World
    code: str = "renai"
    results: list[dict[str, Any]] = field(default_factory=list)
    """All that were read, oldest first."""

    def say(
        self, kind: str, data: Any, *, at: datetime | None = None, event_id: str = "", **changes: Any
    ) -> dict[str, Any]:
        """Send an event; answers its result."""
        event_id = event_id or f"e{next(_numbers)}"
        body = seal(kind, changes.pop("subject", self.code), data, id=event_id, time=at or self.world.clock())
        return self.send(body, changes.pop("key", routing_key(self.code, kind)), **changes)

    def send(self, body: bytes, key: str, user_id: str = "") -> dict[str, Any]:
        """Send anything; answers the first result that came of it."""
        before = {row.message_id for row in sent_out(self.world.service)}
        deliver_foreign(self.world.service, foreign(body, key, user_id))
        assert [p.reason for p in self.world.database.parked()] == []
        fresh = [row for row in sent_out(self.world.service) if row.message_id not in before]
        self.results += [json.loads(row.body) for row in fresh]
        assert {row.type for row in fresh} <= {f"res.{self.code}"}
        return json.loads(fresh[0].body)["data"] if fresh else {}

    def roster(self, *sessions: dict[str, Any], at: datetime | None = None, **data: Any) -> dict[str, Any]:
        return self.say("roster_published", {"sessions": list(sessions), **data}, at=at)

    def snapshot(
        self, *sessions: dict[str, Any], as_of: datetime, days: tuple[str, str], **data: Any
    ) -> dict[str, Any]:
        window = {"from": days[0], "to": days[1]}
        return self.roster(*sessions, window=window, as_of=as_of.isoformat(), **data)

    def stop(self, code: str = "s1", version: int = 1, reason: str = "医生生病", **more: Any) -> dict[str, Any]:
        return self.say("session_stopped", {"session": code, "version": version, "reason": reason}, **more)

    def resume(self, code: str = "s1", version: int = 2, **more: Any) -> dict[str, Any]:
        return self.say("session_resumed", {"session": code, "version": version}, **more)

    def add(self, extras: dict[str, int], code: str = "s1", version: int = 1, **more: Any) -> dict[str, Any]:
        slots = [{"starts_at": starts_at, "extra": extra} for starts_at, extra in extras.items()]
        return self.say("slots_added", {"session": code, "version": version, "slots": slots}, **more)

    def later(self, passed: timedelta = timedelta()) -> None:
        """Let the timers run, and what they set."""
        self.world.clock.advance(passed)
        for _ in range(20):
            TimerLoop(self.world.database, TIMERS).fire_due()

    def state(self) -> dict[str, Any]:
        """All that follows from what the hospital has said."""
        rows = self.world.rows(
            "SELECT s.code, s.version, s.digest, dep.code AS department, doc.code AS doctor, s.date, s.starts_at, s.ends_at,"
            " s.room, s.fee, s.policy, s.release_at, s.draw_at, s.cancel_before, s.grade, s.urgent, s.draft, s.released,"
            " s.draw_state, s.stopped, s.stop_reason, s.roster_stop, s.sold_out FROM sessions s"
            " JOIN departments dep ON dep.id = s.department_id JOIN doctors doc ON doc.id = s.doctor_id ORDER BY s.code"
        )
        slots = self.world.rows(
            "SELECT s.code, t.starts_at, t.ends_at, t.published, t.withheld, t.roster_extra, t.capacity, t.free, t.blocked,"
            " t.asides FROM slots t JOIN sessions s ON s.id = t.session_id WHERE t.capacity > 0 ORDER BY s.code, t.starts_at"
        )
        people = self.world.rows("SELECT code, version, digest FROM doctors ORDER BY code")
        places = self.world.rows("SELECT code, version, digest FROM departments ORDER BY code")
        hospital = self.world.rows("SELECT name, version FROM hospitals WHERE code = :code", code=self.code)
        return {
            name: [tuple(row) for row in found]
            for name, found in {
                "sessions": rows, "slots": slots, "doctors": people, "departments": places, "hospital": hospital,
            }.items()
        }  # fmt: skip


def codes(result: dict[str, Any]) -> list[tuple[str, str]]:
    return [(row["path"], row["code"]) for row in result["rows"]]


__all__ = ["Hospital", "codes", "event_type"]
