"""A new data key: everything is sealed anew beside everybody's work, nobody notices, and at the end the old key is not needed."""

import base64
import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from common.clock import ManualClock
from common.ids import person_of
from common.outbox import Timer
from common.outbox.tables import timers
from common.service import Service
from common.testing import take_sent
from common.vault import Vault
from credit_world import ZHANG, appeal, credit, marked
from login_world import acts, prove
from prometheus_client import REGISTRY
from user_svc.app import Settings, build
from user_svc.store import reseal as rows
from user_svc.store import tables
from user_svc.usecases import contacts, reseal
from user_world import CHEAP, PASSWORD, Person, join

OLD, NEW = (base64.b64encode(bytes([number]) * 32).decode() for number in (1, 2))
PERMIT = {**ZHANG, "id_type": "permit", "id_number": "H1234567802"}
"""A document that people are known by in two ways (identity.written_forms)."""

_numbers = itertools.count()

World = Callable[[str], Service]


@pytest.fixture
def world(tmp_path: Path, clock: ManualClock) -> Iterator[World]:
    """Start the service with these data keys, in place of the one that ran."""
    running: list[Service] = []

    def start(keys: str) -> Service:
        for service in running:
            service.database.close()
        url = f"sqlite:///{tmp_path}/user.db"
        running[:] = [build(Settings(database_url=url, data_key=keys, **CHEAP), clock)]
        running[0].migrate()
        return running[0]

    yield start
    running[0].database.close()


def run(service: Service, times: int = 1) -> dict[str, Any]:
    """The job runs; what it knows then."""
    for _ in range(times):
        with service.database.reading() as conn:
            row = conn.execute(sa.select(timers).where(timers.c.kind == reseal.RESEAL)).one()
        reseal.reseal(service, Timer(row.kind, row.key, row.due_at, json.loads(row.payload)))
    with service.database.reading() as conn:
        known: dict[str, Any] = json.loads(
            conn.execute(sa.select(timers.c.payload).where(timers.c.kind == reseal.RESEAL)).scalar_one()
        )
    return known


def to_the_end(service: Service) -> dict[str, Any]:
    for _ in range(100):
        known = run(service)
        if "done" in known:
            return known
    raise AssertionError("the round never ends")


def left(what: str) -> float | None:
    return REGISTRY.get_sample_value("haoyuan_sealed_by_older_keys", {"what": what})


def stale(service: Service) -> int:
    with service.database.reading() as conn:
        return rows.count_stale(conn, service.parts.vault.prefix)


def known_as(service: Service) -> set[str]:
    with service.database.reading() as conn:
        return set(conn.scalars(sa.select(tables.persons.c.id_index)))


def people(service: Service) -> Person:
    """Alice, who is reached by phone and e-mail, with two people, a mark and its appeal."""
    alice = prove(join(service, "alice"), "13812345678", "alice@example.com")
    zhang, _ = (alice.call("POST", "/users/me/patients", person).get_json()["id"] for person in (ZHANG, PERMIT))
    appeal(alice, zhang, marked(alice, zhang), "我在住院")
    return alice


def check_everything(service: Service, alice: Person) -> None:
    """Whatever the keys, nobody notices anything."""
    for name in ("13812345678", "alice@example.com", "alice"):
        Person(service).log_in(name)
    me = Person(service).log_in("alice")
    found = me.call("POST", "/users/me/export", {"password": PASSWORD}).get_json()
    assert (found["account"]["phone"], found["account"]["email"]) == ("13812345678", "alice@example.com")
    zhang, permit = sorted(found["patients"], key=lambda p: p["id_type"], reverse=True)
    assert [p["id_number"] for p in (zhang, permit)] == [ZHANG["id_number"], PERMIT["id_number"]]
    assert [p["name"] for p in (zhang, permit)] == [ZHANG["name"]] * 2
    (mark,) = credit(me, zhang["id"])
    assert mark["appeal"]["reason"] == "我在住院"
    for number, document in enumerate((ZHANG, PERMIT, {**PERMIT, "id_number": "H1234567803"})):
        other = join(service, f"other{next(_numbers)}")
        also = other.call("POST", "/users/me/patients", document).get_json()["id"]
        assert person_of(also) == person_of((zhang, permit, permit)[number]["id"]), "the same person as ever"


def test_the_whole_rotation(world: World) -> None:
    service = world(OLD)
    alice = people(service)
    check_everything(service, alice)
    assert stale(service) == 0
    service = world(f"{OLD},{NEW}")  # first every process learns to open what the new one seals
    to_the_end(service)
    check_everything(service, alice)
    service = world(f"{NEW},{OLD}")
    before = stale(service)
    assert before > 0
    check_everything(service, alice)
    known = to_the_end(service)
    assert known["resealed"] >= before
    assert (stale(service), left("rows"), left("persons")) == (0, 0.0, 0.0)
    check_everything(service, alice)
    (noted,) = acts(service, "keys_resealed")
    assert json.loads(noted.facts) == {"rows": known["resealed"]}
    service = world(NEW)
    check_everything(service, alice)
    both = known_as(service)
    to_the_end(service)
    check_everything(service, alice)
    assert known_as(service) < both, "hashes by the old key are gone"
    assert Vault(OLD).index(f"resident_id:{ZHANG['id_number']}") in both - known_as(service)


class Killed(BaseException):
    """As kill -9: nothing catches it."""


def test_a_kill_at_any_moment_leaves_nothing_half(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The job dies before the first row's commit, then after each; another one goes on from what is written."""
    people(world(OLD))
    service = world(f"{NEW},{OLD}")
    real, survived = rows.replace_values, 0

    def killed(tx: Any, *rest: Any) -> bool:
        nonlocal survived
        done = real(tx, *rest)
        survived -= 1
        if survived < 0:
            raise Killed
        return done

    monkeypatch.setattr(rows, "replace_values", killed)
    before = stale(service)
    assert before > 3
    for remaining in range(before, 0, -1):
        with pytest.raises(Killed):
            to_the_end(service)
        assert stale(service) == remaining
        survived = 1
    to_the_end(service)
    assert stale(service) == 0


def test_what_somebody_writes_meanwhile_is_not_overwritten(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between reading and writing, as without a lock: the new value stays."""
    alice = people(world(OLD))
    service = world(f"{NEW},{OLD}")
    vault, real = service.parts.vault, rows.replace_values

    def late(tx: Any, name: str, before: Any, values: Any) -> bool:
        if name == "accounts" and before.id == alice.id:
            changed = contacts.unproved(vault, alice.id, "sms", "13999998888")
            tx.conn.execute(sa.update(tables.accounts).where(tables.accounts.c.id == alice.id).values(changed))
        return real(tx, name, before, values)

    monkeypatch.setattr(rows, "replace_values", late)
    to_the_end(service)
    monkeypatch.undo()
    found = Person(service).log_in("alice").call("POST", "/users/me/export", {"password": PASSWORD}).get_json()
    assert found["account"]["phone"] == "13999998888"


def test_people_are_known_by_the_new_key_in_every_form(world: World) -> None:
    people(world(OLD))
    service = world(f"{NEW},{OLD}")
    to_the_end(service)
    forms = (f"resident_id:{ZHANG['id_number']}", "permit:H12345678", "permit:H1234567802")
    assert {Vault(NEW).index(form) for form in forms} <= known_as(service)


def test_what_was_not_proved_is_not_proved_by_a_new_key(world: World) -> None:
    """The release before this one changes a phone number and leaves the index of the one that was proved."""
    service = world(OLD)
    alice = people(service)
    with service.database.transaction() as tx:
        other = {"phone_sealed": service.parts.vault.seal("13999998888", f"{alice.id}/phone")}
        tx.conn.execute(sa.update(tables.accounts).where(tables.accounts.c.id == alice.id).values(other))
    service = world(f"{NEW},{OLD}")
    to_the_end(service)
    tried = Person(service).call("POST", "/tokens", {"username": "13999998888", "password": PASSWORD})
    assert (stale(service), tried.status_code) == (0, 401)


def test_addresses_in_clear_are_sealed(world: World) -> None:
    service = world(OLD)
    alice = join(service, "alice")
    with service.database.transaction() as tx:
        legacy = {"email": "old@example.com", "email_sealed": None, "email_index": None}
        tx.conn.execute(sa.update(tables.accounts).where(tables.accounts.c.id == alice.id).values(legacy))
    to_the_end(service)
    with service.database.reading() as conn:
        row = conn.execute(sa.select(tables.accounts).where(tables.accounts.c.id == alice.id)).one()
    assert (row.email, service.parts.vault.open(row.email_sealed, f"{alice.id}/email")) == ("", "old@example.com")
    assert alice.call("GET", "/users/me").get_json()["email"] == "old@example.com"


def test_what_cannot_be_opened_is_left_and_said(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    alice = people(world(OLD))
    service = world(f"{NEW},{OLD}")
    with service.database.transaction() as tx:
        broken = sa.update(tables.accounts).where(tables.accounts.c.id == alice.id)
        tx.conn.execute(broken.values(phone_sealed="00000000.AAAA"))
    monkeypatch.setattr(reseal.log, "warning", lambda event, **more: said.append(more["row"]))
    to_the_end(service)
    assert (said, left("rows"), stale(service)) == ([alice.id], 1.0, 1)


def test_of_deleted_accounts_the_persons_are_counted(world: World) -> None:
    """Their documents are gone, so nobody can index them anew: the old key stays until nothing stands for them."""
    service = world(OLD)
    alice = people(service)
    assert alice.call("POST", "/users/me/delete", {"password": PASSWORD}).status_code == 204
    take_sent(service.database)
    service = world(f"{NEW},{OLD}")
    to_the_end(service)
    assert (left("rows"), left("persons")) == (0.0, 2.0)
    back = join(service, "alice2").call("POST", "/users/me/patients", ZHANG).get_json()["id"]
    with service.database.reading() as conn:
        (marked_person,) = conn.scalars(sa.select(tables.credit_marks.c.person)).all()
    assert person_of(back) == marked_person


def test_what_is_left_is_shown_from_the_first_run_on_by_a_process_that_has_just_started(world: World) -> None:
    people(world(OLD))
    service = world(f"{NEW},{OLD}")
    before = stale(service)
    reseal.LEFT.clear()
    known = run(service)
    assert left("rows") is not None
    assert known["left"]["rows"] <= before
    to_the_end(service)
    reseal.LEFT.clear()
    run(world(f"{NEW},{OLD}"))
    assert (left("rows"), left("persons")) == (0.0, 0.0)


def test_the_round_is_done_in_pages_and_begins_anew_with_a_key(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reseal, "AT_ONCE", 1)
    service = world(OLD)
    for name in ("alice", "berta", "carla"):
        join(service, name)
    service = world(f"{NEW},{OLD}")
    known = run(service)
    assert (known["step"], known["after"] != "", known["resealed"]) == (0, True, 1)
    done = to_the_end(service)
    assert done["resealed"] == 3
    assert run(service) == done, "there is no new key, and the day is not over"
    assert run(world(f"{OLD},{NEW}"))["resealed"] == 1, "whichever comes first is the newest"
