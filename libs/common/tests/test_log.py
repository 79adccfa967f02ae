"""What a log shows of an error, and what it must not show."""

import subprocess
import sys
import timeit

import pytest
from common.log import mask_text

PROGRAM = """
import sys
from common.log import configure, get_logger

configure("test", sys.argv[1])

def work(code):
    local = code * 2
    raise ValueError("nothing goes to 13800138000")

try:
    work("".join(["ab", "cd"]))
except ValueError:
    get_logger("test").exception("failed", phone="13900139000")
"""


@pytest.mark.parametrize("style", ["console", "json"])
def test_an_error_is_shown_with_its_way_without_values_of_variables_and_masked(style: str) -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM, style], capture_output=True, text=True, check=True)
    assert "Traceback" in done.stderr
    assert "ValueError: nothing goes to 138****8000" in done.stderr
    assert "139****9000" in done.stderr
    for secret in ("abcd", "13800138000", "13900139000"):
        assert secret not in done.stderr


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("身份证110101199003077758", "身份证1101**********7758"),
        ("11010119900307775x。", "1101**********775x。"),
        ("110101 19900307 7758", "1101**********7758"),
        ("110101-1990-0307-7758", "1101**********7758"),
        ("１１０１０１１９９００３０７７７５８", "１１０１**********７７５８"),
        ("13800001234", "138****1234"),
        ("电话138 0000 1234", "电话138****1234"),
        ("138-0000-1234", "138****1234"),
        ("+8613800001234", "+86138****1234"),
        ("+86 138 0000 1234", "+86 138****1234"),
        ("008613800001234", "0086138****1234"),
        ("１３８００００１２３４", "１３８****１２３４"),
        ("to=alice.w+x@mail.example.com, ok", "to=a***@mail.example.com, ok"),
        ("a@x.com", "***@x.com"),
        ("给a@x.com的信", "给***@x.com的信"),
        ("<alice@example.com>.", "<a***@example.com>."),
    ],
)
def test_what_is_of_persons_is_masked_however_it_is_written(text: str, shown: str) -> None:
    assert mask_text(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-22 14:05:00 took 138 2026-11-22",
        "ord_01JD13800001234",
        "amqp://guest:guest@rabbitmq:5672",
        "550e8400-e29b-41d4-a716-446655440000",
        "1763856000000",
        "a" * 20_000 + "." * 20_000 + "1" * 20_000,
    ],
)
def test_what_is_not_stays_as_it_is(text: str) -> None:
    assert mask_text(text) == text


def test_masking_takes_as_long_as_the_text_is_long() -> None:
    """Eight times the text: eight times as long, give or take; going back over it again and again would take 64 times."""
    for part in ("a.b-c+", "1-", "ab.", "+86", "x@"):
        short, long = (min(timeit.repeat(lambda: mask_text(part * n), number=1, repeat=5)) for n in (2_000, 16_000))  # noqa: B023
        assert long < 24 * short, part
