"""Hands out the web pages, as deploy/gateway/nginx.conf does on the real stack; a test compares the two, header by header."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from common.jsons import encode
from werkzeug.security import safe_join
from werkzeug.wrappers import Request, Response

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    # The position is for checking in at the hospital, and asked for then.
    "Permissions-Policy": (
        "geolocation=(self), accelerometer=(), camera=(), display-capture=(), encrypted-media=(), "
        "gyroscope=(), hid=(), idle-detection=(), local-fonts=(), magnetometer=(), microphone=(), midi=(), payment=(), "
        "serial=(), usb=(), xr-spatial-tracking=()"
    ),
}
"""Of every answer, whoever gives it."""
OF_PAGES = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self' data:; "
    "connect-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
OF_DATA = "default-src 'none'; frame-ancestors 'none'"
"""The policy of content of what brings none: data, which shows nothing and loads nothing."""
FOR_GOOD = "public, max-age=31536000, immutable"
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
"""What is handed out at all."""


class Pages:
    """The files of one folder, which may change while they are served."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def answer(self, environ: dict[str, Any]) -> Response | None:
        """A file, or the frame of the pages for an address that only they understand. None: there is nothing."""
        request = Request(environ)
        name = self._name(request)
        found = safe_join(str(self._folder), name) if name else None
        if found is None or not _there(Path(found)):
            return None
        try:
            response = _content(Path(found), zipped=request.accept_encodings.quality("gzip") > 0)
        except FileNotFoundError:  # an upgrade has just taken it away
            return None
        response.headers["Cache-Control"] = FOR_GOOD if name.startswith("assets/") else "no-cache"
        response.headers["Content-Security-Policy"] = OF_PAGES
        response.make_conditional(request)
        return response if response.status_code < 400 else _changed()

    def _name(self, request: Request) -> str:
        """The file that is meant; empty if none can be."""
        raw = request.environ.get("REQUEST_URI", "").partition("?")[0].lower()
        if request.method not in {"GET", "HEAD"} or any(crooked in raw for crooked in ("%2f", "%5c", "%00")):
            return ""
        parts = request.path.lstrip("/").split("/")
        if any(part.startswith(".") for part in parts) or "\0" in request.path:
            return ""
        if "." in request.path or request.path.startswith("/assets/"):
            return "/".join(parts) if Path(parts[-1]).suffix in TYPES else ""
        wanted = request.path == "/" or "text/html" in request.headers.get("Accept", "").lower()
        return "index.html" if wanted else ""


def _there(path: Path) -> bool:
    """Whether it is a file. A name that is too long for one is none."""
    try:
        return path.is_file()
    except OSError:
        return False


def _content(path: Path, *, zipped: bool) -> Response:
    """The file, or what stands zipped beside it."""
    beside = path.with_name(f"{path.name}.gz")
    varies = _there(beside)
    chosen = beside if zipped and varies else path
    response = Response(chosen.read_bytes(), content_type=TYPES[path.suffix])
    about = chosen.stat()
    response.set_etag(f"{int(about.st_mtime):x}-{about.st_size:x}")
    response.last_modified = datetime.fromtimestamp(int(about.st_mtime), UTC)
    if varies:
        response.headers["Vary"] = "Accept-Encoding"
    if chosen is not path:
        response.headers["Content-Encoding"] = "gzip"
    return response


def _changed() -> Response:
    """Somebody wanted it only as it was once (If-Match)."""
    code = "precondition_failed"
    problem = {"type": f"urn:haoyuan:problem:{code}", "title": "precondition failed", "status": 412, "code": code}
    return Response(encode(problem), 412, content_type="application/problem+json")


def guarded(app: Wsgi) -> Wsgi:
    """The application with the headers of every answer on its own, where it has none of a name."""

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], *others: Any) -> Any:
            has = {name.lower() for name, _ in headers}
            more = {"Content-Security-Policy": OF_DATA, **HEADERS}
            if status >= "4":
                more["Cache-Control"] = "no-store"
            return start_response(
                status, [*headers, *((n, v) for n, v in more.items() if n.lower() not in has)], *others
            )

        return app(environ, start)

    return answer
