"""What goes on when somebody looks: a clinic with people in its line, a session whose numbers are about to be released, and one that was
stopped, with money that must go back. Made as people would make it, over HTTP; doing it again changes nothing while it goes on.
"""

import hashlib
import time
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from common.clock import SHANGHAI, Clock, system_clock

from demo.client import Client, Refused
from demo.roster import GUEST_CODE, clinic_of_now, guest_roster, released_soon, to_be_stopped
from demo.seed import PASSWORD

Found = TypeVar("Found")

PATIENT = "demo"
ROOM = "C206"
FIRST = {"name": "何秀英", "visit_class": "walk_in"}
"""Is called before the others come."""
OTHERS = (
    {"name": "孙德福", "visit_class": "priority", "reason": "elderly"},
    {"name": "马俊", "visit_class": "walk_in"},
    {"name": "黄丽", "visit_class": "walk_in"},
)
VISITORS = ("罗志强", "梁燕", "宋文静")
"""With appointments: the first is here, the others are expected. Who is not seen has missed her visit, so each day has others of
these names.
"""
LINE = 1 + len(OTHERS) + 1 + len(VISITORS)
PATIENCE = 20.0  # seconds
NO_NUMBER = {"rejected", "waitlisted", "cancelled"}


def enliven(url: str, admin: str, password: str, clock: Clock = system_clock) -> list[str]:
    """Answers what could not be made, in words: the demo's people may have been used for something else meanwhile."""
    operator = Client(f"{url}/api/v1")
    operator.login(admin, password)
    return [*_attempts(operator, clock)]


def _attempts(operator: Client, clock: Clock) -> Iterator[str]:
    now = clock()
    try:
        sessions = _publish(operator, now)
    except (Refused, TimeoutError) as error:
        yield f"the demo's guest has no sessions: {error}"
        return
    to_do = [partial(_fill_the_clinic, operator.base, each, now) for each in sessions["now"] if _ends(each) > now]
    to_do += [partial(_stop, operator.base, each) for each in sessions["stopped"] if each["state"] == "open"]
    for each in to_do:
        try:
            each()
        except (Refused, TimeoutError) as error:
            yield f"the demo's session {each.args[1]['code']} is not as it should be: {error}"


def _publish(operator: Client, now: datetime) -> dict[str, list[dict[str, Any]]]:
    """What is missing of the guest's sessions; answers those that are to be filled or stopped, by what they are for."""
    hospitals = {each["code"]: each["id"] for each in operator.get("/hospitals")["items"]}
    hospital = hospitals[guest_roster()["hospital"]["code"]]
    doctors = operator.get(f"/doctors?hospital_id={hospital}&limit=200")["items"]
    guest = next(each["id"] for each in doctors if each["code"] == GUEST_CODE)
    known = _sessions(operator, guest)
    rows = [_clinic_if_none(known["now"], now), _released_if_none(known["soon"], now)]
    if not known["stopped"]:
        rows.append(to_be_stopped(now))
    missing = [row for row in rows if row is not None]
    if not missing:
        return known
    operator.post("/rosters", guest_roster(*missing))
    return _sessions(operator, guest)


def _sessions(operator: Client, doctor: str) -> dict[str, list[dict[str, Any]]]:
    """From today on, by what they are for, which their codes say."""
    found = operator.get(f"/sessions?doctor_id={doctor}&limit=200")["items"]
    return {name: [each for each in found if f"-{name}" in each["code"]] for name in ("now", "soon", "stopped")}


def _clinic_if_none(clinics: list[dict[str, Any]], now: datetime) -> dict[str, Any] | None:
    last = max(map(_ends, clinics), default=now - timedelta(days=1))
    return None if last > now else clinic_of_now(now, last.astimezone(SHANGHAI))


def _released_if_none(sessions: list[dict[str, Any]], now: datetime) -> dict[str, Any] | None:
    if any(datetime.fromisoformat(each["release_at"]) > now for each in sessions):
        return None
    return released_soon(now, {date.fromisoformat(each["date"]) for each in sessions})


def _ends(session: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(session["ends_at"])


# --- the clinic of now -----------------------------------------------------------------------------------------------


def _fill_the_clinic(base: str, session: dict[str, Any], now: datetime) -> None:
    """One is called, five wait, one of them before others and why, and two are expected."""
    registrar, queue, code = _logged_in(base, "registrar"), f"/sessions/{session['id']}/queue", session["code"]
    board = _until(partial(_queue, registrar, queue), "the clinic is known at its desk")
    if sum(board["counts"].values()) >= LINE:
        return
    registrar.post(f"{queue}/desks", {"room": ROOM, "doctor_id": session["doctor"]["id"]}, f"{code}-desk")
    registrar.post(f"{queue}/walk-ins", FIRST, f"{code}-first")
    registrar.post(f"{queue}/next", {"room": ROOM, "after": None}, f"{code}-call")
    coming = [slot["id"] for slot in session["slots"] if _ends(slot) > now]
    visitors, people = _visitors(base, code)
    orders = [
        _order(visitors, f"{code}-{n}", session, person, coming[min(n, len(coming) - 1)])
        for n, person in enumerate(people)
    ]
    demo = _logged_in(base, PATIENT)
    her = demo.get("/users/me/patients")["items"][0]["id"]
    hers = _order(demo, f"{code}-demo", session, her, coming[0])
    for n, walk_in in enumerate(OTHERS):
        registrar.post(f"{queue}/walk-ins", walk_in, f"{code}-{n}")
    _arrives(registrar, orders[0], {})
    if hers is None:  # one number a day is the hospital's rule, and she had hers
        registrar.post(f"{queue}/walk-ins", {"name": "张晓梅", "patient_id": her}, f"{code}-demo")
    else:
        _arrives(demo, hers, {"code": registrar.get(f"{queue}/door")["code"]})


def _queue(registrar: Client, queue: str) -> dict[str, Any] | None:
    try:
        board: dict[str, Any] = registrar.get(queue)
    except Refused as refused:
        if refused.status != 404:
            raise
        return None
    return board


def _arrives(who: Client, order: dict[str, Any] | None, proof: dict[str, str]) -> None:
    """报到, of an order that is confirmed and whose visit has not begun."""
    if order is not None and who.get(f"/visits/{order['visit_id']}")["state"] == "expected":
        who.post(f"/orders/{order['id']}/check-in", proof)


# --- the session that is stopped -------------------------------------------------------------------------------------


def _stop(base: str, session: dict[str, Any]) -> None:
    """停诊: of those who had paid at the counter one wants her money back, and the others are offered other sessions."""
    registrar, cashier, code = _logged_in(base, "registrar"), _logged_in(base, "cashier"), session["code"]
    visitors, people = _visitors(base, code)
    demo = _logged_in(base, PATIENT)
    buyers = [(visitors, person) for person in people[:2]]
    buyers.append((demo, demo.get("/users/me/patients")["items"][0]["id"]))
    orders = [(who, _order(who, f"{code}-{person}", session, person)) for who, person in buyers]
    paid = [(who, _pay(who, cashier, order)) for who, order in orders if order is not None]
    registrar.post(f"/sessions/{session['id']}/stop", {"reason": "医生外出会诊"})
    left = [_until(partial(_beyond, who, order, {"confirmed"}), "she is told of it") for who, order in paid]
    if left and left[0]["state"] == "substitute_offered":
        visitors.post(f"/orders/{left[0]['id']}/cancel")


def _pay(who: Client, cashier: Client, order: dict[str, Any]) -> str:
    """At the counter; answers the order's id, once it is confirmed."""
    if order["state"] == "awaiting_payment":
        payment = _until(partial(_payment, who, order["id"]), "it can be paid")
        cashier.post(f"/payments/{payment['id']}/receipt")
    _until(partial(_beyond, who, order["id"], {"awaiting_payment"}), "it is paid")
    return str(order["id"])


def _payment(who: Client, order: str) -> dict[str, Any] | None:
    try:
        payment: dict[str, Any] = who.post(f"/orders/{order}/payments", {"method": "window"})
    except Refused as refused:
        if refused.status != 404:  # payment-svc has not heard of it
            raise
        return None
    return payment


# --- people ----------------------------------------------------------------------------------------------------------


def _logged_in(base: str, username: str) -> Client:
    client = Client(base)
    client.login(username, PASSWORD)
    return client


def _visitors(base: str, code: str) -> tuple[Client, list[str]]:
    """The account of those who come to this session only, and their ids."""
    username = f"visitors-{code}"
    try:
        Client(base).post("/users", {"username": username, "password": PASSWORD, "email": f"{username}@example.com"})
    except Refused as refused:
        if refused.status != 409:
            raise
    client = _logged_in(base, username)
    known = len(client.get("/users/me/patients")["items"])
    for n, name in [*enumerate(VISITORS)][known:]:
        person = {"name": name, "id_type": "resident_id", "id_number": resident_id(f"{code}/{n}")}
        client.post("/users/me/patients", {**person, "phone": "13800138000"})
    return client, [person["id"] for person in client.get("/users/me/patients")["items"]]


def resident_id(of: str) -> str:
    """An invented one (GB 11643), of a grown-up of Beijing; the same `of` has the same."""
    serial = int.from_bytes(hashlib.sha256(of.encode()).digest()[:8])
    born = date(1950, 1, 1) + timedelta(days=serial % 18_000)
    body = f"110101{born:%Y%m%d}{serial % 999:03d}"
    return body + "10X98765432"[sum(2 ** (17 - i) * int(digit) for i, digit in enumerate(body)) % 11]


def _order(
    who: Client, key: str, session: dict[str, Any], person: str, slot: str | None = None
) -> dict[str, Any] | None:
    """As it is once it is decided; None: she has no number, by the hospital's rules or because all are gone."""
    body = {"session_id": session["id"], "slot_id": slot, "patient_id": person}
    try:
        placed = who.post("/orders", body, key)
    except Refused as refused:
        if refused.status != 409:
            raise
        return None
    order = _until(partial(_beyond, who, placed["id"], {"reserving"}), "her number is decided")
    return None if order["state"] in NO_NUMBER else order


def _beyond(who: Client, order: str, states: set[str]) -> dict[str, Any] | None:
    """The order, once it is in none of these states."""
    found: dict[str, Any] = who.get(f"/orders/{order}")
    return None if found["state"] in states else found


def _until(look: Callable[[], Found | None], what: str) -> Found:
    """What is looked for, once it is there. Raises TimeoutError."""
    deadline = time.monotonic() + PATIENCE
    while (found := look()) is None:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {PATIENCE:g} s")
        time.sleep(0.03)
    return found
