"""A provider that hangs takes no more threads than are its own: neither those that answer requests, nor those that run jobs."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import pytest
from common.outbox import TimerLoop
from common.testing import assert_problem
from payment_svc.providers import Abnormal, Paid, Processing, Shown, Unpaid
from payment_svc.usecases.rooms import IN_JOBS, IN_REQUESTS
from payment_world import CASHIER, FEE, PATIENT, START, World, at_the_counter, paid_by

THREADS = 8
"""Of an api process (common/gunicorn_conf.py)."""
PATIENCE = 20.0  # seconds


class Hanging:
    """A call that is not answered before it is told to. `under_way` counts those that wait."""

    def __init__(self, answer: Any) -> None:
        self.answer, self.go = answer, threading.Event()
        self.under_way = threading.Semaphore(0)
        self.calls = 0

    def __call__(self, _about: Any) -> Any:
        self.calls += 1
        self.under_way.release()
        assert self.go.wait(2 * PATIENCE)
        return self.answer

    def await_calls(self, number: int) -> None:
        for _ in range(number):
            assert self.under_way.acquire(timeout=PATIENCE)


@pytest.fixture
def hanging(world: World) -> Iterator[Hanging]:
    made = Hanging(Shown({"type": "qr", "text": "code"}))
    world.scripted.say["create"] = made
    yield made
    made.go.set()


def test_while_a_provider_hangs_callbacks_and_the_counter_are_answered(world: World, hanging: Hanging) -> None:
    heard = world.pay_by(world.request(), "wechat")
    till, cash = at_the_counter(world)
    orders = [world.request() for _ in range(THREADS + 4)]
    with ThreadPoolExecutor(THREADS) as api:
        started = [api.submit(world.pay_by, order) for order in orders]
        hanging.await_calls(IN_REQUESTS)
        try:
            api.submit(world.press, heard).result(PATIENCE)
            receipt = api.submit(world.post, f"/payments/{cash['id']}/receipt", headers=CASHIER).result(PATIENCE)
            assert (receipt.status_code, world.intent(till).state) == (200, "paid")
            assert world.attempt(heard["id"]).state == "succeeded"
            assert sum(payment.done() for payment in started) == len(orders) - IN_REQUESTS
        finally:
            hanging.go.set()
        answered = [payment.result(PATIENCE) for payment in started]
    assert hanging.calls == IN_REQUESTS
    later = [payment for payment in answered if payment["state"] == "created"]
    assert len(later) == len(orders) - IN_REQUESTS
    assert all(payment["show"] is None for payment in later)
    for _ in range(5):  # who was answered without a code gets it by the job
        world.clock.advance(timedelta(seconds=5))
        world.run_jobs()
    shown = [world.get(f"/payments/{payment['id']}", headers=PATIENT).get_json() for payment in answered]
    assert {(payment["state"], payment["show"]["text"]) for payment in shown} == {("pending", "code")}


def test_who_pays_at_the_counter_needs_no_room(world: World) -> None:
    world.service.parts.requests.most = 0
    assert at_the_counter(world)[1]["show"]["type"] == "counter"
    assert world.pay_by(world.request())["state"] == "created"


def test_a_card_is_sent_only_where_there_is_room(world: World) -> None:
    order = paid_by(world)
    world.scripted.say |= {"refund": Processing(), "query_refund": Abnormal("dead")}
    world.ask_refund(order)
    world.run_jobs()
    world.clock.advance(timedelta(seconds=5))
    world.run_jobs()
    (refund,) = world.refunds(order)
    assert refund.state == "abnormal"
    card = {"bank": "ICBC_DEBIT", "number": "6222021001122334455", "holder": "Li"}
    with ExitStack() as busy:
        for _ in range(IN_REQUESTS):
            assert busy.enter_context(world.service.parts.requests.enter("alipay", world.scripted))
        response = world.post(f"/refunds/{refund.id}/to-card", card, headers=CASHIER)
        assert_problem(response, 409, "provider_busy")
        assert "to_card" not in world.scripted.calls()
    assert world.post(f"/refunds/{refund.id}/to-card", card, headers=CASHIER).status_code == 202


def test_while_a_provider_hangs_the_jobs_of_another_run(world: World) -> None:
    query = Hanging(Unpaid())
    world.scripted.say["query"] = query
    slow = [world.pay_by(world.request()) for _ in range(12)]
    world.clock.advance(timedelta(seconds=1))
    healthy = world.pay_by(world.request(), "wechat")
    world.press(healthy, callback=False)
    world.clock.advance(timedelta(seconds=5))
    loop = TimerLoop(world.database, world.service.timers, world.service.jobs, world.service)
    loop.start()
    try:
        query.await_calls(IN_JOBS)
        deadline = time.monotonic() + PATIENCE
        while world.attempt(healthy["id"]).state != "succeeded":
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert query.calls == IN_JOBS
    finally:
        query.go.set()
        loop.stop()
    world.scripted.say["query"] = lambda trade: Paid(f"t-{trade.number}", FEE, START)
    world.settle()
    assert {world.attempt(payment["id"]).state for payment in slow} == {"succeeded"}
    world.check_rest()


def test_a_job_without_room_comes_back_soon_and_has_not_asked(world: World) -> None:
    payment = world.pay_by(world.request())
    world.scripted.asked.clear()
    world.service.parts.jobs.most = 0
    world.clock.advance(timedelta(seconds=5))
    waits = []
    for _ in range(6):
        (timer,) = world.due()
        world.run_jobs()
        waits.append((world.waiting()[timer.kind, timer.key] - world.clock()).total_seconds())
        world.clock.set(world.waiting()[timer.kind, timer.key])
    assert waits == [1, 2, 4, 8, 8, 8]
    assert world.scripted.asked == []
    world.service.parts = type(world.service.parts)(world.service.parts.providers, world.service.parts.methods)
    world.run_jobs()
    assert world.scripted.calls() == ["query"]
    key = ("query_attempt", payment["id"])
    assert world.waiting()[key] - world.clock() == timedelta(seconds=30)  # as after the first question
