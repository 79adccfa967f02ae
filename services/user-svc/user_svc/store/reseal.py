"""What is sealed, and by which key: found a page at a time, and changed where it is as it was read."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from common.outbox import Tx

from user_svc.store.tables import accounts, credit_marks, patients, persons

_TABLES = {"accounts": accounts, "patients": patients, "credit_marks": credit_marks}

SEALED: dict[str, dict[str, str]] = {
    "accounts": {"email_sealed": "email", "phone_sealed": "phone"},
    "patients": {
        "name_sealed": "name",
        "id_number_sealed": "id_number",
        "phone_sealed": "phone",
        "about_sealed": "about",
    },
    "credit_marks": {"appeal_sealed": "appeal", "verdict_sealed": "verdict"},
}
"""Table -> its sealed columns, and what a value in them is sealed for: "<row>/<this>". Everything but codes on their way."""


def _stale(name: str, prefix: str) -> Any:
    """Of rows that hold something that another key has sealed than the one with this prefix; or an address in clear."""
    table = _TABLES[name]
    older = [
        sa.and_(
            table.c[column].is_not(None),
            table.c[column] != "",
            sa.func.substr(table.c[column], 1, len(prefix)) != prefix,
        )
        for column in SEALED[name]
    ]
    return sa.or_(*older, *([accounts.c.email != ""] if name == "accounts" else []))


def count_stale(conn: sa.Connection, prefix: str) -> int:
    """How many rows are not sealed by the key with this prefix, or not by it alone."""
    counts = (sa.select(sa.func.count()).select_from(_TABLES[name]).where(_stale(name, prefix)) for name in SEALED)
    return sum(conn.execute(count).scalar_one() for count in counts)


def stale_ids(conn: sa.Connection, name: str, prefix: str, after: str, limit: int) -> Sequence[str]:
    table = _TABLES[name]
    query = sa.select(table.c.id).where(table.c.id > after, _stale(name, prefix))
    return conn.scalars(query.order_by(table.c.id).limit(limit)).all()


def row_of(conn: sa.Connection, name: str, row_id: str, *, lock: bool = False) -> Any:
    """The row, locked if wished; None if there is none."""
    query = sa.select(_TABLES[name]).where(_TABLES[name].c.id == row_id)
    return conn.execute(query.with_for_update() if lock else query).one_or_none()


def replace_values(tx: Tx, name: str, before: Any, values: Mapping[str, Any]) -> bool:
    """Write these columns, unless one of them has changed since the row was read. False if one has, or there are none."""
    if not values:
        return False
    table = _TABLES[name]
    as_read = [table.c[column].is_not_distinct_from(getattr(before, column)) for column in values]
    same = sa.and_(table.c.id == before.id, *as_read)
    return bool(tx.conn.execute(sa.update(table).where(same).values(values)).rowcount)


# --- who is known by what --------------------------------------------------------------------------------------------


_unused = ~sa.exists().where(patients.c.id_index == persons.c.id_index)


def unused_indexes(conn: sa.Connection, after: str, limit: int) -> Sequence[str]:
    """Indexes of persons that stand in no patient's row: of another form of the document, or of another key."""
    query = sa.select(persons.c.id_index).where(persons.c.id_index > after, _unused)
    return conn.scalars(query.order_by(persons.c.id_index).limit(limit)).all()


def person_of_unused(conn: sa.Connection, id_index: str) -> str | None:
    """Who is known by an index that stands in no patient's row; None if it does, or nobody is."""
    query = sa.select(persons.c.person).where(persons.c.id_index == id_index, _unused)
    person: str | None = conn.execute(query).scalar()
    return person


def documents_of(conn: sa.Connection, person: str) -> Sequence[Any]:
    """The patients by whose documents a person is known; those who are deleted have none any more."""
    known_by = sa.select(persons.c.id_index).where(persons.c.person == person)
    documents = sa.and_(patients.c.id_index.in_(known_by), patients.c.id_number_sealed != "")
    return conn.execute(sa.select(patients).where(documents)).all()


def forget_index(tx: Tx, id_index: str) -> None:
    tx.conn.execute(sa.delete(persons).where(persons.c.id_index == id_index))


def known_by_older_keys(conn: sa.Connection, prefix: str) -> int:
    """How many deleted patients stand for a person whose document nobody can index any more by the key with this prefix."""
    gone = sa.and_(patients.c.id_number_sealed == "", patients.c.id_index.not_in(["", prefix]))
    return conn.execute(sa.select(sa.func.count()).select_from(patients).where(gone)).scalar_one()
