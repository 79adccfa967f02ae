"""payment-svc beside the payment sandbox, over HTTP both ways: what comes early, twice, at once, too late, or after a crash."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from common.messages import PaymentClosed, PaymentSucceeded, RefundSucceeded
from merchant import Merchant, until
from payment_world import FEE
from test_payment_concurrency import at_once, entries_of

BOTH = pytest.mark.parametrize("method", ["alipay", "wechat"])


@pytest.fixture
def merchant(any_url: str, tmp_path: Path) -> Iterator[Merchant]:
    made = Merchant(any_url)
    made.open(tmp_path)
    yield made
    made.shut()


def paid(merchant: Merchant, order: str) -> bool:
    return merchant.intent(order).state == "paid"


@BOTH
def test_the_callback_comes_before_the_answer_to_the_create(merchant: Merchant, method: str) -> None:
    merchant.control("options", {"callback_before_answer": True})
    order = merchant.request()
    payment = merchant.start(order, method)
    assert (payment["state"], payment["parts"][0]["amount"]["amount"]) == ("succeeded", FEE)
    assert paid(merchant, order)
    assert merchant.calls(method) == ["create"]
    merchant.settle()
    assert [type(m) for m in merchant.told()] == [PaymentSucceeded]
    merchant.check_both()


@BOTH
def test_twenty_of_one_callback_at_once(merchant: Merchant, method: str) -> None:
    order = merchant.request()
    payment = merchant.start(order, method)
    merchant.door.shut = True
    merchant.buy(payment)
    until(lambda: merchant.door.kept, "it was called back")
    headers, body = merchant.door.kept[0]
    merchant.door.shut = False
    path = f"/payments/notify/{method}"
    answers = at_once([lambda: merchant.call(path, body, headers)] * 20)
    accepted = merchant.service.parts.gateways[method].accepted
    # whoever could not wait for the first is told to repeat it, and that is accepted
    assert (accepted[0], accepted[1]) in answers
    assert merchant.call(path, body, headers) == (accepted[0], accepted[1])
    assert entries_of(merchant, order, "capture") == 1
    assert [type(m) for m in merchant.told()] == [PaymentSucceeded]
    merchant.settle()
    merchant.check_both()


@BOTH
def test_the_callback_and_the_query_at_once(merchant: Merchant, method: str) -> None:
    merchant.control("options", {"hold_callbacks": True})
    orders = [merchant.request() for _ in range(5)]
    for order in orders:
        merchant.buy(merchant.start(order, method))
    merchant.clock.set(max(merchant.waiting().values()))
    due = merchant.due()
    assert len(due) == len(orders)

    def ask(timer: Any) -> None:
        merchant.service.jobs[timer.kind](merchant.service, timer)

    asking = [lambda timer=timer: ask(timer) for timer in due]
    at_once([lambda: merchant.control("callbacks/release", {"order": "shuffled", "seed": 7}), *asking])
    until(lambda: all(paid(merchant, order) for order in orders), "all are paid")
    until(lambda: not any(n["state"] == "waiting" for n in merchant.control("callbacks")["callbacks"]), "all are heard")
    merchant.settle()
    assert sorted(m.order_id for m in merchant.told()) == sorted(orders)
    assert {entries_of(merchant, order, "capture") for order in orders} == {1}
    merchant.check_both()


@pytest.mark.parametrize("first", ["alipay", "wechat"])
@pytest.mark.parametrize("heard", [True, False], ids=["heard", "found"])
def test_paid_by_both(merchant: Merchant, first: str, heard: bool) -> None:
    """The first that is known counts, and the other's money goes back where it came from."""
    second = "wechat" if first == "alipay" else "alipay"
    order = merchant.request()
    payments = {method: merchant.start(order, method) for method in (first, second)}
    merchant.control("options", {"hold_callbacks": not heard})
    merchant.buy(payments[first])
    if heard:
        until(lambda: paid(merchant, order), "the first is known")
    merchant.buy(payments[second])
    if heard:
        until(lambda: merchant.refunds(order), "the second is known")
    merchant.settle()
    (refund,) = merchant.refunds(order)
    assert (refund.purpose, refund.state, refund.amount) == ("surplus", "succeeded", FEE)
    counted = merchant.attempt(merchant.intent(order).payment_id or "").method
    assert {counted, refund.provider} == {first, second}
    assert counted == first or not heard
    assert (merchant.books(counted), merchant.books(refund.provider)) == ((FEE, 0), (FEE, FEE))
    assert [type(m) for m in merchant.told()] == [PaymentSucceeded, RefundSucceeded]
    merchant.check_both()


@BOTH
@pytest.mark.parametrize("heard", ["before the close", "never"])
def test_cancelled_and_paid_before_the_close_arrives(merchant: Merchant, method: str, heard: str) -> None:
    """The order has been given up; its close cannot get through, and meanwhile its payer pays. All of it goes back to her."""
    order = merchant.request()
    payment = merchant.start(order, method)
    merchant.close(order)
    merchant.control("faults", {"faults": [{"provider": method, "call": "close", "fault": "drop-before", "times": 2}]})
    merchant.run_jobs()
    assert merchant.intent(order).state == "closing"
    merchant.control("options", {"hold_callbacks": heard == "never"})
    merchant.buy(payment)
    if heard != "never":
        until(lambda: paid(merchant, order), "it was called back")
    merchant.settle()
    assert [type(m) for m in merchant.take_told()] == [PaymentSucceeded]
    assert merchant.books(method) == (FEE, 0)
    merchant.ask_refund(order)  # as booking-svc does, which has given the number away
    merchant.settle()
    assert [(type(m), m.amount) for m in merchant.told()] == [(RefundSucceeded, FEE)]
    assert merchant.books(method) == (FEE, FEE)
    merchant.check_both()


# --- the process dies after the provider has done it, and before that is written down ------------------------------------


class Killed(BaseException):
    """As if the plug was pulled."""


def dying_after(call: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def die(about: Any) -> Any:
        call(about)
        raise Killed

    return die


@BOTH
@pytest.mark.parametrize("call", ["create", "query", "close", "refund"])
def test_killed_after_the_provider_has_done_it(
    merchant: Merchant, method: str, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked again under the same number, and nothing is done twice."""
    merchant.control("options", {"hold_callbacks": True})
    adapter = merchant.service.parts.providers[method]
    order = merchant.request()
    if call == "create":
        monkeypatch.setattr(merchant.service.parts.requests, "most", 0)  # the job creates it, and dies of it
    payment = merchant.start(order, method)
    if call in {"query", "refund"}:
        merchant.buy(payment)
    if call == "refund":
        merchant.settle()
        merchant.ask_refund(order)
    if call == "close":
        merchant.close(order)
    with monkeypatch.context() as plug:
        plug.setattr(adapter, call, dying_after(getattr(adapter, call)))
        with pytest.raises(Killed):
            merchant.settle()
    before = merchant.calls(method)
    assert call in before
    if call == "create":
        merchant.clock.set(min(merchant.waiting().values()))
        merchant.run_jobs()
        merchant.buy(payment)
    merchant.settle()
    told = {"close": [PaymentClosed], "refund": [PaymentSucceeded, RefundSucceeded]}.get(call, [PaymentSucceeded])
    assert [type(m) for m in merchant.told()] == told
    assert merchant.books(method) == (0 if call == "close" else FEE, FEE if call == "refund" else 0)
    assert len(merchant.refunds(order)) == (1 if call == "refund" else 0)
    merchant.check_both()
