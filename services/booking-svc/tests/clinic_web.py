"""The clinic day of clinic_day.py over HTTP: who may be at the other end, and what they ask."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from booking_svc import store
from booking_svc.app import Settings, build
from booking_world import VISIT
from clinic_day import ROOM, ClinicDay
from common.service import Service
from common.testing import bearer
from werkzeug.test import TestResponse

HERE, THERE = VISIT.hospital_id, "hos_there"
CALLERS: Mapping[str, Mapping[str, str]] = {
    "registrar": bearer("acc_desk", "patient", "registrar", hospital_id=HERE),
    "admin": bearer("acc_admin", "patient", "hospital_admin", hospital_id=HERE),
    "operator": bearer("acc_operator", "patient", "operator"),
    "doctor": bearer("acc_doctor", "patient", "doctor", hospital_id=HERE, doctor_id=VISIT.doctor_id),
    "colleague": bearer("acc_colleague", "patient", "doctor", hospital_id=HERE, doctor_id="doc9"),
    "board": bearer("acc_board", "board", hospital_id=HERE),
    "cashier": bearer("acc_cashier", "patient", "cashier", hospital_id=HERE),
    "elsewhere": bearer("acc_there", "patient", "doctor", "registrar", "hospital_admin", hospital_id=THERE),
    "nowhere": bearer("acc_none", "patient", "doctor", "registrar", "hospital_admin"),
    "board elsewhere": bearer("acc_board2", "board", hospital_id=THERE),
}
"""By what they are here; everybody else is a patient, acc_<name>."""
ACTORS = ("registrar", "admin", "operator", "doctor")
STRANGERS = ("elsewhere", "nowhere")


class Web:
    """A service over the database of a clinic day."""

    def __init__(self, day: ClinicDay, service: Service) -> None:
        self.day, self.service = day, service

    def ask(self, who: str, method: str, path: str, body: Any = None, **headers: str) -> TestResponse:
        """`path` below /api/v1; {queue} stands for that of the day's session."""
        of_caller = CALLERS.get(who) or bearer(f"acc_{who}")
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.service.app.test_client().open(
            f"/api/v1{path.replace('{queue}', f'/sessions/{self.day.session}/queue')}",
            method=method,
            json=body,
            headers={**of_caller, **more},
        )

    def get(self, who: str, path: str, **headers: str) -> TestResponse:
        return self.ask(who, "GET", path, **headers)

    def post(self, who: str, path: str, body: Any = None, **headers: str) -> TestResponse:
        return self.ask(who, "POST", path, {} if body is None else body, **headers)

    def good(self, who: str, path: str, body: Any = None, status: int = 200) -> Any:
        """What is answered to a POST that is granted."""
        answer = self.post(who, path, body)
        assert answer.status_code == status, answer.get_data(as_text=True)
        return answer.get_json()

    def next(self, after: str | None = None, who: str = "registrar", room: str = ROOM, **more: Any) -> Any:
        return self.good(who, "{queue}/next", {"room": room, "after": after, **more})

    def order_of(self, visit_id: str) -> str:
        return self.day.visit(visit_id).order_id or ""

    def name(self, visit_id: str, masked: str) -> None:
        """Her patient's name, as we keep it."""
        visit = self.day.visit(visit_id)
        row = {
            "id": visit.patient_id,
            "account_id": visit.account_id,
            "revision": 1,
            "masked_name": masked,
            "removed": False,
        }
        with self.day.database.transaction() as tx:
            store.save_patients(tx, [row])


@contextmanager
def clinic_web(url: str) -> Iterator[Web]:
    day = ClinicDay(url)
    service = build(Settings(database_url=url), day.clock)
    yield Web(day, service)
    service.database.close()
    day.database.close()
