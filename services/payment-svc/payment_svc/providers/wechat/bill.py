"""WeChat's bill of a day: fetched, verified against its digest and its own summary, read by the names of its columns.

UTF-8, separated by commas, each value behind a backtick; amounts in yuan, fees with five decimals. Commas in what merchants
wrote arrive as a backslash and a space. A header, the lines, a header of the summary, the summary.
"""

import gzip
import hashlib
import zlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime

from common.clock import SHANGHAI

from payment_svc.domain import CURRENCY
from payment_svc.providers import Bill, BillLine, BillOutcome, NotReady
from payment_svc.providers.money import fen, thousandths
from payment_svc.providers.wechat.client import Client, ask

_EMPTY = "NO_STATEMENT_EXIST"
_PENNY = 1000
"""A fen in thousandths: the sum of the fees may be rounded in the summary, and nothing else."""


class Unbelievable(ValueError):
    """A bill that contradicts itself, or is not written as it should be; the text says where."""


def fetch(client: Client, day: date, mchid: str) -> BillOutcome:
    """All that came and went back on that day (Beijing). Whatever is wrong: try again later, with a new link."""
    told = ask(client.trade_bill, bill_date=day.isoformat())
    if told.status == 400 and told.reason == _EMPTY:
        return Bill((), told.content, hashlib.sha256(told.content).hexdigest())
    link, digest = told.document.get("download_url"), told.document.get("hash_value")
    if told.status != 200 or not isinstance(link, str) or not isinstance(digest, str):
        return NotReady(told.reason)
    if told.document.get("hash_type") != "SHA1":
        return NotReady("hash_type")
    file = ask(client.download, link)
    if file.status != 200:
        return NotReady(f"download {file.reason}")
    try:
        return Bill(
            read(_unpacked(file.content, digest), mchid), file.content, hashlib.sha256(file.content).hexdigest()
        )
    except Unbelievable as error:
        return NotReady(str(error))


def read(content: bytes, mchid: str) -> list[BillLine]:
    """The lines of a bill's text, if they are ours and add up to its summary. Raises Unbelievable."""
    try:
        rows = [row for row in content.decode("utf-8-sig").replace("\r\n", "\n").split("\n") if row]
        header, *details = rows
        end = next(index for index, row in enumerate(details) if not row.startswith("`"))
        summary = dict(zip(_names(details[end]), _values(details[end + 1]), strict=True))
        lines = [_line(dict(zip(_names(header), _values(row), strict=True)), mchid) for row in details[:end]]
        if details[end + 2 :]:
            raise Unbelievable("more after the summary")
        _add_up(lines, summary)
    except Unbelievable:
        raise
    except KeyError as error:
        raise Unbelievable(f"no column {error}") from None
    except (ValueError, StopIteration, IndexError) as error:
        raise Unbelievable(f"unreadable ({type(error).__name__})") from None
    return lines


def _unpacked(content: bytes, digest: str) -> bytes:
    """The text behind the digest, which is the text's and not the archive's. (HTTP may have unpacked it on the way.)"""
    try:
        text = gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise Unbelievable("truncated") from None
    if hashlib.sha1(text, usedforsecurity=False).hexdigest() != digest.lower():
        raise Unbelievable("digest")
    return text


def _names(row: str) -> list[str]:
    return [name.strip() for name in row.split(",")]


def _values(row: str) -> list[str]:
    if not row.startswith("`"):
        raise Unbelievable("a line without backticks")
    return row.removeprefix("`").split(",`")


def _line(row: Mapping[str, str], mchid: str) -> BillLine:
    """订单金额 and 申请退款金额 are what was asked for, coupons included; 应结订单金额 and 退款金额 are without them."""
    if row["商户号"] != mchid:
        raise Unbelievable("another merchant's")
    if row["货币种类"] != CURRENCY:
        raise Unbelievable(f"currency {row['货币种类'][:8]}")
    state = row["交易状态"]
    if state not in {"SUCCESS", "REFUND", "REVOKED"}:
        raise Unbelievable(f"state {state[:32]}")
    refund = state != "SUCCESS"  # REVOKED: a payment by code at some counter of the same merchant, taken back
    amount = fen(row["申请退款金额" if refund else "订单金额"])
    if amount < 1:
        raise Unbelievable("an amount that is none")
    return BillLine(
        "refund" if refund else "payment",
        row["商户订单号"],
        row["商户退款单号"] if refund else "",
        row["微信订单号"],
        amount,
        thousandths(row["手续费"]),
        datetime.strptime(row["交易时间"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=SHANGHAI),
        row["退款状态"] if refund else state,
    )


def _add_up(lines: Sequence[BillLine], summary: Mapping[str, str]) -> None:
    sums = {kind: sum(line.amount for line in lines if line.kind == kind) for kind in ("payment", "refund")}
    if int(summary["总交易单数"]) != len(lines):
        raise Unbelievable("summary: 总交易单数")
    if fen(summary["订单总金额"]) != sums["payment"]:
        raise Unbelievable("summary: 订单总金额")
    if fen(summary["申请退款总金额"]) != sums["refund"]:
        raise Unbelievable("summary: 申请退款总金额")
    if abs(thousandths(summary["手续费总金额"]) - sum(line.fee for line in lines)) >= _PENNY:
        raise Unbelievable("summary: 手续费总金额")
