"""What only a browser shows of desks and boards: where the focus goes, keys that are held, long names, narrow screens, answers that get lost."""

import re

import pytest
from people import at
from playwright.sync_api import expect
from test_web_clinic_day import PASSWORD, ROOM, Day

LONG = "第十二诊室（东楼三层靠近电梯）"
CUT_OFF = """() => {
  const out = (each, box) => { const own = each.getBoundingClientRect(); return own.right > box.right || own.bottom > box.bottom || own.top < box.top || own.left < box.left }
  const cut = (inside, within) => [...document.querySelectorAll(inside)].filter(each => out(each, each.closest(within).getBoundingClientRect()))
  const screen = { left: 0, top: 0, right: innerWidth, bottom: innerHeight }
  const off = [...document.querySelectorAll('header > *, .tile, footer > *')].filter(each => out(each, screen))
  return [...cut('.desk .line > *, .desk .why', '.desk'), ...cut('.tile header > *, .tile li > *', '.tile'), ...off].map(each => each.textContent.trim())
}"""
"""What a board shows outside of its frame: of a desk, of a queue's part of the wall, or of the screen."""
LINES = "Math.round(document.querySelector('h1').clientHeight / (parseFloat(getComputedStyle(document.querySelector('h1')).fontSize) * 1.5))"
"""Of the hospital's name."""
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture
def clinic(demo) -> Day:
    made = Day(demo, 4)
    made.opens()
    made.come(0, 1, 2, 3)
    return made


def test_by_keyboard_alone_a_desk_goes_from_press_to_press(clinic, desktop):
    desk = clinic.at_desk(desktop, f"/{clinic.session}")
    status = desk.get_by_role("region", name=f"{ROOM} 诊室").get_by_role("status")
    desk.get_by_role("button", name=re.compile("^叫下一位")).focus()
    for _ in range(40):
        desk.keyboard.down("Enter")
    start = desk.get_by_role("button", name=re.compile("^开始就诊"))
    expect(start).to_be_focused()
    for _ in range(10):
        desk.keyboard.down("Enter")  # still held
    desk.keyboard.up("Enter")
    expect(status).to_contain_text("请就诊")
    desk.keyboard.press("Enter")
    expect(status).to_contain_text("就诊中")
    expect(desk.get_by_role("button", name=re.compile("^完成并叫下一位"))).to_be_focused()
    assert clinic.desk.get(f"/sessions/{clinic.session}/queue")["counts"]["waiting"] == 3


def test_dialogs_rooms_and_pauses_give_the_focus_back(clinic, desktop):
    desk = clinic.at_desk(desktop, f"/{clinic.session}")

    def button(words: str):
        return desk.get_by_role("button", name=re.compile(f"^{words}"))

    button("暂停叫号").press("Enter")
    desk.get_by_role("dialog").get_by_role("button", name="确定").press("Enter")
    expect(button("暂停叫号")).to_be_focused()
    button("恢复叫号").press("Enter")
    expect(button("叫下一位")).to_be_focused()
    button("再开一个诊室").press("Enter")
    desk.keyboard.type("B2")
    desk.keyboard.press("Enter")
    expect(button("再开一个诊室")).to_be_focused()
    button("关闭诊室").press("Enter")
    expect(desk.get_by_role("combobox", name="诊室", exact=True)).to_be_focused()
    more = button("更多").first
    more.press("Enter")
    desk.get_by_role("dialog").get_by_role("button", name="调整类别").press("Enter")
    expect(desk.get_by_role("dialog").get_by_role("combobox").first).to_be_visible()
    desk.keyboard.press("Escape")
    expect(more).to_be_focused()


def test_an_answer_that_got_lost_ends_no_visit(clinic, desktop, allow):
    allow(r"failed: ")
    clinic.next(None)
    desk = clinic.at_desk(desktop, f"/{clinic.session}")
    done = desk.get_by_role("button", name=re.compile("^完成并叫下一位"))
    expect(done).to_be_visible()
    sent: list[tuple[str | None, str | None]] = []

    def lost(route):
        sent.append((route.request.post_data, route.request.header_value("idempotency-key")))
        response = route.fetch()
        if len(sent) <= 4:  # what a page sends for one press before it gives up
            route.abort()
        else:
            route.fulfill(response=response)

    desk.route("**/queue/stream", lambda route: route.abort())
    desk.route(re.compile(r"/queue$"), lambda route: route.abort())
    desk.route("**/queue/next", lost)
    desk.reload()
    desk.unroute(re.compile(r"/queue$"))
    expect(done).to_be_visible()
    desk.route(re.compile(r"/queue$"), lambda route: route.abort())
    done.click()
    while len(sent) < 4:  # the line's own fault is told before that of the press
        desk.wait_for_event("requestfailed", lambda request: request.url.endswith("/queue/next"), timeout=60_000)
    expect(done).to_be_enabled()
    done.click()
    expect(desk.get_by_role("alert").filter(has_text=re.compile("网络"))).to_have_count(0, timeout=60_000)
    expect(desk.get_by_role("status").filter(has_text="请就诊")).to_be_visible()
    assert len(sent) == 5
    assert len(set(sent)) == 1
    assert clinic.desk.get(f"/sessions/{clinic.session}/queue")["counts"]["waiting"] == 2


def test_a_long_name_of_a_room_hides_nothing_on_the_wall(clinic, wall, shoot):
    clinic.next(None)
    others = [clinic.house.session(1, fee=0, begun=True) for _ in range(3)]
    for session in others:
        clinic.walk_in(session, "钱多多")
        clinic.desk.post(f"/sessions/{session}/queue/desks", {"room": LONG})
        clinic.desk.post(f"/sessions/{session}/queue/next", {"room": LONG, "after": None})
    for room in (f"{LONG}2", f"{LONG}3"):  # three desks in a quarter of the wall, with why somebody comes first
        clinic.walk_in(session, "欧阳小海", visit_class="priority", reason="elderly")
        clinic.desk.post(f"/sessions/{session}/queue/desks", {"room": room})
        clinic.desk.post(f"/sessions/{session}/queue/next", {"room": room, "after": None})
    everything = ",".join([clinic.session, *others])
    board = clinic.at_board(wall, f"/board?sessions={everything}")
    expect(board.get_by_text("请就诊", exact=True)).to_have_count(6)
    assert board.evaluate(CUT_OFF) == []
    shoot(board, "board-long-names")
    # a screen that hangs upright, and a phone: one queue below the other
    for width, height in ((1080, 1920), (390, 844)):
        board.set_viewport_size({"width": width, "height": height})
        assert board.evaluate(CUT_OFF) == []
        lefts = board.evaluate("[...document.querySelectorAll('.tile')].map(each => each.getBoundingClientRect().left)")
        assert len(set(lefts)) == 1
        assert board.evaluate(LINES) == 1
        shoot(board, f"board-upright-{width}")


def test_on_a_narrow_screen_staff_pages_do_not_scroll_sideways(clinic, desktop, shoot):
    size = {"width": 390, "height": 844}
    desk = clinic.at_desk(desktop, f"/{clinic.session}", viewport=size)
    waiting = desk.get_by_role("region", name=re.compile("^候诊"))
    expect(waiting.get_by_role("button", name=re.compile("^更多"))).to_have_count(4)
    assert desk.evaluate(WIDER) == 0
    assert waiting.evaluate("box => box.scrollWidth - box.clientWidth") == 0, "what is done with a line is within reach"
    shoot(desk, "desk-narrow", whole=True)
    address = f"{clinic.url}/login?next=/staff/registrar/publish"
    publish = at(desktop, address, clinic.registrar, PASSWORD, viewport=size)
    expect(publish.get_by_role("heading", level=1)).to_be_visible()
    expect(publish.locator("form .scroll").first).to_be_visible()
    assert publish.evaluate(WIDER) == 0
