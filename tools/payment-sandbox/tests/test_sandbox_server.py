"""The server: bytes as sent, connections that stay, TLS, many at once, a clean end, and none of it in production."""

import contextlib
import datetime as dt
import ipaddress
import os
import signal
import socket
import ssl
import struct
import subprocess
import sys
import threading

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from payment_sandbox.__main__ import main
from payment_sandbox.app import RefusedInProduction, create_app
from payment_sandbox.books import Taken
from payment_sandbox.server import Server
from sandbox_rig import Caller, Stub, a_server, eventually


def ask(connection: socket.socket, request: bytes) -> bytes:
    """One answer on a connection that stays open."""
    connection.sendall(request)
    got = b""
    while b"\r\n\r\n" not in got:
        got += connection.recv(65536)
    head, _, body = got.partition(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
    )
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


@pytest.fixture
def wire(server):
    with socket.create_connection(server.address, timeout=10) as connection:
        yield connection


def test_the_path_is_told_as_it_was_sent(wire, server):
    target = "/wechat/echo/a%2fB%7Cc//d?x=%20+&&y=%E5%8F%B7"
    answer = ask(wire, f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert f'"raw":"{target}","request":"{target}"' in answer.decode()
    assert '"path":"a/B|c//d"' in answer.decode()


def test_a_path_that_begins_with_two_slashes(wire):
    answer = ask(wire, b"GET //wechat/echo/a HTTP/1.1\r\nHost: x\r\n\r\n")
    assert b'"raw":"//wechat/echo/a"' in answer


def test_connections_stay_and_answers_have_their_length(wire):
    for _ in range(3):
        assert b'"status":"ok"' in ask(wire, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    wire.sendall(b"HEAD /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    answer = b""
    while chunk := wire.recv(65536):
        answer += chunk
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"Content-Length: 99999999", b"413"),
        (b"Content-Length: -5", b"411"),
        (b"Content-Length: five", b"411"),
        (b"Transfer-Encoding: chunked", b"411"),
    ],
)
def test_bodies_without_measure_are_refused(wire, head, status):
    assert b" " + status + b" " in ask(wire, b"POST /healthz HTTP/1.1\r\nHost: x\r\n" + head + b"\r\n\r\n")
    assert wire.recv(1) == b""  # and the connection ends, since nobody knows where the body does


def test_half_a_request_is_none(wire, server, caller):
    """Her call that broke off has not happened; and who does not wait for her answer leaves nothing open."""
    head = (
        b"POST /wechat/create/%s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n{}"
    )
    wire.sendall(head % (b"n1", 3))
    wire.shutdown(socket.SHUT_WR)
    assert wire.recv(1) == b""
    caller.plan("delay", seconds=0.1)
    with socket.create_connection(server.address, timeout=10) as impatient:
        impatient.sendall(head % (b"n2", 2))
        impatient.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    eventually(lambda: [trade.number for trade in server.sandbox.books.trades("wechat")] == ["n2"])


def test_unknown_paths_and_wrong_methods_have_an_empty_answer(caller):
    for method, path, status in [("GET", "/v3/nothing", 404), ("DELETE", "/healthz", 405)]:
        answer = caller.send(method, path)
        assert (answer.status_code, answer.content) == (status, b"")
        assert "Content-Type" not in answer.headers


def test_many_at_once_in_one_process(tmp_path):
    servers = [Server(tmp_path / str(n), speakers=[Stub()]) for n in range(5)]
    for server in servers:
        server.start()
    try:
        for n, server in enumerate(servers):
            Caller(server).create(f"n{n}")
        for n, server in enumerate(servers):
            assert [trade.number for trade in server.sandbox.books.trades("wechat")] == [f"n{n}"]
    finally:
        for server in servers:
            server.stop()


def test_many_calls_at_once(caller, server):
    answers: list[int] = []

    def call(n: int) -> None:
        with requests.Session() as session:
            urls = [f"{server.url}/wechat/create/n{n}-{m}" for m in range(10)]
            answers.extend(session.post(url, json={}, timeout=20).status_code for url in urls)

    threads = [threading.Thread(target=call, args=(n,)) for n in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 100
    assert caller.ctl("GET", "/books")["wechat"]["trades"] == 100


def test_the_end_is_clean(tmp_path):
    """Connections that stay open, idle or waiting, hold up nothing, and the port is free again."""
    before = threading.active_count()
    server = Server(tmp_path, speakers=[Stub()])
    server.start()
    idle = socket.create_connection(server.address, timeout=10)
    waiting = socket.create_connection(server.address, timeout=10)
    ask(idle, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    waiting.sendall(b"POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12")
    server.stop()
    server.stop()
    assert idle.recv(1) == b""
    idle.close()
    waiting.close()
    assert threading.active_count() == before
    with a_server(tmp_path, port=server.port) as again:
        assert Caller(again).send("GET", "/healthz").status_code == 200


def test_one_that_was_never_started_can_be_stopped(tmp_path):
    Server(tmp_path, speakers=[Stub()]).stop()


def test_where_payers_reach_it(tmp_path):
    with a_server(tmp_path, url="https://pay.example/") as server:
        trade = server.sandbox.books
        Caller(server).url = f"http://127.0.0.1:{server.port}"
        assert server.url == "https://pay.example"
        requests.post(f"http://127.0.0.1:{server.port}/wechat/create/n1", json={}, timeout=10)
        assert server.sandbox.link(trade.trade("wechat", "n1")).startswith("https://pay.example/pay/")


@pytest.fixture
def certificate(tmp_path):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sandbox")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "tls.pem"
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(made.public_bytes(pem) + private)
    return file


@pytest.fixture
def opened():
    """Open connections, which are closed in the end."""
    with contextlib.ExitStack() as stack:
        yield lambda server: stack.enter_context(socket.create_connection(server.address, timeout=10))


def test_behind_tls(tmp_path, certificate, opened):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with a_server(tmp_path / "sandbox", ssl_context=context) as server:
        silent = opened(server)  # no handshake: nobody waits for it
        opened(server).sendall(b"GET /healthz HTTP/1.1\r\n\r\n")
        assert server.url.startswith("https://")
        with requests.Session() as session:
            session.verify, session.trust_env = str(certificate), False
            for _ in range(2):
                assert session.get(f"{server.url}/healthz", timeout=10).json() == {"status": "ok"}
            cut = {"provider": "wechat", "call": "create", "fault": "drop-after"}
            session.post(f"{server.url}/_ctl/faults", json={"faults": [cut]}, timeout=10)
            with pytest.raises(requests.exceptions.ConnectionError):
                session.post(f"{server.url}/wechat/create/n1", json={}, timeout=10)
            assert session.get(f"{server.url}/_ctl/books", timeout=10).json()["wechat"]["trades"] == 1
    assert silent.recv(1) == b""


# --- production ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("environment", ["production", " Production "])
def test_it_refuses_to_exist_in_production(tmp_path, monkeypatch, capsys, environment):
    with a_server(tmp_path / "one") as server:
        monkeypatch.setenv("APP_ENV", environment)
        with pytest.raises(RefusedInProduction):
            create_app(server.sandbox)
        with pytest.raises(RefusedInProduction):
            Server(tmp_path / "two", speakers=[])
    assert not (tmp_path / "two").exists()
    assert main() == 1
    assert "APP_ENV=production" in capsys.readouterr().err


def test_a_port_that_is_taken_is_said(server, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PAYMENT_SANDBOX_PORT", str(server.port))
    monkeypatch.setenv("PAYMENT_SANDBOX_DIR", str(tmp_path / "two"))
    assert main() == 1
    assert "in use" in capsys.readouterr().err


def test_a_directory_is_one_sandboxs(server, tmp_path, monkeypatch, capsys):
    taken = tmp_path / "sandbox"
    with pytest.raises(Taken):
        Server(taken, speakers=[])
    monkeypatch.setenv("PAYMENT_SANDBOX_PORT", "0")
    monkeypatch.setenv("PAYMENT_SANDBOX_DIR", str(taken))
    assert main() == 1
    assert f"does not start: another payment-sandbox keeps its books in {taken}" in capsys.readouterr().err
    assert Caller(server).create("n1").status_code == 200


def test_one_that_could_not_be_made_leaves_nothing_taken(tmp_path, monkeypatch):
    def fails(_sandbox):
        raise RuntimeError("planned")

    with monkeypatch.context() as patched:
        patched.setattr("payment_sandbox.server.create_app", fails)
        with pytest.raises(RuntimeError, match="planned"):
            Server(tmp_path, speakers=[])
    with a_server(tmp_path) as server:
        assert Caller(server).send("GET", "/healthz").status_code == 200


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PAYMENT_SANDBOX_SPEED", "fast"),
        ("PAYMENT_SANDBOX_SPEED", "-1"),
        ("PAYMENT_SANDBOX_SPEED", "nan"),
        ("PAYMENT_SANDBOX_PORT", "http"),
        ("PAYMENT_SANDBOX_PORT", "70000"),
        ("PAYMENT_SANDBOX_PORT", "abc"),
        ("PAYMENT_SANDBOX_PORT", "8090.7"),
        ("PAYMENT_SANDBOX_PORT", "-1"),
        ("PAYMENT_SANDBOX_URL", "nonsense"),
        ("PAYMENT_SANDBOX_URL", "ftp://pay.example"),
        ("PAYMENT_SANDBOX_URL", "http://"),
        ("PAYMENT_SANDBOX_URL", "http://[pay"),
        ("PAYMENT_SANDBOX_URL", "http://pay.example:99999"),
    ],
)
def test_what_cannot_be_set_is_said(tmp_path, monkeypatch, capsys, name, value):
    monkeypatch.setenv("PAYMENT_SANDBOX_DIR", str(tmp_path / "never"))
    monkeypatch.setenv(name, value)
    assert main() == 1
    assert f"does not start: {name}={value} is no " in capsys.readouterr().err
    assert not (tmp_path / "never").exists()


# --- the program -----------------------------------------------------------------------------------------------------


def start(directory, **environment: str) -> tuple[subprocess.Popen, str]:
    env = dict(os.environ) | {"PAYMENT_SANDBOX_PORT": "0", "PAYMENT_SANDBOX_DIR": str(directory)} | environment
    env["APP_ENV"] = environment.get("APP_ENV", "dev")
    command = [sys.executable, "-m", "payment_sandbox"]
    program = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    said = program.stdout.readline()
    return program, said.removeprefix("payment-sandbox: ").strip()


def end(program: subprocess.Popen, with_: signal.Signals) -> int:
    program.send_signal(with_)
    program.communicate(timeout=20)
    return program.returncode


def test_killed_and_started_again_it_goes_on(tmp_path, merchant):
    """kill -9 after a payment whose merchant had not heard: books, clock, options and plans are there, and she is told."""
    merchant.answers = [(500, b"no")] * 3
    program, url = start(tmp_path, PAYMENT_SANDBOX_SPEED="0")
    try:
        requests.post(f"{url}/_ctl/options", json={"refund_outcome": "closed"}, timeout=10)
        plan = {"provider": "wechat", "call": "query", "fault": "500", "times": 9}
        requests.post(f"{url}/_ctl/faults", json={"faults": [plan]}, timeout=10)
        before = requests.get(f"{url}/_ctl/clock", timeout=10).json()
    finally:
        end(program, signal.SIGKILL)
    with a_server(tmp_path) as server:  # with stubs, which make trades without keys
        server.sandbox.set_options({"hold_callbacks": True})
        Caller(server).create("n1", notify_url=merchant.url)
        server.sandbox.pay(server.sandbox.books.trade("wechat", "n1"))
        assert server.sandbox.options.refund_outcome == "closed"
        assert server.sandbox.faults.shown()["faults"][0]["times"] == 9
        assert server.sandbox.now().isoformat() == before["now"]  # it stands still
    program, url = start(tmp_path)
    try:
        assert requests.get(f"{url}/_ctl/trades/wechat/n1", timeout=10).json()["state"] == "paid"
        assert requests.get(f"{url}/_ctl/callbacks", timeout=10).json()["callbacks"][0]["state"] == "waiting"
    finally:
        end(program, signal.SIGKILL)
    with a_server(tmp_path) as server:
        server.sandbox.set_options({"hold_callbacks": False})
        merchant.wait_for(1)


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_stops(tmp_path, told):
    program, url = start(tmp_path)
    assert requests.get(f"{url}/healthz", timeout=10).json() == {"status": "ok"}
    assert end(program, told) == 0


def test_the_program_refuses_production(tmp_path):
    program, said = start(tmp_path, APP_ENV="production")
    _, error = program.communicate(timeout=20)
    assert (program.returncode, said) == (1, "")
    assert "must not run where money is real" in error
