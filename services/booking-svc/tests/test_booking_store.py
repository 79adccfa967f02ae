"""What booking-svc's store keeps, on both databases: they are asked by statements of their own."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from booking_svc import saga, store
from booking_svc.domain import Order, State
from common.clock import ManualClock
from common.messages import Visit
from common.outbox import Database
from common.outbox.migrate import migrate

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
