"""Which services there are: for pages and checks that speak of all of them."""

SERVICES = ("user-svc", "schedule-svc", "booking-svc", "payment-svc", "notify-svc")
DOCUMENTED = (*SERVICES, "audit")
"""Who has an OpenAPI document: the services, and the audit beside them, which keeps nothing."""
