"""A pytest plugin that plants one bug, named by MUTANT, into the delivery of messages: the tests must turn red.

MUTANT=no_inbox PYTHONPATH=tests/faults pytest -p mutants libs/common/tests
"""

import os
from collections.abc import Sequence
from typing import Any

import pytest
from common.broker import consumer, inprocess
from common.broker.publisher import RabbitPublisher
from common.outbox import OutboxRow, Relay, Tx


def no_confirms() -> None:
    """A row is settled as soon as it has been handed to the socket."""
    send = RabbitPublisher._send

    def hasty(self: Any) -> None:
        send(self)
        rows, self._unconfirmed = self._unconfirmed, {}
        if rows:
            self._relay.settled([row.id for row in rows.values()])

    RabbitPublisher._send = hasty
    RabbitPublisher._on_confirm = lambda _self, _frame: None


def ack_before_commit() -> None:
    """A batch is acknowledged before it is handled."""
    work, hand_out = consumer.RabbitConsumer._work, inprocess.InProcessBroker.hand_out

    def hasty(self: Any, line: Any, batch: Sequence[Any]) -> None:
        line.channel.basic_ack(batch[-1].delivery_tag, multiple=True)
        line.channel.flow(active=True)  # it answers: the broker has read both, and a reset cannot take the first back
        line.channel.basic_ack = lambda *_, **__: None
        try:
            work(self, line, batch)
        finally:
            del line.channel.basic_ack

    def hasty_inprocess(self: Any, rows: Sequence[OutboxRow], relay: Relay) -> None:
        hand_out(self, rows, relay)
        relay.settled([row.id for row in rows])

    consumer.RabbitConsumer._work = hasty
    inprocess.InProcessBroker.hand_out = hasty_inprocess
    inprocess._settle = lambda _batch: None


def no_inbox() -> None:
    """Every delivery counts as the first."""
    Tx.first_time = lambda _self, message_ids: set(message_ids)


def no_sweep() -> None:
    """Nobody looks after what a crash left."""
    Relay._sweep = lambda _self: False


MUTANTS = {plant.__name__: plant for plant in (no_confirms, ack_before_commit, no_inbox, no_sweep)}


def pytest_configure(config: pytest.Config) -> None:
    del config
    if name := os.environ.get("MUTANT"):
        MUTANTS[name]()
