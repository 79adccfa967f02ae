"""What has the focus shows it (WCAG 2.4.7), which axe cannot see: the style sheets of libraries come later than ours, and some take it away."""

import pytest
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
