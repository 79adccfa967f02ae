"""Statements over many rows that read alike on PostgreSQL and SQLite: "among these values", built once per dialect."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import ARRAY

Among = Callable[[sa.ColumnElement[Any]], sa.ColumnElement[bool]]

_array = sa.any_(sa.bindparam("values", type_=ARRAY(sa.Text)))
_json = sa.func.json_each(sa.bindparam("values", type_=sa.Text)).table_valued("value")


def postgres(conn: sa.Connection) -> bool:
    return conn.dialect.name == "postgresql"


class AmongQuery:
    """A query, or a change, with one condition `column among values`. `make` builds it and is given the condition's maker."""

    def __init__(self, make: Callable[[Among], sa.Select[Any] | sa.Update]) -> None:
        self._postgres = make(lambda column: column == _array)
        self._sqlite = make(lambda column: column.in_(sa.select(_json.c.value)))

    def rows(self, conn: sa.Connection, values: Iterable[str], **parameters: Any) -> Sequence[Any]:
        """The rows, as SQLAlchemy's. `parameters` are those that `make` named."""
        given = list(values)
        return self._execute(conn, given, parameters).all() if given else []

    def change(self, conn: sa.Connection, values: Iterable[str], **parameters: Any) -> None:
        """Make the change to all rows with these values."""
        given = list(values)
        if given:
            self._execute(conn, given, parameters)

    def _execute(self, conn: sa.Connection, given: list[str], parameters: dict[str, Any]) -> sa.CursorResult[Any]:
        if postgres(conn):
            return conn.execute(self._postgres, {"values": given, **parameters})
        return conn.execute(self._sqlite, {"values": json.dumps(given), **parameters})


MANY = 20
"""From so many rows on, one document that PostgreSQL takes apart costs less than a statement each."""


def insert_rows(conn: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows, which all name the same columns; many of them by one statement where the database can."""
    if len(rows) >= MANY and postgres(conn) and not any(isinstance(value, bytes) for value in rows[0].values()):
        statement = _insert_document(table, tuple(rows[0]))
        conn.exec_driver_sql(statement, (msgspec.json.encode(rows).decode(),))
    elif rows:
        conn.execute(sa.insert(table), list(rows))


@cache
def _insert_document(table: sa.Table, names: tuple[str, ...]) -> str:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    kinds = ", ".join(f'"{name}" {table.c[name].type.compile(dialect)}' for name in names)
    columns = ", ".join(f'"{name}"' for name in names)
    return f'INSERT INTO "{table.name}" ({columns}) SELECT {columns} FROM json_to_recordset(%s::json) AS u ({kinds})'  # noqa: S608  names of ours


def update_rows(conn: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Update many rows by their primary key "id"; every row names the same columns."""
    if rows:
        names = tuple(name for name in rows[0] if name != "id")
        conn.execute(_update(table, names), [{"old_id": r["id"], **{f"new_{n}": r[n] for n in names}} for r in rows])


@cache
def _update(table: sa.Table, names: tuple[str, ...]) -> sa.Update:
    """Built once: building takes longer than running."""
    columns: dict[str, Any] = {name: sa.bindparam(f"new_{name}") for name in names}
    return sa.update(table).where(table.c.id == sa.bindparam("old_id")).values(columns)
