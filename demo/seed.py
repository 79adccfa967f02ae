"""Seeds a running system over HTTP: `python -m demo.seed http://localhost:8000`. Doing it again changes nothing.

The rosters go through the intake that hospitals use; the accounts through the registration that patients use. On a fresh system
a family enters two draws, one of which is held some seconds later. Needs the operator's account: ADMIN_USERNAME and ADMIN_PASSWORD.
"""

import os
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from common.clock import SHANGHAI

from demo.client import Client, Refused
from demo.hospitals import HOSPITALS
from demo.roster import drawn_clinic, rosters

PASSWORD = "haoyuan-demo-2026"  # noqa: S105  a demo account's, printed on every start
PATIENT = {"name": "张晓梅", "id_type": "resident_id", "id_number": "110101199003074549", "phone": "13800138000"}
FAMILY = {
    "林志远": "110101198504122022",
    "吴佳怡": "110101198709231142",
    "林小满": "110101201506013019",
    "林小雨": "110101201802154246",
}
DRAW_AFTER = timedelta(seconds=5)


@dataclass(frozen=True)
class Account:
    username: str
    roles: tuple[str, ...]
    hospital: str
    about: str


ACCOUNTS = (
    Account("demo", ("patient",), "", "a patient, with one person to book for"),
    Account("family", ("patient",), "", "a family of four, who took part in a draw and wait for another"),
    Account("registrar", ("registrar",), "renji", "publishes sessions, 停诊"),
    Account("cashier", ("cashier",), "renji", "records payments at the counter"),
)


def seed(url: str, admin: str, password: str) -> str:
    """Publish the demo's rosters and make its accounts; answers what was done, in words."""
    operator = Client(f"{url}/api/v1")
    operator.login(admin, password)
    summaries = [operator.post("/rosters", roster) for roster in rosters(datetime.now(SHANGHAI).date())]
    hospitals = {h["code"]: h["id"] for h in operator.get("/hospitals")["items"]}
    for hospital in HOSPITALS:
        _ensure_rules(operator, hospitals[hospital.code], hospital.rules)
    for account in ACCOUNTS:
        _ensure(operator, account, hospitals)
    return f"{sum(s['applied'] for s in summaries)} new rows, {sum(s['unchanged'] for s in summaries)} known"


def _ensure(operator: Client, account: Account, hospitals: dict[str, str]) -> None:
    client = Client(operator.base)
    body: dict[str, Any] = {
        "username": account.username,
        "password": PASSWORD,
        "email": f"{account.username}@example.com",
    }
    try:
        made = client.post("/users", body)
    except Refused as refused:
        if refused.status != 409:
            raise
        return
    if account.hospital:
        operator.post(
            f"/users/{made['id']}/roles", {"roles": list(account.roles), "hospital_id": hospitals[account.hospital]}
        )
        return
    client.login(account.username, PASSWORD)
    if account.username == "family":
        _enter_draws(operator, client, hospitals)
    else:
        client.post("/users/me/patients", PATIENT)


def _ensure_rules(operator: Client, hospital: str, rules: dict[str, Any]) -> None:
    if not operator.get(f"/hospitals/{hospital}/rules")["version"]:
        operator.post(f"/hospitals/{hospital}/rules", {"rules": rules})


def _enter_draws(operator: Client, family: Client, hospitals: dict[str, str]) -> None:
    """Publish a draw with half as many numbers as the family has members, and enter all of them into the draws of that day."""
    people = [
        family.post("/users/me/patients", {**PATIENT, "name": name, "id_number": number})["id"]
        for name, number in FAMILY.items()
    ]
    now = datetime.now(UTC)
    roster = drawn_clinic(now, now + DRAW_AFTER)
    operator.post("/rosters", roster)
    hospital, day = hospitals[roster["hospital"]["code"]], roster["sessions"][0]["date"]
    found = operator.get(f"/sessions?hospital_id={hospital}&date_from={day}&date_to={day}&limit=200")
    for session in (s["id"] for s in found["items"] if s["policy"] == "lottery"):
        for person in people:
            family.post("/orders", {"session_id": session, "patient_id": person, "join_waitlist": True})


if __name__ == "__main__":
    print(seed(sys.argv[1].rstrip("/"), os.environ.get("ADMIN_USERNAME", "operator"), os.environ["ADMIN_PASSWORD"]))
