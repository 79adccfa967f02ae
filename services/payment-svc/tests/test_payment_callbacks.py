"""Callbacks: believed, kept to the byte with their effect, answered only then; and what else comes at the wrong moment."""

import io
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from common.messages import MoneyAlarmRaised, PaymentClosed, PaymentSucceeded, RefundSucceeded
from common.testing import assert_problem
from payment_svc.providers import Closed, Heard, Paid, Processing, Refunded, Refused, Shown
from payment_svc.store.tables import callbacks, facts
from payment_svc.usecases import callbacks as usecase
from payment_world import FEE, START, World
from prometheus_client import REGISTRY
from sqlalchemy.exc import OperationalError

NOTIFY = "/api/v1/payments/notify/alipay"


def count(result: str, provider: str = "alipay") -> float:
    about = {"provider": provider, "result": result}
    return REGISTRY.get_sample_value("haoyuan_payment_callbacks_total", about) or 0.0


def kept(world: World) -> list[Any]:
    with world.database.reading() as conn:
        return list(conn.execute(sa.select(callbacks).order_by(callbacks.c.received_at)).all())


def facts_of(world: World) -> int:
    with world.database.reading() as conn:
        return int(conn.execute(sa.select(sa.func.count()).select_from(facts)).scalar_one())


def heard(world: World, payment: Any, outcome: Any = "paid", *, notify_id: str = "n-1") -> Heard:
    number = world.attempt(payment["id"]).number
    return Heard(notify_id, "payment", number, Paid(f"txn-{number}", FEE, START) if outcome == "paid" else outcome)


def test_what_was_called_back_is_kept_to_the_byte_and_applied(world: World) -> None:
    order = world.request()
    payment = world.pay_by(order)
    said = bytes(range(256))
    before = count("applied")
    answer = world.call_back(heard(world, payment), body=said)
    assert (answer.status_code, answer.data, answer.content_type) == (200, b"thanks", "text/plain")
    (row,) = kept(world)
    assert (row.body, row.kind, row.number, row.state) == (
        said,
        "payment",
        world.attempt(payment["id"]).number,
        "applied",
    )
    assert json.loads(row.headers)["Content-Type"] == "text/plain"
    assert world.told() == [PaymentSucceeded(order, "acc_patient", payment["id"], FEE, "alipay", START)]
    assert count("applied") - before == 1


def test_twenty_at_once_are_one(any_world: World) -> None:
    order = any_world.request()
    any_world.scripted.say["hear"] = heard(any_world, any_world.pay_by(order))
    before = count("applied")

    def call() -> int:
        return any_world.service.app.test_client().post(NOTIFY, data=b"said").status_code

    with ThreadPoolExecutor(20) as pool:
        assert set(pool.map(lambda _: call(), range(20))) == {200}
    assert len(kept(any_world)) == facts_of(any_world) == len(any_world.told(PaymentSucceeded)) == 1
    assert call() == 200
    assert count("applied") - before == 1
    any_world.check_books()


def test_the_same_success_under_other_ids_is_kept_and_changes_nothing(world: World) -> None:
    payment = world.pay_by(world.request())
    for n in range(3):
        world.call_back(heard(world, payment, notify_id=f"n-{n}"))
    assert len(kept(world)) == 3
    assert facts_of(world) == len(world.told(PaymentSucceeded)) == 1


@pytest.mark.parametrize(
    "reason", ["stale", "serial", "signature", "probe", "headers", "unreadable", "merchant", "other"]
)
def test_what_is_not_believed_leaves_nothing_behind(
    world: World, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    order = world.request()
    world.pay_by(order)
    world.scripted.asked.clear()
    before = count(reason)
    answer = world.call_back(Refused(reason), body=b"openid=oSecret")
    assert (answer.status_code, answer.data) == (400, reason.encode())
    assert (kept(world), facts_of(world), world.told(), world.intent(order).state) == ([], 0, [], "open")
    assert world.scripted.calls() == ["hear"]
    assert count(reason) - before == 1
    logged = "".join(capsys.readouterr())
    assert reason in logged
    assert "oSecret" not in logged


class Pieces(io.RawIOBase):
    """A body that comes in pieces, `left` bytes or for ever, and counts what was read of it."""

    def __init__(self, left: int = 10**9) -> None:
        self.taken, self.left = 0, left

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        size = min(len(buffer), 1000, self.left)
        self.taken, self.left = self.taken + size, self.left - size
        buffer[:size] = b"x" * size
        return size


def test_an_oversized_body_is_refused_unread(world: World) -> None:
    limit = world.service.settings.callback_body_limit
    world.scripted.say["hear"] = Heard("n", "payment", "N1", None)
    assert world.client.post(NOTIFY, data=b"x" * limit).status_code == 200
    world.scripted.asked.clear()
    before = count("oversized")
    claimed = Pieces()
    overrides = {"CONTENT_LENGTH": str(limit + 1), "wsgi.input": claimed}
    assert world.client.post(NOTIFY, environ_overrides=overrides).data == b"oversized"
    assert claimed.taken == 0
    endless = Pieces()
    chunked = {"wsgi.input_terminated": True, "CONTENT_LENGTH": ""}
    answer = world.client.post(NOTIFY, environ_overrides={**chunked, "wsgi.input": endless})
    assert (answer.status_code, answer.data) == (400, b"oversized")
    assert endless.taken == limit + 1
    assert world.scripted.calls() == []
    assert world.client.post(NOTIFY, environ_overrides={**chunked, "wsgi.input": Pieces(5000)}).status_code == 200
    assert world.scripted.asked[-1][1][1] == b"x" * 5000
    assert count("oversized") - before == 2


def test_nobody_else_calls_here(world: World) -> None:
    for provider in ("window", "stripe", "x" * 300):
        assert_problem(world.client.post(f"/api/v1/payments/notify/{provider}", data=b"x"), 404)
    world.service.parts.providers.pop("alipay")
    assert_problem(world.client.post(NOTIFY, data=b"x"), 404)
    assert_problem(world.client.get(NOTIFY), 405)


def test_a_bug_keeps_the_callback_and_its_repetition_applies_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    order = world.request()
    said = heard(world, world.pay_by(order))
    before = count("failed")
    with monkeypatch.context() as broken:
        broken.setattr(usecase, "apply_outcome", lambda *_: 1 // 0)
        for _ in range(2):
            assert world.call_back(said, body=b"first").data == b"failed"
    (row,) = kept(world)
    assert (row.state, row.body, "ZeroDivision" in row.error) == ("failed", b"first", True)
    assert (world.intent(order).state, facts_of(world)) == ("open", 0)
    assert [(m.kind, m.about) for m in world.told(MoneyAlarmRaised)] == [("callback_failed", [said.number])]
    assert count("failed") - before == 2
    assert world.call_back(said).data == b"thanks"
    assert [row.state for row in kept(world)] == ["applied"]
    assert world.intent(order).state == "paid"


@pytest.mark.parametrize("when", ["looking", "writing", "committing"])
def test_while_the_database_is_away_it_is_told_to_come_again(
    world: World, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """An answered callback is a committed one."""
    order = world.request()
    said = heard(world, world.pay_by(order))
    away = OperationalError("COMMIT", {}, Exception("server closed the connection"))

    def fails(*_: Any, **__: Any) -> None:
        raise away

    before = count("unavailable")
    with monkeypatch.context() as broken:
        if when == "looking":
            broken.setattr(world.database, "reading", fails)
        elif when == "writing":
            broken.setattr(usecase, "apply_outcome", fails)
        else:
            broken.setattr(sa.Connection, "commit", fails)
        assert world.call_back(said).data == b"unavailable"
    assert (kept(world), world.intent(order).state) == ([], "open")
    assert count("unavailable") - before == 1
    assert world.call_back(said).data == b"thanks"
    assert (len(kept(world)), world.intent(order).state) == (1, "paid")


def test_what_moves_no_money_is_kept_all_the_same(world: World) -> None:
    order = world.request()
    world.call_back(heard(world, world.pay_by(order), None))
    world.call_back(heard(world, world.pay_by(order), Processing(), notify_id="n-2"))
    assert [row.state for row in kept(world)] == ["applied"] * 2
    assert (world.intent(order).state, facts_of(world)) == ("open", 0)


def test_genuine_money_of_a_number_that_we_never_gave_out(world: World) -> None:
    world.call_back(Heard("n-1", "payment", "NOBODY1", Paid("t-1", 700, START)))
    world.call_back(Heard("n-2", "refund", "NOBODY2", Refunded(START, 300)))
    world.call_back(Heard("n-3", "refund", "NOBODY3", Refunded(START)))
    assert world.balances() == {"clearing:alipay": 400, "suspense": -400}
    assert [m.kind for m in world.told(MoneyAlarmRaised)] == ["unknown_number", *["unknown_refund_number"] * 2]
    assert len(kept(world)) == 3


# --- at the wrong moment -----------------------------------------------------------------------------------------------


def test_the_callback_is_there_before_the_answer_to_the_create(world: World) -> None:
    order = world.request()

    def paid_at_once(trade: Any) -> Shown:
        world.call_back(Heard("n-1", "payment", trade.number, Paid("t-1", FEE, START)))
        return Shown({"type": "qr", "text": "late"})

    world.scripted.say["create"] = paid_at_once
    assert world.pay_by(order)["state"] == "succeeded"
    assert world.intent(order).state == "paid"
    assert world.waiting() == {}


def test_the_refunds_callback_is_there_before_its_answer(world: World) -> None:
    order = world.request()
    world.pay(order)
    world.take_told()

    def back_at_once(asked: Any) -> Processing:
        world.call_back(Heard("n-1", "refund", asked.number, Refunded(START, FEE)))
        return Processing()

    world.scripted.say["refund"] = back_at_once
    world.ask_refund(order)
    world.settle()
    (refund,) = world.refunds(order)
    assert refund.state == "succeeded"
    assert [type(m) for m in world.told()] == [RefundSucceeded]
    assert world.scripted.calls().count("query_refund") == 0
    world.check_rest()


def test_money_that_is_called_back_after_the_close_goes_back(world: World) -> None:
    order = world.request()
    payment = world.pay_by(order)
    world.close(order)
    world.settle()
    assert world.take_told() == [PaymentClosed(order)]
    world.scripted.say["refund"] = Refunded(START)
    world.call_back(heard(world, payment))
    world.settle()
    assert [(type(m), m.purpose) for m in world.told()] == [(RefundSucceeded, "surplus")]
    assert (world.intent(order).state, world.balances()) == ("closed", {})
    world.check_rest()


def test_paid_with_both_providers(world: World) -> None:
    """The one that came first counts; the other money goes back to where it came from."""
    order = world.request()
    by_alipay, by_wechat = world.pay_by(order, "alipay"), world.pay_by(order, "wechat")
    world.press(by_wechat)
    world.scripted.say["close"] = lambda trade: Paid(f"txn-{trade.number}", FEE, START)
    world.call_back(heard(world, by_alipay))
    world.scripted.say["refund"] = Refunded(START, FEE)
    world.settle()
    (refund,) = world.refunds(order)
    assert (refund.payment_id, refund.provider, refund.purpose) == (by_alipay["id"], "alipay", "surplus")
    assert [m.payment_id for m in world.told(PaymentSucceeded)] == [by_wechat["id"]]
    assert world.balances() == {"clearing:wechat": FEE, "order_payable": -FEE}
    world.check_rest()


@pytest.mark.parametrize("lost", ["callback", "query"])
def test_a_crash_between_the_providers_success_and_our_commit(
    world: World, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    order = world.request()
    payment = world.pay_by(order, "wechat")

    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as crash:
        crash.setattr(world.database, "transaction", killed)
        with pytest.raises(KeyboardInterrupt):
            world.press(payment)
    if lost == "query":
        world.clock.advance(timedelta(seconds=5))
        world.run_jobs()
    else:
        assert world.press(payment)
    assert world.intent(order).state == "paid"
    assert len(world.told(PaymentSucceeded)) == 1
    world.settle()
    assert world.wechat.books() == (FEE, 0)
    world.check_rest()


def test_a_success_beats_a_close_that_was_called_back(world: World) -> None:
    order = world.request()
    payment = world.pay_by(order)
    world.call_back(heard(world, payment, Closed()))
    assert world.attempt(payment["id"]).state == "closed"
    world.call_back(heard(world, payment, notify_id="n-2"))
    assert world.intent(order).state == "paid"
