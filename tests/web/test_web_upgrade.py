"""A newer build takes the place of an older one, whose scripts are gone then: for who comes back, and for who is still there."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from common.web import problems
from flask import Flask, jsonify
from playwright.sync_api import expect

from embedded.front import Front
from embedded.serving import Serving

HASHED = re.compile(r"-([A-Za-z0-9_-]{8})\.(js|css)\b")
AWAY = r"answer: 404 GET .*/assets/|(console|uncaught): .*(dynamically imported module|Unable to preload CSS|Refused to apply style)"
"""What the browser says of it, in so many words."""
GONE = re.compile(r"/assets/DrawsPage-")


class House:
    """Serves one of two builds: the same pages, whose files have other names."""

    def __init__(self, folder: Path, built: Path) -> None:
        self._served = folder / "served"
        self._builds = {"a": folder / "a", "b": folder / "b"}
        for build in self._builds.values():
            shutil.copytree(built, build)
        _rename(self._builds["b"])
        self.serve("a")
        self.serving = Serving(Front({"user-svc": _nothing()}, list, self._served), host="127.0.0.1", port=0, threads=8)
        self.url = f"http://127.0.0.1:{self.serving.port}"

    def serve(self, build: str) -> None:
        newer = self._served.with_name("newer")
        newer.symlink_to(self._builds[build])
        newer.replace(self._served)  # at no moment there is nothing: an icon may be on its way


def _rename(build: Path) -> None:
    """Every hashed file by another name, in all that names it."""
    for path in build.rglob("*.gz"):
        path.unlink()
    for path in [each for each in build.rglob("*") if each.suffix in {".js", ".css", ".html", ".json"}]:
        path.write_text(HASHED.sub(r"-B\1.\2", path.read_text(encoding="utf-8")), encoding="utf-8")
        if HASHED.search(path.name):
            path.rename(path.with_name(HASHED.sub(r"-B\1.\2", path.name)))


def _nothing() -> Flask:
    """An API that has nothing: the pages stand there without it."""
    app = Flask("nothing", static_folder=None)
    problems.register(app)

    @app.get("/api/v1/<path:_path>")
    def nothing(_path: str):
        return jsonify(items=[], next_cursor=None)

    return app


@pytest.fixture
def house(pages: Path, tmp_path: Path) -> Iterator[House]:
    """Named first by each test: so it goes after the pages, which may still be asking."""
    made = House(tmp_path, pages)
    yield made
    made.serving.stop()


def test_who_comes_back_after_an_upgrade_gets_the_newer_pages(house, phone):
    page = phone(f"{house.url}/draws", service_workers="allow")
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.goto(f"{house.url}/", wait_until="networkidle")  # by the worker, which keeps the frame
    house.serve("b")
    page.evaluate("caches.delete('assets')")  # the browser has forgotten what it had of the older ones
    page.context.new_cdp_session(page).send("Network.clearBrowserCache")
    page.goto(f"{house.url}/draws", wait_until="networkidle")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert "-B" in page.locator("script[type=module]").get_attribute("src")


def test_who_is_still_there_is_taken_along(house, phone, allow):
    allow(AWAY)
    page = phone(f"{house.url}/")
    house.serve("b")
    page.get_by_role("link", name="公开抽签").click()
    expect(page).to_have_url(f"{house.url}/draws")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert "-B" in page.locator("script[type=module]").get_attribute("src")


@pytest.mark.parametrize(
    ("locale", "link", "button"), [("zh-CN", "公开抽签", "重新加载"), ("en-US", "Draws in public", "Load again")]
)
def test_what_stays_away_is_told_and_can_be_asked_for_again(house, narrow, allow, axe, shoot, locale, link, button):
    allow(AWAY)
    page = narrow(f"{house.url}/", locale=locale)
    page.route(GONE, lambda route: route.fulfill(status=404))
    page.get_by_role("link", name=link).click()
    expect(page.get_by_role("alert")).to_be_visible()
    axe(page)
    shoot(page, f"upgrade-{locale}")
    page.unroute(GONE)
    page.get_by_role("button", name=button).click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page).to_have_url(f"{house.url}/draws")


def test_a_build_tells_the_licences_of_what_it_is_made_of(house, phone):
    page = phone(f"{house.url}/")
    page.get_by_role("link", name="开源许可").click()
    expect(page).to_have_url(f"{house.url}/licences.txt")
    text = page.locator("body").inner_text()
    for name in ("vue", "vant", "element-plus", "echarts", "zrender", "@noble/hashes", "openapi-fetch", "workbox-core"):
        assert re.search(rf"^{name} \d", text, re.MULTILINE), name
    assert "Apache ECharts\nCopyright" in text, "its notice"
