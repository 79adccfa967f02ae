"""The one web application: both vendors, the payer's pages, the control."""

import os
from collections.abc import Sequence

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from payment_sandbox import control, payer
from payment_sandbox.core import Sandbox
from payment_sandbox.parts import Vendor

LONGEST_BODY = 1_048_576  # bytes


class RefusedInProduction(RuntimeError):
    """A payment sandbox in production would give orders away."""


def refuse_production() -> None:
    """Raises RefusedInProduction if APP_ENV says so."""
    if os.environ.get("APP_ENV", "").strip().lower() == "production":
        raise RefusedInProduction("APP_ENV=production: the payment sandbox must not run where money is real")


def vendors() -> Sequence[Vendor]:
    """Both."""
    from payment_sandbox.alipay import Alipay
    from payment_sandbox.wechat import WeChat

    return (WeChat(), Alipay())


def create_app(sandbox: Sandbox) -> Flask:
    """Raises RefusedInProduction."""
    refuse_production()
    app = Flask("payment_sandbox")
    app.config["MAX_CONTENT_LENGTH"] = LONGEST_BODY
    for vendor in sandbox.vendors.values():
        app.register_blueprint(vendor.blueprint(sandbox))
    app.register_blueprint(payer.blueprint(sandbox))
    app.register_blueprint(control.blueprint(sandbox))

    @app.get("/healthz")
    def health() -> tuple[dict[str, str], int]:
        return ({"status": "ok"}, 200) if sandbox.callbacks.alive else ({"status": "callbacks are not delivered"}, 503)

    @app.errorhandler(HTTPException)
    def refused(error: HTTPException) -> Response:
        """As the vendors: a path or method that is none has an empty answer. People and tests are told more."""
        if request.path.startswith("/_ctl"):
            return control.problem(error.code or 500, "request", error.description or "")
        response = Response(status=error.code or 500)
        response.headers.remove("Content-Type")
        return response

    return app
