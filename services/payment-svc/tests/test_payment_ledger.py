"""The schema: the code's tables are the migration's, and the database itself refuses what must never be."""

from dataclasses import replace

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from common.outbox.tables import metadata as chassis
from payment_svc.store import ledger, refunds
from payment_svc.store.tables import ledger_entries, ledger_lines, metadata
from payment_world import FEE, START, World
from sqlalchemy.exc import DBAPIError, IntegrityError


def pay(world: World) -> str:
    order = world.request()
    world.apply(world.paid(world.pay_by(order)))
    return order


def test_the_tables_are_those_of_the_migration(any_world: World) -> None:
    both = sa.MetaData()
    for table in (*chassis.tables.values(), *metadata.tables.values()):
        table.to_metadata(both)
    with any_world.database.reading() as conn:
        versions = {"alembic_version", "alembic_chassis"}
        options = {"include_name": lambda name, kind, _: kind != "table" or name not in versions, "compare_type": True}
        assert compare_metadata(MigrationContext.configure(conn, opts=options), both) == []


@pytest.mark.parametrize("table", ["facts", "ledger_entries", "ledger_lines"])
@pytest.mark.parametrize("statement", ["DELETE FROM {}", "UPDATE {0} SET {1} = {1}"])
def test_what_was_written_stays(any_world: World, table: str, statement: str) -> None:
    pay(any_world)
    column = next(iter(metadata.tables[table].c)).name
    with pytest.raises(DBAPIError, match="append-only"), any_world.database.transaction() as tx:
        tx.conn.execute(sa.text(statement.format(table, column)))


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [("clearing:x", 5)],
        [("clearing:x", 5), ("order_payable", -4)],
        [("clearing:x", 5), ("order_payable", 5)],
    ],
)
def test_an_entry_that_does_not_balance_is_refused(any_world: World, lines: list[tuple[str, int]]) -> None:
    entry = {"id": "bad:1", "kind": "bad", "order_id": "", "hospital_id": "", "created_at": START}
    with any_world.database.transaction() as tx:
        for account, amount in lines:
            tx.conn.execute(sa.insert(ledger_lines).values(entry_id="bad:1", account=account, amount=amount))
        with pytest.raises(DBAPIError, match="balance"):
            tx.conn.execute(sa.insert(ledger_entries).values(**entry))
        tx.conn.rollback()


def test_a_line_cannot_be_added_later_nor_stand_alone(any_world: World) -> None:
    pay(any_world)
    with any_world.database.reading() as conn:
        entry_id = conn.execute(sa.select(ledger_entries.c.id)).scalars().first()
    line = sa.insert(ledger_lines)
    with pytest.raises(DBAPIError, match="sealed"), any_world.database.transaction() as tx:
        tx.conn.execute(line.values(entry_id=entry_id, account="more", amount=1))
    with pytest.raises(IntegrityError), any_world.database.transaction() as tx:
        tx.conn.execute(line.values(entry_id="none", account="alone", amount=1))


def test_nothing_is_posted_twice(any_world: World) -> None:
    def post() -> None:
        with any_world.database.transaction() as tx:
            ledger.post(tx, "capture", "fct_twice", None, debit="clearing:x", credit="suspense", amount=1)

    post()
    with pytest.raises(DBAPIError, match=r"sealed|unique|UNIQUE"):
        post()


def test_a_capture_goes_back_once_whatever_the_code_does(any_world: World) -> None:
    order = pay(any_world)
    any_world.ask_refund(order)
    (refund,) = any_world.refunds(order)
    with pytest.raises(IntegrityError), any_world.database.transaction() as tx:
        refunds.add_refund(tx, replace(refund, id="rfd_2", number="ANOTHER1"))


def test_the_audit_sees_a_lost_entry_and_a_doubled_refund(world: World) -> None:
    """Its figures can be wrong: break them below the guards."""
    pay(world)
    figures = world.figures()
    assert (figures["captures_without_entry"], figures["ledger_disagrees"], figures["unbalanced"]) == ([], [], [])
    with world.database.transaction() as tx:
        for trigger in ("ledger_lines_no_delete", "ledger_entries_no_delete", "ledger_lines_no_update"):
            tx.conn.execute(sa.text(f"DROP TRIGGER {trigger}"))
    with world.database.transaction() as tx:
        tx.conn.execute(sa.text("UPDATE ledger_lines SET amount = amount + 1 WHERE amount > 0"))
    figures = world.figures()
    assert len(figures["unbalanced"]) == len(figures["ledger_disagrees"]) == 1
    with world.database.transaction() as tx:
        tx.conn.execute(sa.text("DELETE FROM ledger_lines"))
        tx.conn.execute(sa.text("DELETE FROM ledger_entries"))
    figures = world.figures()
    assert len(figures["captures_without_entry"]) == len(figures["ledger_disagrees"]) == 1
    assert next(iter(figures["intents"].values()))["captured"] == FEE
