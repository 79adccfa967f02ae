"""Planned faults, and faults at random: what happened in spite of them, and what did not."""

import socket
import time

import pytest
import requests
from payment_sandbox.books import Books
from payment_sandbox.faults import FLAWS, Faults, possible
from payment_sandbox.parts import AFTER, BEFORE, Fault
from sandbox_rig import Caller, a_server


@pytest.mark.parametrize(("fault", "status"), [("500", 500), ("502", 502), ("429", 429), ("unknown", 500)])
def test_a_vendor_in_trouble_does_nothing(caller, sandbox, fault, status):
    caller.plan(fault)
    assert caller.create("n1").status_code == status
    assert sandbox.books.trade("wechat", "n1") is None
    assert caller.create("n1").status_code == 200  # it was planned once
    calls = caller.ctl("GET", "/calls")["calls"]
    assert [(call["status"], call["fault"]) for call in calls] == [(status, fault), (200, "")]


@pytest.mark.parametrize(("fault", "happened"), [("drop-before", False), ("drop-after", True)])
def test_a_cut_connection(caller, sandbox, fault, happened):
    caller.plan(fault)
    with pytest.raises(requests.exceptions.ConnectionError):
        caller.create("n1")
    assert (sandbox.books.trade("wechat", "n1") is not None) is happened
    (call,) = caller.ctl("GET", "/calls")["calls"]
    assert (call["status"], call["fault"]) == (None, fault)


@pytest.mark.parametrize("fault", ["drop-before", "drop-after"])
def test_a_cut_connection_is_reset_without_one_byte(caller, server, fault):
    caller.plan(fault)
    head = (
        b"POST /wechat/create/n1 HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
    )
    with socket.create_connection(server.address, timeout=10) as connection:
        connection.sendall(head)
        with pytest.raises(ConnectionResetError):
            connection.recv(1)


def test_an_error_after_it_has_happened(caller, sandbox):
    caller.plan("500-after")
    assert caller.create("n1").status_code == 500
    assert sandbox.books.trade("wechat", "n1") is not None


@pytest.mark.parametrize("flaw", FLAWS)
def test_a_flaw_is_left_to_the_vendor(caller, sandbox, flaw):
    caller.plan(flaw)
    assert caller.create("n1").headers["Flaw"] == flaw
    assert sandbox.books.trade("wechat", "n1") is not None
    assert caller.call("query").headers["Flaw"] == ""


def test_a_delay_holds_up_nobody_else(caller, sandbox):
    """The delayed call has not happened while others do, and it ends when the sandbox stops."""
    caller.plan("delay", seconds=600, number="n1")
    with pytest.raises(requests.exceptions.ReadTimeout):
        requests.post(f"{caller.url}/wechat/create/n1", json={}, timeout=0.2)
    assert caller.create("n2").status_code == 200
    assert sandbox.books.trade("wechat", "n1") is None


def test_a_short_delay_is_a_delay_only(caller):
    caller.plan("delay", seconds=0.15)
    started = time.monotonic()
    assert caller.create("n1").status_code == 200
    assert time.monotonic() - started >= 0.15


def test_a_plan_is_for_its_vendor_its_call_and_its_number(caller):
    caller.plan("500", call="query", number="n1", times=2)
    assert caller.call("query", "n2").status_code == 200
    assert caller.call("close", "n1").status_code == 200
    assert caller.call("query", "n1", vendor="alipay").status_code == 200
    assert [caller.call("query", "n1").status_code for _ in range(3)] == [500, 500, 200]


def test_what_is_planned_for_a_number_goes_first_then_in_order(caller):
    caller.plan("500", call="query")
    caller.plan("429", call="query")
    caller.plan("502", call="query", number="n1")
    assert [caller.call("query", "n1").status_code for _ in range(4)] == [502, 500, 429, 200]


def test_plans_are_shown_and_forgotten(caller):
    caller.plan("delay", seconds=2, times=3, number="n1")
    caller.ctl("POST", "/faults", {"random": {"rate": 1, "seed": 7, "faults": ["500"]}})
    shown = caller.ctl("GET", "/faults")
    plan = {"provider": "wechat", "call": "create", "number": "n1", "times": 3, "fault": "delay", "seconds": 2.0}
    assert shown["faults"] == [plan]
    assert shown["random"]["rate"] == 1
    assert caller.ctl("DELETE", "/faults") == {"faults": [], "random": None}
    assert caller.create("n1").status_code == 200


def draws(faults: Faults, calls: int = 300) -> list[Fault | None]:
    return [faults.take("wechat", "query", f"n{n}") for n in range(calls)]


@pytest.fixture
def books(tmp_path):
    opened = Books(tmp_path / "books")
    yield opened
    opened.close()


def test_random_faults_follow_their_seed_over_restarts(books):
    faults = Faults(books)
    names = ("500", "drop-before", "drop-after")
    faults.at_random(0.1, 7, names)
    first = draws(faults)
    faults.at_random(0.1, 7, names)
    assert draws(faults, 100) + draws(Faults(books), 200) == first
    faults.at_random(0.1, 8, names)
    assert draws(faults) != first
    drawn = [fault.name for fault in first if fault]
    assert 10 <= len(drawn) <= 60
    assert set(drawn) == set(names)


def test_random_faults_suit_the_call(books):
    faults = Faults(books)
    faults.at_random(1, 1, ("500", "duplicate"))
    assert {faults.take("wechat", "callback", "n").name for _ in range(20)} == {"duplicate"}
    assert {faults.take("wechat", "query", "n").name for _ in range(20)} == {"500"}
    faults.at_random(1, 1, ("500",))
    assert faults.take("wechat", "callback", "n") is None


def test_every_fault_can_be_planned_for_a_call():
    assert set(possible("create")) == {*BEFORE, *AFTER}
    assert set(possible("callback")) == {"delay", "drop", "drop-before", "drop-after", "duplicate", *FLAWS}


def test_plans_survive_a_restart(tmp_path):
    with a_server(tmp_path) as server:
        Caller(server).plan("500", times=2)
        assert Caller(server).create("n1").status_code == 500
    with a_server(tmp_path) as server:
        assert [Caller(server).create("n1").status_code for _ in range(2)] == [500, 200]
