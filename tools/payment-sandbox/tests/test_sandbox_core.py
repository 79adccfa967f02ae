"""Calls, payments and refunds, as every vendor's are."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from payment_sandbox.core import NotPossible, transaction_id
from sandbox_rig import a_trade, eventually


def test_what_a_call_does_is_kept_and_noted(caller, sandbox):
    answer = caller.create("n1", amount=5)
    assert (answer.status_code, answer.json()) == (200, {"number": "n1"})
    assert sandbox.books.trade("wechat", "n1").amount == 5
    (call,) = caller.ctl("GET", "/calls")["calls"]
    assert (call["provider"], call["call"], call["number"], call["status"], call["fault"]) == (
        *("wechat", "create", "n1", 200),
        "",
    )


def test_a_call_that_breaks_has_done_nothing(caller, sandbox):
    sandbox.options.balance = 1000
    caller.create("n1")
    assert caller.call("refund", "r1", amount=300, **{"break": True}).status_code == 500
    assert sandbox.books.refund("wechat", "r1") is None
    assert sandbox.options.balance == 1000


def test_what_the_merchant_has_left_is_kept(caller, sandbox):
    caller.ctl("POST", "/options", {"balance": 1000})
    caller.create("n1")
    caller.call("refund", "r1", amount=300)
    assert sandbox.books.note("options")["balance"] == 700


@pytest.mark.parametrize("provider", ["wechat", "alipay"])
def test_paying(sandbox, provider):
    trade = a_trade(sandbox.now(), provider=provider, notify_url="http://127.0.0.1:9/")
    sandbox.books.add_trade(trade)
    paid = sandbox.pay(trade)
    assert (paid.state, paid.scanned) == ("paid", True)
    assert paid.payer
    assert paid.paid_at is not None
    assert len(paid.transaction_id) == 28
    assert sandbox.books.trade(provider, "n1") == paid == sandbox.books.trade_of(provider, paid.transaction_id)
    assert sandbox.pay(trade) == paid  # once
    assert [notice["number"] for notice in sandbox.callbacks.shown()] == ["n1"]


def test_who_pays_and_under_which_number(sandbox):
    for number, more in {"a": {}, "b": {"payer": "asked"}, "c": {"transaction_id": "given"}}.items():
        sandbox.books.add_trade(a_trade(sandbox.now(), number=number, **more))
    paid = {number: sandbox.pay(sandbox.books.trade("wechat", number)) for number in "abc"}
    assert paid["b"].payer == "asked"
    assert paid["c"].transaction_id == "given"  # Alipay's trades have one before they are paid
    assert sandbox.pay(paid["a"], "late").payer == paid["a"].payer
    sandbox.books.add_trade(a_trade(sandbox.now(), number="d", payer="asked"))
    assert sandbox.pay(sandbox.books.trade("wechat", "d"), "other").payer == "other"


def test_numbers_look_like_the_vendors(sandbox):
    now = sandbox.now()
    assert transaction_id("wechat", now).startswith("42000")
    assert transaction_id("alipay", now).startswith(f"{now:%Y%m%d}")
    assert len({transaction_id("wechat", now) for _ in range(100)}) == 100


def test_what_is_closed_or_over_cannot_be_paid(sandbox):
    closed = a_trade(sandbox.now(), state="closed")
    over = a_trade(sandbox.now() - timedelta(hours=1), number="n2")
    for trade in (closed, over):
        sandbox.books.add_trade(trade)
        assert sandbox.pay(trade) == trade
        assert sandbox.scan(trade) == trade
    soon = a_trade(sandbox.now(), number="n3")
    sandbox.books.add_trade(soon)
    sandbox.set_clock(advance=30 * 60)
    assert sandbox.pay(soon).state == "unpaid"


def test_only_one_of_many_payers_pays(sandbox):
    trade = a_trade(sandbox.now(), notify_url="http://127.0.0.1:9/")
    sandbox.books.add_trade(trade)
    paid = []
    threads = [threading.Thread(target=lambda n=n: paid.append(sandbox.pay(trade, f"p{n}"))) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({one.transaction_id for one in paid}) == 1
    assert len(sandbox.callbacks.shown()) == 1


def test_a_refund_comes_to_its_end_with_the_call(caller, sandbox, merchant):
    caller.create("n1")
    caller.call("refund", "r1", notify_url=merchant.url)
    assert sandbox.books.refund("wechat", "r1").state == "success"
    assert merchant.wait_for(1)[0]["event"] == "refund"


@pytest.mark.parametrize("outcome", ["closed", "abnormal"])
def test_a_refund_ends_as_the_options_say(caller, sandbox, outcome):
    caller.ctl("POST", "/options", {"refund_outcome": outcome})
    caller.create("n1")
    caller.call("refund", "r1")
    refund = sandbox.books.refund("wechat", "r1")
    assert refund.state == outcome
    assert refund.done_at is not None


def test_a_refund_that_takes_its_time(caller, sandbox, merchant):
    caller.ctl("POST", "/options", {"refund_minutes": 60})
    caller.create("n1")
    caller.call("refund", "r1", notify_url=merchant.url)
    assert sandbox.books.refund("wechat", "r1").state == "processing"
    caller.ctl("POST", "/clock", {"advance": 3601})
    merchant.wait_for(1)  # nobody asked: it comes by itself
    assert sandbox.books.refund("wechat", "r1").state == "success"


def test_a_refund_ends_when_its_time_has_come(caller, sandbox, merchant):
    """Though nothing happens then that would remind anybody."""
    caller.ctl("POST", "/options", {"refund_minutes": 60})
    caller.ctl("POST", "/clock", {"speed": 0})
    caller.create("n1")
    caller.call("refund", "r1", notify_url=merchant.url)
    assert sandbox.books.refund("wechat", "r1").state == "processing"
    caller.ctl("POST", "/clock", {"speed": 6000})
    merchant.wait_for(1)


def test_a_refund_waits_to_be_told(caller, sandbox):
    caller.ctl("POST", "/options", {"refund_outcome": "processing"})
    caller.create("n1")
    caller.call("refund", "r1")
    caller.ctl("POST", "/clock", {"advance": 1e6})
    sandbox.finish_refunds()
    refund = sandbox.books.refund("wechat", "r1")
    assert refund.state == "processing"
    assert sandbox.end_refund(refund, "abnormal").state == "abnormal"
    with pytest.raises(NotPossible):
        sandbox.end_refund(refund, "abnormal")
    assert sandbox.end_refund(refund, "success").state == "success"
    with pytest.raises(NotPossible):
        sandbox.end_refund(refund, "closed")


def test_a_payer_may_be_quicker_than_the_answer(caller, sandbox, merchant):
    """Her callback has been accepted when the create call is answered."""
    caller.ctl("POST", "/options", {"callback_before_answer": True})
    caller.create("n1", notify_url=merchant.url)
    assert [told["event"] for told in merchant.heard] == ["paid"]
    assert sandbox.books.trade("wechat", "n1").state == "paid"
    assert eventually(lambda: sandbox.callbacks.shown()[0]["state"] == "told")
    sandbox.callbacks.deliver_first(sandbox.callbacks.last("wechat", "n1"))  # whoever was quicker: it has been tried
    assert len(merchant.heard) == 1


def test_options_are_set_together_and_kept(caller, sandbox):
    caller.ctl("POST", "/options", {"more": {"a": 1}, "fee_rate": 0.01})
    caller.ctl("POST", "/options", {"more": {"b": 2}})
    kept = sandbox.books.note("options")
    assert kept["more"] == {"a": 1, "b": 2}
    assert kept["fee_rate"] == 0.01


def test_a_reset_forgets_everything(caller, sandbox, merchant):
    caller.ctl("POST", "/options", {"balance": 5, "more": {"a": 1}})
    caller.ctl("POST", "/clock", {"advance": 1e6, "speed": 2})
    caller.plan("500", times=3)
    caller.create("n1", vendor="alipay", notify_url=merchant.url)
    sandbox.pay(sandbox.books.trade("alipay", "n1"))
    merchant.wait_for(1)
    eventually(lambda: sandbox.callbacks.shown()[0]["state"] == "told")
    caller.ctl("POST", "/reset")
    assert caller.ctl("GET", "/options")["balance"] is None
    assert caller.ctl("GET", "/options")["more"] == {}
    assert caller.ctl("GET", "/faults") == {"faults": [], "random": None}
    assert caller.ctl("GET", "/clock")["speed"] == 1
    assert caller.ctl("GET", "/callbacks") == {"callbacks": []}
    assert caller.ctl("GET", "/books")["alipay"] == {"taken_in": 0, "given_back": 0, "trades": 0, "refunds": 0}
    assert caller.ctl("GET", "/calls") == {"calls": []}


def test_a_trade_that_is_gone_cannot_be_paid(sandbox):
    with pytest.raises(LookupError):
        sandbox.pay(replace(a_trade(sandbox.now()), number="other"))
