"""booking-svc coordinates: an order from the request for a number to its visit, or to its money being back.

Owns       orders, their history, the saga; visits, queues, desks, estimates; projections of sessions, patients, rules (PostgreSQL)
Publishes  OrderPlaced OrderEntered OrderHeld OrderOffered OrderWaitlisted OrderRejected OrderConfirmed OrderExpired
           OrderWithdrawn OrderCancelled OrderRescheduled SubstitutesOffered RefundStalled VisitMissed VisitCompleted
           VisitVoided; VisitCheckedIn VisitNear VisitCalled VisitPassed VisitMoved;
           and the saga's commands ReserveSlot ReleaseSlot RequestPayment ClosePayment MovePayment RefundPayment
Consumes   the answers of schedule-svc and payment-svc; SessionPublished SessionChanged SessionStopped ClinicRulesSet
           PatientSaved AccountDeleted
"""
