"""Whatever hospitals' events come in whatever order, repeated, split into parts and together: they end in the same state."""

import copy
import random
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from common.foreign import foreign
from common.testing import deliver_foreign
from haoyuan_roster_format import examine, routing_key, seal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from roster_world import Hospital
from schedule_world import START, World, check_inventory, make_world, session_row, slot_row

DAYS = (5, 6, 7)
SESSIONS = ("s1", "s2", "s3")
DOCTORS = ("D1", "D2", "D3")
DEPARTMENTS = ("card", "eyes")
VERSIONS = st.integers(1, 4)
TIMES = st.integers(0, 20).map(lambda hours: START - timedelta(hours=hours))
NIGHTS = st.integers(0, 6).map(lambda hours: START - timedelta(hours=hours))
"""Snapshots are newer than most of what they withdraw."""


@dataclass(frozen=True)
class Said:
    """One event as its hospital may send it."""

    kind: str
    data: dict[str, Any]
    at: datetime


def slots(day: int) -> st.SearchStrategy[list[dict[str, Any]]]:
    one = st.builds(
        lambda hour, capacity, blocked, quota: (
            slot_row(hour, capacity=capacity + blocked + quota, blocked=blocked, day=day)
            | ({"quotas": {"referral": quota}} if quota else {})
        ),
        st.sampled_from([8, 9, 10]),
        st.integers(1, 3),
        st.integers(0, 2),
        st.integers(0, 2),
    )
    return st.lists(one, min_size=1, max_size=3, unique_by=lambda slot: slot["starts_at"])


@st.composite
def plans(draw: st.DrawFn, code: str, version: int, draft: bool) -> dict[str, Any]:
    day = draw(st.sampled_from(DAYS))
    lottery = draw(st.booleans())
    row = session_row(
        code,
        version,
        doctor=draw(st.sampled_from(DOCTORS)),
        date=f"2026-12-0{day}",
        room=f"R{version}",
        draft=draft,
        slots=draw(slots(day)),
        **({"policy": "lottery", "draw_at": "2026-12-04T08:00:00+08:00"} if lottery else {}),
    )
    for name, values in (
        ("department", DEPARTMENTS),
        ("grade", ("专家", "")),
        ("cancel_before", ("2026-12-04T08:00:00Z",)),
    ):
        if draw(st.booleans()):
            row[name] = draw(st.sampled_from(values))
    return row


def doctor(code: str, version: int, department: str) -> dict[str, Any]:
    return {
        "code": code,
        "version": version,
        "name": f"{code}.{version}",
        "title": f"T{version}",
        "department": department,
    }


@st.composite
def worlds_of_events(draw: st.DrawFn) -> list[Said]:
    """Events that do not contradict each other: of one thing and version there is one content."""
    said: list[Said] = []
    rows: dict[str, list[dict[str, Any]]] = {"departments": [], "doctors": [], "sessions": []}
    rows["departments"] = [{"code": d, "version": v, "name": f"{d}{v}"} for d in DEPARTMENTS for v in versions(draw, 1)]
    rows["doctors"] = [doctor(d, v, draw(st.sampled_from(DEPARTMENTS))) for d in DOCTORS for v in versions(draw, 1)]
    for code in SESSIONS:
        drafts = draw(st.integers(0, 2))  # what is public stays so: drafts come first
        rows["sessions"] += [draw(plans(code, v, i < drafts)) for i, v in enumerate(versions(draw, 1)[:2])]
    for name, found in rows.items():
        said += [Said("roster_published", {name: [row]}, draw(TIMES)) for row in found]
    said.append(Said("roster_published", {"hospital": {"code": "renai", "version": 7, "name": "仁爱"}}, START))
    for code in SESSIONS:
        for version in versions(draw, 0):
            kind = draw(st.sampled_from(["session_stopped", "session_resumed"]))
            reason = {"reason": f"because {version}"} if kind == "session_stopped" else {}
            said.append(Said(kind, {"session": code, "version": version} | reason, draw(TIMES)))
        for version in versions(draw, 0):
            extra = [
                {"starts_at": slot_row(hour, day=day)["starts_at"], "extra": version} for day in DAYS for hour in (8, 9)
            ]
            said.append(Said("slots_added", {"session": code, "version": version, "slots": extra}, draw(TIMES)))
    for number in range(draw(st.integers(1, 3))):
        said += draw(snapshots(number, rows["sessions"]))
    assert [note for s in said for note in examine(s.kind, s.data) if note.severity == "error"] == []
    return said


def versions(draw: st.DrawFn, least: int) -> list[int]:
    return sorted(draw(st.sets(VERSIONS, min_size=least, max_size=3)))


@st.composite
def snapshots(draw: st.DrawFn, number: int, known: list[dict[str, Any]]) -> list[Said]:
    first, last = sorted(draw(st.tuples(st.sampled_from(DAYS), st.sampled_from(DAYS))))
    as_of, named = draw(NIGHTS), draw(st.permutations(known))[: draw(st.integers(0, 2))]
    named = list({row["code"]: row for row in named}.values())
    count = draw(st.integers(1, 2))
    window = {"from": f"2026-12-0{first}", "to": f"2026-12-0{last}"}
    return [
        Said(
            "roster_published",
            {
                "sessions": named[part::count],
                "window": window,
                "as_of": as_of.isoformat(),
                "part": {"of": f"night {number}", "number": part + 1, "count": count},
            },
            as_of,
        )
        for part in range(count)
    ]


@contextmanager
def hospital(migrated: Path) -> Iterator[Hospital]:
    """One that has said nothing yet."""
    with tempfile.TemporaryDirectory() as folder:
        file = shutil.copy(migrated, f"{folder}/world.db")
        world = make_world(f"sqlite:///{file}", START, hospital={"code": "other", "name": "x"}, sessions=[])
        try:
            yield Hospital(world)
        finally:
            world.database.close()


def end_of(migrated: Path, said: list[Said], batches: random.Random) -> Any:
    with hospital(migrated) as renai:
        rest = [
            foreign(seal(s.kind, "renai", copy.deepcopy(s.data), id=f"e{i}", time=s.at), routing_key("renai", s.kind))
            for i, s in enumerate(said)
        ]
        while rest:
            size = batches.randint(1, 6)
            deliver_foreign(renai.world.service, *rest[:size])
            rest = rest[size:]
        assert [p.reason for p in renai.world.database.parked()] == []
        renai.later()
        check_inventory(renai.world)
        assert waiting(renai.world) == []
        return renai.state()


def waiting(world: World) -> list[Any]:
    """What still waits for something although all is there: a stop may be of a session that never came."""
    return world.rows("SELECT * FROM roster_registers WHERE needs IS NOT NULL AND needs NOT LIKE 'session:%'")


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(said=worlds_of_events(), seed=st.integers(0, 2**32))
def test_every_order_of_the_same_events_ends_in_the_same_state(migrated: Path, said: list[Said], seed: int) -> None:
    chance = random.Random(seed)
    once = end_of(migrated, said, chance)
    for _ in range(2):
        again = [*said, *chance.sample(said, len(said) // 3)]
        chance.shuffle(again)
        assert end_of(migrated, again, chance) == once


def test_a_seeded_fault_is_found(migrated: Path) -> None:
    """Two contents under one version, which a sound hospital never sends, do depend on the order: the comparison sees it."""
    base = [Said("staff_upserted", {"departments": [{"code": "card", "version": 1, "name": "n"}]}, START)]
    two = [Said("staff_upserted", {"departments": [{"code": "card", "version": 2, "name": n}]}, START) for n in "ab"]
    ends = [end_of(migrated, [*base, *order], random.Random(1)) for order in (two, two[::-1])]
    assert ends[0] != ends[1]
