"""The client that merchants use, unmodified, against the sandbox on a socket."""

import gzip
import hashlib
import json
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from payment_sandbox.parts import Fault
from payment_sandbox.server import Server
from payment_sandbox.wechat import WeChat
from payment_sandbox.wechat.identity import BEIJING
from sandbox_wechat_merchant import (
    APIV3_KEY,
    APPID,
    CERTIFICATE,
    MCHID,
    PLATFORM,
    PRIVATE,
    PUBLIC_KEY_ID,
    ROOT,
    SERIAL,
)
from wechatpayv3 import WeChatPay, WeChatPayType

PUBLIC = (ROOT / "services/payment-svc/payment_svc/providers/development/wechat_public.pem").read_text()


class Listener(HTTPServer):
    """Where the merchant is told. Keeps what came."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Ear)
        self.heard = []
        self.came = threading.Condition()
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    def stop(self):
        self.shutdown()
        self._thread.join()
        self.server_close()

    def wait_for(self, count):
        with self.came:
            assert self.came.wait_for(lambda: len(self.heard) >= count, 30)
        return self.heard


class Ear(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.server.came:
            self.server.heard.append((dict(self.headers), body))
            self.server.came.notify_all()
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args):
        pass


@pytest.fixture
def listener():
    listener = Listener()
    yield listener
    listener.stop()


@pytest.fixture
def server(tmp_path):
    server = Server(tmp_path / "sandbox", speakers=[WeChat()])
    server.start()
    yield server
    server.stop()


def client_of(server, listener, **keys):
    client = WeChatPay(
        wechatpay_type=WeChatPayType.NATIVE,
        mchid=MCHID,
        private_key=PRIVATE.decode(),
        cert_serial_no=SERIAL,
        apiv3_key=APIV3_KEY.decode(),
        appid=APPID,
        notify_url=f"http://127.0.0.1:{listener.server_port}/notify",
        timeout=(5, 20),
        **keys,
    )
    client._core._gate_way = server.url
    return client


@pytest.fixture(params=["public key", "certificate"])
def client(request, server, listener, tmp_path):
    if request.param == "public key":
        return client_of(server, listener, public_key=PUBLIC, public_key_id=PUBLIC_KEY_ID)
    certificates = tmp_path / "certificates"
    certificates.mkdir()
    (certificates / f"{CERTIFICATE}.pem").write_bytes(PLATFORM)
    server.sandbox.options.more["wechat_callbacks"] = "certificate"
    return client_of(server, listener, cert_dir=str(certificates))


def said(answer):
    status, text = answer
    assert status == 200
    return json.loads(text)


def test_an_order_is_paid_and_goes_back(server, listener, client):
    code = said(client.pay(description="挂号费", out_trade_no="ORDER_0001", amount={"total": 100, "currency": "CNY"}))
    assert code["code_url"].startswith(f"{server.url}/pay/")
    assert said(client.query(out_trade_no="ORDER_0001"))["trade_state"] == "NOTPAY"
    server.sandbox.pay(server.sandbox.books.trade("wechat", "ORDER_0001"))
    headers, body = listener.wait_for(1)[0]
    heard = client.callback(headers, body)
    assert (heard["event_type"], heard["resource"]["out_trade_no"]) == ("TRANSACTION.SUCCESS", "ORDER_0001")
    paid = said(client.query(transaction_id=heard["resource"]["transaction_id"]))
    assert paid["trade_state"] == "SUCCESS"
    amount = {"refund": 100, "total": 100, "currency": "CNY"}
    assert (
        said(client.refund(out_refund_no="REFUND_1", out_trade_no="ORDER_0001", amount=amount))["status"]
        == "PROCESSING"
    )
    headers, body = listener.wait_for(2)[1]
    assert client.callback(headers, body)["resource"]["refund_status"] == "SUCCESS"
    assert said(client.query_refund(out_refund_no="REFUND_1"))["status"] == "SUCCESS"
    assert client.query(out_trade_no="ORDER_0002")[0] == 404


def test_an_order_is_closed(client):
    client.pay(description="挂号费", out_trade_no="ORDER_0001", amount={"total": 100, "currency": "CNY"})
    assert client.close(out_trade_no="ORDER_0001")[0] == 204
    assert said(client.query(out_trade_no="ORDER_0001"))["trade_state"] == "CLOSED"


@pytest.mark.filterwarnings("ignore:Properties that return a naïve datetime")  # the client's own, in certificate mode
def test_an_abnormal_refund_goes_to_a_card(server, client):
    server.sandbox.options.refund_outcome = "abnormal"
    client.pay(description="挂号费", out_trade_no="ORDER_0001", amount={"total": 100, "currency": "CNY"})
    server.sandbox.pay(server.sandbox.books.trade("wechat", "ORDER_0001"))
    amount = {"refund": 100, "total": 100, "currency": "CNY"}
    refund = said(client.refund(out_refund_no="REFUND_1", out_trade_no="ORDER_0001", amount=amount))
    assert said(client.query_refund(out_refund_no="REFUND_1"))["status"] == "ABNORMAL"
    to_card = {"bank_type": "ICBC_DEBIT", "bank_account": "6222020000000001234", "real_name": "测试"}
    said(client.abnormal_refund(refund["refund_id"], "REFUND_1", "USER_BANK_CARD", **to_card))
    assert said(client.query_refund(out_refund_no="REFUND_1"))["status"] == "SUCCESS"


def test_a_bill_is_downloaded(server, client):
    client.pay(description="挂号费", out_trade_no="ORDER_0001", amount={"total": 100, "currency": "CNY"})
    server.sandbox.pay(server.sandbox.books.trade("wechat", "ORDER_0001"))
    day = server.sandbox.now().astimezone(BEIJING).date()
    server.sandbox.set_clock(advance=timedelta(days=2).total_seconds())
    bill = said(client.trade_bill(bill_date=str(day)))
    status, content = client.download_bill(bill["download_url"])
    file = gzip.decompress(content)
    assert (status, hashlib.sha1(file, usedforsecurity=False).hexdigest()) == (200, bill["hash_value"])
    assert "`ORDER_0001," in file.decode()


def test_a_newcomer_fetches_the_certificate(server, client):
    core = client._core
    core._certificates = []
    core._update_certificates()
    assert [certificate.serial_number for certificate in core._certificates] == [int(CERTIFICATE, 16)]


@pytest.mark.parametrize("flaw", ["bad-signature", "signtest", "unsigned", "wrong-serial"])
def test_the_client_sees_a_flaw(server, client, flaw):
    client.pay(description="挂号费", out_trade_no="ORDER_0001", amount={"total": 100, "currency": "CNY"})
    server.sandbox.faults.plan("wechat", "query", Fault(flaw))
    with pytest.raises(Exception, match=r"verify|algorithm"):
        client.query(out_trade_no="ORDER_0001")
    assert client.query(out_trade_no="ORDER_0001")[0] == 200
