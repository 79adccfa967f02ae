"""A clinic day on its screens, over HTTP, on both systems: desk, phones and two boards; and over the deaths of what serves them."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from statistics import median
from typing import Any

import pytest
from actors import PASSWORD, Hospital, Patient, eventually, refusal
from ears import Ear, Wall
from stubborn import Repeating

from bench import screens
from demo.client import Client
from stack.system import System as Stack

ROOM = "101"


class Clinic:
    """A session that goes on now, with patients who have a number of it."""

    def __init__(self, base: str, hospital: Hospital, patients: int) -> None:
        self.desk = hospital.registrar
        self.session = hospital.session(patients, fee=0, begun=True)
        self.patients = [Patient(base) for _ in range(patients)]
        self.orders = [patient.confirmed(self.session)["id"] for patient in self.patients]
        self.visits = [p.see(order)["visit_id"] for p, order in zip(self.patients, self.orders, strict=True)]
        self.tickets = [str(p.see(order)["queue_number"]) for p, order in zip(self.patients, self.orders, strict=True)]
        self.queue = f"/sessions/{self.session}/queue"

    def comes(self, n: int, **proof: Any) -> dict[str, Any]:
        """Patient n checks in, by her proof; without one the desk sees her."""
        who = self.patients[n] if proof else self.desk
        found: dict[str, Any] = who.post(f"/orders/{self.orders[n]}/check-in", proof)
        return found

    def opens(self, room: str = ROOM) -> None:
        self.desk.post(f"{self.queue}/desks", {"room": room})

    def next(self, after: str | None, room: str = ROOM, outcome: str = "done") -> dict[str, Any]:
        found: dict[str, Any] = self.desk.post(f"{self.queue}/next", {"room": room, "after": after, "outcome": outcome})
        return found


def board_of(base: str, operator: Client, hospital: Hospital) -> Client:
    """A screen's account."""
    board = Client(base)
    username = f"board{secrets.token_hex(4)}"
    operator.post(
        "/staff", {"username": username, "password": PASSWORD, "roles": ["board"], "hospital_id": hospital.id}
    )
    board.login(username, PASSWORD)
    return board


@pytest.fixture(scope="module")
def screen(base, operator, hospital) -> Client:
    return board_of(base, operator, hospital)


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def wall(system, screen, opened: ExitStack) -> Callable[[str], Wall]:
    """A board that looks at a session's queue."""

    def begin(session: str) -> Wall:
        made = Wall(system.url, session, screen.token)
        opened.callback(made.close)
        return made

    return begin


@pytest.fixture
def phone(system, opened: ExitStack) -> Callable[[Patient, str], Ear]:
    """Her own visit, live. A phone that is not let in comes again: the places of five hundred that have just gone become free soon."""

    def begin(patient: Patient, visit: str) -> Ear:
        def ask() -> Ear | None:
            made = Ear(system.url, f"/visits/{visit}/stream", patient.token)
            opened.callback(made.close)
            return made if made.status != 503 else None

        return eventually(ask, "there is a place")

    return begin


def shows(ear: Ear, **wanted: Any) -> Callable[[], Any]:
    """What a phone shows now has these values."""

    def look() -> dict[str, Any] | None:
        told = ear.told("visit")
        return told[-1] if told and all(told[-1][name] == value for name, value in wanted.items()) else None

    return look


def test_a_clinic_day_on_desk_phone_and_boards(base, hospital, screen, wall, phone):
    clinic = Clinic(base, hospital, 3)
    first, second = wall(clinic.session), wall(clinic.session)
    eventually(lambda: first.seen and second.seen, "two boards are on before anybody has come")
    assert refusal(lambda: clinic.comes(0, code="000000" if screen_code(screen, clinic) != "000000" else "111111")) == (
        409,
        "wrong_code",
    )
    for n in (0, 1):
        clinic.comes(n, code=screen_code(screen, clinic))
    clinic.comes(2)
    ears = [phone(patient, visit) for patient, visit in zip(clinic.patients, clinic.visits, strict=True)]
    eventually(shows(ears[2], state="waiting", ahead=2), "the last one sees two before her")
    clinic.opens()
    assert clinic.next(None)["visit"]["id"] == clinic.visits[0]
    assert clinic.next(None)["repeated"], "a second click"
    eventually(shows(ears[0], state="called", room=ROOM), "her phone tells her where to go")
    eventually(shows(ears[2], ahead=1), "and the others that they are nearer")
    assert clinic.next(clinic.visits[0], outcome="passed")["visit"]["id"] == clinic.visits[1]
    eventually(
        shows(ears[0], state="waiting", ahead=1, passes=0),
        "she stands behind the other now; so soon, it is not held against her",
    )
    second.close()
    for n, after in ((2, 1), (0, 2)):
        assert clinic.next(clinic.visits[after])["visit"]["id"] == clinic.visits[n]
    third = wall(clinic.session)
    called = [(clinic.tickets[n], ROOM) for n in (0, 1, 2, 0)]
    eventually(lambda: first.spoken == called, "each call is spoken once")
    eventually(lambda: third.spoken == called[1:], "by a board that was switched on late, each visit's newest one")
    assert second.spoken == called[: len(second.spoken)], "and none twice"
    assert clinic.next(clinic.visits[0])["visit"] is None
    eventually(lambda: first.seen["desks"][0]["visit"] is None and first.seen["counts"] == {"done": 3}, "all are seen")
    for patient, order in zip(clinic.patients, clinic.orders, strict=True):
        patient.state(order, "fulfilled")
    assert [ear.told("visit")[-1]["state"] for ear in ears if eventually(shows(ear, state="done"), "all are told")]


def screen_code(screen: Client, clinic: Clinic) -> str:
    """What stands at the door."""
    return str(screen.get(f"{clinic.queue}/door")["code"])


def test_she_is_told_on_her_phone_where_her_line_has_gone(base, hospital, phone):
    """The doctor leaves: everybody waits at another one's door, and their phones follow."""
    clinic, other = Clinic(base, hospital, 2), Clinic(base, hospital, 1)
    for n in (0, 1):
        clinic.comes(n)
    other.comes(0)
    ear = phone(clinic.patients[1], clinic.visits[1])
    eventually(shows(ear, ahead=1, moved_to=None), "she waits")
    clinic.desk.post(f"{clinic.queue}/transfer", {"to_session_id": other.session, "why": "医生抢救"})
    eventually(shows(ear, queue_id=other.session), "she stands there")
    other.opens("7")
    before = None
    for _ in range(3):
        before = other.next(before, room="7")["visit"]["id"]
        if before == clinic.visits[1]:
            break
    eventually(shows(ear, state="called", room="7"), "and is called there")


def test_nothing_is_lost_when_what_serves_the_screens_dies(system, base, operator, hospital, screen, wall, phone):
    """Kill -9 of the streams, the api and the worker between calls: every board speaks every call once, in order."""
    if not isinstance(system, Stack):
        pytest.skip("embedded mode dies as a whole: test_embedded.py")
    clinic = Clinic(base, hospital, 5)
    clinic.desk = Repeating(base)
    clinic.desk.token = hospital.registrar.token
    boards = [wall(clinic.session), wall(clinic.session)]
    for n in range(5):
        clinic.comes(n)
    ear = phone(clinic.patients[4], clinic.visits[4])
    eventually(shows(ear, ahead=4), "the last one sees four before her")
    clinic.opens()
    called: list[str] = []
    for role in ("stream", "api", "worker", "stream", ""):
        if role:
            system.kill("booking-svc", role)
            if role != "worker":  # who needs no worker is served meanwhile
                system.restart("booking-svc", role)
        called.append(clinic.next(called[-1] if called else None)["visit"]["id"])
        if role == "worker":
            system.restart("booking-svc", role)
    assert called == clinic.visits
    wanted = [(ticket, ROOM) for ticket in clinic.tickets]
    eventually(lambda: all(board.spoken == wanted for board in boards), "every call, once, in order")
    assert all(board.cut >= 2 for board in boards)
    assert ear.over
    again = phone(clinic.patients[4], clinic.visits[4])
    eventually(shows(again, state="called", room=ROOM, calls=1), "her phone comes again, and sees it")
    eventually(lambda: clinic.patients[4].inbox().count("visit_called") == 1, "she was told of it once")


def test_five_hundred_screens_show_a_call_as_soon_as_five_do(stack: Stack):
    """One look serves them all: its period is most of what it takes, however many there are."""
    from houses import operator_of

    hospital = Hospital(f"{stack.url}/api/v1", operator_of(stack))
    looking = screens.hall(stack, hospital.id, walk_ins=12)
    try:
        looking.open(boards=1, phones=4)
        few = looking.call(6)
        looking.open(boards=49, phones=446)
        many = looking.call(6)
    finally:
        looking.close()
    assert median(many.last) < 3 * median(few.last)
