"""Live queues: boards, desks and phones see what is so now, at once and whenever it changes, each its own part of it."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import pytest
from booking_patient import ME, OTHER
from booking_svc import boards, store
from booking_svc.app import Settings, build
from booking_svc.clinic.queue import Queue
from booking_svc.clinic.visits import Move
from clinic_ears import ROOM, Clinic, Ear, Listen, at_board, at_desk, by_phone, tickets
from common.clock import ManualClock
from common.errors import Unavailable
from common.outbox import Tx
from common.service import Service
from common.testing import assert_problem, bearer
from common.web.stream import EACH, Hub


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boards, "PAUSE", 0.005)


@pytest.fixture
def service(tmp_path: Any, clock: ManualClock) -> Iterator[Service]:
    made = build(Settings(database_url=f"sqlite:///{tmp_path}/booking.db", stream_listeners=ROOM), clock)
    made.migrate()
    yield made
    live(made).hub.close()
    thread = live(made)._thread
    if thread is not None:
        thread.join()
    made.database.close()


def live(service: Service) -> boards.Boards:
    found: boards.Boards = service.parts.boards
    return found


@pytest.fixture
def clinic(service: Service) -> Clinic:
    return Clinic(service)


@pytest.fixture
def listen(service: Service) -> Iterator[Listen]:
    with ExitStack() as opened:

        def begin(path: str, headers: dict[str, str]) -> Ear:
            response = service.app.test_client().get(f"/api/v1{path}", headers=headers, buffered=False)
            opened.callback(response.close)
            assert response.status_code == 200, response.get_data()
            return Ear(response)

        yield begin


# --- boards and desks ------------------------------------------------------------------------------------------------


def test_a_board_shows_what_is_so_and_then_what_changes(clinic: Clinic, listen: Listen) -> None:
    first, second = clinic.arrives("7"), clinic.arrives("8")
    ear = listen(*at_board(clinic.session))
    name, board = ear.next()
    assert (name, board["session_id"], tickets(board["waiting"]), board["called"]) == (
        "queue",
        clinic.session,
        ["7", "8"],
        [],
    )
    clinic.move(first, Move.CALL)
    board = ear.until(lambda data: data["called"])
    assert [(d["room"], d["visit"]["ticket"]) for d in board["desks"]] == [("1", "7")]
    assert tickets(board["waiting"]) == ["8"]
    assert "visit_id" not in board["waiting"][0], "a wall needs no ids"
    clinic.move(first, Move.RECALL)
    clinic.move(second, Move.CALL, "2")
    board = ear.until(lambda data: len(data["called"]) == 2)
    assert [(c["ticket"], c["room"], c["again"]) for c in board["called"]] == [("8", "2", False), ("7", "1", True)]
    assert (ear.response.mimetype, ear.response.headers["X-Accel-Buffering"]) == ("text/event-stream", "no")


def test_a_board_that_comes_again_speaks_each_call_once(clinic: Clinic, listen: Listen) -> None:
    visits = [clinic.arrives(str(n)) for n in range(6)]
    spoken: list[str] = []
    last = 0

    def speak(ear: Ear) -> None:
        nonlocal last
        for call in reversed(ear.next()[1]["called"]):
            if call["serial"] > last:
                spoken.append(call["ticket"])
                last = call["serial"]

    for n, visit in enumerate(visits):
        clinic.move(visit, Move.CALL, str(n))
        if n % 2:  # two calls in each absence
            ear = listen(*at_board(clinic.session))
            speak(ear)
            ear.response.close()
    assert spoken == ["0", "1", "2", "3", "4", "5"]


def test_a_desk_is_told_the_ids_too(clinic: Clinic, listen: Listen) -> None:
    visit = clinic.arrives("7")
    board = listen(*at_desk(clinic.session)).next()[1]
    assert [v["visit_id"] for v in board["waiting"]] == [visit]
    assert "expected" in board


def test_a_wall_shows_the_next_few_of_many_and_how_many_there_are(clinic: Clinic, listen: Listen) -> None:
    for n in range(23):
        clinic.arrives(str(n))
    wall, desk = (listen(*who(clinic.session)).next()[1] for who in (at_board, at_desk))
    assert (len(wall["waiting"]), len(desk["waiting"])) == (20, 23)
    assert wall["counts"]["waiting"] == desk["counts"]["waiting"] == 23


def test_a_board_is_there_before_anybody_has_come(clinic: Clinic, listen: Listen) -> None:
    ear = listen(*at_board(clinic.session))
    assert ear.next()[1]["revision"] == 0
    clinic.arrives("1")
    assert tickets(ear.until(lambda data: data["revision"])["waiting"]) == ["1"]


def test_a_pause_that_ends_by_itself_is_told(clinic: Clinic, listen: Listen, clock: ManualClock) -> None:
    ear = listen(*at_board(clinic.session))

    def pause(_: Tx, queue: Queue) -> None:
        queue.paused_why, queue.paused_at = "抢救", queue.now
        queue.paused_until = queue.now + timedelta(minutes=10)

    clinic.change(pause)
    assert ear.until(lambda data: data["paused"])["paused"]["why"] == "抢救"
    clock.advance(timedelta(minutes=10))
    assert ear.until(lambda data: not data["paused"])


# --- phones ----------------------------------------------------------------------------------------------------------


def test_a_phone_sees_her_own_place_and_of_others_the_numbers(clinic: Clinic, listen: Listen) -> None:
    before, mine = clinic.arrives("7"), clinic.arrives("8", ME)
    ear = listen(*by_phone(mine))
    name, seen = ear.next()
    assert (name, seen["id"], seen["state"], seen["ahead"], seen["room"]) == ("visit", mine, "waiting", 1, None)
    clinic.move(before, Move.CALL)
    seen = ear.until(lambda data: data["ahead"] == 0)
    assert seen["serving"] == [{"room": "1", "ticket": "7"}]
    clinic.move(mine, Move.CALL, "2")
    seen = ear.until(lambda data: data["state"] == "called")
    assert (seen["room"], seen["calls"], seen["ahead"]) == ("2", 1, None)
    assert "王7*" not in json.dumps(seen, ensure_ascii=False)
    clinic.move(mine, Move.FINISH, "2")
    assert ear.until(lambda data: data["state"] == "done")["room"] is None


def test_a_phone_goes_along_into_another_line(service: Service, clinic: Clinic, listen: Listen) -> None:
    """And hears on, there: also of what happens at the same time."""
    there = Clinic(service)
    mine, later = clinic.arrives("8", ME), there.arrives("1")
    ear = listen(*by_phone(mine))
    assert ear.next()[1]["moved_to"] is None
    clinic.goes_over(mine, there)
    seen = ear.until(lambda data: data["queue_id"] == there.session)
    assert (seen["session_id"], seen["moved_to"]["session_id"]) == (clinic.session, there.session)
    clinic.arrives("9")
    there.move(later, Move.CALL)
    assert ear.until(lambda data: data["serving"])["serving"] == [{"room": "1", "ticket": "1"}]
    there.goes_over(mine, clinic)
    assert ear.until(lambda data: data["queue_id"] == clinic.session)["moved_to"] is None


def test_everybody_who_looks_costs_one_reading(
    service: Service, clinic: Clinic, listen: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    visits = [clinic.arrives(str(n), f"acc_{n}") for n in range(25)]
    ears = [listen(*at_board(clinic.session)) for _ in range(5)]
    ears += [listen(*by_phone(visit, f"acc_{n}")) for n, visit in enumerate(visits)]
    for ear in ears:
        ear.next()
    honest, readings = store.boards.read_board, []

    def count(conn: Any, queue_id: str, now: Any) -> Any:
        readings.append(honest(conn, queue_id, now))
        return readings[-1]

    monkeypatch.setattr(store.boards, "read_board", count)
    clinic.move(visits[0], Move.CALL)
    for ear in ears:
        ear.until(lambda data: data.get("called") or data.get("serving"))
    assert [board.calls[0].visit.id for board in readings] == [visits[0]]


def test_what_was_read_before_one_came_is_not_told_her(
    service: Service, clinic: Clinic, listen: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a look that is under way when she comes: she would see what was, after she was told that it has changed."""
    first, mine = clinic.arrives("1"), clinic.arrives("2", ME)
    with service.database.reading() as conn:
        stale = live(service)._read(conn, clinic.session)
    clinic.move(first, Move.CALL)
    honest = Hub.listen

    def listen_late(hub: Hub, *args: Any, **kind: Any) -> Any:
        listener = honest(hub, *args, **kind)
        listener.put(stale)
        return listener

    monkeypatch.setattr(Hub, "listen", listen_late)
    assert tickets(listen(*at_board(clinic.session)).next()[1]["waiting"]) == ["2"]
    assert listen(*by_phone(mine)).next()[1]["ahead"] == 0


# --- who may, and how many -------------------------------------------------------------------------------------------


def test_another_hospitals_queue_and_anothers_visit_stay_theirs(service: Service, clinic: Clinic) -> None:
    client, mine = service.app.test_client(), clinic.arrives("7", ME)
    board, phone = f"/api/v1/sessions/{clinic.session}/queue/stream", f"/api/v1/visits/{mine}/stream"
    there = {role: bearer("acc_x", role, hospital_id="hos_x") for role in ("board", "doctor", "registrar")}
    for role, headers in there.items():
        assert_problem(client.get(board, headers=headers), 404, "session_not_found")
        if role != "board":
            assert_problem(client.get(phone, headers=headers), 404, "visit_not_found")
    assert_problem(client.get(phone, headers=bearer(OTHER)), 404, "visit_not_found")
    assert_problem(client.get(phone, headers=at_board(clinic.session)[1]), 403, "wrong_role")
    assert_problem(client.get(board, headers=bearer(ME)), 403, "wrong_role")
    assert_problem(client.get("/api/v1/visits/vis_x/stream", headers=bearer(ME)), 404, "visit_not_found")
    unknown = "/api/v1/sessions/ses_x/queue/stream"
    assert_problem(client.get(unknown, headers=at_board("")[1]), 404, "session_not_found")
    for path in (board, phone):
        assert_problem(client.get(path), 401)
        assert_problem(client.get(f"{path}?token={bearer(ME)['Authorization'][7:]}"), 401)
    assert len(live(service).hub) == 0


def test_staff_look_at_a_visit_of_their_hospital(clinic: Clinic, listen: Listen) -> None:
    mine = clinic.arrives("7", ME)
    assert listen(f"/visits/{mine}/stream", at_desk("")[1]).next()[1]["ticket"] == "7"


def test_the_walls_share_an_account_and_a_desk_has_six(clinic: Clinic, listen: Listen) -> None:
    walls = [listen(*at_board(clinic.session)) for _ in range(EACH + 2)]
    desks = [listen(*at_desk(clinic.session)) for _ in range(EACH + 1)]
    for ear in (*walls, *desks[1:]):
        assert ear.next()[0] == "queue"
    while (told := desks[0].next())[0] == "queue":
        pass
    assert told == ("bye", {"reason": "elsewhere"})


def test_phones_leave_room_for_walls(service: Service, clinic: Clinic, listen: Listen) -> None:
    mine = clinic.arrives("7", ME)
    for n in range(ROOM - ROOM // boards.NOT_FOR_PHONES):
        live(service).listen(clinic.session, f"acc_{n}", "phone")
    refused = service.app.test_client().get(f"/api/v1/visits/{mine}/stream", headers=bearer(ME), buffered=False)
    assert refused.status_code == 503
    assert_problem(refused, 503, "no_streams")
    assert int(refused.headers["Retry-After"]) >= 1
    for_walls = ROOM // boards.NOT_FOR_PHONES - ROOM // boards.NOT_FOR_WALLS
    for _ in range(for_walls):
        assert listen(*at_board(clinic.session)).next()[0] == "queue"
    with pytest.raises(Unavailable):
        live(service).listen(clinic.session, "acc_wall", "wall")
    for _ in range(ROOM // boards.NOT_FOR_WALLS):
        assert listen(*at_desk(clinic.session)).next()[0] == "queue", "and walls for desks"
    with pytest.raises(Unavailable):
        live(service).listen(clinic.session, "acc_other", "desk")


# --- when something is wrong -----------------------------------------------------------------------------------------


def test_a_database_that_is_away_for_a_moment_ends_no_stream(
    clinic: Clinic, listen: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    ear = listen(*at_board(clinic.session))
    ear.next()
    failures = iter([ConnectionError("planted"), KeyError("planted")])
    honest = store.boards.revisions

    def away(*args: Any) -> Any:
        if (failure := next(failures, None)) is not None:
            raise failure
        return honest(*args)

    monkeypatch.setattr(store.boards, "revisions", away)
    clinic.arrives("1")
    assert ear.until(lambda data: data["waiting"])


def test_a_queue_that_cannot_be_shown_silences_no_other(
    service: Service, clinic: Clinic, listen: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither for who listens nor for who comes."""
    honest = live(service)._tell

    def tell(board: store.boards.Board) -> Any:
        if board.queue_id == clinic.session:
            raise KeyError("planted")
        return honest(board)

    monkeypatch.setattr(live(service), "_tell", tell)
    other = Clinic(service)
    listen(*at_board(clinic.session))
    ear = listen(*at_board(other.session))
    ear.next()
    clinic.arrives("1")
    other.arrives("1")
    assert ear.until(lambda data: data["waiting"])


def test_when_the_process_ends_streams_say_good_bye(service: Service, clinic: Clinic, listen: Listen) -> None:
    ear = listen(*at_board(clinic.session))
    ear.next()
    assert service.streams is not None
    service.streams.close()
    assert ear.next() == ("bye", {"reason": "stopping"})


def test_a_process_without_streams_says_so_and_asking_about_one_opens_none(tmp_path: Any, clock: ManualClock) -> None:
    made = build(Settings(database_url=f"sqlite:///{tmp_path}/none.db"), clock)
    made.migrate()
    path, headers = at_board(Clinic(made).session)
    assert_problem(made.app.test_client().get(f"/api/v1{path}", headers=headers), 503, "no_streams")
    head = made.app.test_client().head(f"/api/v1{path}", headers=headers)
    assert (head.status_code, head.mimetype) == (200, "text/event-stream")
    made.database.close()


def test_the_streams_are_documented(service: Service) -> None:
    paths = service.app.test_client().get("/api/v1/docs/booking-svc/openapi.json").get_json()["paths"]
    for path in ("/api/v1/sessions/{session_id}/queue/stream", "/api/v1/visits/{visit_id}/stream"):
        assert list(paths[path]["get"]["responses"]["200"]["content"]) == ["text/event-stream"]
