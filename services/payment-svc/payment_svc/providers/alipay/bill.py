"""A day's bill: where it is, and what is in it. A zip of GBK files: the lines with their totals, and a summary.

Amounts below zero are refunds in some of Alipay's samples and not in others: what a line is stands in 业务类型.
"""

import csv
import hashlib
import json
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from http.client import HTTPException
from io import BytesIO
from itertools import chain
from typing import IO, Literal
from urllib.parse import urlsplit
from zipfile import BadZipFile, ZipFile, ZipInfo

from common.clock import SHANGHAI

from payment_svc.providers import Bill, BillLine, BillOutcome, NotReady, Unknown
from payment_svc.providers.alipay.client import Client, Denied, fetch
from payment_svc.providers.alipay.fields import moment, text
from payment_svc.providers.money import fen, thousandths

MOST_ZIP = 64 << 20
MOST_TEXT = 512 << 20
MOST_LINE = 64 << 10
"""Bytes: a hospital's day has some thousand lines of 200 bytes."""
MOST_LINES = 200_000
DOWNLOAD = 14.0
"""Seconds for the file."""
VENDOR = ".alipay.com"

_EMPTY_DAY = ("BILL_NOT_EXIST", "NO_BILL_DATA")
_UNREADABLE = (ValueError, LookupError, EOFError, RuntimeError, BadZipFile, zlib.error, csv.Error)
_ACCOUNT = re.compile(r"#\s*账号[：:]\s*\[?(\d+?)(\d{4})?\]?\s*")
"""The merchant's id, mostly with four digits behind it."""
_FROM = re.compile(r"#\s*起始日期[：:]\s*\[?(\d{4}年\d\d月\d\d日)")
_TOTAL = re.compile(r"#\s*(交易|退款)合计[：:]\s*(\d+)\s*笔[^-\d]*(-?[\d.]+)\s*元")
_NEEDED = (
    "支付宝交易号",
    "商户订单号",
    "业务类型",
    "创建时间",
    "完成时间",
    "订单金额",
    "商家实收",
    "退款批次号/请求号",
    "服务费",
)

Kind = Literal["payment", "refund"]


def download(client: Client, day: date, seller_id: str) -> BillOutcome:
    """The address is good for 30 s. The file is not signed: its totals and checksums must be right, and it comes from Alipay."""
    asked = {"bill_type": "trade", "bill_date": day.isoformat()}
    answer = client.ask(lambda: client.server_api("alipay.data.dataservice.bill.downloadurl.query", asked))
    if isinstance(answer, Unknown):
        return NotReady(answer.reason)
    if isinstance(answer, Denied):
        if not answer.says(*_EMPTY_DAY):
            return NotReady(answer.code)
        said = json.dumps({**asked, "sub_code": answer.code}).encode()
        return Bill((), said, hashlib.sha256(said).hexdigest())
    url = text(answer, "bill_download_url")
    if not _theirs(url, client.url):
        return NotReady("a link that leads elsewhere")
    try:
        content = fetch(url, within=DOWNLOAD, most=MOST_ZIP)
    except (OSError, HTTPException, ValueError) as error:  # ValueError: a link with signs that no link has
        return NotReady(f"download failed: {type(error).__name__}")
    try:
        lines = read(content, day, seller_id)
    except _UNREADABLE as error:
        return NotReady(f"unreadable bill: {type(error).__name__} {error}"[:200])
    return Bill(lines, content, hashlib.sha256(content).hexdigest())


def _theirs(url: str, gateway: str) -> bool:
    """Within Alipay's domain, or at the sandbox itself."""
    try:
        link, ours = urlsplit(url), urlsplit(gateway)
        same = (link.hostname, link.port) == (ours.hostname, ours.port)
    except ValueError:
        return False
    vendors = all((part.hostname or "").endswith(VENDOR) for part in (link, ours))
    return link.scheme in {"http", "https"} and not link.username and (same or vendors)


def read(content: bytes, day: date, seller_id: str) -> Sequence[BillLine]:
    """The lines of a bill as it was downloaded. Raises one of _UNREADABLE for what is not that merchant's and day's whole bill."""
    with ZipFile(BytesIO(content)) as archive:
        details = [info for info in archive.infolist() if "明细" in (name := _name(info)) and "汇总" not in name]
        if len(details) != 1 or details[0].file_size > MOST_TEXT:
            raise ValueError("not one file of details")
        with archive.open(details[0]) as file:
            return _read(_written(file), day, seller_id)


def _read(written: Iterator[str], day: date, seller_id: str) -> list[BillLine]:
    """Line by line, to the end of the file: only there does the zip find out whether it is as it was packed."""
    lines: list[BillLine] = []
    came: dict[Kind, tuple[int, int]] = {"payment": (0, 0), "refund": (0, 0)}
    for row in _rows(chain([_start(written, day, seller_id)], _details(written))):
        lines.append(_line(row, day))
        count, amount = came[lines[-1].kind]
        came[lines[-1].kind] = count + 1, amount + abs(fen(row["商家实收"]))
        if len(lines) > MOST_LINES:
            raise ValueError("too many lines")
    _check_totals(written, came)
    return lines


def _written(file: IO[bytes]) -> Iterator[str]:
    while line := file.readline(MOST_LINE):
        if len(line) == MOST_LINE:
            raise ValueError("a line without an end")
        yield line.decode("gb18030").strip("\r\n")


def _start(written: Iterator[str], day: date, seller_id: str) -> str:
    """Past what stands above the list; its first line."""
    account, first_day = "", ""
    for line in written:
        if line.strip() and not line.startswith("#"):
            break
        account = line if _ACCOUNT.fullmatch(line) else account
        first_day = said[1] if (said := _FROM.match(line)) else first_day
    else:
        raise ValueError("no list of details")
    if not (said := _ACCOUNT.fullmatch(account)) or seller_id not in {said[1], said[1] + (said[2] or "")}:
        raise ValueError("another merchant")
    if first_day != f"{day:%Y年%m月%d日}":
        raise ValueError("another day")
    return line


def _details(written: Iterator[str]) -> Iterator[str]:
    for line in written:
        if line.startswith("#") and "列表结束" in line:
            return
        yield line
    raise ValueError("no end of the details")


def _name(info: ZipInfo) -> str:
    """Alipay's zips name their files in GBK without saying so."""
    return info.filename if info.flag_bits & 0x800 else info.filename.encode("cp437").decode("gbk")


def _rows(written: Iterator[str]) -> Iterator[Mapping[str, str]]:
    """By the names of the columns, in whatever order they are; without （元） behind them."""
    rows = ([cell.strip() for cell in row] for row in csv.reader(written) if row)
    header = [re.split("[(（]", name)[0].strip() for name in next(rows, [])]
    if missing := [name for name in _NEEDED if header.count(name) != 1]:
        raise ValueError(f"columns {'、'.join(missing)}")
    for row in rows:
        yield dict(zip(header, row, strict=True))


def _line(row: Mapping[str, str], day: date) -> BillLine:
    kind = _kind(row)
    at: datetime | None = moment(row["完成时间"]) or moment(row["创建时间"])
    if at is None or not row["商户订单号"] or not row["支付宝交易号"]:
        raise ValueError("a line without its time or numbers")
    if not timedelta(days=-1) <= at - datetime.combine(day, time(), SHANGHAI) < timedelta(days=2):
        raise ValueError("a line of another day")
    amount, fee = abs(fen(row["订单金额"])), abs(thousandths(row["服务费"] or "0"))
    if not amount:
        raise ValueError("a line without an amount")
    line = BillLine(
        kind,
        number=row["商户订单号"],
        refund_number=row["退款批次号/请求号"] if kind == "refund" else "",
        transaction_id=row["支付宝交易号"],
        amount=amount,
        fee=-fee if kind == "refund" else fee,
        at=at,
        status=row["业务类型"],
    )
    if not f"{line.number}{line.refund_number}{line.transaction_id}{line.status}".isprintable():
        raise ValueError("control characters")  # no database takes a NUL, and no number has any
    return line


def _kind(row: Mapping[str, str]) -> Kind:
    said = row["业务类型"]
    if "退款" in said:
        return "refund"
    if "交易" in said:
        return "payment"
    raise ValueError(f"业务类型 {said[:20]}")


def _check_totals(tail: Iterator[str], came: Mapping[Kind, tuple[int, int]]) -> None:
    """How many, and what the merchant got in all, stand below the lines: a file that was cut, or changed, does not add up."""
    said = {found[1]: (int(found[2]), abs(fen(found[3]))) for line in tail if (found := _TOTAL.match(line))}
    if said != {"交易": came["payment"], "退款": came["refund"]}:
        raise ValueError("合计")
