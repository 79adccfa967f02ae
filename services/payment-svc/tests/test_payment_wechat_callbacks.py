"""WeChat's callbacks: forged, stale, probing, for others, and genuine. Whatever comes, nobody is dialled."""

import json
import socket
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from payment_svc.providers import Abnormal, Failed, Heard, Paid, Refunded, Refused
from payment_svc.providers.wechat import WechatPay
from wechat_vendor import (
    KEY_ID,
    MCHID,
    NUMBER,
    REFUND,
    TRANSACTION,
    certificate_pem,
    notice,
    refund_document,
    serial,
    settings,
    signed,
    trade_document,
)

PAID = "TRANSACTION.SUCCESS"
XML = "<xml><return_code>SUCCESS</return_code><req_info><![CDATA[T87GAHG17TGAHG1TGHAHAHA1Y1CIOA9UGJH1GAHV871HAGAGQYQQPOOJMXNBCXBVNMNMAJAA]]></req_info></xml>"


@pytest.fixture(autouse=True)
def nobody_is_dialled(monkeypatch: pytest.MonkeyPatch) -> Any:
    dialled: list[Any] = []

    def connect(_self: Any, address: Any) -> None:
        dialled.append(address)
        raise OSError("no way out of this test")

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **_: connect(None, args))
    yield
    assert dialled == []


@pytest.fixture(params=["public key", "both", "certificates"], scope="module")
def wechat(request: pytest.FixtureRequest) -> WechatPay:
    """In each of the three modes; all callbacks below are signed with the same key."""
    changes = {} if request.param == "public key" else {"wechat_certificate": certificate_pem("old", "wechat")}
    if request.param == "certificates":
        changes |= {"wechat_public_key": "", "wechat_public_key_id": ""}
    return WechatPay.of(settings(**changes))


@pytest.fixture
def name(wechat: WechatPay) -> str:
    """The serial that this adapter believes for sure."""
    return KEY_ID if KEY_ID in wechat._client.serials else serial("wechat")


def now() -> datetime:
    return datetime.now(UTC)


def refused(wechat: WechatPay, headers: dict[str, str], body: bytes, at: datetime | None = None) -> str:
    with pytest.raises(Refused) as caught:
        wechat.hear(headers, body, at or now())
    assert not set(caught.value.reason) & set(" =\"'{}"), "a code"
    return caught.value.reason


# --- what is believed ------------------------------------------------------------------------------------------------


def test_a_payment_is_heard(wechat, name):
    body = notice(PAID, trade_document())
    heard = wechat.hear(signed(body, name=name), body, now())
    assert (heard.notify_id, heard.kind, heard.number) == ("notice-1", "payment", NUMBER)
    assert isinstance(heard.outcome, Paid)
    assert (heard.outcome.amount, heard.outcome.transaction_id) == (5000, TRANSACTION)
    assert heard.outcome.paid_at == datetime(2026, 11, 22, 8, 1, 2, tzinfo=UTC)
    assert "oSecret" not in repr(heard)


def refund_notice(state: str, event: str = "", **changes: Any) -> bytes:
    """As callbacks tell of refunds: `refund_status`, an mchid, no appid, no currency."""
    resource = refund_document(state, status=None, channel=None, amount={"total": 5000, "refund": 2000})
    return notice(event or f"REFUND.{state}", resource | {"mchid": MCHID, "refund_status": state} | changes)


@pytest.mark.parametrize("state", ["SUCCESS", "ABNORMAL", "CLOSED"])
def test_a_refunds_end_is_heard(wechat, name, state):
    body = refund_notice(state)
    heard = wechat.hear(signed(body, name=name), body, now())
    assert (heard.kind, heard.number) == ("refund", REFUND.number)
    expected = {"ABNORMAL": Abnormal("ABNORMAL"), "CLOSED": Failed("CLOSED")}
    if state == "SUCCESS":
        assert isinstance(heard.outcome, Refunded)
        assert (heard.outcome.amount, heard.outcome.evidence["refund_id"]) == (2000, "50000000382026112200000000001")
    else:
        assert heard.outcome == expected[state]


def test_headers_are_read_without_regard_to_case(wechat, name):
    body = notice(PAID, trade_document())
    for spelled in (str.lower, str.upper, str.title):
        headers = {spelled(header): value for header, value in signed(body, name=name).items()}
        assert wechat.hear(headers, body, now()).number == NUMBER


def test_an_event_that_we_do_not_know_moves_no_money(wechat, name):
    for event, kind, number in [("TRANSACTION.NEW", "payment", NUMBER), ("REFUND.NEW", "refund", REFUND.number)]:
        body = notice(event, trade_document() if kind == "payment" else refund_document(mchid=MCHID))
        assert wechat.hear(signed(body, name=name), body, now()) == Heard("notice-1", kind, number, None)


def test_both_serials_are_believed_while_the_merchant_changes_over():
    wechat = WechatPay.of(settings(wechat_certificate=certificate_pem("old")))
    body = notice(PAID, trade_document())
    for by, under in (("wechat", KEY_ID), ("old", serial("old"))):
        assert wechat.hear(signed(body, by=by, name=under), body, now()).number == NUMBER
    for by, under in (("old", KEY_ID), ("wechat", serial("old"))):
        assert refused(wechat, signed(body, by=by, name=under), body) == "signature"
    assert refused(wechat, signed(body, name=serial("wechat")), body) == "serial"


def test_a_renewed_certificate_is_believed_beside_the_old_one_until_that_is_taken_away():
    alone = {"wechat_public_key": "", "wechat_public_key_id": ""}
    both = WechatPay.of(settings(wechat_certificate=certificate_pem("old", "wechat"), **alone))
    after = WechatPay.of(settings(wechat_certificate=certificate_pem("wechat"), **alone))
    body = notice(PAID, trade_document())
    for by in ("old", "wechat"):
        assert both.hear(signed(body, by=by, name=serial(by)), body, now()).number == NUMBER
    assert after.hear(signed(body, name=serial("wechat")), body, now()).number == NUMBER
    assert refused(after, signed(body, by="old", name=serial("old")), body) == "serial"


# --- what is not -----------------------------------------------------------------------------------------------------


def test_a_forged_callback_is_refused(wechat, name):
    body = notice(PAID, trade_document())
    assert refused(wechat, signed(body, by="forger", name=name), body) == "signature"
    assert refused(wechat, signed(body, name=name) | {"Wechatpay-Signature": "?"}, body) == "signature"
    assert refused(wechat, signed(body, name=name) | {"Wechatpay-Nonce": "other"}, body) == "signature"
    assert refused(wechat, signed(body, name=name), body + b" ") == "signature"


@pytest.mark.parametrize("under", ["F" * 40, "PUB_KEY_ID_OTHER", "zz", serial("forger"), "0x1", "１"])
def test_an_unknown_serial_is_refused_before_anybody_looks_it_up(wechat, under, monkeypatch):
    monkeypatch.setattr(wechat._client, "genuine", lambda *_: pytest.fail("the library was asked"))
    body = notice(PAID, trade_document())
    assert refused(wechat, signed(body, by="forger", name=under), body) == "serial"


def test_other_spellings_of_the_headers_do_not_get_past_the_list_of_serials(wechat, name):
    body = notice(PAID, trade_document())
    forged = signed(body, by="forger", name="F" * 40)
    other = {f"HTTP_{header.upper().replace('-', '_')}": value for header, value in forged.items()}
    assert refused(wechat, signed(body, by="forger", name=name) | other, body) == "signature"
    assert wechat.hear(signed(body, name=name) | other, body, now()).number == NUMBER
    assert refused(wechat, other, body) == "headers"


def test_wechats_probe_is_refused(wechat, name):
    body = notice(PAID, trade_document())
    headers = signed(body, name=name)
    headers["Wechatpay-Signature"] = f"WECHATPAY/SIGNTEST/{headers['Wechatpay-Signature']}"
    assert refused(wechat, headers, body) == "probe"


@pytest.mark.parametrize(("seconds", "believed"), [(-302, False), (-298, True), (298, True), (302, False)])
def test_only_fresh_callbacks_are_believed(wechat, name, seconds, believed):
    body = notice(PAID, trade_document())
    at = int(time.time())
    headers = signed(body, name=name, at=at)
    there = datetime.fromtimestamp(at, UTC) - timedelta(seconds=seconds)
    if believed:
        assert wechat.hear(headers, body, there).number == NUMBER
    else:
        assert refused(wechat, headers, body, there) == "stale"


@pytest.mark.parametrize("stamp", ["", "soon", "-1", "1e9", "9" * 400, "１７６３７９８４００"])
def test_a_timestamp_that_is_none_is_refused(wechat, name, stamp):
    body = notice(PAID, trade_document())
    assert refused(wechat, signed(body, name=name) | {"Wechatpay-Timestamp": stamp}, body) == "headers"


@pytest.mark.parametrize("missing", sorted(signed(b"")))
def test_without_one_of_its_headers_a_callback_is_refused(wechat, name, missing):
    """As if a proxy had taken them away."""
    body = notice(PAID, trade_document())
    headers = signed(body, name=name)
    assert refused(wechat, headers | {missing: ""}, body) == "headers"
    del headers[missing]
    assert refused(wechat, headers, body) == "headers"
    assert refused(wechat, signed(body, name=name) | {"Wechatpay-Signature-Type": "NONE"}, body) == "headers"


@pytest.mark.parametrize(
    "changes",
    [{"ciphertext": "AAAA" * 20}, {"associated_data": "refund"}, {"nonce": "x" * 12}, {"algorithm": "AEAD_SM4_GCM"}],
)
def test_a_resource_that_was_tampered_with_is_refused(wechat, name, changes):
    body = notice(PAID, trade_document(), **changes)
    assert refused(wechat, signed(body, name=name), body) == "unreadable"


def test_another_apiv3_key_opens_nothing(wechat, name):
    body = notice(PAID, trade_document(), secret="j" * 32)
    assert refused(wechat, signed(body, name=name), body) == "unreadable"


@pytest.mark.parametrize(
    "body",
    [b"", b"hello", XML.encode(), b"\xff\xfe", b"[1]", b"null", b"{}", b'{"resource": 7}', b"[" * 100_000],
    ids=["empty", "text", "xml", "bytes", "list", "null", "object", "resource", "deep"],
)
def test_a_genuine_callback_that_says_nothing_readable_is_refused(wechat, name, body):
    assert refused(wechat, signed(body, name=name), body) == "unreadable"


def test_the_old_protocols_xml_is_refused(wechat):
    assert refused(wechat, {"Content-Type": "text/xml"}, XML.encode()) == "headers"


@pytest.mark.parametrize(
    "changes", [{"resource_type": "plain"}, {"id": ""}, {"id": None}, {"event_type": None}, {"resource": {}}]
)
def test_a_notice_that_lacks_something_is_refused_or_moves_nothing(wechat, name, changes):
    document = json.loads(notice(PAID, trade_document())) | changes
    body = json.dumps(document).encode()
    if changes == {"event_type": None}:
        assert wechat.hear(signed(body, name=name), body, now()).outcome is None
    else:
        assert refused(wechat, signed(body, name=name), body) == "unreadable"


@pytest.mark.parametrize(
    "changes", [{"mchid": "1900000000"}, {"appid": "wx1"}, {"amount": None}, {"amount": {"total": 1.5}}]
)
def test_a_genuine_payment_of_somebody_else_or_without_amount_is_refused(wechat, name, changes):
    body = notice(PAID, trade_document(**changes))
    expected = "merchant" if {"mchid", "appid"} & set(changes) else "unreadable"
    assert refused(wechat, signed(body, name=name), body) == expected


@pytest.mark.parametrize("event", ["REFUND.SUCCESS", "REFUND.NEW"])
def test_another_merchants_refund_is_refused(wechat, name, event):
    body = refund_notice("SUCCESS", event, mchid="1900000000")
    assert refused(wechat, signed(body, name=name), body) == "merchant"


def test_wechat_hears_whether_to_come_again(wechat):
    assert wechat.accepted == (204, b"", "application/json")
    for reason, status in [
        ("signature", 401),
        ("stale", 401),
        ("oversized", 401),
        ("unavailable", 503),
        ("failed", 503),
    ]:
        answered, body, kind = wechat.refusal(reason)
        assert (answered, json.loads(body), kind) == (
            status,
            {"code": "FAIL", "message": reason},
            "application/json",
        )
