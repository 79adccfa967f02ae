"""Access tokens: which of them open something, and everything else that looks like one."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from common.errors import Unauthenticated
from common.web.access import CLOCKS_APART, ISSUER, Principal, Verifier, key_id, sign_token
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

CLAIMS = ("iss", "sub", "roles", "iat", "exp")


def pair(seed: bytes) -> tuple[str, str]:
    """A private key and its public one, as the settings have them."""
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    return base64.b64encode(seed).decode(), base64.b64encode(public).decode()


OURS, OUR_PUBLIC = pair(b"o" * 32)
NEXT, NEXT_PUBLIC = pair(b"n" * 32)
FOREIGN, FOREIGN_PUBLIC = pair(b"f" * 32)
KID = key_id(OUR_PUBLIC)


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    made = {"iss": ISSUER, "sub": "acc_1", "roles": ["operator"], "iat": now, "exp": now + 900, **changes}
    return {name: value for name, value in made.items() if value is not None}


def signed(private: str = OURS, header: dict[str, Any] | None = None, **changes: Any) -> str:
    """A token with any header and claims, by a key of ours or another."""
    key = Ed25519PrivateKey.from_private_bytes(base64.b64decode(private))
    return jwt.encode(claims(**changes), key, algorithm="EdDSA", headers={"kid": KID} if header is None else header)


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def by_hand(header: dict[str, Any], sign: Callable[[bytes], bytes], body: bytes = b"") -> str:
    """A token that no library would make."""
    head = b64(json.dumps(header).encode()) + "." + b64(body or json.dumps(claims()).encode())
    return head + "." + b64(sign(head.encode()))


def hmac_with(secret: bytes) -> Callable[[bytes], bytes]:
    return lambda head: hmac.digest(secret, head, hashlib.sha512)


def ours(head: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(base64.b64decode(OURS)).sign(head)


def nothing(_head: bytes) -> bytes:
    return b""


def zeros(_head: bytes) -> bytes:
    return bytes(64)


def other_ending(token: str) -> str:
    """The same 64 bytes of signature in other letters: the last one has four bits that a decoder does not look at."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return token[:-1] + letters[letters.index(token[-1]) + 1]


RAW = base64.b64decode(OUR_PUBLIC)
FORGED: dict[str, Callable[[], str]] = {
    "alg none": lambda: by_hand({"alg": "none"}, nothing),
    "alg none, with our kid and a signature": lambda: by_hand({"alg": "none", "kid": KID}, ours),
    "alg NonE": lambda: by_hand({"alg": "NonE", "kid": KID}, zeros),
    "no alg": lambda: by_hand({"kid": KID}, ours),
    "HS256 by the public key": lambda: by_hand({"alg": "HS256", "kid": KID}, hmac_with(RAW)),
    "HS512 by the public key": lambda: by_hand({"alg": "HS512", "kid": KID}, hmac_with(RAW)),
    "HS512 by the public key's text": lambda: by_hand({"alg": "HS512"}, hmac_with(OUR_PUBLIC.encode())),
    "another key": lambda: signed(FOREIGN, {}),
    "another key, our kid": lambda: signed(FOREIGN),
    "another key, its own kid": lambda: signed(FOREIGN, {"kid": key_id(FOREIGN_PUBLIC)}),
    "another key, in the header": lambda: signed(FOREIGN, {"jwk": {"kty": "OKP", "crv": "Ed25519", "x": "ZkF6"}}),
    "another key, by address": lambda: signed(FOREIGN, {"jku": "https://evil.example/jwks.json", "kid": KID}),
    "our key, unknown kid": lambda: signed(header={"kid": "x"}),
    "our key, empty kid": lambda: signed(header={"kid": ""}),
    "kid as a path": lambda: signed(FOREIGN, {"kid": "../../../../dev/null"}),
    "kid as SQL": lambda: signed(FOREIGN, {"kid": "x' UNION SELECT 'key"}),
    "kid of another type": lambda: by_hand({"alg": "EdDSA", "kid": [KID]}, ours),
    "kid null": lambda: by_hand({"alg": "EdDSA", "kid": None}, ours),
    "a critical extension": lambda: signed(header={"kid": KID, "crit": ["b64"], "b64": False}),
    "not yet": lambda: signed(nbf=int(time.time()) + 3600),
    "of the future": lambda: signed(iat=int(time.time()) + 3600),
    "another issuer": lambda: signed(iss="evil"),
    "a list of issuers": lambda: by_hand({"alg": "EdDSA", "kid": KID}, ours, json.dumps(claims(iss=[ISSUER])).encode()),
    **{f"no {name}": lambda name=name: signed(**{name: None}) for name in CLAIMS},  # type: ignore[misc]
    "sub is a number": lambda: signed(sub=1),
    "roles are a number": lambda: signed(roles=1),
    "roles are a text": lambda: signed(roles="operator"),
    "exp is a text": lambda: signed(exp="never"),
    "claims that are no JSON": lambda: by_hand({"alg": "EdDSA", "kid": KID}, ours, b"{"),
    "claims that are a list": lambda: by_hand({"alg": "EdDSA", "kid": KID}, ours, b"[]"),
    "claims nested deep": lambda: by_hand({"alg": "EdDSA", "kid": KID}, zeros, b"[" * 2000),
    "header that is no JSON": lambda: b64(b"[") + "." + signed().split(".", 1)[1],
    "header nested deep": lambda: b64(b"[" * 300) + "." + signed().split(".", 1)[1],
    "header that is no UTF-8": lambda: b64(b"\xff\xfe") + "." + signed().split(".", 1)[1],
    "huge": lambda: signed(sub="x" * 100_000),
    "huge header": lambda: signed(header={"kid": KID, "x": "x" * 10_000}),
    "no signature": lambda: signed().rpartition(".")[0] + ".",
    "zeros for a signature": lambda: by_hand({"alg": "EdDSA", "kid": KID}, zeros),
    "two tokens": lambda: signed() + "." + signed(),
    "padded": lambda: signed() + "==",
    "with a line's end": lambda: signed() + "\n",
    "with a letter that decoders skip": lambda: signed()[:-3] + "!" + signed()[-3:],
    "another spelling of the signature": lambda: other_ending(signed()),
    "no token": lambda: "x",
    "letters of elsewhere": lambda: "é.é.é",
    "empty": lambda: "",
}


@pytest.fixture
def verifier() -> Verifier:
    return Verifier(f"{OUR_PUBLIC}, {NEXT_PUBLIC}")


@pytest.mark.parametrize("name", FORGED)
def test_what_is_no_token_of_ours_is_refused_each_time(verifier: Verifier, name: str) -> None:
    token = FORGED[name]()
    for _ in range(2):
        with pytest.raises(Unauthenticated) as refused:
            verifier.verify(token)
        assert refused.value.code == "token_invalid"


def test_a_token_tells_who_is_calling(verifier: Verifier) -> None:
    token = sign_token(OURS, "acc_1", ["patient", "doctor"], "hos_1", 900, doctor_id="doc_1", login_id="log_1")
    expires = jwt.decode(token, options={"verify_signature": False})["exp"]
    told = Principal("acc_1", frozenset({"patient", "doctor"}), "hos_1", "doc_1", "log_1", expires)
    assert verifier.verify(token) == verifier.verify(token) == told
    assert verifier.verify(sign_token(OURS, "acc_1", ["patient"], "", 900)).hospital_id == ""
    assert jwt.get_unverified_header(token) == {"alg": "EdDSA", "typ": "JWT", "kid": KID}


def test_the_key_id_is_the_thumbprint_of_the_standard() -> None:
    """The example of RFC 8037, appendix A.3."""
    x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    assert key_id(base64.b64encode(base64.urlsafe_b64decode(x + "=")).decode()) == (
        "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    )


def test_each_of_several_keys_verifies_and_a_token_of_before_there_were_key_ids_too(verifier: Verifier) -> None:
    for private, public in ((OURS, OUR_PUBLIC), (NEXT, NEXT_PUBLIC)):
        assert verifier.verify(signed(private, {})).account_id == "acc_1"
        assert verifier.verify(signed(private, {"kid": key_id(public)})).account_id == "acc_1"
    with pytest.raises(Unauthenticated):
        verifier.verify(signed(OURS, {"kid": key_id(NEXT_PUBLIC)}))


def test_a_signature_that_is_changed_does_not_pass_because_the_token_is_known(verifier: Verifier) -> None:
    token = signed()
    verifier.verify(token)
    head, _, signature = token.rpartition(".")
    for place in (0, 40, 85):
        for letter in "AQgw":
            changed = f"{head}.{signature[:place]}{letter}{signature[place + 1 :]}"
            if changed != token:
                with pytest.raises(Unauthenticated):
                    verifier.verify(changed)


def test_a_token_that_is_remembered_dies_with_its_time(verifier: Verifier, monkeypatch: pytest.MonkeyPatch) -> None:
    now = int(time.time())
    tokens = [signed(exp=now + 100), signed(exp=now + 100, sub="acc_2")]
    verifier.verify(tokens[0])
    monkeypatch.setattr("common.web.access.time.time", lambda: now + 100.0)
    for token in tokens:
        with pytest.raises(Unauthenticated) as refused:
            verifier.verify(token)
        assert refused.value.code == "token_expired"


def test_clocks_may_be_a_little_apart_but_nothing_lives_longer_for_it(verifier: Verifier) -> None:
    now = int(time.time())
    assert verifier.verify(signed(iat=now + CLOCKS_APART - 5)).account_id == "acc_1"
    with pytest.raises(Unauthenticated) as refused:
        verifier.verify(signed(exp=now - 1))
    assert refused.value.code == "token_expired"


def test_what_is_remembered_is_bounded(verifier: Verifier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("common.web.access._REMEMBERED", 3)
    for n in range(10):
        verifier.verify(signed(sub=f"acc_{n}"))
        assert len(verifier._known) <= 3
