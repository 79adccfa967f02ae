"""Codes: who gets one, how often, how long it is good, and that it is good once, for one thing, for one account."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from code_world import NEW, code_for, prove, run_codes, told, wait, wrong
from common.clock import ManualClock
from common.messages import CodeIssued, UserRegistered
from common.outbox.tables import outbox, timers
from common.outbox.timers import Timer
from common.service import Service
from common.testing import assert_problem, sent
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from user_svc.app import Settings, build
from user_svc.store.tables import codes as table
from user_svc.usecases import codes
from user_world import CHEAP, PASSWORD, Person, join

MAIL, PHONE = "ann@example.com", "13912345678"


@contextmanager
def watched(service: Service) -> Iterator[list[str]]:
    """The statements that the database gets meanwhile."""
    seen: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    sa.event.listen(service.database.engine, "before_cursor_execute", note)
    yield seen
    sa.event.remove(service.database.engine, "before_cursor_execute", note)


def register(anybody: Person, code: str, **more: Any) -> Any:
    return anybody.call("POST", "/users", {"email": MAIL, "code": code, **more})


def test_a_code_reaches_the_address_and_nothing_else(service: Service, anybody: Person, clock: ManualClock) -> None:
    answer = anybody.call("POST", "/codes", {"purpose": "register", "to": " Ann@Example.com ", "locale": "en"})
    assert (answer.status_code, answer.get_json()) == (202, {"expires_in": 600, "again_in": 60})
    (message,) = told(service)
    assert (message.to, message.issued.channel, message.issued.locale) == ("Ann@Example.com", "email", "en")
    assert message.issued.expires_at == clock() + timedelta(minutes=10)
    assert message.code.isdigit()
    assert len(message.code) == 6
    with service.database.reading() as conn:
        everything = repr([conn.execute(sa.select(t)).all() for t in (table, timers)])
        bodies = b"".join(bytes(row.body) for row in conn.execute(sa.select(outbox)))
    assert message.code not in everything
    assert b"ann@" not in bodies.lower()
    assert "ann@" not in everything.lower()


def test_the_worker_makes_the_code_once(service: Service, anybody: Person) -> None:
    """The job may run again: it crashed after its commit, or its lease ended."""
    anybody.call("POST", "/codes", {"purpose": "register", "to": PHONE})
    with service.database.reading() as conn:
        (row,) = conn.execute(sa.select(timers).where(timers.c.kind == codes.SEND)).all()
    payload = service.parts.vault.seal(PHONE, f"{row.key}/to")
    timer = Timer(row.kind, row.key, row.due_at, {"to": payload, "locale": "zh-CN"})
    for _ in range(3):
        codes.send(service, timer)
    assert len(sent(service.database, CodeIssued)) == 1
    with service.database.reading() as conn:
        assert not conn.execute(sa.select(timers).where(timers.c.kind == codes.SEND)).all()
    codes.send(service, Timer(codes.SEND, "cod_gone", row.due_at, {"to": payload, "locale": "en"}))


def test_the_worker_knows_the_jobs(service: Service, anybody: Person) -> None:
    anybody.call("POST", "/codes", {"purpose": "register", "to": PHONE})
    with service.database.reading() as conn:
        set_now = set(conn.execute(sa.select(timers.c.kind)).scalars())
    assert {codes.SEND, codes.PURGE} <= set_now
    assert service.jobs[codes.SEND] is codes.send
    assert service.jobs[codes.PURGE] is codes.purge


@pytest.mark.parametrize("purpose", ["login", "reset"])
def test_nobody_learns_who_has_an_address(service: Service, alice: Person, anybody: Person, purpose: str) -> None:
    """The same answer after the same statements, whether there is such an account, and nothing is sent to strangers."""
    prove(alice, "alice@example.com")
    join(service, "mallory", email="unproved@example.com")
    run_codes(service)
    before = len(sent(service.database, CodeIssued))
    answers, statements = [], []
    for to in ("alice@example.com", "nobody@example.com", "unproved@example.com"):
        with watched(service) as seen:
            answers.append(anybody.call("POST", "/codes", {"purpose": purpose, "to": to}))
        statements.append(seen)
    assert {a.status_code for a in answers} == {202}
    assert answers[0].get_data() == answers[1].get_data() == answers[2].get_data()
    assert statements[0] == statements[1] == statements[2]
    run_codes(service)
    assert [t.to for t in told(service)[before:]] == ["alice@example.com"]


def test_wrong_codes_are_refused_alike_whether_somebody_has_the_address(alice: Person, anybody: Person) -> None:
    prove(alice, "alice@example.com")
    code = code_for(anybody, "alice@example.com", "reset")
    anybody.call("POST", "/codes", {"purpose": "reset", "to": "nobody@example.com"})
    run_codes(anybody.service)
    answers, statements = [], []
    for to, guess in (
        ("alice@example.com", wrong(code)),
        ("nobody@example.com", code),
        ("not.asked@example.com", code),
    ):
        with watched(anybody.service) as seen:
            answers.append(anybody.call("POST", "/passwords/reset", {"to": to, "code": guess, **NEW}))
        statements.append(seen)
    assert {a.get_data() for a in answers} == {answers[0].get_data()}
    assert_problem(answers[0], 422, "wrong_code", field="code")
    assert statements[0] == statements[1], "of addresses for which a code was asked, which anybody may"


def test_the_pace_of_codes(service: Service, anybody: Person, clock: ManualClock) -> None:
    def ask(purpose: str = "register", to: str = MAIL) -> Any:
        return anybody.call("POST", "/codes", {"purpose": purpose, "to": to})

    assert ask().status_code == 202
    wait(clock, 59)
    refused = ask(to=MAIL.upper())
    assert assert_problem(refused, 429, "too_many_codes")["retry_after"] == 2
    assert refused.headers["Retry-After"] == "2"
    assert ask("login").status_code == 202, "another purpose"
    assert ask(to=PHONE).status_code == 202, "another address"
    for _ in range(9):
        wait(clock, 61)
        assert ask().status_code == 202
    wait(clock, 61)
    assert assert_problem(ask(), 429, "too_many_codes")["retry_after"] > 80_000, "ten a day"
    assert ask("login").status_code == 202, "another purpose"
    wait(clock, 24 * 3600 - 59 - 10 * 61 + 1)
    assert ask().status_code == 202, "the first one is a day old"
    with service.database.transaction() as tx:
        assert tx.conn.execute(sa.select(sa.func.count()).select_from(table)).scalar_one() == 14


def test_who_asks_at_once_gets_one(service: Service) -> None:
    answers = at_once(20, lambda _n: Person(service).call("POST", "/codes", {"purpose": "register", "to": MAIL}))
    assert sorted(a.status_code for a in answers) == [202] + [429] * 19
    assert len(told(service)) == 1


def test_a_client_that_asks_for_all_the_world_is_stopped(service: Service, anybody: Person) -> None:
    statuses = [
        anybody.call("POST", "/codes", {"purpose": "login", "to": f"n{n}@example.com"}).status_code for n in range(61)
    ]
    assert statuses == [202] * 60 + [429]
    assert anybody.call("POST", "/codes", {"purpose": "login", "to": "x@example.com"}).headers["Retry-After"]


@pytest.mark.parametrize(("seconds", "good"), [(599, True), (600, False)])
def test_a_code_is_good_for_ten_minutes(anybody: Person, clock: ManualClock, seconds: int, good: bool) -> None:
    code = code_for(anybody, MAIL, "register")
    wait(clock, seconds)
    assert register(anybody, code).status_code == (201 if good else 422)


def test_a_code_that_is_made_too_late_is_not_sent(service: Service, anybody: Person, clock: ManualClock) -> None:
    anybody.call("POST", "/codes", {"purpose": "register", "to": MAIL})
    wait(clock, 600)
    assert told(service) == []


def test_five_wrong_ones_and_a_code_is_dead(service: Service, anybody: Person, clock: ManualClock) -> None:
    code = code_for(anybody, MAIL, "register")
    for _ in range(4):
        assert_problem(register(anybody, wrong(code)), 422, "wrong_code")
    with service.database.reading() as conn:
        assert conn.execute(sa.select(table.c.tries)).scalar_one() == 4
    assert_problem(register(anybody, wrong(code)), 422, "wrong_code")
    assert_problem(register(anybody, code), 422, "wrong_code")
    wait(clock, 61)
    assert register(anybody, code_for(anybody, MAIL, "register")).status_code == 201, "a new one has five again"


def test_guesses_at_once_are_five(service: Service) -> None:
    code = code_for(Person(service), MAIL, "register")
    answers = at_once(30, lambda n: register(Person(service), f"{(int(code) + 1 + n) % 10**6:06}"))
    assert {a.status_code for a in answers} == {422}
    with service.database.reading() as conn:
        assert conn.execute(sa.select(table.c.tries)).scalar_one() == 5


def test_the_newest_code_counts(anybody: Person, clock: ManualClock) -> None:
    old = code_for(anybody, MAIL, "register")
    wait(clock, 61)
    new = code_for(anybody, MAIL, "register")
    if old != new:  # one in a million
        assert_problem(register(anybody, old), 422, "wrong_code")
    assert register(anybody, new).status_code == 201


def test_of_fifty_uses_at_once_one_wins(service: Service) -> None:
    code = code_for(Person(service), MAIL, "register")
    answers = at_once(50, lambda _n: register(Person(service), code))
    assert sorted(a.status_code for a in answers) == [201] + [422] * 49
    assert len(sent(service.database, UserRegistered)) == 2, "the operator and one"


def test_a_code_of_one_purpose_does_not_serve_another(alice: Person, anybody: Person) -> None:
    prove(alice, PHONE)
    login = code_for(anybody, PHONE, "login")
    reset = code_for(anybody, PHONE, "reset")
    assert_problem(anybody.call("POST", "/passwords/reset", {"to": PHONE, "code": login, **NEW}), 422, "wrong_code")
    for code in {login, reset} - {""}:
        body = {"phone": PHONE, "code": code}
        assert_problem(anybody.call("POST", "/users", body), 422, "wrong_code")
        mine = {**body, "password": PASSWORD}
        assert_problem(alice.call("POST", "/users/me/phone", mine), 422, "wrong_code")
    assert anybody.call("POST", "/passwords/reset", {"to": PHONE, "code": reset, **NEW}).status_code == 204


def test_a_code_of_one_account_does_not_serve_another(alice: Person, bob: Person, clock: ManualClock) -> None:
    code = code_for(alice, PHONE)
    body = {"phone": PHONE, "code": code, "password": PASSWORD}
    assert_problem(bob.call("POST", "/users/me/phone", body), 422, "wrong_code")
    wait(clock, 61)
    code_for(bob, PHONE)
    assert alice.call("POST", "/users/me/phone", body).status_code == 200, "nor does his put hers out of force"


def test_old_codes_are_forgotten_daily(service: Service, anybody: Person, clock: ManualClock) -> None:
    code_for(anybody, MAIL, "register")
    wait(clock, 47 * 3600)
    code_for(anybody, PHONE, "register")
    wait(clock, 3601)
    codes.purge(service, Timer(codes.PURGE, "", clock(), {}))
    with service.database.reading() as conn:
        assert [row.channel for row in conn.execute(sa.select(table))] == ["sms"]
        due = conn.execute(sa.select(timers.c.due_at).where(timers.c.kind == codes.PURGE)).scalar_one()
    assert due == clock() + timedelta(days=1)


def test_a_code_outlives_a_new_key(service: Service, anybody: Person) -> None:
    """The keys are rotated between sending and using: the older one still finds and opens."""
    code = code_for(anybody, MAIL, "register")
    vault = type(service.parts.vault)(f"{'A' * 43}=,{service.settings.data_key}")  # type: ignore[attr-defined]
    object.__setattr__(service.parts, "vault", vault)
    assert register(anybody, code).status_code == 201


@given(given=st.text(max_size=12) | st.integers(0, 999_999).map("{:06}".format))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_other_text_is_the_code(service: Service, anybody: Person, clock: ManualClock, given: str) -> None:
    wait(clock, 24 * 3600)
    code = code_for(anybody, MAIL, "register")
    if given != code:
        assert_problem(register(anybody, given), 422, field="code")


@pytest.mark.parametrize(
    "to",
    [
        "", " ", "@", "a@b", "a b@example.com", "a@example..com", "a@-example.com", ".a@example.com", "a..b@example.com",
        "a@example.com\r\nBcc: x@example.com", "a@exa\u043cple.com", "\u00e4@example.com", '"a b"@example.com', "a@[127.0.0.1]",
        f"{'x' * 65}@example.com", f"a@{'x' * 64}.com", "12345", "+8612345", "1391234567\u0668", "alice", "a@example.com,b@example.com",
    ],
    ids=range(21),
)  # fmt: skip
def test_what_is_no_address(alice: Person, anybody: Person, to: str) -> None:
    for who, path in ((anybody, "/codes"), (alice, "/users/me/codes")):
        body = {"to": to} | ({"purpose": "login"} if path == "/codes" else {})
        assert_problem(who.call("POST", path, body), 422)


def at_once(n: int, call: Callable[[int], Any]) -> list[Any]:
    """Answers of `n` calls that begin together."""
    barrier, answers = threading.Barrier(n, timeout=60), []

    def run(i: int) -> None:
        barrier.wait()
        answers.append(call(i))

    threads = [threading.Thread(target=run, args=(i,)) for i in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == n
    return answers


@pytest.mark.stack
def test_at_once_on_postgresql_too(postgres_url: str, clock: ManualClock) -> None:
    """One code for who ask at once, five guesses at most, one use, and two accounts with one address."""
    made = build(Settings(database_url=postgres_url, **CHEAP), clock)
    made.migrate()
    people = [join(made, f"person{n}") for n in range(5)]
    ask = {"purpose": "register", "to": MAIL}
    answers = at_once(10, lambda _n: Person(made).call("POST", "/codes", ask))
    assert sorted(a.status_code for a in answers) == [202] + [429] * 9
    (message,) = told(made)
    answers = at_once(8, lambda n: register(Person(made), f"{(int(message.code) + 1 + n) % 10**6:06}"))
    assert {a.status_code for a in answers} == {422}
    with made.database.reading() as conn:
        assert conn.execute(sa.select(table.c.tries)).scalar_one() == 5
    wait(clock, 61)
    code = code_for(Person(made), MAIL, "register")
    answers = at_once(10, lambda _n: register(Person(made), code))
    assert sorted(a.status_code for a in answers) == [201] + [422] * 9
    own = []
    for person in people:
        wait(clock, 61)
        own.append({"phone": PHONE, "code": code_for(person, PHONE), "password": PASSWORD})
    answers = at_once(5, lambda n: people[n].call("POST", "/users/me/phone", own[n]))
    assert sorted(a.status_code for a in answers) == [200, 200, 409, 409, 409]
    made.database.close()
