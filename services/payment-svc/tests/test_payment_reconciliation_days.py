"""Which days there are and how their bills are had; fees; crashes, two workers at once, and very many lines."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from bills_world import DAY, NEXT, THIRD, BillsWorld, at, bill_of, paid_line
from common.messages import MoneyAlarmRaised, PaymentSucceeded
from common.outbox import Timer
from payment_svc.app import Settings, build
from payment_svc.domain import Fact
from payment_svc.providers import BillLine, Unknown
from payment_svc.store import bills as store
from payment_svc.store.tables import bills, facts, ledger_entries
from payment_svc.usecases.reconciliation import days, rounds
from payment_world import FEE, START


@pytest.fixture
def world(tmp_path: Path) -> Iterator[BillsWorld]:
    made = BillsWorld(f"sqlite:///{tmp_path}/payment.db")
    yield made
    made.database.close()


@pytest.fixture
def any_bills(any_url: str) -> Iterator[BillsWorld]:
    """On both databases."""
    made = BillsWorld(any_url)
    yield made
    made.database.close()


def known_days(world: BillsWorld) -> list[date]:
    with world.database.reading() as conn:
        return list(conn.execute(sa.select(bills.c.day).order_by(bills.c.day)).scalars())


# --- days ----------------------------------------------------------------------------------------------------------------


def test_nothing_was_paid_and_there_is_nothing_to_compare(world: BillsWorld) -> None:
    world.until(at(THIRD, 12))
    assert known_days(world) == []


def test_each_day_since_the_first_payment_has_its_row_also_after_weeks_of_standstill(world: BillsWorld) -> None:
    world.unheard()
    world.work()
    assert known_days(world) == [], "the day is not over"
    world.clock.set(at(DAY, 12) + timedelta(days=23))  # nobody was there
    world.work()
    assert known_days(world) == [DAY + timedelta(days=n) for n in range(23)]
    asked = [day for call, day in world.alipay.asked if call == "bill"]
    assert sorted(asked) == known_days(world)


def test_a_bill_is_asked_for_when_it_can_be_had_and_then_every_half_hour(world: BillsWorld) -> None:
    fact = world.unheard()
    world.until(at(NEXT, 8, 59, 59))
    assert "bill" not in world.alipay.calls()
    world.until(at(NEXT, 9))
    assert world.alipay.calls().count("bill") == 1
    world.until(at(NEXT, 9, 29))
    assert world.alipay.calls().count("bill") == 1
    world.until(at(NEXT, 11))
    assert world.alipay.calls().count("bill") == 5
    world.alipay.bills[DAY] = bill_of([paid_line(fact)])
    world.until(at(NEXT, 11, 30))
    assert world.day().state == "closed"
    world.until(at(NEXT, 13))
    assert world.alipay.calls().count("bill") == 6


def test_a_bill_that_does_not_come_for_a_day_is_an_alarm(world: BillsWorld) -> None:
    world.unheard()
    world.until(at(THIRD, 8))
    assert "bill_not_ready" not in [m.kind for m in world.told(MoneyAlarmRaised)]
    world.until(at(THIRD, 9))
    (alarm,) = [m for m in world.told(MoneyAlarmRaised) if m.kind == "bill_not_ready"]
    assert alarm.about == ["alipay:2026-11-22"]
    world.until(at(THIRD, 15))
    assert [m.kind for m in world.told(MoneyAlarmRaised)].count("bill_not_ready") == 1


def test_a_provider_that_is_not_set_up_any_more(world: BillsWorld) -> None:
    fact = world.unheard()
    world.until(at(NEXT, 1))
    adapter = world.service.parts.providers.pop("alipay")
    world.clock.set(at(NEXT, 9))
    world.work()
    assert (world.day().state, world.day().reason) == ("waiting", "the provider is not set up")
    world.service.parts.providers["alipay"] = adapter
    adapter.bills[DAY] = bill_of([paid_line(fact)])
    world.until(at(NEXT, 9, 30))
    assert world.day().state == "closed"


@pytest.mark.parametrize(
    ("more", "planned"),
    [
        ({}, True),
        ({"reconcile": False}, False),
        ({"payment_methods": "window", "alipay_private_key": "", "wechat_private_key": ""}, False),
    ],
)
def test_the_setting_switches_it_on_and_off(tmp_path: Path, more: dict[str, Any], planned: bool) -> None:
    url = f"sqlite:///{tmp_path}/payment.db"
    build(Settings(app_env="test", database_url=url)).migrate()
    service = build(Settings(app_env="test", database_url=url, **more))
    service.migrate()
    with service.database.reading() as conn:
        kinds = list(conn.execute(sa.text("SELECT kind FROM timers")).scalars())
    assert (days.RECONCILE in kinds) == planned
    service.database.close()


def test_a_worker_that_is_switched_off_makes_no_days(world: BillsWorld) -> None:
    world.unheard()
    object.__setattr__(world.service.settings, "reconcile", False)
    world.until(at(THIRD, 12))
    assert known_days(world) == []
    assert (days.RECONCILE, "") not in world.waiting()


def test_the_bill_is_kept_to_the_byte(world: BillsWorld) -> None:
    fact = world.come()
    world.bill_day([paid_line(fact)])
    with world.database.reading() as conn:
        assert store.content(conn, "alipay", DAY) == bill_of([paid_line(fact)]).content
    assert world.day().digest == bill_of([paid_line(fact)]).digest


def test_the_figures_say_what_waits(world: BillsWorld) -> None:
    fact = world.come()
    world.bill_day([paid_line(fact, amount=1), paid_line(fact, amount=2)])
    world.until(at(THIRD, 1))
    figures = world.service.figures()["reconciliation"]
    assert figures == {"days": {"alipay": {"open": 1, "waiting": 1}}, "open_differences": {"alipay": 2}}


# --- fees ----------------------------------------------------------------------------------------------------------------


def test_fees_are_posted_once_a_day_in_whole_fen_and_nothing_is_lost(world: BillsWorld) -> None:
    first, second = world.come(), world.come()
    world.bill_day([paid_line(first, fee=30_400), paid_line(second, fee=30_200)])  # 60.6 fen
    assert world.day().fee_posted == 61
    assert world.balances() == {"clearing:alipay": 2 * FEE - 61, "fee_expense": 61, "order_payable": -2 * FEE}
    third = world.come(when=at(NEXT, 12))
    world.bill_day([paid_line(third, fee=30_300)], NEXT)  # 90.9 fen in all
    assert world.day(NEXT).fee_posted == 30
    world.fetch_again()
    world.work()
    with world.database.reading() as conn:
        posted = list(conn.execute(sa.select(ledger_entries.c.id).where(ledger_entries.c.kind == "bill_fee")).scalars())
    assert sorted(posted) == ["bill_fee:alipay:2026-11-22", "bill_fee:alipay:2026-11-23"]
    assert world.balances()["fee_expense"] == 91


def test_fees_that_come_back_and_fees_that_were_corrected(world: BillsWorld) -> None:
    fact = world.come()
    world.bill_day([paid_line(fact, fee=30_000)])
    world.alipay.bills[DAY] = bill_of([paid_line(fact, fee=29_000)])
    world.fetch_again()
    world.work()
    assert world.balances()["fee_expense"] == 30, "a day is posted once"
    refund = world.go_back(fact)
    world.bill_day([world.back_line(fact, refund, fee=-29_000)], NEXT)
    assert world.day(NEXT).fee_posted == -30, "29 come back, and the day before was one too dear"
    assert "fee_expense" not in world.balances()
    assert world.balances() == {}


# --- crashes, and two at once ------------------------------------------------------------------------------------------------


def test_a_crash_between_having_the_bill_and_comparing_it(world: BillsWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    fact = world.unheard()
    world.alipay.bills[DAY] = bill_of([paid_line(fact)])
    world.until(at(NEXT, 8, 59))
    world.clock.set(at(NEXT, 9))
    (fetching,) = [timer for timer in world.due() if timer.kind == "bill"]
    days.see_through(world.service, fetching)
    for step in ("_compare", "_end", "settle"):
        die_at(world, monkeypatch, step)
        assert world.told(PaymentSucceeded) == []
    days.see_through(world.service, Timer("bill", "alipay:2026-11-22", world.clock(), {}))
    assert len(world.told(PaymentSucceeded)) == 1
    die_at(world, monkeypatch, "close")
    world.clock.advance(rounds.AT_IT)
    world.work()
    assert world.day().state == "closed"
    assert world.alipay.calls().count("bill") == 1
    assert len(world.told(PaymentSucceeded)) == 1


def die_at(world: BillsWorld, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """The worker takes the day up, and dies when it comes to that step."""
    world.clock.advance(rounds.AT_IT)
    (timer,) = [timer for timer in world.due() if timer.kind == "bill"]
    with monkeypatch.context() as patch:
        patch.setattr(rounds, step, lambda *_: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            days.see_through(world.service, timer)


def test_two_workers_at_the_same_day(any_bills: BillsWorld) -> None:
    world = any_bills
    known, unknown = [world.come() for _ in range(3)], [world.unheard() for _ in range(3)]
    stray = BillLine("payment", "NOBODYS1", "", "T-nobody", 700, 0, START, "SUCCESS")
    lines = [paid_line(fact, fee=1500) for fact in (*known, *unknown)]
    world.alipay.bills[DAY] = bill_of([*lines, lines[0], stray])
    world.until(at(NEXT, 8, 59))
    world.clock.set(at(NEXT, 9))
    barrier = threading.Barrier(4)

    def see_through(_: int) -> None:
        for _turn in range(4):
            barrier.wait(30)
            days.see_through(world.service, Timer("bill", "alipay:2026-11-22", world.clock(), {}))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(see_through, range(4)))
    world.work()
    assert len(world.told(PaymentSucceeded)) == 6
    assert world.kinds() == [
        ("duplicate", "open"),
        ("missing_local", "open"),
        *[("local_not_paid", "settled")] * 3,
    ] or (
        world.kinds()
        == sorted([("duplicate", "open"), ("missing_local", "open"), *[("local_not_paid", "settled")] * 3])
    )
    assert world.balances()["fee_expense"] == 11  # 7 x 1.5 fen, rounded half up
    assert world.balances()["suspense"] == -700
    world.check_day()


def test_starters_at_once_make_each_day_once(any_bills: BillsWorld) -> None:
    world = any_bills
    world.unheard()
    world.work()
    world.clock.set(at(DAY, 12) + timedelta(days=9))
    barrier = threading.Barrier(4)

    def make_days(_: int) -> None:
        barrier.wait(30)
        days.make_days(world.service, Timer(days.RECONCILE, "", world.clock(), {}))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(make_days, range(4)))
    assert known_days(world) == [DAY + timedelta(days=n) for n in range(9)]


# --- many ----------------------------------------------------------------------------------------------------------------


def test_twenty_thousand_lines_some_hundreds_at_a_time(world: BillsWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    count = 20_000
    world.unheard()
    book(world, count)
    wrong = {7: 1, 10_000: 2}
    lines = [
        BillLine("payment", f"N{n:06}", "", f"T{n:06}", 100 + wrong.get(n, 0), 1, START, "SUCCESS")
        for n in range(count)
        if n != count - 1
    ]
    world.alipay.say["query"] = Unknown("too many")
    largest, statements = 0, 0
    whole = store._whole

    def watched(conn: sa.Connection, provider: str, ids: Any) -> Any:
        nonlocal largest
        largest = max(largest, len(ids))
        return whole(conn, provider, ids)

    def counted(*_: Any) -> None:
        nonlocal statements
        statements += 1

    world.alipay.bills[DAY] = bill_of(lines)
    world.until(at(NEXT, 8, 59))
    monkeypatch.setattr(store, "_whole", watched)
    sa.event.listen(world.database.engine, "before_cursor_execute", counted)
    world.until(at(NEXT, 9))
    assert world.kinds() == [("amount_mismatch", "open")] * 2 + [("missing_in_bill", "open")]
    assert largest <= store.CHUNK
    assert statements < count / 25, statements
    world.check_day()


def test_each_transaction_is_looked_at_once_however_its_lines_lie(
    world: BillsWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.unheard()
    monkeypatch.setattr(store, "CHUNK", 3)
    line = BillLine("payment", "N", "", "", 100, 0, START, "SUCCESS")
    lines = [replace(line, transaction_id=f"T{n}") for n in range(10)]
    backs = [replace(one, kind="refund", refund_number=f"R{n}") for n, one in enumerate(lines[:7])]
    twins = [replace(one, refund_number=f"{one.refund_number}{n}") for one in backs[:2] for n in range(5)]
    world.bill_day([*lines, *twins, *reversed(backs)])
    with world.database.reading() as conn:
        groups = list(store.transactions(conn, "alipay", DAY))
    assert [one.id for group in groups for one in group] == [f"T{n}" for n in range(10)]
    assert sum(len(one.lines) for group in groups for one in group) == 27
    assert max(len(group) for group in groups) <= 3


def book(world: BillsWorld, count: int) -> None:
    """So many captures, without the orders that they are for."""
    with world.database.transaction() as tx:
        for start in range(0, count, 5000):
            rows = [_capture_row(n) for n in range(start, start + 5000)]
            tx.conn.execute(sa.insert(facts), rows)


def _capture_row(n: int) -> dict[str, Any]:
    fact = Fact("alipay", "payment", f"N{n:06}", "succeeded", "callback", START, amount=100, transaction_id=f"T{n:06}")
    values = {name: getattr(fact, name) for name in Fact.__slots__}
    return {**values, "id": f"fct_{n:06}", "evidence": "{}", "order_id": f"ord_{n:06}", "recorded_at": START}
