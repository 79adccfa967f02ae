"""A day's bill: a zip with two CSV files, everything in GBK, the names in the zip too. And the link under which it is downloaded."""

import base64
import csv
import hashlib
import hmac
import io
import re
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from payment_sandbox.alipay.fields import BEIJING, Call, Refusal, beijing, business, setting, yuan
from payment_sandbox.alipay.signing import SELLER_ID, signed
from payment_sandbox.parts import Sandbox, Trade

READY_AT = time(9, 0)
LINK_LASTS = timedelta(seconds=30)
PAYMENT, REFUND = "交易", "退款"
_RULE = "-" * 41


@dataclass(frozen=True, slots=True)
class Line:
    """A payment or a refund. Fen, above zero; `fee` is what was charged, or came back."""

    kind: str
    number: str
    refund_number: str
    transaction_id: str
    subject: str
    amount: int
    fee: int
    created_at: datetime
    done_at: datetime


def _fee(sandbox: Sandbox, amount: int) -> int:
    """Rounded half up."""
    return int((Decimal(amount) * Decimal(str(sandbox.options.fee_rate))).quantize(Decimal(1), ROUND_HALF_UP))


def _line(
    sandbox: Sandbox, kind: str, trade: Trade, refund_number: str, amount: int, created_at: datetime, done_at: datetime
) -> Line:
    what = (kind, trade.number, refund_number, trade.transaction_id, trade.subject, amount)
    return Line(*what, _fee(sandbox, amount), created_at, done_at)


def _booked(sandbox: Sandbox, day: date) -> list[Line]:
    trades = {trade.number: trade for trade in sandbox.books.trades("alipay")}
    lines = [
        _line(sandbox, PAYMENT, trade, "", trade.amount, trade.created_at, trade.paid_at)
        for trade in trades.values()
        if trade.paid_at and trade.paid_at.astimezone(BEIJING).date() == day
    ]
    lines += [
        _line(
            sandbox,
            REFUND,
            trades[refund.trade_number],
            refund.number,
            refund.amount,
            refund.requested_at,
            refund.done_at,
        )
        for refund in sandbox.books.refunds("alipay")
        if refund.state == "success" and refund.done_at and refund.done_at.astimezone(BEIJING).date() == day
    ]
    return lines


def _meant(change: Mapping[str, Any]) -> Callable[[Line], bool]:
    if change.get("refund_number"):
        return lambda line: line.refund_number == change["refund_number"]
    return lambda line: not line.refund_number and line.number == change.get("number")


def _moved_to(change: Mapping[str, Any], day: date) -> date:
    return date.fromisoformat(change["to"]) if change.get("to") else day + timedelta(days=1)


def _added(sandbox: Sandbox, day: date, change: Mapping[str, Any]) -> Line:
    """A line that no trade is behind."""
    noon = datetime.combine(day, time(12), BEIJING)
    refund_number = str(change.get("refund_number", ""))
    number, amount = str(change.get("number", "unknown")), int(change.get("amount", 100))
    transaction_id = str(change.get("transaction_id") or f"{day:%Y%m%d}22001{zlib.crc32(number.encode()):015d}")
    what = (number, refund_number, transaction_id, str(change.get("subject", "")), amount, _fee(sandbox, amount))
    return Line(REFUND if refund_number else PAYMENT, *what, noon, noon)


def lines(sandbox: Sandbox, day: date) -> list[Line]:
    """What the bill of a day says, with the differences that were planned for it."""
    said = _booked(sandbox, day)
    for change in sandbox.bill_changes("alipay", day):
        meant = _meant(change)
        match change["do"]:
            case "drop" | "day":
                said = [line for line in said if not meant(line)]
            case "add":
                said.append(_added(sandbox, day, change))
            case "amount":
                said = [replace(line, amount=int(change["amount"])) if meant(line) else line for line in said]
            case "status":  # these bills have no other than the kind of business
                said = [replace(line, kind=str(change["status"])) if meant(line) else line for line in said]
    for other in (day - timedelta(days=1), day + timedelta(days=1)):
        edge = datetime.combine(day, time(0) if other < day else time(23, 59, 59), BEIJING)
        for change in sandbox.bill_changes("alipay", other):
            if change["do"] == "day" and _moved_to(change, other) == day:
                said += [replace(line, done_at=edge) for line in _booked(sandbox, other) if _meant(change)(line)]
    return sorted(said, key=lambda line: line.done_at)


def query(sandbox: Sandbox, call: Call) -> dict[str, Any]:
    """alipay.data.dataservice.bill.downloadurl.query"""
    day = _day(call.biz.get("bill_date"))
    if call.biz.get("bill_type") not in ("trade", "signcustomer") or day is None:
        raise business("INVAILID_ARGUMENTS", "入参不合法")  # the vendor's own spelling
    early = setting(sandbox, "alipay_early_bills")
    made = (day, time(0)) if early else (day + timedelta(days=1), READY_AT)
    ready = datetime.combine(*made, BEIJING)
    if sandbox.now() < ready:
        raise business("BILL_NOT_EXIST", "账单不存在")
    if not sandbox.options.bill_ready:
        raise Refusal("20000", "isp.unknow-error", "服务不可用，请稍后重试")
    if call.biz["bill_type"] == "signcustomer" or not lines(sandbox, day):
        raise business(setting(sandbox, "alipay_empty_bill_code"), "账单不存在")
    # Who came to one of the vendor's own names is sent to it again: that is where the test stands that uses them.
    # where the merchant found us: payers may reach us elsewhere
    scheme = "https" if call.host.endswith(".alipay.com") else sandbox.url.partition(":")[0]
    base = f"{scheme}://{call.host}"
    return {"bill_download_url": f"{base}/_alipay/bill/{_token(day, sandbox.now())}"}


def _day(value: object) -> date | None:
    if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d\d-\d\d", value, re.ASCII):
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None


def _token(day: date, issued: datetime) -> str:
    said = f"{day:%Y%m%d}{int(issued.timestamp())}"
    key = signed(b"links to bills").encode()
    seal = base64.urlsafe_b64encode(hmac.digest(key, said.encode(), hashlib.sha256)[:18]).decode()
    return f"{said}{seal}"


def day_of_link(token: str, now: datetime) -> date | None:
    """None: no link of ours, or none any more."""
    found = re.fullmatch(r"(\d{8})(\d{10})[\w-]{24}", token, re.ASCII)
    if found is None:
        return None
    day, issued = _day(f"{found[1][:4]}-{found[1][4:6]}-{found[1][6:]}"), datetime.fromtimestamp(int(found[2]), BEIJING)
    if day is None or not hmac.compare_digest(token, _token(day, issued)) or now - issued > LINK_LASTS:
        return None
    return day


# --- the file ----------------------------------------------------------------------------------------------------------


def content(sandbox: Sandbox, day: date) -> bytes:
    said = lines(sandbox, day)
    does = {change["do"] for change in sandbox.bill_changes("alipay", day)}
    name = f"{SELLER_ID}0156_{day:%Y%m%d}_业务明细"
    now = sandbox.now()
    off = 1 if "summary" in does else 0
    files = {
        f"{name}.csv": _details(
            said, day, now, reorder="columns" in does, signs=sandbox.options.negative_refunds, off=off
        ),
        f"{name}(汇总).csv": _summary(said, day, now, off),
    }
    packed = _zipped({name: text.encode("gbk", "replace") for name, text in files.items()})
    return packed[: len(packed) // 2] if "truncate" in does else packed


def _zipped(files: Mapping[str, bytes]) -> bytes:
    """A zip whose names are GBK and do not say so. zipfile would write UTF-8: it is given names as long, which are replaced."""
    buffer = io.BytesIO()
    stand_ins = {}
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for index, (name, text) in enumerate(files.items()):
            real = name.encode("gbk")
            stand_in = f"<{index}>".ljust(len(real), "\x01")
            stand_ins[stand_in.encode()] = real
            archive.writestr(stand_in, text)
    packed = buffer.getvalue()
    for stand_in_bytes, real in stand_ins.items():
        packed = packed.replace(stand_in_bytes, real)
    return packed


def _head(title: str, lists: str, day: date) -> list[str]:
    days = [f"{each:%Y年%m月%d日} 00:00:00" for each in (day, day + timedelta(days=1))]
    return [
        f"#支付宝{title}查询",
        f"#账号：[{SELLER_ID}0156]",
        f"#起始日期：[{days[0]}]   终止日期：[{days[1]}]",
        f"#{_RULE}{lists}列表{_RULE[:-1]}",
    ]


def _details(said: Sequence[Line], day: date, now: datetime, *, reorder: bool, signs: bool, off: int) -> str:
    rows = [_row(line, signs=signs) for line in said]
    header = list(_row(Line("", "", "", "", "", 0, 0, now, now), signs=signs))
    if reorder:
        header.reverse()
    payments, refunds = ([line for line in said if line.kind == kind] for kind in (PAYMENT, REFUND))
    back = sum(line.amount for line in refunds) * (-1 if signs else 1)
    taken = sum(line.amount for line in payments) + off
    return "\r\n".join(
        [
            *_head("业务明细", "业务明细", day),
            *_csv([header, *([row[name] for name in header] for row in rows)]),
            f"#{_RULE}业务明细列表结束{_RULE[:36]}",
            f"#交易合计：{len(payments) + off}笔，商家实收共{yuan(taken)}元，商家优惠共0.00元",
            f"#退款合计：{len(refunds)}笔，商家实收退款共{yuan(back)}元，商家优惠退款共0.00元",
            f"#导出时间：[{now.astimezone(BEIJING):%Y年%m月%d日 %H:%M:%S}]",
            "",
        ]
    )


def _row(line: Line, *, signs: bool) -> dict[str, str]:
    refund = line.kind == REFUND
    amount = yuan(-line.amount if refund and signs else line.amount)
    zero = yuan(0)
    texts = {
        "支付宝交易号": line.transaction_id,
        "商户订单号": line.number,
        "业务类型": line.kind,
        "商品名称": line.subject,
        "创建时间": beijing(line.created_at),
        "完成时间": beijing(line.done_at),
        "门店编号": "",
        "门店名称": "",
        "操作员": "",
        "终端号": "",
        "对方账户": "pay***@example.com",
    }
    discounts = ("支付宝红包（元）", "集分宝（元）", "支付宝优惠（元）", "商家优惠（元）", "券核销金额（元）")
    return {
        **{name: f"{value}\t" for name, value in texts.items()},
        "订单金额（元）": amount,
        "商家实收（元）": amount,
        **dict.fromkeys(discounts, zero),
        "券名称": "\t",
        "商家红包消费金额（元）": zero,
        "卡消费金额（元）": zero,
        "退款批次号/请求号": f"{line.refund_number}\t",
        "服务费（元）": yuan(line.fee if refund else -line.fee),
        "分润（元）": zero,
        "备注": "\t",
    }


def _summary(said: Sequence[Line], day: date, now: datetime, off: int) -> str:
    payments, refunds = ([line for line in said if line.kind == kind] for kind in (PAYMENT, REFUND))
    net = sum(line.amount for line in payments) - sum(line.amount for line in refunds) + off
    fee = sum(line.fee for line in payments) - sum(line.fee for line in refunds)
    columns = [
        "门店编号",
        "门店名称",
        "交易订单总笔数",
        "退款订单总笔数",
        "订单金额（元）",
        "商家实收（元）",
        "支付宝优惠（元）",
    ]
    columns += ["商家优惠（元）", "卡消费金额（元）", "服务费（元）", "分润（元）", "实收净额（元）"]
    zero = yuan(0)
    totals = ["合计\t", "\t", str(len(payments) + off), str(len(refunds)), yuan(net), yuan(net), zero, zero, zero]
    return "\r\n".join(
        [
            *_head("业务汇总", "业务汇总", day),
            *_csv([columns, [*totals, yuan(-fee), zero, yuan(net - fee)]]),
            f"#{_RULE[1:]}业务汇总列表结束{_RULE[:37]}",
            f"#导出时间：[{now.astimezone(BEIJING):%Y年%m月%d日 %H:%M:%S}]",
            "",
        ]
    )


def _csv(rows: Sequence[Sequence[str]]) -> list[str]:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue().splitlines()
