"""Who asks cannot tell which names and addresses have an account: not by the answers, and not by the work that they take.

Not measured in seconds: the same statements in the same order, and the same hashes. POST /tokens is in test_user_lockout.py.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from code_world import NEW, prove, run_codes
from common.clock import ManualClock
from common.service import Service
from test_user_lockout import Work
from user_svc.usecases import codes
from user_world import PASSWORD, Person, join

Made = Callable[[str, str], dict[str, Any]]

LOGINS: dict[str, Made] = {
    "/tokens": lambda to, name: {"username": to, "password": "a wrong one of them"},
    "/tokens/code": lambda to, name: {"to": to, "code": "000000"},
    "/tokens/code, with a name": lambda to, name: {"to": to, "code": "000000", "username": name},
    "/passwords/reset": lambda to, name: {"to": to, "code": "000000", **NEW},
    "/passwords/reset, with a name": lambda to, name: {"to": to, "code": "000000", "username": name, **NEW},
    "/passwords/reset, with what nobody may have": lambda to, name: {"to": to, "code": "000000", "new_password": name},
}
PAIRS = [("alice@example.com", "nobody@example.com"), ("13812345678", "13900000000")]
"""An address that is an account's, and one that is nobody's."""


@pytest.fixture
def work(service: Service, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> Work:
    alice, amy, ann = (join(service, name) for name in ("alice", "amy", "ann"))
    prove(alice, "alice@example.com")
    prove(amy, "13812345678")
    clock.advance(codes.PAUSE)
    prove(ann, "13812345678")
    clock.advance(timedelta(days=2))  # what they asked for themselves counts for nothing any more
    return Work(service, monkeypatch)


def both(work: Work, service: Service, path: str, bodies: list[dict[str, Any]]) -> tuple[int, list[str]]:
    """Send both; their answers and their work are the same. Answers the status and the work."""
    answers: list[Any] = []
    done = [
        work.of(lambda body=body: answers.append(Person(service).call("POST", path, body)))  # type: ignore[misc]
        for body in bodies
    ]
    assert done[0] == done[1], bodies
    assert answers[0].status_code == answers[1].status_code, bodies
    assert answers[0].get_data() == answers[1].get_data(), bodies
    assert answers[0].headers == answers[1].headers, bodies
    return answers[0].status_code, done[0]


@pytest.mark.parametrize("how", LOGINS)
def test_addresses_are_not_told_apart(service: Service, work: Work, how: str) -> None:
    """Before there is a code, with one, and when its tries are used up: for strangers there is one that nobody gets."""
    path = how.partition(",")[0]
    purpose = "reset" if "reset" in path else "login"
    Person(service).call("POST", "/tokens", {"username": "x", "password": "y"})  # the hash that stands for nobody's
    for pair in PAIRS:
        bodies = [LOGINS[how](to, name) for to, name in zip(pair, ("alice", "nobody"), strict=True)]
        before = both(work, service, path, bodies)
        for to in pair:
            assert Person(service).call("POST", "/codes", {"purpose": purpose, "to": to}).status_code == 202
        run_codes(service)
        tried = [both(work, service, path, bodies) for _ in range(codes.MOST_TRIES + 2)]
        for status, done in (before, *tried):
            assert status in {401, 422, 429}
            assert len(done) > 1, "or else nothing would be compared"


@pytest.mark.parametrize("purpose", ["register", "login", "reset"])
def test_codes_are_asked_for_alike(service: Service, work: Work, clock: ManualClock, purpose: str) -> None:
    """The first time, too soon, and once more than a day lets through."""
    for pair in PAIRS:
        statuses = []
        for _ in range(12):
            status, _ = both(work, service, "/codes", [{"purpose": purpose, "to": to} for to in pair])
            statuses.append(status)
            clock.advance(codes.PAUSE * (1 if len(statuses) > 1 else 0.5))
        assert set(statuses) == {202, 429}


def test_a_difference_is_found(service: Service, work: Work) -> None:
    with pytest.raises(AssertionError):
        both(work, service, "/tokens", [{"username": "alice", "password": p} for p in ("a wrong one", PASSWORD)])
