"""A letter as the bytes of an e-mail (RFC 5322, 2045), ready for the DATA command."""

import hashlib
import re
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, parseaddr

from notify_svc.channels import Letter

_POLICY = SMTP.clone(cte_type="7bit", raise_on_defect=False)
_URL = re.compile(r"https?://[!-;=?-~]+")
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
_LONGEST = 254


class Unmailable(ValueError):
    """`address`: it is no address that an e-mail can go to."""

    def __init__(self, why: str, *, address: bool) -> None:
        super().__init__(why)
        self.address = address


def address_of(address: str) -> str:
    """The address with its domain in ASCII. Raises Unmailable: names, lists and line breaks have no way in."""
    local, at, domain = address.rpartition("@")
    try:
        ascii_ = f"{local}{at}{domain.encode('idna').decode()}"
    except UnicodeError:
        ascii_ = ""
    if not _ADDRESS.fullmatch(ascii_) or len(ascii_) > _LONGEST:
        raise Unmailable("not an e-mail address", address=True)
    return ascii_


def sender_of(sender: str) -> str:
    """The address of MAIL_FROM, which may say a name too. Raises Unmailable, also for line breaks: Pythons read them differently."""
    if sender.splitlines() != [sender]:
        raise Unmailable("not an e-mail address", address=True)
    return address_of(parseaddr(sender)[1])


def message_id(key: str, domain: str) -> str:
    """The same for the same key, and nothing of what the key says."""
    return f"<{hashlib.sha256(key.encode()).hexdigest()[:32]}@{domain}>"


def message_of(letter: Letter, sender: str) -> bytes:
    """The whole of it, its lines ended by CRLF and their dots doubled (RFC 5321 4.5.2). Raises Unmailable."""
    to, from_ = address_of(letter.to), sender_of(sender)
    message = EmailMessage(_POLICY)
    message["From"] = Address(_one_line(parseaddr(sender)[0]), addr_spec=from_)
    message["To"] = to
    message["Subject"] = _one_line(letter.subject)
    message["Date"] = formatdate(usegmt=True)
    message["Message-ID"] = message_id(letter.key, from_.partition("@")[2])
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no machine answers it
    message["Content-Language"] = _one_line(letter.locale)
    message.set_content(letter.text)
    if letter.calendar is not None:
        named = {"method": letter.calendar_method, "charset": "utf-8", "component": "VEVENT"}
        message.add_attachment(
            letter.calendar, maintype="text", subtype="calendar", filename="visit.ics", params=named, cte="base64"
        )
    lines = _unsubscribe(letter.unsubscribe) + message.as_bytes()
    return re.sub(rb"(?m)^\.", b"..", lines)


def _unsubscribe(url: str) -> bytes:
    """RFC 2369 and 8058: one POST, without questions. As bytes: the email package would cut or encode an address that is long."""
    if not _URL.fullmatch(url):
        return b""
    return b"List-Unsubscribe: <%s>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" % url.encode()


def _one_line(text: str) -> str:
    return " ".join(text.split())
