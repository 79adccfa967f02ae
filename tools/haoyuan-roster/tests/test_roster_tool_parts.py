"""The events that a roster becomes, and the versions of their rows."""

import json
import sqlite3
import tracemalloc
from contextlib import closing

import msgspec
import pytest
from haoyuan_roster.faults import Unusable
from haoyuan_roster.ledger import Ledger
from haoyuan_roster.parts import MOST_BYTES, Edition, Versions, split
from haoyuan_roster.roster import examined, parse_window
from haoyuan_roster_format import DATA, LARGEST_EVENT, decode, read
from hypothesis import given
from hypothesis import strategies as st
from roster_tool_rig import csv_text, on_day, session, utc

NOW = utc("2026-11-22T12:00:00+08:00")
MINUTE = int(NOW.timestamp()) // 60


@given(
    lengths=st.lists(st.integers(1, 50), max_size=60),
    most_rows=st.integers(1, 10),
    most_bytes=st.integers(1, 200),
)
def test_parts_hold_all_rows_in_order_and_none_is_too_large(lengths, most_rows, most_bytes):
    sizes = split(lengths, most_rows, most_bytes)
    assert sum(sizes) == len(lengths)
    begin = 0
    for i, size in enumerate(sizes):
        weight = sum(lengths[begin : begin + size])
        assert size <= most_rows
        assert weight <= most_bytes or size == 1
        begin += size
        if i + 1 < len(sizes):  # as few as can be
            assert size == most_rows or weight + lengths[begin] > most_bytes


@pytest.fixture
def edition(tmp_path):
    """(content, suffix, most_rows, ...) -> the data of the events that it becomes."""

    def make(content, suffix="json", *, most_rows=500, as_of=None, window=None, minute=MINUTE, fixed=None):
        path = tmp_path / f"roster.{suffix}"
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        versions = (
            Versions(Ledger(tmp_path / "state" / "ledger.db", "renji"), minute, fixed) if suffix == "csv" else None
        )
        with examined(path, window and parse_window(window)) as roster:
            return list(Edition(roster, "renji", NOW, as_of=as_of, versions=versions, most_rows=most_rows))

    return make


def opened(letter):
    """Its data, read as the receiver does."""
    document, faults = decode(letter.body)
    assert faults == []
    event = read(document)
    assert (event.id, event.kind, event.hospital, event.time) == (letter.id, letter.kind, "renji", NOW)
    return msgspec.convert(event.data, DATA[event.kind])


def test_a_small_roster_is_one_event_without_part(edition):
    document = {"hospital": {"code": "renji", "name": "仁济"}, "departments": [{"code": "c", "name": "C"}]}
    (letter,) = edition(document | {"sessions": [session(), on_day(8)]})
    assert letter.key == "renji.roster.roster_published.v1"
    data = opened(letter)
    assert (data.part, data.window, data.as_of) == (None, None, None)
    assert (data.hospital.code, len(data.departments), len(data.sessions), letter.rows) == ("renji", 1, 2, 3)


def test_parts_are_numbered_and_people_come_before_sessions(edition):
    document = {"sessions": [on_day(day) for day in range(1, 11)], "hospital": {"code": "renji", "name": "仁济"}}
    document["doctors"] = [{"code": f"D{i}", "name": "王", "department": "c"} for i in range(3)]
    letters = edition(document, most_rows=4)
    parts = [opened(letter) for letter in letters]
    assert [(len(p.doctors), len(p.sessions)) for p in parts] == [(3, 1), (0, 4), (0, 4), (0, 1)]
    assert [(p.part.number, p.part.count) for p in parts] == [(n, 4) for n in (1, 2, 3, 4)]
    assert len({p.part.of for p in parts}) == 1
    assert [p.hospital is not None for p in parts] == [True, False, False, False]
    assert [s.date.day for p in parts for s in p.sessions] == list(range(1, 11))
    assert len({letter.id for letter in letters}) == 4


def test_every_part_of_a_snapshot_says_its_window(edition):
    rows = [on_day(day) for day in range(1, 5)]
    letters = edition({"sessions": rows}, most_rows=2, window="2026-12-02..2026-12-31", as_of=NOW)
    parts = [opened(letter) for letter in letters]
    assert [(p.window.first.day, p.window.last.day, p.as_of) for p in parts] == [(2, 31, NOW)] * 2
    assert [s.date.day for p in parts for s in p.sessions] == [2, 3, 4]


def test_no_part_is_larger_than_an_event_may_be(edition):
    slots = on_day(1)["slots"] * 200
    rows = [on_day(1, code=f"S{i}", slots=slots) | {"draft": True} for i in range(400)]
    for row in rows:  # 200 slots of a session, one after the other
        row["slots"] = [
            slots[0] | {"starts_at": f"2026-12-01T{i // 60:02}:{i % 60:02}:00+08:00", "ends_at": f"2026-12-01T{(i + 1) // 60:02}:{(i + 1) % 60:02}:00+08:00"}
            for i in range(200)
        ]  # fmt: skip
    letters = edition({"sessions": rows})
    assert len(letters) > 1
    assert all(len(letter.body) < min(LARGEST_EVENT, MOST_BYTES * 1.1) for letter in letters)
    assert sum(letter.rows for letter in letters) == 400


def test_too_many_parts_are_refused(edition, monkeypatch):
    monkeypatch.setattr("haoyuan_roster.parts.MOST_PARTS", 3)
    with pytest.raises(Unusable, match="part-size"):
        edition({"sessions": [on_day(day) for day in range(1, 5)]}, most_rows=1)


def _peak(path, tmp_path):
    """Bytes at the height of looking at a roster and making all of its events."""
    tracemalloc.start()
    try:
        with examined(path) as roster:
            versions = None if roster.versioned else Versions(Ledger(tmp_path / "ledger.db", "renji"), MINUTE)
            edition = Edition(roster, "renji", NOW, versions=versions, most_rows=50)
            assert sum(letter.rows for letter in edition) == len(roster.sessions.lengths) + len(roster.doctors) + 1
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("suffix", ["json", "csv"])
def test_memory_holds_of_a_session_a_small_part_only(tmp_path, suffix):
    few, many = tmp_path / f"few.{suffix}", tmp_path / f"many.{suffix}"
    for path, doctors in ((few, 20), (many, 100)):
        if suffix == "csv":
            path.write_text(csv_text(*({"doctor": f"D{n}", "hours": "daily 8-12"} for n in range(doctors))))
        else:
            slots = [
                {
                    "starts_at": f"2026-12-07T{h:02}:00:00+08:00",
                    "ends_at": f"2026-12-07T{h + 1:02}:00:00+08:00",
                    "capacity": 5,
                }
                for h in range(4, 12)
            ]
            rows = [session(f"S{n}", doctor=f"D{n}", slots=slots) for n in range(7 * doctors)]
            path.write_text(json.dumps({"departments": [{"code": "c", "name": "C"}], "sessions": rows}))
    _peak(few, tmp_path)  # what is made once and kept
    # the least of three: other threads of this process, which an earlier test has left, only add
    growth = min(_peak(many, tmp_path) for _ in range(3)) - min(_peak(few, tmp_path) for _ in range(3))
    assert growth / (7 * 80) < 900  # keeping its events takes 1400 more


def versions_of(letters):
    return {row.code: row.version for letter in letters for row in opened(letter).sessions}


def test_equal_content_keeps_its_version_and_a_change_gets_a_greater_one(edition):
    first = versions_of(edition(csv_text({}), "csv"))
    assert set(first.values()) == {MINUTE}
    assert versions_of(edition(csv_text({}), "csv", minute=MINUTE + 10)) == first
    changed = versions_of(edition(csv_text({"fee": "90"}), "csv", minute=MINUTE + 10))
    assert set(changed.values()) == {MINUTE + 10}
    back = versions_of(
        edition(csv_text({}), "csv", minute=MINUTE)
    )  # an old file, with an old time: it is the newest word
    assert set(back.values()) == {MINUTE + 11}


def test_only_the_sessions_that_changed_get_a_greater_version(edition):
    first = versions_of(edition(csv_text({}, {"doctor": "D2"}), "csv"))
    second = versions_of(edition(csv_text({}, {"doctor": "D2", "room": "B"}), "csv", minute=MINUTE))
    assert {code for code in first if first[code] != second[code]} == {code for code in first if code.startswith("D2")}
    assert all(second[code] > first[code] for code in first if code.startswith("D2"))


def test_doctors_and_departments_have_versions_too(edition):
    (letter,) = edition(csv_text({}), "csv")
    (later,) = edition(csv_text({"title": "院长"}), "csv", minute=MINUTE)
    assert [row.version for row in opened(letter).doctors] == [MINUTE]
    assert [row.version for row in opened(later).doctors] == [MINUTE + 1]
    assert [row.version for row in opened(later).departments] == [MINUTE]


def test_a_version_that_is_given_is_taken_and_remembered(edition):
    assert set(versions_of(edition(csv_text({}), "csv", fixed=2**31 - 7)).values()) == {2**31 - 7}
    assert set(versions_of(edition(csv_text({"room": "B"}), "csv")).values()) == {2**31 - 6}


def test_json_keeps_the_versions_of_its_rows(edition):
    letters = edition({"sessions": [session(version=3)]})
    assert versions_of(letters) == {"D001-20261207-morning": 3}


def test_hospitals_do_not_share_versions(tmp_path):
    path = tmp_path / "ledger.db"
    assert Ledger(path, "a").versions("sessions", {"S": "x"}, 5) == {"S": 5}
    assert Ledger(path, "b").versions("sessions", {"S": "y"}, 3) == {"S": 3}
    assert Ledger(path, "a").versions("extras", {"S": "y"}, 4) == {"S": 4}


def test_what_is_noted_down_is_there_before_anything_is_sent(edition, tmp_path):
    edition(csv_text({}), "csv")
    with closing(sqlite3.connect(tmp_path / "state" / "ledger.db")) as connection:
        (count,) = connection.execute("SELECT count(*) FROM versions WHERE kind = 'sessions'").fetchone()
    assert count == 5


@pytest.mark.parametrize("content", [b"this is no database, though it is a file" * 100])
def test_a_ledger_that_cannot_be_kept_is_told(tmp_path, content):
    path = tmp_path / "ledger.db"
    path.write_bytes(content)
    with pytest.raises(Unusable, match="--ledger"):
        Ledger(path, "a").versions("sessions", {"S": "x"}, 5)
    with pytest.raises(Unusable, match="--ledger"):
        Ledger(path / "below", "a").versions("sessions", {"S": "x"}, 5)
