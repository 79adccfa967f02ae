"""A patient's orders: booked and paid by the payment sandbox's page, given back, moved, replaced after 停诊, left to expire."""

import re

import pytest
from actors import PASSWORD, Hospital, Patient, Sandbox
from common.settings import Settings
from houses import ROOMY, operator_of
from people import at
from playwright.sync_api import expect

from embedded.system import System as Embedded

ORDER = re.compile(r"/orders/ord_[a-z0-9]+$")


@pytest.fixture(scope="module")
def house(demo):
    """A hospital whose rules stand in nobody's way, with sessions made to order."""
    return Hospital(demo.base, demo.operator())


@pytest.fixture
def patient(demo):
    return Patient(demo.base)


@pytest.fixture(autouse=True)
def _of_orders_a_moment_old(allow):
    """payment-svc may not have heard of them yet; the page asks again."""
    allow(r"answer: 409 POST .*/payments$")


def _opened(open_page, demo, patient, path, **how):
    return at(open_page, f"{demo.url}/login?next={path}", patient.username, PASSWORD, **how)


def _order_of(page):
    expect(page).to_have_url(ORDER)
    return page.url.rpartition("/")[2]


def _begins_to_pay(page, name):
    """Press the button of a way to pay; answers the payment as it is shown."""
    with page.expect_response(lambda r: r.url.endswith("/payments") and r.status == 201) as answer:
        page.get_by_role("button", name=name).click()
    return answer.value.json()


def test_from_the_doctor_to_the_refund(phone, demo, house, patient, allow, shoot, axe):
    """The whole way on one phone: find, book, pay on Alipay's page and come back, cancel, see the money return."""
    allow(rf"other origin: (GET|POST) {re.escape(demo.sandbox_url)}/")
    session = house.see(house.session(3, slots=2, days=5))
    page = _opened(phone, demo, patient, f"/doctors/{session['doctor']['id']}")
    page.locator(f'a[href="/sessions/{session["id"]}"]').click()
    page.get_by_role("button", name=re.compile("^预约，¥50.00")).click()
    order = _order_of(page)
    expect(page.get_by_text("待支付", exact=True).first).to_be_visible()
    expect(page.get_by_role("timer")).to_be_visible()
    axe(page)
    shoot(page, "order-to-be-paid", whole=True)

    _pays_on_alipays_page(page, shoot, axe)
    expect(page).to_have_url(f"{demo.url}/orders/{order}")
    expect(page.get_by_text("预约成功", exact=True).first).to_be_visible()
    expect(page.get_by_role("listitem").filter(has_text="收到付款")).to_be_visible()
    axe(page)
    shoot(page, "order-confirmed", whole=True)

    _thinks_twice_and_cancels(page, lambda: patient.see(order)["state"], shoot, axe)
    expect(page.get_by_text("已取消", exact=True).first).to_be_visible()
    steps = [re.compile(word) for word in ("提交预约", "取到号", "收到付款", "您取消了预约", "退款成功")]
    expect(page.get_by_role("listitem")).to_have_text(steps)
    expect(page.get_by_text("已退款")).to_be_visible()
    expect(page.get_by_text("重复或到账过晚")).to_have_count(0)
    shoot(page, "order-cancelled", whole=True)


def _pays_on_alipays_page(page, shoot, axe):
    page.get_by_role("link", name="去支付 ¥50.00").click()
    expect(page.get_by_role("heading", name="选择支付方式")).to_be_visible()
    axe(page)
    shoot(page, "order-pay", whole=True)
    page.get_by_role("button", name="支付宝").click()
    link = page.get_by_role("link", name="打开支付宝")
    expect(link).to_be_visible()
    axe(page)
    shoot(page, "order-pay-link", whole=True)
    link.click()
    page.get_by_role("button", name="确认支付").click()
    page.get_by_role("link", name="返回商户").click()


def _thinks_twice_and_cancels(page, state, shoot, axe):
    page.get_by_role("button", name="取消预约").click()
    dialog = page.get_by_role("dialog", name="确定取消吗？")
    expect(dialog).to_contain_text("退款 ¥50.00，原路退回")
    expect(dialog).to_contain_text("不会记入信用记录")
    axe(page)
    shoot(page, "order-cancel")
    dialog.get_by_role("button", name="保留预约").click()
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("button", name="取消预约")).to_be_focused()
    assert state() == "confirmed"
    page.get_by_role("button", name="取消预约").click()
    dialog.get_by_role("button", name="确定取消").click()
    expect(page.get_by_role("heading", level=1)).to_be_focused()


def test_what_was_given_back_without_an_answer_is_not_told_to_stand(phone, demo, house, patient, allow, shoot, axe):
    order = patient.confirmed(house.session(2, days=5))["id"]
    page = _opened(phone, demo, patient, f"/orders/{order}")
    allow("failed: POST .*/cancel")
    page.route("**/cancel", lambda route: route.abort(), times=4)  # as often as the page tries by itself
    page.get_by_role("button", name="取消预约").click()
    dialog = page.get_by_role("dialog", name="确定取消吗？")
    dialog.get_by_role("button", name="确定取消").click()
    expect(dialog.get_by_text("没有收到答复，可能已经取消")).to_be_visible()
    axe(page)
    shoot(page, "order-cancel-lost")
    patient.post(f"/orders/{order}/cancel")  # it had arrived
    dialog.get_by_role("button", name="关闭").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_be_focused()  # the button that opened it is gone
    expect(page.get_by_role("button", name="取消预约")).to_have_count(0)
    page.goto(f"{demo.url}/orders/{order}/move")
    expect(page.get_by_text("这个预约现在不能改约。")).to_be_visible()


def test_a_code_is_scanned_with_another_phone_and_the_page_follows(desktop, phone, demo, house, patient, shoot, axe):
    order = patient.order(house.session(3, days=5))["id"]
    page = _opened(desktop, demo, patient, f"/orders/{order}/pay", locale="en-US")
    counter = _begins_to_pay(page, "Hospital counter")
    expect(page.locator(".code")).to_have_text(re.compile(r"^[0-9A-Z ]+$"))
    assert page.locator(".code").inner_text().replace(" ", "") == counter["show"]["code"]
    axe(page)
    shoot(page, "order-pay-counter")

    page.get_by_role("button", name="Pay in another way").click()
    shown = _begins_to_pay(page, "WeChat Pay")["show"]
    assert shown["type"] == "qr"
    expect(page.get_by_role("img", name="Payment code for WeChat Pay")).to_be_visible()
    axe(page)
    shoot(page, "order-pay-code")
    page.reload()  # what she has begun goes on
    expect(page.get_by_role("img", name="Payment code for WeChat Pay")).to_be_visible()

    payer = phone(shown["text"], locale="en-US")
    payer.get_by_role("button", name=re.compile("^Pay")).click()
    expect(payer.get_by_text("Paid", exact=True)).to_be_visible()
    expect(page).to_have_url(f"{demo.url}/orders/{order}")
    expect(page.get_by_text("Confirmed", exact=True).first).to_be_visible()
    expect(page.get_by_role("listitem").filter(has_text="Payment received")).to_be_visible()


def test_while_the_provider_is_silent_the_page_says_so(phone, demo, house, patient):
    order = patient.order(house.session(3, days=5))["id"]
    page = _opened(phone, demo, patient, f"/orders/{order}/pay")
    with Sandbox(demo.sandbox_url).failing("wechat", "create", "500"):
        page.get_by_role("button", name="微信支付").click()
        expect(page.get_by_role("status").filter(has_text="微信支付")).to_contain_text(
            re.compile("正在等待|暂时没有答复")
        )
        expect(page.get_by_role("link", name="打开微信支付")).to_have_count(0)
    expect(page.get_by_role("link", name="打开微信支付")).to_be_visible()


def test_an_appointment_is_moved_the_new_number_first(phone, demo, house, patient, shoot, axe):
    old = patient.confirmed(house.session(2, days=5))["id"]
    dearer = house.session(2, days=6, fee=8000, slots=2)
    page = _opened(phone, demo, patient, f"/orders/{old}")
    page.get_by_role("link", name="改约").click()
    expect(page.get_by_text(re.compile("您的原号一直保留"))).to_be_visible()
    choice = page.get_by_role("button", name=re.compile("^选择")).filter(has_text="需补 ¥30.00")
    expect(choice.first).to_be_visible()
    axe(page)
    shoot(page, "order-move", whole=True)
    choice.first.click()
    page.get_by_label("就诊时段").select_option(index=2)
    axe(page)
    shoot(page, "order-move-confirm", whole=True)
    page.get_by_role("button", name="确认改约").click()

    expect(page).not_to_have_url(re.compile("/move$"))
    new = _order_of(page)
    assert new != old
    expect(page.get_by_text("改约等待期间，原预约不受影响。")).to_be_visible()
    assert patient.see(old)["state"] == "confirmed"
    page.get_by_role("link", name="它代替的原预约").click()
    under_way = page.get_by_role("link", name="查看正在进行的改约")
    expect(under_way).to_have_attribute("href", f"/orders/{new}")
    axe(page)
    shoot(page, "order-move-under-way", whole=True)
    under_way.click()
    page.get_by_role("link", name="去支付 ¥30.00").click()
    page.get_by_role("button", name="微信支付").press("Enter")
    expect(page.get_by_role("link", name="打开微信支付")).to_be_visible()
    expect(page.get_by_role("heading", name="微信支付")).to_be_focused()
    patient.pay(new)
    expect(page).to_have_url(f"{demo.url}/orders/{new}")
    expect(page.get_by_text("预约成功", exact=True).first).to_be_visible()
    assert patient.see(new)["session_id"] == dearer

    page.get_by_role("link", name="它代替的原预约").click()
    expect(page.get_by_text("已改约", exact=True).first).to_be_visible()
    expect(page.get_by_role("link", name="代替它的新预约")).to_have_attribute("href", f"/orders/{new}")
    shoot(page, "order-moved", whole=True)


def test_after_a_stop_she_chooses_another_visit_at_no_charge(phone, demo, patient, shoot, axe):
    house = Hospital(demo.base, demo.operator())  # its only other session is the substitute
    stopped, other = house.session(2, days=5), house.session(2, days=6, fee=8000)
    order = patient.confirmed(stopped)["id"]
    page = _opened(phone, demo, patient, f"/orders/{order}", locale="en-US")
    expect(page.get_by_text("Confirmed", exact=True).first).to_be_visible()
    house.stop(stopped)
    patient.state(order, "substitute_offered")
    page.reload()
    expect(page.get_by_text("This never counts as a missed visit.")).to_be_visible()
    expect(page.get_by_role("button", name="None: refund me in full")).to_be_visible()
    axe(page)
    shoot(page, "order-stopped", whole=True)

    page.get_by_role("link", name="Choose another visit").click()
    choice = page.get_by_role("button", name=re.compile("^Choose")).filter(has_text="No extra charge")
    expect(choice).to_have_count(1)
    axe(page)
    shoot(page, "order-substitutes", whole=True)
    choice.click()
    page.get_by_role("button", name="Take this visit").click()
    expect(page).not_to_have_url(re.compile("/move"))
    new = _order_of(page)
    assert new != order
    expect(page.get_by_text("Confirmed", exact=True).first).to_be_visible()
    found = patient.see(new)
    assert (found["session_id"], found["state"], found["fee"]["amount"]) == (other, "confirmed", 5000)


def test_what_the_waitlist_offers_is_taken_or_not(phone, demo, house, patient, shoot, axe):
    full = house.session(1, days=5)
    other = Patient(demo.base)
    hers = other.order(full)["id"]
    order = patient.order(full, join_waitlist=True, auto_book=False)["id"]
    page = _opened(phone, demo, patient, f"/orders/{order}")
    expect(page.get_by_text("候补第 1 位（进入候补时）")).to_be_visible()
    expect(page.get_by_text(re.compile("系统会先征求您的同意"))).to_be_visible()
    other.post(f"/orders/{hers}/cancel")
    patient.state(order, "offered")
    page.reload()
    expect(page.get_by_role("button", name="不接受")).to_be_visible()
    expect(page.get_by_role("timer")).to_be_visible()
    axe(page)
    shoot(page, "order-offered", whole=True)
    page.get_by_role("button", name="接受这个号").click()
    expect(page.get_by_role("link", name="去支付 ¥50.00")).to_be_visible()
    expect(page.get_by_role("listitem").filter(has_text="您接受了号")).to_be_visible()


def test_a_window_that_ends_is_told_and_nothing_was_charged(phone, pages, tmp_path, shoot, axe):
    env = {**ROOMY, "ID_KEY": Settings().id_key, "PAYMENT_WINDOW_SECONDS": "6"}
    with Embedded(tmp_path, env=env) as run:
        base = f"{run.url}/api/v1"
        house, patient = Hospital(base, operator_of(run)), Patient(base)
        session = house.session(2, days=5)
        page = _opened(phone, run, patient, "/orders")
        order = patient.order(session)["id"]
        page.goto(f"{run.url}/orders/{order}/pay")
        expect(page.get_by_text("未在时限内完成，号已释放。没有产生任何费用。")).to_be_visible()
        page.get_by_role("link", name="查看预约").click()
        expect(page.get_by_text("已过期", exact=True).first).to_be_visible()
        expect(page.get_by_role("link", name="重新预约")).to_be_visible()
        expect(page.get_by_role("listitem").filter(has_text="时限已到")).to_be_visible()
        axe(page)
        shoot(page, "order-expired", whole=True)


def test_the_list_has_what_needs_her_first_and_can_be_narrowed(narrow, demo, house, patient, shoot, axe):
    patient.confirmed(house.session(2, days=5, fee=0))
    gone = patient.order(house.session(2, days=6))["id"]
    patient.post(f"/orders/{gone}/cancel")
    patient.state(gone, "cancelled")
    full = house.session(1, days=8)
    Patient(demo.base).order(full)
    patient.order(full, join_waitlist=True)
    patient.order(house.session(2, days=7))
    page = _opened(narrow, demo, patient, "/orders", locale="en-US", scheme="dark")
    headings = page.get_by_role("heading", level=2)
    expect(headings).to_have_text([re.compile(r"Needs you 1"), re.compile(r"coming 2"), re.compile(r"Past 1")])
    expect(page.locator(".bone")).to_have_count(0)  # where she waits has no visit yet: its session says when
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    axe(page)
    shoot(page, "orders-en-dark-360", whole=True)
    page.get_by_label("Show").select_option("past")
    expect(headings).to_have_text([re.compile(r"Past 1")])
    page.get_by_role("link", name=re.compile("Cancelled")).click()
    assert _order_of(page) == gone
    page.go_back()
    expect(headings).to_have_text([re.compile(r"Past 1")])  # as she left it


def test_orders_in_large_type_on_the_narrowest_phone(narrow, demo, house, patient, shoot, axe):
    paid = patient.confirmed(house.session(2, days=2))["id"]
    open_one = patient.order(house.session(2, days=6))["id"]
    page = _opened(narrow, demo, patient, "/orders")
    page.evaluate("localStorage.setItem('haoyuan.preferences', JSON.stringify({locale: 'zh-CN', large: true}))")
    for name, path in {"orders": "", "order": f"/{paid}", "pay": f"/{open_one}/pay", "move": f"/{paid}/move"}.items():
        page.goto(f"{demo.url}/orders{path}", wait_until="networkidle")
        expect(page.locator(".bone")).to_have_count(0)
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= 360, f"{name}: {width} px are wider than the phone"
        axe(page)
        shoot(page, f"{name}-large-360", whole=True)
    page.goto(f"{demo.url}/orders/{paid}")
    page.get_by_role("button", name="取消预约").click()
    # less than 72 h before the visit, and the rules of this hospital draw no consequence
    expect(page.get_by_role("dialog")).to_contain_text("在信用记录中登记一次临时退号")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert patient.see(paid)["state"] == "confirmed"
