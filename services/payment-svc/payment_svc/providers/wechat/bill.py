"""WeChat's bill of a day: fetched, verified against its digest and its own summary, read by the names of its columns.

UTF-8, separated by commas, each value behind a backtick; amounts in yuan, fees with five decimals. Commas in what merchants
wrote arrive as a backslash and a space. A header, the lines, a header of the summary, the summary.
"""

import gzip
import hashlib
import zlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from io import BytesIO
from typing import BinaryIO, cast

from common.clock import SHANGHAI

from payment_svc.domain import CURRENCY
from payment_svc.providers import Bill, BillLine, BillOutcome, NotReady
from payment_svc.providers.money import fen, thousandths
from payment_svc.providers.wechat.client import Client, ask

MOST_TEXT = 512 << 20
MOST_LINE = 64 << 10
"""Bytes: a hospital's day has some thousand lines of 300 bytes."""
MOST_LINES = 200_000

_PIECE = 64 << 10
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
        _check_digest(_text(file.content), digest)
        lines = read(_text(file.content), day, mchid)
    except Unbelievable as error:
        return NotReady(str(error))
    return Bill(lines, file.content, hashlib.sha256(file.content).hexdigest())


def read(text: BinaryIO, day: date, mchid: str) -> list[BillLine]:
    """The lines of a bill's text, if they are ours, of that day, and add up to its summary. Raises Unbelievable."""
    rows = _rows(text)
    lines: list[BillLine] = []
    names: list[str] = []
    try:
        header = _names(next(rows))
        for row in rows:
            if not row.startswith("`"):
                names = _names(row)
                break
            lines.append(_line(dict(zip(header, _values(row), strict=True)), day, mchid))
            if len(lines) > MOST_LINES:
                raise Unbelievable("too many lines")
        summary = dict(zip(names, _values(next(rows)), strict=True))
        if next(rows, None) is not None:
            raise Unbelievable("more after the summary")
        _add_up(lines, summary)
    except Unbelievable:
        raise
    except KeyError as error:
        raise Unbelievable(f"no column {error}") from None
    except (ValueError, StopIteration) as error:
        raise Unbelievable(f"unreadable ({type(error).__name__})") from None
    return lines


def _text(content: bytes) -> BinaryIO:
    """Unpacked as it is read, never all at once. (HTTP may have unpacked it on the way.)"""
    packed = BytesIO(content)
    return cast(BinaryIO, gzip.GzipFile(fileobj=packed)) if content.startswith(b"\x1f\x8b") else packed


def _check_digest(text: BinaryIO, digest: str) -> None:
    """The digest is the text's and not the archive's. Raises Unbelievable, also for more than a bill can have."""
    hashed, size = hashlib.sha1(usedforsecurity=False), 0
    try:
        while piece := text.read(_PIECE):
            hashed.update(piece)
            if (size := size + len(piece)) > MOST_TEXT:
                raise Unbelievable("too long")
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise Unbelievable("truncated") from None
    if hashed.hexdigest() != digest.lower():
        raise Unbelievable("digest")


def _rows(text: BinaryIO) -> Iterator[str]:
    """Those that are not empty."""
    start = "\ufeff"
    while line := text.readline(MOST_LINE):
        if len(line) == MOST_LINE:
            raise Unbelievable("a line without an end")
        row, start = line.decode().removeprefix(start).removesuffix("\n").removesuffix("\r"), ""
        if row:
            yield row


def _names(row: str) -> list[str]:
    return [name.strip() for name in row.split(",")]


def _values(row: str) -> list[str]:
    if not row.startswith("`"):
        raise Unbelievable("a line without backticks")
    return row.removeprefix("`").split(",`")


def _line(row: Mapping[str, str], day: date, mchid: str) -> BillLine:
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
    at = datetime.strptime(row["交易时间"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=SHANGHAI)
    if not timedelta(days=-1) <= at - datetime.combine(day, time(), SHANGHAI) < timedelta(days=2):
        raise Unbelievable("another day's")
    line = BillLine(
        "refund" if refund else "payment",
        row["商户订单号"],
        row["商户退款单号"] if refund else "",
        row["微信订单号"],
        amount,
        thousandths(row["手续费"]),
        at,
        row["退款状态"] if refund else state,
    )
    if not line.number.strip() or not line.transaction_id.strip(" 0"):  # 0 stands for what there is not
        raise Unbelievable("a line without its numbers")
    if not f"{line.number}{line.refund_number}{line.transaction_id}{line.status}".isprintable():
        raise Unbelievable("control characters")  # no database takes a NUL, and no number has any
    return line


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
