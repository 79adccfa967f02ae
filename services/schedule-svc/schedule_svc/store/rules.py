"""What the rules decide by: rule sets in force, a person's registrations and marks, vouchers; and the locks around them.

A person is one human being, in whosever list (`common.ids.person_of` a patient): what counts against her counts everywhere.

Each question is one query for all whom a run of orders concerns. On PostgreSQL they look up each id in an index by LATERAL;
store/desk.py says why.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import msgspec
import sqlalchemy as sa
from common.messages import CreditMark
from common.outbox import UtcDateTime

from schedule_svc.rules import Registration, RuleSet
from schedule_svc.store.sql import AmongQuery, postgres
from schedule_svc.store.tables import (
    hospital_rules,
    hospitals,
    patient_credit,
    reservations,
    sessions,
    slots,
    vouchers,
)
from schedule_svc.vouchers import Voucher

MOST_REGISTRATIONS = 500
"""Of one person: all that are active come first, then what she gave back last."""

# --- rule sets -------------------------------------------------------------------------------------------------------

_later = hospital_rules.alias("later")
_in_force = AmongQuery(
    lambda among: sa.select(hospital_rules.c.hospital_id, hospital_rules.c.rules).where(
        among(hospital_rules.c.hospital_id),
        hospital_rules.c.effective_from <= sa.bindparam("now", type_=UtcDateTime),
        ~sa.exists().where(
            _later.c.hospital_id == hospital_rules.c.hospital_id,
            _later.c.effective_from <= sa.bindparam("now", type_=UtcDateTime),
            sa.tuple_(_later.c.effective_from, _later.c.version)
            > sa.tuple_(hospital_rules.c.effective_from, hospital_rules.c.version),
        ),
    )
)


def rules_in_force(conn: sa.Connection, hospital_ids: Iterable[str], now: datetime) -> dict[str, RuleSet]:
    """The rule set of each hospital at `now`: the version that took effect last, the platform's own if there is none."""
    wanted = set(hospital_ids)
    found = {row.hospital_id: parsed(row.rules) for row in _in_force.rows(conn, wanted, now=now)}
    return {hospital_id: found.get(hospital_id) or RuleSet() for hospital_id in wanted}


@lru_cache(maxsize=4096)
def parsed(rules: str) -> RuleSet:
    """A stored version, read once: the same text is the same rules."""
    return msgspec.json.decode(rules, type=RuleSet)


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a hospital's rules. It never changes; a mistake is corrected by the next one."""

    hospital_id: str
    version: int
    effective_from: datetime
    rules: RuleSet
    published_by: str
    published_at: datetime


_by_time = (
    sa.select(hospital_rules)
    .where(hospital_rules.c.hospital_id == sa.bindparam("of"))
    .order_by(hospital_rules.c.effective_from, hospital_rules.c.version)
)
_last = sa.select(sa.func.coalesce(sa.func.max(hospital_rules.c.version), 0)).where(
    hospital_rules.c.hospital_id == sa.bindparam("of")
)
_hospital = sa.select(hospitals.c.id).where(hospitals.c.id == sa.bindparam("of"))


def hospital_exists(conn: sa.Connection, hospital_id: str) -> bool:
    return conn.execute(_hospital, {"of": hospital_id}).scalar() is not None


def lock_hospital(conn: sa.Connection, hospital_id: str) -> bool:
    """So that versions are numbered one after the other. False if there is no such hospital."""
    return conn.execute(_hospital.with_for_update(), {"of": hospital_id}).scalar() is not None


def versions_of(conn: sa.Connection, hospital_id: str) -> list[Version]:
    """All versions, in the order in which they take effect; of those for the same moment the last published is last."""
    return [
        Version(r.hospital_id, r.version, r.effective_from, parsed(r.rules), r.published_by, r.published_at)
        for r in conn.execute(_by_time, {"of": hospital_id})
    ]


def last_version(conn: sa.Connection, hospital_id: str) -> int:
    """0 if there is none."""
    return int(conn.execute(_last, {"of": hospital_id}).scalar_one())


def add_version(conn: sa.Connection, version: Version) -> None:
    """The rules are kept in full, defaults and all: what they say does not change with the defaults."""
    rules = msgspec.json.encode(version.rules).decode()
    values = {
        "hospital_id": version.hospital_id,
        "version": version.version,
        "effective_from": version.effective_from,
        "rules": rules,
        "published_by": version.published_by,
        "published_at": version.published_at,
    }
    conn.execute(sa.insert(hospital_rules), values)


_ahead = (
    sa.select(
        sessions.c.id,
        sessions.c.starts_at,
        (sessions.c.waiting > 0).label("waiting"),
        sa.exists().where(slots.c.session_id == sessions.c.id, slots.c.asides != "{}").label("aside"),
    )
    .where(
        sessions.c.hospital_id == sa.bindparam("of"),
        sessions.c.starts_at > sa.bindparam("now", type_=UtcDateTime),
        sessions.c.draft.is_(False),
        sessions.c.stopped.is_(False),
    )
    .order_by(sessions.c.id)
)


def sessions_ahead(conn: sa.Connection, hospital_id: str, now: datetime) -> list[sa.Row[Any]]:
    """Sessions that have not begun and where something happens by the rules: somebody waits, or numbers are set aside."""
    rows = conn.execute(_ahead, {"of": hospital_id, "now": now})
    return [row for row in rows if row.waiting or row.aside]


# --- persons ---------------------------------------------------------------------------------------------------------

_LOCK = "SELECT pg_advisory_xact_lock(key) FROM unnest(%s::bigint[]) AS key"


def lock_persons(conn: sa.Connection, persons: Iterable[str]) -> None:
    """Until the transaction ends, nobody else decides about these persons, in whatever session.

    Taken after the sessions' locks, in the order of the keys, so that nobody waits for each other. SQLite has one writer.
    """
    keys = sorted({_key(person) for person in persons})
    if keys and postgres(conn):
        conn.exec_driver_sql(_LOCK, (keys,)).all()


def _key(person: str) -> int:
    digest = blake2b(person.encode(), digest_size=8, person=b"haoyuan.patient").digest()
    return int.from_bytes(digest, "big", signed=True)


_registration_columns = (
    reservations.c.person,
    reservations.c.order_id,
    reservations.c.session_id,
    reservations.c.hospital_id,
    reservations.c.department_id,
    reservations.c.doctor_id,
    reservations.c.date,
    reservations.c.period,
    reservations.c.state,
    reservations.c.released_by,
    reservations.c.updated_at,
    reservations.c.was_sold,
)
_NAMES = ", ".join(column.name for column in _registration_columns)
_RELEVANT = (
    "date IS NOT NULL AND (state IN ('held', 'sold', 'waiting', 'entered')"
    # who leaves a draw or the waitlist gives no number back
    " OR state = 'released' AND released_by IN ('patient', 'expired') AND queue_number IS NOT NULL)"
)
_REGISTRATIONS = (
    f"SELECT r.* FROM unnest(%s::text[]) AS wanted (id)"  # noqa: S608  names of ours
    f" CROSS JOIN LATERAL (SELECT {_NAMES} FROM reservations WHERE person = wanted.id AND {_RELEVANT}"
    f" ORDER BY state = 'released', updated_at DESC LIMIT {MOST_REGISTRATIONS}) AS r"
)
_registrations = AmongQuery(
    lambda among: sa.select(*_registration_columns).where(among(reservations.c.person), sa.text(_RELEVANT))
)


def registrations_of(conn: sa.Connection, persons: Iterable[str]) -> dict[str, list[Registration]]:
    """What each person has, and what she gave back: enough for limits, cool-downs and follow-ups."""
    wanted = set(persons)
    found: dict[str, list[Registration]] = {person: [] for person in wanted}
    rows: Sequence[Any] = ()
    if wanted:
        on_postgres = postgres(conn)
        rows = (
            conn.exec_driver_sql(_REGISTRATIONS, (list(wanted),)).all()
            if on_postgres
            else _registrations.rows(conn, wanted)
        )
    for person, *values in rows:
        found[person].append(Registration(*values))
    return found


_MARKS = (
    "SELECT c.* FROM unnest(%s::text[]) AS wanted (id)"
    " CROSS JOIN LATERAL (SELECT person, marks FROM patient_credit WHERE person = wanted.id ORDER BY revision DESC LIMIT 1) AS c"
)
_marks = AmongQuery(
    lambda among: (
        sa.select(patient_credit.c.person, patient_credit.c.marks)
        .where(among(patient_credit.c.person))
        .order_by(patient_credit.c.revision)
    )
)
_read_marks = msgspec.json.Decoder(list[CreditMark])


def marks_of(conn: sa.Connection, persons: Iterable[str]) -> dict[str, list[CreditMark]]:
    """The marks against each person that user-svc has told of last; some may have expired since."""
    wanted = set(persons)
    found: dict[str, list[CreditMark]] = {person: [] for person in wanted}
    rows: Sequence[Any] = ()
    if wanted:
        rows = conn.exec_driver_sql(_MARKS, (list(wanted),)).all() if postgres(conn) else _marks.rows(conn, wanted)
    for person, marks in rows:  # the greatest revision is the last
        found[person] = _read_marks.decode(marks)
    return found


def keep_credit(conn: sa.Connection, patient_id: str, revision: int, marks: Sequence[CreditMark]) -> bool:
    """Keep what user-svc tells of a patient, unless something newer is known of her under this id. False if it is."""
    values = {"patient_id": patient_id, "revision": revision, "marks": msgspec.json.encode(marks).decode()}
    return conn.execute(_keep_credit, values).rowcount == 1


_keep_credit = sa.text(
    "INSERT INTO patient_credit (patient_id, revision, marks) VALUES (:patient_id, :revision, :marks)"
    " ON CONFLICT (patient_id) DO UPDATE SET revision = excluded.revision, marks = excluded.marks"
    " WHERE patient_credit.revision < excluded.revision"
)


# --- vouchers --------------------------------------------------------------------------------------------------------


_lock_vouchers = AmongQuery(
    lambda among: sa.select(vouchers).where(among(vouchers.c.code)).order_by(vouchers.c.code).with_for_update()
)
_use_voucher = (
    sa.update(vouchers).where(vouchers.c.code == sa.bindparam("used")).values(order_id=sa.bindparam("by_order"))
)


def lock_vouchers(conn: sa.Connection, codes: Iterable[str]) -> dict[str, Voucher]:
    """Those of the codes that exist, locked in their order."""
    return {row.code: Voucher(*row) for row in _lock_vouchers.rows(conn, set(codes))}


def use_vouchers(conn: sa.Connection, used: Mapping[str, str | None]) -> None:
    """Note which order uses a voucher; None: it is free again."""
    if used:
        conn.execute(_use_voucher, [{"used": code, "by_order": order_id} for code, order_id in used.items()])
