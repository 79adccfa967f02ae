"""Opens pages in Chromium and notes what none of them may do."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Response, WebError, expect

from stack.pages import WEB

SHOTS = Path(__file__).parents[2] / "var/screenshots"
PATIENCE = 20_000
"""Milliseconds that an expectation may take on a busy machine."""
expect.set_options(timeout=PATIENCE)
LOUD = "document.addEventListener('securitypolicyviolation', e => console.error(`policy: ${e.violatedDirective} ${e.blockedURI}`))"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


STICKY = """on => document.querySelectorAll('body *').forEach(each => {
  if (on ? each.dataset.stuck : getComputedStyle(each).position === 'sticky') {
    each.style.position = on ? '' : 'static'
    if (on) delete each.dataset.stuck; else each.dataset.stuck = 'yes'
  }
})"""
"""Lays down what sticks to an edge, and puts it back: axe takes what is below it for covered, though one may scroll."""


class Watch:
    """The pages of one test."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        self._complaints: list[str] = []
        self._allowed: list[re.Pattern[str]] = []

    def open(self, url: str, *, locale: str = "zh-CN", scheme: str = "light", **context: Any) -> Page:
        """A page of a browser of its own (cookies, storage), at `url`, after everything was loaded."""
        about: dict[str, Any] = {"service_workers": "block", "reduced_motion": "reduce", "timezone_id": "Asia/Shanghai"}
        opened = self._browser.new_context(**{**about, "locale": locale, "color_scheme": scheme, **context})
        opened.set_default_timeout(PATIENCE)
        opened.add_init_script(LOUD)
        self._listen(opened, _origin(url))
        self._contexts.append(opened)
        page = opened.new_page()
        page.goto(url, wait_until="load")
        return page

    def allow(self, pattern: str) -> None:
        """Complaints that `pattern` is found in are meant to be: of the whole test, before and after."""
        self._allowed.append(re.compile(pattern))

    def keep(self, name: str) -> None:
        """A picture of each page, of a test that failed."""
        for i, page in enumerate(page for context in self._contexts for page in context.pages):
            shot(page, f"failed/{re.sub(r'[^A-Za-z0-9_.-]+', '-', name)}-{i}")

    def close(self) -> list[str]:
        """What there is to complain about."""
        for context in self._contexts:
            for page in context.pages:
                page.unroute_all(behavior="ignoreErrors")  # an answer on its way must not fail the next test
            context.close()
        return [text for text in self._complaints if not any(each.search(text) for each in self._allowed)]

    def _listen(self, context: BrowserContext, origin: str) -> None:
        note = self._complaints.append

        def said(message: ConsoleMessage) -> None:
            # what could not be loaded is noted below, with its status
            if message.type == "error" and not message.text.startswith("Failed to load resource"):
                note(f"console: {message.text} ({message.location.get('url', '')})")

        def threw(error: WebError) -> None:
            note(f"uncaught: {error.error}")

        def asked(request: Request) -> None:
            if urlsplit(request.url).scheme not in {"data", "blob"} and _origin(request.url) != origin:
                note(f"other origin: {request.method} {request.url}")

        def failed(request: Request) -> None:
            if request.failure != "net::ERR_ABORTED":  # which the page has done itself: it is left, or does not wait
                note(f"failed: {request.method} {request.url}: {request.failure}")

        def answered(response: Response) -> None:
            if response.status >= 400:
                note(f"answer: {response.status} {response.request.method} {response.url}")

        context.on("console", said)
        context.on("weberror", threw)
        context.on("request", asked)
        context.on("requestfailed", failed)
        context.on("response", answered)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def shot(page: Page, name: str, *, whole: bool = False) -> Path:
    """A picture in var/screenshots."""
    path = SHOTS / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=path, full_page=whole, animations="disabled")
    return path


def accessible(page: Page, *, within: str = "") -> None:
    """Raises AssertionError with what axe finds, in the whole page or below a selector."""
    page.evaluate((WEB / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8"))
    page.evaluate(STICKY, False)
    found = page.evaluate(
        "([within, tags]) => axe.run(within || document, {runOnly: {type: 'tag', values: tags}})", [within, TAGS]
    )["violations"]
    page.evaluate(STICKY, True)
    lines = [
        f"{each['id']} ({each['impact']}): {each['help']}\n    {node['html'][:200]}\n    {_why(node)}"
        for each in found
        for node in each["nodes"][:5]
    ]
    assert not lines, f"axe finds in {page.url}:\n" + "\n".join(lines)


def _why(node: dict[str, Any]) -> str:
    return (node.get("failureSummary") or "").replace("\n", " ")
