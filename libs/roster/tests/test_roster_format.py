"""A row is right, or each thing that is wrong with it is named by its own code; of two versions, one wins."""

import itertools
import json
from datetime import UTC, datetime
from typing import Any

import haoyuan_roster_format as fmt
import msgspec
import pytest
from haoyuan_roster_format import schemas

NOW = datetime(2026, 12, 1, tzinfo=UTC)


def slot(hour: int = 8, minute: int = 0, **changes: Any) -> dict[str, Any]:
    day = f"2026-12-05T{hour:02}"
    return {
        "starts_at": f"{day}:{minute:02}:00+08:00",
        "ends_at": f"{day}:{minute + 29}:00+08:00",
        "capacity": 4,
    } | changes


def session(code: str = "s1", **changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "code": code,
        "version": 1,
        "doctor": "D1",
        "date": "2026-12-05",
        "period": "morning",
        "fee": {"amount": 5000, "currency": "CNY"},
        "release_at": "2026-12-01T08:30:00+08:00",
        "slots": [slot(8), slot(9)],
    }
    return row | changes


def said(*rows: Any) -> list[tuple[str, str]]:
    return [(note.path, note.code) for note in fmt.examine("roster_published", {"sessions": list(rows)})]


DRAW = {"policy": "lottery", "draw_at": "2026-12-03T08:00:00+08:00"}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        DRAW,
        {"draft": True, "grade": "专家", "urgent": True, "department": "d"},
        {"slots": [slot(blocked=1, quotas={"referral": 2, "window": 1})]},
        {"slots": [slot(starts_at="2026-12-05T00:00:00Z")]},
    ],
)
def test_a_sound_row_has_nothing_said_of_it(changes: dict[str, Any]) -> None:
    assert said(session(**changes)) == []


BAD = [
    ("slots[0].starts_at", "bad_time", {"slots": [slot(starts_at="2026-12-05T25:00:00+08:00")]}),
    ("slots[0].starts_at", "bad_time", {"slots": [slot(starts_at="2026-12-05T08:00:00")]}),
    ("slots[1].ends_at", "bad_date", {"slots": [slot(), slot(ends_at="2026-02-30T08:00:00+08:00")]}),
    ("date", "bad_date", {"date": "2026-02-30"}),
    ("date", "invalid", {"date": 7}),
    ("slots", "bad_times", {"slots": [slot(ends_at="2026-12-05T08:00:00+08:00")]}),
    ("slots", "slots_overlap", {"slots": [slot(8), slot(8, 10)]}),
    ("slots", "blocked_above_capacity", {"slots": [slot(blocked=5)]}),
    ("slots", "quota_above_capacity", {"slots": [slot(blocked=2, quotas={"window": 3})]}),
    ("slots[0].quotas", "invalid", {"slots": [slot(quotas={"friends": 3})]}),
    ("date", "wrong_date", {"date": "2026-12-06"}),
    ("draw_at", "bad_draw", {"policy": "lottery"}),
    ("draw_at", "bad_draw", {"draw_at": DRAW["draw_at"]}),
    ("draw_at", "bad_draw", DRAW | {"draw_at": "2026-12-01T08:30:00+08:00"}),
    ("draw_at", "bad_draw", DRAW | {"draw_at": "2026-12-05T08:00:00+08:00"}),
    ("", "bad_times", {"release_at": "2026-12-05T09:29:00+08:00"}),
    ("", "bad_times", {"release_at": "1999-12-01T08:30:00+08:00"}),
    ("", "bad_times", {"cancel_before": "2026-12-05T09:30:00+08:00"}),
    ("room", "bad_encoding", {"room": "a\ud800b"}),
    ("room", "invalid", {"room": "a\x00b"}),
    ("fee.currency", "invalid", {"fee": {"amount": 1, "currency": "USD"}}),
    ("fee", "invalid", {"fee": None}),
    ("draft", "invalid", {"draft": "yes"}),
    ("surprise", "invalid", {"surprise": 1}),
]


@pytest.mark.parametrize(("path", "code", "changes"), BAD)
def test_what_is_wrong_is_said_once_with_its_path_and_code(path: str, code: str, changes: dict[str, Any]) -> None:
    assert said(session("good"), session(**changes)) == [(f"sessions[1]{path and '.'}{path}", code)]


def test_every_bad_field_is_named_down_to_the_slot() -> None:
    slots = [slot(capacity=0), slot(starts_at="x", surprise=1)]
    paths = {path.removeprefix("sessions[0].") for path, _ in said({"code": "", "slots": slots})}
    assert {"code", "slots[0].capacity", "slots[1].starts_at", "slots[1].surprise", "doctor", "fee"} <= paths
    assert len(said({"code": "s", "slots": [{"capacity": "x"}] * 200})) == 20


def test_a_code_twice_and_a_doctor_twice() -> None:
    assert said(session(), session()) == [("sessions[1]", "duplicate")]
    notes = fmt.examine("roster_published", {"sessions": [session("a"), session("b"), session("c", doctor="D2")]})
    assert [(n.path, n.code, n.severity) for n in notes] == [("sessions[1]", "doctor_overlap", "warning")]
    assert said(session("a"), session("b", slots=[slot(10)])) == []
    assert said(session("a"), session("b", draft=True)) == []


@pytest.mark.parametrize(
    ("body", "code", "word"),
    [
        (b"\xef\xbb\xbf{}", "bad_encoding", "byte order mark"),
        ('{"a": "中文"}'.encode("gbk"), "bad_encoding", "GBK"),
        ('{"a": 1}'.encode("utf-16"), "bad_encoding", "UTF-16"),
        (b'{"a": "\xff\xff"}', "bad_encoding", "byte 7"),
        (b'{"a": NaN}', "invalid", "NaN"),
        (b"{", "invalid", "no JSON"),
        (b"[" * 100_000, "invalid", "no JSON"),
    ],
)
def test_what_is_no_json_in_utf_8_says_why(body: bytes, code: str, word: str) -> None:
    document, (note,) = fmt.decode(body)
    assert (document, note.code) == (None, code)
    assert word in note.message


def test_a_lone_surrogate_costs_its_row_only() -> None:
    text = json.dumps({"sessions": [session("a", room="\ud800"), session("b", doctor="D2")]})
    document, notes = fmt.decode(text.encode())
    assert notes == []
    (note,) = fmt.examine("roster_published", document)
    assert (note.path, note.code) == ("sessions[0].room", "bad_encoding")
    assert note.shown()["message"].encode()


def test_an_event_goes_there_and_back() -> None:
    body = fmt.seal("session_stopped", "renai", {"session": "s1", "version": 2, "reason": "ill"}, id="e1", time=NOW)
    event = fmt.read(fmt.decode(body)[0])
    assert event == fmt.Event("e1", "session_stopped", "renai", NOW, {"session": "s1", "version": 2, "reason": "ill"})
    assert fmt.routing_key("renai", "session_stopped") == "renai.roster.session_stopped.v1"


@pytest.mark.parametrize(
    ("change", "path", "code"),
    [
        ({"specversion": "0.3"}, "specversion", "invalid"),
        ({"type": "haoyuan.roster.session_moved.v1"}, "type", "unknown_type"),
        ({"id": ""}, "id", "invalid"),
        ({"time": "yesterday"}, "time", "bad_date"),
        ({"time": "2026-12-05T25:00:00Z"}, "time", "bad_time"),
        ({"data": []}, "data", "invalid"),
        ({"time": "0001-01-01T00:00:00+14:00"}, "time", "bad_times"),
        ({"time": "9999-12-31T23:59:59-14:00"}, "time", "bad_times"),
    ],
)
def test_an_envelope_that_does_not_do(change: dict[str, Any], path: str, code: str) -> None:
    event = json.loads(fmt.seal("staff_upserted", "renai", {}, id="e", time=NOW)) | change
    notes = fmt.read(event)
    assert isinstance(notes, list)
    assert [(note.path, note.code) for note in notes] == [(path, code)]


def test_an_event_names_its_hospital() -> None:
    event = json.loads(fmt.seal("staff_upserted", "renai", {}, id="e", time=NOW))
    del event["subject"]
    assert [note.path for note in fmt.read(event)] == ["subject"]  # type: ignore[union-attr]
    assert isinstance(fmt.read(7), list)


@pytest.mark.parametrize(
    ("data", "path", "code"),
    [
        ({"window": {"from": "2026-12-01", "to": "2026-12-07"}}, "window", "bad_window"),
        ({"as_of": "2026-12-01T00:00:00Z"}, "window", "bad_window"),
        (
            {"window": {"from": "2026-12-08", "to": "2026-12-07"}, "as_of": "2026-12-01T00:00:00Z"},
            "window",
            "bad_window",
        ),
        ({"window": {"from": "2026-02-30", "to": "2026-12-07"}}, "window.from", "bad_date"),
        ({"part": {"of": "x", "number": 3, "count": 2}}, "part", "bad_part"),
        ({"part": {"of": "x", "number": 0, "count": 2}}, "part.number", "invalid"),
        ({"sessions": {}}, "sessions", "invalid"),
        ({"surprise": []}, "surprise", "invalid"),
        ({"hospital": {"code": "x"}}, "hospital.name", "invalid"),
    ],
)
def test_the_head_of_a_roster(data: dict[str, Any], path: str, code: str) -> None:
    assert [(note.path, note.code) for note in fmt.examine("roster_published", data)] == [(path, code)]


@pytest.mark.parametrize(
    ("kind", "data", "path", "code"),
    [
        ("session_stopped", {"session": "s", "version": 1}, "reason", "invalid"),
        ("session_resumed", {"session": "s", "version": -1}, "version", "invalid"),
        ("slots_added", {"session": "s", "version": 1, "slots": [{"starts_at": "2026-12-05T24:00:00Z", "extra": 1}]}, "slots[0].starts_at", "bad_time"),
        ("slots_added", {"session": "s", "version": 1, "slots": [{"starts_at": "2026-12-05T00:00:00Z", "extra": 1}, {"starts_at": "2026-12-05T08:00:00+08:00", "extra": 2}]}, "slots", "slots_overlap"),
        ("staff_upserted", {"sessions": []}, "sessions", "invalid"),
        ("staff_upserted", {"doctors": [{"code": "d", "name": "n"}]}, "doctors[0].department", "invalid"),
    ],
)  # fmt: skip
def test_the_other_events(kind: str, data: dict[str, Any], path: str, code: str) -> None:
    assert [(note.path, note.code) for note in fmt.examine(kind, data)] == [(path, code)]


def digest_of(**changes: Any) -> str:
    return fmt.digest(msgspec.convert(session(**changes), fmt.SessionRow))


def test_the_digest_is_of_the_content_however_it_is_written() -> None:
    same = [
        digest_of(),
        digest_of(version=9),
        digest_of(slots=[slot(9), slot(8)]),
        digest_of(release_at="2026-12-01T00:30:00Z"),
        digest_of(slots=[slot(8, quotas={"window": 0}), slot(9)]),
    ]
    assert len(set(same)) == 1
    changes: list[dict[str, Any]] = [
        {},
        DRAW,
        DRAW | {"policy": "weighted"},
        {"draft": True},
        {"urgent": True},
        {"grade": "专家"},
        {"grade": ""},
        {"cancel_before": "2026-12-04T20:00:00+08:00"},
        {"room": "B"},
        {"slots": [slot(8, quotas={"window": 1}), slot(9)]},
    ]
    assert len({digest_of(**change) for change in changes}) == len(changes)


def test_versions_are_judged() -> None:
    assert fmt.judge(None, 0, "a") == "apply"
    cases = itertools.product((4, 5, 6), ("a", "b"))
    verdicts = [fmt.judge((5, "a"), version, content) for version, content in cases]
    assert verdicts == ["stale", "stale", "unchanged", "conflict", "apply", "apply"]
    assert fmt.judge((5, ""), 5, "b") == "apply"


def test_a_result_shows_errors_first_and_says_how_many_more() -> None:
    notes = [fmt.Note(f"sessions[{i}]", "x", "警" * 1000, "warning") for i in range(5000)]
    rows, more = fmt.shown_rows([*notes, fmt.Note("sessions[5000]", "y", "")])
    assert (rows[0]["code"], len(rows), more) == ("y", fmt.MOST_ROWS, 5001 - fmt.MOST_ROWS)
    assert len(msgspec.json.encode(rows)) < 256 * 1024
    assert fmt.status_of(fmt.Counts(applied=1, rejected=1), notes) == "partial"
    assert fmt.status_of(fmt.Counts(), [fmt.Note("", "bad_encoding", "")]) == "rejected"
    assert fmt.status_of(fmt.Counts(applied=1), notes) == "applied"


@pytest.mark.parametrize("name", schemas.names())
def test_each_schema_names_its_type_and_resolves(name: str) -> None:
    schema = schemas.schema(name)
    assert schema["properties"]["type"]["const"] in (fmt.RESULT_TYPE, fmt.event_type(name))
    references = [part.split('"')[0] for part in json.dumps(schema).split("#/$defs/")[1:]]
    assert references
    assert set(references) <= set(schema["$defs"])
