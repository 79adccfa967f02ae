"""CSV and JSON files: what they stand for, and what is said of what cannot be."""

import io
import itertools
import json
from datetime import date

import msgspec
import pytest
from haoyuan_roster import findings, jsonfile
from haoyuan_roster.faults import Unusable
from haoyuan_roster.roster import examined, parse_window
from haoyuan_roster_format import SessionRow
from hypothesis import given
from hypothesis import strategies as st
from roster_tool_rig import DATED, csv_text, on_day, session, utc


@pytest.fixture
def look(tmp_path):
    """Look at a text; answers the roster, its sessions beside it."""
    numbers = itertools.count()

    def look(content, window=None, suffix="csv"):
        path = tmp_path / f"{next(numbers)}.{suffix}"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        with examined(path, window and parse_window(window)) as roster:
            rows = [msgspec.json.decode(body, type=SessionRow) for body in roster.sessions]
        return roster, rows

    return look


def said(roster):
    return [(note.path, note.code) for note in roster.findings.notes]


class TestCsv:
    def test_a_week_becomes_a_session_for_each_day_with_stable_codes(self, look):
        roster, rows = look(csv_text({}))
        assert said(roster) == []
        assert [row.code for row in rows] == [f"D001-202612{day:02}-morning" for day in range(7, 12)]
        first = rows[0]
        assert first.date == date(2026, 12, 7)
        assert first.fee.amount == 8050
        assert first.release_at == utc("2026-11-30T07:00:00+08:00")
        assert first.starts_at == utc("2026-12-07T08:00:00+08:00")
        assert first.ends_at == utc("2026-12-07T12:00:00+08:00")
        assert [slot.capacity for slot in first.slots] == [5] * 8
        assert roster.departments["cardio"].name == "心血管内科"
        assert (roster.doctors["D001"].name, roster.doctors["D001"].department) == ("王立群", "cardio")

    def test_a_slot_belongs_to_the_part_of_the_day_in_which_it_starts(self, look):
        _, rows = look(csv_text({"hours": "Mon 8:15-19:15", "slot_minutes": "60"}))
        assert [(row.period, len(row.slots)) for row in rows] == [("morning", 4), ("afternoon", 6), ("evening", 1)]
        assert rows[1].starts_at == utc("2026-12-07T12:15:00+08:00")

    def test_a_part_of_the_day_that_is_given_is_taken(self, look):
        _, rows = look(csv_text({"hours": "Mon 11:00-13:00", "period": "上午"}))
        assert [(row.period, len(row.slots)) for row in rows] == [("morning", 4)]

    def test_two_spans_of_one_part_of_the_day_are_one_session(self, look):
        _, rows = look(csv_text({"hours": "Mon 8-9, 10-11"}))
        assert [len(row.slots) for row in rows] == [4]

    def test_a_dated_line_is_a_session_of_that_day(self, look):
        roster, rows = look(csv_text(DATED))
        assert said(roster) == []
        assert [row.code for row in rows] == ["D001-20261205-evening"]
        assert rows[0].ends_at == utc("2026-12-05T20:00:00+08:00")

    def test_days_that_are_excepted_have_no_session(self, look):
        _, rows = look(csv_text({"except": "2026-12-08..2026-12-10"}))
        assert [row.date.day for row in rows] == [7, 11]

    def test_all_that_a_session_can_have_is_taken_over(self, look):
        line = {
            "policy": "摇号",
            "draw_days": "1",
            "draw_time": "20:00",
            "room": "A101",
            "grade": "专家",
            "blocked": "1",
        }
        line |= {"referral": "1", "window": "0", "follow_up": "2", "urgent": "否", "draft": "是", "tag": "vip"}
        roster, rows = look(csv_text(line | {"hours": "Mon 24:00 - 24:00"}, line | {"hours": "Mon 23:30-24:00"}))
        assert said(roster) == [("line 2, hours", "bad_times")]
        (row,) = rows
        assert (row.policy, row.room, row.grade, row.urgent, row.draft) == ("lottery", "A101", "专家", False, True)
        assert row.draw_at == utc("2026-12-06T20:00:00+08:00")
        assert row.code == "D001-20261207-evening-vip"
        assert (row.slots[0].blocked, row.slots[0].quotas) == (1, {"referral": 1, "follow_up": 2})
        assert row.ends_at == utc("2026-12-08T00:00:00+08:00")

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030"])
    @pytest.mark.parametrize("delimiter", [",", ";", "\t"])
    def test_the_same_roster_is_the_same_in_every_encoding(self, look, encoding, delimiter):
        roster, rows = look(csv_text({}, delimiter=delimiter).encode(encoding))
        assert roster.doctors["D001"].name == "王立群"
        assert len(rows) == 5

    def test_titles_may_be_chinese_and_columns_in_any_order(self, look):
        text = csv_text({"hours": "周一 上午"}).replace("doctor_name", "医生姓名").replace("hours", "出诊时间")
        roster, rows = look(text.replace("fee", "挂号费"))
        assert said(roster) == []
        assert len(rows) == 1

    @pytest.mark.parametrize(
        ("line", "column", "code"),
        [
            ({"hours": "M-F 25:00-26:00"}, "hours", "bad_time"),
            ({"hours": "M-F 16:00-8:00"}, "hours", "bad_times"),
            ({"hours": "Funday 8-12"}, "hours", "unknown_weekday"),
            ({"fee": "12.345"}, "fee", "bad_money"),
            ({"fee": "100000.01"}, "fee", "bad_money"),
            ({"valid_from": "2026-02-30"}, "valid_from", "bad_date"),
            ({"valid_to": "2026-12-01"}, "valid_to", "bad_date"),
            ({"valid_to": "2028-12-01"}, "valid_to", "bad_date"),
            ({"valid_to": ""}, "valid_to", "invalid"),
            ({"capacity": "0"}, "capacity", "invalid"),
            ({"capacity": "five"}, "capacity", "invalid"),
            ({"doctor": ""}, "doctor", "invalid"),
            ({"doctor": "x" * 65}, "doctor", "invalid"),
            ({"doctor_name": "a\x07"}, "doctor_name", "invalid"),
            ({"slot_minutes": "45"}, "slot_minutes", "bad_slots"),
            ({"policy": "auction"}, "policy", "invalid"),
            ({"policy": "lottery"}, "draw_days", "bad_draw"),
            ({"draw_days": "1", "draw_time": "8:00"}, "draw_days", "bad_draw"),
            ({"release_time": "7:77"}, "release_time", "bad_time"),
            ({"date": "2026-12-05"}, "start", "invalid"),
            (DATED | {"hours": "Mon 8-12"}, "hours", "invalid"),
            (DATED | {"end": "18:00"}, "end", "bad_times"),
        ],
    )
    def test_what_cannot_be_is_refused_by_line_column_and_text(self, look, line, column, code):
        roster, rows = look(csv_text({}, line | {"tag": "b"}))
        assert said(roster) == [(f"line 3, {column}", code)]
        assert len(rows) == 5  # the other line's
        assert roster.refused == 1

    def test_the_text_that_is_wrong_is_quoted_and_a_long_one_cut(self, look):
        roster, _ = look(csv_text({"hours": "M-F 25:00-26:00", "fee": "eighty", "room": "x" * 401, "title": "y" * 401}))
        messages = {note.path: note.message for note in roster.findings.notes}
        assert messages["line 2, hours"] == "“M-F 25:00-26:00”: “25:00” is no time of day"
        assert messages["line 2, fee"].startswith("“eighty”: is no amount")
        assert messages["line 2, room"].startswith(f"“{'x' * 40}…”")

    def test_a_fault_of_all_sessions_of_a_line_is_told_once(self, look):
        roster, rows = look(csv_text({"release_days": "0", "release_time": "13:00"}, {"blocked": "4", "window": "2"}))
        assert said(roster) == [("line 2", "bad_times"), ("line 3", "quota_above_capacity")]
        assert rows == []

    def test_one_code_twice_is_refused_and_one_doctor_twice_at_a_time_is_told(self, look):
        roster, rows = look(csv_text({}, {}, {"tag": "b", "hours": "Mon 11:30-12:30"}))
        assert said(roster) == [("line 3", "duplicate"), ("line 4", "doctor_overlap")]
        assert [note.severity for note in roster.findings.notes] == ["error", "warning"]
        assert len(rows) == 7

    def test_people_who_are_written_in_two_ways_are_told(self, look):
        roster, _ = look(csv_text({}, {"tag": "b", "title": "医师"}, {"tag": "c", "department_name": "心内"}))
        conflicts = [item for item in said(roster) if item[1] == "conflict"]
        assert conflicts == [("line 3, doctor_name", "conflict"), ("line 4, department_name", "conflict")]

    def test_a_doctor_may_work_in_a_second_department(self, look):
        roster, rows = look(csv_text({}, {"department": "gp", "department_name": "全科", "hours": "周六 上午"}))
        assert said(roster) == []
        assert roster.doctors["D001"].department == "cardio"
        assert rows[-1].department == "gp"

    def test_a_plan_that_meets_no_day_and_a_column_that_is_not_known_are_warnings(self, look):
        roster, _ = look(csv_text({"hours": "Sun 8-12", "valid_to": "2026-12-08", "polcy": "lottery"}))
        assert said(roster) == [("line 1", "unknown_column"), ("line 2", "no_sessions")]
        assert roster.findings.errors == 0

    def test_lines_are_counted_as_an_editor_counts_them(self, look):
        text = csv_text({"room": "A\nB\nC"}, {"fee": "x"}).replace("\r\n", "\n")
        roster, _ = look(text.replace("\nD001", "\n\n\nD001", 1))
        paths = [note.path for note in roster.findings.notes if note.code == "bad_money"]
        assert paths == ["line 7, fee"]

    @pytest.mark.parametrize("text", ["", "\n\n", "doctor,fee\n", "doctor,doctor\n", "\x00"])
    def test_a_file_that_is_no_roster_is_unusable(self, look, text):
        with pytest.raises(Unusable):
            look(text)

    def test_a_broken_quote_ends_the_reading_and_is_told(self, look):
        roster, rows = look(csv_text({}) + 'D009,"x"y\n' + csv_text({}).split("\n", 1)[1])
        assert said(roster) == [("line 3", "not_csv")]
        assert len(rows) == 5

    def test_a_line_with_too_many_cells_is_refused(self, look):
        roster, _ = look(csv_text({}).rstrip() + ",x,y\n")
        assert said(roster) == [("line 2", "invalid")]

    def test_the_window_leaves_other_days_out(self, look):
        roster, rows = look(csv_text({}), window="2026-12-08..2026-12-09")
        assert [row.date.day for row in rows] == [8, 9]
        assert roster.outside == 3
        assert roster.window.first == date(2026, 12, 8)

    def test_of_countless_faults_some_are_kept_and_all_are_counted(self, look, monkeypatch):
        monkeypatch.setattr(findings, "MOST_KEPT", 3)
        roster, _ = look(csv_text(*[{"fee": "x"}] * 10))
        assert (len(roster.findings.notes), roster.findings.errors, roster.findings.left_off) == (3, 10, 7)


class TestJson:
    def look(self, look, document, **kwargs):
        return look(document if isinstance(document, str | bytes) else json.dumps(document), suffix="json", **kwargs)

    def test_a_document_is_taken_in_with_its_versions(self, look):
        document = {"sessions": [session(version=7)], "hospital": {"code": "renji", "name": "仁济", "version": 3}}
        document |= {
            "departments": [{"code": "c", "name": "C"}],
            "doctors": [{"code": "D", "name": "王", "department": "c"}],
        }
        roster, rows = self.look(look, document)
        assert said(roster) == []
        assert roster.versioned
        assert (roster.hospital.version, rows[0].version) == (3, 7)
        assert list(roster.doctors) == ["D"]

    def test_each_bad_row_is_refused_by_its_path_and_the_others_are_not(self, look):
        rows = [
            session(),
            session(fee="x"),
            session(),
            on_day(8, date="2026-12-09"),
            on_day(9, colour=1),
            "x",
            on_day(10),
        ]
        rows.append(on_day(11, slots=[{"starts_at": "2026-12-11T25:00:00+08:00", "ends_at": "x", "capacity": 0}]))
        document = {"sessions": rows, "doctors": [{"code": "D"}], "departments": 3, "colour": [1]}
        roster, sound = self.look(look, document)
        assert {path for path, _ in said(roster)} == {
            "sessions[1].fee", "sessions[2]", "sessions[3].date", "sessions[4].colour", "sessions[5]",
            "sessions[7].slots[0].starts_at", "sessions[7].slots[0].ends_at", "sessions[7].slots[0].capacity",
            "doctors[0].name", "doctors[0].department", "departments", "colour[0]",
        }  # fmt: skip
        assert [row.code for row in sound] == ["D001-20261207-morning", "D001-10"]
        assert dict(said(roster))["sessions[7].slots[0].starts_at"] == "bad_time"

    def test_a_window_may_stand_in_the_document(self, look):
        document = {"window": {"from": "2026-12-01", "to": "2026-12-31"}, "as_of": "2026-11-22T02:00:00+08:00"}
        roster, _ = self.look(look, document | {"sessions": [session()]})
        assert roster.window.last == date(2026, 12, 31)
        assert roster.as_of == utc("2026-11-22T02:00:00+08:00")
        roster, _ = self.look(look, {"as_of": "2026-11-22T02:00:00", "window": {"from": "x"}, "sessions": []})
        assert {path for path, _ in said(roster)} == {"as_of", "window.from", "window.to"}
        roster, _ = self.look(look, {"as_of": "2026-11-22T02:00:00+08:00"})
        assert said(roster) == [("as_of", "bad_window")]
        roster, _ = self.look(look, {"window": {"from": "2026-12-02", "to": "2026-12-01"}})
        assert said(roster) == [("window", "bad_window")]

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("[]", "“{” is missing"),
            ("", "“{” is missing"),
            ('{"sessions": [{}\n\n  {}]}', "after line 3: “,” is missing"),
            ('{"sessions": [{"a": NaN}]}', "NaN"),
            ('{"sessions": [', "Expecting value"),
            ('{"sessions": [{"a": "', "Unterminated"),
            ('{"sessions": []} x', "follows"),
            ('{"sessions": [], "sessions": []}', "twice"),
            ('{"sessions": ' + "[" * 100_000, "recursion"),
            ('{"a": "\n"}', "control character"),
        ],
    )
    def test_what_is_no_json_is_unusable_and_the_line_named(self, look, text, said):
        with pytest.raises(Unusable) as unusable:
            self.look(look, text)
        assert unusable.value.code == "not_json"
        assert said in str(unusable.value)

    def test_another_encoding_than_utf8_is_told(self, look):
        text = json.dumps({"hospital": {"code": "h", "name": "仁济"}}, ensure_ascii=False)
        with pytest.raises(Unusable) as unusable:
            self.look(look, text.encode("gbk"))
        assert unusable.value.code == "bad_encoding"
        roster, _ = self.look(look, text.encode("utf-8-sig"))
        assert roster.hospital.name == "仁济"

    def test_a_lone_surrogate_costs_its_row_only(self, look):
        document = {"sessions": [session(room="\ud800"), on_day(8)], "\ud800": 1}
        roster, rows = self.look(look, document)
        assert said(roster) == [("sessions[0].room", "bad_encoding"), ("?", "invalid")]
        assert len(rows) == 1


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


class _Trickle(io.StringIO):
    """A file that gives a few characters at a time."""

    def read(self, size=-1):
        return super().read(min(3, size))


@given(st.dictionaries(st.text(max_size=5), JSON_VALUES, max_size=5), st.sampled_from([None, 1]), st.booleans())
def test_a_document_read_piece_by_piece_is_the_document(document, indent, ascii_only):
    text = json.dumps(document, indent=indent, ensure_ascii=ascii_only)
    read = {name: [] if isinstance(value, list) else value for name, value in document.items()}
    found = {name: [] for name, value in document.items() if isinstance(value, list)}
    for name, path, value in jsonfile._Document(_Trickle(text)).fields():
        if path == name:
            found[name] = value
        else:
            assert path == f"{name}[{len(found[name])}]"
            found[name].append(value)
    assert found == document
    assert set(found) == set(read)


def test_a_value_that_never_ends_is_not_read_into_memory(monkeypatch):
    monkeypatch.setattr(jsonfile, "LARGEST_VALUE", 1000)
    monkeypatch.setattr(jsonfile, "CHUNK", 100)
    file = io.StringIO('{"sessions": ["' + "x" * 100_000)
    with pytest.raises(Unusable):
        list(jsonfile._Document(file).fields())
    assert file.tell() < 10_000
