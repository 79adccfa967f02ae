"""What became of an SMS: decided some time after it was sent, and told to the address that the customer has configured."""

import json
import logging
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from mailbox_sandbox.box import Box
from mailbox_sandbox.faults import Faults
from mailbox_sandbox.parts import Message, State

AGAIN = (5.0, 60.0, 300.0, 600.0)  # seconds after each push in vain; then it is given up
TIMEOUT = 5.0  # seconds

SUCCESS = {"alibaba": "DELIVERED", "tencent": "DELIVRD"}
FAILURE = {"alibaba": "MOBILE_TERMINAL_ERROR", "tencent": "UNDELIV"}
DEAD = {"alibaba": "MK:0001", "tencent": "MK:0001"}  # of the network, 空号, which both pass on

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Options:
    """receipts: what becomes of SMS: delivered, failed, or none is ever told. receipt_seconds: how long that takes.
    session_context: whether Tencent's statuses say the sender's SessionContext, which is the default of none of its customers.
    """

    receipts: Literal["delivered", "failed", "none"] = "delivered"
    receipt_seconds: float = 1.0
    session_context: bool = False


class Receipts:
    """A thread from `start()` to `stop()`. `address` has {provider} in it; "" tells nobody."""

    def __init__(
        self,
        box: Box,
        faults: Faults,
        address: str,
        bodies: Mapping[str, Callable[[Message], Any]],
        accepted: Mapping[str, Callable[[Any], bool]],
    ) -> None:
        self._box, self._faults, self._address = box, faults, address
        self._bodies, self._accepted = bodies, accepted
        self.options = Options(**(box.note("options") or {}))
        self._woken, self._stopping = threading.Event(), False
        self._thread = threading.Thread(target=self._run, name="receipts", daemon=True)

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Waits for a push under way."""
        self._stopping = True
        self._woken.set()
        if self._thread.ident:
            self._thread.join()

    def wake(self) -> None:
        """Look again: there is more to tell."""
        self._woken.set()

    def set(self, **changed: Any) -> None:
        """Change options, from now on."""
        self.options = replace(self.options, **changed)
        self._box.keep("options", asdict(self.options))

    def plan(self, number: int, provider: str, *, dead: bool) -> None:
        """The end of an SMS that was just sent, in the same transaction."""
        if dead:
            self._box.report(number, "accepted", DEAD[provider])
        elif self.options.receipts == "none":
            return
        self._box.run(
            "INSERT INTO receipts (message, due) VALUES (?, ?)", number, time.time() + self.options.receipt_seconds
        )

    def end(self, number: int, state: State, code: str) -> None:
        """Decide what became of an SMS, and tell it (once more)."""
        with self._box.changing():
            self._box.report(number, state, code)
            self._box.run("INSERT OR REPLACE INTO receipts (message, due) VALUES (?, ?)", number, time.time())
        self.wake()

    def _run(self) -> None:
        while not self._stopping:
            self._woken.clear()
            due = self._tell_due()
            self._woken.wait(None if due is None else max(due - time.time(), 0.0))

    def _tell_due(self) -> float | None:
        """Tell what is due; answers when the next one will be (seconds since 1970)."""
        while True:
            rows = self._box.run("SELECT * FROM receipts ORDER BY due LIMIT 1")
            if not rows:
                return None
            if self._stopping or rows[0]["due"] > time.time():
                return float(rows[0]["due"])
            self._tell(rows[0]["message"], rows[0]["tries"])

    def _tell(self, number: int, tries: int) -> None:
        message = self._box.message(number)
        if message is None:  # thrown away meanwhile, and its receipt with it
            return
        if message.state == "accepted":
            message = self._decide(message)
        error = self._push(message) if self._address else ""
        if not error or tries >= len(AGAIN):
            self._box.run("DELETE FROM receipts WHERE message = ?", number)
            return
        self._box.run(
            "UPDATE receipts SET tries = tries + 1, due = ?, error = ? WHERE message = ?",
            *(time.time() + AGAIN[tries], error, number),
        )

    def _decide(self, message: Message) -> Message:
        failed = bool(message.report) or self.options.receipts == "failed"
        state: State = "failed" if failed else "delivered"
        code = message.report or (FAILURE if failed else SUCCESS)[message.provider]
        self._box.report(message.id, state, code)
        return replace(message, state=state, report=code, reported_at=time.time())

    def _push(self, message: Message) -> str:
        """Why it was in vain, or ""."""
        fault = self._faults.take("receipt", message.provider, message.to)
        if fault and fault.name != "drop_after":
            return fault.name
        url = self._address.replace("{provider}", message.provider)
        body = json.dumps(self._bodies[message.provider](message), ensure_ascii=False).encode()
        asked = urllib.request.Request(url, body, {"Content-Type": "application/json;charset=utf-8"})  # noqa: S310 - configured
        try:
            with urllib.request.urlopen(asked, timeout=TIMEOUT) as answer:  # noqa: S310 - as above
                good = self._accepted[message.provider](json.loads(answer.read(100_000)))
        except (OSError, ValueError) as gone:
            good, error = False, str(gone)
        else:
            error = "" if good else "not accepted"
        self._box.note_call(message.provider, "receipt", message.to, error or "ok", fault.name if fault else "")
        return "drop_after" if fault else error
