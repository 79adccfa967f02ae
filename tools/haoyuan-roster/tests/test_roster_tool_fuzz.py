"""Whatever a file holds: it is read, or refused with a code. Nothing else comes of it."""

import contextlib
import json
import re
from pathlib import Path

import msgspec
import pytest
from haoyuan_roster.commands import validate
from haoyuan_roster.faults import Unusable
from haoyuan_roster.roster import examined
from haoyuan_roster_format import SessionRow, check
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from roster_tool_rig import DATED, csv_text, on_day, session

GOOD = {
    "csv": csv_text(
        {},
        DATED | {"room": '"一", 二'},
        {"hours": "周六 上午", "policy": "摇号", "draw_days": "1", "draw_time": "8:00"},
    ),
    "json": json.dumps(
        {
            "hospital": {"code": "renji", "name": "仁济"},
            "departments": [{"code": "c", "name": "C"}],
            "doctors": [{"code": "D001", "name": "王", "department": "c"}],
            "sessions": [session(), on_day(8)],
            "window": {"from": "2026-12-01", "to": "2026-12-31"},
            "as_of": "2026-11-22T02:00:00+08:00",
        },
        ensure_ascii=False,
        indent=1,
    ),
}
ODD = [
    b"\x00",
    b"\xff",
    b'"',
    b",",
    b"\n",
    b"{",
    b"]",
    b"\\ud800",
    b"1e400",
    b"-",
    b"99999999999999999999",
    "周八".encode(),
    b"\xd6\xdc",
]
EDITS = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 3), st.sampled_from(ODD)), max_size=4)


def spoilt(content: bytes, edits: list[tuple[float, int, bytes]]) -> bytes:
    """With something put in the place of a few bytes, here and there."""
    for place, gone, put in edits:
        at = int(place * len(content))
        content = content[:at] + put + content[at + gone :]
    return content


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


@pytest.mark.parametrize("suffix", GOOD)
@given(edits=EDITS, gbk=st.booleans())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_spoilt_file_is_read_or_refused_and_what_is_read_is_sound(folder: Path, suffix, edits, gbk):
    path = folder / f"roster.{suffix}"
    path.write_bytes(spoilt(GOOD[suffix].encode("gb18030" if gbk else "utf-8"), edits))
    with contextlib.suppress(Unusable), examined(path) as roster:
        codes = set()
        for body in roster.sessions:
            row = msgspec.json.decode(body, type=SessionRow)
            assert check(row, "") is None
            codes.add(row.code)
        assert len(codes) == len(roster.sessions.lengths)
        if not edits and not (gbk and suffix == "json"):
            assert (roster.findings.errors, len(codes)) == (0, 7 if suffix == "csv" else 2)
    for as_json in (True, False):
        with contextlib.suppress(Unusable):
            assert validate(path, None, as_json=as_json) in (0, 1, 2)


@given(content=st.binary(max_size=300))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_read_or_refused(folder: Path, content):
    path = folder / "roster"
    path.write_bytes(content)
    with contextlib.suppress(Unusable), examined(path):
        pass


def test_a_time_with_half_a_character_in_it_is_refused(folder: Path):
    """The above found it, once in many runs."""
    path = folder / "half.json"
    path.write_text(re.sub(r'("as_of": *"[0-9-]+T)', r"\1\\ud800", GOOD["json"]), "utf-8")
    with examined(path) as roster:
        assert roster.findings.errors == 1
