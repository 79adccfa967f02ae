"""What notify-svc refuses to start with, and what it says when it can send nothing."""

from pathlib import Path

import pytest
from common.settings import BadSettings
from notify_svc import app
from notify_svc.settings import DEV_RECEIPTS, Settings

PRODUCTION = {
    "APP_ENV": "production",
    "JWT_PUBLIC_KEY": "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",  # RFC 8032, 7.1
    "ID_KEY": "of-our-own",
    "CONTACT_KEY": "AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM=",
}
MAIL = {
    "SMTP_URL": "smtp://u:p@mail.hospital.cn",
    "MAIL_FROM": "号源 <no-reply@hospital.cn>",
    "PUBLIC_URL": "https://hospital.cn",
}
SMS = {
    "SMS_PROVIDERS": "alibaba",
    "ALIBABA_SMS_KEY_ID": "k",
    "ALIBABA_SMS_KEY_SECRET": "s",
    "ALIBABA_SMS_SIGN": "号源",
    "ALIBABA_SMS_TEMPLATES": '{"code_login.zh-CN": "SMS_1"}',
}


def refused(**environ: str) -> list[str]:
    """The variables that are named when it does not start; none: it does."""
    try:
        Settings.load({**PRODUCTION, **environ})
    except BadSettings as error:
        return [line.split(":")[0] for line in str(error).splitlines()[1:]]
    return []


def test_production_starts_with_letters_and_without() -> None:
    assert refused() == refused(**MAIL) == refused(**SMS) == []
    assert refused(RECEIPTS_TOKEN="x" * 16) == []


@pytest.mark.parametrize("sender", ["", "nobody", "Haoyuan <no-reply>", "Haoyuan <a@b@c.cn>", "no-reply@hospital"])
def test_who_writes_letters_has_an_address(sender: str) -> None:
    assert refused(**MAIL | {"MAIL_FROM": sender}) == ["MAIL_FROM"]
    assert refused(MAIL_FROM=sender) == [], "nobody writes"


def test_letters_lead_to_https() -> None:
    assert refused(**MAIL | {"PUBLIC_URL": "http://hospital.cn"}) == ["PUBLIC_URL"]
    assert refused(PUBLIC_URL="http://hospital.cn") == []


@pytest.mark.parametrize("templates", ["", "{}"])
def test_a_provider_has_templates(templates: str) -> None:
    assert refused(**SMS | {"ALIBABA_SMS_TEMPLATES": templates}) == ["ALIBABA_SMS_TEMPLATES"]


def test_the_receipts_token_of_development_is_refused() -> None:
    assert refused(RECEIPTS_TOKEN=DEV_RECEIPTS) == ["RECEIPTS_TOKEN"]
    assert Settings.load({"RECEIPTS_TOKEN": DEV_RECEIPTS}).receipts_token == DEV_RECEIPTS


def test_the_file_of_certificates_is_there(tmp_path: Path) -> None:
    assert refused(**MAIL, SMTP_CA=str(tmp_path / "none.pem")) == ["SMTP_CA"]
    assert refused(SMTP_CA=str(tmp_path / "none.pem"), APP_ENV="dev") == ["SMTP_CA"]
    (tmp_path / "ca.pem").touch()
    assert refused(**MAIL, SMTP_CA=str(tmp_path / "ca.pem")) == []


@pytest.mark.parametrize(
    "variable", ["EMAIL_PER_SECOND", "SMS_PER_SECOND", "KEEP_NOTIFICATIONS_DAYS", "KEEP_DELIVERIES_DAYS"]
)
def test_a_number_is_named_as_it_is_called(variable: str) -> None:
    assert refused(**{variable: "0"}) == [variable]


@pytest.mark.parametrize(
    ("given", "silent"), [({}, [["email", "sms"]]), (MAIL, [["sms"]]), (SMS, [["email"]]), (MAIL | SMS, [])]
)
def test_who_sends_nothing_says_so_at_start(
    given: dict[str, str], silent: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[list[str]] = []
    monkeypatch.setattr(app.log, "warning", lambda event, **more: said.append(list(more["by"])))
    service = app.build(Settings.load({**PRODUCTION, **given, "MONGO_URL": "mongodb://127.0.0.1:9/notify_svc"}))
    assert said == silent
    service.store.close()


def test_development_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(app.log, "warning", lambda event, **more: said.append(event))
    service = app.build(Settings.load({"MONGO_URL": "mongodb://127.0.0.1:9/notify_svc"}))
    assert said == []
    service.store.close()
