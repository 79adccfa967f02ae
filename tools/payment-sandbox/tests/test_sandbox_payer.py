"""The payer's pages: what they show, what their buttons do, and what they let a browser do."""

import re
from datetime import timedelta

import pytest
from sandbox_rig import a_trade

ZH, EN = {"Accept-Language": "zh-CN,zh;q=0.9"}, {"Accept-Language": "en-GB,en;q=0.8,zh;q=0.1"}


@pytest.fixture
def page(caller, sandbox):
    """A trade's page, by GET or by a button."""

    def open_(how=ZH, press: str | None = None, query: str = "", **trade):
        provider = trade.get("provider", "wechat")
        if sandbox.books.trade(provider, "n1") is None:
            sandbox.books.add_trade(a_trade(sandbox.now(), **trade))
        path = f"/pay/{sandbox.books.trade(provider, 'n1').token}{query}"
        data = None if press is None else {"action": press}
        return caller.send("GET" if press is None else "POST", path, headers=how, data=data)

    return open_


def test_what_is_to_be_paid(page, sandbox):
    answer = page()
    trade = sandbox.books.trade("wechat", "n1")
    assert answer.status_code == 200
    for text in ("模拟", "12.34", "挂号费", "n1", "确认支付", "支付失败", "收款方", "号源", "剩余时间", "29 分"):
        assert text in answer.text
    assert f"{trade.expires_at:%Y-%m-%d %H:%M:%S}" in answer.text
    assert '<html lang="zh-CN">' in answer.text
    assert 'class="wechat"' in answer.text


def test_in_english(page):
    answer = page(EN)
    for text in ("SANDBOX", "no real money", "12.34", "Pay ¥12.34", "Fail", "Pay to", "Time left", "29 min"):
        assert text in answer.text
    assert '<html lang="en">' in answer.text
    assert answer.headers["Content-Language"] == "en"


@pytest.mark.parametrize(
    ("query", "header", "language"),
    [
        ("?lang=en", ZH, "en"),
        ("?lang=zh-CN", EN, "zh-CN"),
        ("?lang=fr", EN, "en"),
        ("", {"Accept-Language": "fr"}, "zh-CN"),
        ("", {"Accept-Language": "zh"}, "zh-CN"),
        ("", {"Accept-Language": "zh-TW,en;q=0.5"}, "zh-CN"),
    ],
)
def test_which_language(page, query, header, language):
    assert page(header, query=query).headers["Content-Language"] == language


def test_opening_the_page_is_the_scan(page, sandbox):
    page(provider="alipay")
    assert sandbox.books.trade("alipay", "n1").scanned


def test_paying(page, sandbox, merchant):
    answer = page(press="pay", notify_url=merchant.url)
    assert "支付成功" in answer.text
    assert answer.history[0].status_code == 303
    trade = sandbox.books.trade("wechat", "n1")
    assert trade.state == "paid"
    assert trade.transaction_id in answer.text
    assert "<button" not in answer.text
    assert merchant.wait_for(1)[0]["number"] == "n1"
    assert "Paid" in page(EN, press="pay").text  # twice is once
    assert sandbox.books.trade("wechat", "n1") == trade


def test_failing_leaves_it_to_try_again(page, sandbox):
    answer = page(press="fail", query="?lang=en")
    assert "nothing was taken" in answer.text
    assert 'role="alert"' in answer.text
    assert sandbox.books.trade("wechat", "n1").state == "unpaid"
    assert sandbox.callbacks.shown() == []
    assert "nothing was taken" not in page().text
    assert "支付成功" in page(press="pay").text


@pytest.mark.parametrize("press", ["", "refund"])
def test_no_other_button(page, sandbox, press):
    assert page(press=press).status_code == 400
    assert sandbox.books.trade("wechat", "n1").state == "unpaid"


def test_no_such_payment(caller):
    for method in ("GET", "POST"):
        answer = caller.send(method, "/pay/nothing", headers=EN, data={"action": "pay"})
        assert answer.status_code == 404
        assert "no such payment" in answer.text


def test_when_the_time_is_over(page, sandbox):
    page()
    sandbox.set_clock(advance=1800)
    assert "支付时间已过" in page().text
    assert "<button" not in page().text
    assert "支付时间已过" in page(press="pay").text
    assert sandbox.books.trade("wechat", "n1").state == "unpaid"


def test_an_expired_code_is_not_scanned(page, sandbox):
    page(provider="alipay", expires_at=sandbox.now() - timedelta(seconds=1))
    assert not sandbox.books.trade("alipay", "n1").scanned


def test_when_it_is_closed(page):
    assert "订单已关闭" in page(state="closed").text
    assert "closed" in page(EN, press="pay").text


@pytest.mark.parametrize("press", ["pay", "fail"])
def test_the_way_back(page, press):
    shop = "https://shop.example/orders?id=1&x=2"
    assert shop.replace("&", "&amp;") not in page(return_url=shop).text
    answer = page(press=press)
    assert f'href="{shop.replace("&", "&amp;")}"' in answer.text


@pytest.mark.parametrize("trap", ["javascript:alert(1)", "data:text/html,x", "//evil.example"])
def test_no_way_back_to_where_no_merchant_is(page, trap):
    page(return_url=trap)
    assert trap not in page(press="pay").text


def test_what_merchants_say_is_text(page):
    assert "&lt;script&gt;" in page(subject="<script>alert(1)</script>").text


def test_it_looks_again_when_the_time_is_over(page, sandbox):
    (seconds,) = re.findall(r'http-equiv="refresh" content="(\d+)"', page().text)
    assert 1790 <= int(seconds) <= 1801
    sandbox.set_clock(speed=60)
    (seconds,) = re.findall(r'http-equiv="refresh" content="(\d+)"', page().text)
    assert 20 <= int(seconds) <= 31
    assert "refresh" not in page(press="pay").text


def test_a_browser_may_do_next_to_nothing(page, caller):
    answer = page()
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "style-src 'self'" in policy
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    for forbidden in ("<script", "style=", "<style", " on"):
        assert forbidden not in answer.text.lower().replace(" on the", "")
    css = caller.send("GET", "/static/sandbox.css")
    assert css.status_code == 200
    assert css.headers["Content-Type"].startswith("text/css")


@pytest.mark.parametrize("seconds", [(45, "45 秒"), (3 * 3600 + 61, "3 小时 1 分"), (2 * 86400 + 1, "2 天 0 小时")])
def test_how_long_still(page, sandbox, seconds):
    sandbox.set_clock(speed=0)
    left, said = seconds
    assert said in page(expires_at=sandbox.now() + timedelta(seconds=left)).text
