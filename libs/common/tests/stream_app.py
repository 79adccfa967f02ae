"""A service that does nothing but stream, for gunicorn: `stream_app:make()`."""

import os
import time
from types import SimpleNamespace
from typing import Any

from common.web.stream import Hub, Stream, event
from flask import Flask


def make() -> Flask:
    """GET /stream: what is published under "all"; GET /silent: nothing, ever; GET /publish publishes; GET /count: how many listen;
    GET /pid says whose process it is.
    """
    app, hub = Flask(__name__), Hub(600)
    app.extensions["service"] = SimpleNamespace(streams=hub)

    @app.get("/stream")
    def stream() -> Any:
        return Stream(hub.listen(["all"]), lambda n: event("thing", n), expires=time.time() + 3600).response()

    @app.get("/silent")
    def silent() -> Any:
        """Without a heartbeat, by which who has gone would be noticed."""
        stream = Stream(hub.listen(["none"]), lambda _: b"", expires=time.time() + 3600, heartbeat=3600)
        return stream.response()

    @app.get("/count")
    def count() -> str:
        return str(len(hub))

    @app.get("/publish")
    def publish() -> str:
        hub.publish("all", 1)
        return str(len(hub))

    @app.get("/pid")
    def pid() -> str:
        return str(os.getpid())

    return app
