"""The registrar's desk: a session published by hand, rosters from files with their faults row by row, and 停诊 until nobody waits for money."""

import csv
import json
import re
import secrets
from datetime import datetime, timedelta

import pytest
from actors import PASSWORD, Client, Hospital, Patient, Sandbox, eventually
from common.clock import SHANGHAI
from people import at
from playwright.sync_api import expect

HEADER = [
    "医生编号",
    "科室编号",
    "日期",
    "开始时间",
    "结束时间",
    "每段分钟",
    "每段号数",
    "挂号费",
    "提前天数",
    "放号时间",
]


@pytest.fixture
def house(demo):
    """A hospital with no session but those that a test makes: so nobody is offered a substitute."""
    return Hospital(demo.base, demo.operator())


@pytest.fixture
def registrar(demo, house):
    """Of the hospital: her user name."""
    name = f"registrar{secrets.token_hex(4)}"
    Client(demo.base).post("/users", {"username": name, "password": PASSWORD, "email": f"{name}@example.com"})
    demo.operator().post("/staff", {"username": name, "roles": ["registrar"], "hospital_id": house.id})
    return name


def _day(days):
    return (datetime.now(SHANGHAI) + timedelta(days=days)).date().isoformat()


def _operators_word(demo):
    return re.search(r"operator.*password (\S+)\)", demo.said)[1]


def _row(code, day, start="08:00"):
    return {
        "code": code,
        "version": 1,
        "doctor": "D002",
        "date": day,
        "period": "morning",
        "fee": {"amount": 3000, "currency": "CNY"},
        "release_at": f"{_day(1)}T08:30:00+08:00",
        "slots": [{"starts_at": f"{day}T{start}:00+08:00", "ends_at": f"{day}T09:00:00+08:00", "capacity": 5}],
    }


def test_the_roster_is_a_grid_of_doctors_and_days(desktop, demo, shoot, axe):
    page = at(desktop, f"{demo.url}/staff/registrar", "registrar")
    expect(page.get_by_role("heading", level=1, name="仁济示范医院排班表")).to_be_visible()
    grid = page.get_by_role("region").filter(has=page.get_by_role("rowheader", name=re.compile("王立群")))
    expect(grid.get_by_role("link", name=re.compile(r"08:00")).first).to_be_visible()
    expect(grid.get_by_role("columnheader")).to_have_count(8)  # a week, and the doctors
    axe(page)
    shoot(page, "registrar-roster")
    page.get_by_label("显示", exact=True).select_option("2")
    expect(grid.get_by_role("columnheader")).to_have_count(15)
    page.get_by_label("医生", exact=True).fill("王立群")
    expect(grid.get_by_role("rowheader", name=re.compile("李秀兰"))).to_have_count(0)


def test_the_roster_fits_a_phone_and_the_dark_in_english(phone, demo, shoot, axe):
    page = at(phone, f"{demo.url}/staff/registrar", "registrar", locale="en-US", scheme="dark")
    expect(page.get_by_role("heading", level=1, name="Roster of 仁济示范医院")).to_be_visible()
    expect(page.get_by_role("rowheader", name=re.compile("王立群"))).to_be_attached()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    axe(page)
    shoot(page, "registrar-roster-phone-dark", whole=True)


def test_a_session_is_drafted_mended_and_published(desktop, demo, shoot, axe):
    day = _day(20)
    page = at(desktop, f"{demo.url}/staff/registrar/publish", "registrar")
    page.get_by_label("医生", exact=True).select_option(label="心血管内科 · 陈晓东 主治医师")
    page.get_by_label("日期", exact=True).fill(day)
    page.get_by_label("放号时间").fill(f"{_day(1)}T08:30")
    page.get_by_label("诊室").fill("B101")
    page.get_by_label("挂号费（元）").fill("12.345")
    page.get_by_label("第 2 段：保留").fill("9")
    page.get_by_role("button", name="存为草稿").click()
    expect(page.get_by_text("有 2 处需要修改。")).to_be_visible()
    expect(page.get_by_text("保留与渠道号数之和多于号数")).to_be_visible()
    axe(page)
    shoot(page, "registrar-publish-faults", whole=True)

    page.get_by_label("挂号费（元）").fill("12.5")
    page.get_by_label("第 2 段：保留").fill("1")
    page.get_by_role("button", name="存为草稿").click()
    expect(page.get_by_text("草稿已保存")).to_be_visible()

    page.get_by_role("link", name="排班表").click()
    page.get_by_role("link", name=re.compile(f"{day}.*陈晓东")).click()
    expect(page.get_by_label("诊室")).to_have_value("B101")
    expect(page.get_by_label("第 2 段：保留")).to_have_value("1")
    page.get_by_role("button", name="发布", exact=True).click()
    expect(page).to_have_url(re.compile("/staff/registrar/sessions/ses_"))
    expect(page.get_by_text("待放号", exact=True)).to_be_visible()
    expect(page.get_by_text("¥12.50")).to_be_visible()
    expect(page.get_by_role("row", name=re.compile(r"08:30–09:00 5 4"))).to_be_visible()

    page.get_by_label("增加几个号").fill("2")
    page.get_by_role("button", name="加号").click()
    expect(page.get_by_text("已在 08:00 时段加 2 个号，现共 7 个。")).to_be_visible()
    page.get_by_role("button", name="加号").click()
    expect(page.get_by_text("已在 08:00 时段加 2 个号，现共 9 个。")).to_be_visible()
    page.mouse.down(click_count=2)  # that was a double click, and its answer fast
    page.mouse.up(click_count=2)
    page.get_by_role("button", name="开具凭证").click()
    expect(page.get_by_text("凭证码（请交给患者）：")).to_be_visible()
    expect(page.get_by_role("cell", name="未使用")).to_be_visible()
    expect(page.get_by_text("现共 9 个。")).to_be_visible()
    axe(page)
    shoot(page, "registrar-session", whole=True)
    page.get_by_role("link", name="排班表").click()
    expect(page.get_by_text("未发布的草稿")).to_have_count(0)


def test_a_roster_with_one_bad_row_is_answered_row_by_row(desktop, demo, shoot, axe, tmp_path):
    day = _day(21)
    hospital = {"code": "renji", "name": "仁济示范医院", "version": 0}
    rows = [_row("web-good", day), _row("web-bad", day, "25:00")]
    file = tmp_path / "roster.json"
    file.write_text(json.dumps({"hospital": hospital, "sessions": rows}), encoding="utf-8")
    page = at(desktop, f"{demo.url}/staff/registrar/rosters", "registrar")
    page.get_by_label("选择排班文件").set_input_files(file)
    expect(page.get_by_text("科室 0 个，医生 0 位，出诊 2 次")).to_be_visible()
    page.get_by_role("button", name="发送").click()

    result = page.get_by_role("region", name="导入结果")
    expect(result.get_by_role("heading", name="部分收下")).to_be_visible()
    bad = result.get_by_role("row").filter(has_text="sessions[1].slots[0].starts_at")
    expect(bad).to_contain_text("时间不合法，或缺少时区")
    axe(page)
    shoot(page, "registrar-upload-result", whole=True)
    result.get_by_label("级别").select_option("warning")
    expect(bad).to_have_count(0)
    with page.expect_download() as download:
        result.get_by_role("button", name="下载结果").click()
    assert json.loads(download.value.path().read_text(encoding="utf-8"))["rejected"] == 1

    page.get_by_role("region", name="导入记录").first.get_by_role("link").first.click()
    expect(page.get_by_role("heading", level=1, name="导入详情")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="sessions[1].slots[0].starts_at")).to_be_visible()
    axe(page)
    shoot(page, "registrar-input")


def test_a_csv_of_excel_is_read_and_its_bad_lines_are_named(desktop, demo, tmp_path):
    file = tmp_path / "排班.csv"
    with file.open("w", encoding="gbk", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(HEADER)
        writer.writerow(["D003", "cardio", _day(22), "08:00", "10:00", 30, 5, "60.50", 7, "07:00"])
        writer.writerow(["D003", "cardio", _day(23), "25:00", "26:00", 30, 5, "60.50", 7, "07:00"])
    page = at(desktop, f"{demo.url}/staff/registrar/rosters", "registrar")
    page.get_by_label("选择排班文件").set_input_files(file)
    expect(page.get_by_text("有 1 行读不懂")).to_be_visible()
    page.get_by_role("button", name="发送").click()
    result = page.get_by_role("region", name="导入结果")
    expect(result.get_by_role("row").filter(has_text="第 3 行")).to_contain_text("时间不合法")
    registrar = demo.operator()
    found = registrar.get(f"/sessions?date_from={_day(22)}&date_to={_day(22)}&limit=200")["items"]
    code = f"D003-{_day(22).replace('-', '')}-morning"
    assert [s["fee"]["amount"] for s in found if s["code"] == code] == [6050]


def test_a_stop_is_previewed_typed_out_and_watched_to_zero(desktop, demo, house, shoot, axe):
    session = house.session(4)
    paid, unpaid = Patient(demo.base), Patient(demo.base)
    order = paid.confirmed(session)["id"]
    held = unpaid.order(session)["id"]
    unpaid.state(held, "awaiting_payment")

    page = at(desktop, f"{demo.url}/staff/registrar/sessions/{session}", "operator", _operators_word(demo))
    page.get_by_role("button", name="停诊：先看影响").click()
    panel = page.get_by_role("region", name="停诊", exact=True)
    expect(panel.get_by_text("将取消 2 个预约，退还 ¥50.00。")).to_be_visible()
    expect(panel.get_by_role("row", name=re.compile("预约成功 1 ¥50.00"))).to_be_visible()
    expect(panel.get_by_text("两周内没有同科室、同号别的替代出诊")).to_be_visible()
    panel.get_by_label("停诊原因").fill("医生生病")
    do = panel.get_by_role("button", name="确认停诊")
    panel.get_by_label(re.compile("请输入医生姓名")).fill("李医生")
    expect(do).to_be_disabled()
    panel.get_by_label(re.compile("请输入医生姓名")).fill("王医生")
    axe(page)
    shoot(page, "registrar-stop-preview", whole=True)

    sandbox = Sandbox(demo.sandbox_url)
    with sandbox.having(refund_outcome="refused"):
        do.click()
        expect(page.get_by_role("heading", name="停诊进度")).to_be_visible()
        expect(panel.get_by_role("row", name=re.compile("退款待人工处理 1 ¥50.00"))).to_be_visible()
        expect(panel.get_by_text("正在处理：还有 1 个预约，¥50.00 待退还。")).to_be_visible()
        unpaid.state(held, "cancelled")
        axe(page)
        shoot(page, "registrar-stop-board", whole=True)
    refund = next(r for r in house.cashier.get("/refunds?state=failed&limit=200")["items"] if r["order_id"] == order)
    house.cashier.post(f"/refunds/{refund['id']}/retry", {})
    expect(panel.get_by_text("已全部处理完")).to_be_visible()  # by itself: nobody asks for the page again
    paid.state(order, "cancelled")
    axe(page)
    shoot(page, "registrar-stop-settled", whole=True)

    panel.get_by_role("button", name="恢复出诊").click()
    expect(page.get_by_text("可预约", exact=True)).to_be_visible()


def test_who_did_not_come_is_noted_at_the_counter_and_her_appeal_is_heard(desktop, demo, house, registrar, shoot, axe):
    session = house.session(1, fee=0, begun=True)
    patient = Patient(demo.base)
    order = patient.confirmed(session)["id"]
    page = at(desktop, f"{demo.url}/staff/registrar/counter", registrar, PASSWORD)
    page.get_by_label("预约编号").fill(f" {order} ")
    page.get_by_role("button", name="查询").click()
    expect(page.get_by_role("region", name="预约", exact=True)).to_contain_text("预约成功")
    axe(page)
    shoot(page, "registrar-counter")
    page.get_by_role("button", name="记为爽约").click()
    page.get_by_role("button", name="确认没有来").click()
    expect(page.get_by_text("已记为爽约。")).to_be_visible()
    expect(page.get_by_role("region", name="预约", exact=True)).to_contain_text("未到诊")
    mark = _mark_of(patient)
    patient.post(f"/users/me/patients/{patient.patient}/credit/{mark}/appeal", {"reason": "当天地铁停运"})

    page.get_by_role("link", name="信用申诉").click()
    card = page.get_by_role("article").filter(has_text=order)
    expect(card).to_contain_text("当天地铁停运")
    axe(page)
    shoot(page, "registrar-appeals")
    card.get_by_label("撤销这条记录").check()
    card.get_by_label("理由").fill("地铁停运属实")
    card.get_by_role("button", name="提交处理结果").click()
    expect(card).to_have_count(0)
    found = patient.get(f"/users/me/patients/{patient.patient}/credit")["items"][0]
    assert (found["state"], found["appeal"]["verdict_reason"]) == ("lifted", "地铁停运属实")


def _mark_of(patient):
    """Once user-svc has heard of it."""
    path = f"/users/me/patients/{patient.patient}/credit"
    return eventually(lambda: patient.get(path)["items"], "the visit is marked as missed")[0]["id"]


def test_who_is_no_registrar_is_not_let_in(desktop, demo):
    page = at(desktop, f"{demo.url}/staff/registrar", "cashier")
    expect(page.get_by_role("heading", name="您的账号不能使用这个页面。")).to_be_visible()
