"""Who acts in a queue."""

from collections.abc import Iterable
from dataclasses import dataclass

from common.errors import Forbidden, NotFound

from booking_svc.clinic.queue import Desk, Queue


@dataclass(frozen=True, slots=True)
class Staff:
    """A member of a hospital's staff. `doctor_id`: who she is, if a doctor; `of_desk`: she may act in every queue of her hospital,
    as registrars may; `everywhere`: in every hospital.
    """

    account_id: str
    hospital_id: str = ""
    doctor_id: str = ""
    of_desk: bool = False
    everywhere: bool = False

    def check_hospital(self, hospital_id: str, code: str) -> None:
        """Raises NotFound(code) for another hospital's, in the words in which it is said of what is not there at all."""
        if not self.everywhere and self.hospital_id != hospital_id:
            raise NotFound(f"no such {code.removesuffix('_not_found')}", code=code)

    def check_may_act(self, queue: Queue, desks: Iterable[Desk]) -> None:
        """Raises Forbidden(`not_your_session`) for a doctor whose session it is not, and who has no open desk in it."""
        if self.everywhere or self.of_desk:
            return
        own = bool(self.doctor_id) and (
            queue.doctor_id == self.doctor_id or any(d.is_open and d.doctor_id == self.doctor_id for d in desks)
        )
        if not own:
            raise Forbidden("this is another doctor's session", code="not_your_session")
