"""What notify-svc counts beside the chassis."""

from prometheus_client import Counter, Gauge

DELIVERIES = Counter("haoyuan_deliveries_total", "What became of deliveries", ["channel", "provider", "outcome"])
ALARMS = Counter(
    "haoyuan_delivery_alarms_total",
    "Answers of carriers that need a person: their `why` begins with ALARM",
    ["provider"],
)
OLDEST_DUE = Gauge(
    "haoyuan_deliveries_oldest_due_seconds",
    "Since when the oldest delivery of a lane has been due",
    ["channel", "lane"],
    multiprocess_mode="max",
)
UNSURE = Gauge(
    "haoyuan_deliveries_unsure",
    "Deliveries of which nobody knows whether they were sent: staff decide, GET /deliveries?state=unsure",
    multiprocess_mode="max",
)
STUCK = Gauge(
    "haoyuan_deliveries_stuck",
    "Deliveries that were taken up and not brought to an end in time",
    multiprocess_mode="max",
)
