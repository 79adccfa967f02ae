"""Two at once over HTTP, on PostgreSQL: second clicks, two desks, two who check one visitor in."""

import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from clinic_day import ROOM
from clinic_web import Web, clinic_web
from common.messages import VisitCalled, VisitCheckedIn
from common.testing import sent


@pytest.fixture
def web(postgres_url: str) -> Iterator[Web]:
    with clinic_web(postgres_url) as web:
        yield web


def told(web: Web, kind: type) -> list[str]:
    """The tickets of whom something was told in this line: the database is other tests' too."""
    return [m.ticket for m in sent(web.day.database, kind) if m.queue_id == web.day.session]


def at_once(*asks: Callable[[], Any]) -> list[Any]:
    """What each of them is answered."""
    barrier, answers = threading.Barrier(len(asks), timeout=20), [None] * len(asks)

    def run(which: int) -> None:
        barrier.wait()
        answers[which] = asks[which]()

    threads = [threading.Thread(target=run, args=(which,)) for which in range(len(asks))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return answers


@pytest.mark.parametrize("keyed", [False, True], ids=["plain", "with_a_key"])
def test_a_double_click_calls_once(web: Web, keyed: bool) -> None:
    visits = [web.day.come(str(n)) for n in range(9)]
    web.day.open()
    after = None
    for n, visit_id in enumerate(visits[:8]):
        body, headers = {"room": ROOM, "after": after}, {"Idempotency_Key": f"{web.day.session}-{n}"} if keyed else {}
        clicks = at_once(*[partial(web.post, "registrar", "{queue}/next", body, **headers)] * 2)
        assert [(c.status_code, c.get_json()["visit"]["id"]) for c in clicks] == [(200, visit_id)] * 2
        clicked = sorted("Idempotency-Replayed" in c.headers or c.get_json()["repeated"] for c in clicks)
        assert clicked == [False, True], "one of them called"
        after = visit_id
    assert told(web, VisitCalled) == [str(n) for n in range(8)]
    assert web.day.line() == ["8"]


def test_two_desks_never_call_the_same(web: Web) -> None:
    visits = {web.day.come(str(n)) for n in range(12)}
    web.day.open("1")
    web.day.open("2", doctor_id="doc2")
    there: dict[str, str | None] = {"1": None, "2": None}
    called: list[str] = []
    for _ in range(6):
        answers = at_once(*[partial(web.next, after, room=room) for room, after in there.items()])
        there = {answer["room"]: answer["visit"]["id"] for answer in answers}
        called += [visit for visit in there.values() if visit]
    assert sorted(called) == sorted(visits)
    assert len(told(web, VisitCalled)) == 12


def test_the_desk_and_a_phone_check_one_visitor_in(web: Web) -> None:
    code = web.get("board", "{queue}/door").get_json()["code"]
    for n in range(8):
        path = f"/orders/{web.order_of(web.day.expect(str(n)))}/check-in"
        answers = at_once(partial(web.good, "registrar", path), partial(web.good, str(n), path, {"code": code}))
        assert [a["state"] for a in answers] == ["waiting"] * 2
    assert told(web, VisitCheckedIn) == [str(n) for n in range(8)]


def test_a_walk_in_sent_twice_under_a_key_is_one_person(web: Web) -> None:
    for n in range(8):
        key = f"{web.day.session}-{n}"
        answers = at_once(
            *[partial(web.post, "registrar", "{queue}/walk-ins", {"name": "王五"}, Idempotency_Key=key)] * 2
        )
        assert [(a.status_code, a.get_json()["ticket"]) for a in answers] == [(201, f"W{n + 1}")] * 2
    assert web.day.line() == [f"W{n + 1}" for n in range(8)]
