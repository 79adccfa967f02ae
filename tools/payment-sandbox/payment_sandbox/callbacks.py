"""Telling the merchant: each notice until she has heard it, by her vendor's schedule on the sandbox's clock, freshly signed each
time. What has not been heard goes on after a restart.
"""

import http.client
import logging
import random
import sqlite3
import threading
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from payment_sandbox.books import Books
from payment_sandbox.clock import BEIJING, Clock
from payment_sandbox.faults import FLAWS, Faults
from payment_sandbox.parts import Delivery, Fault, Notice, Sandbox, Vendor

AT_ONCE = 16  # deliveries under way
ENOUGH = 4 * AT_ONCE  # notices that are looked at in one go
XML = "xml"
TIMEOUT = 5.0  # seconds of real time: what both vendors give a merchant to answer
LONGEST_ANSWER = 65536  # bytes that are read of an answer
LONGEST_WAIT = (
    60.0  # seconds of real time between two looks at what is due: a slow clock's next moment may be ages away
)
BREATH = 1.0  # seconds of real time after something went wrong (the books were locked, say), before it is tried again
FURTHER_AT_ONCE = 2  # Alipay's immediate repetitions, for the products that have them

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of one delivery. `status` is None if there was no answer, and then `error` says why."""

    at: str
    status: int | None
    answer: str
    error: str
    fault: str
    accepted: bool


class Callbacks:
    """A thread that looks what is due, and workers that deliver it.

    `chores` is asked to do what else has become due, and answers when it wants to be asked again (seconds since 1970).
    """

    def __init__(
        self,
        sandbox: Sandbox,
        vendors: Mapping[str, Vendor],
        books: Books,
        clock: Clock,
        faults: Faults,
        stopping: threading.Event,
        chores: Callable[[], float | None],
    ) -> None:
        self._sandbox, self._vendors, self._books, self._clock, self._faults = sandbox, vendors, books, clock, faults
        self._stopping, self._chores = stopping, chores
        self._wake = threading.Event()
        self._busy: set[str] = set()
        self._idle = threading.Condition()
        self._pool = ThreadPoolExecutor(AT_ONCE, "deliver")
        self._thread = threading.Thread(target=self._watch, name="callbacks", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ends when deliveries under way have ended. `stopping` is set."""
        self._wake.set()
        if self._thread.ident:
            self._thread.join()
        self._pool.shutdown(wait=True, cancel_futures=True)

    @property
    def alive(self) -> bool:
        """False: nobody is told anything any more."""
        return self._thread.is_alive()

    def wake(self) -> None:
        """Something may be due earlier than it was. Within a transaction: it is looked at after the commit."""
        self._wake.set()

    def add(self, provider: str, event: str, number: str, url: str, *, scheduled: bool = True) -> str:
        """Another notice, due at once; its id. A merchant who named no address is not told: ''.

        Not `scheduled`: it is told by `repeat` only.
        """
        if not url:
            return ""
        identity = uuid.uuid4().hex
        self._books.run(
            "INSERT INTO notices (id, provider, event, number, url, at, state, due) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            *(identity, provider, event, number, url, self._clock.now().isoformat()),
            *("waiting" if scheduled else "told", self._clock.seconds()),
        )
        self.wake()
        return identity

    # --- by the schedule ---------------------------------------------------------------------------------------------

    def _watch(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                moments = [self._chores(), self._deliver_due()]
            except Exception:
                log.exception("looking for what is due")
                self._stopping.wait(BREATH)
                continue
            waits = [self._clock.wait(moment) for moment in moments if moment is not None]
            self._wake.wait(min((LONGEST_WAIT, *(wait for wait in waits if wait is not None))))

    def _deliver_due(self) -> float | None:
        """Hand over what is due; when the next one will be."""
        if self._sandbox.options.hold_callbacks:
            return None
        now = self._clock.seconds()
        due = self._books.run(
            "SELECT id FROM notices WHERE (state = 'waiting' OR owed > 0) AND due <= ? ORDER BY due, place LIMIT ?",
            *(now, ENOUGH),
        )
        for row in due:
            if len(self._busy) < ENOUGH // 2 and self._claim(row["id"]):  # else: whoever ends wakes us
                self._pool.submit(self._scheduled, row["id"])
        later = self._books.run(
            "SELECT min(due) AS due FROM notices WHERE (state = 'waiting' OR owed > 0) AND due > ?", now
        )
        return float(later[0]["due"]) if later[0]["due"] is not None else None

    def _scheduled(self, identity: str) -> None:
        try:
            self.deliver(identity)
        except LookupError:
            log.debug("%s was forgotten meanwhile", identity)  # by a reset
        except sqlite3.Error:
            log.exception("delivery of %s", identity)  # what came of it is not written down: it is due still
            self._stopping.wait(BREATH)
        finally:
            self._release(identity)

    def _claim(self, identity: str) -> bool:
        with self._idle:
            free = identity not in self._busy and not self._stopping.is_set()
            self._busy |= {identity} if free else set()
            return free

    def _release(self, identity: str) -> None:
        with self._idle:
            self._busy.discard(identity)
            self._idle.notify_all()
        self.wake()

    # --- one delivery ------------------------------------------------------------------------------------------------

    def deliver(self, identity: str, *, scheduled: bool = True, fault: Fault | None = None) -> Attempt:
        """Tell it now, with that fault or else what is planned. Not `scheduled`: the schedule goes on, unless she accepts."""
        notice = _notice(self._row(identity))
        fault = fault or self._faults.take(notice.provider, "callback", notice.number) or Fault("")
        try:
            attempt = self._attempt(notice, fault.name, fault.seconds)
        except Exception as mistake:  # a defect of ours must not end in an endless loop: it counts as a failed delivery
            log.exception("delivery of %s %s", notice.provider, notice.number)
            attempt = self._outcome("", error=repr(mistake))
        with self._books.changing():
            self._settle(notice, attempt, scheduled=scheduled)
        return attempt

    def _attempt(self, notice: Notice, fault: str, seconds: float) -> Attempt:
        if fault in {"drop", "drop-before"}:
            return self._outcome(fault, error="not sent")
        if fault == "delay":
            self._stopping.wait(seconds)
        vendor = self._vendors[notice.provider]
        delivery = vendor.delivery(self._sandbox, notice, fault if fault in {*FLAWS, XML} else None)
        try:
            status, body = send(notice.url, delivery)
        except (OSError, http.client.HTTPException, ValueError) as failure:
            return self._outcome(fault, error=repr(failure))
        if fault == "drop-after":
            return self._outcome(fault, error="the answer was lost")
        return self._outcome(fault, status, body, accepted=vendor.accepted(status, body))

    def _outcome(
        self, fault: str, status: int | None = None, body: bytes = b"", error: str = "", *, accepted: bool = False
    ) -> Attempt:
        answer = body[:200].decode(errors="replace")
        return Attempt(self._clock.now().isoformat(), status, answer, error, fault, accepted)

    def _settle(self, notice: Notice, attempt: Attempt, *, scheduled: bool) -> None:
        """Write down what came of it, and when to try again."""
        row = self._row(notice.id)
        self._books.run(
            "INSERT INTO attempts (notice, at, status, answer, error, fault, accepted) VALUES (?, ?, ?, ?, ?, ?, ?)",
            *(notice.id, attempt.at, attempt.status, attempt.answer, attempt.error, attempt.fault, attempt.accepted),
        )
        state, due, tries, owed = row["state"], row["due"], row["tries"] + scheduled, row["owed"]
        if state == "told":
            owed = max(owed - scheduled, 0)
        elif attempt.accepted:
            more = self._sandbox.options.duplicate_callbacks + (attempt.fault == "duplicate")
            state, owed = "told", 0 if attempt.fault == XML else more  # which would be told in JSON
        elif scheduled:
            pauses = self._schedule(notice.provider)
            state = "waiting" if tries <= len(pauses) else "given_up"
            due = self._clock.seconds() + (pauses[tries - 1] if tries <= len(pauses) else 0.0)
        statement = "UPDATE notices SET state = ?, due = ?, tries = ?, owed = ? WHERE id = ?"
        self._books.run(statement, state, due, tries, owed, notice.id)

    def _schedule(self, provider: str) -> list[float]:
        """Seconds between the deliveries."""
        at_once = FURTHER_AT_ONCE if provider == "alipay" and self._sandbox.options.immediate_retries else 0
        return [0.0] * at_once + [pause.total_seconds() for pause in self._vendors[provider].schedule]

    # --- by hand -----------------------------------------------------------------------------------------------------

    def deliver_first(self, identity: str) -> None:
        """Returns when a notice has been tried once, by whomever."""
        with self._idle:
            self._idle.wait_for(lambda: identity not in self._busy)
            if self._row(identity)["tries"]:
                return
            self._busy.add(identity)
        self._scheduled(identity)

    def release(self, order: str, seed: int) -> list[Mapping[str, Any]]:
        """Deliver what was held back, one after another: `as_is`, `reversed` or `shuffled`; what came of each."""
        rows = self._books.run("SELECT id FROM notices WHERE state = 'waiting' ORDER BY place")
        waiting = [row["id"] for row in rows]
        if order == "reversed":
            waiting.reverse()
        if order == "shuffled":
            random.Random(seed).shuffle(waiting)  # noqa: S311 - no secret
        for identity in waiting:
            if self._claim(identity):
                self._scheduled(identity)
        return [self._shown(self._row(identity)) for identity in waiting]

    def last(self, provider: str, number: str, event: str | None = None) -> str:
        """The id of the last notice about that number; '' if there is none."""
        rows = self._books.run(
            "SELECT id FROM notices WHERE provider = ? AND number = ? AND event = coalesce(?, event) ORDER BY place DESC",
            *(provider, number, event),
        )
        return str(rows[0]["id"]) if rows else ""

    def repeat(self, identity: str, times: int = 1, fault: Fault | None = None) -> list[Attempt]:
        """Deliver a notice so many times more, all at once, whether it was accepted before or not."""
        with ThreadPoolExecutor(min(times, AT_ONCE), "repeat") as pool:
            return list(pool.map(lambda _: self.deliver(identity, scheduled=False, fault=fault), range(times)))

    def shown(self) -> list[Mapping[str, Any]]:
        """All notices, with what came of each delivery."""
        return [self._shown(row) for row in self._books.run("SELECT * FROM notices ORDER BY place")]

    def _shown(self, row: sqlite3.Row) -> Mapping[str, Any]:
        attempts = self._books.run(
            "SELECT at, status, answer, error, fault, accepted FROM attempts WHERE notice = ? ORDER BY place", row["id"]
        )
        due = datetime.fromtimestamp(row["due"], BEIJING).isoformat() if row["state"] == "waiting" else None
        notice = {name: row[name] for name in ("id", "provider", "event", "number", "url", "at", "state", "tries")}
        tried = [{**dict(attempt), "accepted": bool(attempt["accepted"])} for attempt in attempts]
        return {**notice, "due": due, "attempts": tried}

    def _row(self, identity: str) -> sqlite3.Row:
        return self._books.run("SELECT * FROM notices WHERE id = ?", identity)[0]


def _notice(row: sqlite3.Row) -> Notice:
    at = datetime.fromisoformat(row["at"])
    return Notice(row["id"], row["provider"], row["event"], row["number"], row["url"], at)


def send(url: str, delivery: Delivery) -> tuple[int, bytes]:
    """POST it: status, and the beginning of the answer. Follows no redirect and uses no proxy, as the vendors don't.

    Raises OSError, HTTPException or ValueError.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"no address to tell: {url!r}")
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname, parts.port, timeout=TIMEOUT)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", target, delivery.body, dict(delivery.headers))
        answer = connection.getresponse()
        return answer.status, answer.read(LONGEST_ANSWER)
    finally:
        connection.close()
