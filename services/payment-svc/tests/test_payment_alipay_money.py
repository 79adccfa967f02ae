"""Yuan and fen: nothing is lost on the way there and back."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from payment_svc.providers.money import fen, thousandths, yuan

AMOUNTS = st.integers(min_value=-(10**14), max_value=10**14)


@given(AMOUNTS)
def test_there_and_back(amount):
    assert fen(yuan(amount)) == amount
    assert thousandths(yuan(amount)) == amount * 1000


@given(AMOUNTS)
def test_it_is_what_exact_decimals_say(amount):
    assert Decimal(yuan(amount)) * 100 == amount


@given(st.integers(min_value=0, max_value=10**12), st.integers(min_value=0, max_value=5))
def test_any_number_of_decimals_up_to_five(units, places):
    text = f"{units // 10**places}" + (f".{units % 10**places:0{places}d}" if places else "")
    assert thousandths(text) == units * 10 ** (5 - places)


@pytest.mark.parametrize(
    ("text", "amount"),
    [("0.01", 1), ("100000000", 10**10), ("5", 500), ("5.1", 510), ("-10.00", -1000), ("+0.30", 30), ("0.3000", 30)],
)
def test_amounts_as_vendors_write_them(text, amount):
    assert fen(text) == amount


@pytest.mark.parametrize(
    "text", ["", ".", ".5", "5.", "0.001", "1e2", "١.٠٠", "1,000.00", " 1.00", "1.00\n", "--1", "9" * 16]
)
def test_what_is_no_amount_is_refused(text):
    with pytest.raises(ValueError, match="is no amount"):
        fen(text)


def test_a_fee_is_finer_than_a_fen():
    assert thousandths("0.00600") == 600
    with pytest.raises(ValueError, match="is no amount"):
        thousandths("0.000001")
