"""Working hours as people write them."""

import contextlib

import pytest
from haoyuan_roster.faults import Refused
from haoyuan_roster.hours import DAY_END, Shift, parse_clock, parse_hours, shown
from hypothesis import given
from hypothesis import strategies as st

WORKDAYS, WEEK = range(5), range(7)
MORNING, AFTERNOON = (480, 720), (810, 1050)


def week(days, *spans):
    return sorted(Shift(day, *span) for day in days for span in spans)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("M-F 8am - 4pm", week(WORKDAYS, (480, 960))),
        ("Mon,Wed 13:30-17:30", week([0, 2], (810, 1050))),
        ("周一至周五 08:00-12:00", week(WORKDAYS, MORNING)),
        ("周六 上午", week([5], MORNING)),
        ("周一三五下午", week([0, 2, 4], AFTERNOON)),
        ("周一、三、五 8：00～11：30；周二 下午2点半-5点", week([0, 2, 4], (480, 690)) + week([1], (870, 1020))),
        ("周1-5 8:00-12:00", week(WORKDAYS, MORNING)),
        ("星期一到星期五 上午9:00-11:30、下午2:00-4:30", week(WORKDAYS, (540, 690), (840, 990))),
        ("礼拜天 晚上", week([6], (1080, 1260))),
        ("周六、周天 全天", week([5, 6], MORNING, AFTERNOON)),
        ("工作日 上午8点-下午5点", week(WORKDAYS, (480, 1020))),
        ("周一 8时30分-11时30分", week([0], (510, 690))),
        ("每天 中午12点-1点", week(WEEK, (720, 780))),
        ("daily 18:00-24:00", week(WEEK, (1080, 1440))),
        ("Sat-Mon 1-4pm", week([5, 6, 0], (780, 960))),
        ("Mon to Fri 8am to 4pm", week(WORKDAYS, (480, 960))),
        ("Tuesdays and Thursdays 8:00 a.m. – 12:00 p.m.", week([1, 3], MORNING)),
        ("Mon 8-12, 13:30-17; Wed 9am–noon", week([0], MORNING, (810, 1020)) + week([2], (540, 720))),
        ("Mon 8-12 Tue 13-17", week([0], MORNING) + week([1], (780, 1020))),
        ("weekends all day", week([5, 6], MORNING, AFTERNOON)),
        ("Mon 12pm-1pm", week([0], (720, 780))),
        ("Mon 12am-1am", week([0], (0, 60))),
        ("Fri 11pm-midnight", week([4], (1380, 1440))),
        ("M-F 0830-1130", week(WORKDAYS, (510, 690))),
        ("T,Th,weds. morning", week([1, 2, 3], MORNING)),
    ],
)
def test_hours_are_read(text, expected):
    assert parse_hours(text) == sorted(expected)


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("M-F 25:00-26:00", "bad_time", "25:00"),
        ("M-F 08:60-09:00", "bad_time", "08:60"),
        ("M-F 24:01-24:30", "bad_time", "24:01"),
        ("M-F 8am-13pm", "bad_time", "13pm"),
        ("M-F 2500-2600", "bad_time", "2500"),
        ("M-F 8:00-" + "9" * 5000, "bad_time", "9999"),
        ("M-F 8:" + "0" * 5000 + "-9:00", "bad_time", "8:0000"),
        ("M-F 0am-8am", "bad_time", "0am"),
        ("M-F 16:00-8:00", "bad_times", "16:00-8:00"),
        ("M-F 22:00-06:00", "bad_times", "ends before"),
        ("M-F 8am-4", "bad_times", "8am-4"),
        ("M-F 9:00-9:00", "bad_times", "9:00-9:00"),
        ("Funday 8-12", "unknown_weekday", "funday"),
        ("周八 8-12", "unknown_weekday", "周八"),
        ("S 8-12", "unknown_weekday", "“s”"),
        ("weekdays-Sun 8-12", "unknown_weekday", "weekdays"),
        ("Mon 8-12, 11-13", "slots_overlap", "周一"),
        ("M-F", "bad_hours", "without hours"),
        ("8-12", "bad_hours", "weekday"),
        ("Mon 8-", "bad_hours", "“8”"),
        ("Mon 8 12", "bad_hours", "“8”"),
        ("Mon 8-12 ?", "bad_hours", "“?”"),
        ("", "bad_hours", "empty"),
        (" , ", "bad_hours", "empty"),
        ("周一至", "bad_hours", "“至”"),
        ("Mon 8-12 " * 50 + "Tue", "bad_hours", "without hours"),
    ],
)
def test_hours_that_cannot_be_are_refused_with_the_words_that_are_wrong(text, code, said):
    with pytest.raises(Refused) as refused:
        parse_hours(text)
    assert refused.value.code == code
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("8:30", 510), ("08：30", 510), ("1:30pm", 810), ("下午2点半", 870), ("24:00", 1440), ("0:00", 0), ("noon", 720)],
)
def test_a_time_of_day_is_read(text, minutes):
    assert parse_clock(text) == minutes


@pytest.mark.parametrize("text", ["", "8-9", "8:00 9:00", "Mon", "x", "25", "-1", "8:99"])
def test_what_is_no_time_of_day_is_refused(text):
    with pytest.raises(Refused):
        parse_clock(text)


def _english(minutes):
    hour, minute = divmod(minutes % DAY_END, 60)
    return f"{(hour - 1) % 12 + 1}:{minute:02}{'pm' if hour >= 12 else 'am'}"


def _chinese(minutes):
    hour, minute = divmod(minutes, 60)
    return f"{hour}点{f'{minute}分' if minute else ''}"


WRITINGS = {
    "24 h": lambda start, end: f"{start // 60}:{start % 60:02}-{end // 60:02}:{end % 60:02}",
    "full width": lambda start, end: f"{start // 60}：{start % 60:02}～{end // 60}：{end % 60:02}",
    "am, pm": lambda start, end: f"{_english(start)} to {_english(end) if end < DAY_END else 'midnight'}",
    "点": lambda start, end: f"{_chinese(start)}至{_chinese(end)}",
}
DAYS = {
    "M-F": WORKDAYS,
    "Mon, Sun": [0, 6],
    "周六": [5],
    "星期二、星期四": [1, 3],
    "Friday-Sunday": [4, 5, 6],
    "周日至周一": [6, 0],
}


@given(
    days=st.sampled_from(list(DAYS)),
    times=st.lists(st.integers(0, DAY_END), min_size=2, max_size=2, unique=True).map(sorted),
    writing=st.sampled_from(list(WRITINGS)),
)
def test_however_hours_are_written_they_are_read_as_they_are_meant(days, times, writing):
    assert parse_hours(f"{days} {WRITINGS[writing](*times)}") == week(DAYS[days], times)


@given(st.text(alphabet="月周一五至上下午点半0123456789:：-~,;、 amp.MFonTuSt\n?", max_size=30))
def test_any_text_is_read_or_refused_and_what_is_read_can_be(text):
    shifts = []
    with contextlib.suppress(Refused):
        shifts = parse_hours(text)
        assert shifts
    for shift in shifts:
        assert 0 <= shift.weekday <= 6
        assert 0 <= shift.start < shift.end <= DAY_END
        assert parse_hours(f"周{'一二三四五六日'[shift.weekday]} {shown(shift)}") == [shift]


@given(st.integers(DAY_END + 1, 99 * 60 + 59))
def test_no_time_lies_after_the_days_end(minutes):
    with pytest.raises(Refused) as refused:
        parse_clock(f"{minutes // 60}:{minutes % 60:02}")
    assert refused.value.code == "bad_time"
