"""E-mail: STARTTLS with the certificate that it made, a password only after it, letters kept as they arrived."""

import smtplib
import ssl

import pytest
from mailbox_rig import a_letter, a_mailbox, ctl, mailer
from mailbox_sandbox.parts import PASSWORD, USER

CALENDAR = "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nEND:VCALENDAR\r\n"


def send(mailbox, letter=None, **how):
    with mailer(mailbox, **how) as client:
        return client.send_message(letter or a_letter())


def test_a_letter_is_kept_as_it_arrived(mailbox):
    send(mailbox, a_letter("Li@Example.com", html="<b>您的预约已成功。</b>", calendar=CALENDAR))
    (message,) = mailbox.messages("li@example.com")
    assert (message.channel, message.provider, message.to) == ("email", "smtp", "li@example.com")
    assert (message.sender, message.subject) == ("Haoyuan <no-reply@haoyuan.example>", "预约成功")
    assert (message.text.strip(), message.html.strip()) == ("您的预约已成功。", "<b>您的预约已成功。</b>")
    assert message.key == "<key1@haoyuan.example>"
    assert dict(message.headers)["To"] == "Li@Example.com"
    (file,) = message.files
    assert (file.name, file.kind) == ("visit.ics", "text/calendar")
    assert file.content.decode().split() == CALENDAR.split()


def test_a_calendar_beside_the_text_is_a_file_too(mailbox):
    letter = a_letter()
    letter.add_alternative(CALENDAR.encode(), "text", "calendar", params={"method": "REQUEST"})
    send(mailbox, letter)
    (message,) = mailbox.messages()
    assert message.text.strip() == "您的预约已成功。"
    assert [(file.name, file.kind) for file in message.files] == [("calendar.ics", "text/calendar")]


def test_each_address_has_its_own(mailbox):
    send(mailbox, a_letter("a@example.com, b@example.com"))
    assert [message.to for message in mailbox.messages()] == ["a@example.com", "b@example.com"]
    assert len(mailbox.messages("b@example.com")) == 1


def test_it_survives_a_restart_with_its_certificate(tmp_path):
    with a_mailbox(tmp_path) as first:
        send(first)
        trusted = first.ca.read_bytes()
    assert (tmp_path / "server.pem").stat().st_mode & 0o077 == 0
    with a_mailbox(tmp_path) as second:
        assert second.ca.read_bytes() == trusted
        send(second)
        assert [message.id for message in second.messages()] == [1, 2]


def test_nobody_else_has_its_directory(tmp_path):
    with a_mailbox(tmp_path), pytest.raises(OSError, match="another mailbox"), a_mailbox(tmp_path):
        pass


def test_nothing_goes_before_tls(mailbox):
    with mailer(mailbox, tls=False, login=False) as client:
        client.ehlo()
        assert not client.has_extn("auth")
        assert client.docmd("AUTH", "PLAIN AGEAYg==")[0] == 530
        assert client.mail("a@example.com")[0] == 530


def test_nothing_goes_without_the_password(mailbox):
    with mailer(mailbox, login=False) as client:
        client.ehlo()
        assert client.mail("a@example.com")[0] == 530
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login(USER, "wrong")
        client.login(USER, PASSWORD)


def test_its_certificate_is_of_the_names_by_which_it_is_reached(mailbox):
    strict = ssl.create_default_context(cafile=str(mailbox.ca))
    strict.verify_flags |= ssl.VERIFY_X509_STRICT  # as newer Pythons do
    with smtplib.SMTP("127.0.0.1", mailbox.smtp_port, timeout=20) as client:
        client.starttls(context=strict)
    with smtplib.SMTP("127.0.0.1", mailbox.smtp_port, timeout=20) as client:
        client._host = "elsewhere.example"
        with pytest.raises(ssl.SSLCertVerificationError):
            client.starttls(context=strict)
    with (
        smtplib.SMTP("127.0.0.1", mailbox.smtp_port, timeout=20) as client,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        client.starttls(context=ssl.create_default_context())


def test_a_plain_one_takes_the_password_in_clear(tmp_path):
    with a_mailbox(tmp_path, plain=True) as mailbox:
        send(mailbox, tls=False)
        assert len(mailbox.messages()) == 1
        assert not mailbox.ca.exists()


@pytest.mark.parametrize(
    ("calls", "fault", "status"),
    [
        ("smtp_rcpt", "dead_address", 550),
        ("smtp_rcpt", "throttle", 451),
        ("smtp_data", "refuse", 554),
        ("smtp_data", "error", 451),
        ("smtp_data", "limit_day", 452),
    ],
)
def test_a_planned_refusal_happens_once(mailbox, calls, fault, status):
    ctl(mailbox, "POST", "faults", {"calls": calls, "fault": fault, "to": "Li@example.com"})
    send(mailbox, a_letter("another@example.com"))
    with mailer(mailbox) as client, pytest.raises((smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError)) as refused:
        client.send_message(a_letter())
    said = refused.value.recipients["li@example.com"][0] if calls == "smtp_rcpt" else refused.value.smtp_code
    assert said == status
    assert mailbox.messages("li@example.com") == []
    send(mailbox)
    assert len(mailbox.messages("li@example.com")) == 1


@pytest.mark.parametrize(("fault", "kept"), [("drop_before", 0), ("drop_after", 1)])
def test_a_connection_that_ends_after_the_letter_leaves_its_sender_unsure(mailbox, fault, kept):
    ctl(mailbox, "POST", "faults", {"calls": ["smtp_data"], "fault": fault})
    with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
        send(mailbox)
    assert len(mailbox.messages()) == kept
    assert ctl(mailbox, "GET", "calls")["items"][-1]["fault"] == fault


def test_a_slow_server_answers_all_the_same(mailbox):
    ctl(mailbox, "POST", "faults", {"calls": ["smtp_data"], "fault": "slow", "seconds": 0.05})
    send(mailbox)
    assert len(mailbox.messages()) == 1


def test_stopping_ends_open_connections(tmp_path):
    with a_mailbox(tmp_path) as mailbox, mailer(mailbox) as client:
        mailbox.stop()
        with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
            client.noop()
        client.close()
        mailbox.stop = lambda: None
