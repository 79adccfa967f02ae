"""Many at once, on both databases: threads stand for the processes that there are in production."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from common.messages import PaymentClosed, PaymentSucceeded, RefundPayment, RefundSucceeded
from common.testing import received
from payment_svc.store.tables import ledger_entries
from payment_svc.usecases import commands
from payment_world import CASHIER, FEE, PATIENT, World


def at_once(actions: Sequence[Callable[[], Any]]) -> list[Any]:
    """Do all of it at the same time, each in its own thread."""
    barrier = threading.Barrier(len(actions))

    def act(action: Callable[[], Any]) -> Any:
        barrier.wait(10)
        return action()

    with ThreadPoolExecutor(len(actions)) as pool:
        return list(pool.map(act, actions))


def entries_of(world: World, order: str, kind: str) -> int:
    query = sa.select(sa.func.count()).where(ledger_entries.c.order_id == order, ledger_entries.c.kind == kind)
    with world.database.reading() as conn:
        return int(conn.execute(query).scalar_one())


def of(order: str, messages: Sequence[Any]) -> list[Any]:
    return [m for m in messages if m.order_id == order]


def test_twenty_callbacks_of_one_payment(any_world: World) -> None:
    order = any_world.request()
    fact = any_world.paid(any_world.pay_by(order))
    at_once([lambda: any_world.apply(fact)] * 20)
    assert entries_of(any_world, order, "capture") == 1
    assert len(of(order, any_world.told(PaymentSucceeded))) == 1
    any_world.check_books()


def test_two_attempts_paid_at_once(any_world: World) -> None:
    order = any_world.request()
    facts = [any_world.paid(any_world.pay_by(order, key=str(n))) for n in range(5)]
    at_once([lambda fact=fact: any_world.apply(fact) for fact in facts * 3])  # type: ignore[misc]
    assert len(of(order, any_world.told(PaymentSucceeded))) == 1
    assert [r.purpose for r in any_world.refunds(order)] == ["surplus"] * 4
    any_world.check_books()


def test_fifty_refund_commands_and_fifty_jobs(any_world: World) -> None:
    order = any_world.request()
    number = any_world.pay_by(order, "sandbox")["show"]["url"].rpartition("/")[2]
    any_world.press(number)

    def ask() -> None:
        with any_world.database.transaction() as tx:
            commands.refund_payment(tx, [received(RefundPayment(order, "cancelled"), any_world.service)])

    at_once([ask] * 50)
    (refund,) = any_world.refunds(order)
    (timer,) = [t for t in any_world.due() if t.key == refund.id]
    at_once([lambda: any_world.service.jobs["refund"](any_world.service, timer)] * 50)
    assert any_world.refunds(order)[0].state == "succeeded"
    assert entries_of(any_world, order, "refund_paid") == 1
    assert len(of(order, any_world.told(RefundSucceeded))) == 1
    figures = any_world.figures()["intents"][order]
    assert (figures["captured"], figures["refunded"]) == (FEE, FEE)


@pytest.mark.parametrize("callback", ["deliver", "drop"])
def test_closing_against_paying(any_world: World, callback: str) -> None:
    any_world.plan(callback=callback)
    for _ in range(10):
        order = any_world.request()
        number = any_world.pay_by(order, "sandbox")["show"]["url"].rpartition("/")[2]

        def close(order: str = order) -> None:
            any_world.close(order)
            any_world.run_jobs()

        at_once([close, lambda number=number: any_world.press(number)])  # type: ignore[misc]
        any_world.settle()
        told = [type(m) for m in of(order, any_world.told()) if type(m) in (PaymentClosed, PaymentSucceeded)]
        trade = any_world.service.parts.sandbox.trade(number)
        assert set(told) == {PaymentSucceeded if trade.state == "paid" else PaymentClosed}
        assert any_world.intent(order).state == ("paid" if trade.state == "paid" else "closed")
    any_world.plan(callback="deliver")
    any_world.check_rest()


def test_closing_against_the_cashier(any_world: World) -> None:
    for _ in range(10):
        order = any_world.request()
        payment = any_world.pay_by(order, "window")

        def close(order: str = order) -> None:
            any_world.close(order)
            any_world.run_jobs()

        def receipt(payment: Any = payment) -> int:
            return any_world.post(f"/payments/{payment['id']}/receipt", headers=CASHIER).status_code

        _, status = at_once([close, receipt])
        any_world.settle()
        assert any_world.intent(order).state == ("paid" if status == 200 else "closed"), status
    any_world.check_rest()


def test_one_key_one_attempt(any_world: World) -> None:
    order = any_world.request()

    def start() -> str:
        headers = PATIENT | {"Idempotency-Key": "same"}
        response = any_world.post(f"/orders/{order}/payments", {"method": "sandbox"}, headers=headers)
        assert response.status_code == 201
        return str(response.get_json()["id"])

    assert len(set(at_once([start] * 12))) == 1


def test_one_retry_of_a_refused_refund(any_world: World) -> None:
    order = any_world.request()
    any_world.apply(any_world.paid(any_world.pay_by(order)))
    any_world.ask_refund(order)
    (refund,) = any_world.refunds(order)
    any_world.apply(any_world.refund_fact(refund, "failed"))
    path = f"/refunds/{refund.id}/retry"
    statuses = at_once([lambda: any_world.post(path, headers=CASHIER).status_code] * 10)
    assert sorted(statuses) == [202] + [409] * 9
    assert len(any_world.refunds(order)) == 2
    any_world.check_books()
