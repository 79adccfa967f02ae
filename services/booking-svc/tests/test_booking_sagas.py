"""Orders that are not settled, for the operator, on both databases; and the same definition of stuck for the audit."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from booking_patient import SESSION, fire, paid_order, place, reserved
from booking_svc import saga, store, usecases
from booking_svc.api.sagas import PATIENCE
from booking_svc.domain import FINAL, WAITS_FOR, Order, State
from booking_svc.store.sagas import NONE, Saga
from booking_world import NOW, VISIT
from common.clock import ManualClock
from common.outbox import Database
from common.outbox.migrate import migrate
from common.outbox.tables import metadata as chassis
from common.testing import assert_problem, bearer, deliver, take_sent

OPERATOR = bearer("acc_9", "operator")
LONG = timedelta(days=30)


def hours(n: float) -> timedelta:
    return timedelta(hours=n)


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path}/booking.db" if sqlite else request.getfixturevalue("postgres_url")
    made = Database(url, ManualClock(NOW))
    migrate(made, "booking_svc")
    with made.transaction() as tx:
        for name in ("order_history", "orders", "sessions"):
            tx.conn.execute(sa.delete(store.metadata.tables[name]))
        tx.conn.execute(sa.delete(chassis.tables["timers"]))
    yield made
    made.close()


def put(database: Database, name: str, state: State, age: timedelta, *, window: bool = True, **more: Any) -> str:
    """An order whose last step was so long ago, and that was placed an hour before."""
    now = database.clock()
    at = now - age
    order = Order(f"ord_{name}", "acc", "pat", SESSION, None, False, at - hours(1), updated_at=at - hours(1))
    assert store.place(database, order, None, None, [saga.order_placed(order)])
    with database.transaction() as tx:
        kept = store.lock_orders(tx, [order.id])[order.id]
        kept.state, kept.visit = state, VISIT
        for member, value in more.items():
            setattr(kept, member, value)
        if state is not State.RESERVING:
            kept.history.append((at, state, "a_step"))
        store.save_orders(tx, [kept])
        if window and state in {State.OFFERED, State.AWAITING_PAYMENT, State.SUBSTITUTE_OFFERED}:
            tx.set_timer(store.WINDOW, order.id, now + hours(1))
    return order.id


def listed(database: Database, patience: store.sagas.Patience = PATIENCE, **filters: Any) -> list[Saga]:
    with database.reading() as conn:
        return store.sagas.list_sagas(conn, database.clock(), patience, **filters)


def ids(found: list[Saga]) -> list[str]:
    return [s.order_id.removeprefix("ord_") for s in found]


def test_every_state_is_settled_or_waits_for_somebody() -> None:
    assert set(WAITS_FOR) | FINAL | {State.CONFIRMED, State.NO_SHOW} == set(State)
    assert set(WAITS_FOR).isdisjoint(FINAL | {State.CONFIRMED, State.NO_SHOW})


def test_what_is_not_settled_is_listed_oldest_first(database: Database) -> None:
    wanted = {put(database, state, state, hours(n)) for n, state in enumerate(State) if state in WAITS_FOR}
    for state in State:
        if state not in WAITS_FOR:
            put(database, state, state, LONG)
    found = listed(database)
    assert {s.order_id for s in found} == wanted
    assert [s.placed_at for s in found] == sorted(s.placed_at for s in found)
    assert all(s.order_id == f"ord_{s.state}" for s in found)


def test_pages_and_filters(database: Database) -> None:
    names = [put(database, f"{n}", State.WAITLISTED, hours(5)) for n in range(5)]  # all placed at one moment
    put(database, "other", State.ENTERED, hours(9), draw_at=NOW)
    assert ids(listed(database, state="entered")) == ["other"]
    seen: list[str] = []
    after: list[Any] | None = None
    while True:
        page = listed(database, state="waitlisted", limit=2, after=after)
        seen += [s.order_id for s in page[:2]]
        if len(page) <= 2:
            break
        after = [page[1].placed_at, page[1].order_id]
    assert seen == names


@pytest.mark.parametrize(
    ("state", "age", "window", "stuck"),
    [
        (State.RESERVING, usecases.OVERDUE - hours(1), True, True),
        (State.CLOSING, usecases.OVERDUE, True, True),
        (State.CLOSING, usecases.OVERDUE - timedelta(seconds=1), True, False),
        (State.MOVING, LONG, True, True),
        (State.REFUNDING, PATIENCE.refund - timedelta(seconds=1), True, False),
        (State.REFUNDING, PATIENCE.refund, True, True),
        (State.AWAITING_PAYMENT, LONG, True, False),
        (State.AWAITING_PAYMENT, hours(0), False, True),
        (State.OFFERED, hours(0), False, True),
        (State.SUBSTITUTE_OFFERED, hours(0), False, True),
        (State.REFUND_FAILED, LONG, True, False),
        (State.ENTERED, LONG, True, False),
        (State.WAITLISTED, LONG, True, False),
    ],
)
def test_what_is_stuck(database: Database, state: State, age: timedelta, window: bool, stuck: bool) -> None:
    order_id = put(database, "a", state, age, window=window)
    (found,) = listed(database)
    assert found.stuck is stuck
    assert [s.order_id for s in listed(database, stuck=stuck)] == [order_id]
    assert listed(database, stuck=not stuck) == []
    with database.reading() as conn:
        assert store.sagas.count_sagas(conn, NOW, PATIENCE) == [(state, 1, int(stuck))]


def test_asking_again_does_not_make_it_younger(database: Database) -> None:
    order_id = put(database, "a", State.CLOSING, hours(1))
    with database.transaction() as tx:
        store.touch(tx, [order_id])
    (found,) = listed(database)
    assert (found.since, found.stuck) == (NOW - hours(1), True)


def test_the_audit_has_no_patience_and_the_same_definition(database: Database) -> None:
    put(database, "answer", State.CLOSING, hours(0))
    put(database, "refund", State.REFUNDING, hours(0))
    put(database, "timed", State.AWAITING_PAYMENT, hours(0))
    put(database, "untimed", State.OFFERED, hours(0), window=False)
    put(database, "staff", State.REFUND_FAILED, LONG)
    put(database, "rest", State.CONFIRMED, LONG)
    with database.reading() as conn:
        figures = store.audit_figures(conn, NOW)
    assert {s["order_id"]: s["waits_for"] for s in figures["stuck"]} == {
        "ord_answer": "payment",
        "ord_refund": "provider",
        "ord_untimed": "patient",
    }
    assert {s["order_id"] for s in figures["stuck"]} == {s.order_id for s in listed(database, NONE, stuck=True)}


@pytest.mark.parametrize("filters", [{}, {"state": "closing"}, {"stuck": True}, {"after": [NOW, "ord_x"]}], ids=str)
def test_settled_orders_are_not_read(database: Database, filters: dict[str, Any]) -> None:
    plans: list[str] = []

    def note(conn: Any, _cursor: Any, statement: str, values: Any, _context: Any, _many: bool) -> None:
        if "order_history" in statement and "EXPLAIN" not in statement:
            explain = "EXPLAIN QUERY PLAN " if database.sqlite else "EXPLAIN "
            plans.append(str(conn.exec_driver_sql(explain + statement, values).all()))

    with database.engine.connect() as conn:
        if not database.sqlite:  # so few rows are not worth an index to it
            conn.exec_driver_sql("SET enable_seqscan = off")
        sa.event.listen(conn, "before_cursor_execute", note)
        store.sagas.list_sagas(conn, NOW, PATIENCE, limit=10, **filters)
        store.sagas.count_sagas(conn, NOW, PATIENCE)
    assert len(plans) == 2
    for plan in plans:
        assert re.search("orders_(unsettled|watched)", plan), plan  # the watch's holds none that is settled either
        assert "SCAN orders'" not in plan
        assert "Seq Scan on orders" not in plan


# --- the API ---------------------------------------------------------------------------------------------------------


def sagas(client: Any, query: str = "") -> Any:
    return client.get(f"/api/v1/sagas{query}", headers=OPERATOR).get_json()


def test_an_order_on_its_way(service, client, clock, sessions):
    order_id = place(client).json["id"]
    (one,) = sagas(client)["items"]
    assert one == {
        "order_id": order_id,
        "state": "reserving",
        "placed_at": "2026-11-22T16:00:00+08:00",
        "since": "2026-11-22T16:00:00+08:00",
        "waits_for": "schedule",
        "until": None,
        "stuck": False,
        "hospital_id": "h",
        "session_id": SESSION,
    }
    clock.advance(timedelta(minutes=2))
    deliver(service, reserved(order_id))
    (one,) = sagas(client)["items"]
    assert (one["state"], one["waits_for"]) == ("awaiting_payment", "payer")
    assert one["since"] == "2026-11-22T16:02:00+08:00"
    assert datetime.fromisoformat(one["until"]) > clock()
    assert sagas(client)["counts"] == [{"state": "awaiting_payment", "waits_for": "payer", "orders": 1, "stuck": 0}]


def test_a_settled_order_is_none_of_these(service, client):
    paid_order(service, client)
    assert sagas(client) == {"items": [], "next_cursor": None, "counts": []}


def test_an_answer_that_is_overdue_is_seen_as_stuck_until_it_comes(service, client, clock):
    order_id = place(client).json["id"]
    clock.advance(usecases.OVERDUE + timedelta(seconds=1))
    take_sent(service.database)
    fire(service)
    assert [s["order_id"] for s in sagas(client, "?stuck=true")["items"]] == [order_id]
    assert sagas(client, "?stuck=false")["items"] == []
    assert sagas(client, "?stuck=false")["counts"][0]["stuck"] == 1, "counts are of all, whatever the filters"
    deliver(service, reserved(order_id))
    assert sagas(client, "?stuck=true")["items"] == []


def test_pages_of_the_list(client):
    placed = [place(client).json["id"] for _ in range(3)]
    first = sagas(client, "?limit=2")
    rest = sagas(client, f"?limit=2&cursor={first['next_cursor']}")
    assert sorted(placed) == [s["order_id"] for s in [*first["items"], *rest["items"]]]
    assert rest["next_cursor"] is None


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("state=confirmed", "state"),
        ("stuck=maybe", "stuck"),
        ("limit=0", "limit"),
        ("cursor=x", "cursor"),
        ("x=1", "x"),
    ],
)
def test_wrong_filters_are_named(client, query, field):
    assert_problem(client.get(f"/api/v1/sagas?{query}", headers=OPERATOR), 422, field=field)
