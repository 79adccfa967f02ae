"""Medical insurance pays a part of an order, the patient the rest: two captures of different providers settle one intent.

No adapter does that yet. What one would write, by the store, is taken by the tables, and all that follows works with it.
"""

from dataclasses import replace

import pytest
from common import ids
from common.messages import RefundSucceeded
from payment_svc.domain import Attempt, Fact, Tender, clearing
from payment_svc.providers import Refunded
from payment_svc.store import intents as store
from payment_svc.store import ledger, tenders
from payment_world import ACCOUNT, CASHIER, FEE, PATIENT, START, World
from sqlalchemy.exc import IntegrityError

INSURED, OWN = 3500, FEE - 3500


def settle_in_two(world: World) -> str:
    """An order whose fee the insurance (by WeChat) and the patient (by Alipay) have paid; answers its id."""
    order = world.request()
    with world.database.transaction() as tx:
        intent = store.lock_intent(tx, order)
        assert intent is not None
        captures = []
        for method, amount in (("wechat", INSURED), ("alipay", OWN)):
            number = f"SPLIT{method.upper()}"
            payment = Attempt(ids.mint("pay", ACCOUNT), order, method, number, amount, "pending", {}, tx.now, tx.now)
            store.add_attempt(tx, payment)
            store.set_attempt(tx, payment.id, "succeeded", paid_at=START)
            about = (method, "payment", number)
            fact = Fact(*about, "succeeded", "callback", START, amount=amount, transaction_id=f"txn-{number}")  # type: ignore[arg-type]
            fact_id = store.add_fact(tx, fact, intent)
            assert fact_id is not None
            ledger.post(tx, "capture", fact_id, intent, debit=clearing(method), credit="order_payable", amount=amount)
            tender = Tender(ids.mint("tnd"), order, fact_id, payment.id, method, amount, None, tx.now)
            tenders.add_tender(tx, tender)
            captures.append((payment.id, fact_id))
        store.set_intent(tx, order, state="paid", payment_id=captures[0][0], capture_id=captures[0][1])
    return order


def test_the_tables_take_it(any_world: World) -> None:
    order = settle_in_two(any_world)
    assert sum(t.amount for t in any_world.tenders(order) if t.settles) == FEE == any_world.intent(order).amount
    assert any_world.balances() == {"clearing:alipay": OWN, "clearing:wechat": INSURED, "order_payable": -FEE}
    shown = any_world.get(f"/payments?order_id={order}", headers=PATIENT).get_json()["items"]
    assert {p["method"]: p["amount"]["amount"] for p in shown} == {"wechat": INSURED, "alipay": OWN}
    any_world.check_rest()
    whole, *_ = any_world.tenders(order)
    with pytest.raises(IntegrityError), any_world.database.transaction() as tx:
        tenders.add_tender(tx, replace(whole, id="tnd_more"))


def test_each_part_goes_back_to_its_own_source_and_the_whole_is_told(world: World) -> None:
    order = settle_in_two(world)
    world.wechat.say["refund"] = world.scripted.say["refund"] = Refunded(START)
    world.ask_refund(order)
    world.settle()
    asked = {
        name: [about for call, about in provider.asked if call == "refund"]
        for name, provider in (("wechat", world.wechat), ("alipay", world.scripted))
    }
    assert {name: [(a.amount, a.total, a.trade_number) for a in of] for name, of in asked.items()} == {
        "wechat": [(INSURED, INSURED, "SPLITWECHAT")],
        "alipay": [(OWN, OWN, "SPLITALIPAY")],
    }
    (told,) = world.told()
    assert (type(told), told.order_id, told.amount) == (RefundSucceeded, order, FEE)
    assert world.balances() == {}
    world.check_rest()


def test_its_money_moves_to_another_order_like_any_other(world: World) -> None:
    order = settle_in_two(world)
    world.wechat.say["refund"] = world.scripted.say["refund"] = Refunded(START)
    new = world.move("ord_new", order, 4000)
    world.settle()
    assert sorted(t.amount for t in world.tenders(new)) in ([500, 3500], [1500, 2500])
    assert sum(r.amount for r in world.refunds(order)) == 1000
    assert world.get(f"/refunds?order_id={order}", headers=CASHIER).status_code == 200
    world.ask_refund(new)
    world.settle()
    assert world.balances() == {}
    world.check_rest()
