"""`python -m common.run`: what an operator and an orchestrator call."""

import os
import signal
import subprocess
import sys

import pika
import pytest
from common.broker.topology import settle
from common.platform import SERVICES
from common.run import wait_for_everybody
from common.service import Service
from common.settings import Settings
from pika.exceptions import ChannelClosedByBroker, UnroutableError

from stack.process import free_port, wait_until


def run(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "common.run", *arguments],
        env={**os.environ, "LOG_LEVEL": "WARNING", **env},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def waiting(url: str, queue: str) -> int:
    """Messages in a queue. Raises ChannelClosedByBroker if there is no such queue."""
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        return connection.channel().queue_declare(queue, passive=True).method.message_count


def publish(url: str, key: str) -> None:
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.basic_publish("haoyuan.events", key, b"{}", pika.BasicProperties(delivery_mode=2), mandatory=True)


def test_after_its_migration_a_service_misses_no_message_though_no_worker_runs(rabbit_url, tmp_path):
    with pytest.raises(ChannelClosedByBroker):
        waiting(rabbit_url, "booking-svc")
    done = run("migrate", "booking-svc", DATABASE_URL=f"sqlite:///{tmp_path}/b.db", BROKER_URL=rabbit_url)
    assert done.returncode == 0, done.stderr
    publish(rabbit_url, "schedule.slot_reserved.v1")
    wait_until(lambda: waiting(rabbit_url, "booking-svc") == 1, 20, "the message waits for its worker")


def test_a_message_that_is_no_longer_taken_is_no_longer_routed(rabbit_url, tmp_path):
    env = {"DATABASE_URL": f"sqlite:///{tmp_path}/s.db", "BROKER_URL": rabbit_url}
    assert run("migrate", "schedule-svc", **env).returncode == 0
    with pika.BlockingConnection(pika.URLParameters(rabbit_url)) as connection:
        connection.channel().queue_bind(
            "schedule-svc", "haoyuan.events", "payment.payment_closed.v1"
        )  # of a former release
    assert run("migrate", "schedule-svc", **env).returncode == 0
    publish(rabbit_url, "schedule.release_slot.v1")
    wait_until(lambda: waiting(rabbit_url, "schedule-svc") == 1, 20, "what it takes arrives")
    with pika.BlockingConnection(pika.URLParameters(rabbit_url)) as connection:
        connection.channel().queue_delete("booking-svc")  # another test's, which takes it
    with pytest.raises(UnroutableError):
        publish(rabbit_url, "payment.payment_closed.v1")


def test_nobody_is_ready_before_everybodys_queues_exist(rabbit_url, tmp_path):
    service = Service("booking-svc", Settings(broker_url=rabbit_url), None, {}, migrate=lambda: None, missing=list)
    wait_for_everybody(service)
    assert "queues of notify-svc" in service.missing()
    for name in SERVICES:
        settle(rabbit_url, name, ["booking.order_placed.v2"] if name == "notify-svc" else [])
    assert service.missing() == []


def test_a_broker_that_is_away_keeps_nobody_from_taking_orders():
    service = Service(
        "booking-svc",
        Settings(broker_url=f"amqp://127.0.0.1:{free_port()}/"),
        None,
        {},
        migrate=lambda: None,
        missing=list,
    )
    wait_for_everybody(service)
    assert service.missing() == []


def test_it_waits_for_what_is_not_there_yet_and_ends_when_told(tmp_path):
    env = {"DATABASE_URL": f"sqlite:///{tmp_path}/w.db", "BROKER_URL": f"amqp://guest:guest@127.0.0.1:{free_port()}/"}
    waiter = subprocess.Popen(
        [sys.executable, "-m", "common.run", "migrate", "booking-svc"],
        env={**os.environ, **env},
        stderr=subprocess.PIPE,
        text=True,
    )
    said = ""
    for line in waiter.stderr:
        said += line
        if "waiting_for" in line:
            break
    assert "broker" in said
    waiter.send_signal(signal.SIGTERM)
    assert waiter.wait(timeout=20) == 143
    waiter.stderr.close()


def test_every_fault_of_the_environment_is_named_at_once():
    done = run("worker", "booking-svc", APP_ENV="nonsense", PARTITIONS="many", PAYMENT_WINDOW_SECONDS="soon")
    assert done.returncode == 1
    for variable in ("APP_ENV", "PARTITIONS", "PAYMENT_WINDOW_SECONDS"):
        assert variable in done.stderr


def test_a_missing_database_is_named():
    done = run("worker", "booking-svc", DATABASE_URL="")
    assert done.returncode == 1
    assert "DATABASE_URL" in done.stderr
    assert "Traceback" not in done.stderr


def test_production_refuses_the_defaults():
    done = run("worker", "user-svc", APP_ENV="production", DATABASE_URL="sqlite://", CRASH_AT="ack")
    assert done.returncode == 1
    for variable in ("JWT_PUBLIC_KEY", "JWT_PRIVATE_KEY", "ID_KEY", "DATA_KEY", "CRASH_AT"):
        assert variable in done.stderr
    assert "Traceback" not in done.stderr
