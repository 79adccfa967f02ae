"""On PostgreSQL: what is asked for twice at the same moment is done once, and nobody waits in a circle."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from common.clock import ManualClock
from common.messages import CreditChanged
from common.service import Service
from common.testing import assert_problem, deliver, sent, take_sent
from credit_world import ZHANG, missed
from test_user_codes import at_once
from user_svc.app import Settings, build
from user_svc.usecases import accounts, deletion
from user_world import CHEAP, PASSWORD, Person, join

pytestmark = pytest.mark.stack

END = {"password": PASSWORD}


@pytest.fixture
def pg(postgres_url: str, clock: ManualClock) -> Iterator[Service]:
    made = build(Settings(database_url=postgres_url, **CHEAP), clock)
    made.migrate()
    yield made
    made.database.close()


def all_past(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, n: int) -> None:
    """Let `n` callers of a function each have its first answer before any goes on."""
    real, barrier, here = getattr(module, name), threading.Barrier(n, timeout=60), threading.local()

    def held(*args: Any, **more: Any) -> Any:
        answer = real(*args, **more)
        if not getattr(here, "was", False):
            here.was = True
            barrier.wait()
        return answer

    monkeypatch.setattr(module, name, held)


def register(pg: Service, name: str, **headers: str) -> Callable[[int], Any]:
    body = {"username": name, "password": PASSWORD, "email": f"{name}@example.com"}
    return lambda _n: Person(pg).call("POST", "/users", body, **headers)


def test_a_username_is_given_once(pg: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    all_past(monkeypatch, accounts, "_made_before", 3)
    answers = at_once(3, register(pg, "wanted"))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409]
    for answer in answers:
        if answer.status_code == 409:
            assert_problem(answer, 409, "username_taken")


def test_the_same_request_at_once_makes_one_account(pg: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    all_past(monkeypatch, accounts, "_made_before", 3)
    answers = at_once(3, register(pg, "repeated", **{"Idempotency-Key": "k1"}))
    assert [answer.status_code for answer in answers] == [201] * 3, [answer.get_data() for answer in answers]
    assert len({answer.get_json()["id"] for answer in answers}) == 1


def test_replicas_that_start_at_once_make_one_operator(pg: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    all_past(monkeypatch, accounts, "_made_before", 3)
    wanted: dict[str, Any] = {"username": "first", "password": PASSWORD, "roles": ["operator"]}
    made = at_once(3, lambda _n: accounts.ensure_account(pg.database, pg.parts, **wanted))
    assert len({account.id for account in made}) == 1


def test_a_missed_visit_is_told_once_however_often_it_comes(pg: Service) -> None:
    ann = join(pg, "ann")
    patient = ann.call("POST", "/users/me/patients", ZHANG).get_json()["id"]
    take_sent(pg.database)
    for _ in range(2):  # each under an id of its own
        deliver(pg, missed(ann, patient))
    (told,) = sent(pg.database, CreditChanged)
    assert (told.revision, len(told.marks)) == (1, 1)


def test_two_accounts_with_the_same_people_end_at_once(
    pg: Service, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [{**ZHANG, "id_type": "passport", "id_number": f"E123456{n}"} for n in range(3)]
    ann, amy = join(pg, "ann1"), join(pg, "amy1")
    for person, listed in ((ann, people), (amy, people[::-1])):
        for one in listed:
            clock.advance(timedelta(seconds=1))
            assert person.call("POST", "/users/me/patients", one).status_code == 201
    real, met, here = deletion.store.person, threading.Barrier(2), threading.local()

    def slowly(*args: Any) -> str:
        """Whoever has her first person waits for the other to have its own: in vain, if that is the same one."""
        answer = real(*args)
        if not getattr(here, "was", False):
            here.was = True
            with contextlib.suppress(threading.BrokenBarrierError):
                met.wait(1)
        return answer

    monkeypatch.setattr(deletion.store, "person", slowly)
    answers = at_once(2, lambda n: (ann, amy)[n].call("POST", "/users/me/delete", END))
    assert [answer.status_code for answer in answers] == [204, 204]
