"""What user-svc listens to (what is marked in patients' credit), and what it does by itself in time."""

from common.messages import OrderWithdrawn, SessionStopped, VisitCompleted, VisitMissed
from common.outbox import Tx
from common.outbox.timers import JobHandler, TimerHandler
from common.processor import Handler

from user_svc.store.parts import job_is_set
from user_svc.usecases import chain, codes, credit, deletion, lockout, logins, reseal, retell

SUBSCRIPTIONS: dict[type, Handler] = {
    VisitMissed: credit.note_missed,
    OrderWithdrawn: credit.note_withdrawn,
    SessionStopped: credit.note_stopped,
    VisitCompleted: credit.note_seen,
}
TIMERS: dict[str, TimerHandler] = {
    lockout.TELL: lockout.tell,
    logins.PURGE: logins.purge,
    deletion.FORGET: deletion.forget,
}
JOBS: dict[str, JobHandler] = {
    chain.CHAIN: chain.keep_chain,
    codes.SEND: codes.send,
    codes.PURGE: codes.purge,
    reseal.RESEAL: reseal.reseal,
    retell.RETELL: retell.retell,
}

LASTING = (chain.CHAIN, reseal.RESEAL, retell.RETELL, deletion.FORGET, logins.PURGE, codes.PURGE)
"""What sets itself again each time."""


def start_jobs(tx: Tx) -> None:
    """Set what goes on for ever, unless it is there."""
    for kind in LASTING:
        if not job_is_set(tx, kind):
            tx.set_timer(kind, "", tx.now)
