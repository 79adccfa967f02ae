"""Who is offered, and who is only spoken with still: what was begun by a method that a setting has taken away is brought to its end."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from common.testing import assert_problem
from payment_svc.app import Settings, build
from payment_svc.providers import Heard, Paid, Refunded
from payment_svc.settings import VENDORS
from payment_world import FEE, PATIENT, START, World, paid_by

OURS = Path(__file__).parents[1] / "payment_svc" / "providers" / "development" / "alipay_merchant.pem"


def spoken_with(folder: Path, **settings: Any) -> tuple[set[str], set[str]]:
    """By a service of these settings: whom it speaks with, and whom it offers."""
    made = build(Settings(database_url=f"sqlite:///{folder}/payment.db", **settings))
    made.store.close()
    return set(made.parts.providers), set(made.parts.offered)


ALIPAY = {"alipay_private_key": OURS.read_text(), "alipay_url": VENDORS["ALIPAY_URL"][0]}


@pytest.mark.parametrize(
    ("settings", "speaks"),
    [
        ({"app_env": "test"}, {"alipay", "wechat", "window"}),
        ({"app_env": "test", "wechat_private_key": "none"}, {"alipay", "window"}),
        ({"app_env": "production"}, {"window"}),  # the sandbox's keys are nobody's there
        ({"app_env": "production", **ALIPAY}, {"alipay", "window"}),
        ({"app_env": "production", **ALIPAY, "alipay_url": "http://127.0.0.1:8090/gateway.do"}, {"window"}),
    ],
)
def test_who_has_keys_is_spoken_with(tmp_path: Path, settings: dict[str, str], speaks: set[str]) -> None:
    assert spoken_with(tmp_path, payment_methods="window", **settings) == (speaks, {"window"})


def test_what_was_begun_is_brought_to_its_end(world: World) -> None:
    back = paid_by(world)
    by_query, by_callback, closed = (world.request() for _ in range(3))
    payments = {order: world.pay_by(order) for order in (by_query, by_callback, closed)}
    numbers = {order: world.attempt(payment["id"]).number for order, payment in payments.items()}
    world.service.parts = replace(world.service.parts, methods=["wechat", "window"])
    refused = world.post(f"/orders/{world.request()}/payments", {"method": "alipay"}, headers=PATIENT)
    assert_problem(refused, 422, "method_not_available", "method")
    said = Heard("n1", "payment", numbers[by_callback], Paid("t1", FEE, START))
    assert world.call_back(said).status_code == 200
    world.close(closed)
    world.ask_refund(back)
    world.scripted.say |= {"query": Paid("t2", FEE, START), "refund": Refunded(START)}
    world.clock.advance(timedelta(seconds=5))
    world.settle()
    assert [world.intent(order).state for order in (by_query, by_callback, closed)] == ["paid", "paid", "closed"]
    assert world.refunds(back)[0].state == "succeeded"
    world.check_rest()
