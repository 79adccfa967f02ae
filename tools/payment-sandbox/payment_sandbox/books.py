"""What is remembered: an SQLite file in the sandbox's directory, which outlives kill -9. Everything waits for one lock, and
whatever one `changing()` holds takes effect together. Signing and sending happen outside of it.
"""

import fcntl
import json
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from payment_sandbox.parts import Refund, Trade

NONCES_KEPT = 900.0  # seconds of real time: who repeats one later is refused for her timestamp

SCHEMA = """
CREATE TABLE IF NOT EXISTS trades (
    provider TEXT NOT NULL, number TEXT NOT NULL, channel TEXT NOT NULL, amount INTEGER NOT NULL CHECK (amount > 0),
    subject TEXT NOT NULL, params TEXT NOT NULL, notify_url TEXT NOT NULL, token TEXT NOT NULL UNIQUE,
    created_at TEXT NOT NULL, expires_at TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('unpaid', 'paid', 'closed')), scanned INTEGER NOT NULL,
    return_url TEXT NOT NULL, payer TEXT NOT NULL, transaction_id TEXT NOT NULL, paid_at TEXT, closed_at TEXT,
    PRIMARY KEY (provider, number)
);
CREATE UNIQUE INDEX IF NOT EXISTS trades_by_id ON trades (provider, transaction_id) WHERE transaction_id <> '';
CREATE TABLE IF NOT EXISTS refunds (
    provider TEXT NOT NULL, number TEXT NOT NULL, trade_number TEXT NOT NULL, refund_id TEXT NOT NULL,
    amount INTEGER NOT NULL CHECK (amount > 0), reason TEXT NOT NULL, notify_url TEXT NOT NULL,
    requested_at TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('processing', 'success', 'closed', 'abnormal')), done_at TEXT,
    source TEXT NOT NULL,
    PRIMARY KEY (provider, number), UNIQUE (provider, refund_id),
    FOREIGN KEY (provider, trade_number) REFERENCES trades (provider, number)
);
CREATE INDEX IF NOT EXISTS refunds_of_trade ON refunds (provider, trade_number);
CREATE INDEX IF NOT EXISTS refunds_under_way ON refunds (requested_at) WHERE state = 'processing';
CREATE TABLE IF NOT EXISTS nonces (
    provider TEXT NOT NULL, nonce TEXT NOT NULL, used_at REAL NOT NULL, PRIMARY KEY (provider, nonce)
);
CREATE INDEX IF NOT EXISTS nonces_by_age ON nonces (used_at);
CREATE TABLE IF NOT EXISTS notices (
    place INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, provider TEXT NOT NULL, event TEXT NOT NULL,
    number TEXT NOT NULL, url TEXT NOT NULL, at TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'told', 'given_up')),
    due REAL NOT NULL, tries INTEGER NOT NULL DEFAULT 0, owed INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS notices_due ON notices (due) WHERE state = 'waiting' OR owed > 0;
CREATE INDEX IF NOT EXISTS notices_by_number ON notices (provider, number);
CREATE TABLE IF NOT EXISTS attempts (
    place INTEGER PRIMARY KEY AUTOINCREMENT, notice TEXT NOT NULL REFERENCES notices (id), at TEXT NOT NULL,
    status INTEGER, answer TEXT NOT NULL, error TEXT NOT NULL, fault TEXT NOT NULL, accepted INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS attempts_of_notice ON attempts (notice);
CREATE TABLE IF NOT EXISTS plans (
    place INTEGER PRIMARY KEY AUTOINCREMENT, provider TEXT NOT NULL, "call" TEXT NOT NULL, number TEXT NOT NULL,
    times INTEGER NOT NULL, fault TEXT NOT NULL, seconds REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS calls (
    place INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, provider TEXT NOT NULL, "call" TEXT NOT NULL,
    number TEXT NOT NULL, status INTEGER, fault TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS bill_changes (
    place INTEGER PRIMARY KEY AUTOINCREMENT, provider TEXT NOT NULL, day TEXT NOT NULL, change TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS options (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
EMPTIED = ("attempts", "notices", "refunds", "trades", "nonces", "plans", "calls", "bill_changes", "options")
T = TypeVar("T")
_TIMES = {"created_at", "expires_at", "paid_at", "closed_at", "requested_at", "done_at"}


class Taken(OSError):
    """Another sandbox keeps its books there."""


class Books:
    """Trades, refunds, nonces; and the file in which the other modules keep what is theirs. Raises Taken."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._ours = (directory / "lock").open("a")
        try:
            fcntl.flock(self._ours, fcntl.LOCK_EX | fcntl.LOCK_NB)  # until `close`, or the end of the process
        except BlockingIOError as error:
            self._ours.close()
            raise Taken(f"another payment-sandbox keeps its books in {directory}") from error
        self._lock = threading.RLock()
        self._database = sqlite3.connect(
            directory / "books.db", isolation_level=None, check_same_thread=False, timeout=10
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

    def clear(self) -> None:
        """Forget everything."""
        with self.changing():
            for table in EMPTIED:
                self.run(f"DELETE FROM {table}")  # noqa: S608 - a name of ours

    # --- trades ------------------------------------------------------------------------------------------------------

    def add_trade(self, trade: Trade) -> None:
        """Raises `sqlite3.IntegrityError` if there is one of that number."""
        self._add("trades", trade)

    def set_trade(self, trade: Trade) -> None:
        self._set("trades", trade)

    def trade(self, provider: str, number: str) -> Trade | None:
        return _one(self._trades("provider = ? AND number = ?", provider, number))

    def trade_of(self, provider: str, transaction_id: str) -> Trade | None:
        """The trade with the vendor's own number, which it has once it is paid."""
        return _one(
            self._trades("provider = ? AND transaction_id = ? AND transaction_id <> ''", provider, transaction_id)
        )

    def trade_by_token(self, token: str) -> Trade | None:
        return _one(self._trades("token = ?", token))

    def trades(self, provider: str) -> list[Trade]:
        """All, in the order in which they were made."""
        return self._trades("provider = ?", provider)

    def _trades(self, condition: str, *values: str) -> list[Trade]:
        rows = self.run(f"SELECT * FROM trades WHERE {condition} ORDER BY rowid", *values)  # noqa: S608 - ours, from above
        return [Trade(**_read(row)) for row in rows]

    # --- refunds -----------------------------------------------------------------------------------------------------

    def add_refund(self, refund: Refund) -> None:
        """Raises `sqlite3.IntegrityError` if there is one of that number, or no such trade."""
        self._add("refunds", refund)

    def set_refund(self, refund: Refund) -> None:
        self._set("refunds", refund)

    def refund(self, provider: str, number: str) -> Refund | None:
        return _one(self._refunds("provider = ? AND number = ?", provider, number))

    def refund_by_id(self, provider: str, refund_id: str) -> Refund | None:
        return _one(self._refunds("provider = ? AND refund_id = ?", provider, refund_id))

    def refunds_of(self, provider: str, trade_number: str) -> list[Refund]:
        return self._refunds("provider = ? AND trade_number = ?", provider, trade_number)

    def refunds(self, provider: str) -> list[Refund]:
        """All, in the order in which they were asked for."""
        return self._refunds("provider = ?", provider)

    def refunds_under_way(self) -> list[Refund]:
        return self._refunds("state = 'processing'")

    def _refunds(self, condition: str, *values: str) -> list[Refund]:
        rows = self.run(f"SELECT * FROM refunds WHERE {condition} ORDER BY rowid", *values)  # noqa: S608 - ours, from above
        return [Refund(**_read(row)) for row in rows]

    # --- the rest ----------------------------------------------------------------------------------------------------

    def use_nonce(self, provider: str, nonce: str) -> bool:
        """False if it was used before."""
        now = time.time()
        with self.changing():
            self.run("DELETE FROM nonces WHERE used_at < ?", now - NONCES_KEPT)
            return bool(
                self.run(
                    "INSERT INTO nonces VALUES (?, ?, ?) ON CONFLICT DO NOTHING RETURNING nonce", provider, nonce, now
                )
            )

    def note(self, name: str) -> Any:
        """What was kept under a name, or None."""
        rows = self.run("SELECT value FROM options WHERE name = ?", name)
        return json.loads(rows[0]["value"]) if rows else None

    def keep(self, name: str, value: Any) -> None:
        """Keep a value that JSON can write."""
        self.run("INSERT OR REPLACE INTO options VALUES (?, ?)", name, json.dumps(value))

    def _add(self, table: str, thing: Trade | Refund) -> None:
        row = _written(thing)
        names, marks = ", ".join(row), ", ".join("?" * len(row))
        self.run(f"INSERT INTO {table} ({names}) VALUES ({marks})", *row.values())  # noqa: S608 - names of fields

    def _set(self, table: str, thing: Trade | Refund) -> None:
        row = _written(thing)
        marks = ", ".join(f"{name} = ?" for name in row)
        statement = f"UPDATE {table} SET {marks} WHERE provider = ? AND number = ? RETURNING number"  # noqa: S608 - as above
        if not self.run(statement, *row.values(), thing.provider, thing.number):
            raise LookupError(f"{table} has no {thing.provider} {thing.number}")


def _written(thing: Trade | Refund) -> dict[str, Any]:
    return {field.name: _plain(getattr(thing, field.name)) for field in fields(thing)}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("a time without a zone")
        return value.isoformat()
    return json.dumps(dict(value), ensure_ascii=False) if isinstance(value, Mapping) else value


def _read(row: sqlite3.Row) -> dict[str, Any]:
    values = {name: row[name] for name in row.keys()}  # noqa: SIM118 - a row is no mapping
    for name in _TIMES & values.keys():
        values[name] = datetime.fromisoformat(values[name]) if values[name] else None
    if "params" in values:
        values |= {"params": json.loads(values["params"]), "scanned": bool(values["scanned"])}
    return values


def _one(found: list[T]) -> T | None:
    return found[0] if found else None
