"""What stands in the database when a migration comes goes on as if it had always been so."""

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import payment_svc
import pytest
import sqlalchemy as sa
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from common.messages import PaymentSucceeded, RefundFailed, RefundSucceeded
from common.outbox import Database
from payment_svc.providers import Abnormal, Failed, Refunded
from payment_svc.store.tables import facts, intents, metadata
from payment_svc.usecases.facts import QUERY
from payment_svc.usecases.outcomes import apply_refund_outcome
from payment_svc.usecases.refunds import REFUND
from payment_world import ACCOUNT, CASHIER, FEE, HOSPITAL, START, WINDOW, World, alarms

TIME = {"created_at": START, "updated_at": START}


def upgrade_to(database: Database, revision: str) -> None:
    """The service's own tables as they were at that revision."""
    config = Config()
    config.set_main_option("script_location", str(Path(payment_svc.__file__).parent / "migrations"))
    script = ScriptDirectory.from_config(config)
    steps = lambda current, _context: script._upgrade_revs(revision, current)  # noqa: E731  as common.outbox.migrate does
    with database.engine.connect() as conn, EnvironmentContext(Config(), script, fn=steps) as environment:
        if database.sqlite:
            conn.exec_driver_sql("PRAGMA foreign_keys=OFF")
            conn.rollback()
            conn.exec_driver_sql("BEGIN IMMEDIATE")
        environment.configure(connection=conn, version_table="alembic_version", transactional_ddl=False)
        environment.run_migrations()
        conn.commit()


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
    made = as_it_is_now(any_url)
    yield made
    made.database.close()


def as_it_is_now(url: str) -> World:
    """Migrated, with the job that asks on about the refund that is under way: the releases before had it too."""
    made = World(url)
    with made.database.transaction() as tx:
        tx.set_timer(REFUND, "rfd_again", START + timedelta(minutes=30))
    return made


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


# --- 0003: what real providers need --------------------------------------------------------------------------------------


@pytest.fixture
def grown(any_url: str) -> Iterator[World]:
    """The history, as the release with tenders had it; with a payment and a refund of the sandbox that was within."""
    database = Database(any_url)
    upgrade_to(database, "0001")
    with database.transaction() as tx:
        Before(tx.conn).history()
    upgrade_to(database, "0002")
    with database.transaction() as tx:
        then = Before(tx.conn)
        params = {"number": "SBX1", "amount": FEE, "description": "", "expires_at": START.isoformat()}
        about = {"request_hash": "", "reason": "", "amount": FEE, "params": json.dumps(params), **TIME}
        then.insert(
            "attempts", id="pay_sbx", order_id="ord_open", method="sandbox", number="SBX1", state="pending", **about
        )
        then.insert("facts", **FACT, kind="refund", outcome="failed", number="Rno", id="fct_refused", amount=0)
        trade = "INSERT INTO sandbox_trades (number, amount, description, expires_at, state) VALUES ('SBX1', 1, '', :at, 'unpaid')"
        tx.conn.execute(sa.text(trade).bindparams(sa.bindparam("at", START, sa.DateTime(timezone=True))))
    database.close()
    made = as_it_is_now(any_url)
    with made.database.transaction() as tx:
        tx.set_timer(QUERY, "pay_sbx", START + timedelta(minutes=30))
    yield made
    made.database.close()


FACT = {
    "provider": "alipay",
    "currency": "CNY",
    "source": "query",
    "reason": "",
    "evidence": "{}",
    "occurred_at": START,
    "recorded_at": START,
}


def test_the_sandbox_is_gone_with_its_books_and_nothing_else(grown: World) -> None:
    with grown.database.reading() as conn:
        assert not [name for name in sa.inspect(conn).get_table_names() if name.startswith("sandbox")]
        confirmed = sa.select(intents.c.order_id).where(intents.c.confirmed_at.is_not(None))
        assert set(conn.execute(confirmed).scalars()) == {"ord_paid", "ord_back", "ord_again"}
    assert {r.id for r in grown.refunds()} == {"rfd_back", "rfd_no", "rfd_again", "rfd_late"}
    assert [t.id for t in grown.tenders("ord_paid")] == ["tnd_paid"]
    grown.check_books()


def test_what_was_under_way_with_the_sandbox_waits_for_a_person(grown: World) -> None:
    before = alarms("provider_missing")
    grown.close("ord_open")
    grown.run_jobs()
    assert alarms("provider_missing") - before == 1
    assert grown.attempt("pay_sbx").state == "closing"
    (again,) = [r for r in grown.refunds("ord_again") if r.retry_of]
    with grown.database.transaction() as tx:
        for outcome in (Abnormal("dead card"), Refunded(START, FEE)):
            apply_refund_outcome(tx, "alipay", again.number, outcome, "query")
    assert [type(m) for m in grown.told()] == [RefundFailed, RefundSucceeded]
    grown.check_books()


def test_a_fact_that_was_known_by_its_words_is_known_still(grown: World) -> None:
    with grown.database.transaction() as tx:
        apply_refund_outcome(tx, "alipay", "Rno", Failed("no"), "query")
        count = sa.select(sa.func.count()).select_from(facts).where(facts.c.number == "Rno")
        assert tx.conn.execute(count).scalar_one() == 1
