"""Books with a bit of everything in them, and hands that break them below all guards."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from common.clock import SHANGHAI
from common.messages import OrderConfirmed, Visit
from common.testing import deliver
from payment_svc.providers import Refunded, Unknown
from payment_svc.store import watch
from payment_svc.store.tables import bill_lines, bills, differences, facts, refunds
from payment_svc.store.watch import Offender, Scope
from payment_svc.usecases import watchdog
from payment_world import ACCOUNT, HOSPITAL, START, World, paid_by

VISIT = Visit(
    hospital_id=HOSPITAL,
    hospital_name="协和医院",
    department_id="dep_1",
    department_name="内科",
    doctor_id="doc_1",
    doctor_name="王医生",
    doctor_title="主任医师",
    date=date(2026, 11, 24),
    period="morning",
    starts_at=datetime(2026, 11, 24, 8, 30, tzinfo=SHANGHAI),
    ends_at=datetime(2026, 11, 24, 9, 0, tzinfo=SHANGHAI),
    room="12",
)


def told(world: World, order_id: str, *, fee: int = 5000) -> None:
    """booking-svc says that the order is confirmed."""
    deliver(world.service, OrderConfirmed(order_id, ACCOUNT, "pat_1", "ses_1", VISIT, 7, fee))


def history(world: World) -> dict[str, str]:
    """Orders of each kind, by what became of them."""
    world.scripted.say["refund"] = lambda _order: Refunded(world.clock())
    paid = paid_by(world)
    cancelled, old = paid_by(world), paid_by(world, amount=3000)
    for order in (paid, cancelled, old):
        told(world, order)
    world.ask_refund(cancelled)
    new = world.request(amount=2000)
    world.pay(new, "window")
    world.move(new, old, 2500)
    told(world, new)
    twice = world.request()
    first, second = world.pay_by(twice), world.pay_by(twice, "wechat")
    world.apply(world.paid(first))
    world.apply(world.paid(second))
    told(world, twice)
    late = world.request()
    payment = world.pay_by(late)
    world.close(late)
    closed = world.request()
    world.pay_by(closed)
    world.close(closed)
    world.run_jobs()
    world.apply(world.paid(payment))
    world.run_jobs()
    world.scripted.say |= {"refund": Unknown("timeout"), "close": Unknown("timeout")}
    refunding = paid_by(world)
    world.ask_refund(refunding)
    still_open, closing = world.request(), world.request()
    world.pay_by(still_open)
    world.pay_by(closing)
    world.close(closing)
    world.run_jobs()
    return {
        "paid": paid,
        "cancelled": cancelled,
        "moved": old,
        "new": new,
        "twice": twice,
        "late": late,
        "closed": closed,
        "refunding": refunding,
        "open": still_open,
        "closing": closing,
    }


def offenders(world: World, patience: timedelta) -> dict[str, list[Offender]]:
    """What breaks which invariant, of everything."""
    scope = Scope(world.clock(), patience, watchdog.JOBS)
    with world.database.reading() as conn:
        return {name: found for name, found in watch.everything(conn, scope).items() if found}


def amend(world: World, statement: str, **values: Any) -> None:
    """Change what nobody can change: triggers, constraints and foreign keys do not count."""
    connection = world.database.engine.connect()
    with connection as conn:
        if world.database.sqlite:
            conn.exec_driver_sql("PRAGMA foreign_keys=OFF")
            conn.exec_driver_sql("PRAGMA ignore_check_constraints=ON")
            found = conn.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").all()
            for name, _ in found:
                conn.exec_driver_sql(f"DROP TRIGGER {name}")
            conn.execute(sa.text(statement), values)
            for _, trigger in found:
                conn.exec_driver_sql(trigger)
            conn.commit()
            conn.exec_driver_sql("PRAGMA ignore_check_constraints=OFF")
            conn.exec_driver_sql("PRAGMA foreign_keys=ON")
        else:
            _unseal(conn)
            conn.execute(sa.text(statement), values)
            for table in SEALED:
                conn.exec_driver_sql(f"ALTER TABLE {table} ENABLE TRIGGER USER")
            conn.commit()


SEALED = ("facts", "ledger_entries", "ledger_lines")


def _unseal(conn: sa.Connection) -> None:
    """PostgreSQL's guards do not count on this connection's behalf."""
    names = "SELECT conname, conrelid::regclass::text FROM pg_constraint WHERE contype IN ('c', 'f')"
    for name, table in conn.exec_driver_sql(f"{names} AND connamespace = current_schema()::regnamespace").all():
        conn.exec_driver_sql(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    for table in SEALED:
        conn.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER USER")


@contextmanager
def planted(world: World, statements: Iterable[str], **values: Any) -> Iterator[sa.Connection]:
    """PostgreSQL as it would be after these changes; it is left as it was."""
    with world.database.engine.connect() as conn:
        _unseal(conn)
        for statement in statements:
            conn.execute(sa.text(statement), values)
        yield conn
        conn.rollback()


def closed_day(world: World, day: date, *, difference: str = "") -> None:
    """Alipay's bill of that day says what we say, and the day is closed."""
    of_day = {"provider": "alipay", "day": day}
    with world.database.transaction() as tx:
        now = tx.now
        bill = {"state": "closed", "reason": "", "digest": "", "content": b"", "fee": 0, "round": 1, "undecided": 0}
        bill |= {"compared": True, "alarms": ""}
        times = {"created_at": now, "updated_at": now}
        tx.conn.execute(sa.insert(bills).values(**of_day, **bill, **times, closed_at=now))
        lines: list[dict[str, Any]] = []
        for fact in tx.conn.execute(sa.select(facts).where(facts.c.provider == "alipay", facts.c.amount > 0)).all():
            refund = None
            if fact.kind == "refund":
                refund = tx.conn.execute(
                    sa.select(refunds.c.number, facts.c.transaction_id)
                    .join(facts, facts.c.id == refunds.c.capture_id)
                    .where(refunds.c.number == fact.number)
                ).one()
            about = {
                "transaction_id": refund.transaction_id if refund else fact.transaction_id,
                "refund_number": refund.number if refund else "",
            }
            lines.append(
                {"position": len(lines), "kind": fact.kind, "number": fact.number, "amount": fact.amount, **about}
            )
        same = {**of_day, "fee": 0, "at": START, "status": ""}
        tx.conn.execute(sa.insert(bill_lines), [{**same, **line} for line in sorted(lines, key=lambda x: x["kind"])])
        if difference:
            told = {"kind": "missing_local", "part": "payment", "number": "odd", "refund_number": "", "ordinal": 0}
            rest = {"evidence": "{}", "note": "", "closed_by": "", "asked": True, "told": True, "round": 1}
            tx.conn.execute(
                sa.insert(differences).values(
                    **of_day, **told, **rest, **times, id="dif_1", transaction_id="odd", state=difference
                )
            )


def run_timers(world: World) -> None:
    """Fire the timers that are due, once; jobs wait."""
    for timer in world.due():
        if handler := world.service.timers.get(timer.kind):
            with world.database.transaction() as tx:
                tx.cancel_timer(timer.kind, timer.key)
                handler(tx, timer)
