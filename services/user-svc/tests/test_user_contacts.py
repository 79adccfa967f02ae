"""Addresses: proved by codes, told to notify-svc sealed, changed by their owner alone, shared by two accounts at most."""

from typing import Any

import pytest
import sqlalchemy as sa
from code_world import NEW, code_for, prove, wait, wrong
from common.clock import ManualClock
from common.messages import CodeIssued, ContactChanged, SecurityNoted
from common.outbox.tables import outbox
from common.service import Service
from common.testing import assert_problem, bearer, sent, take_sent
from common.vault import Unreadable
from test_user_codes import at_once
from user_svc import store
from user_svc.store.tables import accounts, trail
from user_world import PASSWORD, Person, join

MAIL, PHONE = "ann@example.com", "13912345678"


def contact(service: Service, m: ContactChanged) -> tuple[str | None, str | None]:
    """What notify-svc reads."""
    vault = service.parts.contacts
    email = vault.open(m.email, f"{m.account_id}/email") if m.email else None
    return email, vault.open(m.phone, f"{m.account_id}/phone") if m.phone else None


def told(service: Service, account_id: str) -> list[tuple[int, str, str | None, str | None]]:
    messages = [m for m in sent(service.database, ContactChanged) if m.account_id == account_id]
    return [(m.revision, m.locale, *contact(service, m)) for m in messages]


def row_of(person: Person) -> Any:
    with person.service.database.reading() as conn:
        return store.account(conn, person.id)


def by_phone(service: Service, to: str, **more: Any) -> Any:
    caller = Person(service)
    return caller.call("POST", "/users", {"phone": to, "code": code_for(caller, to, "register"), **more})


def signed_in(service: Service, account: dict[str, Any]) -> Person:
    """With a genuine token: how one logs in by a code is tested elsewhere."""
    token = bearer(account["id"])["Authorization"].partition(" ")[2]
    return Person(service, account["username"], account["id"], {"access_token": token})


def test_what_is_told_of_a_contact(service: Service) -> None:
    """The language from the start; addresses when they are proved, sealed; in the order of the revisions."""
    alice = join(service, "alice", phone="13812345678", locale="en")
    assert told(service, alice.id) == [(1, "en", None, None)]
    prove(alice, "alice@example.com")
    prove(alice, PHONE)
    alice.call("PATCH", "/users/me", {"locale": "zh-CN"})
    alice.call("PATCH", "/users/me", {"locale": "zh-CN"})
    prove(alice, "new@example.com")
    assert told(service, alice.id)[1:] == [
        (2, "en", "alice@example.com", None),
        (3, "en", "alice@example.com", PHONE),
        (4, "zh-CN", "alice@example.com", PHONE),
        (5, "zh-CN", "new@example.com", PHONE),
    ]
    last = sent(service.database, ContactChanged)[-1]
    with pytest.raises(Unreadable):
        service.parts.contacts.open(last.email, f"{alice.id}/phone")
    with service.database.reading() as conn:
        bodies = b"".join(bytes(row.body) for row in conn.execute(sa.select(outbox)))
    assert b"example.com" not in bodies
    assert PHONE.encode() not in bodies


def test_a_proved_address_stands_nowhere_in_clear(alice: Person) -> None:
    prove(alice, "alice@example.com")
    prove(alice, PHONE)
    row = row_of(alice)
    assert (row.email, row.email_verified_at is None, row.phone_verified_at is None) == ("", False, False)
    assert "example.com" not in str(row)
    assert PHONE not in str(row)
    shown = alice.call("GET", "/users/me").get_json()
    assert (shown["email"], shown["email_verified"]) == ("alice@example.com", True)
    assert (shown["phone"], shown["phone_verified"]) == ("139****5678", True)


def test_an_address_is_proved_by_its_own_code_and_the_password(alice: Person, clock: ManualClock) -> None:
    code = code_for(alice, MAIL)
    good = {"email": MAIL, "code": code, "password": PASSWORD}
    path = "/users/me/email"
    assert_problem(alice.call("POST", path, {**good, "code": wrong(code)}), 422, "wrong_code")
    assert_problem(alice.call("POST", path, {**good, "email": "other@example.com"}), 422, "wrong_code")
    assert_problem(alice.call("POST", path, {**good, "password": "guessed it"}), 403, "wrong_password")
    assert_problem(alice.call("POST", path, {"email": MAIL, "code": code}), 422, field="password")
    assert_problem(alice.call("POST", path, {"email": MAIL, "code": code, "own_code": code}), 422, field="password")
    assert not alice.call("GET", "/users/me").get_json()["email_verified"]
    spelt = {**good, "email": " ANN@example.com"}
    assert alice.call("POST", path, spelt).status_code == 200, "one address, however it is spelt"
    assert_problem(alice.call("POST", path, good), 422, "wrong_code")
    wait(clock, 61)
    again = {**good, "code": code_for(alice, MAIL)}
    assert alice.call("POST", path, again).status_code == 200
    assert len(told(alice.service, alice.id)) == 2, "it was hers already"


def test_guessing_the_password_with_a_stolen_token_locks_out(alice: Person) -> None:
    body = {"email": MAIL, "code": "000000", "password": "guess"}
    answers = [alice.call("POST", "/users/me/email", body) for _ in range(6)]
    assert [a.status_code for a in answers] == [403] * 5 + [429]
    assert answers[-1].headers["Retry-After"] == "1"


def test_the_former_address_is_told(alice: Person, service: Service) -> None:
    prove(alice, PHONE)
    (first,) = sent(service.database, SecurityNoted)
    assert (first.what, first.account_id, first.former, first.channel) == ("phone_added", alice.id, None, None)
    take_sent(service.database)
    prove(alice, "13700000000")
    (noted,) = sent(service.database, SecurityNoted)
    assert (noted.what, noted.channel) == ("phone_changed", "sms")
    assert service.parts.contacts.open(noted.former, f"{noted.note_id}/former") == PHONE
    prove(alice, "alice@example.com")
    assert sent(service.database, SecurityNoted)[-1].what == "email_added"
    prove(alice, MAIL)
    noted = sent(service.database, SecurityNoted)[-1]
    assert (noted.what, noted.channel) == ("email_changed", "email")
    assert service.parts.contacts.open(noted.former, f"{noted.note_id}/former") == "alice@example.com"
    with service.database.reading() as conn:
        acts = conn.execute(sa.select(trail.c.act, trail.c.actor, trail.c.facts).where(trail.c.about == alice.id)).all()
    acts = [row for row in acts if row.act not in {"registered", "logged_in"}]
    assert [(row.act, row.actor) for row in acts] == [
        (act, alice.id) for act in ("phone_changed", "phone_changed", "email_changed", "email_changed")
    ]
    assert "example" not in str(acts)


def test_a_proved_address_is_not_changed_in_passing(alice: Person) -> None:
    prove(alice, "alice@example.com")
    for change in ({"email": "thief@example.com"}, {"email": "thief@example.com", "locale": "en"}):
        assert_problem(alice.call("PATCH", "/users/me", change), 409, "contact_verified")
    same = alice.call("PATCH", "/users/me", {"email": "alice@example.com", "phone": "13700000000", "locale": "en"})
    assert same.status_code == 200, "what does not change it is nothing, and the phone is not proved"
    prove(alice, PHONE)
    for phone in (None, "13700000000"):
        assert_problem(alice.call("PATCH", "/users/me", {"phone": phone}), 409, "contact_verified")
    assert alice.call("GET", "/users/me").get_json()["phone_verified"]


def test_two_accounts_may_share_an_address_and_a_third_may_not(service: Service, clock: ManualClock) -> None:
    people = [join(service, name) for name in ("alice", "bob", "carol")]
    for person in people[:2]:
        prove(person, PHONE)
        wait(clock, 61)
    code = code_for(people[2], PHONE)
    body = {"phone": PHONE, "password": PASSWORD}
    refused = people[2].call("POST", "/users/me/phone", {**body, "code": wrong(code)})
    assert_problem(refused, 422, "wrong_code"), "nothing is told without the code"
    assert_problem(people[2].call("POST", "/users/me/phone", {**body, "code": code}), 409, "contact_taken")
    caller = Person(service)
    code = code_for(caller, PHONE, "register")
    body = {"phone": PHONE}
    assert_problem(caller.call("POST", "/users", {**body, "code": wrong(code)}), 422, "wrong_code")
    assert_problem(caller.call("POST", "/users", {**body, "code": code}), 409, "contact_taken")
    wait(clock, 61)
    prove(people[0], "13700000000")
    assert by_phone(service, PHONE).status_code == 201, "there is room again"


def test_of_ten_who_want_one_address_at_once_two_get_it(service: Service, clock: ManualClock) -> None:
    people = [join(service, f"person{n}") for n in range(10)]
    codes = []
    for person in people:
        codes.append(code_for(person, PHONE))
        wait(clock, 61)
        with (
            service.database.transaction() as tx
        ):  # ten codes in ten minutes are too many, and the first would be too old
            tx.conn.execute(sa.text("UPDATE codes SET created_at = '2026-01-01', expires_at = '2100-01-01'"))

    def confirm(n: int) -> Any:
        return people[n].call("POST", "/users/me/phone", {"phone": PHONE, "code": codes[n], "password": PASSWORD})

    answers = at_once(10, confirm)
    assert sorted(a.status_code for a in answers) == [200] * 2 + [409] * 8
    with service.database.reading() as conn:
        index = service.parts.vault.index(f"sms:{PHONE}")
        assert conn.execute(sa.select(sa.func.count()).where(accounts.c.phone_index == index)).scalar_one() == 2


def test_an_account_without_a_password_shows_its_owner_by_a_code(service: Service, clock: ManualClock) -> None:
    owner = signed_in(service, by_phone(service, PHONE).get_json())
    code = code_for(owner, MAIL)
    good = {"email": MAIL, "code": code}
    assert_problem(owner.call("POST", "/users/me/email", good), 422, field="own_code")
    assert_problem(owner.call("POST", "/users/me/email", {**good, "password": ""}), 422)
    assert_problem(owner.call("POST", "/users/me/email", {**good, "password": PASSWORD}), 422, field="own_code")
    assert_problem(owner.call("POST", "/users/me/email", {**good, "own_code": code}), 422, "wrong_code")
    mine = code_for(owner, PHONE)
    assert owner.call("POST", "/users/me/email", {**good, "own_code": mine}).status_code == 200
    wait(clock, 61)
    again = {"phone": "13700000000", "code": code_for(owner, "13700000000"), "own_code": mine}
    assert_problem(owner.call("POST", "/users/me/phone", again), 422, "wrong_code"), "it was used"
    mine = code_for(owner, MAIL)
    assert owner.call("POST", "/users/me/phone", {**again, "own_code": mine}).status_code == 200, "or the other one"


def test_a_code_that_ends_an_account_goes_to_its_owner_alone(service: Service, clock: ManualClock) -> None:
    """In her language; strangers are not frightened by it."""
    alice = join(service, "alice", email=MAIL, locale="en")
    for to in (MAIL, "stranger@example.com"):
        assert_problem(alice.call("POST", "/users/me/codes", {"to": to, "purpose": "delete"}), 422, field="to")
    prove(alice, MAIL)
    wait(clock, 61)
    code_for(alice, MAIL, "delete")
    assert [(m.purpose, m.locale) for m in sent(service.database, CodeIssued)] == [("confirm", "en"), ("delete", "en")]


def test_an_unproved_address_serves_for_nothing(service: Service, alice: Person, anybody: Person) -> None:
    """Whoever writes another's address into her account gets no power over it, and is not in its owner's way."""
    thief = join(service, "thief", email="alice@example.com")
    take_sent(service.database)
    for purpose in ("login", "reset"):
        anybody.call("POST", "/codes", {"purpose": purpose, "to": "alice@example.com"})
    assert_problem(anybody.call("POST", "/passwords/reset", {"to": "alice@example.com", "code": "000000", **NEW}), 422)
    prove(alice, "alice@example.com")
    assert [m.purpose for m in sent(service.database, CodeIssued)] == ["confirm"]
    assert thief.call("GET", "/users/me").get_json()["email_verified"] is False
    assert row_of(thief).email_index is None


def test_an_account_that_has_ended_is_found_by_nobody(service: Service, alice: Person, clock: ManualClock) -> None:
    prove(alice, PHONE)
    with service.database.transaction() as tx:
        tx.conn.execute(sa.update(accounts).where(accounts.c.id == alice.id).values(deleted_at=tx.now))
    take_sent(service.database)
    anybody = Person(service)
    for purpose in ("login", "reset"):
        anybody.call("POST", "/codes", {"purpose": purpose, "to": PHONE})
    wait(clock, 61)
    assert by_phone(service, PHONE).status_code == 201
    assert [m.purpose for m in sent(service.database, CodeIssued)] == ["register"]
    assert_problem(anybody.call("POST", "/tokens", {"username": "alice", "password": PASSWORD}), 401)
    for method, path, body in (
        ("GET", "/users/me", None),
        ("PATCH", "/users/me", {"locale": "en"}),
        ("POST", "/users/me/phone", {"phone": PHONE, "code": "000000", "password": PASSWORD}),
        ("POST", "/users/me/password", {"old_password": PASSWORD, **NEW}),
    ):
        assert_problem(alice.call(method, path, body), 401, "account_deleted")
    assert row_of(alice) is None
    with service.database.reading() as conn:
        assert store.account_by_key(conn, "alice") is None
    with service.database.transaction() as tx:
        assert not store.change_account(tx, alice.id, {"locale": "en"})


def test_an_address_from_before_they_were_sealed_is_shown(service: Service, alice: Person) -> None:
    with service.database.transaction() as tx:
        old = {"email": "old@example.com", "email_sealed": None}
        tx.conn.execute(sa.update(accounts).where(accounts.c.id == alice.id).values(old))
    shown = alice.call("GET", "/users/me").get_json()
    assert (shown["email"], shown["email_verified"]) == ("old@example.com", False)
    alice.call("PATCH", "/users/me", {"email": MAIL})
    assert row_of(alice).email == ""
    assert alice.call("GET", "/users/me").get_json()["email"] == MAIL


def test_what_the_release_before_writes_is_not_proved(service: Service, alice: Person) -> None:
    """During an upgrade it may change an address, and knows nothing of what is proved."""
    prove(alice, PHONE)
    prove(alice, MAIL)
    sealed = service.parts.vault.seal("13700000000", f"{alice.id}/phone")
    with service.database.transaction() as tx:
        store.change_account(tx, alice.id, {"phone_sealed": sealed})
    take_sent(service.database)
    alice.call("PATCH", "/users/me", {"locale": "en"})
    shown = alice.call("GET", "/users/me").get_json()
    assert (shown["phone"], shown["phone_verified"], shown["email_verified"]) == ("137****0000", False, True)
    assert told(service, alice.id) == [(4, "en", MAIL, None)]


@pytest.mark.parametrize("mass", ["email_verified", "phone_verified_at", "roles", "account_id", "contact_revision"])
def test_nothing_else_is_taken_from_a_body(alice: Person, anybody: Person, mass: str) -> None:
    for who, path, body in (
        (anybody, "/codes", {"purpose": "login", "to": MAIL}),
        (alice, "/users/me/codes", {"to": MAIL}),
        (alice, "/users/me/email", {"email": MAIL, "code": "000000", "password": PASSWORD}),
        (alice, "/users/me/phone", {"phone": PHONE, "code": "000000", "password": PASSWORD}),
        (alice, "/users/me/password", {"old_password": PASSWORD, **NEW}),
        (anybody, "/passwords/reset", {"to": MAIL, "code": "000000", **NEW}),
        (anybody, "/users", {"email": MAIL, "code": "000000"}),
    ):
        assert_problem(who.call("POST", path, {**body, mass: "x"}), 422, field=mass)
