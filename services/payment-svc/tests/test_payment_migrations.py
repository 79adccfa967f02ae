"""What stands in the database when 0002 comes gets its tenders, and goes on as if it had always had them."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import payment_svc
import pytest
import sqlalchemy as sa
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from common.messages import PaymentSucceeded, RefundSucceeded
from common.outbox import Database
from payment_svc.providers import Refunded
from payment_svc.store.tables import intents, metadata
from payment_world import ACCOUNT, CASHIER, FEE, HOSPITAL, START, WINDOW, World
from sqlalchemy.exc import IntegrityError

TIME = {"created_at": START, "updated_at": START}


def upgrade_to(database: Database, revision: str) -> None:
    """The service's own tables as they were at that revision."""
    config = Config()
    config.set_main_option("script_location", str(Path(payment_svc.__file__).parent / "migrations"))
    script = ScriptDirectory.from_config(config)
    steps = lambda current, _context: script._upgrade_revs(revision, current)  # noqa: E731  as common.outbox.migrate does
    with database.engine.begin() as conn, EnvironmentContext(Config(), script, fn=steps) as environment:
        if database.sqlite:
            conn.exec_driver_sql("BEGIN IMMEDIATE")
        environment.configure(connection=conn, version_table="alembic_version", transactional_ddl=False)
        environment.run_migrations()


class Before:
    """Writes rows as the release before wrote them."""

    def __init__(self, conn: sa.Connection) -> None:
        self.conn = conn

    def insert(self, table: str, **values: Any) -> None:
        columns = metadata.tables[table].c
        then = sa.table(table, *(sa.column(name, columns[name].type) for name in values))
        self.conn.execute(sa.insert(then).values(**values))

    def order(self, name: str, state: str) -> None:
        paid = {"payment_id": f"pay_{name}", "capture_id": f"fct_{name}"} if state == "paid" else {}
        about = {"account_id": ACCOUNT, "hospital_id": HOSPITAL, "description": "", "pay_before": START + WINDOW}
        self.insert("intents", order_id=f"ord_{name}", amount=FEE, state=state, **about, **paid, **TIME)

    def capture(self, name: str, order: str, *, credit: str) -> None:
        """A payment that came, with its entry."""
        attempt = {"params": "{}", "request_hash": "", "reason": "", "paid_at": START, "state": "succeeded", **TIME}
        self.insert(
            "attempts", id=f"pay_{name}", order_id=order, method="alipay", number=f"N{name}", amount=FEE, **attempt
        )
        fact = {"kind": "payment", "outcome": "succeeded", "currency": "CNY", "source": "query", "reason": ""}
        at = {"evidence": "{}", "occurred_at": START, "recorded_at": START}
        who = {"provider": "alipay", "number": f"N{name}", "transaction_id": f"t-{name}", "order_id": order}
        self.insert("facts", id=f"fct_{name}", amount=FEE, **who, **fact, **at)
        self.entry(f"capture:fct_{name}", "capture", order, "clearing:alipay", credit)

    def refund(
        self, name: str, order: str, capture: str, state: str, purpose: str, retry_of: str | None = None
    ) -> None:
        about = {"number": f"R{name}", "reason": "", "failure": "", "provider": "alipay", "purpose": purpose}
        of = {"order_id": order, "payment_id": f"pay_{capture}", "capture_id": f"fct_{capture}", "retry_of": retry_of}
        self.insert("refunds", id=f"rfd_{name}", amount=FEE, state=state, **about, **of, **TIME)

    def entry(self, entry_id: str, kind: str, order: str, debit: str, credit: str) -> None:
        for account, fen in ((debit, FEE), (credit, -FEE)):
            self.insert("ledger_lines", entry_id=entry_id, account=account, amount=fen)
        self.insert("ledger_entries", id=entry_id, kind=kind, order_id=order, hospital_id=HOSPITAL, created_at=START)

    def history(self) -> None:
        """One order paid, one refunded, one whose refused refund was issued again, one open, one with surplus."""
        for name, state in (
            ("paid", "paid"),
            ("back", "paid"),
            ("again", "paid"),
            ("open", "open"),
            ("late", "closed"),
        ):
            self.order(name, state)
            if state != "open":
                self.capture(name, f"ord_{name}", credit="surplus_payable" if name == "late" else "order_payable")
        self.refund("back", "ord_back", "back", "succeeded", "order")
        self.refund("no", "ord_again", "again", "failed", "order")
        self.refund("again", "ord_again", "again", "processing", "order", retry_of="rfd_no")
        self.refund("late", "ord_late", "late", "failed", "surplus")
        self.entry("refund_paid:rfd_back", "refund_paid", "ord_back", "order_payable", "clearing:alipay")
        self.entry("refund_reserved:rfd_again", "refund_reserved", "ord_again", "order_payable", "refund_in_flight")


@pytest.fixture
def world(any_url: str) -> Iterator[World]:
    database = Database(any_url)
    upgrade_to(database, "0001")
    with database.transaction() as tx:
        Before(tx.conn).history()
    database.close()
    made = World(any_url)
    yield made
    made.database.close()


def test_each_capture_has_got_its_tender(world: World) -> None:
    def of(order: str) -> list[tuple[str, str, int, int]]:
        return [(t.capture_id, t.payment_id, t.amount, t.returned) for t in world.tenders(order)]

    assert of("ord_paid") == [("fct_paid", "pay_paid", FEE, 0)]
    assert of("ord_back") == [("fct_back", "pay_back", FEE, FEE)]
    assert of("ord_again") == [("fct_again", "pay_again", FEE, FEE)]
    assert of("ord_late") == [("fct_late", "pay_late", FEE, FEE)]
    assert of("ord_open") == []
    assert {r.id: r.tender_id for r in world.refunds()} == {
        "rfd_back": "tnd_back",
        "rfd_no": "tnd_again",
        "rfd_again": "tnd_again",
        "rfd_late": "tnd_late",
    }
    assert world.intent("ord_open").pay_before == START + WINDOW
    world.check_books()


def test_and_goes_on_from_there(world: World) -> None:
    world.close("ord_paid")
    assert world.take_told() == [PaymentSucceeded("ord_paid", ACCOUNT, "pay_paid", FEE, "alipay", START)]
    world.move("ord_new", "ord_paid", 3000)
    (rest,) = world.refunds("ord_paid")
    world.apply(world.refund_fact(rest, "succeeded"))
    assert kept_by(world.figures()["intents"]) == {"ord_new": 3000, "ord_late": FEE}
    world.take_told()
    (again,) = [r for r in world.refunds("ord_again") if r.retry_of]
    world.apply(world.refund_fact(again, "succeeded"))
    world.ask_refund("ord_back")
    assert [(m.refund_id, m.amount) for m in world.told(RefundSucceeded)] == [("rfd_again", FEE), ("rfd_back", FEE)]
    assert world.post("/refunds/rfd_late/paid-out", headers=CASHIER).status_code == 200
    world.scripted.say["refund"] = Refunded(START)
    world.pay("ord_open")
    world.settle()
    world.check_rest()


def kept_by(intents: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    kept = {
        order: f["captured"] + f["moved_in"] - f["moved_out"] - f["refunded"] - f["refunding"]
        for order, f in intents.items()
    }
    return {order: fen for order, fen in kept.items() if fen}


def test_the_release_before_may_go_on_writing(postgres_url: str) -> None:
    """Its processes are replaced one after the other; what they write meanwhile has tenders, too."""
    world = World(postgres_url)
    with world.database.transaction() as tx:
        before = Before(tx.conn)
        for name, state in (("paid", "open"), ("back", "open"), ("late", "closed")):
            before.order(name, state)
            before.capture(name, f"ord_{name}", credit="surplus_payable" if name == "late" else "order_payable")
        pay = sa.update(intents).where(intents.c.state == "open")
        name = sa.func.substr(intents.c.order_id, 5)
        tx.conn.execute(
            pay.values(state="paid", payment_id=sa.literal("pay_") + name, capture_id=sa.literal("fct_") + name)
        )
        before.refund("no", "ord_back", "back", "failed", "order")
        before.refund("again", "ord_back", "back", "processing", "order", retry_of="rfd_no")
        before.entry("refund_reserved:rfd_again", "refund_reserved", "ord_back", "order_payable", "refund_in_flight")
        before.refund("late", "ord_late", "late", "failed", "surplus")
    with pytest.raises(IntegrityError), world.database.transaction() as tx:
        Before(tx.conn).refund("twice", "ord_back", "back", "reserved", "order")
    world.check_books()
    assert {
        order: [(t.id, t.returned) for t in world.tenders(f"ord_{order}")] for order in ("paid", "back", "late")
    } == {
        "paid": [("tnd_paid", 0)],
        "back": [("tnd_back", FEE)],
        "late": [("tnd_late", FEE)],
    }
    world.move("ord_new", "ord_paid", 3000)
    assert world.database.parked() == []
    assert kept_by(world.figures()["intents"]) == {"ord_new": 3000, "ord_late": FEE}
    world.database.close()
