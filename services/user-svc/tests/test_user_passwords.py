"""Passwords: how they are kept, which are refused and in which words, how they are changed and reset."""

import threading
import time
import unicodedata
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from code_world import NEW, code_for, prove, wait, wrong
from common.clock import ManualClock
from common.errors import Invalid
from common.messages import SecurityNoted
from common.service import Service
from common.testing import assert_problem, sent, take_sent
from hypothesis import given
from hypothesis import strategies as st
from test_user_codes import at_once
from user_svc import store
from user_svc.app import Settings, build
from user_svc.password_rules import check_password
from user_svc.passwords import Passwords
from user_svc.store.tables import trail
from user_world import CHEAP, PASSWORD, Person, join

PHONE = "13912345678"
OTHER = NEW["new_password"]
CHEAP_HASH = Passwords(1, 8, 1)


def test_passwords() -> None:
    stored = CHEAP_HASH.hash("correct horse")
    assert stored.startswith("$argon2id$")
    assert CHEAP_HASH.verify(stored, "correct horse")
    assert not CHEAP_HASH.verify(stored, "wrong horse")
    assert not CHEAP_HASH.verify("no hash at all", "correct horse")
    assert not CHEAP_HASH.outdated(stored)
    assert Passwords(2, 16, 1).outdated(stored)


@pytest.mark.parametrize("stored", [None, ""], ids=["no account", "no password"])
def test_nobodys_password_opens_nobodys_account(stored: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no hash one of ours is verified, for the same work; whoever hits it still gets nowhere."""
    passwords = Passwords(1, 8, 1)
    monkeypatch.setitem(passwords.__dict__, "_nobodys", passwords.hash("hit by luck"))
    assert not passwords.verify(stored, "hit by luck")


def test_a_password_is_one_however_a_keyboard_writes_it() -> None:
    stored = CHEAP_HASH.hash("ｐａｓｓ Å ﬁ 号源")
    assert CHEAP_HASH.verify(stored, unicodedata.normalize("NFD", "pass Å fi 号源"))
    before = CHEAP_HASH._hasher.hash("ｐａｓｓ")  # as it was made before there was one form
    assert CHEAP_HASH.verify(before, "ｐａｓｓ")
    assert not CHEAP_HASH.verify(before, "ｐａｓ")


# --- the rules -------------------------------------------------------------------------------------------------------

LENGTH, COMMON, MINE, RUN = "characters; several", "tried first", "is made of", "repeats itself"


def refused(password: str, *about: str, shortest: int = 8) -> str:
    """Why; empty if it is not."""
    try:
        check_password(password, shortest=shortest, about=about, field="new_password")
    except Invalid as fault:
        (error,) = fault.extra["errors"]
        assert error["field"] == "new_password"
        return str(error["message"])
    return ""


@pytest.mark.parametrize("shortest", [8, 15])
@pytest.mark.parametrize(
    "password",
    [
        "haoyuan-demo-2026", "a-long-enough-password", "correct horse battery", "correct horse correct horse", "zx8Qm3!vLp0TtR2s",
        "我最喜欢的诗是静夜思床前明月光", "   spaces are characters   ", "🐎🔋📎✅ horse battery staple", "alice likes passwords of 1984",
        "EMw88UtrtrstyMMz", "onlysmallletterswithoutanydigit", "482915730264917",
    ],
    ids=range(12),
)  # fmt: skip
def test_what_may_be_a_password(password: str, shortest: int) -> None:
    """Length, and nothing of composition."""
    assert not refused(password, "alice", "alice@example.com", shortest=shortest)


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("", LENGTH), ("seven c", LENGTH), ("x y z " * 22, LENGTH), ("\ufdfa" * 8, LENGTH),
        ("password", COMMON), ("PassWord", COMMON), ("passwordpassword", COMMON), ("password1234567", COMMON), ("12345678", COMMON),
        ("iloveyou!!!", COMMON), ("p-a-s-s-w-o-r-d", COMMON), ("ｐａｓｓｗｏｒｄ", COMMON), ("qwertyuiop", COMMON),
        ("alice.wonderland", MINE), ("Wonderland-2026!", ""), ("wonderland123", MINE), ("wonderland@example.org", MINE),
        ("haoyuan12345", MINE), ("HaoYuan-HaoYuan", MINE), ("号源号源号源号源!", MINE),
        ("zzzzzzzzzzzzzzzzz", RUN), ("abcdefghijklmnopq", RUN), ("xyxyxyxyxyxyxyxy", RUN), ("9876543210987654", RUN), ("asdfghjkl;'asdf", RUN),
        ("x8!x8!x8!x8!x8!x8!", RUN), ("aaaabbbbccccdddd", RUN),
        ("with a bell \x07 in it", "types alike"), ("nobody \u0378 knows", "types alike"),
    ],
    ids=range(29),
)  # fmt: skip
def test_what_may_not_and_why(password: str, why: str) -> None:
    said = refused(password, "Alice", "wonderland@example.org", "13812345678")
    assert why in said
    assert bool(why) == bool(said)


def test_longer_ones_are_wanted_where_the_password_is_all_that_is_asked() -> None:
    def shortest(**more: Any) -> int:
        made = build(Settings(database_url="sqlite://", **CHEAP, **more))
        made.database.close()
        return int(made.parts.shortest_password)

    assert (shortest(), shortest(app_env="production"), shortest(password_shortest=12)) == (8, 15, 12)
    assert "15 to 128" in refused("fourteen chars", shortest=15)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200), st.lists(st.text(max_size=20), max_size=3))
def test_every_text_gets_an_answer(password: str, about: list[str]) -> None:
    said = refused(password, *about)
    assert said == refused(unicodedata.normalize("NFKC", password), *about)


def test_long_passwords_are_cheap_to_judge() -> None:
    """Eight times the length takes some eight times as long: a rule that tried all pairs of places would take 64 times."""

    def cost(length: int) -> float:
        password = ("aab" * length)[:length]
        best = float("inf")
        for _ in range(7):
            begun = time.perf_counter()
            for _ in range(20):
                refused(password)
            best = min(best, time.perf_counter() - begun)
        return best

    refused("the lists are read once")
    assert cost(128) < 24 * cost(16)


# --- changing --------------------------------------------------------------------------------------------------------


def test_a_password_is_changed_by_who_knows_it(alice: Person, service: Service) -> None:
    elsewhere = Person(service).log_in("alice")
    take_sent(service.database)
    path = "/users/me/password"
    assert_problem(alice.call("POST", path, {"old_password": "guess", **NEW}), 403, "wrong_password")
    assert_problem(alice.call("POST", path, NEW), 422, field="old_password")
    for bad in ("alice@example.com", "password1", "short", "x" * 129):
        assert_problem(
            alice.call("POST", path, {"old_password": PASSWORD, "new_password": bad}), 422, field="new_password"
        )
    assert sent(service.database, SecurityNoted) == []
    assert alice.call("POST", path, {"old_password": PASSWORD, **NEW}).status_code == 204
    assert [m.what for m in sent(service.database, SecurityNoted)] == ["password_changed"]
    assert_problem(alice.call("POST", "/tokens", {"username": "alice", "password": PASSWORD}), 401)
    Person(service).log_in("alice", OTHER)
    refresh = {"refresh_token": elsewhere.tokens["refresh_token"]}
    assert_problem(elsewhere.call("POST", "/tokens/refresh", refresh), 401), "other logins end"
    mine = {"refresh_token": alice.tokens["refresh_token"]}
    assert alice.call("POST", "/tokens/refresh", mine).status_code == 200, "the one that asks goes on"
    with service.database.reading() as conn:
        acts = conn.execute(sa.select(trail.c.actor).where(trail.c.act == "password_changed")).scalars().all()
    assert acts == [alice.id]


def test_of_two_changes_at_once_one_is_refused(
    alice: Person, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have proved the old password before either has changed it; nobody believes to have one that is not so."""
    barrier, slow_hash = threading.Barrier(2, timeout=30), service.parts.passwords.hash
    monkeypatch.setattr(service.parts.passwords, "hash", lambda password: (barrier.wait(), slow_hash(password))[1])
    wanted = ["one of two new ones", "the other of the two"]

    def change(n: int) -> Any:
        return alice.call("POST", "/users/me/password", {"old_password": PASSWORD, "new_password": wanted[n]})

    assert sorted(a.status_code for a in at_once(2, change)) == [204, 403]
    with service.database.reading() as conn:
        stored = store.account(conn, alice.id).password_hash
    assert [service.parts.passwords.verify(stored, password) for password in wanted].count(True) == 1
    assert [m.what for m in sent(service.database, SecurityNoted)] == ["password_changed"]


# --- resetting -------------------------------------------------------------------------------------------------------


def test_a_reset_gives_the_account_back_to_its_owner(alice: Person, service: Service) -> None:
    prove(alice, PHONE)
    anybody = Person(service)
    for _ in range(6):
        anybody.call("POST", "/tokens", {"username": "alice", "password": "guess"})
    assert_problem(anybody.call("POST", "/tokens", {"username": "alice", "password": PASSWORD}), 429)
    take_sent(service.database)
    body = {"to": PHONE, "code": code_for(anybody, PHONE, "reset"), **NEW}
    assert_problem(
        anybody.call("POST", "/passwords/reset", {**body, "new_password": "alice1234"}), 422, field="new_password"
    )
    assert anybody.call("POST", "/passwords/reset", body).status_code == 204, "the code was still good"
    Person(service).log_in("alice", OTHER)
    refresh = {"refresh_token": alice.tokens["refresh_token"]}
    assert_problem(alice.call("POST", "/tokens/refresh", refresh), 401)
    assert_problem(anybody.call("POST", "/passwords/reset", body), 422, "wrong_code")
    assert [m.what for m in sent(service.database, SecurityNoted)] == ["password_reset"]
    with service.database.reading() as conn:
        row = conn.execute(sa.select(trail).where(trail.c.act == "password_reset")).one()
    assert (row.about, row.actor, PHONE in row.facts) == (alice.id, None, False)


def test_of_two_accounts_with_an_address_one_must_be_named(service: Service, clock: ManualClock) -> None:
    people = [join(service, name) for name in ("alice", "bob")]
    for person in people:
        prove(person, PHONE)
        wait(clock, 61)
    anybody = Person(service)
    body = {"to": PHONE, "code": code_for(anybody, PHONE, "reset"), **NEW}
    refused = assert_problem(anybody.call("POST", "/passwords/reset", body), 409, "several_accounts")
    assert refused["usernames"] == ["alice", "bob"]
    guess = {**body, "code": wrong(body["code"])}
    assert_problem(anybody.call("POST", "/passwords/reset", guess), 422, "wrong_code")
    assert_problem(anybody.call("POST", "/passwords/reset", {**body, "username": "carol"}), 409, "several_accounts")
    assert anybody.call("POST", "/passwords/reset", {**body, "username": "BOB"}).status_code == 204
    assert_problem(anybody.call("POST", "/passwords/reset", body), 422, "wrong_code"), "once used it tells no names"
    for username, password in (("bob", OTHER), ("alice", PASSWORD)):
        assert anybody.call("POST", "/tokens", {"username": username, "password": password}).status_code == 200


def test_an_account_without_a_password_gets_its_first(service: Service) -> None:
    anybody = Person(service)
    made = anybody.call("POST", "/users", {"phone": PHONE, "code": code_for(anybody, PHONE, "register")}).get_json()
    assert_problem(anybody.call("POST", "/tokens", {"username": made["username"], "password": "nobody has this"}), 401)
    body = {"to": PHONE, "code": code_for(anybody, PHONE, "reset"), **NEW}
    assert anybody.call("POST", "/passwords/reset", body).status_code == 204
    me = Person(service).log_in(made["username"], OTHER)
    assert_problem(me.call("POST", "/users/me/password", {"own_code": "000000", **NEW}), 422, field="old_password")


def test_a_first_password_by_a_code_of_ones_own(service: Service) -> None:
    anybody = Person(service)
    made = anybody.call("POST", "/users", {"phone": PHONE, "code": code_for(anybody, PHONE, "register")}).get_json()
    answer = anybody.call("POST", "/tokens/code", {"to": PHONE, "code": code_for(anybody, PHONE, "login")})
    me = Person(service, made["username"], made["id"], answer.get_json())
    assert_problem(me.call("POST", "/users/me/password", NEW), 422, field="own_code")
    assert_problem(me.call("POST", "/users/me/password", {"old_password": "", **NEW}), 422)
    assert me.call("POST", "/users/me/password", {"own_code": code_for(me, PHONE), **NEW}).status_code == 204
    Person(service).log_in(made["username"], OTHER)


def test_guesses_of_codes_are_counted_by_client(tmp_path: Path, clock: ManualClock) -> None:
    limits = {"limit_failures_address": "3/hour"}
    made = build(Settings(database_url=f"sqlite:///{tmp_path}/strict.db", **limits, **CHEAP), clock)
    made.migrate()
    body = {"to": PHONE, "code": "000000", **NEW}
    answers = [Person(made).call("POST", "/passwords/reset", body) for _ in range(4)]
    assert [a.status_code for a in answers] == [422] * 3 + [429]
    assert answers[-1].headers["Retry-After"]
    by_code = {"email": "a@example.com", "code": "000000"}
    assert Person(made).call("POST", "/users", by_code).status_code == 429
    elsewhere = {"X-Real-IP": "203.0.113.9"}
    assert Person(made).call("POST", "/passwords/reset", body, **elsewhere).status_code == 422
    made.database.close()
