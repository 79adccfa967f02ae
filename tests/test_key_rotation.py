"""A new key for access tokens comes in and the old one goes, as `python -m user_svc.newkey` says, and no token is refused."""

import contextlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import booking_svc.app
import jwt
import pytest
import user_svc.app
from common.clock import ManualClock
from common.service import Service
from common.settings import DEV_JWT_PRIVATE_KEY, DEV_JWT_PUBLIC_KEY, BadSettings
from common.testing import assert_problem
from user_svc import newkey

PASSWORD = "a-long-enough-password"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime.now(UTC).replace(microsecond=0))


@pytest.fixture
def fresh(capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    """A new pair of keys, as the command prints it."""
    newkey.main()
    found = re.match(r"JWT_PRIVATE_KEY (\S+)\nJWT_PUBLIC_KEY  (\S+) ", capsys.readouterr().out)
    assert found
    return found[1], found[2]


@contextlib.contextmanager
def users(path: Path, clock: ManualClock, private: str, publics: str) -> Iterator[Service]:
    """user-svc, started anew with these keys on the data of before."""
    cheap = {"PASSWORD_TIME_COST": "1", "PASSWORD_MEMORY": "8", "ADMIN_PASSWORD": PASSWORD}
    keys = {"JWT_PRIVATE_KEY": private, "JWT_PUBLIC_KEY": publics}
    settings = user_svc.app.Settings.load({"DATABASE_URL": f"sqlite:///{path}/user.db", **cheap, **keys})
    service = user_svc.app.build(settings, clock)
    service.migrate()
    yield service
    service.database.close()


@contextlib.contextmanager
def orders(path: Path, publics: str) -> Iterator[Service]:
    """booking-svc, started anew with these keys."""
    environ = {"DATABASE_URL": f"sqlite:///{path}/booking.db", "JWT_PUBLIC_KEY": publics}
    service = booking_svc.app.build(booking_svc.app.Settings.load(environ))
    service.migrate()
    yield service
    service.database.close()


def token_of(service: Service) -> str:
    body = {"username": "operator", "password": PASSWORD}
    answer = service.app.test_client().post("/api/v1/tokens", json=body)
    assert answer.status_code == 200, answer.get_data()
    return str(answer.get_json()["access_token"])


def accepted(service: Service, token: str) -> bool:
    """Whether the service lets the token's owner in; refused must mean 401 `token_invalid`."""
    answer = service.app.test_client().get(
        f"/api/v1/audit/{service.name}", headers={"Authorization": f"Bearer {token}"}
    )
    if answer.status_code != 200:
        assert_problem(answer, 401, "token_invalid")
    return answer.status_code == 200


def published(service: Service) -> list[str]:
    return [key["kid"] for key in service.app.test_client().get("/.well-known/jwks.json").get_json()["keys"]]


def kid_of(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


def test_three_steps_and_no_token_is_refused(tmp_path: Path, clock: ManualClock, fresh: tuple[str, str]) -> None:
    old_private, old_public = DEV_JWT_PRIVATE_KEY, DEV_JWT_PUBLIC_KEY
    private, public = fresh
    both = f"{old_public},{public}"
    with users(tmp_path, clock, old_private, old_public) as service, orders(tmp_path, old_public) as other:
        first = token_of(service)
        assert accepted(service, first)
        assert accepted(other, first)
        assert published(service) == [kid_of(first)]

    # step 1 in its middle: this service knows the new key already, the other one does not
    with users(tmp_path, clock, old_private, both) as service, orders(tmp_path, old_public) as other:
        second = token_of(service)
        assert kid_of(second) == kid_of(first) == published(service)[0], "what signs now stands first"
        assert len(published(service)) == 2
        assert all(accepted(s, token) for s in (service, other) for token in (first, second))

    # step 2; in its middle another process still signs with the old key
    with users(tmp_path, clock, private, both) as service, orders(tmp_path, both) as other:
        third = token_of(service)
        assert kid_of(third) == published(service)[0] != kid_of(second) == published(service)[1]
        assert all(accepted(s, token) for s in (service, other) for token in (first, second, third))

    # step 3: what is gone is gone
    with users(tmp_path, clock, private, public) as service, orders(tmp_path, public) as other:
        assert published(service) == [kid_of(third)]
        for verifier in (service, other):
            assert accepted(verifier, third)
            assert not accepted(verifier, first)
            assert not accepted(verifier, second)


def test_user_svc_does_not_start_with_a_key_that_nobody_can_verify(fresh: tuple[str, str]) -> None:
    with pytest.raises(BadSettings, match="JWT_PUBLIC_KEY: none of them belongs to JWT_PRIVATE_KEY"):
        user_svc.app.Settings.load({"JWT_PRIVATE_KEY": fresh[0]})


def test_each_pair_is_another_one(fresh: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    newkey.main()
    printed = capsys.readouterr().out
    assert fresh[0] not in printed
    assert fresh[1] not in printed
