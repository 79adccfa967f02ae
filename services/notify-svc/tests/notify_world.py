"""One message of each kind that notify-svc takes, and what to do with them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from common import messages as m
from common.envelope import seal
from common.service import Service
from common.testing import bearer
from werkzeug.test import TestResponse

MOMENT = datetime(2026, 11, 22, 6, 5, tzinfo=UTC)
VISIT = m.Visit(
    hospital_id="hos_1",
    hospital_name="仁济医院",
    department_id="dep_1",
    department_name="心内科",
    doctor_id="doc_1",
    doctor_name="王立新",
    doctor_title="主任医师",
    date=date(2026, 11, 24),
    period="morning",
    starts_at=datetime(2026, 11, 24, 0, 30, tzinfo=UTC),
    ends_at=datetime(2026, 11, 24, 1, 0, tzinfo=UTC),
    room="3 楼 12 诊室",
)

SOON = datetime(2026, 11, 22, 6, 20, tzinfo=UTC)
SUBSTITUTES = [
    m.Substitute(f"ses_{n}", fee, replace(VISIT, doctor_name=name, starts_at=at, ends_at=at + timedelta(minutes=30)))
    for n, (name, fee, at) in enumerate(
        [
            ("李秀兰", 5000, datetime(2026, 11, 25, 1, 0, tzinfo=UTC)),
            ("赵国强", 6000, datetime(2026, 11, 25, 6, 0, tzinfo=UTC)),
            ("陈晓东", 0, datetime(2026, 11, 26, 1, 30, tzinfo=UTC)),
        ],
        2,
    )
]
MARK = m.CreditMark("mrk_1", "late_cancel", "hos_1", "ord_1", MOMENT, datetime(2027, 11, 22, 6, 5, tzinfo=UTC), 3)


def credit(change: Any, *marks: m.CreditMark) -> m.CreditChanged:
    """What user-svc says of the first of these marks, all of which stand."""
    return m.CreditChanged("pat_1", "acc_1", 2, change, marks[0].id if marks else "mrk_1", list(marks))


IN_CLINIC = ("vis_1", "ord_1", "acc_1", "ses_1", "7")
"""A visit in its line: visit, order, account, queue, ticket."""

SAMPLES: dict[str, Any] = {
    "user_registered": m.UserRegistered("acc_1", "alice", "zh-CN"),
    "order_placed": m.OrderPlaced("ord_1", "acc_1", "pat_1", "ses_1", MOMENT),
    "order_held": m.OrderHeld("ord_1", "acc_1", VISIT, 7, 5000, 3000, SOON),
    "order_entered": m.OrderEntered("ord_1", "acc_1", "ses_1", SOON, 3),
    "order_offered": m.OrderOffered("ord_1", "acc_1", VISIT, 7, 5000, SOON),
    "order_waitlisted": m.OrderWaitlisted("ord_1", "acc_1", "ses_1", 3),
    "order_rejected": m.OrderRejected(
        "ord_1", "acc_1", "ses_1", "limit_reached", "limits[0]: at most 1 per doctor and day", SOON
    ),
    "order_confirmed": m.OrderConfirmed("ord_1", "acc_1", "pat_1", "ses_1", VISIT, 7, 5000),
    "order_expired": m.OrderExpired("ord_1", "acc_1", "ses_1", VISIT),
    "order_withdrawn": m.OrderWithdrawn("ord_1", "acc_1", "pat_1", "ses_1", True, "patient", 5000, VISIT),
    "replacement_ended": m.OrderWithdrawn("ord_1", "acc_1", "pat_1", "ses_1", False, "replacement_ended", 3000, VISIT),
    "visit_stopped": m.OrderWithdrawn("ord_1", "acc_1", "pat_1", "ses_1", True, "session_stopped", 5000, VISIT),
    "order_cancelled": m.OrderCancelled("ord_1", "acc_1", "ses_1", "patient", 5000, VISIT),
    "session_stopped": m.OrderCancelled("ord_1", "acc_1", "ses_1", "session_stopped", 5000, VISIT),
    "order_rescheduled": m.OrderRescheduled("ord_1", "acc_1", "ord_2", VISIT),
    "substitutes_offered": m.SubstitutesOffered("ord_1", "acc_1", VISIT, 5000, SUBSTITUTES, SOON),
    "visit_missed": m.VisitMissed("ord_1", "acc_1", "pat_1", "ses_1", VISIT, "acc_7"),
    "visit_checked_in": m.VisitCheckedIn(*IN_CLINIC, "appointment", 4, True, VISIT),
    "visit_near": m.VisitNear(*IN_CLINIC, 2, MOMENT, VISIT),
    "visit_called": m.VisitCalled(*IN_CLINIC, "14-B", 1, False, MOMENT, VISIT),
    "visit_called_again": m.VisitCalled(*IN_CLINIC, "14-B", 2, True, MOMENT, VISIT),
    "visit_passed": m.VisitPassed(*IN_CLINIC, 2, 1, MOMENT, VISIT),
    "visit_moved": m.VisitMoved(*IN_CLINIC, "an emergency", MOMENT, VISIT, SUBSTITUTES[0].visit),
    "visit_too_late": m.VisitVoided("ord_1", "acc_1", "pat_1", "ses_1", "too_late", VISIT),
    "visit_not_served": m.VisitVoided("ord_1", "acc_1", "pat_1", "ses_1", "not_served", VISIT),
    "visit_completed": m.VisitCompleted("ord_1", "acc_1", "pat_1", "ses_1", MOMENT, VISIT),
    "credit_recorded": credit("recorded", MARK),
    "credit_lifted": credit("lifted"),
    "credit_upheld": credit("upheld", MARK),
    "refund_stalled": m.RefundStalled("ord_1", "acc_1", 5000, "the provider's balance does not do"),
    "payment_succeeded": m.PaymentSucceeded("ord_1", "acc_1", "pay_1", 5000, "window", MOMENT),
    "payment_failed": m.PaymentFailed("ord_1", "acc_1", "pay_1", "alipay", "balance too low"),
    "refund_succeeded": m.RefundSucceeded("ord_1", "acc_1", "ref_1", 5000, "order", "window", "cancelled"),
    "surplus_refunded": m.RefundSucceeded("ord_1", "acc_1", "ref_1", 5000, "surplus", "wechat", "fee_difference"),
    "refund_failed": m.RefundFailed("ord_1", "acc_1", "ref_1", 5000, "surplus", "account closed"),
    "security_password_changed": m.SecurityNoted("sec_1", "acc_1", "password_changed", MOMENT, "Firefox", None, None),
    "roster_applied": m.RosterApplied("ros_1", "hos_1", "acc_1", 5, 3, 1),
}
"""Kind of the account's own notification -> the message that causes it."""


def bodies(messages: Sequence[Any], at: datetime = MOMENT) -> list[bytes]:
    return [seal(message, at).body for message in messages]


class Reader:
    """Somebody with a token, who reads."""

    def __init__(self, service: Service, account_id: str, *roles: str, hospital_id: str = "") -> None:
        self._client = service.app.test_client()
        self._headers = bearer(account_id, *roles, hospital_id=hospital_id)

    def get(self, query: str = "", **headers: str) -> TestResponse:
        return self._client.get(f"/api/v1/notifications{query}", headers={**self._headers, **headers})

    def kinds(self, query: str = "") -> list[str]:
        return [item["kind"] for item in self.items(query)]

    def items(self, query: str = "", **headers: str) -> list[dict[str, Any]]:
        answer = self.get(query, **headers)
        assert answer.status_code == 200, answer.get_data()
        items: list[dict[str, Any]] = answer.get_json()["items"]
        return items

    def read(self, notification_id: str, **headers: str) -> TestResponse:
        path = f"/api/v1/notifications/{notification_id}/read"
        return self._client.post(path, headers={**self._headers, **headers})
