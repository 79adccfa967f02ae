"""A browser for the pages: `phone(url)` opens one. What every page must keep is looked at by itself; see watching.py."""

import os
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(Path(__file__).parent), str(ROOT / "tests/integration")]

from houses import (  # noqa: E402
    ROOMY,
    Run,
    base,  # noqa: F401
    embedded,  # noqa: F401
    hospital,  # noqa: F401
    mailbox,  # noqa: F401
    operator,  # noqa: F401
    patient,  # noqa: F401
    running,
    sandbox,  # noqa: F401
    stack,  # noqa: F401
    system,  # noqa: F401
)
from watching import Watch, accessible, shot  # noqa: E402

from stack import browser as chromium  # noqa: E402
from stack import pages as web  # noqa: E402
from stack.server import ServersUnavailable  # noqa: E402

Open = Callable[..., Page]
FAILED = pytest.StashKey[bool]()
FINGERS = {"device_scale_factor": 2, "has_touch": True, "is_mobile": True}


def _unless(reason: str) -> None:
    """Skip for a reason; in CI nothing may be missing."""
    if reason and os.environ.get("CI") == "true":
        pytest.fail(f"CI needs the pages: {reason}")
    if reason:
        pytest.skip(f"no pages: {reason}")


@pytest.fixture(scope="session", autouse=True)
def _why_no_pages() -> str:
    """Builds them if they are not of what stands in web/; before a system starts, which serves what is there then."""
    try:
        web.build()
    except web.PagesBroken as broken:
        if os.environ.get("CI") == "true" or web.folder() != web.DIST:
            pytest.fail(str(broken), pytrace=False)
        sys.stderr.write(f"{broken}; these are the older ones\n")
    except web.PagesUnavailable as reason:
        return str(reason)
    return ""


@pytest.fixture(scope="session")
def pages(_why_no_pages: str) -> Path:
    """The built pages."""
    _unless(_why_no_pages)
    return web.DIST


@pytest.fixture(scope="session")
def demo(pages: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """`make run` with its demo, as a process: `.url`, `.base`, `.operator()`, `.sandbox_url`, `.mailbox_url`."""
    with running(tmp_path_factory.mktemp("demo"), **ROOMY) as run:
        yield run


@pytest.fixture(scope="module")
def browser(pages: Path) -> Iterator[Browser]:
    """Chromium. Of one module, as no other event loop can run in a thread while Playwright has it."""
    try:
        path = chromium.executable()
    except ServersUnavailable as reason:
        _unless(str(reason))
    with sync_playwright() as playwright:
        running_browser = playwright.chromium.launch(executable_path=path, args=chromium.arguments())
        yield running_browser
        running_browser.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    return report


@pytest.fixture
def watch(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Watch]:
    """Whatever pages this test opens; at its end it fails for what none of them should have done."""
    watching = Watch(browser)
    yield watching
    if request.node.stash.get(FAILED, False):
        watching.keep(request.node.name)
    complaints = watching.close()
    assert not complaints, "the browser complains (what is meant to be: `allow(regex)`):\n" + "\n".join(complaints)


@pytest.fixture
def allow(watch: Watch) -> Callable[[str], None]:
    """`allow(r"409 POST .*/check-in")`: complaints that this finds are meant to be."""
    return watch.allow


@pytest.fixture
def phone(watch: Watch) -> Open:
    """`phone(url, locale="zh-CN", scheme="light", **of_the_context)` opens a page."""
    return partial(watch.open, viewport={"width": 390, "height": 844}, **FINGERS)


@pytest.fixture
def narrow(watch: Watch) -> Open:
    """The narrowest phone."""
    return partial(watch.open, viewport={"width": 360, "height": 640}, **FINGERS)


@pytest.fixture
def desktop(watch: Watch) -> Open:
    return partial(watch.open, viewport={"width": 1440, "height": 900})


@pytest.fixture
def wall(watch: Watch) -> Open:
    """A board, or a projector."""
    return partial(watch.open, viewport={"width": 1920, "height": 1080})


@pytest.fixture
def shoot() -> Callable[..., Path]:
    """`shoot(page, name)`: var/screenshots/<name>.png; the whole page with `whole=True`."""
    return shot


@pytest.fixture
def axe() -> Callable[..., None]:
    """`axe(page)`: nothing against WCAG 2.2 AA, as far as a program can tell."""
    return accessible
