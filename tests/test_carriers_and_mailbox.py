"""notify-svc's carriers and the mailbox of development speak the same protocols: each was written from the providers' documents."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from mailbox_sandbox.server import Server
from notify_svc import letters, receipts, sms_templates, templates
from notify_svc.channels import Carrier, Later, Letter, Refused, Sent, Unknown
from notify_svc.channels.build import carriers
from notify_svc.domain import Notification
from notify_svc.examples import EXAMPLES
from notify_svc.kinds import KINDS
from notify_svc.settings import Settings

from stack.mailbox import CREDENTIALS

AT = datetime(2026, 11, 22, 6, 5, tzinfo=UTC)
TO = {"email": "li@example.com", "sms": "+8613800138000"}
TEMPLATES = {
    provider: json.dumps({name: f"{prefix}{name}" for name in sms_templates.texts()})
    for provider, prefix in (("alibaba", "SMS_"), ("tencent", ""))
}


@pytest.fixture
def told() -> Iterator[tuple[str, list[tuple[str, Any]]]]:
    """An address for receipts, and what came there: the provider, and the body."""
    came: list[tuple[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            came.append((self.path.strip("/"), json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
            answer = {"alibaba": {"code": 0, "msg": "OK"}, "tencent": {"result": 0, "errmsg": "OK"}}[came[-1][0]]
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/{{provider}}", came
    server.shutdown()
    thread.join(20)
    server.server_close()


@pytest.fixture
def box(tmp_path: Path, told: tuple[str, Any]) -> Iterator[Server]:
    (tmp_path / "texts.json").write_text(json.dumps(sms_templates.texts()), encoding="utf-8")
    server = Server(tmp_path / "mailbox", receipts=told[0], templates=tmp_path / "texts.json")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def by_name(box: Server) -> Iterator[dict[str, Carrier]]:
    settings = Settings(
        smtp_url=f"smtp://haoyuan-mailbox:haoyuan-mailbox@127.0.0.1:{box.smtp_port}",
        smtp_ca=str(box.ca),
        sms_providers="alibaba,tencent",
        alibaba_sms_url=box.url,
        tencent_sms_url=box.url,
        alibaba_sms_templates=TEMPLATES["alibaba"],
        tencent_sms_templates=TEMPLATES["tencent"],
        **{name.lower(): value for name, value in CREDENTIALS.items()},
    )
    made = {carrier.name: carrier for carrier in carriers(settings)}
    yield made
    made["smtp"].close()  # type: ignore[attr-defined]


def letter(kind: str, channel: Any, locale: str, key: str = "") -> Letter:
    about = Notification("n", "acc_1", kind, templates.newest(kind), EXAMPLES[kind], "ord_1", None, AT, "r")
    key = key or f"note_1:acc_1:{kind}:{locale}:{channel}"
    return letters.compose(about, channel, to=TO[channel], key=key, locale=locale, unsubscribe="")


def ctl(box: Server, path: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(f"{box.url}/_ctl/{path}", data, {"Content-Type": "application/json"}), timeout=20) as answer:
        return json.load(answer)


def test_the_mailbox_takes_every_letter_of_every_kind_as_it_is_meant(box: Server, by_name: dict[str, Carrier]) -> None:
    sent = {}
    for name, carrier in by_name.items():
        for kind, how in KINDS.items():
            for locale in templates.LOCALES:
                if carrier.channel in how.channels:
                    one = letter(kind, carrier.channel, locale)
                    assert carrier.carries(kind, locale), (kind, locale)
                    assert isinstance(carrier.send(one), Sent), (name, kind, locale, carrier.send(one))
                    sent[name, one.key] = one
    shown = ctl(box, "messages?limit=1000")
    shown = shown["items"] if isinstance(shown, dict) else shown
    texts = [each["text"].replace("\r\n", "\n").strip() for each in shown]
    for one in sent.values():
        assert any(one.text.strip() in text for text in texts), one.text


def test_what_had_no_answer_is_found_by_its_key_where_the_provider_can_be_asked(
    box: Server, by_name: dict[str, Carrier]
) -> None:
    for name in ("alibaba", "tencent"):
        ctl(box, "faults", {"calls": "send", "fault": "drop_after", "provider": name})
        one = letter("code_login", "sms", "zh-CN", key=f"note_9:{name}:sms")
        assert isinstance(by_name[name].send(one), Unknown)
        found = by_name[name].find(one, datetime.now(UTC))
        assert found == (Sent() if name == "alibaba" else None)
    never = letter("code_login", "sms", "zh-CN", key="never")
    assert isinstance(by_name["alibaba"].find(never, datetime.now(UTC)), Unknown), "not so soon"


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [("throttle", Later), ("refuse", Later), ("limit_minute", Later), ("limit_day", Later), ("drop_before", Unknown)],
)
def test_faults_mean_the_same_on_both_sides(
    box: Server, by_name: dict[str, Carrier], fault: str, outcome: type
) -> None:
    for name in ("alibaba", "tencent"):
        ctl(box, "faults", {"calls": "send", "fault": fault, "provider": name})
        said = by_name[name].send(letter("code_login", "sms", "en", key=f"note_3:{name}"))
        assert type(said) is outcome, (name, said)


def test_mails_that_are_not_taken(box: Server, by_name: dict[str, Carrier]) -> None:
    for call, fault, outcome in (
        ("smtp_rcpt", "dead_address", Refused),
        ("smtp_data", "drop_after", Unknown),
        ("smtp_data", "drop_before", Unknown),
    ):
        ctl(box, "faults", {"calls": call, "fault": fault})
        said = by_name["smtp"].send(letter("order_confirmed", "email", "en"))
        assert type(said) is outcome, (fault, said)
        assert getattr(said, "address", False) == (fault == "dead_address")


@pytest.mark.parametrize("dead", [False, True])
def test_its_receipts_are_read_whole(
    box: Server, by_name: dict[str, Carrier], told: tuple[str, list[tuple[str, Any]]], dead: bool
) -> None:
    references = {}
    for name in ("alibaba", "tencent"):
        if dead:
            ctl(box, "faults", {"calls": "send", "fault": "dead_address", "provider": name})
        outcome = by_name[name].send(letter("code_login", "sms", "en", key=f"note_5:{name}"))
        assert isinstance(outcome, Sent)
        references[name] = outcome.reference
    waited = threading.Event()
    for _ in range(400):
        if {provider for provider, _ in told[1]} == {"alibaba", "tencent"}:
            break
        waited.wait(0.05)
    assert len(told[1]) == 2
    for provider, body in told[1]:
        ((receipt,), bad) = receipts.read(provider, body)
        assert (bad, receipt.reference, receipt.phone[-11:]) == (0, references[provider], "13800138000")
        assert (receipt.delivered, receipt.nobody) == (not dead, dead)
        assert receipt.key == ("note_5:alibaba" if provider == "alibaba" else "")
