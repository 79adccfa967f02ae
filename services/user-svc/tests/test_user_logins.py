"""Logins: by which names and codes, where one is logged in, how a login ends, and what becomes of a token that comes twice."""

import threading
from collections.abc import Callable
from datetime import timedelta

import jwt
import pytest
from common.clock import ManualClock
from common.messages import SecurityNoted
from common.service import Service
from common.testing import assert_problem, sent, take_sent
from login_world import acts, code_for, fire, prove
from sqlalchemy import text
from user_svc.app import Settings, build
from user_svc.devices import UNKNOWN, device_of
from user_svc.passwords import Passwords
from user_svc.usecases import logins
from user_world import CHEAP, PASSWORD, Person, join
from werkzeug.test import TestResponse

FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
HERE = {"User-Agent": FIREFOX, "X-Real-IP": "203.0.113.7"}


def log_in(service: Service, username: str, password: str = PASSWORD, **headers: str) -> Person:
    answer = Person(service).call("POST", "/tokens", {"username": username, "password": password}, **headers)
    assert answer.status_code == 200, answer.get_data()
    return Person(service, username, tokens=answer.get_json())


def refresh(person: Person, token: str | None = None, **headers: str) -> TestResponse:
    given = token or person.tokens["refresh_token"]
    return Person(person.service).call("POST", "/tokens/refresh", {"refresh_token": given}, **headers)


def told(service: Service) -> list[tuple[str, str, str]]:
    return [(m.account_id, m.what, m.device) for m in sent(service.database, SecurityNoted)]


def at_once(ask: Callable[[], TestResponse], times: int) -> list[TestResponse]:
    answers: list[TestResponse] = []
    barrier = threading.Barrier(times, timeout=20)

    def one() -> None:
        barrier.wait()
        answers.append(ask())

    threads = [threading.Thread(target=one) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


# --- by which name ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["alice", "ALICE", "alice@example.com", "Alice@Example.COM", "13812345678", "+86 138-1234-5678"]
)
def test_a_proved_address_is_a_login_name(service: Service, name: str) -> None:
    alice = prove(join(service, "alice"), "alice@example.com", "13812345678")
    assert Person(service).log_in(name).id == alice.id


@pytest.mark.parametrize("name", ["alice@example.com", "13812345678"])
def test_an_address_that_nobody_has_proved_is_none(alice: Person, anybody: Person, name: str) -> None:
    del alice
    answer = anybody.call("POST", "/tokens", {"username": name, "password": PASSWORD})
    assert_problem(answer, 401, "bad_credentials")


def test_two_accounts_of_one_address_are_told_apart_by_their_passwords(service: Service) -> None:
    people = []
    for name in ("amy", "ben"):
        body = {"username": name, "password": f"the password of {name}", "email": "family@example.com"}
        assert Person(service).call("POST", "/users", body).status_code == 201
        people.append(prove(Person(service).log_in(name, body["password"]), "family@example.com"))
    for person in people:
        found = Person(service).log_in("family@example.com", f"the password of {person.username}")
        assert found.id == person.id


def test_an_account_without_a_password_is_opened_by_none(service: Service) -> None:
    alice = join(service, "alice")
    with service.database.transaction() as tx:
        tx.conn.execute(text("UPDATE accounts SET password_hash = '' WHERE id = :id"), {"id": alice.id})
    for password in ("nobody has this password", PASSWORD, " "):
        body = {"username": "alice", "password": password}
        assert_problem(Person(service).call("POST", "/tokens", body), 401, "bad_credentials")


def test_a_password_that_is_changed_while_it_is_looked_at_begins_no_login(
    service: Service, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else who has the old one would be in after all logins were ended."""
    passwords = type(service.parts.passwords)
    honest = passwords.verify

    def slow(self: Passwords, stored: str | None, password: str) -> bool:
        with service.database.transaction() as tx:
            changed = {"hash": service.parts.passwords.hash("quite another password"), "id": alice.id}
            tx.conn.execute(text("UPDATE accounts SET password_hash = :hash WHERE id = :id"), changed)
        return honest(self, stored, password)

    monkeypatch.setattr(passwords, "verify", slow)
    body = {"username": "alice", "password": PASSWORD}
    assert_problem(Person(service).call("POST", "/tokens", body), 401, "bad_credentials")


# --- by a code -------------------------------------------------------------------------------------------------------


def test_logging_in_by_a_code_which_is_good_once(service: Service) -> None:
    alice = prove(join(service, "alice"), "13812345678")
    body = {"to": "+86 138 1234 5678", "code": code_for(service, "login", "13812345678")}
    answer = Person(service).call("POST", "/tokens/code", body, **HERE)
    assert answer.status_code == 200
    person = Person(service, tokens=answer.get_json())
    assert person.call("GET", "/users/me").get_json()["id"] == alice.id
    assert_problem(Person(service).call("POST", "/tokens/code", body), 422, "wrong_code")
    note = acts(service, "logged_in")[-1]
    assert (note.about, note.facts, note.network) == (alice.id, '{"by":"code"}', "203.0.113.0/24")


def test_a_code_opens_a_locked_account_and_ends_the_lock(service: Service) -> None:
    prove(join(service, "alice"), "alice@example.com")
    for _ in range(6):
        Person(service).call("POST", "/tokens", {"username": "alice", "password": "wrong"})
    body = {"to": "alice@example.com", "code": code_for(service, "login", "alice@example.com")}
    assert Person(service).call("POST", "/tokens/code", body).status_code == 200
    assert log_in(service, "alice")


def test_a_code_for_an_address_of_two_asks_which_account_and_stays_good(service: Service) -> None:
    amy, ben = (prove(join(service, name), "13812345678") for name in ("amy", "ben"))
    eve = join(service, "eve")
    body = {"to": "13812345678", "code": code_for(service, "login", "13812345678")}
    problem = assert_problem(Person(service).call("POST", "/tokens/code", body), 409, "several_accounts")
    assert sorted(problem["usernames"]) == ["amy", "ben"]
    assert Person(service).call("POST", "/tokens/code", {**body, "username": "eve"}).status_code in {409, 422}
    answer = Person(service).call("POST", "/tokens/code", {**body, "username": "BEN"})
    assert jwt.decode(answer.get_json()["access_token"], options={"verify_signature": False})["sub"] == ben.id
    assert amy.id != eve.id


def test_a_wrong_code_says_nothing_and_five_are_too_many(service: Service) -> None:
    prove(join(service, "alice"), "alice@example.com")
    code = code_for(service, "login", "alice@example.com")
    wrong = f"{(int(code) + 1) % 10**6:06}"
    nobody = Person(service).call("POST", "/tokens/code", {"to": "nobody@example.com", "code": wrong})
    for _ in range(5):
        known = Person(service).call("POST", "/tokens/code", {"to": "alice@example.com", "code": wrong})
        assert_problem(known, 422, "wrong_code")
        assert known.get_data() == nobody.get_data()
    right = {"to": "alice@example.com", "code": code}
    assert_problem(Person(service).call("POST", "/tokens/code", right), 422, "wrong_code")


def test_a_code_of_another_purpose_or_address_opens_nothing(service: Service) -> None:
    prove(join(service, "alice"), "alice@example.com")
    prove(join(service, "eve"), "eve@example.com")
    reset = code_for(service, "reset", "alice@example.com")
    mine = code_for(service, "login", "eve@example.com")
    for code in (reset, mine):
        body = {"to": "alice@example.com", "code": code}
        assert_problem(Person(service).call("POST", "/tokens/code", body), 422, "wrong_code")
    assert code_for(service, "login", "nobody@example.com") == ""


# --- a token that comes twice ----------------------------------------------------------------------------------------


def test_an_answer_that_was_lost_is_given_again(service: Service, alice: Person, clock: ManualClock) -> None:
    alice = log_in(service, "alice", **HERE)
    first = refresh(alice, **HERE).get_json()
    clock.advance(logins.AGAIN)
    again = refresh(alice, **HERE).get_json()
    assert again["refresh_token"] == first["refresh_token"], "never two that are good"
    assert refresh(alice, first["refresh_token"], **HERE).status_code == 200
    assert told(service) == []


def test_answers_that_are_lost_to_every_try_of_our_pages_end_nothing(
    service: Service, alice: Person, clock: ManualClock
) -> None:
    alice = log_in(service, "alice", **HERE)
    token = alice.tokens["refresh_token"]
    newest = refresh(alice, token, **HERE).get_json()["refresh_token"]
    for pause in (0.4, 1.2, 3):  # `PAUSES` of web/src/api/send.ts
        clock.advance(timedelta(seconds=6 + pause))  # `PATIENCE` of session.ts
        assert refresh(alice, token, **HERE).get_json().get("refresh_token") == newest
    assert told(service) == []


@pytest.mark.parametrize(
    "case", ["later", "another device", "another network", "after the new one was used", "the one before"]
)
def test_a_copy_ends_the_family_and_its_owner_is_told(service: Service, clock: ManualClock, case: str) -> None:
    owner = join(service, "alice")
    alice = log_in(service, "alice", **HERE)
    token = alice.tokens["refresh_token"]
    newest = refresh(alice, token, **HERE).get_json()["refresh_token"]
    headers = dict(HERE)
    if case == "later":
        clock.advance(logins.AGAIN + timedelta(seconds=1))
    elif case == "another device":
        headers["User-Agent"] = "curl/8.5.0"
    elif case == "another network":
        headers["X-Real-IP"] = "198.51.100.7"
    else:
        newest = refresh(alice, newest, **HERE).get_json()["refresh_token"]
        if case == "the one before":
            newest = refresh(alice, newest, **HERE).get_json()["refresh_token"]
    assert_problem(refresh(alice, token, **headers), 401, "refresh_token_invalid")
    assert_problem(refresh(alice, newest, **HERE), 401, "refresh_token_invalid")
    assert_problem(refresh(alice, token, **HERE), 401, "refresh_token_invalid")
    assert told(service) == [(owner.id, "token_reused", device_of(headers["User-Agent"]))], "once"
    (note,) = acts(service, "token_reused")
    assert (note.about, note.actor) == (owner.id, None)


def test_of_many_refreshes_at_once_one_counts_and_all_get_the_same(alice: Person) -> None:
    answers = at_once(lambda: refresh(alice), 8)
    assert [answer.status_code for answer in answers] == [200] * 8
    (newest,) = {answer.get_json()["refresh_token"] for answer in answers}
    assert refresh(alice, newest).status_code == 200


def test_of_two_devices_at_once_one_wins_and_the_family_ends(alice: Person) -> None:
    devices = [{"User-Agent": FIREFOX}, {"User-Agent": "curl/8.5.0"}]
    answers = at_once(lambda: refresh(alice, **devices.pop()), 2)
    assert sorted(answer.status_code for answer in answers) == [200, 401]
    won = next(answer.get_json() for answer in answers if answer.status_code == 200)
    assert_problem(refresh(alice, won["refresh_token"]), 401)


@pytest.mark.stack
def test_the_same_on_postgresql(postgres_url: str) -> None:
    service = build(Settings(database_url=postgres_url, **CHEAP))
    service.migrate()
    alice = join(service, "alice")
    answers = at_once(lambda: refresh(alice), 4)
    assert [answer.status_code for answer in answers] == [200] * 4
    assert len({answer.get_json()["refresh_token"] for answer in answers}) == 1
    bob = join(service, "bob")
    devices = [{"User-Agent": FIREFOX}, {"User-Agent": "curl/8.5.0"}]
    assert sorted(a.status_code for a in at_once(lambda: refresh(bob, **devices.pop()), 2)) == [200, 401]
    wrong = {"username": "bob", "password": "wrong"}
    answers = at_once(lambda: Person(service).call("POST", "/tokens", wrong), 12)
    assert sorted(answer.status_code for answer in answers) == [401] * 5 + [429] * 7
    page = alice.call("GET", "/users/me/logins?limit=1").get_json()
    assert alice.call("GET", f"/users/me/logins?cursor={page['next_cursor'] or ''}").status_code == 200
    service.database.close()


def test_what_nobody_had_from_us_ends_nobodys_login(alice: Person) -> None:
    shown = alice.call("GET", "/users/me/logins").get_json()["items"][0]["id"]
    sid = jwt.decode(alice.tokens["access_token"], options={"verify_signature": False})["sid"]
    assert sid == shown
    for token in (f"{shown}.x", f"{shown[4:]}.x", f"log_{shown}.{'x' * 43}"):
        assert_problem(refresh(alice, token), 401, "refresh_token_invalid")
        assert Person(alice.service).call("POST", "/tokens/logout", {"refresh_token": token}).status_code == 204
    assert refresh(alice).status_code == 200


def test_a_refresh_reads_the_roles_anew_and_ends_with_the_account(service: Service, alice: Person) -> None:
    with service.database.transaction() as tx:
        tx.conn.execute(
            text("UPDATE accounts SET roles = 'patient cashier', hospital_id = 'hos_1' WHERE id = :id"),
            {"id": alice.id},
        )
    alice.tokens = refresh(alice).get_json()
    claims = jwt.decode(alice.tokens["access_token"], options={"verify_signature": False})
    assert (claims["roles"], claims["hospital"]) == (["patient", "cashier"], "hos_1")
    with service.database.transaction() as tx:
        tx.conn.execute(text("UPDATE accounts SET deleted_at = created_at WHERE id = :id"), {"id": alice.id})
    assert_problem(refresh(alice), 401, "refresh_token_invalid")
    answer = Person(service).call("POST", "/tokens", {"username": "alice", "password": PASSWORD})
    assert_problem(answer, 401, "bad_credentials")


def test_logins_of_before_ids_were_shown_go_on(service: Service, alice: Person) -> None:
    handle = alice.tokens["refresh_token"].split(".")[0]
    with service.database.transaction() as tx:
        tx.conn.execute(text("UPDATE logins SET id = :id"), {"id": handle})
    renewed = refresh(alice)
    assert renewed.status_code == 200
    assert refresh(alice, renewed.get_json()["refresh_token"]).status_code == 200


# --- where one is logged in, and how it ends -------------------------------------------------------------------------


def test_where_one_is_logged_in(service: Service, bob: Person, clock: ManualClock) -> None:
    clock.advance(timedelta(hours=-1))
    body = {"username": "alice", "password": PASSWORD, "email": "alice@example.com"}
    Person(service).call("POST", "/users", body)
    log_in(service, "alice")
    clock.advance(timedelta(hours=1))
    alice = log_in(service, "alice", **HERE)
    items = alice.call("GET", "/users/me/logins").get_json()["items"]
    assert [(item["device"], item["network"], item["current"]) for item in items] == [
        ("Firefox, Windows", "203.0.113.0/24", True),
        (UNKNOWN, "127.0.0.0/24", False),
    ]
    assert items[0]["created_at"] > items[1]["created_at"]
    assert all(item["created_at"] == item["last_used_at"] for item in items)
    assert not any(alice.tokens["refresh_token"].split(".")[0] in str(item) for item in items)
    assert len(bob.call("GET", "/users/me/logins").get_json()["items"]) == 1


def test_the_list_is_paged(service: Service, alice: Person) -> None:
    for _ in range(4):
        log_in(service, "alice")
    seen, cursor = [], ""
    while cursor is not None:
        page = alice.call("GET", f"/users/me/logins?limit=2&cursor={cursor}").get_json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert len(seen) == len(set(seen)) == 5
    assert_problem(alice.call("GET", "/users/me/logins?cursor=x"), 422, field="cursor")


def test_ending_one_login(service: Service, alice: Person, bob: Person) -> None:
    other = log_in(service, "alice")
    mine = jwt.decode(alice.tokens["access_token"], options={"verify_signature": False})["sid"]
    assert_problem(bob.call("DELETE", f"/users/me/logins/{mine}"), 404, "login_not_found")
    assert_problem(alice.call("DELETE", "/users/me/logins/log_none"), 404, "login_not_found")
    assert other.call("DELETE", f"/users/me/logins/{mine}").status_code == 204
    assert_problem(other.call("DELETE", f"/users/me/logins/{mine}"), 404, "login_not_found")
    assert_problem(refresh(alice), 401, "refresh_token_invalid")
    assert refresh(other).status_code == 200
    assert [(act.actor, act.about) for act in acts(service, "logged_out")] == [(alice.id, alice.id)]
    assert told(service) == []


def test_logging_out(service: Service, alice: Person) -> None:
    other = log_in(service, "alice")
    for _ in range(2):
        body = {"refresh_token": alice.tokens["refresh_token"]}
        assert Person(service).call("POST", "/tokens/logout", body).status_code == 204, "again, the same"
    assert_problem(refresh(alice), 401)
    assert refresh(other).status_code == 200
    assert len(acts(service, "logged_out")) == 1
    for token in ("x", "a.b", "", "." * 200):
        answer = Person(service).call("POST", "/tokens/logout", {"refresh_token": token})
        assert answer.status_code == (204 if token else 422)


def test_logging_out_everywhere(service: Service, alice: Person, bob: Person) -> None:
    others = [log_in(service, "alice") for _ in range(2)]
    take_sent(service.database)
    assert alice.call("POST", "/users/me/logout", **HERE).status_code == 204
    for person in (alice, *others):
        assert_problem(refresh(person), 401)
    assert refresh(bob).status_code == 200
    assert told(service) == [(alice.id, "logins_ended", "Firefox, Windows")]
    assert alice.call("POST", "/users/me/logout").status_code == 204
    assert len(told(service)) == len(acts(service, "logins_ended")) == 1, "there was nothing left to end"
    assert log_in(service, "alice")


def test_what_is_known_of_a_login_is_forgotten_when_it_is_over(
    service: Service, alice: Person, bob: Person, clock: ManualClock
) -> None:
    log_in(service, "alice")
    alice.call("POST", "/users/me/logout")
    clock.advance(timedelta(days=29))
    assert refresh(bob).status_code == 200
    later = log_in(service, "alice")
    clock.advance(timedelta(days=2))
    fire(service)
    with service.database.reading() as conn:
        left = conn.execute(text("SELECT account_id FROM logins ORDER BY created_at")).scalars().all()
    assert list(left) == [bob.id, alice.id]
    assert refresh(later).status_code == 200


@pytest.mark.parametrize(
    ("user_agent", "device"),
    [
        (FIREFOX, "Firefox, Windows"),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.1 Safari/605.1.15",
            "Safari, Mac",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Mobile/15E148 MicroMessenger/8.0.50",
            "WeChat, iPhone",
        ),
        (
            "Mozilla/5.0 (Linux; Android 14; V2309A) AppleWebKit/537.36 Chrome/126.0 Mobile Safari/537.36",
            "Chrome, Android",
        ),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/130.0 Safari/537.36 Edg/130.0", "Edge, Windows"),
        ("python-requests/2.32.3", UNKNOWN),
        ("haoyuan-unlock.com.cn-safe.example/1.0 whatever", UNKNOWN),
        ("haoyuan-unlock.example/1.0 (Windows) Firefox/1", "Firefox, Windows"),
        ("x" * 1000, UNKNOWN),
        ("<script>alert(1)</script>", UNKNOWN),
        ("点击 http://evil.example", UNKNOWN),
        ("", ""),
        (" ", ""),
    ],
)
def test_a_device_in_a_few_words(user_agent: str, device: str) -> None:
    assert device_of(user_agent) == device
