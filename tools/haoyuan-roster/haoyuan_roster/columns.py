"""The columns of a CSV roster: their names, in English and Chinese, and how a cell of each is read."""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

import msgspec
from haoyuan_roster_format import MOST_NUMBERS, Fee
from haoyuan_roster_format.rows import Code, Name, Words

from haoyuan_roster.faults import Refused
from haoyuan_roster.hours import parse_clock, parse_hours
from haoyuan_roster.money import fen

LONGEST_SLOT = 24 * 60  # minutes
MOST_DAYS_AHEAD = 366
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2099, 12, 31)

_DATE = re.compile(r"([0-9]{4})(?:([-/.年])([0-9]{1,2})[-/.月]([0-9]{1,2})日?|([0-9]{2})([0-9]{2}))\Z")
_POLICIES = {"first_come": "first_come", "先到先得": "first_come", "lottery": "lottery", "摇号": "lottery"}
_POLICIES |= {"weighted": "weighted", "加权摇号": "weighted"}
_PERIODS = {"morning": "morning", "上午": "morning", "afternoon": "afternoon", "下午": "afternoon"}
_PERIODS |= {"evening": "evening", "晚上": "evening"}
_FLAGS = {"yes": True, "y": True, "1": True, "true": True, "是": True}
_FLAGS |= {"no": False, "n": False, "0": False, "false": False, "否": False}


def parse_date(text: str) -> date:
    """2026-12-01, 2026/12/1 as Excel writes it, 2026年12月1日 or 20261201. Raises Refused: bad_date."""
    match = _DATE.match(unicodedata.normalize("NFKC", text).strip())
    try:
        year, _, *parts = match.groups() if match else ("0", None)
        day = date(int(year), *(int(part) for part in parts if part))
    except (ValueError, TypeError):
        raise Refused("bad_date", "is no date such as 2026-12-01") from None
    if not FIRST_DAY <= day <= LAST_DAY:
        raise Refused("bad_date", "does not lie in the years 2000 to 2099")
    return day


def _dates(text: str) -> frozenset[date]:
    """Single dates and ranges: "2026-10-01..2026-10-07 2027-01-01"."""
    days: set[date] = set()
    for item in re.split(r"[\s,;、，；]+", text.strip()):
        first, _, last = item.partition("..")
        begin, end = parse_date(first), parse_date(last or first)
        if not 0 <= (end - begin).days <= MOST_DAYS_AHEAD:
            raise Refused("bad_date", f"“{item}” is no range of days")
        days.update(date.fromordinal(n) for n in range(begin.toordinal(), end.toordinal() + 1))
    return frozenset(days)


def _text(kind: Any) -> Callable[[str], str]:
    def read(text: str) -> str:
        try:
            return str(msgspec.convert(text, kind))
        except msgspec.ValidationError as error:
            raise Refused("invalid", str(error)) from None

    return read


def _fee(text: str) -> int:
    amount = fen(text)
    try:
        return msgspec.convert({"amount": amount, "currency": "CNY"}, Fee).amount
    except msgspec.ValidationError:
        raise Refused("bad_money", "is more than any fee") from None


def _number(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        plain = unicodedata.normalize("NFKC", text).strip()
        if not re.fullmatch(r"[0-9]{1,9}", plain) or not least <= int(plain) <= most:
            raise Refused("invalid", f"is no whole number from {least} to {most}")
        return int(plain)

    return read


def _choice(values: dict[str, Any]) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        try:
            return values[text.strip().lower()]
        except KeyError:
            raise Refused("invalid", f"is none of {', '.join(values)}") from None

    return read


@dataclass(frozen=True, slots=True)
class Column:
    """`read` answers a cell's value, and raises Refused. A cell that is empty has the `default`."""

    name: str
    chinese: str
    read: Callable[[str], Any]
    required: bool = False
    default: Any = None


COLUMNS = (
    Column("doctor", "医生编号", _text(Code), required=True),
    Column("doctor_name", "医生姓名", _text(Name)),
    Column("title", "职称", _text(Words), default=""),
    Column("specialty", "专长", _text(Words), default=""),
    Column("department", "科室编号", _text(Code), required=True),
    Column("department_name", "科室名称", _text(Name)),
    Column("hours", "出诊时间", parse_hours),
    Column("valid_from", "生效日期", parse_date),
    Column("valid_to", "截止日期", parse_date),
    Column("except", "停诊日期", _dates, default=frozenset()),
    Column("date", "日期", parse_date),
    Column("start", "开始时间", parse_clock),
    Column("end", "结束时间", parse_clock),
    Column("period", "时段", _choice(_PERIODS)),
    Column("slot_minutes", "每段分钟", _number(1, LONGEST_SLOT), required=True),
    Column("capacity", "每段号数", _number(1, MOST_NUMBERS), required=True),
    Column("blocked", "保留号数", _number(0, MOST_NUMBERS), default=0),
    Column("referral", "转诊号数", _number(0, MOST_NUMBERS), default=0),
    Column("window", "窗口号数", _number(0, MOST_NUMBERS), default=0),
    Column("follow_up", "复诊号数", _number(0, MOST_NUMBERS), default=0),
    Column("fee", "挂号费", _fee, required=True),
    Column("policy", "放号方式", _choice(_POLICIES), default="first_come"),
    Column("release_days", "提前天数", _number(0, MOST_DAYS_AHEAD), required=True),
    Column("release_time", "放号时间", parse_clock, required=True),
    Column("draw_days", "抽签提前天数", _number(0, MOST_DAYS_AHEAD)),
    Column("draw_time", "抽签时间", parse_clock),
    Column("room", "诊室", _text(Words), default=""),
    Column("grade", "号别", _text(Words)),
    Column("urgent", "急诊", _choice(_FLAGS), default=False),
    Column("draft", "草稿", _choice(_FLAGS), default=False),
    Column("tag", "标记", _text(Code)),
)
BY_NAME = {column.name: column for column in COLUMNS}
_BY_TITLE = BY_NAME | {column.chinese: column for column in COLUMNS}


def column_of(title: str) -> Column | None:
    """The column with this title, in either language; "Doctor Name" is doctor_name."""
    plain = unicodedata.normalize("NFKC", title).strip().lower()
    return _BY_TITLE.get(re.sub(r"[\s_-]+", "_", plain))
