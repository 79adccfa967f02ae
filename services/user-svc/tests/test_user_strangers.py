"""What an account can learn of people who are not its own, and what nobody gets rid of by two accounts."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from common.clock import ManualClock
from common.envelope import unseal
from common.ids import mint, new_person, person_of
from common.messages import SPECS, AccountDeleted, PatientSaved
from common.outbox.tables import idempotency, outbox
from common.service import Service
from common.testing import assert_problem, deliver, sent, take_sent
from credit_world import ZHANG, missed
from user_svc import domain
from user_svc.store import own_data as rows
from user_svc.store import tables
from user_svc.usecases.reseal import indexes_of
from user_world import PASSWORD, Person, join

END = {"password": PASSWORD}


def passport(number: int) -> dict[str, Any]:
    return {**ZHANG, "id_type": "passport", "id_number": f"E{number:07d}"}


def test_nobody_tries_documents_without_end(alice: Person, clock: ManualClock) -> None:
    me = "/users/me/patients"
    for number in range(domain.MOST_A_YEAR):
        added = alice.call("POST", me, passport(number))
        assert added.status_code == 201
        assert alice.call("DELETE", f"{me}/{added.get_json()['id']}").status_code == 204
    assert_problem(alice.call("POST", me, passport(99)), 409, "too_many_changes")
    assert alice.call("POST", me, passport(0)).status_code == 201, "one who was there before is nobody new"
    with alice.service.database.transaction() as tx:
        long_ago = {"created_at": clock() - timedelta(days=365)}
        tx.conn.execute(sa.update(tables.patients).where(tables.patients.c.removed_at.is_not(None)).values(long_ago))
    assert alice.call("POST", me, passport(99)).status_code == 201


def test_the_end_of_an_account_with_very_many_people_can_be_read(service: Service, alice: Person) -> None:
    with service.database.transaction() as tx:
        empty = {
            "account_id": alice.id,
            "name_sealed": "",
            "id_type": "passport",
            "id_number_sealed": "x",
            "id_index": "i",
        }
        rest = {"phone_sealed": "", "revision": 2, "created_at": tx.now, "removed_at": tx.now}
        many = [{"id": mint("pat", alice.id, about=new_person()), **empty, **rest} for _ in range(6000)]
        tx.conn.execute(sa.insert(tables.patients), many)
    assert alice.call("POST", "/users/me/delete", END).status_code == 204
    with service.database.reading() as conn:
        bodies = [bytes(row.body) for row in conn.execute(sa.select(outbox)) if row.type == SPECS[AccountDeleted].type]
    (body,) = bodies
    assert isinstance(unseal(body).message, AccountDeleted)
    assert len({m.patient_id for m in sent(service.database, PatientSaved)}) == 6000, (
        "each of them is told of by itself"
    )


def test_answers_to_her_requests_go_with_the_account(service: Service, alice: Person) -> None:
    key = {"Idempotency-Key": "k1"}
    assert alice.call("POST", "/users/me/patients", ZHANG, **key).status_code == 201
    with service.database.reading() as conn:
        assert len(conn.execute(sa.select(idempotency)).all()) == 1
    assert alice.call("POST", "/users/me/delete", END).status_code == 204
    with service.database.reading() as conn:
        assert conn.execute(sa.select(idempotency)).all() == []


@pytest.mark.parametrize("born", [None, "1990-01-01"])
def test_a_guardians_age_is_known(alice: Person, born: str | None) -> None:
    me, adult = "/users/me/patients", passport(1)
    guardian = alice.call("POST", me, {**adult, "birth_date": born} if born else adult).get_json()["id"]
    child = {**passport(2), "birth_date": "2020-01-01", "guardian_id": guardian}
    answer = alice.call("POST", me, child)
    if born:
        assert answer.status_code == 201
        return
    assert "birth_date" in assert_problem(answer, 422, field="guardian_id")["errors"][0]["message"]
    assert alice.call("PATCH", f"{me}/{guardian}", {"birth_date": "1990-01-01"}).status_code == 200
    assert alice.call("POST", me, child).status_code == 201


@pytest.mark.parametrize("name", ["138-1234-5678", "86.13812345678", "138_1234_5678", "13812345678"])
def test_nobody_is_called_like_somebodys_phone(service: Service, name: str) -> None:
    body = {"username": name, "password": PASSWORD, "email": "a@example.com"}
    assert_problem(Person(service).call("POST", "/users", body), 422, field="username")


def test_who_was_two_before_there_were_persons_washes_nothing(service: Service) -> None:
    """Ids of before are about themselves: the marks of the second account's patient are hers only."""
    alice, bobby, again = join(service, "alice"), join(service, "bobby"), join(service, "bobby2")
    first, second = (of_before(service, owner, letter) for owner, letter in ((alice, "a"), (bobby, "b")))
    index = indexes_of(service.parts.vault, ZHANG["id_type"], ZHANG["id_number"])[0]
    with service.database.transaction() as tx:  # as the migration does
        tx.conn.execute(sa.insert(tables.persons).values(id_index=index, person=person_of(first), created_at=tx.now))
    deliver(service, *(missed(bobby, second, f"ord_{n}") for n in range(3)))
    take_sent(service.database)
    assert bobby.call("POST", "/users/me/delete", END).status_code == 204
    back = again.call("POST", "/users/me/patients", ZHANG).get_json()["id"]
    assert person_of(back) == person_of(second), "so that schedule-svc, too, knows her marks at once"
    assert len(again.call("GET", f"/users/me/patients/{back}/credit").get_json()["elsewhere"]) == 3


def of_before(service: Service, owner: Person, letter: str) -> str:
    """Zhang as the release before persons kept her."""
    vault, patient_id = service.parts.vault, f"pat_{letter * 16}{'t' * 8}"
    sealed = {
        f"{name}_sealed": vault.seal(ZHANG[key], f"{patient_id}/{name}")
        for name, key in (("name", "name"), ("id_number", "id_number"), ("phone", "phone"))
    }
    index = indexes_of(vault, ZHANG["id_type"], ZHANG["id_number"])[0]
    with service.database.transaction() as tx:
        more = {"id": patient_id, "account_id": owner.id, "place": 1, "revision": 1, "created_at": tx.now}
        row = {**sealed, **more, "id_type": ZHANG["id_type"], "id_index": index}
        tx.conn.execute(sa.insert(tables.patients).values(row))
    return patient_id


def test_who_was_here_is_found_by_an_index(service: Service) -> None:
    with service.database.transaction() as tx:
        asked: list[str] = []
        sa.event.listen(tx.conn, "before_cursor_execute", lambda *args: asked.append(args[2]))
        rows.was_here_since(tx, "a" * 16, tx.now)
        plan = tx.conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {asked[-1]}", ("",) * asked[-1].count("?")).all()
    assert "patients_gone_person" in str(plan)
