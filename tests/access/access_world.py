"""The world of tests/integration/attack_world.py with more in it, callers of every role, and requests that name what is in it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from actors import eventually
from attack_world import STAFF, World
from common.outbox import Parked
from common.testing import bearer
from test_attacks import BODIES

from demo.client import Client
from docs.generators.access import EACH, Row

ENDLESS = {
    "/api/v1/notifications/stream",
    "/api/v1/sessions/{session_id}/queue/stream",
    "/api/v1/visits/{visit_id}/stream",
}


@dataclass
class Given:
    """`known`: by the name of a path's parameter, the id of what is alice's, or the hospital's that is here."""

    world: World
    known: dict[str, str]

    def token(self, who: str) -> str:
        """alice, mallory; a role, at the hospital that is here; there, nowhere: staff with every role, patients too."""
        if who in {"alice", "mallory"}:
            return str(getattr(self.world, who).token)
        if who == "operator":
            return self._signed(self.known["operator"], who, hospital="")
        if who == "there":
            return self._signed(self.known["boss_there"], *STAFF, "patient", hospital=self.world.there.id)
        if who == "nowhere":
            return self._signed(self.known["boss_there"], *STAFF, "patient", hospital="")
        return self._signed(self.known["boss_here"], who, hospital=self.known["hospital_id"])

    def _signed(self, account: str, *roles: str, hospital: str) -> str:
        key = self.world.system.secrets["JWT_PRIVATE_KEY"]
        headers = bearer(account, *roles, hospital_id=hospital, key=key)
        return headers["Authorization"].removeprefix("Bearer ")

    def path(self, row: Row, *, real: bool) -> str:
        """With the ids of what is there, or of nothing; only the hospital is there always."""
        path = row.path
        for name in (part.partition("}")[0] for part in row.path.split("{")[1:]):
            known = self.known.get(name, "x") if real or name == "hospital_id" else "x"
            path = path.replace(f"{{{name}}}", known)
        return path

    def call(self, row: Row, who: str, *, real: bool = True, body: Any = None, query: str = "") -> Any:
        """Make the request; without a token for `nobody`."""
        client = self.world.system.apps["notify-svc" if row.service == EACH else row.service].test_client()
        headers = {} if who == "nobody" else {"Authorization": f"Bearer {self.token(who)}"}
        options = {"json": {} if body is None else body} if row.method in {"POST", "PATCH"} else {}
        answer = client.open(
            self.path(row, real=real), method=row.method, headers=headers, query_string=query, **options
        )
        if row.path in ENDLESS:
            answer.close()
        return answer

    def queries(self, row: Row) -> str:
        """What of alice's or the hospital's is named in a query, and what a query must have."""
        if row.method != "GET":
            return ""
        today = datetime.now(UTC).date()
        order, hospital = f"order_id={self.known['order_id']}", f"hospital_id={self.known['hospital_id']}"
        days = f"from={today - timedelta(days=1)}&to={today + timedelta(days=1)}"
        return {
            "/api/v1/payments": order,
            "/api/v1/ledger": order,
            "/api/v1/trail": f"account_id={self.known['boss_here']}",
            "/api/v1/sessions/{session_id}/chance": order,
            "/api/v1/sessions/{session_id}/draw/receipt": order,
            "/api/v1/ledger/balances": days,
            "/api/v1/ledger/export": days,
            "/api/v1/staff": hospital,
            "/api/v1/search": "q=a",
            "/api/v1/rosters": hospital,
            "/api/v1/sessions/drafts": hospital,
            "/api/v1/waits/coverage": f"department_id={self.known['department_id']}",
            "/api/v1/planning/back-test": f"department_id={self.known['department_id']}&date_from={today}&date_to={today}",
        }.get(row.path, "")

    def bodies(self, row: Row) -> Any:
        """What of alice's or the hospital's is named in a body, which is good for who may."""
        known, here = self.known, self.world.here
        session = here.see(known["session_id"])
        slot = {name: session["slots"][0][name] for name in ("starts_at", "ends_at", "capacity")}
        copied = {name: session[name] for name in ("date", "period", "fee", "release_at")}
        child = {"name": "王小二", "id_type": "passport", "id_number": "E12345678", "phone": "13800138000"}
        child |= {"birth_date": f"{datetime.now(UTC).year - 9}-03-07", "sex": "female"}
        bodies = BODIES | {
            "/api/v1/orders": {"session_id": known["session_id"], "patient_id": known["patient_id"]},
            "/api/v1/users/me/patients": {**child, "guardian_id": known["patient_id"]},
            "/api/v1/staff": {
                "username": self.world.mallory.username,
                "roles": ["cashier"],
                "hospital_id": known["hospital_id"],
            },
            "/api/v1/rosters": here._roster([]),
            "/api/v1/sessions": {**copied, "doctor_id": known["doctor_id"], "slots": [slot]},
            "/api/v1/planning/what-if": {"base": {"session_id": known["session_id"]}, "runs": 20},
            "/api/v1/sessions/{session_id}/slots": {"slot_id": known["slot_id"], "extra": 1},
        }
        return bodies.get(row.path)

    def looks(self) -> dict[str, Any]:
        """All of alice's and the hospital's that a request could change."""
        known, alice, cashier = self.known, self.world.alice, self.world.here.cashier
        admin = Client(alice.base)
        admin.token = self.token("hospital_admin")
        notes = alice.get("/notifications?limit=200")["items"]
        return {
            "account": [alice.get(f"/users/me{path}") for path in ("", "/patients", "/logins")],
            "credit": alice.get(f"/users/me/patients/{known['patient_id']}/credit"),
            "orders": [(o["id"], o["state"]) for o in alice.get("/orders")["items"]],
            "visits": [(v["id"], v["state"], v["visit_class"]) for v in alice.get("/visits")["items"]],
            "payments": [p["id"] for p in alice.get(f"/payments?order_id={known['order_id']}")["items"]],
            "refunds": [r["id"] for r in cashier.get("/refunds")["items"]],
            "read": next(n["read_at"] for n in notes if n["id"] == known["notification_id"]),
            "preferences": alice.get("/notifications/preferences"),
            "session": [admin.get(f"/sessions/{known['session_id']}{path}") for path in ("", "/vouchers")],
            "queue": {**admin.get(f"/sessions/{known['session_id']}/queue"), "at": None},
            "hospital": [admin.get(path) for path in (f"/hospitals/{known['hospital_id']}/rules", "/rosters")],
            "people": [admin.get(path) for path in ("/staff", "/credit/appeals")],
        }


def more(world: World) -> Given:
    """With an appeal, a voucher and a letter, and the ids of what only operators see."""
    alice, known = world.alice, world.known
    alice.post(f"/users/me/patients/{alice.patient}/credit/{known['mark_id']}/appeal", {"reason": "在住院"})
    world.here.registrar.post(f"/sessions/{known['session_id']}/vouchers", {"channel": "window"})
    alice.post("/codes", {"purpose": "register", "to": "somebody@example.com"})
    session, template = world.here.see(known["session_id"]), world.operator.get("/templates")["items"][0]
    schema = alice.get("/rosters/schemas/")["items"][0]
    for service in world.system.services.values():
        service.store.park([Parked("parked-1", "", b"what nobody can read", "no CloudEvent", service.store.clock())])
    return Given(
        world,
        known
        | {
            "kind": template["kind"],
            "version": str(template["versions"][-1]),
            "locale": template["locales"][0],
            "channel": template["channels"][0],
            "name": schema,
            "message_id": "parked-1",
            "delivery_id": eventually(lambda: world.operator.get("/deliveries")["items"], "a letter")[0]["id"],
            "slot_id": session["slots"][0]["id"],
            "doctor_id": session["doctor"]["id"],
            "department_id": alice.get(f"/orders/{known['order_id']}")["visit"]["department_id"],
            "alice": alice.get("/users/me")["id"],
            "operator": world.operator.get("/users/me")["id"],
            "day": "2026-11-20",
        },
    )
