"""The watchdog's job: whom it tells what, how far it gets, and how little it looks at for it."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from common.messages import MoneyAlarmCleared, MoneyAlarmRaised
from common.outbox import Timer
from common.outbox.tables import timers
from payment_svc.app import Settings, build
from payment_svc.providers import Heard, Paid, Refused, Unpaid
from payment_svc.store.tables import intents, ledger_entries, metadata
from payment_svc.usecases import watchdog
from payment_svc.usecases.alarms import alarm
from payment_watched import amend, history
from payment_world import START, World, paid_by

MINUTE = timedelta(minutes=1)


@pytest.fixture
def watched(tmp_path: Any) -> Iterator[World]:
    """A world whose watchdog is awake, at a time when nothing was ever looked at."""
    made = World(f"sqlite:///{tmp_path}/watched.db")
    object.__setattr__(made.service.settings, "watchdog_minutes", 10)
    with made.database.transaction() as tx:
        watchdog.start(tx)
    yield made
    made.database.close()


def row(world: World) -> Timer:
    with world.database.reading() as conn:
        r = conn.execute(sa.select(timers).where(timers.c.kind == watchdog.WATCHDOG)).one()
    return Timer(r.kind, r.key, r.due_at, json.loads(r.payload), r.attempts)


def look(world: World, *, after: timedelta = MINUTE) -> list[Any]:
    """The job runs; what it told."""
    world.clock.advance(after)
    world.take_told()
    watchdog.watch_money(world.service, row(world))
    return [m for kind in (MoneyAlarmRaised, MoneyAlarmCleared) for m in world.told(kind)]


def break_(world: World, order: str) -> None:
    amend(world, "UPDATE attempts SET state = 'failed', paid_at = NULL WHERE order_id = :o", o=order)


def mend(world: World, order: str) -> None:
    at = START.replace(tzinfo=None).isoformat(" ", "microseconds")
    amend(world, f"UPDATE attempts SET state = 'succeeded', paid_at = '{at}' WHERE order_id = :o", o=order)


def test_it_is_told_once_again_when_it_changes_and_when_it_is_gone(watched: World) -> None:
    one, two = paid_by(watched), paid_by(watched)
    assert look(watched) == []
    break_(watched, one)
    amend(watched, "UPDATE intents SET updated_at = :t", t="2026-11-22 08:01:30.000000")
    raised = look(watched)
    assert {m.kind for m in raised} == {"one_payment_counts", "success_is_a_fact"}
    assert all(m.count == 1 for m in raised)
    counts = next(m for m in raised if m.kind == "one_payment_counts")
    assert counts.about == [one]
    assert watchdog.VIOLATIONS.labels("one_payment_counts")._value.get() == 1
    assert look(watched) == []
    assert look(watched) == []
    break_(watched, two)
    amend(watched, "UPDATE intents SET updated_at = :t", t="2026-11-22 08:04:30.000000")
    assert look(watched) == [], "not each minute while it grows"
    again = [m for m in look(watched, after=timedelta(hours=1)) if m.kind == "one_payment_counts"]
    assert [(m.alarm_id, m.count, m.about) for m in again] == [(counts.alarm_id, 2, sorted([one, two]))]
    mend(watched, one)
    mend(watched, two)
    cleared = look(watched)
    assert {type(m) for m in cleared} == {MoneyAlarmCleared}
    assert counts.alarm_id in {m.alarm_id for m in cleared}
    assert watchdog.VIOLATIONS.labels("one_payment_counts")._value.get() == 0
    assert look(watched) == []
    break_(watched, one)
    amend(watched, "UPDATE intents SET updated_at = :t", t="2026-11-22 09:09:00.000000")
    anew = [m for m in look(watched) if m.kind == "one_payment_counts"]
    assert [m.alarm_id == counts.alarm_id for m in anew] == [False]


def test_an_alarm_names_twenty_and_counts_all(watched: World) -> None:
    orders = sorted(paid_by(watched) for _ in range(25))
    (raised,) = [m for m in look(watched, after=timedelta(minutes=11)) if m.kind == "paid_is_confirmed"]
    assert (raised.count, raised.about) == (25, orders[:20])


def test_what_did_not_change_is_found_by_the_round_of_the_day(watched: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "PAGE", 2)
    orders = sorted(paid_by(watched) for _ in range(5))
    for _ in range(4):
        look(watched)
    assert row(watched).payload["round"]["order"] is None  # it is through
    break_(watched, orders[4])
    assert look(watched) == []
    found: list[str] = []
    for _ in range(4):
        found += [m.kind for m in look(watched, after=timedelta(hours=8))]
    assert "success_is_a_fact" in found


def test_more_than_fits_is_looked_at_at_once_and_in_slices(watched: World, monkeypatch: pytest.MonkeyPatch) -> None:
    look(watched)
    monkeypatch.setattr(watchdog, "PAGE", 3)
    orders = [paid_by(watched) for _ in range(10)]
    for order in orders:
        break_(watched, order)
    watched.clock.advance(MINUTE)
    looks = 0
    while (timer := row(watched)).due_at <= watched.clock():
        watchdog.watch_money(watched.service, timer)
        looks += 1
        assert looks < 30
    assert looks > 3
    assert watchdog.VIOLATIONS.labels("success_is_a_fact")._value.get() == 10
    raised = [m for m in look(watched, after=timedelta(hours=1)) if m.kind == "success_is_a_fact"]
    assert [m.count for m in raised] == [10]


def test_of_two_that_run_at_once_the_second_changes_nothing(watched: World) -> None:
    look(watched)
    break_(watched, paid_by(watched))
    watched.clock.advance(MINUTE)
    same = row(watched)
    watched.take_told()
    watchdog.watch_money(watched.service, same)
    first = watched.told(MoneyAlarmRaised)
    after = row(watched)
    watchdog.watch_money(watched.service, same)
    assert watched.told(MoneyAlarmRaised) == first
    assert row(watched) == after


def test_a_migration_lets_it_keep_what_it_knows(tmp_path: Any) -> None:
    settings = Settings(app_env="test", database_url=f"sqlite:///{tmp_path}/kept.db", payment_methods="window")
    service = build(settings)
    service.migrate()
    with service.database.transaction() as tx:
        tx.set_timer(watchdog.WATCHDOG, "", tx.now, {"run": 7})
    service.migrate()
    with service.database.reading() as conn:
        payload = sa.select(timers.c.payload).where(timers.c.kind == watchdog.WATCHDOG)
        assert conn.execute(payload).scalars().all() == ['{"run": 7}']
    service.database.close()


def test_an_alarm_in_a_transaction_is_told_with_it(watched: World) -> None:
    with watched.database.transaction() as tx:
        alarm("amount_mismatch", tx=tx, order_id="ord_1", payment_id="pay_1", asked=5, number="N1", currency="CNY")
    alarm("amount_mismatch", order_id="ord_2")
    (raised,) = watched.told(MoneyAlarmRaised)
    assert (raised.kind, raised.count, raised.about) == ("amount_mismatch", 1, ["ord_1", "pay_1", "N1"])


# --- callbacks -------------------------------------------------------------------------------------------------------


def called_back(world: World) -> str:
    """A payment that was paid by callback; its number."""
    payment = world.pay_by(world.request())
    attempt = world.attempt(payment["id"])
    paid = Paid(f"txn-{attempt.number}", attempt.amount, world.clock())
    assert world.call_back(Heard("n1", "payment", attempt.number, paid)).status_code == 200
    return attempt.number


def doubts(world: World, *, after: timedelta = MINUTE) -> list[Any]:
    return [m for m in look(world, after=after) if m.kind == "callbacks_are_kept"]


def test_a_callback_that_still_proves_itself_is_fine(watched: World) -> None:
    look(watched)
    called_back(watched)
    assert doubts(watched) == []
    assert watched.scripted.calls().count("hear") == 2


@pytest.mark.parametrize("reason", ["signature", "stale", "unreadable"])
def test_a_callback_that_was_altered_is_found(watched: World, reason: str) -> None:
    look(watched)
    called_back(watched)
    watched.scripted.say["hear"] = Refused(reason)
    (raised,) = doubts(watched)
    assert raised.count == 1
    assert doubts(watched) == []  # it is still so


def test_keys_that_are_no_longer_used_are_no_alarm(watched: World) -> None:
    look(watched)
    called_back(watched)
    assert doubts(watched) == []
    watched.scripted.say["hear"] = Refused("serial")
    assert doubts(watched) == []
    watched.scripted.say["hear"] = Refused("signature")
    assert doubts(watched, after=timedelta(days=2)) == []  # the round of the day looks at it under keys of another time


@pytest.mark.parametrize(
    "spoil", ["DELETE FROM facts", "UPDATE callbacks SET body = x''", "UPDATE callbacks SET number = 'X'"]
)
def test_a_callback_without_its_fact_or_its_body_is_found(watched: World, spoil: str) -> None:
    look(watched)
    called_back(watched)
    amend(watched, spoil)
    assert len(doubts(watched)) == 1


def test_a_callback_that_says_nothing_of_money_needs_no_fact(watched: World) -> None:
    look(watched)
    payment = watched.pay_by(watched.request())
    watched.call_back(Heard("n1", "payment", watched.attempt(payment["id"]).number, Unpaid()))
    assert doubts(watched) == []


def test_a_callback_that_takes_no_effect_is_found_in_time(watched: World) -> None:
    look(watched)
    called_back(watched)
    amend(watched, "UPDATE callbacks SET state = 'failed', error = 'bug'")
    assert doubts(watched) == []
    assert len(doubts(watched, after=timedelta(minutes=11))) == 1


# --- how little it looks at ------------------------------------------------------------------------------------------

MANY = 30_000


@contextmanager
def counted(world: World) -> Iterator[list[tuple[str, Any]]]:
    """The statements that are run meanwhile."""
    seen: list[tuple[str, Any]] = []

    def note(_conn: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        seen.append((statement, parameters))

    sa.event.listen(world.database.engine, "before_cursor_execute", note)
    yield seen
    sa.event.remove(world.database.engine, "before_cursor_execute", note)


def fill(world: World, count: int) -> None:
    """So many orders that were paid yesterday, and are confirmed."""
    at = (START - timedelta(days=1)).replace(tzinfo=None).isoformat(" ", "microseconds")
    numbers = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})"
    for statement in (
        (f"INSERT INTO intents (order_id, account_id, hospital_id, amount, description, state, payment_id, capture_id, confirmed_at,"
        f" created_at, updated_at) {numbers} SELECT 'o' || i, 'a', 'h', 5, '', 'paid', 'p' || i, 'f' || i, '{at}', '{at}', '{at}' FROM n"),
        (f"INSERT INTO attempts (id, order_id, method, number, amount, state, params, request_hash, reason, paid_at, created_at,"
        f" updated_at) {numbers} SELECT 'p' || i, 'o' || i, 'alipay', 'N' || i, 5, 'succeeded', '{{}}', '', '', '{at}', '{at}', '{at}' FROM n"),
        (f"INSERT INTO facts (id, provider, kind, number, outcome, transaction_id, amount, currency, source, reason, evidence,"
        f" order_id, occurred_at, recorded_at) {numbers} SELECT 'f' || i, 'alipay', 'payment', 'N' || i, 'succeeded', 't' || i, 5, 'CNY',"
        f" 'query', '', '{{}}', 'o' || i, '{at}', '{at}' FROM n"),
        f"INSERT INTO ledger_lines (entry_id, account, amount) {numbers} SELECT 'capture:f' || i, 'clearing:alipay', 5 FROM n",
        f"INSERT INTO ledger_lines (entry_id, account, amount) {numbers} SELECT 'capture:f' || i, 'order_payable', -5 FROM n",
        (f"INSERT INTO ledger_entries (id, kind, order_id, hospital_id, created_at) {numbers}"
        f" SELECT 'capture:f' || i, 'capture', 'o' || i, 'h', '{at}' FROM n"),
        (f"INSERT INTO tenders (id, order_id, capture_id, payment_id, provider, amount, captured, moved, returned, created_at, updated_at)"
        f" {numbers} SELECT 'tnd' || i, 'o' || i, 'f' || i, 'p' || i, 'alipay', 5, 5, 0, 0, '{at}', '{at}' FROM n"),
    ):  # fmt: skip
        amend(world, statement)


def reads_much(conn: sa.Connection, statement: str, values: Any) -> list[str]:
    """The steps of a statement that read a table, or most of it, and not what an index finds."""
    if conn.dialect.name == "sqlite":
        big = {t.name for t in metadata.sorted_tables} - {"bills", "differences"}
        plan = [r[3] for r in conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
        few = re.compile("_waiting|_unconfirmed|_unpaid|_failed")  # indexes of what waits
        return [step for step in plan if step.startswith("SCAN") and set(step.split()) & big and not few.search(step)]
    plan = [r[0] for r in conn.exec_driver_sql(f"EXPLAIN ANALYZE {statement}", values)]
    read = re.compile(r"Removed by .*: (\d+)|Scan .* rows=(\d+) loops")
    return [step for step in plan if (found := read.search(step)) and int(found[1] or found[2]) > 1000]


def test_with_very_many_orders_it_reads_those_that_changed_and_no_table(any_world: World) -> None:
    object.__setattr__(any_world.service.settings, "watchdog_minutes", 10)
    fill(any_world, MANY)
    amend(any_world, "ANALYZE")
    with any_world.database.transaction() as tx:
        round_ = {"began": tx.now.isoformat(), "order": None, "callback": None, "bill": ""}
        tx.set_timer(watchdog.WATCHDOG, "", tx.now, {"round": round_})
    look(any_world)
    history(any_world)
    with counted(any_world) as seen:
        look(any_world)
    reads = [(text, values) for text, values in seen if text.lstrip().startswith("SELECT")]
    assert 20 < len(reads) < 60
    with any_world.database.engine.connect() as conn:
        for text, values in reads:
            assert reads_much(conn, text, values) == [], text


def test_a_day_of_rounds_looks_at_each_order_once(watched: World, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(watched, 50)
    monkeypatch.setattr(watchdog, "PAGE", 20)
    looked: list[str] = []
    check = watchdog.watch.OF_ORDERS["success_is_a_fact"]
    spy = {"success_is_a_fact": lambda conn, scope: (looked.extend(scope.orders), check(conn, scope))[1]}
    monkeypatch.setattr(watchdog.watch, "OF_ORDERS", spy)
    for _ in range(10):
        look(watched)
    assert sorted(o for o in looked if o) == sorted(f"o{n}" for n in range(1, 51))
    with watched.database.reading() as conn:
        assert conn.execute(sa.select(sa.func.count()).select_from(intents)).scalar_one() == 50
        assert conn.execute(sa.select(sa.func.count()).select_from(ledger_entries)).scalar_one() == 50
    assert datetime.fromisoformat(row(watched).payload["round"]["began"]).astimezone(UTC) == START + MINUTE
