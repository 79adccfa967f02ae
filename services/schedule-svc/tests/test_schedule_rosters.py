"""Rosters: a bad row harms no other, versions decide, and every order of arrival ends alike."""

import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest
from common.errors import Forbidden, Invalid
from common.messages import RosterApplied, SessionChanged, SessionPublished
from common.testing import HOSTILE_VALUES, sent, take_sent
from schedule_svc.usecases.rosters import Publisher, apply_roster
from schedule_world import ROSTER, World, check_inventory, roster, session_row, short, slot_row

HOSPITAL = ROSTER["hospital"]


def only(*sessions: dict[str, Any]) -> dict[str, Any]:
    return {"hospital": HOSPITAL, "sessions": list(sessions)}


def codes(summary: dict[str, Any]) -> list[tuple[str, str]]:
    """What is said of rows. All sessions here are the same doctor's at the same time, which is said of each."""
    return [(row["path"], row["code"]) for row in summary["rows"] if row["code"] != "doctor_overlap"]


def test_a_roster_publishes_sessions(world: World) -> None:
    summary = world.publish(only(session_row("s2"), session_row("s3")))
    published = [m for m in take_sent(world.database) if isinstance(m, SessionPublished)]
    assert (summary["status"], summary["applied"], codes(summary)) == ("applied", 2, [])
    facts = published[0].session
    assert (facts.revision, facts.state, facts.fee, facts.sold_out) == (1, "open", 5000, False)
    assert facts.starts_at.isoformat() == "2026-12-05T00:00:00+00:00"
    assert facts.ends_at.isoformat() == "2026-12-05T01:30:00+00:00"
    assert facts.cancel_before.isoformat() == "2026-12-04T12:00:00+00:00", "12 hours before, unless it is said"
    at = (facts.hospital_name, facts.department_name, facts.doctor_name, facts.doctor_title, facts.room)
    assert at == (HOSPITAL["name"], "心内科", "张伟", "主任医师", "3F-12")
    assert (facts.date.isoformat(), facts.period) == ("2026-12-05", "morning")


def test_the_publisher_is_told_and_the_intake_logged(world: World) -> None:
    world.publish(only(session_row("s2"), session_row(), {"code": "bad"}))
    (told,) = sent(world.database, RosterApplied)
    assert (told.account_id, told.applied, told.unchanged, told.rejected) == ("acc_operator", 1, 1, 1)
    last = world.rows("SELECT * FROM rosters ORDER BY received_at DESC, applied LIMIT 1")[0]
    assert (last.applied, last.unchanged, last.rejected) == (1, 1, 1)
    assert json.loads(last.rows)[0]["path"].startswith("sessions[2]")


def test_the_same_roster_again_changes_nothing(world: World) -> None:
    summary = world.publish(roster())
    assert (summary["applied"], summary["unchanged"], summary["rows"]) == (0, 3, [])
    assert [type(m) for m in take_sent(world.database)] == [RosterApplied]


def test_the_same_times_in_another_zone_are_the_same_content(world: World) -> None:
    row = session_row(release_at="2026-12-01T00:30:00Z")
    assert codes(world.publish(only(row))) == []


def test_versions_decide(world: World) -> None:
    newer = world.publish(only(session_row(version=3, room="B2")))
    assert (newer["applied"], codes(newer)) == (1, [])
    assert codes(world.publish(only(session_row(version=2, room="C3")))) == [("sessions[0]", "stale")]
    conflict = world.publish(only(session_row(version=3, room="C3")))
    assert (conflict["status"], codes(conflict)) == ("rejected", [("sessions[0]", "conflict")])
    assert world.rows("SELECT room, version, revision FROM sessions") == [("B2", 3, 2)]
    assert [m.session.revision for m in sent(world.database, SessionChanged)] == [2]


def test_people_have_versions_too(world: World) -> None:
    doctor = {"code": "D1", "version": 2, "name": "张伟", "title": "副主任医师", "department": "card"}
    world.publish({"hospital": HOSPITAL, "doctors": [doctor]})
    summary = world.publish(
        {
            "hospital": {**HOSPITAL, "name": "other"},
            "departments": [{"code": "card", "name": "x"}],
            "doctors": [{**doctor, "title": "x"}],
        }
    )
    assert codes(summary) == [("hospital", "conflict"), ("departments[0]", "stale"), ("doctors[0]", "conflict")]
    world.tell(world.reserve("a"))
    assert world.rows("SELECT title FROM doctors") == [("副主任医师",)]


def test_every_order_of_the_same_versions_ends_alike(make: Callable[..., World]) -> None:
    versions = [
        session_row(version=v, room=f"R{v}", slots=[slot_row(8, capacity=v), slot_row(9, capacity=4 - v)])
        for v in (1, 2, 3)
    ]
    ends = set()
    for order in itertools.permutations(versions):
        world = make(sessions=[])
        for row in (*order, *order):
            world.publish(only(row))
        (session,) = world.rows("SELECT room, version, starts_at, ends_at FROM sessions")
        slots = world.rows("SELECT starts_at, capacity, free, published FROM slots ORDER BY starts_at")
        ends.add((tuple(session), tuple(map(tuple, slots))))
    assert len(ends) == 1


BAD_ROWS: list[tuple[str, str, dict[str, Any]]] = [
    ("sessions[1].doctor", "unknown_doctor", {"doctor": "D9"}),
    ("sessions[1].department", "unknown_department", {"department": "none"}),
    ("sessions[1]", "duplicate", {"code": "good"}),
    ("sessions[1].slots", "bad_times", {"slots": [slot_row(8) | {"ends_at": "2026-12-05T08:00:00+08:00"}]}),
    ("sessions[1].slots", "slots_overlap", {"slots": [slot_row(8, minutes=31), slot_row(8, 30)]}),
    ("sessions[1].slots", "slots_overlap", {"slots": [slot_row(8), slot_row(8)]}),
    ("sessions[1].slots", "blocked_above_capacity", {"slots": [slot_row(8, capacity=2, blocked=3)]}),
    ("sessions[1].date", "wrong_date", {"date": "2026-12-06"}),
    ("sessions[1].date", "wrong_date", {"slots": [slot_row(8), slot_row(8, day=6)]}),
    ("sessions[1].date", "bad_date", {"date": "2026-02-30"}),
    (
        "sessions[1].slots[0].starts_at",
        "bad_time",
        {"slots": [slot_row(8) | {"starts_at": "2026-12-05T25:00:00+08:00"}]},
    ),
    ("sessions[1].slots[0].starts_at", "bad_time", {"slots": [slot_row(8) | {"starts_at": "2026-12-05T08:00:00"}]}),
    ("sessions[1].slots[0].capacity", "invalid", {"slots": [slot_row(8, capacity=0)]}),
    ("sessions[1].slots", "invalid", {"slots": []}),
    ("sessions[1]", "bad_times", {"release_at": "2026-12-05T09:30:00+08:00"}),
    ("sessions[1]", "bad_times", {"release_at": "0001-01-01T00:00:00+08:00"}),
    ("sessions[1]", "bad_times", {"cancel_before": "9999-12-31T23:59:59-08:00"}),
    ("sessions[1]", "bad_times", {"cancel_before": "2026-12-05T10:00:00+08:00"}),
    ("sessions[1].fee.amount", "invalid", {"fee": {"amount": -1, "currency": "CNY"}}),
    ("sessions[1].fee.currency", "invalid", {"fee": {"amount": 1, "currency": "USD"}}),
    ("sessions[1].period", "invalid", {"period": "noon"}),
    ("sessions[1].room", "invalid", {"room": "a\x00b"}),
    ("sessions[1].surprise", "invalid", {"surprise": 1}),
    ("sessions[1].version", "invalid", {"version": 2**31}),
]


@pytest.mark.parametrize(("path", "code", "change"), BAD_ROWS)
def test_a_bad_row_is_refused_by_itself_with_its_own_code(
    world: World, path: str, code: str, change: dict[str, Any]
) -> None:
    summary = world.publish(only(session_row("good"), session_row("bad") | change, session_row("fine")))
    assert codes(summary) == [(path, code)]
    assert (summary["status"], summary["applied"], summary["rejected"]) == ("partial", 2, 1)
    assert [r.code for r in world.rows("SELECT code FROM sessions ORDER BY code")] == ["fine", "good", "s1"]


def test_every_bad_field_of_a_row_is_named(world: World) -> None:
    summary = world.publish(only({"code": "", "date": 7, "fee": None}))
    paths = {row["path"].removeprefix("sessions[0].") for row in summary["rows"]}
    assert paths == {"code", "date", "fee", "doctor", "period", "release_at", "slots"}
    assert summary["rejected"] == 1


def test_a_missing_field_is_named(world: World) -> None:
    for name in ("code", "doctor", "date", "period", "fee", "release_at", "slots"):
        row = {k: v for k, v in session_row("s2").items() if k != name}
        assert codes(world.publish(only(row))) == [(f"sessions[0].{name}", "invalid")]


@pytest.mark.parametrize("kind", ["departments", "doctors", "sessions"])
def test_hostile_rows_never_do_more_than_be_refused(world: World, kind: str) -> None:
    good = {
        "departments": {"code": "d", "name": "n"},
        "doctors": {"code": "d", "name": "n", "department": "card"},
        "sessions": session_row("x"),
    }[kind]
    for name, value in itertools.product(good, HOSTILE_VALUES):
        world.publish({"hospital": HOSPITAL, kind: [{**good, name: value}, value]})
    check_inventory(world)


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({}, "hospital"),
        ({"hospital": {"code": "x"}}, "hospital.name"),
        ({"hospital": {"code": "x", "name": "n", "surprise": 1}}, "hospital.surprise"),
        ({"hospital": HOSPITAL, "sessions": {}}, "sessions"),
        ({"hospital": HOSPITAL, "surprise": []}, "surprise"),
    ],
)
def test_a_document_that_is_no_roster_is_refused_whole(world: World, document: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refusal:
        world.publish(document)
    assert field in [e["field"] for e in refusal.value.extra["errors"]]


def test_another_hospital_cannot_publish_and_cannot_be_invented(world: World) -> None:
    for by, code in (
        (Publisher("acc", "hos_other"), "renai"),
        (Publisher("acc", ""), "renai"),
        (Publisher("acc", "hos_other"), "new"),
    ):
        with pytest.raises(Forbidden):
            apply_roster(world.database.transaction, {"hospital": {**HOSPITAL, "code": code}}, by)
    own = Publisher("acc", world.hospital_id)
    assert apply_roster(world.database.transaction, {"hospital": HOSPITAL}, own)["status"] == "applied"


def test_capacity_below_what_is_sold_cancels_nobody_and_sells_no_more(world: World) -> None:
    first = world.slot_ids()[0]
    world.tell(*(world.reserve(f"o{i}", first) for i in range(4)), world.confirm("o0"))
    summary = world.publish(only(session_row(version=2, slots=[slot_row(8, capacity=2), slot_row(8, 30), slot_row(9)])))
    assert codes(summary) == [("sessions[0]", "below_taken")]
    assert summary["rows"][0]["severity"] == "warning"
    take_sent(world.database)
    check_inventory(world)
    assert short(world.tell(world.release("o1"), world.reserve("x", first))) == [
        ("released", "o1"),
        ("rejected", "x", "sold_out"),
    ]
    assert short(world.tell(world.release("o2"), world.release("o3"), world.reserve("y", first)))[2] == (
        "reserved",
        "y",
        2,
    )
    check_inventory(world)
    assert world.rows("SELECT capacity, free FROM slots WHERE id = :s", s=first) == [(2, 0)]


def test_a_segment_that_is_planned_no_more_sells_no_more(world: World) -> None:
    first, second, third = world.slot_ids()
    world.tell(world.reserve("a", third))
    world.publish(only(session_row(version=2, slots=[slot_row(8)])))
    take_sent(world.database)
    answers = short(world.tell(world.reserve("b", second), world.reserve("c", third)))
    assert answers == [("rejected", "b", "slot_not_found"), ("rejected", "c", "sold_out")]
    assert short(world.tell(world.release("a"), world.reserve("d", third)))[1] == ("rejected", "d", "slot_not_found")
    assert short(world.tell(world.reserve("e", first)))[0] == ("reserved", "e", 1)
    check_inventory(world)


def test_numbers_beyond_a_segments_range_come_from_the_tail(world: World) -> None:
    first = world.slot_ids()[0]
    world.publish(
        only(
            session_row(
                version=2, slots=[slot_row(8, capacity=6), slot_row(8, 30), slot_row(9), slot_row(10, capacity=2)]
            )
        )
    )
    take_sent(world.database)
    numbers = [m.queue_number for m in world.tell(*(world.reserve(f"o{i}", first) for i in range(6)))]
    assert numbers == [1, 2, 3, 4, 15, 16]
    assert world.tell(world.reserve("x", world.slot_ids()[3]))[0].queue_number == 13
    check_inventory(world)


def test_a_stopped_session_stays_stopped(world: World) -> None:
    from schedule_svc.usecases import sessions

    with world.database.transaction() as tx:
        sessions.stop(tx, world.session_id(), "ill", lambda _hospital: None)
    take_sent(world.database)
    world.publish(only(session_row(version=2, room="B2")))
    (changed,) = [m for m in take_sent(world.database) if isinstance(m, SessionChanged)]
    assert (changed.session.state, changed.session.revision) == ("stopped", 3)


def test_a_thousand_sessions_in_one_call(world: World) -> None:
    rows = [session_row(f"s{i}", slots=[slot_row(8 + n // 2, 30 * (n % 2)) for n in range(8)]) for i in range(2, 1002)]
    assert world.publish(only(*rows))["applied"] == 1000
    assert len(sent(world.database, SessionPublished)) == 1000
    again = world.publish(only(*({**row, "version": 2, "room": "B2"} for row in rows)))
    assert again["applied"] == 1000
    assert world.rows("SELECT count(*) AS n FROM slots")[0].n == 8003
    check_inventory_counts(world)


def check_inventory_counts(world: World) -> None:
    assert world.rows("SELECT count(*) AS n FROM slots WHERE capacity <> free + held + sold + blocked")[0].n == 0
