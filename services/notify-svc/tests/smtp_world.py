"""Mail servers for tests: a real one (aiosmtpd) with a certificate of its own, and one that plays a script of faults."""

import asyncio
import contextlib
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from notify_svc.channels import Letter

USER, PASSWORD = "mailer@haoyuan", "geheim:@/?# %"


def letter(**changes: Any) -> Letter:
    """An e-mail as `letters.compose` makes it."""
    as_it_is: dict[str, Any] = {
        "key": "01JD:acc_1:order_confirmed:email",
        "channel": "email",
        "to": "alice@example.com",
        "kind": "order_confirmed",
        "locale": "zh-CN",
        "subject": "挂号成功",
        "text": "您好：\n\n.仁济医院 心内科\n..\n.\n就诊序号：7\n",
    }
    return Letter(**{**as_it_is, **changes})


@dataclass(frozen=True)
class Certificate:
    """chain: certificate and key of 127.0.0.1 and localhost; ca: who vouches for it."""

    chain: Path
    ca: Path

    def context(self) -> ssl.SSLContext:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.load_cert_chain(self.chain)
        return made


def certificate(folder: Path, *names: str) -> Certificate:
    """A certificate of its own authority, for these names or addresses."""
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Tests")])
    ca = _signed(issuer, issuer, ca_key.public_key(), ca_key, x509.BasicConstraints(ca=True, path_length=0))
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail")])
    signed = _signed(issuer, subject, key.public_key(), ca_key, x509.SubjectAlternativeName([_name(n) for n in names]))
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    made = Certificate(folder / "chain.pem", folder / "ca.pem")
    made.chain.write_bytes(signed.public_bytes(pem) + private)
    made.ca.write_bytes(ca.public_bytes(pem))
    return made


def _name(name: str) -> x509.GeneralName:
    return x509.IPAddress(ipaddress.ip_address(name)) if name[0].isdigit() else x509.DNSName(name)


def _signed(
    issuer: x509.Name,
    subject: x509.Name,
    key: ec.EllipticCurvePublicKey,
    by: ec.EllipticCurvePrivateKey,
    extension: x509.ExtensionType,
) -> x509.Certificate:
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(issuer, subject, key, x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    return builder.add_extension(extension, critical=extension.oid.dotted_string == "2.5.29.19").sign(
        by, hashes.SHA256()
    )


@dataclass
class Mailbox:
    """What a real server took. `replies`: what it answers to RCPT or DATA in place of taking it."""

    envelopes: list[Envelope] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    logins: list[bytes] = field(default_factory=list)
    connections: int = 0
    replies: dict[str, str] = field(default_factory=dict)

    @property
    def mails(self) -> list[EmailMessage]:
        found = []
        for envelope in self.envelopes:
            assert isinstance(envelope.content, bytes)
            mail = message_from_bytes(envelope.content, policy=default)
            assert isinstance(mail, EmailMessage)
            found.append(mail)
        return found

    # --- aiosmtpd's hooks

    async def handle_RCPT(  # noqa: N802
        self, _s: SMTP, _i: Session, envelope: Envelope, address: str, _o: list[str]
    ) -> str:
        if reply := self.replies.get("RCPT"):
            return reply
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802
        self, _server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        if reply := self.replies.get("DATA"):
            return reply
        self.envelopes.append(envelope)
        self.encrypted.append(session.ssl is not None)
        return "250 OK"

    def login(self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.logins.append(data.password)
        return AuthResult(success=(data.login, data.password) == (USER.encode(), PASSWORD.encode()), handled=False)


@contextlib.contextmanager
def mail_server(box: Mailbox, tls: ssl.SSLContext | None, *, at_once: bool = False, **options: Any) -> Iterator[int]:
    """A server of this mailbox: its port. tls: for STARTTLS, or from the start if `at_once`."""
    loop = asyncio.new_event_loop()
    open_: list[SMTP] = []

    def made() -> SMTP:
        box.connections += 1
        offers = None if at_once else tls
        open_.append(SMTP(box, loop=loop, hostname="mail.test", tls_context=offers, authenticator=box.login, **options))
        return open_[-1]

    server = loop.run_until_complete(loop.create_server(made, "127.0.0.1", 0, ssl=tls if at_once else None))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        asyncio.run_coroutine_threadsafe(_close(server, open_), loop).result(20)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(20)
        loop.close()


async def _close(server: asyncio.Server, connections: list[SMTP]) -> None:
    server.close()
    for connection in connections:
        if connection.transport is not None:
            connection.transport.abort()
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for _ in range(5):  # transports close in the loop's next rounds, one within the other
        await asyncio.sleep(0)


HANG, CLOSE, TRICKLE = "hang", "close", "trickle"
"""What a server does at a step in place of an answer; TRICKLE: it answers a byte at a time and never ends its line."""

_PLAYS = {
    "greeting": "220 mail",
    "EHLO": "250 mail",
    "MAIL": "250 OK",
    "RCPT": "250 OK",
    "DATA": "354 go on",
    ".": "250 OK",
}


@contextlib.contextmanager
def scripted(script: Mapping[str, str]) -> Iterator[tuple[int, list[str]]]:
    """A server without TLS that answers by this script: its port, and the verbs that it heard. Letters are the verb `.`; what
    stands for BODY happens while the letter is on its way.
    """
    heard: list[str] = []
    done = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))
    open_: list[socket.socket] = []

    def serve() -> None:
        with contextlib.suppress(OSError):
            while not done.is_set():
                connection, _ = listener.accept()
                open_.append(connection)
                with connection, contextlib.suppress(OSError):
                    connection.settimeout(20)
                    _play(connection, {**_PLAYS, **script}, heard, done)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1], heard
    finally:
        done.set()
        for each in (listener, *open_):  # whoever waits for them goes on
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        thread.join(20)
        listener.close()


def _play(connection: socket.socket, script: Mapping[str, str], heard: list[str], done: threading.Event) -> None:
    file = connection.makefile("rb")
    verb = "greeting"
    with file:
        while not done.is_set():
            heard.append(verb)
            if not _answer(connection, script[verb], done):
                return
            if verb == "DATA" and script[verb].startswith("354"):
                if script.get("BODY") == CLOSE:
                    file.read(10)
                    return
                while file.readline().rstrip(b"\r\n") != b".":
                    pass
                verb = "."
                continue
            line = file.readline()
            if not line:
                return
            verb = line.split()[0].decode().upper()
            if verb in {"RSET", "QUIT"}:
                heard.append(verb)
                connection.sendall(b"250 OK\r\n")
                line = file.readline()
                if not line:
                    return
                verb = line.split()[0].decode().upper()


def _answer(connection: socket.socket, does: str, done: threading.Event) -> bool:
    """False when the connection is over."""
    if does == CLOSE:
        return False
    if does == HANG:
        done.wait(60)
        return False
    if does == TRICKLE:
        connection.sendall(b"250-")
        while not done.wait(0.02):
            connection.sendall(b"x")
        return False
    connection.sendall(does.encode() + b"\r\n")
    return True
