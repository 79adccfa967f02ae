"""Passwords."""

from user_svc.passwords import Passwords


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
