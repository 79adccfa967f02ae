"""Both clients as they come from the package index: nothing overridden, no address set. Prints what they were answered.

A program of its own, since the vendors' host names are set up by its environment: HTTPS_PROXY, REQUESTS_CA_BUNDLE, SSL_CERT_FILE.
Its argument is what it has to know as JSON: keys, names, numbers.
"""

import json
import sys
import urllib.request
from typing import Any

from alipay import AliPay
from wechatpayv3 import WeChatPay, WeChatPayType


def by_wechat(known: dict[str, Any]) -> dict[str, Any]:
    client = WeChatPay(
        wechatpay_type=WeChatPayType.NATIVE,
        mchid=known["mchid"],
        private_key=known["private_key"],
        cert_serial_no=known["serial"],
        apiv3_key=known["apiv3_key"],
        appid=known["appid"],
        notify_url="https://haoyuan.example/notify",
        public_key=known["public_key"],
        public_key_id=known["public_key_id"],
        timeout=(5, 10),
    )
    created = client.pay(description="挂号费", out_trade_no=known["number"], amount={"total": 5000, "currency": "CNY"})
    pay(known["control"], "wechat", known["number"])
    paid = client.query(out_trade_no=known["number"])
    refunded = client.refund(
        out_trade_no=known["number"],
        out_refund_no=f"R{known['number']}",
        amount={"refund": 2000, "total": 5000, "currency": "CNY"},
        notify_url="https://haoyuan.example/notify",
    )
    asked = client.query_refund(f"R{known['number']}")
    return {
        name: [status, json.loads(body)]
        for name, (status, body) in (("created", created), ("paid", paid), ("refunded", refunded), ("asked", asked))
    }


def by_alipay(known: dict[str, Any]) -> dict[str, Any]:
    client = AliPay(
        appid=known["app_id"],
        app_notify_url=None,
        app_private_key_string=known["private_key"],
        alipay_public_key_string=known["public_key"],
    )
    created = client.api_alipay_trade_precreate(
        subject="挂号费", out_trade_no=known["number"], total_amount="50.00", product_code="QR_CODE_OFFLINE"
    )
    pay(known["control"], "alipay", known["number"])
    paid = client.api_alipay_trade_query(out_trade_no=known["number"])
    refunded = client.api_alipay_trade_refund(
        refund_amount="20.00", out_trade_no=known["number"], out_request_no=f"R{known['number']}"
    )
    return {"created": created, "paid": paid, "refunded": refunded}


def pay(control: str, provider: str, number: str) -> None:
    """The payer pays, at the sandbox's own address."""
    url = f"{control}/trades/{provider}/{number}/pay"
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    direct.open(urllib.request.Request(url, b"{}", {"Content-Type": "application/json"}), timeout=10).close()


if __name__ == "__main__":
    known = json.loads(sys.argv[1])
    sys.stdout.write(json.dumps({"wechat": by_wechat(known["wechat"]), "alipay": by_alipay(known["alipay"])}))
