"""What user-svc listens to: what is marked in patients' credit."""

from common.messages import OrderCancelled, OrderWithdrawn, VisitMissed
from common.outbox.timers import JobHandler, TimerHandler
from common.processor import Handler

from user_svc.usecases import credit

SUBSCRIPTIONS: dict[type, Handler] = {
    VisitMissed: credit.note_missed,
    OrderWithdrawn: credit.note_withdrawn,
    OrderCancelled: credit.note_cancelled,
}
TIMERS: dict[str, TimerHandler] = {}
JOBS: dict[str, JobHandler] = {}
