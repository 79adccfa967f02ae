"""Appeals: of a mark once, by its patient; heard by the hospital's staff; lifted or upheld for good, and told."""

from typing import Any

import pytest
from common.clock import ManualClock
from common.ids import person_of
from common.service import Service
from common.testing import HOSTILE_VALUES, assert_bad_input_is_refused, assert_problem, deliver
from credit_world import DAY, ZHANG, appeal, credit, marked, missed, staff, told
from user_svc import store
from user_svc.api.credit import MarkOut, StaffMarkOut, StaffMarksOut
from user_world import Person


def test_an_appeal_is_heard_and_the_mark_lifted(alice: Person, patient: str, registrar: Person) -> None:
    marked(alice, patient, "ord_0")
    mark_id = marked(alice, patient)
    answer = appeal(alice, patient, mark_id)
    assert (answer.status_code, MarkOut().validate(answer.get_json())) == (201, {})
    assert "acc_staff" not in str(answer.get_json())
    assert answer.get_json()["appeal"]["state"] == "open"
    assert told(alice.service) == [], "it stands until it is decided"
    (listed,) = registrar.call("GET", "/credit/appeals").get_json()["items"]
    assert (listed["id"], listed["appeal"]["reason"]) == (mark_id, "我在住院")
    assert listed["evidence"]["marked_by"] == "acc_staff"
    verdict = {"verdict": "lifted", "reason": "有住院证明"}
    decided = registrar.call("POST", f"/credit/appeals/{mark_id}", verdict)
    assert (decided.status_code, StaffMarkOut().validate(decided.get_json())) == (200, {})
    (changed,) = told(alice.service)
    assert (changed.change, changed.mark_id, changed.revision) == ("lifted", mark_id, 3)
    assert [mark.order_id for mark in changed.marks] == ["ord_0"]
    shown = {mark["evidence"]["order_id"]: mark for mark in credit(alice, patient)}
    assert shown["ord_1"]["state"] == "lifted"
    assert shown["ord_1"]["appeal"]["verdict_reason"] == "有住院证明"
    assert registrar.call("GET", "/credit/appeals").get_json()["items"] == []


def test_upheld_is_final(alice: Person, patient: str, operator: Person) -> None:
    mark_id = marked(alice, patient)
    appeal(alice, patient, mark_id)
    verdict = {"verdict": "upheld", "reason": "监控显示未到"}
    assert operator.call("POST", f"/credit/appeals/{mark_id}", verdict).get_json()["appeal"]["state"] == "upheld"
    assert operator.call("POST", f"/credit/appeals/{mark_id}", verdict).status_code == 200
    (changed,) = told(alice.service)
    assert (changed.change, changed.mark_id, changed.revision) == ("upheld", mark_id, 2)
    assert [mark.id for mark in changed.marks] == [mark_id]
    assert credit(alice, patient)[0]["state"] == "standing"
    assert_problem(appeal(alice, patient, mark_id, "再申诉一次"), 409, "appeal_exists")
    other = {"verdict": "lifted", "reason": "x"}
    assert_problem(operator.call("POST", f"/credit/appeals/{mark_id}", other), 409, "no_open_appeal")


def test_the_same_appeal_and_the_same_verdict_again_change_nothing(
    alice: Person, patient: str, operator: Person
) -> None:
    mark_id = marked(alice, patient)
    first = appeal(alice, patient, mark_id)
    assert appeal(alice, patient, mark_id).get_json() == first.get_json()
    verdict = {"verdict": "lifted", "reason": "x"}
    decided = [operator.call("POST", f"/credit/appeals/{mark_id}", verdict).get_json() for _ in range(2)]
    assert decided[0] == decided[1]
    assert len(told(alice.service)) == 1


def test_what_cannot_be_appealed(alice: Person, patient: str, clock: ManualClock) -> None:
    deliver(alice.service, missed(alice, patient, at=clock() - 364 * DAY))
    (changed,) = told(alice.service)
    clock.advance(DAY)
    assert_problem(appeal(alice, patient, changed.mark_id), 409, "mark_expired")
    assert_problem(appeal(alice, patient, "mrk_none"), 404, "mark_not_found")
    other = alice.call("POST", "/users/me/patients", {**ZHANG, "id_type": "passport", "id_number": "E12345678"})
    assert_problem(appeal(alice, other.get_json()["id"], changed.mark_id), 404, "mark_not_found")


def test_without_an_appeal_there_is_nothing_to_decide(alice: Person, patient: str, operator: Person) -> None:
    mark_id = marked(alice, patient)
    verdict = {"verdict": "lifted", "reason": "x"}
    assert_problem(operator.call("POST", f"/credit/appeals/{mark_id}", verdict), 409, "no_open_appeal")
    assert_problem(operator.call("POST", "/credit/appeals/mrk_none", verdict), 404, "mark_not_found")


def test_staff_decide_for_their_own_hospital(
    alice: Person, patient: str, service: Service, operator: Person, registrar: Person
) -> None:
    ours, theirs = marked(alice, patient, "ord_1"), marked(alice, patient, "ord_2", hospital_id="hos_2")
    for mark_id in (ours, theirs):
        appeal(alice, patient, mark_id)

    def listed(who: Person, query: str = "") -> Any:
        page = who.call("GET", f"/credit/appeals{query}").get_json()
        assert StaffMarksOut().validate(page) == {}
        return [item["id"] for item in page["items"]], page["next_cursor"]

    assert listed(registrar) == ([ours], None)
    assert listed(staff(service, operator, "otto", "hos_2")) == ([theirs], None)
    everything, _ = listed(operator)
    assert sorted(everything) == sorted([ours, theirs])
    first, cursor = listed(operator, "?limit=1")
    assert [*first, *listed(operator, f"?limit=1&cursor={cursor}")[0]] == everything
    verdict = {"verdict": "lifted", "reason": "x"}
    assert_problem(registrar.call("POST", f"/credit/appeals/{theirs}", verdict), 404, "mark_not_found")
    assert_problem(alice.call("GET", "/credit/appeals"), 403, "wrong_role")
    assert_problem(alice.call("POST", f"/credit/appeals/{ours}", verdict), 403, "wrong_role")


def test_bad_bodies_are_refused(alice: Person, patient: str, operator: Person) -> None:
    mark_id = marked(alice, patient)
    client = alice.service.app.test_client()
    for person, path, good in (
        (alice, f"/api/v1/users/me/patients/{patient}/credit/{mark_id}/appeal", {"reason": "x"}),
        (operator, f"/api/v1/credit/appeals/{mark_id}", {"verdict": "lifted", "reason": "x"}),
    ):
        headers = {"Authorization": f"Bearer {person.tokens['access_token']}"}
        assert_bad_input_is_refused(client, path, good, headers, skip=("reason",))
        for value in HOSTILE_VALUES:
            if not isinstance(value, str) or value in ("", "\x00", "x" * 100_000):
                assert_problem(client.post(path, json=good | {"reason": value}, headers=headers), 422, field="reason")
    assert_problem(operator.call("GET", "/credit/appeals?cursor=zzz"), 422, field="cursor")


@pytest.mark.parametrize("nothing", ["  ", "\t\n", "\u3000", "\u200b\ufeff", " \u00a0 "])
def test_a_reason_that_says_nothing_does_not_use_up_the_appeal(
    alice: Person, patient: str, operator: Person, nothing: str
) -> None:
    mark_id = marked(alice, patient)
    assert_problem(appeal(alice, patient, mark_id, nothing), 422, field="reason")
    assert appeal(alice, patient, mark_id, " 住院\n").status_code == 201
    verdict = {"verdict": "upheld", "reason": nothing}
    assert_problem(operator.call("POST", f"/credit/appeals/{mark_id}", verdict), 422, field="reason")
    assert operator.call("GET", "/credit/appeals").get_json()["items"][0]["id"] == mark_id


def test_what_an_appeal_and_its_verdict_say_stands_in_clear_nowhere(
    alice: Person, patient: str, operator: Person
) -> None:
    mark_id = marked(alice, patient)
    headers = {"Idempotency-Key": "k"}
    path = f"/users/me/patients/{patient}/credit/{mark_id}/appeal"
    assert alice.call("POST", path, {"reason": "我在住院"}, **headers).status_code == 201
    verdict = {"verdict": "upheld", "reason": "监控显示未到"}
    assert operator.call("POST", f"/credit/appeals/{mark_id}", verdict, **headers).status_code == 200
    assert credit(alice, patient)[0]["appeal"]["verdict_reason"] == "监控显示未到"
    with alice.service.database.reading() as conn:
        for table in ("credit_marks", "outbox", "idempotency"):
            everything = str(conn.exec_driver_sql(f"SELECT * FROM {table}").all())
            for said in ("我在住院", "监控显示未到"):
                assert said not in everything
                assert said.encode().hex() not in everything
        (row,) = store.marks_of(conn, person_of(patient))
    assert row.appeal_sealed
    assert row.verdict_sealed
