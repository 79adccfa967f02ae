"""The gateway's configuration on a real nginx, with small services behind it that say what they were asked."""

import json
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from stack import gateway
from stack.process import free_port, wait_until
from stack.server import HttpServer, find_program
from stack.servers import SERVICES

pytestmark = [pytest.mark.stack, pytest.mark.skipif(find_program("nginx") is None, reason="nginx is not installed")]

AWAY = "notify-svc"  # nobody listens on its port


class Backend(BaseHTTPRequestHandler):
    """Answers every request with what it got. /slow holds answers back until released."""

    protocol_version = "HTTP/1.1"
    seen: list[str] = []  # noqa: RUF012  of the whole test module
    release = threading.Event()

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.seen.append(f"{self.command} {self.path}")
        if self.path.endswith("slow"):
            self.release.wait(10)
        answer = json.dumps(
            {
                "service": self.server.name,  # type: ignore[attr-defined]
                "path": self.path,
                "headers": {name.lower(): value for name, value in self.headers.items()},
                "size": len(body),
                "nth": len(self.seen),
                "connection": self.client_address[1],
            }
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST = do_PATCH = do_DELETE = _answer  # noqa: N815  http.server's names

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpServer]:
    servers = []
    for name in SERVICES:
        if name != AWAY:
            server = ThreadingHTTPServer(("127.0.0.1", 0), Backend)
            server.name = name  # type: ignore[attr-defined]
            server.daemon_threads = True
            threading.Thread(target=server.serve_forever, daemon=True).start()
            servers.append(server)
    apis = {server.name: server.server_port for server in servers}  # type: ignore[attr-defined]
    nginx = gateway.local(tmp_path_factory.mktemp("front"), free_port(), apis | {AWAY: free_port()})
    nginx.start()
    yield nginx
    nginx.stop()
    for server in servers:
        server.shutdown()
        server.server_close()


class Answer:
    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def ask(front: HttpServer, path: str, method: str = "GET", body: bytes | None = None, **headers: str) -> Answer:
    connection = HTTPConnection("127.0.0.1", front.port, timeout=15)
    try:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("path", "service"),
    [
        ("/orders", "booking-svc"),
        ("/orders/ord_1/cancel", "booking-svc"),
        ("/orders/ord_1/payments", "payment-svc"),
        ("/visits/v1", "booking-svc"),
        ("/payments/pay_1", "payment-svc"),
        ("/payments/notify/alipay", "payment-svc"),
        ("/refunds", "payment-svc"),
        ("/reconciliations/wechat/2026-11-21", "payment-svc"),
        ("/ledger/balances", "payment-svc"),
        ("/hospitals", "schedule-svc"),
        ("/departments?hospital_id=h", "schedule-svc"),
        ("/doctors", "schedule-svc"),
        ("/search?q=%E4%BB%81%E6%B5%8E", "schedule-svc"),
        ("/sessions/s/chance", "schedule-svc"),
        ("/sessions/s/stoppage", "booking-svc"),
        ("/sessions/s/queue", "booking-svc"),
        ("/sessions/s/queue/desks/%E8%AF%8A%E5%AE%A41", "booking-svc"),
        ("/sessions/s/load", "booking-svc"),
        ("/sessions/s/queues", "schedule-svc"),
        ("/waits/coverage?department_id=d", "booking-svc"),
        ("/planning/what-if", "booking-svc"),
        ("/rosters", "schedule-svc"),
        ("/users/me/patients", "user-svc"),
        ("/tokens/refresh", "user-svc"),
        ("/.well-known/jwks.json", "user-svc"),
        ("/docs/booking-svc/openapi.json", "booking-svc"),
    ],
)
def test_each_path_reaches_its_service_unchanged(front: HttpServer, path: str, service: str) -> None:
    answer = ask(front, f"/api/v1{path}")
    assert answer.json["service"] == service
    assert answer.json["path"] == f"/api/v1{path}"


def test_documents_are_at_the_root(front: HttpServer) -> None:
    assert ask(front, "/docs").json["service"] == "user-svc"
    assert ask(front, "/docs/assets/x.css").json["service"] == "user-svc"


@pytest.mark.parametrize(
    "path", ["/api/v1/ordersx", "/api/v1", "/api/v1/docs/other-svc/x", "/metrics", "/readyz", "/api/v1/rostersx"]
)
def test_unknown_paths_are_problems_and_reach_nobody(front: HttpServer, path: str) -> None:
    answer = ask(front, path)
    assert (answer.status, answer.json["code"]) == (404, "not_found")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["status"] == 404
    assert f"GET {path}" not in Backend.seen


def test_a_service_that_is_away_is_a_problem_with_a_time_to_wait(front: HttpServer) -> None:
    answer = ask(front, "/api/v1/notifications")
    assert (answer.status, answer.json["code"], answer.headers["retry-after"]) == (502, "unavailable", "1")
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("path", "size", "status"),
    [("/orders", 256, 200), ("/orders", 257, 413), ("/rosters", 16_384, 200), ("/rosters", 16_385, 413)],
)
def test_bodies_have_a_limit(front: HttpServer, path: str, size: int, status: int) -> None:
    answer = ask(front, f"/api/v1{path}", "POST", b"x" * size * 1024)
    assert answer.status == status
    assert answer.json["size" if status == 200 else "code"] == (size * 1024 if status == 200 else "too_large")


def test_what_nginx_refuses_by_itself_is_a_problem_too(front: HttpServer) -> None:
    too_long = ask(front, "/api/v1/orders", big="x" * 40_000)
    assert (too_long.status, too_long.json["code"]) == (431, "too_large")
    assert ask(front, "/api/v1/orders", "TRACE").json["code"] == "method_not_allowed"
    assert ask(front, "/api/v1/%zz").json["code"] == "bad_request"
    assert ask(front, f"/api/v1/{'x' * 40_000}").json["code"] == "too_large"


def test_the_anonymous_browse_from_a_cache_of_one_second(front: HttpServer) -> None:
    first, second = ask(front, "/api/v1/sessions?a=1"), ask(front, "/api/v1/sessions?a=1")
    assert (first.headers["x-cache"], second.headers["x-cache"]) == ("MISS", "HIT")
    assert first.json == second.json
    assert ask(front, "/api/v1/sessions?a=2").headers["x-cache"] == "MISS"
    looks = [ask(front, "/api/v1/search?q=%E6%9D%8E").headers["x-cache"] for _ in range(2)]
    assert looks == ["MISS", "HIT"]
    wait_until(lambda: ask(front, "/api/v1/sessions?a=1").json["nth"] > first.json["nth"], 5, "a fresh answer")


def test_those_logged_in_are_never_served_from_the_cache_nor_into_it(front: HttpServer) -> None:
    own = ask(front, "/api/v1/sessions?b=1", Authorization="Bearer a")
    assert own.headers["x-cache"] == "BYPASS"
    anonymous = ask(front, "/api/v1/sessions?b=1")
    assert "authorization" not in anonymous.json["headers"]
    assert ask(front, "/api/v1/sessions?b=1", Authorization="Bearer b").json["headers"]["authorization"] == "Bearer b"


@pytest.mark.parametrize(
    "path",
    ["/api/v1/orders", "/api/v1/users/me", "/api/v1/payments/p", "/api/v1/sessions/s/queue", "/api/v1/sessions/s/load"],
)
def test_nothing_else_is_cached(front: HttpServer, path: str) -> None:
    assert ask(front, path).json["nth"] < ask(front, path).json["nth"]


def test_a_crowd_asks_the_service_once(front: HttpServer) -> None:
    Backend.release.clear()
    answers: list[Answer] = []
    crowd = [threading.Thread(target=lambda: answers.append(ask(front, "/api/v1/doctors/slow"))) for _ in range(20)]
    for one in crowd:
        one.start()
    wait_until(lambda: "GET /api/v1/doctors/slow" in Backend.seen, 5, "the first question")
    Backend.release.set()
    for one in crowd:
        one.join(15)
    assert [answer.status for answer in answers] == [200] * 20
    assert Backend.seen.count("GET /api/v1/doctors/slow") == 1


def test_ids_and_traces_pass_and_false_ones_do_not(front: HttpServer) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    answer = ask(front, "/api/v1/orders", traceparent=trace, X_Request_ID="abc-1", X_Forwarded_Proto="https")
    headers = answer.json["headers"]
    assert (headers["traceparent"], headers["x-request-id"], headers["x-forwarded-proto"]) == (trace, "abc-1", "https")
    assert answer.headers["x-request-id"] == "abc-1"
    made = ask(front, "/api/v1/orders", X_Request_ID='bad"id').json["headers"]["x-request-id"]
    assert len(made) == 32


def test_a_client_cannot_choose_its_own_address(front: HttpServer) -> None:
    headers = ask(front, "/api/v1/orders", X_Forwarded_For="1.2.3.4, 203.0.113.7, 10.0.0.1", X_Real_IP="9.9.9.9").json[
        "headers"
    ]
    assert (headers["x-real-ip"], headers["x-forwarded-for"]) == ("203.0.113.7", "203.0.113.7")


def test_one_public_address_cannot_take_everything(front: HttpServer) -> None:
    connection = HTTPConnection("127.0.0.1", front.port, timeout=15)
    counts = {200: 0, 429: 0}
    for _ in range(2000):
        connection.request("GET", "/api/v1/sessions?limit=1", headers={"X-Forwarded-For": "203.0.113.99"})
        response = connection.getresponse()
        body = response.read()
        counts[response.status] += 1
        if response.status == 429:
            break
    connection.close()
    assert counts[429] == 1
    assert counts[200] >= 500, "the burst that a family behind one address may use"
    assert (json.loads(body)["code"], response.getheader("Retry-After")) == ("too_many_requests", "1")
    assert ask(front, "/api/v1/sessions?limit=1", X_Forwarded_For="203.0.113.100").status == 200


def test_connections_to_services_are_kept(front: HttpServer) -> None:
    used = {ask(front, "/api/v1/orders").json["connection"] for _ in range(30)}
    assert len(used) < 15


def test_every_answer_has_the_security_headers_once(front: HttpServer) -> None:
    for path in ("/api/v1/orders", "/nothing", "/healthz"):
        headers = ask(front, path).headers
        assert (headers["x-content-type-options"], headers["x-frame-options"]) == ("nosniff", "DENY")
        assert headers["server"] == "nginx"


def test_a_marked_line_without_anything_to_replace_is_refused() -> None:
    with pytest.raises(ValueError, match="worker_processes"):
        gateway.render("worker_processes 1; # (stack)", Path("x"), 1, {})
    assert gateway.render("listen 8080; # (stack)", Path("x"), 1, {}).startswith("listen 127.0.0.1:1;")
