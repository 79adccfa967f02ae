"""What booking-svc keeps of other services' sessions and patients."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from common.messages import SessionFacts, SessionFactsV2, read_facts
from common.outbox import Tx

from booking_svc.store.tables import patients, sessions

_BEFORE_DRAWS = {"policy": "first_come", "draw_at": None, "drawn": False}
"""What the first release did not know of a session."""
_decode_facts = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.json.Encoder().encode


def save_sessions(tx: Tx, facts: Sequence[SessionFacts]) -> None:
    """Keep the newest word on each session: an older revision never overwrites."""
    newest = {f.session_id: f for f in sorted(facts, key=lambda f: f.revision)}
    rows = [{"id": f.session_id, "revision": f.revision, "facts": _encode(f).decode()} for f in newest.values()]
    tx.conn.execute(_save_session, rows)


_save_session = sa.text(
    "INSERT INTO sessions (id, revision, facts) VALUES (:id, :revision, :facts) ON CONFLICT (id) DO UPDATE"
    " SET revision = excluded.revision, facts = excluded.facts WHERE sessions.revision < excluded.revision"
)


def get_session(conn: sa.Connection, session_id: str) -> SessionFacts | None:
    facts = conn.execute(_session_by_id, {"session_id": session_id}).scalar()
    return None if facts is None else _read(_decode_facts(facts))


def _read(facts: dict[str, Any]) -> SessionFacts:
    if "period" in facts:
        return msgspec.convert(facts, SessionFacts)
    return read_facts(msgspec.convert(_BEFORE_DRAWS | facts, SessionFactsV2))


_session_by_id = sa.select(sessions.c.facts).where(sessions.c.id == sa.bindparam("session_id"))


def save_patients(tx: Tx, rows: Sequence[dict[str, Any]]) -> None:
    """Keep the newest word on each patient."""
    newest = {row["id"]: row for row in sorted(rows, key=lambda row: row["revision"])}
    tx.conn.execute(_save_patient, list(newest.values()))


_save_patient = sa.text(
    "INSERT INTO patients (id, account_id, revision, masked_name, removed)"
    " VALUES (:id, :account_id, :revision, :masked_name, :removed) ON CONFLICT (id) DO UPDATE"
    " SET revision = excluded.revision, masked_name = excluded.masked_name, removed = excluded.removed"
    " WHERE patients.revision < excluded.revision"
)


def forget_patients(tx: Tx, account_id: str, patient_ids: Sequence[str]) -> None:
    """These people are gone for good: removed, without a name, and no word on them that comes later changes that."""
    gone = {"account_id": account_id, "revision": LAST_REVISION, "masked_name": "", "removed": True}
    if patient_ids:
        tx.conn.execute(_save_patient, [{"id": patient_id, **gone} for patient_id in sorted(set(patient_ids))])


LAST_REVISION = 2**31 - 1


def masked_names(conn: sa.Connection, patient_ids: Iterable[str]) -> dict[str, str]:
    """The names of those who have not been forgotten."""
    query = sa.select(patients.c.id, patients.c.masked_name).where(patients.c.id.in_(sorted(set(patient_ids))))
    return {row.id: row.masked_name for row in conn.execute(query) if row.masked_name}


def is_removed(conn: sa.Connection, patient_id: str) -> bool:
    """True once we have heard that nobody can be booked under this id any more."""
    return bool(conn.execute(sa.select(patients.c.removed).where(patients.c.id == patient_id)).scalar())


def account_of(conn: sa.Connection, patient_id: str) -> str | None:
    """Whose patient this is; None for one of whom we have not heard, or who has been removed."""
    query = sa.select(patients.c.account_id).where(patients.c.id == patient_id, patients.c.removed.is_(False))
    found: str | None = conn.execute(query).scalar()
    return found
