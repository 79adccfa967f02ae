"""The sandbox: a provider with books of its own, its page, and its planned faults."""

import re
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from common import ids
from common.errors import Transient
from common.messages import (
    PaymentClosed,
    PaymentFailed,
    PaymentSucceeded,
    RefundFailed,
    RefundSucceeded,
    RequestPayment,
)
from common.settings import BadSettings
from common.testing import assert_problem, deliver
from payment_svc.app import Settings, build
from payment_svc.providers import Failed, Processing, Refunded, RefundOrder
from payment_svc.providers.sandbox import Sandbox
from payment_svc.store import sandbox as books
from payment_svc.usecases import jobs
from payment_svc.usecases.outcomes import trade_of
from payment_world import ACCOUNT, CASHIER, DESCRIPTION, FEE, HOSPITAL, OPERATOR, PATIENT, START, WINDOW, World


def number_of(payment: dict[str, Any]) -> str:
    assert payment["show"]["type"] == "link"
    return str(payment["show"]["url"].removeprefix("/api/v1/sandbox/pay/"))


def started(world: World) -> tuple[str, str, str]:
    """An order, its sandbox payment, and the number of that."""
    order = world.request()
    payment = world.pay_by(order, "sandbox")
    return order, payment["id"], number_of(payment)


def taken_in(world: World) -> tuple[int, int]:
    with world.database.reading() as conn:
        return books.totals(conn)


def test_paying_on_the_page(world: World) -> None:
    order, payment_id, number = started(world)
    response = world.press(number)
    assert (response.status_code, response.headers["Location"]) == (303, f"/api/v1/sandbox/result/{number}")
    assert world.told() == [PaymentSucceeded(order, ACCOUNT, payment_id, FEE, "sandbox", world.clock())]
    page = world.client.get(response.headers["Location"]).get_data(as_text=True)
    assert "已支付" in page
    assert "Paid" in page
    world.press(number)
    assert len(world.told()) == 1
    assert taken_in(world) == (FEE, 0)


def test_failing_on_the_page(world: World) -> None:
    order, payment_id, number = started(world)
    world.press(number, "fail")
    assert world.told() == [PaymentFailed(order, ACCOUNT, payment_id, "sandbox", "sandbox_declined")]
    world.press(number)
    assert world.intent(order).state == "open"
    assert world.pay_by(order, "sandbox")["id"] != payment_id


def test_the_page_shows_what_is_to_be_paid(world: World) -> None:
    _, _, number = started(world)
    world.clock.advance(timedelta(minutes=3, seconds=5))
    response = world.client.get(f"/api/v1/sandbox/pay/{number}")
    page = response.get_data(as_text=True)
    assert response.content_type == "text/html; charset=utf-8"
    assert 'lang="zh-CN"' in page
    for text in (
        DESCRIPTION,
        "¥50.00",
        "2026-11-22 16:15:00",
        "11 分 min 55 秒 s",
        "支付",
        "Pay",
        "Let the payment fail",
    ):
        assert text in page, text


def test_the_page_asks_nobody_else_for_anything(world: World) -> None:
    _, _, number = started(world)
    response = world.client.get(f"/api/v1/sandbox/pay/{number}")
    policy = response.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    page = response.get_data(as_text=True)
    assert not re.findall(r"(?:src|href)\s*=|https?://|<script", page)
    (nonce,) = re.findall(r"'nonce-(\S+)'", policy)
    assert f'<style nonce="{nonce}">' in page
    assert response.headers["Cache-Control"] == "no-store"


class Tags(HTMLParser):
    """Every tag of a page, with its attributes; raises nothing, so the test compares."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, tuple[str, ...]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, tuple(name for name, _ in attrs)))


def test_a_hostile_description_is_text(world: World) -> None:
    def page_of(order: str, description: str) -> str:
        deliver(world.service, RequestPayment(order, ACCOUNT, HOSPITAL, FEE, description, START + WINDOW))
        number = number_of(world.pay_by(order, "sandbox"))
        return world.client.get(f"/api/v1/sandbox/pay/{number}").get_data(as_text=True)

    plain = page_of(ids.mint("ord", ACCOUNT), "plain")
    hostile = page_of(
        ids.mint("ord", ACCOUNT), "</dd><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7*7 }}\"'"
    )
    assert Tags(hostile).seen == Tags(plain).seen
    assert "&lt;script&gt;" in hostile
    assert "{{ 7*7 }}" in hostile


@pytest.mark.parametrize("when", ["expired", "closed", "failed", "paid"])
def test_a_page_that_can_no_longer_be_paid_has_no_button(world: World, when: str) -> None:
    order, _, number = started(world)
    if when == "expired":
        world.clock.advance(WINDOW)
    elif when == "closed":
        world.close(order)
        world.settle()
    else:
        world.press(number, {"failed": "fail", "paid": "pay"}[when])
    page = world.client.get(f"/api/v1/sandbox/pay/{number}").get_data(as_text=True)
    assert "<button" not in page
    before = world.told(PaymentSucceeded)
    world.press(number)
    assert world.told(PaymentSucceeded) == before


def test_pages_of_nothing_and_bad_presses(world: World) -> None:
    _, _, number = started(world)
    assert_problem(world.client.get("/api/v1/sandbox/pay/NOSUCH1"), 404)
    assert_problem(world.client.get("/api/v1/sandbox/result/NOSUCH1"), 404)
    assert_problem(world.press("NOSUCH1"), 404)
    assert_problem(world.press(number, "steal"), 422, field="action")
    assert_problem(world.client.post(f"/api/v1/sandbox/pay/{number}"), 422, field="action")
    assert_problem(world.client.get("/api/v1/sandbox/pay/" + "x" * 3000), 422)
    assert_problem(world.client.get("/api/v1/sandbox/pay/%00"), 422)


def test_looking_changes_nothing(world: World) -> None:
    order, _, number = started(world)
    for _ in range(3):
        world.client.get(f"/api/v1/sandbox/pay/{number}")
        world.client.get(f"/api/v1/sandbox/result/{number}")
    assert world.intent(order).state == "open"
    assert world.told() == []


# --- faults ----------------------------------------------------------------------------------------------------------------


def test_a_dropped_callback_is_found(world: World) -> None:
    order, _, number = started(world)
    world.plan(callback="drop")
    world.press(number)
    assert world.intent(order).state == "open"
    world.clock.advance(timedelta(seconds=5))
    world.run_jobs()
    assert world.intent(order).state == "paid"


def test_a_payment_at_the_last_moment_whose_callback_is_dropped(world: World) -> None:
    order, _, number = started(world)
    world.plan(callback="drop")
    world.press(number)
    world.close(order)
    world.settle()
    assert [type(m) for m in world.told()] == [PaymentSucceeded]
    world.check_rest()


def test_closing_while_the_sandbox_is_unreachable(world: World) -> None:
    order, _, _ = started(world)
    world.plan(close="unreachable")
    world.close(order)
    for _ in range(5):
        world.clock.advance(timedelta(minutes=1))
        world.run_jobs()
    assert world.told() == []
    world.plan(close="ok")
    world.settle()
    assert world.told() == [PaymentClosed(order)]


def test_late_money_goes_back(world: World) -> None:
    order, _, number = started(world)
    world.plan(close="deaf")
    world.clock.advance(WINDOW)
    world.close(order)
    world.settle()
    assert world.take_told() == [PaymentClosed(order)]
    world.press(number)
    world.settle()
    assert [(type(m), m.purpose) for m in world.told()] == [(RefundSucceeded, "surplus")]
    assert taken_in(world) == (FEE, FEE)
    world.check_rest()


def test_paid_by_two_attempts(world: World) -> None:
    order = world.request()
    numbers = [number_of(world.pay_by(order, "sandbox", key=key)) for key in ("one", "two")]
    for number in numbers:
        world.press(number)
    world.settle()
    assert taken_in(world) == (2 * FEE, FEE)
    assert world.intent(order).state == "paid"
    world.check_rest()


@pytest.mark.parametrize(("plan", "told"), [("succeed", RefundSucceeded), ("fail", RefundFailed)])
def test_refunds_as_planned(world: World, plan: str, told: type) -> None:
    order, _, number = started(world)
    world.press(number)
    world.take_told()
    world.plan(refund=plan)
    world.ask_refund(order)
    world.settle()
    assert [type(m) for m in world.told()] == [told]
    assert taken_in(world) == (FEE, FEE if plan == "succeed" else 0)


@pytest.mark.parametrize("plan", ["unknown", "processing"])
def test_a_refund_that_takes_its_time(world: World, plan: str) -> None:
    order, _, number = started(world)
    world.press(number)
    world.take_told()
    world.plan(refund=plan)
    world.ask_refund(order)
    for _ in range(3):
        world.run_jobs()
        world.clock.advance(timedelta(minutes=1))
    assert world.told() == []
    world.plan(refund="succeed")
    world.settle()
    assert [type(m) for m in world.told()] == [RefundSucceeded]
    assert taken_in(world) == (FEE, FEE)


def test_a_crash_after_the_sandbox_has_refunded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    order, _, number = started(world)
    world.press(number)
    world.ask_refund(order)

    def killed(*_: Any, **__: Any) -> None:
        raise Transient("killed")

    with monkeypatch.context() as crash:
        crash.setattr(jobs, "_record_refund", killed)
        with pytest.raises(Transient):
            world.run_jobs()
    assert taken_in(world) == (FEE, FEE)
    assert world.refunds(order)[0].state == "submitted"
    world.settle()
    assert world.refunds(order)[0].state == "succeeded"
    assert taken_in(world) == (FEE, FEE)


def test_creating_while_the_sandbox_is_unreachable(world: World) -> None:
    order = world.request()
    world.plan(create="unreachable", query="unreachable")
    payment = world.pay_by(order, "sandbox")
    assert (payment["state"], payment["show"]) == ("unknown", None)
    world.plan(create="ok", query="ok")
    world.clock.advance(timedelta(seconds=5))
    world.run_jobs()
    again = world.pay_by(order, "sandbox")
    assert (again["id"], again["state"]) == (payment["id"], "pending")


def test_a_close_that_overtakes_the_create_holds(world: World) -> None:
    order = world.request()
    world.plan(create="unreachable")
    payment = world.pay_by(order, "sandbox")
    world.close(order)
    world.settle()
    assert world.told(PaymentClosed) == [PaymentClosed(order)]
    sandbox: Sandbox = world.service.parts.sandbox
    world.plan(create="ok")
    assert sandbox.create(trade_of(world.attempt(payment["id"]))) == Failed("sandbox_closed")


def test_the_sandbox_refunds_no_more_than_was_paid(world: World) -> None:
    _, payment_id, number = started(world)
    sandbox: Sandbox = world.service.parts.sandbox
    not_paid = RefundOrder("RFD0001", number, "sbx1", FEE, FEE, "")
    assert sandbox.refund(not_paid) == Failed("sandbox_not_refundable")
    world.press(number)
    transaction = sandbox.trade(number).transaction_id  # type: ignore[union-attr]
    assert transaction
    first = RefundOrder("RFD0002", number, transaction, FEE, FEE, "")
    assert isinstance(sandbox.refund(first), Refunded)
    assert isinstance(sandbox.refund(first), Refunded)
    assert sandbox.refund(RefundOrder("RFD0003", number, transaction, 1, FEE, "")) == Failed("sandbox_not_refundable")
    assert taken_in(world) == (FEE, FEE)
    assert world.attempt(payment_id).state == "succeeded"


def test_the_sandbox_refunds_in_parts_up_to_what_was_paid(world: World) -> None:
    _, _, number = started(world)
    world.press(number)
    sandbox: Sandbox = world.service.parts.sandbox
    transaction = sandbox.trade(number).transaction_id or ""  # type: ignore[union-attr]

    def refund(name: str, amount: int, *, total: int = FEE) -> Any:
        return sandbox.refund(RefundOrder(name, number, transaction, amount, total, ""))

    assert isinstance(refund("PART001", 2000), Refunded)
    assert refund("PART001", 1999) == Failed("sandbox_number_used")
    assert refund("PART002", 3001) == Failed("sandbox_not_refundable")
    for amount in (0, -1):
        assert refund("PART003", amount) == Failed("sandbox_not_refundable")
    assert refund("PART003", 1000, total=1000) == Failed("sandbox_not_refundable")
    world.plan(refund="processing")
    assert refund("PART004", 2500) == Processing()
    world.plan(refund="succeed")
    assert refund("PART005", 501) == Failed("sandbox_not_refundable")  # what is on its way is spoken for
    assert isinstance(refund("PART006", 500), Refunded)
    assert isinstance(refund("PART004", 2500), Refunded)
    assert taken_in(world) == (FEE, FEE)


def test_a_part_that_was_refused_is_to_be_had_again(world: World) -> None:
    _, _, number = started(world)
    world.press(number)
    sandbox: Sandbox = world.service.parts.sandbox
    transaction = sandbox.trade(number).transaction_id or ""  # type: ignore[union-attr]
    world.plan(refund="fail")
    assert sandbox.refund(RefundOrder("PART001", number, transaction, FEE, FEE, "")) == Failed("sandbox_refused")
    world.plan(refund="succeed")
    assert isinstance(sandbox.refund(RefundOrder("PART002", number, transaction, FEE, FEE, "")), Refunded)


# --- control, and production -------------------------------------------------------------------------------------------------


def test_the_control_is_for_operators(world: World) -> None:
    assert_problem(world.post("/sandbox/_ctl", {}, headers=PATIENT), 403, "wrong_role")
    assert_problem(world.post("/sandbox/_ctl", {}, headers=CASHIER), 403, "wrong_role")
    assert_problem(world.client.post("/api/v1/sandbox/_ctl", json={}), 401)
    answer = world.post("/sandbox/_ctl", {"refund": "fail"}, headers=OPERATOR)
    assert answer.get_json() == {"create": "ok", "query": "ok", "close": "ok", "refund": "fail", "callback": "deliver"}


@pytest.mark.parametrize(
    "plan", [{"refund": "maybe"}, {"refund": 1}, {"refund": None}, {"nothing": "ok"}, {"close": ["ok"]}]
)
def test_a_plan_that_cannot_be(world: World, plan: dict[str, Any]) -> None:
    assert_problem(world.post("/sandbox/_ctl", plan, headers=OPERATOR), 422, field=next(iter(plan)))


def test_there_is_no_sandbox_in_production(tmp_path: Path, world: World) -> None:
    production = {
        "APP_ENV": "production",
        "DATABASE_URL": f"sqlite:///{tmp_path}/p.db",
        "ID_KEY": "k",
        "JWT_PUBLIC_KEY": "A" * 43 + "=",
    }
    service = build(Settings.load(production))
    assert "sandbox" not in service.parts.providers
    assert not [rule for rule in service.app.url_map.iter_rules() if "sandbox" in rule.rule]
    with pytest.raises(ValueError, match="production"):
        Sandbox(world.database, production=True)
    service.database.close()


def test_bad_settings_are_named() -> None:
    with pytest.raises(BadSettings, match="INTENT_WAIT_SECONDS"):
        Settings.load({"INTENT_WAIT_SECONDS": "soon"})
