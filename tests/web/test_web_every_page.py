"""Every page of the desks, as each role sees it: nothing for axe, no key for words, nothing wider than the screen; by day and, in English, by night."""

import re
from datetime import datetime
from functools import cache

import pytest
from actors import Hospital
from common.clock import SHANGHAI
from people import at
from playwright.sync_api import expect

from stack.pages import WEB

STAFF = WEB / "src/staff"
KEYS = re.compile(r"\b[a-z]\w*(?:\.\w+)+\b")
ID = re.compile(r":(\w+)")
UNSEEN = {"operator/money/:/:"}
"""A system that has just begun has no day to compare with its bill."""
WAYS = {"day": ("zh-CN", "light"), "night": ("en-US", "dark")}
REGISTRARS = ["", "/publish", "/rosters", "/rosters/:roster", "/sessions/:session", "/counter"]
DESKS = {
    "registrar": ["", "/desk", "/desk/:session", *(f"/registrar{page}" for page in REGISTRARS), "/registrar/appeals"],
    "cashier": ["", "/cashier", "/cashier/refunds", "/cashier/ledger"],
    "manager": ["/manager", *(f"/manager/{page}" for page in ["waits", "planner", "back-test", "staff", "rules"])],
    "operator": [
        *(f"/operator{page}" for page in ["", "/orders", "/parked", "/money", "/letters", "/trail"]),
        "/registrar",
        "/desk",
    ],
}


def _operators_word(demo):
    return re.search(r"operator.*password (\S+)\)", demo.said)[1]


@cache
def _areas():
    """What the keys of messages begin with."""
    files = [*WEB.glob("src/**/messages.ts"), *WEB.glob("src/**/*[wW]ords.ts"), *WEB.glob("src/i18n/*.ts")]
    return {
        name
        for file in files
        for name in re.findall(r"^ {2,4}(\w+): \{", file.read_text(encoding="utf-8"), re.MULTILINE)
    }


@pytest.fixture(scope="module")
def examples(demo):
    """Something for each address that names something."""
    operator = demo.operator()
    today = datetime.now(SHANGHAI).date()
    sessions = operator.get(f"/sessions?date_from={today}&date_to={today}&limit=200")["items"]
    session = next(s for s in sessions if s["doctor"]["name"] == "高晴")  # whose line the demo has begun
    hospital = session["hospital"]["id"]
    code = next(h["code"] for h in operator.get("/hospitals?limit=100")["items"] if h["id"] == hospital)
    roster = operator.post("/rosters", {"hospital": {"code": code, "version": 0, "name": "x"}, "sessions": [{}]})
    return {
        "session": session["id"],
        "roster": roster["roster_id"],
    }


def _addresses(role, examples):
    return [ID.sub(lambda name: examples[name[1]], page) for page in DESKS[role]]


def _settled(page):
    """The page is there, with what it shows."""
    expect(page.get_by_role("heading", level=1).first).to_be_visible()
    expect(page.locator("main [aria-busy=true]")).to_have_count(0)
    expect(
        page.get_by_role("heading", name=re.compile("不能使用|cannot use|找不到|not found", re.IGNORECASE))
    ).to_have_count(0)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("role", DESKS)
def test_every_page_of_the_desks_is_fit_to_be_seen(desktop, demo, examples, axe, role, way):
    locale, scheme = WAYS[way]
    words = [_operators_word(demo)] if role == "operator" else []
    page = at(desktop, f"{demo.url}/staff", role, *words, locale=locale, scheme=scheme)
    for address in _addresses(role, examples):
        page.goto(f"{demo.url}/staff{address}")
        _settled(page)
        shown = page.evaluate("document.body.innerText")
        keys = [key for key in KEYS.findall(shown) if key.split(".")[0] in _areas()]
        assert not keys, f"{address} shows {keys}"
        assert page.evaluate("document.documentElement.scrollWidth") <= 1440, f"{address} is wider than the screen"
        axe(page)


def test_every_page_is_of_some_role():
    """What the routers know is looked at above."""
    files = [STAFF / "routes.ts", *STAFF.glob("*/routes.ts")]
    known = {
        path.strip("/")
        for file in files
        for path in re.findall(r"path: '([^']*)', component: \(\) => import\('\./\w+Page", file.read_text())
    }
    areas = re.compile(r"^(registrar|manager)/?")
    looked = {page.split("?")[0].strip("/") for pages in DESKS.values() for page in pages}
    looked |= {areas.sub("", page) for page in looked}
    plain = {ID.sub(":", page) for page in looked}
    assert len(known) > 15
    assert {ID.sub(":", path) for path in known} - UNSEEN <= plain


def test_who_chooses_another_hospital_leaves_what_is_of_the_one_before(desktop, demo, examples):
    other = Hospital(demo.base, demo.operator())
    session = other.session(4)
    page = at(desktop, f"{demo.url}/staff/registrar/sessions/{session}", "operator", _operators_word(demo))
    chosen = page.get_by_role("banner").get_by_label("医院")
    expect(chosen).to_have_value(other.id)
    options = chosen.locator("option").evaluate_all("all => all.map(one => one.value)")
    chosen.select_option(next(option for option in options if option != other.id))
    expect(page).to_have_url(f"{demo.url}/staff/registrar")
    page.go_back()
    expect(chosen).to_have_value(other.id)
