"""A voucher: what staff hand out so that a patient gets a number that is set aside, or more weight in a draw."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Voucher:
    """`channel`: referral or window; `urgency`: routine, soon or urgent. `order_id`: the order that has used it."""

    code: str
    hospital_id: str
    session_id: str
    channel: str
    urgency: str
    patient_id: str | None
    expires_at: datetime
    issued_by: str
    issued_at: datetime
    order_id: str | None = None

    def serves(self, session_id: str, patient_id: str, now: datetime) -> bool:
        """True if a new order of this patient for this session may use it now."""
        return (
            self.session_id == session_id
            and self.patient_id in (None, patient_id)
            and self.order_id is None
            and now < self.expires_at
        )
