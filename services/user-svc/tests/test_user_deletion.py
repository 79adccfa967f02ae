"""An account ends: at once nothing of its owner is left but what must be, others are told, and marks outlive her."""

import json
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from common.clock import ManualClock
from common.ids import person_of
from common.messages import AccountDeleted, CodeIssued, ContactChanged, PatientSaved, SecurityNoted
from common.outbox import Timer
from common.outbox.tables import timers
from common.service import Service
from common.testing import assert_problem, deliver, sent, take_sent
from credit_world import ZHANG, appeal, marked, missed
from login_world import prove
from user_svc import store
from user_svc.store import tables
from user_svc.usecases import codes, deletion
from user_world import PASSWORD, Person, join

END = {"password": PASSWORD}
ADULT = {**ZHANG, "id_type": "passport", "id_number": "E87654321"}
CHILD = {
    "name": "张小小",
    "id_type": "passport",
    "id_number": "E12345678",
    "phone": "13812345678",
    "birth_date": "2020-02-02",
}


def end(person: Person, **proof: Any) -> None:
    answer = person.call("POST", "/users/me/delete", proof or END)
    assert answer.status_code == 204, answer.get_data()


def everything(service: Service) -> str:
    """Whatever stands in the service's own tables, as text."""
    with service.database.reading() as conn:
        return "\n".join(
            str(dict(row))
            for table in tables.metadata.sorted_tables
            for row in conn.execute(sa.select(table)).mappings()
        )


def rows(service: Service, table: sa.Table, *where: Any) -> list[Any]:
    with service.database.reading() as conn:
        return list(conn.execute(sa.select(table).where(*where)).all())


def forget(service: Service) -> None:
    with service.database.transaction() as tx:
        deletion.forget(tx, Timer(deletion.FORGET, "", tx.now, {}))


# --- at once ---------------------------------------------------------------------------------------------------------


def test_nothing_of_her_is_left(service: Service, alice: Person, patient: str) -> None:
    guarded = {**CHILD, "guardian_id": patient}
    child = alice.call("POST", "/users/me/patients", guarded).get_json()["id"]
    appeal(alice, patient, marked(alice, patient), "我在住院，十楼")
    before = everything(service)
    end(alice)
    after = everything(service)
    with service.database.reading() as conn:
        (account,) = conn.execute(sa.select(tables.accounts).where(tables.accounts.c.id == alice.id)).all()
        (mark,) = conn.execute(sa.select(tables.credit_marks)).all()
        people = conn.execute(sa.select(tables.patients)).all()
    assert "alice" in before
    for word in ("alice", "example.com", "argon2"):
        assert word not in str(dict(account._mapping)), word
    assert "alice" not in after
    sealed = [row for row in people for name in row._fields if name.endswith("_sealed") and getattr(row, name)]
    assert sealed == []
    assert {row.id for row in people} == {patient, child}
    assert [(row.place, row.guardian_id, row.removed_at is None) for row in people] == [(None, None, False)] * 2
    assert (account.email_sealed, account.phone_sealed, account.email_index, account.password_hash) == (
        None,
        None,
        None,
        "",
    )
    assert (mark.appeal, mark.appeal_sealed, mark.appealed_at) == ("none", None, None)
    assert rows(service, tables.logins) == []


def test_others_are_told(service: Service, alice: Person, patient: str, clock: ManualClock) -> None:
    take_sent(service.database)
    end(alice)
    told = take_sent(service.database)
    assert [type(m) for m in told] == [SecurityNoted, PatientSaved, ContactChanged, AccountDeleted]
    noted, saved, contact, deleted = told
    assert (noted.what, noted.account_id) == ("account_deleted", alice.id)
    assert (saved.removed, saved.revision, saved.masked_name) == (True, 2, "*")
    assert (contact.email, contact.phone) == (None, None)
    assert deleted == AccountDeleted(alice.id, [patient], clock())


def test_her_tokens_do_nothing_any_more(service: Service, alice: Person, patient: str) -> None:
    refresh = {"refresh_token": alice.tokens["refresh_token"]}
    mark = marked(alice, patient)
    end(alice)
    for method, path, body in (
        ("GET", "/users/me", None),
        ("GET", "/users/me/patients", None),
        ("POST", "/users/me/patients", ZHANG),
        ("GET", f"/users/me/patients/{patient}/credit", None),
        ("POST", f"/users/me/patients/{patient}/credit/{mark}/appeal", {"reason": "x"}),
        ("PATCH", "/users/me", {"locale": "en"}),
        ("POST", "/users/me/export", END),
        ("POST", "/users/me/delete", END),
    ):
        assert_problem(alice.call(method, path, body), 401, "account_deleted")
    assert_problem(Person(service).call("POST", "/tokens/refresh", refresh), 401)
    assert_problem(Person(service).call("POST", "/tokens", {"username": "alice", "password": PASSWORD}), 401)


def test_it_must_be_she(service: Service, alice: Person) -> None:
    assert_problem(alice.call("POST", "/users/me/delete", {"password": "wrong horse"}), 403, "wrong_password")
    assert_problem(alice.call("POST", "/users/me/delete", {"code": "123456"}), 422, "wrong_code")
    assert_problem(alice.call("POST", "/users/me/delete", {}), 422)
    assert_problem(alice.call("POST", "/users/me/delete", {**END, "account_id": "acc_2"}), 422, field="account_id")
    assert alice.call("GET", "/users/me").status_code == 200
    assert sent(service.database, AccountDeleted) == []


def test_a_code_to_her_own_address_does(service: Service, alice: Person) -> None:
    prove(alice, "alice@example.com", "13812345678")
    take_sent(service.database)
    assert_problem(alice.call("POST", "/users/me/delete", {"code": own_code(alice, "confirm")}), 422, "wrong_code")
    end(alice, code=own_code(alice, "delete"))
    (noted,) = sent(service.database, SecurityNoted)
    former = service.parts.contacts.open(noted.former, f"{noted.note_id}/former")
    assert (noted.channel, former) == ("email", "alice@example.com"), "told where she was reached"
    assert rows(service, tables.codes) == []


def own_code(person: Person, purpose: str) -> str:
    asked = {"to": "13812345678", "purpose": purpose}
    assert person.call("POST", "/users/me/codes", asked).status_code == 202
    (job,) = rows(person.service, timers, timers.c.kind == codes.SEND)
    codes.send(person.service, Timer(job.kind, job.key, job.due_at, json.loads(job.payload)))
    issued = sent(person.service.database, CodeIssued)[-1]
    return str(person.service.parts.contacts.open(issued.code, f"{issued.code_id}/code"))


def test_who_has_roles_keeps_the_account(service: Service, operator: Person, registrar: Person) -> None:
    assert_problem(operator.call("POST", "/users/me/delete", END), 409, "staff_account")
    assert_problem(registrar.call("POST", "/users/me/delete", END), 409, "staff_account")


def test_nobody_else_gets_the_name(service: Service, alice: Person) -> None:
    end(alice)
    body = {"username": "ALICE", "password": PASSWORD, "email": "other@example.com"}
    assert_problem(Person(service).call("POST", "/users", body), 409, "username_taken")


def test_two_at_once_end_it_once(service: Service, alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    real = deletion.prove_owner

    def overtaken(*args: Any, **more: Any) -> Any:
        proof = real(*args, **more)
        monkeypatch.setattr(deletion, "prove_owner", real)
        end(alice)
        return proof

    monkeypatch.setattr(deletion, "prove_owner", overtaken)
    assert_problem(alice.call("POST", "/users/me/delete", END), 404, "account_not_found")
    assert len(sent(service.database, AccountDeleted)) == 1


# --- what outlives her -----------------------------------------------------------------------------------------------


def add(person: Person) -> str:
    return str(person.call("POST", "/users/me/patients", ZHANG).get_json()["id"])


def test_coming_again_washes_nothing(service: Service, alice: Person, patient: str) -> None:
    marked(alice, patient)
    end(alice)
    again = join(service, "alice2")
    back = add(again)
    assert (back != patient, person_of(back)) == (True, person_of(patient))
    answer = again.call("GET", f"/users/me/patients/{back}/credit").get_json()
    assert (answer["items"], len(answer["elsewhere"])) == ([], 1)
    marked(again, back, order="ord_2")
    with service.database.reading() as conn:
        assert len(store.marks_of(conn, person_of(back))) == 2


def test_the_hash_goes_when_nothing_needs_it(service: Service, alice: Person, patient: str, clock: ManualClock) -> None:
    marked(alice, patient)
    again = join(service, "alice2")  # tokens are of the time of day
    end(alice)
    clock.advance(timedelta(days=364))
    forget(service)
    assert [row.person for row in rows(service, tables.persons)] == [person_of(patient)]
    assert len(rows(service, tables.credit_marks)) == 1
    clock.advance(timedelta(days=2))
    forget(service)
    assert rows(service, tables.credit_marks) == []
    assert rows(service, tables.persons) == []
    assert person_of(add(again)) != person_of(patient), "a year later she is somebody new"


def test_limits_of_a_quarter_outlive_the_account(
    service: Service, alice: Person, patient: str, clock: ManualClock
) -> None:
    end(alice)
    clock.advance(deletion.LIMITS_LOOK_BACK - timedelta(minutes=1))
    forget(service)
    assert len(rows(service, tables.persons)) == 1
    clock.advance(timedelta(minutes=1))
    forget(service)
    assert rows(service, tables.persons) == []
    with service.database.reading() as conn:
        assert conn.execute(sa.select(tables.patients.c.id_index)).scalars().all() == [""]


def test_somebody_elses_list_keeps_her_known(
    service: Service, alice: Person, bob: Person, patient: str, clock: ManualClock
) -> None:
    also = add(bob)
    end(alice)
    clock.advance(timedelta(days=200))
    forget(service)
    assert {row.person for row in rows(service, tables.persons)} == {person_of(also)}


def test_who_left_later_keeps_her_known_longer(
    service: Service, alice: Person, bob: Person, patient: str, clock: ManualClock
) -> None:
    add(bob)
    end(alice)
    clock.advance(timedelta(days=80))
    end(bob)
    clock.advance(timedelta(days=20))
    forget(service)
    assert len(rows(service, tables.persons)) == 1
    clock.advance(timedelta(days=80))
    forget(service)
    assert rows(service, tables.persons) == []


def test_a_mark_of_after_the_end_counts(service: Service, alice: Person, patient: str, clock: ManualClock) -> None:
    end(alice)
    deliver(service, missed(alice, patient))
    clock.advance(deletion.LIMITS_LOOK_BACK * 2)
    forget(service)
    assert len(rows(service, tables.persons)) == len(rows(service, tables.credit_marks)) == 1


def test_words_of_an_appeal_that_was_under_way_go_too(
    service: Service, alice: Person, patient: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = marked(alice, patient)
    monkeypatch.setattr(deletion.rows, "forget_words", lambda *_: None)
    appeal(alice, patient, mark)
    end(alice)
    monkeypatch.undo()
    forget(service)
    (row,) = rows(service, tables.credit_marks)
    assert (row.appeal, row.appeal_sealed) == ("none", None)


def test_the_round_goes_on_page_by_page(service: Service, alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deletion, "AT_ONCE", 1)
    ids = sorted([add(alice), str(alice.call("POST", "/users/me/patients", ADULT).get_json()["id"])])
    end(alice)
    seen, payload = [], {}
    for _ in range(3):
        with service.database.transaction() as tx:
            deletion.forget(tx, Timer(deletion.FORGET, "", tx.now, payload))
            due, text = tx.timers[deletion.FORGET, ""] or (tx.now, "")
            payload, pause = json.loads(text), due - tx.now
        seen.append((payload.get("after"), pause))
    now = timedelta()
    assert seen == [(ids[0], now), (ids[1], now), (None, deletion.EVERY)]
