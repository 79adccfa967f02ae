"""The people one books for: four at most, masked everywhere, sealed at rest, nobody else's to touch."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from common.clock import ManualClock
from common.ids import genuine
from common.messages import PatientSaved
from common.testing import assert_problem, sent
from sqlalchemy.exc import IntegrityError
from user_svc import store
from user_svc.app import Settings, build
from user_world import CHEAP, PASSWORD, Person, join

ZHANG = {"name": "张三丰", "id_type": "resident_id", "id_number": "110101199003071233", "phone": "13812345678"}


def passport(n: int) -> dict[str, str]:
    return {"name": "李四", "id_type": "passport", "id_number": f"E1234567{n}", "phone": "13912345678"}


def test_adding_showing_changing_removing(alice: Person) -> None:
    answer = alice.call("POST", "/users/me/patients", ZHANG)
    assert answer.status_code == 201
    shown = answer.get_json()
    assert genuine(shown["id"], "pat", alice.id)
    expected = {
        "name": "张*",
        "id_type": "resident_id",
        "id_number": "1101**********1233",
        "phone": "138****5678",
        "revision": 1,
    }
    assert {name: shown[name] for name in expected} == expected
    assert alice.call("GET", "/users/me/patients").get_json() == {"items": [shown], "next_cursor": None}
    path = f"/users/me/patients/{shown['id']}"
    assert answer.headers["Location"] == f"/api/v1{path}"
    changed = alice.call("PATCH", path, {"name": "李小龙", "phone": "+85291234567"}).get_json()
    assert (changed["name"], changed["phone"], changed["revision"]) == ("李*", "+85****4567", 2)
    assert alice.call("PATCH", path, {"name": "李小龙"}).get_json()["revision"] == 2, "nothing changed"
    assert alice.call("DELETE", path).status_code == 204
    assert alice.call("GET", "/users/me/patients").get_json()["items"] == []
    for method in ("PATCH", "DELETE"):
        assert_problem(alice.call(method, path, {"name": "王五"} if method == "PATCH" else None), 404)
    events = sent(alice.service.database, PatientSaved)
    assert [(m.revision, m.masked_name, m.removed) for m in events] == [
        (1, "张*", False),
        (2, "李*", False),
        (3, "李*", True),
    ]
    assert {(m.patient_id, m.account_id) for m in events} == {(shown["id"], alice.id)}


def test_nothing_of_a_person_stands_in_clear_anywhere(alice: Person) -> None:
    alice.call("POST", "/users/me/patients", ZHANG, **{"Idempotency-Key": "k"})
    everything = ""
    with alice.service.database.reading() as conn:
        for table in ("patients", "outbox", "idempotency", "accounts"):
            everything += str(conn.exec_driver_sql(f"SELECT * FROM {table}").all())
    for secret in ("张三丰", "110101199003071233", "13812345678", "19900307"):
        assert secret not in everything
        assert secret.encode().hex() not in everything


def test_nobody_touches_anothers(alice: Person, bob: Person, operator: Person) -> None:
    mine = alice.call("POST", "/users/me/patients", ZHANG).get_json()["id"]
    for other in (bob, operator):
        assert_problem(other.call("PATCH", f"/users/me/patients/{mine}", {"name": "坏人"}), 404, "patient_not_found")
        assert_problem(other.call("DELETE", f"/users/me/patients/{mine}"), 404, "patient_not_found")
        assert other.call("GET", "/users/me/patients").get_json()["items"] == []
    assert alice.call("GET", "/users/me/patients").get_json()["items"][0]["revision"] == 1


def test_at_most_four_and_a_place_becomes_free_again(alice: Person) -> None:
    ids = [alice.call("POST", "/users/me/patients", passport(n)).get_json()["id"] for n in range(4)]
    assert_problem(alice.call("POST", "/users/me/patients", passport(5)), 409, "too_many_patients")
    alice.call("DELETE", f"/users/me/patients/{ids[1]}")
    assert alice.call("POST", "/users/me/patients", passport(5)).status_code == 201
    assert_problem(alice.call("POST", "/users/me/patients", passport(1)), 409, "too_many_patients")


def test_the_same_person_twice(alice: Person, bob: Person) -> None:
    first = alice.call("POST", "/users/me/patients", ZHANG).get_json()
    assert_problem(alice.call("POST", "/users/me/patients", {**ZHANG, "name": "张三"}), 409, "patient_exists")
    assert bob.call("POST", "/users/me/patients", ZHANG).status_code == 201, "a family may share a grandmother"
    alice.call("DELETE", f"/users/me/patients/{first['id']}")
    again = alice.call("POST", "/users/me/patients", ZHANG)
    assert again.status_code == 201
    assert again.get_json()["id"] == first["id"], "she comes back as who she was"
    with alice.service.database.reading() as conn:
        indexes = [row.id_index for row in conn.execute(store.tables.patients.select())]
    assert len(indexes) == 2
    assert len(set(indexes)) == 1


def test_a_repeated_request_adds_once(alice: Person) -> None:
    first = alice.call("POST", "/users/me/patients", ZHANG, **{"Idempotency-Key": "k1"})
    again = alice.call("POST", "/users/me/patients", ZHANG, **{"Idempotency-Key": "k1"})
    assert first.status_code == again.status_code == 201
    assert first.get_data() == again.get_data()
    assert_problem(alice.call("POST", "/users/me/patients", passport(1), **{"Idempotency-Key": "k1"}), 422)
    assert len(sent(alice.service.database, PatientSaved)) == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"id_number": "110101199003071234"}, "id_number"),
        ({"id_number": "11010120990101123X"}, "id_number"),
        ({"id_type": "library_card"}, "id_type"),
        ({"id_type": "passport", "id_number": "!!!!!!"}, "id_number"),
        ({"name": "123"}, "name"),
        ({"phone": "110"}, "phone"),
        ({"birth_date": "1990-03-08"}, "birth_date"),
        ({"sex": "female"}, "sex"),
        ({"sex": "x"}, "sex"),
        ({"guardian_id": "pat_1"}, "guardian_id"),
        ({"id_type": "passport", "id_number": "E12345678", "birth_date": "tomorrow"}, "birth_date"),
        ({"revision": 7}, "revision"),
        ({"account_id": "acc_1"}, "account_id"),
        ({"removed_at": None}, "removed_at"),
    ],
)
def test_what_adding_refuses(alice: Person, change: dict[str, Any], field: str) -> None:
    answer = alice.call("POST", "/users/me/patients", {**ZHANG, **change})
    assert_problem(answer, 422, field=field)
    assert ZHANG["id_number"] not in answer.get_data(as_text=True)


@pytest.mark.parametrize(
    "change", [{"id_number": "E12345678"}, {"id_type": "passport"}, {"account_id": "acc_1"}, {"phone": None}]
)
def test_what_changing_refuses(alice: Person, change: dict[str, Any]) -> None:
    mine = alice.call("POST", "/users/me/patients", ZHANG).get_json()["id"]
    assert_problem(alice.call("PATCH", f"/users/me/patients/{mine}", change), 422, field=next(iter(change)))


def test_a_birth_date_is_compared_with_beijings_today(alice: Person, clock: ManualClock) -> None:
    """At 16:30 UTC it is tomorrow already in Beijing."""
    clock.set(clock().replace(hour=15, minute=30))
    tomorrow = clock() + timedelta(days=1)
    body = f"110101{tomorrow:%Y%m%d}123"
    from stdnum.cn import ric

    newborn = {**ZHANG, "id_number": body + ric.calc_check_digit(body + "0")}
    newborn["guardian_id"] = alice.call("POST", "/users/me/patients", ZHANG).get_json()["id"]
    assert_problem(alice.call("POST", "/users/me/patients", newborn), 422, field="id_number")
    clock.advance(timedelta(hours=1))
    assert alice.call("POST", "/users/me/patients", newborn).status_code == 201


def test_the_database_itself_refuses_a_fifth(alice: Person) -> None:
    alice.call("POST", "/users/me/patients", ZHANG)
    with alice.service.database.reading() as conn:
        row = conn.execute(store.tables.patients.select()).one()._asdict()
    for place in (5, 0, None, 1):
        with pytest.raises(IntegrityError), alice.service.database.transaction() as tx:
            store.add_patient(tx, {**row, "id": "pat_5", "place": place})


def add_many_at_once(person: Person, wanted: int, first: int = 0) -> list[int]:
    barrier = threading.Barrier(wanted, timeout=30)
    statuses: list[int] = []

    def add(n: int) -> None:
        barrier.wait()
        statuses.append(person.call("POST", "/users/me/patients", passport(n)).status_code)

    threads = [threading.Thread(target=add, args=(n,)) for n in range(first, first + wanted)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(statuses)


def test_four_of_eight_at_once(alice: Person) -> None:
    assert add_many_at_once(alice, 8) == [201] * 4 + [409] * 4


@pytest.mark.stack
def test_the_same_on_postgresql(postgres_url: str, clock: ManualClock) -> None:
    service = build(Settings(database_url=postgres_url, admin_password=PASSWORD, **CHEAP), clock)
    service.migrate()
    service.migrate()
    assert service.missing() == []
    alice = join(service, "alice")
    assert_problem(
        alice.call("POST", "/users", {"username": "ALICE", "password": PASSWORD, "email": "a@example.com"}), 409
    )
    assert add_many_at_once(alice, 8) == [201] * 4 + [409] * 4
    first = alice.call("GET", "/users/me/patients").get_json()["items"][0]["id"]
    assert alice.call("DELETE", f"/users/me/patients/{first}").status_code == 204
    assert add_many_at_once(alice, 2, first=8) == [201, 409]
    stolen = alice.tokens["refresh_token"]
    refreshed = alice.call("POST", "/tokens/refresh", {"refresh_token": stolen}).get_json()["refresh_token"]
    tokens = [refreshed, stolen, refreshed]
    answers = [alice.call("POST", "/tokens/refresh", {"refresh_token": token}).status_code for token in tokens]
    assert answers == [200, 401, 401]
    figures = service.figures()
    assert figures["accounts"] == 2
    assert sum(not p["removed"] for p in figures["patients"].values()) == 4
    service.database.close()
