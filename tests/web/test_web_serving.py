"""How the pages are handed out, alike by the gateway and by the front of `make run`."""

import gzip
import json
import os
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest
from common.web import problems
from flask import Flask, Response

from embedded.front import Front
from embedded.serving import Serving
from stack import gateway
from stack.process import free_port
from stack.server import ServersUnavailable
from stack.servers import SERVICES

FRAME = "<!doctype html><title>号源</title>" + "<p>frame</p>" * 200
SCRIPT = "export const x = 1;\n" * 200
FILES = {
    "index.html": FRAME,
    "assets/app-1a2b.js": SCRIPT,
    "assets/app-3c4d.css": "p{color:red}",
    "assets/font.woff2": "f",
    "sw.js": SCRIPT,
    "manifest.webmanifest": "{}",
    "icon.svg": "<svg/>",
    "icon-192.png": "p",
    "deep/er/icon.png": "p",
    ".vite/manifest.json": "{}",
    "assets/.secret.js": "no",
    "notes.bak": "no",
    f"{'n' * 251}.js": "long",  # there is no room for .gz
}
LONG = (f"/{'a' * 300}.js", f"/assets/{'%E5%8F%B7' * 90}.css", f"/{'a/' * 2500}x.png")
"""Names that no file system takes; the last one as a whole."""
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
KINDS = ("front", "nginx")
OF_ONE = {"date", "server", "x-request-id", "connection", "accept-ranges", "keep-alive"}
"""Headers that concern no page, and may differ."""


class Answer:
    def __init__(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.status, self.body = status, body
        self.all = sorted((name.lower(), value) for name, value in headers)
        self.headers = dict(self.all)


def ask(port: int, path: str, method: str = "GET", **headers: str) -> Answer:
    connection = HTTPConnection("127.0.0.1", port, timeout=15)
    try:
        connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        return Answer(response.status, response.getheaders(), response.read())
    finally:
        connection.close()


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pages as Vite leaves them, beside a secret that is none of them."""
    folder = tmp_path_factory.mktemp("pages") / "dist"
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        if len(text) > 1000:
            path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(text.encode()))
        for each in folder.rglob("*"):
            os.utime(each, (1_790_000_000, 1_790_000_000))
    (folder.parent / "secret.js").write_text("secret")
    return folder


def service() -> Flask:
    """Answers data, and a page of its own with its own policy."""
    app = Flask("planted", static_folder=None)
    problems.register(app)

    @app.get("/api/v1/users/me")
    def me():
        return {"id": "me"}

    @app.get("/docs")
    def docs():
        return Response("<p>docs", content_type="text/html", headers={"Content-Security-Policy": "img-src 'self'"})

    return app


@pytest.fixture(scope="module")
def ports(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    """Of both, in front of the same pages and the same service. Without nginx there is but one."""
    behind, front = service(), Front({"user-svc": service()}, list, dist)
    bare, serving = (Serving(app, host="127.0.0.1", port=0, threads=4) for app in (behind, front))
    found = {"front": serving.port}
    try:
        nginx = gateway.local(tmp_path_factory.mktemp("nginx"), free_port(), dict.fromkeys(SERVICES, bare.port), dist)
    except ServersUnavailable as reason:
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI needs nginx: {reason}")
        nginx = None
    else:
        nginx.start()
        found["nginx"] = nginx.port
    yield found
    if nginx is not None:
        nginx.stop()
    serving.stop()
    bare.stop()


@pytest.fixture(params=KINDS)
def port(request: pytest.FixtureRequest, ports: dict[str, int]) -> int:
    if request.param not in ports:
        pytest.skip("nginx is not installed")
    return ports[request.param]


@pytest.mark.parametrize(
    "path", ["/", "/orders", "/orders/ord_1", "/desk/%E8%AF%8A%E5%AE%A41/", "/x?next=%2Forders%2F1"]
)
def test_every_address_of_the_pages_answers_their_frame(port: int, path: str) -> None:
    answer = ask(port, path, **BROWSER)
    assert (answer.status, answer.body.decode()) == (200, FRAME)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    head = ask(port, path, "HEAD", **BROWSER)
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == str(len(FRAME.encode()))


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/nothing", "/api/nothing", "/api", "/api/v1/users/me/x", "/docs/nothing", "/.well-known/nothing", "/metrics/x",
        "/assets/gone-5e6f.js", "/assets/gone", "/assets/", "/gone.js", "/gone.html", "/deep/gone.png", "/orders/gone.js",
        "/.vite/manifest.json", "/assets/.secret.js", "/notes.bak", "/index.html.gz", "/assets/app-1a2b.js.gz", "/.git/config",
        *LONG,
    ],
)  # fmt: skip
def test_what_is_no_page_never_answers_the_frame(port: int, path: str) -> None:
    answer = ask(port, path, **BROWSER)
    assert answer.status == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert json.loads(answer.body)["code"] == "not_found"
    assert "immutable" not in answer.headers.get("cache-control", "")


def test_who_does_not_ask_for_a_page_gets_none(port: int) -> None:
    for accept in ("application/json", "*/*", ""):
        assert ask(port, "/orders", Accept=accept).status == 404
        assert ask(port, "/", Accept=accept).body.decode() == FRAME, "which is for everybody"
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        for path in ("/", "/orders", "/assets/app-1a2b.js"):
            answer = ask(port, path, method, **BROWSER)
            assert answer.status in {404, 405}, (method, path)
            assert FRAME.encode() not in answer.body


ASIDE = (
    "/../secret.js", "/assets/../../secret.js", "/assets/..%2f..%2fsecret.js", "/assets/%2e%2e/%2e%2e/secret.js", "/..%2fsecret.js",
    "/%2e%2e%2fsecret.js", "/assets%2fapp-1a2b.js", "/assets/..%5c..%5csecret.js", "/assets/app-1a2b.js%00", "/assets/app-1a2b.js%00.png",
    "/orders%00", "/orders%2f1", "/a/../../secret.js", "//../secret.js", "/assets/%252e%252e/%252e%252e/secret.js", "/assets/%ff.js",
)  # fmt: skip


@pytest.mark.parametrize("path", ASIDE)
def test_nothing_beside_the_pages_can_be_had(port: int, path: str) -> None:
    answer = ask(port, path, **BROWSER)
    assert answer.status in {400, 404}, (answer.status, answer.body[:80])
    assert b"secret" not in answer.body.replace(b"secret.js", b"")


@pytest.mark.parametrize(
    ("path", "kind", "kept"),
    [
        ("/assets/app-1a2b.js", "text/javascript; charset=utf-8", "public, max-age=31536000, immutable"),
        ("/assets/app-3c4d.css", "text/css; charset=utf-8", "public, max-age=31536000, immutable"),
        ("/assets/font.woff2", "font/woff2", "public, max-age=31536000, immutable"),
        ("/sw.js", "text/javascript; charset=utf-8", "no-cache"),
        ("/manifest.webmanifest", "application/manifest+json", "no-cache"),
        ("/icon.svg", "image/svg+xml", "no-cache"),
        ("/icon-192.png", "image/png", "no-cache"),
        ("/deep/er/icon.png", "image/png", "no-cache"),
        ("/index.html", "text/html; charset=utf-8", "no-cache"),
    ],
)
def test_files_have_their_type_and_say_how_long_they_are_good(port: int, path: str, kind: str, kept: str) -> None:
    answer = ask(port, path)
    assert (answer.status, answer.body.decode()) == (200, FILES[path[1:]])
    assert (answer.headers["content-type"], answer.headers["cache-control"]) == (kind, kept)


@pytest.mark.parametrize("path", ["/", "/assets/app-1a2b.js", "/sw.js"])
def test_what_is_zipped_is_handed_out_so_to_who_takes_it(port: int, path: str) -> None:
    zipped, plain = ask(port, path, Accept_Encoding="br, gzip", **BROWSER), ask(port, path, **BROWSER)
    assert zipped.headers["content-encoding"] == "gzip"
    assert gzip.decompress(zipped.body) == plain.body
    assert "content-encoding" not in plain.headers
    assert "content-encoding" not in ask(port, path, Accept_Encoding="gzip;q=0", **BROWSER).headers
    assert zipped.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"
    assert zipped.headers["etag"] != plain.headers["etag"]
    assert ask(port, "/icon.svg", Accept_Encoding="gzip").headers.get("content-encoding") is None


@pytest.mark.parametrize("path", ["/orders", "/assets/app-1a2b.js"])
def test_what_a_browser_has_already_is_not_sent_again(port: int, path: str) -> None:
    for encoding in ("gzip", "identity"):
        first = ask(port, path, Accept_Encoding=encoding, **BROWSER)
        for name, known in (("If_None_Match", "etag"), ("If_Modified_Since", "last-modified")):
            again = ask(port, path, Accept_Encoding=encoding, **BROWSER, **{name: first.headers[known]})
            assert (again.status, again.body) == (304, b"")
            assert again.headers["etag"] == first.headers["etag"]
            assert again.headers["cache-control"] == first.headers["cache-control"]
        assert ask(port, path, If_None_Match='"other"', **BROWSER).status == 200


SHUT = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
}


@pytest.mark.parametrize(
    "path", ["/", "/sw.js", "/assets/app-1a2b.js", "/assets/gone.js", "/api/v1/users/me", "/docs", "/healthz"]
)
def test_every_answer_says_what_may_be_done_with_it(port: int, path: str) -> None:
    answer = ask(port, path, **BROWSER)
    names = [name for name, _ in answer.all]
    assert SHUT.items() <= answer.headers.items()
    assert "geolocation=(self), " in answer.headers["permissions-policy"]
    assert "microphone=()" in answer.headers["permissions-policy"]
    assert sorted(set(names)) == names, "each once"


def test_only_the_pages_may_load_anything_and_only_of_their_own(port: int) -> None:
    for path in ("/", "/sw.js", "/assets/app-1a2b.js"):
        policy = dict(
            part.split(" ", 1) for part in ask(port, path, **BROWSER).headers["content-security-policy"].split("; ")
        )
        assert policy.pop("default-src") == policy.pop("base-uri") == policy.pop("frame-ancestors") == "'none'"
        assert policy.pop("img-src") == policy.pop("font-src") == "'self' data:"
        assert policy.keys() == {"script-src", "style-src", "connect-src", "manifest-src", "worker-src", "form-action"}
        assert set(policy.values()) == {"'self'"}
    for path in ("/api/v1/users/me", "/assets/gone.js", "/healthz"):
        assert ask(port, path).headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert ask(port, "/docs").headers["content-security-policy"] == "img-src 'self'", "a page that has its own keeps it"


ODD = ("/apix", "/api.js", "/docsx", "/healthz/", "/healthz/x", "/assets", "/orders.html", "/x.y/z", "//orders", *LONG)


def alike(ports: dict[str, int], path: str, method: str, **headers: str) -> Answer:
    """What both answer, once they were found to answer the same; only the words of problems are their own."""
    if set(ports) != set(KINDS):
        pytest.skip("nginx is not installed")
    front, nginx = (ask(ports[kind], path, method, **headers) for kind in KINDS)
    own = OF_ONE | ({"content-length"} if front.status >= 400 else set())
    assert front.status == nginx.status
    assert [h for h in front.all if h[0] not in own] == [h for h in nginx.all if h[0] not in own]
    if front.status < 400:
        assert front.body == nginx.body
    elif front.body:
        assert json.loads(front.body)["code"] == json.loads(nginx.body)["code"]
    return nginx


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("encoding", ["identity", "gzip"])
@pytest.mark.parametrize(
    "path", ["/", "/orders/1", "/docs", *ODD, *(f"/{name}" for name in FILES if "secret" not in name)]
)
def test_front_and_gateway_answer_alike(ports: dict[str, int], path: str, encoding: str, method: str) -> None:
    alike(ports, path, method, Accept_Encoding=encoding, **BROWSER)


@pytest.mark.parametrize("path", ["/", "/orders", "/assets/app-1a2b.js", "/sw.js"])
def test_rare_questions_are_answered_alike(ports: dict[str, int], path: str) -> None:
    assert alike(ports, path, "GET", Accept="TEXT/HTML").status == 200
    for part in ("bytes=0-9", "bytes=99999999-"):
        assert alike(ports, path, "GET", Range=part, **BROWSER).status == 200, "nobody needs a part"
    unmet = alike(ports, path, "GET", If_Match='"other"', **BROWSER)
    assert (unmet.status, unmet.headers["content-type"]) == (412, "application/problem+json")
    for answer in (unmet, alike(ports, path, "POST", **BROWSER), alike(ports, f"{path}/x.js", "GET")):
        assert answer.status >= 400
        assert answer.headers["cache-control"] == "no-store"
