"""Which services there are: for pages and checks that speak of all of them."""

SERVICES = ("user-svc", "schedule-svc", "booking-svc", "payment-svc", "notify-svc")
