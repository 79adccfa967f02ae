"""Guessing passwords: growing delays, alike for names that exist and names that do not, and nobody is locked out for good."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from common.clock import ManualClock
from common.messages import SecurityNoted
from common.service import Service
from common.testing import assert_problem, sent
from login_world import acts, fire, prove
from user_svc import domain
from user_svc.app import Settings, build
from user_svc.limiter import Limiter
from user_svc.store import failures
from user_svc.store.tables import login_failures
from user_svc.usecases import lockout
from user_world import CHEAP, PASSWORD, Person, join

Guess = Callable[..., Any]


@pytest.fixture
def guess(service: Service) -> Guess:
    """Try a password, by default a wrong one."""

    def ask(username: str = "alice", password: str = "wrong", **headers: str) -> Any:
        body = {"username": username, "password": password}
        return Person(service).call("POST", "/tokens", body, **headers)

    return ask


def locked_out(guess: Guess, clock: ManualClock, name: str, wrong: int) -> None:
    """So many wrong passwords in a row, each as soon as it is let in."""
    for _ in range(wrong):
        answer = guess(name)
        if answer.status_code == 429:
            clock.advance(timedelta(seconds=answer.get_json()["retry_after"]))
            answer = guess(name)
        assert_problem(answer, 401, "bad_credentials")


@pytest.mark.parametrize(
    ("tries", "seconds"),
    [(1, 0), (4, 0), (5, 1), (6, 2), (7, 4), (10, 32), (14, 512), (15, 900), (16, 900), (9**9, 900)],
)
def test_how_long_a_name_rests(tries: int, seconds: int) -> None:
    assert lockout.pause_after(tries) == (timedelta(seconds=seconds) if seconds else None)


@pytest.mark.parametrize("name", ["alice", "nobody"])
def test_delays_grow_and_do_not_tell_whether_there_is_such_a_name(
    alice: Person, guess: Guess, clock: ManualClock, name: str
) -> None:
    del alice
    for _ in range(lockout.FREE):
        assert_problem(guess(name), 401, "bad_credentials")
    for seconds in (1, 2, 4, 8):
        refused = guess(name)
        assert assert_problem(refused, 429, "too_many_tries")["retry_after"] == seconds
        assert refused.headers["Retry-After"] == str(seconds)
        assert_problem(guess(name.upper()), 429, "too_many_tries")  # spelt in another way it is the same name
        clock.advance(timedelta(seconds=seconds))
        assert_problem(guess(name), 401, "bad_credentials")


def test_a_name_that_rests_is_not_opened_by_the_right_password_until_it_has_rested(
    alice: Person, guess: Guess, clock: ManualClock
) -> None:
    locked_out(guess, clock, "alice", 7)
    assert_problem(guess("alice", PASSWORD), 429, "too_many_tries")
    renewed = alice.call("POST", "/tokens/refresh", {"refresh_token": alice.tokens["refresh_token"]})
    assert renewed.status_code == 200, "who is logged in stays so"
    clock.advance(timedelta(seconds=4))
    assert guess("alice", PASSWORD).status_code == 200
    for _ in range(lockout.FREE):
        assert_problem(guess(), 401, "bad_credentials")  # the count has begun anew


def test_fifty_wrong_passwords_at_once_are_five_guesses(
    alice: Person, service: Service, guess: Guess, monkeypatch: pytest.MonkeyPatch
) -> None:
    del alice
    passwords = service.parts.passwords
    verified: list[str] = []
    honest = type(passwords).verify

    def counted(self: Any, stored: str | None, password: str) -> bool:
        verified.append(password)
        return honest(self, stored, password)

    monkeypatch.setattr(type(passwords), "verify", counted)
    answers: list[int] = []
    barrier = threading.Barrier(50, timeout=60)

    def one() -> None:
        barrier.wait()
        answers.append(guess().status_code)

    threads = [threading.Thread(target=one) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [401] * lockout.FREE + [429] * (50 - lockout.FREE)
    assert len(verified) == lockout.FREE * domain.MOST_SHARING
    with service.database.reading() as conn:
        assert [row.count for row in conn.execute(sa.select(login_failures))] == [lockout.FREE]


def test_no_try_of_fifty_at_once_is_lost(service: Service) -> None:
    def one() -> None:
        with service.database.transaction() as tx:
            failures.count_try(tx, "key")

    threads = [threading.Thread(target=one) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with service.database.reading() as conn:
        assert conn.execute(sa.select(login_failures.c.count)).scalar_one() == 50


def test_the_owner_is_told_once_however_long_it_goes_on(
    alice: Person, service: Service, guess: Guess, clock: ManualClock
) -> None:
    for wrong in (lockout.TOLD - 1, 1, 4):
        locked_out(guess, clock, "alice", wrong)
        locked_out(guess, clock, "nobody", wrong)
        fire(service)
        told = [m for m in sent(service.database, SecurityNoted) if m.what == "locked"]
        assert len(told) == (0 if wrong == lockout.TOLD - 1 else 1)
    assert (told[0].account_id, told[0].former) == (alice.id, None)
    assert [act.about for act in acts(service, "locked")] == [alice.id, None]
    clock.advance(lockout.LONGEST)
    assert guess("alice", PASSWORD).status_code == 200
    locked_out(guess, clock, "alice", lockout.TOLD)
    fire(service)
    assert len([m for m in sent(service.database, SecurityNoted) if m.what == "locked"]) == 2, "that is another time"


class Work:
    """What the service does for a request: verifications of hashes, and statements of the database."""

    def __init__(self, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
        self.done: list[str] = []
        hasher = type(service.parts.passwords._hasher)
        honest = hasher.verify

        def counted(hashing: Any, stored: str, password: str) -> bool:
            self.done.append(f"verify {stored.split('$')[3]}")
            return bool(honest(hashing, stored, password))

        monkeypatch.setattr(hasher, "verify", counted)
        sa.event.listen(service.database.engine, "before_cursor_execute", self._note)

    def _note(self, _conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        self.done.append(statement)

    def of(self, request: Callable[[], Any]) -> list[str]:
        self.done.clear()
        request()
        return list(self.done)


def test_names_are_not_told_apart_by_the_work_that_they_make(
    service: Service, guess: Guess, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not measured in seconds: the same statements in the same order, and the same number of equal hashes."""
    prove(join(service, "alice"), "alice@example.com", "13812345678")
    prove(join(service, "amy"), "13812345678")
    groups = [
        ["alice", "nobody"],
        ["alice@example.com", "nobody@example.com"],
        ["13812345678", "13900000000"],
    ]
    guess("somebody")  # the hash that stands for nobody's is made the first time
    work = Work(service, monkeypatch)
    for _ in range(lockout.TOLD + 1):
        for names in groups:
            done = [work.of(lambda name=name: guess(name)) for name in names]  # type: ignore[misc]
            assert done[0] == done[1], names
        clock.advance(lockout.LONGEST)
    verified = [what for what in done[0] if what.startswith("verify")]
    assert len(verified) == domain.MOST_SHARING
    locked = [work.of(lambda name=name: guess(name)) for name in ("alice", "nobody", "alice", "nobody")]  # type: ignore[misc]
    assert locked[0] == locked[1]
    assert locked[2] == locked[3]


def test_all_names_of_an_account_are_free_again_when_its_owner_has_come(
    service: Service, guess: Guess, clock: ManualClock
) -> None:
    alice = prove(join(service, "alice"), "alice@example.com", "13812345678")
    for name in ("alice", "Alice@Example.com", "+86 138 1234 5678"):
        locked_out(guess, clock, name, 6)
    with service.database.transaction() as tx:
        row = tx.conn.execute(sa.text("SELECT * FROM accounts WHERE id = :id"), {"id": alice.id}).one()
        lockout.forgive(tx, service.parts, row)
    for name in ("alice", "alice@example.com", "13812345678"):
        assert guess(name, PASSWORD).status_code == 200


def test_counts_are_forgotten_a_day_after_the_last_try(service: Service, guess: Guess, clock: ManualClock) -> None:
    guess("old")
    clock.advance(lockout.FORGOTTEN - timedelta(hours=1))
    guess("young")
    clock.advance(timedelta(hours=2))
    fire(service)
    with service.database.reading() as conn:
        assert len(conn.execute(sa.select(login_failures)).all()) == 1
    clock.advance(timedelta(days=1, seconds=1))
    fire(service)
    with service.database.reading() as conn:
        assert conn.execute(sa.select(login_failures)).all() == [], "each day again"


@pytest.fixture
def watchful(tmp_path: Path, clock: ManualClock) -> Iterator[Service]:
    settings = Settings(database_url=f"sqlite:///{tmp_path}/w.db", limit_failures_address="6/hour", **CHEAP)
    made = build(settings, clock)
    made.migrate()
    yield made
    made.database.close()


def test_stuffing_many_names_from_one_address_ends_and_others_go_on(watchful: Service) -> None:
    join(watchful, "alice")
    here, there = {"X-Real-IP": "203.0.113.7"}, {"X-Real-IP": "198.51.100.7"}

    def ask(name: str, password: str, **headers: str) -> Any:
        return Person(watchful).call("POST", "/tokens", {"username": name, "password": password}, **headers)

    for n in range(6):
        assert ask("alice", PASSWORD, **here).status_code == 200, "right passwords count for nothing"
        assert_problem(ask(f"victim{n}", "spring2026", **here), 401, "bad_credentials")
    refused = ask("victim6", "spring2026", **here)
    assert 0 < assert_problem(refused, 429, "too_many_tries")["retry_after"] <= 3600
    assert_problem(ask("alice", PASSWORD, **here), 429, "too_many_tries")
    assert ask("alice", PASSWORD, **there).status_code == 200


def test_an_address_of_ipv6_is_a_customers_block() -> None:
    limiter = Limiter("", {"failures_address": "2/hour", "names": "1/hour"})
    assert limiter.full("failures_address", "2001:db8::1") == 0
    for n in range(2):
        assert limiter.wait("failures_address", f"2001:db8:0:0:{n}::1") == 0
    assert limiter.full("failures_address", "2001:db8:0:0:ffff::9") > 0
    assert limiter.full("failures_address", "2001:db8:0:1::1") == 0
    assert limiter.wait("failures_address", "::ffff:203.0.113.1") == 0
    assert limiter.wait("failures_address", "no address") == 0
    assert limiter.wait("names", "2001:db8::1") == limiter.wait("names", "2001:db8::2") == 0, (
        "only addresses have blocks"
    )


@pytest.mark.parametrize(
    ("given", "channel"),
    [
        ("alice", None),
        ("138-1234-5678", None),  # a username may look like that
        ("13812345678", "sms"),
        ("+86 138 1234 5678", "sms"),
        ("A@example.com", "email"),
        ("@", None),
        ("12345", None),
        ("a\nb", None),
    ],
)
def test_what_may_stand_for_a_name(given: str, channel: str | None) -> None:
    found = lockout.called(given)
    assert (found.channel if found else None) == channel
