"""Documents, phone numbers and names: what is taken, and that what is shown hides what it must."""

import contextlib
from datetime import date

import pytest
from common.errors import Invalid
from hypothesis import given
from hypothesis import strategies as st
from stdnum.cn import ric
from user_svc import domain, identity

TODAY = date(2026, 11, 22)


def resident_id(region: int = 110101, born: str = "19900307", order: int = 123) -> str:
    body = f"{region:06d}{born}{order:03d}"
    return body + ric.calc_check_digit(body + "0")


def field_of(error: pytest.ExceptionInfo[Invalid]) -> str:
    return error.value.extra["errors"][0]["field"]


@pytest.mark.parametrize(
    "number",
    [
        resident_id(),
        "11010519491231002X",  # the example of GB 11643
        "11010519491231002x",
        resident_id(440304, "19850101"),  # Futian became a district in 1990; people of 1985 live there nevertheless
        resident_id(830000, "19990909"),  # Taiwan residents' permit
        resident_id(born="20261122"),  # born today
    ],
)
def test_a_right_resident_id_is_taken_in_one_written_form(number: str) -> None:
    assert identity.check_id_number("resident_id", f" {number} ", TODAY) == number.upper()


@pytest.mark.parametrize(
    "number",
    [
        "",
        "110101",
        "110105194912310021",  # check digit
        "11010519491231002Y",
        "1101051949123100２X",  # a full-width digit
        resident_id(990101),
        resident_id(born="19900230"),
        resident_id(born="19901301"),
        resident_id(born="20261123"),  # tomorrow
        resident_id(born="18000101"),
    ],
)
def test_a_wrong_resident_id_is_refused(number: str) -> None:
    with pytest.raises(Invalid) as error:
        identity.check_id_number("resident_id", number, TODAY)
    assert field_of(error) == "id_number"
    assert number not in error.value.detail or not number


@given(st.integers(0, 17), st.sampled_from("0123456789"))
def test_one_wrong_digit_never_passes(place: int, digit: str) -> None:
    right = resident_id()
    wrong = right[:place] + digit + right[place + 1 :]
    if wrong != right:
        with pytest.raises(Invalid):
            identity.check_id_number("resident_id", wrong, TODAY)


@pytest.mark.parametrize(
    ("id_type", "number", "kept"),
    [
        ("passport", "e12345678", "E12345678"),
        ("passport", "PA1234567", "PA1234567"),
        ("permit", "h12345678", "H12345678"),
        ("permit", "M1234567801", "M1234567801"),  # an older card: the last two count the cards
        ("permit", "12345678", "12345678"),  # a Taiwan resident's
        ("permit", "can110081041203", "CAN110081041203"),  # a foreigner's card of before 2023
        ("permit", resident_id(830000, "19990909"), resident_id(830000, "19990909")),
        ("permit", resident_id(911840, "19850101", 22), resident_id(911840, "19850101", 22)),  # a foreigner's of 2023
    ],
)
def test_passports_and_permits(id_type: str, number: str, kept: str) -> None:
    assert identity.check_id_number(id_type, number, TODAY) == kept


@pytest.mark.parametrize(
    ("id_type", "number"),
    [
        ("passport", "E1"),
        ("passport", "ABCDEFGH"),
        ("passport", resident_id()),
        ("permit", "H123"),
        ("permit", "H1234-5678"),
        ("permit", "H123456789"),
        ("permit", resident_id()),  # it would be another person under another type
        ("permit", resident_id(840000)),
        ("permit", resident_id(911840, "19850230")),
        ("permit", resident_id(911840, "20261123")),  # tomorrow
        ("permit", resident_id(911840)[:-1] + "Y"),
        ("permit", resident_id(911840, order=124)[:-1] + resident_id(911840, order=125)[-1]),  # check digit
        ("resident_id", resident_id(911840)),
    ],
)
def test_wrong_passports_and_permits(id_type: str, number: str) -> None:
    with pytest.raises(Invalid):
        identity.check_id_number(id_type, number, TODAY)


BORN = date(1990, 3, 7)


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (resident_id(order=123), identity.About(BORN, "male")),
        (resident_id(order=124), identity.About(BORN, "female")),
        (resident_id(820000, order=2), identity.About(BORN, "female")),
        (resident_id(911840, order=1), identity.About(BORN, "male")),
        ("H12345678", identity.About()),
        ("110101199013011230", identity.About()),  # kept from before it was looked at
    ],
)
def test_what_a_number_tells_of_its_owner(number: str, told: identity.About) -> None:
    assert identity.told_by(number) == told


@pytest.mark.parametrize(
    ("number", "born", "sex", "known"),
    [
        (resident_id(), None, None, (BORN, "male")),
        (resident_id(), BORN, "male", (BORN, "male")),
        ("E12345678", None, None, (None, None)),
        ("E12345678", BORN, "female", (BORN, "female")),
        ("E12345678", TODAY, None, (TODAY, None)),
    ],
)
def test_what_is_said_is_known_where_the_number_does_not_tell(number, born, sex, known) -> None:
    about = identity.check_about(number, born, sex, TODAY)
    assert (about.born, about.sex) == known


@pytest.mark.parametrize(
    ("number", "born", "sex", "field"),
    [
        (resident_id(), date(1990, 3, 8), None, "birth_date"),
        (resident_id(), BORN, "female", "sex"),
        (resident_id(911840), date(1991, 3, 7), None, "birth_date"),
        ("E12345678", date(2026, 11, 23), None, "birth_date"),
        ("E12345678", date(1800, 1, 1), "male", "birth_date"),
    ],
)
def test_what_is_said_and_cannot_be_is_named(number, born, sex, field) -> None:
    with pytest.raises(Invalid) as error:
        identity.check_about(number, born, sex, TODAY)
    assert field_of(error) == field


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (("resident_id", resident_id(820000)), ("permit", resident_id(820000)), True),
        (("permit", "H1234567801"), ("permit", "H1234567802"), True),
        (("permit", "H1234567801"), ("permit", "H12345678"), True),
        (("permit", "H1234567801"), ("permit", "H1234567901"), False),
        (("permit", "H1234567801"), ("permit", "M1234567801"), False),
        (("permit", "H12345678"), ("passport", "H12345678"), False),
        (("passport", "H1234567801"), ("passport", "H1234567802"), False),
        (("resident_id", resident_id()), ("resident_id", resident_id(order=125)), False),
    ],
)
def test_one_persons_document_has_one_form_whatever_it_was_given_as(one, other, same) -> None:
    forms = [identity.written_forms(*document) for document in (one, other)]
    assert (forms[0][0] == forms[1][0]) is same
    assert all(f"{id_type}:{number}" in f for f, (id_type, number) in zip(forms, (one, other), strict=True))


@pytest.mark.parametrize(
    ("born", "on", "years"),
    [
        ("2012-11-22", "2026-11-22", 14),
        ("2012-11-23", "2026-11-22", 13),
        ("2012-02-29", "2026-02-28", 13),
        ("2012-02-29", "2026-03-01", 14),
        ("2026-11-22", "2026-11-22", 0),
    ],
)
def test_ages_are_whole_years(born: str, on: str, years: int) -> None:
    assert domain.age(date.fromisoformat(born), date.fromisoformat(on)) == years
    assert domain.is_child(date.fromisoformat(born), date.fromisoformat(on)) == (years < 14)


def test_an_unknown_kind_of_document() -> None:
    with pytest.raises(Invalid) as error:
        identity.check_id_number("library_card", "1", TODAY)
    assert field_of(error) == "id_type"


@pytest.mark.parametrize(
    ("given_phone", "kept"),
    [
        ("13812345678", "13812345678"),
        ("138 1234-5678", "13812345678"),
        ("+86 138 1234 5678", "13812345678"),
        ("+85291234567", "+85291234567"),
    ],
)
def test_phones_in_one_written_form(given_phone: str, kept: str) -> None:
    assert identity.check_phone(given_phone) == kept


@pytest.mark.parametrize(
    "phone", ["", "12812345678", "1381234567", "+8612345", "+0123456789", "１３８12345678", "138\n12345678"]
)
def test_wrong_phones(phone: str) -> None:
    with pytest.raises(Invalid) as error:
        identity.check_phone(phone)
    assert field_of(error) == "phone"


@pytest.mark.parametrize("name", ["", "   ", "12", "a\u202eb", "x" * 51, "\u200b"])
def test_wrong_names(name: str) -> None:
    with pytest.raises(Invalid):
        identity.check_name(name)


def test_masks() -> None:
    assert identity.mask_name("张三丰") == "张*"
    assert identity.mask_id_number("110101199003071234") == "1101**********1234"
    assert identity.mask_id_number("E12345678") == "E1*****78"
    assert identity.mask_phone("13812345678") == "138****5678"


@given(st.text(max_size=60))
def test_no_check_dies_of_any_text(text: str) -> None:
    for check in (identity.check_phone, identity.check_name, lambda t: identity.check_id_number("passport", t, TODAY)):
        with contextlib.suppress(Invalid):
            check(text)


@given(st.from_regex(r"[A-Z0-9]{5,18}", fullmatch=True))
def test_a_masked_number_hides_at_least_half(number: str) -> None:
    masked = identity.mask_id_number(number)
    assert len(masked) == len(number)
    assert masked.count("*") >= len(number) / 2


@given(st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True) | st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True))
def test_a_masked_phone_hides_four_digits(phone: str) -> None:
    masked = identity.mask_phone(phone)
    assert "****" in masked
    assert len(masked.replace("*", "")) <= len(phone) - 4
