"""What has the focus shows it (WCAG 2.4.7), which axe cannot see: the style sheets of libraries come later than ours, and some take it away."""

import re

import pytest
from actors import Hospital
from people import at
from playwright.sync_api import expect

STEPS = 14
SHOWN = """() => {
  const own = document.activeElement
  const around = [own, own.parentElement, own.closest('label, form')].filter(Boolean).map(each => getComputedStyle(each))
  return own === document.body || around.some(style => style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0)
}"""


@pytest.mark.parametrize("path", ["/", "/search", "/orders", "/me", "/inbox", "/draws"])
def test_what_has_the_focus_shows_it(phone, demo, path):
    page = at(phone, f"{demo.url}/login?next={path}", "demo")
    expect(page.get_by_role("heading", level=1).first).to_be_visible()
    expect(page.locator(".van-icon").first).to_be_visible()  # its style sheet is there
    hidden = []
    for _ in range(STEPS):
        page.keyboard.press("Tab")
        if not page.evaluate(SHOWN):
            hidden.append(page.evaluate("document.activeElement.outerHTML.slice(0, 120)"))
    assert hidden == []


COVERED = """() => {
  const own = document.activeElement
  const { x, y, width, height } = own.getBoundingClientRect()
  const top = document.elementFromPoint(x + width / 2, y + height / 2)
  return own === document.body || top !== null && (own.contains(top) || top.contains(own)) ? '' : own.outerHTML.slice(0, 120)
}"""


@pytest.mark.parametrize("large", [False, True])
def test_what_has_the_focus_is_not_behind_a_bar(narrow, demo, large):
    """WCAG 2.4.11; where there are two bars below each other."""
    session = Hospital(demo.base, demo.operator()).session(2, slots=8)
    page = at(narrow, f"{demo.url}/login?next=/sessions/{session}", "demo")
    button = page.locator("form.booking button[type=submit]")
    expect(button).to_be_visible()
    page.evaluate("large => document.documentElement.classList.toggle('large', large)", large)
    page.evaluate("scrollTo(0, 0)")
    covered = []

    def press(key: str, times: int) -> None:
        for _ in range(times):
            page.keyboard.press(key)
            covered.extend(filter(None, [page.evaluate(COVERED)]))

    press("Tab", STEPS)
    page.get_by_role("radio", name=re.compile("08:00")).focus()
    press("ArrowDown", 7)
    expect(page.get_by_role("radio", name=re.compile("11:30–"))).to_be_focused()
    press("ArrowUp", 8)
    assert covered == []
