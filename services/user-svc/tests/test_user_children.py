"""How old somebody is and whose child: shown to the account alone, in years; a child under 14 has a grown-up who answers for her."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from common.clock import SHANGHAI, ManualClock
from common.messages import PatientSaved
from common.testing import HOSTILE_VALUES, assert_problem, sent, take_sent
from stdnum.cn import ric
from user_svc import store
from user_svc.app import Settings, build
from user_world import CHEAP, PASSWORD, Person, join

GROWN_UP = {"name": "张三", "id_type": "passport", "id_number": "E12345678", "phone": "13812345678"}


def resident(born: date, order: int = 124) -> dict[str, Any]:
    body = f"110101{born:%Y%m%d}{order:03d}"
    return {**GROWN_UP, "id_type": "resident_id", "id_number": body + ric.calc_check_digit(body + "0")}


def foreigner(number: str, born: date) -> dict[str, Any]:
    return {**GROWN_UP, "id_number": number, "birth_date": born.isoformat()}


def today(person: Person) -> date:
    return person.service.database.clock().astimezone(SHANGHAI).date()


def aged(person: Person, years: int, days: int = 0) -> date:
    """The birth date of somebody who is so many years and days old."""
    now = today(person) - timedelta(days=days)
    return now.replace(year=now.year - years, day=min(now.day, 28))


def add(person: Person, body: dict[str, Any], **more: Any) -> str:
    answer = person.call("POST", "/users/me/patients", body | more)
    assert answer.status_code == 201, answer.get_data()
    return str(answer.get_json()["id"])


@pytest.fixture
def mother(alice: Person) -> str:
    return add(alice, resident(aged(alice, 35)))


def test_her_owner_sees_age_and_sex_and_no_date(alice: Person) -> None:
    born = aged(alice, 35)
    answer = alice.call("POST", "/users/me/patients", resident(born))
    assert {name: answer.get_json()[name] for name in ("age", "sex", "guardian_id")} == {
        "age": 35,
        "sex": "female",
        "guardian_id": None,
    }
    for text in (f"{born:%Y%m%d}", born.isoformat(), str(born.year)):
        assert text not in answer.get_data(as_text=True).replace(answer.get_json()["id"], "")


def test_of_a_passports_owner_what_is_said_is_kept_sealed(alice: Person) -> None:
    born = aged(alice, 40)
    patient = add(alice, foreigner("E12345678", born), sex="male")
    (shown,) = alice.call("GET", "/users/me/patients").get_json()["items"]
    assert (shown["age"], shown["sex"]) == (40, "male")
    with alice.service.database.reading() as conn:
        everything = str([conn.exec_driver_sql(f"SELECT * FROM {t}").all() for t in ("patients", "outbox", "trail")])
    assert born.isoformat() not in everything
    assert f"{born:%Y%m%d}" not in everything
    changed = alice.call("PATCH", f"/users/me/patients/{patient}", {"birth_date": aged(alice, 41).isoformat()})
    assert (changed.get_json()["age"], changed.get_json()["sex"], changed.get_json()["revision"]) == (41, "male", 2)


def test_what_a_resident_id_tells_is_kept_once(alice: Person, mother: str) -> None:
    with alice.service.database.reading() as conn:
        assert conn.execute(store.tables.patients.select()).one().about_sealed is None
    path = f"/users/me/patients/{mother}"
    assert_problem(alice.call("PATCH", path, {"birth_date": "1990-01-01"}), 422, field="birth_date")
    assert_problem(alice.call("PATCH", path, {"sex": "male"}), 422, field="sex")
    assert alice.call("PATCH", path, {"sex": "female"}).get_json()["revision"] == 1, "that was known"


def test_a_child_has_a_guardian_of_the_same_list(alice: Person, bob: Person, mother: str) -> None:
    child = resident(aged(alice, 13))
    nobody = alice.call("POST", "/users/me/patients", child)
    assert_problem(nobody, 422, field="guardian_id")
    theirs = add(bob, foreigner("E7654321", aged(bob, 50)))
    brother = add(alice, resident(aged(alice, 17), order=123))
    for guardian in (theirs, brother, "pat_none"):
        refused = alice.call("POST", "/users/me/patients", child | {"guardian_id": guardian})
        assert_problem(refused, 422, field="guardian_id")
        assert refused.get_json()["errors"][0]["message"] == "must be a grown-up in your list"
    hers = add(alice, child, guardian_id=mother)
    shown = {p["id"]: p for p in alice.call("GET", "/users/me/patients").get_json()["items"]}
    assert (shown[hers]["guardian_id"], shown[hers]["age"]) == (mother, 13)


def test_one_without_a_birth_date_needs_no_guardian_and_is_none(alice: Person) -> None:
    aunt = add(alice, GROWN_UP)
    assert alice.call("GET", "/users/me/patients").get_json()["items"][0]["age"] is None
    child = resident(aged(alice, 5)) | {"guardian_id": aunt}
    assert_problem(alice.call("POST", "/users/me/patients", child), 422, field="guardian_id")


@pytest.mark.parametrize(("years", "status"), [(14, 201), (17, 201), (18, 422)])
def test_a_minor_may_have_a_guardian_and_a_grown_up_has_none(
    alice: Person, mother: str, years: int, status: int
) -> None:
    answer = alice.call("POST", "/users/me/patients", resident(aged(alice, years)) | {"guardian_id": mother})
    assert answer.status_code == status
    if status == 422:
        assert_problem(answer, 422, field="guardian_id")


@pytest.mark.parametrize(("minute", "status"), [(59, 422), (60, 201)])
def test_a_child_is_14_on_her_birthday_in_beijing(alice: Person, clock: ManualClock, minute: int, status: int) -> None:
    day = datetime(2027, 6, 1, tzinfo=SHANGHAI)
    clock.set(day - timedelta(hours=1) + timedelta(minutes=minute))
    answer = alice.call("POST", "/users/me/patients", resident(date(2013, 6, 1)))
    assert answer.status_code == status


def test_a_guardian_stays_while_a_child_depends_on_her(alice: Person, mother: str) -> None:
    child = add(alice, resident(aged(alice, 3)), guardian_id=mother)
    take_sent(alice.service.database)
    path = f"/users/me/patients/{mother}"
    assert_problem(alice.call("DELETE", path), 409, "guardian_of")
    assert sent(alice.service.database, PatientSaved) == []
    father = add(alice, GROWN_UP, birth_date="1990-01-01")
    assert alice.call("PATCH", f"/users/me/patients/{child}", {"guardian_id": father}).status_code == 200
    assert alice.call("DELETE", path).status_code == 204
    young = {"birth_date": aged(alice, 17).isoformat()}
    assert_problem(alice.call("PATCH", f"/users/me/patients/{father}", young), 409, "guardian_of")
    assert alice.call("DELETE", f"/users/me/patients/{child}").status_code == 204
    assert alice.call("DELETE", f"/users/me/patients/{father}").status_code == 204


def test_one_who_has_turned_14_needs_nobody(alice: Person, clock: ManualClock, mother: str) -> None:
    child = add(alice, resident(aged(alice, 13, days=300)), guardian_id=mother)
    clock.advance(timedelta(days=100))
    assert alice.call("DELETE", f"/users/me/patients/{mother}").status_code == 204
    (shown,) = alice.call("GET", "/users/me/patients").get_json()["items"]
    assert (shown["id"], shown["age"], shown["guardian_id"]) == (child, 14, None)


def test_a_child_is_not_left_without_and_comes_back_with_a_guardian(alice: Person, mother: str) -> None:
    body = resident(aged(alice, 3))
    child = add(alice, body, guardian_id=mother)
    path = f"/users/me/patients/{child}"
    for guardian in (None, child, "pat_none"):
        assert_problem(alice.call("PATCH", path, {"guardian_id": guardian}), 422, field="guardian_id")
    assert alice.call("PATCH", path, {"name": "王小二"}).status_code == 200
    assert alice.call("DELETE", path).status_code == 204
    assert_problem(alice.call("POST", "/users/me/patients", body), 422, field="guardian_id")
    assert add(alice, body, guardian_id=mother) == child


@pytest.mark.parametrize("name", ["birth_date", "sex", "guardian_id"])
def test_hostile_values_are_refused(alice: Person, name: str) -> None:
    patient = add(alice, GROWN_UP)
    for value in HOSTILE_VALUES:
        added = alice.call("POST", "/users/me/patients", foreigner("E7654321", aged(alice, 30)) | {name: value})
        if value is not None:
            assert_problem(added, 422)
        if value is not None or name != "guardian_id":
            assert_problem(alice.call("PATCH", f"/users/me/patients/{patient}", {name: value}), 422)


@pytest.mark.stack
def test_a_guardian_who_leaves_while_a_child_comes_on_postgresql(postgres_url: str, clock: ManualClock) -> None:
    """Whoever is second sees what the first has done: no child is left with nobody."""
    service = build(Settings(database_url=postgres_url, admin_password=PASSWORD, **CHEAP), clock)
    service.migrate()
    alice = join(service, "alice")
    child = resident(aged(alice, 3))
    for round_ in range(10):
        guardian = add(alice, GROWN_UP, birth_date="1990-01-01")
        requests = [
            ("POST", "/users/me/patients", child | {"guardian_id": guardian}),
            ("DELETE", f"/users/me/patients/{guardian}", None),
        ]
        with ThreadPoolExecutor(2) as pool:
            answers = pool.map(lambda request: alice.call(*request).status_code, requests)
        assert tuple(answers) in ((201, 409), (422, 204)), round_
        people = alice.call("GET", "/users/me/patients").get_json()["items"]
        for person in sorted(people, key=lambda person: person["id"] == guardian):
            assert alice.call("DELETE", f"/users/me/patients/{person['id']}").status_code == 204
    service.database.close()
