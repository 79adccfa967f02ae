"""Patients' credit (信用记录): what is marked, how long it stands, what it says. Pure rules.

What follows from marks is each hospital's rule, in schedule-svc. Here is what happened, with its evidence; a session that
the hospital stopped (停诊) is never counted.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from common.clock import SHANGHAI
from common.messages import Visit

Kind = Literal["no_show", "late_cancel"]
Appeal = Literal["none", "open", "lifted", "upheld"]

STANDS = timedelta(days=365)
"""From what happened on; then a mark has expired."""

NOTICE = timedelta(hours=72)
"""A confirmed number given back with less notice is noted; which notice counts is a hospital's rule, at most this."""

LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class Mark:
    """One mark against a patient. `marked_by`: the account of the member of staff; None: the patient's own cancellation."""

    id: str
    patient_id: str
    account_id: str
    kind: Kind
    hospital_id: str
    order_id: str
    session_id: str
    visit: Visit
    at: datetime
    expires_at: datetime
    notice_hours: int | None
    marked_by: str | None
    appeal: Appeal = "none"
    appeal_reason: str | None = None
    appealed_at: datetime | None = None
    verdict_reason: str | None = None
    decided_at: datetime | None = None
    decided_by: str | None = None

    def stands(self, now: datetime) -> bool:
        """True if it counts."""
        return self.appeal != "lifted" and now < self.expires_at

    def state(self, now: datetime) -> str:
        """standing, lifted or expired."""
        if self.appeal == "lifted":
            return "lifted"
        return "standing" if now < self.expires_at else "expired"


def notice_hours(withdrawn_at: datetime, visit: Visit) -> int | None:
    """Whole hours between a cancellation and the visit; None if it was in good time."""
    notice = visit.starts_at - withdrawn_at
    return None if notice >= NOTICE else max(0, notice // timedelta(hours=1))


_PERIODS = {"morning": "上午", "afternoon": "下午", "evening": "晚上"}


def evidence(mark: Mark) -> dict[str, str]:
    """What a mark says happened, in zh-CN and en."""
    visit = mark.visit
    starts = visit.starts_at.astimezone(SHANGHAI)
    where = " ".join(name for name in (visit.hospital_name, visit.department_name, visit.doctor_name) if name)
    zh = f"{visit.date} {_PERIODS[visit.period]} {starts:%H:%M}，{where}："
    en = f"{visit.date} {starts:%H:%M} (Beijing time), {where}: "
    if mark.kind == "no_show":
        zh, en = zh + "医院登记为未到诊", en + "noted by the hospital as missed"
    else:
        zh += f"距就诊不足 {(mark.notice_hours or 0) + 1} 小时退号"
        en += f"cancelled less than {(mark.notice_hours or 0) + 1} h before the visit"
    return {"zh-CN": f"{zh}。订单 {mark.order_id}。", "en": f"{en}. Order {mark.order_id}."}
