"""One WSGI application in front of all services, and the web pages: what the gateway is on the real stack."""

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from common.jsons import encode
from flask import Flask
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from embedded.pages import Pages, Wsgi, guarded

_OWN = ("/healthz", "/readyz", "/metrics")  # every service has these; here one answer speaks for all
_OF_SERVICES = re.compile(r"/(api|docs|\.well-known|readyz|healthz|metrics)(/|$)")


class Front:
    """Routes a request to the service that has a rule for its path, by the services' own routing tables."""

    def __init__(self, apps: Mapping[str, Flask], missing: Callable[[], list[str]], pages: Path) -> None:
        self._apps = apps
        self._pages = Pages(pages)
        self._missing = missing
        self.closing = False
        """Set at the end: connections that are kept alive bring no new work."""
        self._first = next(iter(apps.values()))
        self._map = Map(
            [
                Rule(rule.rule, endpoint=name)
                for name, app in apps.items()
                for rule in app.url_map.iter_rules()
                if rule.rule not in _OWN
            ]
        )

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        return guarded(self._choose(environ))(environ, start_response)

    def _choose(self, environ: dict[str, Any]) -> Wsgi:
        environ.pop("HTTP_X_REAL_IP", None)  # a gateway's word; here is none, and a client must not choose its address
        path = environ.get("PATH_INFO", "")
        if self.closing:
            return _ending()
        if path == "/healthz":
            return _json({"status": "alive"})
        if path == "/readyz":
            missing = self._missing()
            return _json({"missing": missing}, 503 if missing else 200)
        if not _OF_SERVICES.match(path) and (page := self._pages.answer(environ)) is not None:
            return page
        try:
            name, _ = self._map.bind_to_environ(Request(environ).environ).match(method=None)
        except HTTPException:
            return self._first.wsgi_app  # answers the problem document for a path that nobody has
        return self._apps[str(name)].wsgi_app


def _ending() -> Response:
    problem = {"type": "urn:haoyuan:problem:unavailable", "title": "unavailable", "status": 503, "code": "unavailable"}
    headers = {"Connection": "close", "Retry-After": "2"}
    return Response(encode(problem), 503, headers, content_type="application/problem+json")


def _json(body: Any, status: int = 200) -> Response:
    return Response(encode(body), status, content_type="application/json")
