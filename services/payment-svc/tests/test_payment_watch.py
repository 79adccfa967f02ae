"""The invariants as queries: they find nothing in books that are right, and each planted fault by its name."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from common import ids
from payment_svc.store import watch
from payment_svc.store.watch import Scope
from payment_svc.usecases import watchdog
from payment_watched import amend, closed_day, history, offenders, planted, run_timers, told
from payment_world import START, World

PATIENCE = timedelta(minutes=10)


def test_books_that_are_right_have_no_offender(any_world: World) -> None:
    history(any_world)
    any_world.clock.advance(timedelta(minutes=9))
    assert offenders(any_world, PATIENCE) == {}


def test_the_same_is_found_order_by_order_as_in_everything(any_world: World) -> None:
    orders = history(any_world)
    scope = Scope(any_world.clock(), PATIENCE, watchdog.JOBS, orders=list(orders.values()))
    with any_world.database.reading() as conn:
        for name, check in watch.OF_ORDERS.items():
            assert list(check(conn, scope)) == [], name
    amend(any_world, "UPDATE attempts SET state = 'failed', paid_at = NULL WHERE order_id = :o", o=orders["paid"])
    with any_world.database.reading() as conn:
        found = {name: [x.order_id for x in check(conn, scope)] for name, check in watch.OF_ORDERS.items()}
        others = Scope(any_world.clock(), PATIENCE, watchdog.JOBS, orders=[orders["late"]])
        assert [x for check in watch.OF_ORDERS.values() for x in check(conn, others)] == []
    assert found["success_is_a_fact"] == [orders["paid"]]
    assert found["one_payment_counts"] == [orders["paid"]]


PLANTED: list[tuple[str, str, tuple[str, ...]]] = [
    # what the invariant is called, which order it is about, and what breaks it, below all guards
    ("entries_balance", "paid", (("UPDATE ledger_lines SET amount = amount + 1 WHERE amount > 0 AND entry_id IN"
     " (SELECT id FROM ledger_entries WHERE order_id = :o)"),)),
    ("one_payment_counts", "paid", ("UPDATE attempts SET state = 'closed', paid_at = NULL WHERE order_id = :o",)),
    ("one_payment_counts", "late", ("DELETE FROM refunds WHERE order_id = :o",)),
    ("one_payment_counts", "late", ("DELETE FROM refunds WHERE order_id = :o",
                                    "UPDATE tenders SET returned = 0 WHERE order_id = :o")),
    ("one_payment_counts", "cancelled", ("UPDATE refunds SET amount = amount - 1 WHERE order_id = :o",)),
    ("no_more_goes_back_than_came", "cancelled", ("UPDATE refunds SET amount = amount + 1 WHERE order_id = :o",)),
    ("success_is_a_fact", "paid", ("DELETE FROM facts WHERE order_id = :o",)),
    ("success_is_a_fact", "paid", ("UPDATE facts SET amount = amount - 1 WHERE order_id = :o",)),
    ("success_is_a_fact", "paid", ("UPDATE facts SET currency = 'USD' WHERE order_id = :o",)),
    ("success_is_a_fact", "paid", ("UPDATE attempts SET state = 'pending', paid_at = NULL WHERE order_id = :o",)),
    ("states_only_advance", "closed", ("UPDATE attempts SET state = 'pending' WHERE order_id = :o",)),
    ("states_only_advance", "cancelled", ("UPDATE refunds SET state = 'processing' WHERE order_id = :o",)),
    ("states_only_advance", "paid", (("UPDATE intents SET state = 'closed', payment_id = NULL, capture_id = NULL"
                                     " WHERE order_id = :o"),)),
    ("states_only_advance", "moved", ("UPDATE intents SET state = 'paid' WHERE order_id = :o",)),
    ("nothing_waits_without_a_job", "open", ("DELETE FROM timers WHERE kind = 'query_attempt'",)),
    ("nothing_waits_without_a_job", "closing", ("DELETE FROM timers WHERE kind = 'close_attempt'",)),
    ("nothing_waits_without_a_job", "refunding", ("DELETE FROM timers WHERE kind = 'refund'",)),
    ("paid_is_confirmed", "paid", (("UPDATE intents SET confirmed_at = NULL, updated_at = '2026-11-22 07:00:00+00'"
                                   " WHERE order_id = :o"),)),
    ("paid_is_confirmed", "closed", ("UPDATE intents SET confirmed_at = '2026-11-22 07:00:00+00' WHERE order_id = :o",)),
]  # fmt: skip


@pytest.mark.parametrize(("invariant", "which", "statements"), PLANTED)
def test_a_planted_fault_is_named(world: World, invariant: str, which: str, statements: tuple[str, ...]) -> None:
    order = history(world)[which]
    assert offenders(world, PATIENCE) == {}
    for statement in statements:
        amend(world, statement, o=order)
    found = offenders(world, PATIENCE)
    assert order in {one.order_id for one in found.get(invariant, ())}, found


def test_each_planted_fault_is_named_on_postgresql(any_world: World) -> None:
    """One after the other in the same books, which takes a tenth of the time."""
    if any_world.database.sqlite:
        return  # see the test before this
    orders = history(any_world)
    for invariant, which, statements in PLANTED:
        assert offenders(any_world, PATIENCE) == {}
        with planted(any_world, statements, o=orders[which]) as conn:
            found = watch.everything(conn, Scope(any_world.clock(), PATIENCE, watchdog.JOBS))
        assert orders[which] in {one.order_id for one in found[invariant]}, (invariant, which)


def test_a_job_that_is_overdue_is_as_good_as_none(world: World) -> None:
    order = history(world)["open"]
    amend(world, "UPDATE timers SET due_at = '2026-11-22 07:00:00'")
    assert order in {one.order_id for one in offenders(world, PATIENCE)["nothing_waits_without_a_job"]}


def test_what_is_settled_by_hand_waits_for_no_job(world: World) -> None:
    world.pay_by(world.request(), "window")
    world.clock.advance(timedelta(minutes=30))
    assert offenders(world, PATIENCE) == {}


def test_a_confirmation_without_an_intent_is_remembered(world: World) -> None:
    order = ids.mint("ord", "acc_patient")
    told(world, order)
    told(world, ids.mint("ord", "acc_patient"), fee=0)  # nobody owes anything for it
    assert offenders(world, PATIENCE) == {}
    world.clock.advance(timedelta(minutes=11))
    run_timers(world)
    assert [one.about for one in offenders(world, PATIENCE)["paid_is_confirmed"]] == [order]
    world.request(order_id=order)
    world.clock.advance(timedelta(minutes=2))
    run_timers(world)
    confirmed = "SELECT confirmed_at FROM intents"
    with world.database.reading() as conn:
        assert conn.execute(sa.text(confirmed)).scalar_one().startswith(f"{START:%Y-%m-%d %H:%M}")
    world.pay(order)
    assert offenders(world, PATIENCE).get("paid_is_confirmed") is None


def test_guards_of_the_database_are_missed(any_world: World) -> None:
    history(any_world)
    with any_world.database.transaction() as tx:
        trigger = "ledger_lines_no_update" if any_world.database.sqlite else "ledger_lines_append_only"
        on = "" if any_world.database.sqlite else " ON ledger_lines"
        tx.conn.execute(sa.text(f"DROP TRIGGER {trigger}{on}"))
        tx.conn.execute(sa.text("DROP INDEX refunds_number"))
        tx.conn.execute(sa.text("UPDATE refunds SET number = 'TWICE'"))
    found = offenders(any_world, PATIENCE)
    assert [one.about for one in found["entries_are_sealed"]] == [trigger]
    assert [one.about for one in found["numbers_are_unique"]] == ["refunds_number", "alipay:TWICE"]


def test_an_amount_that_is_no_whole_number_is_found(world: World) -> None:
    order = history(world)["paid"]
    amend(world, "UPDATE tenders SET amount = amount + 0.5, captured = amount + 0.5 WHERE order_id = :o", o=order)
    assert {one.order_id for one in offenders(world, PATIENCE)["amounts_are_whole_fen"]} == {order}


def test_columns_that_would_take_fractions_are_found(any_world: World) -> None:
    if any_world.database.sqlite:
        return  # there columns take what they are given: see the test before this
    amend(any_world, "ALTER TABLE bill_lines ALTER COLUMN fee TYPE numeric")
    assert [one.about for one in offenders(any_world, PATIENCE)["amounts_are_whole_fen"]] == ["bill_lines.fee"]


# --- closed days -----------------------------------------------------------------------------------------------------

DAY = date(2026, 11, 22)


def test_a_closed_day_that_agrees_has_no_offender(any_world: World) -> None:
    history(any_world)
    closed_day(any_world, DAY)
    assert offenders(any_world, PATIENCE) == {}


BREAKS: list[tuple[str, Callable[[World], None]]] = [
    ("lines of the bill", lambda w: amend(w, "UPDATE bill_lines SET amount = amount + 1 WHERE position = 0")),
    ("lines of the bill", lambda w: amend(w, "UPDATE bill_lines SET amount = amount + 1 WHERE kind = 'refund'")),
    ("entries of the books", lambda w: amend(w, "DELETE FROM bill_lines WHERE position = 0")),
    ("entries of the books", lambda w: amend(w, "DELETE FROM bill_lines WHERE kind = 'refund'")),
    ("differences are open", lambda w: closed_day(w, DAY, difference="open")),
]


@pytest.mark.parametrize(("what", "break_it"), BREAKS)
def test_a_closed_day_that_does_not_agree_is_named(
    any_world: World, what: str, break_it: Callable[[World], None]
) -> None:
    history(any_world)
    if "open" not in what:
        closed_day(any_world, DAY)
    break_it(any_world)
    (found,) = offenders(any_world, PATIENCE)["bills_and_books_agree"]
    assert found.about == "alipay:2026-11-22"
    assert what in found.what


def test_a_line_that_stands_there_twice_is_in_the_sums(world: World) -> None:
    history(world)
    closed_day(world, DAY)
    columns = "number, refund_number, transaction_id, amount, fee, at, status"
    amend(
        world,
        f"INSERT INTO bill_lines (provider, day, position, kind, {columns})"
        f" SELECT provider, day, 99, kind, {columns} FROM bill_lines WHERE position = 0",
    )
    (found,) = offenders(world, PATIENCE)["bills_and_books_agree"]
    assert found.what.startswith("the bill is above books and differences: payments by 1 and ")


def test_a_difference_that_was_settled_explains_nothing(world: World) -> None:
    history(world)
    closed_day(world, DAY, difference="settled")
    amend(world, "UPDATE bill_lines SET amount = amount + 1 WHERE position = 0")
    about = "SELECT transaction_id FROM bill_lines WHERE position = 0"
    amend(world, f"UPDATE differences SET transaction_id = ({about})")
    (found,) = offenders(world, PATIENCE)["bills_and_books_agree"]
    assert "lines of the bill" in found.what


def test_a_line_that_a_difference_explains_is_no_offender(world: World) -> None:
    history(world)
    closed_day(world, DAY, difference="explained")
    amend(world, "UPDATE bill_lines SET amount = amount + 1, transaction_id = 'odd' WHERE position = 0")
    left = offenders(world, PATIENCE)["bills_and_books_agree"]
    assert ["lines of the bill" in one.what for one in left] == [False]  # but what it should have been is in no bill
