"""payment-svc's environment: what starts, and what production refuses."""

import base64
from pathlib import Path
from typing import Any

import payment_svc
import pytest
from common.settings import BadSettings
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from payment_svc.providers.alipay import Alipay
from payment_svc.providers.wechat import WechatPay
from payment_svc.settings import Settings
from wechat_vendor import certificate_pem, private_pem, public_pem

PUBLISHED = Path(payment_svc.__file__).parent / "providers" / "development"
OURS = {
    "APP_ENV": "production",
    "DATABASE_URL": "postgresql://db/payment",
    "BROKER_URL": "amqp://broker",
    "JWT_PUBLIC_KEY": base64.b64encode(b"ours" * 8).decode(),
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


@pytest.mark.parametrize(
    "variable",
    ["WECHAT_PRIVATE_KEY", "WECHAT_PUBLIC_KEY", "WECHAT_CERTIFICATE", "ALIPAY_PRIVATE_KEY", "ALIPAY_PUBLIC_KEY"],
)
@pytest.mark.parametrize("value", ["abc", "c2VjcmV0", "-----BEGIN PRIVATE KEY-----\nxx\n-----END PRIVATE KEY-----"])
def test_a_key_that_cannot_be_read_is_named_and_not_shown(variable: str, value: str) -> None:
    said = faults(**{variable: value})
    assert f"{variable}: is no RSA key" in said
    assert value not in said


def test_what_was_not_set_is_said_to_be_missing() -> None:
    assert "WECHAT_MCHID: is missing" in faults(WECHAT_MCHID="")


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
        ("CALLBACK_BODY_LIMIT", "1048577"),
        ("WECHAT_URL", "http://["),
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


# --- what a hospital has, and no more ------------------------------------------------------------------------------------

WHOEVER = {
    name: value for name, value in OURS.items() if not name.startswith(("WECHAT", "ALIPAY", "PUBLIC", "PAYMENT"))
}
ONLINE = {"PUBLIC_URL": "https://haoyuan.example"}
CERTIFICATE_ONLY = {
    "WECHAT_PUBLIC_KEY": "none",
    "WECHAT_PUBLIC_KEY_ID": "none",
    "WECHAT_CERTIFICATE": certificate_pem("old"),
}


def of(vendor: str) -> dict[str, str]:
    return {name: value for name, value in OURS.items() if name.startswith(vendor)}


@pytest.mark.parametrize(
    ("environ", "methods"),
    [
        ({}, {"window"}),
        ({"PAYMENT_METHODS": "window", "CALLBACK_URL": "https://", "PUBLIC_URL": "http://localhost"}, {"window"}),
        ({**ONLINE, **of("WECHAT")}, {"wechat", "window"}),
        ({**ONLINE, **of("ALIPAY")}, {"alipay", "window"}),
        ({**ONLINE, **of("ALIPAY"), "PAYMENT_METHODS": "alipay"}, {"alipay"}),
        ({**ONLINE, **of("WECHAT"), **CERTIFICATE_ONLY}, {"wechat", "window"}),
        ({**ONLINE, **of("ALIPAY"), "CALLBACK_URL": "https://notify.haoyuan.example:8443/pay"}, {"alipay", "window"}),
        ({**ONLINE, **of("WECHAT"), "CALLBACK_BODY_LIMIT": "1048576"}, {"wechat", "window"}),
    ],
)
def test_production_starts_with_what_a_hospital_has(environ: dict[str, str], methods: set[str]) -> None:
    settings = Settings.load({**WHOEVER, **environ})
    assert set(settings.methods) == methods
    if "wechat" in methods:
        assert WechatPay.of(settings)
    if "alipay" in methods:
        assert Alipay.of(settings)


NOWHERE = [
    "http://haoyuan.example",
    "https://",
    "https:haoyuan.example",
    "https:///path",
    "https://127.0.0.1",
    "https://127.8.8.8:8443",
    "https://localhost",
    "https://pay.localhost/",
    "https://[::1]/",
    "https://0.0.0.0",
    "https://haoyuan.example/?a=b",
    "https://haoyuan.example/?",
    "https://haoyuan.example/#top",
    "https://haoyuan.example/a b",
    "https://user@haoyuan.example",
    "https://haoyuan.example:port",
    "https://[",
]


@pytest.mark.parametrize("address", NOWHERE)
def test_both_addresses_lead_to_us_from_wherever_a_vendor_or_a_payer_is(address: str) -> None:
    assert faults(CALLBACK_URL=address).splitlines()[1:] == [
        f"CALLBACK_URL: {address!r} is no https address that others reach, without ? and #"
    ]
    assert "PUBLIC_URL: " in faults(CALLBACK_URL="https://haoyuan.example", PUBLIC_URL=address)


def test_the_public_address_is_not_forgotten_beside_the_callbacks() -> None:
    left = {name: value for name, value in OURS.items() if name != "PUBLIC_URL"}
    with pytest.raises(BadSettings, match=r"PUBLIC_URL: 'http://127\.0\.0\.1:8000'"):
        Settings.load({**left, "CALLBACK_URL": "https://haoyuan.example"})


def other_spellings(pem_text: str) -> list[str]:
    """PKCS#1, which tools of old write: the same key, and not a line the same."""
    if "PRIVATE" in pem_text:
        private = load_pem_private_key(pem_text.encode(), None)
        written = [private.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())]
    else:
        public = load_pem_public_key(pem_text.encode())
        written = [public.public_bytes(Encoding.PEM, PublicFormat.PKCS1)]
    return [text for made in written for text in (made.decode(), "".join(made.decode().splitlines()[1:-1]))]


@pytest.mark.parametrize(
    ("variable", "name"),
    [
        ("WECHAT_PRIVATE_KEY", "wechat_merchant"),
        ("WECHAT_PUBLIC_KEY", "wechat_public"),
        ("ALIPAY_PRIVATE_KEY", "alipay_merchant"),
        ("ALIPAY_PUBLIC_KEY", "alipay_public"),
    ],
)
def test_a_published_key_is_known_by_what_it_is_and_not_by_how_it_is_written(variable: str, name: str) -> None:
    for written in other_spellings(pem(name)):
        assert f"{variable}: is the payment sandbox's" in faults(**{variable: written})


@pytest.mark.parametrize("environment", ["production", "dev"])
@pytest.mark.parametrize(
    ("variable", "own", "instead"),
    [
        ("ALIPAY_PUBLIC_KEY", public_pem("merchant"), "支付宝公钥"),
        ("ALIPAY_PUBLIC_KEY", other_spellings(public_pem("merchant"))[1], "支付宝公钥"),
        ("WECHAT_PUBLIC_KEY", public_pem("merchant"), "微信支付公钥"),
        ("WECHAT_CERTIFICATE", certificate_pem("old", "merchant"), "平台证书"),
    ],
)
def test_our_own_key_is_not_the_vendors(environment: str, variable: str, own: str, instead: str) -> None:
    said = faults(APP_ENV=environment, **{variable: own})
    assert f"{variable}: is our own key" in said
    assert instead in said


def test_our_own_key_is_known_in_development_by_the_name_of_the_published_one_too() -> None:
    own = load_pem_private_key(pem("alipay_merchant").encode(), None).public_key()
    written = own.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    with pytest.raises(BadSettings, match="ALIPAY_PUBLIC_KEY: is our own key, the public half of ALIPAY_PRIVATE_KEY"):
        Settings.load({"ALIPAY_PUBLIC_KEY": written})
    assert Settings.load({}).methods == ("alipay", "wechat", "window")
