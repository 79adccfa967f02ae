"""What the tests of the rules share: a wish, what a patient has already, the marks against her."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from common.clock import SHANGHAI
from common.messages import CreditMark
from schedule_svc import rules as r
from schedule_svc.rules.ruleset import Limit, RuleSet

NOW = datetime(2026, 9, 1, 2, 0, tzinfo=UTC)
VISIT = date(2026, 9, 10)
HOUR = timedelta(hours=1)


def at(text: str) -> datetime:
    """A time of Beijing."""
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def wish(day: date = VISIT, period: str = "morning", **changes: Any) -> r.Wish:
    starts = datetime.combine(day, datetime.min.time(), SHANGHAI) + (8 if period == "morning" else 14) * HOUR
    fields: dict[str, Any] = {
        "order_id": "new",
        "session_id": "ses",
        "hospital_id": "hos",
        "department_id": "dep",
        "doctor_id": "doc",
        "date": day,
        "period": period,
        "starts_at": starts,
        "ends_at": starts + 4 * HOUR,
        "urgent": False,
        "replaces": None,
    }
    return r.Wish(**fields | changes)


def has(day: date = VISIT, state: str = "sold", **changes: Any) -> r.Registration:
    fields: dict[str, Any] = {
        "order_id": "old",
        "session_id": "ses2",
        "hospital_id": "hos",
        "department_id": "dep",
        "doctor_id": "doc",
        "date": day,
        "period": "morning",
        "state": state,
        "released_by": None,
        "changed_at": NOW - timedelta(days=1),
    }
    return r.Registration(**fields | changes)


def mark(days_ago: float, kind: Any = "no_show", now: datetime = NOW, **changes: Any) -> CreditMark:
    fields: dict[str, Any] = {
        "id": f"m{days_ago}",
        "kind": kind,
        "hospital_id": "hos",
        "order_id": f"o{days_ago}",
        "at": now - timedelta(days=days_ago),
        "expires_at": now + timedelta(days=365 - days_ago),
        "notice_hours": 13 if kind == "late_cancel" else None,
    }
    return CreditMark(**fields | changes)


def limited(*limits: Limit) -> RuleSet:
    return RuleSet(limits=limits)


def refusal(rules: RuleSet, wanted: r.Wish, *registrations: r.Registration, now: datetime = NOW) -> r.Refusal | None:
    return r.refuse(rules, wanted, now, registrations, [])
