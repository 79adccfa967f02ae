"""A day's bill: where it is, and what is in it. A zip of GBK files: the lines with their totals, and a summary.

Amounts below zero are refunds in some of Alipay's samples and not in others: what a line is stands in 业务类型.
"""

import csv
import hashlib
import json
import re
import zlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from http.client import HTTPException
from io import BytesIO
from typing import Literal
from urllib.parse import urlsplit
from zipfile import BadZipFile, ZipFile, ZipInfo

from payment_svc.providers import Bill, BillLine, BillOutcome, NotReady, Unknown
from payment_svc.providers.alipay.client import Client, Denied, fetch
from payment_svc.providers.alipay.fields import moment, text
from payment_svc.providers.money import fen, thousandths

MOST_ZIP = 64 << 20
MOST_TEXT = 512 << 20
"""Bytes: a hospital's day has some thousand lines of 200 bytes."""
DOWNLOAD = 14.0
"""Seconds for the file."""
VENDOR = ".alipay.com"

_EMPTY_DAY = ("BILL_NOT_EXIST", "NO_BILL_DATA")
_UNREADABLE = (ValueError, LookupError, EOFError, RuntimeError, BadZipFile, zlib.error, csv.Error)
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


def download(client: Client, day: date) -> BillOutcome:
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
    except (OSError, HTTPException, ValueError) as error:
        return NotReady(f"download failed: {type(error).__name__}")
    try:
        lines = read(content, day)
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


def read(content: bytes, day: date) -> Sequence[BillLine]:
    """The lines of a bill as it was downloaded. Raises one of _UNREADABLE for what is not that day's whole bill."""
    with ZipFile(BytesIO(content)) as archive:
        details = [info for info in archive.infolist() if "明细" in (name := _name(info)) and "汇总" not in name]
        if len(details) != 1 or details[0].file_size > MOST_TEXT:
            raise ValueError("not one file of details")
        written = [line.strip("\r") for line in archive.read(details[0]).decode("gb18030").split("\n")]
    start = next((n for n, line in enumerate(written) if line.strip() and not line.startswith("#")), None)
    end = next((n for n, line in enumerate(written) if line.startswith("#") and "列表结束" in line), None)
    if start is None or end is None or end < start:
        raise ValueError("no list of details")
    if not any("起始日期" in line and f"{day:%Y年%m月%d日}" in line for line in written[:start]):
        raise ValueError("another day")
    rows = _rows(written[start:end])
    lines = [_line(row) for row in rows]
    _check_totals(written[end:], lines, rows)
    return lines


def _name(info: ZipInfo) -> str:
    """Alipay's zips name their files in GBK without saying so."""
    return info.filename if info.flag_bits & 0x800 else info.filename.encode("cp437").decode("gbk")


def _rows(written: Sequence[str]) -> list[Mapping[str, str]]:
    """By the names of the columns, in whatever order they are; without （元） behind them."""
    first, *others = ([cell.strip() for cell in row] for row in csv.reader(written) if row)
    header = [re.split("[(（]", name)[0].strip() for name in first]
    if missing := [name for name in _NEEDED if header.count(name) != 1]:
        raise ValueError(f"columns {'、'.join(missing)}")
    return [dict(zip(header, row, strict=True)) for row in others]


def _line(row: Mapping[str, str]) -> BillLine:
    kind = _kind(row)
    at: datetime | None = moment(row["完成时间"]) or moment(row["创建时间"])
    if at is None or not row["商户订单号"] or not row["支付宝交易号"]:
        raise ValueError("a line without its time or numbers")
    fee = abs(thousandths(row["服务费"] or "0"))
    return BillLine(
        kind,
        number=row["商户订单号"],
        refund_number=row["退款批次号/请求号"] if kind == "refund" else "",
        transaction_id=row["支付宝交易号"],
        amount=abs(fen(row["订单金额"])),
        fee=-fee if kind == "refund" else fee,
        at=at,
        status=row["业务类型"],
    )


def _kind(row: Mapping[str, str]) -> Kind:
    said = row["业务类型"]
    if "退款" in said:
        return "refund"
    if "交易" in said:
        return "payment"
    raise ValueError(f"业务类型 {said[:20]}")


def _check_totals(tail: Sequence[str], lines: Sequence[BillLine], rows: Sequence[Mapping[str, str]]) -> None:
    """How many, and what the merchant got in all, stand below the lines: a file that was cut, or changed, does not add up."""
    said = {found[1]: (int(found[2]), abs(fen(found[3]))) for line in tail if (found := _TOTAL.match(line))}
    for word, kind in (("交易", "payment"), ("退款", "refund")):
        got = [abs(fen(row["商家实收"])) for row, line in zip(rows, lines, strict=True) if line.kind == kind]
        if said.get(word) != (len(got), sum(got)):
            raise ValueError(f"{word}合计")
