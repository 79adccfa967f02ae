"""OpenAPI 3 of each service from its schemas, and one page at /docs to browse all of them. No third-party requests."""

from pathlib import Path
from threading import RLock
from typing import Any

import swagger_ui_bundle
from flask import Flask, Response, send_from_directory
from flask_smorest import Api, Blueprint

from common.platform import DOCUMENTED
from common.web.access import public
from common.web.schemas import ProblemSchema

_ASSETS = Path(str(swagger_ui_bundle.swagger_ui_path))

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Haoyuan 号源 API</title><link rel="stylesheet" href="/docs/assets/swagger-ui.css"></head>
<body><div id="ui"></div>
<script src="/docs/assets/swagger-ui-bundle.js"></script>
<script src="/docs/assets/swagger-ui-standalone-preset.js"></script>
<script src="/docs/start.js"></script></body></html>
"""

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Of what may be loaded. Swagger UI writes styles into its elements."""

_START = """window.ui = SwaggerUIBundle({
  urls: [%s],
  dom_id: "#ui", deepLinking: true, validatorUrl: null, persistAuthorization: true,
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset], layout: "StandaloneLayout",
});
"""


def _whole_pattern(_converter: Any, _field: Any, *, ret: Any, **_: Any) -> dict[str, str]:
    """What Python means by a pattern that must fit the whole text, as ECMA 262 writes it, and so OpenAPI."""
    pattern = ret.get("pattern", "")
    return {"pattern": f"^(?:{pattern.removesuffix(_END)})$"} if pattern.endswith(_END) else {}


_END = r"\Z"


def _null_alone(_converter: Any, _field: Any, *, ret: Any, **_: Any) -> dict[str, Any]:
    """A nested object or null: OpenAPI 3.0 has no type null, and what stands for it must not be any object."""
    if {"type": "object", "nullable": True} not in ret.get("anyOf", ()):
        return {}
    kept = [part for part in ret["anyOf"] if not part.get("nullable")]
    return {"anyOf": [*kept, {"type": "object", "nullable": True, "enum": [None]}]}


class ProblemApi(Api):  # type: ignore[misc]
    """Documents what goes wrong as what it is: application/problem+json (RFC 9457).

    The document is written when it is first asked for: it takes longer than all the rest of an application's start, and most
    processes are never asked.
    """

    ERROR_SCHEMA = ProblemSchema
    DEFAULT_RESPONSE_CONTENT_TYPE: str = "application/json"

    def __init__(self, app: Flask) -> None:
        self._spec: Any = None
        self._writing = RLock()
        self._blueprints: list[Blueprint] = []
        super().__init__(app)

    @property
    def spec(self) -> Any:
        """The document."""
        with self._writing:  # a request that comes meanwhile waits for the whole of it
            if self._spec is None:
                self._write()
            return self._spec

    @spec.setter
    def spec(self, spec: Any) -> None:
        self._spec = spec

    def register_blueprint(self, blueprint: Blueprint, **options: Any) -> None:
        """As in flask-smorest, but for the document."""
        self._app.extensions["flask-smorest"]["blp_name_to_api"][blueprint.name] = self
        self._app.register_blueprint(blueprint, **options)
        self._blueprints.append(blueprint)

    def _init_spec(self, **options: Any) -> None:
        """Nothing yet."""

    def _write(self) -> None:
        super()._init_spec()
        for function in (_whole_pattern, _null_alone):
            self.ma_plugin.converter.add_attribute_function(function)
        for blueprint in self._blueprints:
            blueprint.register_views_in_doc(self, self._app, self.spec, name=blueprint.name, parameters=None)
            self.spec.tag({"name": blueprint.name, "description": blueprint.description})

    def _register_responses(self) -> None:
        usual = self.DEFAULT_RESPONSE_CONTENT_TYPE
        self.DEFAULT_RESPONSE_CONTENT_TYPE = "application/problem+json"
        try:
            super()._register_responses()
        finally:
            self.DEFAULT_RESPONSE_CONTENT_TYPE = usual


def config(service: str) -> dict[str, Any]:
    """flask-smorest's settings for a service's document."""
    return {
        "API_TITLE": f"Haoyuan 号源: {service}",
        "API_VERSION": "v1",
        "OPENAPI_VERSION": "3.0.3",
        "OPENAPI_URL_PREFIX": f"/api/v1/docs/{service}",
        "API_SPEC_OPTIONS": {
            "security": [{"bearer": []}],
            "components": {"securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}},
        },
    }


def register(app: Flask, service: str) -> None:
    """Open the document to everybody, and let user-svc serve the page that shows all."""
    for endpoint, view in app.view_functions.items():
        if endpoint.startswith("api-docs."):
            public(view) if not hasattr(view, "__func__") else app.view_functions.update(
                {endpoint: public(_unbound(view))}
            )
    if service == "user-svc":
        _page_routes(app)


def _unbound(view: Any) -> Any:
    """A plain function around a bound method, so that it can carry its access rule."""

    def document(*args: Any, **kwargs: Any) -> Any:
        """The service's OpenAPI document."""
        return view(*args, **kwargs)

    return document


def _page_routes(app: Flask) -> None:
    @app.get("/docs")
    @public
    def docs_page() -> Response:
        """A page to browse the documents of all services."""
        return Response(_PAGE, headers={"Content-Security-Policy": _POLICY}, content_type="text/html; charset=utf-8")

    @app.get("/docs/start.js")
    @public
    def docs_start() -> Response:
        """What that page begins with."""
        urls = ", ".join(f'{{name: "{name}", url: "/api/v1/docs/{name}/openapi.json"}}' for name in DOCUMENTED)
        return Response(_START % urls, content_type="text/javascript; charset=utf-8")

    @app.get("/docs/assets/<path:name>")
    @public
    def docs_asset(name: str) -> Response:
        """What that page is made of."""
        return send_from_directory(_ASSETS, name)
