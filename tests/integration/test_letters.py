"""What people are told outside of the platform, as it arrives at the mailbox of development: by e-mail and by SMS."""

import itertools
import re
import secrets

import pytest
from actors import PASSWORD, Patient, eventually, resident_id
from icalendar import Calendar

from demo.client import Client

_numbers = itertools.count(secrets.randbelow(9000) * 10_000)


def a_phone() -> str:
    return f"+86139{next(_numbers) % 10**8:08d}"


class Told(Patient):
    """A patient who registered by a code that was sent to an e-mail address or a phone number."""

    def __init__(self, base, mailbox, **reached_at):
        Client.__init__(self, base)
        ((self.channel, self.address),) = reached_at.items()
        self.post("/codes", {"purpose": "register", "to": self.address})
        code = mailbox.code(self.address)
        self.username = f"t{secrets.token_hex(6)}"
        made = {"username": self.username, "password": PASSWORD, "code": code, **reached_at}
        assert self.post("/users", made)[f"{self.channel}_verified"]
        self.login(self.username, PASSWORD)
        person = {"name": "李小龙", "id_type": "resident_id", "id_number": resident_id(secrets.randbelow(1000))}
        self.patient = self.post("/users/me/patients", {**person, "phone": "13800138000"})["id"]


@pytest.fixture
def by_mail(base, mailbox):
    return Told(base, mailbox, email=f"{secrets.token_hex(6)}@example.com")


@pytest.fixture
def by_sms(base, mailbox):
    return Told(base, mailbox, phone=a_phone())


def invitation(letter):
    """The calendar file's method, and its one event."""
    (file,) = [file for file in letter["files"] if file["kind"] == "text/calendar"]
    calendar = Calendar.from_ical(file["text"])
    (event,) = calendar.walk("VEVENT")
    return calendar["METHOD"], event


def test_an_order_is_told_by_e_mail_with_a_calendar_file_that_follows_it(hospital, mailbox, by_mail):
    order = by_mail.confirmed(hospital.session(2))
    letter = told(mailbox, by_mail.address, "PUBLISH")
    method, event = invitation(letter)
    assert method == "PUBLISH"
    assert "测试医院" in str(event["LOCATION"]) + str(event["SUMMARY"]) + str(event.get("DESCRIPTION", ""))
    assert letter["from"].endswith("<no-reply@haoyuan.example>")
    assert not re.search(r"\d{17}[\dX]", letter["text"]), "no ID in clear"
    by_mail.post(f"/orders/{order['id']}/cancel")
    by_mail.state(order["id"], "cancelled")
    method, ended = invitation(told(mailbox, by_mail.address, "CANCEL"))
    assert (method, ended["UID"]) == ("CANCEL", event["UID"])
    assert int(ended["SEQUENCE"]) > int(event.get("SEQUENCE", 0))
    keys = [message["key"] for message in mailbox.messages(by_mail.address)]
    assert len(keys) == len(set(keys)), "nothing came twice"


def told(mailbox, to, method):
    """The first e-mail with a calendar file of that method."""

    def look():
        letters = mailbox.messages(to, "email")
        return next((x for x in letters for f in x["files"] if f"METHOD:{method}" in f.get("text", "")), None)

    return eventually(look, f"{method} for {to}")


def test_an_order_is_told_by_sms_and_its_delivery_comes_back(hospital, mailbox, by_sms):
    order = by_sms.confirmed(hospital.session(2))
    message = mailbox.wait(by_sms.address, "挂号成功", "sms")
    assert (message["template"], message["provider"]) == ("SMS_order_confirmed.zh-CN", "alibaba")
    assert message["variables"]["hospital"] == "测试医院"
    by_sms.post(f"/orders/{order['id']}/cancel")
    mailbox.wait(by_sms.address, "号已退回", "sms")
    eventually(
        lambda: {m["state"] for m in mailbox.messages(by_sms.address)} == {"delivered"}, "every message is delivered"
    )
    receipts = [c for c in mailbox.client.get("/calls")["items"] if (c["call"], c["to"]) == ("receipt", by_sms.address)]
    assert receipts
    assert {call["answer"] for call in receipts} == {"ok"}, "notify-svc takes what providers tell of deliveries"


def test_the_other_provider_takes_over_where_the_first_refuses(base, mailbox):
    phone = a_phone()
    mailbox.client.post("/faults", {"calls": "send", "fault": "refuse", "provider": "alibaba", "to": phone, "times": 3})
    Told(base, mailbox, phone=phone)
    (message,) = mailbox.messages(phone)
    assert (message["provider"], message["template"]) == ("tencent", "code_register.zh-CN")


def test_a_phone_is_added_to_an_account_by_the_code_that_arrives_there(mailbox, by_mail):
    phone = a_phone()
    by_mail.post("/users/me/codes", {"to": phone, "locale": "en"})
    code = mailbox.code(phone)
    account = by_mail.post("/users/me/phone", {"phone": phone, "code": code, "password": PASSWORD})
    assert account["phone_verified"]
    assert "code" in mailbox.messages(phone)[0]["text"], "in the language that was asked for"
