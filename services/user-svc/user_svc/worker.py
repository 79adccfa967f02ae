"""What user-svc's worker does: it sends what the transactions have left in the outbox. It takes no messages yet."""

from common.outbox.timers import JobHandler, TimerHandler
from common.processor import Handler

SUBSCRIPTIONS: dict[type, Handler] = {}
TIMERS: dict[str, TimerHandler] = {}
JOBS: dict[str, JobHandler] = {}
