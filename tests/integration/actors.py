"""The people of a scenario, over HTTP only: patients, a hospital's staff, and who waits for what."""

import itertools
import secrets
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from datetime import time as clock_time
from typing import Any
from urllib.parse import quote

from common.clock import SHANGHAI

from demo.client import Client, Refused

PASSWORD = "a-long-enough-password"
FEE = 5000
GENEROUS: dict[str, Any] = {
    "limits": [],
    "cool_down": {"unpaid_seconds": 0, "confirmed_seconds": 0},
    "rest": {"least_seconds": 0, "most_seconds": 0},
    "waitlist": {"closes": {"hours": 0}},
    "penalties": [],
}
"""Rules that stand in no scenario's way: whoever asks is served, and a freed number is public at once."""
_ids = itertools.count(1)
DIGITS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def resident_id(serial: int) -> str:
    """A valid invented ID (GB 11643): an adult of Beijing, born 1990."""
    body = f"11010119900307{serial % 1000:03d}"
    return body + "10X98765432"[sum(w * int(d) for w, d in zip(DIGITS, body, strict=True)) % 11]


def eventually(look: Callable[[], Any], what: str, seconds: float = 30.0) -> Any:
    """The first true value of `look()`; polls with a deadline."""
    deadline = time.monotonic() + seconds
    while not (value := look()):
        assert time.monotonic() < deadline, f"{what}: not within {seconds:g} s"
        time.sleep(0.03)
    return value


class Patient(Client):
    """A registered, logged-in account with one person to book for."""

    def __init__(self, base: str) -> None:
        super().__init__(base)
        self.username = f"p{secrets.token_hex(6)}"
        self.post("/users", {"username": self.username, "password": PASSWORD, "email": f"{self.username}@example.com"})
        self.login(self.username, PASSWORD)
        person = {
            "name": "李小龙",
            "id_type": "resident_id",
            "id_number": resident_id(next(_ids)),
            "phone": "13800138000",
        }
        self.patient = self.post("/users/me/patients", person)["id"]

    def order(self, session: str, wait: int = 10, **body: Any) -> dict[str, Any]:
        """Place an order and wait until its number is decided."""
        placed = self.post("/orders", {"session_id": session, "patient_id": self.patient, **body})
        if not wait:
            return placed
        return eventually(lambda: (o := self.see(placed["id"]))["state"] != "reserving" and o, "the number is decided")

    def see(self, order: str) -> dict[str, Any]:
        return self.get(f"/orders/{order}")

    def state(self, order: str, wanted: str, seconds: float = 30.0) -> dict[str, Any]:
        """The order, once it is in the wanted state."""
        last: dict[str, Any] = {}

        def look() -> bool:
            last.update(self.see(order))
            return last["state"] == wanted

        try:
            eventually(look, f"order {order} is {wanted}", seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}; it is {last.get('state')} with history {last.get('history')}") from None
        return last

    def attempt(self, order: str, method: str = "wechat", **how: str) -> dict[str, Any]:
        """Start a payment; answers what to show."""
        return self.post(f"/orders/{order}/payments", {"method": method, **how})

    def press(self, payment: dict[str, Any], action: str = "pay") -> None:
        """Scan the code, and press a button on the payment sandbox's page."""
        link = payment["show"]["text"]
        urllib.request.urlopen(link, timeout=30).close()
        urllib.request.urlopen(link, f"action={action}".encode(), timeout=30).close()

    def pay(self, order: str, method: str = "wechat") -> None:
        self.press(self.attempt(order, method))

    def confirmed(self, session: str, method: str = "wechat") -> dict[str, Any]:
        """An order that is paid, or needs no payment."""
        order = self.order(session)
        if order["state"] == "awaiting_payment":
            self.pay(order["id"], method)
        return self.state(order["id"], "confirmed")

    def move(self, order: str, session: str, how: str = "reschedule") -> str:
        """Ask for another session in place of an order's, as soon as it is known there; answers the new order's id."""

        def ask() -> str | None:
            try:
                return str(self.post(f"/orders/{order}/{how}", {"session_id": session})["id"])
            except Refused as refused:
                if refused.problem.get("code") != "session_not_found":
                    raise
                return None

        return eventually(ask, f"{session} is known")

    def inbox(self) -> list[str]:
        """The kinds of what this account was told, oldest first."""
        items, cursor = [], ""
        while cursor is not None:
            page = self.get(f"/notifications?limit=200{f'&cursor={cursor}' if cursor else ''}")
            items += page["items"]
            cursor = page["next_cursor"]
        return [n["kind"] for n in items][::-1]


class Sandbox:
    """The payment sandbox's control."""

    def __init__(self, url: str) -> None:
        self._client = Client(f"{url}/_ctl")

    def set(self, **options: Any) -> None:
        self._client.post("/options", options)

    @contextmanager
    def failing(self, provider: str, call: str, fault: str) -> Iterator[None]:
        """Each such call goes wrong, until the end."""
        plan = {"provider": provider, "call": call, "fault": fault, "times": 100_000}
        self._client.post("/faults", {"faults": [plan]})
        try:
            yield
        finally:
            self._client.delete("/faults")

    @contextmanager
    def faulty(self, *, rate: float, seed: int, faults: list[str]) -> Iterator[None]:
        """So many of its calls, callbacks among them, go wrong at random, until the end."""
        self._client.post("/faults", {"faults": [], "random": {"rate": rate, "seed": seed, "faults": faults}})
        try:
            yield
        finally:
            self._client.delete("/faults")

    @contextmanager
    def having(self, **options: Any) -> Iterator[None]:
        """With other options, until the end."""
        before = {name: value for name, value in self._client.get("/options").items() if name in options}
        self.set(**options)
        try:
            yield
        finally:
            self.set(**before)

    def release(self) -> None:
        """Deliver the callbacks that were held back."""
        self._client.post("/callbacks/release", {"order": "as_is"})

    def books(self) -> dict[str, Any]:
        """What it says that it took in and gave back, in fen, by provider."""
        found: dict[str, Any] = self._client.get("/books")
        return found


class Mailbox:
    """What arrives at the mailbox of development, and what goes wrong on the way there."""

    def __init__(self, url: str) -> None:
        self.client = Client(f"{url}/_ctl")

    def messages(self, to: str = "", channel: str = "") -> list[dict[str, Any]]:
        """Oldest first."""
        return self.client.get(f"/messages?to={quote(to)}&channel={channel}")["items"]

    def wait(self, to: str, words: str, channel: str = "") -> dict[str, Any]:
        """The first message for an address whose subject or text has these words, once it has arrived."""

        def look() -> dict[str, Any] | None:
            found = self.messages(to, channel)
            return next((m for m in found if words in f"{m['subject']}\n{m['text']}"), None)

        return eventually(look, f"{words!r} for {to}")

    def code(self, to: str, after: int = 0) -> str:
        """The newest code for an address, once there is one."""

        def look() -> str:
            found = [m["code"] for m in self.messages(to) if m["id"] > after and m["code"]]
            return found[-1] if found else ""

        return eventually(look, f"a code for {to}")


class Hospital:
    """One hospital with a doctor, its staff, its rules, and sessions made to order."""

    def __init__(
        self, base: str, operator: Client, caller: type[Client] = Client, rules: dict[str, Any] | None = None
    ) -> None:
        self._caller = caller
        self.code = f"h{secrets.token_hex(4)}"
        self.operator = operator
        self._sessions = itertools.count(1)
        operator.post("/rosters", self._roster([]))
        self.id = next(h["id"] for h in self._pages("/hospitals") if h["code"] == self.code)
        operator.post(f"/hospitals/{self.id}/rules", {"rules": GENEROUS if rules is None else rules})
        self.registrar, self.cashier = self._staff(base, "registrar"), self._staff(base, "cashier")

    def session(
        self,
        capacity: int,
        *,
        fee: int = FEE,
        days: int = 3,
        released: bool = True,
        slots: int = 1,
        release_at: datetime | None = None,
        policy: str = "first_come",
        draw_at: datetime | None = None,
        begun: bool = False,
    ) -> str:
        """Publish a session, `capacity` numbers in each of its `slots`; answers its id. With `begun`, it goes on now."""
        code = f"s{next(self._sessions)}"
        day = datetime.now(SHANGHAI).date() + timedelta(days=days)
        start = datetime.combine(day, clock_time(8), SHANGHAI)
        release = release_at or datetime.now(SHANGHAI) + timedelta(days=-1 if released else 1)
        times = [(start + i * timedelta(minutes=30), start + (i + 1) * timedelta(minutes=30)) for i in range(slots)]
        if begun:
            now = datetime.now(SHANGHAI)
            day = now.date()
            midnight = datetime.combine(day, clock_time(), SHANGHAI)
            times = [
                (
                    max(midnight, now - timedelta(minutes=10)),
                    min(midnight + timedelta(days=1), now + timedelta(hours=1)),
                )
            ]
        row = {
            "code": code,
            "doctor": "D1",
            "date": day.isoformat(),
            "period": "morning",
            "room": "A101",
            "fee": {"amount": fee, "currency": "CNY"},
            "release_at": release.isoformat(),
            "slots": [
                {
                    "starts_at": starts_at.isoformat(),
                    "ends_at": ends_at.isoformat(),
                    "capacity": capacity,
                    "blocked": 0,
                }
                for starts_at, ends_at in times
            ],
            "version": 1,
            "policy": policy,
        }
        if draw_at is not None:
            row["draw_at"] = draw_at.isoformat()
        summary = self.registrar.post("/rosters", self._roster([row]))
        assert summary["rejected"] == 0, summary
        found = [s for s in self._pages(f"/sessions?hospital_id={self.id}") if s.get("code") == code]
        assert len(found) == 1, found
        return found[0]["id"]

    def see(self, session: str) -> dict[str, Any]:
        return self.registrar.get(f"/sessions/{session}")

    def stop(self, session: str) -> None:
        """停诊."""
        self.registrar.post(f"/sessions/{session}/stop", {"reason": "医生生病"})

    def stoppage(self, session: str) -> dict[str, Any]:
        """The board of its stop."""
        return self.registrar.get(f"/sessions/{session}/stoppage")

    def _roster(self, sessions: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "hospital": {"code": self.code, "name": "测试医院", "version": 1},
            "departments": [{"code": "K1", "name": "内科", "version": 1}],
            "doctors": [{"code": "D1", "name": "王医生", "title": "主任医师", "department": "K1", "version": 1}],
            "sessions": sessions,
        }

    def _pages(self, path: str) -> list[dict[str, Any]]:
        found, cursor = [], ""
        while cursor is not None:
            page = self.operator.get(
                f"{path}{'&' if '?' in path else '?'}limit=200{f'&cursor={cursor}' if cursor else ''}"
            )
            found += page["items"]
            cursor = page["next_cursor"]
        return found

    def _staff(self, base: str, role: str) -> Client:
        member = self._caller(base)
        username = f"{role}{secrets.token_hex(4)}"
        member.post("/users", {"username": username, "password": PASSWORD, "email": f"{username}@example.com"})
        member.login(username, PASSWORD)
        account = member.get("/users/me")["id"]
        self.operator.post(f"/users/{account}/roles", {"roles": [role], "hospital_id": self.id})
        member.login(username, PASSWORD)
        return member


def refusal(call: Callable[[], Any]) -> tuple[int, str]:
    """The status and code with which a call is refused."""
    try:
        call()
    except Refused as refused:
        return refused.status, str(refused.problem.get("code"))
    raise AssertionError("it was not refused")
