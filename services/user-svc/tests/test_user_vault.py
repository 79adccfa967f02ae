"""Sealing, opening, indexing; passwords."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from user_svc.passwords import Passwords
from user_svc.vault import Unreadable, Vault

KEY = base64.b64encode(b"k" * 32).decode()
OTHER = base64.b64encode(b"o" * 32).decode()


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200))
def test_what_is_sealed_opens_and_does_not_show(text: str) -> None:
    vault = Vault(KEY)
    sealed = vault.seal(text, "pat_1/name")
    assert Vault(KEY).open(sealed, "pat_1/name") == text
    assert len(text) < 4 or text not in sealed
    assert vault.seal(text, "pat_1/name") != sealed


def test_a_sealed_value_opens_neither_elsewhere_nor_changed_nor_by_another_key() -> None:
    vault = Vault(KEY)
    sealed = vault.seal("110101199003071233", "pat_1/id_number")
    for spoiled, context, key in (
        (sealed, "pat_2/id_number", KEY),
        (sealed, "pat_1/phone", KEY),
        (sealed[:-6] + "AAAAA=", "pat_1/id_number", KEY),
        (sealed, "pat_1/id_number", OTHER),
    ):
        with pytest.raises(Unreadable):
            Vault(key).open(spoiled, context)


def test_the_index_is_stable_and_keyed() -> None:
    assert Vault(KEY).index("passport:E12345678") == Vault(KEY).index("passport:E12345678")
    assert Vault(KEY).index("passport:E12345678") != Vault(OTHER).index("passport:E12345678")
    assert Vault(KEY).index("passport:E12345678") != Vault(KEY).index("permit:E12345678")


@pytest.mark.parametrize("key", ["", "no base64 !", base64.b64encode(b"short").decode()])
def test_a_key_that_is_none(key: str) -> None:
    with pytest.raises(ValueError):
        Vault(key)


def test_passwords() -> None:
    cheap = Passwords(1, 8, 1)
    stored = cheap.hash("correct horse")
    assert stored.startswith("$argon2id$")
    assert cheap.verify(stored, "correct horse")
    assert not cheap.verify(stored, "wrong horse")
    assert not cheap.verify("no hash at all", "correct horse")
    assert not cheap.verify(None, "nobody has this password"), "nobody's password opens nobody's account"
    assert not cheap.outdated(stored)
    assert Passwords(2, 16, 1).outdated(stored)
