"""Alipay's bill of a day: zipped, in GBK, and believed only if it is whole."""

import hashlib
import zipfile
from datetime import date, datetime, time
from io import BytesIO

import pytest
from alipay_world import NUMBER, OK, SELLER_ID, TRANSACTION, Vendor, adapter, denied, say
from common.clock import SHANGHAI
from payment_svc.providers import Bill, BillLine, NotReady
from payment_svc.providers.alipay import Alipay, bill
from payment_svc.settings import Settings

DAY = date(2026, 11, 21)
METHOD = "alipay.data.dataservice.bill.downloadurl.query"
HEADER = (
    "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,订单金额（元）,商家实收（元）,"
    "支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,券名称,商家红包消费金额（元）,卡消费金额（元）,"
    "退款批次号/请求号,服务费（元）,分润（元）,备注"
)
REFUND_NUMBER = "261121R0000000000001"


def row(kind="交易", amount="50.00", fee="-0.30", refund="", at="2026-11-21 09:10:11", subject="内科 挂号费"):
    cells = [
        f"{TRANSACTION}\t", f"{NUMBER}\t", f"{kind}\t", f"{subject}\t", "2026-11-21 09:10:00\t", f"{at}\t", "\t", "\t", "\t", "\t",
        "*明(138******00)\t", amount, amount, "0.00", "0.00", "0.00", "0.00", "0.00", "\t", "0.00", "0.00", f"{refund}\t", fee,
        "0.00", "\t",
    ]  # fmt: skip
    return ",".join(cells)


def total(count, amount):
    return f"#交易合计：{count}笔，商家实收共{amount}元，商家优惠共0.00元"


def back(count, amount):
    return f"#退款合计：{count}笔，商家实收退款共{amount}元，商家优惠退款共0.00元"


NONE = (total(0, "0.00"), back(0, "0.00"))


def details(
    *rows, header=HEADER, totals=NONE, day="2026年11月21日", end="#-业务明细列表结束-", account=f"[{SELLER_ID}0156]"
):
    head = [
        "#支付宝业务明细查询",
        f"#账号：{account}",
        f"#起始日期：[{day} 00:00:00]   终止日期：[2026年11月22日 00:00:00]",
    ]
    return "\r\n".join(
        [*head, "#-----业务明细列表-----", header, *rows, end, *totals, "#导出时间：[2026年11月22日 09:00:00]", ""]
    )


class GbkName(zipfile.ZipInfo):
    """A name in GBK, without the flag that would say UTF-8."""

    def _encodeFilenameFlags(self):  # noqa: N802
        return self.filename.encode("gbk"), self.flag_bits & ~0x800


def zipped(text, *, encoding="gbk", info=GbkName, stem="20880000689100010156_20261121_业务明细"):
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in ((f"{stem}.csv", text), (f"{stem}(汇总).csv", "#支付宝业务汇总查询")):
            archive.writestr(info(name), content.encode(encoding), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


ONE_OF_EACH = details(
    row(),
    row("退款", "-20.00", "0.12", REFUND_NUMBER, "2026-11-21 23:59:59"),
    totals=(total(1, "50.00"), back(1, "-20.00")),
)


@pytest.fixture
def vendor():
    with Vendor().serving() as serving:
        serving.answers[METHOD] = {**OK, "bill_download_url": f"{serving.address}/file?token=1"}
        yield serving


def had(vendor, content):
    vendor.answers["/file"] = content
    return adapter(vendor).bill(DAY)


def test_a_days_bill(vendor):
    content = zipped(ONE_OF_EACH)
    read = had(vendor, content)
    at = datetime(2026, 11, 21, 9, 10, 11, tzinfo=SHANGHAI)
    late = datetime(2026, 11, 21, 23, 59, 59, tzinfo=SHANGHAI)
    assert read == Bill(
        [
            BillLine("payment", NUMBER, "", TRANSACTION, 5000, 30000, at, "交易"),
            BillLine("refund", NUMBER, REFUND_NUMBER, TRANSACTION, 2000, -12000, late, "退款"),
        ],
        content,
        hashlib.sha256(content).hexdigest(),
    )
    assert vendor.biz() == {"bill_type": "trade", "bill_date": "2026-11-21"}
    assert Alipay.bill_ready == time(9)


def test_refunds_above_zero_are_refunds_all_the_same(vendor):
    text = details(row("交易退款", "20.00", "", REFUND_NUMBER), totals=(total(0, "0.00"), back(1, "20.00")))
    (line,) = had(vendor, zipped(text)).lines
    assert (line.kind, line.amount, line.fee) == ("refund", 2000, 0)


def test_columns_are_found_by_their_names(vendor):
    names, cells = HEADER.replace("（元）", "(元)").split(","), row().split(",")
    turned = details(",".join(cells[::-1]), header=",".join(names[::-1]), totals=(total(1, "50.00"), back(0, "0")))
    (line,) = had(vendor, zipped(turned)).lines
    assert (line.number, line.amount, line.fee) == (NUMBER, 5000, 30000)


@pytest.mark.parametrize("subject", ['"内科, 挂号费"', "内科\u3000#列表结束", "㐂"])
def test_subjects_do_not_confuse_it(vendor, subject):
    text = details(row(subject=subject), totals=(total(1, "50.00"), back(0, "0.00")))
    assert len(had(vendor, zipped(text, encoding="gb18030")).lines) == 1


def test_names_that_do_say_they_are_in_utf8_are_read_too(vendor):
    assert len(had(vendor, zipped(ONE_OF_EACH, info=zipfile.ZipInfo)).lines) == 2


def test_a_list_without_lines_is_an_empty_day(vendor):
    assert had(vendor, zipped(details())).lines == []


@pytest.mark.parametrize("code", ["ACQ.BILL_NOT_EXIST", "isp.bill_not_exist", "NO_BILL_DATA"])
def test_an_empty_day_is_alipays_word(vendor, code):
    vendor.answers[METHOD] = denied(code)
    read = adapter(vendor).bill(DAY)
    assert isinstance(read, Bill)
    assert read.lines == ()
    assert code.encode() in read.content
    assert b"2026-11-21" in read.content
    assert read.digest == hashlib.sha256(read.content).hexdigest()


@pytest.mark.parametrize(
    "answer", [denied("isp.unknow-error", "20000"), denied("INVAILID_ARGUMENTS"), OK, denied("", "40004")]
)
def test_a_failure_is_no_empty_day(vendor, answer):
    vendor.answers[METHOD] = answer
    assert isinstance(adapter(vendor).bill(DAY), NotReady)


BROKEN = {
    "no zip": b"<html>expired</html>",
    "nothing": b"",
    "cut": zipped(ONE_OF_EACH)[:-40],
    "changed": zipped(ONE_OF_EACH).replace(b"PK\x03\x04", b"PK\x03\x05", 1),
    "other files": zipped(ONE_OF_EACH, stem="其他"),
    "not gbk": zipped(ONE_OF_EACH, encoding="utf-8"),
    "another day": zipped(details(day="2026年11月20日")),
    "the day before, which ends when this one starts": zipped(
        details(day="2026年11月20日").replace("2026年11月22日 00", "2026年11月21日 00")
    ),
    "another merchant": zipped(details(account="[20880000689100020156]")),
    "a merchant whose id begins alike": zipped(details(account=f"[{SELLER_ID}00156]")),
    "no merchant": zipped(details(account="[]")),
    "a line of long ago": zipped(details(row(at="2026-11-19 23:59:59"), totals=(total(1, "50.00"), back(0, "0.00")))),
    "a line to come": zipped(details(row(at="2026-11-23 00:00:00"), totals=(total(1, "50.00"), back(0, "0.00")))),
    "a line of no day": zipped(details(row(at="0001-01-01 00:00:00"), totals=(total(1, "50.00"), back(0, "0.00")))),
    "nothing paid": zipped(details(row(amount="0.00"), totals=(total(1, "0.00"), back(0, "0.00")))),
    "a NUL in a number": zipped(details(row().replace(NUMBER, "2026\0"), totals=(total(1, "50.00"), back(0, "0.00")))),
    "a NUL in a refund's number": zipped(
        details(row("退款", refund="2026\0"), totals=(total(0, "0.00"), back(1, "50.00")))
    ),
    "a bell in a transaction": zipped(
        details(row().replace(TRANSACTION, "2026\a"), totals=(total(1, "50.00"), back(0, "0.00")))
    ),
    "a line without an end": zipped(details(row(subject="号" * 33_000), totals=(total(1, "50.00"), back(0, "0.00")))),
    "too many lines": zipped(ONE_OF_EACH),
    "no end": zipped(details(row(), end="", totals=(total(1, "50.00"), back(0, "0.00")))),
    "no totals": zipped(details(totals=())),
    "a missing line": zipped(details(totals=(total(1, "50.00"), back(0, "0.00")))),
    "an extra line": zipped(details(row(), row(), totals=(total(1, "50.00"), back(0, "0.00")))),
    "another amount": zipped(details(row(amount="50.01"), totals=(total(1, "50.00"), back(0, "0.00")))),
    "another refund": zipped(details(row("退款", "-20.01", refund="1"), totals=(total(0, "0.00"), back(1, "-20.00")))),
    "a missing column": zipped(details(header=HEADER.replace("服务费（元）", "费"))),
    "a column twice": zipped(details(header=HEADER.replace("备注", "商户订单号"))),
    "a short line": zipped(details(row()[:-3], totals=(total(1, "50.00"), back(0, "0.00")))),
    "no time": zipped(
        details(row(at="").replace("2026-11-21 09:10:00", ""), totals=(total(1, "50.00"), back(0, "0.00")))
    ),
    "no number": zipped(details(row().replace(NUMBER, ""), totals=(total(1, "50.00"), back(0, "0.00")))),
    "no amount": zipped(details(row(amount="1e3"), totals=(total(1, "1000.00"), back(0, "0.00")))),
    "some other business": zipped(details(row("转账"), totals=(total(0, "0.00"), back(0, "0.00")))),
    "too much": zipped(details(row(), totals=(total(1, "50.00"), back(0, "0.00")))),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_a_bill_that_is_not_whole_and_right_is_none(vendor, broken, monkeypatch):
    if broken == "too much":
        monkeypatch.setattr(bill, "MOST_TEXT", 100)
    if broken == "too many lines":
        monkeypatch.setattr(bill, "MOST_LINES", 1)
    assert isinstance(had(vendor, BROKEN[broken]), NotReady)


@pytest.mark.parametrize("account", [f"[{SELLER_ID}0156]", f"[{SELLER_ID}]", SELLER_ID])
def test_the_merchant_is_ours(vendor, account):
    assert len(had(vendor, zipped(ONE_OF_EACH.replace(f"[{SELLER_ID}0156]", account))).lines) == 2


@pytest.mark.parametrize("at", ["2026-11-20 00:00:00", "2026-11-22 23:59:59"])
def test_a_days_neighbours_may_be_in_its_bill(vendor, at):
    text = details(row(at=at), totals=(total(1, "50.00"), back(0, "0.00")))
    assert len(had(vendor, zipped(text)).lines) == 1


def test_a_file_is_read_line_by_line(vendor, monkeypatch):
    """However much is packed into it, no more than a line of it is unpacked at once."""
    pieces = []
    asked = zipfile.ZipExtFile.readline

    def readline(file, limit=-1):
        pieces.append(asked(file, limit))
        return pieces[-1]

    monkeypatch.setattr(zipfile.ZipExtFile, "readline", readline)
    monkeypatch.setattr(zipfile.ZipFile, "read", None)
    rows = [row()] * 3000
    assert len(had(vendor, zipped(details(*rows, totals=(total(3000, "150000.00"), back(0, "0.00"))))).lines) == 3000
    assert len(pieces) > 3000
    assert max(map(len, pieces)) < 1000
    pieces.clear()
    assert isinstance(had(vendor, zipped("#" * 5_000_000)), NotReady)
    assert [len(piece) for piece in pieces] == [bill.MOST_LINE]


def test_an_expired_link_is_no_bill(vendor):
    vendor.answers["/file"] = b""
    vendor.answers[METHOD] = {**OK, "bill_download_url": f"{vendor.address}/gone"}
    vendor.serve = lambda connection: (
        say(connection, b"expired", 403) if connection.path == "/gone" else Vendor.serve(vendor, connection)
    )
    assert adapter(vendor).bill(DAY).reason.startswith("download failed: ")


@pytest.mark.parametrize(
    "link", ["", "file:///etc/passwd", "http://127.0.0.1:1/file", "http://localhost/file", "ftp://127.0.0.1/", "//x", "http://[", "http://u@{}/file"]
)  # fmt: skip
def test_no_link_is_followed_elsewhere(vendor, link):
    vendor.answers[METHOD] = {**OK, "bill_download_url": link.format(vendor.address.removeprefix("http://"))}
    assert adapter(vendor).bill(DAY) == NotReady("a link that leads elsewhere")
    assert len(vendor.targets) == 1


def test_a_link_that_cannot_be_asked_for_is_no_bill(vendor):
    vendor.answers[METHOD] = {**OK, "bill_download_url": f"{vendor.address}/账单"}
    assert adapter(vendor).bill(DAY) == NotReady("download failed: UnicodeEncodeError")


@pytest.mark.parametrize(
    ("link", "fetched"),
    [
        ("http://dwbillcenter.alipay.com/downloadBillFile.resource?bizType=trade", True),
        ("https://dwbillcenter.alipay.com/downloadBillFile.resource", True),
        ("https://openapi.alipay.com/x", True),
        ("https://alipay.com.evil.example/x", False),
        ("https://evilalipay.com/x", False),
        ("https://dwbillcenter.alipay.com@evil.example/x", False),
        ("http://127.0.0.1/x", False),
        ("ftp://dwbillcenter.alipay.com/x", False),
    ],
)
def test_in_production_bills_come_from_alipays_hosts(monkeypatch, link, fetched):
    alipay = Alipay.of(Settings(alipay_url="https://openapi.alipay.com/gateway.do"))
    asked = []

    def fetch(url, **_limits):
        asked.append(url)
        return zipped(ONE_OF_EACH)

    monkeypatch.setattr(alipay._client, "verified_sync_response", lambda *_args: {**OK, "bill_download_url": link})
    monkeypatch.setattr(bill, "fetch", fetch)
    assert isinstance(alipay.bill(DAY), Bill if fetched else NotReady)
    assert asked == ([link] if fetched else [])


@pytest.mark.parametrize("size", [1000, 1001])
def test_a_file_is_not_longer_than_it_may_be(vendor, monkeypatch, size):
    monkeypatch.setattr(bill, "MOST_ZIP", 1000)
    read = had(vendor, b" " * size)
    assert read.reason.startswith("download failed: " if size > 1000 else "unreadable bill: BadZipFile ")
