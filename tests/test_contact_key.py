"""A new contact key comes in and the old one goes, as docs/operations.md says: letters reach people all the while, and at the end the
new key alone opens everything that is kept.
"""

import base64
import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import notify_svc.app
import pytest
import sqlalchemy as sa
import user_svc.app
from common.clock import ManualClock
from common.messages import ContactChanged
from common.outbox import Timer
from common.outbox.tables import timers
from common.service import Service
from common.testing import deliver, take_sent
from common.vault import Vault
from notify_svc.channels import Letter, Sent
from notify_svc.usecases.sending import Post
from prometheus_client import REGISTRY
from user_svc import addresses, store
from user_svc.store import told
from user_svc.store.tables import accounts, trail
from user_svc.usecases import contacts, retell

from stack.stores import local_mongo

OLD, NEW = (base64.b64encode(bytes([number]) * 32).decode() for number in (3, 4))
PASSWORD = "correct horse battery"
CHEAP: dict[str, Any] = {"password_time_cost": 1, "password_memory": 8}


@dataclass
class Postman:
    """A carrier of e-mail that keeps to whom it carried."""

    name: str = "smtp"
    channel: Any = "email"
    reached: list[str] = field(default_factory=list)

    def carries(self, kind: str, locale: str) -> bool:
        return True

    def send(self, letter: Letter) -> Sent:
        self.reached.append(letter.to)
        return Sent("ref")

    def find(self, letter: Letter, handed_at: datetime) -> None:
        return None


@dataclass
class World:
    """user-svc and notify-svc with the keys that they were started with last."""

    directory: Path
    mongo: str
    clock: ManualClock
    postman: Postman = field(default_factory=Postman)
    users: Service = field(init=False)
    notify: Service = field(init=False)

    def start(self, keys: str, notify_keys: str = "") -> None:
        self.stop()
        url = f"sqlite:///{self.directory}/user.db"
        self.users = user_svc.app.build(user_svc.app.Settings(database_url=url, contact_key=keys, **CHEAP), self.clock)
        settings = notify_svc.app.Settings(mongo_url=self.mongo, contact_key=notify_keys or keys)
        self.notify = notify_svc.app.build(settings, self.clock)
        self.desk: Post = notify_svc.app.post_of(settings, self.notify.store)  # type: ignore[arg-type]
        self.desk.carriers, self.desk.most = [self.postman], {"smtp": 1000}
        for service in (self.users, self.notify):
            service.migrate()

    def stop(self) -> None:
        if hasattr(self, "users"):
            self.users.database.close()
            self.notify.store.close()

    def join(self, name: str) -> str:
        """Somebody registers, and has proved an e-mail address."""
        body = {"username": name, "password": PASSWORD, "email": f"{name}@example.com"}
        account_id = str(self.users.app.test_client().post("/api/v1/users", json=body).get_json()["id"])
        parts = self.users.parts
        with self.users.database.transaction() as tx:
            to = addresses.address(f"{name}@example.com")
            store.change_account(tx, account_id, contacts.claim(tx, parts, account_id, to))
            contacts.tell(tx, parts, account_id)
        return account_id

    def carry(self) -> list[Any]:
        """What user-svc has sent arrives at notify-svc."""
        messages = take_sent(self.users.database)
        deliver(self.notify, *messages)
        return messages

    def warn(self, account_id: str) -> None:
        """Something is told to somebody."""
        with self.users.database.transaction() as tx:
            contacts.warn(tx, self.users.parts, account_id, "password_changed")
        self.carry()

    def send(self) -> list[str]:
        """What is due goes out; to whom."""
        self.postman.reached.clear()
        for job in self.desk.due("email"):
            job()
        return sorted(self.postman.reached)

    def run(self) -> dict[str, Any]:
        """The job runs once; what it knows then."""
        query = sa.select(timers).where(timers.c.kind == retell.RETELL)
        with self.users.database.reading() as conn:
            row = conn.execute(query).one()
        retell.retell(self.users, Timer(row.kind, row.key, row.due_at, json.loads(row.payload)))
        with self.users.database.reading() as conn:
            known: dict[str, Any] = json.loads(conn.execute(query).one().payload)
        return known

    def to_the_end(self) -> dict[str, Any]:
        for _ in range(100):
            known = self.run()
            if "done" in known:
                return known
        raise AssertionError("the round never ends")

    def sealed_by(self) -> set[str]:
        """The prefixes of the keys by which what notify-svc keeps of addresses is sealed."""
        kept = self.notify.store.contacts.collection.find()  # type: ignore[attr-defined]
        return {document["to_email"][:9] for document in kept if document["to_email"]}


@pytest.fixture(scope="module")
def mongo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = local_mongo(tmp_path_factory.mktemp("mongo"))
    server.start()
    yield f"mongodb://127.0.0.1:{server.port}"
    server.stop()


@pytest.fixture
def world(tmp_path: Path, mongo: str) -> Iterator[World]:
    made = World(tmp_path, f"{mongo}/t{secrets.token_hex(4)}", ManualClock(datetime.now(UTC).replace(microsecond=0)))
    yield made
    made.stop()


def left() -> float | None:
    return REGISTRY.get_sample_value("haoyuan_contacts_told_by_older_keys")


def test_the_whole_rotation(world: World) -> None:
    world.start(OLD)
    people = [world.join(name) for name in ("alice", "berta", "carla")]
    reached = ["alice@example.com", "berta@example.com", "carla@example.com"]
    for account_id in people:
        world.warn(account_id)
    assert world.send()[:1] == reached[:1]
    world.start(f"{OLD},{NEW}")
    assert world.to_the_end()["told"] == 0
    world.start(f"{NEW},{OLD}")
    world.warn(people[0])
    assert world.to_the_end()["told"] == 3
    assert left() == 0.0
    told_again = world.carry()
    assert sorted(m.account_id for m in told_again if isinstance(m, ContactChanged)) == sorted(people)
    with world.users.database.reading() as conn:
        (noted,) = conn.execute(sa.select(trail).where(trail.c.act == "contacts_told")).all()
    assert json.loads(noted.facts) == {"accounts": 3}
    assert world.sealed_by() == {Vault(NEW).prefix}
    world.start(NEW)
    for account_id in people[1:]:
        world.warn(account_id)
    assert world.send() == reached
    assert world.desk.due("email") == []


@pytest.mark.parametrize("keys", [f"{OLD},{NEW}", f"{NEW},{OLD}"])
def test_notify_svc_opens_by_any_of_its_keys_in_any_order(world: World, keys: str) -> None:
    world.start(OLD)
    account_id = world.join("alice")
    world.carry()
    for sealing in (f"{OLD},{NEW}", f"{NEW},{OLD}"):
        world.start(sealing, keys)
        world.to_the_end()
        world.warn(account_id)
        assert "alice@example.com" in world.send()


class Killed(BaseException):
    """As kill -9: nothing catches it."""


def test_a_kill_at_any_moment_leaves_nobody_out_and_tells_nobody_twice(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.start(OLD)
    people = [world.join(name) for name in ("alice", "berta", "carla")]
    take_sent(world.users.database)
    world.start(f"{NEW},{OLD}")
    real: Callable[..., Any] = contacts.tell
    survived = 0

    def killed(*given: Any) -> None:
        nonlocal survived
        real(*given)
        survived -= 1
        if survived < 0:
            raise Killed

    monkeypatch.setattr(retell, "tell", killed)
    for remaining in (3, 2, 1):
        with pytest.raises(Killed):
            world.to_the_end()
        with world.users.database.reading() as conn:
            assert told.count_told_by_others(conn, Vault(NEW).prefix) == remaining
        survived = 1
    assert world.to_the_end()["left"] == 0
    assert sorted(m.account_id for m in take_sent(world.users.database)) == sorted(people)


def test_who_has_no_proved_address_or_has_gone_is_not_told(world: World) -> None:
    world.start(OLD)
    gone = world.join("alice")
    body = {"username": "bob", "password": PASSWORD, "email": "bob@example.com"}
    assert world.users.app.test_client().post("/api/v1/users", json=body).status_code == 201
    with world.users.database.transaction() as tx:
        tx.conn.execute(sa.update(accounts).where(accounts.c.id == gone).values(deleted_at=tx.now))
    take_sent(world.users.database)
    world.start(f"{NEW},{OLD}")
    assert world.to_the_end()["told"] == 0
    assert take_sent(world.users.database) == []


def test_what_an_older_process_tells_meanwhile_is_found_the_next_round(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retell, "AT_ONCE", 1)
    world.start(OLD)
    world.join("alice")
    world.start(f"{NEW},{OLD}")
    assert "done" not in world.run()
    done = world.to_the_end()
    world.start(f"{OLD},{NEW}")
    world.join("berta")  # of a process that has not been started anew
    world.start(f"{NEW},{OLD}")
    assert world.run() == done, "nothing is new, and the round is not due"
    world.clock.advance(retell.ROUND + timedelta(seconds=1))
    assert world.to_the_end()["told"] == 1
    world.carry()
    assert world.sealed_by() == {Vault(NEW).prefix}


def test_what_cannot_be_opened_is_left_and_said(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    world.start(OLD)
    alice = world.join("alice")
    with world.users.database.transaction() as tx:
        broken = sa.update(accounts).where(accounts.c.id == alice)
        tx.conn.execute(broken.values(email_sealed="00000000.AAAA"))
    world.start(f"{NEW},{OLD}")
    monkeypatch.setattr(retell.log, "warning", lambda event, **more: said.append(more["account_id"]))
    assert world.to_the_end()["left"] == 1
    assert (said, left()) == ([alice], 1.0)
