"""Which version each row was last sent under, so that versions grow with each change and stay for equal content.

A version is the Unix minute of the file's last change, or one more than the last version if that is not greater. Should the ledger be
lost, minutes are greater than what was given before, unless rows have changed more than once a minute on the average.
"""

import os
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Literal

from haoyuan_roster.faults import Unusable

Kind = Literal["hospital", "departments", "doctors", "sessions", "state", "extras"]
"""Of what a row tells. Stops and resumptions of a session share their versions: `state`."""

_SCHEMA = """CREATE TABLE IF NOT EXISTS versions (
    hospital TEXT NOT NULL, kind TEXT NOT NULL, code TEXT NOT NULL, version INTEGER NOT NULL, digest TEXT NOT NULL,
    PRIMARY KEY (hospital, kind, code)) WITHOUT ROWID"""
_FIND = "SELECT version, digest FROM versions WHERE hospital = ? AND kind = ? AND code = ?"
_KEEP = "INSERT OR REPLACE INTO versions VALUES (?, ?, ?, ?, ?)"


def default_path() -> Path:
    """HAOYUAN_ROSTER_LEDGER, else a file in the user's state folder."""
    if path := os.environ.get("HAOYUAN_ROSTER_LEDGER"):
        return Path(path)
    home = os.environ.get("XDG_STATE_HOME") or os.environ.get("LOCALAPPDATA") or Path.home() / ".local" / "state"
    return Path(home) / "haoyuan-roster" / "versions.db"


class Ledger:
    """The versions of one hospital's rows, in a file."""

    def __init__(self, path: Path, hospital: str) -> None:
        self._path = path
        self._hospital = hospital

    def versions(
        self, kind: Kind, digests: Mapping[str, str], minute: int, fixed: int | None = None
    ) -> Mapping[str, int]:
        """The version of each code, by the digest of its content; noted down before anything is sent.

        `minute` is the least that a new version is, in minutes since 1970; `fixed` is taken instead of all that. Raises Unusable
        if the ledger cannot be written.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self._path, timeout=30, isolation_level=None)) as connection:
                connection.execute(_SCHEMA)
                connection.execute("BEGIN IMMEDIATE")
                found = {code: self._next(connection, kind, code, digest, minute) for code, digest in digests.items()}
                if fixed is not None:
                    found = dict.fromkeys(digests, fixed)
                rows: Sequence[tuple[object, ...]] = [
                    (self._hospital, kind, code, version, digests[code]) for code, version in found.items()
                ]
                connection.executemany(_KEEP, rows)
                connection.execute("COMMIT")
        except (OSError, sqlite3.Error) as error:
            raise Unusable(f"cannot keep versions in {self._path}: {error}; name another file by --ledger") from error
        return found

    def _next(self, connection: sqlite3.Connection, kind: Kind, code: str, digest: str, minute: int) -> int:
        known = connection.execute(_FIND, (self._hospital, kind, code)).fetchone()
        if known is None:
            return minute
        version, content = known
        return int(version) if content == digest else max(minute, version + 1)
