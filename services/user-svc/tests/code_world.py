"""Codes as people get them: asked for over HTTP, made by the job, read in the message that goes to notify-svc."""

import json
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa
from common.clock import ManualClock
from common.messages import CodeIssued
from common.outbox.tables import timers
from common.outbox.timers import Timer
from common.service import Service
from common.testing import sent
from user_svc.usecases import codes
from user_world import PASSWORD, Person

NEW = {"new_password": "a quite different one"}


@dataclass
class Told:
    """A message with a code, as its reader sees it."""

    issued: CodeIssued
    to: str
    code: str


def run_codes(service: Service) -> None:
    """What the worker does at once: make the codes that were asked for."""
    with service.database.reading() as conn:
        rows = conn.execute(sa.select(timers).where(timers.c.kind == codes.SEND).order_by(timers.c.due_at)).all()
    for row in rows:
        codes.send(service, Timer(row.kind, row.key, row.due_at, json.loads(row.payload)))


def told(service: Service) -> list[Told]:
    """All codes that were sent, the oldest first."""
    run_codes(service)
    vault = service.parts.contacts
    return [
        Told(m, vault.open(m.to, f"{m.code_id}/to"), vault.open(m.code, f"{m.code_id}/code"))
        for m in sent(service.database, CodeIssued)
    ]


def code_for(caller: Person, to: str, purpose: str = "confirm") -> str:
    """Ask for a code and read it; `confirm`, `export` and `delete` are the caller's own."""
    path = "/users/me/codes" if purpose in {"confirm", "export", "delete"} else "/codes"
    answer = caller.call("POST", path, {"to": to, "purpose": purpose})
    assert answer.status_code == 202, answer.get_data()
    (last,) = told(caller.service)[-1:]
    assert last.to == to
    return last.code


def wait(clock: ManualClock, seconds: int) -> None:
    clock.advance(timedelta(seconds=seconds))


def wrong(code: str) -> str:
    """Another code."""
    return f"{(int(code) + 1) % 10**6:06}"


def prove(person: Person, to: str, password: str | None = PASSWORD, **more: str) -> None:
    """Make an address the person's own."""
    name = "email" if "@" in to else "phone"
    body = {name: to, "code": code_for(person, to), **more}
    if password:
        body["password"] = password
    answer = person.call("POST", f"/users/me/{name}", body)
    assert answer.status_code == 200, answer.get_data()
