"""payment-svc's environment: what starts, and what production refuses."""

from pathlib import Path
from typing import Any

import payment_svc
import pytest
from common.settings import BadSettings
from payment_svc.providers.wechat import WechatPay
from payment_svc.settings import Settings
from wechat_vendor import certificate_pem, private_pem, public_pem

PUBLISHED = Path(payment_svc.__file__).parent / "providers" / "development"
OURS = {
    "APP_ENV": "production",
    "DATABASE_URL": "postgresql://db/payment",
    "BROKER_URL": "amqp://broker",
    "JWT_PUBLIC_KEY": "ours",
    "ID_KEY": "ours",
    "PUBLIC_URL": "https://haoyuan.example",
    "PAYMENT_METHODS": "alipay,wechat,window",
    "WECHAT_URL": "https://api.mch.weixin.qq.com",
    "WECHAT_MCHID": "1900001234",
    "WECHAT_APPID": "wx0123456789abcdef",
    "WECHAT_SERIAL": "A" * 40,
    "WECHAT_PRIVATE_KEY": private_pem("merchant"),
    "WECHAT_APIV3_KEY": "k" * 32,
    "WECHAT_PUBLIC_KEY": public_pem("wechat"),
    "WECHAT_PUBLIC_KEY_ID": "PUB_KEY_ID_0119000012342026112200000000000001",
    "ALIPAY_URL": "https://openapi.alipay.com/gateway.do",
    "ALIPAY_APP_ID": "2021000000000001",
    "ALIPAY_SELLER_ID": "2088000000000001",
    "ALIPAY_PRIVATE_KEY": private_pem("merchant"),
    "ALIPAY_PUBLIC_KEY": public_pem("old"),
}


def faults(**changes: Any) -> str:
    with pytest.raises(BadSettings) as refused:
        Settings.load({**OURS, **changes})
    assert "PRIVATE KEY-" not in str(refused.value)
    return str(refused.value)


def pem(name: str) -> str:
    return (PUBLISHED / f"{name}.pem").read_text()


def test_production_starts_with_keys_of_its_own():
    settings = Settings.load({**OURS, "WECHAT_CERTIFICATE": certificate_pem("old")})
    assert settings.methods == ("alipay", "wechat", "window")
    assert settings.notify_url("wechat") == "https://haoyuan.example/api/v1/payments/notify/wechat"
    certificates_alone = {
        "WECHAT_PUBLIC_KEY": "none",
        "WECHAT_PUBLIC_KEY_ID": "none",
        "WECHAT_CERTIFICATE": certificate_pem("old"),
    }
    assert WechatPay.of(Settings.load({**OURS, **certificates_alone}))


@pytest.mark.parametrize("variable", sorted(name for name in OURS if name.startswith(("WECHAT", "ALIPAY"))))
def test_production_takes_nothing_from_the_sandbox(variable):
    left_out = {name: value for name, value in OURS.items() if name != variable}
    with pytest.raises(BadSettings, match=variable):
        Settings.load(left_out)


@pytest.mark.parametrize(
    ("variable", "name"),
    [
        ("WECHAT_PRIVATE_KEY", "wechat_merchant"),
        ("WECHAT_PUBLIC_KEY", "wechat_public"),
        ("WECHAT_CERTIFICATE", "wechat_certificate"),
        ("ALIPAY_PRIVATE_KEY", "alipay_merchant"),
        ("ALIPAY_PUBLIC_KEY", "alipay_public"),
    ],
)
def test_production_refuses_a_published_key_however_it_is_written(variable, name):
    text = pem(name)
    in_one_line = "".join(line for line in text.splitlines() if "-----" not in line)
    written = ["development", text, text.replace("\n", "\\n"), in_one_line]
    if variable == "WECHAT_CERTIFICATE":
        written.append(certificate_pem("old") + text)
    for value in written:
        assert variable in faults(**{variable: value})


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("WECHAT_URL", "http://api.mch.weixin.qq.com"),
        ("WECHAT_URL", "https://api.mch.weixin.qq.com.attacker.example"),
        ("ALIPAY_URL", "https://openapi.alipaydev.com/gateway.do"),
        ("PUBLIC_URL", "http://haoyuan.example"),
    ],
)
def test_production_knows_the_vendors_addresses_alone(variable, value):
    assert variable in faults(**{variable: value})


def test_what_is_not_offered_needs_no_keys():
    settings = Settings.load({**OURS, "PAYMENT_METHODS": "window", "WECHAT_CERTIFICATE": "development"})
    assert settings.methods == ("window",)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PAYMENT_METHODS", "wechat,paypal"),
        ("PAYMENT_METHODS", " , "),
        ("PROVIDER_TIMEOUT_SECONDS", "0"),
        ("PROVIDER_TIMEOUT_SECONDS", "31"),
        ("CALLBACK_BODY_LIMIT", "1023"),
        ("WECHAT_APIV3_KEY", "k" * 31),
        ("WECHAT_URL", "ftp://api.mch.weixin.qq.com"),
    ],
)
def test_a_value_that_does_not_do_is_named(variable, value):
    with pytest.raises(BadSettings, match=variable):
        Settings.load({variable: value})


@pytest.mark.parametrize("provider", ["WECHAT", "ALIPAY"])
def test_in_production_a_provider_whose_key_is_not_set_is_not_offered(provider):
    left = {name: value for name, value in OURS.items() if name not in {"PAYMENT_METHODS", f"{provider}_PRIVATE_KEY"}}
    assert set(Settings.load(left).methods) == {"alipay", "wechat", "window"} - {provider.lower()}
