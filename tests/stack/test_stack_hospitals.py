"""What a hospital's user may do at a real broker, and what it may not: deploy/rabbitmq/definitions.py, imported."""

import base64
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pika
import pytest
from common.broker.topology import connect, settle
from common.foreign import Intake, Outlet
from pika.exceptions import ChannelClosedByBroker, ProbableAuthenticationError

from deploy.rabbitmq import definitions
from deploy.rabbitmq.definitions import IN, OUT, UNCLAIMED, BadCode, checked, password_hash
from stack import hospitals
from stack.servers import Realm, Servers

PASSWORDS = {"renai": "one", "ren": "two", "xiehe": "three"}
QUEUE = "desk-svc.roster"
INTAKE, OUTLET = Intake(IN, QUEUE, lambda _tx, _run: None), Outlet(OUT, UNCLAIMED)
PROPERTIES = pika.BasicProperties(delivery_mode=2)


@pytest.fixture(scope="module")
def realm(servers: Servers) -> Iterator[Realm]:
    realm = servers.realm("hospitals")
    servers.rabbitmq.add_vhost(realm.name)
    settle(realm.broker_url, "desk-svc", [], intakes=[INTAKE], outlets=[OUTLET])
    hospitals.admit(realm, PASSWORDS)
    yield realm
    servers.rabbitmq.drop_vhost(realm.name)
    for code in PASSWORDS:
        servers.rabbitmq.ctl("delete_user", code)


Line = Callable[[str], Any]


@pytest.fixture
def line(realm: Realm) -> Iterator[Line]:
    """Opens a channel with confirms for a hospital, or for us ("")."""
    connections: list[Any] = []

    def open_(code: str) -> Any:
        url = hospitals.url(realm, code, PASSWORDS[code]) if code else realm.broker_url
        connections.append(pika.BlockingConnection(pika.URLParameters(url)))
        channel = connections[-1].channel()
        channel.confirm_delivery()
        return channel

    yield open_
    for connection in connections:
        connection.close()


def say(channel: Any, key: str, body: bytes = b"{}", properties: Any = PROPERTIES, exchange: str = IN) -> None:
    channel.basic_publish(exchange, key, body, properties, mandatory=True)


def next_of(channel: Any, queue: str) -> tuple[Any, Any, bytes]:
    """Take the next message of a queue, which may have a single active consumer."""
    method, properties, body = next(channel.consume(queue, auto_ack=True, inactivity_timeout=10))
    channel.cancel()
    assert method is not None, f"nothing in {queue}"
    return method, properties, body


def refused(action: Callable[[], object]) -> str:
    with pytest.raises(ChannelClosedByBroker) as caught:
        action()
    assert caught.value.reply_code in {403, 406}
    return str(caught.value.reply_text)


# --- what it may ---


@pytest.mark.parametrize("code", PASSWORDS)
def test_what_it_says_under_its_own_key_arrives_and_is_confirmed(line: Line, code: str) -> None:
    say(line(code), f"{code}.roster.roster_published.v1", b"hello", pika.BasicProperties(user_id=code))
    method, properties, body = next_of(line(""), QUEUE)
    assert (method.routing_key, properties.user_id, body) == (f"{code}.roster.roster_published.v1", code, b"hello")


def test_it_reads_its_own_results_and_nobody_elses(line: Line) -> None:
    for code in PASSWORDS:
        say(line(""), f"res.{code}", code.encode(), exchange=OUT)
    for code in PASSWORDS:
        channel = line(code)
        _, _, body = next_of(channel, f"roster.results.{code}")
        assert body == code.encode()
        assert channel.basic_get(f"roster.results.{code}", auto_ack=True) == (None, None, None)


def test_results_of_a_hospital_without_a_user_are_unclaimed(line: Line) -> None:
    say(line(""), "res.by-http", b"x", exchange=OUT)
    _, _, body = next_of(line(""), UNCLAIMED)
    assert body == b"x"


# --- what it may not ---

FOREIGN_KEYS = [
    "xiehe.roster.roster_published.v1",
    "renai.roster.roster_published.v1",
    "ren",
    "ren.roster",
    "ren.roster.",
    "renxroster.a",
    "ren.rosterxa",
    "ren.other.a",
    "ren.roster.a\n",
    "\nren.roster.a",
    "ren.roster.a\x00",
    "ren.roster.a b",
    "ren.roster.#",
    "",
    "Ren.roster.a",
    "x\nren.roster.a",
]


@pytest.mark.parametrize("key", FOREIGN_KEYS)
def test_another_hospitals_key_is_refused(line: Line, key: str) -> None:
    channel = line("ren")
    assert "ACCESS_REFUSED" in refused(lambda: say(channel, key))


def test_a_key_that_is_no_text_is_refused(line: Line) -> None:
    channel = line("ren")
    assert "ACCESS_REFUSED" in refused(lambda: _say_bytes(channel, b"ren.roster.\xff\xfe"))


def _say_bytes(channel: Any, key: bytes) -> None:
    """pika writes text only: swap the bytes of a placeholder of the same length on their way."""
    placeholder, send = "k" * len(key), channel.connection._impl._output_marshaled_frames
    channel.connection._impl._output_marshaled_frames = lambda frames: send(
        [frame.replace(placeholder.encode(), key) for frame in frames]
    )
    say(channel, placeholder)


def test_a_forged_user_is_refused(line: Line) -> None:
    channel = line("ren")
    text = refused(lambda: say(channel, "ren.roster.a", properties=pika.BasicProperties(user_id="renai")))
    assert "user_id" in text


def test_a_copy_for_another_key_does_not_pass_as_anothers(line: Line) -> None:
    for header in ("CC", "BCC"):
        headers = {header: ["renai.roster.a", "xiehe.roster.a"]}
        say(line("ren"), "ren.roster.a", properties=pika.BasicProperties(headers=headers))
        method, _, _ = next_of(line(""), QUEUE)
        assert method.routing_key == "ren.roster.a"
    assert line("").basic_get("roster.results.renai") == (None, None, None)


@pytest.mark.parametrize("exchange", ["", OUT, UNCLAIMED, "amq.topic", "amq.direct", f"{QUEUE}.dead", "haoyuan.events"])
def test_every_other_exchange_is_refused_the_default_one_too(line: Line, realm: Realm, exchange: str) -> None:
    connection = connect(realm.broker_url)
    connection.default_channel.exchange_declare("haoyuan.events", "topic", durable=True, auto_delete=False)
    connection.collect()
    for key in (QUEUE, "roster.results.xiehe", "res.xiehe", "ren.roster.a"):
        assert "ACCESS_REFUSED" in refused(lambda key=key: say(line("ren"), key, exchange=exchange))


DECLARATIONS: dict[str, Callable[[Any], object]] = {
    "queue": lambda c: c.queue_declare("mine"),
    "nameless queue": lambda c: c.queue_declare("", exclusive=True),
    "queue of its own name": lambda c: c.queue_declare(
        "roster.results.ren", durable=True, arguments={"x-queue-type": "quorum"}
    ),
    "exchange": lambda c: c.exchange_declare("mine", "topic"),
    "exchange of ours": lambda c: c.exchange_declare(IN, "topic", durable=True),
    "binding": lambda c: c.queue_bind("roster.results.ren", OUT, "res.xiehe"),
    "binding to what all say": lambda c: c.queue_bind("roster.results.ren", IN, "#"),
    "binding of exchanges": lambda c: c.exchange_bind(IN, OUT, "#"),
    "unbinding": lambda c: c.queue_unbind("roster.results.xiehe", OUT, "res.xiehe"),
    "deleting a queue": lambda c: c.queue_delete("roster.results.ren"),
    "deleting an exchange": lambda c: c.exchange_delete(IN),
    "purging another's": lambda c: c.queue_purge("roster.results.xiehe"),
}


@pytest.mark.parametrize("what", DECLARATIONS)
def test_it_declares_and_deletes_nothing(line: Line, what: str) -> None:
    channel = line("ren")
    assert "ACCESS_REFUSED" in refused(lambda: DECLARATIONS[what](channel))


@pytest.mark.parametrize("queue", ["roster.results.renai", "roster.results.xiehe", QUEUE, UNCLAIMED, "desk-svc.dead"])
def test_other_queues_cannot_be_read(line: Line, queue: str) -> None:
    assert "ACCESS_REFUSED" in refused(lambda: line("ren").basic_get(queue))
    assert "ACCESS_REFUSED" in refused(lambda: line("ren").basic_consume(queue, lambda *_: None))


# --- the definitions ---


def test_a_new_password_replaces_the_old_one_of_that_hospital_alone(realm: Realm) -> None:
    def enters(code: str, password: str) -> bool:
        try:
            pika.BlockingConnection(pika.URLParameters(hospitals.url(realm, code, password))).close()
        except ProbableAuthenticationError:
            return False
        return True

    hospitals.admit(realm, {"xiehe": "anew"})
    try:
        assert [enters("xiehe", "anew"), enters("xiehe", "three"), enters("ren", "two")] == [True, False, True]
    finally:
        hospitals.admit(realm, {"xiehe": "three"})


def test_services_and_definitions_declare_the_same_whoever_is_first(servers: Servers) -> None:
    realm = servers.realm("hospitals2")
    servers.rabbitmq.add_vhost(realm.name)
    try:
        hospitals.admit(realm, PASSWORDS)
        for _ in range(2):
            settle(realm.broker_url, "desk-svc", [], intakes=[INTAKE], outlets=[OUTLET])
            hospitals.admit(realm, PASSWORDS)
        connection = connect(realm.broker_url)
        for name in (QUEUE, UNCLAIMED, *(f"roster.results.{code}" for code in PASSWORDS)):
            connection.default_channel.queue_declare(name, passive=True)
        connection.collect()
    finally:
        servers.rabbitmq.drop_vhost(realm.name)


def test_results_that_a_hospital_never_fetches_are_bounded(line: Line, monkeypatch: Any, realm: Realm) -> None:
    monkeypatch.setattr(definitions, "RESULTS_KEPT", 3)
    name = urlsplit(realm.broker_url).path[1:]
    document = definitions.definitions(PASSWORDS, vhost=name)
    realm.servers.rabbitmq.load(json.dumps(document))
    ours = line("")
    for n in range(10):
        say(ours, "res.xiehe", b"%d" % n, exchange=OUT)
    channel, got = line("xiehe"), []
    while (found := channel.basic_get("roster.results.xiehe", auto_ack=True))[0]:
        got.append(int(found[2]))
    assert got == [7, 8, 9]


@pytest.mark.parametrize(
    "code", ["a.b", "a*", "#", "", "a b", "a\n", "a/b", "-a", "_a", "x" * 65, "号" * 22, "haoyuan", "Guest", "a{b}"]
)
def test_codes_that_cannot_be_are_refused(code: str) -> None:
    with pytest.raises(BadCode):
        checked(["renai", code])


def test_codes_whose_passwords_would_share_a_variable_are_refused() -> None:
    with pytest.raises(BadCode, match="'a-b' and 'A_B' would share BROKER_PASSWORD_A_B"):
        checked(["a-b", "A_B"])
    assert checked(["renai", "h-01", "renai", "北京_2"]) == ["renai", "h-01", "北京_2"]


def test_a_code_is_escaped_where_it_stands_in_an_expression() -> None:
    document = definitions.definitions({"h-01": "x"})
    (permission,) = document["permissions"]
    write = next(p["write"] for p in document["topic_permissions"] if p["exchange"] == IN).replace(r"\z", r"\Z")
    assert re.search(permission["read"].replace(r"\z", r"\Z"), "roster.results.h-01")
    assert not re.search(permission["read"].replace(r"\z", r"\Z"), "roster_results_h-01")
    assert re.search(write, "h-01.roster.a.v1")
    assert not re.search(write, "h-01xroster.a")


def test_the_hash_is_rabbitmqs() -> None:
    # the example of https://www.rabbitmq.com/docs/passwords#computing-password-hash
    assert password_hash("test12", bytes.fromhex("908DC60A")) == "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR"


def run(arguments: list[str], **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(hospitals.SCRIPT), *arguments],
        env={"PATH": os.environ["PATH"], **env},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_writes_a_file_for_its_owner_alone_and_prints_made_passwords_once(tmp_path: Path) -> None:
    target = tmp_path / "definitions.json"
    done = run([str(target)], HOSPITALS="renai xiehe", BROKER_PASSWORD_XIEHE="given")
    assert done.returncode == 0
    assert target.stat().st_mode & 0o777 == 0o600
    password = re.search(r"^renai: password (\S{32}) ", done.stderr)
    assert password
    assert "xiehe" not in done.stderr
    text = target.read_text()
    assert password[1] not in text
    assert "given" not in text
    users = {user["name"]: user["password_hash"] for user in json.loads(text)["users"]}

    salt = base64.b64decode(users["renai"])[:4]
    assert users["renai"] == password_hash(password[1], salt)


def test_our_own_user_is_in_it_when_its_password_is_known() -> None:
    document = json.loads(run(["-"], HOSPITALS="renai", BROKER_PASSWORD_RENAI="x", RABBITMQ_PASSWORD="y").stdout)
    assert [user["name"] for user in document["users"]] == ["renai", "haoyuan"]
    assert document["permissions"][-1] == {
        "user": "haoyuan",
        "vhost": "/",
        "configure": ".*",
        "write": ".*",
        "read": ".*",
    }


def test_the_command_says_what_is_wrong() -> None:
    for arguments, env, said in (
        ([], {"HOSPITALS": "a"}, "usage"),
        (["-"], {}, "usage"),
        (["-"], {"HOSPITALS": "a.b"}, "cannot be a hospital's code"),
    ):
        done = run(arguments, **env)
        assert done.returncode == 2
        assert said in done.stderr
        assert done.stdout == ""
