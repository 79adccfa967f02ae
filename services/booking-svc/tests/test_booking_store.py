"""What booking-svc's store keeps, on both databases: they are asked by statements of their own."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import booking_svc
import pytest
import sqlalchemy as sa
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from booking_svc import saga, store
from booking_svc.domain import Order, State
from common.clock import ManualClock
from common.messages import SlotEntered, Substitute, Visit, WeightPart
from common.outbox import Database
from common.outbox.migrate import migrate
from sqlalchemy.exc import IntegrityError

START = datetime(2026, 12, 1, 1, 0, tzinfo=UTC)
VISIT = Visit(
    "h", "仁济", "d", "d", "p", "p", "t", START.date(), "morning", START, START + timedelta(hours=1), "A 1"
)  # fmt: skip


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path}/booking.db" if sqlite else request.getfixturevalue("postgres_url")
    made = Database(url, ManualClock(START))
    migrate(made, "booking_svc")
    yield made
    made.close()


def _place(database: Database, name: str) -> Order:
    order = Order(f"ord_{name}_{database.sqlite}", "acc", "pat", "ses", None, False, START, updated_at=START)
    assert store.place(database, order, None, None, [saga.order_placed(order)])
    return order


def _succeed(database: Database, name: str, old: Order) -> Order:
    order = Order(
        f"ord_{name}_{database.sqlite}", "acc", "pat", "ses", None, False, START, replaces=old.id, updated_at=START
    )
    with database.transaction() as tx:
        store.insert_successor(tx, order)
    return order


def _moved(database: Database, ids: list[str]) -> dict[str, Order]:
    with database.transaction() as tx:
        found = store.lock_orders(tx, [*ids, "ord_unheard_of"])
        for number, order in enumerate(found.values(), start=1):
            order.state, order.visit, order.queue_number, order.fee = State.CONFIRMED, VISIT, number, 5000
            order.pay_before = START + timedelta(minutes=15)
            order.history.append((START, State.AWAITING_PAYMENT, "slot_reserved"))
            order.history.append((START + timedelta(seconds=1), State.CONFIRMED, "payment_succeeded"))
        store.save_orders(tx, list(found.values()))
    return found


@pytest.mark.parametrize("names", [["one"], ["b", "a", "c"]])
def test_orders_are_locked_in_the_order_of_their_ids_and_kept_with_their_steps(
    database: Database, names: list[str]
) -> None:
    ids = [_place(database, name).id for name in names]
    assert list(_moved(database, ids)) == sorted(ids)
    with database.reading() as conn:
        kept = [store.get_order(conn, i) for i in sorted(ids)]
        steps = store.get_history(conn, ids)
    assert [(o.state, o.visit, o.queue_number, o.pay_before) for o in kept if o] == [
        (State.CONFIRMED, VISIT, n, START + timedelta(minutes=15)) for n in range(1, len(ids) + 1)
    ]
    wanted = [
        (START, "awaiting_payment", "slot_reserved"),
        (START + timedelta(seconds=1), "confirmed", "payment_succeeded"),
    ]
    assert steps == dict.fromkeys(ids, wanted)


def test_an_order_that_is_not_ours_is_not_found(database: Database) -> None:
    with database.transaction() as tx:
        assert store.lock_orders(tx, ["ord_unheard_of"]) == {}


def test_an_order_is_locked_with_the_one_that_it_replaces_in_the_order_of_ids(database: Database) -> None:
    old, alone = _place(database, "p-old"), _place(database, "p-a")
    new = _succeed(database, "p-b", old)
    with database.transaction() as tx:
        assert list(store.lock_pairs(tx, [new.id, alone.id])) == [alone.id, new.id, old.id]
        assert list(store.lock_pairs(tx, [old.id])) == [old.id], "and not the other way round"
        assert list(store.lock_orders(tx, [new.id, alone.id])) == [alone.id, new.id]


def test_an_order_has_one_successor_at_a_time(database: Database) -> None:
    old = _place(database, "s-old")
    first = _succeed(database, "s-1", old)
    with pytest.raises(IntegrityError):
        _succeed(database, "s-2", old)
    with database.transaction() as tx:
        assert store.successor_of(tx.conn, old.id) == first.id
        order = store.lock_orders(tx, [first.id])[first.id]
        order.state = State.REJECTED
        store.save_orders(tx, [order])
    second = _succeed(database, "s-3", old)
    with database.reading() as conn:
        assert store.successor_of(conn, old.id) == second.id


def test_what_an_order_learns_is_kept(database: Database) -> None:
    order = _place(database, "learn")
    entry = SlotEntered(order.id, "ses", START, "p1", 3, [WeightPart("base", 1), WeightPart("follow_up", 2)])
    with database.transaction() as tx:
        kept = store.lock_orders(tx, [order.id])[order.id]
        kept.entry, kept.draw_at, kept.substitutes = entry, entry.draw_at, (Substitute("s2", 10, VISIT),)
        kept.until, kept.confirmed_at, kept.paid, kept.moved = START, START, 30, 20
        store.save_orders(tx, [kept])
    with database.reading() as conn:
        read = store.get_order(conn, order.id)
    assert read is not None
    assert (read.entry, read.substitutes, read.moved) == (entry, (Substitute("s2", 10, VISIT),), 20)
    assert (read.until, read.confirmed_at, read.draw_at) == (START, START, START)


def test_no_more_goes_than_came(database: Database) -> None:
    order = _place(database, "money")
    order.paid, order.moved, order.refunded = 50, 30, 21
    with pytest.raises(IntegrityError), database.transaction() as tx:
        store.save_orders(tx, [order])


def test_only_overdue_entrants_are_looked_after(database: Database) -> None:
    due, later = _place(database, "e-due"), _place(database, "e-later")
    with database.transaction() as tx:
        for order in store.lock_orders(tx, [due.id, later.id]).values():
            order.state = State.ENTERED
            order.draw_at = START + timedelta(hours=-2 if order.id == due.id else 2)
            order.updated_at = START - timedelta(days=1)
            store.save_orders(tx, [order])
    with database.transaction() as tx:
        assert [o.id for o in store.lock_undrawn(tx, START - timedelta(hours=1), 10)] == [due.id]


@pytest.mark.parametrize("known", ["", '"policy":"lottery","draw_at":null,"drawn":true,'], ids=["first", "draws"])
def test_sessions_that_releases_before_kept_are_read_all_the_same(database: Database, known: str) -> None:
    text = (
        '{"session_id":"s1","revision":3,"hospital_id":"h","department_id":"d","doctor_id":"p","state":"open","fee":5000,'
        f"{known}"
        '"release_at":"2026-12-01T01:00:00Z","starts_at":"2026-12-01T01:00:00Z","ends_at":"2026-12-01T02:00:00Z",'
        '"cancel_before":"2026-12-01T01:00:00Z","sold_out":true}'
    )
    with database.transaction() as tx:
        values = {"id": f"s1{database.sqlite}{known}", "revision": 3, "facts": text}
        tx.conn.execute(sa.insert(store.metadata.tables["sessions"]).values(values))
    with database.reading() as conn:
        facts = store.get_session(conn, f"s1{database.sqlite}{known}")
    assert facts is not None
    policy = ("lottery", None, True) if known else ("first_come", None, False)
    assert (facts.policy, facts.draw_at, facts.drawn) == policy
    assert (facts.sold_out, facts.ends_at) == (True, START + timedelta(hours=1))
    assert (facts.hospital_name, facts.doctor_name, facts.room) == ("", "", "")
    assert (facts.date, facts.period) == (START.date(), "morning")


def test_what_stood_in_the_tables_before_draws_is_still_there(database: Database) -> None:
    """The migration copies SQLite's tables and alters PostgreSQL's; both keep their rows, references and rules."""
    with database.engine.begin() as conn:
        store.metadata.drop_all(conn)
        conn.execute(sa.text("DROP TABLE alembic_version"))
    upgrade_to(database, "0001")
    with database.engine.begin() as conn:
        conn.execute(sa.text(_OLD_ORDER), {"placed_at": "2026-11-01T00:00:00+00:00"})
        conn.execute(sa.text(_OLD_STEP), {"at": "2026-11-01T00:00:00+00:00"})
    migrate(database, "booking_svc")
    with database.transaction() as tx:
        order = store.lock_orders(tx, ["ord_before"])["ord_before"]
        assert (order.state, order.paid, order.moved, order.auto_book) == (State.CONFIRMED, 5000, 0, True)
        assert order.confirmed_at == order.updated_at
        assert [s[2] for s in store.get_history(tx.conn, ["ord_before"])["ord_before"]] == ["payment_succeeded"]
        order.state = State.NO_SHOW
        order.history.append((START, State.NO_SHOW, "visit_missed"))
        store.save_orders(tx, [order])
    with pytest.raises(IntegrityError), database.transaction() as tx:
        tx.conn.execute(sa.text("DELETE FROM orders WHERE id = 'ord_before'"))
    with pytest.raises(IntegrityError), database.transaction() as tx:
        tx.conn.execute(sa.text("UPDATE orders SET state = 'nonsense'"))


_OLD_ORDER = (
    "INSERT INTO orders (id, account_id, patient_id, session_id, join_waitlist, placed_at, state, fee, paid, updated_at)"
    " VALUES ('ord_before', 'acc', 'pat', 'ses', false, :placed_at, 'confirmed', 5000, 5000, :placed_at)"
)
_OLD_STEP = (
    "INSERT INTO order_history (order_id, at, state, event) VALUES ('ord_before', :at, 'confirmed', 'PaymentSucceeded')"
)


def upgrade_to(database: Database, revision: str) -> None:
    """The service's own tables as they were at that revision."""
    config = Config()
    config.set_main_option("script_location", str(Path(booking_svc.__file__).parent / "migrations"))
    script = ScriptDirectory.from_config(config)
    steps = lambda current, _context: script._upgrade_revs(revision, current)  # noqa: E731  as common.outbox.migrate does
    with database.engine.begin() as conn, EnvironmentContext(Config(), script, fn=steps) as environment:
        if database.sqlite:
            conn.exec_driver_sql("BEGIN IMMEDIATE")
        environment.configure(connection=conn, version_table="alembic_version", transactional_ddl=False)
        environment.run_migrations()
