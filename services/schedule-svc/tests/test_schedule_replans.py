"""What a newer roster cannot take away: that a session is public, a draw with entrants, what staff added, what patients hold."""

from typing import Any

import pytest
from common.errors import Conflict
from common.messages import SlotReserved
from common.testing import take_sent
from roster_world import Hospital, codes
from schedule_svc.domain import MOST_NUMBERS
from schedule_svc.usecases import sessions
from schedule_world import World, check_inventory, session_row, short, slot_row

DRAW_AT = "2026-12-02T10:00:00+08:00"
ALL = [slot_row(8), slot_row(8, 30), slot_row(9)]


@pytest.fixture
def renai(world: World) -> Hospital:
    return Hospital(world)


def add(world: World, slot: int, extra: int, patient_id: str | None = None) -> None:
    with world.database.transaction() as tx:
        sessions.add_numbers(tx, world.session_id(), world.slot_ids()[slot], extra, lambda _: None, patient_id)


# --- public ---


def test_a_public_session_is_no_draft_again(renai: Hospital) -> None:
    world = renai.world
    result = renai.roster(session_row(version=2, draft=True, room="new"))
    assert (result["status"], codes(result)) == ("applied", [("sessions[0]", "already_public")])
    assert world.rows("SELECT draft, room FROM sessions") == [(False, "new")]
    assert ("reserved", "a", 1) in short(world.tell(world.reserve("a")))


def test_a_draft_stays_one_until_it_is_announced(renai: Hospital) -> None:
    for version, draft in ((1, True), (2, True), (3, False)):
        result = renai.roster(session_row("s2", version, draft=draft, slots=[slot_row(14)]))
        assert codes(result) == []
        assert renai.world.rows("SELECT draft FROM sessions WHERE code = 's2'") == [(draft,)]


# --- a draw with entrants ---


@pytest.mark.parametrize(
    "changes",
    [
        {"date": "2026-12-02", "slots": [slot_row(8, day=2)]},
        {"release_at": "2026-12-02T12:00:00+08:00"},
    ],
)
def test_a_plan_that_leaves_no_time_for_a_draw_with_entrants_is_refused(make: Any, changes: dict[str, Any]) -> None:
    world: World = make(sessions=[session_row(policy="lottery", draw_at=DRAW_AT)])
    renai = Hospital(world)
    world.tell(world.reserve("e1"))
    before = world.rows("SELECT * FROM sessions"), world.rows("SELECT * FROM slots")
    result = renai.roster(session_row(version=2, **changes), session_row("s2", slots=[slot_row(14)]))
    assert codes(result) == [("sessions[0]", "bad_draw")]
    assert result["counts"] == {"applied": 1, "unchanged": 0, "rejected": 1, "kept": 0}
    assert (
        world.rows("SELECT * FROM sessions WHERE code = 's1'"),
        world.rows("SELECT t.* FROM slots t JOIN sessions s ON s.id = t.session_id WHERE s.code = 's1'"),
    ) == before
    renai.roster(session_row(version=3))
    assert world.rows("SELECT policy, version FROM sessions WHERE code = 's1'") == [("lottery", 3)]


# --- what staff added ---


@pytest.mark.parametrize("order", [(2, 3), (3, 2)])
def test_what_staff_added_is_there_again_when_the_slot_is(renai: Hospital, order: tuple[int, int]) -> None:
    world = renai.world
    add(world, 2, 2)
    add(world, 2, 1, "pat-vip")
    for version in order:
        renai.roster(session_row(version=version, slots=ALL[:1] if version == 2 else ALL))
        check_inventory(world)
    last = world.rows("SELECT capacity, free, blocked, extra FROM slots ORDER BY starts_at")[2]
    assert tuple(last) == (4 + 3, 4 + 2, 1, 3)
    nine = world.slot_ids()[2]
    assert len(world.fill(20, nine)) == 6
    assert [type(m) for m in world.tell(world.reserve("vip", nine))][:1] == [SlotReserved]


def test_what_staff_added_to_a_slot_counts_for_nothing_while_it_is_not_planned(renai: Hospital) -> None:
    world = renai.world
    add(world, 2, 2)
    add(world, 2, 1, "pat-vip")
    renai.roster(session_row(version=2, slots=ALL[:1]))
    assert [tuple(row) for row in world.rows("SELECT capacity, free, blocked FROM slots ORDER BY starts_at")] == [
        (4, 4, 0),
        (0, 0, 0),
        (0, 0, 0),
    ]
    assert ("rejected", "vip", "slot_not_found") in short(world.tell(world.reserve("vip", world.slot_ids()[2])))
    assert len(world.fill(20)) == 4


# --- more taken than planned ---


@pytest.mark.parametrize("referrals", [0, 1])
def test_a_number_added_for_a_patient_exists_though_more_are_taken_than_planned(make: Any, referrals: int) -> None:
    world: World = make()
    first = slot_row(8, capacity=1 + referrals) | {"quotas": {"referral": referrals}}
    world.fill(4, world.slot_ids()[0])
    Hospital(world).roster(session_row(version=2, slots=[first, *ALL[1:]]))
    add(world, 0, 1, "pat-vip")
    check_inventory(world)
    take_sent(world.database)
    assert short(world.tell(world.reserve("other", world.slot_ids()[0]))) == [("rejected", "other", "sold_out")]
    assert [said[:2] for said in short(world.tell(world.reserve("vip", world.slot_ids()[0])))] == [("reserved", "vip")]


def test_numbers_for_a_patient_are_bounded_too(renai: Hospital) -> None:
    add(renai.world, 0, MOST_NUMBERS - 4, "pat-vip")
    with pytest.raises(Conflict):
        add(renai.world, 0, 1, "pat-vip")


def test_times_that_move_are_said_with_how_many_hold_numbers_at_the_old_ones(renai: Hospital) -> None:
    world = renai.world
    assert len(world.fill(12)) == 12
    moved = session_row(version=2, slots=[slot_row(9, capacity=2), slot_row(9, 30), slot_row(10)])
    result = renai.roster(moved)
    assert codes(result) == [("sessions[0]", "below_taken"), ("sessions[0]", "times_moved")]
    assert result["rows"][1]["severity"] == "warning"
    assert result["rows"][1]["message"].startswith("8 patients")
    assert result["status"] == "applied"
    check_inventory(world)
