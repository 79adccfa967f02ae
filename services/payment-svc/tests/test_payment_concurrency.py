"""Many at once, on both databases: threads stand for the processes that there are in production."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from common.errors import InvalidMessage, Transient
from common.messages import (
    SPECS,
    Message,
    PaymentClosed,
    PaymentMoved,
    PaymentSucceeded,
    RefundPayment,
    RefundSucceeded,
)
from common.testing import received
from payment_svc.providers import Paid, Refunded
from payment_svc.store import intents as store
from payment_svc.store.tables import ledger_entries
from payment_world import ACCOUNT, CASHIER, FEE, PATIENT, START, World, at_the_counter, paid_by


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


def command(world: World, message: Message) -> Callable[[], bool]:
    """As if one more process had received it: False if it was refused."""
    handler = world.service.processor.subscriptions[SPECS[type(message)].type]

    def handle() -> bool:
        try:
            with world.database.transaction() as tx:
                handler(tx, [received(message, world.service)])
        except InvalidMessage:
            return False
        return True

    return handle


def test_fifty_refund_commands_and_fifty_jobs(any_world: World) -> None:
    order = any_world.request()
    any_world.service.parts.jobs.most = 50
    any_world.pay(order, "wechat")
    at_once([command(any_world, RefundPayment(order, "cancelled"))] * 50)
    (refund,) = any_world.refunds(order)
    (timer,) = [t for t in any_world.due() if t.key == refund.id]
    at_once([lambda: any_world.service.jobs["refund"](any_world.service, timer)] * 50)
    assert any_world.refunds(order)[0].state == "succeeded"
    assert entries_of(any_world, order, "refund_paid") == 1
    assert len(of(order, any_world.told(RefundSucceeded))) == 1
    figures = any_world.figures()["intents"][order]
    assert (figures["captured"], figures["refunded"]) == (FEE, FEE)


@pytest.mark.parametrize("callback", [True, False], ids=["heard", "lost"])
def test_closing_against_paying(any_world: World, callback: bool) -> None:
    for _ in range(10):
        order = any_world.request()
        payment = any_world.pay_by(order, "wechat")

        def close(order: str = order) -> None:
            any_world.close(order)
            any_world.run_jobs()

        _, stands = at_once([close, lambda payment=payment: any_world.press(payment, callback=callback)])  # type: ignore[misc]
        any_world.settle()
        told = [type(m) for m in of(order, any_world.told()) if type(m) in (PaymentClosed, PaymentSucceeded)]
        paid = isinstance(stands, Paid)
        assert set(told) == {PaymentSucceeded if paid else PaymentClosed}
        assert any_world.intent(order).state == ("paid" if paid else "closed")
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


def test_one_receipt_number_for_two_orders(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two tills at once: each has looked before the other has booked. One books, and the other hands the money back."""
    world = World(postgres_url)
    looked, is_known = threading.Barrier(2), store.is_known

    def look(*about: Any) -> bool:
        known = is_known(*about)
        looked.wait(10)
        return known

    monkeypatch.setattr(store, "is_known", look)
    tills = [at_the_counter(world) for _ in range(2)]

    def receipt(payment: Any) -> Any:
        answer = world.post(f"/payments/{payment['id']}/receipt", {"receipt_number": "R-1"}, headers=CASHIER)
        return answer.status_code, answer.get_json(force=True).get("code")

    said = at_once([lambda payment=payment: receipt(payment) for _, payment in tills])  # type: ignore[misc]
    assert sorted(said, key=str) == [(200, None), (409, "receipt_used")]
    states = {world.intent(order).state: status for (order, _), (status, _) in zip(tills, said, strict=True)}
    assert states == {"paid": 200, "open": 409}
    assert world.balances() == {"clearing:window": FEE, "order_payable": -FEE}
    world.database.close()


def test_one_key_one_attempt(any_world: World) -> None:
    order = any_world.request()

    def start() -> str:
        headers = PATIENT | {"Idempotency-Key": "same"}
        response = any_world.post(f"/orders/{order}/payments", {"method": "wechat"}, headers=headers)
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


def test_fifty_moves_of_the_same_money(any_world: World) -> None:
    old = paid_by(any_world, "wechat")
    assert all(at_once([command(any_world, any_world.move_message("ord_new", old, 3000))] * 50))
    assert set(any_world.told()) == {PaymentMoved("ord_new", old, ACCOUNT, 3000, 2000)}
    assert len(any_world.told()) == 50
    assert [t.amount for t in any_world.tenders("ord_new")] == [3000]
    assert [r.amount for r in any_world.refunds(old)] == [2000]
    assert entries_of(any_world, old, "moved_out") == entries_of(any_world, "ord_new", "moved_in") == 1
    any_world.settle()
    at_once([command(any_world, RefundPayment("ord_new", "cancelled"))] * 50)
    any_world.settle()
    assert any_world.wechat.books() == (FEE, FEE)
    any_world.check_rest()


def test_one_order_is_given_to_many_and_one_has_it(any_world: World) -> None:
    old = paid_by(any_world, "wechat")
    takers = [f"ord_{n}" for n in range(25)]
    done = at_once([command(any_world, any_world.move_message(taker, old, 3000)) for taker in takers * 2])
    assert sum(done) == 2  # the one that was first, and its repetition
    (taker,) = {m.order_id for m in any_world.told(PaymentMoved)}
    assert any_world.figures()["intents"].keys() == {old, taker}
    any_world.settle()
    any_world.check_rest()


def test_many_give_to_one_order(any_world: World) -> None:
    """Its intent is made by one of them; the others find it."""
    givers = [paid_by(any_world, "wechat") for _ in range(8)]

    def until_done(handle: Callable[[], bool]) -> None:
        for _ in range(20):
            try:
                assert handle()
            except Transient:  # somebody else was making the intent: the processor offers the message again
                continue
            return
        raise AssertionError("never done")

    moves = [command(any_world, any_world.move_message("ord_new", giver, FEE)) for giver in givers]
    at_once([lambda move=move: until_done(move) for move in moves])  # type: ignore[misc]
    assert any_world.intent("ord_new").amount == 8 * FEE == any_world.figures()["intents"]["ord_new"]["moved_in"]
    at_once([command(any_world, RefundPayment("ord_new", "cancelled"))] * 10)
    any_world.settle()
    assert [m.amount for m in any_world.told(RefundSucceeded)] == [8 * FEE]
    any_world.check_rest()


@pytest.mark.parametrize("turn", range(5))
def test_moving_against_refunding_and_late_money(any_world: World, turn: int) -> None:
    """Whoever is first: the money has moved or it goes back, and no fen does both."""
    del turn
    old = any_world.request()
    first, second = any_world.pay_by(old, key="1"), any_world.pay_by(old, key="2")
    any_world.apply(any_world.paid(first))
    late = any_world.paid(second)
    move = command(any_world, any_world.move_message("ord_new", old, 3000))
    refund_old, refund_new = (command(any_world, RefundPayment(o, "cancelled")) for o in (old, "ord_new"))
    at_once([move, refund_old, refund_new, lambda: any_world.apply(late)] * 8)
    any_world.scripted.say["refund"] = Refunded(START)
    any_world.settle()
    any_world.check_rest()
    figures = any_world.figures()["intents"]
    assert figures[old]["captured"] == 2 * FEE
    assert sum(f["refunded"] for f in figures.values()) in (2 * FEE, 2 * FEE - 3000)


def test_moves_along_a_chain_in_both_directions_at_once(any_world: World) -> None:
    """Each locks two intents that another locks, too: nobody waits for ever, and the money is in one place."""
    orders = ["ord_a", "ord_b", "ord_c", "ord_d"]
    giver = paid_by(any_world, "wechat")
    any_world.move(orders[0], giver, FEE)
    pairs = [(a, b) for a in orders for b in orders if a != b]
    at_once([command(any_world, any_world.move_message(a, b, FEE)) for a, b in pairs * 3])
    kept = {
        order: f["captured"] + f["moved_in"] - f["moved_out"] for order, f in any_world.figures()["intents"].items()
    }
    assert sorted(fen for fen in kept.values() if fen) == [FEE]
    any_world.check_rest()
