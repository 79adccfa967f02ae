"""gunicorn for every api: threads, because handlers wait for the database; no preload, because threads do not fork."""

import os
import shutil
import tempfile

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
