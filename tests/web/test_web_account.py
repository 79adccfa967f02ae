"""One's own account: registering, the people one books for, the language that follows, the inbox, one's data, the end of it."""

import json
import re
import secrets

import pytest
from actors import PASSWORD, Hospital, Mailbox, Patient, eventually, resident_id
from people import at
from playwright.sync_api import expect

from demo.seed import FAMILY
from demo.seed import PASSWORD as DEMO

LONG = "four words do well"
CHILD_BORN = "20190305"


@pytest.fixture(scope="module")
def letters(demo):
    return Mailbox(demo.mailbox_url)


def _checked(body):
    """17 digits with the one that checks them (GB 11643)."""
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return body + "10X98765432"[sum(w * int(d) for w, d in zip(weights, body, strict=True)) % 11]


def _fits(page, most):
    assert page.evaluate("document.documentElement.scrollWidth") <= most


def test_registering_by_name_shows_the_rules_and_leads_back(narrow, demo, shoot, axe, allow):
    allow(r"answer: 422 POST .*/api/v1/users$")
    page = narrow(f"{demo.url}/register?next=/me/people")
    axe(page)
    shoot(page, "account-register", whole=True)
    page.get_by_text("用户名", exact=True).click()
    name = f"lin{secrets.token_hex(4)}"
    page.get_by_role("textbox", name="用户名").fill(name)
    page.get_by_role("textbox", name="电子邮箱").fill(f"{name}@example.com")
    page.get_by_label("密码", exact=True).fill("abc")
    page.get_by_role("button", name="注册").click()
    expect(page.get_by_role("alert")).to_have_text(re.compile(r"\d+ 到 128 个字符"))
    axe(page)
    page.get_by_label("密码", exact=True).fill(LONG)
    page.get_by_role("button", name="注册").click()
    expect(page).to_have_url(f"{demo.url}/me/people")
    expect(page.get_by_text("还没有就诊人")).to_be_visible()
    _fits(page, 360)


def test_by_a_code_without_a_password_in_english(phone, demo, letters, axe):
    page = phone(f"{demo.url}/register?next=/orders", locale="en-US")
    to = f"mei{secrets.token_hex(4)}@example.com"
    page.get_by_role("textbox", name="Phone number or e-mail").fill(to)
    page.get_by_role("button", name="Send a code").click()
    expect(page.get_by_role("button", name=re.compile(r"Again in \d+ s"))).to_be_disabled()
    first = letters.wait(to, "registering", "email")
    page.get_by_role("textbox", name="Code").fill(letters.code(to))
    page.get_by_role("button", name="Register").click()
    expect(page.get_by_text("You are registered. Log in by another code now.")).to_be_visible()
    expect(page.get_by_text(f"If {to} can be used")).to_be_visible()
    axe(page)
    page.get_by_role("textbox", name="Code").fill(letters.code(to, after=first["id"]))
    page.get_by_role("button", name="Log in", exact=True).click()
    expect(page).to_have_url(f"{demo.url}/orders")


def test_nobody_is_led_away_after_the_login(phone, demo, allow, shoot, axe):
    allow(r"answer: 401 POST .*/api/v1/tokens$")
    page = phone(f"{demo.url}/login?next=//elsewhere.example/")
    axe(page)
    shoot(page, "account-login", whole=True)
    page.get_by_role("textbox", name="用户名").fill("demo")
    page.get_by_label("密码", exact=True).fill("wrong")
    page.get_by_role("button", name="登录").click()
    expect(page.get_by_role("alert")).to_have_text("用户名或密码不正确。")
    page.get_by_label("密码", exact=True).fill(DEMO)
    page.get_by_role("button", name="登录").click()
    expect(page).to_have_url(f"{demo.url}/")


def test_staff_begin_at_their_desks(desktop, demo):
    page = at(desktop, f"{demo.url}/login", "registrar")
    expect(page).to_have_url(re.compile(r"/staff"))


def test_a_family_with_a_child_who_has_a_guardian(phone, demo, shoot, axe):
    patient = Patient(demo.base)
    page = at(phone, f"{demo.url}/login?next=/me/people?next=/sessions/ses_x", patient.username, PASSWORD)
    expect(page.get_by_role("link", name="回到刚才的预约")).to_have_attribute("href", "/sessions/ses_x")
    page.goto(f"{demo.url}/me/people")
    page.get_by_role("link", name="添加就诊人").click()
    number = page.get_by_role("textbox", name="证件号码")
    page.get_by_role("textbox", name="姓名").fill("李小明")
    page.get_by_role("textbox", name="手机号").fill("13800138000")
    good = _checked(f"110101{CHILD_BORN}12{secrets.randbelow(10)}")
    number.fill(good[:-1] + ("1" if good[-1] != "1" else "2"))
    expect(page.get_by_role("alert")).to_have_text("校验位不对，请再核对一遍号码。")
    number.fill(good)
    expect(page.get_by_role("status")).to_contain_text("出生于 2019-03-05")
    guardian = page.get_by_role("combobox", name="监护人")
    page.get_by_role("button", name="保存").click()
    expect(page).to_have_url(f"{demo.url}/me/people/new")  # the browser wants the guardian first
    guardian.select_option(index=1)
    axe(page)
    shoot(page, "account-person", whole=True)
    page.get_by_role("button", name="保存").click()
    expect(page.get_by_role("article")).to_have_count(2)
    child = page.get_by_role("article").filter(has_text="儿童")
    expect(child).to_contain_text("监护人：李*")
    axe(page)
    shoot(page, "account-people", whole=True)
    kept = patient.get("/users/me/patients")["items"]
    assert [one["guardian_id"] for one in kept if one["age"] < 14] == [patient.patient]
    assert good not in page.content()


def test_one_who_answers_for_a_child_stays(phone, demo, allow):
    allow(r"answer: 409 DELETE ")
    patient = Patient(demo.base)
    child = _checked(f"110101{CHILD_BORN}22{secrets.randbelow(10)}")
    about = {"id_type": "resident_id", "id_number": child, "phone": "13800138000", "guardian_id": patient.patient}
    patient.post("/users/me/patients", {"name": "李小红", **about})
    page = at(phone, f"{demo.url}/login?next=/me/people", patient.username, PASSWORD, locale="en-US")
    adult = page.get_by_role("article").filter(has_not_text="child")
    adult.get_by_role("button", name=re.compile("^Remove")).click()
    adult.get_by_role("group").get_by_role("button", name="Remove").click()
    expect(page.get_by_role("alert")).to_contain_text("guardian of a child")
    expect(page.get_by_role("article")).to_have_count(2)


def test_the_language_that_is_chosen_is_kept_and_is_that_of_the_letters(phone, demo, shoot, axe):
    patient = Patient(demo.base)
    page = at(phone, f"{demo.url}/login?next=/me", patient.username, PASSWORD)
    axe(page)
    shoot(page, "account-me", whole=True)
    with page.expect_response(lambda r: r.url.endswith("/users/me") and r.request.method == "PATCH"):
        page.get_by_role("combobox", name="语言").select_option("en")
    expect(page.get_by_role("heading", level=1)).to_have_text("Me")
    expect(page).to_have_title(re.compile("^Me"))
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Me")
    page.get_by_role("combobox", name="Appearance").select_option("dark")
    page.get_by_role("checkbox", name="Large type").check()
    axe(page)
    shoot(page, "account-me-large-dark-en", whole=True)
    assert patient.get("/users/me")["locale"] == "en"
    page.get_by_role("button", name="Log out").click()
    again = at(
        phone, f"{demo.url}/login?next=/me", patient.username, PASSWORD
    )  # another browser, which knows nothing yet
    expect(again.get_by_role("heading", level=1)).to_have_text("Me")


def test_the_pages_of_an_account(narrow, demo, shoot, axe):
    patient = Patient(demo.base)
    page = at(narrow, f"{demo.url}/login?next=/me", patient.username, PASSWORD)
    for name in ("contact", "password", "logins", "notifications", "data"):
        page.goto(f"{demo.url}/me/{name}")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        expect(page.get_by_role("main").get_by_role("button").first).to_be_visible()
        axe(page)
        _fits(page, 360)
        shoot(page, f"account-{name}", whole=True)
    page.goto(f"{demo.url}/me/notifications")
    page.get_by_role("group", name="短信").get_by_role("checkbox", name="订单消息").uncheck()
    page.get_by_role("checkbox", name="这段时间里先不发").check()
    page.get_by_role("button", name="保存").click()
    expect(page.get_by_role("status").filter(has_text="已保存")).to_be_visible()
    kept = patient.get("/notifications/preferences")
    assert (kept["sms"]["orders"], kept["quiet_hours"]) == (False, {"from": "22:00", "to": "07:00"})


def test_an_address_is_proved_by_its_code_and_the_password(phone, demo, letters, allow):
    allow(r"answer: 403 POST .*/users/me/email$")
    patient = Patient(demo.base)
    to = f"{patient.username}@example.com"
    page = at(phone, f"{demo.url}/login?next=/me/contact", patient.username, PASSWORD)
    card = page.get_by_role("region", name="电子邮箱")
    expect(card).to_contain_text("未验证")
    card.get_by_role("button", name="验证", exact=True).click()
    card.get_by_role("button", name="发送验证码").click()
    letters.wait(to, "", "email")
    card.get_by_role("textbox", name="验证码").fill(letters.code(to))
    card.get_by_label("现在的密码", exact=True).fill("wrong password")
    card.get_by_role("button", name="确定").click()
    expect(card.get_by_role("alert")).to_have_text("密码不正确。")
    card.get_by_label("现在的密码", exact=True).fill(PASSWORD)
    card.get_by_role("button", name="确定").click()
    expect(card.get_by_role("status")).to_have_text("已经改好。")
    expect(card).to_contain_text("已验证")
    assert patient.get("/users/me")["email_verified"]


def test_ones_data_as_a_file_and_the_end_of_the_account(phone, demo, allow, shoot, axe):
    allow(r"answer: 401 POST .*/api/v1/tokens$")
    patient = Patient(demo.base)
    page = at(phone, f"{demo.url}/login?next=/me/data", patient.username, PASSWORD)
    copy = page.get_by_role("region", name="导出我的数据")
    copy.get_by_label("现在的密码", exact=True).fill(PASSWORD)
    with page.expect_download() as download:
        copy.get_by_role("button", name="下载文件").click()
    assert re.fullmatch(rf"haoyuan-{patient.username}-\d{{4}}-\d\d-\d\d\.json", download.value.suggested_filename)
    document = json.loads(download.value.path().read_text(encoding="utf-8"))
    assert document["account"]["username"] == patient.username
    assert [person["name"] for person in document["patients"]] == ["李小龙"]
    assert resident_id(0)[:14] in json.dumps(document)  # in clear: it is her own

    page.get_by_text("我要注销账号").click()
    end = page.get_by_role("region", name="注销账号")
    end.get_by_label("现在的密码", exact=True).fill(PASSWORD)
    end.get_by_role("button", name="永久注销").click()  # the browser wants the tick first
    expect(end.get_by_role("checkbox")).to_be_focused()
    end.get_by_role("checkbox").check()
    end.get_by_role("button", name="永久注销").click()
    expect(page.get_by_text("您的账号已经注销。")).to_be_visible()
    page.get_by_role("textbox", name="用户名").fill(patient.username)
    page.get_by_label("密码", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="登录").click()
    expect(page.get_by_role("alert")).to_have_text("用户名或密码不正确。")


def test_the_inbox_is_live_and_counts_what_is_unread(phone, demo, shoot, axe):
    house, patient = Hospital(demo.base, demo.operator()), Patient(demo.base)
    page = at(phone, f"{demo.url}/login?next=/inbox", patient.username, PASSWORD)
    expect(page.get_by_role("article").filter(has_text="欢迎使用号源")).to_be_visible()
    order = patient.confirmed(house.session(2, fee=0))["id"]
    card = page.get_by_role("article").filter(has_text="挂号成功")
    expect(card).to_be_visible()  # by itself
    bar = page.get_by_role("navigation").get_by_role("link", name=re.compile("消息"))
    expect(bar).to_have_accessible_name(re.compile(r"\d+\s*条未读"))
    axe(page)
    shoot(page, "inbox", whole=True)
    card.get_by_role("button").click()
    expect(card).to_contain_text("王医生")
    expect(card.get_by_role("link", name="查看订单")).to_have_attribute("href", f"/orders/{order}")
    expect(card.get_by_text("未读")).to_have_count(0)
    card.get_by_text("发送情况").click()
    expect(card.get_by_text(re.compile("这条消息只在站内|电子邮件"))).to_be_visible()
    axe(page)
    shoot(page, "inbox-open", whole=True)
    page.get_by_role("button", name="全部标为已读").click()
    expect(bar).not_to_have_accessible_name(re.compile("未读"))
    assert patient.get("/notifications?unread=true")["items"] == []


def test_a_mark_can_be_appealed_once(phone, demo, shoot, axe):
    """A number that is given back late leaves a mark, and its owner says why that was not her doing."""
    house, patient = Hospital(demo.base, demo.operator()), Patient(demo.base)
    order = patient.confirmed(house.session(2, fee=0, days=2))["id"]
    patient.post(f"/orders/{order}/cancel")
    marks = f"/users/me/patients/{patient.patient}/credit"
    eventually(lambda: patient.get(marks)["items"], "the cancellation is noted")
    page = at(phone, f"{demo.url}/login?next=/me/people", patient.username, PASSWORD)
    page.get_by_role("link", name=re.compile("信用记录")).click()
    mark = page.get_by_role("article")
    expect(mark).to_contain_text("临近就诊退号")
    expect(mark).to_contain_text("由您自己退号产生")
    mark.get_by_text("我有异议，要申诉").click()
    axe(page)
    mark.get_by_role("textbox").fill("医院打电话让我改天来。")
    mark.get_by_role("button", name="提交申诉").click()
    expect(mark).to_contain_text("等待处理")
    expect(mark).to_contain_text("您的理由：医院打电话让我改天来。")
    expect(mark.get_by_text("我有异议，要申诉")).to_have_count(0)
    axe(page)
    shoot(page, "account-credit", whole=True)


def test_the_family_of_the_demo_is_full(phone, demo):
    page = at(phone, f"{demo.url}/login?next=/me/people", FAMILY.username)
    expect(page.get_by_text("已经有 4 位就诊人")).to_be_visible()
    expect(page.get_by_role("link", name="添加就诊人")).to_have_count(0)
