"""With the mailbox's published credentials every short message has a template, which nobody has to number."""

import pytest
from notify_svc.settings import DEVELOPMENT, Settings
from notify_svc.sms_templates import texts


@pytest.mark.parametrize(
    ("provider", "secret", "prefix"),
    [("alibaba", "ALIBABA_SMS_KEY_SECRET", "SMS_"), ("tencent", "TENCENT_SMS_SECRET_KEY", "")],
)
def test_the_mailbox_has_every_template(provider, secret, prefix):
    found = Settings.load({secret: DEVELOPMENT}).templates(provider)
    assert found == {name: f"{prefix}{name}" for name in texts()}
    assert found["code_login.zh-CN"] == f"{prefix}code_login.zh-CN"


@pytest.mark.parametrize("provider", ["alibaba", "tencent"])
def test_a_real_account_has_those_that_it_names(provider):
    assert Settings.load({"ALIBABA_SMS_KEY_SECRET": "x", "TENCENT_SMS_SECRET_KEY": "x"}).templates(provider) == {}
    named = {f"{provider.upper()}_SMS_TEMPLATES": '{"code_login.en": "7"}', "ALIBABA_SMS_KEY_SECRET": DEVELOPMENT}
    assert Settings.load(named).templates(provider) == {"code_login.en": "7"}
