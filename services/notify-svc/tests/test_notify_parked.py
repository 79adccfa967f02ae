"""notify-svc's parked messages by HTTP, whose store has no transactions: replayed once all the same."""

import secrets
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from common.clock import ManualClock
from common.envelope import seal
from common.outbox import Parked
from common.service import Service
from common.testing import assert_problem, bearer
from notify_svc.app import Settings, build
from notify_svc.usecases import upkeep
from notify_world import SAMPLES
from post_world import store_of

BASE = "/api/v1/parked/notify-svc"
OPERATOR = bearer("acc_9", "operator")


@pytest.fixture
def desk(mongo: str, clock: ManualClock) -> Iterator[Service]:
    made = build(Settings(mongo_url=f"{mongo}/t{secrets.token_hex(4)}"), clock)
    made.migrate()
    yield made
    store_of(made).client.drop_database(store_of(made).database.name)
    made.store.close()


def park(desk: Service) -> str:
    """A good message that could not be handled once."""
    sealed = seal(SAMPLES["order_confirmed"], desk.store.clock())
    desk.store.park([Parked(sealed.id, sealed.type, sealed.body, "a bug of that day", desk.store.clock())])
    return sealed.id


def told(desk: Service) -> list[str]:
    items = desk.app.test_client().get("/api/v1/notifications", headers=bearer("acc_1")).get_json()["items"]
    return [item["kind"] for item in items]


def act(desk: Service, message_id: str, act: str = "replay", key: str = "", **body: Any) -> Any:
    headers = OPERATOR | ({"Idempotency-Key": key} if key else {})
    return desk.app.test_client().post(f"{BASE}/{message_id}/{act}", headers=headers, json=body)


def test_pages_are_whole_though_many_are_of_one_moment(desk: Service, clock: ManualClock) -> None:
    names = [f"m{n}" for n in (3, 1, 4, 0, 2)]
    desk.store.park([Parked(name, "t", b"{}", "r", clock()) for name in names])
    clock.advance(timedelta(seconds=1))
    desk.store.park([Parked("a-later-one", "t", b"{}", "r", clock())])
    seen, cursor = [], ""
    while cursor is not None:
        query = f"?limit=2&cursor={cursor}" if cursor else "?limit=2"
        page = desk.app.test_client().get(f"{BASE}{query}", headers=OPERATOR).get_json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert seen == [*sorted(names), "a-later-one"]


def test_a_replay_takes_effect_once_and_a_retry_gets_its_answer(desk: Service, clock: ManualClock) -> None:
    message_id = park(desk)
    first, again = (act(desk, message_id, key="k") for _ in range(2))
    assert (first.status_code, first.get_json()["outcome"]) == (200, "replayed")
    assert again.get_data() == first.get_data()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (told(desk), desk.store.parked()) == (["order_confirmed"], [])
    assert_problem(act(desk, message_id, key="another"), 404, "message_not_found")
    assert_problem(act(desk, "another", key="k"), 422, "idempotency_key_reused")
    clock.advance(timedelta(days=2))
    upkeep.forget(store_of(desk))
    assert_problem(act(desk, message_id, key="k"), 404, "message_not_found")


def test_two_who_replay_it_at_once_tell_her_once(desk: Service) -> None:
    message_id, start, statuses = park(desk), threading.Barrier(2), []

    def click(key: str) -> None:
        start.wait()
        statuses.append(act(desk, message_id, key=key).status_code)

    threads = [threading.Thread(target=click, args=(key,)) for key in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (told(desk), desk.store.parked()) == (["order_confirmed"], [])
    assert 200 in statuses
    assert set(statuses) <= {200, 404}


def test_the_same_click_twice_at_once_gets_one_answer(desk: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    message_id, parked = park(desk), store_of(desk).parked_messages
    honest, answers = parked.forget, []

    def overtaken(name: str) -> bool:
        if not answers:
            answers.append(None)
            answers.append(act(desk, message_id, "drop", "k", why="x").get_json())
        return honest(name)

    monkeypatch.setattr(parked, "forget", overtaken)
    assert act(desk, message_id, "drop", "k", why="x").get_json() == answers[1]
    assert answers[1]["outcome"] == "dropped"


def test_what_still_fails_stays(desk: Service) -> None:
    desk.store.park([Parked("m", "", b"\xff", "no CloudEvent", desk.store.clock())])
    problem = assert_problem(act(desk, "m", key="k"), 409, "still_fails")
    assert problem["reason"].startswith("InvalidMessage: no CloudEvent")
    assert [p.message_id for p in desk.store.parked()] == ["m"]
    assert act(desk, "m", "drop", why="garbage").status_code == 200
    assert desk.store.parked() == []
