"""Live streams have limits: of one account, of a moment, of a look; who meets one is told so, and misses nothing."""

import secrets
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from common.clock import ManualClock
from common.metrics import STREAMS
from common.service import Service
from common.testing import bearer, deliver
from common.web.stream import EACH
from notify_svc import listeners
from notify_svc.app import Settings, build
from notify_svc.domain import milliseconds
from notify_svc.listeners import LOOKBACK, Inboxes
from notify_svc.store import MongoStore
from notify_world import SAMPLES
from post_world import store_of, tell_confirmed

PATH = "/api/v1/notifications/stream"


@pytest.fixture
def inboxes(service: Service) -> Iterator[Inboxes]:
    made = Inboxes(store_of(service), 10)
    yield made
    made.hub.close()


def ids(found: list[Any] | None) -> list[str]:
    assert found is not None
    return [n.id for _, n in found]


def test_one_account_does_not_take_all_places(double: str) -> None:
    made = build(Settings(mongo_url=f"{double}/t{secrets.token_hex(4)}", stream_listeners=EACH + 1))
    made.migrate()
    client, before = made.app.test_client(), STREAMS._value.get()
    assert made.streams is not None
    opened = [client.get(PATH, headers=bearer("acc_1"), buffered=False) for _ in range(EACH + 4)]
    opened.append(client.get(PATH, headers=bearer("acc_2"), buffered=False))
    assert {response.status_code for response in opened} == {200}
    assert STREAMS._value.get() - before == len(made.streams) == EACH + 1
    assert b'{"reason":"elsewhere"}' in b"".join(opened[0].iter_encoded()), "the oldest is told why it ends"
    assert client.get(PATH, headers=bearer("acc_3")).status_code == 503
    made.streams.close()
    for response in opened:
        response.close()
    assert STREAMS._value.get() == before
    assert isinstance(made.store, MongoStore)
    made.store.client.drop_database(made.store.database.name)
    made.store.close()


def test_a_place_ahead_of_the_clock_is_none(service: Service, inboxes: Inboxes, clock: ManualClock) -> None:
    ahead = milliseconds(clock()) + LOOKBACK
    for at, known in ((ahead, True), (ahead + 1, False), (999_999_999_999_999, False)):
        listener, cursor, stored = inboxes.listen(["acc_1"], f"{at}-")
        assert (stored is not None) is known, at
        assert cursor.takes(milliseconds(clock()) + 1, f"news {at}")
        listener.close()


def test_what_came_all_at_once_is_read_in_the_inbox(service: Service, inboxes: Inboxes) -> None:
    """Its ids do not fit into the place of one who has heard it."""
    _, cursor, _ = inboxes.listen(["acc_1"], "")
    for n in range(41):
        tell_confirmed(service, order_id=f"ord_{n}")
    _, other, stored = inboxes.listen(["acc_1"], str(cursor))
    told = [item for item in stored or () if item[1] is not None and other.takes(item[0], item[1].id)]
    assert len(told) == 41
    _, fresh, stored = inboxes.listen(["acc_1"], str(other))
    assert stored is None
    assert [n for n in ids(told) if fresh.takes(milliseconds(store_of(service).clock()), n)] == []


def test_a_look_reads_the_newest_and_sends_everybody_to_the_inbox_for_the_rest(
    service: Service, inboxes: Inboxes, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listeners, "MOST_LOOKED", 3)
    monkeypatch.setattr(inboxes, "_look_on", lambda: None)
    mine, _, _ = inboxes.listen(["acc_1"], "")
    other, _, _ = inboxes.listen(["acc_2"], "")
    for n in range(5):
        clock.advance(timedelta(milliseconds=1))
        tell_confirmed(service, order_id=f"ord_{n}")
    seen = inboxes._look({}, LOOKBACK)
    heard = [mine.get(0) for _ in range(4)]
    assert [n and n.order_id for _, n in filter(None, heard)] == ["ord_2", "ord_3", "ord_4", None]
    told = other.get(0)
    assert told is not None
    assert (told[1], other.get(0)) == (None, None)
    assert len(seen) == 3
    clock.advance(timedelta(milliseconds=LOOKBACK))
    deliver(service, SAMPLES["order_held"])
    inboxes._look(seen, LOOKBACK // 2)
    assert (mine.get(0) or heard[0])[1].kind == "order_held", "and it goes on"
    assert mine.get(0) is None
