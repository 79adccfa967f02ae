"""notify-svc: what people are told.

Owns: notifications (the in-app inbox) and their delivery log, in MongoDB. Publishes: nothing yet.
Consumes: UserRegistered, OrderPlaced, OrderHeld, OrderWaitlisted, OrderRejected, OrderConfirmed, OrderExpired,
OrderWithdrawn, OrderCancelled, RefundStalled, PaymentSucceeded, PaymentFailed, RefundSucceeded, RefundFailed, RosterApplied.
"""
