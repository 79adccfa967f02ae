"""booking-svc coordinates: an order from the request for a number to its confirmation, or to its money being back.

Owns       orders, their history, the saga; projections of sessions and patients (PostgreSQL)
Publishes  OrderPlaced OrderHeld OrderWaitlisted OrderRejected OrderConfirmed OrderExpired OrderWithdrawn
           OrderCancelled RefundStalled,
           and the saga's commands ReserveSlot ReleaseSlot RequestPayment ClosePayment RefundPayment
Consumes   the answers of schedule-svc and payment-svc; SessionPublished SessionChanged SessionStopped PatientSaved
"""
