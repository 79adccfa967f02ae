"""Patients' credit: marks made of events, once, and none of a stopped session; told with all that stand."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from common.clock import SHANGHAI, ManualClock
from common.ids import person_of
from common.messages import PatientSaved
from common.testing import assert_problem, deliver, sent, take_sent
from credit_world import DAY, ZHANG, appeal, credit, marked, missed, stopped, told, visit, withdrawn
from user_svc import store
from user_svc.app import Settings, build
from user_svc.credit import notice_hours
from user_world import CHEAP, PASSWORD, Person, join

# --- marks -----------------------------------------------------------------------------------------------------------


def test_a_missed_visit_is_a_mark_with_its_evidence(alice: Person, patient: str, clock: ManualClock) -> None:
    starts = clock() - timedelta(hours=2)
    deliver(alice.service, missed(alice, patient, at=starts))
    (changed,) = told(alice.service)
    assert (changed.patient_id, changed.account_id, changed.revision, changed.change) == (
        patient,
        alice.id,
        1,
        "recorded",
    )
    (mark,) = changed.marks
    assert mark.id == changed.mark_id
    assert (mark.kind, mark.hospital_id, mark.order_id, mark.notice_hours) == ("no_show", "hos_1", "ord_1", None)
    assert (mark.at, mark.expires_at) == (starts, starts + 365 * DAY)
    (shown,) = credit(alice, patient)
    assert (shown["id"], shown["state"], shown["appeal"]["state"]) == (mark.id, "standing", "none")
    assert (shown["evidence"]["order_id"], shown["evidence"]["noted_by"]) == ("ord_1", "hospital")
    assert "acc_staff" not in str(shown), "who of the staff it was is not the patient's to know"
    local = starts.astimezone(SHANGHAI)
    assert shown["evidence"]["zh-CN"] == (
        f"{local:%Y-%m-%d} 上午 {local:%H:%M}，仁爱医院 心内科 张伟：医院登记为未到诊。订单 ord_1。"
    )
    assert "noted by the hospital as missed" in shown["evidence"]["en"]


def test_a_late_cancellation_is_a_mark_with_its_notice(alice: Person, patient: str, clock: ManualClock) -> None:
    deliver(alice.service, withdrawn(alice, patient, hours=13.5))
    (changed,) = told(alice.service)
    (mark,) = changed.marks
    assert (mark.kind, mark.notice_hours, mark.at) == ("late_cancel", 13, clock())
    (shown,) = credit(alice, patient)
    assert (shown["notice_hours"], shown["evidence"]["noted_by"]) == (13, "patient")
    assert "距就诊不足 14 小时退号" in shown["evidence"]["zh-CN"]


@pytest.mark.parametrize(
    ("hours", "changes"),
    [(72, {}), (100, {}), (5, {"was_confirmed": False}), (5, {"cause": "session_stopped"})],
    ids=["72 h before", "in good time", "never paid", "stopped by the hospital"],
)
def test_what_is_held_against_nobody(alice: Person, patient: str, hours: float, changes: dict[str, Any]) -> None:
    deliver(alice.service, withdrawn(alice, patient, hours, **changes))
    assert told(alice.service) == []
    assert credit(alice, patient) == []


@pytest.mark.parametrize("verdict", [None, "upheld"])
def test_a_stop_lifts_what_was_noted_before_it(
    alice: Person, patient: str, operator: Person, clock: ManualClock, verdict: str | None
) -> None:
    other, no_show = marked(alice, patient, "ord_0", session="ses_0"), marked(alice, patient, "ord_1")
    deliver(alice.service, withdrawn(alice, patient, hours=1))
    late_cancel = told(alice.service)[0].mark_id
    if verdict:
        appeal(alice, patient, no_show)
        operator.call("POST", f"/credit/appeals/{no_show}", {"verdict": verdict, "reason": "x"})
        take_sent(alice.service.database)
    deliver(alice.service, stopped(clock()), stopped(clock()))
    deliver(alice.service, stopped(clock()))
    changes = told(alice.service)
    assert sorted((c.change, c.mark_id) for c in changes) == sorted([("lifted", no_show), ("lifted", late_cancel)])
    assert [mark.id for mark in changes[-1].marks] == [other]
    shown = {mark["id"]: mark for mark in credit(alice, patient)}
    assert [shown[i]["state"] for i in (no_show, late_cancel, other)] == ["lifted", "lifted", "standing"]
    assert "停诊" in shown[no_show]["appeal"]["verdict_reason"]
    with alice.service.database.reading() as conn:
        assert {row.decided_by for row in store.marks_of(conn, person_of(patient))} == {None}, (
            "nobody who upheld it lifted it"
        )


def test_what_comes_after_the_stop_is_no_mark_at_all(alice: Person, patient: str, clock: ManualClock) -> None:
    """Messages of two orders keep no order: what was noted before the stop may come after it, or long after, replayed."""
    deliver(alice.service, stopped(clock()))
    late = [missed(alice, patient), withdrawn(alice, patient, hours=1)]
    deliver(alice.service, *late)
    clock.advance(300 * DAY)
    deliver(alice.service, *late)
    assert told(alice.service) == []
    assert credit(alice, patient) == []
    deliver(alice.service, missed(alice, patient, session="ses_2"))
    assert len(told(alice.service)) == 1


def test_a_stop_is_remembered_for_as_long_as_a_mark_could_stand(
    alice: Person, patient: str, clock: ManualClock
) -> None:
    first = missed(alice, patient)
    deliver(alice.service, stopped(clock() - timedelta(hours=2)))
    clock.advance(366 * DAY)
    deliver(alice.service, stopped(clock(), "ses_2"))
    with alice.service.database.reading() as conn:
        assert [row.session_id for row in conn.execute(store.tables.credit_sessions.select())] == ["ses_2"]
    deliver(alice.service, first)
    (changed,) = told(alice.service)
    assert changed.marks == [], "it has expired before it came"


def test_notice_is_in_whole_hours_rounded_down(clock: ManualClock) -> None:
    now = clock()
    hours = {h: notice_hours(now, visit(now + timedelta(hours=h))) for h in (-1, 0, 0.99, 23.99, 24, 71.99, 72)}
    assert hours == {-1: 0, 0: 0, 0.99: 0, 23.99: 23, 24: 24, 71.99: 71, 72: None}


def test_the_same_event_again_changes_nothing(alice: Person, patient: str) -> None:
    event = missed(alice, patient)
    deliver(alice.service, event, event)
    deliver(alice.service, event)
    assert len(told(alice.service)) == 1
    assert len(credit(alice, patient)) == 1


def test_an_order_may_have_a_mark_of_each_kind_and_revisions_count(alice: Person, patient: str) -> None:
    deliver(alice.service, missed(alice, patient, "ord_1"), withdrawn(alice, patient, 5, "ord_1"))
    deliver(alice.service, missed(alice, patient, "ord_3"))
    changes = told(alice.service)
    assert [(c.revision, len(c.marks)) for c in changes] == [(1, 1), (2, 2), (3, 3)]


def test_a_mark_expires_after_a_year_and_is_told_no_more(alice: Person, patient: str, clock: ManualClock) -> None:
    deliver(alice.service, missed(alice, patient, "ord_1", clock() - 364 * DAY))
    clock.advance(2 * DAY)
    deliver(alice.service, missed(alice, patient, "ord_2"))
    first, second = told(alice.service)
    assert [mark.order_id for mark in first.marks] == ["ord_1"]
    assert [mark.order_id for mark in second.marks] == ["ord_2"]
    assert [(m["evidence"]["order_id"], m["state"]) for m in credit(alice, patient)] == [
        ("ord_2", "standing"),
        ("ord_1", "expired"),
    ]


# --- whose it is -----------------------------------------------------------------------------------------------------


def test_nobody_sees_anothers_credit(alice: Person, bob: Person, operator: Person, patient: str) -> None:
    deliver(alice.service, missed(alice, patient))
    (mark,) = credit(alice, patient)
    for other in (bob, operator):
        path = f"/users/me/patients/{patient}/credit"
        assert_problem(other.call("GET", path), 404, "patient_not_found")
        assert_problem(other.call("POST", f"{path}/{mark['id']}/appeal", {"reason": "x"}), 404, "mark_not_found")
    assert_problem(alice.call("GET", "/users/me/patients/pat_none/credit"), 404, "patient_not_found")


def test_removing_and_adding_again_keeps_her_id_and_so_her_limits_and_her_credit(alice: Person, patient: str) -> None:
    deliver(alice.service, missed(alice, patient))
    take_sent(alice.service.database)
    assert alice.call("DELETE", f"/users/me/patients/{patient}").status_code == 204
    assert len(credit(alice, patient)) == 1, "what was marked can be appealed still"
    back = alice.call("POST", "/users/me/patients", {**ZHANG, "name": "张三", "phone": "13912345678"})
    assert (back.status_code, back.get_json()["id"], back.get_json()["revision"]) == (201, patient, 3)
    assert back.get_json()["phone"] == "139****5678"
    assert [(m.revision, m.removed) for m in sent(alice.service.database, PatientSaved)] == [(2, True), (3, False)]
    assert len(credit(alice, patient)) == 1
    assert len(alice.call("GET", "/users/me/patients").get_json()["items"]) == 1


# --- at once --------------------------------------------------------------------------------------------------------


@pytest.mark.stack
def test_marks_made_at_once_are_all_told_on_postgresql(postgres_url: str, clock: ManualClock) -> None:
    """Whoever is last, by the revision, tells of all: no mark is lost to a reader that keeps the newest."""
    service = build(Settings(database_url=postgres_url, admin_password=PASSWORD, **CHEAP), clock)
    service.migrate()
    alice = join(service, "alice")
    patient_id = alice.call("POST", "/users/me/patients", ZHANG).get_json()["id"]
    barrier = threading.Barrier(8, timeout=30)

    def mark_one(n: int) -> None:
        barrier.wait()
        deliver(service, missed(alice, patient_id, f"ord_{n}"))

    threads = [threading.Thread(target=mark_one, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    changes = {change.revision: change for change in told(service)}
    assert {revision: len(change.marks) for revision, change in changes.items()} == {n: n for n in range(1, 9)}
    appealed = changes[8].mark_id
    assert appeal(alice, patient_id, appealed).status_code == 201
    service.database.close()


@pytest.mark.stack
def test_a_stop_beside_what_is_noted_leaves_no_mark_on_postgresql(postgres_url: str, clock: ManualClock) -> None:
    """The one that does not see the other's row yet waits for it."""
    service = build(Settings(database_url=postgres_url, admin_password=PASSWORD, **CHEAP), clock)
    service.migrate()
    carol = join(service, "carol")
    li = {**ZHANG, "id_type": "passport", "id_number": "E12345678"}  # another person than the test before
    patient_id = carol.call("POST", "/users/me/patients", li).get_json()["id"]
    for n in range(20):
        barrier = threading.Barrier(2, timeout=30)

        def come(message: Any, barrier: threading.Barrier = barrier) -> None:
            barrier.wait()
            deliver(service, message)

        pair = (missed(carol, patient_id, f"ord_s{n}", session=f"ses_s{n}"), stopped(clock(), f"ses_s{n}"))
        threads = [threading.Thread(target=come, args=(message,)) for message in pair]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert {mark["state"] for mark in credit(carol, patient_id)} <= {"lifted"}
    assert {change.change for change in told(service)} <= {"recorded", "lifted"}
    service.database.close()
