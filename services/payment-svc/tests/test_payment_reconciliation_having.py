"""Which bills are believed, how long they are asked for, and what happens to a day whose bill is replaced."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from bills_world import DAY, NEXT, THIRD, BillsWorld, at, bill_of, paid_line
from common.messages import MoneyAlarmCleared, MoneyAlarmRaised
from common.outbox import Database
from payment_svc.providers import NotReady
from payment_svc.store import bills as store
from payment_svc.store import differences
from payment_svc.usecases.reconciliation import days, rounds, staff
from payment_world import FEE


@pytest.fixture
def world(tmp_path: Path) -> Iterator[BillsWorld]:
    made = BillsWorld(f"sqlite:///{tmp_path}/payment.db")
    yield made
    made.database.close()


def asked_for(world: BillsWorld, day: date = DAY) -> int:
    return [asked for call, asked in world.alipay.asked if call == "bill"].count(day)


def raised(world: BillsWorld, kind: str) -> list[Any]:
    return [m for m in world.told(MoneyAlarmRaised) if m.kind == kind]


# --- empty ones ----------------------------------------------------------------------------------------------------------


def test_nobody_is_asked_before_the_bill_can_be_had(world: BillsWorld) -> None:
    """In the night "there is no bill" means not yet."""
    fact = world.come()
    world.until(at(NEXT, 0, 30))
    world.alipay.bills[DAY] = bill_of([])
    world.fetch_again()
    world.until(at(NEXT, 8, 59))
    assert (world.day().state, asked_for(world)) == ("waiting", 0)
    assert world.bill_day([paid_line(fact)]).state == "closed"


def test_an_empty_bill_of_a_day_with_books_is_not_believed(world: BillsWorld) -> None:
    fact = world.come()
    world.alipay.bills[DAY] = bill_of([])
    world.until(at(THIRD, 9, 5))
    assert (world.day().state, world.kinds(), asked_for(world)) == ("waiting", [], 49)
    assert len(raised(world, "bill_not_ready")) == 1
    world.alipay.bills[DAY] = bill_of([paid_line(fact)])
    world.until(at(THIRD, 9, 30))
    assert (world.day().state, world.kinds()) == ("closed", [])
    assert [m.alarm_id for m in world.told(MoneyAlarmCleared)] == [raised(world, "bill_not_ready")[0].alarm_id]


def test_an_empty_day_of_which_nobody_told_us_is_asked_about_once_more(world: BillsWorld) -> None:
    fact = world.unheard()
    world.alipay.bills[DAY] = bill_of([])
    world.until(at(NEXT, 12))
    assert (world.day().state, asked_for(world)) == ("waiting", 1)
    world.alipay.bills[DAY] = bill_of([paid_line(fact)])
    world.until(at(NEXT, 13))
    assert (world.day().state, world.kinds()) == ("closed", [("local_not_paid", "settled")])


def test_an_empty_bill_that_comes_late_is_no_alarm_for_being_asked_for_once_more(world: BillsWorld) -> None:
    world.unheard()
    world.alipay.bills[DAY] = NotReady("their machine is away")
    world.until(at(NEXT, 9))
    world.clock.set(at(THIRD, 12))  # nobody was there
    world.alipay.bills[DAY] = bill_of([])
    world.work()
    assert (world.day().state, raised(world, "bill_not_ready")) == ("waiting", [])
    world.until(at(THIRD, 17))
    assert world.day().state == "closed"


def test_an_empty_answer_takes_no_full_bills_place(world: BillsWorld) -> None:
    stranger = paid_line(world.unheard(), number="NOTOURS1")
    world.bill_day([stranger])
    world.alipay.bills[DAY] = bill_of([])
    world.fetch_again()
    world.until(at(NEXT, 12))
    with world.database.reading() as conn:
        assert store.billed(conn, "alipay", DAY)["payment"].count == 1
    assert world.kinds() == [("missing_local", "open")]
    world.until(at(THIRD, 12))
    tried = asked_for(world)
    world.until(at(THIRD, 23))
    assert (len(raised(world, "bill_not_ready")), asked_for(world)) == (1, tried), "the bill that is there counts"


# --- how long ------------------------------------------------------------------------------------------------------------


def test_days_that_cannot_be_had_are_one_alarm_each_and_given_up_in_the_end(
    world: BillsWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(days, "GIVEN_UP", timedelta(days=10))
    world.unheard()
    world.clock.set(at(DAY, 12) + timedelta(days=14))
    world.work()
    assert sorted(a.about[0] for a in raised(world, "bill_not_ready")) == [f"alipay:2026-11-{22 + n}" for n in range(4)]
    assert not [key for kind, key in world.waiting() if kind == "bill" and key < "alipay:2026-11-26"]
    for _ in range(52):
        world.clock.advance(timedelta(minutes=30))
        world.run_jobs()
    told = raised(world, "bill_not_ready")
    assert len(told) == len({one.alarm_id for one in told}) == 14


def test_a_bill_that_cannot_be_kept_says_why_and_counts_as_not_ready(
    world: BillsWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    fact = world.come()
    with monkeypatch.context() as patch:
        patch.setattr(store, "keep_lines", lambda *_: 1 / 0)
        assert world.bill_day([paid_line(fact)]).state == "waiting"
        assert "ZeroDivisionError" in world.day().reason
        world.until(at(THIRD, 9))
        assert len(raised(world, "bill_not_ready")) == 1
    world.until(at(THIRD, 9, 30))
    assert (world.day().state, world.day().reason) == ("closed", "")


def test_a_day_waits_for_no_bill_that_will_not_come(world: BillsWorld) -> None:
    """Reconciliation was switched off: the next day has no row, and never will."""
    other = world.bystander()
    world.come(when=at(DAY, 23, 55))
    world.until(at(NEXT, 0, 5))
    object.__setattr__(world.service.settings, "reconcile", False)
    assert world.bill_day([other]).undecided == 0
    assert world.kinds() == [("missing_in_bill", "open")]


def test_a_day_that_waits_for_its_neighbour_for_two_days_is_told(world: BillsWorld) -> None:
    other, late = world.bystander(), world.come(when=at(DAY, 23, 55))
    world.bill_day([other])
    world.until(at(THIRD, 23))
    assert raised(world, "bill_undecided") == []
    world.until(at(THIRD, 12) + timedelta(days=3))
    (told,) = raised(world, "bill_undecided")
    world.bill_day([paid_line(late, at=at(NEXT, 0, 1))], NEXT)
    world.until(world.clock() + timedelta(minutes=30))
    assert world.day().state == "closed"
    assert told.alarm_id in [m.alarm_id for m in world.told(MoneyAlarmCleared)]


def test_sums_that_stay_odd_are_one_alarm_until_the_day_closes(
    world: BillsWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    fact = world.come()
    with monkeypatch.context() as patch:
        patch.setattr(differences, "keep", lambda *_: None)
        world.bill_day([paid_line(fact, amount=FEE + 1)])
        world.until(at(NEXT, 15))
        (told,) = raised(world, "bill_sums_differ")
    world.alipay.bills[DAY] = bill_of([paid_line(fact)])
    world.fetch_again()
    world.work()
    assert world.day().state == "closed"
    assert [m.alarm_id for m in world.told(MoneyAlarmCleared)] == [told.alarm_id]


# --- another bill --------------------------------------------------------------------------------------------------------


def swapped(world: BillsWorld) -> tuple[Any, Any]:
    """A bill, and another one with the same sums and other amounts."""
    one, two = world.come(), world.come()
    wrong = bill_of([paid_line(one, amount=FEE + 1), paid_line(two, amount=FEE - 1)])
    return bill_of([paid_line(one), paid_line(two)]), wrong


def test_a_bill_that_comes_in_the_middle_of_a_round_stops_it(
    world: BillsWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    right, wrong = swapped(world)
    end = rounds._end

    def meanwhile(database: Database, *about: Any) -> bool:
        with database.transaction() as tx:
            days.keep_bill(tx, "alipay", DAY, wrong)
        return end(database, *about)

    with monkeypatch.context() as patch:
        patch.setattr(rounds, "_end", meanwhile)
        world.alipay.bills[DAY] = right
        world.until(at(NEXT, 8, 59))
        world.clock.set(at(NEXT, 9))
        for _ in range(2):
            (timer,) = [timer for timer in world.due() if timer.kind == "bill"]
            days.see_through(world.service, timer)
        assert world.day().state == "open"
    world.work()
    assert (world.day().state, world.kinds()) == ("open", [("amount_mismatch", "open")] * 2)


def test_a_closed_day_whose_bill_is_replaced_is_open_until_it_is_compared(world: BillsWorld) -> None:
    right, wrong = swapped(world)
    stray = paid_line(world.unheard(), number="NOTOURS1")
    world.bill_day([*right.lines, stray])
    (difference,) = world.differences()
    with world.database.transaction() as tx:
        days.keep_bill(tx, "alipay", DAY, bill_of([*wrong.lines, stray]))
    staff.explain(world.database, "acc_1", "alipay", DAY.isoformat(), difference.id, "known")
    assert world.day().state == "open", "nothing closes on what was found in other lines"
    world.work()
    assert world.kinds().count(("amount_mismatch", "open")) == 2


def test_a_wish_for_the_bill_outlives_other_timers_of_the_day(world: BillsWorld) -> None:
    fact, other = world.come(), world.come(when=at(NEXT, 12))
    world.bill_day([paid_line(fact)])
    world.alipay.bills[DAY] = bill_of([paid_line(fact, amount=FEE + 1)])
    world.until(at(THIRD, 8, 59))
    world.clock.set(at(THIRD, 9))
    world.alipay.bills[NEXT] = bill_of([paid_line(other)])
    world.fetch_again()
    (timer,) = [timer for timer in world.due() if timer.key == "alipay:2026-11-23"]
    days.see_through(world.service, timer)  # the neighbour's bill comes first, and sets the day's timer anew
    world.work()
    assert (asked_for(world), world.kinds()) == (2, [("amount_mismatch", "open")])
