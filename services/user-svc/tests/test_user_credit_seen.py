"""Who was seen by the doctor has missed nothing: the mark is taken back, or never made."""

import threading
from typing import Any

import pytest
from common.clock import ManualClock
from common.ids import person_of
from common.messages import VisitCompleted
from common.testing import deliver, take_sent
from credit_world import DAY, ZHANG, appeal, credit, marked, missed, told, visit, withdrawn
from sqlalchemy import select
from user_svc import store
from user_svc.app import Settings, build
from user_svc.store.tables import credit_seen, trail
from user_world import CHEAP, PASSWORD, Person, join


def completed(owner: Person, patient_id: str, order: str = "ord_1", session: str = "ses_1") -> VisitCompleted:
    now = owner.service.database.clock()
    return VisitCompleted(order, owner.id, patient_id, session, now, visit(now - 2 * DAY / 24))


def acts(owner: Person) -> list[tuple[Any, ...]]:
    with owner.service.database.reading() as conn:
        rows = conn.execute(select(trail).where(trail.c.act == "mark_lifted")).all()
    return [(row.actor, row.about, row.hospital_id, row.facts) for row in rows]


@pytest.mark.parametrize("verdict", [None, "open", "upheld"])
def test_a_visit_after_all_takes_the_mark_back(
    alice: Person, patient: str, operator: Person, verdict: str | None
) -> None:
    other, mistaken = marked(alice, patient, "ord_0"), marked(alice, patient)
    deliver(alice.service, withdrawn(alice, patient, hours=1, order="ord_1"))
    (cancelled,) = told(alice.service)
    if verdict:
        appeal(alice, patient, mistaken)
    if verdict == "upheld":
        operator.call("POST", f"/credit/appeals/{mistaken}", {"verdict": verdict, "reason": "x"})
        take_sent(alice.service.database)
    event = completed(alice, patient)
    deliver(alice.service, event, event)
    deliver(alice.service, event)
    (changed,) = told(alice.service)
    assert (changed.change, changed.mark_id, changed.patient_id) == ("lifted", mistaken, patient)
    assert {mark.id for mark in changed.marks} == {other, cancelled.mark_id}, "what else she did still counts"
    shown = {mark["id"]: mark for mark in credit(alice, patient)}
    assert (shown[mistaken]["state"], shown[other]["state"]) == ("lifted", "standing")
    assert "已就诊" in shown[mistaken]["appeal"]["verdict_reason"]
    ((actor, about, hospital, facts),) = acts(alice)
    assert (actor, about, hospital) == (None, alice.id, "hos_1")
    assert mistaken in facts


def test_word_of_the_visit_that_overtakes_the_mark_ends_alike(alice: Person, patient: str) -> None:
    deliver(alice.service, completed(alice, patient))
    deliver(alice.service, missed(alice, patient), missed(alice, patient, "ord_2"))
    (changed,) = told(alice.service)
    assert [mark.order_id for mark in changed.marks] == ["ord_2"], "another visit that she missed counts"
    assert [mark["evidence"]["order_id"] for mark in credit(alice, patient)] == ["ord_2"]
    assert acts(alice) == []


def test_a_late_cancellation_of_an_order_is_no_missed_visit(alice: Person, patient: str) -> None:
    """Nobody cancels what was seen; should the messages ever say so, what she did stands as it is."""
    deliver(alice.service, completed(alice, patient, "ord_2"))
    deliver(alice.service, withdrawn(alice, patient, hours=1))
    assert [mark.kind for mark in told(alice.service)[0].marks] == ["late_cancel"]


def test_visits_are_remembered_for_as_long_as_a_mark_could_stand(
    alice: Person, patient: str, clock: ManualClock
) -> None:
    deliver(alice.service, completed(alice, patient))
    clock.advance(364 * DAY)
    deliver(alice.service, completed(alice, patient, "ord_2", "ses_2"))
    deliver(alice.service, missed(alice, patient))
    assert told(alice.service) == []
    clock.advance(2 * DAY)
    deliver(alice.service, completed(alice, patient, "ord_3", "ses_3"))
    with alice.service.database.reading() as conn:
        assert set(conn.execute(select(credit_seen.c.order_id)).scalars()) == {"ord_2", "ord_3"}


@pytest.mark.stack
def test_a_visit_beside_its_mark_leaves_none_on_postgresql(postgres_url: str, clock: ManualClock) -> None:
    """The one that does not see the other's row yet waits for it."""
    service = build(Settings(database_url=postgres_url, admin_password=PASSWORD, **CHEAP), clock)
    service.migrate()
    dora = join(service, "dora")
    patient_id = dora.call("POST", "/users/me/patients", {**ZHANG, "id_type": "passport", "id_number": "E87654321"})
    patient_id = patient_id.get_json()["id"]
    for n in range(20):
        barrier = threading.Barrier(2, timeout=30)
        pair = (
            missed(dora, patient_id, f"ord_v{n}", session="ses_v"),
            completed(dora, patient_id, f"ord_v{n}", "ses_v"),
        )

        def come(message: Any, barrier: threading.Barrier = barrier) -> None:
            barrier.wait()
            deliver(service, message)

        threads = [threading.Thread(target=come, args=(message,)) for message in pair]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [p.reason for p in service.database.parked()] == []
    with service.database.reading() as conn:
        assert {row.appeal for row in store.marks_of(conn, person_of(patient_id))} <= {"lifted"}
    service.database.close()
