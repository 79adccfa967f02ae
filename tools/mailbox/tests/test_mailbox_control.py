"""/_ctl, faults of SMS, and receipts."""

import json
import sqlite3
import threading
import time
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from darabonba.exceptions import ResponseException, UnretryableException
from mailbox_rig import PHONE, a_letter, a_mailbox, ctl, mailer, send_alibaba, send_tencent
from mailbox_sandbox.parts import SIGN
from mailbox_sandbox.receipts import DEAD
from requests import RequestException
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException

NUMBER = f"+86{PHONE}"


def eventually(look, what):
    deadline = time.monotonic() + 30
    while not (value := look()):
        assert time.monotonic() < deadline, what
        time.sleep(0.01)
    return value


def test_messages_are_listed_with_everything(mailbox):
    with mailer(mailbox) as client:
        client.send_message(a_letter(text="您的验证码是 654321，10 分钟内有效。", calendar="BEGIN:VCALENDAR\r\n"))
    send_alibaba(mailbox)
    send_tencent(mailbox, TemplateId="order_confirmed.en", TemplateParamSet=["654321"])
    items = ctl(mailbox, "GET", "messages")["items"]
    assert [item["provider"] for item in items] == ["smtp", "alibaba", "tencent"]
    assert [item["code"] for item in items] == ["654321", "123456", ""]
    letter, sms, _ = items
    assert letter["files"] == [{"name": "visit.ics", "kind": "text/calendar", "text": "BEGIN:VCALENDAR\r\n"}]
    assert (letter["from"], sms["from"], sms["to"]) == ("Haoyuan <no-reply@haoyuan.example>", SIGN, NUMBER)
    for query, found in (
        ("to=LI@example.com", [1]),
        (f"to={PHONE}", [2, 3]),
        ("to=%2B8613800138000&after=2", [3]),
        ("channel=email", [1]),
        ("to=nobody", []),
    ):
        assert [item["id"] for item in ctl(mailbox, "GET", f"messages?{query}")["items"]] == found, query
    ctl(mailbox, "DELETE", "messages")
    assert ctl(mailbox, "GET", "messages")["items"] == []
    send_alibaba(mailbox)
    assert [message.id for message in mailbox.messages()] == [4]  # ids go on: who asks for what came after misses none


def test_a_file_that_is_no_text_is_in_base64(mailbox):
    letter = a_letter()
    letter.add_attachment(b"\xff\x00", "application", "pdf", filename="a.pdf")
    with mailer(mailbox) as client:
        client.send_message(letter)
    assert ctl(mailbox, "GET", "messages")["items"][0]["files"] == [
        {"name": "a.pdf", "kind": "application/pdf", "base64": "/wA="}
    ]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("faults", []),
        ("faults", {"calls": "fly", "fault": "refuse"}),
        ("faults", {"calls": [], "fault": "refuse"}),
        ("faults", {"calls": "send", "fault": "explode"}),
        ("faults", {"calls": "send", "fault": "refuse", "times": 0}),
        ("faults", {"calls": "send", "fault": "refuse", "times": "2"}),
        ("faults", {"calls": "send", "fault": "slow", "seconds": -1}),
        ("faults", {"calls": "send", "fault": "slow", "provider": "aws"}),
        ("options", {"receipts": "perhaps"}),
        ("options", {"receipt_seconds": "soon"}),
        ("options", {"session_context": 1}),
        ("options", {"other": 1}),
        ("messages/7/receipt", {"state": "delivered"}),
    ],
    ids=str,
)
def test_what_is_wrong_is_refused_and_changes_nothing(mailbox, path, body):
    before = ctl(mailbox, "GET", "options")
    assert ctl(mailbox, "POST", path, body)["status"] == 400
    assert ctl(mailbox, "GET", "faults") == {"faults": []}
    assert ctl(mailbox, "GET", "options") == before


def test_plans_are_kept_and_forgotten(tmp_path):
    with a_mailbox(tmp_path) as mailbox:
        ctl(mailbox, "POST", "faults", {"calls": ["send", "query"], "fault": "throttle", "times": 2})
    with a_mailbox(tmp_path) as mailbox:
        assert [(plan["call"], plan["times"]) for plan in ctl(mailbox, "GET", "faults")["faults"]] == [
            ("send", 2),
            ("query", 2),
        ]
        ctl(mailbox, "DELETE", "faults")
        assert send_alibaba(mailbox)["Code"] == "OK"


@pytest.mark.parametrize(
    ("fault", "alibaba", "tencent"),
    [
        ("throttle", "Throttling.User", "RequestLimitExceeded"),
        ("refuse", "isv.SMS_TEMPLATE_ILLEGAL", "FailedOperation.TemplateIncorrectOrUnapproved"),
        ("limit_minute", "isv.BUSINESS_LIMIT_CONTROL", "LimitExceeded.PhoneNumberThirtySecondLimit"),
        ("limit_day", "isv.BUSINESS_LIMIT_CONTROL", "LimitExceeded.PhoneNumberDailyLimit"),
        ("error", "isp.SYSTEM_ERROR", "InternalError"),
    ],
)
def test_planned_refusals_are_each_providers_own(mailbox, fault, alibaba, tencent):
    ctl(mailbox, "POST", "faults", {"calls": "send", "fault": fault, "provider": "tencent", "times": 1})
    assert send_alibaba(mailbox)["Code"] == "OK"
    ctl(mailbox, "POST", "faults", {"calls": "send", "fault": fault, "provider": "alibaba", "to": PHONE})
    ctl(mailbox, "DELETE", "messages")
    assert code_of(lambda: send_alibaba(mailbox)["Code"]) == alibaba
    assert code_of(lambda: send_tencent(mailbox)["SendStatusSet"][0]["Code"]) == tencent
    assert mailbox.messages() == []
    assert send_alibaba(mailbox)["Code"] == "OK"
    assert send_tencent(mailbox)["SendStatusSet"][0]["Code"] == "Ok"


def code_of(call):
    try:
        return call()
    except ResponseException as refused:
        return refused.code
    except TencentCloudSDKException as refused:
        return refused.get_code()


@pytest.mark.parametrize(("fault", "kept"), [("drop_before", 0), ("drop_after", 2)])
def test_a_call_without_an_answer_leaves_its_caller_unsure(mailbox, fault, kept):
    ctl(mailbox, "POST", "faults", {"calls": "send", "fault": fault, "times": 2})
    with pytest.raises((UnretryableException, RequestException)) as first:
        send_alibaba(mailbox)
    with pytest.raises(TencentCloudSDKException) as second:
        send_tencent(mailbox)
    assert "timed out" not in f"{first.value} {second.value}", "the connection ends, and is not kept open"
    assert len(mailbox.messages()) == kept
    assert [call["fault"] for call in ctl(mailbox, "GET", "calls")["items"]] == [fault, fault]


# --- receipts --------------------------------------------------------------------------------------------------------


class Customer:
    """Where receipts are told; answers as `says` says."""

    def __init__(self):
        customer = self
        self.told, self.says = [], lambda path: {"code": 0, "msg": "ok"} if "alibaba" in path else {"result": 0}

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                customer.told.append((self.path, json.loads(body)))
                answer = json.dumps(customer.says(self.path)).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/receipts/{{provider}}/token"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def customer():
    customer = Customer()
    yield customer
    customer.close()


@pytest.fixture
def told(tmp_path, customer):
    with a_mailbox(tmp_path / "mailbox", receipts=customer.url) as mailbox:
        ctl(mailbox, "POST", "options", {"receipt_seconds": 0})
        yield mailbox


def test_deliveries_are_told_as_each_provider_tells_them(told, customer):
    reference = send_alibaba(told)["BizId"]
    serial = send_tencent(told)["SendStatusSet"][0]["SerialNo"]
    eventually(lambda: len(customer.told) == 2, "both are told")
    assert [path for path, _ in sorted(customer.told)] == ["/receipts/alibaba/token", "/receipts/tencent/token"]
    ((_, [first]), (_, [second])) = sorted(customer.told)
    assert (first["phone_number"], first["success"], first["err_code"]) == (PHONE, True, "DELIVERED")
    assert (first["biz_id"], first["out_id"]) == (reference, "note_1:sms")
    assert (second["mobile"], second["nationcode"], second["report_status"]) == (PHONE, "86", "SUCCESS")
    assert (second["sid"], second["errmsg"]) == (serial, "DELIVRD")
    assert {message.state for message in told.messages()} == {"delivered"}


def test_a_dead_number_is_taken_and_told_as_dead(told, customer):
    ctl(told, "POST", "faults", {"calls": "send", "fault": "dead_address", "times": 2})
    assert send_alibaba(told)["Code"] == "OK"
    assert send_tencent(told)["SendStatusSet"][0]["Code"] == "Ok"
    eventually(lambda: len(customer.told) == 2, "both are told")
    ((_, [first]), (_, [second])) = sorted(customer.told)
    assert (first["success"], first["err_code"]) == (False, DEAD["alibaba"])
    assert (second["report_status"], second["errmsg"]) == ("FAIL", DEAD["tencent"])
    assert {message.state for message in told.messages()} == {"failed"}


def test_what_is_not_accepted_is_told_again(told, customer, monkeypatch):
    monkeypatch.setattr("mailbox_sandbox.receipts.AGAIN", (0.01, 0.01))
    customer.says = lambda _: {"code": 500}
    send_alibaba(told)
    eventually(lambda: len(customer.told) == 3, "it is told three times")
    eventually(lambda: told.box.run("SELECT COUNT(*) AS n FROM receipts")[0]["n"] == 0, "and given up then")
    assert len(customer.told) == 3


def test_a_receipt_whose_answer_is_lost_comes_twice(told, customer, monkeypatch):
    monkeypatch.setattr("mailbox_sandbox.receipts.AGAIN", (0.01,))
    ctl(told, "POST", "faults", {"calls": "receipt", "fault": "drop_after"})
    send_alibaba(told)
    eventually(lambda: len(customer.told) == 2, "it is told twice")
    assert customer.told[0] == customer.told[1]


def test_the_end_of_a_message_can_be_decided_by_hand(told, customer):
    ctl(told, "POST", "options", {"receipts": "none"})
    send_tencent(told)
    assert told.messages()[0].state == "accepted"
    shown = ctl(told, "POST", "messages/1/receipt", {"state": "failed", "code": "REJECTD"})
    assert (shown["state"], shown["report"]) == ("failed", "REJECTD")
    ((_, [row]),) = eventually(lambda: customer.told, "it is told")
    assert (row["report_status"], row["errmsg"]) == ("FAIL", "REJECTD")


def test_what_is_to_be_told_outlives_a_restart(tmp_path, customer):
    with a_mailbox(tmp_path, receipts=customer.url) as mailbox:
        ctl(mailbox, "POST", "options", {"receipt_seconds": 1000})
        send_alibaba(mailbox)
    assert customer.told == []
    with closing(sqlite3.connect(tmp_path / "mailbox.db", isolation_level=None)) as kept:  # while nobody looks
        kept.execute("UPDATE receipts SET due = 0")
    with a_mailbox(tmp_path, receipts=customer.url):
        eventually(lambda: customer.told, "it is told")
