"""One Flask application per service: routes with schemas, access rules, problems, health, metrics, OpenAPI."""

import functools
import re
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

from flask import Flask, Response, current_app, g, request
from flask_smorest import Blueprint as SmorestBlueprint
from marshmallow import Schema as MarshmallowSchema
from marshmallow import ValidationError

from common import metrics
from common.envelope import new_traceparent
from common.errors import Invalid
from common.jsons import decode, encode
from common.log import set_trace
from common.web import access, docs, problems
from common.web.schemas import check_path_and_query

View = TypeVar("View", bound=Callable[..., Any])

MAX_BODY = 256 * 1024

_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
"""https://www.w3.org/TR/trace-context/#traceparent-header"""


def answer(body: Any, status: int = 200, **headers: str) -> Response:
    """A JSON answer. Header names are given with underscores, as in Retry_After="2"."""
    response = Response(encode(body), status, content_type="application/json")
    for name, value in headers.items():
        response.headers[name.replace("_", "-")] = value
    return response


def service() -> Any:
    """The running `Service` of this request."""
    return current_app.extensions["service"]


class Routes(SmorestBlueprint):  # type: ignore[misc]
    """A flask-smorest blueprint for the documents, with a leaner path at run time: schemas are built once, views answer
    plain JSON values or a Response, and what a schema refuses is a problem that names each field.
    """

    def get(self, rule: str, **options: Any) -> Callable[[View], View]:
        """Register a view for GET."""
        return self._register("GET", rule, options)

    def post(self, rule: str, **options: Any) -> Callable[[View], View]:
        """Register a view for POST."""
        return self._register("POST", rule, options)

    def patch(self, rule: str, **options: Any) -> Callable[[View], View]:
        """Register a view for PATCH."""
        return self._register("PATCH", rule, options)

    def delete(self, rule: str, **options: Any) -> Callable[[View], View]:
        """Register a view for DELETE."""
        return self._register("DELETE", rule, options)

    def _register(self, method: str, rule: str, options: dict[str, Any]) -> Callable[[View], View]:
        register = self.route(rule, methods=[method], **options)

        def enter(view: View) -> View:
            allowed = getattr(view, "access", None)  # a view that declares nothing is refused, and found by a test
            shown = {"x-roles": sorted(allowed)} if allowed else {} if allowed is None else {"security": []}
            return cast("View", register(self.doc(**shown)(view)))

        return enter

    def arguments(self, schema: Any, *, location: str = "json", **kwargs: Any) -> Callable[..., Any]:
        """Load the body (`json`) or the `query` through `schema` and pass the result as the first argument."""
        instance = schema() if isinstance(schema, type) else schema
        load = _load_json if location == "json" else _load_query
        document = super().arguments(instance, location=location, **kwargs)

        def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
            @functools.wraps(view)
            def wrapper(*args: Any, **view_kwargs: Any) -> Any:
                return view(load(instance), *args, **view_kwargs)

            wrapper._apidoc = document(view)._apidoc  # type: ignore[attr-defined]  # noqa: SLF001  smorest's own contract
            return wrapper

        return decorate

    def response(self, status_code: int, schema: Any = None, **kwargs: Any) -> Callable[..., Any]:
        """Document the answer; turn a view's plain value into JSON with this status."""
        document = super().response(status_code, schema, **kwargs)

        def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
            @functools.wraps(view)
            def wrapper(*args: Any, **view_kwargs: Any) -> Response:
                result = view(*args, **view_kwargs)
                if isinstance(result, Response):
                    return result
                return Response(status=status_code) if result is None else answer(result, status_code)

            wrapper._apidoc = document(view)._apidoc  # type: ignore[attr-defined]  # noqa: SLF001  smorest's own contract
            return wrapper

        return decorate


def _load_json(schema: MarshmallowSchema) -> Any:
    data = request.get_data()
    if not data:
        body: Any = {}
    elif not request.is_json:
        raise Invalid("send a JSON body", errors=[{"field": "Content-Type", "message": "must be application/json"}])
    else:
        try:
            body = decode(data)
        except ValueError as error:
            raise Invalid(
                "the body is not JSON", code="bad_json", errors=[{"field": "body", "message": str(error)}]
            ) from error
    if not isinstance(body, dict):
        raise Invalid("the body is no object", errors=[{"field": "body", "message": "must be a JSON object"}])
    return schema.load(body)


def _load_query(schema: MarshmallowSchema) -> Any:
    repeated = [name for name, values in request.args.lists() if len(values) > 1]
    if repeated:
        raise ValidationError({name: ["is given more than once"] for name in repeated})
    return schema.load(request.args.to_dict())


def create_app(service: Any, blueprints: Sequence[SmorestBlueprint], *, keeps: bool = True) -> Flask:
    """The application of one service. `service` is its `common.service.Service`.

    keeps: it has a store, with figures for the audit, and parked messages.
    """
    app = Flask(service.name, static_folder=None)
    app.config.update(MAX_CONTENT_LENGTH=MAX_BODY, **docs.config(service.name))
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.extensions["service"] = service
    app.extensions["verifier"] = access.Verifier(service.settings.jwt_public_key)
    app.before_request(_begin)
    app.before_request(access.enforce)
    app.after_request(_finish)
    api = docs.ProblemApi(app)
    problems.register(app)
    for blueprint in blueprints:
        api.register_blueprint(blueprint)
    if keeps:
        from common.web.parked import blueprint as parked

        api.register_blueprint(parked, url_prefix=f"/api/v1/parked/{service.name}")
        _figures_route(app, service)
    _health_routes(app, service)
    docs.register(app, service.name)
    return app


def _begin() -> None:
    g.started = time.perf_counter()
    trace = request.headers.get("traceparent", "")  # goes into logs and messages, so it has to be one
    set_trace(trace if _TRACEPARENT.fullmatch(trace) else new_traceparent())
    if request.view_args or request.args:
        check_path_and_query({**request.args, **(request.view_args or {})})


def _finish(response: Response) -> Response:
    name, route = current_app.name, request.url_rule.rule if request.url_rule else "none"
    metrics.REQUESTS.labels(name, route, request.method, response.status_code).inc()
    if (started := g.get("started")) is not None:
        metrics.REQUEST_SECONDS.labels(name, route).observe(time.perf_counter() - started)
    response.headers["X-Content-Type-Options"] = "nosniff"
    if "Cache-Control" not in response.headers:
        response.headers["Cache-Control"] = "no-store"
    return response


def _health_routes(app: Flask, service: Any) -> None:
    """Liveness, readiness and metrics; the gateway does not pass them on."""

    @app.get("/healthz")
    @access.public
    def healthz() -> Response:
        return answer({"status": "alive", "service": service.name})

    @app.get("/readyz")
    @access.public
    def readyz() -> Response:
        missing = service.missing()
        return answer({"status": "not ready" if missing else "ready", "missing": missing}, 503 if missing else 200)

    @app.get("/metrics")
    @access.public
    def show_metrics() -> Response:
        return Response(metrics.exposition(), content_type="text/plain; version=0.0.4; charset=utf-8")


def _figures_route(app: Flask, service: Any) -> None:
    @app.get(f"/api/v1/audit/{service.name}")
    @access.roles("operator")
    def show_figures() -> Response:
        """The service's own figures, for `python -m audit`."""
        return answer(service.figures())
