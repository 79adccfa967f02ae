"""notify-svc: what people are told.

Owns: notifications (the in-app inbox) and their delivery log, and alarms about money, in MongoDB. Publishes: nothing yet.
Consumes: UserRegistered, CreditChanged, OrderPlaced, OrderEntered, OrderOffered, OrderHeld, OrderWaitlisted, OrderRejected,
OrderConfirmed, OrderExpired, OrderWithdrawn, OrderCancelled, OrderRescheduled, SubstitutesOffered, VisitMissed, RefundStalled,
PaymentSucceeded, PaymentFailed, RefundSucceeded, RefundFailed, RosterApplied, MoneyAlarmRaised, MoneyAlarmCleared.
"""
