"""Who sits at the screen."""

import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from demo.seed import PASSWORD


def at(open_page: Callable[..., Page], address: str, username: str, password: str = PASSWORD, **how: Any) -> Page:
    """A page that is its own people's, opened by one of them: it asks who she is, and leads on to where she wanted to go.

    With a `locale`, she has chosen that language in this browser; else it is the one of her account.
    """
    page = open_page(address, **how)
    if "locale" in how:
        chosen = "zh-CN" if how["locale"].startswith("zh") else "en"
        page.evaluate("l => localStorage.setItem('haoyuan.preferences', JSON.stringify({locale: l}))", chosen)
        page.reload()
    page.locator('input[autocomplete="username"]').fill(username)
    page.locator('input[autocomplete="current-password"]').fill(password)
    page.locator('main form button[type="submit"]').click()
    expect(page).not_to_have_url(re.compile(r"/login\b"))
    return page
