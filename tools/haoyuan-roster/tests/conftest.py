"""Fixtures for the tests on a real RabbitMQ."""

from urllib.parse import urlsplit

import pytest
from haoyuan_roster.cli import main
from roster_tool_broker import Broker, Wire, add_hospitals
from roster_tool_rig import csv_text


@pytest.fixture(scope="module")
def _hospitals(servers, rabbit_url):
    remove = add_hospitals(servers.rabbitmq.ctl, urlsplit(rabbit_url).path.lstrip("/"))
    yield
    remove()


@pytest.fixture
def broker(rabbit_url, _hospitals):
    broker = Broker(rabbit_url)
    yield broker
    broker.close()


@pytest.fixture
def wire(rabbit_url):
    where = urlsplit(rabbit_url)
    wire = Wire(where.hostname, where.port)
    yield wire
    wire.close()


@pytest.fixture
def run(broker, tmp_path, monkeypatch, capsys):
    """Run the command as eastgate; answers its exit status, and what it said on both streams."""
    monkeypatch.setenv("HAOYUAN_ROSTER_URL", broker.url("eastgate"))
    monkeypatch.setenv("HAOYUAN_ROSTER_HOSPITAL", "eastgate")
    monkeypatch.setenv("HAOYUAN_ROSTER_LEDGER", str(tmp_path / "versions.db"))

    def run(*arguments):
        status = main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


@pytest.fixture
def roster(tmp_path):
    """A CSV roster of a doctor's week, five sessions."""
    path = tmp_path / "roster.csv"
    path.write_text(csv_text({}), encoding="utf-8")
    return path
