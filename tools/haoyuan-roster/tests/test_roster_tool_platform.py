"""The tool and the platform understand each other: schedule-svc's own intake, on a real RabbitMQ with the hospitals' real permissions."""

import pytest
import sqlalchemy as sa
from common import run as processes
from common.clock import system_clock
from common.settings import Settings
from haoyuan_roster.cli import main
from haoyuan_roster.link import ROSTERS, results_queue
from roster_tool_rig import csv_text
from schedule_svc.app import build
from schedule_svc.worker import INTAKES, OUTLETS

from deploy.rabbitmq import definitions
from stack import hospitals

HOSPITAL, PASSWORD = "northgate", "secret"
WEEK = {"valid_from": "2040-01-02", "valid_to": "2040-01-08"}  # Monday to Sunday


@pytest.fixture(scope="module")
def realm(servers):
    realm = servers.realm("tool")
    servers.rabbitmq.add_vhost(realm.name)
    yield realm
    servers.rabbitmq.drop_vhost(realm.name)
    servers.rabbitmq.ctl("delete_user", HOSPITAL)


@pytest.fixture(scope="module")
def platform(realm, tmp_path_factory):
    """schedule-svc's worker with an empty database."""
    folder = tmp_path_factory.mktemp("platform")
    settings = Settings(database_url=f"sqlite:///{folder}/schedule.db", broker_url=realm.broker_url)
    service = build(settings, system_clock)
    processes.migrate(service)
    hospitals.admit(realm, {HOSPITAL: PASSWORD})
    parts = processes._parts(service)
    for part in parts:
        part.start()
    yield service
    for part in parts:
        part.stop()
    service.store.close()


@pytest.fixture
def run(platform, realm, tmp_path, monkeypatch, capsys):
    """Run a command of the hospital's and wait for its results."""
    monkeypatch.setenv("HAOYUAN_ROSTER_URL", hospitals.url(realm, HOSPITAL, PASSWORD))
    monkeypatch.setenv("HAOYUAN_ROSTER_LEDGER", str(tmp_path.parent / "versions.db"))
    monkeypatch.delenv("HAOYUAN_ROSTER_HOSPITAL", raising=False)
    path = tmp_path / "roster.csv"

    def run(*arguments, lines=None):
        if lines is not None:
            path.write_text(csv_text(*(WEEK | line for line in lines)), encoding="utf-8")
            arguments = (arguments[0], path, *arguments[1:])
        status = main([*map(str, arguments), "--wait", "--timeout", "30"])
        return status, capsys.readouterr().out

    return run


def sessions(platform):
    """{code: (room, stopped)} as the platform knows them."""
    with platform.store.reading() as conn:
        return {row.code: (row.room, row.stopped) for row in conn.execute(sa.text("SELECT * FROM sessions"))}


def test_names_on_the_broker_are_the_platforms():
    assert ROSTERS == definitions.IN == INTAKES[0].exchange
    assert results_queue("x") == definitions._results_queue("x")
    assert OUTLETS[0].exchange == definitions.OUT


def test_a_roster_lives_on_the_platform(run, platform):
    status, out = run("publish", "--part-size", "3", lines=[{}])
    assert status == 0, out
    assert out.count(": applied; rows") == 3
    codes = [f"D001-204001{day:02}-morning" for day in range(2, 7)]
    assert sessions(platform) == dict.fromkeys(codes, ("", False))

    status, out = run("publish", lines=[{}])
    assert status == 0
    assert "applied; rows: 7 unchanged" in out, "equal content has its version"

    status, out = run("publish", lines=[{"room": "B1"}])
    assert status == 0
    assert "5 applied, 2 unchanged" in out, "a change has a greater one"
    assert sessions(platform) == dict.fromkeys(codes, ("B1", False))

    assert run("stop", codes[0], "--reason", "医生生病")[0] == 0
    assert sessions(platform)[codes[0]] == ("B1", True)
    assert run("resume", codes[0])[0] == 0
    assert run("add", codes[0], "2040-01-02T08:00=2")[0] == 0
    assert sessions(platform)[codes[0]] == ("B1", False)

    status, out = run("publish", "--window", "2040-01-02..2040-01-04", lines=[{"room": "B1", "hours": "Mon 8-12"}])
    assert status == 0, out
    assert [stopped for _, (_, stopped) in sorted(sessions(platform).items())] == [False, True, True, False, False]


def test_what_the_platform_has_against_a_row_is_shown_beside_its_code(run):
    status, out = run("publish", lines=[{"doctor": "D9", "doctor_name": "", "hours": "Sun 8-12"}])
    assert status == 1
    (row,) = [line for line in out.splitlines() if "unknown_doctor" in line]
    assert row.split()[:3] == ["sessions[0].doctor", "D9-20400108-morning", "unknown_doctor"]
    status, out = run("stop", "S-unknown", "--reason", "x")
    assert status == 1
    assert "unknown_session" in out
