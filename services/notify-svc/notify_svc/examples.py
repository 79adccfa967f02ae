"""What each kind of notification could be about: what staff are shown of its texts, and what tests render. Nobody's data."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, get_args

from common.messages import CodePurpose, SecurityEvent

_VISIT = {
    "hospital_id": "hos_1",
    "hospital_name": "示范医院",
    "department_id": "dep_1",
    "department_name": "心内科",
    "doctor_id": "doc_1",
    "doctor_name": "王立新",
    "doctor_title": "主任医师",
    "date": "2026-11-24",
    "period": "morning",
    "starts_at": "2026-11-24T00:30:00Z",
    "ends_at": "2026-11-24T01:00:00Z",
    "room": "3 楼 12 诊室",
}
_LATER = {**_VISIT, "doctor_name": "李秀兰", "starts_at": "2026-11-24T02:00:00Z", "ends_at": "2026-11-24T02:30:00Z"}
_SOON = "2026-11-22T06:20:00Z"
_MARK = {
    "id": "mrk_1",
    "kind": "late_cancel",
    "hospital_id": "hos_1",
    "order_id": "ord_1",
    "at": "2026-11-22T06:05:00Z",
    "expires_at": "2027-11-22T06:05:00Z",
    "notice_hours": 3,
}
_ORDER = {"order_id": "ord_1", "account_id": "acc_1"}
_WHOSE = {"_patient": "张*"}
_BOOKED = {**_ORDER, **_WHOSE, "visit": _VISIT, "queue_number": 7, "fee": 5000}
_WITHDRAWN = {**_ORDER, **_WHOSE, "was_confirmed": True, "cause": "patient", "amount": 5000, "visit": _VISIT}
_CANCELLED = {**_ORDER, **_WHOSE, "cause": "patient", "refunded": 5000, "visit": _VISIT, "_method": "wechat"}
_PAID = {**_ORDER, **_WHOSE, "_visit": _VISIT}
_REFUND = {**_PAID, "refund_id": "ref_1", "amount": 5000, "purpose": "order", "method": "wechat", "cause": "cancelled"}
_FAILED = {**_ORDER, "refund_id": "ref_1", "amount": 5000, "reason": "balance too low"}
_CREDIT = {**_WHOSE, "account_id": "acc_1", "mark_id": "mrk_1", "marks": [_MARK]}
_CODE = {"code": "042137", "expires_at": _SOON}
_NOTED = {"account_id": "acc_1", "at": "2026-11-22T06:05:00Z", "device": "Firefox, Windows"}
_REMINDER = {
    "account_id": "acc_1",
    "visits": [
        {"order_id": "ord_1", "_patient": "张*", "queue_number": 7, "visit": _VISIT},
        {"order_id": "ord_2", "_patient": "李**", "queue_number": 12, "visit": _LATER},
    ],
}
_IN_CLINIC = {**_ORDER, **_WHOSE, "visit_id": "vis_1", "queue_id": "ses_1", "ticket": "7", "visit": _VISIT}
_SUBSTITUTE = {"session_id": "ses_2", "fee": 5000, "visit": _LATER}

EXAMPLES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        **{f"code_{purpose}": _CODE for purpose in get_args(CodePurpose)},
        **{f"security_{what}": _NOTED for what in get_args(SecurityEvent)},
        "user_registered": {"account_id": "acc_1", "username": "alice", "locale": "zh-CN"},
        "address_dead": {"account_id": "acc_1", "channel": "sms"},
        "order_placed": {**_ORDER, **_WHOSE, "placed_at": "2026-11-22T06:05:00Z"},
        "order_entered": {**_ORDER, **_WHOSE, "draw_at": _SOON, "weight": 3},
        "order_held": {**_BOOKED, "due": 3000, "pay_before": _SOON},
        "order_offered": {**_BOOKED, "accept_before": _SOON},
        "order_waitlisted": {**_ORDER, **_WHOSE, "position": 3},
        "order_rejected": {
            **_ORDER,
            **_WHOSE,
            "reason": "limit_reached",
            "rule": "limits[0]: at most 1 per doctor and day",
            "until": _SOON,
        },
        "order_confirmed": _BOOKED,
        "order_expired": {**_ORDER, **_WHOSE, "visit": _VISIT},
        "order_withdrawn": _WITHDRAWN,
        "replacement_ended": {**_WITHDRAWN, "was_confirmed": False, "cause": "replacement_ended"},
        "visit_stopped": {**_WITHDRAWN, "cause": "session_stopped"},
        "order_cancelled": _CANCELLED,
        "session_stopped": {**_CANCELLED, "cause": "session_stopped"},
        "order_rescheduled": {**_ORDER, **_WHOSE, "by_order_id": "ord_2", "visit": _LATER},
        "substitutes_offered": {
            **_ORDER,
            **_WHOSE,
            "visit": _VISIT,
            "amount": 5000,
            "substitutes": [_SUBSTITUTE] * 3,
            "accept_before": _SOON,
        },
        "visit_missed": {**_ORDER, **_WHOSE, "visit": _VISIT},
        "credit_recorded": {**_CREDIT, "change": "recorded"},
        "credit_lifted": {**_CREDIT, "change": "lifted"},
        "credit_upheld": {**_CREDIT, "change": "upheld"},
        "payment_succeeded": {**_PAID, "amount": 5000, "method": "alipay", "paid_at": "2026-11-22T06:05:00Z"},
        "payment_failed": {**_PAID, "method": "alipay", "reason": "balance too low"},
        "refund_succeeded": _REFUND,
        "surplus_refunded": {**_REFUND, "purpose": "surplus", "cause": "fee_difference"},
        "refund_stalled": {**_PAID, "amount": 5000, "reason": "balance too low"},
        "refund_stalled_staff": {**_ORDER, "amount": 5000, "reason": "balance too low"},
        "refund_failed": {**_FAILED, **_PAID},
        "refund_failed_staff": _FAILED,
        "roster_applied": {"roster_id": "ros_1", "account_id": "acc_1", "applied": 5, "unchanged": 3, "rejected": 1},
        "visit_checked_in": {**_IN_CLINIC, "ahead": 4, "late": True},
        "visit_near": {**_IN_CLINIC, "ahead": 2},
        "visit_called": {**_IN_CLINIC, "room": "3 楼 12 诊室", "call": 1},
        "visit_called_again": {**_IN_CLINIC, "room": "3 楼 12 诊室", "call": 2},
        "visit_passed": {**_IN_CLINIC, "ahead": 2, "left": 1},
        "visit_moved": {**_IN_CLINIC, "why": "医生有急诊", "to": {**_LATER, "room": "3 楼 15 诊室"}},
        "visit_too_late": {**_ORDER, **_WHOSE, "cause": "too_late", "visit": _VISIT},
        "visit_not_served": {**_ORDER, **_WHOSE, "cause": "not_served", "visit": _VISIT},
        "visit_completed": {**_ORDER, **_WHOSE, "completed_at": "2026-11-24T00:52:00Z", "visit": _VISIT},
        "visit_tomorrow": _REMINDER,
        "visit_soon": _REMINDER,
    }
)
"""Kind -> the params of a notification, with all that its text can say."""
