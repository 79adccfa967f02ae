"""The inbox, live: what comes is heard, by the one whose it is, once; who comes again goes on where she was."""

import importlib
import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from common.clock import ManualClock
from common.service import Service
from common.settings import DEV_JWT_PRIVATE_KEY
from common.testing import assert_problem, bearer, deliver
from common.web.access import sign_token
from notify_svc import listeners
from notify_svc.app import Settings, build
from notify_svc.listeners import LOOKBACK, Cursor
from notify_svc.store import MongoStore
from notify_world import SAMPLES, Reader
from werkzeug.test import TestResponse

PATH = "/api/v1/notifications/stream"


@pytest.fixture
def service(double: str, clock: ManualClock) -> Iterator[Service]:
    """As elsewhere, with room for three."""
    made = build(Settings(mongo_url=f"{double}/t{secrets.token_hex(4)}", stream_listeners=3), clock)
    made.migrate()
    yield made
    assert isinstance(made.store, MongoStore)
    assert made.streams is not None
    made.streams.close()
    made.store.client.drop_database(made.store.database.name)
    made.store.close()


class Ear:
    """One open stream."""

    def __init__(self, response: TestResponse) -> None:
        self.response = response
        self.last = ""
        self._chunks = response.iter_encoded()

    def next(self) -> tuple[str, Any]:
        """The next event: its name and data."""
        for chunk in self._chunks:
            lines = dict(line.split(": ", 1) for line in chunk.decode().strip().split("\n") if not line.startswith(":"))
            self.last = lines.get("id", self.last)
            if "event" in lines:
                return lines["event"], json.loads(lines["data"])
        raise AssertionError("the stream is over")

    def kinds(self, count: int) -> list[str]:
        return [self.next()[1]["kind"] for _ in range(count)]

    def begin(self) -> "Ear":
        """Read until its place is known: nothing before that is told."""
        while not self.last:
            chunk = next(self._chunks).decode()
            if chunk.startswith("id: "):
                self.last = chunk[4:].strip()
        return self


@pytest.fixture
def listen(service: Service) -> Iterator[Callable[..., Ear]]:
    """Open a stream: of account acc_1, unless another is named."""
    with ExitStack() as opened:

        def open_one(account_id: str = "acc_1", *roles: str, last: str = "", hospital_id: str = "", **more: str) -> Ear:
            headers = {**bearer(account_id, *roles, hospital_id=hospital_id), **more}
            if last:
                headers["Last-Event-ID"] = last
            response = service.app.test_client().get(PATH, headers=headers, buffered=False)
            opened.callback(response.close)
            return Ear(response)

        yield open_one


def told(*kinds: str) -> list[Any]:
    return [SAMPLES[kind] for kind in kinds]


def test_what_comes_is_heard_as_the_inbox_shows_it(service: Service, listen: Callable[..., Ear]) -> None:
    ear = listen().begin()
    deliver(service, *told("order_confirmed"))
    name, data = ear.next()
    assert name == "notification"
    assert data == Reader(service, "acc_1").items()[0]
    assert (ear.response.status_code, ear.response.mimetype) == (200, "text/event-stream")
    assert ear.response.headers["X-Accel-Buffering"] == "no"
    assert "no-store" in ear.response.headers["Cache-Control"]


def test_the_language_is_the_readers(service: Service, listen: Callable[..., Ear]) -> None:
    ear = listen(**{"Accept-Language": "en"}).begin()
    deliver(service, *told("order_confirmed"))
    assert ear.next()[1] == Reader(service, "acc_1").items(**{"Accept-Language": "en"})[0]


def test_an_open_stream_tells_what_comes_after_it(service: Service, listen: Callable[..., Ear]) -> None:
    deliver(service, *told("order_placed"))
    ear = listen().begin()
    deliver(service, *told("order_held"))
    assert ear.kinds(1) == ["order_held"]


def test_who_comes_again_misses_nothing_and_hears_nothing_twice(
    service: Service, listen: Callable[..., Ear], clock: ManualClock
) -> None:
    """All of one moment, some of it heard; some stored while nobody listened; and some later still."""
    ear = listen().begin()
    deliver(service, *told("order_placed", "order_held", "order_confirmed"))
    heard = ear.kinds(2)
    ear.response.close()
    deliver(service, *told("order_expired"))
    clock.advance(timedelta(hours=3))
    deliver(service, *told("payment_failed"))
    again = listen(last=ear.last)
    heard += again.kinds(3)
    deliver(service, *told("order_cancelled"))
    heard += again.kinds(1)
    third = listen(last=again.last)
    deliver(service, *told("order_rejected"))
    heard += third.kinds(1)
    assert sorted(heard) == sorted(
        [
            "order_placed",
            "order_held",
            "order_confirmed",
            "order_expired",
            "payment_failed",
            "order_cancelled",
            "order_rejected",
        ]
    )


def test_who_comes_again_before_anything_came_goes_on_from_there(service: Service, listen: Callable[..., Ear]) -> None:
    deliver(service, *told("order_placed"))
    ear = listen().begin()
    ear.response.close()
    deliver(service, *told("order_held"))
    assert listen(last=ear.last).kinds(1) == ["order_held"]


def test_what_shows_late_is_heard(
    service: Service, listen: Callable[..., Ear], clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process stores with a clock that is behind, after others have stored what is newer."""
    monkeypatch.setattr(listeners, "FULL_LOOK", 0.0)
    ear = listen().begin()
    deliver(service, *told("order_held"))
    assert ear.kinds(1) == ["order_held"]
    clock.advance(-timedelta(milliseconds=LOOKBACK // 2))
    deliver(service, *told("order_placed"))
    clock.advance(timedelta(milliseconds=LOOKBACK // 2))
    assert ear.kinds(1) == ["order_placed"]
    ear.response.close()
    clock.advance(-timedelta(milliseconds=LOOKBACK // 3))
    deliver(service, *told("order_expired"))
    clock.advance(timedelta(milliseconds=LOOKBACK // 3))
    assert listen(last=ear.last).kinds(1) == ["order_expired"]


def test_a_place_that_nobody_has_been_at_is_answered_by_reload(service: Service, listen: Callable[..., Ear]) -> None:
    deliver(service, *told("order_placed"))
    for last in ("x", "1-2-3", "99999999999999999999-", "5-zzzzzzzz", "-", "' OR 1", "1-abc"):
        ear = listen(last=last)
        assert ear.next() == ("reload", {}), last
        deliver(service, *told("order_held"))
        assert ear.kinds(1) == ["order_held"], last
        ear.response.close()


def test_who_has_missed_very_much_reads_the_inbox(
    service: Service, listen: Callable[..., Ear], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listeners, "MOST_MISSED", 3)
    ear = listen().begin()
    deliver(service, *told("order_placed", "order_held", "order_confirmed", "order_expired"))
    assert listen(last=ear.last).next() == ("reload", {})


def test_only_ones_own_is_heard(service: Service, listen: Callable[..., Ear]) -> None:
    """Another's token, another hospital's staff, a role: each hears theirs and nothing else."""
    other = listen("acc_2").begin()
    here = listen("acc_7", "cashier", hospital_id="hos_1").begin()
    there = listen("acc_8", "cashier", hospital_id="hos_2").begin()
    confirmed = SAMPLES["order_confirmed"]
    elsewhere = replace(confirmed.visit, hospital_id="hos_2")
    deliver(service, *told("order_confirmed", "refund_stalled"))
    deliver(service, replace(confirmed, account_id="acc_2", order_id="ord_2", visit=elsewhere))
    deliver(service, replace(SAMPLES["refund_stalled"], account_id="acc_3", order_id="ord_2"))
    deliver(service, replace(SAMPLES["refund_stalled"], account_id="acc_2", order_id="ord_2"))
    assert set(other.kinds(2)) == {"order_confirmed", "refund_stalled"}
    assert here.kinds(1) == ["refund_stalled_staff"]
    assert there.kinds(1) == ["refund_stalled_staff"]
    deliver(service, *told("order_expired"))
    deliver(service, replace(SAMPLES["order_expired"], account_id="acc_2"))
    assert other.kinds(1) == ["order_expired"], "and nothing before it"
    stolen = here.last
    other.response.close()
    resumed = listen("acc_2", last=stolen.split("-")[0] + "-")
    assert set(resumed.kinds(3)) == {"order_confirmed", "refund_stalled", "order_expired"}, (
        "a place is no right: it shows one's own"
    )


def test_nobody_listens_without_a_token(service: Service) -> None:
    client = service.app.test_client()
    token = bearer("acc_1")["Authorization"].removeprefix("Bearer ")
    assert_problem(client.get(PATH), 401)
    assert_problem(client.get(f"{PATH}?token={token}"), 401)
    assert_problem(client.get(f"{PATH}?access_token={token}"), 401)
    assert_problem(client.get(PATH, headers={"Authorization": "Bearer x"}), 401)
    expired = sign_token(DEV_JWT_PRIVATE_KEY, "acc_1", ["patient"], "", -1)
    assert_problem(client.get(PATH, headers={"Authorization": f"Bearer {expired}"}), 401, "token_expired")
    assert service.streams is not None
    assert len(service.streams) == 0


def test_it_ends_with_the_token(service: Service) -> None:
    token = sign_token(DEV_JWT_PRIVATE_KEY, "acc_1", ["patient"], "", 1)
    response = service.app.test_client().get(PATH, headers={"Authorization": f"Bearer {token}"}, buffered=False)
    assert Ear(response).next() == ("bye", {"reason": "token_expired"})
    response.close()


def test_there_is_a_limit_and_who_goes_makes_room(service: Service, listen: Callable[..., Ear]) -> None:
    ears = [listen() for _ in range(3)]
    refused = service.app.test_client().get(PATH, headers=bearer("acc_2"))
    assert_problem(refused, 503, "no_streams")
    assert int(refused.headers["Retry-After"]) >= 1
    ears[0].response.close()
    assert listen("acc_2").response.status_code == 200
    head = service.app.test_client().head(PATH, headers=bearer("acc_1"))
    assert (head.status_code, head.mimetype) == (200, "text/event-stream")


def test_a_process_without_streams_says_so(double: str) -> None:
    made = build(Settings(mongo_url=f"{double}/t{secrets.token_hex(4)}"))
    assert_problem(made.app.test_client().get(PATH, headers=bearer("acc_1")), 503, "no_streams")
    made.store.close()


def test_one_that_cannot_be_shown_does_not_silence_the_others(
    service: Service, listen: Callable[..., Ear], monkeypatch: pytest.MonkeyPatch
) -> None:
    stream: Any = importlib.import_module("notify_svc.api.stream")
    honest = stream.show

    def show(n: Any, locale: str) -> Any:
        if n.kind == "order_held":
            raise KeyError("planted")
        return honest(n, locale)

    monkeypatch.setattr(stream, "show", show)
    ear = listen().begin()
    deliver(service, *told("order_held"))
    deliver(service, *told("order_confirmed"))
    assert ear.kinds(1) == ["order_confirmed"]


def test_a_database_that_is_away_for_a_moment_ends_no_stream(
    service: Service, listen: Callable[..., Ear], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(service.store, MongoStore)
    ear = listen().begin()
    failures = iter([ConnectionError("planted"), KeyError("planted")])
    honest = service.store.notifications.stored_since

    def away(at: int, limit: int) -> Any:
        if (failure := next(failures, None)) is not None:
            raise failure
        return honest(at, limit)

    monkeypatch.setattr(service.store.notifications, "stored_since", away)
    deliver(service, *told("order_confirmed"))
    assert ear.kinds(1) == ["order_confirmed"]


def test_when_the_process_ends_streams_say_good_bye(service: Service, listen: Callable[..., Ear]) -> None:
    ear = listen().begin()
    assert service.streams is not None
    service.streams.close()
    assert ear.next() == ("bye", {"reason": "stopping"})
    assert_problem(service.app.test_client().get(PATH, headers=bearer("acc_2")), 503, "no_streams")


def test_a_cursor_is_read_as_it_was_written_and_stays_small() -> None:
    cursor = Cursor(1_000_000)
    assert [cursor.takes(1_000_000 + n, f"n{n}") for n in range(40)] == [True] * 40
    again = Cursor.read(str(cursor))
    assert again is not None
    assert [again.takes(1_000_000 + n, f"n{n}") for n in range(40)] == [False] * 40
    assert len(str(cursor)) < 400
    assert again.takes(1_000_040, "one more")
    assert Cursor.read(str(again)) is None, "it cannot say what was heard: who comes with it reads the inbox"
    assert again.takes(1_000_000 + LOOKBACK + 200, "much later")
    assert len(again.tags) == 1, "what is long past is not carried on"


def test_the_stream_is_documented(service: Service) -> None:
    document = service.app.test_client().get("/api/v1/docs/notify-svc/openapi.json").get_json()
    path = document["paths"][PATH]
    assert list(path["get"]["responses"]["200"]["content"]) == ["text/event-stream"]
    assert [p["name"] for p in path["parameters"]] == ["Last-Event-ID"]
