"""The chassis' metrics, in Prometheus' format. Under gunicorn PROMETHEUS_MULTIPROC_DIR makes the processes' figures one."""

import os

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest, multiprocess

REQUESTS = Counter("haoyuan_http_requests_total", "Answered requests", ["service", "route", "method", "status"])
REQUEST_SECONDS = Histogram("haoyuan_http_request_seconds", "Time to answer", ["service", "route"])
MESSAGES_HANDLED = Counter("haoyuan_messages_handled_total", "Messages handled (first time)", ["service", "type"])
MESSAGES_PARKED = Counter(
    "haoyuan_messages_parked_total", "Messages parked: look at them with the dlq command", ["service"]
)
PARKED_ACTS = Counter(
    "haoyuan_parked_acts_total",
    "What operators did about parked messages by HTTP, and how it ended",
    ["service", "act"],
)
CONSUMER_PAUSES = Counter(
    "haoyuan_consumer_pauses_total", "Times a consumer waited for its database or broker", ["service"]
)
OUTBOX_SETTLED = Counter("haoyuan_outbox_settled_total", "Messages that arrived")
OUTBOX_RETURNED = Counter("haoyuan_outbox_returned_total", "Messages that no queue takes: an alarm")
TIMERS_FIRED = Counter("haoyuan_timers_fired_total", "Timers fired and jobs done", ["kind"])
TIMERS_FAILED = Counter("haoyuan_timers_failed_total", "Timers and jobs that failed and will be repeated", ["kind"])
STREAMS = Gauge("haoyuan_streams_open", "Live streams that are open", multiprocess_mode="livesum")
QUEUE_LAG = Gauge("haoyuan_outbox_in_flight", "Messages sent and not yet settled", multiprocess_mode="livesum")


def exposition() -> bytes:
    """All metrics of this service's processes, for GET /metrics."""
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)
    return generate_latest(REGISTRY)
