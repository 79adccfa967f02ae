"""What user-svc listens to (what is marked in patients' credit), and what it does by itself in time."""

from common.messages import OrderWithdrawn, SessionStopped, VisitMissed
from common.outbox import Tx
from common.outbox.timers import JobHandler, TimerHandler
from common.processor import Handler

from user_svc.store.parts import job_is_set
from user_svc.usecases import chain, credit

SUBSCRIPTIONS: dict[type, Handler] = {
    VisitMissed: credit.note_missed,
    OrderWithdrawn: credit.note_withdrawn,
    SessionStopped: credit.note_stopped,
}
TIMERS: dict[str, TimerHandler] = {}
JOBS: dict[str, JobHandler] = {chain.CHAIN: chain.keep_chain}


def start_jobs(tx: Tx) -> None:
    """Set the jobs that go on for ever, unless they are there."""
    for kind in JOBS:
        if not job_is_set(tx, kind):
            tx.set_timer(kind, "", tx.now)
