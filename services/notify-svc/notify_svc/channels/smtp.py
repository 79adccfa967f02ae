"""E-mail by SMTP (RFC 5321), to the server that takes ours: a submission server, or a relay of the hospital group's.

smtp:// means STARTTLS or no letter, smtps:// TLS from the start; no password and no letter goes before TLS. smtp+plain:// has none, for
development. What became of a letter hangs on when it ended: before its final dot it surely was not taken (4.1.1.4), after the dot
only the server's answer tells. SMTP has no key by which a server knows a repetition: Message-ID is the same whenever a letter is tried,
and many mailboxes show such letters once.
"""

import io
import re
import smtplib
import socket
import ssl
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any
from urllib.parse import unquote, urlsplit

from notify_svc.channels import Absent, Channel, Later, Letter, Outcome, Refused, Sent, Unknown
from notify_svc.channels.answers import ALARM, why
from notify_svc.channels.mime import Unmailable, address_of, message_of, sender_of

_PORTS = {"smtp": 587, "smtps": 465, "smtp+plain": 25}
_IDLE = 20.0  # seconds: servers wait for 5 minutes (4.5.3.2.7), what stands between us and them often less
_LETTERS = 100  # by one connection
_NAMED = re.compile(rb"5\.\d{1,3}\.\d{1,3}(?!\d)")
_BAD_ADDRESS = re.compile(rb"5\.(1\.[1-36]|1\.10|2\.1)(?!\d)")
"""RFC 3463 and 7505: no such mailbox, domain or syntax; moved; takes no mail; a mailbox that is disabled."""
_OF_US = re.compile(rb"5\.(7\.\d|1\.[78](?!\d))")
"""RFC 3463: their rules, and who we say we are."""
_OF_US_IN_WORDS = re.compile(
    rb"relay|block|black ?list|deny ?list|denied|permitted|policy|spam|reputation|authenti", re.IGNORECASE
)
"""What servers without such codes say of the same: most of them mean whoever sends, and what they mean waits for a person."""


class _Stop(Exception):
    """The letter's way ends here, with this outcome; the connection may go on if it says so."""

    def __init__(self, outcome: Outcome, *, usable: bool = False) -> None:
        super().__init__(outcome)
        self.outcome, self.usable = outcome, usable


class _Patience:
    """Until when one letter may take. Raises TimeoutError when that is over."""

    def __init__(self, seconds: float) -> None:
        self.until = time.monotonic() + seconds

    def left(self) -> float:
        left = self.until - time.monotonic()
        if left <= 0:
            raise TimeoutError("the letter took too long")
        return left


class _Reader(io.RawIOBase):
    """A socket that is read with what is left of the patience: a server that answers byte by byte gets no more of it."""

    def __init__(self, sock: socket.socket, left: Callable[[], float]) -> None:
        self._sock, self._left = sock, left

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._sock.settimeout(self._left())
        return self._sock.recv_into(buffer)


class _Connection(smtplib.SMTP):
    """A connection with one deadline for all that a letter takes, instead of one for each of its steps."""

    def __init__(self, host: str, port: int, name: str, patience: _Patience, tls: ssl.SSLContext | None) -> None:
        self.patience, self._tls = patience, tls
        self.letters, self.used = 0, time.monotonic()
        super().__init__(local_hostname=name, timeout=patience.left())
        self._host = host  # whose certificate it must be
        try:
            code, said = self.connect(host, port)
            if code != 220:
                raise _Stop(Later(str(code), why(_text(said))))
        except BaseException:
            self.close()
            raise

    def __del__(self) -> None:
        """A carrier that is let go of lets go of its connections."""
        self.close()

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:  # noqa: ARG002
        sock = socket.create_connection((host, port), self.patience.left())
        try:
            sock.settimeout(self.patience.left())
            return self._tls.wrap_socket(sock, server_hostname=host) if self._tls else sock
        except BaseException:
            sock.close()
            raise

    def getreply(self) -> tuple[int, bytes]:
        if self.file is None:
            self.file = io.BufferedReader(_Reader(self.sock, self.patience.left))  # type: ignore[arg-type]
        return super().getreply()

    def send(self, s: Any) -> None:
        if self.sock:
            self.sock.settimeout(self.patience.left())
        super().send(s)


class Smtp:
    """name: smtp. Connections are kept for the letters that follow, looked at before they are used again, and used by one thread
    at a time. Raises OSError for a file of certificates that cannot be read.
    """

    name = "smtp"
    channel: Channel = "email"

    def __init__(self, url: str, *, sender: str, ca: str = "", timeout: float = 10.0) -> None:
        address = urlsplit(url)
        self._scheme, self._host = address.scheme, address.hostname or ""
        self._port = address.port or _PORTS[address.scheme]
        self._user, self._password = unquote(address.username or ""), unquote(address.password or "")
        self._sender, self._timeout = sender, timeout
        self._from = sender_of(sender)
        self._idle: deque[_Connection] = deque()
        self._context = ssl.create_default_context()
        if ca:
            self._context.load_verify_locations(ca)

    def carries(self, kind: str, locale: str) -> bool:  # noqa: ARG002
        return True

    def find(self, letter: Letter, handed_at: datetime) -> Sent | Absent | Unknown | None:  # noqa: ARG002
        """None: SMTP servers cannot be asked."""
        return None

    def close(self) -> None:
        """Let go of the connections that are kept."""
        while self._idle:
            with suppress(IndexError):
                self._idle.pop().close()

    def send(self, letter: Letter) -> Outcome:
        try:
            to, data = address_of(letter.to), message_of(letter, self._sender)
        except Unmailable as error:
            return Refused("unmailable", str(error), address=error.address)
        patience, progress = _Patience(self._timeout), _Progress()
        connection = None
        try:
            connection = self._connection(patience)
            outcome = _transmit(connection, progress, self._from, to, data)
            usable = True
        except _Stop as stop:
            outcome, usable = stop.outcome, stop.usable
        except Exception as error:  # noqa: BLE001 - what a server and its network can do is not to be foreseen
            outcome, usable = progress.judge(error), False
        if connection is not None:
            self._keep(connection, usable=usable)
        return outcome

    def _keep(self, connection: _Connection, *, usable: bool) -> None:
        connection.letters += 1
        connection.used = time.monotonic()
        if usable and connection.letters < _LETTERS:
            self._idle.append(connection)
        else:
            connection.close()

    def _connection(self, patience: _Patience) -> _Connection:
        """One that was kept and still answers, or a new one."""
        while self._idle:
            try:
                kept = self._idle.pop()
            except IndexError:
                break
            if time.monotonic() - kept.used < _IDLE:
                kept.patience.until = patience.until
                with suppress(smtplib.SMTPException, OSError):
                    if kept.rset()[0] == 250:
                        return kept
            kept.close()
        return self._connect(patience)

    def _connect(self, patience: _Patience) -> _Connection:
        """Raises _Stop with Later: whatever is wrong with the server, or between it and us, no letter can help."""
        tls = self._context if self._scheme == "smtps" else None
        connection = None
        try:
            connection = _Connection(self._host, self._port, self._from.partition("@")[2], patience, tls)
            connection.ehlo_or_helo_if_needed()
            if self._scheme == "smtp":
                self._start_tls(connection)
            if self._user:
                connection.login(self._user, self._password)
        except Exception as error:
            if connection is not None:
                connection.close()
            raise error if isinstance(error, _Stop) else _Stop(_unready(error)) from error
        return connection

    def _start_tls(self, connection: _Connection) -> None:
        if not connection.has_extn("starttls"):
            raise _Stop(Later("no_starttls", f"{ALARM}{self._host} offers no STARTTLS"))
        code, said = connection.starttls(context=self._context)
        if code != 220:
            raise _Stop(Later("no_starttls", f"{ALARM}STARTTLS: {code} {why(_text(said))}"))
        connection.ehlo_or_helo_if_needed()


class _Progress:
    """How far a letter came, for the case that it breaks off."""

    dotted = False

    def judge(self, error: Exception) -> Outcome:
        if self.dotted:
            return Unknown(f"no answer after the letter: {type(error).__name__}")
        return Later("broken_off", type(error).__name__)


def _unready(error: Exception) -> Later:
    """Why there is no connection that could take a letter."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return Later("certificate", f"{ALARM}{why(error.verify_message)}")
    if isinstance(error, smtplib.SMTPAuthenticationError):
        alarm = error.smtp_code >= 500
        return Later(f"auth_{error.smtp_code}", why(_text(error.smtp_error), alarm=alarm))
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return Later("no_auth", f"{ALARM}the server takes no password")
    if isinstance(error, smtplib.SMTPResponseException):
        return Later(str(error.smtp_code), why(_text(error.smtp_error)))
    return Later("unreachable", type(error).__name__)


def _transmit(smtp: _Connection, progress: _Progress, sender: str, to: str, data: bytes) -> Outcome:
    """One letter, on a connection that is ready. Raises _Stop, and what smtplib and sockets raise."""
    _expect(smtp.mail(sender), "MAIL")
    _expect(smtp.rcpt(to), "RCPT")
    code, said = smtp.docmd("DATA")
    if code != 354:
        _expect((code, said), "DATA")
        raise _Stop(Later(str(code), "the server did not ask for the letter"))
    smtp.send(data)
    progress.dotted = True  # from here on only the server knows
    smtp.send(b".\r\n")
    code, said = smtp.getreply()
    if 200 <= code < 300:
        return Sent()
    if not 400 <= code < 600:
        raise _Stop(Unknown(f"{code} after the letter"))
    _expect((code, said), ".")
    raise AssertionError("unreachable: 4xx and 5xx are not as expected")


def _expect(reply: tuple[int, bytes], step: str) -> None:
    """Raises _Stop unless the server goes on."""
    code, said = reply
    if 200 <= code < 300:
        return
    if code >= 500:
        raise _Stop(_refusal(code, said, step), usable=True)
    passing = 400 <= code < 500 and code != 421
    raise _Stop(Later(str(code), why(_text(said)), address=step == "RCPT" and passing), usable=passing)


def _refusal(code: int, said: bytes, step: str) -> Refused | Later:
    """What a "no" is about. Only RCPT's names an address, and only a code of RFC 3463 says that nobody is there: 550 alone may be
    about us. What is about us all letters meet, MAIL's always: they wait for a person.
    """
    named = _NAMED.match(said)
    if named:
        of_us = bool(_OF_US.match(said))
    else:
        of_us = code in {530, 535} or bool(_OF_US_IN_WORDS.search(re.sub(rb"\S*@\S*", b"", said)))
    if step == "MAIL" or of_us:
        return Later(str(code), why(_text(said), alarm=True), address=step != "MAIL")
    return Refused(str(code), why(_text(said)), address=step == "RCPT" and bool(_BAD_ADDRESS.match(said)))


def _text(said: bytes | str) -> str:
    return said if isinstance(said, str) else said.decode("utf-8", "replace")
