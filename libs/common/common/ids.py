"""Opaque ids that carry a proof of who minted them.

`ord_` + 16 random characters + 8 characters of tag. The tag is an HMAC-SHA256 under ID_KEY over kind, random part and
owner, so a service can tell a genuine id of another service from an invented one before the event that tells of it has
arrived: a patient saved in one request is bookable in the next, and nonsense is refused without a look-up.
40 bits of tag: a forger guesses right once in 10^12 tries, and gains a request that is then rejected.

A patient's id ends in 16 characters more: whom it is about. One person in the lists of two accounts has two ids that end
alike, so that limits count the person at once, whatever has not arrived yet. Ids from before that are about themselves.
"""

import base64
import hashlib
import hmac
import os

_RANDOM_BYTES = 10
_TAG_BYTES = 5
_key = b"haoyuan-dev-id-key"
_RANDOM, _TAGGED, _LONGEST = 16, 24, 40  # characters after the prefix: random part; with its tag; with whom it is about


def use_key(key: str) -> None:
    """Set the platform's ID_KEY for this process. Called once, by the composition root."""
    global _key  # noqa: PLW0603  one key per process, like the environment that it comes from
    _key = key.encode()


def _b32(data: bytes) -> str:
    return base64.b32encode(data).decode().lower()


def _tag(kind: str, random: str, owner: str) -> str:
    return _b32(hmac.digest(_key, f"{kind}:{random}:{owner}".encode(), hashlib.sha256)[:_TAG_BYTES])


def mint(kind: str, owner: str = "", about: str = "") -> str:
    """Make a new id; "pat" for a patient, say. `owner` is whom the thing belongs to ("" for public things).

    about: what `person_of` tells of it, as `new_person()` makes it.
    """
    random = _b32(os.urandom(_RANDOM_BYTES))
    return f"{kind}_{random}{_tag(kind, random + about, owner)}{about}"


def new_person() -> str:
    """A name for a person that says nothing."""
    return _b32(os.urandom(_RANDOM_BYTES))


def person_of(patient_id: str) -> str:
    """Whom a patient's id is about: the same in every account's list. What is no patient's id is about itself."""
    rest = patient_id.partition("_")[2]
    if len(rest) == _LONGEST:
        return rest[_TAGGED:]
    return rest[:_RANDOM] if len(rest) == _TAGGED else patient_id


def genuine(value: str, kind: str, owner: str = "") -> bool:
    """True if this platform minted `value` as a `kind` for `owner`."""
    prefix, _, rest = value.partition("_")
    if prefix != kind or len(rest) not in {_TAGGED, _LONGEST} or not rest.isascii():
        return False
    told = rest[:_RANDOM] + rest[_TAGGED:]
    return hmac.compare_digest(rest[_RANDOM:_TAGGED], _tag(kind, told, owner))


def fingerprint(data: bytes) -> str:
    """A digest under ID_KEY: equal data can be recognised, but nobody without the key can find data by trying."""
    return hmac.digest(_key, data, hashlib.sha256).hex()
