"""Events that make marks against patients, and what user-svc then says and shows."""

from datetime import date, datetime, timedelta
from typing import Any

from common.clock import SHANGHAI
from common.messages import CreditChanged, OrderWithdrawn, SessionFacts, SessionStopped, Visit, VisitMissed
from common.service import Service
from common.testing import deliver, sent, take_sent
from user_svc.api.credit import MarksOut
from user_world import PASSWORD, Person, join

ZHANG = {"name": "张三丰", "id_type": "resident_id", "id_number": "110101199003071233", "phone": "13812345678"}
DAY = timedelta(days=1)


def visit(starts_at: datetime, hospital_id: str = "hos_1") -> Visit:
    day: date = starts_at.astimezone(SHANGHAI).date()
    return Visit(
        hospital_id, "仁爱医院", "dep_1", "心内科", "doc_1", "张伟", "主任医师", day, "morning",
        starts_at, starts_at + timedelta(minutes=30), "3F-12",
    )  # fmt: skip


def staff(service: Service, operator: Person, name: str, hospital_id: str) -> Person:
    person = join(service, name)
    body = {"roles": ["registrar"], "hospital_id": hospital_id}
    assert operator.call("POST", f"/users/{person.id}/roles", body).status_code == 200
    return Person(service).log_in(name, PASSWORD)


def missed(
    owner: Person,
    patient_id: str,
    order: str = "ord_1",
    at: datetime | None = None,
    session: str = "ses_1",
    **more: Any,
) -> VisitMissed:
    starts = at or owner.service.database.clock() - timedelta(hours=2)
    return VisitMissed(order, owner.id, patient_id, session, visit(starts, **more), "acc_staff")


def withdrawn(owner: Person, patient_id: str, hours: float, order: str = "ord_2", **changes: Any) -> OrderWithdrawn:
    values: dict[str, Any] = {
        "order_id": order,
        "account_id": owner.id,
        "patient_id": patient_id,
        "session_id": "ses_1",
        "was_confirmed": True,
        "cause": "patient",
        "amount": 5000,
        "visit": visit(owner.service.database.clock() + timedelta(hours=hours)),
    }
    return OrderWithdrawn(**values | changes)


def stopped(at: datetime, session_id: str = "ses_1") -> SessionStopped:
    """The stop of a session that is to begin at `at` and takes three hours."""
    ends = at + timedelta(hours=3)
    facts = SessionFacts(
        session_id=session_id,
        revision=2,
        hospital_id="hos_1",
        hospital_name="第一医院",
        department_id="dep_1",
        department_name="内科",
        doctor_id="doc_1",
        doctor_name="王医生",
        doctor_title="主任医师",
        date=at.date(),
        period="morning",
        room="101",
        state="stopped",
        policy="first_come",
        fee=5000,
        release_at=at - 7 * DAY,
        draw_at=None,
        drawn=False,
        starts_at=at,
        ends_at=ends,
        cancel_before=at,
        sold_out=False,
    )
    return SessionStopped(session_id, facts, "医生停诊", [])


def told(service: Service) -> list[CreditChanged]:
    assert [p.reason for p in service.database.parked()] == []
    messages = sent(service.database, CreditChanged)
    take_sent(service.database)
    return messages


def credit(owner: Person, patient_id: str) -> list[dict[str, Any]]:
    answer = owner.call("GET", f"/users/me/patients/{patient_id}/credit")
    assert answer.status_code == 200
    assert MarksOut().validate(answer.get_json()) == {}
    items: list[dict[str, Any]] = answer.get_json()["items"]
    return items


def marked(owner: Person, patient_id: str, order: str = "ord_1", **more: Any) -> str:
    deliver(owner.service, missed(owner, patient_id, order, **more))
    (changed,) = told(owner.service)
    return changed.mark_id


def appeal(owner: Person, patient_id: str, mark_id: str, reason: str = "我在住院") -> Any:
    return owner.call("POST", f"/users/me/patients/{patient_id}/credit/{mark_id}/appeal", {"reason": reason})
