"""The keys that are published, and what a login tells of itself in its tokens."""

import base64
from pathlib import Path

import jwt
import pytest
from common.clock import ManualClock
from common.service import Service
from common.settings import DEV_JWT_PRIVATE_KEY, DEV_JWT_PUBLIC_KEY
from common.testing import assert_problem
from common.web import sign_token
from common.web.access import key_id
from user_svc import newkey
from user_svc.app import Settings, build
from user_svc.settings import public_key
from user_world import CHEAP, Person, join

OTHER = base64.b64encode(b"another key for access tokens!!!").decode()


@pytest.mark.parametrize("order", ["{current},{other}", "{other},{current}", " {other} , {current} "])
def test_all_keys_are_shown_and_the_one_that_signs_is_the_first(tmp_path: Path, clock: ManualClock, order: str) -> None:
    keys = order.format(current=DEV_JWT_PUBLIC_KEY, other=public_key(OTHER))
    settings = Settings(database_url=f"sqlite:///{tmp_path}/user.db", jwt_public_key=keys, **CHEAP)
    service = build(settings, clock)
    answer = service.app.test_client().get("/.well-known/jwks.json")
    shown = answer.get_json()["keys"]
    assert [key["kid"] for key in shown] == [key_id(DEV_JWT_PUBLIC_KEY), key_id(public_key(OTHER))]
    assert {key["alg"] for key in shown} == {"EdDSA"}
    assert not any("d" in key for key in shown), "no private part"
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    for private, key in zip((DEV_JWT_PRIVATE_KEY, OTHER), shown, strict=True):
        token = sign_token(private, "acc_1", ["patient"], "", 60)
        assert jwt.decode(token, jwt.PyJWK(key), algorithms=["EdDSA"], issuer="haoyuan")["sub"] == "acc_1"
        assert jwt.get_unverified_header(token)["kid"] == key["kid"]
    service.database.close()


def test_a_token_of_a_key_that_is_not_ours_opens_nothing(service: Service, alice: Person) -> None:
    forged = sign_token(OTHER, alice.id, ["operator"], "", 900)
    assert_problem(Person(service, tokens={"access_token": forged}).call("GET", "/users/me"), 401, "token_invalid")


def test_the_command_prints_a_pair_that_belongs_together(capsys: pytest.CaptureFixture[str]) -> None:
    newkey.main()
    words = capsys.readouterr().out.split()
    private, public, kid = (words[words.index(name) + 1] for name in ("JWT_PRIVATE_KEY", "JWT_PUBLIC_KEY", "kid"))
    assert public_key(private) == public
    assert key_id(public) == kid
    Settings(jwt_private_key=private, jwt_public_key=f"{DEV_JWT_PUBLIC_KEY},{public}")


def test_a_doctors_token_says_who_she_is(service: Service, operator: Person) -> None:
    wei = join(service, "wei")
    body = {"roles": ["doctor"], "hospital_id": "hos_1", "doctor_id": "doc_1"}
    assert operator.call("POST", f"/users/{wei.id}/roles", body).status_code == 200
    claims = jwt.decode(wei.log_in("wei").tokens["access_token"], options={"verify_signature": False})
    assert (claims["roles"], claims["hospital"], claims["doctor"]) == (["patient", "doctor"], "hos_1", "doc_1")
    assert claims["sid"].startswith("log_")
