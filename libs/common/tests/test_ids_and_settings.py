"""Ids that prove who minted them, and settings that name every fault."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from common import ids
from common.settings import DEV_JWT_PUBLIC_KEY, BadSettings, Settings, env
from hypothesis import given
from hypothesis import strategies as st


@pytest.fixture
def other_key() -> Iterator[None]:
    """Another platform's key, for the time of a test."""
    before = ids._key
    ids.use_key("another platform's key")
    yield
    ids._key = before


@given(st.text(max_size=40))
def test_an_id_is_genuine_for_its_kind_and_owner(owner: str) -> None:
    assert ids.genuine(ids.mint("pat", owner), "pat", owner)


@pytest.mark.parametrize(("kind", "owner"), [("ord", "acc_1"), ("pat", "acc_2"), ("pat", "")])
def test_and_for_nobody_else(kind: str, owner: str) -> None:
    assert not ids.genuine(ids.mint("pat", "acc_1"), kind, owner)


@given(st.text(max_size=60))
def test_nonsense_is_never_genuine_and_never_raises(text: str) -> None:
    assert not ids.genuine(text, "pat", "acc_1")
    assert not ids.genuine(f"pat_{text}", "pat", "acc_1")


def test_a_changed_character_shows() -> None:
    minted = ids.mint("pat", "acc_1")
    for i in range(4, len(minted)):
        changed = minted[:i] + ("a" if minted[i] != "a" else "b") + minted[i + 1 :]
        assert not ids.genuine(changed, "pat", "acc_1")


def test_ids_of_another_platform_are_not_genuine(other_key: None) -> None:
    theirs = ids.mint("pat", "acc_1")
    assert ids.genuine(theirs, "pat", "acc_1")
    ids.use_key("ours")
    assert not ids.genuine(theirs, "pat", "acc_1")


def test_ids_differ_and_are_short_enough_for_a_message() -> None:
    minted = {ids.mint("ord") for _ in range(1000)}
    assert len(minted) == 1000
    assert all(len(i) <= 64 and i.islower() for i in minted)


@dataclass(frozen=True, kw_only=True)
class Example(Settings):
    window: int = env("WINDOW", 900)
    strict: bool = env("STRICT", False)
    mail_url: str = env("MAIL_URL")
    mail_key: str = env("MAIL_KEY", "dev", secret=True)


GOOD = {"MAIL_URL": "smtp://mail"}
KEY = base64.b64encode(b"k" * 32).decode()


def test_defaults_do_in_development() -> None:
    settings = Example.load(GOOD)
    assert (settings.window, settings.strict, settings.partitions, settings.production) == (900, False, 1, False)


def test_variables_are_read_by_type() -> None:
    settings = Example.load({**GOOD, "WINDOW": "60", "STRICT": "true", "PARTITIONS": "4"})
    assert (settings.window, settings.strict, settings.partitions) == (60, True, 4)


def test_every_fault_is_named_at_once() -> None:
    with pytest.raises(BadSettings) as bad:
        Example.load({"WINDOW": "soon", "STRICT": "maybe", "APP_ENV": "prod", "LOG_LEVEL": "LOUD", "PARTITIONS": "0"})
    for text in (
        "WINDOW: invalid literal",
        "STRICT: 'maybe' is neither true nor false",
        "MAIL_URL: is missing",
        "APP_ENV: 'prod' is not dev or test or production",
        "LOG_LEVEL: 'LOUD' is not",
        "PARTITIONS: must be at least 1",
    ):
        assert text in str(bad.value)


def test_production_names_its_secrets_next_to_other_faults() -> None:
    with pytest.raises(BadSettings, match=r"(?s)WINDOW: .*ID_KEY: the development default"):
        Example.load({**GOOD, "APP_ENV": "production", "WINDOW": "soon"})


def test_production_refuses_development_secrets_and_crash_points() -> None:
    with pytest.raises(BadSettings) as bad:
        Example.load({**GOOD, "APP_ENV": "production", "CRASH_AT": "ack", "CRASH_MARKS": "/tmp/m"})
    for variable in ("MAIL_KEY", "JWT_PUBLIC_KEY", "ID_KEY", "CRASH_AT", "CRASH_MARKS"):
        assert variable in str(bad.value)


def test_production_with_its_own_secrets_starts() -> None:
    environ = {**GOOD, "APP_ENV": "production", "MAIL_KEY": "k", "JWT_PUBLIC_KEY": KEY, "ID_KEY": "i"}
    assert Example.load(environ).production


def test_production_refuses_a_development_key_among_others_too() -> None:
    environ = {**GOOD, "APP_ENV": "production", "MAIL_KEY": "k", "ID_KEY": "i"}
    with pytest.raises(BadSettings, match="JWT_PUBLIC_KEY: the development default"):
        Example.load({**environ, "JWT_PUBLIC_KEY": f"{KEY}, {DEV_JWT_PUBLIC_KEY}"})


@pytest.mark.parametrize("keys", ["short", f"{KEY},", f"{KEY},{KEY[4:]}", "not base64!", f"{KEY};{KEY}"])
def test_public_keys_that_are_none_are_named_at_the_start(keys: str) -> None:
    with pytest.raises(BadSettings, match="JWT_PUBLIC_KEY"):
        Example.load({**GOOD, "JWT_PUBLIC_KEY": keys})


@pytest.mark.parametrize(
    "wrong", [{"APP_ENV": "prod"}, {"PARTITIONS": "0"}, {"LOG_LEVEL": "LOUD"}, {"LOG_FORMAT": "xml"}]
)
def test_values_out_of_range_are_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(BadSettings, match=next(iter(wrong))):
        Example.load({**GOOD, **wrong})
