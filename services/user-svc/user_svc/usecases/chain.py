"""Chains what was noted in the trail, for ever, and looks again at what is chained."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from common.log import get_logger
from common.outbox import Database, Timer
from common.vault import decode_key
from prometheus_client import Counter

from user_svc.chain import Fault, State, link, misfit, stand
from user_svc.store import trail as rows

log = get_logger("trail")

FAULTS = Counter("haoyuan_trail_faults_total", "Places where the trail was tampered with: an alarm")

CHAIN = "trail"
"""The kind of the job; it has no key. Its payload: `head`, [place, digest] when it ran last; `seen`, how far its round is."""
EVERY = timedelta(seconds=5)
BATCH = 500
ROUND = 2000
"""Rows that are looked at again in each run: 34 million a day."""


def keep_chain(service: Any, timer: Timer) -> None:
    """Chain what was noted, look again at the next slice of what is chained, and be back soon."""
    database: Database = service.database
    key = decode_key(service.settings.trail_key)
    chain(database, key)
    with database.reading() as conn:
        faults = list(_cut(conn, timer.payload.get("head")))
        seen, found = _look_on(conn, key, timer.payload.get("seen", 0))
        head = rows.chain_head(conn)
    for fault in [*faults, *found]:
        FAULTS.inc()
        log.error("trail_broken", place=fault.place, row=fault.row, what=fault.what)
    with database.transaction() as tx:
        known = [head.place, head.digest] if head else None
        tx.set_timer(CHAIN, timer.key, tx.now + EVERY, {"head": known, "seen": seen})


def chain(database: Database, key: bytes) -> None:
    """Give every loose row its place. However many do so at once, there is one chain."""
    while True:
        with database.transaction() as tx:
            rows.lock_chain(tx)
            loose = rows.loose_acts(tx, BATCH)
            if not loose:
                return
            head = rows.chain_head(tx.conn)
            place, digest = (head.place, head.digest) if head else (0, "")
            places = []
            for row in loose:
                place, digest = place + 1, link(key, digest, place + 1, row)
                places.append((row.id, place, digest))
            rows.place_acts(tx, places)
        log.info("trail_chained", rows=len(places), length=place, head=digest)  # elsewhere than in the database


def state(database: Database) -> State:
    """How the chain stands now."""
    with database.reading() as conn:
        return stand(conn, database.clock())


def _look_on(conn: Any, key: bytes, seen: int) -> tuple[int, list[Fault]]:
    """The next slice of the round: how far it is then, and what does not fit. At the end of the chain it begins anew."""
    before = rows.digest_at(conn, seen) if seen else ""
    page = rows.links(conn, seen, ROUND)
    if before is None or not page:
        return 0, []  # what is gone was the head once, or is found from the beginning
    faults, place = [], seen
    for row in page:
        if fault := misfit(key, place + 1, before, row):
            faults.append(fault)
        place, before = row.place, row.digest
    return place, faults


def _cut(conn: Any, head: list[Any] | None) -> Iterator[Fault]:
    """The head that was seen before must still be where it was."""
    if head and rows.digest_at(conn, head[0]) != head[1]:
        yield Fault(head[0], None, "was the head of the chain, and is not there any more: its end was cut off")
