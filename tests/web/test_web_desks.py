"""The cashier's and the operator's desks: money at the counter, parked messages, orders in flight, what holds, who did what."""

import re
import sqlite3
from datetime import UTC, datetime, timedelta

import pytest
from actors import Patient
from people import at
from playwright.sync_api import expect

STATES = {"zh-CN": ("成立", "安全审计", "登录"), "en-US": ("holds", "Audit trail", "Logged in")}


def _session_with_fee(demo):
    """A new patient, and a session with a fee at the cashier's hospital that can still be cancelled."""
    patient = Patient(demo.base)
    later = datetime.now(UTC) + timedelta(hours=1)
    return patient, next(
        s["id"]
        for s in patient.get("/sessions?limit=200")["items"]
        if (s["state"], s["policy"], s["urgent"], s["hospital"]["name"])
        == ("open", "first_come", False, "仁济示范医院")
        and s["fee"]["amount"]
        and datetime.fromisoformat(s["cancel_before"]) > later
    )


def _operators_word(demo):
    return re.search(r"operator.*password (\S+)\)", demo.said)[1]


def test_cash_is_taken_by_the_code_that_a_patient_says_and_handed_back(desktop, demo, shoot, axe):
    patient, session = _session_with_fee(demo)
    order = patient.order(session)["id"]
    code = patient.attempt(order, "window")["show"]["code"]

    page = at(desktop, f"{demo.url}/staff/cashier", "cashier")
    page.get_by_label("缴费码或订单号").fill(code.lower())
    page.get_by_role("button", name="查询").click()
    expect(page.get_by_role("region", name="缴费信息")).to_contain_text("¥")
    axe(page)
    shoot(page, "cashier-counter")
    page.get_by_role("button", name=re.compile("已收到")).click()
    expect(page.get_by_text("已收款", exact=True)).to_be_visible()
    patient.state(order, "confirmed")
    page.get_by_role("button", name="下一位").click()
    expect(page.get_by_label("缴费码或订单号")).to_be_focused()

    patient.post(f"/orders/{order}/cancel")
    page.get_by_role("link", name="待处理退款").click()
    card = page.get_by_role("article").filter(has_text=order)
    expect(card).to_be_visible()
    axe(page)
    shoot(page, "cashier-refunds")
    card.get_by_role("button", name="已在窗口退还").click()
    card.get_by_role("button", name="确定").click()
    expect(card).to_have_count(0)
    patient.state(order, "cancelled")

    page.get_by_role("link", name="账簿").click()
    expect(page.get_by_role("region", name="分录")).to_contain_text(order)
    axe(page)
    shoot(page, "cashier-ledger")
    wide = page.viewport_size
    page.set_viewport_size({"width": 390, "height": 844})
    cut = "[...document.querySelectorAll('.scroll')].map(box => box.scrollWidth - box.clientWidth)"
    assert page.evaluate(cut) == [0, 0], "each cell of the ledger stands below the last on a phone"
    axe(page)
    shoot(page, "cashier-ledger-narrow", whole=True)
    page.set_viewport_size(wide)
    with page.expect_download() as download:
        page.get_by_role("button", name="导出 CSV").click()
    assert order in download.value.path().read_text(encoding="utf-8-sig")


def test_what_nobody_owes_is_not_taken(desktop, demo):
    patient, session = _session_with_fee(demo)
    order = patient.order(session)["id"]
    code = patient.attempt(order, "window")["show"]["code"]
    patient.post(f"/orders/{order}/cancel")
    patient.state(order, "cancelled")
    page = at(desktop, f"{demo.url}/staff/cashier", "cashier", locale="en-US")
    page.get_by_label("Counter code or order number").fill(code)
    page.get_by_role("button", name="Look up").click()
    expect(page.get_by_text("Do not take the money")).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("taken"))).to_have_count(0)


def test_who_is_no_cashier_is_not_let_in(desktop, demo):
    page = at(desktop, f"{demo.url}/staff/cashier", "demo")
    expect(page.get_by_role("heading", name="您的账号不能使用这个页面。")).to_be_visible()


@pytest.mark.parametrize("locale", ["zh-CN", "en-US"])
def test_an_operator_sees_whether_the_promises_hold_and_what_is_in_flight(desktop, demo, shoot, axe, locale):
    holds, trail, logged_in = STATES[locale]
    page = at(desktop, f"{demo.url}/staff/operator", "operator", _operators_word(demo), locale=locale)
    expect(page.get_by_text(holds, exact=True).first).to_be_visible()
    axe(page)
    shoot(page, f"operator-promises-{locale}", whole=True)
    page.goto(f"{demo.url}/staff/operator/orders")
    expect(page.get_by_text(re.compile("ord_")).first).to_be_visible()
    axe(page)
    shoot(page, f"operator-orders-{locale}", whole=True)
    page.get_by_role("link", name=trail).click()
    expect(page.get_by_role("cell", name=logged_in, exact=True).first).to_be_visible()
    axe(page)
    shoot(page, f"operator-trail-{locale}")


def test_letters_and_days_of_reconciliation_are_shown(desktop, demo, shoot, axe):
    page = at(desktop, f"{demo.url}/staff/operator/letters", "operator", _operators_word(demo))
    expect(page.get_by_role("cell", name=re.compile(r"\*")).first).to_be_visible()  # an address, masked
    axe(page)
    shoot(page, "operator-letters")
    page.get_by_role("link", name="对账").click()
    expect(page.get_by_role("region", name="对账")).to_be_visible()
    axe(page)
    shoot(page, "operator-reconciliation")


def _park(demo, message_id):
    """A message that booking-svc could not read, as it would have been left there."""
    with sqlite3.connect(demo.directory / "booking-svc.db", timeout=20) as database:
        database.execute(
            "INSERT INTO parked (message_id, type, body, reason, parked_at) VALUES (?, ?, ?, ?, ?)",
            (message_id, "payment.payment_succeeded", b'{"half a mess', "not JSON", datetime.now(UTC).isoformat(" ")),
        )


def test_a_parked_message_is_looked_at_replayed_and_dropped_with_a_reason(desktop, demo, shoot, axe, allow):
    _park(demo, "evt_half")
    allow("answer: 409 POST .*/replay")
    page = at(desktop, f"{demo.url}/staff/operator/parked", "operator", _operators_word(demo))
    card = page.get_by_role("article").filter(has_text="evt_half")
    card.get_by_role("button", name="内容").click()
    expect(card.get_by_text("13 bytes that are no JSON")).to_be_visible()
    card.get_by_role("button", name="重新处理").click()
    expect(card.get_by_role("alert")).to_contain_text("仍然无法处理")
    card.get_by_role("button", name="丢弃").click()
    expect(card.get_by_role("button", name="永久丢弃")).to_be_disabled()
    card.get_by_label("丢弃原因").fill("半条消息，发送方已重发")
    axe(page)
    shoot(page, "operator-parked")
    card.get_by_role("button", name="永久丢弃").click()
    expect(card).to_have_count(0)
    expect(page.get_by_text("没有滞留消息。")).to_be_visible()
