"""Marks count against the person in whosever list; each account sees and appeals its own, and of others' only that they count."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from common.clock import SHANGHAI, ManualClock
from common.ids import person_of
from common.service import Service
from common.testing import assert_problem, deliver
from credit_world import DAY, ZHANG, appeal, credit, marked, missed, stopped, told, withdrawn
from sqlalchemy import select
from user_svc.api.credit import MarksOut
from user_svc.app import Settings, build
from user_svc.store.tables import credit_marks, trail
from user_world import CHEAP, PASSWORD, Person, join


@pytest.fixture
def his(bob: Person, patient: str) -> str:
    """Zhang in bob's list, after alice had added her to hers."""
    return add(bob, ZHANG)


def add(person: Person, body: dict[str, Any]) -> str:
    answer = person.call("POST", "/users/me/patients", body)
    assert answer.status_code == 201, answer.get_data()
    return str(answer.get_json()["id"])


def elsewhere(owner: Person, patient_id: str) -> list[dict[str, Any]]:
    answer = owner.call("GET", f"/users/me/patients/{patient_id}/credit").get_json()
    assert MarksOut().validate(answer) == {}
    marks: list[dict[str, Any]] = answer["elsewhere"]
    return marks


def test_all_marks_of_the_person_are_told_in_one_count(alice: Person, bob: Person, patient: str, his: str) -> None:
    other = add(bob, {**ZHANG, "id_type": "passport", "id_number": "E12345678"})
    deliver(
        alice.service,
        missed(alice, patient, "ord_1"),
        missed(bob, his, "ord_2"),
        withdrawn(bob, his, 5, "ord_3"),
        missed(bob, other, "ord_4"),
    )
    changes = [(c.account_id, c.patient_id, c.revision, len(c.marks)) for c in told(alice.service)]
    hers = [c for c in changes if person_of(c[1]) == person_of(patient)]
    assert hers == [(alice.id, patient, 1, 1), (bob.id, his, 2, 2), (bob.id, his, 3, 3)]
    assert [c for c in changes if c not in hers] == [(bob.id, other, 1, 1)]


def test_of_a_mark_from_elsewhere_one_sees_that_it_counts_and_until_when(
    alice: Person, bob: Person, patient: str, his: str, clock: ManualClock
) -> None:
    at = clock() - timedelta(hours=2)
    mark_id = marked(alice, patient, at=at)
    assert elsewhere(bob, his) == [{"expires_on": (at + 365 * DAY).astimezone(SHANGHAI).date().isoformat()}]
    everything = bob.call("GET", f"/users/me/patients/{his}/credit").get_data(as_text=True)
    for hers in (mark_id, patient, alice.id, "ord_1", "ses_1", "hos_1", "仁爱", "张伟", at.isoformat()[:16]):
        assert hers not in everything
    assert credit(bob, his) == []
    assert [mark["id"] for mark in credit(alice, patient)] == [mark_id]
    assert elsewhere(alice, patient) == []


def test_each_account_appeals_its_own(alice: Person, bob: Person, patient: str, his: str, registrar: Person) -> None:
    hers = marked(alice, patient, "ord_1")
    for patient_id in (his, patient):
        assert_problem(appeal(bob, patient_id, hers), 404, "mark_not_found")
    assert_problem(appeal(alice, his, hers), 404, "mark_not_found")
    deliver(alice.service, missed(bob, his, "ord_2"))
    told(alice.service)
    assert appeal(alice, patient, hers, "我在住院").status_code == 201
    assert "我在住院" not in str(elsewhere(bob, his))
    verdict = {"verdict": "lifted", "reason": "有住院证明"}
    assert registrar.call("POST", f"/credit/appeals/{hers}", verdict).status_code == 200
    (changed,) = told(alice.service)
    assert (changed.account_id, changed.patient_id, changed.revision) == (alice.id, patient, 3)
    assert [mark.order_id for mark in changed.marks] == ["ord_2"], "the other account's stands"
    assert elsewhere(bob, his) == [], "nor that there was one"
    assert len(elsewhere(alice, patient)) == 1


def test_who_is_no_longer_in_the_list_is_not_followed_elsewhere(
    alice: Person, bob: Person, patient: str, his: str
) -> None:
    deliver(alice.service, missed(alice, patient, "ord_1"), missed(bob, his, "ord_2"))
    assert bob.call("DELETE", f"/users/me/patients/{his}").status_code == 204
    assert elsewhere(bob, his) == []
    assert [mark["evidence"]["order_id"] for mark in credit(bob, his)] == ["ord_2"]
    assert add(bob, ZHANG) == his
    assert len(elsewhere(bob, his)) == 1


def test_a_stop_lifts_the_marks_of_all_accounts(
    alice: Person, bob: Person, patient: str, his: str, clock: ManualClock
) -> None:
    deliver(alice.service, missed(alice, patient, "ord_1"), missed(bob, his, "ord_2"))
    told(alice.service)
    deliver(alice.service, stopped(clock()))
    assert [(c.change, len(c.marks)) for c in told(alice.service)] == [("lifted", 1), ("lifted", 0)]


def test_a_mark_that_the_release_before_makes_counts(
    alice: Person, bob: Person, patient: str, his: str, clock: ManualClock
) -> None:
    """It names no person: the database knows whom a patient's id is about."""
    marked(alice, patient, "ord_1")
    with alice.service.database.reading() as conn:
        assert conn.execute(select(credit_marks.c.person)).scalar() == person_of(patient)


def test_a_hospitals_administrator_decides_too_and_the_trail_says_who(
    alice: Person, patient: str, service: Service, operator: Person
) -> None:
    admin = join(service, "ada")
    body = {"roles": ["hospital_admin"], "hospital_id": "hos_1"}
    assert operator.call("POST", f"/users/{admin.id}/roles", body).status_code == 200
    admin.log_in("ada")
    ours, theirs = marked(alice, patient, "ord_1"), marked(alice, patient, "ord_2", hospital_id="hos_2")
    for mark_id in (ours, theirs):
        appeal(alice, patient, mark_id)
    assert [item["id"] for item in admin.call("GET", "/credit/appeals").get_json()["items"]] == [ours]
    verdict = {"verdict": "upheld", "reason": "x"}
    assert_problem(admin.call("POST", f"/credit/appeals/{theirs}", verdict), 404, "mark_not_found")
    for _ in range(2):
        assert admin.call("POST", f"/credit/appeals/{ours}", verdict).status_code == 200
    with service.database.reading() as conn:
        acts = conn.execute(select(trail).where(trail.c.act == "appeal_decided")).all()
    assert [(row.actor, row.about, row.hospital_id) for row in acts] == [(admin.id, alice.id, "hos_1")]
    assert ours in acts[0].facts
    assert "upheld" in acts[0].facts


def test_adding_and_removing_are_noted_and_name_nobody(alice: Person, patient: str) -> None:
    alice.call("DELETE", f"/users/me/patients/{patient}")
    with alice.service.database.reading() as conn:
        acts = conn.execute(select(trail).where(trail.c.act.like("patient_%")).order_by(trail.c.id)).all()
    assert [(row.act, row.actor, row.about) for row in acts] == [
        ("patient_added", alice.id, alice.id),
        ("patient_removed", alice.id, alice.id),
    ]
    for row in acts:
        assert patient in row.facts
        assert ZHANG["id_number"] not in row.facts


@pytest.mark.stack
def test_two_accounts_marks_at_once_are_all_told_on_postgresql(postgres_url: str, clock: ManualClock) -> None:
    """Whichever is last, by the revision, tells of all."""
    service = build(Settings(database_url=postgres_url, admin_password=PASSWORD, **CHEAP), clock)
    service.migrate()
    owners = [join(service, name) for name in ("alice", "bob")]
    ids = [add(owner, ZHANG) for owner in owners]
    barrier = threading.Barrier(8, timeout=30)

    def mark_two(n: int) -> None:
        barrier.wait()
        pair = [(owners[n % 2], ids[n % 2]), (owners[1 - n % 2], ids[1 - n % 2])]
        deliver(service, *(missed(owner, patient, f"ord_{n}_{i}") for i, (owner, patient) in enumerate(pair)))

    threads = [threading.Thread(target=mark_two, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    changes = {change.revision: len(change.marks) for change in told(service)}
    assert changes == {n: n for n in range(1, 17)}
    service.database.close()
