"""Credit: marks are made of events, appealed by patients, decided by staff; each change is told.

A mark is noted of a patient, in one account's list, and counts against the person: in whosever list she is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import msgspec
from common.envelope import Received
from common.errors import Conflict, NotFound
from common.ids import mint, person_of
from common.log import get_logger
from common.messages import CreditChanged, CreditMark, OrderWithdrawn, Visit, VisitCompleted, VisitMissed
from common.outbox import Database, Tx
from common.vault import Vault

from user_svc import store
from user_svc.credit import STANDS, Mark, notice_hours
from user_svc.usecases import trail
from user_svc.usecases.parts import Parts

log = get_logger("credit")

STOPPED = "停诊，不计入信用记录。The session was stopped: it does not count."
SEEN = "已就诊，原登记有误，不计入信用记录。The patient was seen: the mark was a mistake and does not count."

CLINIC = "clinic"
"""Who has decided of a mark that the visit itself has lifted."""

MOST_TOLD = 200
"""Marks of one person in a message, the newest: more would not fit, and no rule counts so many."""


def note_missed(tx: Tx, received: Sequence[Received]) -> None:
    """VisitMissed: a no_show, with the visit and who says so as evidence."""
    _record(tx, [_mark(m, "no_show", m.visit.starts_at, None, m.marked_by) for m in (r.message for r in received)])


def note_withdrawn(tx: Tx, received: Sequence[Received]) -> None:
    """OrderWithdrawn: a late_cancel, if the patient herself gave back a number that was hers for good, at short notice.

    The message's time is that of the cancellation.
    """
    late = []
    for r in received:
        m: OrderWithdrawn = r.message
        hours = notice_hours(r.time, m.visit)
        if m.cause == "patient" and m.was_confirmed and hours is not None:
            late.append(_mark(m, "late_cancel", r.time, hours, None))
    _record(tx, late)


def note_stopped(tx: Tx, received: Sequence[Received]) -> None:
    """SessionStopped: nothing of this session counts, whatever was noted or decided before, and whatever comes later.

    It stays so if the session is resumed: no clock has to tell what was noted for which of its lives.
    """
    ends = {r.message.session_id: r.message.session.ends_at for r in received}
    store.stop_sessions(tx, ends, forget_before=tx.now - STANDS)
    for row in store.marks_of_sessions(tx, sorted(ends)):
        _lift(tx, _read(row), decided_by=None)


def note_seen(tx: Tx, received: Sequence[Received]) -> None:
    """VisitCompleted: she was there. A mark for having missed this visit was a mistake, whatever was decided of it; and if word
    of that comes later, it is none.
    """
    completed: dict[str, VisitCompleted] = {r.message.order_id: r.message for r in received}
    store.lock_sessions(tx, {m.session_id: m.visit.ends_at for m in completed.values()})
    ends = {order_id: m.visit.ends_at for order_id, m in completed.items()}
    store.keep_seen(tx, ends, forget_before=tx.now - STANDS)
    for row in store.no_shows_of(tx, completed):
        mark = _read(row)
        if _lift(tx, mark, decided_by=CLINIC):
            facts = {"mark_id": mark.id, "verdict": "lifted", "order_id": mark.order_id}
            trail.note(tx, "mark_lifted", about=mark.account_id, hospital_id=mark.hospital_id, **facts)


def _mark(m: VisitMissed | OrderWithdrawn, kind: Any, at: datetime, hours: int | None, marked_by: str | None) -> Mark:
    return Mark(
        id=mint("mrk"),
        patient_id=m.patient_id,
        account_id=m.account_id,
        kind=kind,
        hospital_id=m.visit.hospital_id,
        order_id=m.order_id,
        session_id=m.session_id,
        visit=m.visit,
        at=at,
        expires_at=at + STANDS,
        notice_hours=hours,
        marked_by=marked_by,
    )


_COLUMNS = ("id", "patient_id", "account_id", "kind", "hospital_id", "order_id", "session_id", "at", "expires_at",
            "notice_hours", "marked_by", "appeal")  # fmt: skip


def _record(tx: Tx, marks: Sequence[Mark]) -> None:
    """Keep marks and tell of them, once for an order and kind, however often the event comes; none of a stopped session, and none
    for having missed a visit at which she was seen.

    In the order of the persons, so that two consumers lock them alike and do not wait for each other.
    """
    stopped = store.lock_sessions(tx, {mark.session_id: mark.visit.ends_at for mark in marks})
    seen = store.seen_of(tx, {mark.order_id for mark in marks if mark.kind == "no_show"})
    for mark in sorted(marks, key=lambda mark: person_of(mark.patient_id)):
        values = {name: getattr(mark, name) for name in _COLUMNS}
        if mark.session_id in stopped or (mark.kind == "no_show" and mark.order_id in seen):
            log.info("credit_not_marked", kind=mark.kind, order_id=mark.order_id, session_id=mark.session_id)
        elif store.add_mark(tx, {**values, "visit": msgspec.json.encode(mark.visit).decode()}):
            log.info("credit_marked", mark_id=mark.id, kind=mark.kind, order_id=mark.order_id)
            _tell(tx, mark, "recorded")


def _lift(tx: Tx, mark: Mark, *, decided_by: str | None) -> bool:
    """Lift a mark, whatever was decided before: whoever decided it did not know this. False if it is lifted already."""
    if mark.appeal == "lifted":
        return False
    lifted = {"appeal": "lifted", "verdict_sealed": None, "decided_at": tx.now, "decided_by": decided_by}
    store.change_mark(tx, mark.id, lifted | {"appealed_at": mark.appealed_at or tx.now})
    _tell(tx, mark, "lifted")
    return True


def _tell(tx: Tx, mark: Mark, change: Any) -> None:
    """Tell all marks of the person that stand now. That one expires is not told: each says when it does."""
    person = person_of(mark.patient_id)
    revision = store.next_credit_revision(tx, person)
    standing = [
        CreditMark(m.id, m.kind, m.hospital_id, m.order_id, m.at, m.expires_at, m.notice_hours)
        for m in map(_read, store.marks_of(tx.conn, person))
        if m.stands(tx.now)
    ]
    told = standing[:MOST_TOLD]
    tx.send(CreditChanged(mark.patient_id, mark.account_id, revision, change, mark.id, told))


@dataclass(frozen=True, slots=True)
class Credit:
    """What counts against somebody in one's list: one's own marks, and those that stand of other accounts that have her in theirs."""

    own: list[Mark]
    elsewhere: list[Mark]


def credit_of(database: Database, parts: Parts, account_id: str, patient_id: str) -> Credit:
    """All marks against a person of one's own, the newest first; those from elsewhere that stand, while she is in the list. Raises NotFound."""
    with database.reading() as conn:
        patient = store.patient_of(conn, account_id, patient_id)
        if patient is None:
            raise NotFound("no such person in your list", code="patient_not_found")
        rows = store.marks_of(conn, person_of(patient_id))
    own = [_read(row, parts.vault) for row in rows if row.patient_id == patient_id]
    elsewhere = [m for m in map(_read, rows) if m.patient_id != patient_id and m.stands(database.clock())]
    return Credit(own, elsewhere if patient.removed_at is None else [])


def appeal(database: Database, parts: Parts, account_id: str, patient_id: str, mark_id: str, reason: str) -> Mark:
    """Ask that a mark be lifted; once, and the same again changes nothing. Raises NotFound, Conflict (mark_expired,
    appeal_exists).
    """
    with database.transaction() as tx:
        row = store.mark(tx.conn, mark_id)
        owned = store.patient_of(tx.conn, account_id, patient_id)
        if row is None or row.patient_id != patient_id or owned is None:
            raise NotFound("no such mark", code="mark_not_found")
        mark = _read(row, parts.vault)
        if mark.appeal == "open" and mark.appeal_reason == reason:
            return mark
        if mark.appeal != "none":
            raise Conflict("a mark can be appealed once", code="appeal_exists")
        if not mark.stands(tx.now):
            raise Conflict("the mark has expired and no longer counts", code="mark_expired")
        sealed = parts.vault.seal(reason, f"{mark_id}/appeal")
        store.change_mark(tx, mark_id, {"appeal": "open", "appealed_at": tx.now, "appeal_sealed": sealed})
        return replace(mark, appeal="open", appealed_at=tx.now, appeal_reason=reason)


def open_appeals(
    database: Database, parts: Parts, hospital_id: str | None, after: Sequence[Any] | None, limit: int
) -> list[Mark]:
    """Appeals that wait for a verdict, in the order of appealing; of one hospital, or of all."""
    with database.reading() as conn:
        return [_read(row, parts.vault) for row in store.open_appeals(conn, hospital_id, after, limit)]


def decide(
    database: Database,
    parts: Parts,
    mark_id: str,
    *,
    verdict: Any,
    reason: str,
    account_id: str,
    hospital_id: str | None,
) -> Mark:
    """Lift a mark, or uphold it for good. `hospital_id`: whose marks the caller may decide; None: all. The same again
    changes nothing.

    Raises NotFound (another hospital's too), Conflict (no_open_appeal).
    """
    with database.transaction() as tx:
        row = store.mark(tx.conn, mark_id)
        if row is None or hospital_id not in (None, row.hospital_id):
            raise NotFound("no such mark", code="mark_not_found")
        mark = _read(row, parts.vault)
        if (mark.appeal, mark.verdict_reason, mark.decided_by) == (verdict, reason, account_id):
            return mark
        if mark.appeal != "open":
            raise Conflict("no appeal of this mark waits for a verdict", code="no_open_appeal")
        decided = {"appeal": verdict, "decided_at": tx.now, "decided_by": account_id}
        sealed = parts.vault.seal(reason, f"{mark_id}/verdict")
        store.change_mark(tx, mark_id, {**decided, "verdict_sealed": sealed})
        log.info("appeal_decided", mark_id=mark_id, verdict=verdict)
        facts = {"mark_id": mark_id, "verdict": verdict}
        trail.note(tx, "appeal_decided", actor=account_id, about=mark.account_id, hospital_id=mark.hospital_id, **facts)
        _tell(tx, mark, verdict)
        return replace(mark, **decided, verdict_reason=reason)


_read_visit = msgspec.json.Decoder(Visit).decode


def _read(row: Any, vault: Vault | None = None) -> Mark:
    """A stored mark; with the vault, what its appeal and its verdict say too."""
    said = vault.open(row.appeal_sealed, f"{row.id}/appeal") if vault and row.appeal_sealed else None
    why = vault.open(row.verdict_sealed, f"{row.id}/verdict") if vault and row.verdict_sealed else None
    if row.decided_at is not None and row.decided_by is None:
        why = STOPPED
    elif row.decided_by == CLINIC:
        why = SEEN
    return Mark(
        **{name: getattr(row, name) for name in _COLUMNS},
        visit=_read_visit(row.visit),
        appeal_reason=said,
        appealed_at=row.appealed_at,
        verdict_reason=why,
        decided_at=row.decided_at,
        decided_by=row.decided_by,
    )
