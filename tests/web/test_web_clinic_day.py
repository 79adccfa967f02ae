"""A clinic day on its three screens at once: the desk, a patient's phone, and the board on the wall, which speaks; and without a network."""

import re
import secrets
from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import Any

import pytest
from actors import GENEROUS, PASSWORD, Hospital, Patient, eventually
from common.clock import SHANGHAI
from people import at
from playwright.sync_api import Page, expect

from demo.client import Refused

ROOM = "A101"
HERE = {"latitude": 39.9, "longitude": 116.4}
RECORDER = """
window.spoken = []
window.SpeechSynthesisUtterance = class { constructor(text) { this.text = text } }
Object.defineProperty(window, 'speechSynthesis', { value: {
  speak(one) { if (one.text.trim()) window.spoken.push(one.text); setTimeout(() => one.onend && one.onend(new Event('end')), 10) },
  cancel() {}, resume() {}, getVoices() { return [] },
} })
"""
"""What a board would have said, in place of the browser's voice."""
SMALLEST = """Math.min(...[...document.querySelectorAll('section *')]
  .filter(each => !each.children.length && each.textContent.trim()).map(each => parseFloat(getComputedStyle(each).fontSize)))"""
"""Of all texts of the queues, in pixels."""
CUT = """[...document.querySelectorAll('.desk')].filter(desk => [...desk.querySelectorAll('.room, .ticket, .who, .what, .why')].some(each => {
  const [own, box] = [each.getBoundingClientRect(), desk.getBoundingClientRect()]
  return own.top < box.top - 1 || own.bottom > box.bottom + 1 || own.right > box.right + 1
})).map(desk => desk.innerText)"""
"""Desks of which something is not to be seen."""


class Day:
    """A session that goes on now, with patients who have a number of it, of a hospital of its own."""

    def __init__(self, demo, patients: int, starts_in: int | None = None) -> None:
        self.url, operator = demo.url, demo.operator()
        house = Hospital(demo.base, operator, rules={**GENEROUS, "clinic": {"place": {**HERE, "within_metres": 300}}})
        self.house, self.desk = house, house.registrar
        begins_soon = starts_in is not None
        self.session = self._soon(patients, starts_in) if begins_soon else house.session(patients, fee=0, begun=True)
        self.people = [Patient(demo.base) for _ in range(patients)]
        orders = [person.confirmed(self.session) for person in self.people]
        self.orders = [order["id"] for order in orders]
        self.tickets = [str(order["queue_number"]) for order in orders]
        self.visits = [p.see(order)["visit_id"] for p, order in zip(self.people, self.orders, strict=True)]
        self.registrar = self.desk.get("/users/me")["username"]
        self.board = f"board{secrets.token_hex(4)}"
        account = {"username": self.board, "password": PASSWORD, "roles": ["board"], "hospital_id": house.id}
        operator.post("/staff", account)

    def _soon(self, capacity: int, minutes: int) -> str:
        """A session that begins in so many minutes: under the hospital's rules of now."""
        start = datetime.now(SHANGHAI) + timedelta(minutes=minutes)
        end = min(start + timedelta(hours=1), datetime.combine(start.date() + timedelta(days=1), time(), SHANGHAI))
        doctor = self.desk.get(f"/doctors?hospital_id={self.house.id}")["items"][0]["id"]
        slot = {"starts_at": start.isoformat(), "ends_at": end.isoformat(), "capacity": capacity}
        about = {"doctor_id": doctor, "date": start.date().isoformat(), "period": "morning", "room": ROOM}
        yesterday = (start - timedelta(days=1)).isoformat()
        fee = {"amount": 0, "currency": "CNY"}
        made = self.desk.post("/sessions", {**about, "fee": fee, "release_at": yesterday, "slots": [slot]})
        return str(made["id"])

    def come(self, *people: int) -> None:
        """The desk sees them."""
        for n in people:
            self.desk.post(f"/orders/{self.orders[n]}/check-in", {})

    def next(self, after: int | None) -> None:
        visit = None if after is None else self.visits[after]
        self.desk.post(f"/sessions/{self.session}/queue/next", {"room": ROOM, "after": visit})

    def walk_in(self, session: str, name: str, **more: str) -> None:
        """As soon as the session is known in the line."""

        def come() -> bool:
            try:
                self.desk.post(f"/sessions/{session}/queue/walk-ins", {"name": name, **more})
            except Refused as refused:
                if refused.problem.get("code") != "session_not_found":
                    raise
                return False
            return True

        eventually(come, "the session is known")

    def opens(self, *rooms: str) -> None:
        for room in rooms or [ROOM]:
            self.desk.post(f"/sessions/{self.session}/queue/desks", {"room": room})

    def at_board(self, wall: Callable[..., Page], path: str = "/board", **how: str) -> Page:
        page = at(wall, f"{self.url}/login?next=/board", self.board, PASSWORD, **how)
        page.add_init_script(RECORDER)
        page.goto(f"{self.url}{path}")
        return page

    def at_phone(self, phone: Callable[..., Page], n: int, path: str, **how: Any) -> Page:
        return at(phone, f"{self.url}/login?next={path}", self.people[n].username, PASSWORD, **how)

    def at_desk(self, desktop: Callable[..., Page], path: str = "", **how: str) -> Page:
        return at(desktop, f"{self.url}/login?next=/staff/desk{path}", self.registrar, PASSWORD, **how)


@pytest.fixture
def day(demo) -> Callable[..., Day]:
    return lambda *of: Day(demo, *of)


def call_of(ticket: str) -> str:
    digits = "".join("零一二三四五六七八九"[int(digit)] for digit in ticket)
    return f"请，{digits}号，到A一零一诊室就诊。"


def has_spoken(board: Page, *tickets: str) -> None:
    """These calls, once each, and in this order."""
    eventually(lambda: len(board.evaluate("spoken")) >= len(tickets), "the board speaks")
    assert [text.removeprefix("再次呼叫，") for text in board.evaluate("spoken")] == [call_of(t) for t in tickets]


def test_a_clinic_day_on_three_screens(day, phone, desktop, wall, shoot, axe, allow):
    allow(r"409 POST .*/check-in")  # a wrong code, on purpose
    allow(r"409 GET .*/wait$")  # before a room is open nobody can say how long it takes
    clinic = day(3)
    clinic.come(0, 1)
    board = clinic.at_board(wall)
    expect(board.get_by_role("heading", name="这块屏幕显示什么")).to_be_visible()
    board.get_by_role("checkbox", name=re.compile("王医生")).check()
    axe(board)
    shoot(board, "board-choose")
    board.get_by_role("button", name="开始显示").click()
    expect(board.get_by_text("还没有开诊")).to_be_visible()
    code = re.sub(r"\D", "", board.get_by_text(re.compile(r"报到码 \d{6}")).inner_text())

    mobile = clinic.at_phone(phone, 2, f"/orders/{clinic.orders[2]}/check-in")
    field = mobile.get_by_label("六位报到码")
    field.fill("000000" if code != "000000" else "111111")
    mobile.get_by_role("button", name="报到", exact=True).click()
    expect(mobile.get_by_role("alert")).to_contain_text("还可以试 4 次")
    axe(mobile)
    shoot(mobile, "patient-check-in", whole=True)
    field.fill(code)
    mobile.get_by_role("button", name="报到", exact=True).click()
    expect(mobile).to_have_url(re.compile(f"/visits/{clinic.visits[2]}$"))
    expect(mobile.get_by_text("前面还有 2 位")).to_be_visible()

    desk = clinic.at_desk(desktop)
    axe(desk)
    shoot(desk, "desk-sessions")
    desk.get_by_role("link", name=re.compile("王医生")).click()
    desk.get_by_role("button", name=re.compile("在 A101 诊室开诊")).click()
    desk.get_by_role("button", name=re.compile("叫下一位")).dblclick()  # which calls once
    here = desk.get_by_role("region", name="A101 诊室")
    expect(here.get_by_role("status")).to_contain_text(re.compile(r"李\*\s*请就诊"))
    serving = board.get_by_role("group", name="正在就诊")
    expect(serving).to_contain_text("请就诊")
    has_spoken(board, clinic.tickets[0])
    expect(mobile.get_by_text("前面还有 1 位")).to_be_visible()
    expect(mobile.get_by_role("heading", name="预计叫到您的时间")).to_be_visible()
    axe(mobile)
    shoot(mobile, "patient-visit", whole=True)

    desk.keyboard.press("s")
    expect(here.get_by_role("status")).to_contain_text("就诊中")
    expect(serving).to_contain_text("就诊中")
    desk.keyboard.press("n")
    expect(here.get_by_role("status")).to_contain_text(clinic.tickets[1])
    expect(mobile.get_by_text("下一位就是您")).to_be_visible()
    desk.get_by_role("button", name=re.compile("^完成并叫下一位")).click()

    expect(mobile.get_by_role("alert")).to_contain_text("请到 A101 诊室")
    expect(mobile).to_have_title(re.compile("请到 A101 诊室"))
    axe(mobile)
    shoot(mobile, "patient-called")
    has_spoken(board, *clinic.tickets)
    axe(board)
    shoot(board, "board-called")
    axe(desk)
    shoot(desk, "desk")

    desk.get_by_role("button", name=re.compile("^过号")).click()
    expect(mobile.get_by_role("status").filter(has_text="候诊中")).to_be_visible()
    expect(mobile.get_by_text(re.compile("叫到您时没有应答"))).to_be_visible()
    expect(mobile.get_by_text("下一位就是您")).to_be_visible()
    desk.get_by_role("button", name=re.compile("叫下一位")).click()
    expect(mobile.get_by_role("alert")).to_contain_text("这是第 2 次叫您")
    has_spoken(board, *clinic.tickets, clinic.tickets[2])
    desk.get_by_role("button", name=re.compile("^开始就诊")).click()
    expect(mobile.get_by_text("您正在 A101 诊室就诊")).to_be_visible()
    desk.get_by_role("button", name=re.compile("^完成")).click()
    expect(mobile.get_by_text("本次就诊已完成")).to_be_visible()
    clinic.people[2].state(clinic.orders[2], "fulfilled")
    expect(serving).to_contain_text("空闲")
    mobile.goto(f"{clinic.url}/visits")
    expect(mobile.get_by_role("link", name=re.compile("王医生.*已完成"))).to_be_visible()
    axe(mobile)
    shoot(mobile, "patient-visits")


def test_where_her_phone_is_checks_her_in_if_she_agrees(day, phone, allow, shoot):
    allow(r"409 POST .*/check-in")  # while she is still far away
    clinic = day(1, 5)
    path = f"/orders/{clinic.orders[0]}/check-in"
    far = {"latitude": 39.93, "longitude": 116.4, "accuracy": 10}
    mobile = clinic.at_phone(phone, 0, path, geolocation=far, permissions=["geolocation"])
    expect(mobile.get_by_text("位置只用来核对这一次，不会保存。")).to_be_visible()
    mobile.get_by_role("button", name="同意使用位置并报到").click()
    expect(mobile.get_by_role("alert")).to_contain_text("离医院约 3.3 公里")
    shoot(mobile, "patient-check-in-far", whole=True)
    mobile.context.set_geolocation({**HERE, "accuracy": 10})
    mobile.get_by_role("button", name="同意使用位置并报到").click()
    expect(mobile).to_have_url(re.compile(f"/visits/{clinic.visits[0]}$"))
    expect(mobile.get_by_role("heading", name="预计叫到您的时间")).to_be_visible()


def test_screens_without_a_network_say_so_and_catch_up(day, phone, wall, shoot, allow):
    allow(r"failed: ")  # that is what it is about
    clinic = day(3)
    clinic.opens()
    clinic.come(0, 1, 2)
    board = clinic.at_board(wall, f"/board?sessions={clinic.session}")
    mobile = clinic.at_phone(phone, 1, f"/visits/{clinic.visits[1]}")
    expect(mobile.get_by_text("前面还有 1 位")).to_be_visible()
    expect(board.get_by_text("候诊 3 人")).to_be_visible()
    clinic.next(None)
    has_spoken(board, clinic.tickets[0])
    for page in (board, mobile):
        page.context.set_offline(True)
    expect(board.get_by_text(re.compile(r"连接中断.*内容截至"))).to_be_visible()
    expect(mobile.get_by_text(re.compile(r"连接中断.*内容截至"))).to_be_visible()
    expect(mobile.get_by_text("下一位就是您")).to_be_visible()  # what is old stays
    shoot(board, "board-lost")
    shoot(mobile, "patient-visit-lost")
    clinic.next(0)
    clinic.next(1)
    assert len(board.evaluate("spoken")) == 1
    for page in (board, mobile):
        page.context.set_offline(False)
    expect(mobile.get_by_text("本次就诊已完成")).to_be_visible()
    expect(board.get_by_text(re.compile("连接中断"))).to_have_count(0)
    has_spoken(board, *clinic.tickets)
    board.goto(f"{clinic.url}/board")  # the screen is restarted, without an address
    expect(board.get_by_role("group", name="正在就诊")).to_contain_text("请就诊")
    clinic.next(2)
    expect(board.get_by_role("group", name="正在就诊")).to_contain_text("空闲")
    assert board.evaluate("spoken") == [], "a restart repeats nothing"


def test_a_desk_that_is_behind_calls_nobody_by_mistake(day, desktop, allow):
    allow(r"failed: .*stream|409 POST .*/queue/next|409 GET .*/wait$")  # all of it since it is behind
    clinic = day(3)
    clinic.opens()
    clinic.come(0, 1, 2)
    clinic.next(None)
    desk = clinic.at_desk(desktop, f"/{clinic.session}")
    here = desk.get_by_role("region", name="A101 诊室")
    expect(here.get_by_role("status")).to_contain_text("请就诊")
    seen: list[str] = []

    def as_it_was(route):
        if not seen:
            seen.append(route.fetch().text())
        route.fulfill(body=seen[0], content_type="application/json")

    desk.route("**/queue/stream", lambda route: route.abort())
    desk.route(re.compile(r"/queue$"), as_it_was)
    desk.reload()
    expect(here.get_by_role("status")).to_contain_text("请就诊")
    clinic.next(0)
    clinic.next(1)
    with desk.expect_response(re.compile("/queue/next$")) as answer:
        desk.get_by_role("button", name=re.compile("^完成并叫下一位")).click()
    assert answer.value.status == 409
    desk.unroute(re.compile(r"/queue$"))
    expect(desk.get_by_role("alert").filter(has_text="什么也没有改动")).to_be_visible()
    expect(here.get_by_role("status")).to_contain_text(clinic.tickets[2])


def test_what_a_desk_does_besides_calling(day, desktop, shoot, axe):
    clinic = day(2)
    clinic.opens()
    clinic.come(0)
    other = clinic.house.session(1, fee=0, begun=True)
    desk = clinic.at_desk(desktop, f"/{clinic.session}", scheme="dark")
    waiting = desk.get_by_role("region", name=re.compile("^候诊"))
    expect(waiting.get_by_role("row")).to_have_count(2)
    desk.get_by_role("button", name="现场加入").click()
    dialog = desk.get_by_role("dialog")
    dialog.get_by_label(re.compile("姓名")).fill("欧阳锋")
    dialog.get_by_label("类别").select_option("优先")
    dialog.get_by_label(re.compile("理由")).select_option("高龄")
    dialog.get_by_role("button", name="确定").click()
    first = waiting.get_by_role("row").nth(1)
    expect(first).to_contain_text("优先 · 高龄")

    first.get_by_role("button", name=re.compile("更多")).click()
    axe(desk)
    desk.get_by_role("dialog").get_by_role("button", name="调整类别").click()
    desk.get_by_role("dialog").get_by_label("类别").select_option("现场")
    axe(desk)
    shoot(desk, "desk-class-dark")
    desk.get_by_role("dialog").get_by_role("button", name="确定").click()
    expect(waiting).not_to_contain_text("优先")

    desk.get_by_role("button", name="暂停叫号").click()
    desk.get_by_role("dialog").get_by_label(re.compile("原因")).fill("医生抢救病人")
    desk.get_by_role("dialog").get_by_role("button", name="确定").click()
    expect(desk.get_by_text(re.compile("已暂停：医生抢救病人"))).to_be_visible()
    expect(desk.get_by_role("button", name=re.compile("叫下一位"))).to_have_count(0)
    desk.get_by_role("button", name="恢复叫号").click()

    desk.get_by_role("button", name=re.compile("叫下一位")).click()
    desk.get_by_role("button", name=re.compile("^去检查")).click()
    away = desk.get_by_role("region", name=re.compile("^检查中"))
    away.get_by_role("button", name=re.compile("检查回来")).click()
    expect(waiting.get_by_role("row")).to_have_count(3)

    waiting.get_by_role("row").filter(has_text="李*").get_by_role("button", name=re.compile("更多")).click()
    desk.get_by_role("dialog").get_by_role("button", name="经过").click()
    expect(desk.get_by_role("dialog")).to_contain_text("检查回来")
    axe(desk)
    shoot(desk, "desk-history-dark")
    desk.get_by_role("button", name="关闭", exact=True).click()

    desk.get_by_role("button", name="全部转走").click()
    desk.get_by_role("dialog").get_by_label("转到哪一场门诊").select_option(index=0)
    desk.get_by_role("dialog").get_by_role("button", name="确定").click()
    expect(waiting).to_have_count(0)
    moved = clinic.desk.get(f"/sessions/{other}/queue")
    assert moved["counts"] == {"expected": 1, "waiting": 2}


def test_in_english_narrow_large_and_on_four_walls(day, narrow, desktop, wall, shoot, axe):
    clinic = day(2)
    clinic.opens()
    clinic.come(0, 1)
    other = clinic.house.session(1, fee=0, begun=True)
    clinic.walk_in(other, "钱多多", visit_class="emergency", reason="critical")
    clinic.next(None)
    board = clinic.at_board(wall, f"/board?sessions={clinic.session},{other}", locale="en-US")
    expect(board.get_by_text("Please come in")).to_be_visible()
    expect(board.get_by_text("Emergency · critical")).to_be_visible()
    expect(board.locator("html")).to_have_class(re.compile("dark"))
    axe(board)
    shoot(board, "board-two-en")
    small = board.evaluate(SMALLEST)
    assert small >= 1080 / 50, "readable from the last row"

    mobile = clinic.at_phone(narrow, 1, f"/visits/{clinic.visits[1]}", locale="en-US", scheme="dark")
    expect(mobile.get_by_text("You are next")).to_be_visible()
    mobile.evaluate("document.documentElement.classList.add('large')")
    expect(mobile.get_by_role("heading", name="When you may expect your call")).to_be_visible()
    assert mobile.evaluate("document.documentElement.scrollWidth") <= 360
    axe(mobile)
    shoot(mobile, "patient-visit-en-large-dark", whole=True)

    desk = clinic.at_desk(desktop, f"/{clinic.session}", locale="en-US")
    expect(desk.get_by_role("button", name=re.compile("Done, call next"))).to_be_visible()
    axe(desk)
    shoot(desk, "desk-en")


def test_many_desks_of_one_queue_are_all_to_be_seen_in_a_quarter_of_a_wall(day, wall, shoot, axe):
    clinic = day(4)
    rooms = [f"A10{n}" for n in range(1, 9)]
    clinic.opens(*rooms[:4])
    clinic.come(0, 1, 2, 3)
    for room in rooms[:3]:
        clinic.desk.post(f"/sessions/{clinic.session}/queue/next", {"room": room, "after": None})
    emergency = {"visit_class": "emergency", "reason": "critical"}
    clinic.desk.post(f"/visits/{clinic.visits[3]}/class", emergency)
    clinic.desk.post(f"/sessions/{clinic.session}/queue/next", {"room": rooms[3], "after": None})
    others = [clinic.house.session(1, fee=0, begun=True) for _ in range(2)]
    for other in others:
        clinic.walk_in(other, "钱多多")
    board = clinic.at_board(wall, f"/board?sessions={','.join([clinic.session, *others])}")
    desks = board.locator(".tile").first.locator(".desk")
    expect(desks).to_have_count(4)
    expect(desks.last).to_contain_text("急诊 · 病情危重")
    assert board.evaluate(CUT) == []
    axe(board)
    shoot(board, "board-four-desks")
    clinic.opens(*rooms[4:])
    expect(board.get_by_text("8 个诊室轮流显示")).to_be_visible()
    for room in (rooms[0], rooms[7]):  # whose turn may be the fourth, of eight seconds each
        expect(desks.filter(has_text=room)).to_be_visible(timeout=60_000)
    assert board.evaluate(CUT) == []
    assert board.evaluate(SMALLEST) >= 1080 / 50
    shoot(board, "board-eight-desks")
