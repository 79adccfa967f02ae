"""What the watchdog itself writes and reads of what is kept: which orders are confirmed, and how far its job has got."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from json import loads
from typing import Any

import sqlalchemy as sa
from common.outbox import Tx
from common.outbox.tables import timers

from payment_svc.store.tables import intents


def confirm(tx: Tx, order_ids: Sequence[str], at: datetime) -> None:
    """Note that these orders are confirmed since then, unless that is known. The caller has locked their intents."""
    if order_ids:
        these = sa.update(intents).where(intents.c.order_id.in_(order_ids), intents.c.confirmed_at.is_(None))
        tx.conn.execute(these.values(confirmed_at=at))


def progress(tx: Tx, kind: str, key: str) -> Mapping[str, Any] | None:
    """The payload of a job's row, locked; None if there is no such row."""
    query = sa.select(timers.c.payload).where(timers.c.kind == kind, timers.c.key == key).with_for_update()
    payload = tx.conn.execute(query).scalar_one_or_none()
    return None if payload is None else dict(loads(payload))
