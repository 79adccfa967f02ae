"""What shall go wrong: planned for a call, so many times."""

from collections.abc import Mapping, Sequence
from typing import Any

from mailbox_sandbox.box import Box
from mailbox_sandbox.parts import Fault

CALLS = ("send", "query", "smtp_rcpt", "smtp_data", "receipt")
FAULTS = (
    "drop_before",
    "drop_after",
    "throttle",
    "refuse",
    "dead_address",
    "limit_minute",
    "limit_day",
    "error",
    "slow",
)
"""drop_before: nothing has happened, and the connection ends; drop_after: it has happened, and the connection ends. The others
are said in README.md.
"""


class Faults:
    """Plans; they are kept, and taken once per time."""

    def __init__(self, box: Box) -> None:
        self._box = box

    def plan(self, call: str, fault: str, *, times: int, provider: str, to: str, seconds: float) -> None:
        """`provider`, `to`: only with these; "" is any."""
        self._box.run(
            'INSERT INTO plans ("call", provider, "to", times, fault, seconds) VALUES (?, ?, ?, ?, ?, ?)',
            *(call, provider, to, times, fault, seconds),
        )

    def take(self, call: str, provider: str, to: str = "") -> Fault | None:
        """What goes wrong with this call: the oldest plan that fits, one time less of which is left."""
        with self._box.changing():
            rows = self._box.run(
                "SELECT id, fault, seconds FROM plans WHERE \"call\" = ? AND provider IN (?, '') AND \"to\" IN (?, '')"
                " ORDER BY id LIMIT 1",
                *(call, provider, to),
            )
            for row in rows:
                self._box.run("UPDATE plans SET times = times - 1 WHERE id = ?", row["id"])
                self._box.run("DELETE FROM plans WHERE times < 1")
                return Fault(row["fault"], row["seconds"])
        return None

    def forget(self) -> None:
        """Plan nothing any more."""
        self._box.run("DELETE FROM plans")

    def shown(self) -> Sequence[Mapping[str, Any]]:
        """What is planned still."""
        return [dict(row) for row in self._box.run("SELECT * FROM plans ORDER BY id")]
