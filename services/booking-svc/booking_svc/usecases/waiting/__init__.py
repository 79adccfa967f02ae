"""Waiting times, from a queue's rows.

learning     what a department's past says of its days to come
lines        a queue's rows as the models see them
estimating   how long it will take: for who asks, and by a timer for all who wait; promises and whether they held
reasons      why a wait is not what was told last
models       what the closed forms say beside the simulation
load         a session's load, by the models and as it was observed
planning     what one more doctor would change
backtest     what the planner would have said of past sessions
"""

from booking_svc.usecases.waiting.estimating import ESTIMATE, estimate_queue, note_called, somebody_waits

__all__ = ["ESTIMATE", "estimate_queue", "note_called", "somebody_waits"]
