"""Going live is a matter of keys: with the vendors' addresses and nothing of ours in between, both clients do their work.

The payment sandbox stands behind TLS under the vendors' host names, certified by a CA of this test; a proxy leads there.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.request import getproxies, proxy_bypass

import payment_svc.providers
import pytest
from payment_sandbox.server import Server
from payment_svc.providers import Paid, Refunded, RefundOrder, Shown, Trade
from payment_svc.providers.alipay import Alipay
from payment_svc.providers.wechat import WechatPay
from payment_svc.settings import VENDORS, Settings
from tls import HOSTS, Proxy, TestAuthority

HERE = Path(__file__).parent
OURS = Path(payment_svc.providers.__file__).parent / "development"
KNOWN = Settings()


@pytest.fixture
def vendors(tmp_path: Path) -> Iterator[tuple[Server, Proxy, dict[str, str]]]:
    """The sandbox, the proxy, and the environment of a program that finds the vendors there."""
    authority = TestAuthority(tmp_path)
    server = Server(tmp_path / "sandbox", port=0, ssl_context=authority.context)
    server.start()
    proxy = Proxy(server.port)
    bundle = str(authority.bundle)
    env = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    yield (
        server,
        proxy,
        {**env, "HTTPS_PROXY": proxy.url, "REQUESTS_CA_BUNDLE": bundle, "SSL_CERT_FILE": bundle, "TZ": "Asia/Shanghai"},
    )
    proxy.stop()
    server.stop()


def known(server: Server) -> dict[str, Any]:
    """What a merchant has been given by the vendors."""
    control = f"{server.url}/_ctl"
    return {
        "wechat": {
            "mchid": KNOWN.wechat_mchid,
            "appid": KNOWN.wechat_appid,
            "serial": KNOWN.wechat_serial,
            "apiv3_key": KNOWN.wechat_apiv3_key,
            "private_key": (OURS / "wechat_merchant.pem").read_text(),
            "public_key": (OURS / "wechat_public.pem").read_text(),
            "public_key_id": KNOWN.wechat_public_key_id,
            "number": "26112200000000000001",
            "control": control,
        },
        "alipay": {
            "app_id": KNOWN.alipay_app_id,
            "private_key": (OURS / "alipay_merchant.pem").read_text(),
            "public_key": (OURS / "alipay_public.pem").read_text(),
            "number": "26112200000000000002",
            "control": control,
        },
    }


def only(monkeypatch: pytest.MonkeyPatch, env: dict[str, str]) -> None:
    """This process, too, goes through the test's proxy alone. A developer's own would not know where the vendors stand here, and
    NO_PROXY would lead to the real ones.
    """
    for name in [name for name in os.environ if "proxy" in name.lower()]:
        monkeypatch.delenv(name)
    for name in ("HTTPS_PROXY", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, env[name])


def test_both_clients_unmodified_pay_and_refund(vendors: tuple[Server, Proxy, dict[str, str]]) -> None:
    server, proxy, env = vendors
    done = subprocess.run(
        [sys.executable, str(HERE / "unmodified.py"), json.dumps(known(server))],
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["wechat"]["created"][0] == 200
    assert said["wechat"]["paid"][1]["trade_state"] == "SUCCESS"
    assert said["wechat"]["paid"][1]["amount"]["total"] == 5000
    assert said["wechat"]["asked"][1]["status"] == "SUCCESS"
    assert said["alipay"]["paid"]["trade_status"] == "TRADE_SUCCESS"
    assert said["alipay"]["refunded"]["fund_change"] == "Y"
    assert set(proxy.asked) == {f"{host}:443" for host in HOSTS}, "and nobody else was asked"


def test_a_developers_proxies_are_not_asked(
    vendors: tuple[Server, Proxy, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, proxy, env = vendors
    for name in ("https_proxy", "NO_PROXY", "All_Proxy"):
        monkeypatch.setenv(name, "*")
    only(monkeypatch, env)
    assert getproxies() == {"https": proxy.url}
    assert not any(proxy_bypass(host) for host in HOSTS)


@pytest.mark.parametrize(("method", "channel"), [("wechat", "native"), ("alipay", "qr")])
def test_our_adapters_at_the_vendors_addresses(
    vendors: tuple[Server, Proxy, dict[str, str]], monkeypatch: pytest.MonkeyPatch, method: str, channel: str
) -> None:
    server, proxy, env = vendors
    only(monkeypatch, env)
    settings = Settings(wechat_url=VENDORS["WECHAT_URL"][0], alipay_url=VENDORS["ALIPAY_URL"][0])
    adapter = {"wechat": WechatPay, "alipay": Alipay}[method].of(settings)
    trade = Trade("26112200000000000003", 5000, "挂号费", datetime.now(UTC) + timedelta(minutes=15), channel)
    assert isinstance(adapter.create(trade), Shown)
    server.sandbox.pay(server.sandbox.books.trade(method, trade.number))
    paid = adapter.query(trade)
    assert isinstance(paid, Paid)
    order = RefundOrder("R26112200000000000003", trade.number, paid.transaction_id, 2000, 5000, "改约差价")
    adapter.refund(order)
    assert isinstance(adapter.query_refund(order), Refunded)
    assert f"{HOSTS[method == 'alipay']}:443" in proxy.asked
