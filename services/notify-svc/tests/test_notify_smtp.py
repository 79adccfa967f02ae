"""E-mail: never without TLS, never twice on one connection's mistake, and each break-off says what it is."""

import gc
import logging
import re
import socket
import ssl
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import quote

import pytest
from common.settings import BadSettings
from icalendar import Calendar
from notify_svc.channels import Later, Outcome, Refused, Sent, Unknown
from notify_svc.channels.answers import ALARM
from notify_svc.channels.build import carriers
from notify_svc.channels.mime import Unmailable, address_of, message_of, sender_of
from notify_svc.channels.smtp import Smtp
from notify_svc.settings import Settings
from smtp_world import (
    CLOSE,
    HANG,
    PASSWORD,
    TRICKLE,
    USER,
    Certificate,
    Mailbox,
    certificate,
    letter,
    mail_server,
    scripted,
)

SENDER = "号源 <no-reply@haoyuan.example>"
Make = Callable[..., Smtp]


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return certificate(tmp_path_factory.mktemp("tls"), "127.0.0.1")


@pytest.fixture
def make(tls: Certificate) -> Iterator[Make]:
    """Makes carriers that trust the test's authority, and closes them."""
    made = []

    def carrier(
        port: int, scheme: str = "smtp", *, login: bool = False, ca: Path | None = None, timeout: float = 20.0
    ) -> Smtp:
        who = f"{quote(USER, safe='')}:{quote(PASSWORD, safe='')}@" if login else ""
        url = f"{scheme}://{who}127.0.0.1:{port}"
        made.append(Smtp(url, sender=SENDER, ca=str(ca or tls.ca), timeout=timeout))
        return made[-1]

    yield carrier
    for each in made:
        each.close()


def test_a_letter_goes_by_starttls_after_a_login_that_nobody_could_read(make: Make, tls: Certificate) -> None:
    box = Mailbox()
    with mail_server(box, tls.context(), auth_required=True) as port:
        assert make(port, login=True).send(letter()) == Sent()
    assert box.encrypted == [True]
    assert box.logins == [PASSWORD.encode()]
    assert box.envelopes[0].rcpt_tos == ["alice@example.com"]
    assert box.envelopes[0].mail_from == "no-reply@haoyuan.example"
    mail = box.mails[0]
    assert mail["Subject"] == "挂号成功"
    assert mail["From"] == SENDER
    assert mail["To"] == "alice@example.com"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert parsedate_to_datetime(mail["Date"]).tzinfo
    assert mail.get_content().replace("\r\n", "\n") == letter().text
    assert "List-Unsubscribe" not in mail


def test_dots_at_the_beginning_of_lines_arrive_as_they_are(make: Make, tls: Certificate) -> None:
    text = ".hidden\n..\n.\nMAIL FROM:<eve@example.com>\n"
    box = Mailbox()
    with mail_server(box, tls.context()) as port:
        assert make(port).send(letter(text=text)) == Sent()
    assert [mail.get_content().replace("\r\n", "\n") for mail in box.mails] == [text]


def test_tls_from_the_start(make: Make, tls: Certificate) -> None:
    box = Mailbox()
    with mail_server(box, tls.context(), at_once=True) as port:
        assert make(port, "smtps").send(letter()) == Sent()
    assert len(box.envelopes) == 1


def test_without_starttls_there_is_no_letter_and_no_password(make: Make) -> None:
    box = Mailbox()
    with mail_server(box, None, auth_require_tls=False) as port:
        outcome = make(port, login=True).send(letter())
        assert isinstance(outcome, Later)
        assert outcome.code == "no_starttls"
        assert outcome.why.startswith(ALARM)
        assert make(port, "smtp+plain").send(letter()) == Sent(), "what development has"
    assert box.logins == []
    assert len(box.envelopes) == 1


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
@pytest.mark.parametrize("names", [("127.0.0.1",), ("mail.example.com",)])
def test_a_certificate_that_is_not_believed_gets_nothing(
    make: Make, tls: Certificate, tmp_path: Path, scheme: str, names: tuple[str, ...]
) -> None:
    """Another's authority, or another's name."""
    other = certificate(tmp_path, *names)
    trusted = tls.ca if names[0] == "127.0.0.1" else other.ca
    box = Mailbox()
    with mail_server(box, other.context(), at_once=scheme == "smtps") as port:
        outcome = make(port, scheme, login=True, ca=trusted).send(letter())
    assert isinstance(outcome, Later)
    assert outcome.code == "certificate"
    assert outcome.why.startswith(ALARM)
    assert (box.logins, box.envelopes) == ([], [])


def test_a_password_that_is_not_taken_waits_for_somebody(
    make: Make, tls: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = Mailbox()
    monkeypatch.setattr("smtp_world.PASSWORD", "another")
    with mail_server(box, tls.context()) as port:
        outcome = make(port, login=True).send(letter())
    assert isinstance(outcome, Later)
    assert outcome.code == "auth_535"
    assert outcome.why.startswith(ALARM)
    assert box.envelopes == []


def test_one_connection_serves_several_letters_and_a_dead_one_is_replaced(make: Make, tls: Certificate) -> None:
    box = Mailbox()
    with mail_server(box, tls.context()) as port:
        carrier = make(port)
        assert [carrier.send(letter(key=str(n))) for n in range(3)] == [Sent()] * 3
        box.replies["RCPT"] = "550 5.1.1 no such user"
        assert isinstance(carrier.send(letter()), Refused)
        box.replies.clear()
        assert carrier.send(letter(key="4")) == Sent()
        assert box.connections == 1, "a refused address does not end it"
        carrier._idle[0].sock.shutdown(socket.SHUT_RDWR)
        assert carrier.send(letter(key="5")) == Sent()
        assert box.connections == 2
    assert len({mail["Message-ID"] for mail in box.mails}) == 5


def test_a_carrier_that_is_let_go_of_leaves_no_connection_open(tls: Certificate) -> None:
    """A socket that nobody closes is a warning, and a warning fails the test."""
    box = Mailbox()
    with mail_server(box, tls.context()) as port:
        carrier = Smtp(f"smtp://127.0.0.1:{port}", sender=SENDER, ca=str(tls.ca))
        assert carrier.send(letter()) == Sent()
        assert len(carrier._idle) == 1
        del carrier
        gc.collect()


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        ("550 5.1.1 no such user", Refused("550", "5.1.1 no such user", address=True)),
        ("550 no such user", Refused("550", "no such user")),
        ("551 not here", Refused("551", "not here")),
        ("553 what is that", Refused("553", "what is that")),
        ("550 <blocked@relay.example> unknown", Refused("550", "* unknown")),
        ("550 relay not permitted", Later("550", f"{ALARM}relay not permitted", address=True)),
        ("554 Blocked using a list", Later("554", f"{ALARM}Blocked using a list", address=True)),
        ("530 log in first", Later("530", f"{ALARM}log in first", address=True)),
        ("553 5.1.3 what is that", Refused("553", "5.1.3 what is that", address=True)),
        ("556 5.1.10 it takes no mail", Refused("556", "5.1.10 it takes no mail", address=True)),
        ("550 5.2.1 disabled", Refused("550", "5.2.1 disabled", address=True)),
        ("553 5.1.2 no such domain", Refused("553", "5.1.2 no such domain", address=True)),
        ("551 5.1.6 moved", Refused("551", "5.1.6 moved", address=True)),
        ("550 5.7.1 we do not like you", Later("550", f"{ALARM}5.7.1 we do not like you", address=True)),
        ("550 5.1.8 who are you", Later("550", f"{ALARM}5.1.8 who are you", address=True)),
        ("552 5.2.2 mailbox full", Refused("552", "5.2.2 mailbox full")),
        ("554 no", Refused("554", "no")),
        ("450 4.2.1 greylisted", Later("450", "4.2.1 greylisted", address=True)),
        ("421 4.3.2 closing", Later("421", "4.3.2 closing")),
    ],
)
def test_what_is_said_of_an_address(make: Make, reply: str, outcome: Outcome) -> None:
    with scripted({"RCPT": reply}) as (port, heard):
        assert make(port, "smtp+plain").send(letter()) == outcome
    assert "DATA" not in heard


@pytest.mark.parametrize(
    ("step", "reply", "outcome"),
    [
        ("greeting", "554 5.3.2 not today", Later("554", "5.3.2 not today")),
        ("MAIL", "451 busy", Later("451", "busy")),
        ("MAIL", "550 5.7.1 not from you", Later("550", f"{ALARM}5.7.1 not from you")),
        ("MAIL", "550 not from you", Later("550", f"{ALARM}not from you")),
        ("MAIL", "550 5.1.3 bad sender syntax", Later("550", f"{ALARM}5.1.3 bad sender syntax")),
        ("DATA", "452 4.3.1 full", Later("452", "4.3.1 full")),
        ("DATA", "554 5.6.0 no", Refused("554", "5.6.0 no")),
        ("DATA", "250 what", Later("250", "the server did not ask for the letter")),
        (".", "451 4.3.0 try again", Later("451", "4.3.0 try again")),
        (".", "550 5.7.1 spam", Later("550", f"{ALARM}5.7.1 spam", address=True)),
        (".", "550 spam", Later("550", f"{ALARM}spam", address=True)),
        (".", "550 5.1.1 nobody", Refused("550", "5.1.1 nobody")),
        (".", "250 2.0.0 queued", Sent()),
        (".", "354 more", Unknown("354 after the letter")),
    ],
)
def test_what_is_said_at_each_step(make: Make, step: str, reply: str, outcome: Outcome) -> None:
    with scripted({step: reply}) as (port, _):
        assert make(port, "smtp+plain").send(letter()) == outcome


@pytest.mark.parametrize(
    ("step", "fault"),
    [(step, fault) for fault in (CLOSE, HANG) for step in ("greeting", "EHLO", "MAIL", "RCPT", "DATA", ".")]
    + [("EHLO", TRICKLE), (".", TRICKLE)],
)
def test_before_the_final_dot_it_was_not_taken_and_after_it_nobody_knows(make: Make, step: str, fault: str) -> None:
    """A server that trickles its answer shows that the patience is one for all: each byte comes in time."""
    for patience in (20.0,) if fault == CLOSE else (0.25, 2.0, 15.0):
        with scripted({step: fault}) as (port, heard):
            outcome = make(port, "smtp+plain", timeout=patience).send(letter())
        if heard and heard[-1] == step:
            break  # else this machine was too busy to come so far
    assert heard[-1] == step
    assert type(outcome) is (Unknown if step == "." else Later), outcome


def test_a_letter_that_breaks_off_on_its_way_was_not_taken(make: Make) -> None:
    """It is longer than what the sockets between us hold."""
    with scripted({"BODY": CLOSE}) as (port, heard):
        outcome = make(port, "smtp+plain").send(letter(text="号" * 3_000_000))
    assert isinstance(outcome, Later)
    assert "." not in heard


def test_nobody_there(make: Make) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        outcome = make(free.getsockname()[1]).send(letter())
    assert isinstance(outcome, Later)
    assert make(1).find(letter(), parsedate_to_datetime("Sun, 22 Nov 2026 14:05:00 +0800")) is None


def test_a_server_that_hangs_in_its_handshake(make: Make) -> None:
    with scripted({"greeting": HANG}) as (port, _):
        assert isinstance(make(port, "smtps", timeout=0.3).send(letter()), Later)


@pytest.mark.parametrize(
    "to",
    ["", "alice", "a b@example.com", "a@b@c", "alice@exa mple.com", "alice@example.com\r\nBcc: eve@example.com", "alice@" + "x" * 300,
     "a\n@example.com", "<alice@example.com>,eve@example.com", "爱丽丝@example.com", "alice@example.com>\r\nRCPT TO:<eve@example.com>"],
)  # fmt: skip
def test_what_is_no_address_is_refused_before_anybody_is_asked(make: Make, to: str) -> None:
    outcome = make(1).send(letter(to=to))
    assert isinstance(outcome, Refused)
    assert outcome.address


def test_no_field_brings_a_header_of_its_own() -> None:
    evil = "x\r\nBcc: eve@example.com\r\n\r\nbody"
    data = message_of(letter(subject=evil, locale=evil, unsubscribe=f"https://haoyuan.example/{evil}"), SENDER)
    head = data.partition(b"\r\n\r\n")[0]
    assert b"\r\nBcc:" not in head
    assert b"List-Unsubscribe" not in head
    with pytest.raises(Unmailable):
        message_of(letter(), f"{evil} <no-reply@haoyuan.example>")


def test_the_same_letter_has_the_same_id_whenever_it_is_tried_and_the_id_says_nothing() -> None:
    ids = [re.search(rb"Message-ID: (<[^>]+>)", message_of(letter(key=key), SENDER)) for key in ("a", "a", "b")]
    first, again, other = (found[1] for found in ids if found)
    assert first == again != other
    assert first.endswith(b"@haoyuan.example>")


def test_one_click_ends_letters_of_its_kind_and_its_address_stands_whole() -> None:
    url = "https://haoyuan.example/api/v1/notifications/unsubscribe?token=" + "aB3-_." * 40
    data = message_of(letter(unsubscribe=url), SENDER)
    assert b"List-Unsubscribe: <" + url.encode() + b">\r\n" in data
    assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in data
    assert max(map(len, data.split(b"\r\n"))) <= 998


def test_a_calendar_file_comes_with_its_method(make: Make, tls: Certificate) -> None:
    body = b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nMETHOD:PUBLISH\r\nEND:VCALENDAR\r\n"
    box = Mailbox()
    with mail_server(box, tls.context()) as port:
        make(port).send(letter(calendar=body, calendar_method="PUBLISH"))
    attached = list(box.mails[0].iter_attachments())
    assert [part.get_content_type() for part in attached] == ["text/calendar"]
    assert attached[0].get_param("method") == "PUBLISH"
    assert attached[0].get_filename() == "visit.ics"
    read = attached[0].get_payload(decode=True)
    assert isinstance(read, bytes)
    assert read == body
    assert Calendar.from_ical(read)["METHOD"] == "PUBLISH"


def test_nothing_but_ascii_and_short_lines_go_over_the_wire() -> None:
    data = message_of(letter(text="号" * 5000 + "\n" + "x" * 5000, subject="号" * 300), SENDER)
    assert data.isascii()
    assert max(map(len, data.split(b"\r\n"))) <= 998
    assert data.endswith(b"\r\n")


def test_addresses_in_other_scripts_go_as_ascii() -> None:
    assert address_of("alice@例子.测试") == "alice@xn--fsqu00a.xn--0zwm56d"
    assert sender_of("号源 <a+b@example.com>") == "a+b@example.com"


def test_no_address_and_no_text_in_any_log(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with scripted({"RCPT": "550 5.1.1 <alice@example.com> 13812345678 is unknown"}) as (port, _):
        outcome = make(port, "smtp+plain").send(letter())
    assert isinstance(outcome, Refused)
    assert "alice@example.com" not in outcome.why
    assert "13812345678" not in outcome.why
    assert "alice" not in caplog.text
    assert "alice" not in repr(letter())


def test_certificates_that_cannot_be_read_are_named_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(ssl.SSLError):
        Smtp("smtp://127.0.0.1", sender=SENDER, ca=str(tmp_path / "ca.pem"))
    with pytest.raises(OSError, match="No such file"):
        Smtp("smtp://127.0.0.1", sender=SENDER, ca=str(tmp_path / "none.pem"))


def test_the_environment_names_the_carriers_and_their_order(tls: Certificate) -> None:
    keys = {"alibaba_sms_key_id": "k", "alibaba_sms_key_secret": "k", "alibaba_sms_sign": "s", "tencent_sms_secret_id": "k",
            "tencent_sms_secret_key": "k", "tencent_sms_app_id": "1", "tencent_sms_sign": "s"}  # fmt: skip
    assert carriers(Settings()) == []
    found = carriers(
        Settings(smtp_url="smtp://127.0.0.1", smtp_ca=str(tls.ca), sms_providers="tencent, alibaba", **keys)
    )
    assert [(c.name, c.channel) for c in found] == [("smtp", "email"), ("tencent", "sms"), ("alibaba", "sms")]
    for wrong in ({"smtp_ca": "/nowhere.pem"}, {"mail_from": "nobody"}):
        with pytest.raises(BadSettings, match=r"SMTP_CA|MAIL_FROM"):
            carriers(Settings(smtp_url="smtp://127.0.0.1", **wrong))
