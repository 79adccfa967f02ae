"""gunicorn for every api: threads, because handlers wait for the database; no preload, because threads do not fork."""

import os
import shutil
import signal
import tempfile
import threading
from typing import Any

from prometheus_client import multiprocess

bind = f"0.0.0.0:{os.environ.get('PORT', '8000')}"
worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = int(os.environ.get("WEB_THREADS", "8"))
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: PTH112, S108  a tmpfs for heartbeats, as gunicorn advises
keepalive = 75
graceful_timeout = 20
timeout = 60
accesslog = None
control_socket_disable = True

if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="haoyuan-metrics-")
    _made = os.environ["PROMETHEUS_MULTIPROC_DIR"]

    def on_exit(_server: object) -> None:
        """Leave nothing behind."""
        shutil.rmtree(_made, ignore_errors=True)


def child_exit(_server: object, worker: object) -> None:
    """Forget a dead process's gauges."""
    multiprocess.mark_process_dead(worker.pid)  # type: ignore[attr-defined,no-untyped-call]


def post_worker_init(worker: Any) -> None:
    """SIGTERM ends live streams at once, which requests under way would otherwise wait for."""

    def leave(number: int, frame: Any) -> None:
        worker_int(worker)
        worker.handle_exit(number, frame)

    signal.signal(signal.SIGTERM, leave)
    signal.siginterrupt(signal.SIGTERM, False)


def worker_int(worker: Any) -> None:
    """As SIGTERM, for SIGINT and SIGQUIT. In a thread: a signal comes at any moment, whoever holds which lock."""
    streams = worker.wsgi.extensions["service"].streams
    if streams is not None:
        threading.Thread(target=streams.close, daemon=True).start()
