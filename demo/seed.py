"""Seeds a running system over HTTP: `python -m demo.seed http://localhost:8000`. Doing it again changes nothing.

The rosters go through the intake that hospitals use; the accounts through the registration that patients use. Needs the
operator's account: ADMIN_USERNAME and ADMIN_PASSWORD.
"""

import os
import sys
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from common.clock import SHANGHAI

from demo.client import Client, Refused
from demo.roster import rosters

PASSWORD = "haoyuan-demo-2026"  # noqa: S105  a demo account's, printed on every start
PATIENT = {"name": "张晓梅", "id_type": "resident_id", "id_number": "110101199003074549", "phone": "13800138000"}


@dataclass(frozen=True)
class Account:
    username: str
    roles: tuple[str, ...]
    hospital: str
    about: str


ACCOUNTS = (
    Account("demo", ("patient",), "", "a patient, with one person to book for"),
    Account("registrar", ("registrar",), "renji", "publishes sessions, 停诊"),
    Account("cashier", ("cashier",), "renji", "records payments at the counter"),
)


def seed(url: str, admin: str, password: str) -> str:
    """Publish the demo's rosters and make its accounts; answers what was done, in words."""
    operator = Client(f"{url}/api/v1")
    operator.login(admin, password)
    summaries = [operator.post("/rosters", roster) for roster in rosters(datetime.now(SHANGHAI).date())]
    hospitals = {h["code"]: h["id"] for h in operator.get("/hospitals")["items"]}
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
    else:
        client.login(account.username, PASSWORD)
        client.post("/users/me/patients", PATIENT)


if __name__ == "__main__":
    print(seed(sys.argv[1].rstrip("/"), os.environ.get("ADMIN_USERNAME", "operator"), os.environ["ADMIN_PASSWORD"]))
