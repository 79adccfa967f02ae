"""Sealing, opening, indexing."""

import base64

import pytest
from common.vault import Unreadable, Vault
from hypothesis import given
from hypothesis import strategies as st

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


def test_a_new_key_comes_in_beside_the_old_one() -> None:
    old, both = Vault(OTHER), Vault(f"{KEY},{OTHER}")
    assert both.open(old.seal("13800000000", "x"), "x") == "13800000000"
    assert both.seal("13800000000", "x").startswith(both.prefix)
    assert not old.seal("13800000000", "x").startswith(both.prefix)
    assert both.indexes("E1") == [Vault(KEY).index("E1"), old.index("E1")]
    with pytest.raises(Unreadable, match="ours are"):
        old.open(both.seal("13800000000", "x"), "x")
