"""However slow, long or broken an answer is: every call of either client ends in time, having read no more than it may."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.client import HTTPException, IncompleteRead
from pathlib import Path
from typing import Any

import alipay_world
import pytest
import wechat_vendor
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from payment_svc.providers import NotReady, Unknown
from payment_svc.providers.alipay import bill as alipay_bill
from payment_svc.providers.alipay import client as alipay_client
from payment_svc.providers.wechat import client as wechat_client
from payment_svc.providers.wire import TooMuch, exchange

DAY = datetime(2026, 11, 21, tzinfo=UTC).date()
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
WITHIN = 0.3
PATIENCE = 20.0  # seconds: what trickles here does so for longer

Says = Callable[["Slow", socket.socket], None]


class Slow:
    """Whoever calls is answered by `says`, until `over`. `gone` is set when the caller has hung up on something that never ends."""

    def __init__(self, says: Says, tls: ssl.SSLContext | None = None) -> None:
        self.says, self._tls = says, tls
        self.over, self.gone = threading.Event(), threading.Event()
        self._threads: list[threading.Thread] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listening.getsockname()[1]}"
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()

    def _accept(self) -> None:
        while True:
            try:
                caller, _ = self._listening.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(caller,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, caller: socket.socket) -> None:
        try:
            if self._tls:
                caller = self._tls.wrap_socket(caller, server_side=True)
            while b"\r\n\r\n" not in caller.recv(1 << 16):
                pass
            self.says(self, caller)
        except OSError:
            self.gone.set()
        finally:
            caller.close()

    def trickle(self, caller: socket.socket, piece: bytes, every: float = 0.02) -> None:
        """Until the caller hangs up."""
        while not self.over.wait(every):
            caller.sendall(piece)

    def stop(self) -> None:
        self.over.set()
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._accepting.join()
        for thread in self._threads:
            thread.join()


def silence(slow: Slow, _caller: socket.socket) -> None:
    slow.over.wait(PATIENCE)


def head(slow: Slow, caller: socket.socket) -> None:
    caller.sendall(HEAD + b"X-Trickle: ")
    slow.trickle(caller, b"x")


def heads(slow: Slow, caller: socket.socket) -> None:
    slow.trickle(caller, b"HTTP/1.1 100 Continue\r\n\r\n")


def body(slow: Slow, caller: socket.socket) -> None:
    caller.sendall(HEAD + b"Content-Length: 100000\r\n\r\n")
    slow.trickle(caller, b" ")


def chunks(slow: Slow, caller: socket.socket) -> None:
    caller.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    slow.trickle(caller, b"1\r\n \r\n")


def endless(slow: Slow, caller: socket.socket) -> None:
    caller.sendall(HEAD + b"\r\n")
    slow.trickle(caller, b" " * (1 << 16), every=0)


TRICKLES = [silence, head, heads, body, chunks]


@pytest.fixture
def slow() -> Iterator[Callable[..., Slow]]:
    made: list[Slow] = []

    def make(*about: Any) -> Slow:
        made.append(Slow(*about))
        return made[-1]

    yield make
    for one in made:
        one.stop()


@pytest.fixture(autouse=True)
def downloads_are_as_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alipay_bill, "DOWNLOAD", WITHIN)
    monkeypatch.setattr(wechat_client, "DOWNLOAD", WITHIN)


def alipay(address: str, timeout: float = WITHIN) -> Any:
    made = alipay_world._made(timeout)
    client = alipay_world.copy(made._client)
    client._gateway = f"http://{address}/gateway.do"
    return type(made)(client, alipay_world.SELLER_ID)


def wechat(address: str, timeout: float = WITHIN) -> Any:
    return wechat_vendor.WechatPay.of(wechat_vendor.settings(f"http://{address}", provider_timeout=timeout))


CALLS = {
    "alipay create": lambda address: alipay(address).create(alipay_world.TRADE),
    "alipay query": lambda address: alipay(address).query(alipay_world.TRADE),
    "alipay refund": lambda address: alipay(address).refund(alipay_world.ORDER),
    "alipay bill": lambda address: alipay(address).bill(DAY),
    "alipay download": lambda address: alipay_client.fetch(f"http://{address}/", within=WITHIN, most=1 << 20),
    "wechat create": lambda address: wechat(address).create(wechat_vendor.TRADE),
    "wechat query": lambda address: wechat(address).query(wechat_vendor.TRADE),
    "wechat refund": lambda address: wechat(address).refund(wechat_vendor.REFUND),
    "wechat bill": lambda address: wechat(address).bill(DAY),
    "wechat download": lambda address: wechat_client.ask(wechat(address)._client.download, f"http://{address}/"),
}


def outcome_of(call: str, address: str) -> Any:
    try:
        return CALLS[call](address)
    except OSError as error:
        return error


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("says", TRICKLES, ids=lambda says: says.__name__)
def test_who_trickles_is_not_waited_for(slow: Callable[..., Slow], call: str, says: Says) -> None:
    vendor = slow(says)
    began = time.monotonic()
    outcome = outcome_of(call, vendor.address)
    assert time.monotonic() - began < PATIENCE / 2, (
        "far more than was configured, far less than the vendor would go on for"
    )
    assert "TimeoutError" in repr(outcome)
    if call.endswith(("create", "query", "refund")):
        assert isinstance(outcome, Unknown)
    elif call.endswith("bill"):
        assert isinstance(outcome, NotReady)
    assert says is silence or vendor.gone.wait(PATIENCE), "the connection is closed, and no thread reads on"


@pytest.mark.parametrize("call", [call for call in CALLS if "download" not in call])
def test_no_more_is_read_of_an_answer_than_it_may_have(slow: Callable[..., Slow], call: str) -> None:
    vendor = slow(endless)
    provider, what = call.split()
    adapter = {"alipay": alipay, "wechat": wechat}[provider](vendor.address, 14.0)
    world: Any = {"alipay": alipay_world, "wechat": wechat_vendor}[provider]
    about = {"bill": DAY, "refund": getattr(world, "ORDER", None) or getattr(world, "REFUND", None)}
    outcome = getattr(adapter, what)(about.get(what, world.TRADE))
    assert isinstance(outcome, NotReady if what == "bill" else Unknown)
    assert "TooMuch" in outcome.reason
    assert vendor.gone.wait(PATIENCE)


def test_a_bill_may_be_longer_and_not_endless(slow: Callable[..., Slow], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wechat_client, "DOWNLOAD", 14.0)
    monkeypatch.setattr(wechat_client, "MOST_BILL", 3 << 20)
    three = b"\0" * (3 << 20)
    reply = slow(lambda _slow, caller: caller.sendall(HEAD + b"\r\n" + three))
    download = wechat(reply.address)._client.download
    assert wechat_client.ask(download, "/").content == three
    monkeypatch.setattr(wechat_client, "MOST_BILL", (3 << 20) - 1)
    assert wechat_client.ask(download, "/").reason == "TooMuch"


def test_to_the_byte(slow: Callable[..., Slow]) -> None:
    vendor = slow(lambda _slow, caller: caller.sendall(HEAD + b"Content-Length: 5\r\n\r\n12345"))
    reply = exchange(f"http://{vendor.address}/", within=5, most=5)
    assert (reply.status, reply.body, reply.headers["content-type"]) == (200, b"12345", "application/json")
    with pytest.raises(TooMuch):
        exchange(f"http://{vendor.address}/", within=5, most=4)
    vendor.says = lambda _slow, caller: caller.sendall(HEAD + b"Content-Length: 6\r\n\r\n12345")
    with pytest.raises(IncompleteRead):
        exchange(f"http://{vendor.address}/", within=5, most=10)
    vendor.says = lambda _slow, caller: caller.sendall(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\n\r\n")
    assert exchange(f"http://{vendor.address}/", within=5, most=10).status == 302, "nobody is followed"
    with pytest.raises(HTTPException, match="302"):
        alipay_client.fetch(f"http://{vendor.address}/", within=5, most=10)


def test_who_cannot_be_reached_is_no_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
    assert outcome_of("wechat query", address) == Unknown("ConnectionRefusedError")
    assert outcome_of("alipay query", address) == Unknown("no answer to be believed: ConnectionRefusedError")


# --- TLS -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def tls(tmp_path: Path) -> tuple[ssl.SSLContext, Path]:
    """A server for 127.0.0.1, and the certificate by which it is known."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now - timedelta(1)).not_valid_after(now + timedelta(1))
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    known = tmp_path / "known.pem"
    known.write_bytes(made.sign(key, SHA256()).public_bytes(Encoding.PEM))
    secret = tmp_path / "secret.pem"
    secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(known, secret)
    return context, known


def test_under_tls_the_same_holds_and_strangers_are_not_talked_to(
    slow: Callable[..., Slow], tls: tuple[ssl.SSLContext, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    context, known = tls
    vendor = slow(lambda _slow, caller: caller.sendall(HEAD + b"Content-Length: 2\r\n\r\n{}"), context)
    port = vendor.address.rpartition(":")[2]
    with pytest.raises(ssl.SSLCertVerificationError):
        exchange(f"https://localhost:{port}/", within=10, most=10)
    monkeypatch.setenv("SSL_CERT_FILE", str(known))
    assert exchange(f"https://localhost:{port}/", within=10, most=10).body == b"{}"
    with pytest.raises(ssl.SSLCertVerificationError):
        exchange(f"https://127.0.0.1:{port}/", within=10, most=10)
    for says in TRICKLES:
        vendor.says = says
        vendor.gone.clear()
        with pytest.raises(TimeoutError):
            exchange(f"https://localhost:{port}/", within=WITHIN, most=1 << 20)
        assert says is silence or vendor.gone.wait(PATIENCE)
