"""The manager's desk: loads beside the models, promises that held, the planner with its charts, past days, accounts and rules."""

import re
import secrets

import pytest
from actors import PASSWORD, Client, Hospital, eventually
from people import at
from playwright.sync_api import expect


@pytest.fixture
def house(demo):
    return Hospital(demo.base, demo.operator())


@pytest.fixture
def manager(demo, house):
    """An administrator of the hospital: her user name."""
    name = f"manager{secrets.token_hex(4)}"
    Client(demo.base).post("/users", {"username": name, "password": PASSWORD, "email": f"{name}@example.com"})
    demo.operator().post("/staff", {"username": name, "roles": ["hospital_admin"], "hospital_id": house.id})
    return name


def _drawn(figure):
    """A chart that is not blank."""
    canvas = figure.locator("canvas")
    expect(canvas).to_be_visible()
    look = (
        """canvas => new Set(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data).size > 8"""
    )
    eventually(lambda: canvas.evaluate(look), "the chart is drawn")


def test_the_load_of_a_day_stands_beside_what_models_say(desktop, demo, shoot, axe):
    page = at(desktop, f"{demo.url}/staff/manager", "manager")
    row = page.get_by_role("row", name=re.compile("高晴")).first
    expect(row).to_contain_text("%")  # people came: there is a utilisation
    _drawn(page.locator("figure"))
    page.locator("figure").get_by_text("以表格查看").click()
    expect(page.locator("figure").get_by_role("rowheader", name=re.compile("高晴"))).to_be_visible()
    page.locator("summary").filter(has_text="高晴").click()
    models = page.get_by_role("region", name=re.compile("高晴"))
    expect(models.get_by_role("rowheader", name="M/G/c")).to_be_visible()
    expect(models.get_by_role("row", name=re.compile("M.M.1.*只有一位医生"))).to_be_visible()
    axe(page)
    shoot(page, "manager-load", whole=True)


def test_what_was_not_promised_has_no_share(desktop, demo, house, manager, axe):
    page = at(desktop, f"{demo.url}/staff/manager/waits", manager, PASSWORD)
    row = page.get_by_role("row", name=re.compile("内科"))
    expect(row).to_contain_text("还没有承诺过")
    expect(row.get_by_role("cell").first).to_have_text("–")
    expect(page.locator("canvas")).to_have_count(0)
    axe(page)


def test_promises_that_held_are_shown_with_how_far_to_trust_them(desktop, demo, shoot, axe):
    page = at(desktop, f"{demo.url}/staff/manager", "manager")
    departments = _coverages(page)
    page.route(re.compile(r"/api/v1/waits/coverage"), lambda route: route.fulfill(json=departments(route.request.url)))
    page.get_by_role("link", name="候诊承诺").click()
    expect(page.get_by_role("row", name=re.compile("84% ± 4%.*与目标相符"))).to_be_visible()
    expect(page.get_by_role("row", name=re.compile("60% ± 5%.*兑现偏少"))).to_be_visible()
    expect(page.get_by_role("row", name=re.compile("50% ± 2.%.*次数还少"))).to_be_visible()
    _drawn(page.locator("figure"))
    axe(page)
    shoot(page, "manager-waits")


def _coverages(page):
    """What a hospital's departments would have told after some weeks: nobody waits for that in a test."""
    told = iter([(0.84, 400), (0.6, 400), (0.5, 10), (None, 0)])
    known = {}

    def answer(url):
        department = re.search(r"department_id=([^&]+)", url)[1]
        share, count = known.setdefault(department, next(told, (None, 0)))
        since = "2026-11-01T08:00:00+08:00" if count else None
        return {"department_id": department, "share": share, "count": count, "left": 0, "meant": 0.8, "since": since}

    return answer


def test_the_planner_compares_what_could_be_done(desktop, demo, shoot, axe):
    page = at(desktop, f"{demo.url}/staff/manager/planner", "manager")
    page.get_by_label("自己填数字", exact=True).check()
    page.get_by_role("button", name="+ 4 位医生").click()
    page.get_by_role("button", name="+ 其他方案").click()
    page.get_by_label("方案 2：各时段人数").fill("nonsense")
    page.get_by_role("button", name="开始规划").click()
    expect(page.get_by_text("请填写，或格式不对")).to_be_visible()
    page.get_by_label("方案 2：各时段人数").fill("0:35 105:35")
    page.get_by_role("button", name="开始规划").click()

    result = page.get_by_role("region", name="规划结果")
    expect(result.get_by_role("heading", level=2)).to_be_focused()
    figures = result.locator("figure")
    expect(figures).to_have_count(3)
    for number in range(3):
        _drawn(figures.nth(number))
        figures.nth(number).locator("summary").click()
    expect(figures.nth(1).get_by_role("row", name=re.compile("4 位医生 平均等待 -.*减少"))).to_be_visible()
    expect(result.get_by_text("3 位医生就够")).to_be_visible()
    expect(result.get_by_text("医生按时开诊")).to_be_visible()
    axe(page)
    shoot(page, "manager-planner", whole=True)


def test_the_planner_fits_a_phone_and_the_dark_in_english(phone, demo, shoot, axe):
    page = at(phone, f"{demo.url}/staff/manager/planner", "manager", locale="en-US", scheme="dark")
    page.get_by_label("numbers", exact=True).check()
    page.get_by_role("button", name="Plan", exact=True).click()
    _drawn(page.locator("figure").first)
    expect(page.get_by_text("3 doctors are enough")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    axe(page)
    shoot(page, "manager-planner-phone-dark", whole=True)


def test_what_would_have_been_said_stands_beside_what_happened(desktop, demo, shoot, axe):
    page = at(desktop, f"{demo.url}/staff/manager/back-test", "manager")
    page.get_by_role("button", name="回测").click()
    expect(page.get_by_text("这段时间没有可以回测的出诊。")).to_be_visible()  # the demo's clinic still goes on
    page.route(re.compile("/api/v1/planning/back-test"), lambda route: route.fulfill(json=_tested()))
    page.get_by_role("button", name="回测").click()
    _drawn(page.locator("figure"))
    expect(page.get_by_role("row", name=re.compile("九成等待.*2 1.0 3.0 50%"))).to_be_visible()
    page.get_by_text("以表格查看").click()
    expect(page.get_by_role("row", name=re.compile("20.0 15.0–25.0 24.0 是"))).to_be_visible()
    expect(page.get_by_role("row", name=re.compile("20.0 15.0–25.0 30.0 否"))).to_be_visible()
    axe(page)
    shoot(page, "manager-back-test", whole=True)


def _tested():
    """Two past days, which no system that has just begun can have."""

    def day(date, wait):
        said = {"seen": 30.5, "overtime": 300.0, "wait_p90": 1200.0}
        happened = {"seen": 31.0, "overtime": 240.0, "wait_p90": wait}
        about = {"date": date, "period": "morning", "session_id": f"ses_{date}", "doctors": 2}
        return {**about, "low": 900.0, "high": 1500.0, "said": said, "happened": happened}

    errors = {"sessions": 2, "bias": 60.0, "mean_absolute": 180.0, "within": 0.5}
    return {
        "department_id": "dep",
        "known": ["bookings", "desks"],
        "more": False,
        "sessions": [day("2026-11-19", 1440.0), day("2026-11-20", 1800.0)],
        "wait_p90": errors,
        "overtime": {**errors, "within": None},
        "seen": {**errors, "bias": -0.5, "mean_absolute": 0.5, "within": None},
    }


def test_accounts_get_roles_change_and_go(desktop, demo, house, manager, shoot, axe, allow):
    newcomer = f"li{secrets.token_hex(4)}"
    Client(demo.base).post("/users", {"username": newcomer, "password": PASSWORD, "email": f"{newcomer}@example.com"})
    page = at(desktop, f"{demo.url}/staff/manager/staff", manager, PASSWORD)
    allow(r"answer: 404 POST .*/staff$")
    page.get_by_label("用户名").fill("nobody-at-all")
    page.get_by_label("医生", exact=True).check()
    page.get_by_role("button", name="保存").click()
    expect(page.get_by_text("必填")).to_be_visible()
    page.get_by_label("对应医生").select_option(label="内科 · 王医生 主任医师")
    page.get_by_role("button", name="保存").click()
    expect(page.get_by_role("alert")).to_contain_text("请本人先注册")
    page.get_by_label("用户名").fill(newcomer)
    page.get_by_role("button", name="保存").click()
    row = page.get_by_role("row", name=re.compile(newcomer))
    expect(row).to_contain_text("王医生")
    axe(page)
    shoot(page, "manager-staff", whole=True)
    wide = page.viewport_size
    page.set_viewport_size({"width": 390, "height": 844})
    list_box = page.locator(".scroll")
    assert list_box.evaluate("box => box.scrollWidth - box.clientWidth") == 0, "its buttons are within reach"
    axe(page)
    shoot(page, "manager-staff-narrow", whole=True)
    page.set_viewport_size(wide)

    row.get_by_role("button", name=re.compile("修改")).click()
    page.get_by_label("排班员").check()
    page.get_by_role("button", name="保存").click()
    expect(row).to_contain_text("排班员")
    row.get_by_role("button", name=re.compile("移除")).click()
    row.get_by_role("button", name="移除", exact=True).click()
    expect(row).to_have_count(0)
    expect(
        page.get_by_role("row", name=re.compile(manager)).get_by_role("button", name=re.compile("移除"))
    ).to_have_count(0)

    page.get_by_label("用户名").fill(f"{newcomer}-screen")
    page.get_by_label("候诊大屏").check()
    page.get_by_label("大屏密码").fill(PASSWORD)
    page.get_by_role("button", name="保存").click()
    expect(page.get_by_role("row", name=re.compile(f"{newcomer}-screen"))).to_contain_text("候诊大屏")


def test_a_version_of_the_rules_is_published_for_later(desktop, demo, house, manager, shoot, axe, allow):
    allow(r"answer: 422 POST .*/rules$")
    page = at(desktop, f"{demo.url}/staff/manager/rules", manager, PASSWORD)
    expect(page.get_by_role("region", name="现行规则")).to_contain_text("取号后请在 15 分钟内支付")
    page.get_by_role("button", name="发布新版本").click()
    page.get_by_role("button", name="增加一条").click()
    page.get_by_label("第 1 条：最多").fill("-3")
    page.get_by_role("button", name="发布", exact=True).click()
    expect(page.get_by_text("rules.limits[0].most")).to_be_visible()
    axe(page)
    shoot(page, "manager-rules", whole=True)
    page.get_by_label("第 1 条：最多").fill("2")
    page.get_by_label("支付时限（分钟）").fill("20")
    page.get_by_label("全部规则（JSON）").check()
    expect(page.get_by_role("textbox", name="全部规则（JSON）")).to_have_value(re.compile('"hold_minutes": 20'))
    page.get_by_label("常用项目").check()
    page.get_by_label("生效时间").fill("2099-01-01T00:00")
    page.get_by_role("button", name="发布", exact=True).click()
    coming = page.get_by_role("region", name="将来的版本")
    expect(coming.get_by_role("listitem").filter(has_text="20 分钟内支付")).to_contain_text("有变化")
    expect(page.get_by_role("region", name="现行规则")).to_contain_text("取号后请在 15 分钟内支付")
