"""Hospitals' events: each gets its result, versions decide, what comes early waits, and snapshots heal gaps."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from common.clock import local
from common.messages import RosterApplied, SessionChanged, SessionPublished, SessionStopped
from common.testing import sent, take_sent
from haoyuan_roster_format import LARGEST_EVENT, MOST_ROWS, event_type, routing_key, seal
from roster_world import Hospital, codes
from schedule_svc.usecases import planning
from schedule_svc.usecases.reception import Reception
from schedule_svc.usecases.registers import Origin
from schedule_world import World, check_inventory, session_row, short, slot_row
from sqlalchemy import event

HOUR = timedelta(hours=1)
EIGHT = "2026-12-05T08:00:00+08:00"
DOCTOR = {"code": "D2", "version": 1, "name": "李娜", "title": "副主任医师", "department": "card"}


@pytest.fixture
def renai(world: World) -> Hospital:
    return Hospital(world)


def state_of(world: World, code: str = "s1") -> Any:
    return world.rows("SELECT stopped, stop_reason, staff_stop, roster_stop FROM sessions WHERE code = :c", c=code)[0]


# --- results ---------------------------------------------------------------------------------------------------------


def test_a_roster_is_applied_and_answered(renai: Hospital) -> None:
    result = renai.roster(session_row("s2", doctor="D2"), doctors=[DOCTOR])
    counts = {"applied": 2, "unchanged": 0, "rejected": 0, "kept": 0}
    assert (result["status"], result["counts"], result["rows"], result["more"]) == ("applied", counts, [], 0)
    assert result["type"] == event_type("roster_published")
    (published,) = sent(renai.world.database, SessionPublished)
    assert published.session.state == "open"
    assert sent(renai.world.database, RosterApplied) == [], "there is no account to tell"
    (logged,) = renai.world.rows("SELECT * FROM rosters WHERE input = :i", i=result["input"])
    assert (logged.id, logged.status, logged.applied) == (result["roster_id"], "applied", 2)


def test_the_result_is_an_event_under_the_hospitals_key(renai: Hospital) -> None:
    renai.roster(session_row("s2"))
    (event,) = renai.results
    assert (event["type"], event["subject"], event["specversion"]) == ("haoyuan.roster.result.v1", "renai", "1.0")


def test_one_bad_row_rejects_that_row(renai: Hospital) -> None:
    bad = session_row("s3", slots=[slot_row(8) | {"starts_at": "2026-12-05T25:00:00+08:00"}], room="\ud800")
    body = json.dumps(json.loads(seal("roster_published", "renai", {"sessions": []}, id="e", time=renai.world.clock())))
    event = json.loads(body) | {"data": {"sessions": [session_row("s2", slots=[slot_row(14)]), bad]}}
    result = renai.send(json.dumps(event).encode(), routing_key("renai", "roster_published"))
    assert result["status"] == "partial"
    assert set(codes(result)) == {
        ("sessions[1].slots[0].starts_at", "bad_time"),
        ("sessions[1].room", "bad_encoding"),
    }


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"\xef\xbb\xbf{}", "bad_encoding"),
        ('{"id": "仁爱"}'.encode("gbk"), "bad_encoding"),
        (b"{", "invalid"),
        (b"[]", "invalid"),
        (b"{}", "invalid"),
        (b'{"id": "x\xff"}', "bad_encoding"),
        (b"[" * 100_000, "invalid"),
    ],
)
def test_what_nobody_can_read_is_answered_too(renai: Hospital, body: bytes, code: str) -> None:
    result = renai.send(body, routing_key("renai", "roster_published"))
    assert (result["status"], {row["code"] for row in result["rows"]}) == ("rejected", {code})
    assert result["input"]
    assert renai.world.rows("SELECT status FROM rosters WHERE input = :i", i=result["input"]) == [("rejected",)]


def test_another_event_under_a_used_id_is_refused_and_answered(renai: Hospital) -> None:
    now = renai.world.clock()
    assert renai.stop(version=1, event_id="E1", at=now)["status"] == "applied"
    assert renai.stop(version=1, event_id="E1", at=now) == {}, "a repetition has its result already"
    result = renai.resume(version=2, event_id="E1")
    assert (result["input"], result["type"]) == ("E1", event_type("session_resumed"))
    assert (result["status"], codes(result)) == ("rejected", [("id", "duplicate_id")])
    assert renai.resume(version=2, event_id="E1") == {}
    assert state_of(renai.world).stopped
    assert renai.world.rows("SELECT status FROM rosters WHERE input = 'E1' ORDER BY status") == [
        ("applied",),
        ("rejected",),
    ]
    assert renai.resume(version=2, event_id="E2")["status"] == "applied"


BEYOND = ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00")
"""Times that UTC does not have."""


@pytest.mark.parametrize("time", BEYOND)
def test_a_time_that_no_clock_shows_is_answered_by_its_code(renai: Hospital, time: str) -> None:
    key, window = routing_key("renai", "roster_published"), {"from": "2026-12-01", "to": "2026-12-02"}
    sound = json.loads(seal("roster_published", "renai", {}, id=time, time=renai.world.clock()))
    body = json.dumps(sound | {"time": time}).encode()
    assert codes(renai.send(body, key)) == [("time", "bad_times")]
    assert codes(renai.roster(window=window, as_of=time)) == [("as_of", "bad_times")]


@pytest.mark.parametrize("name", ["id", "type", "source", "subject"])
def test_an_attribute_that_no_database_keeps_is_answered(renai: Hospital, name: str) -> None:
    sound = json.loads(seal("roster_published", "renai", {}, id="e", time=renai.world.clock()))
    result = renai.send(json.dumps(sound | {name: "a\0b"}).encode(), routing_key("renai", "roster_published"))
    assert (result["status"], [code for _, code in codes(result)]) in (
        ("rejected", ["invalid"]),
        ("rejected", ["unknown_type"]),
        ("applied", []),
    )
    assert result["input"] == ("a\ufffdb" if name == "id" else "e")


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"subject": "xiehe"}, "subject"),
        ({"user_id": "xiehe"}, ""),
        ({"key": "xiehe.roster.session_stopped.v1"}, "subject"),
    ],
)
def test_key_user_and_body_name_one_hospital(renai: Hospital, change: dict[str, str], path: str) -> None:
    if "key" in change:
        renai.code = "xiehe"
        change = {**change, "subject": "renai"}
    result = renai.stop(**change)
    assert (result["status"], codes(result)) == ("rejected", [(path, "wrong_hospital")])
    assert not state_of(renai.world).stopped
    assert renai.world.rows("SELECT code FROM hospitals") == [("renai",)]


def test_the_row_of_another_hospital_is_refused(renai: Hospital) -> None:
    result = renai.roster(hospital={"code": "xiehe", "name": "协和"})
    assert codes(result) == [("hospital.code", "wrong_hospital")]
    assert renai.stop(user_id="renai")["status"] == "applied"


def test_the_type_is_the_keys(renai: Hospital) -> None:
    result = renai.stop(key=routing_key("renai", "session_resumed"))
    assert (result["status"], codes(result)) == ("rejected", [("type", "wrong_type")])


def test_what_lies_in_the_future_is_refused(renai: Hospital) -> None:
    late = renai.world.clock() + HOUR
    assert codes(renai.stop(at=late)) == [("time", "in_future")]
    assert codes(renai.snapshot(as_of=late, days=("2026-12-05", "2026-12-05"))) == [("as_of", "in_future")]
    assert not state_of(renai.world).stopped


def test_5000_bad_rows_of_an_event_as_large_as_may_be_give_a_small_result(renai: Hospital) -> None:
    rows = [session_row(f"s{i}", date="2026-02-30", room="警" * 60) for i in range(5000)]
    body = seal("roster_published", "renai", {"sessions": rows}, id="large", time=renai.world.clock())
    assert 0.5 * LARGEST_EVENT < len(body) < LARGEST_EVENT
    result = renai.send(body, routing_key("renai", "roster_published"))
    assert (result["status"], result["counts"]["rejected"]) == ("rejected", 5000)
    assert (len(result["rows"]), result["more"]) == (MOST_ROWS, 5000 - MOST_ROWS)
    assert len(json.dumps(renai.results[0])) < 128 * 1024


def test_a_hospital_that_nobody_knows_yet_may_speak_before_it_says_what_it_is(world: World) -> None:
    xiehe = Hospital(world, "xiehe")
    xiehe.say("staff_upserted", {"departments": [{"code": "card", "name": "心内科"}], "doctors": [DOCTOR]})
    client = world.service.app.test_client()
    assert [h["code"] for h in client.get("/api/v1/hospitals").get_json()["items"]] == ["renai"]
    xiehe.roster(session_row("s1", doctor="D2"), hospital={"code": "xiehe", "version": 0, "name": "协和医院"})
    assert [h["name"] for h in client.get("/api/v1/hospitals").get_json()["items"]] == ["仁爱医院", "协和医院"]
    assert len(world.rows("SELECT code FROM sessions")) == 2


def test_a_long_roster_is_never_in_memory_as_rows(renai: Hospital, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some hundreds of rows are planned and let go before the next ones are looked at; statements do not grow with them."""
    read, ahead, statements = 0, [], []
    publish = planning.publish

    def rows() -> Iterator[tuple[str, Any]]:
        nonlocal read
        for i in range(1700):
            read += 1
            yield f"sessions[{i}]", session_row(f"s{i}", slots=[slot_row(8)])

    def noted(tx: Any, hospital_id: str, planned: Any, at: datetime) -> Any:
        ahead.append((read, len(planned)))
        return publish(tx, hospital_id, planned, at)

    monkeypatch.setattr(planning, "publish", noted)

    def count(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "outbox" not in statement:  # the chassis' own, which PostgreSQL gets as one
            statements.append(statement)

    event.listen(renai.world.database.engine, "before_cursor_execute", count)
    with renai.world.database.transaction() as tx:
        reception = Reception(tx, renai.world.hospital_id, Origin("e", "t", tx.now))
        reception.sessions(rows())
    assert ahead == [(500, 499), (1000, 500), (1500, 500), (1700, 200)], "s1 is known already, with other slots"
    assert len(statements) < 4 * 25, "a few for each part, however long it is"
    assert (reception.applied, reception.rejected) == (1699, 1)


# --- what comes early ------------------------------------------------------------------------------------------------


def test_a_session_waits_for_its_doctor(renai: Hospital) -> None:
    early = renai.roster(session_row("s2", doctor="D2"))
    assert (early["status"], codes(early)) == ("rejected", [("sessions[0].doctor", "unknown_doctor")])
    assert (early["counts"]["rejected"], early["counts"]["kept"]) == (1, 1)
    renai.say("staff_upserted", {"doctors": [DOCTOR]})
    later = renai.results[-1]["data"]
    assert (later["input"], later["status"], codes(later)) == (
        early["input"],
        "applied",
        [("sessions[0]", "applied_later")],
    )
    assert len(sent(renai.world.database, SessionPublished)) == 1
    assert renai.world.rows("SELECT * FROM roster_registers") == []


def test_a_doctor_waits_for_the_department_and_with_the_doctor_the_session(renai: Hospital) -> None:
    renai.roster(session_row("s2", doctor="D2"))
    early = renai.say("staff_upserted", {"doctors": [DOCTOR | {"department": "eyes"}]})
    assert codes(early) == [("doctors[0].department", "unknown_department")]
    renai.say("staff_upserted", {"departments": [{"code": "eyes", "name": "眼科"}]})
    assert [r.code for r in renai.world.rows("SELECT code FROM sessions ORDER BY code")] == ["s1", "s2"]
    assert [r["data"]["status"] for r in renai.results] == ["rejected", "rejected", "applied", "applied", "applied"]


def test_of_what_waits_the_greatest_version_wins_and_an_older_one_changes_nothing(renai: Hospital) -> None:
    renai.roster(session_row("s1", version=3, room="new", doctor="D2"))
    renai.roster(session_row("s1", version=2, room="older", doctor="D2"))
    assert renai.world.rows("SELECT room, version FROM sessions") == [("3F-12", 1)]
    renai.say("staff_upserted", {"doctors": [DOCTOR]})
    assert renai.world.rows("SELECT room, version FROM sessions") == [("new", 3)]
    renai.roster(session_row("s1", version=2, room="older", doctor="D2"))
    assert renai.world.rows("SELECT room, version FROM sessions") == [("new", 3)]
    assert renai.world.rows("SELECT * FROM roster_registers") == []


@pytest.mark.parametrize("order", ["ABD", "ADB", "DAB"])
def test_of_two_contents_under_one_version_the_first_stays_also_while_it_waits(renai: Hospital, order: str) -> None:
    said = {
        "A": lambda: renai.roster(session_row("s2", doctor="D2", room="A")),
        "B": lambda: renai.roster(session_row("s2", doctor="D2", room="B")),
        "D": lambda: renai.say("staff_upserted", {"doctors": [DOCTOR]}),
    }
    answers = {name: said[name]() for name in order}
    assert codes(answers["B"]) == [("sessions[0]", "conflict")]
    assert (answers["B"]["counts"]["rejected"], answers["B"]["counts"]["kept"]) == (1, 0)
    assert renai.world.rows("SELECT room FROM sessions WHERE code = 's2'") == [("A",)]


def test_a_doctor_who_waits_is_not_overwritten_either(renai: Hospital) -> None:
    renai.say("staff_upserted", {"doctors": [DOCTOR | {"department": "eyes"}]})
    again = renai.say("staff_upserted", {"doctors": [DOCTOR | {"department": "eyes"}]})
    other = renai.say("staff_upserted", {"doctors": [DOCTOR | {"name": "another"}]})
    assert codes(again) == [("doctors[0].department", "unknown_department")], "the same again is no contradiction"
    assert codes(other) == [("doctors[0]", "conflict")]
    renai.say("staff_upserted", {"departments": [{"code": "eyes", "name": "眼科"}]})
    assert renai.world.rows("SELECT name FROM doctors WHERE code = 'D2'") == [(DOCTOR["name"],)]


def test_a_stop_waits_for_its_session(renai: Hospital) -> None:
    early = renai.stop("s2")
    assert (early["status"], codes(early)) == ("rejected", [("session", "unknown_session")])
    assert renai.stop("s2")["counts"]["kept"] == 1, "repeated, it is kept once"
    renai.add({EIGHT: 3}, "s2")
    renai.roster(session_row("s2", slots=[slot_row(8)]))
    assert state_of(renai.world, "s2").stopped
    (published,) = sent(renai.world.database, SessionPublished)
    assert published.session.state == "stopped"
    assert sent(renai.world.database, SessionStopped) == [], "nobody can have ordered anything of it"
    assert renai.world.rows("SELECT capacity FROM slots WHERE session_id = :s", s=renai.world.session_id("s2")) == [
        (7,)
    ]
    assert [codes(r["data"]) for r in renai.results[-2:]] == [[("session", "applied_later")]] * 2


def test_many_rows_that_waited_are_taken_in_some_hundreds_at_a_time(renai: Hospital) -> None:
    rows = [session_row(f"w{i}", doctor="D2", slots=[slot_row(8)]) for i in range(1100)]
    for i in range(0, 1100, 500):
        renai.roster(*rows[i : i + 500])
    renai.say("staff_upserted", {"doctors": [DOCTOR]})
    assert renai.world.rows("SELECT count(*) AS n FROM sessions")[0].n == 501
    renai.later()
    assert renai.world.rows("SELECT count(*) AS n FROM sessions")[0].n == 1101
    assert renai.world.rows("SELECT count(*) AS n FROM roster_registers")[0].n == 0
    assert renai.world.rows("SELECT * FROM timers WHERE kind = 'roster_rows_wait'") == []


# --- stops and resumptions -------------------------------------------------------------------------------------------


def test_the_hospital_stops_and_resumes(renai: Hospital) -> None:
    world = renai.world
    assert renai.stop()["counts"]["applied"] == 1
    (told,) = [m for m in take_sent(world.database) if isinstance(m, SessionStopped)]
    assert (told.reason, told.session.state, state_of(world).stop_reason) == ("医生生病", "stopped", "医生生病")
    assert renai.resume()["counts"]["applied"] == 1
    (changed,) = [m for m in take_sent(world.database) if isinstance(m, SessionChanged)]
    assert changed.session.state == "open"
    assert tuple(state_of(world)) == (False, "", None, None)
    assert short(world.tell(world.reserve("a"))) == [("reserved", "a", 1)]


@pytest.mark.parametrize(
    ("version", "reason", "said"),
    [(1, "医生生病", []), (1, "other", ["conflict"]), (0, "x", ["stale"]), (2, "x", [])],
)
def test_a_status_has_versions(renai: Hospital, version: int, reason: str, said: list[str]) -> None:
    renai.stop()
    take_sent(renai.world.database)
    result = renai.stop(version=version, reason=reason)
    assert [row["code"] for row in result["rows"]] == said
    assert state_of(renai.world).stop_reason == (reason if version == 2 else "医生生病")
    assert sent(renai.world.database, SessionStopped) == [], "it is stopped already"


def test_a_resumption_takes_effect_when_the_last_number_has_come_back(renai: Hospital) -> None:
    world = renai.world
    world.tell(world.reserve("a"), world.reserve("b"))
    renai.stop()
    renai.resume()
    take_sent(world.database)
    assert state_of(world).stopped
    assert short(world.tell(world.reserve("c"))) == [("rejected", "c", "session_stopped")]
    world.tell(world.release("a"))
    renai.later(timedelta(seconds=10))
    assert state_of(world).stopped
    world.tell(world.release("b"))
    renai.later(timedelta(seconds=60))
    assert tuple(state_of(world)) == (False, "", None, None)
    assert short(world.tell(world.reserve("d")))[-1][0] == "reserved"
    check_inventory(world)


def test_after_its_end_nothing_is_stopped(renai: Hospital) -> None:
    renai.world.clock.set(renai.world.clock().replace(day=6))
    renai.stop()
    assert not state_of(renai.world).stopped
    assert sent(renai.world.database, SessionStopped) == []


# --- extra numbers ---------------------------------------------------------------------------------------------------


def test_extra_numbers_are_absolute_and_a_late_message_changes_nothing(renai: Hospital) -> None:
    """Fault 16: stock messages with absolute numbers, where a late one overwrites a newer one."""
    world = renai.world
    first = world.slot_ids()[0]
    for version, extra in ((1, 2), (3, 5), (2, 9), (3, 5)):
        renai.add({EIGHT: extra}, version=version)
    assert world.rows("SELECT capacity, roster_extra FROM slots WHERE id = :s", s=first) == [(9, 5)]
    world.tell(*(world.reserve(f"o{i}", first) for i in range(9)))
    result = renai.add({}, version=4)
    assert codes(result) == [("session", "below_taken")]
    assert world.rows("SELECT capacity, free, held FROM slots WHERE id = :s", s=first) == [(9, 0, 9)]
    assert short(world.tell(world.release("o0"), world.reserve("x", first)))[1] == ("rejected", "x", "sold_out")
    check_inventory(world)


def test_extra_numbers_in_another_zone_are_the_same(renai: Hospital) -> None:
    renai.add({EIGHT: 2})
    result = renai.add({"2026-12-05T00:00:00Z": 2, "2026-12-05T09:00:00+08:00": 0})
    assert (result["counts"]["unchanged"], result["rows"]) == (1, [])
    assert codes(renai.add({EIGHT: 3})) == [("version", "conflict")]


def test_a_newer_plan_leaves_the_extra_numbers(renai: Hospital) -> None:
    renai.add({EIGHT: 2, "2026-12-05T10:00:00+08:00": 3})
    renai.roster(session_row(version=2, slots=[slot_row(8), slot_row(10)]))
    capacities = renai.world.rows("SELECT capacity FROM slots WHERE capacity > 0 ORDER BY starts_at")
    assert capacities == [(6,), (7,)], "also those of a slot that was not planned yet"


def test_who_waits_gets_the_extra_numbers(renai: Hospital) -> None:
    world = renai.world
    world.fill(12)
    world.tell(world.reserve("w", wait=True))
    renai.add({EIGHT: 1})
    assert ("reserved", "w", 13) in short(take_sent(world.database))


# --- plans -----------------------------------------------------------------------------------------------------------


def test_a_session_follows_its_doctor_unless_it_says_otherwise(renai: Hospital) -> None:
    eyes = {"code": "eyes", "version": 1, "name": "眼科"}
    renai.roster(session_row("own", grade="专家", department="card"), departments=[eyes])
    moved = {"code": "D1", "version": 2, "name": "张伟", "title": "专家", "department": "eyes"}
    renai.say("staff_upserted", {"doctors": [moved]})
    found = renai.world.rows(
        "SELECT s.code, d.code, s.grade FROM sessions s JOIN departments d ON d.id = s.department_id ORDER BY s.code"
    )
    assert found == [("own", "card", "专家"), ("s1", "eyes", "专家")]
    (changed,) = sent(renai.world.database, SessionChanged)
    assert changed.session_id == renai.world.session_id("s1")


def test_a_draft_is_known_and_not_public(renai: Hospital) -> None:
    world, client = renai.world, renai.world.service.app.test_client()
    renai.roster(session_row("d", draft=True))
    path = f"/api/v1/sessions/{world.session_id('d')}"
    assert sent(world.database, SessionPublished) == []
    assert client.get(path).status_code == 404
    assert client.get(path + "/substitutes").status_code == 404
    assert [s["code"] for s in client.get("/api/v1/sessions").get_json()["items"]] == ["s1"]
    answers = world.tell(world.reserve("a", session=world.session_id("d")))
    assert short(answers)[-1] == ("rejected", "a", "session_not_found")
    renai.roster(session_row("d", version=2))
    (published,) = sent(world.database, SessionPublished)
    assert (published.session.state, client.get(path).get_json()["state"]) == ("open", "open")
    assert sent(world.database, SessionChanged) == []


def test_a_draw_that_somebody_entered_keeps_its_policy(make: Callable[..., World]) -> None:
    draw = {"policy": "lottery", "draw_at": "2026-12-04T08:00:00+08:00"}
    world = make(sessions=[session_row(**draw)])
    renai = Hospital(world)
    renai.roster(session_row(version=2, policy="weighted", draw_at="2026-12-04T09:00:00+08:00"))
    assert world.rows("SELECT policy, draw_state FROM sessions") == [("weighted", "open")], "nobody has entered"
    with world.database.transaction() as tx:
        tx.conn.exec_driver_sql("UPDATE sessions SET entry_seq = 1, entered = 1")
    result = renai.roster(session_row(version=3, room="B2"))
    assert codes(result) == [("sessions[0]", "draw_fixed")]
    assert world.rows("SELECT policy, room, version FROM sessions") == [("weighted", "B2", 3)]
    assert renai.roster(session_row(version=4, policy="weighted", draw_at="2026-12-04T10:00:00+08:00"))["rows"] == []
    assert str(world.rows("SELECT draw_at FROM sessions")[0].draw_at).startswith("2026-12-04 02:00")


def test_dates_are_beijings_whatever_the_host_thinks(renai: Hospital) -> None:
    """Fault 15: hosts run on UTC, where it is still the day before until 8 in the morning."""
    night_shift = [{"starts_at": "2026-12-04T16:00:00Z", "ends_at": "2026-12-04T16:30:00Z", "capacity": 1}]
    assert renai.roster(session_row("night", slots=night_shift))["status"] == "applied"
    late = [{"starts_at": "2026-12-05T23:30:00+08:00", "ends_at": "2026-12-06T00:00:00+08:00", "capacity": 1}]
    assert renai.roster(session_row("late", slots=late))["status"] == "applied"
    assert codes(renai.roster(session_row("x", date="2026-12-04", slots=night_shift))) == [
        ("sessions[0].date", "wrong_date")
    ]
    beyond = [{"starts_at": "2026-12-05T23:30:00+08:00", "ends_at": "2026-12-06T00:00:01+08:00", "capacity": 1}]
    assert codes(renai.roster(session_row("y", slots=beyond))) == [("sessions[0].date", "wrong_date")]
    renai.snapshot(as_of=night(renai), days=("2026-12-04", "2026-12-04"))
    assert renai.world.rows("SELECT code FROM sessions WHERE stopped") == [], "none of them is of that day"


def test_one_doctor_at_two_places_is_said_and_both_are_taken_in(renai: Hospital) -> None:
    result = renai.roster(session_row("s2", slots=[slot_row(9, 15)]), session_row("s3", slots=[slot_row(14)]))
    assert codes(result) == [("sessions[0]", "doctor_overlap")]
    assert result["rows"][0]["severity"] == "warning"
    assert result["rows"][0]["session_id"] == renai.world.session_id("s2")
    assert result["counts"]["applied"] == 2
    renai.stop("s1")
    assert renai.roster(session_row("s2", version=2, slots=[slot_row(9, 15)]))["rows"] == []


# --- snapshots -------------------------------------------------------------------------------------------------------

DAYS = ("2026-12-05", "2026-12-05")


def night(renai: Hospital, hours: int = 1) -> datetime:
    """Some time later; and its beginning is long past."""
    renai.world.clock.advance(hours * HOUR)
    return renai.world.clock()


def test_what_a_snapshot_does_not_name_does_not_take_place(renai: Hospital) -> None:
    world = renai.world
    renai.roster(
        session_row("s2", slots=[slot_row(14)]), session_row("s3", date="2026-12-06", slots=[slot_row(8, day=6)])
    )
    world.tell(world.reserve("a"))
    as_of = night(renai)
    renai.snapshot(session_row("s2", slots=[slot_row(14)]), as_of=as_of, days=DAYS)
    (stopped,) = world.rows("SELECT code, stop_reason FROM sessions WHERE stopped")
    assert tuple(stopped) == ("s1", f"not in the roster of {local(as_of):%Y-%m-%d %H:%M}")
    assert [m.session_id for m in sent(world.database, SessionStopped)] == [world.session_id("s1")]


def test_a_snapshot_never_undoes_what_is_newer(renai: Hospital) -> None:
    before = renai.world.clock() - HOUR
    renai.roster(session_row("s2"))
    renai.snapshot(as_of=before, days=DAYS)
    assert renai.world.rows("SELECT code FROM sessions WHERE stopped") == []
    now = night(renai)
    renai.resume("s1", 1)
    renai.snapshot(as_of=now - timedelta(minutes=1), days=DAYS)
    assert renai.world.rows("SELECT code FROM sessions WHERE stopped") == [("s2",)]


def test_a_session_that_is_named_again_takes_place(renai: Hospital) -> None:
    renai.snapshot(as_of=night(renai), days=DAYS)
    assert state_of(renai.world).stopped
    night(renai)
    assert renai.roster(session_row())["counts"]["unchanged"] == 1
    assert tuple(state_of(renai.world)) == (False, "", None, None)


def test_a_late_event_of_before_the_snapshot_is_withdrawn_as_it_comes(renai: Hospital) -> None:
    before = renai.world.clock()
    renai.snapshot(session_row(), as_of=night(renai), days=DAYS)
    renai.roster(session_row("s2"), at=before)
    assert renai.world.rows("SELECT code FROM sessions WHERE stopped") == [("s2",)]


def test_only_all_parts_are_a_snapshot(renai: Hospital) -> None:
    renai.roster(session_row("s2", slots=[slot_row(14)]), session_row("s3", slots=[slot_row(16)]))
    as_of = night(renai)

    def part(number: int, *rows: dict[str, Any], count: int = 3, of: str = "night") -> dict[str, Any]:
        return renai.snapshot(*rows, as_of=as_of, days=DAYS, part={"of": of, "number": number, "count": count})

    assert part(3, session_row())["status"] == "applied"
    assert part(1)["status"] == part(1)["status"] == "applied"
    assert codes(part(2, count=4)) == [("part", "bad_part")]
    assert renai.world.rows("SELECT code FROM sessions WHERE stopped") == []
    part(2, session_row("s2", slots=[slot_row(14)]))
    assert renai.world.rows("SELECT code FROM sessions WHERE stopped") == [("s3",)]


def test_a_bad_row_of_a_snapshot_names_its_session_all_the_same(renai: Hospital) -> None:
    renai.snapshot(session_row(fee=None), as_of=night(renai), days=DAYS)
    assert not state_of(renai.world).stopped


def test_a_snapshot_with_a_row_that_names_nothing_stops_nothing(renai: Hospital) -> None:
    nameless = {name: value for name, value in session_row("s1").items() if name != "code"}
    result = renai.snapshot(nameless, as_of=night(renai), days=DAYS)
    assert set(codes(result)) == {("sessions[0].code", "invalid"), ("part", "bad_part")}
    assert not state_of(renai.world).stopped


def test_what_our_staff_made_is_none_of_the_snapshots(renai: Hospital) -> None:
    world = renai.world
    with world.database.transaction() as tx:
        tx.conn.exec_driver_sql("UPDATE sessions SET code = 'own_abc'")
    renai.snapshot(as_of=night(renai), days=DAYS)
    assert world.rows("SELECT code FROM sessions WHERE stopped") == []


def test_a_newer_snapshot_replaces_an_older_one_and_days_that_are_over_are_forgotten(renai: Hospital) -> None:
    for _ in range(3):
        renai.snapshot(session_row(), as_of=night(renai), days=("2026-12-04", "2026-12-06"))
    assert len(renai.world.rows("SELECT id FROM roster_snapshots")) == 1
    renai.world.clock.set(renai.world.clock().replace(day=20))
    renai.snapshot(as_of=renai.world.clock(), days=("2026-12-20", "2026-12-21"))
    assert len(renai.world.rows("SELECT id FROM roster_snapshots")) == 1
