"""The unmodified python-alipay-sdk, over HTTP, by way of its private attribute for the gateway's address."""

import http.client
import threading
import time
from urllib.parse import parse_qsl, urlsplit

import pytest
from alipay import AliPay
from alipay.exceptions import AliPayException, AliPayValidationError
from payment_sandbox.alipay import Alipay
from payment_sandbox.parts import Fault
from payment_sandbox.server import Server
from sandbox_alipay_merchant import KEYS, LINE
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

NUMBER = "T20261122000001"


@pytest.fixture
def server(tmp_path):
    server = Server(tmp_path, speakers=[Alipay()])
    server.start()
    yield server
    server.stop()


@pytest.fixture
def client(server, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    time.tzset()
    client = AliPay(
        appid="2021006891000001",
        app_private_key_string=(KEYS / "alipay_merchant.pem").read_text(),
        alipay_public_key_string=(KEYS / "alipay_public.pem").read_text(),
    )
    client._gateway = f"{server.url}/gateway.do"
    yield client
    monkeypatch.undo()
    time.tzset()


def get(url):
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
    connection.request("GET", f"{parts.path}?{parts.query}")
    answer = connection.getresponse()
    try:
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def order(client, number=NUMBER, **more):
    wanted = {**LINE, "product_code": "QR_CODE_OFFLINE", **more}
    return client.api_alipay_trade_precreate(out_trade_no=number, **wanted)


def test_it_pays_and_refunds(client, server):
    answer = order(client)
    assert answer["code"] == "10000"
    assert get(answer["qr_code"])[0] == 200
    assert client.api_alipay_trade_query(out_trade_no=NUMBER)["trade_status"] == "WAIT_BUYER_PAY"
    server.sandbox.pay(server.sandbox.books.trade("alipay", NUMBER))
    assert client.api_alipay_trade_query(out_trade_no=NUMBER)["trade_status"] == "TRADE_SUCCESS"
    refund = client.api_alipay_trade_refund("2.30", out_trade_no=NUMBER, out_request_no="R1")
    assert (refund["fund_change"], refund["refund_fee"]) == ("Y", "2.30")
    found = client.api_alipay_trade_fastpay_refund_query("R1", out_trade_no=NUMBER)
    assert found["refund_status"] == "REFUND_SUCCESS"
    assert client.api_alipay_trade_cancel(out_trade_no=NUMBER)["action"] == "refund"
    assert client.api_alipay_trade_query(out_trade_no=NUMBER)["trade_status"] == "TRADE_CLOSED"


def test_it_closes(client, server):
    order(client)
    assert client.api_alipay_trade_close(out_trade_no=NUMBER)["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    server.sandbox.scan(server.sandbox.books.trade("alipay", NUMBER))
    assert client.api_alipay_trade_close(out_trade_no=NUMBER)["code"] == "10000"


def test_it_makes_pages(client):
    query = client.api_alipay_trade_wap_pay(out_trade_no=NUMBER, **LINE, product_code="QUICK_WAP_WAY")
    status, headers, _ = get(f"{client._gateway}?{query}")
    assert (status, get(headers["Location"])[0]) == (302, 200)
    query = client.api_alipay_trade_page_pay(out_trade_no="PAGE", **LINE)
    assert get(f"{client._gateway}?{query}")[0] == 302
    query = client.api_alipay_trade_wap_pay(out_trade_no="OLD", **LINE)  # its own product_code is out of date
    status, _, page = get(f"{client._gateway}?{query}")
    assert (status, "ACQ.INVALID_PARAMETER" in page.decode("gbk")) == (200, True)


def test_it_gets_bills(client, server):
    server.sandbox.options.more["alipay_early_bills"] = True
    order(client)
    server.sandbox.pay(server.sandbox.books.trade("alipay", NUMBER))
    day = server.sandbox.now().strftime("%Y-%m-%d")
    method = "alipay.data.dataservice.bill.downloadurl.query"
    answer = client.server_api(method, {"bill_type": "trade", "bill_date": day})
    assert get(answer["bill_download_url"])[2].startswith(b"PK")


def test_it_says_what_is_wrong(client, server):
    client._appid = "2021000000000000"
    with pytest.raises(AliPayException, match=r"isv\.invalid-app-id"):
        order(client)
    client._appid = "2021006891000001"
    server.sandbox.faults.plan("alipay", "query", Fault("bad-signature"))
    order(client)
    with pytest.raises(AliPayValidationError):
        client.api_alipay_trade_query(out_trade_no=NUMBER)


def test_it_believes_the_notices(client, server):
    heard = []
    done = threading.Event()

    @Request.application
    def merchant(request):
        heard.append(dict(parse_qsl(request.get_data().decode(), keep_blank_values=True)))
        done.set()
        return Response(b"success")

    listening = make_server("127.0.0.1", 0, merchant)
    thread = threading.Thread(target=listening.serve_forever)
    thread.start()
    try:
        order(client, notify_url=f"http://127.0.0.1:{listening.server_port}/notify")
        server.sandbox.pay(server.sandbox.books.trade("alipay", NUMBER))
        assert done.wait(30)
    finally:
        listening.shutdown()
        thread.join()
        listening.server_close()
    (form,) = heard
    signature = form.pop("sign")
    assert client.verify(dict(form), signature)
    assert not client.verify({**form, "total_amount": "0.01"}, signature)
