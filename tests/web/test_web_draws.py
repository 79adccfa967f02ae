"""A draw in public: from the commitment to the verdict of the reader's own browser, which a changed record does not deceive."""

import gzip
import json
import re
from datetime import datetime, timedelta

import pytest
from actors import PASSWORD, Hospital, Patient, eventually
from common.clock import SHANGHAI
from haoyuan_draw.check import digest_of, verify
from haoyuan_draw.record import parse, read_record
from people import at
from playwright.sync_api import expect

SOUND, UNSOUND = re.compile("全部相符"), re.compile("项不相符")


@pytest.fixture(scope="module")
def house(demo):
    return Hospital(demo.base, demo.operator())


@pytest.fixture(scope="module")
def held(demo, house):
    """A weighted draw of two numbers among four, with the orders: (session, patients, orders)."""
    patients = [Patient(demo.base) for _ in range(4)]
    session = house.session(1, slots=2, fee=0, policy="weighted", draw_at=_in(20))
    orders = [one.order(session, wait=0)["id"] for one in patients]
    eventually(lambda: "seed" in patients[0].get(f"/sessions/{session}/draw"), "it is drawn", 90)
    return session, patients, orders


def _in(seconds):
    """So much later: enough for a busy machine to enter before the close."""
    return datetime.now(SHANGHAI) + timedelta(seconds=seconds)


def _receipt(patient, session, order):
    return patient.get(f"/sessions/{session}/draw/receipt?order_id={order}")


def _changed(page, session, change):
    """The browser gets another record than the one that was drawn."""

    def answer(route):
        document = route.fetch().json()
        change(document)
        route.fulfill(status=200, content_type="application/json", body=json.dumps(document))

    page.route(f"**/api/v1/sessions/{session}/draw", answer)


def test_from_the_commitment_to_the_verdict(phone, demo, house, shoot, axe):
    """One page, left open: it notes the commitment, waits for the draw, repeats it, and compares."""
    patient = Patient(demo.base)
    session = house.session(2, fee=0, policy="lottery", draw_at=_in(40))
    order = patient.order(session, wait=0)["id"]
    patient.state(order, "entered")
    kept = _receipt(patient, session, order)
    page = at(phone, f"{demo.url}/login?next=/draws/{session}?order={order}", patient.username, PASSWORD)
    expect(page.get_by_role("heading", name="正在报名")).to_be_visible()
    expect(page.get_by_role("timer")).to_be_visible()
    expect(page.get_by_text(kept["commitment"])).to_be_visible()
    expect(page.get_by_text(re.compile("这个浏览器在 .* 记下了它"))).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="保存我的凭证").click()
    assert json.loads(download.value.path().read_text()) == kept
    axe(page)
    shoot(page, "draw-open", whole=True)

    expect(page.get_by_text(SOUND)).to_be_visible(timeout=120_000)
    checks = page.get_by_role("region", name="在您的浏览器里重做").get_by_role("listitem")
    expect(checks.filter(has_text="与先前记下的承诺")).to_contain_text("相符")
    expect(checks.filter(has_text="不相符")).to_have_count(0)
    found = page.get_by_role("region", name="查我的报名")
    expect(found).to_contain_text("抽到第 1 位，共 1 人。")  # by her own receipt, which the page has fetched
    expect(found).to_contain_text("您的凭证与记录相符")
    axe(page)
    shoot(page, "draw-drawn", whole=True)


def test_everybody_finds_her_place_by_pseudonym_and_by_receipt(narrow, demo, held, shoot, axe, tmp_path):
    session, patients, orders = held
    receipts = [_receipt(one, session, order) for one, order in zip(patients, orders, strict=True)]
    winner = next(one for one in receipts if one["rank"] == 1)
    page = narrow(f"{demo.url}/draws/{session}", locale="en-US")
    expect(page.get_by_text("All of it holds.")).to_be_visible()
    expect(page.get_by_text("Not compared with anything noted before")).to_be_visible()
    place = page.get_by_role("region", name="Find my entry")
    place.get_by_role("textbox", name="Pseudonym").fill(winner["pseudonym"])
    place.get_by_role("button", name="Find").click()
    expect(place).to_contain_text("Place 1 of 4. A number: from 08:00 on.")
    expect(place).to_contain_text("2 steps lead to the fingerprint of the list.")
    place.get_by_role("textbox", name="Pseudonym").fill("stranger")
    place.get_by_role("button", name="Find").click()
    expect(place).to_contain_text("Nobody in the list has this pseudonym.")

    file = tmp_path / "receipt.json"
    for change, said in (
        ({}, "agrees with the whole record"),
        ({"rank": 3}, "another result"),
        ({"weight": 9}, "does not have"),
    ):
        file.write_text(json.dumps(winner | change))
        place.get_by_label("Receipt", exact=True).set_input_files(file)
        expect(place).to_contain_text(said)
    file.write_text("{}")
    place.get_by_label("Receipt", exact=True).set_input_files(file)
    expect(place.get_by_role("alert")).to_have_text("This is no receipt of a draw.")
    axe(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    shoot(page, "draw-find-en-360", whole=True)


def test_what_is_downloaded_is_what_the_tool_verifies(phone, demo, held):
    session, _, _ = held
    page = phone(f"{demo.url}/draws/{session}")
    expect(page.get_by_text(SOUND)).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="下载记录").click()
    data = download.value.path().read_bytes()
    data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    record = read_record(parse(data))
    assert verify(record).verified
    page.get_by_text("种子和各个指纹").click()
    for value in (record.commitment, record.seed.hex(), record.root, record.digest):
        expect(page.get_by_text(value, exact=True).first).to_be_visible()
    shown = page.get_by_role("row").filter(has_text="的号")
    expect(shown).to_have_count(record.winners)


def _other_ranking(document):
    document["ranking"] = document["ranking"][::-1]


def _other_ranking_well_forged(document):
    _other_ranking(document)
    document["digest"] = digest_of(document)


def _one_less(document):
    document["entries"].pop()
    document["digest"] = digest_of(document)


def _another_session(document):
    document["session"]["id"] = "ses_another"
    document["digest"] = digest_of(document)


def test_a_changed_record_is_seen(phone, demo, held):
    session, _, _ = held
    page = phone(f"{demo.url}/draws")
    changes = (
        (_other_ranking, {"抽签顺序", "整份记录的指纹"}),
        (_other_ranking_well_forged, {"抽签顺序"}),
        (_one_less, {"名单的指纹", "数目", "抽签顺序"}),
        (_another_session, {"是这一场的记录"}),
    )
    by_chance = "抽签顺序"  # four entrants: another draw may have the same order
    for change, failed in changes:
        _changed(page, session, change)
        page.goto(f"{demo.url}/draws/{session}")
        expect(page.get_by_text(UNSOUND)).to_be_visible()
        checks = page.get_by_role("region", name="在您的浏览器里重做").get_by_role("listitem").filter(has_text="不相符")
        for name in failed:
            expect(checks.filter(has_text=name)).to_have_count(1)
        others = checks if by_chance in failed else checks.filter(has_not_text=by_chance)
        expect(others).to_have_count(len(failed))
    _changed(page, session, lambda document: document.pop("seed"))
    page.reload()
    expect(page.get_by_text("缺少 seed。")).to_be_visible()


def test_a_record_that_was_rewritten_whole_disagrees_with_what_was_noted(phone, demo, held, shoot, axe):
    """Sound in itself: only what this browser saw before tells."""
    session, _, _ = held
    page = phone(f"{demo.url}/draws/{session}")
    expect(page.get_by_text(SOUND)).to_be_visible()

    def rewrite(document):
        document["session"]["doctor_id"] = "doc_another"
        document["digest"] = digest_of(document)

    stranger = phone(f"{demo.url}/draws")  # she has noted nothing: it agrees with itself, not with the session
    _changed(stranger, session, rewrite)
    stranger.goto(f"{demo.url}/draws/{session}")
    expect(stranger.get_by_text("记录本身相符，但与这一场不符")).to_be_visible()
    expect(stranger.get_by_text(re.compile("不同的是：医生。"))).to_be_visible()
    expect(stranger.get_by_text(SOUND)).to_have_count(0)
    axe(stranger)
    _changed(page, session, rewrite)
    page.reload()
    expect(page.get_by_text(UNSOUND)).to_be_visible()
    checks = page.get_by_role("region", name="在您的浏览器里重做").get_by_role("listitem").filter(has_text="不相符")
    expect(checks).to_have_count(1)
    expect(checks).to_contain_text("与先前记下的记录指纹")
    axe(page)
    shoot(page, "draw-tampered", whole=True)


def test_the_list_of_draws_and_a_session_without_one(phone, demo, held, house, shoot, axe, allow):
    allow(r"answer: 404 GET .*/draw$")
    session, _, _ = held
    page = phone(f"{demo.url}/draws")
    held_ones = page.get_by_role("region", name="已经抽完")
    expect(held_ones.locator(f'a[href="/draws/{session}"]')).to_be_visible()
    axe(page)
    shoot(page, "draws", whole=True)
    page.goto(f"{demo.url}/draws/{house.session(1)}")
    expect(page.get_by_role("alert")).to_contain_text("这一场先到先得，不抽签。")
