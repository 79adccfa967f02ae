"""wechatpayv3 as the adapter configures it: what we rely on exists, and nothing is dialled that was not asked for."""

import base64
import inspect
import socket
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import version

import pytest
from payment_svc.providers import Unknown
from payment_svc.providers.keys import certificates, private_key, public_key
from payment_svc.providers.wechat import WechatPay
from payment_svc.providers.wechat.client import DOWNLOAD, Client
from payment_svc.settings import Settings
from wechat_vendor import (
    KEY_ID,
    TRADE,
    Vendor,
    certificate_pem,
    private_pem,
    public_pem,
    says,
    serial,
    settings,
    trade_document,
)
from wechatpayv3 import WeChatPay
from wechatpayv3.core import Core

CERTIFICATE_ONLY = {"wechat_public_key": "none", "wechat_public_key_id": "none"}


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    made = Vendor()
    yield made
    made.stop()


@pytest.fixture
def dialled(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Whom anybody tried to reach; nobody gets through."""
    tried: list[object] = []

    def connect(_self: socket.socket, address: object) -> None:
        tried.append(address)
        raise OSError("no way out of this test")

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **_: connect(None, args))
    return tried


def one_line(pem: str) -> str:
    return "".join(line for line in pem.splitlines() if "-----" not in line)


def test_the_library_is_the_one_that_was_read():
    assert version("wechatpayv3") == "2.0.4"
    core = WeChatPay(
        wechatpay_type=None,
        mchid="1",
        private_key=private_pem("merchant"),
        cert_serial_no="A",
        appid="wx",
        apiv3_key="k" * 32,
        public_key=public_pem("wechat"),
        public_key_id=KEY_ID,
    )._core
    assert core._gate_way == "https://api.mch.weixin.qq.com"
    assert core._certificates == []
    assert list(inspect.signature(core.request).parameters)[:4] == ["path", "method", "data", "skip_verify"]
    assert core._private_key
    assert (core._mchid, core._cert_serial_no, core._public_key_id) == ("1", "A", KEY_ID)
    assert core._logger is None
    assert callable(core._update_certificates)
    assert list(inspect.signature(core._verify_signature).parameters) == ["headers", "body"]
    assert "self._update_certificates()" in inspect.getsource(Core._verify_signature)


def test_it_waits_for_a_while_and_not_for_ever():
    def waits(seconds: float) -> float:
        return Client(settings(provider_timeout=seconds))._seconds

    assert waits(10) == 10
    assert waits(30) * 2 < 30  # two calls to an operation
    assert waits(30) + DOWNLOAD < 30
    assert Client(settings())._core._logger is None


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"wechat_certificate": certificate_pem("old", "wechat")},
        {"wechat_certificate": certificate_pem("old", "wechat")} | CERTIFICATE_ONLY,
    ],
    ids=["public key", "both", "certificates"],
)
def test_nobody_is_dialled_until_something_is_asked(dialled, changes):
    assert WechatPay.of(settings("https://api.mch.weixin.qq.com", **changes))
    assert dialled == []


def test_without_anything_to_believe_there_is_no_adapter():
    with pytest.raises(ValueError, match="WECHAT_PUBLIC_KEY"):
        WechatPay.of(settings(**CERTIFICATE_ONLY))
    with pytest.raises(ValueError, match="WECHAT_PUBLIC_KEY"):
        WechatPay.of(settings(wechat_public_key_id=""))


def test_with_certificates_alone_answers_are_believed_under_each_of_them(vendor):
    both = vendor.adapter(wechat_certificate=certificate_pem("old", "wechat"), **CERTIFICATE_ONLY)
    for name in ("old", "wechat"):
        vendor.will(says(trade_document(), signed_by=name, serial=serial(name)))
        assert both.query(TRADE).amount == 5000
        assert vendor.calls[0].headers["Wechatpay-Serial"] == serial("wechat"), "the newest is ours to encrypt with"
    vendor.will(says(trade_document(), signed_by="wechat", serial=serial("old")))
    assert isinstance(both.query(TRADE), Unknown)


@pytest.mark.parametrize("name", ["F" * 40, "PUB_KEY_ID_OTHER", "", serial("forger")])
def test_an_answer_under_an_unknown_serial_is_not_believed_and_downloads_nothing(vendor, name):
    adapter = vendor.adapter(wechat_certificate=certificate_pem("old"))
    vendor.will(says(trade_document(), signed_by="forger", serial=name))
    assert isinstance(adapter.query(TRADE), Unknown)
    assert [call.path.split("?")[0] for call in vendor.calls] == [f"/v3/pay/transactions/out-trade-no/{TRADE.number}"]
    vendor.will(says(trade_document(), signed_by="old", serial=serial("old")))
    assert adapter.query(TRADE).amount == 5000, "what was believed before is believed still"


def test_during_the_change_from_certificate_to_public_key_both_are_believed(vendor):
    adapter = vendor.adapter(wechat_certificate=certificate_pem("old"))
    vendor.will(says(trade_document(), signed_by="old", serial=serial("old")), says(trade_document()))
    assert adapter.query(TRADE) == adapter.query(TRADE)
    assert {call.headers["Wechatpay-Serial"] for call in vendor.calls} == {KEY_ID}


def test_the_published_keys_stand_behind_their_name(dialled):
    development = replace(Settings(), wechat_certificate="development")
    assert {development.wechat_public_key_id, "5157F09EFDC096DE15EBE81A47057A7232F1B8E1"} == Client(development).serials
    assert dialled == []


def test_keys_are_pem_or_its_middle_in_one_line():
    pem = private_pem("merchant")
    der = base64.b64decode(one_line(pem))
    assert private_key(one_line(pem), "") == private_key(pem.replace("\n", "\\n"), "") == pem
    assert private_key(base64.b64encode(der[26:]).decode(), "") == pem, "PKCS#1, as older tools write it"
    assert public_key(one_line(public_pem("wechat")), "") == public_pem("wechat")
    assert [f"{c.serial_number:040X}" for c in certificates(certificate_pem("old", "wechat"), "")] == [
        serial("old"),
        serial("wechat"),
    ]


@pytest.mark.parametrize("bad", ["", "no key", public_pem("wechat"), certificate_pem("old"), private_pem("old") * 2])
def test_what_is_no_key_is_refused_without_showing_it(bad):
    with pytest.raises(ValueError, match=r"key|base64") as refused:
        private_key(bad, "")
    assert len(bad) < 80 or bad[40:80] not in str(refused.value)
