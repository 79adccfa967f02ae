"""Working hours as people write them: "M-F 8am - 4pm", "Mon,Wed 13:30-17:30", "周一至周五 08:00-12:00", "周六 上午".

    hours  = group { [","|";"] group }
    group  = days times                       "周一、周三 08:00-12:00, 13:30-17:30"
    days   = day ["-" day] { [","] ... }      a range may pass the week's end: "Sat-Mon"
    times  = span { [","] span }              span: "8am-4pm", or a part of the day: "上午", "afternoon"

Nothing is guessed: what cannot be, or could be two things, is refused with the words that are wrong.
"""

import itertools
import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

from haoyuan_roster.faults import Refused

Minutes = int
"""Since midnight; 1440 is the day's end."""

MORNING, AFTERNOON, EVENING = (8 * 60, 12 * 60), (13 * 60 + 30, 17 * 60 + 30), (18 * 60, 21 * 60)
"""What a part of the day stands for when no times are written."""

NOON, DAY_END = 12 * 60, 24 * 60


class Shift(NamedTuple):
    """Work on a weekday (0: Monday), in minutes since midnight."""

    weekday: int
    start: Minutes
    end: Minutes


class Clock(NamedTuple):
    """A time of day as it is written. `half` is "am", "pm" or "" (twenty-four hours)."""

    text: str
    minutes: Minutes
    half: str


class Token(NamedTuple):
    kind: str  # day, clock, part, dash or stop
    text: str
    clock: Clock | None = None


_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_LETTERS = {"m": 0, "t": 1, "w": 2, "f": 4, "weds": 2}
_NUMERALS = {**{numeral: day for day, numeral in enumerate("一二三四五六日")}, "天": 6}
_TO_NUMERALS = str.maketrans("1234567", "一二三四五六日")
_EVERY, _WORKDAYS, _WEEKEND = tuple(range(7)), tuple(range(5)), (5, 6)
_MANY = {
    **dict.fromkeys(("daily", "everyday", "每天", "每日"), _EVERY),
    **dict.fromkeys(("weekdays", "weekday", "工作日"), _WORKDAYS),
    **dict.fromkeys(("weekends", "weekend", "周末", "双休日"), _WEEKEND),
}
_PARTS: dict[str, tuple[tuple[Minutes, Minutes], ...]] = {
    **dict.fromkeys(("上午", "早上", "morning", "am"), (MORNING,)),
    **dict.fromkeys(("下午", "afternoon", "pm"), (AFTERNOON,)),
    **dict.fromkeys(("晚上", "夜间", "evening"), (EVENING,)),
    **dict.fromkeys(("全天", "allday"), (MORNING, AFTERNOON)),
}

_TOKEN = re.compile(
    r"""(?P<clock> (?:上午|早上|凌晨|中午|下午|傍晚|晚上)?\s*
                   [0-9]+ (?: \s*[:.]\s*[0-9]+ | \s*[点时]\s*(?:半|[0-9]+\s*分?)? )?
                   (?: \s*[ap]\.?m\b\.? )? | noon\b | midnight\b )
      | (?P<part>  上午|早上|下午|晚上|夜间|全天|all\s?day\b|morning\b|afternoon\b|evening\b|am\b|pm\b )
      | (?P<stop>  [,;、/&\n] | \band\b | 和 )
      | (?P<dash>  [-‐-―~〜−至到] | \bto\b )
      | (?P<day>   每天|每日|工作日|周末|双休日|every\s?day\b|[a-z]+\.?
                 | (?:周|星期|礼拜)[^\s0-9,;、]? | [一二三四五六日天](?![^一二三四五六日天、,;\s至到~0-9上下早晚全-]) )
      | (?P<space> \s+ )
      | (?P<other> [^\s0-9,;、]+ | . )""",
    re.VERBOSE,
)
_CLOCK = re.compile(
    r"(?P<part>上午|早上|凌晨|中午|下午|傍晚|晚上)?\s*(?P<hour>[0-9]+)\s*"
    r"(?:[:.]\s*(?P<minute>[0-9]+)|[点时]\s*(?:(?P<semi>半)|(?P<fen>[0-9]+)\s*分?)?)?\s*(?P<half>[ap]\.?m\.?)?\Z"
)
_WEEK_NUMERALS = re.compile(r"(周|星期|礼拜)([1-7](?:\s*[-~至到、,]\s*[1-7])*)(?![0-9:.点时])")


def parse_hours(text: str) -> list[Shift]:
    """The shifts of a week, by weekday and time.

    Raises Refused: unknown_weekday, bad_time, bad_times, slots_overlap, bad_hours.
    """
    tokens = [token for token in _tokens(_plain(text)) if token.kind != "space"]
    if all(token.kind == "stop" for token in tokens):
        raise Refused("bad_hours", "is empty")
    shifts: set[Shift] = set()
    days: list[int] = []
    position, timed = 0, True
    while position < len(tokens):
        token = tokens[position]
        if token.kind == "stop":
            position += 1
        elif token.kind == "day":
            if timed:
                days, timed = [], False
            found, position = _days(tokens, position)
            days += found
        elif not days:
            raise Refused("bad_hours", f"“{token.text}” stands where a weekday should")
        else:
            spans, position = _spans(tokens, position)
            shifts.update(Shift(day, *span) for day in days for span in spans)
            timed = True
    if not timed:
        raise Refused("bad_hours", "has weekdays without hours")
    return _apart(sorted(shifts))


def parse_clock(text: str) -> Minutes:
    """A time of day: "8:30", "08：30", "1:30pm", "下午2点半", "24:00". Raises Refused: bad_time, bad_hours."""
    tokens = [token for token in _tokens(_plain(text)) if token.kind != "space"]
    if len(tokens) != 1 or tokens[0].clock is None:
        raise Refused("bad_hours", "is no time of day")
    return tokens[0].clock.minutes


def _plain(text: str) -> str:
    """Full-width signs as ASCII, small letters, 周1 as 周一."""
    plain = unicodedata.normalize("NFKC", text).strip().lower()
    return _WEEK_NUMERALS.sub(lambda m: m[1] + m[2].translate(_TO_NUMERALS), plain)


def _tokens(text: str) -> Iterator[Token]:
    for match in _TOKEN.finditer(text):
        kind, word = match.lastgroup or "", match[0].strip()
        if kind == "other":
            raise Refused("bad_hours", f"“{word}” is not understood")
        yield Token(kind, word, _clock(word) if kind == "clock" else None)


def _clock(text: str) -> Clock:
    """Raises Refused for 25:00, 8:61 and 13pm."""
    if text in ("noon", "midnight"):
        return Clock(text, NOON if text == "noon" else DAY_END, "")
    match = _CLOCK.match(text)
    if match is None:
        raise Refused("bad_hours", f"“{text}” is no time of day")
    digits, minutes_text = match["hour"], match["minute"] or match["fen"] or ""
    if text.isdigit() and len(text) in (3, 4):  # 0830
        digits, minutes_text = text[:-2], text[-2:]
    if len(digits) > 2 or len(minutes_text) > 2:
        raise Refused("bad_time", f"“{text[:20]}” is no time of day")
    hour = int(digits)
    minute = 30 if match["semi"] else int(minutes_text or 0)
    half = (match["half"] or "").replace(".", "")
    wrong_half = half and not 1 <= hour <= 12
    if half:
        hour = hour % 12 + (12 if half == "pm" else 0)
    elif match["part"] in ("下午", "傍晚", "晚上") or (match["part"] == "中午" and not 6 <= hour < 12):
        half, hour = "pm", hour + 12 if hour < 12 else hour
    elif match["part"]:
        half = "am"
    minutes = hour * 60 + minute
    if wrong_half or minute > 59 or minutes > DAY_END:
        raise Refused("bad_time", f"“{text}” is no time of day")
    return Clock(text, minutes, half)


def _days(tokens: list[Token], position: int) -> tuple[list[int], int]:
    """A day, or a range of days; and where the text goes on."""
    first = _weekdays(tokens[position].text)
    if [t.kind for t in tokens[position + 1 : position + 3]] != ["dash", "day"]:
        return list(first), position + 1
    last = _weekdays(tokens[position + 2].text)
    if len(first) != 1 or len(last) != 1:
        raise Refused("unknown_weekday", f"“{tokens[position].text}” cannot begin or end a range")
    days = list(range(first[0], first[0] + (last[0] - first[0]) % 7 + 1))
    return [day % 7 for day in days], position + 3


def _weekdays(text: str) -> tuple[int, ...]:
    word = text.rstrip(".").replace(" ", "")
    if word in _MANY:
        return _MANY[word]
    if word in _LETTERS:
        return (_LETTERS[word],)
    if word[-1:] in _NUMERALS:
        return (_NUMERALS[word[-1]],)
    for number, name in enumerate(_NAMES):
        if len(word) > 1 and (name.startswith(word) or word == f"{name}s"):
            return (number,)
    raise Refused("unknown_weekday", f"“{text}” is no weekday")


def _spans(tokens: list[Token], position: int) -> tuple[list[tuple[Minutes, Minutes]], int]:
    """From a time to a time, or a part of the day; and where the text goes on."""
    token = tokens[position]
    if token.kind == "part":
        return list(_PARTS[token.text.replace(" ", "")]), position + 1
    following = tokens[position : position + 3]
    if [t.kind for t in following] != ["clock", "dash", "clock"]:
        raise Refused("bad_hours", f"“{token.text}” is not the beginning of hours such as 08:00-12:00")
    start, end = (t.clock for t in following if t.clock is not None)
    return [_span(start, end)], position + 3


def _span(start: Clock, end: Clock) -> tuple[Minutes, Minutes]:
    """One of the two may say for both whether it is before noon: "1-4pm", "下午2点-5点"."""
    begins, ends = start.minutes, end.minutes
    if not start.half and end.half == "pm" and begins < NOON and begins + NOON < ends:
        begins += NOON
    if not end.half and start.half == "pm" and ends <= begins and ends < NOON:
        ends += NOON
    if begins >= ends:
        raise Refused("bad_times", f"“{start.text}-{end.text}” ends before it starts")
    return begins, ends


def _apart(shifts: list[Shift]) -> list[Shift]:
    for earlier, later in itertools.pairwise(shifts):
        if earlier.weekday == later.weekday and later.start < earlier.end:
            day = "一二三四五六日"[later.weekday]
            raise Refused("slots_overlap", f"two spans of 周{day} overlap: {shown(earlier)} and {shown(later)}")
    return shifts


def shown(shift: Shift) -> str:
    """As in 08:00-12:00."""
    return "-".join(f"{minutes // 60:02}:{minutes % 60:02}" for minutes in (shift.start, shift.end))
