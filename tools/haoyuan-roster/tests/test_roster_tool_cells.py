"""Money, dates and encodings."""

from datetime import date
from pathlib import Path

import pytest
from haoyuan_roster.columns import BY_NAME, COLUMNS, column_of, parse_date
from haoyuan_roster.encoding import GB18030, UTF8, encoding_of
from haoyuan_roster.faults import Refused, Unusable
from haoyuan_roster.money import fen
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0),
        ("50", 5000),
        ("12.5", 1250),
        ("0.29", 29),  # int(0.29 * 100) is 28
        ("1.10", 110),
        ("19.990", 1999),
        ("5.", 500),
        ("¥1,200.00", 120000),
        ("￥80元", 8000),
        ("８０．５０", 8050),
    ],
)
def test_yuan_are_read_exactly(text, expected):
    assert fen(text) == expected


@pytest.mark.parametrize("text", ["", "-1", "1.005", "1e3", "12,00", "fifty", "1.2.3", "١٢", "NaN", "1 2", "9" * 40])
def test_what_is_no_amount_is_refused(text):
    with pytest.raises(Refused) as refused:
        fen(text)
    assert refused.value.code == "bad_money"


@given(st.integers(0, 10**9))
def test_an_amount_survives_being_written_in_yuan(amount):
    assert fen(f"{amount // 100}.{amount % 100:02}") == amount
    assert fen(f"¥{amount // 100:,}.{amount % 100:02}元") == amount


@pytest.mark.parametrize(
    "text", ["2026-12-01", "2026/12/1", "2026.12.01", "2026年12月1日", "20261201", "２０２６-12-1"]
)
def test_dates_are_read_as_excel_writes_them(text):
    assert parse_date(text) == date(2026, 12, 1)


@pytest.mark.parametrize(
    "text", ["2026-02-29", "2026-13-01", "12/1/2026", "1.12.2026", "tomorrow", "46357", "1999-12-31", "2100-01-01"]
)
def test_what_is_no_date_is_refused(text):
    with pytest.raises(Refused) as refused:
        parse_date(text)
    assert refused.value.code == "bad_date"


def test_dates_without_sessions_are_single_ones_and_ranges():
    days = BY_NAME["except"].read("2026-10-01..2026-10-03、2027-01-01")
    assert days == {date(2026, 10, 1), date(2026, 10, 2), date(2026, 10, 3), date(2027, 1, 1)}
    for text in ("2026-10-03..2026-10-01", "2000-01-01..2099-01-01", "soon"):
        with pytest.raises(Refused):
            BY_NAME["except"].read(text)


def test_every_column_is_known_by_both_names():
    for column in COLUMNS:
        assert column_of(column.name.upper().replace("_", " ")) is column
        assert column_of(f" {column.chinese}") is column


@pytest.fixture
def encoded(tmp_path):
    def write(content: bytes) -> str:
        path = Path(tmp_path / "roster.csv")
        path.write_bytes(content)
        return encoding_of(path)

    return write


TEXT = "医生编号,医生姓名\nD001,王立群\nD002,李秀兰\n"


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [("utf-8", UTF8), ("utf-8-sig", UTF8), ("gbk", GB18030), ("gb18030", GB18030), ("gb2312", GB18030)],
)
def test_encodings_are_recognised(encoded, encoding, expected):
    assert encoded(TEXT.encode(encoding)) == expected


def test_ascii_is_utf8_and_so_is_nothing(encoded):
    assert encoded(b"doctor,fee\nD1,5\n") == UTF8
    assert encoded(b"") == UTF8


def test_rare_characters_are_gb18030_among_everyday_ones(encoded):
    assert encoded((TEXT + "D003,㐂𠀀\n").encode("gb18030")) == GB18030


def test_a_line_of_gbk_that_happens_to_be_utf8_changes_nothing(encoded):
    assert "联通".encode("gbk").decode("utf-8", "ignore")  # the two that Notepad once read as UTF-8
    assert encoded(b"a\n\xc1\xaa\xcd\xa8\n" + TEXT.encode("gbk") + bytes([0xC4, 0xA3]) + b"\n") == GB18030


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (TEXT.encode() + b"D003,\xff\xfe\n", "line 4"),  # damaged UTF-8
        (TEXT.encode() + "D003,赵\n".encode("gbk"), "line 4"),  # two files put together
        (TEXT.encode("gbk") + b"D003,\xff\n", "line 4"),  # damaged GBK
        ("Müller,Hôpital,Ångström\n".encode("latin-1"), "line 1"),
        (TEXT.encode("utf-16"), "UTF-16"),
        (b"PK\x03\x04\x00\x00", "line 1"),
    ],
)
def test_a_wrong_encoding_is_refused_and_the_line_named(encoded, content, line):
    with pytest.raises(Unusable, match=line) as unusable:
        encoded(content)
    assert unusable.value.code == "bad_encoding"


def test_a_line_without_end_is_not_read_into_memory(encoded):
    with pytest.raises(Unusable, match="line 1 is not text"):
        encoded(b"a" * (2 * 1024 * 1024))
