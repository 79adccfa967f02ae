"""One world for attacks: a patient and all that is hers, a hospital and its staff; another person and another hospital's staff."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from actors import PASSWORD, Hospital, Patient, eventually
from common.clock import SHANGHAI
from common.messages import Visit, VisitMissed
from common.testing import bearer, deliver

from demo.client import Client
from embedded.system import System

STAFF = ("doctor", "registrar", "cashier", "hospital_admin")


@dataclass
class World:
    """`known`: by the name of a path's parameter, the id of what is hers or the hospital's."""

    system: System
    operator: Client
    here: Hospital
    there: Hospital
    alice: Patient
    mallory: Patient
    known: dict[str, str] = field(default_factory=dict)

    def headers(self, who: str) -> dict[str, str]:
        """alice, mallory; here, there: staff of the two hospitals, with every role that one can have."""
        if who in {"alice", "mallory"}:
            return {"Authorization": f"Bearer {getattr(self, who).token}"}
        hospital: Hospital = getattr(self, who)
        key = self.system.secrets["JWT_PRIVATE_KEY"]
        return bearer(self.known[f"boss_{who}"], *STAFF, hospital_id=hospital.id, key=key)

    def call(self, service: str, method: str, path: str, who: str, body: Any) -> Any:
        client = self.system.services[service].app.test_client()
        options = {} if body is None else {"json": body}
        return client.open(path, method=method, headers=self.headers(who), **options)


def build(system: System) -> World:
    base = f"{system.url}/api/v1"
    operator = Client(base)
    operator.login(system.secrets["ADMIN_USERNAME"], system.secrets["ADMIN_PASSWORD"])
    here, there, alice, mallory = Hospital(base, operator), Hospital(base, operator), Patient(base), Patient(base)
    world = World(system, operator, here, there, alice, mallory)
    session = here.session(20, days=6)
    order, given_back = alice.confirmed(session)["id"], _given_back(alice, here)
    world.known = {
        "hospital_id": here.id,
        "session_id": session,
        "order_id": order,
        "visit_id": alice.see(order)["visit_id"],
        "room": "1",
        "patient_id": alice.patient,
        "payment_id": alice.get(f"/payments?order_id={order}")["items"][0]["id"],
        "refund_id": here.cashier.get(f"/refunds?order_id={given_back}")["items"][0]["id"],
        "notification_id": eventually(lambda: alice.get("/notifications")["items"], "she is told")[0]["id"],
        "login_id": alice.get("/users/me/logins")["items"][0]["id"],
        "roster_id": here.registrar.get("/rosters")["items"][0]["roster_id"],
        "mark_id": _marked(world),
        "boss_here": _boss(base, operator, here),
        "boss_there": _boss(base, operator, there),
        "account_id": here.registrar.get("/users/me")["id"],
    }
    return world


def _given_back(alice: Patient, here: Hospital) -> str:
    order = str(alice.confirmed(here.session(5, days=6))["id"])  # in good time: that makes no mark
    alice.post(f"/orders/{order}/cancel")
    alice.state(order, "cancelled")
    return order


def _marked(world: World) -> str:
    """A mark against her: she has missed a visit at the hospital."""
    starts, alice = datetime.now(UTC) - timedelta(hours=2), world.alice
    day = starts.astimezone(SHANGHAI).date()
    visit = Visit(
        world.here.id, "测试医院", "dep_1", "内科", "doc_1", "王医生", "主任医师", day, "morning",
        starts, starts + timedelta(minutes=30), "A101",
    )  # fmt: skip
    me = alice.get("/users/me")["id"]
    missed = VisitMissed("ord_missed", me, alice.patient, "ses_missed", visit, "acc_staff")
    deliver(world.system.services["user-svc"], missed)
    return str(alice.get(f"/users/me/patients/{alice.patient}/credit")["items"][0]["id"])


def _boss(base: str, operator: Client, hospital: Hospital) -> str:
    """The account of an administrator of the hospital."""
    boss, name = Client(base), f"boss{hospital.code}"
    boss.post("/users", {"username": name, "password": PASSWORD, "email": f"{name}@example.com"})
    boss.login(name, PASSWORD)
    account = str(boss.get("/users/me")["id"])
    operator.post(f"/users/{account}/roles", {"roles": ["hospital_admin"], "hospital_id": hospital.id})
    return account
