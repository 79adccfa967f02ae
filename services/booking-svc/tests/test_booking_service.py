"""booking-svc as a whole, on SQLite: its API, its messages, its timers."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from booking_patient import FACTS, ME, OTHER, PATIENT, SESSION, fire, paid_order, place, reserved, state
from booking_svc import store, usecases
from booking_world import FEE, NOW, VISIT
from common import ids
from common.messages import (
    ClosePayment,
    OrderCancelled,
    OrderConfirmed,
    OrderHeld,
    OrderPlaced,
    OrderWithdrawn,
    PatientSaved,
    PaymentClosed,
    PaymentSucceeded,
    RefundFailed,
    RefundPayment,
    RefundSucceeded,
    ReleaseSlot,
    RequestPayment,
    ReserveSlot,
    SessionChanged,
    SessionPublished,
    SessionStopped,
    SlotRejected,
    SlotReleased,
    SlotWaitlisted,
)
from common.outbox.tables import metadata as chassis
from common.outbox.tables import timers
from common.testing import assert_bad_input_is_refused, assert_problem, bearer, deliver, sent, take_sent

DRAW = {"policy": "lottery", "draw_at": NOW + timedelta(hours=2)}


def test_placing_an_order_asks_for_a_number(service, client):
    response = place(client)
    assert response.status_code == 202
    assert response.headers["Location"] == f"/api/v1/orders/{response.json['id']}"
    assert response.json["state"] == "reserving"
    placed, reserve = sent(service.database)
    assert isinstance(placed, OrderPlaced)
    assert isinstance(reserve, ReserveSlot)
    assert (reserve.order_id, reserve.session_id, reserve.patient_id) == (response.json["id"], SESSION, PATIENT)


def test_what_was_saved_a_moment_ago_is_bookable_and_nonsense_is_not(client):
    assert place(client).status_code == 202, "neither session nor patient is known here yet, but both are genuine"
    assert_problem(place(client, session_id="ses_nonsense"), 404, "session_not_found")
    assert_problem(place(client, patient_id="pat_nonsense"), 404, "patient_not_found")
    assert_problem(place(client, patient_id=ids.mint("pat", OTHER)), 404, "patient_not_found")


def test_a_removed_patient_cannot_be_booked_for(service, client):
    deliver(service, PatientSaved(PATIENT, ME, 2, "张*", removed=True))
    deliver(service, PatientSaved(PATIENT, ME, 1, "张*", removed=False))  # late
    assert_problem(place(client), 404, "patient_not_found")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"state": "stopped"}, "session_stopped"),
        ({"release_at": NOW + timedelta(microseconds=1)}, "not_released"),
        ({"ends_at": NOW}, "session_over"),
        ({"sold_out": True}, "sold_out"),
        ({"sold_out": True, **DRAW, "drawn": True}, "sold_out"),
        ({**DRAW, "draw_at": NOW}, "entries_closed"),
        ({**DRAW, "release_at": NOW + timedelta(hours=1)}, "not_released"),
    ],
)
def test_what_cannot_be_had_is_refused_at_once(service, client, changes, code):
    deliver(service, SessionPublished(SESSION, replace(FACTS, **changes)))
    assert_problem(place(client), 409, code)
    assert sent(service.database) == []


def test_one_may_wait_for_a_sold_out_session(service, client):
    deliver(service, SessionPublished(SESSION, replace(FACTS, sold_out=True)))
    assert place(client, join_waitlist=True).status_code == 202


def test_an_older_revision_never_overwrites(service, client):
    deliver(service, SessionChanged(SESSION, replace(FACTS, revision=3, sold_out=True)))
    deliver(service, SessionChanged(SESSION, replace(FACTS, revision=2)), SessionPublished(SESSION, FACTS))
    assert_problem(place(client), 409, "sold_out")
    deliver(service, SessionChanged(SESSION, replace(FACTS, revision=4)))
    assert place(client).status_code == 202


def test_the_same_key_and_body_answer_the_same_order(service, client):
    first, second = place(client, {"Idempotency-Key": "k1"}), place(client, {"Idempotency-Key": "k1"})
    assert first.json["id"] == second.json["id"]
    assert second.status_code == 202
    assert len(sent(service.database, ReserveSlot)) == 1
    assert_problem(place(client, {"Idempotency-Key": "k1"}, join_waitlist=True), 422, "idempotency_key_reused")


def test_a_key_answers_its_order_whatever_has_happened_since(service, client):
    first = place(client, {"Idempotency-Key": "k1"})
    deliver(service, SessionPublished(SESSION, replace(FACTS, sold_out=True)))
    deliver(service, PatientSaved(PATIENT, ME, 2, "张*", removed=True))
    assert place(client, {"Idempotency-Key": "k1"}).json["id"] == first.json["id"]
    assert_problem(place(client, {"Idempotency-Key": "k2"}), 409, "sold_out")
    assert_problem(place(client, {"Idempotency-Key": "k1"}, join_waitlist=True), 422, "idempotency_key_reused")


def test_twenty_posts_at_once_under_one_key_make_one_order(service):
    answers = []

    def post():
        answers.append(place(service.app.test_client(), {"Idempotency-Key": "rush"}))

    threads = [threading.Thread(target=post) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {a.status_code for a in answers} == {202}
    assert len({a.json["id"] for a in answers}) == 1
    assert len(sent(service.database, ReserveSlot)) == 1


def test_prefer_wait_answers_as_soon_as_the_number_is_decided(service, client):
    def decide():
        while not (asked := sent(service.database, ReserveSlot)):
            pass
        deliver(service, reserved(asked[0].order_id))

    thread = threading.Thread(target=decide)
    thread.start()
    response = place(client, {"Prefer": "wait=10"})
    thread.join()
    assert response.json["state"] == "awaiting_payment"
    assert response.json["queue_number"] == 7
    assert response.headers["Preference-Applied"] == "wait=10"


def test_a_crowd_that_prefers_to_wait_keeps_nobody_out(service, client):
    while service.parts.waiters.acquire(blocking=False):
        pass
    response = place(client, {"Prefer": "wait=10"})
    assert (response.status_code, response.json["state"]) == (202, "reserving")
    assert "Preference-Applied" not in response.headers


def test_from_number_to_confirmation(service, client):
    order_id = place(client).json["id"]
    take_sent(service.database)
    deliver(service, reserved(order_id))
    request, held = take_sent(service.database)
    assert isinstance(request, RequestPayment)
    assert (request.amount, request.pay_before, request.account_id) == (FEE, NOW + timedelta(minutes=15), ME)
    assert isinstance(held, OrderHeld)
    deliver(service, PaymentSucceeded(order_id, ME, "pay", FEE, "sandbox", NOW))
    assert [type(m) for m in take_sent(service.database)] == [OrderConfirmed]
    shown = client.get(f"/api/v1/orders/{order_id}", headers=bearer(ME)).json
    assert shown["paid"] == {"amount": FEE, "currency": "CNY"}
    assert [h["state"] for h in shown["history"]] == ["reserving", "awaiting_payment", "confirmed"]
    assert [h["event"] for h in shown["history"]] == ["placed", "slot_reserved", "payment_succeeded"]
    assert shown["visit"]["starts_at"].endswith("+08:00")


def test_the_window_ends_by_closing_first(service, client, clock):
    order_id = place(client).json["id"]
    deliver(service, reserved(order_id))
    take_sent(service.database)
    clock.advance(timedelta(minutes=15) - timedelta(microseconds=1))
    fire(service)
    assert state(client, order_id) == "awaiting_payment", "a moment early"
    clock.advance(timedelta(microseconds=1))
    fire(service)
    assert state(client, order_id) == "closing"
    assert [m for m in take_sent(service.database) if isinstance(m, ClosePayment | ReleaseSlot)] == [
        ClosePayment(order_id)
    ]
    deliver(service, PaymentClosed(order_id))
    assert state(client, order_id) == "expired"
    assert sent(service.database, ReleaseSlot) == [ReleaseSlot(order_id, SESSION, "expired")]


def test_a_paid_order_has_no_window_left(service, client):
    paid_order(service, client)
    with service.database.reading() as conn:
        assert conn.execute(sa.select(timers.c.key).where(timers.c.kind == store.WINDOW)).all() == []


def test_cancelling_frees_the_number_at_once_and_refunds(service, client):
    order_id = paid_order(service, client)
    response = client.post(f"/api/v1/orders/{order_id}/cancel", headers=bearer(ME))
    assert (response.status_code, response.json["state"]) == (202, "refunding")
    again = client.post(f"/api/v1/orders/{order_id}/cancel", headers=bearer(ME))
    assert again.status_code == 202
    assert take_sent(service.database) == [
        ReleaseSlot(order_id, SESSION, "patient"),
        RefundPayment(order_id, "patient"),
        OrderWithdrawn(order_id, ME, PATIENT, SESSION, True, "patient", FEE, VISIT),
    ]
    deliver(service, RefundFailed(order_id, ME, "r", FEE, "order", "refused"))
    assert state(client, order_id) == "refund_failed"
    deliver(service, RefundSucceeded(order_id, ME, "r2", FEE, "order", "window", "cancelled"))
    assert state(client, order_id) == "cancelled"
    assert sent(service.database, OrderCancelled)[0].refunded == FEE
    assert client.post(f"/api/v1/orders/{order_id}/cancel", headers=bearer(ME)).status_code == 202, (
        "as often as one likes"
    )


def test_fifty_cancels_at_once_ask_for_one_refund(service, client):
    order_id = paid_order(service, client)
    threads = [
        threading.Thread(
            target=lambda: service.app.test_client().post(f"/api/v1/orders/{order_id}/cancel", headers=bearer(ME))
        )
        for _ in range(50)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(sent(service.database, RefundPayment)) == 1


def test_after_the_deadline_a_confirmed_order_stays(service, client, clock):
    order_id = paid_order(service, client)
    clock.set(NOW + timedelta(days=1))
    document = assert_problem(
        client.post(f"/api/v1/orders/{order_id}/cancel", headers=bearer(ME)), 409, "too_late_to_cancel"
    )
    assert "cancel_before" in document
    assert state(client, order_id) == "confirmed"


def test_a_rejected_order_cannot_be_cancelled(service, client):
    order_id = place(client).json["id"]
    deliver(service, SlotRejected(order_id, SESSION, "sold_out", None, None))
    assert_problem(client.post(f"/api/v1/orders/{order_id}/cancel", headers=bearer(ME)), 409, "order_ended")


def test_a_stopped_session_ends_every_order_whatever_its_state(service, client):
    confirmed = paid_order(service, client)
    waiting, held, gone = (place(client).json["id"] for _ in range(3))
    deliver(service, reserved(held), SlotRejected(gone, SESSION, "sold_out", None, None))
    take_sent(service.database)
    deliver(service, SessionStopped(SESSION, replace(FACTS, revision=9, state="stopped"), "医生生病", []))
    assert [state(client, o) for o in (confirmed, waiting, held, gone)] == [
        "refunding",
        "cancelled",
        "withdrawing",
        "rejected",
    ]
    deliver(service, PaymentClosed(held), RefundSucceeded(confirmed, ME, "r", FEE, "order", "sandbox", "cancelled"))
    told = sent(service.database, OrderCancelled)
    assert {m.order_id for m in told} == {confirmed, waiting, held}
    assert {m.cause for m in told} == {"session_stopped"}


def test_an_overdue_answer_is_asked_for_again(service, client, clock):
    order_id = place(client).json["id"]
    take_sent(service.database)
    clock.advance(usecases.OVERDUE + timedelta(seconds=1))
    fire(service)
    assert [m.order_id for m in sent(service.database, ReserveSlot)] == [order_id]
    clock.advance(usecases.WATCH_EVERY)
    fire(service)
    assert len(sent(service.database, ReserveSlot)) == 1, "not more often than once in a while"


def test_a_release_that_vanished_is_sent_again_until_it_arrives(service, client, clock):
    order_id = place(client).json["id"]
    client.post(f"/api/v1/orders/{order_id}/cancel", headers=bearer(ME))
    take_sent(service.database)
    for _ in range(2):
        clock.advance(usecases.LONG_OVERDUE + timedelta(seconds=1))
        fire(service)
        assert take_sent(service.database) == [ReleaseSlot(order_id, SESSION, "patient")]
    deliver(service, SlotReleased(order_id, SESSION))
    clock.advance(usecases.LONG_OVERDUE + timedelta(seconds=1))
    fire(service)
    assert sent(service.database) == []


def test_one_who_waits_long_asks_again(service, client, clock):
    order_id = place(client, join_waitlist=True).json["id"]
    deliver(service, SlotWaitlisted(order_id, SESSION, 1))
    take_sent(service.database)
    clock.advance(usecases.LONG_OVERDUE - timedelta(seconds=1))
    fire(service)
    assert sent(service.database) == []
    clock.advance(timedelta(seconds=30))
    fire(service)
    assert [m.order_id for m in take_sent(service.database)] == [order_id]
    deliver(service, reserved(order_id))  # the answer that had vanished
    assert state(client, order_id) == "awaiting_payment"


def test_a_message_for_an_unknown_order_is_parked_and_its_neighbours_are_not(service, client):
    order_id = place(client).json["id"]
    deliver(service, reserved("ord_unknown"), reserved(order_id))
    assert state(client, order_id) == "awaiting_payment"
    assert [p.reason for p in service.store.parked()] == ["LookupError: no order ord_unknown"]


def test_orders_are_seen_by_their_owner_and_the_hospitals_staff(service, client):
    order_id = paid_order(service, client)
    path = f"/api/v1/orders/{order_id}"
    assert_problem(client.get(path), 401)
    assert_problem(client.get(path, headers=bearer(OTHER)), 404, "order_not_found")
    assert_problem(client.post(f"{path}/cancel", headers=bearer(OTHER)), 404, "order_not_found")
    assert client.get(path, headers=bearer(OTHER, "patient", "cashier", hospital_id="h")).status_code == 200
    assert_problem(client.get(path, headers=bearer(OTHER, "patient", "cashier", hospital_id="h2")), 404)
    assert client.get(path, headers=bearer(OTHER, "patient", "hospital_admin", hospital_id="h")).status_code == 200
    assert_problem(client.get(path, headers=bearer(OTHER, "patient", "doctor", hospital_id="h")), 404)
    assert client.get("/api/v1/orders", headers=bearer(OTHER)).json == {"items": [], "next_cursor": None}


def test_the_list_pages_newest_first(service, client, clock):
    placed = []
    for _ in range(5):
        clock.advance(timedelta(seconds=1))
        placed.append(place(client).json["id"])
    seen, cursor = [], ""
    while cursor is not None:
        page = client.get(
            "/api/v1/orders", query_string={"limit": 2, **({"cursor": cursor} if cursor else {})}, headers=bearer(ME)
        ).json
        seen += [o["id"] for o in page["items"]]
        cursor = page["next_cursor"]
    assert seen == placed[::-1]
    assert client.get("/api/v1/orders?state=confirmed", headers=bearer(ME)).json["items"] == []


def test_bad_input_is_refused_with_the_field(service, client):
    good = {"session_id": SESSION, "patient_id": PATIENT}
    optional = {"slot_id": None, "join_waitlist": False, "auto_book": True, "voucher": None}
    assert_bad_input_is_refused(client, "/api/v1/orders", good | optional, bearer(ME), skip=list(optional))
    assert_problem(place(client, auto_book="no"), 422, field="auto_book")
    assert_problem(place(client, voucher="x" * 65), 422, field="voucher")
    assert_problem(place(client, surprise=1), 422, field="surprise")
    assert_problem(place(client, join_waitlist="yes"), 422, field="join_waitlist")
    assert_problem(place(client, {"Idempotency-Key": "x" * 256}), 422, field="Idempotency-Key")
    for query in (
        "limit=0",
        "limit=x",
        "limit=201",
        "cursor=%FF",
        "cursor=e30",
        "cursor=WzFd",
        "state=nope",
        "limit=1&limit=2",
        "x=1",
    ):
        assert client.get(f"/api/v1/orders?{query}", headers=bearer(ME)).status_code == 422, query
    for order_id in ("x", "%00", "ord_" + "a" * 3000, "🙂"):
        assert 400 <= client.get(f"/api/v1/orders/{order_id}", headers=bearer(ME)).status_code < 500


def test_the_tables_are_those_of_the_migrations(service):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    wanted = sa.MetaData()
    for table in [*store.metadata.tables.values(), *chassis.tables.values()]:
        table.to_metadata(wanted)
    with service.database.engine.connect() as conn:
        context = MigrationContext.configure(
            conn, opts={"include_object": lambda _o, name, kind, *_: kind != "table" or not name.startswith("alembic_")}
        )
        assert compare_metadata(context, wanted) == []
