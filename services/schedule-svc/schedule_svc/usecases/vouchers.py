"""Vouchers: staff hand them out, the desk takes them. Used once; free again when its order gives its number back."""

import secrets
from collections.abc import Sequence
from datetime import datetime

from common.errors import Conflict, Invalid, NotFound
from common.outbox import Database, Tx

from schedule_svc.store import vouchers as store
from schedule_svc.usecases.rules import MayTouch
from schedule_svc.vouchers import Voucher

GROUPS, GROUP = 4, 4
"""Sixteen digits in groups of four: read aloud like a bank card's number, 53 bits."""


def new_code() -> str:
    """Nobody guesses it: 10^16 codes, and each attempt is an order that is rejected."""
    return "-".join(f"{secrets.randbelow(10**GROUP):0{GROUP}d}" for _ in range(GROUPS))


def issue(
    tx: Tx,
    session_id: str,
    *,
    channel: str,
    urgency: str,
    patient_id: str | None,
    expires_at: datetime | None,
    account_id: str,
    may_touch: MayTouch,
) -> Voucher:
    """Make a voucher for one number of a session, by default good until the session ends.

    Raises NotFound, Forbidden, Conflict when the session is stopped or over, Invalid.
    """
    session = store.session(tx.conn, session_id)
    if session is None:
        raise NotFound("there is no such session", code="session_not_found")
    may_touch(session.hospital_id)
    if session.stopped:
        raise Conflict("the session is stopped", code="session_stopped")
    if tx.now >= session.ends_at:
        raise Conflict("the session is over", code="session_over")
    if expires_at is not None and not tx.now < expires_at <= session.ends_at:
        errors = [{"field": "expires_at", "message": "must lie ahead, and not after the end of the session"}]
        raise Invalid("some fields are wrong", errors=errors)
    voucher = Voucher(
        code=new_code(),
        hospital_id=session.hospital_id,
        session_id=session_id,
        channel=channel,
        urgency=urgency,
        patient_id=patient_id,
        expires_at=expires_at or session.ends_at,
        issued_by=account_id,
        issued_at=tx.now,
    )
    store.add(tx.conn, voucher)
    return voucher


def page(
    database: Database, session_id: str, after: Sequence[object] | None, limit: int, may_touch: MayTouch
) -> list[Voucher]:
    """A session's vouchers, in the order in which they were issued. `after`: issued_at and code of the last one seen.

    Raises NotFound, Forbidden.
    """
    with database.reading() as conn:
        session = store.session(conn, session_id)
        if session is None:
            raise NotFound("there is no such session", code="session_not_found")
        may_touch(session.hospital_id)
        return store.page(conn, session_id, after, limit)
