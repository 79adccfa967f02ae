"""Whatever dies between whatever two steps, and however many senders there are: at most one message for each delivery, and
none is lost where the provider can be asked.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from common.clock import ManualClock
from common.service import Service
from common.testing import deliver
from notify_svc.channels import Absent, Letter, Sent
from notify_svc.store import MongoStore
from notify_svc.usecases.sending import LEASE
from post_world import Counting, Crash, contact, log_of, post, send_all, states, store_of, tell_confirmed

STEPS = ("take", "hand", "send", "mark")
POINTS = [(side, step) for step in STEPS for side in ("before", "after")]
AFTER_ALL_LEASES = LEASE + timedelta(minutes=5)


def planted(store: MongoStore, carrier: Counting, side: str, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Die there: all changes of the delivery and the call of the provider go through this."""
    changes = iter(("take", "hand", "mark"))

    def dying(honest: Callable[..., Any], name: Callable[[], str]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            mine = name() == step
            if mine and side == "before":
                raise Crash
            found = honest(*args, **kwargs)
            if mine:
                raise Crash
            return found

        return call

    monkeypatch.setattr(store.deliveries, "change", dying(store.deliveries.change, lambda: next(changes)))
    monkeypatch.setattr(carrier, "send", dying(carrier.send, lambda: "send"))


@pytest.mark.parametrize("knows", [True, False], ids=["can be asked", "cannot be asked"])
@pytest.mark.parametrize(("side", "step"), POINTS)
def test_a_kill_between_any_two_steps(
    service: Service, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, side: str, step: str, knows: bool
) -> None:
    deliver(service, contact(email=None))
    tell_confirmed(service)
    store, carrier = store_of(service), Counting("alibaba", "sms", knows=knows)
    with monkeypatch.context() as patch:
        planted(store, carrier, side, step, patch)
        with pytest.raises(Crash):
            send_all(post(store, carrier))
    for _ in range(4):
        clock.advance(AFTER_ALL_LEASES)
        send_all(post(store, carrier))
    if knows:
        assert (states(store), list(carrier.keys.values())) == ({"sent": 1}, [1])
    else:
        assert max(carrier.keys.values(), default=0) <= 1
        handed = POINTS.index((side, step)) >= POINTS.index(("after", "hand"))
        marked = (side, step) == ("after", "mark")
        assert states(store) == {"unsure: unanswered" if handed and not marked else "sent": 1}


def test_a_lease_that_has_not_ended_is_somebody_elses(
    service: Service, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(service, contact(email=None))
    tell_confirmed(service)
    store, carrier = store_of(service), Counting("alibaba", "sms")
    with monkeypatch.context() as patch:
        planted(store, carrier, "before", "send", patch)
        with pytest.raises(Crash):
            send_all(post(store, carrier))
    clock.advance(LEASE)
    assert send_all(post(store, carrier)) == 0
    assert service.figures()["stuck"] == []
    clock.advance(AFTER_ALL_LEASES)
    assert service.figures()["stuck"] == list(log_of(store))


def test_who_comes_back_after_its_lease_changes_nothing(service: Service, clock: ManualClock) -> None:
    """The first sender is held up in its call, and another one has settled the matter meanwhile."""
    deliver(service, contact(email=None))
    tell_confirmed(service)
    store, carrier = store_of(service), Counting("alibaba", "sms")
    other = post(store, Counting("alibaba", "sms", knows=False))

    def late(letter: Letter) -> Sent:
        clock.advance(AFTER_ALL_LEASES)
        send_all(other)
        return Sent("late")

    carrier.says = late
    send_all(post(store, carrier))
    assert states(store) == {"unsure: unanswered": 1}
    assert len(carrier.carried) == 1


def test_who_was_held_up_before_its_call_does_not_call(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    from notify_svc.usecases import sending

    deliver(service, contact(email=None))
    tell_confirmed(service)
    carrier = Counting("alibaba", "sms")
    monkeypatch.setattr(sending, "STALLED", -1.0)
    send_all(post(store_of(service), carrier))
    assert (carrier.carried, states(store_of(service))) == ([], {"waiting": 1})


def test_senders_beside_each_other_send_each_once(service: Service, double: str) -> None:
    store, carrier = store_of(service), Counting("alibaba", "sms")
    deliver(service, contact(email=None))
    for n in range(40):
        tell_confirmed(service, order_id=f"ord_{n}")
    stores = [MongoStore(f"{double}/{store.database.name}", store.clock) for _ in range(4)]
    desks = [post(s, carrier) for s in stores]
    plans = [desk.due("sms") for desk in desks]  # all have seen the same
    start = threading.Barrier(len(plans))

    def work(jobs: list[Callable[[], bool]]) -> None:
        start.wait()
        for job in jobs:
            job()

    threads = [threading.Thread(target=work, args=(jobs,)) for jobs in plans]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for other in stores:
        other.close()
    assert set(carrier.keys.values()) == {1}
    assert len(carrier.keys) == 40
    assert states(store) == {"sent": 40}


CHILD = """
import sys, time
from notify_svc.channels import Sent
from notify_svc.store import MongoStore
from post_world import Counting, post, send_all

def hangs(letter):
    with open(sys.argv[2], "a") as book:
        book.write(letter.key + "\\n")
    print("handed", flush=True)
    time.sleep(3600)
    return Sent()

send_all(post(MongoStore(sys.argv[1]), Counting("alibaba", "sms", hangs)))
"""


def test_a_real_kill_in_the_middle_of_a_call(service: Service, clock: ManualClock, double: str, tmp_path: Path) -> None:
    store, book = store_of(service), tmp_path / "book"
    deliver(service, contact(email=None))
    for n in range(3):
        tell_confirmed(service, order_id=f"ord_{n}")
    command = [sys.executable, "-c", CHILD, f"{double}/{store.database.name}", str(book)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "handed\n"
        os.kill(child.pid, signal.SIGKILL)
    carrier = Counting("alibaba", "sms")

    def in_the_book(letter: Letter, _at: object) -> Sent | Absent:
        return Sent() if letter.key in book.read_text().split() else Absent()

    carrier.find = in_the_book  # type: ignore[method-assign]  # what the provider has had, it has had
    for _ in range(3):
        clock.advance(AFTER_ALL_LEASES)
        send_all(post(store, carrier))
    had = [*book.read_text().split(), *carrier.keys.elements()]
    assert sorted(had) == sorted(log_of(store))
    assert states(store) == {"sent": 3}
