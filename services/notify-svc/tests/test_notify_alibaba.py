"""SMS by Alibaba Cloud: the SDK as it is, against a server that checks each signature."""

import json
import logging
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from common.clock import ManualClock
from notify_svc.channels import Absent, Later, Refused, Sent, Unknown
from notify_svc.channels.alibaba import SETTLED, Alibaba
from notify_svc.channels.answers import ALARM
from sms_world import ALIBABA_KEY, ALIBABA_SECRET, Provider, letter, provider

NOW = datetime(2026, 11, 22, 15, 58, tzinfo=UTC)  # 23:58 in Beijing
TEMPLATES = {"code_login.zh-CN": "SMS_100", "security_locked.en": "SMS_200"}


@pytest.fixture
def server() -> Iterator[Provider]:
    with provider() as made:
        yield made


def carrier(
    server: Provider, *, secret: str = ALIBABA_SECRET, timeout: float = 20.0, late: timedelta = SETTLED
) -> Alibaba:
    clock = ManualClock(NOW + late)
    return Alibaba(server.url, ALIBABA_KEY, secret, "号源", TEMPLATES, timeout=timeout, clock=clock)


def test_a_letter_goes_out_signed_with_its_key_and_variables(server: Provider) -> None:
    assert carrier(server).send(letter()) == Sent("9006^1")
    asked = server.taken[0]
    assert json.loads(asked.pop("TemplateParam")) == {"code": "042137", "hospital": "仁济医院 & 分院"}
    assert asked == {
        "PhoneNumbers": "13812345678",
        "SignName": "号源",
        "TemplateCode": "SMS_100",
        "OutId": "01JD:acc_1:code_login:sms",
    }
    assert (server.calls, server.refused) == (["SendSms"], [])
    assert server.headers[0]["connection"] == "close", "no letter is lost on a connection that they have just closed"


def test_abroad_the_number_goes_with_its_country(server: Provider) -> None:
    refused = carrier(server).send(letter(to="+85261234567"))
    assert isinstance(refused, Refused)
    assert (refused.code, refused.address, server.calls) == ("no_template", False, []), "it would be called no number"
    abroad = Alibaba(
        server.url, ALIBABA_KEY, ALIBABA_SECRET, "号源", {"code_login.zh-CN.abroad": "SMS_300"}, timeout=20.0
    )
    abroad.send(letter(to="+85261234567"))
    assert (server.taken[0]["PhoneNumbers"], server.taken[0]["TemplateCode"]) == ("85261234567", "SMS_300")


def test_a_wrong_key_waits_for_somebody(server: Provider) -> None:
    outcome = carrier(server, secret="another").send(letter())
    assert isinstance(outcome, Later)
    assert outcome.code == "SignatureDoesNotMatch"
    assert outcome.why.startswith(ALARM)
    assert (server.taken, server.refused) == ([], ["SignatureDoesNotMatch"])


def test_it_carries_what_has_a_template(server: Provider) -> None:
    one = carrier(server)
    assert one.carries("code_login", "zh-CN")
    assert not one.carries("code_login", "en")
    assert isinstance(one.send(letter(locale="en")), Refused)
    assert server.calls == []


@pytest.mark.parametrize(
    ("answer", "kind", "more"),
    [
        ("isv.MOBILE_NUMBER_ILLEGAL", Refused, {"address": True}),
        ("isv.TEMPLATE_PARAMS_ILLEGAL", Refused, {"address": False}),
        ("isv.BLACK_KEY_CONTROL_LIMIT", Refused, {"address": False}),
        ("isv.BUSINESS_LIMIT_CONTROL|触发分钟级流控Permits:1", Later, {"seconds": 60.0, "address": True}),
        ("isv.BUSINESS_LIMIT_CONTROL|触发小时级流控Permits:5", Later, {"seconds": 3600.0}),
        ("isv.BUSINESS_LIMIT_CONTROL|触发天级流控Permits:10", Later, {"seconds": 21600.0}),
        ("isp.SYSTEM_ERROR", Unknown, {}),
        (
            (400, {"Code": "Throttling.User", "Message": "m", "RequestId": "R"}),
            Later,
            {"seconds": 1.0, "address": False},
        ),
        ((503, {"Code": "Throttling", "Message": "m", "RequestId": "R"}), Later, {"seconds": 1.0}),
        ((500, {"Code": "InternalError", "Message": "m", "RequestId": "R"}), Unknown, {}),
        ((400, {"Code": "MissingSignName", "Message": "m", "RequestId": "R"}), Refused, {"address": False}),
        ((502, b"<html>bad gateway</html>"), Unknown, {}),
        ((200, b"<html>hello</html>"), Unknown, {}),
        ((200, {"RequestId": "R"}), Unknown, {}),
    ],
)
def test_what_their_answers_mean(server: Provider, answer: Any, kind: type, more: dict[str, Any]) -> None:
    server.answers.append(answer)
    outcome = carrier(server).send(letter())
    assert type(outcome) is kind, outcome
    assert {name: getattr(outcome, name) for name in more} == more
    assert not outcome.why.startswith(ALARM)
    assert "13812345678" not in outcome.why
    assert server.calls == ["SendSms"], "asked once"


@pytest.mark.parametrize(
    ("code", "others_may_go"),
    [
        ("isv.AMOUNT_NOT_ENOUGH", False),
        ("isv.OUT_OF_SERVICE", False),
        ("isp.RAM_PERMISSION_DENY", False),
        ("isv.DAY_LIMIT_CONTROL", False),
        ("isv.SMS_SIGNATURE_ILLEGAL", False),
        ("isv.SMS_TEMPLATE_ILLEGAL", True),
        ("isv.TEMPLATE_MISSING_PARAMETERS", True),
    ],
)
def test_what_staff_must_see_to(server: Provider, code: str, others_may_go: bool) -> None:
    server.answers.append(code)
    outcome = carrier(server).send(letter())
    assert isinstance(outcome, Later)
    assert (outcome.code, outcome.why[: len(ALARM)], outcome.address) == (code, ALARM, others_may_go)


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


def detail(out_id: str, date: str = "2026-11-22 23:58:00", **changes: Any) -> dict[str, Any]:
    return {"OutId": out_id, "PhoneNum": "13812345678", "SendDate": date, "SendStatus": 1, **changes}


@pytest.mark.parametrize("date", ["2026-11-22 23:58:01", "2026-11-23 00:00:01"])
def test_what_was_sent_is_found_by_its_key_on_any_page_and_over_midnight(server: Provider, date: str) -> None:
    others = [detail(f"other {n}", date) for n in range(70)]
    server.listed = [*others, detail(letter().key, date)]
    assert carrier(server).find(letter(), NOW) == Sent()


def test_what_is_not_listed_was_never_sent_but_not_at_once(server: Provider) -> None:
    server.listed = [detail("other"), detail(letter().key, PhoneNum="13812345679")]
    assert carrier(server).find(letter(), NOW) == Absent()
    soon = carrier(server, late=SETTLED - timedelta(seconds=1)).find(letter(), NOW)
    assert isinstance(soon, Unknown)


@pytest.mark.parametrize(
    "answer", ["isv.AMOUNT_NOT_ENOUGH", (500, {"Code": "InternalError", "Message": "m"}), (200, b"x")]
)
def test_an_answer_that_does_not_say_is_none(server: Provider, answer: Any) -> None:
    server.answers.append(answer)
    assert isinstance(carrier(server).find(letter(), NOW), Unknown)


def test_only_the_given_key_is_used_whatever_the_environment_offers(
    server: Provider,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """And nothing of a person is logged, whoever asks for it."""
    for name in ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "ALIBABA_CLOUD_SECURITY_TOKEN"):
        monkeypatch.setenv(name, "another")
    monkeypatch.setenv("ALIBABA_CLOUD_ECS_METADATA", "role")
    monkeypatch.setenv("DEBUG", "sdk")
    caplog.set_level(logging.DEBUG)
    assert isinstance(carrier(server).send(letter()), Sent)
    server.drop = True
    outcome = carrier(server).send(letter())
    assert isinstance(outcome, Unknown)
    said = caplog.text + "".join(capfd.readouterr()) + outcome.why
    assert "13812345678" not in said
    assert "042137" not in said
    assert "alibaba secret" not in said
