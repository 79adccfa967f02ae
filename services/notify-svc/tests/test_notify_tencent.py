"""SMS by Tencent Cloud: the SDK as it is, against a server that checks each signature."""

import logging
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from notify_svc.channels import Later, Refused, Sent, Unknown
from notify_svc.channels.answers import ALARM, mainland
from notify_svc.channels.tencent import Tencent
from sms_world import APP_ID, TENCENT_KEY, TENCENT_SECRET, Provider, letter, provider

TEMPLATES = {"code_login.zh-CN": "1110", "security_locked.en": "1120"}


@pytest.fixture
def server() -> Iterator[Provider]:
    with provider() as made:
        yield made


def carrier(server: Provider, *, secret: str = TENCENT_SECRET, timeout: float = 20.0) -> Tencent:
    return Tencent(server.url, "ap-guangzhou", TENCENT_KEY, secret, APP_ID, "号源", TEMPLATES, timeout=timeout)


@pytest.mark.parametrize(
    ("to", "number"), [("+8613812345678", "+8613812345678"), ("13812345678", "+8613812345678"), ("+85261234567",) * 2]
)
def test_a_letter_goes_out_signed_with_its_key_and_variables(server: Provider, to: str, number: str) -> None:
    assert carrier(server).send(letter(to=to)) == Sent("2645:1")
    assert server.taken == [
        {
            "PhoneNumberSet": [number],
            "SmsSdkAppId": APP_ID,
            "SignName": "号源",
            "TemplateId": "1110",
            "TemplateParamSet": ["042137", "仁济医院 & 分院"],
            "SessionContext": "01JD:acc_1:code_login:sms",
        }
    ]
    assert (server.calls, server.refused) == (["SendSms"], [])
    assert server.headers[0]["connection"] == "close", "no letter is lost on a connection that they have just closed"


def test_a_wrong_key_waits_for_somebody(server: Provider) -> None:
    outcome = carrier(server, secret="another").send(letter())
    assert isinstance(outcome, Later)
    assert (outcome.code, outcome.why[: len(ALARM)]) == ("AuthFailure.SignatureFailure", ALARM)
    assert (server.taken, server.refused) == ([], ["AuthFailure.SignatureFailure"])


def test_it_carries_what_has_a_template(server: Provider) -> None:
    one = carrier(server)
    assert one.carries("code_login", "zh-CN")
    assert not one.carries("code_login", "en")
    assert isinstance(one.send(letter(locale="en")), Refused)
    assert server.calls == []
    assert one.find(letter(), datetime(2026, 11, 22, tzinfo=UTC)) is None, "nobody can be asked"


@pytest.mark.parametrize("whole", ["", "whole:"])
@pytest.mark.parametrize(
    ("code", "kind", "more"),
    [
        ("InvalidParameterValue.IncorrectPhoneNumber", Refused, {"address": True}),
        ("FailedOperation.PhoneNumberInBlacklist", Refused, {"address": False}),
        ("InvalidParameterValue.TemplateParameterLengthLimit", Refused, {"address": False}),
        ("LimitExceeded.PhoneNumberThirtySecondLimit", Later, {"seconds": 30.0, "address": True}),
        ("LimitExceeded.PhoneNumberOneHourLimit", Later, {"seconds": 3600.0}),
        ("LimitExceeded.AppDailyLimit", Later, {"seconds": 60.0, "address": False}),
        ("RequestLimitExceeded", Later, {"seconds": 1.0}),
        ("RequestLimitExceeded.UinLimitExceeded", Later, {"seconds": 1.0}),
        ("InternalError.Timeout", Unknown, {}),
        ("InternalError.UnknownError", Unknown, {}),
    ],
)
def test_what_their_answers_mean(server: Provider, whole: str, code: str, kind: type, more: dict[str, Any]) -> None:
    server.answers.append(whole + code)
    outcome = carrier(server).send(letter())
    assert type(outcome) is kind, outcome
    assert {name: getattr(outcome, name) for name in more} == more
    assert not outcome.why.startswith(ALARM)
    assert "13812345678" not in outcome.why
    assert server.calls == ["SendSms"], "asked once"


@pytest.mark.parametrize(
    ("code", "others_may_go"),
    [
        ("FailedOperation.InsufficientBalanceInSmsPackage", False),
        ("UnauthorizedOperation.ServiceSuspendDueToArrears", False),
        ("UnauthorizedOperation.SmsSdkAppIdVerifyFail", False),
        ("InternalError.RequestTimeException", False),
        ("FailedOperation.SignatureIncorrectOrUnapproved", False),
        ("FailedOperation.TemplateIncorrectOrUnapproved", True),
    ],
)
def test_what_staff_must_see_to(server: Provider, code: str, others_may_go: bool) -> None:
    server.answers.append(code)
    outcome = carrier(server).send(letter())
    assert isinstance(outcome, Later)
    assert (outcome.code, outcome.why[: len(ALARM)], outcome.address) == (code, ALARM, others_may_go)


@pytest.mark.parametrize(
    "answer",
    [
        (502, b"<html>bad gateway</html>"),
        (200, b"<html>hello</html>"),
        (200, {}),
        (200, {"Response": {"RequestId": "R"}}),
    ],
)
def test_an_answer_that_does_not_say_leaves_it_open(server: Provider, answer: Any) -> None:
    server.answers.append(answer)
    assert isinstance(carrier(server).send(letter()), Unknown)


def test_without_an_answer_nobody_knows_and_it_is_not_tried_again(server: Provider) -> None:
    server.drop = True
    assert isinstance(carrier(server).send(letter()), Unknown)
    server.hold = True
    assert isinstance(carrier(server, timeout=0.3).send(letter()), Unknown)
    assert len(server.taken) == 2


def test_nobody_there_is_later(server: Provider) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        server.url = f"http://127.0.0.1:{free.getsockname()[1]}"
        assert isinstance(carrier(server).send(letter()), Later)


def test_only_the_given_key_is_used_and_nothing_of_a_person_is_logged(
    server: Provider,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    for name in ("TENCENTCLOUD_SECRET_ID", "TENCENTCLOUD_SECRET_KEY"):
        monkeypatch.setenv(name, "another")
    caplog.set_level(logging.DEBUG)
    assert isinstance(carrier(server).send(letter()), Sent)
    server.drop = True
    outcome = carrier(server).send(letter())
    assert isinstance(outcome, Unknown)
    said = caplog.text + "".join(capfd.readouterr()) + outcome.why
    assert "13812345678" not in said
    assert "042137" not in said


@pytest.mark.parametrize(
    ("phone", "digits"),
    [("+8613812345678", "13812345678"), ("13812345678", "13812345678"), ("+85261234567", None), ("", None)],
)
def test_numbers_at_home(phone: str, digits: str | None) -> None:
    assert mainland(phone) == digits
