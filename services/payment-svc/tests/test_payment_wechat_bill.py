"""WeChat's bill of a day: read to the letter, or not believed at all."""

import gzip
import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, time
from io import BytesIO
from pathlib import Path

import pytest
from common.clock import SHANGHAI
from payment_svc.providers import Bill, BillLine, NotReady
from payment_svc.providers.wechat import WechatPay, bill, client
from payment_svc.providers.wechat.bill import Unbelievable
from wechat_vendor import MCHID, Reply, Vendor, refuses, says, zipped

DAY = date(2026, 11, 21)
TEXT = Path(__file__).with_name("wechat_bill_20261121.csv").read_bytes()
"""By the vendor's description of the format; made up."""


@pytest.fixture(scope="module")
def vendor() -> Iterator[Vendor]:
    made = Vendor()
    yield made
    made.stop()
    assert not made.forged


@pytest.fixture(scope="module")
def wechat(vendor: Vendor) -> WechatPay:
    return vendor.adapter(provider_timeout=0.6)


def at(hour: int, minute: int = 0, second: int = 0) -> datetime:
    return datetime.combine(DAY, time(hour, minute, second), SHANGHAI)


def read(text: bytes) -> list[BillLine]:
    return bill.read(BytesIO(text), DAY, MCHID)


def changed(*pairs: tuple[str, str]) -> bytes:
    """The bill with each first text in place of the second, which must be there."""
    text = TEXT.decode()
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    return text.encode()


# --- reading ---------------------------------------------------------------------------------------------------------


def test_a_bill_is_read_to_the_thousandth_of_a_fen():
    first, second, part, odd, processing, change = read(TEXT)
    assert first == BillLine(
        "payment", "20261120LATE01", "", "4200000000202611210000000001", 5000, 30000, at(0), "SUCCESS"
    )
    assert (second.amount, second.fee) == (10000, 54000), "订单金额, with the coupon"
    assert part == BillLine(
        "refund",
        "20261121PART01",
        "20261121REF001",
        "4200000000202611210000000002",
        4000,
        -21600,
        at(10),
        "SUCCESS",
    )
    assert (odd.amount, odd.fee) == (1, 6)
    assert [(line.kind, line.amount, line.status) for line in (processing, change)] == [
        ("refund", 500, "PROCESSING"),
        ("refund", 750, "CHANGE"),
    ]
    assert processing.at == at(23, 59, 59), "when it was asked for"


def test_columns_are_known_by_their_names():
    rows = TEXT.decode().split("\r\n")
    end = rows.index(next(row for row in rows if row.startswith("总交易单数")))
    turned = [",".join(reversed(row.split(","))) for row in rows[:end]]
    totals = [",".join(reversed(row.split(","))) for row in rows[end : end + 2]]
    assert read("\n".join([*turned, *totals]).encode()) == read(TEXT)
    assert read(b"\xef\xbb\xbf" + TEXT) == read(TEXT)


def test_what_merchants_write_parts_no_lines():
    strange = changed(("普通号", "普\u2028通`号\x0b\x85"))
    assert read(strange) == read(TEXT)


def test_a_payment_that_was_revoked_at_a_counter_is_money_that_went_back():
    revoked = read(
        changed(
            (
                ",`REFUND,`OTHERS,`CNY,`0.00,`0.00,`50300000002026112100000000003",
                ",`REVOKED,`OTHERS,`CNY,`0.00,`0.00,`50300000002026112100000000003",
            )
        )
    )
    assert [line.kind for line in revoked] == [line.kind for line in read(TEXT)]


UNBELIEVABLE = {
    "one line more": (("`6,`140.01", "`5,`140.01"), "summary: 总交易单数"),
    "another total": (("`150.01", "`150.02"), "summary: 订单总金额"),
    "another total of refunds": (("`52.50", "`52.51"), "summary: 申请退款总金额"),
    "other fees": (("`0.59,", "`0.61,"), "summary: 手续费总金额"),
    "no total": (("订单总金额,申请", "总金额,申请"), "no column '订单总金额'"),
    "no column": (("商户订单号", "商户单号"), "no column '商户订单号'"),
    "another merchant": (("`1900001234", "`1900000000"), "another merchant's"),
    "another currency": (("`CNY", "`USD"), "currency USD"),
    "an unheard state": (("`NATIVE,`SUCCESS", "`NATIVE,`WHATEVER"), "state WHATEVER"),
    "a part of a fen": (("`0.60%,`0.01,", "`0.60%,`0.001,"), "unreadable (ValueError)"),
    "below zero": (("`100.00,`0.00", "`-100.00,`0.00"), "an amount that is none"),
    "zero": (("`100.00,`0.00", "`0.00,`0.00"), "an amount that is none"),
    "a float": (("`100.00,`0.00", "`1e2,`0.00"), "unreadable (ValueError)"),
    "a date": (("2026-11-21 09:30:15", "2026-11-21"), "unreadable (ValueError)"),
    "a day long ago": (("2026-11-21 09:30:15", "2026-11-19 23:59:59"), "another day's"),
    "a day to come": (("2026-11-21 09:30:15", "2026-11-23 00:00:00"), "another day's"),
    "no transaction": (("`4200000000202611210000000001", "`"), "a line without its numbers"),
    "a transaction that is none": (("`4200000000202611210000000001", "`0"), "a line without its numbers"),
    "no number": (("`20261120LATE01", "` "), "a line without its numbers"),
    "a NUL in a number": (("`20261120LATE01", "`2026\0"), "control characters"),
    "a NUL in a refund's number": (("`20261121REF001", "`2026\0"), "control characters"),
    "a tab in a transaction": (("`4200000000202611210000000001", "`42\t1"), "control characters"),
    "a line without an end": (("普通号", "号" * 22_000), "a line without an end"),
    "a value too few": (("`JSAPI,", ""), "unreadable (ValueError)"),
}


@pytest.mark.parametrize(("change", "reason"), UNBELIEVABLE.values(), ids=UNBELIEVABLE)
def test_a_bill_that_contradicts_itself_is_not_believed(change, reason):
    with pytest.raises(Unbelievable) as caught:
        read(changed(change))
    assert str(caught.value) == reason


@pytest.mark.parametrize(
    "text",
    [b"", b"\r\n", b"<html>", b"\xff", TEXT[: len(TEXT) // 2], TEXT.rsplit(b"\r\n", 2)[0], TEXT + b"`1\r\n"],
    ids=["empty", "blank", "html", "bytes", "half", "no summary", "more"],
)
def test_what_is_no_whole_bill_is_not_believed(text):
    with pytest.raises(Unbelievable):
        read(text)


def test_a_days_neighbours_may_be_in_its_bill():
    """Days end at midnight, and clocks do not agree which moment that is."""
    for moment in ("2026-11-20 00:00:00", "2026-11-22 23:59:59"):
        assert len(read(changed(("2026-11-21 09:30:15", moment)))) == 6


def test_more_lines_than_a_day_can_have_are_not_kept(monkeypatch):
    monkeypatch.setattr(bill, "MOST_LINES", 5)
    with pytest.raises(Unbelievable, match="too many lines"):
        read(TEXT)


# --- fetching --------------------------------------------------------------------------------------------------------


def test_a_bill_is_fetched_verified_and_kept_as_it_came(vendor, wechat):
    link, file = zipped(TEXT)
    vendor.will(link, file)
    had = wechat.bill(DAY)
    assert isinstance(had, Bill)
    assert had.lines == read(TEXT)
    assert (had.content, had.digest) == (file.body, hashlib.sha256(file.body).hexdigest())
    assert [(call.method, call.path) for call in vendor.calls] == [
        ("GET", "/v3/bill/tradebill?bill_date=2026-11-21&bill_type=ALL&tar_type=GZIP"),
        ("GET", "/v3/billdownload/file?token=a%2Fb&tartype=gzip"),
    ]
    assert wechat.bill_ready == time(10)


def test_a_bill_that_was_unpacked_on_the_way_is_the_same(vendor, wechat):
    link, file = zipped(TEXT)
    vendor.will(link, replace(file, headers={"Content-Encoding": "gzip"}))
    assert wechat.bill(DAY).lines == read(TEXT)


@pytest.mark.parametrize("path", ["/v3/billdownload/file?token=x", "/_wechat/bill/x"])
def test_a_link_to_another_host_is_never_followed(vendor, wechat, path):
    link, file = zipped(TEXT, download_url=f"http://attacker.invalid:1{path}")
    vendor.will(link, file)
    assert isinstance(wechat.bill(DAY), Bill)
    assert vendor.calls[1].path == path


def test_an_empty_day_is_wechats_word(vendor, wechat):
    vendor.will(refuses(400, "NO_STATEMENT_EXIST"))
    had = wechat.bill(DAY)
    assert isinstance(had, Bill)
    assert (list(had.lines), had.digest) == ([], hashlib.sha256(had.content).hexdigest())
    assert b"NO_STATEMENT_EXIST" in had.content


LINK, FILE = zipped(TEXT)
NOT_READY = {  # how each reason begins: what the transport calls a failure is its own matter
    "being made": ((refuses(400, "STATEMENT_CREATING"),), "STATEMENT_CREATING"),
    "in trouble": ((refuses(500, "SYSTEM_ERROR"),), "SYSTEM_ERROR"),
    "html": ((Reply(502, b"<html>", "text/html", signed_by=""),), "http_502"),
    "hangs": ((Reply(act="hang"),), ""),
    "unsigned link": ((says({"download_url": "x"}, signed_by=""),), "unverified"),
    "a link that is none": ((zipped(TEXT, download_url="http://[")[0],), "download unverified (ValueError)"),
    "no link": ((says({}),), "http_200"),
    "another digest's kind": ((zipped(TEXT, hash_type="MD5")[0],), "hash_type"),
    "another digest": ((zipped(TEXT, hash_value="0" * 40)[0], FILE), "digest"),
    "the archive's digest": (
        (zipped(TEXT, hash_value=hashlib.sha1(FILE.body, usedforsecurity=False).hexdigest())[0], FILE),
        "digest",
    ),
    "expired": ((LINK, refuses(400, "INVALID_REQUEST")), "download INVALID_REQUEST"),
    "gone": ((LINK, Reply(404, signed_by="")), "download http_404"),
    "cut": ((LINK, Reply(act="cut")), "download "),
    "truncated": ((LINK, replace(FILE, body=FILE.body[:-20])), "truncated"),
    "not gzip": ((LINK, replace(FILE, body=b"\x1f\x8bhello")), "truncated"),
    "empty": ((LINK, replace(FILE, body=b"")), "digest"),
    "not ours": (zipped(changed(("`1900001234", "`1900000000"))), "another merchant's"),
    "no bill": ((zipped(b"hello")[0], replace(FILE, body=gzip.compress(b"hello"))), "unreadable (StopIteration)"),
}


@pytest.mark.parametrize(("replies", "reason"), NOT_READY.values(), ids=NOT_READY)
def test_a_bill_that_could_not_be_had_or_believed_is_not_ready(vendor, wechat, replies, reason):
    vendor.will(*replies)
    outcome = wechat.bill(DAY)
    assert isinstance(outcome, NotReady)
    assert outcome.reason.startswith(reason)


@pytest.mark.parametrize("short", [0, 1])
def test_a_file_is_not_longer_than_it_may_be(vendor, wechat, monkeypatch, short):
    link, file = zipped(TEXT)
    monkeypatch.setattr(client, "MOST_BILL", len(file.body) - short)
    vendor.will(link, file)
    assert isinstance(wechat.bill(DAY), NotReady if short else Bill)


class Counting(gzip.GzipFile):
    """Counts what is unpacked: the longest piece, and how much in all."""

    longest = total = 0

    def _count(self, piece: bytes) -> bytes:
        Counting.longest, Counting.total = max(Counting.longest, len(piece)), Counting.total + len(piece)
        return piece

    def read(self, size: int | None = -1) -> bytes:
        return self._count(super().read(size))

    def readline(self, size: int | None = -1) -> bytes:
        return self._count(super().readline(size))


@pytest.mark.parametrize(
    ("text", "reason"),
    [(b"0" * 9_000_000, "too long"), (b"0" * 900_000, "a line without an end"), (b"\n" * 900_000, "unreadable (StopIteration)")],
    ids=["bomb", "line", "nothing"],
)  # fmt: skip
def test_a_bomb_is_unpacked_in_pieces_and_not_to_its_end(vendor, wechat, monkeypatch, text, reason):
    monkeypatch.setattr(bill, "MOST_TEXT", 1_000_000)
    monkeypatch.setattr(bill.gzip, "GzipFile", Counting)
    Counting.longest = Counting.total = 0
    link, file = zipped(text)
    vendor.will(link, replace(file, body=gzip.compress(text)))
    assert wechat.bill(DAY) == NotReady(reason)
    assert 0 < Counting.longest <= 1 << 16
    assert Counting.total < 2_000_000
