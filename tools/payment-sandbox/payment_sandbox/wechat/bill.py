"""A day's bill of all trades (交易账单): GET /v3/bill/tradebill, and the file behind the address that it answers.

Days are Beijing's. Payments stand on the day of their payment, refunds on the day on which they were asked for, as they stood
when the bill was made: at ten on the next morning. So the file of a day is the same whenever it is fetched.
"""

import gzip
import hashlib
import hmac
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from payment_sandbox.parts import Refund, Sandbox, Trade
from payment_sandbox.wechat.call import Answer, Call
from payment_sandbox.wechat.identity import APIV3_KEY, APPID, BEIJING, MCHID, NAME
from payment_sandbox.wechat.orders import TRADE_TYPES, openid
from payment_sandbox.wechat.refusal import Refusal, bad_field

MADE_AT = time(10)
KEPT = timedelta(days=92)
GOOD_FOR = 300
"""Seconds on the sandbox's clock for which a download's address is good."""
COLUMNS = [
    "交易时间",
    "公众账号ID",
    "商户号",
    "特约商户号",
    "设备号",
    "微信订单号",
    "商户订单号",
    "用户标识",
    "交易类型",
    "交易状态",
    "付款银行",
    "货币种类",
    "应结订单金额",
    "代金券金额",
    "微信退款单号",
    "商户退款单号",
    "退款金额",
    "充值券退款金额",
    "退款类型",
    "退款状态",
    "商品名称",
    "商户数据包",
    "手续费",
    "费率",
    "订单金额",
    "申请退款金额",
    "费率备注",
]
TOTALS = [
    "总交易单数",
    "应结订单总金额",
    "退款总金额",
    "充值券退款总金额",
    "手续费总金额",
    "订单总金额",
    "申请退款总金额",
]
STATES = {"processing": "PROCESSING", "success": "SUCCESS", "closed": "FAIL", "abnormal": "CHANGE"}


@dataclass(frozen=True, slots=True)
class Line:
    """A payment; with a `refund_number`, a refund. `amount` and `fee` in fen, the fee of a refund below zero."""

    at: datetime
    number: str
    transaction_id: str
    amount: int
    fee: int
    status: str = "SUCCESS"
    trade_type: str = "NATIVE"
    payer: str = ""
    subject: str = ""
    attach: str = ""
    refund_id: str = ""
    refund_number: str = ""


def apply(sandbox: Sandbox, call: Call) -> Answer:
    """Where a day's file is, and its digest. Raises Refusal."""
    call.query_of("bill_date", optional=("bill_type", "tar_type"))
    day, packing = _day(call), call.query.get("tar_type", "")
    if call.query.get("bill_type", "ALL") != "ALL":
        raise bad_field(
            "/bill_type", call.query["bill_type"], "is not ALL, which is all that the sandbox bills", "query"
        )
    if packing not in {"", "GZIP"}:
        raise bad_field("/tar_type", packing, "is not GZIP", "query")
    _made(sandbox, day)
    if not lines(sandbox, day):
        raise Refusal(400, "NO_STATEMENT_EXIST", "账单文件不存在：该日没有交易")
    file = written(sandbox, day)
    wrong = b"?" if "digest" in _planned(sandbox, day) else b""
    return 200, {
        "hash_type": "SHA1",
        "hash_value": hashlib.sha1(file + wrong, usedforsecurity=False).hexdigest(),
        "download_url": f"{call.host}/_wechat/bill/{_token(day, packing, int(sandbox.now().timestamp()))}",
    }


def download(sandbox: Sandbox, call: Call) -> Answer:
    """The file itself. Raises Refusal if the address is not ours, or too old."""
    call.query_of()
    day, packing, issued, _ = [*call.part("token").split("."), "", "", "", ""][:4]
    if not issued.isdigit() or not hmac.compare_digest(call.part("token"), _token_of(day, packing, issued)):
        raise Refusal(400, "PARAM_ERROR", "下载地址无效")
    if not 0 <= sandbox.now().timestamp() - int(issued) <= GOOD_FOR:
        raise Refusal(400, "INVALID_REQUEST", "下载地址已过期，请重新申请账单")
    wanted = date.fromisoformat(day)
    return 200, packed(sandbox, wanted) if packing else _cut(sandbox, wanted, written(sandbox, wanted))


def packed(sandbox: Sandbox, day: date) -> bytes:
    """The file as it is downloaded with GZIP."""
    return _cut(sandbox, day, gzip.compress(written(sandbox, day), mtime=0))


def written(sandbox: Sandbox, day: date) -> bytes:
    """The file: details under their header, totals under theirs."""
    found, planned = lines(sandbox, day), _planned(sandbox, day)
    rate = f"{Decimal(str(sandbox.options.fee_rate)) * 100:.2f}%"
    rows = [COLUMNS, *(_cells(line, rate) for line in found)]
    if "columns" in planned:
        rows = [list(reversed(row)) for row in rows]
    totals = _totals(found, 1 if "summary" in planned else 0)
    header, *details = rows
    text = [",".join(header), *map(_marked, details), ",".join(TOTALS), _marked(totals)]
    return ("\r\n".join(text) + "\r\n").encode()


def lines(sandbox: Sandbox, day: date) -> list[Line]:
    """What stands in the bill of a day: what happened, and what was planned to be said otherwise."""
    found = list(_happened(sandbox, day))
    for other in (day - timedelta(days=1), day + timedelta(days=1)):
        moved = [change for change in sandbox.bill_changes(NAME, other) if change["do"] == "day"]
        arriving = [change for change in moved if _moved_to(change, other) == day]
        edge = datetime.combine(day, time(0) if other < day else time(23, 59, 59), BEIJING)
        happened = list(_happened(sandbox, other)) if arriving else []
        found += [replace(line, at=edge) for line in happened for change in arriving if _meant(change, line)]
    for change in sandbox.bill_changes(NAME, day):
        found = _changed(sandbox, day, found, change)
    return sorted(found, key=lambda line: line.at)


def day_of(token: str) -> str:
    """The day that a download's address is about (for fault plans)."""
    return token.partition(".")[0]


# --- when --------------------------------------------------------------------------------------------------------------


def _day(call: Call) -> date:
    value = call.query["bill_date"]
    try:
        day = date.fromisoformat(value)
    except ValueError:
        raise bad_field("/bill_date", value, "is no date", "query") from None
    if str(day) != value:
        raise bad_field("/bill_date", value, "is not YYYY-MM-DD", "query")
    return day


def _made(sandbox: Sandbox, day: date) -> None:
    """Raises Refusal if that day's bill is not made yet, or no longer kept."""
    now = sandbox.now().astimezone(BEIJING)
    early = bool(sandbox.options.more.get("wechat_early_bills"))
    if not now.date() - KEPT <= day <= now.date() - timedelta(days=0 if early else 1):
        raise bad_field("/bill_date", str(day), "is not a day of the last three months", "query")
    if not sandbox.options.bill_ready or (not early and now < _made_at(day)):
        raise Refusal(400, "STATEMENT_CREATING", "账单生成中，请稍后再试")


def _made_at(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), MADE_AT, BEIJING)


def _token(day: date, packing: str, issued: int) -> str:
    return _token_of(str(day), packing, str(issued))


def _token_of(*said: str) -> str:
    """It says itself what it is for: a download goes on over a restart."""
    seal = hmac.new(APIV3_KEY, ".".join(said).encode(), hashlib.sha256).hexdigest()[:32]
    return ".".join([*said, seal])


# --- what happened -----------------------------------------------------------------------------------------------------


def _happened(sandbox: Sandbox, day: date) -> Iterator[Line]:
    trades = {trade.number: trade for trade in sandbox.books.trades(NAME)}
    for trade in trades.values():
        if trade.paid_at is not None and trade.paid_at.astimezone(BEIJING).date() == day:
            yield _payment(sandbox, trade, trade.paid_at)
    for refund in sandbox.books.refunds(NAME):
        if refund.requested_at.astimezone(BEIJING).date() == day:
            yield _refund(sandbox, refund, trades[refund.trade_number], _made_at(day))


def _payment(sandbox: Sandbox, trade: Trade, paid_at: datetime) -> Line:
    return Line(
        at=paid_at,
        number=trade.number,
        transaction_id=trade.transaction_id,
        amount=trade.amount,
        fee=_fee(sandbox, trade.amount),
        trade_type=TRADE_TYPES[trade.channel],
        payer=openid(trade),
        subject=trade.subject,
        attach=str(trade.params.get("attach", "")),
    )


def _refund(sandbox: Sandbox, refund: Refund, trade: Trade, made_at: datetime) -> Line:
    """As it stood when the bill was made: what was done later is not in it."""
    state = refund.state if refund.done_at is None or refund.done_at <= made_at else "processing"
    return replace(
        _payment(sandbox, trade, refund.requested_at),
        amount=refund.amount,
        fee=0 if state == "closed" else -_fee(sandbox, refund.amount),
        status=STATES[state],
        refund_id=refund.refund_id,
        refund_number=refund.number,
    )


def _fee(sandbox: Sandbox, amount: int) -> int:
    """In fen, rounded half up."""
    return int((Decimal(amount) * Decimal(str(sandbox.options.fee_rate))).quantize(Decimal(1), ROUND_HALF_UP))


# --- what was planned --------------------------------------------------------------------------------------------------


def _planned(sandbox: Sandbox, day: date) -> set[str]:
    return {change["do"] for change in sandbox.bill_changes(NAME, day)}


def _changed(sandbox: Sandbox, day: date, found: list[Line], change: Mapping[str, Any]) -> list[Line]:
    match change["do"]:
        case "add":
            return [*found, _extra(sandbox, day, change)]
        case "drop" | "day":
            return [line for line in found if not _meant(change, line)]
        case "amount":
            return [replace(line, amount=int(change["amount"])) if _meant(change, line) else line for line in found]
        case "status":
            return [replace(line, status=str(change["status"])) if _meant(change, line) else line for line in found]
    return found


def _extra(sandbox: Sandbox, day: date, change: Mapping[str, Any]) -> Line:
    """A line that nothing in the books stands behind."""
    refund_number, amount = str(change.get("refund_number", "")), int(change.get("amount", 1))
    fee = _fee(sandbox, amount)
    return Line(
        at=datetime.combine(day, time(12), BEIJING),
        number=str(change.get("number", "SANDBOX_EXTRA")),
        transaction_id=str(change.get("transaction_id", f"4200999999{day:%Y%m%d}0000000001")),
        amount=amount,
        fee=-fee if refund_number else fee,
        status=str(change.get("status", "SUCCESS")),
        refund_id=f"50399999999{day:%Y%m%d}0000001" if refund_number else "",
        refund_number=refund_number,
    )


def _meant(change: Mapping[str, Any], line: Line) -> bool:
    """A refund by its own number, a payment by that of its order."""
    if change.get("refund_number"):
        return bool(line.refund_number == change["refund_number"])
    return not line.refund_number and bool(line.number == change.get("number"))


def _moved_to(change: Mapping[str, Any], day: date) -> date:
    """`to`: the day before or the day after; the latter if it is not said."""
    return date.fromisoformat(change["to"]) if change.get("to") else day + timedelta(days=1)


def _cut(sandbox: Sandbox, day: date, file: bytes) -> bytes:
    return file[: len(file) * 2 // 3] if "truncate" in _planned(sandbox, day) else file


# --- how it is written -------------------------------------------------------------------------------------------------


def _cells(line: Line, rate: str) -> Sequence[str]:
    back = bool(line.refund_number)
    paid, refunded = (0, line.amount) if back else (line.amount, 0)
    cells = {
        "交易时间": f"{line.at.astimezone(BEIJING):%Y-%m-%d %H:%M:%S}",
        "公众账号ID": APPID,
        "商户号": MCHID,
        "特约商户号": "0",
        "微信订单号": line.transaction_id,
        "商户订单号": line.number,
        "用户标识": line.payer,
        "交易类型": line.trade_type,
        "交易状态": "REFUND" if back else line.status,
        "付款银行": "OTHERS",
        "货币种类": "CNY",
        "应结订单金额": _yuan(paid),
        "代金券金额": "0.00",
        "微信退款单号": line.refund_id or "0",
        "商户退款单号": line.refund_number or "0",
        "退款金额": _yuan(refunded),
        "充值券退款金额": "0.00",
        "退款类型": "ORIGINAL" if back else "",
        "退款状态": line.status if back else "",
        "商品名称": _harmless(line.subject),
        "商户数据包": _harmless(line.attach),
        "手续费": f"{_yuan(line.fee)}000",
        "费率": rate,
        "订单金额": _yuan(paid),
        "申请退款金额": _yuan(refunded),
    }
    return [cells.get(column, "") for column in COLUMNS]


def _totals(found: Sequence[Line], wrong: int) -> Sequence[str]:
    """`wrong`: by how many lines, and fen, they are not what the lines say."""
    paid = sum(line.amount for line in found if not line.refund_number)
    refunded = sum(line.amount for line in found if line.refund_number)
    fees = sum(line.fee for line in found)
    return [
        str(len(found) + wrong),
        _yuan(paid + wrong),
        _yuan(refunded),
        "0.00",
        f"{_yuan(fees)}000",
        _yuan(paid + wrong),
        _yuan(refunded),
    ]


def _marked(cells: Sequence[str]) -> str:
    return ",".join(f"`{cell}" for cell in cells)


def _harmless(text: str) -> str:
    """A merchant's own words: what would part the line is written otherwise."""
    return " ".join(text.replace(",", "\\ ").split("\n"))


def _yuan(fen: int) -> str:
    return f"{'-' if fen < 0 else ''}{abs(fen) // 100}.{abs(fen) % 100:02d}"
