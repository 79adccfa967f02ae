"""The live stream of the inbox, over HTTP, on both systems: through the gateway, to the one whose it is, over a restart."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest
from actors import Patient, eventually
from ears import Ear

from stack.system import System as Stack

PATH = "/notifications/stream"


Listen = Callable[..., Ear]

WELCOME = {"user_registered"}
"""Perhaps told before the stream was open."""


def kinds(ear: Ear) -> list[str]:
    return [data["kind"] for data in ear.told("notification")]


def told(patient: Patient) -> set[str]:
    return {*patient.inbox()} - WELCOME


@pytest.fixture
def listen(system) -> Iterator[Listen]:
    with ExitStack() as opened:

        def begin(patient: Patient, last: str = "") -> Ear:
            ear = Ear(system.url, PATH, patient.token, last)
            opened.callback(ear.close)
            return ear

        yield begin


def test_an_order_is_heard_as_it_goes_and_by_its_owner_alone(base, hospital, patient, listen: Listen):
    other = Patient(base)
    ear, another = listen(patient), listen(other)
    assert (ear.status, ear.headers["Content-Type"]) == (200, "text/event-stream")
    eventually(lambda: ear.last and another.last, "both are heard")
    patient.confirmed(hospital.session(1))
    eventually(lambda: "order_confirmed" in kinds(ear), "it is heard")
    eventually(lambda: told(patient) == {*kinds(ear)} - WELCOME, "and the inbox says the same")
    assert len(kinds(ear)) == len(set(kinds(ear))), "each once"
    assert not {"order_placed", "order_confirmed"} & set(kinds(another))


def test_who_comes_again_goes_on(hospital, patient, listen: Listen):
    ear = listen(patient)
    eventually(lambda: ear.last, "its place is known")
    ear.close()
    patient.confirmed(hospital.session(1))
    again = listen(patient, ear.last)
    eventually(lambda: {"order_placed", "order_confirmed"} <= set(kinds(again)), "what was missed")
    count = len(kinds(again))
    again.close()
    third = listen(patient, again.last)
    order = patient.confirmed(hospital.session(1))["id"]
    eventually(lambda: "order_confirmed" in kinds(third), "what is new")
    assert {data["order_id"] for _, data in third.events if data["kind"] == "order_confirmed"} == {order}
    assert count == len({data["id"] for _, data in again.events})


def test_a_stream_process_that_is_told_to_end_says_good_bye(system, hospital, patient, listen: Listen):
    if not isinstance(system, Stack):
        pytest.skip("embedded mode ends as a whole: test_stream_servers.py")
    ears = [listen(patient) for _ in range(3)]
    eventually(lambda: all(ear.last for ear in ears), "they listen")
    system.part("notify-svc", "stream").stop()
    eventually(lambda: all(ear.over for ear in ears), "they end")
    assert [ear.events[-1] for ear in ears] == [("bye", {"reason": "stopping"})] * 3
    patient.confirmed(hospital.session(1))
    system.part("notify-svc", "stream").start()
    again = listen(patient, ears[0].last)
    eventually(lambda: "order_confirmed" in kinds(again), "nothing was missed")


def test_a_listener_needs_a_token_and_never_in_the_address(system, patient):
    place = urlsplit(system.url)
    for path in (f"/api/v1{PATH}", f"/api/v1{PATH}?token={patient.token}"):
        connection = HTTPConnection(place.hostname or "", place.port, timeout=30)
        connection.request("GET", path)
        answer = connection.getresponse()
        assert answer.status == 401
        assert answer.headers["Content-Type"] == "application/problem+json"
        connection.close()
