"""A long document that is uploaded is taken in part by part, and is one roster all the same."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from common.messages import RosterApplied
from common.outbox import Tx
from common.testing import take_sent
from flask.testing import FlaskClient
from roster_world import codes
from schedule_svc.usecases import receiving
from schedule_svc.usecases.rosters import apply_roster
from schedule_world import ANYONE, API, ROSTER, World, registrar, roster, session_row


@pytest.fixture(autouse=True)
def short_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiving, "AT_ONCE", {"departments": 2, "doctors": 2, "sessions": 2})


def doctor(code: str, version: int = 1, department: str = "card") -> dict[str, Any]:
    return {"code": code, "version": version, "name": code, "title": "T", "department": department}


def long_roster(sessions: int = 5, **changes: Any) -> dict[str, Any]:
    return roster(sessions=[session_row(f"n{i}") for i in range(sessions)], **changes)


def planned(world: World) -> list[str]:
    return [row.code for row in world.rows("SELECT code FROM sessions WHERE code <> 's1' ORDER BY code")]


def post(client: FlaskClient, document: dict[str, Any], headers: dict[str, str]) -> Any:
    return client.post(f"{API}/rosters", data=json.dumps(document), content_type="application/json", headers=headers)


class Watched:
    """Opens transactions, and notes how many sessions each left; the one numbered `fails` goes wrong at its end."""

    def __init__(self, world: World, fails: int = 0) -> None:
        self.world, self.fails, self.left = world, fails, []  # type: tuple[World, int, list[int]]

    @contextmanager
    def __call__(self) -> Iterator[Tx]:
        with self.world.database.transaction() as tx:
            yield tx
            if len(self.left) + 1 == self.fails:
                raise ConnectionError("the database went away")
        self.left.append(len(planned(self.world)))


def test_each_part_is_committed_by_itself_and_all_are_one_roster(world: World) -> None:
    take_sent(world.database)
    watched = Watched(world)
    summary = apply_roster(watched, long_roster(), ANYONE)
    assert watched.left == [0, 2, 4, 5]
    assert (summary["applied"], summary["unchanged"], summary["status"]) == (5, 2, "applied")
    assert len(world.rows("SELECT id FROM rosters")) == 2, "the world's own is the other one"
    assert [m.applied for m in take_sent(world.database) if isinstance(m, RosterApplied)] == [5]


def test_rows_keep_their_places_and_are_told_from_those_of_earlier_parts(world: World) -> None:
    rows = [session_row(f"n{i}") for i in range(4)]
    people = [doctor("D2"), doctor("D3"), doctor("D4"), doctor("D2", 2)]
    summary = apply_roster(
        world.database.transaction, roster(doctors=people, sessions=[*rows, session_row("n0", 2), 7]), ANYONE
    )
    refused = [said for said in codes(summary) if said[1] != "doctor_overlap"]
    assert refused == [("doctors[3]", "duplicate"), ("sessions[4]", "duplicate"), ("sessions[5]", "invalid")]


def test_what_a_failure_left_is_done_by_the_same_document(world: World) -> None:
    watched = Watched(world, fails=3)
    with pytest.raises(ConnectionError):
        apply_roster(watched, long_roster(), ANYONE)
    assert planned(world) == ["n0", "n1"]
    assert len(world.rows("SELECT id FROM rosters")) == 1
    summary = apply_roster(world.database.transaction, long_roster(), ANYONE)
    assert (summary["applied"], summary["unchanged"], len(planned(world))) == (3, 4, 5)


def test_what_waited_for_an_early_part_is_not_forgotten_when_a_later_one_fails(world: World) -> None:
    waits = session_row("waits", doctor="D9")
    apply_roster(world.database.transaction, roster(sessions=[waits]), ANYONE)
    with pytest.raises(ConnectionError):
        apply_roster(Watched(world, fails=3), long_roster(doctors=[doctor("D9")]), ANYONE)
    assert "waits" in planned(world)


def test_a_snapshot_stops_sessions_only_with_its_last_part(world: World) -> None:
    world.clock.advance(timedelta(hours=1))
    days = {"window": {"from": "2026-12-01", "to": "2026-12-10"}, "as_of": world.clock().isoformat()}
    with pytest.raises(ConnectionError):
        apply_roster(Watched(world, fails=4), long_roster(**days), ANYONE)
    assert world.rows("SELECT code FROM sessions WHERE stopped") == []
    apply_roster(world.database.transaction, long_roster(**days), ANYONE)
    assert [row.code for row in world.rows("SELECT code FROM sessions WHERE stopped")] == ["s1"]


def test_a_key_answers_the_same_again_and_a_lost_answer_does_no_harm(
    client: FlaskClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = registrar(world) | {"Idempotency-Key": "long"}
    with monkeypatch.context() as patch:
        patch.setattr("common.web.idempotency._answered", lambda *_: (_ for _ in ()).throw(ConnectionError("gone")))
        assert post(client, long_roster(), headers).status_code == 500
    again, replayed = (post(client, long_roster(), headers) for _ in range(2))
    assert (again.get_json()["unchanged"], again.get_json()["applied"]) == (7, 0)
    assert replayed.get_json() == again.get_json()
    assert replayed.headers["Idempotency-Replayed"] == "true"
    assert post(client, ROSTER, headers).get_json()["code"] == "idempotency_key_reused"


def test_of_two_requests_at_once_under_one_key_the_first_answer_is_both(
    client: FlaskClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = registrar(world) | {"Idempotency-Key": "twice"}
    answers: list[Any] = []

    def meanwhile(*args: Any) -> dict[str, Any]:
        if not answers:
            answers.append(None)
            answers[0] = post(client, long_roster(), headers).get_json()
        return apply_roster(*args)

    monkeypatch.setattr("schedule_svc.usecases.rosters.apply_roster", meanwhile)
    assert post(client, long_roster(), headers).get_json() == answers[0]
    assert answers[0]["applied"] == 5
