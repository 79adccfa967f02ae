"""Patients' ids tell whom they are about, the same in every account's list, and prove that too."""

import pytest
from common import ids
from hypothesis import given
from hypothesis import strategies as st


def test_one_person_in_two_lists_has_two_ids_and_is_one_person() -> None:
    person = ids.new_person()
    first, second = (ids.mint("pat", owner, about=person) for owner in ("acc_1", "acc_2"))
    assert first != second
    assert ids.person_of(first) == ids.person_of(second) == person
    assert ids.genuine(first, "pat", "acc_1")
    assert not ids.genuine(first, "pat", "acc_2")


def test_an_id_of_before_is_about_itself_and_another_may_be_about_it() -> None:
    old = ids.mint("pat", "acc_1")
    new = ids.mint("pat", "acc_2", about=ids.person_of(old))
    assert ids.person_of(new) == ids.person_of(old)
    assert ids.person_of(ids.mint("pat", "acc_1")) != ids.person_of(old)


def test_every_new_id_is_as_long_and_fits_wherever_ids_go() -> None:
    old = ids.mint("pat", "acc_1")
    lengths = {len(ids.mint("pat", "acc", about=about)) for about in (ids.new_person(), ids.person_of(old))}
    assert lengths == {44}, "the length does not tell whether the person was known"
    assert max(lengths) <= 64


def test_nobody_makes_an_id_about_another_person_of_her_own() -> None:
    """Limits would count somebody else."""
    mine, person = ids.mint("pat", "acc_1", about=ids.new_person()), ids.new_person()
    assert not ids.genuine(mine[:-16] + person, "pat", "acc_1")
    assert not ids.genuine(mine[:-16], "pat", "acc_1")
    assert not ids.genuine(ids.mint("pat", "acc_1") + person, "pat", "acc_1")


@pytest.mark.parametrize("text", ["", "pat", "pat-a", "pat_1", "pat_" + "a" * 41])
def test_what_is_no_id_is_about_itself(text: str) -> None:
    assert ids.person_of(text) == text


@given(st.text(max_size=60))
def test_any_text_is_about_something(text: str) -> None:
    assert isinstance(ids.person_of(text), str)
