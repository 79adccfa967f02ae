"""The one web application: both providers of SMS, the page, the control."""

import os
from collections.abc import Callable

from flask import Flask, Response, request

from mailbox_sandbox import control, page
from mailbox_sandbox.alibaba import Alibaba
from mailbox_sandbox.sms import Office
from mailbox_sandbox.tencent import Tencent

LONGEST_BODY = 1_048_576  # bytes


class RefusedInProduction(RuntimeError):
    """In production people's codes would be there for everybody to read."""


def refuse_production() -> None:
    """Raises RefusedInProduction if APP_ENV says so."""
    if os.environ.get("APP_ENV", "").strip().lower() == "production":
        raise RefusedInProduction("APP_ENV=production: the mailbox must not run where letters are people's own")


def create_app(office: Office, healthy: Callable[[], bool]) -> Flask:
    """Raises RefusedInProduction."""
    refuse_production()
    app = Flask("mailbox_sandbox")
    app.config["MAX_CONTENT_LENGTH"] = LONGEST_BODY
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.register_blueprint(page.blueprint(office.box))
    app.register_blueprint(control.blueprint(office.box, office.faults, office.receipts))
    alibaba, tencent = Alibaba(office), Tencent(office)

    @app.post("/")
    def provider() -> Response:
        """Both call the same path: Tencent's callers say X-TC-Action."""
        return (tencent if "X-TC-Action" in request.headers else alibaba).answer(request)

    @app.get("/healthz")
    def health() -> tuple[dict[str, str], int]:
        return ({"status": "ok"}, 200) if healthy() else ({"status": "e-mail or receipts have ended"}, 503)

    return app
