"""Seeds a running system over HTTP: `python -m demo.seed http://localhost:8000`. Doing it again changes nothing. What goes on there now
is made by today.py.

The rosters go through the intake that hospitals use; the accounts through the registration that patients use. A family enters
draws, one of which is held some seconds later. Needs the operator's account: ADMIN_USERNAME and ADMIN_PASSWORD. With MAILBOX_URL, the
mailbox of development, patients prove their addresses there, and are told by e-mail and SMS what happens to their orders.
"""

import itertools
import os
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from common.clock import SHANGHAI, Clock, system_clock

from demo.client import Client, Refused
from demo.hospitals import HOSPITALS
from demo.letters import prove
from demo.roster import GUEST_CODE, SOON, drawn_clinic, guest_roster, rosters

PASSWORD = "haoyuan-demo-2026"  # noqa: S105  a demo account's, printed on every start
CHILD = 14  # years, below which somebody must answer for her
DRAW_AFTER = timedelta(seconds=5)


@dataclass(frozen=True)
class Account:
    username: str
    roles: tuple[str, ...]
    hospital: str
    about: str
    people: tuple[tuple[str, str], ...] = ()
    """Whom it may book for: names, and the numbers of their resident IDs (invented)."""
    phone: str = ""
    """Proved, where there is a mailbox. Without one the account has none."""
    doctor: str = ""
    """Who she is there, by the hospital's code."""

    @property
    def email(self) -> str:
        return f"{self.username}@example.com"


FAMILY = Account(
    "family",
    ("patient",),
    "",
    "a family of four, who took part in a draw and wait for others",
    (
        ("林志远", "110101198504122022"),
        ("吴佳怡", "110101198709231142"),
        ("林小满", "110101201506013019"),
        ("林小雨", "110101201802154246"),
    ),
    phone="+8613800138001",
)
ACCOUNTS = (
    Account(
        "demo",
        ("patient",),
        "",
        "a patient, with one person to book for",
        (("张晓梅", "110101199003074549"),),
        "+8613800138000",
    ),
    FAMILY,
    Account("doctor", ("doctor",), "renji", "calls the patients of the session that goes on now", doctor=GUEST_CODE),
    Account("registrar", ("registrar",), "renji", "publishes sessions, 停诊"),
    Account("cashier", ("cashier",), "renji", "records payments at the counter"),
    Account("manager", ("hospital_admin",), "renji", "looks after load, waits and staff"),
    Account("board", ("board",), "renji", "the screen on the wall: whose turn it is"),
)


def seed(url: str, admin: str, password: str, mailbox: str = "", clock: Clock = system_clock) -> str:
    """Publish the demo's rosters and make its accounts; answers what was done, in words. mailbox: the address of its page."""
    operator = Client(f"{url}/api/v1")
    operator.login(admin, password)
    now = clock()
    published = (*rosters(now.astimezone(SHANGHAI).date()), guest_roster())
    summaries = [operator.post("/rosters", roster) for roster in published]
    hospitals = {h["code"]: h["id"] for h in operator.get("/hospitals")["items"]}
    for hospital in HOSPITALS:
        _ensure_rules(operator, hospitals[hospital.code], hospital.rules)
    for account in ACCOUNTS:
        if account.hospital:
            _ensure_staff(operator, account, hospitals[account.hospital])
        else:
            _ensure_patient(operator.base, account, now)
    _ensure_draw(operator, hospitals, clock)
    if mailbox:
        for account in ACCOUNTS:
            _ensure_reached(operator.base, account, mailbox)
    return f"{sum(s['applied'] for s in summaries)} new rows, {sum(s['unchanged'] for s in summaries)} known"


def _ensure_staff(operator: Client, account: Account, hospital: str) -> None:
    if any(
        each["username"] == account.username
        for each in operator.get(f"/staff?hospital_id={hospital}&limit=200")["items"]
    ):
        return
    body: dict[str, Any] = {"username": account.username, "roles": list(account.roles), "hospital_id": hospital}
    if account.roles == ("board",):
        body["password"] = PASSWORD
    else:
        _register(operator.base, account)
    if account.doctor:
        doctors = operator.get(f"/doctors?hospital_id={hospital}&limit=200")["items"]
        body["doctor_id"] = next(doctor["id"] for doctor in doctors if doctor["code"] == account.doctor)
    try:
        operator.post("/staff", body)
    except Refused as refused:  # the name is a newcomer's own by now
        if refused.status != 409:
            raise


def _register(base: str, account: Account) -> bool:
    """False: it is there."""
    try:
        Client(base).post("/users", {"username": account.username, "password": PASSWORD, "email": account.email})
    except Refused as refused:
        if refused.status != 409:
            raise
        return False
    return True


def _ensure_patient(base: str, account: Account, now: datetime) -> None:
    if not _register(base, account):
        return
    client = Client(base)
    client.login(account.username, PASSWORD)
    first = ""
    for name, number in account.people:
        person = {"name": name, "id_type": "resident_id", "id_number": number, "phone": "13800138000"}
        if first and int(number[6:10]) > now.year - CHILD:
            person["guardian_id"] = first
        made = client.post("/users/me/patients", person)
        first = first or made["id"]


def _ensure_reached(base: str, account: Account, mailbox: str) -> None:
    """Last of all: what happened before is in the inbox, and need not be mailed."""
    if not account.phone:
        return
    client = Client(base)
    client.login(account.username, PASSWORD)
    if not client.get("/users/me")["phone_verified"]:
        prove(client, mailbox, PASSWORD, {"email": account.email, "phone": account.phone})


def _ensure_rules(operator: Client, hospital: str, rules: dict[str, Any]) -> None:
    if not operator.get(f"/hospitals/{hospital}/rules")["version"]:
        operator.post(f"/hospitals/{hospital}/rules", {"rules": rules})


def _ensure_draw(operator: Client, hospitals: dict[str, str], clock: Clock) -> None:
    """If no free draw is to be seen in the days to come: one with half as many numbers as the family has members, held in some
    seconds. All of them enter it, and the famous doctor's of those days.
    """
    now = clock()
    roster = drawn_clinic(now, now + DRAW_AFTER)  # to know where and when to look
    hospital, last = hospitals[roster["hospital"]["code"]], roster["sessions"][0]["date"]
    days = f"date_from={now.astimezone(SHANGHAI).date() + SOON}&date_to={last}"

    def draws() -> list[dict[str, Any]]:
        found = operator.get(f"/sessions?hospital_id={hospital}&{days}&limit=200")["items"]
        return [session for session in found if session["policy"] == "lottery"]

    if any(not session["fee"]["amount"] for session in draws()):
        return
    family = Client(operator.base)
    family.login(FAMILY.username, PASSWORD)
    people = [person["id"] for person in family.get("/users/me/patients")["items"]]
    operator.post("/rosters", drawn_clinic(now, clock() + DRAW_AFTER))  # the seconds count from here
    for session, person in itertools.product(draws(), people):
        try:
            family.post("/orders", {"session_id": session["id"], "patient_id": person, "join_waitlist": True})
        except Refused as refused:  # a busy machine is slower than the draw, which is held among who came in time
            if refused.problem.get("code") != "entries_closed":
                raise


if __name__ == "__main__":
    from demo.today import enliven

    who = os.environ.get("ADMIN_USERNAME", "operator"), os.environ["ADMIN_PASSWORD"]
    at = sys.argv[1].rstrip("/")
    print(seed(at, *who, mailbox=os.environ.get("MAILBOX_URL", "").rstrip("/")))
    print(*enliven(at, *who), sep="\n", end="")
