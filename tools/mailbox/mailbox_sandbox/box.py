"""What arrived: an SQLite file in the mailbox's directory, which outlives kill -9. Everything waits for one lock."""

import fcntl
import json
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mailbox_sandbox.parts import File, Message, State

NONCES_KEPT = 1800.0  # seconds: who repeats one later is refused for its date
MESSAGES_KEPT, CALLS_KEPT = 50_000, 100_000

SCHEMA = """
CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL,
    channel TEXT NOT NULL CHECK (channel IN ('email', 'sms')), provider TEXT NOT NULL,
    sender TEXT NOT NULL, "to" TEXT NOT NULL, "key" TEXT NOT NULL, reference TEXT NOT NULL,
    subject TEXT NOT NULL, text TEXT NOT NULL, html TEXT NOT NULL, headers TEXT NOT NULL,
    template TEXT NOT NULL, variables TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('accepted', 'delivered', 'failed')), report TEXT NOT NULL, reported_at REAL,
    pulled INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS messages_of ON messages ("to", id);
CREATE INDEX IF NOT EXISTS messages_by_reference ON messages (reference) WHERE reference <> '';
CREATE INDEX IF NOT EXISTS messages_to_pull ON messages (provider, id) WHERE state <> 'accepted' AND pulled = 0;
CREATE TABLE IF NOT EXISTS files (
    message INTEGER NOT NULL REFERENCES messages (id) ON DELETE CASCADE, place INTEGER NOT NULL,
    name TEXT NOT NULL, kind TEXT NOT NULL, content BLOB NOT NULL, PRIMARY KEY (message, place)
);
CREATE TABLE IF NOT EXISTS receipts (
    message INTEGER PRIMARY KEY REFERENCES messages (id) ON DELETE CASCADE,
    due REAL NOT NULL, tries INTEGER NOT NULL DEFAULT 0, error TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS receipts_due ON receipts (due);
CREATE TABLE IF NOT EXISTS nonces (nonce TEXT PRIMARY KEY, used_at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS nonces_by_age ON nonces (used_at);
CREATE TABLE IF NOT EXISTS plans (
    id INTEGER PRIMARY KEY AUTOINCREMENT, "call" TEXT NOT NULL, provider TEXT NOT NULL, "to" TEXT NOT NULL,
    times INTEGER NOT NULL, fault TEXT NOT NULL, seconds REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS calls (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, provider TEXT NOT NULL, "call" TEXT NOT NULL,
    "to" TEXT NOT NULL, answer TEXT NOT NULL, fault TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS options (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


class Taken(OSError):
    """Another mailbox keeps its letters there."""


class Box:
    """Messages with their files, nonces; and the file in which the other modules keep what is theirs. Raises Taken."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._ours = (directory / "lock").open("a")
        try:
            fcntl.flock(self._ours, fcntl.LOCK_EX | fcntl.LOCK_NB)  # until `close`, or the end of the process
        except BlockingIOError as error:
            self._ours.close()
            raise Taken(f"another mailbox keeps its letters in {directory}") from error
        self._lock = threading.RLock()
        self._database = sqlite3.connect(
            directory / "mailbox.db", isolation_level=None, check_same_thread=False, timeout=10
        )
        self._database.row_factory = sqlite3.Row
        self._database.executescript(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;"
        )
        self._database.executescript(SCHEMA)

    def close(self) -> None:
        with self._lock:
            self._database.close()
        self._ours.close()

    @contextmanager
    def changing(self) -> Iterator[None]:
        """One transaction, alone. Within another one it is part of that."""
        with self._lock:
            if self._database.in_transaction:
                yield
                return
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")

    def run(self, statement: str, *values: Any) -> list[sqlite3.Row]:
        """One statement and its rows: part of `changing()`, or a transaction of its own."""
        with self._lock:
            return self._database.execute(statement, values).fetchall()

    # --- messages ----------------------------------------------------------------------------------------------------

    def add(self, message: Message) -> int:
        """Keep it, with its files, under the next id, which is answered. The oldest go when there are too many."""
        with self.changing():
            (row,) = self.run(
                'INSERT INTO messages (at, channel, provider, sender, "to", "key", reference, subject, text, html, headers,'
                " template, variables, state, report, reported_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
                *(message.at, message.channel, message.provider, message.sender, message.to, message.key),
                *(message.reference, message.subject, message.text, message.html, json.dumps(message.headers)),
                *(message.template, json.dumps(dict(message.variables), ensure_ascii=False)),
                *(message.state, message.report, message.reported_at),
            )
            number = int(row["id"])
            for place, file in enumerate(message.files):
                self.run("INSERT INTO files VALUES (?, ?, ?, ?, ?)", number, place, file.name, file.kind, file.content)
            self.run("DELETE FROM messages WHERE id <= ?", number - MESSAGES_KEPT)
        return number

    def message(self, number: int) -> Message | None:
        return next(iter(self._messages("id = ?", number)), None)

    def messages(
        self, *, to: str = "", channel: str = "", after: int = 0, newest: bool = False, most: int = 1000
    ) -> list[Message]:
        """Those that fit, oldest first, at most so many; with `newest` the last ones, newest first."""
        condition, values = ["id > ?"], [after]
        for name, value in (("to", to), ("channel", channel)):
            if value:
                condition.append(f'"{name}" = ?')
                values.append(value)  # type: ignore[arg-type]
        order = "DESC" if newest else "ASC"
        return self._messages(f"{' AND '.join(condition)} ORDER BY id {order} LIMIT {most}", *values)

    def by_reference(self, reference: str) -> list[Message]:
        return self._messages("reference = ?", reference)

    def sent_to(self, provider: str, to: str, since: float, until: float) -> list[Message]:
        """What a provider of SMS has had for a number in that time, newest first."""
        return self._messages(
            'provider = ? AND "to" = ? AND at >= ? AND at < ? ORDER BY id DESC', provider, to, since, until
        )

    def pull(self, provider: str, most: int) -> list[Message]:
        """The oldest ends that nobody has pulled yet: each is told once."""
        with self.changing():
            found = self._messages(
                "provider = ? AND state <> 'accepted' AND pulled = 0 ORDER BY id LIMIT ?", provider, most
            )
            for message in found:
                self.run("UPDATE messages SET pulled = 1 WHERE id = ?", message.id)
        return found

    def report(self, number: int, state: State, report: str) -> None:
        """The end of an SMS, or another one."""
        self.run(
            "UPDATE messages SET state = ?, report = ?, reported_at = ?, pulled = 0 WHERE id = ?",
            *(state, report, time.time(), number),
        )

    def empty(self) -> None:
        """Throw all messages away. What is planned and how it is set up stays."""
        self.run("DELETE FROM messages")

    def _messages(self, condition: str, *values: Any) -> list[Message]:
        with self._lock:
            rows = self.run(f"SELECT * FROM messages WHERE {condition}", *values)  # noqa: S608 - ours, from above
            return [_read(row, self._files(row["id"])) for row in rows]

    def _files(self, number: int) -> list[File]:
        rows = self.run("SELECT * FROM files WHERE message = ? ORDER BY place", number)
        return [File(row["name"], row["kind"], row["content"]) for row in rows]

    # --- the rest ----------------------------------------------------------------------------------------------------

    def use_nonce(self, nonce: str) -> bool:
        """False if it was used before."""
        now = time.time()
        with self.changing():
            self.run("DELETE FROM nonces WHERE used_at < ?", now - NONCES_KEPT)
            return bool(self.run("INSERT INTO nonces VALUES (?, ?) ON CONFLICT DO NOTHING RETURNING nonce", nonce, now))

    def note_call(self, provider: str, call: str, to: str, answer: str, fault: str) -> None:
        with self.changing():
            (row,) = self.run(
                'INSERT INTO calls (at, provider, "call", "to", answer, fault) VALUES (?, ?, ?, ?, ?, ?) RETURNING id',
                *(time.time(), provider, call, to, answer, fault),
            )
            self.run("DELETE FROM calls WHERE id <= ?", row["id"] - CALLS_KEPT)

    def calls(self) -> list[Mapping[str, Any]]:
        """Who called what, oldest first."""
        return [dict(row) for row in self.run("SELECT * FROM calls ORDER BY id")]

    def note(self, name: str) -> Any:
        """What was kept under a name, or None."""
        rows: Sequence[sqlite3.Row] = self.run("SELECT value FROM options WHERE name = ?", name)
        return json.loads(rows[0]["value"]) if rows else None

    def keep(self, name: str, value: Any) -> None:
        """Keep a value that JSON can write."""
        self.run("INSERT OR REPLACE INTO options VALUES (?, ?)", name, json.dumps(value))


def _read(row: sqlite3.Row, files: Sequence[File]) -> Message:
    values = {name: row[name] for name in row.keys()}  # noqa: SIM118 - a row is no mapping
    del values["pulled"]
    headers = [(name, value) for name, value in json.loads(values.pop("headers"))]
    return Message(**values | {"headers": headers, "variables": json.loads(values["variables"]), "files": files})
