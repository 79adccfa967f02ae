"""Numbers are given exactly once, in order of arrival, and come back."""

import random
from collections.abc import Callable
from datetime import timedelta

import pytest
from common.messages import ReleaseSlot, SessionChanged, SlotRejected, SlotReserved
from common.testing import deliver, take_sent
from schedule_svc.store.tables import reservations
from schedule_world import World, check_inventory, session_row, short, slot_row


def test_numbers_run_by_segment_and_any_means_the_earliest(world: World) -> None:
    first, second, _ = world.slot_ids()
    answers = world.tell(world.reserve("a"), world.reserve("b", second), world.reserve("c"), world.reserve("d", first))
    assert short(answers) == [("reserved", "a", 1), ("reserved", "b", 5), ("reserved", "c", 2), ("reserved", "d", 3)]
    assert [m.slot_id for m in answers] == [first, second, first, first]
    check_inventory(world)


def test_the_answer_tells_all_a_patient_must_know(world: World) -> None:
    (answer,) = world.tell(world.reserve("a", world.slot_ids()[1]))
    assert isinstance(answer, SlotReserved)
    assert (answer.fee, answer.visit.hospital_name, answer.visit.doctor_title) == (5000, "仁爱医院", "主任医师")
    assert answer.visit.starts_at.isoformat() == "2026-12-05T00:30:00+00:00"
    assert answer.cancel_before.isoformat() == "2026-12-04T12:00:00+00:00"


@pytest.mark.parametrize("seed", range(5))
def test_exactly_k_of_n_whatever_the_batches(world: World, seed: int) -> None:
    dice = random.Random(seed)
    orders = [world.reserve(f"o{i}", dice.choice([None, *world.slot_ids()])) for i in range(60)]
    got, refused = [], []
    while orders:
        batch, orders = orders[: (n := dice.randint(1, 50))], orders[n:]
        answers = world.tell(*batch)
        got += [m.queue_number for m in answers if isinstance(m, SlotReserved)]
        refused += [m.reason for m in answers if isinstance(m, SlotRejected)]
        check_inventory(world)
    assert sorted(got) == list(range(1, 13))
    assert refused == ["sold_out"] * 48


def test_the_last_number_is_sold(world: World) -> None:
    world.fill(11)
    assert short(world.tell(world.reserve("last")))[0] == ("reserved", "last", 12)
    assert short(world.tell(world.reserve("late"))) == [("rejected", "late", "sold_out")]


def test_returned_numbers_are_sold_again_lowest_first(world: World) -> None:
    world.fill(12)
    world.tell(world.release("fill-2"), world.release("fill-0"), world.release("fill-1"))
    again = world.tell(world.reserve("x"), world.reserve("y"), world.reserve("z"))
    assert short(again)[:3] == [("reserved", "x", 1), ("reserved", "y", 2), ("reserved", "z", 3)]
    check_inventory(world)


def test_release_and_resale_within_one_batch(world: World) -> None:
    world.fill(12)
    answers = world.tell(world.reserve("early"), world.release("fill-7"), world.reserve("next"))
    assert short(answers)[:3] == [("rejected", "early", "sold_out"), ("released", "fill-7"), ("reserved", "next", 8)]
    check_inventory(world)


def test_asked_again_the_answer_is_the_same(world: World) -> None:
    first = world.tell(world.reserve("a"), world.reserve("a"))
    assert first[0] == first[1]
    assert world.tell(world.reserve("a")) == [first[0]]
    world.tell(world.confirm("a"))
    assert world.tell(world.reserve("a")) == [first[0]]
    check_inventory(world)


def test_a_rejected_order_stays_rejected_though_a_number_is_free_again(world: World) -> None:
    world.fill(12)
    world.tell(world.reserve("late"))
    world.tell(world.release("fill-0"))
    assert short(world.tell(world.reserve("late"))) == [("rejected", "late", "sold_out")]


def test_a_release_that_overtakes_its_reservation_is_remembered(world: World) -> None:
    assert short(world.tell(world.release("a"))) == [("released", "a")]
    assert short(world.tell(world.reserve("a"))) == [("rejected", "a", "released")]
    assert short(world.tell(world.release("b"), world.reserve("b"))) == [
        ("released", "b"),
        ("rejected", "b", "released"),
    ]
    check_inventory(world)


def test_releasing_is_idempotent(world: World) -> None:
    world.tell(world.reserve("a"))
    assert short(world.tell(world.release("a"), world.release("a"))) == [("released", "a")] * 2
    assert short(world.tell(world.release("a"))) == [("released", "a")]
    assert short(world.tell(world.reserve("a"))) == [("rejected", "a", "released")]
    check_inventory(world)


def test_a_confirmed_number_is_sold_and_can_be_given_back(world: World) -> None:
    world.tell(world.reserve("a"), world.confirm("a"))
    world.tell(world.confirm("a"))
    assert world.figures()["reservations"]["a"]["state"] == "sold"
    assert world.figures()["sessions"][world.session_id()]["sold"] == 1
    world.tell(world.release("a"))
    check_inventory(world)
    assert world.figures()["sessions"][world.session_id()]["free"] == 12


def test_a_confirmation_after_the_release_changes_nothing(world: World) -> None:
    assert world.tell(world.confirm("never")) == []
    world.tell(world.reserve("a"), world.release("a"), world.confirm("a"))
    assert world.figures()["reservations"]["a"]["state"] == "released"
    check_inventory(world)


def test_nothing_is_sold_a_microsecond_before_release(make: Callable[..., World]) -> None:
    world = make(sessions=[session_row(release_at="2026-12-02T08:30:00+08:00")])
    opens = world.clock().replace(day=2, hour=0, minute=30)
    world.clock.set(opens - timedelta(microseconds=1))
    assert short(world.tell(world.reserve("early"))) == [("rejected", "early", "not_released")]
    world.clock.set(opens)
    assert short(world.tell(world.reserve("punctual"))) == [("reserved", "punctual", 1)]


def test_nothing_is_sold_from_the_end_on(world: World) -> None:
    ends = world.clock().replace(day=5, hour=1, minute=30)
    world.clock.set(ends - timedelta(microseconds=1))
    assert short(world.tell(world.reserve("walk-in"))) == [("reserved", "walk-in", 9)], (
        "only the last segment is not over"
    )
    assert short(world.tell(world.reserve("gone", world.slot_ids()[0]))) == [("rejected", "gone", "session_over")]
    world.clock.set(ends)
    assert short(world.tell(world.reserve("late"))) == [("rejected", "late", "session_over")]


def test_unknown_sessions_and_slots_are_refused(make: Callable[..., World]) -> None:
    world = make(sessions=[session_row(), session_row("s2")])
    foreign = world.slot_ids("s2")[0]
    answers = world.tell(world.reserve("a", session="nowhere"), world.reserve("b", foreign), world.reserve("c", "none"))
    assert short(answers) == [
        ("rejected", "a", "session_not_found"),
        ("rejected", "b", "slot_not_found"),
        ("rejected", "c", "slot_not_found"),
    ]
    assert world.tell(world.reserve("a", session="nowhere")) == [answers[0]]


def test_an_order_that_changes_its_session_is_parked_and_harms_nobody(make: Callable[..., World]) -> None:
    world = make(sessions=[session_row(), session_row("s2")])
    world.tell(world.reserve("a"))
    deliver(world.service, world.reserve("b"), world.reserve("a", session=world.session_id("s2")), world.reserve("c"))
    assert short(take_sent(world.database)) == [("reserved", "b", 2), ("reserved", "c", 3)]
    assert ["OtherSession" in p.reason for p in world.database.parked()] == [True]


def test_several_sessions_in_one_batch(make: Callable[..., World]) -> None:
    world = make(sessions=[session_row(f"s{i}", slots=[slot_row(8, capacity=2)]) for i in range(1, 4)])
    ids = [world.session_id(f"s{i}") for i in range(1, 4)]
    batch = [world.reserve(f"o{n}", session=ids[n % 3]) for n in range(9)]
    answers = [m for m in world.tell(*batch) if isinstance(m, SlotReserved | SlotRejected)]
    assert [isinstance(m, SlotReserved) for m in answers] == [True] * 6 + [False] * 3
    check_inventory(world)


def test_sold_out_is_told_when_it_turns_and_only_then(world: World) -> None:
    revisions = []
    world.tell(*(world.reserve(f"o{i}") for i in range(11)))
    for messages in (
        [world.reserve("x")],
        [world.reserve("y")],
        [world.release("x")],
        [world.reserve("z"), world.release("z")],
    ):
        changed = [m for m in world.tell(*messages) if isinstance(m, SessionChanged)]
        revisions.append([(m.session.revision, m.session.sold_out) for m in changed])
    assert revisions == [[(2, True)], [], [(3, False)], []]


def test_blocked_numbers_are_not_for_sale(make: Callable[..., World]) -> None:
    world = make(sessions=[session_row(slots=[slot_row(8, capacity=4, blocked=3)])])
    assert short(world.tell(world.reserve("a"), world.reserve("b")))[:2] == [
        ("reserved", "a", 1),
        ("rejected", "b", "sold_out"),
    ]
    check_inventory(world)


def test_answers_carry_the_trace_of_their_cause(world: World) -> None:
    from common.envelope import seal, unseal
    from common.outbox.tables import outbox
    from sqlalchemy import select

    traces = [f"00-{i:032x}-{1:016x}-01" for i in (7, 8)]
    bodies = [seal(world.reserve(f"o{i}"), world.clock(), trace).body for i, trace in enumerate(traces)]
    world.service.processor.process(bodies)
    with world.database.reading() as conn:
        told = [
            unseal(bytes(b)).traceparent for b in conn.execute(select(outbox.c.body).order_by(outbox.c.id)).scalars()
        ]
    assert told == traces
    take_sent(world.database)


_COLUMNS = ", ".join(
    column.name for column in reservations.columns if column.name != "order_id" and not column.computed
)
_TWIN = f"INSERT INTO reservations (order_id, {_COLUMNS}) SELECT 'b', {_COLUMNS} FROM reservations"
"""Another order with the same number."""


def test_the_constraints_refuse_what_the_code_must_never_do(world: World) -> None:
    from sqlalchemy.exc import IntegrityError

    world.tell(world.reserve("a"))
    for statement in (
        "UPDATE slots SET free = free + 1",
        "UPDATE slots SET free = free - 5, held = held + 5",
        _TWIN,
    ):
        with pytest.raises(IntegrityError), world.database.transaction() as tx:
            tx.conn.exec_driver_sql(statement)


def test_a_release_for_an_unknown_session_is_answered(world: World) -> None:
    assert short(world.tell(ReleaseSlot("a", "nowhere", "patient"))) == [("released", "a")]


def test_the_audits_figures_tell_counters_from_counts(world: World) -> None:
    world.tell(world.reserve("a"), world.reserve("b"), world.confirm("b"))
    figures = world.figures()
    session = figures["sessions"][world.session_id()]
    assert (session["capacity"], session["free"], session["held"], session["sold"], session["blocked"]) == (
        12,
        10,
        1,
        1,
        0,
    )
    assert (session["counted_held"], session["counted_sold"], session["counted_waiting"]) == (1, 1, 0)
    assert {order: (r["state"], r["queue_number"]) for order, r in figures["reservations"].items()} == {
        "a": ("held", 1),
        "b": ("sold", 2),
    }
    with world.database.transaction() as tx:
        tx.conn.exec_driver_sql("UPDATE reservations SET state = 'released' WHERE order_id = 'a'")
    tampered = world.figures()["sessions"][world.session_id()]
    assert (tampered["held"], tampered["counted_held"]) == (1, 0)
