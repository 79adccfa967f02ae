"""How payers get to their provider: channels, what each must know of the payer, how long, and what is shown for how long."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from common.testing import assert_problem
from payment_svc.domain import LEAST_TIME
from payment_svc.providers import Failed, Paid, Shown, Unknown
from payment_world import FEE, PATIENT, START, WINDOW, World

QR = {"type": "qr", "text": "weixin://wxpay/1"}


def start(world: World, order: str, key: str = "", headers: dict[str, str] | None = None, **how: Any) -> Any:
    more = {"Idempotency-Key": key} if key else {}
    return world.post(
        f"/orders/{order}/payments", {"method": "alipay", **how}, headers=PATIENT | more | (headers or {})
    )


def asked(world: World, method: str = "alipay") -> Any:
    """The trade that the provider was last asked to create."""
    return next(about for call, about in reversed(world.service.parts.providers[method].asked) if call == "create")


WAYS: list[tuple[dict[str, Any], str, dict[str, str]]] = [
    ({"method": "alipay"}, "qr", {}),
    ({"method": "alipay", "channel": "qr"}, "qr", {}),
    ({"method": "alipay", "channel": "page"}, "page", {"return_url": "http://127.0.0.1:8000/"}),
    (
        {"method": "alipay", "channel": "wap", "return_path": "/orders/o_1?paid=1#top"},
        "wap",
        {"return_url": "http://127.0.0.1:8000/orders/o_1?paid=1#top"},
    ),
    ({"method": "wechat"}, "native", {}),
    ({"method": "wechat", "channel": "jsapi", "openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"}, "jsapi", {"openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"}),
    ({"method": "wechat", "channel": "h5"}, "h5", {"client_ip": "127.0.0.1"}),
]  # fmt: skip


@pytest.mark.parametrize(("how", "channel", "payer"), WAYS)
def test_the_provider_is_asked_for_what_was_asked_and_ever_the_same(
    world: World, how: dict[str, Any], channel: str, payer: dict[str, str]
) -> None:
    order = world.request()
    answer = start(world, order, **how)
    assert (answer.status_code, answer.get_json()["channel"]) == (201, channel)
    trade = asked(world, how["method"])
    assert (trade.channel, dict(trade.payer)) == (channel, payer)
    params = world.attempt(answer.get_json()["id"]).params
    assert (params["channel"], params["payer"]) == (channel, payer)


def test_the_gateway_says_where_the_payer_is(world: World) -> None:
    """A lost answer is asked for again with the address that was said first."""
    world.wechat.say["create"] = Unknown("timeout")
    order = world.request()
    start(world, order, method="wechat", channel="h5", headers={"X-Real-IP": "203.0.113.9"})
    again = start(world, order, method="wechat", channel="h5", headers={"X-Real-IP": "198.51.100.7"})
    assert again.status_code == 201
    assert [dict(trade.payer) for _, trade in world.wechat.asked] == [{"client_ip": "203.0.113.9"}] * 2


MISFITS: list[tuple[dict[str, Any], str]] = [
    ({"method": "window", "channel": "qr"}, "channel"),
    ({"method": "alipay", "channel": "native"}, "channel"),
    ({"method": "wechat", "channel": "page"}, "channel"),
    ({"method": "wechat", "channel": "jsapi"}, "openid"),
    ({"method": "wechat", "openid": "o1"}, "openid"),
    ({"method": "alipay", "openid": "o1"}, "openid"),
    ({"method": "wechat", "channel": "jsapi", "openid": "o 1"}, "openid"),
    ({"method": "wechat", "channel": "jsapi", "openid": "o" * 129}, "openid"),
    ({"method": "alipay", "return_path": "/x"}, "return_path"),
    ({"method": "wechat", "channel": "h5", "return_path": "/x"}, "return_path"),
    ({"method": "window", "return_path": "/x"}, "return_path"),
]
ELSEWHERE = (
    "//evil.example",
    "/\\evil.example",
    "/a//b",
    "https://evil.example",
    "x",
    "",
    "/a b",
    "/a\n",
    "/ä",
    "/" * 300,
)


@pytest.mark.parametrize(
    ("how", "field"),
    [*MISFITS, *(({"method": "alipay", "channel": "page", "return_path": path}, "return_path") for path in ELSEWHERE)],
)
def test_what_does_not_go_together_is_named(world: World, how: dict[str, Any], field: str) -> None:
    order = world.request()
    assert_problem(start(world, order, **how), 422, field=field)
    assert world.get(f"/payments?order_id={order}", headers=PATIENT).get_json()["items"] == []


def test_another_way_is_another_payment(world: World) -> None:
    order = world.request()
    jsapi = {"method": "wechat", "channel": "jsapi"}
    ways: list[dict[str, Any]] = [
        {"channel": "qr"},
        {"channel": "page"},
        {"channel": "page", "return_path": "/a"},
        jsapi | {"openid": "o1"},
        jsapi | {"openid": "o2"},
    ]
    ids = [start(world, order, **how).get_json()["id"] for how in ways]
    assert len(set(ids)) == len(ways)
    assert [start(world, order, **how).get_json()["id"] for how in ways] == ids


# --- how long --------------------------------------------------------------------------------------------------------


def test_who_comes_late_gets_what_the_provider_needs_and_the_counter_gets_no_more(world: World) -> None:
    order = world.request()
    until = START + WINDOW
    assert asked_until(world, order, "1") == until
    world.clock.set(until - LEAST_TIME)
    assert asked_until(world, order, "2") == until
    world.clock.set(until - timedelta(seconds=1))
    assert asked_until(world, order, "3") == world.clock() + LEAST_TIME
    counter = start(world, order, method="window").get_json()
    assert datetime.fromisoformat(world.attempt(counter["id"]).params["expires_at"]) == until
    world.clock.set(until)
    assert_problem(start(world, order, "4"), 409, "payment_window_over")


def asked_until(world: World, order: str, key: str) -> datetime:
    assert start(world, order, key).status_code == 201
    when: datetime = asked(world).expires_at
    return when


# --- what is shown ---------------------------------------------------------------------------------------------------


def shown_for(world: World, minutes: int) -> tuple[str, dict[str, Any]]:
    """An order, and its payment whose QR code is good for so long."""
    world.scripted.say["create"] = [Shown(QR, timedelta(minutes=minutes)), Shown({"type": "qr", "text": "anew"})]
    order = world.request()
    return order, start(world, order).get_json()


@pytest.mark.parametrize("key", ["", "k1"])
def test_what_has_gone_stale_is_made_anew_with_the_same_parameters(world: World, key: str) -> None:
    world.scripted.say["create"] = [Shown(QR, timedelta(minutes=5)), Shown({"type": "qr", "text": "anew"})]
    order = world.request()
    payment = start(world, order, key).get_json()
    assert (payment["show"], payment["show_until"]) == (QR, "2026-11-22T16:05:00+08:00")
    world.clock.advance(timedelta(minutes=5, seconds=-1))
    assert start(world, order, key).get_json() == payment
    world.clock.advance(timedelta(seconds=1))
    again = start(world, order, key).get_json()
    assert (again["id"], again["show"], again["show_until"]) == (payment["id"], {"type": "qr", "text": "anew"}, None)
    first, second = (about for call, about in world.scripted.asked if call == "create")
    assert first == second
    assert world.get(f"/payments/{payment['id']}", headers=PATIENT).get_json() == again


def test_while_nobody_answers_the_stale_one_stays(world: World) -> None:
    order, payment = shown_for(world, 5)
    world.clock.advance(timedelta(minutes=5))
    world.scripted.say["create"] = Unknown("timeout")
    assert start(world, order).get_json() == payment
    world.apply(world.paid(payment))
    assert world.intent(order).state == "paid"


def test_a_refusal_to_show_it_again_is_no_proof_that_it_was_not_paid(world: World) -> None:
    """It is closed, which finds out; the next start makes another one."""
    order, payment = shown_for(world, 5)
    world.clock.advance(timedelta(minutes=5))
    world.scripted.say["create"] = Failed("ORDER_CLOSED")
    problem = assert_problem(start(world, order), 409, "payment_refused")
    assert problem["reason"] == "ORDER_CLOSED"
    assert world.attempt(payment["id"]).state == "closing"
    world.scripted.say["create"] = Shown(QR)
    assert start(world, order).get_json()["id"] != payment["id"]
    world.apply(world.paid(payment))
    assert world.told()[-1].payment_id == payment["id"]


def test_money_that_comes_while_it_is_shown_again_counts(world: World) -> None:
    order, payment = shown_for(world, 5)
    world.clock.advance(timedelta(minutes=5))

    def paid_meanwhile(_trade: Any) -> Failed:
        world.apply(world.paid(payment))
        return Failed("ORDERPAID")

    world.scripted.say["create"] = paid_meanwhile
    again = start(world, order).get_json()
    assert (again["id"], again["state"], again["parts"][0]["amount"]["amount"]) == (payment["id"], "succeeded", FEE)


def test_a_repetition_may_be_answered_that_it_is_paid(world: World) -> None:
    """The first answer was lost, or has gone stale; either way its payer got there."""
    for first in (Unknown("timeout"), Shown(QR, timedelta(minutes=5))):
        order = world.request()
        world.scripted.say["create"] = first
        payment = start(world, order).get_json()
        world.clock.advance(timedelta(minutes=5))
        world.scripted.say["create"] = Paid(f"txn-{order}", FEE, world.clock())
        again = start(world, order).get_json()
        assert (again["id"], again["state"]) == (payment["id"], "succeeded")
        assert world.intent(order).state == "paid"
        assert world.told()[-1].payment_id == payment["id"]
