"""A patient finds a session and books it: by hospital, by words, by day; at the second of the release; with the keyboard alone."""

import re
from datetime import datetime, timedelta

import pytest
from actors import PASSWORD, Hospital, Patient
from common.clock import SHANGHAI
from people import at
from playwright.sync_api import expect

ORDER = re.compile(r"/orders/ord_")
ORDERED = re.compile(r"/api/v1/orders$")


@pytest.fixture(scope="module")
def house(demo):
    """A hospital whose rules stand in nobody's way, with sessions made to order."""
    return Hospital(demo.base, demo.operator())


@pytest.fixture
def patient(demo):
    return Patient(demo.base)


def _bookable(patient, policy="first_come"):
    """A session of the demo of which something can be had, some days ahead, so that nothing of today's changes it."""
    day = (datetime.now(SHANGHAI) + timedelta(days=2)).date()
    found = patient.get(f"/sessions?date_from={day}&policy={policy}&open_only=true&limit=200")["items"]
    return next(session for session in found if session["fee"]["amount"])


def _logged_in(open_page, demo, patient, path, **how):
    return at(open_page, f"{demo.url}/login?next={path}", patient.username, PASSWORD, **how)


def _orders_placed(page):
    placed = []
    page.on("request", lambda request: request.method == "POST" and ORDERED.search(request.url) and placed.append(1))
    return placed


def test_from_the_hospital_to_the_doctors_two_weeks(phone, demo, shoot, axe):
    page = phone(f"{demo.url}/")
    expect(page.get_by_text(re.compile("今天还有|今天的号"))).to_be_visible()
    hospital = page.get_by_role("link", name=re.compile("仁济示范医院"))
    expect(hospital).to_be_visible()
    axe(page)
    shoot(page, "patient-home", whole=True)

    hospital.click()
    expect(page.get_by_role("heading", level=1, name="仁济示范医院")).to_be_focused()
    page.get_by_text("取消与退号", exact=True).click()
    expect(page.get_by_text("退号截止时间：开诊前 12 小时")).to_be_visible()
    axe(page)
    shoot(page, "patient-hospital", whole=True)

    page.get_by_role("link", name="心血管内科").click()
    expect(page.get_by_role("link", name=re.compile("王立群.*最近有号"))).to_be_visible()
    axe(page)
    shoot(page, "patient-department", whole=True)
    page.get_by_role("link", name="按日期").click()
    expect(page.get_by_role("button", name=re.compile("今天"))).to_be_visible()
    axe(page)
    shoot(page, "patient-department-day", whole=True)
    page.get_by_role("link", name="按医生").click()
    page.get_by_role("link", name=re.compile("王立群")).click()
    grid = page.get_by_role("table", name="两周出诊表")
    expect(grid.get_by_role("link", name=re.compile("待放号")).first).to_be_visible()
    expect(page.get_by_role("timer").first).to_be_visible()
    axe(page)
    shoot(page, "patient-doctor", whole=True)

    grid.get_by_role("link", name=re.compile("报名抽签")).first.click()
    expect(page.get_by_role("heading", name="有多大机会")).to_be_visible()
    page.get_by_text("怎么算的").click()
    expect(page.get_by_text(re.compile("报名人数计算"))).to_be_visible()
    axe(page)
    shoot(page, "patient-session-draw", whole=True)


def test_by_words_and_by_day(phone, demo, shoot, axe):
    page = phone(f"{demo.url}/")
    page.get_by_role("searchbox").fill("仁济 李")
    page.get_by_role("button", name="搜索").click()
    expect(page.get_by_role("link", name=re.compile("李秀兰.*心律失常"))).to_be_visible()
    expect(page.get_by_role("link", name=re.compile("王立群"))).to_have_count(0)
    axe(page)
    shoot(page, "patient-search", whole=True)

    page.get_by_role("searchbox").fill("心电图机器人")  # it looks as one types
    expect(page.get_by_text("没有找到“心电图机器人”。")).to_be_visible()

    page.get_by_role("searchbox").fill("儿科")
    page.get_by_role("button", name=re.compile("明天")).click()
    rows = page.get_by_role("link", name=re.compile("余 \\d+ 个号"))
    expect(rows.first).to_be_visible()
    assert all("儿科" in text for text in rows.all_inner_texts())
    axe(page)
    shoot(page, "patient-search-day", whole=True)
    page.reload()  # the address says it all
    expect(rows.first).to_be_visible()
    expect(page.get_by_role("searchbox")).to_have_value("儿科")


def test_the_countdown_becomes_the_button_at_the_release(phone, demo, house, patient, shoot, axe):
    page = _logged_in(phone, demo, patient, "/search")
    release = datetime.now(SHANGHAI) + timedelta(seconds=8)
    session = house.session(3, slots=2, release_at=release)
    page.goto(f"{demo.url}/sessions/{session}")
    placed = _orders_placed(page)
    button = page.locator("button[type=submit]")
    expect(page.get_by_role("timer")).to_be_visible()
    expect(page.get_by_role("radio", name=re.compile("李"))).to_be_checked()
    expect(button).to_have_attribute("aria-disabled", "true")
    button.press("Enter")
    axe(page)
    shoot(page, "patient-session-announced", whole=True)
    assert not placed, "it was asked before the release"

    expect(page.get_by_text("已放号，现在可以预约。")).to_be_visible()
    expect(button).to_have_text("预约，¥50.00")
    expect(button).to_have_attribute("aria-disabled", "false")
    shoot(page, "patient-session-open", whole=True)
    button.click()
    expect(page).to_have_url(ORDER)
    order = patient.see(page.url.rpartition("/")[2])
    assert order["state"] == "awaiting_payment"
    assert datetime.fromisoformat(order["placed_at"]) >= release
    assert len(placed) == 1


def test_with_the_keyboard_alone_and_what_was_chosen_outlasts_the_login(phone, demo, patient):
    session = _bookable(patient)
    slot = [slot for slot in session["slots"] if slot["remaining"]][-1]
    page = phone(f"{demo.url}/doctors/{session['doctor']['id']}", locale="en-US")
    cell = page.locator(f'a[href="/sessions/{session["id"]}"]')
    expect(cell).to_be_visible()
    _tab_to(page, cell)
    page.keyboard.press("Enter")
    chosen = page.locator(f'input[value="{slot["id"]}"]')
    _tab_to(page, page.get_by_role("radio", name="The earliest that is free"))
    for _ in session["slots"]:
        if chosen.is_checked():
            break
        page.keyboard.press("ArrowDown")
    expect(chosen).to_be_checked()
    _tab_to(page, page.get_by_role("button", name="Log in to book"))
    page.keyboard.press("Enter")

    expect(page).to_have_url(re.compile(r"/login\?next="))
    for field, words in ("username", patient.username), ("current-password", PASSWORD):
        _tab_to(page, page.locator(f'input[autocomplete="{field}"]'))
        page.keyboard.type(words)
    page.keyboard.press("Enter")

    expect(page).to_have_url(re.compile(rf"/sessions/{session['id']}$"))
    expect(chosen).to_be_checked()
    expect(page.locator("input[name=person]")).to_be_checked()
    _tab_to(page, page.locator("button[type=submit]"))
    page.keyboard.press("Enter")
    expect(page).to_have_url(ORDER)
    assert patient.see(page.url.rpartition("/")[2])["slot_id"] == slot["id"]


def _tab_to(page, wanted, most=80):
    expect(wanted).to_be_visible()
    for _ in range(most):
        if wanted.evaluate("e => e === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"the keyboard does not get to {wanted}")


def test_a_rule_that_refuses_is_told_in_words_with_what_can_be_done(phone, demo, patient, shoot, axe):
    session = _bookable(patient)
    assert patient.order(session["id"])["state"] == "awaiting_payment"
    page = _logged_in(phone, demo, patient, f"/sessions/{session['id']}")
    page.get_by_role("button", name=re.compile("^预约")).click()
    refused = page.get_by_role("alert")
    expect(refused).to_contain_text("已经达到本院的预约次数上限")
    expect(refused).to_contain_text("同一医生、同一天就诊，最多 1 个号")
    axe(page)
    shoot(page, "patient-session-refused", whole=True)
    refused.get_by_role("link", name="看我的订单").click()
    expect(page).to_have_url(re.compile(r"/orders$"))

    page.get_by_role("link", name="找号").click()
    unpaid = page.get_by_role("link", name=re.compile(r"请在 \d\d:\d\d 内支付"))
    expect(unpaid).to_be_visible()
    axe(page)
    shoot(page, "patient-home-unpaid")
    unpaid.click()
    expect(page).to_have_url(ORDER)


def test_what_is_full_can_be_waited_for_with_the_chance_told(phone, demo, house, patient, shoot, axe):
    session = house.session(1)
    other = Patient(demo.base)
    other.order(session)
    page = _logged_in(phone, demo, patient, f"/sessions/{session}")
    expect(page.get_by_text("号已约满。")).to_be_visible()
    expect(page.get_by_text(re.compile("您将排在第 1 位"))).to_be_visible()
    page.get_by_role("checkbox", name="有退号时自动预约给我").uncheck()
    expect(page.get_by_text(re.compile("轮到您时先问您"))).to_be_visible()
    axe(page)
    shoot(page, "patient-session-full", whole=True)
    page.get_by_role("button", name="加入候补").click()
    expect(page).to_have_url(ORDER)
    order = patient.see(page.url.rpartition("/")[2])
    assert (order["state"], order["auto_book"]) == ("waitlisted", False)


def test_whose_clinic_is_called_off_sees_why_and_where_else_to_go(phone, demo, house, shoot, axe):
    session, other = house.session(2, days=4), house.session(2, days=5)
    house.stop(session)
    page = phone(f"{demo.url}/sessions/{session}")
    expect(page.get_by_text(re.compile("这场出诊停诊了。.*医生生病"))).to_be_visible()
    expect(page.locator(f'a[href="/sessions/{other}"]')).to_be_visible()
    expect(page.locator("button[type=submit]")).to_have_count(0)
    axe(page)
    shoot(page, "patient-session-stopped", whole=True)


def test_a_draw_is_entered_once_though_the_answer_is_lost(phone, demo, house, patient, allow, shoot, axe):
    draw_at = datetime.now(SHANGHAI) + timedelta(hours=1)
    session = house.session(2, policy="lottery", draw_at=draw_at)
    page = _logged_in(phone, demo, patient, f"/sessions/{session}", locale="en-US")
    expect(page.get_by_text("So far there are numbers for all who have entered")).to_be_visible()
    allow("failed: POST .*/orders")

    def lose(route):
        route.fetch()
        route.abort()

    page.route(ORDERED, lose, times=4)  # as often as the page tries by itself
    button = page.get_by_role("button", name="Enter the draw")
    button.click()
    expect(page.get_by_text("No answer came. Press again: it will not be booked twice.")).to_be_visible()
    page.reload()
    expect(page.get_by_text("You have an order for this clinic already")).to_be_visible()
    axe(page)
    shoot(page, "session-mine", whole=True)
    button.click()
    expect(page).to_have_url(ORDER)
    assert [order["state"] for order in patient.get("/orders")["items"]] == ["entered"]


@pytest.mark.parametrize(
    ("locale", "scheme", "large", "names"),
    [
        ("zh-CN", "dark", True, "home search hospital department doctor session"),
        ("en", "light", False, "home doctor session"),
    ],
)
def test_all_of_it_on_the_narrowest_phone(narrow, demo, patient, shoot, axe, locale, scheme, large, names):
    draw = _bookable(patient, "lottery")
    page = narrow(f"{demo.url}/", scheme=scheme, device_scale_factor=1)
    page.evaluate(
        "p => localStorage.setItem('haoyuan.preferences', JSON.stringify(p))", {"locale": locale, "large": large}
    )
    pages = {
        "home": ("/", "仁济示范医院"),
        "search": (f"/search?q={draw['hospital']['name']}&date={draw['date']}", draw["doctor"]["name"]),
        "hospital": (f"/hospitals/{draw['hospital']['id']}", draw["department"]["name"]),
        "department": (f"/departments/{draw['department']['id']}?date={draw['date']}", draw["doctor"]["name"]),
        "doctor": (f"/doctors/{draw['doctor']['id']}", "¥"),
        "session": (f"/sessions/{draw['id']}", "1 "),
    }
    for name in names.split():
        path, words = pages[name]
        page.goto(f"{demo.url}{path}")
        expect(page.get_by_role("main").get_by_text(words).first).to_be_visible()
        expect(page.locator(".bone")).to_have_count(0)
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= 360, f"{name}: {width} px are wider than the phone"
        axe(page)
        shoot(page, f"patient-{name}-{locale}-{scheme}-360", whole=True)
