"""What user-svc listens to: what is marked in patients' credit."""

from common.messages import OrderWithdrawn, SessionStopped, VisitMissed
from common.outbox.timers import JobHandler, TimerHandler
from common.processor import Handler

from user_svc.usecases import credit

SUBSCRIPTIONS: dict[type, Handler] = {
    VisitMissed: credit.note_missed,
    OrderWithdrawn: credit.note_withdrawn,
    SessionStopped: credit.note_stopped,
}
TIMERS: dict[str, TimerHandler] = {}
JOBS: dict[str, JobHandler] = {}
