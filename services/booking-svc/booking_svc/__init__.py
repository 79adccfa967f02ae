"""booking-svc coordinates: an order from the request for a number to its visit, or to its money being back.

Owns       orders, their history, the saga; projections of sessions and patients (PostgreSQL)
Publishes  OrderPlaced OrderEntered OrderHeld OrderOffered OrderWaitlisted OrderRejected OrderConfirmed OrderExpired
           OrderWithdrawn OrderCancelled OrderRescheduled SubstitutesOffered RefundStalled VisitMissed,
           and the saga's commands ReserveSlot ReleaseSlot RequestPayment ClosePayment MovePayment RefundPayment
Consumes   the answers of schedule-svc and payment-svc; SessionPublished SessionChanged SessionStopped PatientSaved
"""
