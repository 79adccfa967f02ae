"""Which message and which timer moves what."""

from datetime import timedelta
from functools import partial

from common.messages import (
    AccountDeleted,
    ClinicRulesSet,
    PatientSaved,
    PaymentClosed,
    PaymentFailed,
    PaymentMoved,
    PaymentSucceeded,
    RefundFailed,
    RefundSucceeded,
    SessionChanged,
    SessionPublished,
    SessionStopped,
    SlotEntered,
    SlotRejected,
    SlotReleased,
    SlotReserved,
    SlotWaitlisted,
)
from common.outbox.timers import JobHandler, OneByOne, TimerHandler
from common.processor import Handler

from booking_svc import store, usecases
from booking_svc.usecases import waiting, watching
from booking_svc.usecases.clinic import closing


def subscriptions(window: timedelta | None) -> dict[type, Handler]:
    """`window`: how long a number is held unpaid or offered, if it is not to be the hospital's rule."""
    advance = partial(usecases.advance, window=window)
    return {
        SlotReserved: advance,
        SlotEntered: advance,
        SlotWaitlisted: advance,
        SlotRejected: advance,
        SlotReleased: usecases.note_released,
        PaymentSucceeded: advance,
        PaymentFailed: advance,
        PaymentClosed: advance,
        PaymentMoved: advance,
        RefundSucceeded: advance,
        RefundFailed: advance,
        SessionPublished: usecases.note_sessions,
        SessionChanged: usecases.note_sessions,
        SessionStopped: partial(usecases.stop_sessions, window=window),
        ClinicRulesSet: usecases.note_clinic_rules,
        PatientSaved: usecases.note_patients,
        AccountDeleted: usecases.leave,
    }


def timers(window: timedelta | None) -> dict[str, TimerHandler]:
    return {
        store.WINDOW: partial(usecases.end_window, window=window),
        usecases.WATCH: usecases.watch,
    }


def jobs(window: timedelta | None) -> dict[str, JobHandler]:
    """What locks queues, and so needs transactions of its own; and what computes."""
    return {
        usecases.LEFT: partial(usecases.see_to_account, window=window),
        usecases.SEE_TO_VISITS: usecases.see_to_visits,
        watching.FORGET: watching.forget,
        closing.CLOSE: closing.close_by_clock,
        # thousands of queues may be due for an estimate at once: each takes some ten milliseconds of a processor
        waiting.ESTIMATE: OneByOne(waiting.estimate_queue),
    }
