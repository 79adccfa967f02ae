"""A sender and a receiver in one process, to be crashed at a point: python crash_app.py SENDER_DB RECEIVER_DB [BROKER_URL].

It goes on where the last run stopped: commits what is missing of MESSAGES, each with an effect of its own, and ends with status 0
when all have arrived and nothing is under way. Without a broker's URL it is embedded.
"""

import sys
import time
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from common.messages import OrderPlaced
from common.outbox import Relay, tables
from common.processor import Processor
from delivery_rig import RECEIVER, SENDER, Store, effects, placed, record

MESSAGES = 40
PATIENCE = 40.0


def count(store: Store, table: sa.Table) -> int:
    with store.reading() as conn:
        return int(conn.execute(sa.select(sa.func.count()).select_from(table)).scalar() or 0)


def consumers(processor: Processor, broker_url: str) -> tuple[list[Any], Any]:
    """What consumes, and the publisher that fits."""
    if not broker_url:
        from common.broker.inprocess import InProcessBroker

        broker = InProcessBroker()
        broker.subscribe(processor)
        return [broker], broker.publisher(SENDER)
    from common.broker.consumer import RabbitConsumer
    from common.broker.publisher import RabbitPublisher

    return [RabbitConsumer(broker_url, RECEIVER, processor)], RabbitPublisher(broker_url, SENDER)


def main(sender_url: str, receiver_url: str, broker_url: str = "") -> int:
    sender, receiver = Store(sender_url), Store(receiver_url)
    parts, publisher = consumers(Processor(RECEIVER, receiver, {OrderPlaced: record}), broker_url)
    parts.append(Relay(sender, publisher, sweep_seconds=0.1, grace=timedelta(0)))
    for part in parts:
        part.start()
    for n in range(count(sender, effects), MESSAGES):
        with sender.transaction() as tx:
            tx.conn.execute(sa.insert(effects).values(message_id=str(n), subject="a", number=str(n)))
            tx.send(placed("a", n))
        time.sleep(0.005)  # so that there are several batches to crash between
    deadline = time.monotonic() + PATIENCE
    while count(receiver, effects) < MESSAGES or count(sender, tables.outbox):
        if time.monotonic() > deadline:
            return 3
        time.sleep(0.02)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
