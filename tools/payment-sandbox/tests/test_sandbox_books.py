"""Books and clock: what is written down is there again, alone, together, and after a restart."""

import sqlite3
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from payment_sandbox.books import NONCES_KEPT, Books
from payment_sandbox.clock import BEIJING, Clock
from sandbox_rig import a_refund, a_trade

NOW = datetime(2026, 11, 22, 9, 30, 15, 123456, BEIJING)


@pytest.fixture
def books(tmp_path):
    opened = Books(tmp_path)
    yield opened
    opened.close()


def test_a_trade_and_a_refund_are_read_as_they_were_written(books):
    trade = a_trade(NOW, scanned=True, payer="me", return_url="https://here/", paid_at=NOW, closed_at=NOW)
    books.add_trade(trade)
    refund = a_refund(NOW, done_at=NOW, source="card")
    books.add_refund(refund)
    assert books.trade("wechat", "n1") == trade
    assert books.trade_by_token(trade.token) == trade
    assert books.refund("wechat", "r1") == books.refund_by_id("wechat", "id-r1") == refund
    assert books.trades("wechat") == [trade]
    assert books.refunds("wechat") == books.refunds_of("wechat", "n1") == [refund]


def test_what_is_not_there_is_none(books):
    books.add_trade(a_trade(NOW))
    assert books.trade("alipay", "n1") is None
    assert books.trade_of("wechat", "") is None  # an unpaid trade has no such number
    assert books.trade_by_token("") is None
    assert books.refund("wechat", "r1") is None
    assert books.refunds_of("wechat", "n1") == []


def test_a_number_is_given_once_per_vendor(books):
    books.add_trade(a_trade(NOW))
    books.add_trade(a_trade(NOW, provider="alipay"))
    with pytest.raises(sqlite3.IntegrityError):
        books.add_trade(a_trade(NOW, token="another"))
    with pytest.raises(sqlite3.IntegrityError):
        books.add_trade(a_trade(NOW, number="n2", token="token-wechat-n1"))
    with pytest.raises(sqlite3.IntegrityError):
        books.add_trade(a_trade(NOW, number="n3", amount=0))


def test_a_transaction_belongs_to_one_trade(books):
    books.add_trade(a_trade(NOW, transaction_id="4200"))
    with pytest.raises(sqlite3.IntegrityError):
        books.add_trade(a_trade(NOW, number="n2", transaction_id="4200"))
    assert books.trade_of("wechat", "4200").number == "n1"


def test_a_refund_is_of_a_trade_that_there_is(books):
    with pytest.raises(sqlite3.IntegrityError):
        books.add_refund(a_refund(NOW))


def test_what_is_set_must_be_there(books):
    books.add_trade(a_trade(NOW))
    books.set_trade(a_trade(NOW, state="closed"))
    assert books.trade("wechat", "n1").state == "closed"
    with pytest.raises(LookupError):
        books.set_trade(a_trade(NOW, number="other"))


def test_a_time_without_a_zone_is_refused(books):
    with pytest.raises(ValueError, match="zone"):
        books.add_trade(a_trade(NOW.replace(tzinfo=None)))


def test_what_fails_within_changing_has_not_happened(books):
    def fail():
        with books.changing():
            books.add_trade(a_trade(NOW))
            with books.changing():
                books.add_trade(a_trade(NOW, number="n2"))
            raise RuntimeError("planned")

    with pytest.raises(RuntimeError):
        fail()
    assert books.trades("wechat") == []


def test_changing_is_alone(books):
    """Twenty threads add one fen each to one trade; none is lost."""
    books.add_trade(a_trade(NOW, amount=1))

    def add():
        for _ in range(5):
            with books.changing():
                trade = books.trade("wechat", "n1")
                books.set_trade(replace(trade, amount=trade.amount + 1))

    threads = [threading.Thread(target=add) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert books.trade("wechat", "n1").amount == 101


def test_nobody_sees_what_is_not_done_yet(books):
    seen = []
    looking = threading.Thread(target=lambda: seen.append(books.trades("wechat")))

    def fail():
        with books.changing():
            books.add_trade(a_trade(NOW))
            looking.start()
            looking.join(0.1)
            raise RuntimeError("planned")

    with pytest.raises(RuntimeError):
        fail()
    looking.join()
    assert seen == [[]]


def test_a_nonce_is_used_once_until_it_is_too_old_to_matter(books, monkeypatch):
    assert books.use_nonce("wechat", "a")
    assert not books.use_nonce("wechat", "a")
    assert books.use_nonce("alipay", "a")
    later = datetime.now(UTC).timestamp() + NONCES_KEPT + 60
    monkeypatch.setattr("payment_sandbox.books.time.time", lambda: later)
    books.use_nonce("wechat", "b")
    assert [row["nonce"] for row in books.run("SELECT nonce FROM nonces")] == ["b"]


def test_everything_is_there_after_a_restart(tmp_path):
    books = Books(tmp_path)
    books.add_trade(a_trade(NOW))
    books.use_nonce("wechat", "a")
    books.keep("name", {"some": 1})
    books.close()
    again = Books(tmp_path)
    assert again.trade("wechat", "n1") == a_trade(NOW)
    assert not again.use_nonce("wechat", "a")
    assert again.note("name") == {"some": 1}
    again.clear()
    assert again.trades("wechat") == []
    assert again.note("name") is None
    again.close()


class Real:
    """A real clock that is moved by hand."""

    def __init__(self) -> None:
        self.time = NOW.timestamp()

    def __call__(self) -> float:
        return self.time


def test_the_clock_is_real_until_it_is_told_otherwise(books):
    real = Real()
    clock = Clock(books, real)
    assert clock.now() == NOW
    assert clock.now().utcoffset() == timedelta(hours=8)
    clock.set(advance=3600)
    assert clock.now() == NOW + timedelta(hours=1)
    clock.set(speed=60)
    real.time += 10
    assert clock.now() == NOW + timedelta(hours=1, minutes=10)
    clock.set(speed=1, advance=5)
    real.time += 10
    assert clock.now() == NOW + timedelta(hours=1, minutes=10, seconds=15)


def test_the_clock_goes_on_after_a_restart(books):
    real = Real()
    Clock(books, real).set(advance=100, speed=10)
    real.time += 1
    again = Clock(books, real)
    assert (again.now(), again.speed) == (NOW + timedelta(seconds=110), 10)
    again.forget()
    assert (again.now(), again.speed) == (NOW + timedelta(seconds=1), 1)


def test_how_long_to_wait(books):
    clock = Clock(books, Real())
    assert clock.wait(NOW.timestamp() + 60) == pytest.approx(60)
    assert clock.wait(NOW.timestamp() - 1) == 0
    clock.set(speed=60)
    assert clock.wait(NOW.timestamp() + 60) == pytest.approx(1)
    clock.set(speed=0)
    assert clock.wait(NOW.timestamp() + 60) is None
