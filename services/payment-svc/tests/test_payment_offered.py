"""Who is offered, and who is only spoken with still: what was begun by a method that a setting has taken away is brought to its end."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from common.testing import assert_problem
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from payment_svc.app import Settings, build
from payment_svc.providers import Heard, Paid, Refunded
from payment_svc.settings import VENDORS
from payment_world import FEE, PATIENT, START, World, paid_by


def spoken_with(folder: Path, **settings: Any) -> tuple[set[str], set[str]]:
    """By a service of these settings: whom it speaks with, and whom it offers."""
    made = build(Settings(database_url=f"sqlite:///{folder}/payment.db", **settings))
    made.store.close()
    return set(made.parts.providers), set(made.parts.offered)


def key(*, public: bool = False) -> str:
    """One that nobody has published."""
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    if public:
        return made.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    return made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


ALIPAY = {
    "app_env": "production",
    "public_url": "https://hospital.example",
    "alipay_url": VENDORS["ALIPAY_URL"][0],
    "alipay_app_id": "2021000000000001",
    "alipay_seller_id": "2088000000000001",
    "alipay_private_key": key(),
    "alipay_public_key": key(public=True),
}


@pytest.mark.parametrize(
    ("settings", "speaks"),
    [
        ({"app_env": "test"}, {"alipay", "wechat", "window"}),
        ({"app_env": "test", "wechat_private_key": "none"}, {"alipay", "window"}),
        ({"app_env": "production"}, {"window"}),
        (ALIPAY, {"alipay", "window"}),
        # who has the sandbox's keys, which are published, could tell us that money came
        (ALIPAY | {"alipay_public_key": "development"}, {"window"}),
        (ALIPAY | {"alipay_url": "http://127.0.0.1:8090/gateway.do"}, {"window"}),
    ],
)
def test_who_has_keys_is_spoken_with(tmp_path: Path, settings: dict[str, str], speaks: set[str]) -> None:
    assert spoken_with(tmp_path, payment_methods="window", **settings) == (speaks, {"window"})


def test_anybody_learns_who_is_offered(world: World) -> None:
    def listed() -> list[dict[str, Any]]:
        answer = world.get("/payments/methods", headers={})
        assert answer.status_code == 200, answer.get_json()
        return list(answer.get_json()["items"])

    alipay, wechat, window = listed()
    assert alipay == {"method": "alipay", "channels": ["qr", "page", "wap"]}
    assert wechat == {"method": "wechat", "channels": ["native", "jsapi", "h5"]}
    assert window == {"method": "window", "channels": []}
    world.service.parts = replace(world.service.parts, methods=["wechat", "window"])
    assert listed() == [wechat, window]  # spoken with is not offered
    for one in listed():
        body = {"method": one["method"]} | ({"channel": one["channels"][0]} if one["channels"] else {})
        assert world.post(f"/orders/{world.request()}/payments", body, headers=PATIENT).status_code == 201


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
