"""What the store keeps of the clinic day, on both databases."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from booking_svc import store
from booking_svc.clinic.line import Place
from booking_svc.clinic.queue import Desk
from booking_svc.clinic.visits import ClinicVisit, Move, VisitState
from booking_world import VISIT
from clinic_day import OPENS, ClinicDay
from common import ids
from common.errors import NotFound
from common.messages import ClinicRules
from common.messages import Place as Spot
from sqlalchemy.exc import IntegrityError


@pytest.fixture(params=["sqlite", "postgres"])
def day(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ClinicDay]:
    sqlite = request.param == "sqlite"
    made = ClinicDay(f"sqlite:///{tmp_path}/booking.db" if sqlite else request.getfixturevalue("postgres_url"))
    yield made
    made.database.close()


def one(session: str, name: str = "1", **changes: object) -> ClinicVisit:
    visit = ClinicVisit(ids.mint("vis"), session, session, "h", "d", VISIT, name, "appointment")
    visit.account_id, visit.updated_at = f"acc_{session}", OPENS
    for what, value in changes.items():
        setattr(visit, what, value)
    return visit


def test_a_visit_is_kept_once_with_its_steps(day):
    visit, other = one(day.session), one(day.session, "2")
    for each in (visit, other):
        each.move(Move.CHECK_IN, OPENS, "acc", "because", room="1")
    with day.database.transaction() as tx:
        assert store.visits.insert_visits(tx, [visit, visit]) == [visit.id]
    again = replace(visit, state=VisitState.EXPECTED, history=[])
    with day.database.transaction() as tx:
        assert store.visits.insert_visits(tx, [again, other]) == [other.id]
        assert store.visits.insert_visits(tx, []) == []
    assert day.visit(visit.id) == visit
    with day.database.reading() as conn:
        (step,) = store.visits.moves_of_visit(conn, visit.id)
        assert (step.at, step.facts, step.why) == (OPENS, {"room": "1"}, "because")
        assert [s.visit_id for s in store.visits.moves_of_queue(conn, day.session)] == [visit.id, other.id]
        assert store.visits.get_visit(conn, "vis_none") is None


def test_all_of_a_visit_is_kept(day):
    visit = one(day.session, order_id=ids.mint("ord"), patient_id="pat")
    with day.database.transaction() as tx:
        store.visits.insert_visits(tx, [visit])
    changed = {
        "queue_id": day.other, "department_id": "d2", "ticket": "T3", "visit_class": "priority", "reason": "child",
        "state": VisitState.CALLED, "place": Place(OPENS, OPENS + timedelta(microseconds=7), 3, (-5, -9)), "room": "7",
        "served_by": "doc2", "passes": 1, "calls": 2, "late": True, "told_near": True, "nears": 2, "tries": 3, "name": "王*",
        **dict.fromkeys(("checked_in_at", "called_at", "started_at", "ended_at", "updated_at"), OPENS),
        "visit": replace(VISIT, starts_at=OPENS, room="9"),
    }  # fmt: skip
    with day.database.transaction() as tx:
        kept = store.visits.lock_visits(tx, [visit.id, "vis_none"])[visit.id]
        for what, value in changed.items():
            setattr(kept, what, value)
        store.visits.save_visits(tx, [kept])
        store.visits.save_visits(tx, [])
    read = day.visit(visit.id)
    assert read == kept != visit
    assert {what: getattr(read, what) for what in changed} == changed
    with day.database.reading() as conn:
        assert store.visits.visits_of_orders(conn, [visit.order_id, "ord_none"]) == {visit.order_id: read}
        assert store.visits.visits_by_ids(conn, [visit.id]) == {visit.id: read}


def test_a_desk_has_one_visitor_and_an_order_one_visit(day):
    first, second = (one(day.session, n, state=VisitState.CALLED, room="1") for n in "12")
    with day.database.transaction() as tx:
        store.visits.insert_visits(tx, [first])
    with pytest.raises(IntegrityError), day.database.transaction() as tx:
        store.visits.insert_visits(tx, [second])
    second.room = "2"
    with day.database.transaction() as tx:
        store.visits.insert_visits(tx, [second])
        # they change rooms: nobody is there twice at any moment
        first.state, first.room, second.room = VisitState.DONE, "1", "1"
        store.visits.save_visits(tx, [second, first])
    assert day.visit(second.id).room == "1"
    ordered = one(day.session, order_id=ids.mint("ord"))
    with day.database.transaction() as tx:
        store.visits.insert_visits(tx, [ordered])
    with pytest.raises(IntegrityError), day.database.transaction() as tx:
        store.visits.insert_visits(tx, [one(day.session, order_id=ordered.order_id)])


def test_an_account_s_visits_come_in_pages_the_latest_first(day):
    made = [one(day.session, str(n), visit=replace(VISIT, starts_at=OPENS + timedelta(hours=n // 2))) for n in range(6)]
    with day.database.transaction() as tx:
        store.visits.insert_visits(tx, [*made, one(day.other)])
    latest = sorted(made, key=lambda v: (v.visit.starts_at, v.id), reverse=True)
    account = f"acc_{day.session}"
    with day.database.reading() as conn:
        page = store.visits.list_visits_of_account(conn, account, 3)
        assert [v.id for v in page] == [v.id for v in latest[:4]], "one more tells that there are more"
        last = page[2]
        rest = store.visits.list_visits_of_account(conn, account, 3, [last.visit.starts_at, last.id])
        assert [v.id for v in rest] == [v.id for v in latest[3:]]
        second = (OPENS + timedelta(hours=1), OPENS + timedelta(hours=2))
        between = store.visits.list_visits_of_account(conn, account, 9, between=second)
        assert {v.ticket for v in between} == {"2", "3"}


def test_a_queue_is_made_of_its_session_or_of_who_stands_in_it(day):
    unheard = ids.mint("ses")
    with pytest.raises(NotFound), day.database.transaction() as tx:
        store.queues.lock_queue(tx, unheard)
    with day.database.transaction() as tx:
        assert store.queues.get_queue(tx.conn, day.session) is None
        queue = store.queues.lock_queue(tx, day.session)
        assert (queue.hospital_id, queue.doctor_id, queue.state) == ("h", VISIT.doctor_id, "open")
        like = store.queues.lock_queue(tx, unheard, one(unheard))
        assert (like.hospital_id, like.department_id, like.doctor_id) == ("h", "d", VISIT.doctor_id)


def test_a_queue_s_time_never_goes_back_and_each_change_is_a_revision(day):
    with day.database.transaction() as tx:
        queue = store.queues.lock_queue(tx, day.session)
        queue.note("pause", "acc", "tea", minutes=5)
        queue.paused_until = OPENS + timedelta(minutes=5)
        store.queues.save_queue(tx, queue)
    day.after(-60)
    with day.database.transaction() as tx:
        again = store.queues.lock_queue(tx, day.session)
        assert (again.now, again.revision, again.paused_until) == (OPENS, queue.revision, queue.paused_until)
        store.queues.save_queue(tx, again)
        (step,) = store.visits.moves_of_queue(tx.conn, day.session)
        assert (step.visit_id, step.move, step.state, step.facts) == (None, "pause", "open", {"minutes": 5})
    day.after(120)
    with day.database.transaction() as tx:
        later = store.queues.lock_queue(tx, day.session)
    assert (later.now, later.revision) == (OPENS + timedelta(hours=1), queue.revision + 1)


def test_desks_are_kept_by_their_rooms(day):
    desk = Desk(day.session, "1", "doc", OPENS, free_since=OPENS)
    with day.database.transaction() as tx:
        store.queues.save_desk(tx, desk)
        desk.take("vis_1", "vis_0")
        store.queues.save_desk(tx, desk)
        store.queues.save_desk(tx, Desk(day.session, "0", "doc2", OPENS, is_open=False))
        found = store.queues.desks_of(tx.conn, day.session)
    assert list(found) == ["0", "1"]
    assert (found["1"], found["0"].is_open) == (desk, False)


def test_the_newest_rules_that_have_taken_effect_are_in_force(day):
    hospital, rules = ids.mint("hos"), ClinicRules(passed=[5, 5, 0], place=Spot(39.9, 116.4, 300))
    tomorrow = OPENS + timedelta(days=1)
    with day.database.transaction() as tx:
        store.queues.save_clinic_rules(
            tx,
            [
                (hospital, 3, tomorrow, ClinicRules(near=5)),
                (hospital, 2, OPENS, rules),
                (hospital, 1, OPENS, ClinicRules()),
            ],
        )
        store.queues.save_clinic_rules(tx, [(hospital, 2, OPENS, ClinicRules(near=9))])
        store.queues.save_clinic_rules(tx, [])
        in_force = lambda at: store.queues.rules_in_force(tx.conn, hospital, at)  # noqa: E731  as said
        assert in_force(OPENS) == in_force(tomorrow - timedelta(microseconds=1)) == rules
        assert in_force(tomorrow).near == 5
        assert in_force(OPENS - timedelta(microseconds=1)) == ClinicRules(), "what is usual"
