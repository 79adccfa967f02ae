"""notify-svc: what people are told.

Owns: notifications (the in-app inbox), contacts and what people want, the people booked for by
their masked names, deliveries by e-mail and SMS with their log, reminders of
visits, and alarms about money, in MongoDB. Publishes: nothing yet.
Consumes: UserRegistered, ContactChanged, CodeIssued, SecurityNoted, AccountDeleted, PatientSaved, CreditChanged,
OrderPlaced, OrderEntered, OrderOffered, OrderHeld, OrderWaitlisted, OrderRejected, OrderConfirmed, OrderExpired, OrderWithdrawn,
OrderCancelled, OrderRescheduled, SubstitutesOffered, VisitMissed, VisitCheckedIn, VisitNear, VisitCalled, VisitPassed, VisitMoved,
VisitCompleted, VisitVoided, RefundStalled, PaymentSucceeded, PaymentFailed,
RefundSucceeded, RefundFailed, RosterApplied, MoneyAlarmRaised, MoneyAlarmCleared.
"""
