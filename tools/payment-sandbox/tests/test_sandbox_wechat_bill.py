"""WeChat Pay's bill of a day: when it can be had, what stands in it, and what can be wrong with it."""

import gzip
import hashlib
from datetime import datetime, timedelta

import pytest
from payment_sandbox.wechat.bill import COLUMNS, TOTALS
from payment_sandbox.wechat.identity import BEIJING
from sandbox_wechat_merchant import APPID, MCHID, merchant_at

BILL = "/v3/bill/tradebill"


class Days:
    """A merchant with a day that begins at midnight in Beijing."""

    def __init__(self, merchant):
        self.merchant = merchant
        now = merchant.sandbox.now().astimezone(BEIJING)
        self.midnight = datetime.combine(now.date() + timedelta(days=1), datetime.min.time(), BEIJING)
        self.day = self.midnight.date()
        self.at(0, 0)

    def at(self, day, hour, minute=0, second=0):
        """Wait until then. `day` 0 is the day that is billed."""
        moment = self.midnight + timedelta(days=day, hours=hour, minutes=minute, seconds=second)
        self.merchant.sandbox.set_clock(advance=(moment - self.merchant.sandbox.now()).total_seconds())

    def ask(self, day=None, **query):
        given = {"bill_date": str(day or self.day), "bill_type": "ALL", "tar_type": "GZIP"} | query
        text = "&".join(f"{name}={value}" for name, value in given.items() if value is not None)
        return self.merchant.call("GET", f"{BILL}?{text}")

    def download(self, answer):
        assert answer.json["download_url"].startswith("http://localhost/_wechat/bill/")
        return self.merchant.call("GET", answer.json["download_url"].removeprefix("http://localhost"))

    def file(self, day=None):
        answer = self.ask(day)
        assert answer.json["hash_type"] == "SHA1"
        file = gzip.decompress(self.download(answer).body)
        assert hashlib.sha1(file, usedforsecurity=False).hexdigest() == answer.json["hash_value"]
        return file

    def rows(self, day=None):
        """Details and totals, by the names of their columns."""
        header, *details, totals_header, totals = self.file(day).decode().removesuffix("\r\n").split("\r\n")
        return [read(header, line) for line in details], read(totals_header, totals)

    def change(self, *changes, day=None):
        self.merchant.sandbox.change_bill("wechat", day or self.day, list(changes))


def read(header, line):
    cells = line.split(",")
    assert all(cell.startswith("`") for cell in cells)
    return dict(zip(header.split(","), [cell[1:] for cell in cells], strict=True))


@pytest.fixture
def days(tmp_path):
    with merchant_at(tmp_path) as merchant:
        yield Days(merchant)


def a_day(days):
    """1234 fen at one o'clock, of which 234 go back at two; 66 fen at three. Then it is the next morning."""
    days.at(0, 1)
    days.merchant.paid("ORDER_0001", 1234, attach="a,b", description="挂号费, 内科")
    days.at(0, 2)
    assert days.merchant.refund("REFUND_1", "ORDER_0001", 234, 1234).status == 200
    days.at(0, 3)
    days.merchant.paid("ORDER_0002", 66)
    days.at(1, 10)


def test_a_bill_says_what_came_and_what_went_back(days):
    a_day(days)
    (payment, refund, other), totals = days.rows()
    trade = days.merchant.sandbox.books.trade("wechat", "ORDER_0001")
    assert list(payment) == COLUMNS
    assert len(COLUMNS) == 27
    assert (payment["交易时间"], payment["公众账号ID"], payment["商户号"]) == (f"{days.day} 01:00:00", APPID, MCHID)
    assert (payment["商户订单号"], payment["微信订单号"]) == ("ORDER_0001", trade.transaction_id)
    assert (payment["交易类型"], payment["交易状态"], payment["货币种类"]) == ("NATIVE", "SUCCESS", "CNY")
    assert (payment["应结订单金额"], payment["订单金额"], payment["退款金额"]) == ("12.34", "12.34", "0.00")
    assert (payment["商户退款单号"], payment["微信退款单号"]) == ("0", "0")
    assert (payment["手续费"], payment["费率"]) == ("0.07000", "0.60%")
    assert (payment["商品名称"], payment["商户数据包"]) == ("挂号费\\  内科", "a\\ b")
    assert (refund["交易时间"], refund["交易状态"], refund["退款状态"]) == (f"{days.day} 02:00:00", "REFUND", "SUCCESS")
    assert (refund["商户订单号"], refund["商户退款单号"]) == ("ORDER_0001", "REFUND_1")
    assert refund["微信退款单号"] == days.merchant.sandbox.books.refund("wechat", "REFUND_1").refund_id
    assert (refund["退款金额"], refund["申请退款金额"], refund["订单金额"]) == ("2.34", "2.34", "0.00")
    assert refund["手续费"] == "-0.01000"
    assert (other["商户订单号"], other["手续费"]) == ("ORDER_0002", "0.00000")
    assert list(totals) == TOTALS
    assert list(totals.values()) == ["3", "13.00", "2.34", "0.00", "0.06000", "13.00", "2.34"]


def test_a_bill_can_be_had_from_ten_on_the_next_morning(days):
    a_day(days)
    days.at(1, 9, 59, 59)
    assert days.ask().code == (400, "STATEMENT_CREATING")
    days.at(1, 10)
    assert days.ask().status == 200
    days.merchant.sandbox.options.bill_ready = False
    assert days.ask().code == (400, "STATEMENT_CREATING")


def test_a_day_without_trades_has_no_bill(days):
    days.at(1, 10)
    assert days.ask().code == (400, "NO_STATEMENT_EXIST")
    days.merchant.create()
    days.at(2, 10)
    assert days.ask(days.day + timedelta(days=1)).code == (400, "NO_STATEMENT_EXIST")


def test_days_are_beijings(days):
    days.at(0, 23, 59, 59)
    days.merchant.paid("ORDER_0001")
    days.at(1, 0)
    days.merchant.paid("ORDER_0002")
    days.merchant.refund("REFUND_1", "ORDER_0001")
    days.at(2, 10)
    assert [row["商户订单号"] for row in days.rows()[0]] == ["ORDER_0001"]
    following = days.rows(days.day + timedelta(days=1))[0]
    assert [(row["商户订单号"], row["交易状态"]) for row in following] == [
        ("ORDER_0002", "SUCCESS"),
        ("ORDER_0001", "REFUND"),
    ]


@pytest.mark.parametrize(("end", "state"), [("success", "SUCCESS"), ("closed", "FAIL"), ("abnormal", "CHANGE")])
def test_a_refund_stands_as_it_stood_when_the_bill_was_made(days, end, state):
    options = days.merchant.sandbox.options
    days.merchant.paid("ORDER_0001")
    days.merchant.paid("ORDER_0002")
    options.refund_outcome = end
    days.merchant.refund("REFUND_1", "ORDER_0001")
    options.refund_minutes = 60 * 35
    days.merchant.refund("REFUND_2", "ORDER_0002")
    days.at(1, 10)
    before = days.file()
    days.at(1, 12)
    assert days.merchant.refund_state("REFUND_2").json["status"] == end.upper()
    assert days.file() == before
    states = {row["商户退款单号"]: row["退款状态"] for row in days.rows()[0] if row["交易状态"] == "REFUND"}
    assert states == {"REFUND_1": state, "REFUND_2": "PROCESSING"}
    fees = {row["商户退款单号"]: row["手续费"] for row in days.rows()[0] if row["交易状态"] == "REFUND"}
    assert fees == {"REFUND_1": "0.00000" if end == "closed" else "-0.01000", "REFUND_2": "-0.01000"}


def test_half_a_fen_of_fee_is_a_fen(days):
    for number, fen in enumerate((249, 250, 416, 417)):
        days.merchant.paid(f"ORDER_{number:04}", fen)
    days.at(1, 10)
    assert [row["手续费"] for row in days.rows()[0]] == ["0.01000", "0.02000", "0.02000", "0.03000"]


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"bill_date": None}, "/bill_date"),
        ({"bill_date": "20260101"}, "/bill_date"),
        ({"bill_date": "2026-02-30"}, "/bill_date"),
        ({"bill_date": "yesterday"}, "/bill_date"),
        ({"bill_date": "2019-01-01"}, "/bill_date"),
        ({"bill_date": "2999-01-01"}, "/bill_date"),
        ({"bill_type": "RECHARGE_REFUND"}, "/bill_type"),
        ({"tar_type": "ZIP"}, "/tar_type"),
        ({"sub_mchid": "1"}, "/sub_mchid"),
    ],
    ids=str,
)
def test_a_bad_parameter_is_named(days, query, named):
    a_day(days)
    answer = days.ask(**query)
    assert answer.code == (400, "PARAM_ERROR")
    assert (answer.json["detail"]["field"], answer.json["detail"]["location"]) == (named, "query")


def test_today_is_not_billed_unless_wanted(days):
    days.merchant.paid()
    assert days.ask().code == (400, "PARAM_ERROR")
    days.merchant.sandbox.options.more["wechat_early_bills"] = True
    assert len(days.rows()[0]) == 1


def test_a_bill_may_be_had_unpacked(days):
    a_day(days)
    plain = days.download(days.ask(tar_type=None))
    assert plain.body == days.file()


def test_a_download_is_asked_for_with_a_signature_and_answered_without(days):
    a_day(days)
    address = days.ask().json["download_url"].removeprefix("http://localhost")
    answer = days.merchant.call("GET", address)
    assert (answer.status, answer.signed) == (200, False)
    assert not answer.headers["Content-Type"].startswith("application/json")
    assert days.merchant.call("GET", address, signature="AAAA").code == (401, "SIGN_ERROR")


def test_a_downloads_address_is_good_for_five_minutes(days):
    a_day(days)
    answer = days.ask()
    days.merchant.wait(minutes=5)
    assert days.download(answer).status == 200
    days.merchant.wait(seconds=1)
    assert days.download(answer).code == (400, "INVALID_REQUEST")


def test_a_downloads_address_cannot_be_made_up(days):
    a_day(days)
    address = days.ask().json["download_url"].removeprefix("http://localhost")
    for wrong in (address.replace(str(days.day), "2026-01-01"), address + "0", "/_wechat/bill/x", "/_wechat/bill/..."):
        assert days.merchant.call("GET", wrong).code == (400, "PARAM_ERROR")


def test_rows_can_be_missing_added_and_wrong(days):
    a_day(days)
    days.change(
        {"do": "drop", "number": "ORDER_0002"},
        {"do": "amount", "number": "ORDER_0001", "amount": 1235},
        {"do": "status", "refund_number": "REFUND_1", "status": "PROCESSING"},
        {"do": "add", "number": "ORDER_9999", "amount": 5},
        {"do": "add", "number": "ORDER_0001", "refund_number": "REFUND_9", "amount": 1},
    )
    rows, totals = days.rows()
    assert [
        (row["商户订单号"], row["订单金额"], row["商户退款单号"], row["退款金额"], row["退款状态"]) for row in rows
    ] == [
        ("ORDER_0001", "12.35", "0", "0.00", ""),
        ("ORDER_0001", "0.00", "REFUND_1", "2.34", "PROCESSING"),
        ("ORDER_9999", "0.05", "0", "0.00", ""),
        ("ORDER_0001", "0.00", "REFUND_9", "0.01", "SUCCESS"),
    ]
    assert (totals["总交易单数"], totals["订单总金额"], totals["退款总金额"]) == ("4", "12.40", "2.35")


def test_a_row_of_nothing_makes_a_bill(days):
    days.at(1, 10)
    days.change({"do": "add", "number": "ORDER_9999", "amount": 5})
    assert [row["商户订单号"] for row in days.rows()[0]] == ["ORDER_9999"]


@pytest.mark.parametrize(("step", "time"), [(1, "00:00:00"), (-1, "23:59:59")])
def test_a_row_can_stand_on_the_day_beside(days, step, time):
    a_day(days)
    other = days.day + timedelta(days=step)
    days.change({"do": "day", "number": "ORDER_0002", "to": str(other)})
    days.at(2, 10)
    assert "ORDER_0002" not in {row["商户订单号"] for row in days.rows()[0]}
    assert [(row["商户订单号"], row["交易时间"]) for row in days.rows(other)[0]] == [("ORDER_0002", f"{other} {time}")]


def test_without_a_word_it_is_the_day_after(days):
    a_day(days)
    days.change({"do": "day", "refund_number": "REFUND_1"})
    days.at(2, 10)
    assert [row["商户退款单号"] for row in days.rows(days.day + timedelta(days=1))[0]] == ["REFUND_1"]


def test_columns_can_stand_in_another_order(days):
    a_day(days)
    usual = days.rows()
    days.change({"do": "columns"})
    assert days.file().decode().splitlines()[0].split(",") == COLUMNS[::-1]
    assert days.rows() == usual


def test_totals_can_be_wrong(days):
    a_day(days)
    usual = days.rows()
    days.change({"do": "summary"})
    assert days.rows()[0] == usual[0]
    assert days.rows()[1] != usual[1]


def test_a_digest_can_be_wrong(days):
    a_day(days)
    days.change({"do": "digest"})
    answer = days.ask()
    file = gzip.decompress(days.download(answer).body)
    assert hashlib.sha1(file, usedforsecurity=False).hexdigest() != answer.json["hash_value"]


def test_a_file_can_be_cut_off(days):
    a_day(days)
    days.change({"do": "truncate"})
    with pytest.raises(EOFError):
        gzip.decompress(days.download(days.ask()).body)


def test_a_bill_can_be_had_from_the_vendor_object_too(days):
    a_day(days)
    vendor = days.merchant.sandbox.vendors["wechat"]
    assert gzip.decompress(vendor.bill(days.merchant.sandbox, days.day)) == days.file()


@pytest.mark.parametrize("call", ["bill", "download"])
def test_a_malformed_answer(days, call):
    a_day(days)
    days.merchant.fault(call, "malformed")
    answer = days.ask()
    with pytest.raises((ValueError, EOFError)):
        gzip.decompress(days.download(answer).body)
