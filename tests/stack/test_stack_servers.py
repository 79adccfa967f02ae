"""The private servers: what they hold survives kill -9, and nobody sees another's."""

import shutil
from pathlib import Path

import psycopg
import pymongo
import pytest
import redis
from kombu import Connection, Queue
from stack_fakes import running_with

from stack.process import wait_until
from stack.server import Server, ServersUnavailable
from stack.servers import RELATIONAL, Servers, provide


def plain(url: str) -> str:
    return url.replace("+psycopg", "")


def test_committed_rows_survive_a_kill(servers: Servers, postgres_url: str) -> None:
    with psycopg.connect(plain(postgres_url)) as connection:
        connection.execute("CREATE TABLE t (a int)")
        connection.execute("INSERT INTO t VALUES (1)")
    servers.postgres.kill()
    assert not servers.postgres.ready()
    servers.postgres.restart()
    with psycopg.connect(plain(postgres_url)) as connection:
        assert connection.execute("SELECT a FROM t").fetchall() == [(1,)]


def test_durability_is_not_traded_for_speed(postgres_url: str) -> None:
    with psycopg.connect(plain(postgres_url)) as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            assert connection.execute(f"SHOW {setting}").fetchone() == ("on",)


def test_confirmed_messages_survive_a_kill(servers: Servers, rabbit_url: str) -> None:
    queue = Queue("q", durable=True, queue_arguments={"x-queue-type": "quorum"})
    with Connection(rabbit_url, transport_options={"confirm_publish": True}) as connection:
        producer = connection.Producer()
        producer.publish({"a": 1}, routing_key="q", declare=[queue], delivery_mode=2)
    servers.rabbitmq.settle()
    servers.rabbitmq.kill()
    assert not servers.rabbitmq.ready()
    servers.rabbitmq.restart()
    with Connection(rabbit_url) as connection:
        simple = connection.SimpleQueue(queue)
        assert simple.get(timeout=20).payload == {"a": 1}
        simple.close()


def test_the_broker_can_hash(rabbit_url: str) -> None:
    with Connection(rabbit_url) as connection:
        connection.default_channel.exchange_declare("h", "x-consistent-hash", durable=True, auto_delete=False)


def test_documents_and_counters_survive_a_kill(servers: Servers, mongo_url: str, redis_url: str) -> None:
    with pymongo.MongoClient(mongo_url) as client:
        client.get_default_database()["c"].insert_one({"_id": 1})
    with redis.Redis.from_url(redis_url) as counters:
        counters.incr("n")
    for server in (servers.mongo, servers.redis):
        server.kill()
        server.restart()
    with pymongo.MongoClient(mongo_url) as client:
        assert client.get_default_database()["c"].count_documents({}) == 1


@pytest.mark.parametrize("name", ["postgres", "rabbitmq", "redis", "mongo"])
def test_a_frozen_server_does_not_answer_until_it_thaws(servers: Servers, name: str) -> None:
    server: Server = getattr(servers, name)
    server.pause()
    try:
        assert not server.ready()
    finally:
        server.resume()
    wait_until(server.ready, 10, "thawed")


def test_each_service_has_a_database_that_the_others_cannot_open(servers: Servers) -> None:
    urls = {service: plain(servers.database_url(service)) for service in RELATIONAL}
    for url in urls.values():
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS own (a int)")
    stranger = urls["user-svc"].rpartition("/")[0] + "/booking_svc"
    with pytest.raises(psycopg.OperationalError, match="permission denied"):
        psycopg.connect(stranger)
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(urls["user-svc"].replace("@", "x@"))


def test_realms_do_not_see_each_other(servers: Servers) -> None:
    realm = servers.realm("ra")
    realm.create()
    try:
        with psycopg.connect(plain(realm.database_url("user-svc"))) as connection:
            connection.execute("CREATE TABLE only_here (a int)")
        with psycopg.connect(plain(servers.database_url("user-svc"))) as connection:
            assert connection.execute("SELECT to_regclass('only_here')").fetchone() == (None,)
        with Connection(realm.broker_url) as connection:
            connection.ensure_connection(max_retries=1)
    finally:
        realm.drop()
    with pytest.raises(psycopg.OperationalError, match=r"does not exist|password"):
        psycopg.connect(plain(realm.database_url("user-svc")))


def test_a_directory_serves_one_run_at_a_time(servers: Servers) -> None:
    with pytest.raises(BlockingIOError, match="another run"):
        provide(servers.directory, prefer=("local",)).start()


def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stack.rabbitmq.FOLDERS", ())
    monkeypatch.setattr("stack.server.SYSTEM_FOLDERS", "")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("STACK_SERVERS", "local")
    with pytest.raises(ServersUnavailable, match=r"rabbitmq.* is not installed"):
        provide(tmp_path)


def test_data_stays_from_run_to_run(tmp_path: Path) -> None:
    """Also below a folder that only its owner may enter, where root's PostgreSQL could not follow."""
    tmp_path.chmod(0o700)
    for run in range(2):
        with provide(tmp_path / "data", prefer=("local",)) as own:
            with psycopg.connect(plain(own.database_url("user-svc"))) as connection:
                connection.execute("CREATE TABLE IF NOT EXISTS t (a int)")
                connection.execute("INSERT INTO t VALUES (1)")
                assert connection.execute("SELECT count(*) FROM t").fetchone() == (run + 1,)
            assert running_with(str(tmp_path))
        assert running_with(str(tmp_path)) == {}
    shutil.rmtree(own.postgres.runner.home)  # type: ignore[attr-defined]
