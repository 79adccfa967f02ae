"""The system as a whole: who runs with which variables, what a kill does, and that nothing is left behind."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import psycopg
import pytest
from stack_fakes import fake_chassis, running_with

from stack.process import wait_until
from stack.pytest_fixtures import open_directory
from stack.servers import Servers
from stack.system import System

ROOT = Path(__file__).parents[2]
SOME = ("user-svc", "booking-svc", "notify-svc")


@pytest.fixture(scope="module")
def system(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    folder = tmp_path_factory.mktemp("system")
    env, env_of = fake_chassis(folder), {"booking-svc": {"EXTRA": "both"}, "booking-svc worker": {"EXTRA": "worker"}}
    with System(folder, services=SOME, servers=servers, env=env, env_of=env_of) as running:
        yield running


def facts(url: str) -> dict[str, str]:
    with urlopen(url, timeout=10) as answer:
        return dict(json.load(answer))


def test_the_gateway_reaches_every_api(system: System) -> None:
    for path, service in (("users/me", "user-svc"), ("orders", "booking-svc"), ("notifications", "notify-svc")):
        assert facts(f"{system.url}/api/v1/{path}")["service"] == service


def test_each_knows_what_is_its_own_and_no_more(system: System) -> None:
    user, booking, notify = (facts(system.part(service, "api").url) for service in SOME)
    assert user["JWT_PRIVATE_KEY"]
    assert user["DATA_KEY"]
    assert user["REDIS_URL"].startswith("redis://")
    assert not any(booking[name] or notify[name] for name in ("JWT_PRIVATE_KEY", "DATA_KEY", "REDIS_URL"))
    assert user["TRAIL_KEY"]
    assert user["CONTACT_KEY"] == notify["CONTACT_KEY"] != ""
    assert notify["RECEIPTS_TOKEN"]
    assert booking["DOOR_KEY"]
    assert not any(
        (user["DOOR_KEY"], notify["DOOR_KEY"], notify["TRAIL_KEY"], user["RECEIPTS_TOKEN"], user["SMTP_URL"])
    )
    assert not any(booking[name] for name in ("CONTACT_KEY", "TRAIL_KEY", "RECEIPTS_TOKEN", "SMTP_URL"))
    assert user["JWT_PUBLIC_KEY"] == booking["JWT_PUBLIC_KEY"] == notify["JWT_PUBLIC_KEY"]
    assert user["BROKER_URL"] == booking["BROKER_URL"]
    assert len({user["DATABASE_URL"], booking["DATABASE_URL"]}) == 2
    assert (notify["DATABASE_URL"], bool(notify["MONGO_URL"])) == ("", True)
    assert booking["EXTRA"] == "both"
    assert facts(system.part("booking-svc", "worker").url)["EXTRA"] == "worker"


def test_letters_go_to_a_mailbox_of_its_own(system: System) -> None:
    told = facts(system.part("notify-svc", "worker").url)
    assert told["SMTP_URL"].endswith(f"@127.0.0.1:{system.mailbox.smtp_port}")
    assert told["ALIBABA_SMS_URL"] == system.mailbox.url
    assert "BEGIN CERTIFICATE" in Path(told["SMTP_CA"]).read_text()
    assert told["PUBLIC_URL"] == system.url


def test_a_kill_is_for_one_process_and_a_restart_brings_it_back_changed(system: System) -> None:
    other = facts(system.part("user-svc", "api").url)["pid"]
    system.kill("notify-svc", "api")
    assert not system.part("notify-svc", "api").ready()
    assert facts(system.part("user-svc", "api").url)["pid"] == other
    system.restart("notify-svc", "api", EXTRA="new")
    assert facts(f"{system.url}/api/v1/notifications")["EXTRA"] == "new"


def test_what_dies_is_revived_and_a_planned_crash_happens_once(servers: Servers, tmp_path: Path) -> None:
    said: list[tuple[str, str]] = []
    env_of = {"user-svc worker": {"CRASH_AT": "ack"}}
    with System(
        tmp_path,
        services=("user-svc",),
        servers=servers,
        env=fake_chassis(tmp_path),
        env_of=env_of,
        respawn=True,
        say=lambda *words: said.append(words),
    ) as running:
        worker = running.part("user-svc", "worker")
        assert facts(worker.url)["CRASH_AT"] == "ack"
        with pytest.raises(OSError, match=r"closed connection|reset"):
            facts(f"{worker.url}/crash")
        wait_until(worker.ready, 20, "revived")
        assert facts(f"{worker.url}/crash")["CRASH_AT"] == ""
    assert ("user-svc worker", "died (exit status 86); starts again in 1 s") in said
    assert running_with(str(tmp_path)) == {}


@pytest.mark.parametrize(
    ("moment", "words"), [("migrate", "user-svc migrate ended with 1"), ("worker", "user-svc worker ended")]
)
def test_a_failed_start_says_why_and_leaves_nothing(servers: Servers, tmp_path: Path, moment: str, words: str) -> None:
    system = System(tmp_path, services=("user-svc",), servers=servers, env=fake_chassis(tmp_path) | {"FAIL": moment})
    with pytest.raises(ChildProcessError, match=rf"(?s){words}.*no such table"):
        system.start()
    assert running_with(str(tmp_path)) == {}
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(system.realm.database_url("user-svc").replace("+psycopg", ""))


@pytest.fixture
def folder() -> Iterator[Path]:
    with open_directory() as directory:
        yield directory


@pytest.fixture
def command(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """`make stack` with its own servers, when it is ready."""
    env = (
        dict(os.environ)
        | fake_chassis(folder)
        | {"PORT": "0", "STACK_DIR": str(folder / "stack"), "STACK_SERVERS": "local"}
    )
    with subprocess.Popen(
        [sys.executable, "-m", "stack"], env=env, cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        if not any("ready: http" in line for line in process.stdout):
            pytest.fail("it ended before it was ready")
        yield process
        process.kill()


@pytest.mark.usefixtures("servers")
@pytest.mark.timeout(120)
def test_one_interrupt_ends_all_of_it(command: subprocess.Popen[str], folder: Path) -> None:
    assert len(running_with(str(folder))) > 12
    command.send_signal(signal.SIGINT)
    assert command.stdout
    said = command.stdout.read()
    assert command.wait(40) == 0
    assert "ended" in said
    assert "speaks" not in said, "what the start says comes before the welcome"
    assert running_with(str(folder)) == {}
    assert json.loads((folder / "stack" / "secrets.json").read_text())["ADMIN_PASSWORD"]


@pytest.mark.usefixtures("servers")
@pytest.mark.timeout(120)
def test_no_orphans_after_kill_9_and_deaths_are_told(command: subprocess.Popen[str], folder: Path) -> None:
    assert command.stdout
    worker = next(pid for pid, words in running_with(str(folder)).items() if "worker payment-svc" in words)
    os.kill(worker, signal.SIGKILL)
    assert next(line for line in command.stdout if "payment-svc worker" in line and "died" in line)
    command.kill()
    wait_until(lambda: running_with(str(folder)) == {}, 15, "the end of everything")
