"""What providers called back: the bytes and headers, as evidence, and whether they have taken effect."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from common import ids
from common.jsons import encode
from common.outbox import Tx

from payment_svc.store.tables import callbacks, insert_ignore

_state = sa.select(callbacks.c.state).where(
    callbacks.c.provider == sa.bindparam("provider"), callbacks.c.notify_id == sa.bindparam("notify_id")
)
_apply = (
    sa.update(callbacks)
    .where(
        callbacks.c.provider == sa.bindparam("who"),
        callbacks.c.notify_id == sa.bindparam("which"),
        callbacks.c.state == "failed",
    )
    .values(state="applied", updated_at=sa.bindparam("at"))
)


def is_applied(conn: sa.Connection, provider: str, notify_id: str) -> bool:
    """True if this callback has taken effect before."""
    return conn.execute(_state, {"provider": provider, "notify_id": notify_id}).scalar_one_or_none() == "applied"


def begin(tx: Tx, provider: str, heard: Any, headers: Mapping[str, str], body: bytes) -> bool:
    """Keep a callback as applied, which the rest of this transaction must make true. False if it was applied before."""
    if _add(tx, provider, heard, headers, body, state="applied", error=""):
        return True
    return tx.conn.execute(_apply, {"who": provider, "which": heard.notify_id, "at": tx.now}).rowcount == 1


def keep_failed(tx: Tx, provider: str, heard: Any, headers: Mapping[str, str], body: bytes, error: str) -> bool:
    """Keep a callback that could not be applied; its repetition will be tried again. False if it is kept already."""
    return _add(tx, provider, heard, headers, body, state="failed", error=error[:500])


def _add(tx: Tx, provider: str, heard: Any, headers: Mapping[str, str], body: bytes, *, state: str, error: str) -> bool:
    values = {
        "id": ids.mint("cbk", heard.number),
        "provider": provider,
        "notify_id": heard.notify_id,
        "kind": heard.kind,
        "number": heard.number,
        "headers": encode(dict(headers)).decode(),
        "body": body,
        "state": state,
        "error": error,
        "received_at": tx.now,
        "updated_at": tx.now,
    }
    insert = insert_ignore(callbacks, postgres=tx.postgres).returning(callbacks.c.id)
    return tx.conn.execute(insert, values).scalar_one_or_none() is not None
