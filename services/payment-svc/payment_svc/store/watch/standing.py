"""The invariants of what waits, which is few and has indexes of its own; and of the guards in the database itself."""

from collections.abc import Iterator
from datetime import datetime
from json import loads

import sqlalchemy as sa
from common.outbox.tables import timers

from payment_svc.store.tables import (
    ATTEMPT_WAITS,
    CALLBACK_FAILED,
    CONFIRMED_UNPAID,
    UNCONFIRMED,
    attempts,
    callbacks,
    facts,
    intents,
    ledger_entries,
    ledger_lines,
    metadata,
    refunds,
)
from payment_svc.store.watch.scope import MOST, Offender, Scope

UNIQUE = {
    "attempts_number": (attempts, ("method", "number")),
    "facts_transaction": (facts, ("provider", "transaction_id")),
    "refunds_number": (refunds, ("provider", "number")),
    "callbacks_notify": (callbacks, ("provider", "notify_id")),
}
"""The indexes that let nothing be there twice, and what they tell apart (an attempt's number is unique over all methods)."""
SEALS = {
    "sqlite": {
        "ledger_entries_balance",
        "ledger_lines_sealed",
        *(f"{t}_no_{e}" for t in ("facts", "ledger_entries", "ledger_lines") for e in ("update", "delete")),
    },
    "postgresql": {
        "ledger_entries_balance",
        "ledger_lines_sealed",
        *(f"{t}_append_only" for t in ("facts", "ledger_entries", "ledger_lines")),
    },
}
"""The triggers that let nobody change what was written (migrations 0001)."""


def _guards(conn: sa.Connection) -> set[str]:
    """The names of the indexes and triggers that the database has."""
    if conn.dialect.name == "sqlite":
        query = "SELECT name FROM sqlite_master WHERE type IN ('index', 'trigger')"
    else:
        query = (
            "SELECT indexname FROM pg_indexes WHERE schemaname = current_schema()"
            " UNION ALL SELECT t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
            " WHERE c.relnamespace = current_schema()::regnamespace AND t.tgenabled IN ('O', 'A')"
        )
    return set(conn.exec_driver_sql(query).scalars())


def entries_are_sealed(conn: sa.Connection, _scope: Scope) -> Iterator[Offender]:
    """1: entries are immutable, because the database itself refuses changes: its triggers are there."""
    for name in sorted(SEALS[conn.dialect.name] - _guards(conn)):
        yield Offender(name, "this trigger is gone: what was written can be changed")


def numbers_are_unique(conn: sa.Connection, _scope: Scope) -> Iterator[Offender]:
    """5: a number, a transaction, a refund number and a notice of one provider are there once: the unique indexes are.

    Only if one is gone there is something to count.
    """
    for name in sorted(UNIQUE.keys() - _guards(conn)):
        yield Offender(name, "this unique index is gone: things can be there twice")
        table, columns = UNIQUE[name]
        named = [table.c[column] for column in columns]
        twice = sa.select(*named).where(named[1].is_not(None)).group_by(*named).having(sa.func.count() > 1)
        for provider, number in conn.execute(twice.limit(MOST)):
            yield Offender(f"{provider}:{number}", f"is in {table.name} more than once")


def paid_is_confirmed(conn: sa.Connection, scope: Scope) -> Iterator[Offender]:
    """7: an order that is paid is confirmed, or its money goes back, in time; one that is confirmed, and costs something, is paid.

    booking-svc says by OrderConfirmed what is confirmed. Of a confirmation that knows no intent there is a timer.
    """
    back = sa.exists().where(refunds.c.order_id == intents.c.order_id, refunds.c.purpose == "order")
    unconfirmed = sa.select(intents.c.order_id).where(UNCONFIRMED, intents.c.updated_at < scope.late, ~back)
    for order_id in conn.execute(unconfirmed.limit(MOST)).scalars():
        yield Offender(order_id, "is paid, and neither confirmed nor on its way back", order_id)
    unpaid = sa.select(intents.c.order_id).where(CONFIRMED_UNPAID, intents.c.confirmed_at < scope.late)
    for order_id in conn.execute(unpaid.limit(MOST)).scalars():
        yield Offender(order_id, "is confirmed, and not paid", order_id)
    early = (
        sa.select(timers.c.key, timers.c.payload)
        .outerjoin(intents, intents.c.order_id == timers.c.key)
        .where(timers.c.kind == scope.jobs["confirmed"], intents.c.order_id.is_(None))
    )
    for order_id, payload in conn.execute(early.limit(MOST)):
        if datetime.fromisoformat(loads(payload)["at"]) < scope.late:
            yield Offender(order_id, "is confirmed, and there is nothing that it was paid by", order_id)


def nothing_waits_without_a_job(conn: sa.Connection, scope: Scope) -> Iterator[Offender]:
    """8: whatever waits for a provider's word has a job that asks for it, and the job is not overdue itself.

    What is settled by hand waits for people: an attempt at the counter until the order's window ends, a refund until it is paid out.
    """
    kind = sa.case((attempts.c.state == "closing", scope.jobs["close"]), else_=scope.jobs["query"])
    asked = sa.and_(timers.c.kind == kind, timers.c.key == attempts.c.id)
    by_hand = sa.and_(attempts.c.method.in_(list(scope.by_hand)), attempts.c.state != "closing")
    neglected = sa.or_(timers.c.key.is_(None), timers.c.due_at < scope.late)
    waiting = sa.select(attempts.c.id, attempts.c.order_id, attempts.c.state).outerjoin(timers, asked)
    for row in conn.execute(waiting.where(ATTEMPT_WAITS, neglected, ~by_hand).limit(MOST)):
        yield Offender(row.id, f"is {row.state}, and nobody asks", row.order_id)
    asked = sa.and_(timers.c.kind == scope.jobs["refund"], timers.c.key == refunds.c.id)
    by_hand = sa.and_(refunds.c.provider.in_(list(scope.by_hand)), refunds.c.state == "processing")
    under_way = refunds.c.state.in_(["reserved", "submitted", "processing", "abnormal"])
    back = sa.select(refunds.c.id, refunds.c.order_id, refunds.c.state).outerjoin(timers, asked)
    for row in conn.execute(back.where(under_way, neglected, ~by_hand).limit(MOST)):
        yield Offender(row.id, f"is {row.state}, and nobody asks", row.order_id)


def callbacks_take_effect(conn: sa.Connection, scope: Scope) -> Iterator[Offender]:
    """10: what was called back, and believed, has taken effect, or has not been waiting for long."""
    query = sa.select(callbacks.c.id, callbacks.c.error).where(CALLBACK_FAILED, callbacks.c.received_at < scope.late)
    for about, error in conn.execute(query.limit(MOST)):
        yield Offender(about, f"has not taken effect: {error[:200]}")


def amounts_are_whole_fen(conn: sa.Connection, scope: Scope) -> Iterator[Offender]:
    """12: amounts are kept as whole numbers. PostgreSQL sees to it by its columns' types, SQLite is looked at row by row.

    That yuan become fen and fen yuan again without a loss is a property test.
    """
    amounts = [(t, c) for t in metadata.sorted_tables for c in t.c if isinstance(c.type, sa.BigInteger)]
    if conn.dialect.name == "postgresql":
        query = sa.text(
            "SELECT table_name, column_name FROM information_schema.columns"
            " WHERE table_schema = current_schema() AND data_type = 'bigint'"
        )
        whole = {(row[0], row[1]) for row in conn.execute(query)}
        for table, column in amounts:
            if (table.name, column.name) not in whole:
                yield Offender(f"{table.name}.{column.name}", "is no column of whole numbers")
        return
    for table, column in amounts:
        key, order_id = next(iter(table.primary_key)), table.c.get("from_order_id", table.c.get("order_id"))
        query_rows = sa.select(key, sa.literal("") if order_id is None else order_id)
        if table is ledger_lines:
            order_id = ledger_entries.c.order_id
            query_rows = sa.select(key, order_id).join(ledger_entries, ledger_entries.c.id == ledger_lines.c.entry_id)
        if order_id is None and scope.orders is not None:
            continue
        broken = sa.func.typeof(column).not_in(["integer", "null"])
        where = broken if order_id is None else sa.and_(broken, scope.of(order_id))
        for about, of in conn.execute(query_rows.where(where).limit(MOST)):
            yield Offender(str(about), f"{table.name}.{column.name} is no whole number", of or "")
