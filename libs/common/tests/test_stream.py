"""Live streams: topics, slow listeners, heartbeats, ends; some hundreds at once."""

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from common.errors import Unavailable
from common.web.stream import AGAIN, EACH, EXPIRED, SLOW, STOPPING, Hub, Stream, event
from flask import Flask, request
from prometheus_client import REGISTRY

FAR = 60.0


def body(hub: Hub, *topics: str, **options: Any) -> Stream:
    options.setdefault("expires", time.time() + 3600)
    return Stream(hub.listen(topics), lambda item: event("thing", item), **options)


def read(stream: Iterator[bytes]) -> dict[str, Any]:
    """The next event that is none of comments and fields alone."""
    for chunk in stream:
        lines = dict(line.split(": ", 1) for line in chunk.decode().strip().split("\n") if not line.startswith(":"))
        if "event" in lines:
            return {"event": lines["event"], "data": json.loads(lines["data"]), "id": lines.get("id")}
    raise AssertionError("the stream is over")


def test_everybody_hears_what_is_published_under_their_topics() -> None:
    hub = Hub(10)
    both, one, other = body(hub, "a", "b"), body(hub, "a"), body(hub, "c")
    hub.publish("a", 1)
    hub.publish("b", 2)
    hub.publish("nobody", 3)
    hub.publish("c", 4)
    assert [read(both)["data"] for _ in range(2)] == [1, 2]
    assert read(one)["data"] == 1
    assert read(other)["data"] == 4
    assert (hub.heard("a"), hub.heard("nobody")) == (True, False)


def test_who_goes_over_to_another_topic_hears_that_and_no_more_of_the_first() -> None:
    hub = Hub(3)
    listener, other = hub.listen(["a"]), hub.listen(["a"])
    hub.publish("a", 1)
    hub.move(listener, ["b"])
    hub.publish("a", 2)
    hub.publish("b", 3)
    assert [listener.get(0) for _ in range(3)] == [1, 3, None]
    assert sorted(hub.topics()) == ["a", "b"]
    listener.close()
    hub.move(listener, ["c"])
    assert hub.topics() == ["a"], "who has gone comes nowhere"
    assert other.get(0) == 1


def test_an_event_is_written_as_the_standard_wants() -> None:
    assert event("thing", {"text": "号\n源"}, "7") == 'id: 7\nevent: thing\ndata: {"text":"号\\n源"}\n\n'.encode()
    assert event("bye", {}) == b"event: bye\ndata: {}\n\n"


def test_it_begins_with_when_to_come_again_and_what_was_missed() -> None:
    hub = Hub(1)
    chunks = body(hub, "a", first=[b"missed"])
    assert [next(chunks), next(chunks)] == [b"retry: 2000\n\n", b"missed"]


def test_one_who_is_slow_is_cut_off_and_nobody_else() -> None:
    hub = Hub(2, depth=5)
    slow, quick = body(hub, "a"), body(hub, "a")
    for n in range(6):
        hub.publish("a", n)
        assert read(quick)["data"] == n
    assert read(slow) == {"event": "bye", "data": {"reason": SLOW}, "id": None}
    assert list(slow) == []


def test_there_is_a_limit_and_who_leaves_makes_room() -> None:
    hub = Hub(2)
    first, second = body(hub, "a"), body(hub, "a")
    with pytest.raises(Unavailable):
        hub.listen(["a"])
    first.close()
    first.close()
    third = body(hub, "b")
    assert len(hub) == 2
    second.close()
    assert not hub.heard("a")
    third.close()
    assert len(hub) == 0
    assert not hub.wait_for_listeners(0)


def test_the_streams_of_all_hubs_of_a_process_are_counted_together() -> None:
    def counted() -> float:
        return REGISTRY.get_sample_value("haoyuan_streams_open") or 0.0

    before, first, second = counted(), Hub(EACH + 1), Hub(1)
    listeners = [first.listen(["a"], "me") for _ in range(EACH + 1)]
    other = second.listen(["b"])
    assert counted() - before == EACH + 1, "and who made room counts no more"
    for listener in (*listeners, other, other):
        listener.close()
    assert counted() == before


def test_silence_is_broken_by_comments() -> None:
    chunks = body(Hub(1), "a", heartbeat=0.01)
    assert [next(chunks) for _ in range(3)] == [b"retry: 2000\n\n", b":\n\n", b":\n\n"]


def test_what_cannot_be_written_is_left_out() -> None:
    hub = Hub(1)
    stream = Stream(hub.listen(["a"]), lambda n: event("thing", n) if n else b"", expires=time.time() + 3600)
    hub.publish("a", 0)
    hub.publish("a", 1)
    assert read(stream)["data"] == 1


def test_it_ends_when_the_token_does_and_after_a_while_anyway() -> None:
    hub = Hub(3)
    assert read(body(hub, "a", expires=time.time() - 1))["data"] == {"reason": EXPIRED}
    assert read(body(hub, "a", expires=time.time() + 0.05))["data"] == {"reason": EXPIRED}
    assert read(body(hub, "a", longest=0.05))["data"] == {"reason": AGAIN}


def test_a_stream_that_never_began_is_closed_too() -> None:
    hub = Hub(1)
    body(hub, "a").close()
    assert len(hub) == 0


def test_flask_closes_it_when_the_client_goes() -> None:
    hub, app = Hub(5), Flask(__name__)

    @app.get("/stream")
    def view() -> Any:
        return body(hub, request.args["topic"]).response()

    answer = app.test_client().get("/stream?topic=a", buffered=False)
    assert (answer.headers["X-Accel-Buffering"], answer.content_type) == ("no", "text/event-stream")
    assert len(hub) == 1
    hub.publish("a", 5)
    assert read(answer.iter_encoded())["data"] == 5
    answer.close()
    assert len(hub) == 0


def test_hundreds_hear_at_once_and_end_at_once() -> None:
    """Each in a thread of its own, as a server has them."""
    hub, heard, count = Hub(400), [], 400
    begun, told = threading.Barrier(count + 1), threading.Barrier(count + 1)

    def listen(n: int) -> None:
        with body(hub, "all", f"own-{n}") as stream:
            begun.wait(FAR)
            heard.append((read(stream)["data"], read(stream)["data"]))
            told.wait(FAR)
            heard.append(read(stream)["data"]["reason"])

    threads = [threading.Thread(target=listen, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    begun.wait(FAR)
    hub.publish("all", "everybody")
    for n in range(count):
        hub.publish(f"own-{n}", n)
    told.wait(FAR)
    hub.close()
    for thread in threads:
        thread.join(FAR)
    assert sorted(h[1] for h in heard if isinstance(h, tuple)) == list(range(count))
    assert {h[0] for h in heard if isinstance(h, tuple)} == {"everybody"}
    assert heard.count(STOPPING) == count
    assert len(hub) == 0
    with pytest.raises(Unavailable):
        hub.listen(["all"])
