"""Strangers do not shut an owner out: not by asking for codes, not by guessing, not by being many at once."""

import threading
from typing import Any

import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher, extract_parameters
from code_world import prove, run_codes, told, wait, wrong
from common.clock import ManualClock
from common.service import Service
from common.testing import assert_problem
from test_user_codes import at_once
from user_svc.passwords import Passwords
from user_svc.store.tables import login_failures
from user_svc.usecases import codes, lockout
from user_world import PASSWORD, Person, join

PHONE = "13912345678"
HOME = {"X-Real-IP": "198.51.100.7"}


def away(network: int) -> dict[str, str]:
    return {"X-Real-IP": f"203.0.{network}.9"}


def ask(service: Service, **headers: str) -> Any:
    return Person(service).call("POST", "/codes", {"to": PHONE, "purpose": "login"}, **headers)


def use(service: Service, code: str, **headers: str) -> Any:
    return Person(service).call("POST", "/tokens/code", {"to": PHONE, "code": code}, **headers)


def code_at_home(service: Service) -> str:
    assert ask(service, **HOME).status_code == 202
    return told(service)[-1].code


@pytest.fixture
def ann(service: Service, clock: ManualClock) -> Person:
    ann = join(service, "ann")
    prove(ann, PHONE)
    wait(clock, 61)
    return ann


def test_ten_codes_that_strangers_ask_for_leave_hers(service: Service, ann: Person, clock: ManualClock) -> None:
    for network in (1, 2):
        for _ in range(codes.MOST_A_DAY):
            assert ask(service, **away(network)).status_code == 202
            wait(clock, 61)
        assert_problem(ask(service, **away(network)), 429, "too_many_codes")
    for _ in range(codes.MOST_OF_ALL - 2 * codes.MOST_A_DAY):
        assert ask(service, **HOME).status_code == 202
        wait(clock, 61)
    assert_problem(ask(service, **away(3)), 429, "too_many_codes")


def test_strangers_guesses_do_not_burn_her_code(service: Service, ann: Person) -> None:
    code = code_at_home(service)
    for n in range(12):
        assert_problem(use(service, wrong(code), **away(n % 3)), 422, "wrong_code")
    assert_problem(use(service, code, **away(4)), 422, "wrong_code")  # ten elsewhere, and it is good at home alone
    for _ in range(codes.MOST_TRIES - 1):
        assert_problem(use(service, wrong(code), **HOME), 422, "wrong_code")
    assert use(service, code, **HOME).status_code == 200


def test_her_own_guesses_burn_it(service: Service, ann: Person) -> None:
    code = code_at_home(service)
    for _ in range(codes.MOST_TRIES):
        assert_problem(use(service, wrong(code), **HOME), 422, "wrong_code")
    assert_problem(use(service, code, **HOME), 422, "wrong_code")


def test_a_code_that_a_stranger_asks_for_does_not_replace_hers(
    service: Service, ann: Person, clock: ManualClock
) -> None:
    hers = code_at_home(service)
    wait(clock, 61)
    assert ask(service, **away(1)).status_code == 202
    run_codes(service)
    assert use(service, hers, **HOME).status_code == 200


def test_the_newest_does_wherever_it_was_asked_for(service: Service, ann: Person, clock: ManualClock) -> None:
    code_at_home(service)
    wait(clock, 61)
    assert ask(service, **away(1)).status_code == 202, "it goes to her telephone too"
    assert use(service, told(service)[-1].code, **HOME).status_code == 200


def log_in(service: Service, name: str, password: str, **headers: str) -> Any:
    return Person(service).call("POST", "/tokens", {"username": name, "password": password}, **headers)


def test_where_she_is_logged_in_strangers_wrong_passwords_do_not_count(service: Service, ann: Person) -> None:
    assert log_in(service, "ann", PASSWORD, **HOME).status_code == 200
    for n in range(2):
        for name in ("ann", "nobody"):
            statuses = [log_in(service, name, "wrong", **away(n)).status_code for _ in range(lockout.FREE)]
            assert statuses == ([401] * 5 if n == 0 else [429] * 5), "all others together"
    for _ in range(lockout.FREE - 1):
        assert_problem(log_in(service, "ann", "wrong", **HOME), 401, "bad_credentials")
    assert log_in(service, "ann", PASSWORD, **HOME).status_code == 200
    for _ in range(lockout.FREE):
        log_in(service, "ann", "wrong", **HOME)
    assert_problem(log_in(service, "ann", PASSWORD, **HOME), 429, "too_many_tries")


def test_who_is_logged_in_is_not_shut_out_of_her_own_data(service: Service, ann: Person) -> None:
    for _ in range(lockout.FREE + 1):
        log_in(service, "ann", "wrong")
        log_in(service, "ann", "wrong", **away(1))
    assert ann.call("POST", "/users/me/export", {"password": PASSWORD}).status_code == 200
    for _ in range(lockout.FREE):
        assert_problem(ann.call("POST", "/users/me/export", {"password": "wrong"}), 403, "wrong_password")
    assert_problem(ann.call("POST", "/users/me/export", {"password": PASSWORD}), 429, "too_many_tries")
    assert log_in(service, "ann", PASSWORD, **away(2)).status_code == 200, "nor the other way round"


def test_right_passwords_at_once_are_all_let_in(service: Service, ann: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    """As of a hospital's terminals. The first five are held until the sixth has been refused once."""
    refused, honest = threading.Event(), Passwords.verify
    real = lockout._locked

    def locked(*args: Any) -> Any:
        row = real(*args)
        refused.set()
        return row

    def late(self: Passwords, stored: str | None, password: str) -> bool:
        assert refused.wait(30)
        return honest(self, stored, password)

    monkeypatch.setattr(lockout, "_locked", locked)
    monkeypatch.setattr(Passwords, "verify", late)
    answers = at_once(8, lambda _n: log_in(service, "ann", PASSWORD))
    assert [answer.status_code for answer in answers] == [200] * 8
    with service.database.reading() as conn:
        assert conn.execute(sa.select(login_failures)).all() == []


def test_a_try_whose_process_died_is_not_waited_for(service: Service, ann: Person, clock: ManualClock) -> None:
    key = lockout.key_of(service.database, service.parts, "nobody", [])
    for _ in range(lockout.FREE):
        lockout.admit(service.database, service.parts, key, "")
    with service.database.transaction() as tx:
        tx.conn.execute(sa.update(login_failures).values(locked_until=clock() + lockout.LONGEST))
    clock.advance(lockout.ABANDONED * 1.1)
    assert_problem(log_in(service, "nobody", "wrong"), 429, "too_many_tries")


@pytest.mark.parametrize("older", [(1, 64), (3, 1024)], ids=["cheaper", "dearer"])
def test_an_older_hash_costs_what_nobodys_costs(older: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted in KiB that are filled. Of a dearer one a process knows from its first login on."""
    passwords, spent = Passwords(2, 512, 1), [0]
    stored = Passwords(*older, 1).hash(PASSWORD)
    passwords.verify(stored, "wrong")
    passwords.verify(None, "wrong")  # makes nobody's hash
    verify, make = PasswordHasher.verify, PasswordHasher.hash

    def verified(self: PasswordHasher, known: str, password: str) -> bool:
        made = extract_parameters(known)
        spent[0] += made.time_cost * made.memory_cost
        return bool(verify(self, known, password))

    def hashed(self: PasswordHasher, password: str) -> str:
        spent[0] += self.time_cost * self.memory_cost
        return make(self, password)

    monkeypatch.setattr(PasswordHasher, "verify", verified)
    monkeypatch.setattr(PasswordHasher, "hash", hashed)
    costs = []
    for known in (stored, None):
        spent[0] = 0
        passwords.verify(known, "wrong")
        costs.append(spent[0])
    assert costs[0] == costs[1] == max(2 * 512, older[0] * older[1])
