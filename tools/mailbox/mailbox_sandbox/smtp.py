"""The e-mail server (RFC 5321, STARTTLS by RFC 3207): a thread of its own, each letter kept as it arrived."""

import asyncio
import socket
import ssl
import threading
import time
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any
from weakref import WeakSet

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from mailbox_sandbox.box import Box
from mailbox_sandbox.faults import Faults
from mailbox_sandbox.parts import PASSWORD, USER, Fault, File, Message

LARGEST = 5_000_000  # bytes

REFUSALS = {
    "throttle": "451 4.7.1 Too many letters; try again later",
    "refuse": "554 5.7.1 Refused by policy",
    "dead_address": "550 5.1.1 No such mailbox",
    "limit_minute": "451 4.7.28 Too many letters to this address this minute",
    "limit_day": "452 4.2.2 This mailbox is full",
    "error": "451 4.3.0 Local error in processing",
}


class MailServer:
    """E-mail on a socket from `start()` to `stop()`. Without `tls` it goes in clear: for networks that nobody else is on."""

    def __init__(self, box: Box, faults: Faults, listening: socket.socket, tls: ssl.SSLContext | None) -> None:
        self._box, self._faults, self._listening, self._tls = box, faults, listening, tls
        self._loop = asyncio.new_event_loop()
        self._open: WeakSet[SMTP] = WeakSet()
        self._thread = threading.Thread(target=self._run, name="smtp", daemon=True)

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ends all connections."""
        if self._thread.ident:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        else:
            self._loop.close()
        self._listening.close()

    def _run(self) -> None:
        server = self._loop.run_until_complete(self._loop.create_server(self._answer, sock=self._listening))
        self._loop.run_forever()
        server.close()
        for connection in list(self._open):
            for transport in (connection.transport, connection._original_transport):  # noqa: SLF001 - it has no way to end
                _abort(transport)
        self._loop.run_until_complete(self._ended())
        self._loop.close()

    async def _ended(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.sleep(0)  # what was aborted hears of it

    def _answer(self) -> SMTP:
        connection = SMTP(
            self,
            hostname="mailbox",
            ident="Haoyuan mailbox",
            data_size_limit=LARGEST,
            enable_SMTPUTF8=True,
            tls_context=self._tls,
            require_starttls=self._tls is not None,
            auth_require_tls=self._tls is not None,
            auth_required=self._tls is not None,
            authenticator=_known,
            loop=self._loop,
        )
        self._open.add(connection)
        return connection

    # --- what aiosmtpd asks us ---------------------------------------------------------------------------------------

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Whether there is such an address."""
        del session
        fault = self._faults.take("smtp_rcpt", "smtp", plain(address))
        refusal = await self._trouble(server, "smtp_rcpt", plain(address), fault)
        if refusal:
            return refusal
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        if fault and fault.name == "drop_after":
            _cut(server)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Keep the letter, once for each address."""
        del session
        to = [plain(address) for address in envelope.rcpt_tos]
        fault = self._faults.take("smtp_data", "smtp", to[0])
        refusal = await self._trouble(server, "smtp_data", to[0], fault)
        if refusal:
            return refusal
        letter = read(envelope.original_content or b"")
        with self._box.changing():
            numbers = [self._box.add(_kept(letter, address)) for address in to]
            self._box.note_call("smtp", "smtp_data", to[0], "250", fault.name if fault else "")
        if fault and fault.name == "drop_after":
            _cut(server)
        return f"250 2.0.0 OK: {numbers[0]}"

    async def _trouble(self, server: SMTP, call: str, to: str, fault: Fault | None) -> str:
        """The refusal, if it is one. What is only slow, or is broken after it, answers "" when it is time."""
        if fault is None or fault.name == "drop_after":
            return ""
        if fault.name == "slow":
            await asyncio.sleep(fault.seconds)
            return ""
        self._box.note_call("smtp", call, to, REFUSALS.get(fault.name, "")[:3], fault.name)
        if fault.name == "drop_before":
            _cut(server)
        return REFUSALS[fault.name]


def _known(server: SMTP, session: Session, envelope: Envelope, mechanism: str, login: Any) -> AuthResult:
    del server, session, envelope, mechanism
    good = isinstance(login, LoginPassword) and (login.login, login.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=good, handled=False)


def _cut(server: SMTP) -> None:
    """End the connection without an answer. Raises CancelledError, by which aiosmtpd knows that it is gone."""
    _abort(server.transport)
    raise asyncio.CancelledError


def _abort(transport: asyncio.BaseTransport | None) -> None:
    if isinstance(transport, asyncio.WriteTransport):
        transport.abort()


def plain(address: str) -> str:
    """By which an e-mail address is looked for."""
    return address.strip().strip("<>").lower()


def read(content: bytes) -> EmailMessage:
    """A letter of the wire."""
    return BytesParser(policy=policy.default).parsebytes(content)


def _kept(letter: EmailMessage, to: str) -> Message:
    html, plain_text = letter.get_body(("html",)), letter.get_body(("plain",))
    return Message(
        id=0,
        at=time.time(),
        channel="email",
        provider="smtp",
        sender=str(letter["From"] or ""),
        to=to,
        key=str(letter["Message-ID"] or ""),
        reference="",
        subject=str(letter["Subject"] or ""),
        text=_text(plain_text),
        html=_text(html),
        headers=[(name, str(value)) for name, value in letter.items()],
        files=_files(letter, {id(html), id(plain_text)}),
    )


def _text(part: Any) -> str:
    return str(part.get_content()) if part is not None else ""


def _files(letter: EmailMessage, bodies: set[int]) -> list[File]:
    """All parts but those that are shown as the letter's text: calendars too, which often stand beside the text and not after it."""
    files: list[File] = []
    for part in letter.walk():
        if part.is_multipart() or id(part) in bodies:
            continue
        payload = part.get_payload(decode=True)
        content = payload if isinstance(payload, bytes) else b""
        kind = part.get_content_type()
        name = part.get_filename() or f"{'calendar.ics' if kind == 'text/calendar' else f'part-{len(files) + 1}'}"
        files.append(File(str(name), kind, content))
    return files
