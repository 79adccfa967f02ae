"""Alipay's bills: when they can be had, what they look like, and how they can be made to differ."""

import io
import json
import zipfile
from datetime import date, datetime, time, timedelta, timezone

import pytest
from payment_sandbox.parts import Fault
from sandbox_alipay_merchant import code, opened

BEIJING = timezone(timedelta(hours=8))


@pytest.fixture
def merchant(tmp_path):
    """It is ten in the morning, on some day, and time stands still."""
    with opened(tmp_path) as merchant:
        now = merchant.sandbox.now()
        morning = datetime.combine(now.date() + timedelta(days=1), time(10), BEIJING)
        merchant.sandbox.clock.set(advance=(morning - now).total_seconds(), speed=0)
        yield merchant


def today(merchant):
    return merchant.sandbox.now().astimezone(BEIJING).date()


def ask(merchant, day, **more):
    biz = {"bill_type": "trade", "bill_date": str(day), **more}
    return merchant.call("alipay.data.dataservice.bill.downloadurl.query", biz)


def download(merchant, url):
    assert url.startswith("http://localhost/_alipay/bill/"), "where the merchant called, not where payers go"
    return merchant.http.get(url.removeprefix("http://localhost"))


def files(packed):
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert not any(entry.flag_bits & 0x800 for entry in archive.infolist())  # nothing says UTF-8
        return {name.encode("cp437").decode("gbk"): archive.read(name).decode("gbk") for name in archive.namelist()}


def details(merchant, day):
    """Header and rows of the detail file, and the lines after them."""
    (text,) = (text for name, text in files(merchant.vendor.bill(merchant.sandbox, day)).items() if "汇总" not in name)
    lines = text.splitlines()
    assert [line[0] for line in lines[:4]] == ["#"] * 4
    end = next(index for index, line in enumerate(lines) if line.startswith("#") and "业务明细列表结束" in line)
    header, *rows = (line.split(",") for line in lines[4:end])
    return [dict(zip(header, row, strict=True)) for row in rows], lines[end + 1 :]


def rows(merchant, day):
    return [{name: value.rstrip("\t") for name, value in row.items()} for row in details(merchant, day)[0]]


def brief(merchant, day):
    return [
        (row["业务类型"], row["商户订单号"], row["退款批次号/请求号"], row["订单金额（元）"])
        for row in rows(merchant, day)
    ]


def plan(merchant, day, *changes):
    for change in changes:
        merchant.sandbox.books.run(
            "INSERT INTO bill_changes (provider, day, change) VALUES ('alipay', ?, ?)", str(day), json.dumps(change)
        )


@pytest.fixture
def day(merchant):
    """A day with two payments and a refund of part of the first; it is the next morning."""
    day = today(merchant)
    merchant.paid("T1", total_amount="12.30", subject="挂号费，专家😀")
    merchant.wait(minutes=5)
    merchant.paid("T2", total_amount="50.00")
    merchant.refund("T1", "2.30", "R1")
    merchant.precreate("UNPAID")
    merchant.wait(days=1)
    return day


# --- when ------------------------------------------------------------------------------------------------------------


def test_a_bill_can_be_had_from_nine_on_the_next_day(merchant):
    day = today(merchant)
    merchant.paid("T1")
    assert code(ask(merchant, day)) == "BILL_NOT_EXIST"
    merchant.wait(hours=22, minutes=59, seconds=59)
    assert code(ask(merchant, day)) == "BILL_NOT_EXIST"
    merchant.wait(seconds=2)
    assert "bill_download_url" in ask(merchant, day)


def test_a_bill_can_be_had_early_if_the_option_says_so(merchant):
    merchant.sandbox.options.more["alipay_early_bills"] = True
    merchant.paid("T1")
    assert "bill_download_url" in ask(merchant, today(merchant))
    assert code(ask(merchant, today(merchant) + timedelta(days=1))) == "BILL_NOT_EXIST"


def test_a_bill_may_be_late(merchant, day):
    merchant.sandbox.options.bill_ready = False
    assert ask(merchant, day)["code"] == "20000"


@pytest.mark.parametrize("name", ["BILL_NOT_EXIST", "NO_BILL_DATA"])
def test_a_day_without_business_has_no_bill(merchant, name):
    merchant.sandbox.options.more["alipay_empty_bill_code"] = name
    assert code(ask(merchant, today(merchant) - timedelta(days=1))) == name


@pytest.mark.parametrize(
    "biz",
    [
        {"bill_type": "trades"},
        {"bill_type": ""},
        {"bill_type": ["trade"]},
        {"bill_date": "2026-11"},
        {"bill_date": "2026-02-30"},
        {"bill_date": "20261122"},
        {"bill_date": ""},
        {"bill_date": 20261122},
    ],
)
def test_a_bill_must_be_named_rightly(merchant, biz):
    day = today(merchant) - timedelta(days=1)
    assert code(ask(merchant, day, **biz)) == "INVAILID_ARGUMENTS"


def test_a_link_lasts_thirty_seconds(merchant, day):
    url = ask(merchant, day)["bill_download_url"]
    merchant.wait(seconds=29)
    assert files(download(merchant, url).data)
    merchant.wait(seconds=3)
    assert download(merchant, url).status_code == 403


def test_a_link_cannot_be_made_up(merchant, day):
    url = ask(merchant, day)["bill_download_url"]
    for forged in (url[:-1], url[:-1] + ("A" if url[-1] != "A" else "B"), url.replace(f"{day:%Y%m%d}", "20201301")):
        assert download(merchant, forged).status_code == 403


def test_who_comes_to_the_vendors_name_is_sent_to_it(merchant, day):
    params = merchant.params(
        "alipay.data.dataservice.bill.downloadurl.query", {"bill_type": "trade", "bill_date": str(day)}
    )
    answer = merchant.http.post("/gateway.do", data=params, base_url="https://openapi.alipay.com").data
    assert rb"https:\/\/openapi.alipay.com\/_alipay\/bill" in answer


# --- what ------------------------------------------------------------------------------------------------------------


def test_a_bill_says_what_the_books_say(merchant, day):
    packed = download(merchant, ask(merchant, day)["bill_download_url"])
    assert packed.content_type == "application/zip"
    assert packed.data == merchant.vendor.bill(merchant.sandbox, day)
    assert list(files(packed.data)) == [
        f"20880000689100010156_{day:%Y%m%d}_业务明细.csv",
        f"20880000689100010156_{day:%Y%m%d}_业务明细(汇总).csv",
    ]
    assert brief(merchant, day) == [
        ("交易", "T1", "", "12.30"),
        ("交易", "T2", "", "50.00"),
        ("退款", "T1", "R1", "-2.30"),
    ]
    first = rows(merchant, day)[0]
    trade = merchant.trade("T1")
    assert first["支付宝交易号"] == trade.transaction_id
    assert first["完成时间"] == trade.paid_at.astimezone(BEIJING).strftime("%Y-%m-%d %H:%M:%S")
    assert first["商品名称"] == "挂号费，专家?"  # GBK has no such character
    assert [row["服务费（元）"] for row in rows(merchant, day)] == ["-0.07", "-0.30", "0.01"]


def test_texts_end_in_tabs(merchant, day):
    for row in details(merchant, day)[0]:
        assert all(row[name].endswith("\t") for name in ("支付宝交易号", "商户订单号", "业务类型", "完成时间"))


def test_totals_follow_the_rows(merchant, day):
    _, (payments, refunds, exported) = details(merchant, day)
    assert payments.startswith("#交易合计：2笔，商家实收共62.30元")
    assert refunds.startswith("#退款合计：1笔，商家实收退款共-2.30元")
    assert exported.startswith("#导出时间：[")
    (summary,) = (text for name, text in files(merchant.vendor.bill(merchant.sandbox, day)).items() if "汇总" in name)
    totals = next(line for line in summary.splitlines() if line.startswith("合计")).split(",")
    assert totals[2:6] == ["2", "1", "60.00", "60.00"]
    assert totals[-3:] == ["-0.36", "0.00", "59.64"]


def test_refunds_may_be_above_zero(merchant, day):
    merchant.sandbox.options.negative_refunds = False
    assert brief(merchant, day)[2] == ("退款", "T1", "R1", "2.30")


def test_business_stands_on_its_day_in_beijing(merchant):
    day = today(merchant)
    merchant.wait(hours=13, minutes=59, seconds=59)
    merchant.paid("BEFORE")
    merchant.wait(seconds=2)
    merchant.paid("AFTER")
    assert [line[1] for line in brief(merchant, day)] == ["BEFORE"]
    assert [line[1] for line in brief(merchant, day + timedelta(days=1))] == ["AFTER"]


def test_a_comma_does_not_break_a_row(merchant):
    merchant.paid("T1", subject='a,b"c')
    text = next(iter(files(merchant.vendor.bill(merchant.sandbox, today(merchant))).values()))
    assert '"a,b""c\t"' in text


# --- differences -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"do": "drop", "number": "T2"}, [("交易", "T1", "", "12.30"), ("退款", "T1", "R1", "-2.30")]),
        ({"do": "drop", "refund_number": "R1"}, [("交易", "T1", "", "12.30"), ("交易", "T2", "", "50.00")]),
        ({"do": "amount", "number": "T1", "amount": 1231}, [("交易", "T1", "", "12.31"), ("交易", "T2", "", "50.00"), ("退款", "T1", "R1", "-2.30")]),
        ({"do": "amount", "refund_number": "R1", "amount": 1}, [("交易", "T1", "", "12.30"), ("交易", "T2", "", "50.00"), ("退款", "T1", "R1", "-0.01")]),
        ({"do": "status", "number": "T2", "status": "其他"}, [("交易", "T1", "", "12.30"), ("其他", "T2", "", "50.00"), ("退款", "T1", "R1", "-2.30")]),
        ({"do": "day", "number": "T1"}, [("交易", "T2", "", "50.00"), ("退款", "T1", "R1", "-2.30")]),
        ({"do": "digest"}, [("交易", "T1", "", "12.30"), ("交易", "T2", "", "50.00"), ("退款", "T1", "R1", "-2.30")]),
    ],
)  # fmt: skip
def test_lines_can_differ(merchant, day, change, said):
    plan(merchant, day, change)
    assert brief(merchant, day) == said


def test_lines_can_be_too_many(merchant, day):
    plan(
        merchant,
        day,
        {"do": "add", "number": "X1", "amount": 999},
        {"do": "add", "number": "X1", "refund_number": "XR", "amount": 5},
    )
    assert set(brief(merchant, day)) >= {("交易", "X1", "", "9.99"), ("退款", "X1", "XR", "-0.05")}
    ids = {row["支付宝交易号"] for row in rows(merchant, day)}
    assert all(len(identity) == 28 for identity in ids)


def test_an_added_line_makes_a_bill_of_an_empty_day(merchant):
    day = today(merchant) - timedelta(days=1)
    plan(merchant, day, {"do": "add", "number": "X1"})
    assert "bill_download_url" in ask(merchant, day)


@pytest.mark.parametrize("shift", [-1, 1])
def test_a_line_can_stand_on_the_wrong_day(merchant, day, shift):
    other = day + timedelta(days=shift)
    plan(merchant, day, {"do": "day", "refund_number": "R1", "to": str(other)})
    assert brief(merchant, other) == [("退款", "T1", "R1", "-2.30")]
    assert date.fromisoformat(rows(merchant, other)[0]["完成时间"][:10]) == other
    assert len(brief(merchant, day)) == 2


def test_a_file_can_be_cut(merchant, day):
    plan(merchant, day, {"do": "truncate"})
    packed = download(merchant, ask(merchant, day)["bill_download_url"]).data
    with pytest.raises(zipfile.BadZipFile):
        files(packed)


def test_columns_can_stand_in_another_order(merchant, day):
    before, _ = details(merchant, day)
    plan(merchant, day, {"do": "columns"})
    after, _ = details(merchant, day)
    assert list(after[0]) == list(reversed(before[0]))
    assert after == before


def test_totals_can_be_wrong(merchant, day):
    plan(merchant, day, {"do": "summary"})
    assert details(merchant, day)[1][0].startswith("#交易合计：3笔，商家实收共62.31元")
    assert len(brief(merchant, day)) == 3


@pytest.mark.parametrize(("fault", "status"), [("500", 500), ("502", 502), ("429", 429), ("unknown", 503)])
def test_a_download_can_fail(merchant, day, fault, status):
    url = ask(merchant, day)["bill_download_url"]
    merchant.sandbox.faults.plan("alipay", "download", Fault(fault), number=str(day))
    assert download(merchant, url).status_code == status
    assert files(download(merchant, url).data)
