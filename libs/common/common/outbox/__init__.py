"""The transaction that commits a change of state together with the messages and timers that it causes.

tables    outbox, inbox, parked, timers, idempotency: in every service's own database
database  engine, transactions, what they flush
keeping   parked messages, answers under their keys: that part of a database
relay     hands committed rows to a publisher, deletes them when they are settled, sweeps what a crash left
timers    fires due timers, in a transaction or as jobs with I/O
migrate   Alembic, for the chassis tables and for the service's own
"""

from common.outbox.database import Database, Tx
from common.outbox.keeping import Parked
from common.outbox.relay import Publisher, Relay
from common.outbox.tables import OutboxRow, UtcDateTime, idempotency
from common.outbox.timers import Timer, TimerLoop

__all__ = [
    "Database",
    "OutboxRow",
    "Parked",
    "Publisher",
    "Relay",
    "Timer",
    "TimerLoop",
    "Tx",
    "UtcDateTime",
    "idempotency",
]
