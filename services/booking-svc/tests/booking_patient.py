"""A patient of booking-svc: what she may do over HTTP, and what other services answer."""

import json
from datetime import timedelta

from booking_world import FEE, HOLD, NOW, VISIT
from common import ids
from common.messages import PaymentSucceeded, SessionFacts, SlotReserved
from common.outbox import Timer, TimerLoop
from common.outbox.tables import timers
from common.testing import bearer, deliver, take_sent

ME = ids.mint("acc")
OTHER = ids.mint("acc")
SESSION = ids.mint("ses")
PATIENT = ids.mint("pat", ME)
FACTS = SessionFacts(
    session_id=SESSION,
    revision=1,
    hospital_id=VISIT.hospital_id,
    hospital_name=VISIT.hospital_name,
    department_id=VISIT.department_id,
    department_name=VISIT.department_name,
    doctor_id=VISIT.doctor_id,
    doctor_name=VISIT.doctor_name,
    doctor_title=VISIT.doctor_title,
    date=VISIT.date,
    period=VISIT.period,
    room=VISIT.room,
    state="open",
    policy="first_come",
    fee=FEE,
    release_at=NOW - timedelta(days=1),
    draw_at=None,
    drawn=False,
    starts_at=VISIT.starts_at,
    ends_at=VISIT.ends_at,
    cancel_before=NOW + timedelta(days=1),
    sold_out=False,
)


def place(client, headers=None, **body):
    body = {"session_id": SESSION, "patient_id": PATIENT, **body}
    return client.post("/api/v1/orders", json=body, headers={**bearer(ME), **(headers or {})})


def reserved(order_id, fee=FEE, session=SESSION, *, offered=False):
    return SlotReserved(order_id, session, "slot", 7, fee, VISIT, NOW + timedelta(days=1), HOLD, offered)


def see(client, order_id):
    return client.get(f"/api/v1/orders/{order_id}", headers=bearer(ME)).json


def state(client, order_id):
    return see(client, order_id)["state"]


def do(client, order_id, what, body=None, headers=None):
    """POST to an order, as its owner unless `headers` say otherwise."""
    return client.post(f"/api/v1/orders/{order_id}/{what}", json=body, headers=headers or bearer(ME))


def fire(service):
    loop = TimerLoop(service.database, service.timers)
    while loop.fire_due() > 1:
        pass
    for timer in due_jobs(service):
        service.jobs[timer.kind](service, timer)


def due_jobs(service):
    columns = timers.c
    due = timers.select().where(columns.kind.in_(service.jobs), columns.due_at <= service.database.clock())
    with service.database.reading() as conn:
        return [
            Timer(r.kind, r.key, r.due_at, json.loads(r.payload), r.attempts)
            for r in conn.execute(due.order_by(columns.key))
        ]


def paid_order(service, client, fee=FEE):
    order_id = place(client).json["id"]
    deliver(service, reserved(order_id, fee))
    if fee:
        deliver(service, PaymentSucceeded(order_id, ME, "pay", fee, "sandbox", NOW))
    assert state(client, order_id) == "confirmed"
    take_sent(service.database)
    return order_id
