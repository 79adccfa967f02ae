"""`/` in Chromium, as a newcomer sees it: in both languages, on the narrowest phone, in the dark."""

import re

import pytest
from playwright.sync_api import expect


@pytest.mark.parametrize(("locale", "lang", "word"), [("zh-CN", "zh-CN", "号源"), ("en-US", "en", "Haoyuan")])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_newcomer_finds_a_page_in_her_language(narrow, demo, shoot, axe, locale, lang, word, scheme):
    page = narrow(f"{demo.url}/", locale=locale, scheme=scheme)
    expect(page.locator("html")).to_have_attribute("lang", lang)
    expect(page).to_have_title(re.compile(word))
    expect(page.get_by_role("main")).to_be_visible()
    page.wait_for_load_state("networkidle")
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 360, f"{width} px are wider than the phone"
    axe(page)
    shoot(page, f"landing-{lang}-{scheme}-360")


def test_each_address_can_be_opened_as_it_is_and_what_there_is_not_says_so(desktop, demo):
    page = desktop(f"{demo.url}/no/such/page")
    expect(page.get_by_role("main")).to_be_visible()
    assert page.url == f"{demo.url}/no/such/page"


def test_behind_the_gateway_of_the_real_stack_it_is_the_same(narrow, stack, axe):
    page = narrow(f"{stack.url}/")
    expect(page).to_have_title(re.compile("号源"))
    expect(page.get_by_role("main")).to_be_visible()
    page.wait_for_load_state("networkidle")
    axe(page)


def test_the_documents_of_the_api_can_be_read(desktop, demo):
    page = desktop(f"{demo.url}/docs")
    expect(page.get_by_role("heading", name=re.compile("user-svc"))).to_be_visible()


KEPT = """() => {
  const parts = performance.getEntriesByType('resource').map(entry => new URL(entry.name).pathname)
  const wanted = ['/index.html', ...parts.filter(path => path.startsWith('/assets/'))]
  return Promise.all(wanted.map(path => caches.match(path))).then(found => wanted.length > 2 && found.every(Boolean))
}"""
"""Whether all that this page was made of is kept, though it came before there was a worker."""


def test_it_can_be_installed_and_its_frame_opens_without_a_network(phone, demo, allow):
    page = phone(f"{demo.url}/", service_workers="allow")
    manifest = page.request.get(f"{demo.url}/manifest.webmanifest").json()
    assert {icon["sizes"] for icon in manifest["icons"]} >= {"192x192", "512x512"}
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.wait_for_function(KEPT)
    allow("ERR_INTERNET_DISCONNECTED")
    page.context.set_offline(True)
    page.reload()
    expect(page.get_by_role("main")).to_be_visible()
